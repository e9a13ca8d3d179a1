package sqlite

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const forever = "WITH RECURSIVE n(x) AS (VALUES(0) UNION ALL SELECT x+1 FROM n) SELECT count(*) FROM n"

func TestInterruptAndProgressStop(t *testing.T) {
	c := open(t)
	timer := time.AfterFunc(10*time.Millisecond, c.Interrupt)
	defer timer.Stop()
	wantError(t, c.Exec(forever), CodeInterrupt, "interrupted")
	want(t, c, "SELECT 1", "1")

	calls := 0
	c.SetProgress(100, func() bool { calls++; return calls == 50 })
	wantError(t, c.Exec(forever), CodeInterrupt, "interrupted")
	if calls != 50 {
		t.Errorf("%d calls", calls)
	}
	c.SetProgress(0, nil)
	want(t, c, "SELECT 2", "2")
}

func TestAuthorizerNamesWhatItDenies(t *testing.T) {
	c := open(t, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); CREATE TABLE log(x)",
		"CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM log; END")
	old := prepare(t, c, "SELECT b FROM t")
	c.SetAuthorizer(func(a Action, arg1, arg2, db, trigger string) Verdict {
		switch {
		case a == ActionDelete && arg1 == "log", a == ActionPragma, a == ActionAttach, a == ActionCreateVTable,
			a == ActionFunction && arg2 == "random", a == ActionCreateTable && arg1 == "x", a == ActionRead && arg2 == "b":
			return Deny
		case a == ActionRead && arg2 == "a":
			return Ignore
		}
		return Allow
	})
	for sql, text := range map[string]string{
		"DELETE FROM log":                      "not authorized: DELETE log",
		"INSERT INTO t VALUES (1, 2)":          "not authorized: DELETE log (by tr)",
		"PRAGMA user_version = 3":              "not authorized: PRAGMA user_version 3",
		"ATTACH 'x' AS y":                      "not authorized: ATTACH x",
		"SELECT random()":                      "not authorized: FUNCTION random",
		"CREATE TABLE x(a)":                    "not authorized: CREATE TABLE x",
		"SELECT b FROM t":                      "not authorized: READ t b",
		"CREATE VIRTUAL TABLE v USING fts5(a)": "not authorized: CREATE VIRTUAL TABLE v fts5",
	} {
		wantError(t, c.Exec(sql), CodeAuth, text)
	}
	want(t, c, "SELECT a FROM t", "NULL")
	_, err := old.Step() // prepared before, asked again
	wantError(t, err, CodeAuth, "READ t b")
	c.SetAuthorizer(func(Action, string, string, string, string) Verdict { return 77 })
	wantError(t, c.Exec("SELECT 1"), CodeAuth, "not authorized: SELECT")
	c.SetAuthorizer(nil)
	want(t, c, "SELECT b FROM t", "2")
	for a := ActionCreateIndex; a <= ActionRecursive; a++ {
		// 0 means COPY, which is long gone; all others have names.
		if strings.HasPrefix(a.String(), "action") {
			t.Errorf("%s has no name", a)
		}
	}
}

func TestPreupdateTellsDepthAndDatabase(t *testing.T) {
	c := openAt(t, ":memory:", Options{ForeignKeys: true},
		"CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE k(p REFERENCES p ON DELETE CASCADE); CREATE TABLE log(x)",
		"CREATE TRIGGER tr AFTER DELETE ON k BEGIN INSERT INTO log VALUES (old.p); END",
		"INSERT INTO p VALUES (1); INSERT INTO k VALUES (1)", "ATTACH ':memory:' AS other; CREATE TABLE other.o(a)")
	var seen []string
	check(t, c.SetPreupdate(func(ch *Change) {
		seen = append(seen, strings.Repeat(">", ch.Depth())+ch.DB+"."+ch.Table)
		if ch.Op == Insert && ch.Old(0) != nil || ch.Op == Delete && ch.New(0) != nil {
			t.Error("a row that is not there has values")
		}
	}))
	check(t, c.Exec("DELETE FROM p; INSERT INTO o VALUES (1)"))
	if got := strings.Join(seen, " "); got != "main.p >main.k >>main.log other.o" {
		t.Errorf("seen %s", got)
	}
	check(t, c.SetPreupdate(nil))
	check(t, c.Exec("INSERT INTO o VALUES (2)"))
	if len(seen) != 4 {
		t.Error("a removed hook was called")
	}
}

func TestFunctions(t *testing.T) {
	c := open(t, "CREATE TABLE t(a)", "INSERT INTO t VALUES (1), ('x'), (x'00ff'), (NULL), (1.5)")
	kept := []any{}
	check(t, c.CreateFunction("echo", 1, true, func(a []any) (any, error) { kept = append(kept, a[0]); return a[0], nil }))
	check(t, c.CreateFunction("count_args", -1, true, func(a []any) (any, error) { return int64(len(a)), nil }))
	refused := errors.New("refused by the function")
	check(t, c.CreateFunction("refuse", 0, false, func([]any) (any, error) { return nil, refused }))
	check(t, c.CreateFunction("odd", 0, false, func([]any) (any, error) { return 7, nil }))
	want(t, c, "SELECT echo(a) FROM t", "1", "x", "x'00ff'", "NULL", "1.5f")
	if kept[1] != "x" || kept[0] != int64(1) {
		t.Errorf("kept %v", kept)
	}
	want(t, c, "SELECT count_args(), count_args(1, echo(2), 3), typeof(echo('')), typeof(echo(x''))", "0|3|text|blob")
	err := c.Exec("SELECT refuse()")
	wantError(t, err, CodeError, "refused by the function")
	if !errors.Is(err, refused) {
		t.Error("the function's error is not in the chain")
	}
	wantError(t, c.Exec("SELECT odd()"), CodeError, "cannot give SQL a int")
	// Triggers, views and CHECKs may use them, indexes only deterministic ones.
	check(t, c.Exec("CREATE VIEW v AS SELECT echo(a) AS e FROM t; CREATE TABLE u(a CHECK (echo(a) > 0))"))
	want(t, c, "SELECT count(e) FROM v", "4")
	wantError(t, c.Exec("CREATE INDEX i ON t(refuse())"), CodeError, "non-deterministic")
}

func TestPanicsBecomeErrors(t *testing.T) {
	setup := "CREATE TABLE t(a); INSERT INTO t VALUES (1)"
	for _, k := range []struct {
		name string
		arm  func(c *Conn)
		sql  string
	}{
		{"authorizer", func(c *Conn) {
			c.SetAuthorizer(func(Action, string, string, string, string) Verdict { panic("boom") })
		}, "SELECT 1"},
		{"progress", func(c *Conn) { c.SetProgress(1, func() bool { panic("boom") }) }, "SELECT * FROM t"},
		{"function", func(c *Conn) {
			check(t, c.CreateFunction("f", 0, true, func([]any) (any, error) { panic("boom") }))
		}, "SELECT f()"},
		{"preupdate", func(c *Conn) { check(t, c.SetPreupdate(func(*Change) { panic("boom") })) }, "INSERT INTO t VALUES (2)"},
	} {
		c := open(t, setup)
		k.arm(c)
		err := c.Exec(k.sql)
		var p *PanicError
		if !errors.As(err, &p) || p.Value != "boom" {
			t.Errorf("%s: error %v", k.name, err)
		}
		c.SetAuthorizer(nil)
		c.SetProgress(0, nil)
		check(t, c.SetPreupdate(nil))
		// The half-seen change was not committed, and the connection lives.
		want(t, c, "SELECT a FROM t", "1")
	}
	// Inside a transaction the statement fails and the caller rolls back.
	c := open(t, setup, "SAVEPOINT s")
	check(t, c.SetPreupdate(func(*Change) { panic("boom") }))
	if err := c.Exec("INSERT INTO t VALUES (2)"); err == nil {
		t.Error("no error")
	}
	check(t, c.Exec("ROLLBACK TO s; RELEASE s"))
	want(t, c, "SELECT a FROM t", "1")
}
