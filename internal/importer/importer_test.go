package importer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/repo"
)

// books is a ledger in memory with its owner's key.
func books(t *testing.T) (*repo.Repository, LoadOptions) {
	t.Helper()
	key, err := repo.NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.InMemory(key, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, LoadOptions{Key: key}
}

func open(t *testing.T, path string, o Options) *File {
	t.Helper()
	f, err := Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// rowsOf reads a table of the ledger by its key.
func rowsOf(t *testing.T, r *repo.Repository, contract string, table *Table) [][]any {
	t.Helper()
	rows, err := r.Query(context.Background(), "", "SELECT "+strings.Join(names(table.Columns), ", ")+" FROM "+contract+"."+table.Name+" ORDER BY "+strings.Join(table.Key, ", "))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list [][]any
	for rows.Next() {
		list = append(list, slices.Clone(rows.Values()))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// database makes an SQLite file.
func database(t testing.TB, sql string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.sqlite")
	c, err := sqlite.Open(path, sqlite.Options{NoPreupdate: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Exec("BEGIN;"+sql+";COMMIT"), c.Close()); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return path
}

func number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// TestRandomDatabases imports databases of random schemas and values. The judge
// is SQLite itself, on the original file.
func TestRandomDatabases(t *testing.T) {
	for range rounds() {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomDatabase(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func randomDatabase(t *testing.T, rnd *rand.Rand) {
	types := []string{"INTEGER", "TEXT", "REAL", "BLOB", "NUMERIC", "DECIMAL(10,2)", "", "VARCHAR(20)", "DATETIME", "BOOLEAN"}
	value := func(kind int) string {
		switch kind {
		case 0:
			return fmt.Sprint(int64(rnd.Uint64()) >> rnd.IntN(64))
		case 1:
			return literal([]string{"", "x", "Größe", "a\nb", `"quoted" \ back`, "it's", "\x01\x1f\x7f", "12", "1.50", strings.Repeat("long ", rnd.IntN(200)), "\u2028😀"}[rnd.IntN(11)])
		case 2:
			return strconv.FormatFloat(float64(rnd.IntN(200000)-100000)/100, 'f', -1, 64)
		case 3:
			b := make([]byte, rnd.IntN(40))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			return literal(b)
		case 4:
			return []string{"1e300", "0.1+0.2", "-0.0", "1e18", "9e999", "3.0", "-9223372036854775807-1"}[rnd.IntN(7)]
		case 5:
			return "CAST(x'" + []string{"ff41", "410042", "c3"}[rnd.IntN(3)] + "' AS TEXT)"
		}
		return "NULL"
	}
	var b strings.Builder
	tables := 1 + rnd.IntN(4)
	for n := range tables {
		name := []string{"Plain", "order", "two words", `quo"te`}[n]
		var columns []string
		kinds := make([][]int, 1+rnd.IntN(5))
		for i := range kinds {
			kinds[i] = [][]int{{0}, {1}, {2}, {3}, {0, 6}, {1, 6}, {2, 0}, {4, 0}, {0, 1, 2, 3, 6}, {1, 5}}[rnd.IntN(10)]
			column := quote([]string{"A", "b c", "select", "1st", "é"}[i]) + " " + types[rnd.IntN(len(types))]
			if i == 0 && rnd.IntN(4) == 0 {
				kinds[i] = []int{1, 6}
				column = "A TEXT COLLATE NOCASE"
			}
			columns = append(columns, column)
		}
		key := rnd.IntN(4)
		with := ""
		switch key {
		case 0: // no key
		case 1:
			columns = append([]string{"id INTEGER PRIMARY KEY AUTOINCREMENT"}, columns...)
		case 2:
			columns = append([]string{"k1 TEXT", "k2 INT"}, append(columns, "PRIMARY KEY (k2, k1)")...)
			with = " WITHOUT ROWID"
		case 3:
			columns = append([]string{"id REAL PRIMARY KEY"}, columns...)
		}
		fmt.Fprintf(&b, "CREATE TABLE %s (%s)%s;\n", quote(name), strings.Join(columns, ", "), with)
		for row := range rnd.IntN(60) {
			var cells []string
			switch key {
			case 1:
				cells = []string{fmt.Sprint(row * 3)}
			case 2:
				cells = []string{literal(fmt.Sprintf("k%d", row/2)), fmt.Sprint(row % 2)}
			case 3:
				cells = []string{fmt.Sprint(float64(row) + 0.5)}
			}
			for _, k := range kinds {
				cells = append(cells, value(k[rnd.IntN(len(k))]))
			}
			fmt.Fprintf(&b, "INSERT INTO %s VALUES (%s);\n", quote(name), strings.Join(cells, ", "))
		}
	}
	path := database(t, b.String())
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, path, Options{Contract: "file"})
	r, o := books(t)
	if _, err := f.Load(context.Background(), r, o); err != nil {
		t.Fatalf("%v\n%s\n%s", err, b.String(), f.Draft.Source())
	}
	if len(f.Draft.Tables) != tables {
		t.Fatalf("%d tables of %d", len(f.Draft.Tables), tables)
	}
	for _, table := range f.Draft.Tables {
		judge(t, path, r, table)
	}
	again, err := f.Load(context.Background(), r, o)
	if err != nil || again.Rows != 0 || again.Repeated != f.Rows() || again.Deployed != 0 {
		t.Errorf("a second run did %+v, %v", again, err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was written")
	}
	if _, err := r.Verify(context.Background(), repo.VerifyOptions{Full: true}); err != nil {
		t.Error(err)
	}
}

// judge compares a table with what SQLite says of the original file.
func judge(t *testing.T, path string, r *repo.Repository, table *Table) {
	t.Helper()
	c, err := sqlite.Open(path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var list, order []string
	for _, col := range table.Columns {
		name := quote(col.From)
		if col.From == table.rowid {
			name = col.From
		}
		list = append(list, name)
	}
	for _, k := range table.Key {
		i := slices.Index(names(table.Columns), k)
		order = append(order, list[i])
	}
	st, _, err := c.Prepare("SELECT " + strings.Join(list, ", ") + " FROM " + quote(table.From) + " ORDER BY " + strings.Join(order, ", "))
	if err != nil {
		t.Fatal(err)
	}
	got := rowsOf(t, r, "file", table)
	n := 0
	for ; ; n++ {
		more, err := st.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		if n >= len(got) {
			t.Fatalf("%s has %d rows only", table.Name, len(got))
		}
		for i, col := range table.Columns {
			want, have := st.Column(i), got[n][i]
			if !same(col, want, have) {
				t.Fatalf("%s.%s row %d: %#v in the file is %#v\n%+v", table.Name, col.Name, n, want, have, col)
			}
		}
	}
	if n != len(got) {
		t.Fatalf("%s has %d rows, the file %d", table.Name, len(got), n)
	}
}

// same tells whether a cell holds what the file's cell says, by the rule of its
// column, written down a second time.
func same(c Column, file, cell any) bool {
	if file == nil || cell == nil {
		return file == nil && cell == nil
	}
	switch c.Type + fmt.Sprint(c.Form) {
	case "INTEGER" + fmt.Sprint(Scaled):
		n := cell.(int64)
		units := int64(1)
		for range c.Scale {
			units *= 10
		}
		text := fmt.Sprint(n / units)
		if n < 0 && n/units == 0 {
			text = "-0"
		}
		if c.Scale > 0 {
			text += fmt.Sprintf(".%0*d", c.Scale, max(n%units, -(n%units)))
		}
		v, err := strconv.ParseFloat(text, 64)
		return err == nil && v == number(file)
	case "TEXT" + fmt.Sprint(Written):
		if s, ok := file.(string); ok {
			return s == cell
		}
		if n, ok := file.(int64); ok {
			return fmt.Sprint(n) == cell
		}
		v, err := strconv.ParseFloat(cell.(string), 64)
		return (err == nil || errors.Is(err, strconv.ErrRange)) && v == file
	case "BLOB" + fmt.Sprint(Bytes):
		if s, ok := file.(string); ok {
			return bytes.Equal([]byte(s), cell.([]byte))
		}
		if b, ok := file.([]byte); ok {
			return bytes.Equal(b, cell.([]byte))
		}
		v, err := strconv.ParseFloat(string(cell.([]byte)), 64)
		return (err == nil || errors.Is(err, strconv.ErrRange)) && v == number(file)
	}
	if b, ok := file.([]byte); ok {
		return bytes.Equal(b, cell.([]byte))
	}
	return file == cell
}

// TestRandomCSV writes a CSV of random fields, imports it, and writes it again
// from the ledger: not a digit may differ.
func TestRandomCSV(t *testing.T) {
	for range rounds() {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			field := []func() string{
				func() string { return fmt.Sprint(int64(rnd.Uint64()) >> rnd.IntN(64)) },
				func() string { return fmt.Sprintf("%d.%02d", rnd.IntN(2000)-1000, rnd.IntN(100)) },
				func() string { return strconv.FormatFloat(float64(rnd.IntN(1000)), 'f', rnd.IntN(2), 64) },
				func() string { return fmt.Sprintf("%05d", rnd.IntN(100000)) },
				func() string { return "" },
				func() string {
					return []string{"a", "b,c", "d\"e", "f\ng", "-", "+1", "1e5", "0x1", " 1", "-0", "١"}[rnd.IntN(11)]
				},
				func() string { return fmt.Sprintf("20%02d-01-02", rnd.IntN(100)) },
				func() string { return fmt.Sprintf("%d.%d", rnd.IntN(3), rnd.IntN(30)) },
			}
			var all [][]string
			width := 1 + rnd.IntN(6)
			kinds := make([][]int, width)
			head := make([]string, width)
			for i := range kinds {
				head[i] = fmt.Sprintf("c%d", i)
				kinds[i] = []int{rnd.IntN(len(field))}
				if rnd.IntN(2) == 0 {
					kinds[i] = append(kinds[i], rnd.IntN(len(field)))
				}
			}
			all = append(all, head)
			for range rnd.IntN(200) {
				row := make([]string, width)
				for i := range row {
					row[i] = field[kinds[i][rnd.IntN(len(kinds[i]))]]()
				}
				if width == 1 && row[0] == "" {
					continue // an empty line is none
				}
				all = append(all, row)
			}
			var text bytes.Buffer
			w := csv.NewWriter(&text)
			if err := w.WriteAll(all); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "file.csv")
			if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			f := open(t, path, Options{})
			r, o := books(t)
			if _, err := f.Load(context.Background(), r, o); err != nil {
				t.Fatalf("%v\n%s", err, f.Draft.Source())
			}
			table := f.Draft.Tables[0]
			var got []string
			for _, row := range rowsOf(t, r, "file", table) {
				if table.RowNumber {
					row = row[1:]
				}
				got = append(got, strings.Join(textRow(table, row), "\x00"))
			}
			var want []string
			for _, row := range all[1:] {
				for i, v := range row { // CSV reads \r\n as \n
					row[i] = sameDecimal(table, i, v)
				}
				want = append(want, strings.Join(row, "\x00"))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%q\n%q\n%s", want, got, f.Draft.Source())
			}
		})
	}
}

// textRow writes cells as numbers with all decimals of their column.
func textRow(t *Table, row []any) []string {
	columns := t.Columns[len(t.Columns)-len(row):]
	list := make([]string, len(row))
	for i, v := range row {
		switch {
		case v == nil:
		case columns[i].Form == Scaled:
			n := v.(int64)
			s := fmt.Sprintf("%0*d", columns[i].Scale+1, max(n, -n))
			s = s[:len(s)-columns[i].Scale] + "." + s[len(s)-columns[i].Scale:]
			if n < 0 {
				s = "-" + s
			}
			list[i] = s
		default:
			list[i] = fmt.Sprint(v)
		}
	}
	return list
}

// sameDecimal fills the decimals of a scaled column up.
func sameDecimal(t *Table, i int, v string) string {
	c := t.Columns[i]
	if t.RowNumber {
		c = t.Columns[i+1]
	}
	if c.Form != Scaled || v == "" {
		return v
	}
	whole, fraction, _ := strings.Cut(v, ".")
	return whole + "." + fraction + strings.Repeat("0", c.Scale-len(fraction))
}

// TestInterrupted ends imports after some blocks and goes on.
func TestInterrupted(t *testing.T) {
	var b strings.Builder
	b.WriteString("CREATE TABLE node (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node, text TEXT, n INTEGER DEFAULT 0);\nCREATE TRIGGER count AFTER INSERT ON node BEGIN UPDATE node SET n = n + 1 WHERE id = new.up; END;\n")
	for i := range 300 {
		fmt.Fprintf(&b, "INSERT INTO node(id, up, text) VALUES (%d, %d, '%s');\n", i, (i*7+1)%300, strings.Repeat("x", 20_000+i))
	}
	path := database(t, b.String())
	r, o := books(t)
	loads, rows := 0, int64(0)
	for ; ; loads++ {
		f := open(t, path, Options{})
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(done, _ int64) {
			if done > int64(40*(loads+1)) {
				cancel()
			}
		}
		l, err := f.Load(ctx, r, o)
		cancel()
		rows += l.Rows
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if loads == 0 || rows != 300 {
		t.Errorf("%d interruptions, %d rows", loads, rows)
	}
	f := open(t, path, Options{})
	if len(f.Draft.Tables[0].Foreign) != 1 || !f.Draft.fires(f.Draft.Tables[0]) {
		t.Errorf("the draft lost something: %v\n%s", f.Notes(), f.Draft.Source())
	}
	judge(t, path, r, f.Draft.Tables[0])
	c, _, err := r.Contract("", "file")
	if err != nil || c.Source != f.Draft.Source() {
		t.Errorf("the contract in force is not whole: %v", err)
	}
}

// TestRefusedAndCorrected: a call that was refused used its key up; the next run
// sends it under another.
func TestRefusedAndCorrected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.csv")
	if err := os.WriteFile(path, []byte("id,n\n1,5\n2,6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path, Options{})
	r, o := books(t)
	strict := strings.Replace(f.Draft.Source(), "n  INTEGER NOT NULL", "n  INTEGER NOT NULL CHECK (n < 6)", 1)
	if strict == f.Draft.Source() {
		t.Fatal(strict)
	}
	ctx := context.Background()
	if _, err := r.Deploy(ctx, o.Key, "", "file", strict); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if l, err := f.Load(ctx, r, o); !fault.Is(err, "AG0411") || l.Rows != 0 {
			t.Fatalf("%+v, %v", l, err)
		}
	}
	if l, err := open(t, path, Options{}).Load(ctx, r, o); !fault.Is(err, "AG0411") || l.Rows != 0 {
		t.Fatalf("%+v, %v", l, err)
	}
}

// rounds is how many random files a test makes; AERGO_SOAK asks for many.
func rounds() int {
	if os.Getenv("AERGO_SOAK") != "" {
		return 500
	}
	return 10
}
