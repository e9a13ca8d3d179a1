package sqlcontract

import (
	"encoding/hex"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// write is an INSERT of VALUES, an UPDATE or a DELETE in its plain form: what
// rows it would make can be asked for with a SELECT. An explanation of a refusal
// reads statements so, and says less about any other form.
type write struct {
	table *Table
	verb  string   // INSERT, UPDATE, DELETE
	rows  []string // INSERT: "expr, expr, …" in the table's order; UPDATE: one
	where string   // " WHERE …" or ""
}

// tokens are a piece of SQL without blanks.
type tokens struct {
	sql  string
	list []aergosql.Token
	i    int
}

func tokensOf(sql string) *tokens {
	return &tokens{sql: sql, list: aergosql.Split(sql)}
}

func (t *tokens) val(i int) string {
	if i < 0 || i >= len(t.list) {
		return ""
	}
	return t.sql[t.list[i].Start:t.list[i].End]
}

// is tells whether a token is a word or an operator.
func (t *tokens) is(i int, what string) bool {
	return i < len(t.list) && (t.list[i].Kind == aergosql.Word || t.list[i].Kind == aergosql.Op) && strings.EqualFold(t.val(i), what)
}

func (t *tokens) take(words ...string) bool {
	for k, w := range words {
		if !t.is(t.i+k, w) {
			return false
		}
	}
	t.i += len(words)
	return true
}

// name takes a name, folded.
func (t *tokens) name() string {
	if t.i >= len(t.list) || t.list[t.i].Kind != aergosql.Word && t.list[t.i].Kind != aergosql.Quoted {
		return ""
	}
	t.i++
	return aergosql.Fold(strings.Trim(t.val(t.i-1), "\"`[]"))
}

// upTo takes the tokens up to one of the words outside parentheses, or to the
// closing parenthesis or the end, and gives their text.
func (t *tokens) upTo(words ...string) string {
	from, depth := t.i, 0
	for ; t.i < len(t.list); t.i++ {
		switch {
		case t.is(t.i, "("):
			depth++
		case t.is(t.i, ")"):
			if depth == 0 {
				return t.text(from, t.i)
			}
			depth--
		case depth == 0:
			for _, w := range words {
				if t.is(t.i, w) {
					return t.text(from, t.i)
				}
			}
		}
	}
	return t.text(from, t.i)
}

func (t *tokens) text(from, to int) string {
	if from >= to {
		return ""
	}
	return t.sql[t.list[from].Start:t.list[to-1].End]
}

// parseWrite reads a statement; ok is false for any form but the plain ones.
func parseWrite(c *Contract, sql string) (w write, ok bool) {
	t := tokensOf(sql)
	switch {
	case t.take("INSERT", "INTO"):
		w.verb = "INSERT"
	case t.take("UPDATE"):
		w.verb = "UPDATE"
	case t.take("DELETE", "FROM"):
		w.verb = "DELETE"
	default:
		return w, false
	}
	if w.table = c.Table(t.name()); w.table == nil {
		return w, false
	}
	for _, col := range w.table.Columns {
		if col.Generated {
			return w, false
		}
	}
	switch w.verb {
	case "INSERT":
		ok = w.insert(t)
	case "UPDATE":
		ok = t.take("SET") && w.set(t)
	default:
		ok = true
	}
	if !ok {
		return w, false
	}
	if w.verb != "INSERT" && t.take("WHERE") {
		w.where = " WHERE " + t.upTo("RETURNING", "ORDER", "LIMIT", ";")
	}
	return w, t.i == len(t.list) || t.is(t.i, "RETURNING") || t.is(t.i, ";")
}

// insert reads "(columns) VALUES (…), …".
func (w *write) insert(t *tokens) bool {
	var into []int
	if t.take("(") {
		for {
			i := w.table.columnIndex(t.name())
			if i < 0 {
				return false
			}
			into = append(into, i)
			if t.take(")") {
				break
			}
			if !t.take(",") {
				return false
			}
		}
	} else {
		for i := range w.table.Columns {
			into = append(into, i)
		}
	}
	if !t.take("VALUES") {
		return false
	}
	for {
		if !t.take("(") {
			return false
		}
		values := make([]string, len(w.table.Columns))
		for i, col := range w.table.Columns {
			values[i] = literalOf(col.Default)
		}
		for k, i := range into {
			if k > 0 && !t.take(",") {
				return false
			}
			if values[i] = t.upTo(","); values[i] == "" {
				return false
			}
		}
		if !t.take(")") {
			return false
		}
		w.rows = append(w.rows, w.row(values))
		if !t.take(",") {
			return true
		}
	}
}

// set reads "column = expr, …".
func (w *write) set(t *tokens) bool {
	values := make([]string, len(w.table.Columns))
	for i, col := range w.table.Columns {
		values[i] = col.Name
	}
	for {
		i := w.table.columnIndex(t.name())
		if i < 0 || !t.take("=") {
			return false
		}
		if values[i] = t.upTo(",", "FROM", "WHERE", "RETURNING", "ORDER", "LIMIT", ";"); values[i] == "" {
			return false
		}
		if !t.take(",") {
			w.rows = []string{w.row(values)}
			return true
		}
	}
}

func (w *write) row(values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = "(" + v + ") AS " + w.table.Columns[i].Name
	}
	return strings.Join(parts, ", ")
}

func (t *Table) columnIndex(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// literalOf writes a cell as SQL, in full.
func literalOf(v any) string {
	switch v := v.(type) {
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return "x'" + hex.EncodeToString(v) + "'"
	}
	return show(v)
}

// made is a SELECT of the rows that an INSERT or UPDATE would make, with more
// columns at the end; "" for a DELETE.
func (w write) made(more string) string {
	var parts []string
	for _, row := range w.rows {
		part := "SELECT " + row + more
		if w.verb == "UPDATE" {
			part += " FROM " + w.table.Name + w.where
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " UNION ALL ")
}

// breaks is a SELECT of the rows made for which a CHECK does not hold.
func (w write) breaks(check string) string {
	if w.verb == "DELETE" {
		return ""
	}
	return "SELECT * FROM (" + w.made("") + ") AS " + w.table.Name + " WHERE NOT (" + check + ")"
}

// taken is a SELECT of the rows that hold a key which the statement gives to
// others.
func (w write) taken(columns []string) string {
	if w.verb == "DELETE" {
		return ""
	}
	more, others := "", ""
	if w.verb == "UPDATE" {
		var same []string
		for _, k := range w.table.Key {
			name := w.table.Columns[k].Name
			more += ", " + name + " AS aergo_" + name
			same = append(same, "t."+name+" = n.aergo_"+name)
		}
		others = " AND NOT (" + strings.Join(same, " AND ") + ")"
	}
	var where []string
	for _, c := range columns {
		if w.table.columnIndex(c) < 0 {
			return ""
		}
		where = append(where, "t."+c+" = n."+c)
	}
	return "SELECT t.* FROM " + w.table.Name + " AS t, (" + w.made(more) + ") AS n WHERE " + strings.Join(where, " AND ") + others
}
