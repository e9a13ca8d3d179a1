package aergosql_test

import (
	"os"
	"strings"
	"testing"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// seedsOfTokens are texts at which tokenizers differ.
var seedsOfTokens = []string{
	"", " ", "a", "SELECT 1;", "'it''s'", "'open", `"a""b"`, "`a", "[a]b]", "x'00ff'", "x'0'", "X'zz'", "x", "-- c", "-- c\n;", "/* c */", "/*/", "/**/", "/* open", "/*",
	"1", "1.5", ".5", "1.", "1..2", "1e3", "1e", "1e+", "1e+5", "0x1F", "0x", "0xg", "1_000", "1__0", "12abc", "1.5x", "1$", "?", "?12", "?a", ":a", ":", "::a", ":a::b", ":a:b", ":a(b)", ":a(b c)", ":a(", "@x", "$x", "#x", "#", "a$b", "$",
	"->", "->>", "-", "=", "==", "=>", "<>", "<<", "<=", "!=", "!", "||", "|", "\v", " \v", "\f", "\xef\xbb\xbf1", "\xef\xbb", "é", "{", "}", "\\", "^", "~a%b&c", "(1,2)",
	"CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END;", "create temp trigger t begin select 1; end; select", "CREATE TABLE t(a); SELECT ';';",
}

func FuzzLex(f *testing.F) {
	for _, s := range seedsOfTokens {
		f.Add(s)
	}
	for _, file := range written(f) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, src string) {
		at := 0
		for _, tok := range aergosql.Lex(src) {
			if tok.Start != at || tok.End <= at {
				t.Fatalf("token %v does not begin at %d", tok, at)
			}
			at = tok.End
		}
		if at != len(src) {
			t.Fatalf("the tokens end at %d of %d", at, len(src))
		}
		if strings.IndexByte(src, 0) < 0 {
			compareComplete(t, src)
		}
	})
}

// compareComplete holds the tokens against sqlite3_complete: a text without
// triggers is complete if its last token that is no blank is a semicolon.
func compareComplete(t *testing.T, src string) {
	t.Helper()
	upper := strings.ToUpper(src)
	if strings.Contains(upper, "TRIGGER") || strings.Contains(src, "\ufeff") || strings.Contains(src, "\v") {
		return // its own rule, or blanks that only one of SQLite's two tokenizers knows
	}
	last := ""
	for _, tok := range aergosql.Lex(src) {
		x := src[tok.Start:tok.End]
		if tok.Kind == aergosql.Bad && (isOpen(x) || strings.Contains(x, ";")) {
			return // SQLite has no answer either: the shell asks for more, prepare says "unrecognized token"
		}
		if tok.Kind == aergosql.Variable && strings.ContainsAny(x, "(") {
			return // sqlite3_complete knows no Tcl arrays
		}
		if tok.Kind != aergosql.Space {
			last = x
		}
	}
	tls := libc.NewTLS()
	defer tls.Close()
	c, err := libc.CString(src)
	if err != nil {
		t.Fatal(err)
	}
	defer libc.Xfree(tls, c)
	if got, want := sqlite3.Xsqlite3_complete(tls, c) == 1, last == ";"; got != want {
		t.Fatalf("%q: sqlite3_complete says %v, our last token is %q", src, got, last)
	}
}

func isOpen(x string) bool {
	return strings.ContainsAny(x[:1], "'\"`[") || strings.HasPrefix(x, "/*")
}

// FuzzLexPrepare holds the tokens against SQLite's own: the prepare of a text
// ends where our first statement ends, and a number, name or variable is one
// token there too.
func FuzzLexPrepare(f *testing.F) {
	for _, s := range seedsOfTokens {
		f.Add(s)
	}
	conn, err := sqlite.Open(":memory:", sqlite.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	f.Fuzz(func(t *testing.T, src string) {
		if strings.IndexByte(src, 0) >= 0 || len(src) > 1000 {
			return
		}
		sql := "SELECT " + src + ";SELECT 2"
		st, tail, err := conn.Prepare(sql)
		if err != nil {
			return
		}
		defer st.Finalize()
		end, variables := len(sql), map[string]bool{}
		for _, tok := range aergosql.Lex(sql) {
			x := sql[tok.Start:tok.End]
			if tok.Kind == aergosql.Bad && strings.HasPrefix(x, "/*") {
				return // SQLite lets the end of the text close a comment, a contract may not
			}
			if tok.Kind == aergosql.Bad {
				t.Fatalf("SQLite takes %q, for us %q is no token", sql, x)
			}
			if x == ";" {
				end = tok.End
				break
			}
			if tok.Kind == aergosql.Variable {
				variables[x] = true
			}
		}
		if sql[end:] != tail {
			t.Fatalf("%q: SQLite's statement ends before %q, ours before %q", sql, tail, sql[end:])
		}
		for i := range st.ParamCount() {
			if n := st.ParamName(i + 1); n != "" && !variables[n] {
				t.Fatalf("%q: SQLite sees the parameter %q, we see %v", sql, n, variables)
			}
		}
	})
}
