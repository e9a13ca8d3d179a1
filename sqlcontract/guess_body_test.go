package sqlcontract

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// body writes n statements of an action.
func (g *guess) body(a *guessAction, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(g.step(a))
	}
	return b.String()
}

func (g *guess) step(a *guessAction) string {
	if a.depth > 2 || len(a.params) > 40 {
		return g.write(a) + ";\n"
	}
	a.depth++
	defer func() { a.depth-- }()
	switch g.IntN(15) {
	case 0, 1:
		typ := g.typ()
		value := g.expr(a, typ, 2)
		a.vars = append(a.vars, typ)
		return fmt.Sprintf("LET :v%d = %s;\n", len(a.vars)-1, value)
	case 2:
		return fmt.Sprintf("REQUIRE %s%s;\n", g.condition(a, 2), g.pick("", " ELSE "+g.expr(a, "TEXT", 1)))
	case 3:
		s := fmt.Sprintf("IF %s THEN\n%s", g.condition(a, 2), g.body(a, 1+g.IntN(2)))
		if g.chance(3) {
			s += fmt.Sprintf("ELSEIF %s THEN\n%s", g.condition(a, 1), g.body(a, 1))
		}
		if g.chance(2) {
			s += "ELSE\n" + g.body(a, 1)
		}
		return s + "END IF;\n"
	case 4, 5:
		row := guessRow{name: fmt.Sprintf("f%d", a.depth)}
		var list []string
		for i := range 1 + g.IntN(3) {
			row.columns, row.types = append(row.columns, fmt.Sprintf("x%d", i)), append(row.types, g.typ())
		}
		rows := g.rows(a, row.types, row.columns)
		a.rows = append(a.rows, row)
		list = append(list, g.body(a, 1+g.IntN(2)))
		a.rows = a.rows[:len(a.rows)-1]
		return fmt.Sprintf("FOR %s IN (%s) DO\n%sEND FOR;\n", row.name, rows, strings.Join(list, ""))
	case 6:
		return fmt.Sprintf("EMIT e%d(a => %s, b => %s);\n", g.IntN(3), g.expr(a, g.typ(), 2), g.expr(a, g.typ(), 1))
	case 7:
		if a.returns != nil {
			return g.rows(a, a.returns, nil) + ";\n"
		}
	case 14:
		return g.call(a)
	case 8:
		if a.depth == 1 || g.chance(3) {
			switch {
			case a.returns == nil || g.chance(3):
				return "IF " + g.condition(a, 1) + " THEN RETURN; END IF;\n"
			case g.chance(2):
				return "RETURN " + g.rows(a, a.returns, nil) + ";\n"
			}
			var list []string
			for _, typ := range a.returns {
				list = append(list, g.expr(a, typ, 2))
			}
			return "RETURN " + strings.Join(list, ", ") + ";\n"
		}
	}
	return g.write(a) + ";\n"
}

// call runs an action of this contract or of the other one.
func (g *guess) call(a *guessAction) string {
	acts, prefix := g.acts, ""
	if g.lib != nil && g.chance(2) {
		acts, prefix = g.lib.acts, "l."
	}
	if len(acts) == 0 {
		return "LET :none = NULL;\n"
	}
	to := acts[g.IntN(len(acts))]
	var values []string
	for _, typ := range to.params[:g.IntN(len(to.params)+1)] {
		values = append(values, g.param(a, typ))
	}
	s := fmt.Sprintf("CALL %s%s(%s);\n", prefix, to.name, strings.Join(values, ", "))
	if len(to.returns) == 1 && g.chance(2) {
		a.vars = append(a.vars, to.returns[0])
		s = fmt.Sprintf("LET :v%d = %s", len(a.vars)-1, s)
	}
	return s
}

// rows writes a SELECT with columns of the types, named if names are given.
func (g *guess) rows(a *guessAction, types, names []string) string {
	before := a.from
	defer func() { a.from = before }()
	list := func(expr func(typ string) string) string {
		var columns []string
		for i, typ := range types {
			c := expr(typ)
			if names != nil {
				c += " AS " + names[i]
			}
			columns = append(columns, c)
		}
		return strings.Join(columns, ", ")
	}
	any := func(typ string) string { return g.expr(a, typ, 2) }
	t := g.tables[g.IntN(len(g.tables))]
	order := func() string {
		return g.pick("", "", " ORDER BY "+strings.Join(t.columns[:t.keys], ", "), " ORDER BY 1", " ORDER BY "+t.columns[len(t.columns)-1]+" DESC") + g.pick("", "", " LIMIT 3", " LIMIT 4 OFFSET 1")
	}
	a.from = t
	switch g.IntN(9) {
	case 0: // a window
		window := fmt.Sprintf(" OVER (%sORDER BY %s%s)", g.pick("", "PARTITION BY "+t.columns[len(t.columns)-1]+" "), t.columns[0],
			g.pick("", " DESC", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"))
		return "SELECT " + list(func(typ string) string {
			if typ == "INTEGER" {
				return g.pick("row_number()", "rank()", "count(*)", "dense_rank()", "ntile(2)") + window
			}
			return g.pick("lag", "first_value", "max") + "(" + g.columnOr(a, typ) + ")" + window
		}) + " FROM " + t.name + order()
	case 1: // recursion
		a.from = before
		return fmt.Sprintf("WITH RECURSIVE r(i) AS (SELECT %s UNION ALL SELECT i + 1 FROM r WHERE i < 4) SELECT %s FROM r", g.literal("INTEGER")+" % 4", list(func(typ string) string {
			if typ == "INTEGER" {
				return "i"
			}
			return g.expr(a, typ, 1)
		}))
	case 2: // JSON
		a.from = before
		return "SELECT " + list(func(typ string) string {
			return map[string]string{"INTEGER": g.pick("j.key", "length(j.value)", "j.value"), "TEXT": g.pick("j.type", "j.fullkey", "j.value"), "BLOB": "CAST(j.value AS BLOB)"}[typ]
		}) + " FROM json_each(" + g.pick("'[1,2,\"x\"]'", "'{\"a\":1,\"b\":[2]}'", g.expr(a, "TEXT", 1)) + ") j"
	case 3: // groups
		return "SELECT " + list(func(typ string) string {
			c := g.columnOr(a, typ)
			return map[string]string{"INTEGER": g.pick("count(*)", "sum("+c+")", "max("+c+")"), "TEXT": g.pick("group_concat("+c+", '/' ORDER BY "+t.columns[0]+")", "min("+c+")", "json_group_array("+c+")"), "BLOB": "max(" + c + ")"}[typ]
		}) + " FROM " + t.name + " GROUP BY " + t.columns[len(t.columns)-1] + g.pick("", " HAVING count(*) > 1", " ORDER BY 1")
	case 4: // a compound
		one := "SELECT " + list(any) + " FROM " + t.name
		a.from = before
		return one + " " + g.pick("UNION", "UNION ALL", "EXCEPT", "INTERSECT") + " SELECT " + list(any) + g.pick("", " ORDER BY 1")
	case 5: // a join
		to := g.tables[g.IntN(len(g.tables))]
		return fmt.Sprintf("SELECT %s FROM %s %s JOIN %s AS o ON o.%s = %s.%s", list(func(typ string) string {
			for i, x := range to.types {
				if x == typ {
					return "o." + to.columns[i]
				}
			}
			return g.literal(typ)
		}), t.name, g.pick("", "LEFT", "CROSS"), to.name, to.columns[len(to.columns)-1], t.name, t.columns[len(t.columns)-1])
	case 6:
		if t.view != "" {
			return "SELECT " + list(func(typ string) string { return g.columnOr(a, typ) }) + " FROM " + t.view + order()
		}
	}
	return "SELECT " + g.pick("", "", "DISTINCT ") + list(any) + " FROM " + t.name + g.pick("", " WHERE "+g.condition(a, 1)) + order()
}

// columnOr is a column of the table in scope of the type, or a literal.
func (g *guess) columnOr(a *guessAction, typ string) string {
	if a.from != nil {
		for _, i := range g.Perm(len(a.from.types)) {
			if a.from.types[i] == typ {
				return a.from.columns[i]
			}
		}
	}
	return g.literal(typ)
}

func (g *guess) param(a *guessAction, typ string) string {
	if have := slices.Index(a.params, typ); have >= 0 && g.chance(2) {
		return fmt.Sprintf(":p%d", have)
	}
	a.params = append(a.params, typ)
	return fmt.Sprintf(":p%d", len(a.params)-1)
}

// expr writes an expression that is of the type, or NULL, or now and then not.
func (g *guess) expr(a *guessAction, typ string, depth int) string {
	if g.chance(50) {
		typ = g.typ()
	}
	switch k := g.IntN(9); {
	case k == 0:
		return g.literal(typ)
	case k <= 2 && len(a.params) < 30:
		return g.param(a, typ)
	case k == 3:
		if i := slices.Index(a.vars, typ); i >= 0 {
			return fmt.Sprintf(":v%d", i)
		}
	case k == 4 && len(a.rows) > 0:
		row := a.rows[g.IntN(len(a.rows))]
		if i := slices.Index(row.types, typ); i >= 0 {
			return ":" + row.name + "." + row.columns[i]
		}
	}
	if depth == 0 || g.chance(5) {
		return g.columnOr(a, typ)
	}
	sub := func(typ string) string { return g.expr(a, typ, depth-1) }
	t := g.tables[g.IntN(len(g.tables))]
	column := func(typ string) string { // of t
		if i := slices.Index(t.types, typ); i >= 0 {
			return t.name + "." + t.columns[i]
		}
		return g.literal(typ)
	}
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("coalesce(%s, %s)", sub(typ), sub(typ))
	case 1:
		return fmt.Sprintf("iif(%s, %s, %s)", g.condition(a, depth-1), sub(typ), sub(typ))
	case 2:
		return fmt.Sprintf("(SELECT %s(%s) FROM %s)", g.pick("max", "min"), column(typ), t.name)
	case 3:
		return fmt.Sprintf("(SELECT %s FROM %s ORDER BY %s LIMIT 1)", column(typ), t.name, t.columns[0])
	}
	switch typ {
	case "INTEGER":
		return []func() string{
			func() string {
				return fmt.Sprintf("(%s %s %s)", sub(typ), g.pick("+", "-", "*", "%", "/", "&"), sub(typ))
			},
			func() string { return fmt.Sprintf("(SELECT count(*) FROM %s)", t.name) },
			func() string { return fmt.Sprintf("(SELECT sum(%s) FROM %s)", column(typ), t.name) },
			func() string { return g.pick("length", "unicode", "octet_length") + "(" + sub("TEXT") + ")" },
			func() string { return fmt.Sprintf("instr(%s, %s)", sub("TEXT"), sub("TEXT")) },
			func() string { return "(" + g.condition(a, depth-1) + ")" },
			func() string {
				return fmt.Sprintf("json_array_length(json_array(%s, %s))", sub("TEXT"), sub("INTEGER"))
			},
			func() string { return fmt.Sprintf("json_extract(json_object('a', %s), '$.a')", sub(typ)) },
			func() string { return g.pick("abs", "sign", "-") + "(" + sub(typ) + ")" },
		}[g.IntN(9)]()
	case "TEXT":
		return []func() string{
			func() string { return "hex(" + sub("BLOB") + ")" },
			func() string { return "(" + sub(typ) + " || " + sub(g.typ()) + ")" },
			func() string { return fmt.Sprintf("substr(%s, %d, %d)", sub(typ), g.IntN(5)-2, g.IntN(4)) },
			func() string { return g.pick("upper", "lower", "trim", "json_quote") + "(" + sub(typ) + ")" },
			func() string { return fmt.Sprintf("json_object('k', %s)", sub(g.pick("INTEGER", "TEXT"))) },
			func() string { return "typeof(" + sub(g.typ()) + ")" },
			func() string { return fmt.Sprintf("replace(%s, 'a', %s)", sub(typ), sub(typ)) },
			func() string { return "CAST(" + sub("INTEGER") + " AS TEXT)" },
			func() string { return fmt.Sprintf("(SELECT group_concat(%s) FROM %s)", column(typ), t.name) },
			func() string { return "@" + g.pick("caller", "signer", "contract", "ledger") },
		}[g.IntN(10)]()
	}
	return g.pick(fmt.Sprintf("zeroblob(%d)", g.IntN(4)), "unhex(hex("+sub(typ)+"))", "CAST("+sub("TEXT")+" AS BLOB)", "substr("+sub(typ)+", 1, 2)")
}

func (g *guess) condition(a *guessAction, depth int) string {
	typ := g.typ()
	left := g.expr(a, typ, max(depth-1, 0))
	right := func() string { return g.expr(a, typ, max(depth-1, 0)) }
	t := g.tables[g.IntN(len(g.tables))]
	switch g.IntN(9) {
	case 0:
		var list []string
		n := 1 + g.IntN(4)
		if g.chance(20) {
			n = 300 + g.IntN(3000)
		}
		for i := range n {
			if typ == "INTEGER" {
				list = append(list, strconv.Itoa(i*3))
			} else {
				list = append(list, g.literal(typ))
			}
		}
		return left + g.pick(" IN (", " NOT IN (") + strings.Join(list, ",") + ")"
	case 1:
		return fmt.Sprintf("%s IN (SELECT %s FROM %s)", left, t.columns[g.IntN(len(t.columns))], t.name)
	case 2:
		return fmt.Sprintf("EXISTS (SELECT 1 FROM %s AS e WHERE e.%s = %s)", t.name, t.columns[0], left)
	case 3:
		return left + g.pick(" IS NULL", " IS NOT NULL")
	case 4:
		return left + " BETWEEN " + right() + " AND " + right()
	case 5:
		if depth > 0 {
			return "(" + g.condition(a, depth-1) + g.pick(" AND ", " OR ") + g.condition(a, depth-1) + ")"
		}
	case 6:
		if typ == "TEXT" {
			return left + g.pick(" LIKE 'a%'", " GLOB '*b*'", " LIKE '%_'")
		}
	}
	return left + g.pick(" = ", " = ", " > ", " < ", " IS ", " <> ") + right()
}

// write is an INSERT, UPDATE or DELETE.
func (g *guess) write(a *guessAction) string {
	t := g.tables[g.IntN(len(g.tables))]
	n := len(t.columns)
	if len(a.params) > 40 {
		return "DELETE FROM " + t.name + " WHERE false"
	}
	where := func() string {
		if g.chance(4) {
			return g.condition(a, 1)
		}
		return t.columns[0] + g.pick(" = ", " = ", " > ", " < ") + g.param(a, t.types[0])
	}
	value := func(typ string) string {
		if g.chance(3) {
			return g.expr(a, typ, 1)
		}
		return g.param(a, typ)
	}
	returning := func() string {
		if a.returns == nil || g.chance(3) {
			return ""
		}
		before := a.from
		defer func() { a.from = before }()
		a.from = t
		var list []string
		for _, typ := range a.returns {
			list = append(list, g.columnOr(a, typ))
		}
		return " RETURNING " + strings.Join(list, ", ")
	}
	switch g.IntN(10) {
	case 0, 1, 2, 3:
		width := n - g.IntN(n-t.keys+1) // trailing columns take their defaults
		var values []string
		for j := range width {
			values = append(values, value(t.types[j]))
		}
		columns := strings.Join(t.columns[:width], ", ")
		into := t.name
		if t.view != "" && width == n && g.chance(4) {
			return fmt.Sprintf("INSERT INTO %s(%s) VALUES (%s)", t.view, columns, strings.Join(values, ", "))
		}
		rows := "VALUES (" + strings.Join(values, ", ") + ")"
		if g.chance(5) {
			rows = g.rows(a, t.types[:width], nil)
		}
		sql := fmt.Sprintf("INSERT %sINTO %s(%s) %s", g.pick("", "", "OR REPLACE ", "OR IGNORE ", "OR FAIL "), into, columns, rows)
		if g.chance(3) {
			last := t.columns[n-1]
			if strings.HasPrefix(rows, "SELECT") {
				sql += " WHERE true" // or ON would begin a join's condition
			}
			sql += g.pick(" ON CONFLICT DO NOTHING",
				fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s = excluded.%s%s", strings.Join(t.columns[:t.keys], ", "), last, last, g.pick("", " WHERE excluded."+last+" IS NOT NULL")))
		}
		return sql + returning()
	case 4, 5:
		j := g.IntN(n)
		return fmt.Sprintf("UPDATE %s%s SET %s = %s WHERE %s", g.pick("", "", "OR REPLACE ", "OR IGNORE "), t.name, t.columns[j], value(t.types[j]), where()) + returning()
	case 6:
		j := g.IntN(n)
		return fmt.Sprintf("UPDATE %s SET %s = %s", t.name, t.columns[j], t.columns[j]) // nothing changes
	case 7:
		from := g.tables[g.IntN(len(g.tables))]
		j := g.IntN(n)
		i := slices.Index(from.types, t.types[j])
		if i < 0 {
			break
		}
		return fmt.Sprintf("UPDATE %s%s SET %s = o.%s FROM %s AS o WHERE o.%s = %s.%s", g.pick("", "OR IGNORE "), t.name, t.columns[j], from.columns[i], from.name,
			from.columns[len(from.columns)-1], t.name, t.columns[n-1])
	case 8:
		return fmt.Sprintf("WITH x(k) AS (SELECT %s FROM %s ORDER BY 1 LIMIT 2) DELETE FROM %s WHERE %s IN (SELECT k FROM x)", t.columns[0], t.name, t.name, t.columns[0]) + returning()
	}
	if g.chance(6) {
		return "DELETE FROM " + t.name
	}
	return "DELETE FROM " + t.name + " WHERE " + where() + returning()
}
