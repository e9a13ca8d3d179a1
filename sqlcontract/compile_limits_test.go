package sqlcontract

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

func shopSource(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/good/shop.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// many repeats a text with its number in place of #.
func many(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
	}
	return b.String()
}

// TestLimits builds contracts at a limit, which compile, and past it, which are
// refused with AG0306.
func TestLimits(t *testing.T) {
	const table = "CREATE TABLE t (a TEXT PRIMARY KEY, n INTEGER);"
	body := func(s string) string {
		return table + "CREATE ACTION f(:n INTEGER) PUBLIC RETURNS (x INTEGER) AS BEGIN " + s + " END;"
	}
	list := func(n int, item string) string { return strings.TrimSuffix(many(n, item+","), ",") }
	for _, c := range []struct {
		name  string
		make  func(n int) string
		limit int
	}{
		{"tables", func(n int) string { return many(n, "CREATE TABLE t# (a TEXT PRIMARY KEY);") }, maxTables},
		{"columns", func(n int) string { return "CREATE TABLE t (" + list(n-1, "c# TEXT") + ", k TEXT PRIMARY KEY);" }, maxColumns},
		{"objects", func(n int) string { return table + many(n, "CREATE INDEX i# ON t(n);") }, maxObjects},
		{"actions", func(n int) string { return many(n, "CREATE ACTION f#() AS BEGIN END;") }, maxActions},
		{"invariants", func(n int) string { return table + many(n, "INVARIANT i# ON t TOTAL sum(n);") }, maxInvariants},
		{"params", func(n int) string { return "CREATE ACTION f(" + list(n, ":p# TEXT") + ") AS BEGIN END;" }, maxParams},
		{"event values", func(n int) string { return body("EMIT e(" + list(n, "v# => 1") + ");") }, maxParams},
		{"roles", func(n int) string { return "CREATE ACTION f() ROLE (" + list(n, "r#") + ") AS BEGIN END;" }, maxRoles},
		{"nesting of IF", func(n int) string { return body(many(n-1, "IF 1 THEN ") + many(n-1, "END IF; ")) }, maxNesting},
		{"nesting of FOR", func(n int) string { return body(many(n-1, "FOR r# IN (SELECT 1 AS x) DO ") + many(n-1, "END FOR; ")) }, maxNesting},
		{"ELSEIFs", func(n int) string { return body("IF 1 THEN " + many(n-2, "ELSEIF 1 THEN ") + "END IF;") }, maxNesting},
		{"statements", func(n int) string { return body(many(n, "LET :x = 1;")) }, maxStatements},
		{"depth of an expression", func(n int) string { return body("RETURN 1" + many(n, " + 1") + ";") }, 96},
		{"depth of parentheses", func(n int) string { return body("RETURN " + many(n, "(") + "1" + many(n, ")") + ";") }, aergosql.MaxParens},
		{"compound SELECT", func(n int) string { return body("SELECT 1" + many(n-1, " UNION ALL SELECT 1") + ";") }, 50},
		{"arguments", func(n int) string { return body("RETURN max(" + list(n, "#") + ");") }, 64},
		{"source", func(n int) string { return strings.Repeat(" ", n-len("DIALECT 1;")) }, aergosql.MaxSource},
		{"one statement", func(n int) string { return "CREATE VIEW v AS SELECT 1" + strings.Repeat(" ", n) + ";" }, aergosql.MaxSource - 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Compile("shop", "DIALECT 1;"+c.make(c.limit)); err != nil {
				t.Errorf("at the limit: %.300v", err)
			}
			past := c.limit + 1
			if c.name == "depth of an expression" {
				past += 20 // SQLite's count is not ours
			}
			if c.name == "one statement" {
				return
			}
			_, err := Compile("shop", "DIALECT 1;"+c.make(past))
			if !fault.Is(err, codeLimit) {
				t.Errorf("past the limit: %.300v", err)
			}
		})
	}
}

// TestBombs compiles sources whose work grows faster than their length.
func TestBombs(t *testing.T) {
	views := "CREATE TABLE t (a TEXT PRIMARY KEY); CREATE VIEW v0 AS SELECT a FROM t;"
	for i := range 40 {
		views += fmt.Sprintf("CREATE VIEW v%d AS SELECT x.a FROM v%d x, v%d y;", i+1, i, i)
	}
	groups := "CREATE TABLE t (a TEXT PRIMARY KEY); CREATE VIEW v0 AS SELECT a FROM t;"
	exists := groups
	for i := range 40 {
		groups += fmt.Sprintf("CREATE VIEW v%d AS SELECT DISTINCT x.a FROM v%d x, v%d y GROUP BY 1 LIMIT 5;", i+1, i, i)
		exists += fmt.Sprintf("CREATE VIEW v%d AS SELECT (SELECT max(a) FROM v%d) || (SELECT min(a) FROM v%d) AS a;", i+1, i, i)
	}
	ctes := "CREATE ACTION f() PUBLIC RETURNS (x INTEGER) AS BEGIN WITH c0 AS (SELECT 1 AS a)"
	for i := range 40 {
		ctes += fmt.Sprintf(", c%d AS (SELECT x.a FROM c%d x, c%d y)", i+1, i, i)
	}
	ctes += " SELECT a FROM c40; END;"
	for name, source := range map[string]string{
		"views of views":       views,
		"grouped views":        groups,
		"subqueries of views":  exists,
		"WITH of WITH":         ctes,
		"open parentheses":     "CREATE VIEW v AS SELECT " + strings.Repeat("(", 200_000),
		"open CASTs":           "CREATE VIEW v AS SELECT " + strings.Repeat("CAST(", 50_000) + ";",
		"open CASEs":           "CREATE ACTION f() AS BEGIN LET :x = " + strings.Repeat("CASE ", 50_000) + ";",
		"triggers without end": strings.Repeat("CREATE TRIGGER t ", 15_000),
		"NOTs":                 "CREATE VIEW v AS SELECT " + strings.Repeat("NOT ", 60_000) + "1;",
		"minuses":              "CREATE VIEW v AS SELECT " + strings.Repeat("- ", 120_000) + "1;",
		"commas":               "CREATE VIEW v AS SELECT 1" + strings.Repeat(",1", 120_000) + ";",
		"actions in actions":   strings.Repeat("CREATE ACTION f() AS BEGIN IF 1 THEN ", 7000),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile("shop", "DIALECT 1;"+source); fault.Of(err) == nil {
				t.Errorf("%v", err)
			} else {
				t.Logf("%.200s", err)
			}
		})
	}
}
