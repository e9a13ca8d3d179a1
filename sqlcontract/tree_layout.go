package sqlcontract

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// layout maps the rows of one table to entries of the state map and back.
type layout struct {
	*Table
	contract string
	prefix   []byte // of every key: (contract, table)
}

func newLayout(contract string, t *Table) *layout {
	return &layout{Table: t, contract: contract, prefix: tablePrefix(contract, t.Name)}
}

// tablePrefix begins the keys of a table. Names are at most 63 bytes, so it
// cannot fail.
func tablePrefix(contract, table string) []byte {
	b, err := wire.AppendKey(nil, contract, table)
	if err != nil {
		return nil
	}
	return b
}

// contractPrefix begins the keys of all tables of a contract.
func contractPrefix(contract string) []byte {
	b, err := wire.AppendKey(nil, contract)
	if err != nil {
		return nil
	}
	return b
}

// appendValue appends the row value of cells in the order of Values, without
// trailing cells that equal their column's default.
func (l *layout) appendValue(dst []byte, cells []any) ([]byte, error) {
	n := len(cells)
	for n > 0 && equalCells(cells[n-1], l.Columns[l.Values[n-1]].Default) {
		n--
	}
	return wire.AppendRow(dst, cells[:n])
}

// cells gives all columns of a row but the generated ones, by column index.
func (l *layout) cells(key, value []byte) ([]any, error) {
	row := make([]any, len(l.Columns))
	k, err := wire.DecodeKey(key[len(l.prefix):])
	if err != nil {
		return nil, err
	}
	v, err := wire.DecodeRow(value)
	if err != nil {
		return nil, err
	}
	if len(k) != len(l.Key) || len(v) > len(l.Values) {
		return nil, fmt.Errorf("a row of %s.%s has %d key and %d value cells", l.contract, l.Name, len(k), len(v))
	}
	for i, c := range l.Key {
		row[c] = k[i]
	}
	for i, c := range l.Values {
		if i < len(v) {
			row[c] = v[i]
		} else {
			row[c] = l.Columns[c].Default
		}
	}
	return row, nil
}

// stored lists the columns that are written, in the order of the parameters of
// insertSQL: key columns, then values.
func (l *layout) stored() []int { return append(append([]int(nil), l.Key...), l.Values...) }

func (l *layout) insertSQL() string { return l.insertInto("main") }

// insertInto is for a table of the given schema. ABORT overrides what ON CONFLICT
// of a constraint says: IGNORE or REPLACE would lose rows in silence.
func (l *layout) insertInto(schema string) string {
	var names, marks []string
	for i, c := range l.stored() {
		names = append(names, quoteName(l.Columns[c].Name))
		marks = append(marks, fmt.Sprintf("?%d", i+1))
	}
	return "INSERT OR ABORT INTO " + quoteName(schema) + "." + quoteName(l.Name) + "(" + strings.Join(names, ",") + ") VALUES (" + strings.Join(marks, ",") + ")"
}

// selectSQL reads the stored columns of all rows.
func (l *layout) selectSQL() string {
	var names []string
	for _, c := range l.stored() {
		names = append(names, quoteName(l.Columns[c].Name))
	}
	return "SELECT " + strings.Join(names, ",") + " FROM " + quoteName(l.Name)
}

func (l *layout) deleteSQL() string {
	return "DELETE FROM " + quoteName(l.Name) + " WHERE " + l.whereKey()
}

func (l *layout) whereKey() string {
	var terms []string
	for i, c := range l.Key {
		terms = append(terms, fmt.Sprintf("%s = ?%d", quoteName(l.Columns[c].Name), i+1))
	}
	return strings.Join(terms, " AND ")
}

func (l *layout) insertRow(st *sqlite.Stmt, key, value []byte) error {
	row, err := l.cells(key, value)
	if err != nil {
		return err
	}
	for i, c := range l.stored() {
		if err := st.Bind(i+1, row[c]); err != nil {
			return err
		}
	}
	_, err = st.Step()
	return errors.Join(err, st.Reset())
}

func (l *layout) deleteRow(st *sqlite.Stmt, key []byte) error {
	k, err := wire.DecodeKey(key[len(l.prefix):])
	if err != nil {
		return err
	}
	for i, v := range k {
		if err := st.Bind(i+1, v); err != nil {
			return err
		}
	}
	_, err = st.Step()
	return errors.Join(err, st.Reset())
}

// hasKey tells whether a state key has as many cells as the table's.
func (l *layout) hasKey(key []byte) bool {
	k, err := wire.DecodeKey(key[len(l.prefix):])
	return err == nil && len(k) == len(l.Key)
}

// index finds a column by name, or -1.
func (l *layout) index(name string) int {
	for i := range l.Columns {
		if l.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// quoteName makes a name of a schema safe inside SQL.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// equalCells compares two cells of the four kinds.
func equalCells(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case int64:
		b, ok := b.(int64)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	}
	return false
}

// goodText tells whether a TEXT may be stored, returned, emitted or bound.
func goodText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
