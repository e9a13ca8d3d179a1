package sqlcontract

import "testing"

func TestBreakTies(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"SELECT a FROM t", "SELECT a FROM t"},
		{"SELECT a, b FROM t ORDER BY a", "SELECT a, b FROM t ORDER BY a , 1 DESC, 2 DESC "},
		{"SELECT a FROM t ORDER BY a LIMIT 3", "SELECT a FROM t ORDER BY a  , 1 DESC LIMIT 3"},
		{"SELECT a FROM t ORDER BY a -- b", "SELECT a FROM t ORDER BY a , 1 DESC  -- b"},
		{"SELECT (SELECT a FROM t ORDER BY b LIMIT 1)", "SELECT (SELECT a FROM t ORDER BY b  , 1 DESC LIMIT 1)"},
		{"SELECT sum(a) OVER (ORDER BY b ROWS UNBOUNDED PRECEDING) FROM t", "SELECT sum(a) OVER (ORDER BY b ROWS UNBOUNDED PRECEDING) FROM t"},
		{"WITH x AS (SELECT 1) SELECT 'ORDER BY' FROM x ORDER BY 1;", "WITH x AS (SELECT 1) SELECT 'ORDER BY' FROM x ORDER BY 1 , 1 DESC ;"},
		{")) ORDER", ")) ORDER"},
	} {
		if got := breakTies(c.sql, map[bool]int{true: 2, false: 1}[len(c.sql) > 9 && c.sql[:9] == "SELECT a,"]); got != c.want {
			t.Errorf("%s\n%s\nand not\n%s", c.sql, got, c.want)
		}
	}
}
