package repo

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// rowsOf reads the arguments of history() and blame(): rows of one table as they
// are laid out at the head of the chain. Older rows fit: a table only ever gets
// more columns, with a default for the rows that lack them.
func (r *Repository) rowsOf(head objectstore.Hash, args map[string]any) (past, *tableRows, error) {
	p, err := r.past(head, nil)
	if err != nil {
		return p, nil, err
	}
	rows, err := r.tableRows(p.head.State, args)
	return p, rows, err
}

// tableRows are the rows of one table whose key begins with given values. It is
// for one reader.
type tableRows struct {
	table  *sqlcontract.Table
	names  []string // of the columns: the key's, then the others that are stored
	prefix []byte   // of their state keys

	last  []byte // the state key that was read last, and its values
	tuple []any
}

func (r *Repository) tableRows(state objectstore.Hash, args map[string]any) (*tableRows, error) {
	full, _ := args["relation"].(string)
	name, table, ok := strings.Cut(strings.ToLower(full), ".")
	if !ok {
		return nil, fault.New("AG0106", "history('shop.item'), blame('shop.item'), diff('shop.item', 'main~5')", "%q is not the name of a table: it has its contract's name before it", full)
	}
	if name == "aergo_seen" {
		return nil, fault.New("AG0106", "SELECT * FROM txs()", "%s keeps no history: its rows follow from the transactions", full)
	}
	tree, err := r.treeOf(state)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	c, _, _, err := tree.Contract(name)
	if err != nil && !fault.Is(err, "AG0401") {
		return nil, err
	}
	var t *sqlcontract.Table
	if c != nil {
		t = c.Table(table)
	}
	if t == nil {
		return nil, fault.New("AG0203", "List the tables with: aergo contract list", "there is no table %s", full)
	}
	rows := &tableRows{table: t}
	for _, i := range slices.Concat(t.Key, t.Values) {
		rows.names = append(rows.names, t.Columns[i].Name)
	}
	key := []any{name, table}
	for i := 1; ; i++ {
		v, ok := args[fmt.Sprintf("key%d", i)]
		if !ok {
			break
		}
		if i > len(t.Key) || !fits(v, t.Columns[t.Key[i-1]].Type) {
			return nil, fault.New("AG0106", "", "%v is no value for the key of %s, which is %s", v, full, rows.keyForm())
		}
		key = append(key, v)
	}
	rows.prefix, err = wire.AppendKey(nil, key...)
	return rows, err
}

func fits(v any, kind string) bool {
	switch v.(type) {
	case int64:
		return kind == "INTEGER"
	case string:
		return kind == "TEXT"
	case []byte:
		return kind == "BLOB"
	}
	return false
}

// keyForm is "region TEXT, id INTEGER".
func (t *tableRows) keyForm() string {
	var parts []string
	for _, i := range t.table.Key {
		parts = append(parts, t.table.Columns[i].Name+" "+t.table.Columns[i].Type)
	}
	return strings.Join(parts, ", ")
}

// cell gives op, key, old or new of a change.
func (t *tableRows) cell(column int, key, old, new []byte) (any, error) {
	switch column {
	case 0:
		switch {
		case len(old) == 0:
			return "insert", nil
		case len(new) == 0:
			return "delete", nil
		}
		return "update", nil
	case 1:
		return t.keyJSON(key)
	case 2:
		return t.rowJSON(key, old)
	}
	return t.rowJSON(key, new)
}

func (t *tableRows) key(key []byte) ([]any, error) {
	if bytes.Equal(key, t.last) {
		return t.tuple, nil
	}
	tuple, err := wire.DecodeKey(key)
	if err != nil || len(tuple) != 2+len(t.table.Key) {
		return nil, fmt.Errorf("a state key of table %s cannot be read: %w", t.table.Name, err)
	}
	t.last, t.tuple = append(t.last[:0], key...), tuple[2:]
	return t.tuple, nil
}

// keyJSON is a row's key as a JSON object.
func (t *tableRows) keyJSON(key []byte) (any, error) {
	k, err := t.key(key)
	if err != nil {
		return nil, err
	}
	return cellsJSON(t.names, k), nil
}

// rowJSON is a row as a JSON object, its key first; NULL where there is none.
func (t *tableRows) rowJSON(key, value []byte) (any, error) {
	if len(value) == 0 {
		return nil, nil
	}
	k, err := t.key(key)
	if err != nil {
		return nil, err
	}
	row, err := cells(t.table, k, value)
	if err != nil {
		return nil, err
	}
	return cellsJSON(t.names, row), nil
}

// cellsJSON is a JSON object: INTEGER a number, BLOB a text of 0x and hex.
func cellsJSON(names []string, values []any) string {
	b := append(make([]byte, 0, 128), '{')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, names[i])
		b = append(b, ':')
		switch v := v.(type) {
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case string:
			b = appendText(b, v)
		case []byte:
			b = append(hex.AppendEncode(append(b, `"0x`...), v), '"')
		default:
			b = append(b, "null"...)
		}
	}
	return string(append(b, '}'))
}

// argumentsJSON is a JSON object in the order of the names.
func argumentsJSON(args map[string]any) string {
	names := make([]string, 0, len(args))
	for n := range args {
		names = append(names, n)
	}
	sort.Strings(names)
	values := make([]any, len(names))
	for i, n := range names {
		values[i] = args[n]
	}
	return cellsJSON(names, values)
}

// hashesJSON is a JSON array of ids.
func hashesJSON(ids []objectstore.Hash) string {
	b := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, id.String())
	}
	return string(append(b, ']'))
}

// appendText appends a JSON string (RFC 8259 section 7). s is valid UTF-8, as
// all text of a ledger is.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20:
			b = append(b, `\u00`...)
			b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
