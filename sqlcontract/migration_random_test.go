package sqlcontract

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// evolution is a contract of random tables that changes at random, with a model
// of its rows in Go: one list of cells for each row.
type evolution struct {
	*rand.Rand
	tables  []*evoTable
	serial  int
	block   []string // statements of the MIGRATION, in SQLite's own SQL
	creates []string // the tables before it, for the judge
}

type evoTable struct {
	name    string
	columns []evoColumn // the first keys of them are the key
	keys    int
	rows    map[string][]any // by fmt.Sprint of the key
}

type evoColumn struct {
	name, typ string
	deflt     any
}

func (t *evoTable) sql() string {
	var parts []string
	for i, c := range t.columns {
		s := c.name + " " + c.typ
		if i < t.keys {
			s += " NOT NULL"
		}
		if c.deflt != nil {
			s += " DEFAULT " + sqlLiteral(c.deflt)
		}
		parts = append(parts, s)
	}
	return "CREATE TABLE " + t.name + " (" + strings.Join(parts, ", ") + ", PRIMARY KEY (" + strings.Join(t.names()[:t.keys], ", ") + ")) STRICT, WITHOUT ROWID"
}

func (t *evoTable) names() []string {
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return names
}

func (t *evoTable) put(row []any) { t.rows[fmt.Sprintf("%T%v", row[:t.keys], row[:t.keys])] = row }

// dump is what SELECT * … ORDER BY all columns shows, as wire rows in order.
func (t *evoTable) dump() []string {
	var lines []string
	for _, row := range t.rows {
		lines = append(lines, showCells(row))
	}
	slices.Sort(lines)
	return lines
}

func showCells(row []any) string {
	var parts []string
	for _, v := range row {
		parts = append(parts, sqlLiteral(v))
	}
	return strings.Join(parts, ",")
}

func (e *evolution) name(prefix string) string {
	e.serial++
	return prefix + strconv.Itoa(e.serial)
}

func (e *evolution) column() evoColumn {
	c := evoColumn{name: e.name("c"), typ: []string{"INTEGER", "TEXT", "BLOB"}[e.IntN(3)]}
	if e.IntN(2) == 0 {
		c.deflt = e.cell(c.typ)
	}
	return c
}

func (e *evolution) cell(typ string) any {
	n := e.IntN(6)
	switch typ {
	case "INTEGER":
		return int64(n*n*n*n - 20)
	case "TEXT":
		return strings.Repeat("ab", n) + strconv.Itoa(n)
	}
	return bytes.Repeat([]byte{byte(n)}, n)
}

func (e *evolution) table(name string) *evoTable {
	t := &evoTable{name: name, keys: 1 + e.IntN(2), rows: map[string][]any{}}
	for i := range t.keys + 1 + e.IntN(4) {
		c := e.column()
		if i < t.keys {
			c.deflt = nil
		}
		t.columns = append(t.columns, c)
	}
	return t
}

func (e *evolution) source(from int) string {
	var b strings.Builder
	b.WriteString("DIALECT 1;\n")
	for _, t := range e.tables {
		b.WriteString(t.sql() + ";\n")
		var params, values []string
		for i, c := range t.columns {
			p := ":" + c.name + " " + c.typ
			if i >= t.keys {
				p += " DEFAULT NULL"
			}
			params, values = append(params, p), append(values, ":"+c.name)
		}
		fmt.Fprintf(&b, "CREATE ACTION put_%s(%s) PUBLIC AS BEGIN REPLACE INTO %s VALUES (%s); END;\n", t.name, strings.Join(params, ", "), t.name, strings.Join(values, ", "))
		fmt.Fprintf(&b, "CREATE TRIGGER tr_%s AFTER INSERT ON %s BEGIN DELETE FROM %s WHERE NEW.%s IS NULL; END;\n", t.name, t.name, t.name, t.columns[0].name)
		fmt.Fprintf(&b, "INVARIANT count_%s ON %s TOTAL count(*);\n", t.name, t.name)
	}
	if from > 0 {
		fmt.Fprintf(&b, "MIGRATION FROM %d AS BEGIN\n", from)
		for _, s := range e.block {
			b.WriteString("  " + s + ";\n")
		}
		b.WriteString("END;\n")
	}
	return b.String()
}

func (e *evolution) clone(t *evoTable) *evoTable {
	c := *t
	c.columns, c.rows = slices.Clone(t.columns), map[string][]any{}
	return &c
}

// evolve makes the next version and what its MIGRATION does, in SQL and in Go.
func (e *evolution) evolve() {
	var next []*evoTable
	e.block, e.creates = nil, nil
	say := func(format string, args ...any) { e.block = append(e.block, fmt.Sprintf(format, args...)) }
	for i, t := range e.tables {
		e.creates = append(e.creates, t.sql())
		n := e.clone(t)
		next = append(next, n)
		list := strings.Join(t.names(), ", ")
		each := func(change func(row []any) []any) {
			for _, k := range slices.Sorted(maps.Keys(t.rows)) {
				if row := change(slices.Clone(t.rows[k])); row != nil {
					n.put(row)
				}
			}
		}
		value := t.keys + e.IntN(len(t.columns)-t.keys)
		v := t.columns[value]
		switch e.IntN(9) {
		case 0: // nothing
			each(func(row []any) []any { return row })
		case 1: // one more column, and some rows change
			c := e.column()
			n.columns = append(n.columns, c)
			set := e.cell(c.typ)
			say("UPDATE %s SET %s = %s WHERE %s IS NOT NULL", t.name, c.name, sqlLiteral(set), v.name)
			each(func(row []any) []any {
				if row[value] != nil {
					return append(row, set)
				}
				return append(row, c.deflt)
			})
		case 2: // a column gets another type
			to := map[string]string{"INTEGER": "TEXT", "TEXT": "INTEGER", "BLOB": "INTEGER"}[v.typ]
			n.columns[value] = evoColumn{v.name, to, nil}
			expr := map[string]string{"INTEGER": "CAST(%s AS TEXT)", "TEXT": "length(%s)", "BLOB": "length(%s)"}[v.typ]
			names := slices.Clone(t.names())
			names[value] = fmt.Sprintf(expr, v.name)
			say("INSERT INTO %s SELECT %s FROM old.%s", t.name, strings.Join(names, ", "), t.name)
			each(func(row []any) []any {
				switch x := row[value].(type) {
				case int64:
					row[value] = strconv.FormatInt(x, 10)
				case string:
					row[value] = int64(len(x))
				case []byte:
					row[value] = int64(len(x))
				}
				return row
			})
		case 3: // the key's columns in another order, or the key with a number before it
			if t.keys == 2 {
				n.columns[0], n.columns[1] = n.columns[1], n.columns[0]
				say("INSERT INTO %s(%s) SELECT %s FROM old.%s", t.name, list, list, t.name)
				each(func(row []any) []any { row[0], row[1] = row[1], row[0]; return row })
				break
			}
			n.columns = slices.Insert(n.columns, 0, evoColumn{e.name("k"), "INTEGER", nil})
			n.keys++
			say("INSERT INTO %s SELECT 7, %s FROM old.%s", t.name, list, t.name)
			each(func(row []any) []any { return slices.Insert(row, 0, any(int64(7))) })
		case 4: // a column less, if there is another
			if len(t.columns)-t.keys < 2 {
				each(func(row []any) []any { return row })
				break
			}
			n.columns = slices.Delete(n.columns, value, value+1)
			rest := strings.Join(n.names(), ", ")
			say("INSERT INTO %s(%s) SELECT %s FROM old.%s", t.name, rest, rest, t.name)
			each(func(row []any) []any { return slices.Delete(row, value, value+1) })
		case 5: // a text is split
			if v.typ != "TEXT" {
				each(func(row []any) []any { return row })
				break
			}
			c := evoColumn{e.name("c"), "TEXT", nil}
			n.columns[value] = evoColumn{e.name("c"), "TEXT", nil}
			n.columns = append(n.columns, c)
			names := slices.Clone(t.names())
			names[value] = "substr(" + v.name + ", 1, 2)"
			say("INSERT INTO %s SELECT %s, substr(%s, 3) FROM old.%s", t.name, strings.Join(names, ", "), v.name, t.name)
			each(func(row []any) []any {
				s, ok := row[value].(string)
				if !ok {
					return append(row, nil)
				}
				row[value] = s[:min(2, len(s))]
				return append(row, s[min(2, len(s)):])
			})
		case 6: // another default: the same rows, but not all are stored as they were
			n.columns[value].deflt = map[string]any{"INTEGER": int64(e.serial), "TEXT": e.name("x"), "BLOB": []byte{byte(e.serial), 9}}[v.typ]
			e.serial++
			say("INSERT INTO %s SELECT * FROM old.%s", t.name, t.name)
			each(func(row []any) []any { return row })
		case 7: // gone, with its rows in another table or nowhere
			if i == 0 {
				each(func(row []any) []any { return row })
				break
			}
			next = next[:len(next)-1]
			to := &evoTable{name: e.name("t"), keys: 1 + t.keys, rows: map[string][]any{}}
			to.columns = append(to.columns, evoColumn{e.name("k"), "TEXT", nil})
			to.columns = append(to.columns, t.columns...)
			next = append(next, to)
			say("INSERT INTO %s SELECT 'from ' || '%s', %s FROM old.%s WHERE %s IS NOT NULL", to.name, t.name, list, t.name, v.name)
			for _, row := range t.rows {
				if row[value] != nil {
					to.put(slices.Insert(slices.Clone(row), 0, any("from "+t.name)))
				}
			}
		case 8: // half of the rows go, of a table that is as it was
			say("DELETE FROM %s WHERE %s IN (SELECT %s FROM old.%s ORDER BY %s LIMIT (SELECT count(*) / 2 FROM old.%s))", t.name, t.columns[0].name, t.columns[0].name, t.name, strings.Join(t.names()[:t.keys], ", "), t.name)
			rows := slices.SortedFunc(maps.Values(t.rows), func(a, b []any) int {
				for i := range t.keys {
					if c := compareCells(a[i], b[i]); c != 0 {
						return c
					}
				}
				return 0
			})
			for _, row := range rows[len(rows)/2:] {
				if !slices.ContainsFunc(rows[:len(rows)/2], func(x []any) bool { return compareCells(x[0], row[0]) == 0 }) {
					n.put(row)
				}
			}
		}
	}
	if e.IntN(2) == 0 {
		next = append(next, e.table(e.name("t")))
	}
	e.tables = next
}

func compareCells(a, b any) int {
	switch a := a.(type) {
	case int64:
		return int(a - b.(int64))
	case string:
		return strings.Compare(a, b.(string))
	case []byte:
		return bytes.Compare(a, b.([]byte))
	}
	return 0
}

// stateRows are a contract's entries in the state map.
func (w *world) contractRows(contract string) map[string]string {
	w.t.Helper()
	rows := map[string]string{}
	prefix := contractPrefix(contract)
	err := prolly.Load(w.engine.nodes, w.tree.Root()).Scan(prefix, wire.KeyPrefixEnd(prefix), func(key, value []byte) error {
		rows[string(key)] = string(value)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// judge runs the block in sqlite3 on the rows before, and gives the tables.
func (e *evolution) judge(t *testing.T, before []*evoTable) string {
	var b strings.Builder
	b.WriteString("ATTACH ':memory:' AS old;\n")
	for i, sql := range e.creates {
		b.WriteString(inSchema(sql, "old") + ";\n")
		for _, row := range before[i].rows {
			fmt.Fprintf(&b, "INSERT INTO old.%s VALUES (%s);\n", before[i].name, showCells(row))
		}
	}
	for _, n := range e.tables {
		b.WriteString(n.sql() + ";\n")
		for i, o := range before { // what is copied: tables whose columns are the first of the new ones
			if o.name == n.name && o.keys == n.keys && len(o.columns) <= len(n.columns) && reflect.DeepEqual(o.columns, n.columns[:len(o.columns)]) {
				fmt.Fprintf(&b, "INSERT INTO main.%s(%s) SELECT * FROM old.%s;\n", n.name, strings.Join(o.names(), ", "), before[i].name)
			}
		}
	}
	for _, s := range e.block {
		b.WriteString(s + ";\n")
	}
	for _, n := range e.tables {
		var quoted []string
		for _, c := range n.names() {
			quoted = append(quoted, "quote("+c+")")
		}
		fmt.Fprintf(&b, "SELECT '%s'; SELECT %s FROM %s;\n", n.name, strings.Join(quoted, " || ',' || "), n.name)
	}
	cmd := exec.Command("sqlite3", "-bail", ":memory:")
	cmd.Stdin = strings.NewReader(b.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v\n%s\n%s", err, out, b.String())
	}
	return string(out)
}

// TestMigrationModel migrates random contracts through random versions. Rows are
// judged by the model and by sqlite3, changes by the states before and after,
// gas and roots by a second node whose working tree suffers.
func TestMigrationModel(t *testing.T) {
	rounds := 5
	if os.Getenv("AERGO_SOAK") != "" {
		rounds = 100
	}
	_, err := exec.LookPath("sqlite3")
	if err != nil && os.Getenv("AERGO_REQUIRE_JUDGES") != "" {
		t.Fatal(err)
	}
	judged := err == nil
	seed := rand.Uint64()
	for round := range rounds {
		if !t.Run("", func(t *testing.T) { migrateAtRandom(t, seed+uint64(round), judged) }) {
			t.Fatalf("seed %d", seed+uint64(round))
		}
	}
}

func migrateAtRandom(t *testing.T, seed uint64, judged bool) {
	e := &evolution{Rand: rand.New(rand.NewPCG(seed, 1))}
	for i := range 1 + e.IntN(3) {
		e.tables = append(e.tables, e.table("t"+strconv.Itoa(i)))
	}
	a := newWorld(t, "")
	b := &wanderer{world: newWorld(t, filepath.Join(t.TempDir(), "b")), Rand: rand.New(rand.NewPCG(seed, 8)), old: t.TempDir()}
	defer a.close()
	defer b.close()
	both := func(txs ...VerifiedTransaction) []Receipt {
		t.Helper()
		receipts := a.block(txs...)
		b.disturb(txs)
		got := b.block(txs...)
		if x, y := a.seals[len(a.seals)-1], b.seals[len(b.seals)-1]; !reflect.DeepEqual(got, receipts) || x.State != y.State || x.Changes != y.Changes {
			t.Fatalf("after %q the other node has\n%+v\nnot\n%+v", b.did, got, receipts)
		}
		return receipts
	}
	source := e.source(0)
	if r := both(a.deployTx("alice", "guess", source, nil))[0]; r.Status != StatusOK {
		t.Fatal(r.Code, r.Text)
	}
	for version := 1; version <= 4; version++ {
		var txs []VerifiedTransaction
		for range e.IntN(12) {
			n := e.tables[e.IntN(len(e.tables))]
			row, arguments := make([]any, len(n.columns)), args{}
			for i, c := range n.columns {
				if row[i] = e.cell(c.typ); i >= n.keys && e.IntN(4) == 0 {
					row[i] = nil
				}
				arguments[c.name] = row[i]
			}
			txs = append(txs, a.tx("bob", "guess.put_"+n.name, arguments))
			n.put(row)
		}
		before := e.tables
		e.evolve()
		source = e.source(version)
		calls := len(txs)
		if e.IntN(2) == 0 { // the deploy in a block of its own, or behind the calls
			both(txs...)
			txs, calls = nil, 0
		}
		rows := a.contractRows("guess")
		txs = append(txs, a.deployTx("alice", "guess", source, nil))
		for i, r := range both(txs...) {
			if r.Status != StatusOK {
				t.Fatalf("transaction %d: %s %s\n%s", i, r.Code, r.Text, source)
			}
		}
		for _, n := range e.tables {
			want := n.dump()
			for _, w := range []*world{a, b.world} {
				got := w.tableDump(n)
				if !slices.Equal(got, want) {
					t.Fatalf("%s holds\n%s\nwant\n%s\n%s", n.name, strings.Join(got, "\n"), strings.Join(want, "\n"), source)
				}
			}
			if got := a.query("SELECT count(*) FROM guess." + n.name); got != fmt.Sprintln(len(want)) {
				t.Fatalf("%s has %s rows in the files", n.name, got)
			}
		}
		if judged {
			var want strings.Builder
			for _, n := range e.tables {
				want.WriteString(n.name + "\n" + strings.Join(n.dump(), "\n") + "\n")
			}
			if got := e.judge(t, before); sortedLines(got) != sortedLines(want.String()) {
				t.Fatalf("sqlite3 says\n%s\nthe model\n%s\n%s", got, want.String(), source)
			}
		}
		if calls == 0 {
			checkNet(t, a, rows, source)
		}
	}
}

func sortedLines(s string) string {
	lines := strings.Split(strings.ToUpper(strings.TrimSpace(s)), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" })
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// tableDump reads a table by SQL.
func (w *world) tableDump(n *evoTable) []string {
	w.t.Helper()
	rows, err := w.tree.Query(w.t.Context(), "SELECT * FROM guess."+n.name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		lines = append(lines, showCells(rows.Values()))
	}
	if rows.Err() != nil {
		w.t.Fatal(rows.Err())
	}
	slices.Sort(lines)
	return lines
}

// checkNet holds the last block's one transaction against the states around it.
func checkNet(t *testing.T, w *world, before map[string]string, source string) {
	t.Helper()
	after := w.contractRows("guess")
	want := map[string]string{}
	for k, v := range before {
		if after[k] != v {
			want[k] = v + " => " + after[k]
		}
	}
	for k, v := range after {
		if _, ok := before[k]; !ok {
			want[k] = " => " + v
		}
	}
	got := map[string]string{}
	d := w.seals[len(w.seals)-1]
	for _, l := range w.list(d.Changes, d.Leaves) {
		g, err := DecodeChanges(l.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range g.Rows {
			if bytes.HasPrefix(r.Key, contractPrefix("guess")) {
				got[string(r.Key)] = string(r.Old) + " => " + string(r.New)
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("the changes are\n%q\nthe states differ by\n%q\n%s", got, want, source)
	}
}
