package sqlcontract

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// judge runs actions on plain SQLite, with the contract's schema and nothing of
// ours: no fence, hooks, gas or limits. It walks the compiled body as directly
// as the language is said.
type judge struct {
	t    testing.TB
	g    *guess
	c    *Contract
	conn *sqlite.Conn
	lib  *judge // of the contract that this one calls, or nil

	vars   map[string]any
	rows   [][]any
	events *[]Event // of the transaction, of all contracts
}

// Why the judge's action did not stand. errStop is a RETURN.
var (
	errStop     = errors.New("return")
	errRequired = errors.New("REQUIRE")
	errBroken   = errors.New("INVARIANT")
)

func newJudge(t testing.TB, g *guess, c *Contract) *judge {
	conn, err := sqlite.Open(":memory:", sqlite.Options{NoPreupdate: true, ForeignKeys: true})
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{t: t, g: g, c: c, conn: conn}
	t.Cleanup(func() { conn.Close() })
	for _, o := range c.Schema {
		j.must(conn.Exec(o.SQL))
	}
	return j
}

func (j *judge) must(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

// upgrade gives a judge with the rows of this one under the next version of
// the contract.
func (j *judge) upgrade(c *Contract, version int) *judge {
	n := newJudge(j.t, j.g, &Contract{})
	n.c, n.lib, n.events = c, j.lib, &[]Event{}
	for _, o := range c.Schema {
		if o.Type != "trigger" {
			n.must(n.conn.Exec(o.SQL))
		}
	}
	n.must(n.conn.SetForeignKeys(false))
	plan, err := PlanDeploy(j.c, c, version)
	n.must(err)
	if plan.Migration != nil {
		n.must(n.conn.Exec("ATTACH ':memory:' AS old"))
		for _, o := range j.c.Schema {
			if o.Type == "table" {
				n.must(n.conn.Exec(inSchema(o.SQL, "old")))
				n.take(j, "old", j.c.Table(o.Name))
			}
		}
	}
	for _, t := range j.c.Tables {
		if !plan.remakes(t.Name) {
			n.take(j, "main", t)
		}
	}
	if plan.Migration != nil {
		n.vars = map[string]any{}
		n.must(n.body(&Action{}, plan.Migration.Body))
		n.must(n.conn.Exec("DETACH old"))
	}
	n.must(n.conn.SetForeignKeys(true))
	for _, o := range c.Schema {
		if o.Type == "trigger" {
			n.must(n.conn.Exec(o.SQL))
		}
	}
	return n
}

// take copies a table of another judge.
func (j *judge) take(from *judge, schema string, t *Table) {
	var names, marks []string
	for _, col := range t.Columns {
		if !col.Generated {
			names, marks = append(names, col.Name), append(marks, "?")
		}
	}
	list := strings.Join(names, ",")
	insert, _, err := j.conn.Prepare("INSERT OR ABORT INTO " + schema + "." + t.Name + "(" + list + ") VALUES (" + strings.Join(marks, ",") + ")")
	j.must(err)
	defer insert.Finalize()
	for _, row := range from.read("SELECT " + list + " FROM " + t.Name) {
		for i, v := range row {
			j.must(insert.Bind(i+1, v))
		}
		_, err := insert.Step()
		j.must(err)
		j.must(insert.Reset())
	}
}

// read runs a SELECT of the test's own.
func (j *judge) read(sql string) (rows [][]any) {
	st, _, err := j.conn.Prepare(sql)
	j.must(err)
	defer st.Finalize()
	for {
		ok, err := st.Step()
		j.must(err)
		if !ok {
			return rows
		}
		row := make([]any, st.ColumnCount())
		for i := range row {
			row[i] = st.Column(i)
		}
		rows = append(rows, row)
	}
}

// run runs an action as one transaction: nil if it stands.
func (j *judge) run(action string, context, values map[string]any) error {
	events := []Event(nil)
	all := []*judge{j}
	if j.lib != nil {
		all = append(all, j.lib)
	}
	for _, x := range all {
		x.events, x.rows = &events, nil
		x.must(x.conn.Exec("BEGIN"))
	}
	err := j.act(j.c.Action(action), context, values)
	for _, x := range all {
		if err == nil && x.conn.DeferredFKs() {
			err = errors.New("a deferred foreign key dangles")
		}
		for _, c := range x.g.checks {
			if err == nil && x.broken(c) {
				err = fmt.Errorf("%w %s", errBroken, c.name)
			}
		}
	}
	for _, x := range all {
		switch {
		case err == nil:
			x.must(x.conn.Exec("COMMIT"))
		case x.conn.InTransaction():
			x.must(x.conn.Exec("ROLLBACK"))
		}
	}
	return err
}

// act runs an action's body with variables of its own.
func (j *judge) act(a *Action, context, values map[string]any) error {
	before := j.vars
	defer func() { j.vars = before }()
	j.vars = map[string]any{}
	for name, v := range context {
		j.vars[name] = v
	}
	for _, p := range a.Params {
		j.vars[":"+p.Name] = p.Default
	}
	for name, v := range values {
		j.vars[":"+name] = v
	}
	err := j.body(a, a.Body)
	if errors.Is(err, errStop) {
		err = nil
	}
	return err
}

// call runs what a CALL says; values come by position here.
func (j *judge) call(k *Call) error {
	to, context := j, map[string]any{}
	for name, v := range j.vars {
		if name[0] == '@' {
			context[name] = v
		}
	}
	if k.Use != nil {
		to = j.lib
		context["@caller"], context["@contract"] = j.c.Name, to.c.Name
	}
	a, values := to.c.Action(k.Action), map[string]any{}
	if k.Values != nil {
		_, rows, err := j.query(k.Values)
		if err != nil {
			return err
		}
		for i, v := range rows[0] {
			values[a.Params[i].Name] = v
		}
	}
	before := to.rows
	to.rows = nil
	err := to.act(a, context, values)
	rows := to.rows
	to.rows = before
	if err == nil && k.Into != "" {
		j.vars[":"+k.Into] = nil
		if len(rows) > 0 {
			j.vars[":"+k.Into] = rows[0][0]
		}
	}
	return err
}

// broken tells whether an invariant is. A sum that overflows is.
func (j *judge) broken(c guessCheck) bool {
	st, _, err := j.conn.Prepare(c.broken)
	j.must(err)
	defer st.Finalize()
	row, err := st.Step()
	return row || err != nil
}

func (j *judge) body(a *Action, list []Statement) error {
	for _, s := range list {
		if err := j.statement(a, s); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) statement(a *Action, s Statement) error {
	give := func(q *Query) error {
		_, rows, err := j.query(q)
		if len(a.Returns) > 0 {
			j.rows = append(j.rows, rows...)
		}
		return err
	}
	switch {
	case s.Query != nil:
		return give(s.Query)
	case s.Require != nil:
		yes, err := j.truth(s.Require.Cond)
		if err != nil || yes {
			return err
		}
		return errRequired
	case s.Let != nil:
		_, rows, err := j.query(s.Let.Value)
		if err == nil {
			j.vars[":"+s.Let.Name] = rows[0][0]
		}
		return err
	case s.If != nil:
		yes, err := j.truth(s.If.Cond)
		if err != nil {
			return err
		}
		if yes {
			return j.body(a, s.If.Then)
		}
		return j.body(a, s.If.Else)
	case s.For != nil:
		names, rows, err := j.query(s.For.Rows)
		if err != nil {
			return err
		}
		for _, row := range rows {
			for i, name := range names {
				j.vars[":"+s.For.Row+"$"+name] = row[i]
			}
			if err := j.body(a, s.For.Body); err != nil {
				return err
			}
		}
	case s.Emit != nil:
		_, rows, err := j.query(s.Emit.Values)
		if err == nil {
			*j.events = append(*j.events, Event{Contract: j.c.Name, Name: s.Emit.Event, Fields: s.Emit.Names, Values: rows[0]})
		}
		return err
	case s.Call != nil:
		return j.call(s.Call)
	case s.Return != nil:
		if s.Return.Value != nil {
			if err := give(s.Return.Value); err != nil {
				return err
			}
		}
		return errStop
	}
	return nil
}

func (j *judge) truth(q *Query) (bool, error) {
	_, rows, err := j.query(&Query{SQL: "SELECT 1 WHERE (" + q.SQL + ")", Params: q.Params})
	return len(rows) > 0, err
}

func (j *judge) query(q *Query) (names []string, rows [][]any, err error) {
	st, _, err := j.conn.Prepare(q.SQL)
	if err != nil {
		return nil, nil, err
	}
	defer st.Finalize()
	for i, name := range q.Params {
		if err := st.Bind(i+1, j.vars[name]); err != nil {
			return nil, nil, err
		}
	}
	for i := range st.ColumnCount() {
		names = append(names, st.ColumnName(i))
	}
	for {
		ok, err := st.Step()
		if err != nil || !ok {
			return names, rows, err
		}
		row := make([]any, st.ColumnCount())
		for i := range row {
			row[i] = st.Column(i)
		}
		rows = append(rows, row)
	}
}

// agrees compares a receipt with what plain SQLite did. It runs the action only
// where the receipt says that the engine's own rules (types, limits, gas) did
// not end it: plain SQLite has none of them.
func (j *judge) agrees(tx VerifiedTransaction, r Receipt) (judged bool, err error) {
	switch r.Code {
	case "AG0403", "AG0416", "AG0417", "AG0420", "AG0421":
		return false, nil
	}
	context := map[string]any{"@caller": string(tx.header.Account), "@signer": string(tx.header.Account), "@contract": tx.header.Contract, "@ledger": tx.header.Ledger.String()}
	err = j.run(tx.header.Action, context, tx.args)
	switch {
	case (r.Status == StatusOK) != (err == nil):
		return true, fmt.Errorf("the receipt is %s %q, SQLite alone says %v", r.Code, r.Text, err)
	case err != nil && (r.Code == "AG0415") != errors.Is(err, errBroken):
		return true, fmt.Errorf("the receipt is %s %q, SQLite alone says %v", r.Code, r.Text, err)
	case err != nil:
		return true, nil
	case !reflect.DeepEqual(r.Rows, j.rows):
		return true, fmt.Errorf("the rows are %v, SQLite alone gives %v", r.Rows, j.rows)
	case !reflect.DeepEqual(r.Events, *j.events):
		return true, fmt.Errorf("the events are %v, SQLite alone gives %v", r.Events, *j.events)
	}
	return true, nil
}

// state lists a table, all columns that are not generated, in key order.
func (j *judge) state(t *Table) string {
	var names, key []string
	for _, c := range t.Columns {
		if !c.Generated {
			names = append(names, c.Name)
		}
	}
	for _, k := range t.Key {
		key = append(key, t.Columns[k].Name)
	}
	var b strings.Builder
	for _, row := range j.read("SELECT " + strings.Join(names, ",") + " FROM " + t.Name + " ORDER BY " + strings.Join(key, ",")) {
		fmt.Fprintf(&b, "%#v\n", row)
	}
	return b.String()
}
