package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// numbers is a virtual table of the integers 0 to n-1 with the rowid as value.
type numbers struct{}

func (numbers) Connect(_ string, args []string) (string, Table, error) {
	n := 10
	if len(args) > 0 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil {
			return "", nil, fmt.Errorf("numbers: %w", err)
		}
	}
	return "CREATE TABLE x(n INTEGER, square INTEGER)", numbersTable(n), nil
}

type numbersTable int

func (numbersTable) BestIndex(*IndexInfo) error { return nil }
func (t numbersTable) Open() (Cursor, error)    { return &numbersCursor{end: int(t)}, nil }

type numbersCursor struct{ i, end int }

func (c *numbersCursor) Filter(int, string, []any) error { c.i = 0; return nil }
func (c *numbersCursor) Next() error                     { c.i++; return nil }
func (c *numbersCursor) EOF() bool                       { return c.i >= c.end }
func (c *numbersCursor) Rowid() (int64, error)           { return int64(c.i), nil }
func (c *numbersCursor) Close() error                    { return nil }
func (c *numbersCursor) Column(r *Result, i int) error {
	if i == 0 {
		r.Int64(int64(c.i))
	} else {
		r.Int64(int64(c.i) * int64(c.i))
	}
	return nil
}

// sorted is a virtual table WITHOUT ROWID over rows sorted by (k, n), which
// seeks on k and gives the order of its key for nothing.
type sorted struct {
	rows  []sortedRow
	fail  string // the method that fails
	panic bool   // it panics instead
	seeks int
}

type sortedRow struct {
	k string
	n int64
	v any
}

var errBroken = errors.New("broken on purpose")

func (s *sorted) check(method string) error {
	if s.fail != method {
		return nil
	}
	if s.panic {
		panic(errBroken)
	}
	return errBroken
}

func (s *sorted) Connect(string, []string) (string, Table, error) {
	return "CREATE TABLE x(k TEXT, n INTEGER, v, PRIMARY KEY (k, n)) WITHOUT ROWID", s, s.check("Connect")
}

// BestIndex passes all usable comparisons of k on, as letters of IdxStr.
func (s *sorted) BestIndex(info *IndexInfo) error {
	letters := map[Operator]string{EQ: "=", LT: "<", LE: "l", GT: ">", GE: "g"}
	for i := range info.Constraints {
		k := &info.Constraints[i]
		if letter := letters[k.Op]; letter != "" && k.Usable && k.Column == 0 && k.Collation == "BINARY" {
			info.IdxStr += letter
			k.ArgIndex = len(info.IdxStr)
		}
	}
	if info.EstimatedCost = 1e6; info.IdxStr != "" {
		info.EstimatedCost = 10
	}
	info.OrderByConsumed = len(info.OrderBy) > 0
	for i, o := range info.OrderBy {
		info.OrderByConsumed = info.OrderByConsumed && o.Column == i && !o.Desc && i < 2
	}
	return s.check("BestIndex")
}

func (s *sorted) Open() (Cursor, error) { return &sortedCursor{s: s}, s.check("Open") }

type sortedCursor struct {
	s    *sorted
	rows []sortedRow
}

func (c *sortedCursor) Filter(_ int, idxStr string, args []any) error {
	c.rows = c.s.rows
	for i, letter := range idxStr {
		arg, ok := args[i].(string)
		if !ok {
			continue // not a text: SQLite filters by itself
		}
		c.s.seeks++
		var rest []sortedRow
		for _, r := range c.rows {
			cmp := strings.Compare(r.k, arg)
			if letter == '=' && cmp == 0 || letter == '<' && cmp < 0 || letter == 'l' && cmp <= 0 || letter == '>' && cmp > 0 || letter == 'g' && cmp >= 0 {
				rest = append(rest, r)
			}
		}
		c.rows = rest
	}
	return c.s.check("Filter")
}

func (c *sortedCursor) Next() error { c.rows = c.rows[1:]; return c.s.check("Next") }
func (c *sortedCursor) EOF() bool   { _ = c.s.check("EOF"); return len(c.rows) == 0 }
func (c *sortedCursor) Rowid() (int64, error) {
	return 0, errors.New("a table without rowid was asked for one")
}
func (c *sortedCursor) Close() error { return c.s.check("Close") }
func (c *sortedCursor) Column(r *Result, i int) error {
	row := c.rows[0]
	switch i {
	case 0:
		r.Text(row.k)
	case 1:
		r.Int64(row.n)
	default:
		return errors.Join(r.Set(row.v), c.s.check("Column"))
	}
	return nil
}

func TestVirtualTableOfNumbers(t *testing.T) {
	c := open(t)
	check(t, c.CreateModule("numbers", numbers{}))
	want(t, c, "SELECT count(*), sum(n), max(square) FROM numbers", "10|45|81")
	check(t, c.Exec("CREATE VIRTUAL TABLE temp.few USING numbers(3)"))
	want(t, c, "SELECT rowid, n, square FROM few ORDER BY n DESC", "2|2|4", "1|1|1", "0|0|0")
	want(t, c, "SELECT a.n, b.n FROM few a JOIN few b ON b.n = a.n + 1", "0|1", "1|2")
	wantError(t, c.Exec("CREATE VIRTUAL TABLE temp.bad USING numbers(many)"), CodeError, "many")
	wantError(t, c.Exec("INSERT INTO few VALUES (1, 2)"), CodeError, "may not be modified")
	check(t, c.Exec("CREATE TEMP VIEW v AS SELECT n FROM few")) // allowed although the schema is not trusted
	want(t, c, "SELECT sum(n) FROM v", "3")
	// A read-only database can have them, too: they are temporary.
	check(t, c.Exec("DROP VIEW v; DROP TABLE few"))
	wantError(t, c.Exec("SELECT * FROM few"), CodeError, "no such table")
}

func TestVirtualTableAgainstAModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	s := &sorted{}
	c := open(t, "CREATE TABLE model(k TEXT, n INTEGER, v, PRIMARY KEY (k, n)) WITHOUT ROWID")
	put := prepare(t, c, "INSERT INTO model VALUES (?, ?, ?)")
	for i := range 200 {
		row := sortedRow{fmt.Sprintf("k%02d", i/4), int64(i), nil}
		switch r.IntN(4) {
		case 0:
			row.v = strings.Repeat("long ", r.IntN(2000))
		case 1:
			row.v = make([]byte, r.IntN(50))
		case 2:
			row.v = int64(r.Uint64())
		}
		s.rows = append(s.rows, row)
		for j, v := range []any{row.k, row.n, row.v} {
			check(t, put.Bind(j+1, v))
		}
		_, err := put.Step()
		check(t, err)
	}
	check(t, c.CreateModule("sorted", s))
	key := func() string { return fmt.Sprintf("'k%02d'", r.IntN(54)) }
	for range 400 {
		var where []string
		for range r.IntN(3) {
			op := []string{"=", "<", "<=", ">", ">=", "<>", "IN"}[r.IntN(7)]
			if op == "IN" {
				where = append(where, fmt.Sprintf("k IN (%s, %s)", key(), key()))
			} else {
				where = append(where, "k "+op+" "+key())
			}
		}
		if r.IntN(3) == 0 {
			where = append(where, fmt.Sprintf("n > %d", r.IntN(200)))
		}
		if r.IntN(8) == 0 {
			where = append(where, "k COLLATE NOCASE >= 'K20'")
		}
		if r.IntN(8) == 0 {
			where = append(where, "k > 7") // another type than the column's
		}
		sql := "SELECT k, n, v FROM %s x"
		if r.IntN(3) == 0 {
			sql = "SELECT x.k, x.n, count(*) FROM %s x JOIN numbers y ON x.n > y.n"
			where = append(where, "1 GROUP BY x.k, x.n")
		}
		if len(where) > 0 {
			sql += " WHERE x." + strings.Join(where, " AND x.")
			sql = strings.ReplaceAll(sql, "x.1 ", "1 ")
		}
		sql += []string{" ORDER BY x.k, x.n", " ORDER BY x.k DESC, x.n", " ORDER BY x.n"}[r.IntN(3)]
		if !strings.Contains(sql, "numbers") && r.IntN(2) == 0 {
			sql += fmt.Sprintf(" LIMIT %d", r.IntN(20))
		}
		check(t, c.CreateModule("numbers", numbers{}))
		model, got := rows(t, c, fmt.Sprintf(sql, "model")), rows(t, c, fmt.Sprintf(sql, "sorted"))
		if strings.Join(model, "\n") != strings.Join(got, "\n") {
			t.Fatalf("%s\ngot  %.300q\nwant %.300q", sql, got, model)
		}
	}
	if s.seeks == 0 {
		t.Error("no query used a seek")
	}
}

func TestVirtualTableFailures(t *testing.T) {
	for _, method := range []string{"Connect", "BestIndex", "Open", "Filter", "Next", "EOF", "Column", "Close"} {
		for _, panics := range []bool{false, true} {
			if method == "EOF" && !panics {
				continue // it has no error to return
			}
			before := memoryUsed(t)
			c, err := Open(":memory:", Options{})
			check(t, err)
			s := &sorted{rows: []sortedRow{{"a", 1, "x"}, {"b", 2, nil}}, fail: method, panic: panics}
			check(t, c.CreateModule("sorted", s))
			err = c.Exec("SELECT k, v FROM sorted WHERE k > 'A'")
			if !strings.Contains(fmt.Sprint(err), errBroken.Error()) {
				t.Errorf("%s, panic %v: %v", method, panics, err)
			}
			if !panics && !errors.Is(err, errBroken) {
				t.Errorf("%s: %v is not in the chain", method, err)
			}
			s.fail = ""
			want(t, c, "SELECT k, n, v FROM sorted", "a|1|x", "b|2|NULL")
			check(t, c.Close())
			if after := memoryUsed(t); after > before {
				t.Errorf("%s, panic %v: %d bytes lost", method, panics, after-before)
			}
		}
	}
	c := open(t)
	check(t, c.CreateModule("m", badDeclaration{}))
	wantError(t, c.Exec("SELECT * FROM m"), CodeError, "syntax error")
}

type badDeclaration struct{}

func (badDeclaration) Connect(string, []string) (string, Table, error) {
	return "not SQL", numbersTable(1), nil
}
