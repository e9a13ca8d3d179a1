package sqlcontract

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// oldState queries a state through read-only virtual tables on the state map:
// nothing is copied, and conditions on the leading key columns are seeks.
// Tables with generated columns are copied into memory, for SQLite to generate
// them.
type oldState struct {
	engine *Engine
	state  *prolly.Map
}

// stateModule is the name of the virtual tables' module.
const stateModule = "aergo_state"

func (o *oldState) prepare(conn *sqlite.Conn) error {
	if err := o.engine.orderOf(conn); err != nil {
		return err
	}
	return conn.CreateModule(stateModule, o)
}

func (o *oldState) find(name string) (*Contract, error) {
	d, err := o.engine.find(o.state.Get, name, "")
	if d == nil || err != nil {
		return nil, err
	}
	return d.contract, nil
}

func (o *oldState) contracts() ([]string, error) { return namesOf(o.state) }

func (o *oldState) has(name, table string) (bool, error) {
	c, err := o.find(name)
	return c != nil && c.hasObject(table), err
}

func (o *oldState) attach(conn *sqlite.Conn, name string) (bool, error) {
	c, err := o.find(name)
	if c == nil || err != nil {
		return false, err
	}
	if err := conn.Exec("ATTACH ':memory:' AS " + quoteName(name)); err != nil {
		return false, err
	}
	for _, t := range c.Tables {
		l := newLayout(name, t)
		if l.generates() || o.engine.reverse { // a virtual table knows one order
			err = o.copyTable(conn, c, l)
		} else {
			err = conn.Exec(fmt.Sprintf("CREATE VIRTUAL TABLE %s.%s USING %s(%s, %s)", quoteName(name), quoteName(t.Name), stateModule, name, t.Name))
		}
		if err != nil {
			return false, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	for _, v := range c.Schema {
		if v.Type == "view" {
			if err := conn.Exec(inSchema(v.SQL, name)); err != nil {
				return false, fmt.Errorf("view %s: %w", v.Name, err)
			}
		}
	}
	return true, nil
}

func (l *layout) generates() bool {
	return slices.ContainsFunc(l.Columns, func(c Column) bool { return c.Generated })
}

// inSchema puts the schema's name before the name that a CREATE TABLE or CREATE
// VIEW creates.
func inSchema(sql, schema string) string {
	words := 0
	for _, t := range aergosql.Split(sql) {
		switch word := strings.ToUpper(sql[t.Start:t.End]); {
		case words < 2, t.Kind == aergosql.Word && (word == "IF" || word == "NOT" || word == "EXISTS"):
			words++ // CREATE TABLE [IF NOT EXISTS]
		default:
			return sql[:t.Start] + quoteName(schema) + "." + sql[t.Start:]
		}
	}
	return sql
}

func (o *oldState) copyTable(conn *sqlite.Conn, c *Contract, l *layout) error {
	for _, s := range c.Schema {
		if s.Type == "table" && s.Name == l.Name {
			if err := conn.Exec(inSchema(s.SQL, c.Name)); err != nil {
				return err
			}
		}
	}
	st, _, err := conn.Prepare(l.insertInto(c.Name))
	if err != nil {
		return err
	}
	defer st.Finalize()
	return o.state.Scan(l.prefix, wire.KeyPrefixEnd(l.prefix), func(key, value []byte) error {
		return l.insertRow(st, key, value)
	})
}

// Connect implements sqlite.Module.
func (o *oldState) Connect(_ string, args []string) (string, sqlite.Table, error) {
	if len(args) != 2 {
		return "", nil, fmt.Errorf("%s is the engine's own", stateModule)
	}
	c, err := o.find(args[0])
	if err != nil {
		return "", nil, err
	}
	var t *Table
	if c != nil {
		t = c.Table(args[1])
	}
	if t == nil {
		return "", nil, fmt.Errorf("there is no table %s.%s", args[0], args[1])
	}
	var columns, key []string
	for _, c := range t.Columns {
		columns = append(columns, quoteName(c.Name)+" "+c.Type)
	}
	for _, k := range t.Key {
		key = append(key, quoteName(t.Columns[k].Name))
	}
	sql := "CREATE TABLE x(" + strings.Join(columns, ",") + ", PRIMARY KEY (" + strings.Join(key, ",") + ")) WITHOUT ROWID"
	return sql, &stateTable{newLayout(args[0], t), o.state}, nil
}

// stateTable is one table of a state.
type stateTable struct {
	*layout
	state *prolly.Map
}

// Plans are texts: a letter for each argument of Filter. 'e' fixes the next key
// column; after those at most one lower and one upper bound on the column that
// follows.
const (
	planEqual = 'e'
	planFrom  = 'g' // >=
	planAfter = 'G' // >
	planTo    = 'l' // <=
	planUpTo  = 'L' // <
)

// BestIndex implements sqlite.Table.
func (t *stateTable) BestIndex(info *sqlite.IndexInfo) error {
	find := func(column int, ops ...sqlite.Operator) *sqlite.Constraint {
		for i := range info.Constraints {
			k := &info.Constraints[i]
			if k.Usable && k.Column == column && slices.Contains(ops, k.Op) && (k.Collation == "" || k.Collation == "BINARY") {
				return k
			}
		}
		return nil
	}
	equal, used := 0, 0
	use := func(k *sqlite.Constraint, plan byte) {
		used++
		k.ArgIndex = used
		info.IdxStr += string(plan)
	}
	for ; equal < len(t.Key); equal++ {
		k := find(t.Key[equal], sqlite.EQ)
		if k == nil {
			break
		}
		use(k, planEqual)
	}
	cost := 1e6
	for range equal {
		cost /= 100
	}
	if equal < len(t.Key) {
		if k := find(t.Key[equal], sqlite.GE, sqlite.GT); k != nil {
			use(k, map[sqlite.Operator]byte{sqlite.GE: planFrom, sqlite.GT: planAfter}[k.Op])
			cost /= 4
		}
		if k := find(t.Key[equal], sqlite.LE, sqlite.LT); k != nil {
			use(k, map[sqlite.Operator]byte{sqlite.LE: planTo, sqlite.LT: planUpTo}[k.Op])
			cost /= 4
		}
	} else {
		info.Unique = true
		cost = 1
	}
	info.EstimatedCost, info.EstimatedRows = max(cost, 1), int64(max(cost, 1))
	info.OrderByConsumed = t.inOrder(info.OrderBy, equal)
	return nil
}

// inOrder tells whether key order is the order asked for, when the first equal
// key columns are fixed.
func (t *stateTable) inOrder(order []sqlite.Order, equal int) bool {
	at := 0
	for _, o := range order {
		for at < equal && t.Key[at] != o.Column {
			at++
		}
		if o.Desc || at == len(t.Key) || t.Key[at] != o.Column {
			return false
		}
		at++
	}
	return len(order) > 0
}

// Open implements sqlite.Table.
func (t *stateTable) Open() (sqlite.Cursor, error) { return &stateCursor{t: t}, nil }

// stateCursor reads the rows of [from, to).
type stateCursor struct {
	t     *stateTable
	c     *prolly.Cursor
	to    []byte
	ok    bool
	cells []any // of the present row, once asked for
}

// Filter implements sqlite.Cursor. SQLite checks every condition again, so a
// bound that is left out, because its value is of another type than the
// column, costs time only.
func (c *stateCursor) Filter(_ int, plan string, args []any) error {
	c.c, c.cells = c.t.state.Cursor(), nil
	head := c.t.prefix // with the fixed columns
	from, to := head, wire.KeyPrefixEnd(head)
	fixed := 0
	for i, op := range []byte(plan) {
		if !fits(args[i], c.t.Columns[c.t.Key[fixed]].Type) {
			break
		}
		bound, err := wire.AppendKey(slices.Clone(head), args[i])
		if err != nil {
			break // too long for a key
		}
		switch op {
		case planEqual:
			head, fixed = bound, fixed+1
			from, to = bound, wire.KeyPrefixEnd(bound)
		case planFrom:
			from = bound
		case planAfter:
			from = wire.KeyPrefixEnd(bound)
		case planTo:
			to = wire.KeyPrefixEnd(bound)
		case planUpTo:
			to = bound
		}
	}
	c.to = to
	ok, err := c.c.Seek(from)
	return c.arrive(ok, err)
}

func (c *stateCursor) arrive(ok bool, err error) error {
	c.ok, c.cells = ok && bytes.Compare(c.c.Key(), c.to) < 0, nil
	return err
}

// Next implements sqlite.Cursor.
func (c *stateCursor) Next() error { return c.arrive(c.c.Next()) }

// EOF implements sqlite.Cursor.
func (c *stateCursor) EOF() bool { return !c.ok }

// Column implements sqlite.Cursor.
func (c *stateCursor) Column(r *sqlite.Result, i int) error {
	if c.cells == nil {
		value, err := c.c.Value()
		if err != nil {
			return err
		}
		if c.cells, err = c.t.cells(c.c.Key(), value); err != nil {
			return err
		}
	}
	return r.Set(c.cells[i])
}

// Rowid implements sqlite.Cursor; tables here have none.
func (c *stateCursor) Rowid() (int64, error) { return 0, fmt.Errorf("table %s has no rowid", c.t.Name) }

// Close implements sqlite.Cursor.
func (c *stateCursor) Close() error { return nil }
