package sqlcontract

import (
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/slt"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// sltFiles are the files of the corpus: of the tree SLT_DIR, else the sample
// beside the other test data.
func sltFiles(t *testing.T) (files []string, all bool) {
	dir, all := os.Getenv("SLT_DIR"), true
	if dir == "" {
		data := os.Getenv("AERGO_TESTDATA")
		if data == "" {
			t.Skip("the corpus is not part of this repository; runs with SLT_DIR set to a tree of sqllogictest files, or AERGO_TESTDATA to a folder that holds sqllogictest")
		}
		dir, all = filepath.Join(data, "sqllogictest"), os.Getenv("AERGO_SOAK") != ""
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(path, ".test") || strings.HasSuffix(path, ".test.gz")) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("there is no *.test file under %s", dir)
	}
	return files, all
}

func readSLT(t *testing.T, path string) []slt.Record {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	list, err := slt.Read(r, "sqlite")
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return list
}

// TestSQLLogic judges with SQLite's own corpus. Each file is run twice at once:
// on a plain database, whose SELECTs go through the code of queries (aergo
// query) and must give the corpus's answers; and as contracts, statement by
// statement, where what the fence accepts must give the same answers. With -v
// it prints what the fence refuses and why. The usual run takes a sample of the
// SELECTs; with AERGO_SOAK or SLT_DIR it takes all.
func TestSQLLogic(t *testing.T) {
	files, all := sltFiles(t)
	total := newSLTCount()
	var mu sync.Mutex
	t.Run("files", func(t *testing.T) {
		for _, path := range files {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".gz"), func(t *testing.T) {
				if all {
					t.Parallel()
				}
				r := &sltRun{t: t, every: 1, count: newSLTCount(), known: map[string]error{}, labels: map[string]string{}}
				records := readSLT(t, path)
				if !all {
					records = r.sample(records)
				}
				r.file(records)
				mu.Lock()
				defer mu.Unlock()
				total.add(r.count)
			})
		}
	})
	t.Logf("%d files\n%s", len(files), total)
	if total.queries == 0 || total.accepted == 0 {
		t.Error("no query was judged: the test says nothing")
	}
}

// sltSample and sltWrites are about how many SELECTs and other statements of a
// file the usual run judges.
const (
	sltSample = 25
	sltWrites = 120
)

// sample cuts a file short.
func (r *sltRun) sample(records []slt.Record) []slt.Record {
	queries, others := 0, 0
	for i, rec := range records {
		if rec.Query {
			queries++
		} else if others++; others > sltWrites {
			records = records[:i]
			break
		}
	}
	r.every = 1 + queries/sltSample
	return records
}

// sltRun is one file on its way.
type sltRun struct {
	t     *testing.T
	every int // of the SELECTs, one of so many is judged
	count *sltCount
	path  string
	plain *sqlite.Conn // the database on which every statement of the file runs

	labels map[string]string // the answers of labelled queries
	known  map[string]error  // what Compile says of a source, for objects that come again and again
	batch  *sltBatch
}

func (r *sltRun) file(records []slt.Record) {
	r.path = filepath.Join(r.t.TempDir(), "plain.db")
	var err error
	if r.plain, err = sqlite.Open(r.path, sqlite.Options{NoPreupdate: true}); err != nil {
		r.t.Fatal(err)
	}
	defer r.plain.Close()
	if err := r.plain.Exec("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY"); err != nil {
		r.t.Fatal(err)
	}
	nth := 0
	for _, rec := range records {
		if !rec.Query {
			r.statement(rec)
		} else if nth++; nth%r.every == 0 {
			r.query(rec)
		}
	}
	r.flush()
}

// query judges one SELECT.
func (r *sltRun) query(rec slt.Record) {
	r.count.queries++
	names, rows, err := r.ask(rec.SQL)
	if err == nil {
		err = rec.Check(rows)
	}
	if err == nil && rec.Label != "" && r.every == 1 {
		values, _ := rec.Answer(rows)
		answer := slt.Hash(values)
		if was, ok := r.labels[rec.Label]; ok && was != answer {
			err = fmt.Errorf("other queries with the label %s answer otherwise", rec.Label)
		}
		r.labels[rec.Label] = answer
	}
	if err != nil && len(rec.Want) == 0 && strings.HasSuffix(err.Error(), "integer overflow") {
		err = nil // the corpus writes a SELECT that fails as one without an answer
	}
	if err != nil {
		if r.temporary(rec.SQL) {
			r.count.temporary++
			return
		}
		r.t.Errorf("line %d: %s\n%v", rec.Line, rec.SQL, err)
		return
	}
	r.count.agreed++
	r.count.selects++
	returns, why := returnsOf(names, rows)
	if strings.Contains(rec.SQL, "NOT INDEXED") {
		why = "NOT INDEXED: the row order that it asks for is not that of the view on a table with a key"
	}
	if why == "" {
		why = r.try(sltAct{rec: rec, returns: returns})
	}
	if why != "" {
		r.count.refuse(why)
	}
}

// temporary tells whether a query reads what only the connection that made it
// sees: a query has a connection of its own.
func (r *sltRun) temporary(sql string) bool {
	for _, row := range r.rows("SELECT name FROM sqlite_temp_schema") {
		if strings.Contains(sql, row[0].(string)) {
			return true
		}
	}
	return false
}

// ask runs a SELECT as aergo query does.
func (r *sltRun) ask(sql string) (names []string, list [][]any, err error) {
	rows, err := openQuery(r.t.Context(), (*sltState)(r), nil, sql, nil)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		list = append(list, rows.Values())
	}
	return rows.Columns(), list, rows.Err()
}

// rows reads the plain database without ceremony.
func (r *sltRun) rows(sql string) (list [][]any) {
	st, _, err := r.plain.Prepare(sql)
	if err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
	defer st.Finalize()
	for {
		ok, err := st.Step()
		if err != nil {
			r.t.Fatalf("%s: %v", sql, err)
		}
		if !ok {
			return list
		}
		row := make([]any, st.ColumnCount())
		for i := range row {
			row[i] = st.Column(i)
		}
		list = append(list, row)
	}
}

// statement runs a CREATE, DROP, INSERT, UPDATE, … on the plain database, and
// counts whether a contract may hold it.
func (r *sltRun) statement(rec slt.Record) {
	verb := strings.ToUpper(strings.Fields(rec.SQL + " ?")[0])
	switch verb {
	case "INSERT", "UPDATE", "DELETE", "REPLACE":
		r.count.writes++
		if why := r.try(sltAct{rec: rec}); why != "" {
			r.flush() // what follows begins with the rows that the plain database has then
			r.count.refuse(why)
		}
	default:
		r.flush()
		defer r.schema(rec, verb)
	}
	err := r.plain.Exec(rec.SQL)
	if (err != nil) != rec.Fails {
		r.t.Errorf("line %d: %s\n%v, expected an error: %v", rec.Line, rec.SQL, err, rec.Fails)
	}
}

// sltState shows the plain database to queries as the contract "plain".
type sltState sltRun

func (s *sltState) prepare(*sqlite.Conn) error { return nil }

func (s *sltState) attach(conn *sqlite.Conn, name string) (bool, error) {
	if name != "plain" {
		return false, nil // an alias or a table
	}
	return true, conn.Exec("ATTACH " + quoteText(s.path) + " AS plain")
}

func (s *sltState) contracts() ([]string, error) { return []string{"plain"}, nil }

func (s *sltState) has(name, table string) (bool, error) {
	return len((*sltRun)(s).rows("SELECT 1 FROM sqlite_schema WHERE lower(name) = "+quoteText(table))) > 0, nil
}

// stateOf lists a table of the contract in the state map as the plain database
// does.
func (b *sltBatch) stateOf(c *Contract, table string) (list [][]any) {
	l := newLayout(c.Name, c.Table(table))
	err := prolly.Load(b.w.engine.nodes, b.w.tree.Root()).Scan(l.prefix, nil, func(key, value []byte) error {
		if !strings.HasPrefix(string(key), string(l.prefix)) {
			return nil
		}
		cells, err := l.cells(key, value)
		list = append(list, cells)
		return err
	})
	if err != nil {
		b.w.t.Fatal(err)
	}
	return list
}
