package repo

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// rowsOf reads the arguments of history() and blame(): rows of one table. Its
// key is that of the head of the chain; older rows are read by the version of
// their time.
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
	r        *Repository
	contract string
	table    *sqlcontract.Table // as it is now
	prefix   []byte             // of their state keys

	last  []byte // the state key that was read last, and its values
	tuple []any

	block    objectstore.Hash // whose deploys are known
	deploys  deploys
	number   int                        // version in force after the block
	versions map[int]*sqlcontract.Table // by version, nil where it had no such table
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
	switch {
	case c == nil:
		return nil, fault.New("AG0203", "aergo contract list names the contracts there.", "there is no table %s: no contract %s at that revision", full, name)
	case t == nil:
		return nil, noTable(c, table)
	}
	rows := &tableRows{r: r, contract: name, table: t, versions: map[int]*sqlcontract.Table{}}
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

// tablesAt gives the table before and after the transaction at a position of a
// block; nil where there was none.
func (t *tableRows) tablesAt(b branch.Block, position int) (before, after *sqlcontract.Table, err error) {
	if t.block != b.ID {
		if err := t.readDeploys(b); err != nil {
			return nil, nil, err
		}
	}
	x, y := t.deploys.around(t.contract, t.number, position)
	if before, err = t.version(b, x); err != nil {
		return nil, nil, err
	}
	after, err = t.version(b, y)
	return before, after, err
}

// readDeploys learns which versions are in force within a block. Its change list
// is read again only if it has a deploy of the contract.
func (t *tableRows) readDeploys(b branch.Block) error {
	number, err := t.r.versionIn(b.State, t.contract)
	if err != nil {
		return err
	}
	before := 0
	if len(b.Parents) > 0 {
		parent, err := t.r.history.Read(b.Parents[0])
		if err != nil {
			return err
		}
		if before, err = t.r.versionIn(parent.State, t.contract); err != nil {
			return err
		}
	}
	t.deploys = nil
	if number != before {
		groups, err := t.r.changes(b)
		if err != nil {
			return err
		}
		if t.deploys, err = deploysIn(groups); err != nil {
			return err
		}
	}
	t.block, t.number = b.ID, number
	return nil
}

func (r *Repository) versionIn(state objectstore.Hash, contract string) (int, error) {
	tree, err := r.treeOf(state)
	if err != nil {
		return 0, err
	}
	defer tree.Close()
	return tree.VersionOf(contract)
}

// version gives the table of a version that a block's state knows.
func (t *tableRows) version(b branch.Block, number int) (*sqlcontract.Table, error) {
	if number == 0 { // a system contract: the engine's, always the same
		return t.table, nil
	}
	if v, ok := t.versions[number]; ok {
		return v, nil
	}
	tree, err := t.r.treeOf(b.State)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	c, err := tree.Deployed(t.contract, number)
	if err != nil {
		return nil, err
	}
	t.versions[number] = c.Table(t.table.Name)
	return t.versions[number], nil
}

// cell gives op, key, old or new of a change whose sides are laid out as before
// and after.
func (t *tableRows) cell(column int, before, after *sqlcontract.Table, key, old, new []byte) (any, error) {
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
		if len(new) == 0 {
			return t.keyJSON(before, key)
		}
		return t.keyJSON(after, key)
	case 2:
		return t.rowJSON(before, key, old)
	}
	return t.rowJSON(after, key, new)
}

// key gives the values of a state key of a row in the given layout.
func (t *tableRows) key(layout *sqlcontract.Table, key []byte) ([]any, error) {
	if !bytes.Equal(key, t.last) {
		tuple, err := wire.DecodeKey(key)
		if err != nil || len(tuple) < 2 {
			return nil, fmt.Errorf("a state key of table %s cannot be read: %w", t.table.Name, err)
		}
		t.last, t.tuple = append(t.last[:0], key...), tuple[2:]
	}
	if layout == nil || len(t.tuple) != len(layout.Key) {
		return nil, fmt.Errorf("a state key of table %s is of no version that was in force", t.table.Name)
	}
	return t.tuple, nil
}

// keyJSON is a row's key as a JSON object.
func (t *tableRows) keyJSON(layout *sqlcontract.Table, key []byte) (any, error) {
	k, err := t.key(layout, key)
	if err != nil {
		return nil, err
	}
	return cellsJSON(columnsOf(layout), k), nil
}

// rowJSON is a row as a JSON object, its key first; NULL where there is none.
func (t *tableRows) rowJSON(layout *sqlcontract.Table, key, value []byte) (any, error) {
	if len(value) == 0 {
		return nil, nil
	}
	k, err := t.key(layout, key)
	if err != nil {
		return nil, err
	}
	row, err := cells(layout, k, value)
	if err != nil {
		return nil, err
	}
	return cellsJSON(columnsOf(layout), row), nil
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
