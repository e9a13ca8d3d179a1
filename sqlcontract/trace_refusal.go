package sqlcontract

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Refusal explains why a transaction failed, from what it met when it did. It is
// for people, is made on their own machine, and is no part of any receipt. What
// cannot be told for certain is left out.
type Refusal struct {
	Code, Text string // as in the receipt

	Contract string
	Action   string // empty where no action is to blame
	Line     int    // in the contract's source, from 1; 0 where no line is
	Excerpt  string // that line with a caret under the place; two lines
	Rule     string // what was not kept: "CHECK (stock >= 0)", "sell(:sku TEXT, :n INTEGER)"

	Values []NamedValue // parameters and variables that the statement used
	Looked []Looked     // rows that it met
	Notes  []string     // sentences

	// Of a refusal for want of permission (AG0402): who may.
	Owner  objectstore.Account
	Roles  []string
	Caller string // a contract that called the action; empty: the signer did
}

// NamedValue is a variable as the contract's source writes it: ":n", ":row.id",
// "@caller".
type NamedValue struct {
	Name  string
	Value any // nil, int64, string or []byte
}

// Looked is some rows of one table, or of a join.
type Looked struct {
	Title   string // "item", "item would become"
	Columns []string
	Rows    [][]any // none: no row matched
	More    bool    // there are others
}

// String is the refusal in lines for a terminal; it does not repeat code and
// text. Control characters in it are the contract's.
func (r Refusal) String() string {
	var lines []string
	if r.Excerpt != "" {
		lines = append(lines, r.Excerpt)
	}
	if r.Rule != "" {
		lines = append(lines, r.Rule)
	}
	if len(r.Values) > 0 {
		parts := make([]string, len(r.Values))
		for i, v := range r.Values {
			parts[i] = v.Name + " = " + show(v.Value)
		}
		lines = append(lines, "with "+strings.Join(parts, ", "))
	}
	for _, l := range r.Looked {
		lines = append(lines, l.lines()...)
	}
	return strings.Join(append(lines, r.Notes...), "\n")
}

func (l Looked) lines() []string {
	if len(l.Rows) == 0 {
		return []string{l.Title + ": no row matched"}
	}
	var lines []string
	for _, row := range l.Rows {
		parts := make([]string, len(row))
		for i, v := range row {
			parts[i] = l.Columns[i] + "=" + show(v)
		}
		lines = append(lines, l.Title+": "+strings.Join(parts, " "))
	}
	if l.More {
		lines = append(lines, l.Title+": and more")
	}
	return lines
}

// show writes a value as SQL does, cut to what fits a line.
func show(v any) string {
	const most = 60
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		if r := []rune(v); len(r) > most {
			v = string(r[:most]) + "…"
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		if len(v) > most/2 {
			return "x'" + hex.EncodeToString(v[:most/2]) + "…'"
		}
		return "x'" + hex.EncodeToString(v) + "'"
	}
	return "NULL"
}

// Refusal explains a step that failed. It reads rows as they are at that
// moment: call it inside the observer, for the first step that has a Code.
func (s Step) Refusal() Refusal {
	f := Refusal{Code: s.Code, Text: s.Text}
	r := s.run
	if r == nil || r.contract == nil {
		return f
	}
	c := r.contract.contract
	if s.Contract != nil {
		c = s.Contract
	}
	f.Contract = c.Name
	if s.Action != nil {
		f.Action = s.Action.Name
	}
	if s.Statement != nil {
		f.place(c, s.Statement.Offset)
	}
	if c != r.contract.contract || r.db == nil {
		return f // another contract is at work: its rows are not ours to show
	}
	l := looker{run: r, contract: c}
	switch {
	case s.Statement == nil:
		f.outside(l)
	case s.Statement.Call != nil:
		f.called(l, s.Statement.Call)
	case s.Statement.Require != nil && s.Code == "AG0410":
		q := s.Statement.Require.Cond
		f.place(c, q.Offset)
		looked, values := l.subqueries(q.SQL)
		f.Looked, f.Values = looked, append(l.values(q), values...)
	case s.Statement.query() != nil && s.Code != "AG0420":
		q := s.Statement.query()
		f.Values = l.values(q)
		f.constraint(l, q)
	}
	return f
}

// query is what a statement runs itself, or nil.
func (st *Statement) query() *Query {
	switch {
	case st.Query != nil:
		return st.Query
	case st.Require != nil:
		return st.Require.Cond
	case st.Let != nil:
		return st.Let.Value
	case st.If != nil:
		return st.If.Cond
	case st.For != nil:
		return st.For.Rows
	case st.Emit != nil:
		return st.Emit.Values
	case st.Call != nil:
		return st.Call.Values
	case st.Return != nil:
		return st.Return.Value
	}
	return nil
}

// place points at an offset in the source.
func (f *Refusal) place(c *Contract, off int) {
	s := aergosql.PlainText(c.Name, c.Source)
	f.Line, _ = s.At(off)
	f.Excerpt = s.Excerpt(off)
}

// constraint explains what a statement broke.
func (f *Refusal) constraint(l looker, q *Query) {
	w, written := parseWrite(l.contract, q.SQL)
	switch f.Code {
	case "AG0411":
		t, check, off := findCheck(l.contract, f.Text)
		if t == nil {
			return
		}
		f.Notes = append(f.Notes, fmt.Sprintf("line %d runs into it: %s", f.Line, q.short()))
		f.place(l.contract, off)
		if written && w.table == t {
			f.Looked = l.found(t.Name+" would have", w.breaks(check))
		}
	case "AG0412":
		table, columns := keyNames(f.Text)
		if table == "" {
			return
		}
		f.Rule = table + " has one row for each " + strings.Join(columns, ", ")
		if written && w.table.Name == table {
			f.Looked = l.found(table+" has", w.taken(columns))
		}
	case "AG0413":
		f.Rule = f.Text + " is NOT NULL"
	case "AG0414":
		if written {
			f.foreignKeys(l, w)
		}
	}
}

// short is a statement's SQL on one line, as the source writes it.
func (q *Query) short() string {
	text := []rune(oneLine(q.SQL))
	if len(text) > 80 {
		text = append(text[:80], '…')
	}
	return strings.ReplaceAll(string(text), "$", ".")
}

// keyNames reads what SQLite says of a key that is taken: "item.sku, item.shop".
func keyNames(text string) (table string, columns []string) {
	for _, part := range strings.Split(text, ", ") {
		t, c, ok := strings.Cut(part, ".")
		if !ok || table != "" && t != table {
			return "", nil
		}
		table, columns = t, append(columns, c)
	}
	return table, columns
}

// outside explains what failed besides the statements.
func (f *Refusal) outside(l looker) {
	r := l.run
	switch f.Code {
	case "AG0402":
		f.Owner = r.contract.owner
		if a := l.contract.Action(r.called); a != nil {
			f.Action = a.Name
			f.Line = a.Line
			f.permission(a)
		}
	case "AG0403":
		if a := l.contract.Action(r.called); a != nil {
			f.Action = a.Name
			f.Rule = a.signature()
			f.argument(r, a)
		}
	case "AG0414":
		f.Notes = append(f.Notes, l.dangling()...)
	case "AG0415":
		f.invariant(l)
	}
}

// called explains a CALL that did not come to run its action.
func (f *Refusal) called(l looker, k *Call) {
	f.place(l.contract, k.Offset)
	if k.Values != nil {
		f.Values = l.values(k.Values)
	}
	d := l.run.contract
	if k.Use != nil {
		var err error
		if d, err = l.run.find(k.Use.Contract); err != nil || d == nil {
			return
		}
	}
	a := d.contract.Action(k.Action)
	if a == nil {
		return
	}
	switch f.Code {
	case "AG0402":
		f.Contract, f.Action, f.Owner = d.contract.Name, a.Name, d.owner
		f.permission(a)
		if k.Use != nil {
			f.Caller = l.contract.Name
			f.Notes = append(f.Notes, "the contract "+f.Caller+" called it, and acts as itself: who signed does not count")
		}
	case "AG0403":
		f.Rule = d.contract.Name + "." + a.signature()
	}
}

func (f *Refusal) permission(a *Action) {
	switch {
	case a.Constructor:
		f.Notes = append(f.Notes, a.Name+" is the CONSTRUCTOR: it runs at the deploy and is never called")
	case a.Visibility == Owner:
		f.Notes = append(f.Notes, a.Name+" is for the owner of "+f.Contract)
	case a.Visibility == Role:
		f.Roles = slices.Clone(a.Roles)
		f.Notes = append(f.Notes, a.Name+" is for the role "+strings.Join(a.Roles, " or ")+" of "+f.Contract+", and for its owner")
	case a.Visibility == Private:
		f.Notes = append(f.Notes, a.Name+" is PRIVATE: only "+f.Contract+" itself uses it")
	}
}

// argument says what is wrong with the argument that the text names.
func (f *Refusal) argument(r *run, a *Action) {
	v, given := r.args[f.Text]
	for _, p := range a.Params {
		switch {
		case p.Name != f.Text:
			continue
		case !given:
			f.Notes = append(f.Notes, "the argument "+p.Name+" is missing")
		default:
			f.Notes = append(f.Notes, "the argument "+p.Name+" is "+show(v)+", which is no "+p.Type)
		}
		return
	}
	f.Notes = append(f.Notes, "there is no argument "+f.Text)
}

// signature is an action as its declaration begins.
func (a *Action) signature() string {
	parts := make([]string, len(a.Params))
	for i, p := range a.Params {
		parts[i] = ":" + p.Name + " " + p.Type
		if p.HasDefault {
			parts[i] += " DEFAULT " + show(p.Default)
		}
	}
	return a.Name + "(" + strings.Join(parts, ", ") + ")"
}

// outOfGas names the statement that used most.
func (f *Refusal) outOfGas(r *Report) {
	var most *Line
	var sum uint64
	for i := range r.Lines {
		sum += r.Lines[i].Gas
		if most == nil || r.Lines[i].Gas > most.Gas {
			most = &r.Lines[i]
		}
	}
	if most == nil || sum == 0 {
		return
	}
	runs := "once"
	if most.Runs > 1 {
		runs = fmt.Sprintf("%d times", most.Runs)
	}
	f.Notes = append(f.Notes, fmt.Sprintf("line %d of %s used most, %d%% of the gas of all statements; it ran %s: %s",
		most.Line, most.Contract, most.Gas*100/sum, runs, most.Text))
}
