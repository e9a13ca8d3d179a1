package sqlcontract

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// guess writes random contracts and random calls of them.
type guess struct {
	*rand.Rand
	tables []*guessTable
	acts   []*guessAction
}

type guessTable struct {
	name    string
	columns []string // of which the first are the key
	types   []string
	keys    int
	extra   []string // generated columns, never written
}

type guessAction struct {
	name   string
	params []string // types
	sql    []string // one statement each, parameters :p0, :p1, …
}

func (g *guess) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *guess) source() string {
	var b strings.Builder
	b.WriteString("DIALECT 1;\n")
	for i := range 1 + g.IntN(3) {
		g.table(&b, i)
	}
	for i, t := range g.tables {
		g.trigger(&b, i, t)
	}
	for i := range 4 + g.IntN(6) {
		a := &guessAction{name: fmt.Sprintf("act%d", i)}
		for range 1 + g.IntN(3) {
			a.sql = append(a.sql, g.statement(a))
		}
		g.acts = append(g.acts, a)
		fmt.Fprintf(&b, "CREATE ACTION %s(", a.name)
		for j, typ := range a.params {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, ":p%d %s DEFAULT NULL", j, typ)
		}
		fmt.Fprintf(&b, ") PUBLIC AS BEGIN\n  %s;\nEND;\n", strings.Join(a.sql, ";\n  "))
	}
	return b.String()
}

func (g *guess) table(b *strings.Builder, i int) {
	t := &guessTable{name: fmt.Sprintf("t%d", i), keys: 1 + g.IntN(2)}
	var parts []string
	for j := range t.keys + 1 + g.IntN(4) {
		name, typ := fmt.Sprintf("c%d", j), g.pick("INTEGER", "TEXT", "BLOB")
		t.columns, t.types = append(t.columns, name), append(t.types, typ)
		decl := name + " " + typ
		switch {
		case j < t.keys || g.IntN(4) == 0:
			decl += " NOT NULL"
		}
		if j >= t.keys && g.IntN(2) == 0 {
			decl += " DEFAULT " + map[string]string{"INTEGER": "3", "TEXT": "'b'", "BLOB": "x'02'"}[typ]
		}
		if j >= t.keys && g.IntN(4) == 0 {
			decl += " UNIQUE"
			if g.IntN(3) == 0 {
				decl += " ON CONFLICT " + g.pick("REPLACE", "IGNORE")
			}
		}
		if typ == "INTEGER" && g.IntN(4) == 0 {
			decl += fmt.Sprintf(" CHECK (%s < 5)", name)
		}
		if i > 0 && j >= t.keys && g.IntN(3) == 0 {
			parent := g.tables[g.IntN(i)]
			if parent.keys == 1 && parent.types[0] == typ {
				decl += " REFERENCES " + parent.name + " ON DELETE " + g.pick("CASCADE", "SET NULL", "RESTRICT", "NO ACTION") +
					" ON UPDATE " + g.pick("CASCADE", "SET NULL", "NO ACTION") + g.pick("", " DEFERRABLE INITIALLY DEFERRED")
			}
		}
		parts = append(parts, decl)
	}
	if g.IntN(3) == 0 {
		at := g.IntN(len(parts))
		t.extra = []string{"g"}
		parts = slices.Insert(parts, at, "g TEXT GENERATED ALWAYS AS (hex(c0) || coalesce(hex(c1), 0)) "+g.pick("STORED", "VIRTUAL"))
	}
	parts = append(parts, "PRIMARY KEY ("+strings.Join(t.columns[:t.keys], ", ")+")")
	fmt.Fprintf(b, "CREATE TABLE %s (\n  %s\n);\n", t.name, strings.Join(parts, ",\n  "))
	if g.IntN(3) == 0 {
		fmt.Fprintf(b, "CREATE INDEX %s_i ON %s(%s);\n", t.name, t.name, t.columns[len(t.columns)-1])
	}
	g.tables = append(g.tables, t)
}

func (g *guess) trigger(b *strings.Builder, i int, t *guessTable) {
	if g.IntN(2) == 0 {
		return
	}
	to := g.tables[g.IntN(len(g.tables))]
	event := g.pick("INSERT", "UPDATE", "DELETE")
	row := "NEW"
	if event == "DELETE" {
		row = "OLD"
	}
	last := to.columns[len(to.columns)-1]
	body := g.pick(
		fmt.Sprintf("DELETE FROM %s WHERE %s = %s.%s", to.name, last, row, t.columns[0]),
		fmt.Sprintf("UPDATE %s SET %s = NULL WHERE %s > %s.%s", to.name, last, to.columns[0], row, t.columns[0]),
		fmt.Sprintf("SELECT RAISE(ABORT, 'no two') WHERE %s.%s = 2", row, t.columns[0]),
		fmt.Sprintf("SELECT RAISE(IGNORE) WHERE %s.%s = 'a'", row, t.columns[0]),
	)
	fmt.Fprintf(b, "CREATE TRIGGER %s_t %s %s ON %s BEGIN %s; END;\n", t.name, g.pick("BEFORE", "AFTER"), event, t.name, body)
}

func (g *guess) param(a *guessAction, typ string) string {
	a.params = append(a.params, typ)
	return fmt.Sprintf(":p%d", len(a.params)-1)
}

func (g *guess) statement(a *guessAction) string {
	t := g.tables[g.IntN(len(g.tables))]
	n := len(t.columns)
	if len(a.params) > 40 {
		return "DELETE FROM " + t.name + " WHERE false"
	}
	where := func() string {
		return t.columns[0] + g.pick(" = ", " = ", " > ", " < ") + g.param(a, t.types[0])
	}
	switch g.IntN(8) {
	case 0, 1, 2, 3:
		width := n - g.IntN(n-t.keys+1) // trailing columns take their defaults
		var values []string
		for j := range width {
			values = append(values, g.param(a, t.types[j]))
		}
		sql := fmt.Sprintf("INSERT %sINTO %s(%s) VALUES (%s)", g.pick("", "", "OR REPLACE ", "OR IGNORE ", "OR FAIL "), t.name, strings.Join(t.columns[:width], ", "), strings.Join(values, ", "))
		if g.IntN(3) == 0 {
			last := t.columns[n-1]
			sql += g.pick(" ON CONFLICT DO NOTHING", fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s = excluded.%s", strings.Join(t.columns[:t.keys], ", "), last, last))
		}
		return sql
	case 4, 5:
		j := g.IntN(n)
		return fmt.Sprintf("UPDATE %s%s SET %s = %s WHERE %s", g.pick("", "", "OR REPLACE ", "OR IGNORE "), t.name, t.columns[j], g.param(a, t.types[j]), where())
	case 6:
		j := g.IntN(n)
		return fmt.Sprintf("UPDATE %s SET %s = %s", t.name, t.columns[j], t.columns[j]) // nothing changes
	}
	if g.IntN(6) == 0 {
		return "DELETE FROM " + t.name
	}
	return "DELETE FROM " + t.name + " WHERE " + where()
}

// value is one of few, so that keys meet.
func (g *guess) value(typ string) any {
	if g.IntN(9) == 0 {
		return nil
	}
	switch typ {
	case "INTEGER":
		return g.Int64N(7) - 1
	case "TEXT":
		return g.pick("", "a", "b", "c", "ä")
	}
	return [][]byte{{}, {0}, {2}, {0, 1}, {255}}[g.IntN(5)]
}

// judge is plain SQLite on the same schema, without anything of ours.
type judge struct {
	t    *testing.T
	conn *sqlite.Conn
}

func newJudge(t *testing.T, c *Contract) *judge {
	conn, err := sqlite.Open(":memory:", sqlite.Options{NoPreupdate: true, ForeignKeys: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for _, o := range c.Schema {
		if err := conn.Exec(o.SQL); err != nil {
			t.Fatal(err)
		}
	}
	return &judge{t, conn}
}

// run runs the statements as one transaction and tells whether it stands.
func (j *judge) run(a *guessAction, values map[string]any) error {
	if err := j.conn.Exec("BEGIN"); err != nil {
		j.t.Fatal(err)
	}
	err := func() error {
		for _, sql := range a.sql {
			st, _, err := j.conn.Prepare(sql)
			if err != nil {
				j.t.Fatal(err)
			}
			for i := 1; i <= st.ParamCount(); i++ {
				if err := st.Bind(i, values[st.ParamName(i)[1:]]); err != nil {
					j.t.Fatal(err)
				}
			}
			_, err = st.Step()
			st.Finalize()
			if err != nil {
				return err
			}
		}
		return j.conn.Exec("COMMIT")
	}()
	if err != nil && j.conn.InTransaction() {
		if err := j.conn.Exec("ROLLBACK"); err != nil {
			j.t.Fatal(err)
		}
	}
	return err
}

// rows lists a table, all columns, in key order.
func (j *judge) rows(t *guessTable) string {
	var b strings.Builder
	st, _, err := j.conn.Prepare("SELECT " + strings.Join(t.columns, ",") + " FROM " + t.name + " ORDER BY " + strings.Join(t.columns[:t.keys], ","))
	if err != nil {
		j.t.Fatal(err)
	}
	defer st.Finalize()
	for {
		row, err := st.Step()
		if err != nil {
			j.t.Fatal(err)
		}
		if !row {
			return b.String()
		}
		for i := range t.columns {
			fmt.Fprintf(&b, "%#v ", st.Column(i))
		}
		b.WriteByte('\n')
	}
}

// stateRows lists the same from the state map.
func (w *world) stateRows(c *Contract, t *guessTable) string {
	l := newLayout(c.Name, c.Table(t.name))
	var b strings.Builder
	err := prolly.Load(w.engine.nodes, w.tree.Root()).Scan(l.prefix, wire.KeyPrefixEnd(l.prefix), func(key, value []byte) error {
		cells, err := l.cells(key, value)
		if err != nil {
			return err
		}
		for _, name := range t.columns {
			fmt.Fprintf(&b, "%#v ", cells[l.index(name)])
		}
		b.WriteByte('\n')
		// The bytes must be those that a row read from SQLite gives.
		var values []any
		for _, i := range l.Values {
			values = append(values, cells[i])
		}
		if again, err := l.appendValue(nil, values); err != nil || string(again) != string(value) {
			return errors.Join(err, fmt.Errorf("row %v is stored as %x, not %x", cells, value, again))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// Whatever a contract does, the state map holds what plain SQLite holds after
// the same statements, a failed transaction leaves no trace, and another tree,
// which loses its files now and then, comes to the same.
func TestRandomContracts(t *testing.T) {
	seeds := 24
	if testing.Short() {
		seeds = 10
	}
	ok, failed := 0, 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &guess{Rand: rand.New(rand.NewPCG(uint64(seed), 7))}
			var c *Contract
			var source string
			for c == nil { // not every guess is a contract
				g.tables, g.acts = nil, nil
				source = g.source()
				c, _ = Compile("guess", source)
			}
			dir, again := "", "" // files cost a sync or two each: most rounds are in memory
			switch seed % 6 {
			case 0:
				dir = filepath.Join(t.TempDir(), "tree")
			case 1:
				again = filepath.Join(t.TempDir(), "again")
			}
			w := newWorld(t, dir)
			w.deploy("alice", "guess", source)
			j := newJudge(t, c)
			for range 12 {
				var txs []VerifiedTransaction
				var want []error
				for range 1 + g.IntN(8) {
					a := g.acts[g.IntN(len(g.acts))]
					values := args{}
					for i, typ := range a.params {
						values[fmt.Sprintf("p%d", i)] = g.value(typ)
					}
					txs, want = append(txs, w.tx("bob", "guess."+a.name, values)), append(want, j.run(a, values))
				}
				for i, r := range w.block(txs...) {
					if (r.Status == StatusOK) != (want[i] == nil) {
						t.Fatalf("%s\n%s%v: receipt %s %q, SQLite alone says %v", source, txs[i].header.Action, txs[i].args, r.Code, r.Text, want[i])
					}
					if r.Code == "AG0429" {
						t.Errorf("an error without a name: %v", want[i])
					}
					if r.Status == StatusOK {
						ok++
					} else {
						failed++
					}
				}
				for _, table := range g.tables {
					want := j.rows(table)
					if got := w.stateRows(c, table); got != want {
						t.Fatalf("%s\ntable %s in the state map:\n%s\nin SQLite alone:\n%s", source, table.name, got, want)
					}
				}
			}
			w.replay(again, func(int) bool { return g.IntN(3) == 0 })
			if seed%4 == 0 {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
				w.replay("", func(int) bool { return g.IntN(3) == 0 })
			}
		})
	}
	t.Logf("%d transactions ok, %d failed", ok, failed)
	if ok < seeds*10 || failed < seeds*10 {
		t.Errorf("%d transactions ok and %d failed: the test says little", ok, failed)
	}
}
