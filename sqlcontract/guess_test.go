package sqlcontract

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// guess writes random contracts and random calls of them. Equal seeds write
// equal ones.
type guess struct {
	*rand.Rand
	tables  []*guessTable
	objects []string // indexes, views, triggers and invariants
	checks  []guessCheck
	acts    []*guessAction
	serial  int // makes names

	version   int    // in force; 1 after the first deploy
	migration string // the MIGRATION block of the source being written

	lib *guess // another contract, named lib, whose actions this one may call; or nil
}

type guessTable struct {
	name    string
	columns []string // of which the first are the key; never the generated one
	types   []string
	keys    int
	parts   []string // between the parentheses of CREATE TABLE
	view    string   // a view on it, or ""
}

// guessCheck is an INVARIANT as plain SQL: a query that gives a row where it is
// broken.
type guessCheck struct{ name, broken string }

// guessAction is an action while it is being written.
type guessAction struct {
	name    string
	params  []string // types
	returns []string // types; none: no rows
	vars    []string // types of :v0, :v1, …
	rows    []guessRow
	from    *guessTable // whose columns an expression may name
	depth   int
}

// guessRow is the row of a FOR around a statement.
type guessRow struct {
	name           string
	columns, types []string
}

func (g *guess) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *guess) chance(n int) bool { return g.IntN(n) == 0 }

func (g *guess) typ() string { return g.pick("INTEGER", "INTEGER", "TEXT", "BLOB") }

func (g *guess) name(prefix string) string { g.serial++; return fmt.Sprintf("%s%d", prefix, g.serial) }

// contract writes a contract that compiles: what does not is left out.
func (g *guess) contract(name string) (*Contract, string) {
	for {
		*g = guess{Rand: g.Rand, version: 1, lib: g.lib}
		for i := range 1 + g.IntN(3) {
			g.table(i)
		}
		if _, err := Compile(name, g.source()); err != nil {
			continue
		}
		for _, t := range g.tables {
			for range 2 {
				g.object(name, t)
			}
			if g.chance(3) {
				g.invariant(name, t)
			}
		}
		return g.actions(name)
	}
}

// actions writes new ones.
func (g *guess) actions(name string) (c *Contract, source string) {
	g.acts = nil
	head := g.source()
	for range 5 + g.IntN(6) {
		a := &guessAction{name: g.name("act")}
		if g.chance(2) {
			for range 1 + g.IntN(2) {
				a.returns = append(a.returns, g.typ())
			}
		}
		text := g.body(a, 1+g.IntN(4))
		var params, returns []string
		for j, typ := range a.params {
			params = append(params, fmt.Sprintf(":p%d %s DEFAULT NULL", j, typ))
		}
		for j, typ := range a.returns {
			returns = append(returns, fmt.Sprintf("r%d %s", j, typ))
		}
		text = "BEGIN\n" + text + "END;\n"
		if returns != nil {
			text = "RETURNS (" + strings.Join(returns, ", ") + ") AS " + text
		} else {
			text = "AS " + text
		}
		text = fmt.Sprintf("CREATE ACTION %s(%s) PUBLIC %s", a.name, strings.Join(params, ", "), text)
		if _, err := Compile(name, head+source+text); err != nil {
			continue
		}
		g.acts = append(g.acts, a)
		source += text
	}
	if len(g.acts) == 0 {
		return g.actions(name)
	}
	c, err := Compile(name, head+source)
	if err != nil {
		panic(err)
	}
	return c, head + source
}

// source is all but the actions.
func (g *guess) source() string {
	var b strings.Builder
	b.WriteString("DIALECT 1;\n")
	if g.lib != nil {
		b.WriteString("USE lib AS l;\n")
	}
	for _, t := range g.tables {
		fmt.Fprintf(&b, "CREATE TABLE %s (\n  %s\n);\n", t.name, strings.Join(t.parts, ",\n  "))
	}
	for _, o := range g.objects {
		b.WriteString(o)
	}
	b.WriteString(g.migration)
	return b.String()
}

func (g *guess) table(i int) {
	t := &guessTable{name: fmt.Sprintf("t%d", i), keys: 1 + g.IntN(2)}
	for range t.keys + 1 + g.IntN(4) {
		g.column(t)
	}
	if g.chance(3) {
		at := g.IntN(len(t.parts))
		t.parts = slices.Insert(t.parts, at, "g TEXT GENERATED ALWAYS AS (hex(c0) || coalesce(hex(c1), 0)) "+g.pick("STORED", "VIRTUAL"))
	}
	if g.chance(4) {
		t.parts = append(t.parts, "UNIQUE ("+strings.Join(t.columns[len(t.columns)-2:], ", ")+")"+g.pick("", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE"))
	}
	if g.chance(4) {
		t.parts = append(t.parts, "CHECK ("+t.columns[0]+" IS NOT "+t.columns[len(t.columns)-1]+")")
	}
	t.parts = append(t.parts, "PRIMARY KEY ("+strings.Join(t.columns[:t.keys], ", ")+")"+g.pick("", "", "", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE"))
	g.tables = append(g.tables, t)
}

var guessDefaults = map[string]string{"INTEGER": "3", "TEXT": "'b'", "BLOB": "x'02'"}

// column adds one, behind the others.
func (g *guess) column(t *guessTable) {
	j := len(t.columns)
	name, typ := fmt.Sprintf("c%d", j), g.pick("INTEGER", "TEXT", "BLOB")
	decl := name + " " + typ
	if j < t.keys || g.chance(4) {
		decl += " NOT NULL"
	}
	if j >= t.keys && g.chance(2) {
		decl += " DEFAULT " + guessDefaults[typ]
	}
	if j >= t.keys && g.chance(4) {
		decl += " UNIQUE"
		if g.chance(3) {
			decl += " ON CONFLICT " + g.pick("REPLACE", "IGNORE")
		}
	}
	if g.chance(4) {
		decl += " CHECK (" + map[string]string{
			"INTEGER": name + g.pick(" < 5", " <> -9223372036854775808", " BETWEEN -3 AND 9223372036854775807"),
			"TEXT":    g.pick("length("+name+") < 2000", name+" NOT LIKE '%b%'", "upper("+name+") <> 'C'"),
			"BLOB":    "octet_length(" + name + ") <> 2",
		}[typ] + ")"
	}
	if len(g.tables) > 0 && j >= t.keys && g.chance(3) {
		parent := g.tables[g.IntN(len(g.tables))]
		if parent.keys == 1 && parent.types[0] == typ {
			decl += " REFERENCES " + parent.name + " ON DELETE " + g.pick("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION") +
				" ON UPDATE " + g.pick("CASCADE", "SET NULL", "NO ACTION") + g.pick("", " DEFERRABLE INITIALLY DEFERRED")
		}
	}
	t.columns, t.types = append(t.columns, name), append(t.types, typ)
	at := len(t.parts)
	for at > 0 && !strings.HasPrefix(t.parts[at-1], "c") && !strings.HasPrefix(t.parts[at-1], "g ") {
		at-- // before the table's constraints
	}
	t.parts = slices.Insert(t.parts, at, decl)
}

// object adds an index, view or trigger, if one compiles.
func (g *guess) object(name string, t *guessTable) {
	c := t.columns
	last := c[len(c)-1]
	sql, view := "", ""
	switch g.IntN(5) {
	case 0:
		sql = fmt.Sprintf("CREATE INDEX %s ON %s(%s);\n", g.name("i"), t.name, g.pick(last, last+" DESC, "+c[1], c[len(c)/2]))
	case 1:
		sql = fmt.Sprintf("CREATE %sINDEX %s ON %s(%s) WHERE %s IS NOT NULL;\n", g.pick("", "UNIQUE "), g.name("i"), t.name, g.pick(last, "hex("+last+")", "length("+c[0]+")"), c[len(c)/2])
	case 2:
		if view = g.name("v"); t.view != "" {
			return
		}
		sql = fmt.Sprintf("CREATE VIEW %s AS SELECT %s FROM %s WHERE %s IS NOT NULL;\n", view, strings.Join(c, ", "), t.name, last)
		sql += fmt.Sprintf("CREATE TRIGGER %s INSTEAD OF INSERT ON %s BEGIN INSERT OR IGNORE INTO %s(%s) VALUES (NEW.%s); END;\n", g.name("r"), view, t.name, strings.Join(c, ", "), strings.Join(c, ", NEW."))
	default:
		sql = g.trigger(t)
	}
	if _, err := Compile(name, g.source()+sql); err == nil {
		g.objects = append(g.objects, sql)
		if view != "" {
			t.view = view
		}
	}
}

func (g *guess) trigger(t *guessTable) string {
	to := g.tables[g.IntN(len(g.tables))]
	event := g.pick("INSERT", "UPDATE", "UPDATE OF "+t.columns[len(t.columns)-1], "DELETE")
	row := "NEW"
	if event == "DELETE" {
		row = "OLD"
	}
	last := to.columns[len(to.columns)-1]
	var body []string
	for range 1 + g.IntN(2) {
		body = append(body, g.pick(
			fmt.Sprintf("DELETE FROM %s WHERE %s = %s.%s;", to.name, last, row, t.columns[0]),
			fmt.Sprintf("UPDATE %s SET %s = NULL WHERE %s > %s.%s;", to.name, last, to.columns[0], row, t.columns[0]),
			fmt.Sprintf("UPDATE OR IGNORE %s SET %s = (SELECT min(%s) FROM %s) WHERE %s = %s.%s;", to.name, last, last, to.name, to.columns[0], row, t.columns[0]),
			fmt.Sprintf("INSERT OR IGNORE INTO %s SELECT * FROM %s WHERE %s <> %s.%s;", to.name, to.name, last, row, t.columns[0]),
			fmt.Sprintf("SELECT RAISE(ABORT, 'no two') WHERE %s.%s = 2;", row, t.columns[0]),
			fmt.Sprintf("SELECT RAISE(IGNORE) WHERE %s.%s = 'a';", row, t.columns[0]),
		))
	}
	when := ""
	if g.chance(3) {
		when = fmt.Sprintf(" WHEN %s.%s IS NOT NULL", row, t.columns[len(t.columns)-1])
	}
	return fmt.Sprintf("CREATE TRIGGER %s %s %s ON %s%s BEGIN %s END;\n", g.name("r"), g.pick("BEFORE", "AFTER"), event, t.name, when, strings.Join(body, " "))
}

// invariant adds one that an empty table keeps.
func (g *guess) invariant(name string, t *guessTable) {
	j := g.IntN(len(t.columns))
	c, v := t.columns[j], g.name("n")
	sql, broken := "", ""
	switch {
	case g.chance(3):
		check := "octet_length(" + c + ") < 900"
		sql, broken = fmt.Sprintf("INVARIANT %s FOR EACH %s CHECK (%s);\n", v, t.name, check), fmt.Sprintf("SELECT 1 FROM %s WHERE NOT (%s)", t.name, check)
	case g.chance(2):
		sql, broken = fmt.Sprintf("INVARIANT %s ON %s TOTAL count(*) CHECK (total <= 6);\n", v, t.name), fmt.Sprintf("SELECT 1 WHERE (SELECT count(*) FROM %s) > 6", t.name)
	case t.types[j] == "INTEGER":
		sql, broken = fmt.Sprintf("INVARIANT %s ON %s TOTAL sum(%s) BY %s CHECK (total <= 9);\n", v, t.name, c, t.columns[0]), fmt.Sprintf("SELECT 1 FROM %s GROUP BY %s HAVING sum(%s) > 9", t.name, t.columns[0], c)
	}
	if _, err := Compile(name, g.source()+sql); err == nil && sql != "" {
		g.objects, g.checks = append(g.objects, sql), append(g.checks, guessCheck{v, broken})
	}
}

// upgrade changes the contract as a new version may.
func (g *guess) upgrade(name string) (*Contract, string) {
	t := g.tables[g.IntN(len(g.tables))]
	g.migration = ""
	switch g.IntN(5) {
	case 4:
		was := g.clone()
		if g.migrate(t); g.migration != "" {
			if _, err := Compile(name, g.source()); err != nil {
				g.refused(was)
			}
		}
	case 0:
		if len(g.objects) > 0 && g.checks == nil {
			g.objects = slices.Delete(g.objects, len(g.objects)-1, len(g.objects))
			for _, t := range g.tables {
				t.view = ""
			}
		}
	case 1:
		g.object(name, t)
	case 2:
		if len(t.columns) < 9 {
			tables := slices.Clone(g.tables) // a column of an own kind: its foreign key may name any table
			g.column(t)
			if _, err := Compile(name, g.source()); err != nil {
				t.columns, t.types = t.columns[:len(t.columns)-1], t.types[:len(t.types)-1]
				t.parts = slices.DeleteFunc(t.parts, func(p string) bool { return strings.HasPrefix(p, fmt.Sprintf("c%d ", len(t.columns))) })
			}
			g.tables = tables
		}
	}
	return g.actions(name)
}

// migrate gives a column another type, or takes the last one away, and writes
// the block that moves the rows.
func (g *guess) migrate(t *guessTable) {
	j := t.keys + g.IntN(len(t.columns)-t.keys)
	var from []string // of each new column
	if name := fmt.Sprintf("c%d ", j); j == len(t.columns)-1 && len(t.columns) > t.keys+1 && g.chance(2) {
		t.columns, t.types = t.columns[:j], t.types[:j]
		t.parts = slices.DeleteFunc(t.parts, func(p string) bool { return strings.HasPrefix(p, name) })
		from = slices.Clone(t.columns)
	} else {
		from = slices.Clone(t.columns)
		to := g.pick("INTEGER", "TEXT", "BLOB")
		from[j] = map[string]string{"INTEGER": "length(c%d)", "TEXT": "hex(c%d)", "BLOB": "CAST(c%d AS BLOB)"}[to]
		from[j] = fmt.Sprintf(from[j], j)
		t.types[j] = to
		for i, p := range t.parts {
			if strings.HasPrefix(p, name) {
				t.parts[i] = name + to + g.pick("", " UNIQUE", " UNIQUE ON CONFLICT IGNORE", " DEFAULT "+guessDefaults[to])
			}
		}
	}
	insert := fmt.Sprintf("INSERT %sINTO %s(%s) ", g.pick("", "OR IGNORE ", "OR REPLACE "), t.name, strings.Join(t.columns, ", "))
	body := insert + fmt.Sprintf("SELECT %s FROM old.%s%s;", strings.Join(from, ", "), t.name, g.pick("", " ORDER BY c0 DESC", " WHERE c0 <> 'a'"))
	if g.chance(3) {
		var values, row []string
		for i, c := range t.columns {
			values, row = append(values, ":o."+c), append(row, from[i]+" AS "+c)
		}
		body = fmt.Sprintf("FOR o IN (SELECT %s FROM old.%s) DO %s VALUES (%s); END FOR; UPDATE OR IGNORE %s SET %s = NULL;", strings.Join(row, ", "), t.name, insert, strings.Join(values, ", "), t.name, t.columns[len(t.columns)-1])
	}
	g.migration = fmt.Sprintf("MIGRATION FROM %d AS BEGIN %s EMIT moved(n => (SELECT count(*) FROM %s)); END;\n", g.version, body, t.name)
}

// value is one of few, so that keys meet, and now and then one at an edge.
func (g *guess) value(typ string) any {
	switch {
	case g.chance(9):
		return nil
	case g.chance(40):
		n := []int{900, 1015, 1100, 5000, 70_000}[g.IntN(5)]
		switch typ {
		case "TEXT":
			return strings.Repeat(g.pick("x", "ä", "%"), n/2)
		case "BLOB":
			return make([]byte, n)
		}
	case g.chance(60):
		return []any{int64(7), "seven", []byte("seven"), "\x00"}[g.IntN(4)] // likely of another type
	}
	switch typ {
	case "INTEGER":
		if g.chance(12) {
			return []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1, math.MaxInt64, 1 << 53, 1<<53 + 1}[g.IntN(6)]
		}
		return g.Int64N(7) - 1
	case "TEXT":
		return g.pick("", "a", "b", "c", "ä", "B", "[1,2,3]", `{"a":1}`, "12", "\U0001F600")
	}
	return [][]byte{{}, {0}, {2}, {0, 1}, {255}, []byte("a")}[g.IntN(6)]
}

// args draws the arguments of a call.
func (g *guess) args(a *guessAction) map[string]any {
	values := args{}
	for i, typ := range a.params {
		if !g.chance(30) {
			values[fmt.Sprintf("p%d", i)] = g.value(typ)
		}
	}
	if g.chance(100) {
		values["no_such"] = int64(1)
	}
	return values
}

// literal writes a value as SQL.
func (g *guess) literal(typ string) string {
	switch typ {
	case "INTEGER":
		if g.chance(15) {
			return g.pick("9223372036854775807", "-9223372036854775807", "(-9223372036854775807 - 1)", "0x7fffffffffffffff")
		}
		return strconv.Itoa(g.IntN(8) - 2)
	case "TEXT":
		return g.pick("''", "'a'", "'b'", "'c'", "'ä'", "'[1,2]'", "'it''s'")
	}
	return g.pick("x''", "x'00'", "x'02'", "x'ff'")
}

// refused goes back to the contract in force, after a deploy failed: its
// tables and objects are those that g writes again.
func (g *guess) refused(was *guess) {
	g.tables, g.objects, g.checks, g.acts = was.tables, was.objects, was.checks, was.acts
}

// clone keeps what the contract is now; the random numbers go on.
func (g *guess) clone() *guess {
	n := *g
	n.tables, n.objects, n.checks, n.acts = nil, slices.Clone(g.objects), slices.Clone(g.checks), slices.Clone(g.acts)
	for _, t := range g.tables {
		c := *t
		c.columns, c.types, c.parts = slices.Clone(t.columns), slices.Clone(t.types), slices.Clone(t.parts)
		n.tables = append(n.tables, &c)
	}
	return &n
}
