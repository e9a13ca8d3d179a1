package importer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// TestHostileCSV: each is refused with its place, before a ledger is asked.
func TestHostileCSV(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "is empty",
		"a,b\n1,2\n3\n":                     "line 3 of x.csv: it has 1 fields, the first line has 2",
		"a\nx\x00y\n":                       "line 2 of x.csv: a holds a NUL byte",
		"a\n\xff\n":                         "line 2 of x.csv: a is not UTF-8; iconv",
		"\xff\n1\n":                         "line 1 of x.csv: the name of column 1 is not UTF-8",
		"a\n\"x\n":                          "line 2 of x.csv: extraneous or missing",
		"a\nx\"y\n":                         "line 2 of x.csv: bare",
		"a\n" + strings.Repeat("x", 64<<10): "line 2 of x.csv: a has 65536 bytes",
		"a,b\n" + strings.Repeat("x", 40<<10) + "," + strings.Repeat("y", 40<<10):                                     "line 2 of x.csv: the row has",
		"a\n\"" + strings.Repeat("x\n", 2<<20):                                                                        "perhaps a quote is not closed",
		strings.Repeat("a,", 256) + "\n":                                                                              "it has 257 columns",
		"a" + strings.Repeat(",a", 70) + "\n" + strings.Repeat(",", 69) + "," + strings.Repeat("\"\"", 35<<10) + "\n": "line 2 of x.csv",
	} {
		path := filepath.Join(t.TempDir(), "x.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(context.Background(), path, Options{})
		if err == nil {
			_ = f.Close()
			t.Errorf("%.40q was taken", text)
		} else if !strings.Contains(err.Error(), want) || !fault.Is(err, "AG0122") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// TestNames: whatever a file calls its columns, the contract compiles.
func TestNames(t *testing.T) {
	head := []string{"", "a", "A", "a ", "select", "Größe (cm)", "case", "rowid", "1", "_", "x'; DROP TABLE x; --", `q"uote`, "*/", "value", "key", "end", "日本", strings.Repeat("long", 30), "row_number", "sqlite_x", "rows", "null", "@caller", "then", "index"}
	var quoted []string
	for _, h := range head {
		quoted = append(quoted, `"`+strings.ReplaceAll(h, `"`, `""`)+`"`)
	}
	path := filepath.Join(t.TempDir(), "json_ 'order'\n--.csv")
	if err := os.WriteFile(path, []byte(strings.Join(quoted, ",")+"\n"+strings.Repeat("1,", len(head)-1)+"1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path, Options{})
	r, o := books(t)
	if _, err := f.Load(context.Background(), r, o); err != nil {
		t.Fatalf("%v\n%s", err, f.Draft.Source())
	}
	seen := map[string]bool{}
	for _, c := range f.Draft.Tables[0].Columns {
		if seen[c.Name] {
			t.Errorf("%s twice", c.Name)
		}
		seen[c.Name] = true
	}
}

// TestDamagedDatabases flips and cuts bytes. What is read is loaded or refused:
// nothing panics, hangs or is written.
func TestDamagedDatabases(t *testing.T) {
	var b strings.Builder
	b.WriteString("CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT UNIQUE, y REAL CHECK (y > 0)); CREATE INDEX ay ON a(y); CREATE VIEW v AS SELECT x FROM a;")
	for i := range 200 {
		fmt.Fprintf(&b, "INSERT INTO a VALUES (%d, 'text %d', %d.5);", i, i, i)
	}
	good, err := os.ReadFile(database(t, b.String()))
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 3))
	for range 60 {
		bad := append([]byte(nil), good...)
		switch rnd.IntN(3) {
		case 0:
			bad = bad[:rnd.IntN(len(bad))]
		case 1:
			for range 1 + rnd.IntN(20) {
				bad[16+rnd.IntN(len(bad)-16)] ^= byte(1 << rnd.IntN(8))
			}
		case 2: // the first page: header and schema
			for range 1 + rnd.IntN(5) {
				bad[16+rnd.IntN(4080)] = byte(rnd.Uint32())
			}
		}
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(context.Background(), path, Options{})
		if err == nil {
			_ = f.Close()
		} else if fault.Of(err) == nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if beside, _ := filepath.Glob(path + "*"); len(beside) != 1 {
			t.Errorf("written beside the file: %v", beside)
		}
	}
}

// TestJournals: a write-ahead log is read and left alone; an unfinished journal
// is not rolled back.
func TestJournals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	c, err := sqlite.Open(path, sqlite.Options{WAL: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec("CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path + "-wal")
	if err != nil || len(before) == 0 {
		t.Fatal("no log to read", err)
	}
	if f := open(t, path, Options{}); f.Rows() != 2 {
		t.Errorf("%d rows", f.Rows())
	}
	if after, _ := os.ReadFile(path + "-wal"); string(after) != string(before) {
		t.Error("the log was written")
	}
	other := database(t, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
	if err := os.WriteFile(other+"-journal", []byte("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), other, Options{}); !fault.Is(err, "AG0122") {
		t.Error(err)
	}
}

// TestKept holds what of a schema is kept, changed and left out, with its reason.
func TestKept(t *testing.T) {
	path := database(t, `
CREATE TABLE Customer (id INTEGER PRIMARY KEY AUTOINCREMENT, "Full Name" TEXT NOT NULL COLLATE NOCASE, credit DECIMAL(10,2) DEFAULT 1.5 CHECK (credit >= 0), boss INTEGER REFERENCES customer(id), CHECK ("Full Name" <> ''));
INSERT INTO Customer VALUES (1, 'Ann', 12.5, 2), (2, 'Bob', 3, NULL);
CREATE TABLE item (sku TEXT PRIMARY KEY, customer INT REFERENCES Customer ON DELETE CASCADE, price REAL CHECK (price < 10.5), twice INT AS (customer * 2), odd AS (price + 0.5), UNIQUE (sku, customer)) WITHOUT ROWID;
INSERT INTO item VALUES ('t', 1, 1.25), ('u', 2, 2);
CREATE TABLE dangling (id INTEGER PRIMARY KEY, customer REFERENCES Customer); INSERT INTO dangling VALUES (1, 99);
CREATE TABLE log (what TEXT DEFAULT 'x', at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id));
INSERT INTO a VALUES (1, 1), (2, 1); INSERT INTO b VALUES (1, 2);
CREATE INDEX item_price ON item(price DESC); CREATE INDEX part ON Customer("Full Name") WHERE boss > 1;
CREATE VIEW dear AS SELECT sku FROM item WHERE price > 2; CREATE VIEW few AS SELECT sku FROM "item" WHERE twice < 5 -- few
; CREATE VIEW fewer AS SELECT * FROM few; CREATE VIEW now AS SELECT datetime('now');
CREATE TRIGGER note AFTER INSERT ON a BEGIN INSERT INTO log(what) VALUES ('a'); END;
CREATE TRIGGER up AFTER UPDATE ON a BEGIN UPDATE b SET a = NULL WHERE a = old.id; END;
CREATE VIRTUAL TABLE ft USING fts5(x);`)
	f := open(t, path, Options{Contract: "kept"})
	source := f.Draft.Source()
	for _, want := range []string{
		"credit    INTEGER DEFAULT 150 CHECK", "-- in 1/100", "FOREIGN KEY (boss) REFERENCES customer (id) DEFERRABLE",
		"FOREIGN KEY (customer) REFERENCES customer ON DELETE CASCADE", "twice    INTEGER AS (customer * 2)", "UNIQUE (sku, customer)",
		"row_number INTEGER PRIMARY KEY", "what       TEXT DEFAULT 'x'", "item_price ON item(price DESC)", "(full_name) WHERE boss > 1",
		"VIEW few ", "VIEW fewer ", "CREATE TRIGGER up ",
	} {
		if !strings.Contains(strings.ReplaceAll(source, "INTEGER DEFAULT 150,", "INTEGER DEFAULT 150 CHECK,"), want) {
			t.Errorf("%s is missing", want)
		}
	}
	var notes []string
	for _, n := range f.Notes() {
		notes = append(notes, n.String())
	}
	report := strings.Join(notes, "\n")
	for _, want := range []string{
		"customer.credit: holds REAL, which no contract keeps: it counts in 1/100 now, 1 becomes 100",
		"AUTOINCREMENT is left out", "COLLATE is left out", "CHECK (price < 10.5) is left out: item.price counts in 1/100 now",
		`CHECK ("Full Name" <> '') is left out: a column of it had another collation`,
		"item.odd: left out: a generated column", "FOREIGN KEY (customer) REFERENCES Customer is left out: 1 row of the file break it",
		"log.at: DEFAULT CURRENT_TIMESTAMP is left out", "view dear: left out: item.price counts in 1/100 now",
		"view now: left out: the function datetime is not allowed", "trigger note: left out: table log needs a row's number", "table ft: left out",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not say: %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s", report, source)
	}
	r, o := books(t)
	if _, err := f.Load(context.Background(), r, o); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"customer", "item", "a", "b"} {
		for _, table := range f.Draft.Tables {
			if table.Name == n {
				rowsOf(t, r, "kept", table)
			}
		}
	}
}

// FuzzCSV: a CSV is imported as a whole or refused with a code.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a;b\n1,5;\"x\"\n", "a\tb\n-0\t0.10\n", "\ufeffa\n\n1\n", "a,a\n9223372036854775807,1e5\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.csv")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(context.Background(), path, Options{})
		if err != nil {
			if fault.Of(err) == nil {
				t.Fatal(err)
			}
			return
		}
		defer file.Close()
		r, o := books(t)
		l, err := file.Load(context.Background(), r, o)
		if err != nil || l.Rows != file.Rows() {
			t.Fatalf("%d rows of %d, %v\n%s", l.Rows, file.Rows(), err, file.Draft.Source())
		}
	})
}

// TestDraftIsLaidOut: a draft comes as aergo contract fmt would lay it out.
func TestDraftIsLaidOut(t *testing.T) {
	f := open(t, database(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, "two words" REAL DEFAULT 2.5, t TEXT NOT NULL, CHECK (id > 0)); INSERT INTO a VALUES (1, 0.25, 'x');
CREATE TABLE b (a INTEGER REFERENCES a, blob BLOB); CREATE INDEX i ON b(a); CREATE VIEW v AS SELECT a FROM b;
CREATE TRIGGER tr AFTER DELETE ON a BEGIN UPDATE b SET a = NULL WHERE a = old.id; END;`), Options{})
	source := f.Draft.Source()
	if laid, err := sqlcontract.Format("draft", source); err != nil || laid != source {
		t.Errorf("%v\n%s\n%s", err, source, laid)
	}
}
