package sqlcontract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// typeOrder is the canonical order in which objects are created.
var typeOrder = map[string]int{"table": 0, "index": 1, "view": 2, "trigger": 3}

// schema creates the contract's objects in canonical order and reads the layout
// of its tables back from SQLite, so that nothing here can disagree with it.
func (c *compiler) schema() error {
	ordered := slices.Clone(c.objects)
	slices.SortStableFunc(ordered, func(a, b *object) int {
		return cmp.Or(cmp.Compare(typeOrder[a.Type], typeOrder[b.Type]), cmp.Compare(a.Name, b.Name))
	})
	if err := c.createAll(ordered); err != nil {
		return err
	}
	upper, err := c.upperCaseNames()
	if err != nil {
		return err
	}
	if len(upper) > 0 {
		for _, o := range ordered {
			c.lowerNames(o, upper)
		}
		if err := c.createAll(ordered); err != nil {
			return err
		}
	}
	for _, o := range c.objects {
		if o.Type == "table" {
			if err := c.layout(o); err != nil {
				return err
			}
		}
	}
	for _, o := range ordered {
		if err := c.readBack(o); err != nil {
			return err
		}
		c.contract.Schema = append(c.contract.Schema, o.Object)
		for i := o.from; i < o.to; i++ {
			c.longest = max(c.longest, c.Tokens[i].LiteralLen())
		}
	}
	c.fence.schema = false
	c.fence.tables = newFence(c.contract).tables
	return c.oneTriggerPerEvent()
}

// createAll runs the CREATE statements in a new scratch database.
func (c *compiler) createAll(ordered []*object) error {
	if err := c.open(); err != nil {
		return fmt.Errorf("opening a scratch database for contract %s: %w", c.contract.Name, err)
	}
	for _, o := range ordered {
		st, err := c.prepare(o.SQL)
		if err == nil {
			_, err = st.Step()
			st.Finalize()
		}
		if err != nil {
			return c.explainObject(err, o)
		}
	}
	return nil
}

func (c *compiler) explainObject(err error, o *object) error {
	start := c.Tokens[o.from].Start
	end := c.Tokens[o.to-1].End
	return c.explain(err, func(off int) int { return min(start+off, end) }, o.from, o.to)
}

// rows runs one of our own read-only statements outside the fence.
func (c *compiler) rows(sql string, columns ...int) ([][]any, error) {
	c.conn.SetAuthorizer(nil)
	defer c.conn.SetAuthorizer(c.fence.authorize)
	st, _, err := c.conn.Prepare(sql)
	if err != nil {
		return nil, err
	}
	defer st.Finalize()
	var rows [][]any
	for {
		ok, err := st.Step()
		if err != nil || !ok {
			return rows, err
		}
		row := make([]any, len(columns))
		for k, col := range columns {
			row[k] = st.Column(col)
		}
		rows = append(rows, row)
	}
}

// upperCaseNames are the declared names that have capital letters, folded.
func (c *compiler) upperCaseNames() (map[string]bool, error) {
	upper := map[string]bool{}
	rows, err := c.rows("SELECT name FROM sqlite_schema UNION SELECT i.name FROM sqlite_schema t, pragma_table_xinfo(t.name) i WHERE t.type = 'table'", 0)
	for _, r := range rows {
		if n, _ := r[0].(string); n != aergosql.Fold(n) && !strings.HasPrefix(n, "sqlite_") {
			upper[aergosql.Fold(n)] = true
		}
	}
	return upper, err
}

// lowerNames writes the given names in lower case wherever they stand in o:
// the names of a contract are, in all that its tables show.
func (c *compiler) lowerNames(o *object, names map[string]bool) {
	start := c.Tokens[o.from].Start
	sql := []byte(o.SQL)
	for i := o.from; i < o.to; i++ {
		t := c.Tokens[i]
		if (t.Kind == aergosql.Word || t.Kind == aergosql.Quoted) && names[aergosql.Fold(strings.Trim(c.Val(i), "\"`[]"))] {
			copy(sql[t.Start-start:], aergosql.Fold(c.Val(i)))
		}
	}
	o.SQL = string(sql)
}

// layout reads the columns of a table.
func (c *compiler) layout(o *object) error {
	t := &Table{Name: o.Name, Line: c.Line(o.from)}
	rows, err := c.rows("PRAGMA table_xinfo("+o.Name+")", 1, 2, 3, 4, 5, 6)
	if err != nil {
		return c.explainObject(err, o)
	}
	key := map[int64]int{}
	for i, r := range rows {
		name, _ := r[0].(string)
		declared, _ := r[1].(string)
		notNull, _ := r[2].(int64)
		pk, _ := r[4].(int64)
		hidden, _ := r[5].(int64)
		at := c.find(o, name)
		col := Column{Name: name, Type: strings.ToUpper(declared), NotNull: notNull != 0, Generated: hidden != 0}
		if n, ok := aergosql.PlainName(name); !ok || n != name {
			return c.Fail(codeSchema, at, "use at most 63 of a-z, 0-9 and _", "%s is no name of a column", name)
		} else if slices.Contains(aergosql.Reserved(), n) {
			return c.Fail(codeSchema, at, "choose another name", "%s is a word of the language", n)
		} else if n == "rowid" || n == "oid" || n == "_rowid_" {
			return c.Fail(codeSchema, at, "choose another name", "%s is the engine's name for the rowid", n)
		}
		col.Type = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(col.Type, "GENERATED ALWAYS"), "ALWAYS"))
		switch col.Type {
		case "INTEGER", "TEXT", "BLOB":
		case "INT":
			return c.Fail(codeSchema, at, "write INTEGER", "the types are INTEGER, TEXT and BLOB, %s has INT", name)
		case "REAL":
			return c.Fail(codeFence, at, "use INTEGER and count in the smallest unit", "the column %s is REAL: machines and versions may round it differently", name)
		default:
			return c.Fail(codeSchema, at, "the types are INTEGER, TEXT and BLOB; a column holds one of them", "the column %s has the type %s", name, col.Type)
		}
		if d, ok := r[3].(string); ok && !col.Generated {
			if err := c.columnDefault(&col, d, at); err != nil {
				return err
			}
		}
		if pk > 0 {
			key[pk-1] = i
		} else if !col.Generated {
			t.Values = append(t.Values, i)
		}
		t.Columns = append(t.Columns, col)
	}
	for k := range len(key) {
		i := key[int64(k)]
		t.Key = append(t.Key, i)
		if !t.Columns[i].NotNull {
			return c.Fail(codeSchema, c.find(o, t.Columns[i].Name), "add NOT NULL", "the key column %s may be NULL", t.Columns[i].Name)
		}
	}
	if len(t.Key) == 0 {
		return c.Fail(codeSchema, c.Tokens[o.from].Start, "add PRIMARY KEY to a column, or PRIMARY KEY (a, b) at the end", "the table %s has no primary key", o.Name)
	}
	c.contract.Tables = append(c.contract.Tables, t)
	return c.foreignKeys(o)
}

// columnDefault takes the text of a DEFAULT, which must be one literal of the
// column's type: missing trailing cells of stored rows stand for it.
func (c *compiler) columnDefault(col *Column, text string, at int) error {
	toks := aergosql.Split(text)
	minus := false
	if len(toks) == 2 && (text[toks[0].Start:toks[0].End] == "-" || text[toks[0].Start:toks[0].End] == "+") && toks[1].Kind == aergosql.Integer {
		minus = text[toks[0].Start] == '-'
		toks = toks[1:]
	}
	if len(toks) == 1 {
		if v, ok := literal(text[toks[0].Start:toks[0].End], toks[0].Kind, minus); ok {
			if v != nil && typeOf(v) != col.Type {
				return c.Fail(codeSchema, at, "write the default as "+col.Type, "the default of %s is %s, the column %s", col.Name, typeOf(v), col.Type)
			}
			col.Default = v
			return nil
		}
	}
	return c.Fail(codeSchema, at, "write a number, 'text', x'blob' or NULL; the action can compute the value", "the default of %s is not a constant: %s", col.Name, text)
}

// foreignKeys checks that every FOREIGN KEY points into the contract.
func (c *compiler) foreignKeys(o *object) error {
	rows, err := c.rows("PRAGMA foreign_key_list("+o.Name+")", 2)
	if err != nil {
		return c.explainObject(err, o)
	}
	for _, r := range rows {
		to, _ := r[0].(string)
		if !slices.ContainsFunc(c.objects, func(x *object) bool { return x.Type == "table" && x.Name == aergosql.Fold(to) }) {
			return c.Fail(codeUnknown, c.find(o, to), "a FOREIGN KEY stays within the contract", "no such table: %s%s", aergosql.Fold(to), aergosql.DidYouMean(aergosql.Fold(to), c.tableNames()))
		}
	}
	return nil
}

// find is the place of a name in o, past its header, or the beginning of o.
func (c *compiler) find(o *object, name string) int {
	i := c.findWord(o.from+3, o.to, aergosql.Fold(name))
	return c.Tokens[max(i, o.from)].Start
}

// readBack compares what SQLite made of o with what the parser read.
func (c *compiler) readBack(o *object) error {
	rows, err := c.rows("SELECT type, tbl_name, sql FROM sqlite_schema WHERE name = '"+o.Name+"'", 0, 1, 2)
	if err != nil {
		return c.explainObject(err, o)
	}
	if len(rows) != 1 || rows[0][0] != o.Type {
		return c.Fail(codeSyntax, c.Tokens[o.from].Start, "", "this does not create the %s %s", o.Type, o.Name)
	}
	o.Table, _ = rows[0][1].(string)
	return nil
}

// oneTriggerPerEvent refuses a second trigger of one table and event: two would
// run in an order that depends on how the database came about.
func (c *compiler) oneTriggerPerEvent() error {
	seen := map[string]*object{}
	for _, o := range c.objects {
		if o.Type != "trigger" {
			continue
		}
		k := o.Table + " " + o.event
		if old := seen[k]; old != nil {
			return c.Fail(codeSchema, c.Tokens[o.from].Start, "put both bodies into one trigger",
				"%s has a trigger for %s already (BEFORE, AFTER and INSTEAD OF count together), %s in line %d", o.Table, o.event, old.Name, c.Line(old.from))
		}
		seen[k] = o
	}
	return nil
}

// checkDML prepares a statement of every kind on every table and view, so that
// CHECKs, generated columns, indexes, views, foreign keys and trigger bodies
// meet the fence now and not in the first transaction that runs them.
func (c *compiler) checkDML() error {
	try := func(o *object, sql string) error {
		event, _, _ := strings.Cut(sql, " ")
		c.fence.note = c.noteOf(o.Name + " " + event)
		st, err := c.prepare(sql)
		if err != nil {
			return c.explain(err, nil, o.from, o.to)
		}
		return st.Finalize()
	}
	for _, o := range c.objects {
		var err error
		switch o.Type {
		case "table":
			for _, sql := range c.tableDML(o.Name) {
				if err = try(o, sql); err != nil && c.triggerOf(o, sql) == nil {
					return err
				}
			}
		case "view":
			if err = try(o, "SELECT * FROM "+o.Name); err != nil {
				return err
			}
		}
	}
	for _, o := range c.objects {
		if o.Type != "trigger" {
			continue
		}
		if err := try(o, c.triggerDML(o)); err != nil {
			return err
		}
	}
	return nil
}

// tableDML is an INSERT, UPDATE of all columns, and DELETE.
func (c *compiler) tableDML(table string) []string {
	var set []string
	for _, col := range c.contract.Table(table).Columns {
		if !col.Generated {
			set = append(set, col.Name+" = "+col.Name)
		}
	}
	return []string{
		"INSERT INTO " + table + " DEFAULT VALUES",
		"UPDATE " + table + " SET " + strings.Join(set, ", "),
		"DELETE FROM " + table,
	}
}

// triggerOf is the trigger that the statement fires on o, or nil.
func (c *compiler) triggerOf(o *object, sql string) *object {
	event, _, _ := strings.Cut(sql, " ")
	for _, t := range c.objects {
		if t.Type == "trigger" && t.Table == o.Name && t.event == event {
			return t
		}
	}
	return nil
}

// triggerDML is a statement that fires trigger o.
func (c *compiler) triggerDML(o *object) string {
	if c.contract.Table(o.Table) != nil {
		for _, sql := range c.tableDML(o.Table) {
			if strings.HasPrefix(sql, o.event) {
				return sql
			}
		}
	}
	switch o.event { // on a view
	case "INSERT":
		return "INSERT INTO " + o.Table + " DEFAULT VALUES"
	case "DELETE":
		return "DELETE FROM " + o.Table
	}
	rows, _ := c.rows("PRAGMA table_xinfo("+o.Table+")", 1) // no rows: SQLite's own error follows
	var set []string
	for _, r := range rows {
		n := "\"" + strings.ReplaceAll(fmt.Sprint(r[0]), "\"", "\"\"") + "\""
		set = append(set, n+" = "+n)
	}
	return "UPDATE " + o.Table + " SET " + strings.Join(set, ", ")
}
