package sqlcontract

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// run is one transaction, or one call without a transaction, under way. Its
// methods answer with a *failure for the receipt, or another error for trouble
// of this machine.
type run struct {
	activation              // of the action that runs now
	outer      []activation // of those that wait for it, the transaction's first
	touched    []place      // contracts in use, in the order of their first use

	s       *Session // nil in a call without a transaction,
	tree    *Tree    // which reads this one
	meter   meter
	trace   *trace // nil: nobody looks
	receipt Receipt
	body    int // bytes of returned rows and events so far
	looped  int // bytes of the rows of FORs under way

	called  string // the action
	args    map[string]any
	account objectstore.Account
	txid    objectstore.Hash
	created int64
	block   Block
	ledger  objectstore.Hash
}

// statement is a prepared Query.
type statement struct {
	*sqlite.Stmt
	q *Query
}

// prepare gives the statement of a query on this connection, inside the fence.
func (db *database) prepare(q *Query) (*statement, error) {
	if st := db.statements[q]; st != nil {
		return st, nil
	}
	db.fence.reset()
	db.fenced = true
	st, _, err := db.conn.Prepare(q.SQL)
	if db.reverse && err == nil && q.ReadOnly {
		st, _, err = db.conn.Prepare(breakTies(q.SQL, st.ColumnCount()))
	}
	db.fenced = false
	if err != nil {
		return nil, err
	}
	s := &statement{st, q}
	db.statements[q] = s
	return s, nil
}

// query runs one statement and gives each row to fn. Gas is counted exactly,
// and running out of it goes before any other failure.
func (r *run) query(q *Query, fn func(st *statement) error) error {
	st, err := r.db.prepare(q)
	if err != nil {
		return failureOf(err)
	}
	if !q.ReadOnly {
		if err := r.db.mark(); err != nil {
			return err
		}
	}
	for i, name := range q.Params {
		v := r.value(name)
		if length(v) > r.meter.longest() {
			return tooLong
		}
		if err := st.Bind(i+1, v); err != nil {
			return failureOf(err)
		}
	}
	return r.step(st, fn)
}

// length is a value's length in bytes as far as it can be long.
func length(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	}
	return 0
}

// changed is how many rows the block has changed before this transaction.
func (r *run) changed() int {
	if r.s == nil {
		return 0
	}
	return len(r.s.overlay)
}

// step runs a statement whose parameters are bound.
func (r *run) step(st *statement, fn func(st *statement) error) error {
	if st.q.Literal > r.meter.longest() {
		return tooLong // SQLite looks at a literal's length once, not in each run
	}
	r.meter.start(st.q, r.changed())
	r.db.watch(&r.meter)
	var err error
	for {
		var row bool
		if row, err = st.Step(); err != nil {
			err = failureOf(err)
			break
		}
		if !row {
			break
		}
		r.trace.row()
		if fn == nil {
			continue
		}
		if err = fn(st); err != nil {
			break
		}
	}
	err = errors.Join(err, st.Reset())
	r.db.watch(nil)
	r.meter.stop(st.Steps(true))
	var f *failure
	switch {
	case err != nil && !errors.As(err, &f):
		return err
	case r.meter.over():
		return fail("AG0420", "")
	case r.db.capture != nil && r.db.capture.refused != nil:
		return r.db.capture.refused
	case f != nil:
		return f
	}
	return nil
}

// truth runs a condition: NULL and zero are false, as in a WHERE.
func (r *run) truth(q *Query) (bool, error) {
	var yes bool
	err := r.query(q, func(st *statement) error {
		yes = st.ColumnType(0) != sqlite.Null && st.ColumnFloat(0) != 0
		return nil
	})
	if err == nil {
		r.trace.truth(yes)
	}
	return yes, err
}

// scalar runs an expression.
func (r *run) scalar(q *Query) (v any, err error) {
	err = r.query(q, func(st *statement) error {
		v = st.Column(0)
		r.meter.read(v)
		return checkCell(v)
	})
	return v, err
}

// checkCell refuses what may not leave an expression.
func checkCell(v any) error {
	switch v := v.(type) {
	case float64:
		return fail("AG0417", "")
	case string:
		if !goodText(v) {
			return fail("AG0416", "")
		}
	}
	return nil
}

// value is what a parameter of a query stands for.
func (r *run) value(name string) any {
	if name[0] == ':' {
		return r.vars[name[1:]]
	}
	switch name {
	case "@caller":
		return r.caller
	case "@signer":
		return string(r.account)
	case "@txid":
		return r.txid.String()
	case "@created":
		return r.created
	case "@height":
		return int64(min(r.block.Number, math.MaxInt64))
	case "@time":
		return r.block.Time
	case "@ledger":
		return r.ledger.String()
	case "@contract":
		return r.contract.contract.Name
	}
	return nil
}

// call checks a call and runs the action's body.
func (r *run) call(action string, pre func() error) error {
	r.called = action
	a := r.contract.contract.Action(action)
	if a == nil {
		return fail("AG0401", r.contract.contract.Name+"."+action)
	}
	if err := r.permit(a); err != nil {
		return err
	}
	if err := r.bind(a); err != nil {
		return err
	}
	if r.contract.version == 0 {
		if err := r.guardSystem(); err != nil {
			return err
		}
	}
	if pre != nil {
		if err := pre(); err != nil {
			return err
		}
	}
	return r.action(a)
}

// permit decides by the action's visibility whether the action's caller may run
// it. The contract's owner holds every role of it; a calling contract is nobody's
// owner and acts by its own roles, whoever signed.
func (r *run) permit(a *Action) error {
	owner := r.caller == string(r.contract.owner)
	switch {
	case a.Constructor:
		return fail("AG0402", "constructor")
	case a.Visibility == Public:
		return nil
	case a.Visibility == Owner:
		if owner {
			return nil
		}
		return fail("AG0402", "owner")
	case a.Visibility == Role:
		if owner {
			return nil
		}
		for _, role := range a.Roles {
			if ok, err := r.holds(role); ok || err != nil {
				return err
			}
		}
		return fail("AG0402", strings.Join(a.Roles, ","))
	}
	return fail("AG0402", "private")
}

// bind makes the parameters of the arguments, which must fit exactly.
func (r *run) bind(a *Action) error {
	clear(r.vars)
	given := 0
	for _, p := range a.Params {
		v, ok := r.args[p.Name]
		if ok {
			given++
		} else if !p.HasDefault {
			return fail("AG0403", p.Name)
		} else {
			v = p.Default
		}
		if ok && !p.takes(v) {
			return fail("AG0403", p.Name)
		}
		r.vars[p.Name] = v
	}
	if given == len(r.args) {
		return nil
	}
	var unknown []string
	for name := range r.args {
		if !slices.ContainsFunc(a.Params, func(p Param) bool { return p.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	return fail("AG0403", slices.Min(unknown))
}

// fits tells whether a value is of a type; NULL is of none.
func fits(v any, typ string) bool {
	switch v := v.(type) {
	case int64:
		return typ == "INTEGER"
	case string:
		return typ == "TEXT" && goodText(v)
	case []byte:
		return typ == "BLOB"
	}
	return false
}

// action runs an action's body with its parameters bound.
func (r *run) action(a *Action) error {
	for _, p := range a.Returns {
		r.receipt.Columns = append(r.receipt.Columns, p.Name)
	}
	r.running = a
	_, err := r.statements(a, a.Body)
	return err
}

// statements runs a list; done means that a RETURN ended the action.
func (r *run) statements(a *Action, list []Statement) (done bool, err error) {
	for i := range list {
		r.trace.begin(r, a, &list[i])
		done, err = r.statement(a, &list[i])
		r.trace.end(r, err)
		if done || err != nil {
			return done, err
		}
	}
	return false, nil
}

func (r *run) statement(a *Action, st *Statement) (done bool, err error) {
	switch {
	case st.Query != nil:
		return false, r.rows(a, st.Query)
	case st.Require != nil:
		return false, r.require(st.Require)
	case st.Let != nil:
		v, err := r.scalar(st.Let.Value)
		if err == nil {
			r.vars[st.Let.Name] = v
		}
		return false, err
	case st.If != nil:
		yes, err := r.truth(st.If.Cond)
		if err != nil {
			return false, err
		}
		if yes {
			return r.statements(a, st.If.Then)
		}
		return r.statements(a, st.If.Else)
	case st.For != nil:
		return r.loop(a, st.For)
	case st.Emit != nil:
		return false, r.emit(st.Emit)
	case st.Call != nil:
		return false, r.nest(st.Call)
	case st.Return != nil:
		if st.Return.Value == nil {
			return true, nil
		}
		return true, r.rows(a, st.Return.Value)
	}
	return false, nil
}

func (r *run) require(q *Require) error {
	yes, err := r.truth(q.Cond)
	if yes || err != nil {
		return err
	}
	if q.Else == nil {
		return fail("AG0410", "")
	}
	text, err := r.scalar(q.Else)
	if err != nil {
		return err
	}
	return fail("AG0410", plain(text))
}

// plain is a value as the text of a receipt.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

// rows runs a statement; what rows it has are returned, if the action returns
// any.
func (r *run) rows(a *Action, q *Query) error {
	return r.query(q, func(st *statement) error {
		if len(a.Returns) == 0 || st.ColumnCount() != len(a.Returns) {
			return nil
		}
		row := make([]any, len(a.Returns))
		for i, p := range a.Returns {
			v := st.Column(i)
			if err := checkCell(v); err != nil {
				return err
			}
			if v != nil && !fits(v, p.Type) {
				return fail("AG0416", p.Name)
			}
			row[i] = v
		}
		r.meter.read(row...)
		if len(r.outer) > 0 { // for the caller, who takes one value at most
			if r.first == nil {
				r.first = row
			}
			return nil
		}
		r.receipt.Rows = append(r.receipt.Rows, row)
		return r.grow(row)
	})
}

// grow counts what a receipt's body takes: the cells' encoding, and each name
// with 4 bytes for its frame.
func (r *run) grow(cells []any, names ...string) error {
	b, err := wire.AppendRow(nil, cells)
	if err != nil {
		return err
	}
	r.body += len(b)
	for _, n := range names {
		r.body += len(n) + 4
	}
	if r.body > maxReceiptBody {
		return fail("AG0421", "receipt")
	}
	return nil
}

// loop reads all rows, then runs the body for each.
func (r *run) loop(a *Action, f *For) (done bool, err error) {
	var names []string
	var rows [][]any
	before := r.looped
	defer func() { r.looped = before }()
	err = r.query(f.Rows, func(st *statement) error {
		if names == nil {
			for i := range st.ColumnCount() {
				names = append(names, f.Row+"$"+strings.ToLower(st.ColumnName(i)))
			}
		}
		row := make([]any, len(names))
		for i := range row {
			row[i] = st.Column(i)
			if err := checkCell(row[i]); err != nil {
				return err
			}
		}
		r.meter.read(row...)
		rows = append(rows, row)
		if r.looped += loopBytes(row); r.looped > maxLoopRows {
			return fail("AG0421", "for")
		}
		if r.meter.over() {
			return fail("AG0420", "") // the rows are in memory: do not wait for the next tick
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		for i, name := range names {
			r.vars[name] = row[i]
		}
		if done, err := r.statements(a, f.Body); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// loopBytes is what a row of a FOR counts in memory.
func loopBytes(row []any) int {
	n := loopCell * (1 + len(row))
	for _, v := range row {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
	}
	return n
}

func (r *run) emit(e *Emit) error {
	values := make([]any, len(e.Names))
	if e.Values != nil {
		err := r.query(e.Values, func(st *statement) error {
			for i := range values {
				values[i] = st.Column(i)
				if err := checkCell(values[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.meter.read(values...)
	r.receipt.Events = append(r.receipt.Events, Event{Contract: r.contract.contract.Name, Name: e.Event, Fields: e.Names, Values: values})
	return r.grow(values, append([]string{r.contract.contract.Name, e.Event}, e.Names...)...)
}
