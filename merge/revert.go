package merge

import (
	"errors"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// A Reverted row is one that a revert takes back, or why it cannot.
type Reverted struct {
	Row                        // Base is what the reverted made of it, Theirs what it was before
	Patch sqlcontract.PatchRow // empty where Row has conflicts
}

// Revert computes how changes are taken back, cell by cell, three-way: the base
// is what they made of a cell, theirs what it was before, ours what it is now. A
// cell that still is what they made of it becomes what it was. In a column with
// the rule DELTA the difference is taken back instead, where it fits 64 bits.
// Everything else was changed since and is a conflict; a row that came or went
// is one as a whole.
//
// changes are in order of key and of no system contract; get reads the state as
// it is now, contract and rule what is in force now.
func Revert(changes []sqlcontract.RowChange, get func(key []byte) ([]byte, bool, error),
	contract func(name string) (*sqlcontract.Contract, error), rule func(contract, table, column string) (Rule, error)) ([]Reverted, error) {

	var list []Reverted
	for _, c := range changes {
		name, table, err := tableOf(c.Key)
		if err != nil {
			return nil, err
		}
		in, err := contract(name)
		if err != nil {
			return nil, err
		}
		l := &layout{contract: name, Table: in.Table(table)}
		if l.Table == nil {
			return nil, fault.New("AG0724", "Call what puts it right.", "contract %s has no table %s any more", name, table)
		}
		now, _, err := get(c.Key)
		if err != nil {
			return nil, err
		}
		r := Reverted{Row: Row{Key: c.Key, Contract: name, Table: l.Table}}
		var errs [3]error
		r.Theirs, errs[0] = l.row(c.Old)
		r.Base, errs[1] = l.row(c.New)
		r.Ours, errs[2] = l.row(now)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		delta := func(column int) (bool, error) {
			by, err := rule(name, table, l.Columns[l.Values[column]].Name)
			return by.By == "DELTA", err
		}
		if err := r.compute(l, delta); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// compute fills in the patch, or the conflicts.
func (r *Reverted) compute(l *layout, delta func(column int) (bool, error)) error {
	r.Patch = sqlcontract.PatchRow{Key: r.Key, Op: sqlcontract.RowUpdate}
	conflict := func(kind Kind, column int) { r.Conflicts = append(r.Conflicts, Conflict{kind, column}) }
	switch {
	case r.Base == nil || r.Theirs == nil:
		if !equalRow(r.Base, r.Ours) {
			conflict(KindRow, WholeRow)
			break
		}
		r.Patch.Op, r.Merged = sqlcontract.RowInsert, r.Theirs
		row := r.Theirs
		if r.Theirs == nil {
			r.Patch.Op, row = sqlcontract.RowDelete, r.Base
		}
		for i, v := range row {
			if r.Theirs == nil {
				r.set(l, i, v, nil)
			} else {
				r.set(l, i, nil, v)
			}
		}
	case r.Ours == nil:
		conflict(KindRow, WholeRow)
	default:
		r.Merged = slices.Clone(r.Ours)
		for i, was := range r.Base {
			if equalCell(was, r.Theirs[i]) {
				continue
			}
			if equalCell(was, r.Ours[i]) {
				r.Merged[i] = r.Theirs[i]
				r.set(l, i, r.Ours[i], r.Theirs[i])
				continue
			}
			by, err := delta(i)
			if err != nil {
				return err
			}
			before, ok1 := r.Theirs[i].(int64)
			after, ok2 := was.(int64)
			now, ok3 := r.Ours[i].(int64)
			if !by || !ok1 || !ok2 || !ok3 {
				conflict(KindCell, i)
				continue
			}
			sum, ok := addExact(now, before, after)
			if !ok {
				conflict(KindOverflow, i)
				continue
			}
			r.Merged[i] = sum
			r.set(l, i, now, sum)
		}
	}
	if len(r.Conflicts) > 0 {
		r.Patch, r.Merged = sqlcontract.PatchRow{}, r.Ours
		return nil
	}
	slices.SortFunc(r.Patch.Cells, func(a, b sqlcontract.PatchCell) int { return strings.Compare(a.Column, b.Column) })
	return nil
}

func (r *Reverted) set(l *layout, column int, old, new any) {
	r.Patch.Cells = append(r.Patch.Cells, sqlcontract.PatchCell{Column: l.Columns[l.Values[column]].Name, Old: old, New: new})
}
