package sqlcontract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// looker reads what a failing run sees: same connection, same transaction, same
// fence, same variables, at nobody's cost. Whatever does not work gives nothing.
type looker struct {
	run      *run
	contract *Contract
}

// ask runs a SELECT inside the fence, for at most lookRows rows.
func (l looker) ask(sql string) (columns []string, rows [][]any, more, ok bool) {
	db := l.run.db
	db.fence.reset()
	db.fenced = true
	st, tail, err := db.conn.Prepare(sql)
	db.fenced = false
	if err != nil || st == nil {
		return nil, nil, false, false
	}
	defer st.Finalize()
	if strings.TrimSpace(tail) != "" || !st.ReadOnly() {
		return nil, nil, false, false
	}
	for i := range st.ParamCount() {
		name := st.ParamName(i + 1)
		if len(name) < 2 || st.Bind(i+1, l.run.value(name)) != nil {
			return nil, nil, false, false
		}
	}
	return l.read(st)
}

// read gives the rows of a statement that is ready.
func (l looker) read(st *sqlite.Stmt) (columns []string, rows [][]any, more, ok bool) {
	m := newMeter(lookSteps / gasUnit)
	m.tier = sqlfunc.Tiers - 1 // long values too
	m.start(&Query{ReadOnly: true, weight: sqlfunc.Weight{1, 1, 1}}, 0)
	l.run.db.watch(&m)
	defer l.run.db.watch(nil)
	for i := range st.ColumnCount() {
		columns = append(columns, st.ColumnName(i))
	}
	for {
		row, err := st.Step()
		switch {
		case err != nil:
			return nil, nil, false, false
		case !row:
			return columns, rows, false, true
		case len(rows) == lookRows:
			return columns, rows, true, true
		}
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = st.Column(i)
		}
		rows = append(rows, cells)
	}
}

// found shows the rows of a SELECT; nothing where there are none.
func (l looker) found(title, sql string) []Looked {
	if sql == "" {
		return nil
	}
	columns, rows, more, ok := l.ask(sql)
	if !ok || len(rows) == 0 {
		return nil
	}
	return []Looked{{title, columns, rows, more}}
}

// values are the parameters and variables of a query, each once.
func (l looker) values(q *Query) []NamedValue {
	var list []NamedValue
	for _, p := range q.Params {
		if len(p) < 2 {
			continue
		}
		name := strings.ReplaceAll(p, "$", ".")
		if !slices.ContainsFunc(list, func(v NamedValue) bool { return v.Name == name }) {
			list = append(list, NamedValue{name, l.run.value(p)})
		}
	}
	return list
}

// subqueries shows the rows that the subqueries of a condition look at, all
// columns of the same FROM and WHERE, and what they come to where that is
// computed, as of sum(n).
func (l looker) subqueries(sql string) (all []Looked, values []NamedValue) {
	t := tokensOf(sql)
	for t.i = 1; t.i < len(t.list); t.i++ { // the first SELECT is the wrapping of the condition
		if !t.is(t.i, "SELECT") || !t.is(t.i-1, "(") {
			continue
		}
		at := t.i
		list, title, look := subquery(t)
		if look == "" {
			continue
		}
		if columns, rows, more, ok := l.ask(look); ok {
			all = append(all, Looked{title, columns, rows, more})
		}
		if strings.Contains(list, "(") && !t.is(at-2, "EXISTS") && !t.is(at-2, "IN") {
			if _, rows, more, ok := l.ask(t.text(at, t.i)); ok && len(rows) == 1 && len(rows[0]) == 1 && !more {
				values = append(values, NamedValue{list, rows[0][0]})
			}
		}
	}
	return all, values
}

// subquery reads "SELECT … FROM …" up to its closing parenthesis, and gives a
// SELECT of the rows it is about; "" where that is not clear.
func subquery(t *tokens) (list, title, look string) {
	t.i++
	list = t.upTo("FROM")
	if !t.take("FROM") {
		return "", "", ""
	}
	from := t.upTo("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "WINDOW", "UNION", "EXCEPT", "INTERSECT")
	where := ""
	if t.take("WHERE") {
		where = " WHERE " + t.upTo("GROUP", "HAVING", "ORDER", "LIMIT", "WINDOW", "UNION", "EXCEPT", "INTERSECT")
	}
	var order string
	if t.is(t.i, "ORDER") {
		order = " " + t.upTo("LIMIT", "UNION", "EXCEPT", "INTERSECT")
	}
	if t.is(t.i, "LIMIT") {
		if strings.Contains(list, "(") {
			return "", "", "" // it may limit what an aggregate gives, not what it reads
		}
		order += " " + t.upTo("UNION", "EXCEPT", "INTERSECT")
	}
	if t.is(t.i, "GROUP") {
		t.upTo("UNION", "EXCEPT", "INTERSECT")
	}
	if !t.is(t.i, ")") {
		return "", "", "" // a compound, or windows
	}
	return oneLine(list), oneLine(from), "SELECT * FROM " + from + where + order
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// findCheck finds the CHECK that SQLite names, by its name or its text: the
// table, the condition, and where it stands.
func findCheck(c *Contract, text string) (table *Table, check string, off int) {
	t := tokensOf(c.Source)
	for ; t.i < len(t.list); t.i++ {
		if !t.is(t.i, "CREATE") || !t.is(t.i+1, "TABLE") {
			continue
		}
		t.i += 2
		t.take("IF", "NOT", "EXISTS")
		in := c.Table(t.name())
		for ; t.i < len(t.list) && !t.is(t.i, ";"); t.i++ {
			if !t.is(t.i, "CHECK") || !t.is(t.i+1, "(") {
				continue
			}
			at, name := t.i, ""
			if t.is(t.i-2, "CONSTRAINT") {
				name = strings.Trim(t.val(t.i-1), "\"`[]")
			}
			t.i += 2
			condition := t.upTo()
			if name == text || name == "" && condition == text {
				if table != nil {
					return nil, "", 0 // two of them: which one, nobody says
				}
				table, check, off = in, condition, t.list[at].Start
			}
		}
	}
	return table, check, off
}

// reference is a FOREIGN KEY.
type reference struct {
	from, to *Table
	columns  [][2]string // column of from, column of to
	blocks   bool        // a referenced row stays: neither CASCADE nor SET …
}

// references reads the foreign keys of a table.
func (l looker) references(table *Table) []*reference {
	st, err := l.run.db.prepareOwn("PRAGMA foreign_key_list(" + table.Name + ")")
	if err != nil {
		return nil
	}
	defer st.Finalize()
	byID := map[int64]*reference{}
	var list []*reference
	for {
		if row, err := st.Step(); err != nil || !row {
			return list
		}
		f := byID[st.ColumnInt64(0)]
		if f == nil {
			action := st.ColumnText(6)
			f = &reference{from: table, to: l.contract.Table(aergosql.Fold(st.ColumnText(2))), blocks: action == "NO ACTION" || action == "RESTRICT"}
			if f.to == nil {
				return nil
			}
			byID[st.ColumnInt64(0)] = f
			list = append(list, f)
		}
		to := aergosql.Fold(st.ColumnText(4))
		if k := len(f.columns); to == "" && k < len(f.to.Key) {
			to = f.to.Columns[f.to.Key[k]].Name // REFERENCES t means its primary key
		}
		f.columns = append(f.columns, [2]string{aergosql.Fold(st.ColumnText(3)), to})
	}
}

// where compares the two sides under their aliases.
func (f *reference) where(from, to string) string {
	var parts []string
	for _, c := range f.columns {
		parts = append(parts, from+"."+c[0]+" = "+to+"."+c[1])
	}
	return strings.Join(parts, " AND ")
}

// foreignKeys says which FOREIGN KEY a statement broke: rows that it makes and
// that refer to nothing, or rows that refer to what it deletes.
func (f *Refusal) foreignKeys(l looker, w write) {
	if w.verb != "DELETE" {
		for _, ref := range l.references(w.table) {
			if ref.to == w.table {
				continue // the row may be its own parent
			}
			var given []string
			for _, c := range ref.columns {
				given = append(given, "n."+c[0]+" IS NOT NULL AND ")
			}
			f.Looked = append(f.Looked, l.found(ref.to.Name+" has no row for this "+w.table.Name,
				"SELECT n.* FROM ("+w.made("")+") AS n WHERE "+strings.Join(given, "")+"NOT EXISTS (SELECT 1 FROM "+ref.to.Name+" AS p WHERE "+ref.where("n", "p")+")")...)
		}
		return
	}
	for _, t := range l.contract.Tables {
		for _, ref := range l.references(t) {
			if ref.to != w.table || !ref.blocks {
				continue
			}
			f.Looked = append(f.Looked, l.found("still referred to by "+t.Name,
				"SELECT c.* FROM "+t.Name+" AS c WHERE EXISTS (SELECT 1 FROM (SELECT * FROM "+w.table.Name+w.where+") AS d WHERE "+ref.where("c", "d")+")")...)
		}
	}
}

// dangling names the deferred FOREIGN KEYs that do not hold at the end.
func (l looker) dangling() []string {
	st, err := l.run.db.prepareOwn("PRAGMA foreign_key_check")
	if err != nil {
		return nil
	}
	defer st.Finalize()
	_, rows, _, _ := l.read(st)
	var notes []string
	for _, row := range rows {
		note := fmt.Sprintf("a row of %v refers to a row of %v that is not there", row[0], row[2])
		if !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	return notes
}

// invariant says which row or total breaks an INVARIANT.
func (f *Refusal) invariant(l looker) {
	b := l.run.trace.broken
	if b.v == nil {
		return
	}
	v := b.v
	t := tokensOf(l.contract.Source)
	for ; t.i < len(t.list); t.i++ {
		if t.is(t.i, "INVARIANT") && aergosql.Fold(t.val(t.i+1)) == v.Name {
			f.place(l.contract, t.list[t.i].Start)
			break
		}
	}
	if v.Check != nil {
		f.Looked = l.broken(v, b)
		return
	}
	what := v.Name
	if keys, err := wire.DecodeKey(b.key); err == nil && len(keys) == len(v.By) {
		for i, k := range keys {
			what += " " + v.By[i] + "=" + show(k)
		}
	}
	f.Notes = append(f.Notes, fmt.Sprintf("%s: the total was %d and would become %d, it must be %s %d",
		what, l.totalBefore(v, b), b.have, v.Compare.Op, b.want))
}

// broken is the row of a FOR EACH.
func (l looker) broken(v *Invariant, b broken) []Looked {
	cells, err := wire.DecodeKey(b.key[len(b.l.prefix):])
	if err != nil || len(cells) != len(b.l.Key) {
		return nil
	}
	var where []string
	for i, k := range b.l.Key {
		where = append(where, b.l.Columns[k].Name+" = "+literalOf(cells[i]))
	}
	return l.found(v.Table+" would have", "SELECT * FROM "+v.Table+" WHERE "+strings.Join(where, " AND "))
}

// totalBefore is a total as it was before the transaction.
func (l looker) totalBefore(v *Invariant, b broken) int64 {
	s := l.run.s
	key, err := totalKey(l.contract.Name, v.Name, string(b.key))
	if err != nil {
		return b.have
	}
	i := s.capture.find(key)
	if i < 0 {
		return b.have
	}
	if s.capture.rows[i].Old == nil {
		return 0
	}
	cells, err := wire.DecodeRow(s.capture.rows[i].Old)
	if err != nil || len(cells) != 2 {
		return b.have
	}
	n, _ := cells[1].(int64)
	if v.Count {
		n, _ = cells[0].(int64)
	}
	return n
}
