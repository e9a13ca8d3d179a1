package sqlfunc

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// worstCalls are, per function, the arguments that cost most under the limits
// of a contract: a is a text of 60,000 equal letters.
var worstCalls = []struct{ function, call string }{
	{"length", "length(a || i)"},
	{"||", "a || i"},
	{"lower", "lower(a)"},
	{"upper", "upper(a)"},
	{"substr", "substr(a, i % 2, 59000)"},
	{"zeroblob", "zeroblob(60000 + i % 2)"},
	{"concat", "concat(a, i)"},
	{"concat_ws", "concat_ws('', a, i)"},
	{"hex", "hex(substr(a, 1, 30000))"},
	{"unhex", "unhex(a)"},
	{"char", "char(97 + i % 2, 98, 99)"},
	{"trim", "trim(a, b)"},
	{"ltrim", "ltrim(a, b)"},
	{"rtrim", "rtrim(a, b)"},
	{"instr", "instr(a, b)"},
	{"replace", "replace(a, b, 'x')"},
	{"like", "a LIKE l"},
	{"glob", "a GLOB g"},
	{"json", "json(j)"},
	{"json_extract", "json_extract(j, '$[19000]')"},
	{"->>", "j ->> 19000"},
	{"json_array_length", "json_array_length(j)"},
	{"json_set", "json_set(j, '$[19000]', i)"},
	{"json_valid", "json_valid(j)"},
	{"json_quote", "json_quote(a)"},
}

// TestWeights measures the worst call of each function and shows it in units of
// gas: time over the time of 64 plain steps. It asserts nothing about time;
// run it with -v before the table changes.
func TestWeights(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	conn, err := sqlite.Open(":memory:", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(`CREATE TABLE x (a TEXT, b TEXT, l TEXT, g TEXT, j TEXT, o TEXT);
		INSERT INTO x VALUES (replace(hex(zeroblob(30000)), '0', 'a'),
			replace(hex(zeroblob(15000)), '0', 'a') || 'b',
			replace(hex(zeroblob(63)), '0', '%a') || 'b%',
			replace(hex(zeroblob(63)), '0', '*a') || 'b*',
			'[' || replace(hex(zeroblob(10000)), '0', '1,1') || ']',
			'{' || substr(replace(hex(zeroblob(3000)), '0', '"a":1,'), 2, 0) || '"a":1}')`); err != nil {
		t.Fatal(err)
	}
	if err := Replace(conn); err != nil { // after the table: one row of it is longer than an action's may be
		t.Fatal(err)
	}
	// measure runs an expression in a loop of n and gives time and steps per turn.
	measure := func(expr string, n int) (time.Duration, int64) {
		st, _, err := conn.Prepare("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?1) SELECT max(octet_length(" + expr + ")) FROM c CROSS JOIN x")
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		defer st.Finalize()
		if err := st.BindInt64(1, int64(n)); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := st.Step(); err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		return time.Since(start) / time.Duration(n), st.Steps(true) / int64(n)
	}
	plain, steps := measure("i + 1", 20000)
	unit := time.Duration(int64(plain) * 64 / steps)
	t.Logf("64 plain steps take %v", unit)
	for _, w := range worstCalls {
		took, steps := measure(w.call, 1)
		if took < 20*time.Millisecond {
			took, steps = measure(w.call, 20)
		}
		weight := functions[w.function][2]
		if w.function == "||" {
			weight = pass[2]
		}
		charged := float64(weight) * float64(steps) / 64
		t.Logf("%-18s %10v a call, %3d steps around it, weight %4d: takes %.1f times what it is charged", w.function, took, steps, weight, float64(took)/float64(unit)/charged)
	}
}

// TestLinearFunctions compares our instr, replace and trim with SQLite's on
// random arguments.
func TestLinearFunctions(t *testing.T) {
	var conns [2]*sqlite.Conn
	for i := range conns {
		c, err := sqlite.Open(":memory:", sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	if err := Replace(conns[1]); err != nil {
		t.Fatal(err)
	}
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, 0))
	value := func() string {
		var b strings.Builder
		for range rnd.IntN(6) {
			b.WriteString([]string{"a", "b", "ab", "é", "€", "😀", "''", " "}[rnd.IntN(8)])
		}
		switch rnd.IntN(8) {
		case 0:
			return "NULL"
		case 1:
			return fmt.Sprint(rnd.IntN(200) - 100)
		case 2, 3:
			return fmt.Sprintf("x'%x'", strings.ReplaceAll(b.String(), "''", "'"))
		}
		return "'" + b.String() + "'"
	}
	for n := range 4000 {
		call := []string{"instr(%s, %s)", "replace(%s, %s, %s)", "trim(%s, %s)", "ltrim(%s, %s)", "rtrim(%s, %s)"}[n%5]
		for strings.Contains(call, "%s") {
			call = strings.Replace(call, "%s", value(), 1)
		}
		var got [2]string
		for i, c := range conns {
			st, _, err := c.Prepare("SELECT " + call)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := st.Step(); err != nil {
				t.Fatalf("%s: %v", call, err)
			}
			got[i] = fmt.Sprintf("%T %v", st.Column(0), st.Column(0))
			st.Finalize()
		}
		if got[0] != got[1] {
			t.Errorf("seed %d: %s is %s, ours %s", seed, call, got[0], got[1])
		}
	}
	for _, call := range []string{"instr(9223372036854775807 + 1, '9')", "replace(hex(zeroblob(30000)), '0', hex(zeroblob(30000)))"} {
		st, _, err := conns[1].Prepare("SELECT " + call)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Step(); err == nil {
			t.Errorf("%s is not refused", call)
		}
	}
}

// TestLikeAndGlob compares our LIKE and GLOB with SQLite's on random patterns.
func TestLikeAndGlob(t *testing.T) {
	var conns [2]*sqlite.Conn
	for i := range conns {
		c, err := sqlite.Open(":memory:", sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	if err := Replace(conns[1]); err != nil {
		t.Fatal(err)
	}
	const seed = 11
	rnd := rand.New(rand.NewPCG(seed, 0))
	text := func(from string, n int) string {
		letters := []rune(from)
		var b strings.Builder
		for range rnd.IntN(n) {
			b.WriteRune(letters[rnd.IntN(len(letters))])
		}
		return b.String()
	}
	calls := []string{"?1 LIKE ?2", "?1 LIKE ?2 ESCAPE '!'", "?1 LIKE ?2 ESCAPE '%'", "?1 LIKE ?2 ESCAPE '_'", "?1 LIKE ?2 ESCAPE 'é'", "?1 GLOB ?2", "like(?2, ?1)", "glob(?2, ?1)"}
	var statements [2][]*sqlite.Stmt
	for i, c := range conns {
		for _, call := range calls {
			st, _, err := c.Prepare("SELECT " + call)
			if err != nil {
				t.Fatal(err)
			}
			statements[i] = append(statements[i], st)
		}
	}
	matched := 0
	for n := range 20_000 {
		k := n % len(calls)
		args := []any{text("aabAB", 12), text("aab%%_A", 9)}
		switch rnd.IntN(4) {
		case 0:
			args = []any{text("aé€😀b-]^", 8), text("aé€%%*?[[]^-!b_", 10)}
		case 1:
			args = []any{text("abc-]^é", 7), text("*?[a-c]^é", 12)}
		case 2:
			args = []any{strings.Repeat(text("ab", 5), 30), "%" + text("ab%_", 100)}
		}
		switch rnd.IntN(40) {
		case 0:
			args[rnd.IntN(2)] = nil
		case 1:
			args[rnd.IntN(2)] = int64(rnd.IntN(200))
		case 2:
			args[0] = []byte(args[0].(string))
		case 3:
			args[rnd.IntN(2)] = "a\x00b"
		}
		var got [2]any
		for i := range conns {
			st := statements[i][k]
			for p, a := range args {
				if err := st.Bind(p+1, a); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := st.Step(); err != nil {
				t.Fatal(err)
			}
			got[i] = st.Column(0)
			st.Reset()
		}
		if got[0] != got[1] {
			t.Fatalf("seed %d: %s with %q is %v, ours %v", seed, calls[k], args, got[0], got[1])
		}
		if got[0] == int64(1) {
			matched++
		}
	}
	if matched < 800 {
		t.Errorf("only %d of the patterns matched", matched)
	}
}

// engineNames are names that the engine itself lists.
func engineNames(t *testing.T, sql string) []string {
	t.Helper()
	conn, err := sqlite.Open(":memory:", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	st, _, err := conn.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		ok, err := st.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return names
		}
		names = append(names, st.Column(0).(string))
	}
}

// TestFunctionsExist: every function of the allow list is one of the engine's,
// and each of the engine's others is refused with a reason.
func TestFunctionsExist(t *testing.T) {
	known := map[string]bool{"json_each": true, "json_tree": true}
	for _, n := range engineNames(t, "SELECT DISTINCT name FROM pragma_function_list") {
		known[n] = true
		if functions[n] == (Weight{}) {
			if why, next := Refusal(n); why == "" || next == "" {
				t.Errorf("%s is refused without a reason", n)
			}
		}
	}
	for n, w := range functions {
		if !known[n] {
			t.Errorf("%s is allowed and does not exist", n)
		}
		if w[0] < basic[0] || w[1] < w[0] || w[2] < w[1] {
			t.Errorf("%s has the weight %d", n, w)
		}
	}
}
