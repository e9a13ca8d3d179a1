package sqlcontract

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// short leaves out the contract's own name.
func reachText(c *Contract, action string) string {
	r := c.Action(action).Reach
	strip := func(list []string) string {
		return strings.ReplaceAll(strings.Join(list, " "), c.Name+".", "")
	}
	return strip(r.Reads) + " | " + strip(r.Writes) + " | " + strip(r.Calls)
}

func TestReach(t *testing.T) {
	for _, c := range []struct{ name, schema, body, want string }{
		{"a column", "", "SELECT b FROM t", "t.a t.b |  | "},
		{"rows only", "", "SELECT count(*) FROM t", "t.a |  | "},
		{"an insert", "", "INSERT INTO t VALUES (1, 2, 3)", "t.a | t.a t.b t.c | "},
		{"a unique column", "CREATE UNIQUE INDEX i ON t(b);", "INSERT INTO t VALUES (1, 2, 3)", "t.a t.b t.c | t.a t.b t.c | "},
		{"an update", "", "UPDATE t SET b = 1 WHERE a = 2", "t.a t.b t.c | t.b | "},
		{"an update of the key", "", "UPDATE t SET a = 1 WHERE a = 2", "t.a t.b t.c | t.a t.b t.c | "},
		{"a view", "CREATE VIEW v AS SELECT b AS x FROM t;", "SELECT x FROM v", "t.a t.b |  | "},
		{"a CTE of the name", "", "WITH t AS (SELECT 1 AS b) SELECT b FROM t", " |  | "},
		{"a trigger", "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE u SET d = NEW.b; END;", "INSERT INTO t VALUES (1, 2, 3)", "t.a t.b u.a u.d u.k | t.a t.b t.c u.d | "},
		{"a parent", "CREATE TABLE p (k INTEGER PRIMARY KEY, t INTEGER REFERENCES t);", "INSERT INTO p VALUES (1, 2)", "p.k t.a | p.k p.t | "},
		{"a cascade", "CREATE TABLE p (k INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE);\nCREATE TRIGGER g AFTER DELETE ON p BEGIN UPDATE u SET d = 0; END;",
			"DELETE FROM t", "p.k p.t t.a t.b t.c u.a u.d u.k | p.k p.t t.a t.b t.c u.d | "},
		{"what is set to null", "CREATE TABLE p (k INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE SET NULL);", "DELETE FROM t", "p.k p.t t.a t.b t.c | p.k p.t t.a t.b t.c | "},
		{"a join by name", "", "SELECT d FROM t JOIN u USING (a)", "t.a t.b t.c u.a u.d u.k |  | "},
		{"a generated column", "CREATE TABLE q (k INTEGER PRIMARY KEY, n INTEGER, g INTEGER AS (n + 1));", "SELECT g FROM q", "q.k q.n |  | "},
		{"rows that are replaced", "CREATE TABLE p (k INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE);", "INSERT OR REPLACE INTO t VALUES (1, 2, 3)",
			"p.k p.t t.a t.b t.c | p.k p.t t.a t.b t.c | "},
		{"FOR EACH", "INVARIANT i FOR EACH u CHECK (d < (SELECT c FROM t WHERE t.a = u.k));", "INSERT INTO u VALUES (1, 2, 3)", "t.a t.c u.d u.k | u.a u.d u.k | "},
		{"an own call", "CREATE ACTION h() PRIVATE AS BEGIN UPDATE u SET d = 1; END;", "CALL h()", "u.a u.d u.k | u.d | h"},
		{"another contract", "", "CALL b.pay(1); CALL b.pay(2)", " |  | bank.pay"},
	} {
		source := "DIALECT 1; USE bank AS b;\nCREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER, c INTEGER);\nCREATE TABLE u (k INTEGER PRIMARY KEY, d INTEGER, a INTEGER);\n" +
			c.schema + "\nCREATE ACTION f() PUBLIC RETURNS (x INTEGER) AS BEGIN " + c.body + "; END;"
		if got := reachText(mustCompile(t, "shop", source), "f"); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	got := mustCompile(t, "shop", "DIALECT 1; CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER);\nINVARIANT i ON t TOTAL sum(b);\nCREATE ACTION f() ROLE (r) AS BEGIN UPDATE t SET b = 1; END;").Action("f").Reach
	for _, want := range []string{"aergo_total.total.sum", "aergo_role.role.account"} {
		if !slices.Contains(got.Reads, want) {
			t.Errorf("%s is not among %v", want, got.Reads)
		}
	}
}

func TestLane(t *testing.T) {
	w := newMarket(t, "")
	c, _, _, err := w.tree.Contract("stall")
	if err != nil {
		t.Fatal(err)
	}
	abi, err := w.tree.ABI(c)
	if err != nil {
		t.Fatal(err)
	}
	l := abi.Actions[slices.IndexFunc(abi.Actions, func(a ABIAction) bool { return a.Name == "left" })].Lane
	if got := fmt.Sprint(*l); got != "{[stall till] [till.purse.cash till.purse.who] []}" {
		t.Error(got)
	}
	sell := abi.Actions[slices.IndexFunc(abi.Actions, func(a ABIAction) bool { return a.Name == "sell" })]
	if got := fmt.Sprint(sell.Reads, sell.Writes, sell.Calls); got != "[stall.sold.sku] [stall.sold.by stall.sold.n stall.sold.sku] [till.cash till.pay]" {
		t.Error(got)
	}
	if !slices.Contains(sell.Lane.Writes, "till.purse.cash") || slices.Contains(sell.Lane.Writes, "till.bill.id") {
		t.Error(sell.Lane.Writes)
	}
}

// touched are the columns that a changed row stands for.
func touched(l *layout, r RowChange) ([]string, error) {
	names := func(cols []int) (list []string) {
		for _, c := range cols {
			list = append(list, l.contract+"."+l.Name+"."+l.Columns[c].Name)
		}
		return list
	}
	if r.Old == nil || r.New == nil {
		return names(l.stored()), nil
	}
	before, err := l.cells(r.Key, r.Old)
	if err != nil {
		return nil, err
	}
	after, err := l.cells(r.Key, r.New)
	if err != nil {
		return nil, err
	}
	var cols []int
	for _, c := range l.Values {
		if !equalCells(before[c], after[c]) {
			cols = append(cols, c)
		}
	}
	return names(cols), nil
}

// Random actions of random contracts, half of them through another contract:
// what changes lies in the write set, and what lies outside of the read set may
// be another without a difference in receipt and rows.
func TestReachHolds(t *testing.T) {
	rounds := 16
	if testing.Short() {
		rounds = 6
	}
	other := 0
	for seed := range rounds {
		g := &guess{Rand: rand.New(rand.NewPCG(uint64(seed), 11))}
		_, source := g.contract("guess")
		front := "DIALECT 1; USE guess AS g;\nCREATE TABLE log (n INTEGER PRIMARY KEY);\n"
		for _, a := range g.acts {
			var params, values []string
			for i, typ := range a.params {
				params, values = append(params, fmt.Sprintf(":p%d %s DEFAULT NULL", i, typ)), append(values, fmt.Sprintf(":p%d", i))
			}
			front += fmt.Sprintf("CREATE ACTION %s(%s) PUBLIC AS BEGIN INSERT INTO log SELECT coalesce(max(n), 0) + 1 FROM log; CALL g.%s(%s); END;\n",
				a.name, strings.Join(params, ", "), a.name, strings.Join(values, ", "))
		}
		w := newWorld(t, "")
		w.deploy("alice", "guess", source)
		w.deploy("bob", "front", front)
		layouts := map[string]*layout{}
		lanes := map[string]Lane{}
		for _, name := range []string{"guess", "front"} {
			c, _, _, err := w.tree.Contract(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, table := range c.Tables {
				layouts[name+"."+table.Name] = newLayout(name, table)
			}
			abi, err := w.tree.ABI(c)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range abi.Actions {
				lanes[name+"."+a.Name] = *a.Lane
			}
		}
		for range 60 {
			a := g.acts[g.IntN(len(g.acts))]
			what := g.pick("guess", "front") + "." + a.name
			tx, root := w.tx("carol", what, g.args(a)), w.tree.Root()
			r := w.block(tx)[0]
			rows := w.changes()
			for _, row := range rows {
				key, err := wire.DecodeKey(row.Key)
				if err != nil {
					t.Fatal(err)
				}
				cols := totalColumns()
				if key[0] != systemTotal {
					if cols, err = touched(layouts[fmt.Sprint(key[0])+"."+fmt.Sprint(key[1])], row); err != nil {
						t.Fatal(err)
					}
				}
				for _, col := range cols {
					if !slices.Contains(lanes[what].Writes, col) {
						t.Fatalf("seed %d: %s changes %s and says that it writes %v\n%s", seed, what, col, lanes[what].Writes, source)
					}
				}
			}
			changed, ok := w.elsewhere(g, root, layouts, lanes[what].Reads)
			if !ok {
				continue
			}
			r2, rows2, err := w.tryOn(changed, tx)
			if err != nil {
				continue // a state that no schema allows
			}
			other++
			x, _ := r.Encode()
			y, _ := r2.Encode()
			if !bytes.Equal(x, y) || fmt.Sprint(rows) != fmt.Sprint(rows2) {
				t.Fatalf("seed %d: %s reads more than %v:\n%+v\n%+v\n%s", seed, what, lanes[what].Reads, r, r2, source)
			}
		}
		w.replay("", func(int) bool { return g.chance(3) })
		w.close()
	}
	t.Logf("%d transactions ran on other states", other)
	if other < rounds*5 {
		t.Errorf("only %d transactions ran on other states: the test says little", other)
	}
}

// changes are the net rows of the last block's one transaction.
func (w *world) changes() []RowChange {
	w.t.Helper()
	d := w.seals[len(w.seals)-1]
	var rows []RowChange
	for _, l := range w.list(d.Changes, d.Leaves) {
		g, err := DecodeChanges(l.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		rows = append(rows, g.Rows...)
	}
	return rows
}

// elsewhere gives a state that differs in columns outside of reads.
func (w *world) elsewhere(g *guess, root objectstore.Hash, layouts map[string]*layout, reads []string) (*prolly.Map, bool) {
	w.t.Helper()
	state := prolly.Load(w.engine.nodes, root)
	var edits []prolly.Edit
	for _, t := range g.tables {
		l := layouts["guess."+t.name]
		free := func(c int) bool {
			return !slices.Contains(reads, "guess."+t.name+"."+l.Columns[c].Name)
		}
		err := state.Scan(l.prefix, wire.KeyPrefixEnd(l.prefix), func(key, value []byte) error {
			if !slices.ContainsFunc(l.Key, func(c int) bool { return !free(c) }) {
				if g.IntN(2) == 0 { // nobody looks for rows
					edits = append(edits, prolly.Edit{Key: bytes.Clone(key)})
				}
				return nil
			}
			cells, err := l.cells(key, value)
			if err != nil {
				return err
			}
			var values []any
			differs := false
			for _, c := range l.Values {
				if v := g.value(l.Columns[c].Type); free(c) && (v != nil || !l.Columns[c].NotNull) && !equalCells(v, cells[c]) {
					cells[c], differs = v, true
				}
				values = append(values, cells[c])
			}
			if !differs {
				return nil
			}
			b, err := l.appendValue(nil, values)
			edits = append(edits, prolly.Edit{Key: bytes.Clone(key), Value: b})
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if len(edits) == 0 {
		return nil, false
	}
	next, err := state.Apply(edits)
	if err != nil {
		w.t.Fatal(err)
	}
	return next, true
}

// tryOn runs a transaction on a state, which is stored, in a block like the last.
func (w *world) tryOn(state *prolly.Map, tx VerifiedTransaction) (Receipt, []RowChange, error) {
	w.t.Helper()
	b := w.store.NewBatch()
	defer b.Close()
	mark, err := state.Write(b.PutHashed)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := b.Commit(); err != nil {
		w.t.Fatal(err)
	}
	mark()
	tree := w.open("", state.Root())
	defer tree.Close()
	s, err := tree.Begin(Block{Branch: w.branch, Number: w.number, Time: w.now})
	if err != nil {
		return Receipt{}, nil, err
	}
	defer s.Rollback()
	r, err := s.Run(tx)
	if err != nil {
		return Receipt{}, nil, err
	}
	return r, s.Changes(0), nil
}
