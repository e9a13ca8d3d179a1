package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestValuesComeBackAsTheyWent(t *testing.T) {
	c := open(t, "CREATE TABLE v(x)")
	put, get := prepare(t, c, "INSERT INTO v VALUES (?1)"), prepare(t, c, "SELECT x FROM v")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	values := []any{nil, int64(0), int64(-1 << 63), int64(1<<63 - 1), "", "é", "a\x00b", []byte{}, []byte{0}, 1.5}
	for range 300 {
		b := make([]byte, r.IntN(1<<r.IntN(18)))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		values = append(values, string(b), b, int64(r.Uint64())>>r.IntN(60))
	}
	for _, v := range values {
		check(t, put.Bind(1, v))
		if b, ok := v.([]byte); ok && len(b) > 0 {
			// The binding is a copy: what happens to b later is no matter.
			b[0]++
			defer func() { b[0]-- }()
			v = append([]byte{b[0] - 1}, b[1:]...)
		}
		row, err := put.Step()
		check(t, err)
		if row {
			t.Fatal("INSERT gave a row")
		}
		_, err = get.Step()
		check(t, err)
		if got := get.Column(0); show(got) != show(v) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", v) {
			t.Fatalf("put %T %.60q, got %T %.60q", v, show(v), got, show(got))
		}
		check(t, get.Reset())
		check(t, c.Exec("DELETE FROM v"))
	}
	wantError(t, put.Bind(1, 7), CodeMisuse, "cannot bind a int")
	wantError(t, put.Bind(2, "x"), CodeRange, "")
	wantError(t, put.BindInt64(0, 1), CodeRange, "")
	wantError(t, put.BindText(-1, "x"), CodeRange, "")

	// A limit holds for values, too, and what was refused is not leaked or bound.
	c.Limit(LimitLength, 100)
	for _, n := range []int{101, 100_000} {
		wantError(t, put.BindText(1, strings.Repeat("x", n)), CodeTooBig, "")
		wantError(t, put.BindBlob(1, make([]byte, n)), CodeTooBig, "")
	}
	check(t, put.BindText(1, "short"))
	_, err := put.Step()
	check(t, err)
	_, err = get.Step()
	check(t, err)
	if get.ColumnFloat(0) != 0 || get.ColumnText(7) != "" || get.Column(-1) != nil || get.ColumnType(7) != Null || get.ColumnName(7) != "" || get.ColumnText(0) != "short" {
		t.Error("columns out of range have values")
	}
}

func TestTextOfAForeignEncoding(t *testing.T) {
	c := open(t, "PRAGMA encoding='UTF-16le'", "CREATE TABLE t(a)", "INSERT INTO t VALUES ('né'), (12)")
	want(t, c, "SELECT a FROM t", "né", "12")
	s := prepare(t, c, "SELECT a FROM t")
	for _, text := range []string{"né", "12"} {
		_, err := s.Step()
		check(t, err)
		if got := s.ColumnText(0); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestStatementFacts(t *testing.T) {
	c := open(t, "CREATE TABLE item(sku TEXT PRIMARY KEY, stock INTEGER)", "INSERT INTO item VALUES ('tea', 5)")
	s, tail, err := c.Prepare("SELECT sku AS s, stock + :n, ?5 FROM item WHERE stock > @min -- x\n; SELECT 2")
	check(t, err)
	if tail != " SELECT 2" || !strings.HasSuffix(s.SQL(), ";") {
		t.Errorf("tail %q, SQL %q", tail, s.SQL())
	}
	if s.ParamCount() != 6 || s.ParamName(1) != ":n" || s.ParamName(2) != "" || s.ParamIndex("@min") != 6 || s.ParamIndex("min") != 0 {
		t.Errorf("parameters %d %q %d", s.ParamCount(), s.ParamName(1), s.ParamIndex("@min"))
	}
	if db, table, column := s.ColumnOrigin(0); s.ColumnCount() != 3 || s.ColumnName(0) != "s" || db+table+column != "mainitemsku" || s.ColumnDecltype(0) != "TEXT" || s.ColumnDecltype(1) != "" {
		t.Errorf("columns %d %q %q %q %q", s.ColumnCount(), s.ColumnName(0), db, table, column)
	}
	if !s.ReadOnly() || s.IsExplain() != 0 {
		t.Error("a SELECT is read-only and no EXPLAIN")
	}
	check(t, s.BindInt64(1, 2))
	check(t, s.BindText(5, "it's"))
	check(t, s.BindInt64(6, 0))
	if x := s.ExpandedSQL(); !strings.Contains(x, "stock + 2, 'it''s'") {
		t.Errorf("expanded %q", x)
	}
	row, err := s.Step()
	check(t, err)
	if !row || s.ColumnText(0) != "tea" || s.ColumnInt64(1) != 7 || string(s.ColumnView(2)) != "it's" {
		t.Error("wrong row")
	}
	wantError(t, s.BindInt64(1, 3), CodeMisuse, "Reset it")
	check(t, s.Reset())
	check(t, s.ClearBindings())
	row, err = s.Step()
	if check(t, err); row {
		t.Error("a row in spite of @min = NULL")
	}
	check(t, s.Finalize())
	check(t, s.Finalize())
	_, err = s.Step()
	wantError(t, err, CodeMisuse, "finalized")
	if s.ColumnText(0) != "" || s.Column(0) != nil || s.ColumnBlob(0) != nil {
		t.Error("a finalized statement has values")
	}

	e := prepare(t, c, "EXPLAIN QUERY PLAN SELECT 1")
	w := prepare(t, c, "DELETE FROM item")
	if e.IsExplain() != 2 || w.ReadOnly() {
		t.Error("wrong kinds")
	}
	empty, tail, err := c.Prepare(" -- nothing\n")
	if empty != nil || tail != "" || err != nil {
		t.Errorf("empty statement: %v %q %v", empty, tail, err)
	}
}

func TestHostileSQL(t *testing.T) {
	c := open(t)
	for _, sql := range []string{"", ";;;", "\xff", "SELECT '\xff'", "SELECT \xc3", "'", "/*", "SELECT 1 \x1a", strings.Repeat("(", 5000), strings.Repeat("SELECT 1 UNION ALL ", 1000) + "SELECT 1", "\ufeffSELECT 1"} {
		_ = c.Exec(sql) // an error or not, never a crash
	}
	_, _, err := c.Prepare("SELECT 1\x00; DROP TABLE t")
	wantError(t, err, CodeError, "NUL")
	if err := c.Exec("SELECT 1; SELECT\x00 2"); err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Errorf("NUL in Exec: %v", err)
	}
	wantError(t, c.Exec("SELECT "+strings.Repeat("1+", 2000)+"1"), CodeError, "Expression tree is too large")
	c.Limit(LimitSQLLength, 1000)
	_, _, err = c.Prepare("SELECT '" + strings.Repeat("x", 1000) + "'")
	wantError(t, err, CodeTooBig, "too big")
	wantError(t, c.CreateFunction("f\x00", 0, true, nil), CodeMisuse, "NUL")
	_, err = Open("a\x00b", Options{})
	wantError(t, err, CodeMisuse, "NUL")
	_, err = Open("", Options{})
	wantError(t, err, CodeMisuse, "empty path")
}

func TestErrorsTellWhere(t *testing.T) {
	c := open(t, "CREATE TABLE t(a UNIQUE)")
	err := c.Exec("INSERT INTO t VALUES (1); SELECT b FROM t")
	var e *Error
	if !errors.As(err, &e) || e.Offset != 33 || e.Message != "no such column: b" || e.Code != CodeError {
		t.Errorf("%#v", err)
	}
	err = c.Exec("INSERT INTO t VALUES (1)")
	if !errors.As(err, &e) || e.Code != CodeConstraintUnique || !e.IsConstraint() || e.Primary() != CodeConstraint {
		t.Errorf("%#v", err)
	}
	if err.Error() != "UNIQUE constraint failed: t.a (SQLite 2067)" {
		t.Errorf("%q", err)
	}
	if ErrorCode(errors.New("x")) != CodeOK {
		t.Error("a foreign error has a code")
	}
}

func TestCounts(t *testing.T) {
	c := open(t, "CREATE TABLE t(a); CREATE TABLE l(a)", "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO l VALUES (1); END")
	before := c.TotalChanges()
	check(t, c.Exec("INSERT INTO t VALUES (1),(2),(3)"))
	if c.Changes() != 3 || c.TotalChanges()-before != 6 {
		t.Errorf("changes %d, total %d", c.Changes(), c.TotalChanges()-before)
	}
	check(t, c.Exec("SAVEPOINT s"))
	if !c.InTransaction() {
		t.Error("a savepoint is a transaction")
	}
	check(t, c.Exec("RELEASE s"))
	if c.InTransaction() {
		t.Error("the transaction is over")
	}
}

func TestSettingsAtOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	c := openAt(t, path, Options{WAL: true, ForeignKeys: true, CacheKiB: 512})
	for pragma, value := range map[string]string{"journal_mode": "wal", "synchronous": "1", "foreign_keys": "1", "cache_size": "-512",
		"temp_store": "2", "mmap_size": "0", "trusted_schema": "0", "busy_timeout": "0"} {
		want(t, c, "PRAGMA "+pragma, value)
	}
	check(t, c.SetForeignKeys(false))
	want(t, c, "PRAGMA foreign_keys", "0")
	wantError(t, c.Exec("SELECT load_extension('x')"), CodeError, "not authorized")
	check(t, c.Exec("PRAGMA writable_schema=ON"))
	wantError(t, c.Exec("DELETE FROM sqlite_schema"), CodeError, "may not be modified")

	reader := openAt(t, path, Options{ReadOnly: true, WAL: true})
	wantError(t, reader.Exec("CREATE TABLE t(a)"), CodeReadOnly, "readonly")
	if Version() != "3.54.1" || !strings.HasPrefix(SourceID(), "20") {
		t.Errorf("version %s, %s: the engine has changed", Version(), SourceID())
	}
	options := strings.Join(CompileOptions(), " ")
	for _, o := range []string{"ENABLE_PREUPDATE_HOOK", "THREADSAFE=1", "ENABLE_MEMORY_MANAGEMENT", "ENABLE_STAT4"} {
		if !strings.Contains(options, o) {
			t.Errorf("compiled without %s: %s", o, options)
		}
	}
}

func TestPlansIgnoreContent(t *testing.T) {
	// With STAT4 samples a query for a rare and one for a common value have
	// different plans; here not.
	c := open(t, "CREATE TABLE t(a, b); CREATE INDEX i ON t(a); CREATE INDEX j ON t(b)")
	check(t, c.Exec("WITH RECURSIVE n(x) AS (VALUES(0) UNION ALL SELECT x+1 FROM n WHERE x < 4000) INSERT INTO t SELECT x < 3990, x % 40 FROM n; ANALYZE"))
	plan := func(a int) string {
		return strings.Join(rows(t, c, fmt.Sprintf("EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = %d AND b = 3", a)), ";")
	}
	if plan(0) != plan(1) {
		t.Errorf("rare %q, common %q", plan(0), plan(1))
	}
}

func TestCloseFinalizesAndIsFinal(t *testing.T) {
	c := open(t, "CREATE TABLE t(a)", "INSERT INTO t VALUES (1)")
	s := prepare(t, c, "SELECT * FROM t")
	_, err := s.Step()
	check(t, err)
	check(t, c.Exec("BEGIN"))
	check(t, c.Close())
	check(t, c.Close())
	_, err = s.Step()
	wantError(t, err, CodeMisuse, "finalized")
	wantError(t, c.Exec("SELECT 1"), CodeMisuse, "closed")
	wantError(t, c.SetPreupdate(nil), CodeMisuse, "closed")
	wantError(t, c.SetForeignKeys(true), CodeMisuse, "closed")
	wantError(t, c.CreateFunction("f", 0, true, nil), CodeMisuse, "closed")
	wantError(t, c.CreateModule("m", nil), CodeMisuse, "closed")
	c.Interrupt()
	c.SetAuthorizer(nil)
	c.SetProgress(1, nil)
	if c.InTransaction() || c.DeferredFKs() || c.Changes() != 0 || c.TotalChanges() != 0 || c.Limit(LimitLength, -1) != 0 {
		t.Error("a closed connection has state")
	}
}

func TestNothingLeaks(t *testing.T) {
	dir := t.TempDir()
	round := func(i int) {
		c, err := Open(filepath.Join(dir, fmt.Sprint(i%2)), Options{WAL: true})
		check(t, err)
		check(t, c.Exec("CREATE TABLE IF NOT EXISTS t(a, b)"))
		check(t, c.SetPreupdate(func(ch *Change) { ch.New(0) }))
		c.SetAuthorizer(func(Action, string, string, string, string) Verdict { return Allow })
		c.SetProgress(10, func() bool { return false })
		check(t, c.CreateFunction("f", 1, true, func(a []any) (any, error) { return a[0], nil }))
		check(t, c.CreateFunction("f", 1, true, func(a []any) (any, error) { return nil, errors.New("no") }))
		check(t, c.CreateModule("numbers", numbers{}))
		check(t, c.CreateModule("numbers", numbers{}))
		check(t, c.Exec("CREATE VIRTUAL TABLE temp.n USING numbers(5)"))
		_ = c.Exec("INSERT INTO t SELECT f(1), 2")
		_ = c.Exec("SELECT bad syntax")
		s := prepare(t, c, "INSERT INTO t VALUES (?1, ?2)")
		for _, n := range []int{10, 1000, 100_000} {
			check(t, s.BindText(1, strings.Repeat("x", n)))
			check(t, s.BindBlob(2, make([]byte, n)))
			_, err = s.Step()
			check(t, err)
			s.ExpandedSQL()
		}
		q := prepare(t, c, "SELECT * FROM n, t")
		_, err = q.Step()
		check(t, err)
		if _, err := Open(filepath.Join(dir, "no", "such"), Options{}); err == nil {
			t.Fatal("opened a file in no directory")
		}
		check(t, c.Close())
	}
	round(0)
	round(1)
	before := memoryUsed(t)
	for i := range 40 {
		round(i)
	}
	if after := memoryUsed(t); after > before {
		t.Errorf("%d bytes more after 40 connections", after-before)
	}
}

func TestConnectionsInGoroutines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	w := openAt(t, path, Options{WAL: true}, "CREATE TABLE t(n INTEGER PRIMARY KEY, half INTEGER)", "INSERT INTO t VALUES (0, 0), (1, 0)")
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			r, err := Open(path, Options{ReadOnly: true, WAL: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			s, _, err := r.Prepare("SELECT (SELECT half FROM t WHERE n = 0) - (SELECT half FROM t WHERE n = 1)")
			for err == nil {
				select {
				case <-stop:
					return
				default:
				}
				if _, err = s.Step(); err == nil && s.ColumnInt64(0) != 0 {
					err = errors.New("a reader saw half a transaction")
				}
				s.Reset()
			}
			t.Error(err)
		})
		group.Go(func() { // and one that has nothing to do with the others
			c, err := Open(":memory:", Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			check := func(err error) {
				if err != nil {
					t.Error(err)
				}
			}
			check(c.Exec("CREATE TABLE m(a)"))
			for i := range 300 {
				check(c.Exec(fmt.Sprintf("INSERT INTO m VALUES ('%d'); SELECT count(*) FROM m", i)))
			}
		})
	}
	for range 200 {
		check(t, w.Exec("BEGIN; UPDATE t SET half = half + 1 WHERE n = 0; UPDATE t SET half = half + 1 WHERE n = 1; COMMIT"))
	}
	close(stop)
	group.Wait()
}

func TestReaderKeepsItsSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	w := openAt(t, path, Options{WAL: true}, "CREATE TABLE t(a)", "INSERT INTO t VALUES ('old')")
	r := openAt(t, path, Options{ReadOnly: true, WAL: true}, "BEGIN")
	want(t, r, "SELECT a FROM t", "old")
	check(t, w.Exec("UPDATE t SET a = 'new'"))
	want(t, r, "SELECT a FROM t", "old")
	check(t, r.Exec("COMMIT"))
	want(t, r, "SELECT a FROM t", "new")
	// A second writer is refused at once, and one whose snapshot is old says so.
	w2 := openAt(t, path, Options{WAL: true}, "BEGIN")
	want(t, w2, "SELECT a FROM t", "new")
	check(t, w.Exec("BEGIN IMMEDIATE; UPDATE t SET a = 'newer'"))
	wantError(t, w2.Exec("DELETE FROM t"), CodeBusy, "locked")
	check(t, w.Exec("COMMIT"))
	wantError(t, w2.Exec("DELETE FROM t"), CodeBusySnapshot, "locked")
}
