package sqlcontract

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/slt"
)

// sltCount is what the judge saw.
type sltCount struct {
	queries, agreed int // SELECTs, and those that answer as the corpus says
	temporary       int // SELECTs from TEMP views, which a query does not see
	selects, writes int // SELECTs, INSERTs, UPDATEs and DELETEs tried as actions
	accepted, ran   int // those that compile, and those that then agreed
	tables, asGiven int // CREATE TABLEs, and those that a contract takes word by word
	objects, taken  int // other changes of the schema, and those that a contract takes
	reasons         map[string]int
}

func newSLTCount() *sltCount { return &sltCount{reasons: map[string]int{}} }

func (c *sltCount) refuse(why string) { c.reasons[why]++ }

func (c *sltCount) add(o *sltCount) {
	c.queries, c.agreed, c.temporary = c.queries+o.queries, c.agreed+o.agreed, c.temporary+o.temporary
	c.selects, c.writes, c.accepted, c.ran = c.selects+o.selects, c.writes+o.writes, c.accepted+o.accepted, c.ran+o.ran
	c.tables, c.asGiven, c.objects, c.taken = c.tables+o.tables, c.asGiven+o.asGiven, c.objects+o.objects, c.taken+o.taken
	for why, n := range o.reasons {
		c.reasons[why] += n
	}
}

func (c *sltCount) String() string {
	var b strings.Builder
	line := func(n int, what string, args ...any) { fmt.Fprintf(&b, "%8d  %s\n", n, fmt.Sprintf(what, args...)) }
	line(c.queries, "SELECTs as queries, %d agree, %d read TEMP views", c.agreed, c.temporary)
	line(c.tables, "CREATE TABLE, %d accepted word by word", c.asGiven)
	line(c.objects, "other changes of the schema, %d accepted as CREATE INDEX, VIEW or TRIGGER", c.taken)
	line(c.selects+c.writes, "SELECTs and writes as actions, %d accepted, %d of these agree", c.accepted, c.ran)
	list := slices.SortedFunc(maps.Keys(c.reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.reasons[b], c.reasons[a]), cmp.Compare(a, b))
	})
	b.WriteString("refused:\n")
	for _, why := range list {
		line(c.reasons[why], "%s", why)
	}
	return b.String()
}

// sltAct is a record as an action.
type sltAct struct {
	rec     slt.Record
	returns string // the declaration, of a SELECT
}

func (a sltAct) source(i int) string {
	return fmt.Sprintf("CREATE ACTION act%d() PUBLIC%s AS BEGIN\n%s;\nEND;\n", i, a.returns, strings.TrimRight(a.rec.SQL, "; \n"))
}

// returnsOf declares the columns that an answer has, or says why no action can
// return it.
func returnsOf(names []string, rows [][]any) (returns, why string) {
	if len(rows) > 0 && len(rows[0]) > 64 {
		return "", "more columns than an action returns"
	}
	var list []string
	for i := range names {
		typ := ""
		for _, row := range rows {
			t := ""
			switch row[i].(type) {
			case nil:
				continue
			case float64:
				return "", "REAL: the answer holds one"
			default:
				t = typeOf(row[i])
			}
			if typ != "" && typ != t {
				return "", "a column of the answer has two types"
			}
			typ = t
		}
		list = append(list, fmt.Sprintf("c%d %s", i, cmp.Or(typ, "INTEGER")))
	}
	return " RETURNS (" + strings.Join(list, ", ") + ")", ""
}

// sltBatch are the records between two changes of the schema that a contract
// accepts. Its contract begins with the rows that the plain database had.
type sltBatch struct {
	w      *world
	tables []sltTable
	schema string // the CREATE statements
	rows   map[string][][]any
	acts   []sltAct
	size   int
}

// sltTable is a table of the corpus as a contract can have it: the columns
// without those of REAL and of no type; and where there is no primary key, a
// table NAME_rows with a key of its own behind a view NAME.
type sltTable struct {
	name    string
	columns []string
	keyless bool
}

func (t sltTable) stored() string {
	if t.keyless {
		return t.name + "_rows"
	}
	return t.name
}

// sltBatchActs is how many actions a contract gets; 256 is the limit, and tables
// have one each.
const sltBatchActs = 200

// adapt gives the table and its CREATE statements.
func (r *sltRun) adapt(name string) (t sltTable, sql string) {
	t = sltTable{name: name, keyless: true}
	var parts, key []string
	for _, c := range r.rows("SELECT name, upper(type), \"notnull\", pk FROM pragma_table_info(" + quoteText(name) + ") ORDER BY cid") {
		column, declared := strings.ToLower(c[0].(string)), c[1].(string)
		typ := ""
		switch {
		case strings.Contains(declared, "INT"):
			typ = "INTEGER"
		case strings.Contains(declared, "CHAR"), strings.Contains(declared, "TEXT"):
			typ = "TEXT"
		default:
			continue
		}
		t.columns = append(t.columns, column)
		if c[2] != int64(0) {
			typ += " NOT NULL"
		}
		if c[3] != int64(0) {
			key = append(key, column)
		}
		parts = append(parts, column+" "+typ)
	}
	for _, u := range r.rows("SELECT name FROM pragma_index_list(" + quoteText(name) + ") WHERE origin = 'u'") {
		var columns []string
		for _, c := range r.rows("SELECT name FROM pragma_index_info(" + quoteText(u[0].(string)) + ")") {
			columns = append(columns, c[0].(string))
		}
		parts = append(parts, "UNIQUE ("+strings.Join(columns, ", ")+")")
	}
	if t.keyless = key == nil; !t.keyless {
		return t, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s));\n", name, strings.Join(parts, ", "), strings.Join(key, ", "))
	}
	list := strings.Join(t.columns, ", ")
	parts = slices.Insert(parts, len(t.columns), "slt_key INTEGER PRIMARY KEY") // table constraints stand last
	sql = fmt.Sprintf("CREATE TABLE %s_rows (%s);\n", name, strings.Join(parts, ", "))
	sql += fmt.Sprintf("CREATE VIEW %s AS SELECT %s FROM %s_rows;\n", name, list, name)
	sql += fmt.Sprintf("CREATE TRIGGER %s_insert INSTEAD OF INSERT ON %s BEGIN INSERT INTO %s_rows(%s, slt_key) VALUES (NEW.%s, (SELECT coalesce(max(slt_key), 0) + 1 FROM %s_rows)); END;\n",
		name, name, name, list, strings.Join(t.columns, ", NEW."), name)
	return t, sql
}

// begin makes the batch from what the plain database holds now.
func (r *sltRun) begin() *sltBatch {
	b := &sltBatch{rows: map[string][][]any{}}
	for _, row := range r.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name") {
		t, sql := r.adapt(row[0].(string))
		if len(t.columns) == 0 || r.compiles(sql) != nil {
			continue
		}
		b.tables = append(b.tables, t)
		b.schema += sql
		key := ""
		if t.keyless {
			key = ", rowid"
		}
		b.rows[t.name] = r.rows("SELECT " + strings.Join(t.columns, ", ") + key + " FROM " + t.name)
	}
	for _, row := range r.rows("SELECT sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL ORDER BY type, iif(type = 'index', name, ''), rowid") {
		if sql := b.onRows(row[0].(string)) + ";\n"; r.compiles(b.schema+sql) == nil {
			b.schema += sql
		}
	}
	return b
}

var indexOn = regexp.MustCompile(`(?is)^(CREATE\s+(?:UNIQUE\s+)?INDEX\s+\w+\s+ON\s+)(\w+)`)

// onRows puts an index on the table behind a view.
func (b *sltBatch) onRows(sql string) string {
	if m := indexOn.FindStringSubmatch(sql); m != nil {
		for _, t := range b.tables {
			if t.keyless && strings.EqualFold(t.name, m[2]) {
				return m[1] + t.stored() + sql[len(m[0]):]
			}
		}
	}
	return sql
}

func (r *sltRun) compiles(source string) error {
	err, ok := r.known[source]
	if !ok {
		_, err = Compile("slt", "DIALECT 1;\n"+source)
		r.known[source] = err
	}
	return err
}

// try compiles a statement as an action and puts it into the batch, or says why
// it was refused.
func (r *sltRun) try(a sltAct) (why string) {
	if r.batch != nil && (len(r.batch.acts) >= sltBatchActs || r.batch.size > aergosql.MaxSource/2) {
		r.flush()
	}
	if r.batch == nil {
		r.batch = r.begin()
	}
	source := a.source(0)
	_, err := Compile("slt", "DIALECT 1;\n"+r.batch.schema+source)
	switch {
	case err == nil:
		r.count.accepted++
		r.batch.acts = append(r.batch.acts, a)
		r.batch.size += len(source)
		return ""
	case a.rec.Fails:
		return "the statement fails in SQLite too"
	}
	return r.reason(err)
}

// reason sorts refusals.
func (r *sltRun) reason(err error) string {
	f := fault.Of(err)
	if f == nil {
		return err.Error()
	}
	_, text, ok := strings.Cut(f.Error(), ": ")
	if !ok {
		text = f.Error()
	}
	text, _, _ = strings.Cut(text, "\n")
	switch {
	case f.ID == codeUnknown && (strings.Contains(text, "no such column") || strings.Contains(text, "no such table")):
		return f.ID + " reads a table or column that was refused"
	case strings.Contains(text, "REAL"):
		text, _, _ = strings.Cut(strings.TrimPrefix(text, "the "), " is ")
		text = "REAL: " + text
	}
	return f.ID + " " + regexp.MustCompile(`[0-9]+(\.[0-9]*)?`).ReplaceAllString(text, "N")
}

// schema counts a statement that changes the schema, after it has run.
func (r *sltRun) schema(rec slt.Record, verb string) {
	if rec.Fails {
		return
	}
	sql := strings.TrimRight(rec.SQL, "; \n")
	words := strings.Fields(strings.ToUpper(sql))
	if verb != "CREATE" || len(words) < 2 || strings.HasPrefix(words[1], "TEMP") {
		r.count.objects++
		if verb != "REINDEX" {
			verb = strings.Join(words[:min(2, len(words))], " ")
		}
		r.count.refuse(verb + ": a schema changes by deploying a version")
		return
	}
	if words[1] == "TABLE" {
		r.count.tables++
		if err := r.compiles(sql + ";\n"); err != nil {
			r.count.refuse("CREATE TABLE: " + r.reason(err))
		} else {
			r.count.asGiven++
		}
		return
	}
	r.count.objects++
	b := r.begin() // holds the object already, if it may
	if strings.Contains(b.schema, b.onRows(sql)) {
		r.count.taken++
		return
	}
	if err := r.compiles(b.schema + b.onRows(sql) + ";\n"); err != nil {
		r.count.refuse("CREATE " + words[1] + ": " + r.reason(err))
	}
}

// flush runs the batch as one block: its contract, its rows, its actions.
func (r *sltRun) flush() {
	b := r.batch
	r.batch = nil
	if b == nil || len(b.acts) == 0 {
		return
	}
	b.w = newWorld(r.t, "")
	defer b.w.close()
	source := "DIALECT 1;\n" + b.schema
	var loads []VerifiedTransaction
	for _, t := range b.tables {
		var params, marks []string
		columns := slices.Clone(t.columns)
		if t.keyless {
			columns = append(columns, "slt_key")
		}
		for i := range columns {
			params, marks = append(params, fmt.Sprintf(":p%d %s DEFAULT NULL", i, sltType(b.schema, t, columns[i]))), append(marks, fmt.Sprintf(":p%d", i))
		}
		source += fmt.Sprintf("CREATE ACTION load_%s(%s) PUBLIC AS BEGIN INSERT INTO %s(%s) VALUES (%s); END;\n",
			t.name, strings.Join(params, ", "), t.stored(), strings.Join(columns, ", "), strings.Join(marks, ", "))
		for _, row := range b.rows[t.name] {
			values := args{}
			for i, v := range row {
				if _, real := v.(float64); real {
					v = nil
				}
				values[fmt.Sprintf("p%d", i)] = v
			}
			loads = append(loads, b.w.tx("bob", "slt.load_"+t.name, values))
		}
	}
	for i, a := range b.acts {
		source += a.source(i)
	}
	b.w.deploy("alice", "slt", source)
	if len(loads) > 0 {
		bad := func(r Receipt) bool { return r.Status != StatusOK }
		if slices.ContainsFunc(b.w.block(loads...), bad) {
			r.count.reasons["a stored row has a value of another type than its column"] += len(b.acts)
			return
		}
	}
	var txs []VerifiedTransaction
	for i := range b.acts {
		q := b.w.request("bob", "slt", fmt.Sprintf("act%d", i), nil)
		q.GasLimit = MaxGas
		txs = append(txs, b.w.sign("bob", q))
	}
	for i, receipt := range b.w.block(txs...) {
		rec := b.acts[i].rec
		fails := rec.Fails || rec.Query && len(rec.Want) == 0 && receipt.Code == "AG0417" // as in sltRun.query
		if receipt.Status != StatusOK && !fails {
			r.count.reasons["when run: "+receipt.Code+" "+receipt.Text]++
			if !rec.Query {
				r.count.reasons["after a write that was refused"] += len(b.acts) - i - 1
				return
			}
			continue
		}
		switch {
		case rec.Query && !fails:
			if err := rec.Check(receipt.Rows); err != nil {
				r.t.Errorf("line %d, as an action: %s\n%v", rec.Line, rec.SQL, err)
				continue
			}
		case rec.Fails && receipt.Status == StatusOK:
			r.t.Errorf("line %d, as an action: %s\ndoes not fail", rec.Line, rec.SQL)
			continue
		}
		r.count.ran++
	}
	c, err := Compile("slt", source)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, t := range b.tables {
		var want []string
		for _, row := range r.rows("SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name) {
			want = append(want, fmt.Sprint(row))
		}
		var got []string
		for _, row := range b.stateOf(c, t.stored()) {
			got = append(got, fmt.Sprint(row[:len(t.columns)]))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			r.t.Errorf("table %s of the contract holds\n%s\nSQLite alone\n%s", t.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// sltType finds a column's type in the CREATE statement.
func sltType(schema string, t sltTable, column string) string {
	_, rest, _ := strings.Cut(schema, "CREATE TABLE "+t.stored()+" (")
	rest, _, _ = strings.Cut(rest, ";")
	if strings.Contains(rest, column+" TEXT") {
		return "TEXT"
	}
	return "INTEGER"
}
