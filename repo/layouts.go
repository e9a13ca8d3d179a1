package repo

import (
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// How a row is laid out is said by the version of its contract that was in force
// when it was written. A deploy with a MIGRATION lays rows out anew, so the two
// sides of one change can be of two versions.

// contracts is a state that knows its contracts: a tree, or a session.
type contracts interface {
	Contract(name string) (c *sqlcontract.Contract, owner objectstore.Account, version int, err error)
	Deployed(name string, number int) (*sqlcontract.Contract, error)
}

// deploys are those among a block's transactions, in order.
type deploys []deployAt

type deployAt struct {
	sqlcontract.Deployment
	position int
}

func deploysIn(groups map[int][]sqlcontract.RowChange) (deploys, error) {
	var list deploys
	for position, rows := range groups {
		d, ok, err := sqlcontract.DeploymentIn(rows)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, deployAt{d, position})
		}
	}
	slices.SortFunc(list, func(a, b deployAt) int { return a.position - b.position })
	return list, nil
}

// around gives the versions of a contract before and after the transaction at a
// position, when version last is in force after all of them.
func (list deploys) around(contract string, last, position int) (before, after int) {
	after = last
	for _, d := range slices.Backward(list) {
		switch {
		case d.Contract != contract:
		case d.position > position:
			after = d.Before
		case d.position == position:
			return d.Before, d.After
		}
	}
	return after, after
}

// layouts finds the tables of a block's rows: state is the one after all of its
// transactions.
type layouts struct {
	state contracts
	deploys
}

func layoutsOf(state contracts, groups map[int][]sqlcontract.RowChange) (layouts, error) {
	list, err := deploysIn(groups)
	return layouts{state, list}, err
}

// tables gives a table as it was before and after the transaction at a position,
// nil where there was none.
func (l layouts) tables(contract, table string, position int) (before, after *sqlcontract.Table, err error) {
	c, _, last, err := l.state.Contract(contract)
	if err != nil {
		return nil, nil, err
	}
	at := func(number int) (*sqlcontract.Table, error) {
		switch number {
		case last:
			return c.Table(table), nil
		case 0:
			return nil, nil
		}
		earlier, err := l.state.Deployed(contract, number)
		if err != nil {
			return nil, err
		}
		return earlier.Table(table), nil
	}
	b, a := l.around(contract, last, position)
	if before, err = at(b); err != nil {
		return nil, nil, err
	}
	after, err = at(a)
	return before, after, err
}

// bothSides gives a table as it is on either side of a change; nil where there
// is none.
type bothSides func(contract, table string) (before, after *sqlcontract.Table, err error)

// remember asks find once for each table.
func remember(find bothSides) bothSides {
	type sides struct{ before, after *sqlcontract.Table }
	known := map[[2]string]sides{}
	return func(contract, table string) (before, after *sqlcontract.Table, err error) {
		name := [2]string{contract, table}
		s, ok := known[name]
		if !ok {
			if s.before, s.after, err = find(contract, table); err != nil {
				return nil, nil, err
			}
			known[name] = s
		}
		return s.before, s.after, nil
	}
}

// tableIn finds a table of a state; nil where there is none.
func tableIn(state contracts, contract, table string) (*sqlcontract.Table, error) {
	c, _, _, err := state.Contract(contract)
	if fault.Is(err, "AG0401") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.Table(table), nil
}

// columnsOf names the columns of a row: the key's, then the others that are
// stored.
func columnsOf(t *sqlcontract.Table) []string {
	names := make([]string, 0, len(t.Key)+len(t.Values))
	for _, i := range slices.Concat(t.Key, t.Values) {
		names = append(names, t.Columns[i].Name)
	}
	return names
}

// appendLean appends rows that share what they have in common, since a merge
// gives a hundred thousand of them: the names with the row before, cells that did
// not change between old and new.
func appendLean(list, more []RowDiff) []RowDiff {
	for _, d := range more {
		if n := len(list); n > 0 && slices.Equal(list[n-1].Columns, d.Columns) {
			d.Columns = list[n-1].Columns
		}
		for i := range min(len(d.Old), len(d.New)) {
			if _, blob := d.New[i].([]byte); !blob && d.Old[i] == d.New[i] {
				d.New[i] = d.Old[i]
			}
		}
		list = append(list, d)
	}
	return list
}

// sameKey tells whether both tables have the same key columns.
func sameKey(a, b *sqlcontract.Table) bool {
	x, y := columnsOf(a)[:len(a.Key)], columnsOf(b)[:len(b.Key)]
	return slices.Equal(x, y)
}

// extends tells whether b is a with more columns behind: then it reads the rows
// of a, too, with a default in each new column.
func extends(b, a *sqlcontract.Table) bool {
	x, y := columnsOf(a), columnsOf(b)
	if !sameKey(a, b) || len(x) > len(y) || !slices.Equal(x, y[:len(x)]) {
		return false
	}
	for i, v := range a.Values {
		m, n := a.Columns[v], b.Columns[b.Values[i]]
		if m.Type != n.Type || fmt.Sprint(m.Default) != fmt.Sprint(n.Default) {
			return false
		}
	}
	return true
}
