package merge

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// threeWay is what a consistent merge is computed from. The result depends on it
// alone.
type threeWay struct {
	Bases        []objectstore.Hash // merge bases, ascending by id
	Ours, Theirs *prolly.Map

	State    func(block objectstore.Hash) (*prolly.Map, error)
	BasesOf  func(a, b objectstore.Hash) ([]objectstore.Hash, error)
	Contract func(name string) (*sqlcontract.Contract, error) // in force on the target; AG0401 if none
	Rules    func(contract, table, column string) (Rule, bool, error)
	// Action runs a USING ACTION rule; ok is false where the action fails.
	Action func(contract, action string, base, ours, theirs any) (v any, ok bool, err error)

	// Twice and Denied hold what the change sets say: cells that one transaction
	// wrote on both sides, and cells whose writer may not write on the target.
	Twice, Denied Cells

	Choices []Choice // of people, for conflicts
}

// Cells is a set of cells by state key and column (index into the value cells,
// or WholeRow where the row came or went).
type Cells map[string]map[int]bool

// Add notes the cells in which two forms of a row differ; nil is no row.
func (c Cells) Add(key []byte, old, new []any) {
	columns := c[string(key)]
	if columns == nil {
		columns = map[int]bool{}
		c[string(key)] = columns
	}
	if old == nil || new == nil {
		columns[WholeRow] = true
	}
	for i := range max(len(old), len(new)) {
		if i >= len(old) || i >= len(new) || !equalCell(old[i], new[i]) {
			columns[i] = true
		}
	}
}

// A Row is one row that a consistent merge touches: changed on either side since
// the bases, or in conflict.
type Row struct {
	Key                        []byte // in the state map
	Contract                   string
	Table                      *sqlcontract.Table
	Base, Ours, Theirs, Merged []any  // value cells, in the order of Table.Values; nil: no row
	Unknown                    []bool // cells of Base that the merge bases disagree about, all if about the row itself; nil: none
	Conflicts                  []Conflict
}

// each computes the merge and gives each row that it touches, in key order.
// System contracts are left out: their transactions are replayed. It gives the
// Choices that settle no conflict.
func (m *threeWay) each(ctx context.Context, fn func(Row) error) (unused []Choice, err error) {
	tables := map[string]*layout{}
	table := func(key []byte) (*layout, error) { return m.table(tables, key) }
	joined, err := (&joiner{state: m.State, bases: m.BasesOf, table: table}).join(m.Bases)
	if err != nil {
		return nil, err
	}
	chosen := indexChoices(m.Choices)
	emit := func(key, base, ours, theirs []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, err := table(key)
		if l == nil || err != nil {
			return err
		}
		r, err := m.row(l, joined, key, base, ours, theirs)
		if err != nil {
			return err
		}
		if err := chosen.settle(&r, l); err != nil {
			return err
		}
		return fn(r)
	}
	// Rows of the join that neither side changed as seen from the first base, and
	// special ones that are on both sides what they were, are not met by the walk;
	// they are slipped in where they belong.
	over := slices.AppendSeq(slices.Collect(maps.Keys(joined.over)), maps.Keys(m.Twice))
	over = slices.AppendSeq(over, maps.Keys(m.Denied))
	slices.Sort(over)
	over = slices.Compact(over)
	slip := func(until []byte) error {
		for len(over) > 0 && (until == nil || over[0] < string(until)) {
			key := []byte(over[0])
			over = over[1:]
			base, _, err := joined.Get(key)
			if err != nil {
				return err
			}
			if err := emit(key, base, base, base); err != nil {
				return err
			}
		}
		if len(over) > 0 && until != nil && over[0] == string(until) {
			over = over[1:]
		}
		return nil
	}
	err = prolly.Walk3(joined.Map, m.Ours, m.Theirs, func(key, base, ours, theirs []byte) error {
		if err := slip(key); err != nil {
			return err
		}
		return emit(key, base, ours, theirs)
	})
	if err == nil {
		err = slip(nil)
	}
	return chosen.unused(m.Choices), err
}

// Change gives the row as a change of ours; ok is false if it stays as it is.
func (r Row) Change() (c sqlcontract.RowChange, ok bool, err error) {
	if equalRow(r.Ours, r.Merged) {
		return c, false, nil
	}
	l := layout{Table: r.Table}
	old, err1 := l.value(r.Ours)
	new, err2 := l.value(r.Merged)
	return sqlcontract.RowChange{Key: r.Key, Old: old, New: new}, true, errors.Join(err1, err2)
}

// table gives the layout of a key's table; nil for what is not merged by cell.
func (m *threeWay) table(known map[string]*layout, key []byte) (*layout, error) {
	contract, table, err := tableOf(key)
	if err != nil || isSystem(contract) {
		return nil, err
	}
	name := contract + "." + table
	if l, ok := known[name]; ok {
		return l, nil
	}
	c, err := m.Contract(contract)
	if f := fault.Of(err); f != nil && f.ID == "AG0401" {
		return nil, fault.New("AG0713", "Deploy it here, or merge automatically: aergo merge SRC",
			"the source has rows of contract %s, which the target has not: its deploy is not permitted here, or was excluded", contract)
	}
	if err != nil {
		return nil, err
	}
	t := c.Table(table)
	if t == nil {
		return nil, fault.New("AG0713", "Deploy the same version on both branches first, or merge automatically: aergo merge SRC",
			"the target's contract %s has no table %s, the source has rows in it", contract, table)
	}
	l := &layout{contract: contract, Table: t}
	l.rules.fits = l.fits
	whole, _, err := m.Rules(contract, table, "")
	if err != nil {
		return nil, err
	}
	l.rules.whole = whole
	for _, i := range t.Values {
		rule, ok, err := m.Rules(contract, table, t.Columns[i].Name)
		if err != nil {
			return nil, err
		}
		if !ok {
			rule = whole
		}
		l.rules.column = append(l.rules.column, rule)
	}
	known[name] = l
	return l, nil
}

// row merges one row.
func (m *threeWay) row(l *layout, joined base, key, base, ours, theirs []byte) (Row, error) {
	r := Row{Key: bytes.Clone(key), Contract: l.contract, Table: l.Table}
	was, err := joined.row(key, base, l)
	if err != nil {
		return r, err
	}
	var err2 error
	r.Ours, err = l.row(ours)
	r.Theirs, err2 = l.row(theirs)
	if err := errors.Join(err, err2); err != nil {
		return r, err
	}
	share(r.Ours, was.cells)
	share(r.Theirs, was.cells)
	share(r.Theirs, r.Ours)
	r.Base, r.Unknown = was.cells, was.unknown
	if was.lost {
		r.Unknown = slices.Repeat([]bool{true}, len(l.Values))
	}
	run := func(action string, c Cell) (any, bool, error) {
		return m.Action(l.contract, action, c.Base, c.Ours, c.Theirs)
	}
	r.Merged, r.Conflicts, err = mergeRow(was, r.Ours, r.Theirs, l.rules, m.special(key), run)
	return r, err
}

// share lets equal cells of two forms of a row be one: a merge keeps all rows
// that it touches.
func share(row, like []any) {
	for i := range min(len(row), len(like)) {
		if equalCell(row[i], like[i]) {
			row[i] = like[i]
		}
	}
}

// special gives what is unusual about the cells of a row, or nil.
func (m *threeWay) special(key []byte) func(column int) Kind {
	twice, denied := m.Twice[string(key)], m.Denied[string(key)]
	if twice == nil && denied == nil {
		return nil
	}
	return func(column int) Kind {
		switch {
		case denied[column]:
			return KindDenied
		case twice[column]:
			return KindTwice
		}
		return ""
	}
}
