package sqlcontract

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// RevertRows computes what a revert changes on a state, of which get reads
// entries. It fails with AG0501 where the account has not the right for it, and
// with AG0401 or AG0436 where the contract, table or an expected value is not
// there.
func (e *Engine) RevertRows(get func(key []byte) (value []byte, ok bool, err error), account objectstore.Account, rows []PatchRow) ([]RowChange, error) {
	find := func(name string) (*Contract, error) {
		d, err := (&Tree{engine: e}).find(get, name)
		if d == nil || err != nil {
			return nil, err
		}
		return d.contract, nil
	}
	p := revert{find: find, get: get}
	if err := p.permit(account, rows); err != nil {
		return nil, err
	}
	changes, err := p.changes(rows)
	var f *failure
	if errors.As(err, &f) {
		return nil, fault.New(f.code, "", "%s", Explain(Receipt{Status: StatusFailed, Code: f.code, Text: f.text}))
	}
	return changes, err
}

// revert computes the rows of a revert on a state.
type revert struct {
	find func(name string) (*Contract, error) // nil: there is none
	get  func(key []byte) (value []byte, ok bool, err error)
}

// permit asks for the right on each column that the rows set; who makes or
// deletes a row sets all of them, and the row.
func (p revert) permit(account objectstore.Account, rows []PatchRow) error {
	asked := map[[3]string]bool{}
	for _, r := range rows {
		contract, table, err := relationOf(r.Key)
		if err != nil {
			return err
		}
		var columns []string
		for _, c := range r.Cells {
			columns = append(columns, c.Column)
		}
		if r.Op != RowUpdate {
			columns = append(columns, "")
			c, err := p.find(contract)
			if err != nil {
				return err
			}
			if c != nil {
				if t := c.Table(table); t != nil {
					for _, i := range t.Values {
						columns = append(columns, t.Columns[i].Name)
					}
				}
			}
		}
		for _, column := range columns {
			name := [3]string{contract, table, column}
			if asked[name] {
				continue
			}
			asked[name] = true
			ok, err := MaySet(p.get, contract, table, column, account)
			if err != nil {
				return err
			}
			if !ok {
				what := contract + "." + table
				if column != "" {
					what += "." + column
				}
				return fault.New("AG0501", "Have the contract's owner revert it, or who holds a role of its RESOLVE ROLE.",
					"%s may not set %s to a value of its own", account, what)
			}
		}
	}
	return nil
}

// changes gives the rows as they are and as they become. A *failure says why
// they do not fit.
func (p revert) changes(rows []PatchRow) ([]RowChange, error) {
	var list []RowChange
	for _, r := range rows {
		contract, table, err := relationOf(r.Key)
		if err != nil {
			return nil, err
		}
		c, err := p.find(contract)
		if err != nil {
			return nil, err
		}
		if c == nil || c.Table(table) == nil {
			return nil, fail("AG0401", contract+"."+table)
		}
		l := newLayout(contract, c.Table(table))
		old, _, err := p.get(r.Key)
		if err != nil {
			return nil, err
		}
		change := RowChange{Key: r.Key, Old: old}
		if change.New, err = l.patched(r, old); err != nil {
			return nil, err
		}
		list = append(list, change)
	}
	return list, nil
}

// patched gives the new value of a row, nil where it is deleted.
func (l *layout) patched(r PatchRow, old []byte) ([]byte, error) {
	stale := fail("AG0436", l.contract+"."+l.Name)
	if (r.Op == RowInsert) != (old == nil) {
		return nil, stale
	}
	if !l.hasKey(r.Key) {
		return nil, fail("AG0416", l.Name)
	}
	k, err := wire.DecodeKey(r.Key[len(l.prefix):])
	if err != nil {
		return nil, err
	}
	for i, c := range l.Key {
		if !fits(k[i], l.Columns[c].Type) {
			return nil, fail("AG0416", l.Name+"."+l.Columns[c].Name)
		}
	}
	row := make([]any, len(l.Columns)) // by column; the key's are not looked at
	for _, c := range l.Values {
		row[c] = l.Columns[c].Default
	}
	if old != nil {
		if row, err = l.cells(r.Key, old); err != nil {
			return nil, err
		}
	}
	named := map[int]bool{}
	for _, cell := range r.Cells {
		i := l.valueColumn(cell.Column)
		switch {
		case i < 0:
			return nil, fail("AG0401", l.contract+"."+l.Name+"."+cell.Column)
		case r.Op != RowInsert && !equalCells(row[i], cell.Old):
			return nil, stale
		case r.Op != RowDelete && cell.New != nil && !fits(cell.New, l.Columns[i].Type):
			return nil, fail("AG0416", l.Name+"."+cell.Column)
		}
		named[i] = true
		row[i] = cell.New
	}
	if r.Op == RowDelete {
		for _, i := range l.Values {
			if !named[i] && !equalCells(row[i], l.Columns[i].Default) {
				return nil, stale
			}
		}
		return nil, nil
	}
	cells := make([]any, len(l.Values))
	for i, c := range l.Values {
		cells[i] = row[c]
	}
	value, err := l.appendValue(nil, cells)
	if err == nil && len(value) > maxRowValue {
		err = fail("AG0421", l.Name)
	}
	return value, err
}

// valueColumn is the index of a column that a row's value holds, or -1.
func (l *layout) valueColumn(name string) int {
	for _, i := range l.Values {
		if l.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// mayRevert refuses a revert whose signer has not the right for it here.
func (s *Session) mayRevert(tx VerifiedTransaction) error {
	rows, _, err := PatchOf(tx.args)
	if err != nil {
		return err
	}
	return s.reverting().permit(tx.header.Account, rows)
}

// reverting computes on the rows of the session.
func (s *Session) reverting() revert {
	return revert{get: s.get, find: func(name string) (*Contract, error) {
		d, err := s.find(name)
		if d == nil || err != nil {
			return nil, err
		}
		return d.contract, nil
	}}
}

// revert runs a revert. What it changes is in the session's capture; the caller
// checks the INVARIANTs on it, as for a call.
func (s *Session) revert(r *run, tx VerifiedTransaction) error {
	if err := s.preconditions(tx); err != nil {
		return err
	}
	patchRows, _, err := PatchOf(tx.args)
	if err != nil {
		return err
	}
	rows, err := s.reverting().changes(patchRows)
	if err != nil {
		return err
	}
	p := patch{s: s}
	for _, row := range rows {
		r.meter.add(gasRowWritten + uint64(len(row.Key)+len(row.New))*gasByteWritten)
		p.touched = append(p.touched, row.Key) // ascending
	}
	if r.meter.over() {
		return fail("AG0420", "")
	}
	for len(rows) > 0 {
		name, _, err := relationOf(rows[0].Key)
		if err != nil {
			return err
		}
		n := 0
		for n < len(rows) && bytes.HasPrefix(rows[n].Key, contractPrefix(name)) {
			n++
		}
		d, err := s.find(name)
		if err != nil {
			return err
		}
		if r.place, err = r.enter(d); err != nil {
			return err
		}
		if err := p.revert(r, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// revert writes the rows of one contract and checks what a row can break.
func (p *patch) revert(r *run, rows []RowChange) error {
	db := r.db
	if err := db.mark(); err != nil {
		return err
	}
	if err := p.write(db, rows); err != nil {
		return err
	}
	gone := map[*layout]bool{} // tables in which rows were deleted or changed
	for _, row := range rows {
		for _, l := range db.plain {
			if row.Old != nil && bytes.HasPrefix(row.Key, l.prefix) {
				gone[l] = true
			}
		}
		p.s.capture.record("", row.Key, row.Old, row.New)
	}
	for _, l := range db.plain {
		if err := errors.Join(p.references(db, l), p.orphans(r, l, gone)); err != nil {
			return err
		}
	}
	if len(p.found) > 0 {
		p.s.violations = p.found
		return fail(p.found[0].Code, p.found[0].Text)
	}
	return nil
}

// orphans looks for rows of a table that have lost their parent with the rows
// that a revert deletes or changes. It reads the whole table, and charges for it.
func (p *patch) orphans(r *run, l *layout, gone map[*layout]bool) error {
	keys, err := r.db.parentKeys(l)
	if err != nil {
		return err
	}
	var names []string
	for _, i := range l.Key {
		names = append(names, "child."+quoteName(l.Columns[i].Name))
	}
	for _, k := range keys {
		if !gone[k.parent] {
			continue
		}
		st, err := r.db.prepareOwn("SELECT " + k.missing + ", " + strings.Join(names, ", ") + " FROM " + quoteName(l.Name) + " AS child WHERE " + k.set + " ORDER BY " + strings.Join(names, ", "))
		if err != nil {
			return err
		}
		for {
			row, err := st.Step()
			if err == nil && row {
				if r.meter.add(gasRowRead); r.meter.over() {
					err = fail("AG0420", "")
				}
			}
			if err != nil || !row {
				if err := errors.Join(err, st.Finalize()); err != nil {
					return err
				}
				break
			}
			if st.ColumnInt64(0) == 0 {
				continue
			}
			key := bytes.Clone(l.prefix)
			for i := range l.Key {
				if key, err = wire.AppendKey(key, st.Column(i+1)); err != nil {
					return errors.Join(err, st.Finalize())
				}
			}
			if _, known := slices.BinarySearchFunc(p.touched, key, bytes.Compare); !known { // else found already
				p.violated("AG0414", l.Name, l, key)
			}
		}
	}
	return nil
}

// Violations gives the declarations that the last transaction, a revert, would
// have broken; nil where it broke none.
func (s *Session) Violations() []Violation {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	return s.violations
}
