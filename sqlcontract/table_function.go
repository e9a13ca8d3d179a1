package sqlcontract

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// TableFunction is a function that a query reads like a table:
//
//	SELECT number, block FROM log('main') WHERE producer = ?1
//
// What it reads is the business of who gives it to a query: a state knows
// nothing of history. Actions never see one. A query that calls a function by
// this name, with its brackets, gets it even where a contract has such a table;
// where that contract is read in the same query, main.log() is the function.
type TableFunction struct {
	// Schema makes the function a table, schema.name, which is read without
	// brackets and arguments. No contract may have its name: see [QuerySchema].
	Schema string
	Name   string
	// Params are the arguments in order; one with HasDefault may be left out.
	Params []Param
	// Columns are those of the rows.
	Columns []Param
	// Lookups are columns of which a value, where the query gives it (column =
	// value, a join), helps Rows to read less. SQLite checks them again, so
	// Rows may as well not look.
	Lookups []string
	// Rows gives one row after the other and ends when there are no more or
	// yield returns false. args holds what was given, arguments and look-ups, by
	// name; never nil, a NULL has no rows. A row is a function from a column's
	// index to its value (nil, int64, float64, string or []byte), called only for
	// columns that the query reads, and not after the next yield.
	Rows func(ctx context.Context, args map[string]any, yield func(column func(i int) (any, error)) bool) error
}

// QuerySchema is the schema of a query that shows the ledger's directory; it is
// no name for a contract.
const QuerySchema = "dd"

// QueryWith is Tree.Query with functions that the query may read like tables.
func (t *Tree) QueryWith(ctx context.Context, functions []TableFunction, sql string, args ...any) (*Rows, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dir == "" {
		return openQuery(ctx, &oldState{engine: t.engine, state: t.state}, functions, sql, args)
	}
	return openQuery(ctx, (*headState)(t), functions, sql, args)
}

// register makes the functions that sql calls known to the connection.
func register(ctx context.Context, conn *sqlite.Conn, functions []TableFunction, sql string) error {
	if len(functions) == 0 {
		return nil
	}
	toks := aergosql.Split(sql)
	for i := 0; i+1 < len(toks); i++ {
		if next := toks[i+1]; sql[next.Start:next.End] != "(" {
			continue
		}
		name := nameOf(sql, toks[i])
		for f := range functions {
			if functions[f].Name == name && functions[f].Schema == "" {
				if err := conn.CreateModule(name, &functionTable{ctx, &functions[f]}); err != nil {
					return fmt.Errorf("opening %s() for a query: %w", name, err)
				}
			}
		}
	}
	return nil
}

// attachTables shows the functions of a schema as its tables; false if there are
// none.
func attachTables(ctx context.Context, conn *sqlite.Conn, functions []TableFunction, schema string) (bool, error) {
	found := false
	for i := range functions {
		f := &functions[i]
		if f.Schema != schema {
			continue
		}
		if !found {
			if err := conn.Exec("ATTACH ':memory:' AS " + quoteName(schema)); err != nil {
				return false, err
			}
			found = true
		}
		module := "aergo_" + schema + "_" + f.Name
		if err := conn.CreateModule(module, &functionTable{ctx, f}); err != nil {
			return false, err
		}
		if err := conn.Exec("CREATE VIRTUAL TABLE " + quoteName(schema) + "." + quoteName(f.Name) + " USING " + module); err != nil {
			return false, err
		}
	}
	return found, nil
}

// functionTable is a function on one connection. Arguments are hidden columns
// after the others, which is SQLite's way of calling a table.
type functionTable struct {
	ctx context.Context
	*TableFunction
}

// Connect implements sqlite.Module.
func (f *functionTable) Connect(string, []string) (string, sqlite.Table, error) {
	var columns []string
	for _, c := range f.Columns {
		columns = append(columns, quoteName(c.Name)+" "+c.Type)
	}
	for _, p := range f.Params {
		columns = append(columns, quoteName(p.Name)+" HIDDEN")
	}
	return "CREATE TABLE x(" + strings.Join(columns, ",") + ")", f, nil
}

// name is that of a column, hidden ones included.
func (f *functionTable) name(column int) string {
	if column < len(f.Columns) {
		return f.Columns[column].Name
	}
	return f.Params[column-len(f.Columns)].Name
}

// impossible is the cost of a plan that lacks an argument which another plan
// has: the argument comes from a table that would be read after this one.
const impossible = 1e18

// BestIndex implements sqlite.Table. The plan is a text with one character a
// value: the column that must be equal to it, counted from 'A'.
func (f *functionTable) BestIndex(info *sqlite.IndexInfo) error {
	cost := 1e6
	var plan []rune
	for i := range info.Constraints {
		k := &info.Constraints[i]
		if k.Op != sqlite.EQ || k.Column < 0 || k.Collation != "" && k.Collation != "BINARY" {
			continue
		}
		argument := k.Column >= len(f.Columns)
		if !argument && !slices.Contains(f.Lookups, f.Columns[k.Column].Name) || slices.Contains(plan, rune('A'+k.Column)) {
			continue
		}
		if !k.Usable {
			if argument {
				cost = impossible
			}
			continue
		}
		plan = append(plan, rune('A'+k.Column))
		k.ArgIndex, k.Omit = len(plan), argument
		if !argument && cost < impossible {
			cost = min(cost, 100)
		}
	}
	info.IdxStr = string(plan)
	info.EstimatedCost, info.EstimatedRows = cost, int64(min(cost, 1e6))
	return nil
}

// Open implements sqlite.Table.
func (f *functionTable) Open() (sqlite.Cursor, error) {
	return &functionCursor{f: f, stop: func() {}}, nil
}

// functionCursor reads the rows of one call. The function pushes rows and SQLite
// pulls them: iter.Pull2 turns one into the other.
type functionCursor struct {
	f      *functionTable
	args   map[string]any
	next   func() (func(int) (any, error), error, bool)
	stop   func()
	column func(int) (any, error) // nil at the end
	n      int64
}

// Filter implements sqlite.Cursor.
func (c *functionCursor) Filter(_ int, plan string, args []any) error {
	c.stop()
	c.stop, c.column, c.n, c.args = func() {}, nil, 0, map[string]any{}
	for i, at := range []rune(plan) {
		if args[i] == nil {
			return nil // nothing equals NULL
		}
		c.args[c.f.name(int(at-'A'))] = args[i]
	}
	for _, p := range c.f.Params {
		if _, ok := c.args[p.Name]; !ok && !p.HasDefault {
			return fault.New(codeQuery, "", "%s() needs an argument: %s", c.f.Name, p.Name)
		}
	}
	c.next, c.stop = iter.Pull2(func(yield func(func(int) (any, error), error) bool) {
		more := true
		err := c.f.Rows(c.f.ctx, c.args, func(column func(int) (any, error)) bool {
			more = yield(column, nil)
			return more
		})
		if err != nil && more {
			yield(nil, err)
		}
	})
	return c.Next()
}

// Next implements sqlite.Cursor.
func (c *functionCursor) Next() (err error) {
	c.n++
	c.column, err, _ = c.next()
	return err
}

// EOF implements sqlite.Cursor.
func (c *functionCursor) EOF() bool { return c.column == nil }

// Column implements sqlite.Cursor.
func (c *functionCursor) Column(r *sqlite.Result, i int) error {
	if i >= len(c.f.Columns) {
		return r.Set(c.args[c.f.name(i)])
	}
	v, err := c.column(i)
	if err != nil {
		return err
	}
	return r.Set(v)
}

// Rowid implements sqlite.Cursor: the number of the row in this call.
func (c *functionCursor) Rowid() (int64, error) { return c.n, nil }

// Close implements sqlite.Cursor.
func (c *functionCursor) Close() error {
	c.stop()
	return nil
}
