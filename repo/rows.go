package repo

import (
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// layouts finds how a contract's rows are laid out.
type layouts interface {
	Contract(name string) (*sqlcontract.Contract, objectstore.Account, int, error)
}

// rowDiffs makes changes readable by the schema that is in force; rows of
// system contracts are left out.
func (r *Repository) rowDiffs(at layouts, changes []sqlcontract.RowChange) ([]RowDiff, error) {
	var diffs []RowDiff
	for _, c := range changes {
		d, ok, err := rowDiff(at, c.Key, c.Old, c.New)
		if err != nil {
			return nil, err
		}
		if ok {
			diffs = append(diffs, d)
		}
	}
	return diffs, nil
}

// rowDiff reads one row; ok is false for a row of a system contract.
func rowDiff(at layouts, key, old, new []byte) (d RowDiff, ok bool, err error) {
	tuple, err := wire.DecodeKey(key)
	if err != nil || len(tuple) < 3 {
		return RowDiff{}, false, fmt.Errorf("a state key cannot be read: %w", err)
	}
	name, _ := tuple[0].(string)
	table, _ := tuple[1].(string)
	if strings.HasPrefix(name, "aergo_") {
		return RowDiff{}, false, nil
	}
	contract, _, _, err := at.Contract(name)
	if err != nil {
		return RowDiff{}, false, err
	}
	t := contract.Table(table)
	if t == nil || len(t.Key) != len(tuple)-2 {
		return RowDiff{}, false, fmt.Errorf("contract %s has no table %s for a row in the state", name, table)
	}
	d = RowDiff{Contract: name, Table: table, Key: tuple[2:]}
	for _, i := range t.Key {
		d.Columns = append(d.Columns, t.Columns[i].Name)
	}
	for _, i := range t.Values {
		d.Columns = append(d.Columns, t.Columns[i].Name)
	}
	if d.Old, err = cells(t, d.Key, old); err != nil {
		return RowDiff{}, false, err
	}
	d.New, err = cells(t, d.Key, new)
	return d, true, err
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
