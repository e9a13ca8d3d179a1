package repo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// rowDiffs makes the changes of the transaction at a position readable by the
// versions that were in force then; rows of system contracts are left out.
func (l layouts) rowDiffs(position int, changes []sqlcontract.RowChange) ([]RowDiff, error) {
	var diffs []RowDiff
	tables := remember(func(contract, table string) (before, after *sqlcontract.Table, err error) {
		return l.tables(contract, table, position)
	})
	for _, c := range changes {
		list, err := rowDiff(tables, c.Key, c.Old, c.New)
		if err != nil {
			return nil, err
		}
		diffs = append(diffs, list...)
	}
	return diffs, nil
}

// rowDiff reads one row by the layouts of both sides: none for a row of a system
// contract, two (gone, and new) where the two sides name its key differently.
func rowDiff(tables bothSides, key, old, new []byte) ([]RowDiff, error) {
	tuple, err := wire.DecodeKey(key)
	if err != nil || len(tuple) < 3 {
		return nil, fmt.Errorf("a state key cannot be read: %w", err)
	}
	name, _ := tuple[0].(string)
	table, _ := tuple[1].(string)
	if strings.HasPrefix(name, "aergo_") {
		return nil, nil
	}
	before, after, err := tables(name, table)
	if err != nil {
		return nil, err
	}
	switch {
	case len(old) == 0:
		before = after
	case len(new) == 0:
		after = before
	}
	if before == nil || after == nil || len(before.Key) != len(tuple)-2 || len(after.Key) != len(tuple)-2 {
		return nil, fmt.Errorf("contract %s has no table %s for a row in the state", name, table)
	}
	switch {
	case before == after:
	case extends(after, before):
		before = after
	case extends(before, after):
		after = before
	}
	d := RowDiff{Contract: name, Table: table, Key: tuple[2:], Columns: columnsOf(after)}
	if d.Old, err = cells(before, d.Key, old); err != nil {
		return nil, err
	}
	if d.New, err = cells(after, d.Key, new); err != nil {
		return nil, err
	}
	switch {
	case before == after:
		return []RowDiff{d}, nil
	case sameKey(before, after):
		d.align(columnsOf(before))
		return []RowDiff{d}, nil
	}
	gone := d
	gone.Columns, gone.New, d.Old = columnsOf(before), nil, nil
	return []RowDiff{gone, d}, nil
}

// align gives both sides the same columns: those of New, and behind them those
// that only Old has. What a side's version does not have is nil there.
func (d *RowDiff) align(old []string) {
	columns := slices.Clone(d.Columns)
	for _, name := range old {
		if !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	spread := func(names []string, row []any) []any {
		wide := make([]any, len(columns))
		for i, name := range names {
			wide[slices.Index(columns, name)] = row[i]
		}
		return wide
	}
	d.Old, d.New = spread(old, d.Old), spread(d.Columns, d.New)
	d.Columns = columns
}

// cells gives a row's values in the order of RowDiff.Columns, trailing defaults
// filled in; nil where there is no row.
func cells(t *sqlcontract.Table, key []any, value []byte) ([]any, error) {
	if len(value) == 0 {
		return nil, nil
	}
	stored, err := wire.DecodeRow(value)
	if err != nil {
		return nil, fmt.Errorf("a row of %s: %w", t.Name, err)
	}
	if len(stored) > len(t.Values) {
		return nil, fmt.Errorf("a row of %s has %d cells, its table has %d columns", t.Name, len(stored), len(t.Values))
	}
	row := append(append(make([]any, 0, len(key)+len(t.Values)), key...), stored...)
	for _, i := range t.Values[len(stored):] {
		row = append(row, t.Columns[i].Default)
	}
	return row, nil
}
