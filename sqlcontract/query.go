package sqlcontract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Rows is the answer to a query, read row by row. It has a connection of its
// own, shows one state whatever happens meanwhile, and is for one goroutine.
// Close it.
type Rows struct {
	ctx     context.Context
	stop    func() bool // ends the watch over ctx
	conn    *sqlite.Conn
	st      *sqlite.Stmt
	columns []string
	types   []string
	err     error
}

// Columns are the names of the columns.
func (r *Rows) Columns() []string { return r.columns }

// Types are the declared types of the columns, as the contract writes them;
// empty for what is computed.
func (r *Rows) Types() []string { return r.types }

// Next moves to the next row; false at the end or on an error, see Err.
func (r *Rows) Next() bool {
	if r.err != nil || r.st == nil {
		return false
	}
	if r.err = r.ctx.Err(); r.err != nil {
		return false
	}
	row, err := r.st.Step()
	if err != nil {
		if r.err = r.ctx.Err(); r.err == nil {
			r.err = queryError("", err)
		}
		return false
	}
	if !row {
		r.st.Finalize()
		r.st = nil
	}
	return row
}

// Values are the cells of the present row: nil, int64, float64, string or
// []byte, the caller's to keep.
func (r *Rows) Values() []any {
	row := make([]any, len(r.columns))
	if r.st == nil {
		return row
	}
	for i := range row {
		row[i] = r.st.Column(i)
	}
	return row
}

// Err is what ended Next early, or nil.
func (r *Rows) Err() error { return r.err }

// Close frees the query. It may be called at any time, once or more.
func (r *Rows) Close() error {
	r.stop()
	r.st = nil
	return r.conn.Close()
}

// Query runs one read-only SQL statement on the committed state. Contracts are
// schemas: shop.item, aergo_contract.current. A table without its contract's
// name is found if only one contract has it. args bind ?1, ?2, …, a [Named] one
// :name, @name or $name; they are nil, int, int64, float64, string or []byte.
// Time, random numbers and REAL are fine here. It does not wait for a block that is being
// made, nor hinder it.
func (t *Tree) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return t.QueryWith(ctx, nil, sql, args...)
}

// QueryAt is Tree.Query on any state in the store, read row by row from the
// state map.
func (e *Engine) QueryAt(ctx context.Context, root objectstore.Hash, sql string, args ...any) (*Rows, error) {
	return openQuery(ctx, &oldState{engine: e, state: prolly.Load(e.nodes, root)}, nil, sql, args)
}

// queried is a state that can be queried: the head's files, or the state map.
type queried interface {
	// prepare makes the connection ready.
	prepare(conn *sqlite.Conn) error
	// attach shows a contract as a schema; false if there is none of the name.
	attach(conn *sqlite.Conn, name string) (bool, error)
	// contracts lists all names, system contracts too.
	contracts() ([]string, error)
	// has tells whether a contract has a table or view.
	has(name, table string) (bool, error)
}

// maxAttached is SQLite's limit for schemas of one connection.
const maxAttached = 10

func openQuery(ctx context.Context, on queried, functions []TableFunction, sql string, args []any) (*Rows, error) {
	conn, err := sqlite.Open(":memory:", sqlite.Options{NoPreupdate: true})
	if err != nil {
		return nil, fmt.Errorf("opening a query: %w", err)
	}
	r := &Rows{ctx: ctx, conn: conn, stop: func() bool { return true }}
	if err := r.open(on, functions, sql, args); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	r.stop = context.AfterFunc(ctx, conn.Interrupt)
	return r, nil
}

func (r *Rows) open(on queried, functions []TableFunction, sql string, args []any) error {
	var attached []string
	schemas := schemasIn(sql)
	for _, name := range schemas { // before prepare, for ATTACH is not possible inside a transaction
		ok, err := attachTables(r.ctx, r.conn, functions, name)
		if err != nil {
			return fmt.Errorf("opening the tables of %s for a query: %w", name, err)
		}
		if ok {
			attached = append(attached, name)
		}
	}
	if err := on.prepare(r.conn); err != nil {
		return fmt.Errorf("opening a query: %w", err)
	}
	if err := register(r.ctx, r.conn, functions, sql); err != nil {
		return err
	}
	attach := func(name string) error {
		if slices.Contains(attached, name) {
			return nil
		}
		if len(attached) == maxAttached {
			return fault.New("AG0306", "Split the query.", "a query can read at most %d contracts", maxAttached)
		}
		ok, err := on.attach(r.conn, name)
		if err != nil {
			return fmt.Errorf("opening contract %s for a query: %w", name, err)
		}
		if ok {
			attached = append(attached, name)
		}
		return nil
	}
	for _, name := range schemas {
		if err := attach(name); err != nil {
			return err
		}
	}
	guarded := false
	guard := func(on bool) { guarded = on }
	r.conn.SetAuthorizer(func(a sqlite.Action, _, _, _, _ string) sqlite.Verdict {
		if !guarded {
			return sqlite.Allow
		}
		switch a {
		case sqlite.ActionSelect, sqlite.ActionRead, sqlite.ActionFunction, sqlite.ActionRecursive:
			return sqlite.Allow
		}
		return sqlite.Deny
	})
	for {
		guard(true)
		st, tail, err := r.conn.Prepare(sql)
		guard(false)
		if table, ok := missingTable(err); ok {
			name, err := owner(on, table)
			if err != nil {
				return err
			}
			if slices.Contains(attached, name) {
				return noTable(table)
			}
			if err := attach(name); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return queryError(sql, err)
		}
		if st == nil || !blank(tail) {
			return fault.New(codeQuery, "Give one SELECT.", "a query is one SQL statement")
		}
		if !st.ReadOnly() || st.ColumnCount() == 0 {
			return errNotRead()
		}
		if o, ok := on.(*oldState); ok && o.engine.reverse {
			guard(true)
			st, _, err = r.conn.Prepare(breakTies(sql, st.ColumnCount()))
			guard(false)
			if err != nil {
				return queryError(sql, err)
			}
		}
		r.st = st
		break
	}
	// Under BEGIN the first read of a schema takes its snapshot, for as long as
	// the connection lives.
	for _, name := range attached {
		if err := r.conn.Exec("SELECT 1 FROM " + quoteName(name) + ".sqlite_schema LIMIT 1"); err != nil {
			return fmt.Errorf("opening contract %s for a query: %w", name, err)
		}
	}
	guard(true) // virtual tables and views may still prepare
	if err := bindQuery(r.st, args); err != nil {
		return err
	}
	for i := range r.st.ColumnCount() {
		r.columns = append(r.columns, r.st.ColumnName(i))
		r.types = append(r.types, r.st.ColumnDecltype(i))
	}
	return nil
}

// Named is an argument of a query for the parameter of that name, which is
// written without its sigil.
type Named struct {
	Name  string
	Value any
}

// bindQuery gives each parameter exactly one value.
func bindQuery(st *sqlite.Stmt, args []any) error {
	wrong := fault.New("AG0403", "", "the query has %d parameters and %d values were given", st.ParamCount(), len(args))
	if len(args) != st.ParamCount() {
		return wrong
	}
	bound := make([]bool, len(args)+1)
	for i, v := range args {
		at := i + 1
		if named, ok := v.(Named); ok {
			v, at = named.Value, 0
			for _, sigil := range []string{":", "@", "$"} {
				at = max(at, st.ParamIndex(sigil+named.Name))
			}
			if at == 0 {
				return fault.New("AG0403", "", "the query has no parameter :%s", named.Name)
			}
		}
		if bound[at] {
			return wrong
		}
		bound[at] = true
		if n, ok := v.(int); ok {
			v = int64(n)
		}
		if err := st.Bind(at, v); err != nil {
			return queryError("", err)
		}
	}
	return nil
}

// The codes of a query that cannot run; those of contracts (AG03…) say that a
// contract is refused, which is another thing to a script.
const (
	codeQuery     = "AG0106"
	codeQueryOnly = "AG0107"
)

func errNotRead() error {
	return fault.New(codeQueryOnly, "Change rows by calling an action: aergo call CONTRACT.ACTION name=value…", "a query only reads")
}

// queryError words an error of SQLite for a person, with a caret under the place
// in sql where SQLite knows it.
func queryError(sql string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Primary() == sqlite.CodeAuth || strings.HasSuffix(e.Message, " may not be modified") { // a table of the state map
		return errNotRead()
	}
	if fault.Of(e.Err) != nil { // of a function: it is worded already
		return e.Err
	}
	if e.Err != nil { // of the state map, not of the SQL: damage, for one
		return fmt.Errorf("reading rows for the query: %w", e.Err)
	}
	place := ""
	if e.Offset >= 0 && e.Offset <= len(sql) && sql != "" {
		place = "\n" + aergosql.PlainText("", sql).Excerpt(e.Offset)
	}
	return fault.New(codeQuery, "", "the query failed: %s%s", e.Message, place)
}

// schemasIn lists the names that stand before a dot, once each.
func schemasIn(sql string) []string {
	toks := aergosql.Split(sql)
	var names []string
	for i := 0; i+1 < len(toks); i++ {
		if next := toks[i+1]; sql[next.Start:next.End] != "." {
			continue
		}
		if name := nameOf(sql, toks[i]); goodName(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// nameOf is the name that a token stands for, in lower case; "" for none.
func nameOf(sql string, t aergosql.Token) string {
	s := sql[t.Start:t.End]
	switch t.Kind {
	case aergosql.Word:
		return strings.ToLower(s)
	case aergosql.Quoted:
		return strings.ToLower(s[1 : len(s)-1])
	}
	return ""
}

// blank tells whether nothing but spaces, comments and semicolons is left.
func blank(sql string) bool {
	return !slices.ContainsFunc(aergosql.Split(sql), func(t aergosql.Token) bool { return sql[t.Start:t.End] != ";" })
}

// missingTable gives the table that SQLite did not find.
func missingTable(err error) (string, bool) {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return "", false
	}
	return strings.CutPrefix(e.Message, "no such table: ")
}

func noTable(table string) error {
	return fault.New("AG0203", "aergo contract list names the contracts, aergo contract abi NAME its tables.", "there is no table %s", table)
}

// owner finds the one contract that has a table.
func owner(on queried, table string) (string, error) {
	if contract, _, ok := strings.Cut(table, "."); ok {
		return "", fault.New("AG0203", "aergo contract list names the contracts, aergo contract abi NAME its tables.", "there is no table %s (contract %s has none, or there is no such contract here)", table, contract)
	}
	names, err := on.contracts()
	if err != nil {
		return "", err
	}
	var found []string
	for _, name := range names {
		ok, err := on.has(name, strings.ToLower(table))
		if err != nil {
			return "", err
		}
		if ok {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", noTable(table)
	case 1:
		return found[0], nil
	}
	return "", fault.New("AG0203", fmt.Sprintf("Write %s.%s, for instance.", found[0], table), "table %s is in several contracts: %s", table, strings.Join(found, ", "))
}

func namesOf(state *prolly.Map) ([]string, error) {
	list, err := contractsOf(state)
	if err != nil {
		return nil, err
	}
	names := SystemContracts()
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names, nil
}

func (c *Contract) hasObject(name string) bool {
	return slices.ContainsFunc(c.Schema, func(o Object) bool {
		return o.Name == name && (o.Type == "table" || o.Type == "view")
	})
}

// headState queries the files of the working tree. SQLite's write-ahead log
// keeps the snapshot that is opened here, under the tree's lock.
type headState Tree

func (h *headState) prepare(conn *sqlite.Conn) error { return conn.Exec("BEGIN") }

func (h *headState) attach(conn *sqlite.Conn, name string) (bool, error) {
	t := (*Tree)(h)
	d, err := t.find(t.state.Get, name)
	if err != nil || d == nil {
		return false, err
	}
	db, err := t.ready(d.contract)
	if err != nil {
		return false, err
	}
	// ATTACH is not possible inside a transaction.
	err = conn.Exec("COMMIT; ATTACH " + quoteText(db.path) + " AS " + quoteName(name) + "; BEGIN")
	return err == nil, err
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (h *headState) contracts() ([]string, error) { return namesOf(h.state) }

func (h *headState) has(name, table string) (bool, error) {
	t := (*Tree)(h)
	d, err := t.find(t.state.Get, name)
	return d != nil && d.contract.hasObject(table), err
}

// ReadCall is a call of a READONLY action without a transaction.
type ReadCall struct {
	Contract string
	Action   string
	Args     map[string]any // nil, int64, string or []byte
	Account  objectstore.Account
	Block    Block  // gives @height, @time and @created
	GasLimit uint64 // zero: DefaultGas
	Observe  Observer
}

// CallReadOnly runs a READONLY action on the committed state, without a
// transaction: @txid is all zeros. The receipt is like a transaction's, failed
// ones included. AG0401 if there is no such contract, AG0402 if the action may
// write.
func (t *Tree) CallReadOnly(c ReadCall) (Receipt, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, err := t.find(t.state.Get, c.Contract)
	if err != nil {
		return Receipt{}, err
	}
	if d == nil {
		return Receipt{}, errNoContract(c.Contract)
	}
	if a := d.contract.Action(c.Action); a != nil && !a.ReadOnly {
		return Receipt{}, fault.New("AG0402", "Call it by a transaction.", "%s.%s is not READONLY", c.Contract, c.Action)
	}
	if c.GasLimit == 0 {
		c.GasLimit = DefaultGas
	}
	m, trace := newMeter(min(c.GasLimit, MaxGas)), newTrace(c.Observe)
	var r *run
	var f *failure
	for {
		r = &run{tree: t, args: c.Args, account: c.Account, block: c.Block, ledger: t.ledger, created: c.Block.Time,
			meter: m, trace: trace, activation: activation{caller: string(c.Account), vars: map[string]any{}}}
		if r.place, err = r.enter(d); err == nil {
			err = r.call(c.Action, nil)
			trace.close(r, err)
		}
		for _, at := range r.touched {
			t.release(at.db)
		}
		if m = r.meter; err != tooLong || !m.raise() {
			break
		}
	}
	if err != nil && !errors.As(err, &f) {
		return Receipt{}, fmt.Errorf("calling %s.%s: %w", c.Contract, c.Action, err)
	}
	answer := Receipt{Status: StatusOK, Gas: r.meter.gas()}
	if f != nil {
		answer.Status, answer.Code, answer.Text = StatusFailed, f.code, f.text
	} else {
		answer.Columns, answer.Rows, answer.Events = r.receipt.Columns, r.receipt.Rows, r.receipt.Events
	}
	return answer, nil
}
