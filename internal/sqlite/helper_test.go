package sqlite

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// TestMain switches SQLite's memory count on, which must happen before the
// first database is opened, so that tests can look for leaks. Benchmarks run
// without it: it puts a lock around every allocation.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		os.Exit(m.Run())
	}
	mem, err := newMemory()
	if err != nil {
		panic(err)
	}
	sqlite3.Xsqlite3_shutdown(mem.tls) // the malloc above has initialized SQLite
	rc := sqlite3.Xsqlite3_config(mem.tls, sqlite3.SQLITE_CONFIG_MEMSTATUS, libc.VaList(mem.out, int32(1)))
	if rc != sqlite3.SQLITE_OK {
		panic(fmt.Sprintf("memory count: result %d", rc))
	}
	os.Exit(m.Run())
}

// memoryUsed returns the bytes that SQLite has allocated.
func memoryUsed(t testing.TB) int64 {
	t.Helper()
	m, err := newMemory()
	check(t, err)
	defer m.close()
	return sqlite3.Xsqlite3_memory_used(m.tls)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a database in memory, closed at the end of the test, and runs sql.
func open(t testing.TB, sql ...string) *Conn {
	t.Helper()
	return openAt(t, ":memory:", Options{}, sql...)
}

func openAt(t testing.TB, path string, o Options, sql ...string) *Conn {
	t.Helper()
	c, err := Open(path, o)
	check(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range sql {
		check(t, c.Exec(s))
	}
	return c
}

func prepare(t testing.TB, c *Conn, sql string) *Stmt {
	t.Helper()
	s, tail, err := c.Prepare(sql)
	check(t, err)
	if s == nil || strings.TrimSpace(tail) != "" {
		t.Fatalf("prepare %q: statement %v, tail %q", sql, s, tail)
	}
	return s
}

// rows runs a query and returns its rows as lines of cells joined by "|".
func rows(t testing.TB, c *Conn, sql string, args ...any) []string {
	t.Helper()
	s := prepare(t, c, sql)
	defer s.Finalize()
	for i, a := range args {
		check(t, s.Bind(i+1, a))
	}
	var lines []string
	for {
		row, err := s.Step()
		check(t, err)
		if !row {
			return lines
		}
		cells := make([]string, s.ColumnCount())
		for i := range cells {
			cells[i] = show(s.Column(i))
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return v
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case float64:
		return fmt.Sprintf("%gf", v)
	}
	return fmt.Sprint(v)
}

// want compares the rows of a query with lines.
func want(t testing.TB, c *Conn, sql string, lines ...string) {
	t.Helper()
	got := rows(t, c, sql)
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("%s\ngot  %q\nwant %q", sql, got, lines)
	}
}

// wantError asks for an error of a code with a text in its message.
func wantError(t testing.TB, err error, code Code, text string) {
	t.Helper()
	if err == nil || ErrorCode(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v (code %d), want code %d and %q", err, ErrorCode(err), code, text)
	}
}

// record collects row changes as text: "table:op old -> new".
func record(t testing.TB, c *Conn) *[]string {
	t.Helper()
	log := new([]string)
	check(t, c.SetPreupdate(func(ch *Change) { *log = append(*log, describe(ch)) }))
	return log
}

func describe(ch *Change) string {
	var oldRow, newRow []string
	for i := range ch.Columns() {
		oldRow, newRow = append(oldRow, show(ch.Old(i))), append(newRow, show(ch.New(i)))
	}
	was, is := strings.Join(oldRow, ","), strings.Join(newRow, ",")
	switch ch.Op {
	case Insert:
		return ch.Table + " +" + is
	case Delete:
		return ch.Table + " -" + was
	}
	return ch.Table + " " + was + ">" + is
}

func wantLog(t testing.TB, log *[]string, lines ...string) {
	t.Helper()
	if strings.Join(*log, "\n") != strings.Join(lines, "\n") {
		t.Errorf("changes\ngot  %q\nwant %q", *log, lines)
	}
	*log = nil
}
