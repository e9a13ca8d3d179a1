package sqlcontract

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
)

// queries prepares every query of the actions and invariants, in source order:
// a FOR comes before its body, which may name the columns of its rows.
func (c *compiler) queries() error {
	for _, v := range c.contract.Invariants {
		if err := c.invariantTable(v); err != nil {
			return err
		}
	}
	for _, p := range c.pending {
		if err := c.query(p); err != nil {
			return err
		}
	}
	return nil
}

// place maps an offset in the query's SQL to one in the source.
func (p *pending) place(off int) int {
	at := p.q.Offset
	for _, s := range p.segments {
		if off >= s.sql {
			at = s.src + min(off-s.sql, s.n)
		}
	}
	return at
}

func (c *compiler) query(p *pending) error {
	for _, r := range p.refs {
		if !slices.Contains(r.row.columns, r.column) {
			return c.Fail(codeUnknown, r.off, "the row has "+strings.Join(r.row.columns, ", "), "the row %s has no column %s%s", r.row.name, r.column, aergosql.DidYouMean(r.column, r.row.columns))
		}
	}
	from, to := c.tokens(p)
	c.notePending(p)
	st, err := c.prepare(p.q.SQL)
	if err != nil {
		return c.explain(err, p.place, from, to)
	}
	defer st.Finalize()
	p.q.ReadOnly = st.ReadOnly()
	p.q.Literal = max(p.q.Literal, c.longest)
	if err := c.weigh(p.q); err != nil {
		return c.explain(err, p.place, from, to)
	}
	for i := range st.ParamCount() {
		p.q.Params = append(p.q.Params, st.ParamName(i+1))
	}
	columns := st.ColumnCount()
	if !p.q.ReadOnly && p.use != useStatement {
		return c.Fail(codeSyntax, p.q.Offset, "write it as a statement of its own", "only a SELECT can stand here")
	}
	if p.use == useCheck {
		return c.seeks(p)
	}
	if a := p.action; a.ReadOnly && !p.q.ReadOnly {
		return c.Fail(codeSchema, p.q.Offset, "leave READONLY out of the action", "the action %s is READONLY and this writes", a.Name)
	}
	switch {
	case p.use == useRows:
		p.rows.columns = make([]string, 0, columns)
		for i := range columns {
			name := st.ColumnName(i)
			if aergosql.Fold(name) != name {
				if _, ok := aergosql.PlainName(name); ok {
					return c.Fail(codeSchema, p.q.Offset, "write AS "+aergosql.Fold(name), "the column %s of the rows is not in lower case", name)
				}
			}
			if slices.Contains(p.rows.columns, name) {
				return c.Fail(codeSchema, p.q.Offset, "give one of them another name with AS", "two columns of the rows are named %s", name)
			}
			p.rows.columns = append(p.rows.columns, name)
		}
	case p.use == useReturn || p.use == useStatement && columns > 0:
		if n := len(p.action.Returns); c.old != nil {
			return c.Fail(codeSchema, p.q.Offset, "use LET for a value, FOR for rows, or EMIT an event", "this gives rows, and nobody has called a MIGRATION")
		} else if n == 0 {
			return c.Fail(codeSchema, p.q.Offset, "declare RETURNS (name TYPE, …) before AS, or use LET", "this returns rows and the action %s declares none", p.action.Name)
		} else if n != columns {
			return c.Fail(codeSchema, p.q.Offset, "", "this returns %s, RETURNS of %s declares %d", aergosql.Plural(columns, "column"), p.action.Name, n)
		}
	}
	return nil
}

// tokens is the range of tokens of a query.
func (c *compiler) tokens(p *pending) (from, to int) {
	last := p.segments[len(p.segments)-1]
	from, _ = slices.BinarySearchFunc(c.Tokens, p.q.Offset, func(t aergosql.Token, off int) int { return t.Start - off })
	to, _ = slices.BinarySearchFunc(c.Tokens, last.src+last.n, func(t aergosql.Token, off int) int { return t.Start - off })
	return from, to
}

// seeks refuses a FOR EACH whose subqueries read whole tables: it runs once per
// changed row.
func (c *compiler) seeks(p *pending) error {
	rows, err := c.rows("EXPLAIN QUERY PLAN "+p.q.SQL, 3)
	if err != nil {
		from, to := c.tokens(p)
		return c.explain(err, p.place, from, to)
	}
	for _, r := range rows {
		detail, _ := r[0].(string)
		table, ok := strings.CutPrefix(detail, "SCAN ")
		if !ok || table == "CONSTANT ROW" || strings.HasPrefix(table, "(") || strings.Contains(table, " VIRTUAL TABLE ") {
			continue // a subquery's own lines follow; json_each is as long as its text
		}
		if table, _, _ = strings.Cut(table, " "); table != "" {
			return c.Fail(codeSchema, p.q.Offset, "look rows up by key or CREATE INDEX; for sums over a table use TOTAL", "this CHECK reads all of %s for every changed row", table)
		}
	}
	return nil
}

// invariantTable turns a FOR EACH check into its query over one row, and checks
// the table and columns of a TOTAL.
func (c *compiler) invariantTable(v *Invariant) error {
	at := c.places[v]
	t := c.contract.Table(v.Table)
	if t == nil {
		return c.Fail(codeUnknown, at, "", "the invariant %s names no table: %s%s", v.Name, v.Table, aergosql.DidYouMean(v.Table, c.tableNames()))
	}
	if v.Check != nil {
		i := slices.IndexFunc(c.pending, func(p *pending) bool { return p.q == v.Check })
		var where []string
		for k, col := range t.Key {
			where = append(where, t.Columns[col].Name+" = ?"+strconv.Itoa(k+1))
		}
		p := c.pending[i]
		v.Check.SQL += " FROM " + v.Table + " WHERE " + strings.Join(where, " AND ")
		p.q = v.Check
		return nil
	}
	if v.Column != "" {
		col, err := c.column(t, v.Column, c.places[&v.Column])
		if err != nil {
			return err
		}
		if col.Type != "INTEGER" || col.Generated {
			return c.Fail(codeSchema, c.places[&v.Column], "sum a stored INTEGER column", "%s.%s is %s", t.Name, col.Name, describe(col))
		}
	}
	for _, by := range v.By {
		col, err := c.column(t, by, c.places[&v.By])
		if err != nil {
			return err
		}
		if !col.NotNull || col.Generated {
			return c.Fail(codeSchema, c.places[&v.By], "a BY key is stored and NOT NULL", "%s.%s is %s", t.Name, col.Name, describe(col))
		}
	}
	if v.Compare != nil && v.Compare.Table != "" {
		return c.operand(v, t)
	}
	return nil
}

func describe(col *Column) string {
	switch {
	case col.Generated:
		return "a generated column"
	case !col.NotNull:
		return col.Type + " that may be NULL"
	}
	return col.Type
}

// operand settles what name.column in a CHECK of a TOTAL is.
func (c *compiler) operand(v *Invariant, t *Table) error {
	x := v.Compare
	at := c.places[x]
	var other *Invariant
	for _, o := range c.contract.Invariants {
		if o.Name == x.Table && o.Check == nil && x.Column == "total" {
			other = o
		}
	}
	to := c.contract.Table(x.Table)
	switch {
	case other != nil && to != nil:
		return c.Fail(codeSchema, at, "rename one of them", "%s is both a table and an invariant", x.Table)
	case other == v:
		return c.Fail(codeSchema, at, "", "the total is compared with itself")
	case other != nil:
		ot := c.contract.Table(other.Table)
		if ot == nil || !c.equalKeys(t, v.By, ot, other.By) {
			return c.Fail(codeSchema, at, "give both the same BY columns", "the totals %s and %s have different BY keys", v.Name, other.Name)
		}
		x.Other, x.Table, x.Column = other.Name, "", ""
		return nil
	case to == nil:
		return c.Fail(codeUnknown, at, "", "no table or TOTAL invariant is named %s%s", x.Table, aergosql.DidYouMean(x.Table, c.tableNames()))
	}
	col, err := c.column(to, x.Column, at)
	if err != nil {
		return err
	}
	if col.Type != "INTEGER" || col.Generated {
		return c.Fail(codeSchema, at, "compare with a stored INTEGER column", "%s.%s is %s", to.Name, col.Name, describe(col))
	}
	var key []string
	for _, k := range to.Key {
		key = append(key, to.Columns[k].Name)
	}
	if !c.equalKeys(t, v.By, to, key) {
		return c.Fail(codeSchema, at, "sum BY the columns that hold the key of "+to.Name, "the BY key of %s is not of the kind of the primary key of %s (%s)", v.Name, to.Name, strings.Join(key, ", "))
	}
	return nil
}

// equalKeys tells whether two lists of columns have the same types in order.
func (c *compiler) equalKeys(a *Table, as []string, b *Table, bs []string) bool {
	return slices.EqualFunc(as, bs, func(x, y string) bool {
		return a.column(x) != nil && b.column(y) != nil && a.column(x).Type == b.column(y).Type
	})
}

// column finds a column by name, or nil.
func (t *Table) column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

func (c *compiler) column(t *Table, name string, at int) (*Column, error) {
	if col := t.column(name); col != nil {
		return col, nil
	}
	var names []string
	for _, col := range t.Columns {
		names = append(names, col.Name)
	}
	return nil, c.Fail(codeUnknown, at, t.Name+" has "+strings.Join(names, ", "), "no such column: %s.%s%s", t.Name, name, aergosql.DidYouMean(name, names))
}

// rules checks the MERGE RULEs against tables and actions.
func (c *compiler) rules() error {
	whole := map[string]bool{} // "table" or "table.column" that has a rule
	for i := range c.contract.Rules {
		r := &c.contract.Rules[i]
		at := c.places[i]
		t := c.contract.Table(r.Table)
		if t == nil {
			return c.Fail(codeUnknown, at, "", "the merge rule names no table: %s%s", r.Table, aergosql.DidYouMean(r.Table, c.tableNames()))
		}
		covered := r.Columns
		names := []string{r.Table}
		if len(covered) == 0 {
			for _, v := range t.Values {
				covered = append(covered, t.Columns[v].Name)
			}
		} else {
			names = nil
			for _, col := range covered {
				names = append(names, r.Table+"."+col)
			}
		}
		for _, n := range names {
			if whole[n] {
				return c.Fail(codeSchema, at, "leave one of them", "%s has a merge rule already", n)
			}
			whole[n] = true
		}
		for _, name := range covered {
			col, err := c.column(t, name, at)
			if err != nil {
				return err
			}
			if err := c.rule(r, t, col, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// rule checks a rule for one column.
func (c *compiler) rule(r *MergeRule, t *Table, col *Column, at int) error {
	i := slices.IndexFunc(t.Columns, func(x Column) bool { return x.Name == col.Name })
	switch {
	case slices.Contains(t.Key, i):
		return c.Fail(codeSchema, at, "name other columns", "%s.%s is part of the key, which does not change", t.Name, col.Name)
	case col.Generated:
		return c.Fail(codeSchema, at, "give rules for the columns it is made of", "%s.%s is a generated column", t.Name, col.Name)
	case r.By == "DELTA" && (col.Type != "INTEGER" || !col.NotNull):
		return c.Fail(codeSchema, at, "declare it INTEGER NOT NULL", "DELTA adds up changes, and %s.%s is %s", t.Name, col.Name, describe(col))
	case r.By != "ACTION":
		return nil
	}
	a := c.contract.Action(r.Action)
	if a == nil {
		var names []string
		for _, x := range c.contract.Actions {
			names = append(names, x.Name)
		}
		return c.Fail(codeUnknown, at, "", "there is no action %s%s", r.Action, aergosql.DidYouMean(r.Action, names))
	}
	want := "declare CREATE ACTION " + a.Name + "(:base " + col.Type + ", :ours " + col.Type + ", :theirs " + col.Type + ") PRIVATE READONLY RETURNS (value " + col.Type + ")"
	if a.Visibility != Private || !a.ReadOnly || a.Constructor || len(a.Params) != 3 || len(a.Returns) != 1 {
		return c.Fail(codeSchema, at, want, "the action %s does not have the form that a merge rule needs", a.Name)
	}
	for k, n := range []string{"base", "ours", "theirs"} {
		if a.Params[k].Name != n || a.Params[k].Type != col.Type {
			return c.Fail(codeSchema, at, want, "the action %s does not take the values of %s.%s", a.Name, t.Name, col.Name)
		}
	}
	if a.Returns[0].Type != col.Type {
		return c.Fail(codeSchema, at, want, "the action %s returns %s, %s.%s is %s", a.Name, a.Returns[0].Type, t.Name, col.Name, col.Type)
	}
	return nil
}

// weigh sets a query's weight by the program that SQLite makes of it: that of
// views, triggers, cascades and CHECKs is part of it.
func (c *compiler) weigh(q *Query) error {
	program, err := c.rows("EXPLAIN "+q.SQL, 1, 5)
	if err != nil {
		return err
	}
	q.weight, err = sqlfunc.WeightOf(program)
	return err
}
