package sqlcontract

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestKeysAtTheEdges: the smallest and the largest INTEGER, the empty TEXT and
// BLOB and the longest key are keys like others: in order, found again, changed
// and read as an old state.
func TestKeysAtTheEdges(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.deploy("alice", "edge", `DIALECT 1;
CREATE TABLE n (k INTEGER PRIMARY KEY, v INTEGER);
CREATE TABLE x (k TEXT, b BLOB, v INTEGER, PRIMARY KEY (k, b));
CREATE ACTION put(:k INTEGER, :v INTEGER) PUBLIC AS BEGIN INSERT INTO n VALUES (:k, :v) ON CONFLICT (k) DO UPDATE SET v = excluded.v; END;
CREATE ACTION next() PUBLIC AS BEGIN INSERT INTO n VALUES ((SELECT max(k) + 1 FROM n), 0); END;
CREATE ACTION down() PUBLIC AS BEGIN UPDATE n SET k = k - 1 WHERE k = (SELECT min(k) FROM n); END;
CREATE ACTION swap() PUBLIC AS BEGIN UPDATE n SET k = -1 - k; END;
CREATE ACTION between(:a INTEGER, :b INTEGER) PUBLIC READONLY RETURNS (k INTEGER) AS BEGIN SELECT k FROM n WHERE k >= :a AND k <= :b; END;
CREATE ACTION text(:k TEXT, :b BLOB) PUBLIC AS BEGIN INSERT INTO x VALUES (:k, :b, 1); END;
`)
	keys := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 53, -1, 0, 1, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}
	for _, k := range []int{4, 0, 8, 1, 7, 2, 6, 3, 5} {
		w.good(w.tx("bob", "edge.put", args{"k": keys[k], "v": int64(k)}))
		w.good(w.tx("bob", "edge.put", args{"k": keys[k], "v": int64(k) * 10}))
	}
	list := func(keys ...int64) string {
		var b strings.Builder
		for _, k := range keys {
			fmt.Fprintln(&b, []any{k})
		}
		return b.String()
	}
	check := func(sql, want string, args ...any) {
		t.Helper()
		for _, old := range []bool{false, true} {
			rows, err := w.tree.Query(t.Context(), sql, args...)
			if old {
				rows, err = w.engine.QueryAt(t.Context(), w.tree.Root(), sql, args...)
			}
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for rows.Next() {
				fmt.Fprintln(&b, rows.Values())
			}
			if err := rows.Err(); err != nil || b.String() != want {
				t.Errorf("%s %v (old %v) gives\n%swant\n%s%v", sql, args, old, b.String(), want, err)
			}
			rows.Close()
		}
	}
	check("SELECT k FROM n", list(keys...))
	check("SELECT k FROM n ORDER BY k DESC LIMIT 2", list(math.MaxInt64, math.MaxInt64-1))
	for i, a := range keys {
		check("SELECT k FROM n WHERE k = ?1", list(a), a)
		check("SELECT v FROM n WHERE k = ?1", list(int64(i)*10), a)
		check("SELECT k FROM n WHERE k > ?1", list(keys[i+1:]...), a)
		check("SELECT k FROM n WHERE k <= ?1", list(keys[:i+1]...), a)
		check("SELECT k FROM n WHERE k BETWEEN ?1 AND ?2", list(keys[i:]...), a, int64(math.MaxInt64))
		r := w.good(w.tx("bob", "edge.between", args{"a": a, "b": int64(math.MaxInt64)}))
		if len(r.Rows) != len(keys)-i {
			t.Errorf("from %d: %d rows", a, len(r.Rows))
		}
	}
	// 2^63 is a REAL with an exact neighbour in neither direction: no key.
	check("SELECT k FROM n WHERE k > 9223372036854775807.0", "")
	check("SELECT k FROM n WHERE k < -9223372036854775808.0", "")
	w.bad(w.tx("bob", "edge.next", nil), "AG0416", "n.k")
	w.bad(w.tx("bob", "edge.down", nil), "AG0416", "n.k")
	w.bad(w.tx("bob", "edge.swap", nil), "AG0412", "n.k") // each key becomes another's, one after the other
	check("SELECT k FROM n WHERE k IN (?1, ?2)", list(math.MinInt64, math.MaxInt64), int64(math.MinInt64), int64(math.MaxInt64))

	w.good(w.tx("bob", "edge.text", args{"k": "", "b": []byte{}}))
	w.good(w.tx("bob", "edge.text", args{"k": "", "b": []byte{0}}))
	w.good(w.tx("bob", "edge.text", args{"k": "\x01", "b": []byte{}}))
	w.bad(w.tx("bob", "edge.text", args{"k": "", "b": []byte{}}), "AG0412", "x.k, x.b")
	check("SELECT hex(k), hex(b) FROM x", "[ ]\n[ 00]\n[01 ]\n")
	w.good(w.tx("bob", "edge.text", args{"k": strings.Repeat("x", 1000), "b": []byte{}}))
	w.bad(w.tx("bob", "edge.text", args{"k": strings.Repeat("x", 1024), "b": []byte{}}), "AG0421", "x")
	w.replay("", func(i int) bool { return i%3 == 0 })
}

// TestGiantLists: a list of as many values as a source holds, in conditions and
// in VALUES, gives what a small one gives on every physical history, and a
// table of as many values in an argument too.
func TestGiantLists(t *testing.T) {
	var list, rows []string
	for i := range 20_000 {
		list = append(list, fmt.Sprint(i*2))
		if i < 2000 {
			rows = append(rows, fmt.Sprintf("(%d)", (i*7919)%40_000))
		}
	}
	in := "(" + strings.Join(list, ",") + ")"
	w := newWorld(t, t.TempDir())
	w.deploy("alice", "giant", `DIALECT 1;
CREATE TABLE n (k INTEGER PRIMARY KEY);
CREATE ACTION fill() PUBLIC AS BEGIN INSERT OR IGNORE INTO n VALUES `+strings.Join(rows, ",")+`; END;
CREATE ACTION even() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN SELECT count(*) FROM n WHERE k IN `+in+`; END;
CREATE ACTION odd() PUBLIC AS BEGIN DELETE FROM n WHERE k NOT IN (SELECT value FROM json_each('[2,4]')) AND k % 2 = 1; END;
CREATE ACTION pick(:list TEXT) PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN SELECT count(*) FROM n WHERE k IN (SELECT value FROM json_each(:list)); END;
`)
	call := func(action string, a args) Receipt {
		t.Helper()
		r := w.request("bob", "giant", action, a)
		r.GasLimit = MaxGas
		return w.good(w.sign("bob", r))
	}
	call("fill", nil)
	want := 0
	for i := range 2000 {
		if (i*7919)%40_000%2 == 0 {
			want++
		}
	}
	if r := call("even", nil); fmt.Sprint(r.Rows) != fmt.Sprintf("[[%d]]", want) {
		t.Errorf("even keys: %v, not %d", r.Rows, want)
	}
	short := "[" + strings.Join(list[:9000], ",") + "]" // 64 KiB is the limit of a text
	n := len(slices.DeleteFunc(slices.Clone(rows), func(s string) bool {
		var k int
		fmt.Sscanf(s, "(%d)", &k)
		return k%2 == 1 || k >= 18_000
	}))
	if r := call("pick", args{"list": short}); fmt.Sprint(r.Rows) != fmt.Sprintf("[[%d]]", n) {
		t.Errorf("keys of the list: %v, not %d", r.Rows, n)
	}
	call("odd", nil)
	call("even", nil)
	for _, at := range []bool{false, true} {
		q := "SELECT count(*) FROM n WHERE k IN " + in
		answer, err := w.tree.Query(t.Context(), q)
		if at {
			answer, err = w.engine.QueryAt(t.Context(), w.tree.Root(), q)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !answer.Next() || answer.Values()[0] != int64(want) {
			t.Errorf("a query (old %v) counts %v, %v", at, answer.Values(), answer.Err())
		}
		answer.Close()
	}
	w.replay("", func(i int) bool { return i%2 == 0 })
}

// TestUpgradeLosesNoRow: a constraint with ON CONFLICT IGNORE or REPLACE, new in
// a version, must not quietly drop the rows that break it. The deploy is
// refused, as with a plain constraint.
func TestUpgradeLosesNoRow(t *testing.T) {
	const actions = "CREATE ACTION put(:k INTEGER, :v INTEGER DEFAULT NULL) PUBLIC AS BEGIN INSERT INTO t(k, v) VALUES (:k, :v); END;\n"
	for _, clause := range []string{"", " ON CONFLICT IGNORE", " ON CONFLICT REPLACE", " ON CONFLICT FAIL"} {
		w := newWorld(t, t.TempDir())
		w.deploy("alice", "c", "DIALECT 1;\nCREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER);\n"+actions)
		w.good(w.tx("bob", "c.put", args{"k": int64(1), "v": nil}))
		w.good(w.tx("bob", "c.put", args{"k": int64(2), "v": nil}))
		for source, text := range map[string]string{
			"CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER, w INTEGER DEFAULT 3 UNIQUE" + clause + ");":      "t.w",
			"CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER NOT NULL" + clause + ");":                         "t.v",
			"CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER, w INTEGER DEFAULT 3, UNIQUE (w)" + clause + ");": "t.w",
		} {
			w.bad(w.deployTx("alice", "c", "DIALECT 1;\n"+source+"\n"+actions, nil), "AG0442", text)
		}
		w.want("c", "t", "[1] []\n[2] []\n")
		w.good(w.deployTx("alice", "c", "DIALECT 1;\nCREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER, w INTEGER UNIQUE"+clause+");\n"+actions, nil))
		w.want("c", "t", "[1] []\n[2] []\n")
		w.replay("", func(int) bool { return true })
	}
}
