package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// These tests show what SQLite does that one might not expect. Where the
// wrapper cures it, the test shows the cure.

func TestTrapDeleteWithoutWhereIsReported(t *testing.T) {
	c := open(t, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", "INSERT INTO t VALUES (1,'x'),(2,'y')")
	// Prepared before anybody listens: the hook is there since Open.
	s := prepare(t, c, "DELETE FROM t")
	log := record(t, c)
	_, err := s.Step()
	check(t, err)
	wantLog(t, log, "t -1,x", "t -2,y")
	// Without the hook the table would be emptied at once and in silence; so
	// a connection without it refuses to listen at all.
	blind := openAt(t, ":memory:", Options{NoPreupdate: true})
	wantError(t, blind.SetPreupdate(func(*Change) {}), CodeMisuse, "without the preupdate hook")
}

func TestTrapHookReportsWhatDoesNotLast(t *testing.T) {
	c := open(t, "CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER CHECK (b < 10))", "INSERT INTO t VALUES (1,1),(2,9)")
	log := record(t, c)
	check(t, c.Exec("SAVEPOINT s"))

	// The first row is changed, the second violates the CHECK: the statement
	// is undone, its report is not.
	mark := len(*log)
	wantError(t, c.Exec("UPDATE t SET b = b + 1"), CodeConstraintCheck, "CHECK")
	if got := (*log)[mark:]; len(got) != 1 || got[0] != "t 1,1>1,2" {
		t.Errorf("reported %q", got)
	}
	*log = (*log)[:mark]

	check(t, c.Exec("SAVEPOINT inner; INSERT INTO t VALUES (3,3); ROLLBACK TO inner"))
	wantLog(t, log, "t +3,3")
	check(t, c.Exec("RELEASE s"))
	want(t, c, "SELECT * FROM t", "1|1", "2|9")
}

func TestTrapHookAndNoOpUpdatesAndDDL(t *testing.T) {
	c := open(t)
	log := record(t, c)
	check(t, c.Exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"))
	wantLog(t, log)
	check(t, c.Exec("INSERT INTO t VALUES (1, 'x')"))
	wantLog(t, log, "t +1,x")
	check(t, c.Exec("UPDATE t SET b = b"))
	wantLog(t, log, "t 1,x>1,x")
	check(t, c.Exec("DROP TABLE t")) // its row goes without a word
	wantLog(t, log)
	check(t, c.Exec("CREATE TABLE u AS SELECT 1 AS one"))
	wantLog(t, log)
}

func TestTrapRowidsAfterTheLastAreRandom(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		c := open(t, "CREATE TABLE t(b)", "INSERT INTO t(rowid, b) VALUES (9223372036854775807, 1)", "INSERT INTO t VALUES (2)")
		seen[rows(t, c, "SELECT rowid FROM t WHERE b = 2")[0]] = true
	}
	if len(seen) != 3 {
		t.Errorf("rowids %v: expected three random ones", seen)
	}
}

func TestTrapIntegersBecomeReal(t *testing.T) {
	c := open(t, "CREATE TABLE t(n INTEGER) STRICT")
	want(t, c, "SELECT typeof(9223372036854775807 + 1), typeof(9223372036854775807 * 2), typeof(-(-9223372036854775807 - 1))", "real|real|real")
	// A STRICT column takes a REAL without a fraction and drops precision.
	check(t, c.Exec("INSERT INTO t VALUES (2.0), (9007199254740993*1.0), ('7')"))
	want(t, c, "SELECT n, typeof(n) FROM t", "2|integer", "9007199254740992|integer", "7|integer")
	// What is too large for an INTEGER is refused.
	wantError(t, c.Exec("INSERT INTO t VALUES (9223372036854775807 + 1)"), CodeConstraintDatatype, "REAL value in INTEGER")
	wantError(t, c.Exec("SELECT sum(n) FROM (SELECT 9223372036854775807 AS n UNION ALL SELECT 1)"), CodeError, "integer overflow")
	wantError(t, c.Exec("SELECT abs(-9223372036854775807 - 1)"), CodeError, "integer overflow")
}

func TestTrapStrictTextTakesAnyBytes(t *testing.T) {
	c := open(t, "CREATE TABLE t(s TEXT) STRICT")
	s := prepare(t, c, "INSERT INTO t VALUES (?1)")
	for _, v := range []string{"\xff\xfe", "a\x00b"} {
		check(t, s.BindText(1, v))
		_, err := s.Step()
		check(t, err)
	}
	check(t, c.Exec("INSERT INTO t VALUES (CAST(x'80' AS TEXT))"))
	// length() stops at NUL, the bytes do not.
	want(t, c, "SELECT hex(s), length(s), typeof(s) FROM t", "FFFE|2|text", "610062|1|text", "80|1|text")
	if got := rows(t, c, "SELECT s FROM t"); got[1] != "a\x00b" || got[0] != "\xff\xfe" {
		t.Errorf("read %q", got)
	}
}

func TestTrapStepsAreNoMeasureOfWork(t *testing.T) {
	c := open(t)
	s := prepare(t, c, "SELECT length(hex(zeroblob(5000000)))")
	_, err := s.Step()
	check(t, err)
	if n := s.Steps(true); n == 0 || n > 30 {
		t.Errorf("%d steps for ten megabytes of hex", n)
	}
	if n := s.Steps(false); n != 0 {
		t.Errorf("%d steps after the count was reset", n)
	}
	if s.ColumnInt64(0) != 10_000_000 {
		t.Error("wrong length")
	}
}

func TestTrapDanglingDeferredKeySurvivesRelease(t *testing.T) {
	c := openAt(t, ":memory:", Options{ForeignKeys: true},
		"CREATE TABLE p(id INTEGER PRIMARY KEY)",
		"CREATE TABLE k(id INTEGER PRIMARY KEY, p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
		"INSERT INTO p VALUES (1)")
	dangling := func(want bool) {
		t.Helper()
		if got := c.DeferredFKs(); got != want {
			t.Errorf("deferred foreign keys: %v", got)
		}
	}
	check(t, c.Exec("BEGIN; SAVEPOINT tx"))
	dangling(false)
	check(t, c.Exec("INSERT INTO k VALUES (1, 99)"))
	dangling(true)
	check(t, c.Exec("ROLLBACK TO tx"))
	dangling(false)
	check(t, c.Exec("INSERT INTO k VALUES (1, 99); RELEASE tx"))
	dangling(true) // RELEASE of an inner savepoint does not mind
	wantError(t, c.Exec("COMMIT"), CodeConstraintForeignKey, "FOREIGN KEY")
	if !c.InTransaction() {
		t.Error("a COMMIT refused for a foreign key leaves the transaction open")
	}
	check(t, c.Exec("INSERT INTO p VALUES (99)"))
	dangling(false)
	check(t, c.Exec("COMMIT"))

	// Without BEGIN the outermost RELEASE is the commit and does check.
	check(t, c.Exec("SAVEPOINT tx; INSERT INTO k VALUES (2, 98)"))
	wantError(t, c.Exec("RELEASE tx"), CodeConstraintForeignKey, "FOREIGN KEY")
	check(t, c.Exec("ROLLBACK TO tx; RELEASE tx"))

	// The count never falls below zero: removing a dangling row that was
	// there before does not hide a new one.
	check(t, c.SetForeignKeys(false))
	check(t, c.Exec("INSERT INTO k VALUES (3, 97)"))
	check(t, c.SetForeignKeys(true))
	check(t, c.Exec("BEGIN; DELETE FROM k WHERE id = 3"))
	dangling(false)
	check(t, c.Exec("INSERT INTO k VALUES (4, 96)"))
	dangling(true)
	wantError(t, c.SetForeignKeys(false), CodeMisuse, "transaction is open")
	check(t, c.Exec("ROLLBACK"))

	// An undeferred key that dangles fails its statement and leaves no trace.
	check(t, c.Exec("CREATE TABLE i(p INTEGER REFERENCES p); BEGIN"))
	wantError(t, c.Exec("INSERT INTO i VALUES (5)"), CodeConstraintForeignKey, "FOREIGN KEY")
	dangling(false)
	check(t, c.Exec("COMMIT"))
}

func TestTrapTriggersAndPlansFollowCreationOrder(t *testing.T) {
	build := func(first, second string) *Conn {
		return open(t, "CREATE TABLE t(a, b); CREATE TABLE log(x)", first, second)
	}
	a := "CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('a'); END"
	b := "CREATE TRIGGER b AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('b'); END"
	fired := func(c *Conn) string {
		check(t, c.Exec("INSERT INTO t VALUES (1, 1)"))
		return strings.Join(rows(t, c, "SELECT x FROM log ORDER BY rowid"), "")
	}
	if ab, ba := fired(build(a, b)), fired(build(b, a)); ab == ba {
		t.Errorf("both orders of creation fire %s", ab)
	}
	plan := func(c *Conn) string { return rows(t, c, "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = 1 AND b = 2")[0] }
	ia, ib := "CREATE INDEX ia ON t(a)", "CREATE INDEX ib ON t(b)"
	if p, q := plan(build(ia, ib)), plan(build(ib, ia)); p == q {
		t.Errorf("both orders of creation plan %s", p)
	}
}

func TestTrapPositionalInsertAfterAlter(t *testing.T) {
	altered := open(t, "CREATE TABLE t(a, c)", "ALTER TABLE t ADD COLUMN b", "INSERT INTO t VALUES (1, 2, 3)")
	rebuilt := open(t, "CREATE TABLE t(a, b, c)", "INSERT INTO t VALUES (1, 2, 3)")
	want(t, altered, "SELECT a, b, c FROM t", "1|3|2")
	want(t, rebuilt, "SELECT a, b, c FROM t", "1|2|3")
}

func TestTrapAttachStopsAtTen(t *testing.T) {
	c := open(t)
	for i := range 10 {
		check(t, c.Exec(fmt.Sprintf("ATTACH ':memory:' AS d%d", i)))
	}
	wantError(t, c.Exec("ATTACH ':memory:' AS d10"), CodeError, "too many attached databases - max 10")
	if got := c.Limit(LimitAttached, 100); got != 10 {
		t.Errorf("limit %d", got)
	}
	if got := c.Limit(LimitAttached, -1); got != 10 {
		t.Errorf("the limit rose to %d", got)
	}
}

func TestTrapQuotedWordsAreNoStrings(t *testing.T) {
	c := open(t)
	wantError(t, c.Exec(`SELECT "no such column"`), CodeError, "no such column")
	wantError(t, c.Exec(`CREATE TABLE t(a CHECK (a <> "x"))`), CodeError, "no such column")
}

func TestTrapRowsOfKeyedTablesDoNotDependOnHistory(t *testing.T) {
	// The same rows, inserted up, down, and with detours: the same order of
	// rows and the same steps for a table WITHOUT ROWID.
	var first string
	for history := range 4 {
		c := open(t, "CREATE TABLE t(k TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID, STRICT; CREATE INDEX i ON t(n)")
		for j := range 500 {
			k := j
			if history%2 == 1 {
				k = 499 - j
			}
			check(t, c.Exec(fmt.Sprintf("INSERT INTO t VALUES ('k%d', %d)", k, k%7)))
			if history > 1 {
				check(t, c.Exec(fmt.Sprintf("INSERT INTO t VALUES ('gone', 1); UPDATE t SET n = n + 1 WHERE k = 'k%d'; UPDATE t SET n = n - 1 WHERE k = 'k%d'; DELETE FROM t WHERE k = 'gone'", k, k)))
			}
		}
		s := prepare(t, c, "SELECT k FROM t WHERE n IN (3, 5) AND k > 'k2'")
		var b strings.Builder
		for {
			row, err := s.Step()
			check(t, err)
			if !row {
				break
			}
			b.WriteString(s.ColumnText(0))
		}
		fmt.Fprint(&b, s.Steps(false))
		if first == "" {
			first = b.String()
		} else if first != b.String() {
			t.Errorf("history %d differs", history)
		}
	}
}

func TestTrapReplaceAndKeyedUpdates(t *testing.T) {
	// REPLACE reports the row it pushes away; an update that changes the key is
	// one update, with another key in its new row.
	c := open(t, "CREATE TABLE t(k TEXT PRIMARY KEY, n INTEGER UNIQUE) WITHOUT ROWID", "INSERT INTO t VALUES ('a',1),('b',2)")
	log := record(t, c)
	check(t, c.Exec("UPDATE t SET n = 3 WHERE k = 'a'"))
	wantLog(t, log, "t a,1>a,3")
	check(t, c.Exec("REPLACE INTO t VALUES ('c', 2)"))
	wantLog(t, log, "t -b,2", "t +c,2")
	check(t, c.Exec("UPDATE t SET k = 'd' WHERE k = 'c'"))
	wantLog(t, log, "t c,2>d,2")
	check(t, c.Exec("INSERT INTO t VALUES ('d', 9) ON CONFLICT (k) DO UPDATE SET n = excluded.n"))
	wantLog(t, log, "t d,2>d,9")
	check(t, c.Exec("CREATE TABLE r(id INTEGER PRIMARY KEY, v); INSERT INTO r VALUES (1, 'x'); UPDATE r SET id = 2"))
	wantLog(t, log, "r +1,x", "r 1,x>2,x")
}

func TestTrapOpenForReadingNeedsTheFile(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "absent.db"), Options{ReadOnly: true})
	wantError(t, err, CodeCantOpen, "absent.db")
}
