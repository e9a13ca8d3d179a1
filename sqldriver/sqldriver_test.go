package sqldriver_test

import (
	"bytes"
	"context"
	"crypto"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqldriver"
)

const books = `DIALECT 1;
CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c BLOB);
CREATE ACTION put(:id INTEGER, :a INTEGER DEFAULT NULL, :b TEXT DEFAULT NULL, :c BLOB DEFAULT NULL) PUBLIC AS
BEGIN
  INSERT INTO t VALUES (:id, :a, :b, :c);
END;
`

// ledger makes a ledger with one contract in dir; in memory if dir is empty.
func ledger(t testing.TB, dir string) (*repo.Repository, crypto.Signer) {
	t.Helper()
	key, err := repo.NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var r *repo.Repository
	if dir == "" {
		r, err = repo.InMemory(key, repo.Options{})
	} else {
		r, err = repo.Init(dir, key, repo.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Deploy(context.Background(), key, "", "books", books); err != nil {
		t.Fatal(err)
	}
	return r, key
}

func put(t testing.TB, r *repo.Repository, key crypto.Signer, branch string, id int64, args map[string]any) {
	t.Helper()
	all := map[string]any{"id": id}
	for k, v := range args {
		all[k] = v
	}
	if _, err := r.Call(context.Background(), key, repo.Call{Contract: "books", Action: "put", Args: all, Branch: branch}); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, q interface {
	QueryRow(string, ...any) *sql.Row
}) (n int) {
	t.Helper()
	if err := q.QueryRow("SELECT count(*) FROM books.t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func coded(err error) string {
	var c interface{ Code() string }
	if errors.As(err, &c) {
		return c.Code()
	}
	return fmt.Sprint(err)
}

// TestWhatDatabaseSQLDoes uses each method of database/sql once.
func TestWhatDatabaseSQLDoes(t *testing.T) {
	r, key := ledger(t, "")
	defer r.Close()
	put(t, r, key, "", 1, map[string]any{"a": int64(10), "b": "tea", "c": []byte{0, 255}})
	put(t, r, key, "", 2, nil)
	db := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{}))
	defer db.Close()
	ctx := context.Background()
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}

	var id int
	var a sql.NullInt64
	var b sql.NullString
	var c []byte
	if err := db.QueryRow("SELECT * FROM books.t WHERE id = ?", 1).Scan(&id, &a, &b, &c); err != nil || id != 1 || a.Int64 != 10 || b.String != "tea" || !bytes.Equal(c, []byte{0, 255}) {
		t.Error(id, a, b, c, err)
	}
	if err := db.QueryRow("SELECT * FROM t WHERE id = :id", sql.Named("id", 2)).Scan(&id, &a, &b, &c); err != nil || id != 2 || a.Valid || b.Valid || c != nil {
		t.Error(id, a, b, c, err)
	}
	var missing int
	if err := db.QueryRow("SELECT id FROM t WHERE id = 3").Scan(&missing); !errors.Is(err, sql.ErrNoRows) {
		t.Error(err)
	}

	rows, err := db.QueryContext(ctx, "SELECT id, b, c, a + 0.5 AS more FROM t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, x := range types {
		told = append(told, x.Name()+" "+x.DatabaseTypeName()+" "+x.ScanType().String())
	}
	if got := strings.Join(told, ", "); got != "id INTEGER sql.NullInt64, b TEXT sql.NullString, c BLOB []uint8, more  interface {}" {
		t.Error(got)
	}
	for rows.Next() {
		dest := make([]any, len(types))
		for i, x := range types {
			dest[i] = reflect.New(x.ScanType()).Interface()
		}
		if err := rows.Scan(dest...); err != nil {
			t.Error(err)
		}
	}
	if rows.NextResultSet() || rows.Err() != nil || rows.Close() != nil {
		t.Error(rows.Err())
	}

	st, err := db.Prepare("SELECT count(*) FROM t WHERE id < ?1 + ?1")
	if err != nil {
		t.Fatal(err)
	}
	var n int
	for want, arg := range []any{0, int8(1), uint64(2), true, 1.5} {
		want = map[int]int{0: 0, 1: 1, 2: 2, 3: 1, 4: 2}[want]
		if err := st.QueryRow(arg).Scan(&n); err != nil || n != want {
			t.Errorf("%v: %d rows, want %d, %v", arg, n, want, err)
		}
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Stmt(st).QueryRow(9).Scan(&n); err != nil || n != 2 {
		t.Error(n, err)
	}
	if err := errors.Join(tx.Commit(), st.Close()); err != nil {
		t.Error(err)
	}
	var when time.Time
	var ms int64
	when = time.UnixMilli(1234567890123)
	if err := db.QueryRow("SELECT ?", when).Scan(&ms); err != nil || ms != 1234567890123 {
		t.Error(ms, err)
	}
	one, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(one.PingContext(ctx), one.Close()); err != nil {
		t.Error(err)
	}

	for query, want := range map[string]string{
		"SELECT": "AG0106", "SELECT * FROM nowhere": "AG0203", "SELECT 1; SELECT 2": "AG0106", "SELECT ?": "AG0403", "": "AG0106",
		"DELETE FROM books.t": "AG0107", "CREATE TABLE x(a)": "AG0107", "INSERT INTO t VALUES (3,1,1,1) RETURNING id": "AG0107", "PRAGMA user_version = 1": "AG0107",
		"ATTACH '/tmp/x' AS y": "AG0107",
	} {
		if _, err := db.Query(query); coded(err) != want {
			t.Errorf("%q: %v, want %s", query, err, want)
		}
		if _, err := db.Exec(query); coded(err) != "AG0107" {
			t.Errorf("%q: %v", query, err)
		}
	}
	for _, args := range [][]any{{1, 2}, {sql.Named("x", 1)}, {struct{}{}}, {sql.Named("id", 1), sql.Named("id", 2)}} {
		if _, err := db.Query("SELECT :id", args...); coded(err) != "AG0403" {
			t.Errorf("%v: %v", args, err)
		}
	}
	prepared, err := db.Prepare("DELETE FROM t")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepared.Exec(); coded(err) != "AG0107" {
		t.Error(err)
	}
	if count(t, db) != 2 {
		t.Error("a query changed rows")
	}
}

func TestATransactionSeesOneState(t *testing.T) {
	r, key := ledger(t, "")
	defer r.Close()
	db := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{}))
	defer db.Close()
	put(t, r, key, "", 1, nil)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for id := range int64(3) {
		put(t, r, key, "", 2+id, nil)
		if now, then := count(t, db), count(t, tx); now != int(2+id) || then != 1 {
			t.Errorf("%d rows now, %d in the transaction", now, then)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if tx, err = db.Begin(); err != nil || count(t, tx) != 4 {
		t.Error(err)
	}
	if _, err := tx.Exec("DELETE FROM t"); coded(err) != "AG0107" {
		t.Error(err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}

func TestCancellation(t *testing.T) {
	r, _ := ledger(t, "")
	defer r.Close()
	db := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{}))
	defer db.Close()
	ctx, cancel := context.WithCancel(context.Background())
	rows, err := db.QueryContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n")
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	cancel()
	for rows.Next() {
	}
	if err := rows.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	var n int
	err = db.QueryRowContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n").Scan(&n)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if count(t, db) != 0 {
		t.Error("the next query fails")
	}
}

// Readers on several connections run while calls are made.
func TestManyReaders(t *testing.T) {
	r, key := ledger(t, t.TempDir())
	defer r.Close()
	db := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{}))
	defer db.Close()
	st, err := db.Prepare("SELECT count(*), coalesce(max(id), 0) FROM t WHERE id > ?")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			last := 0
			for range 10 {
				tx, err := db.Begin()
				if err != nil {
					t.Error(err)
					return
				}
				var n, most, again, same int
				err = errors.Join(tx.Stmt(st).QueryRow(0).Scan(&n, &most), tx.Stmt(st).QueryRow(0).Scan(&again, &same), tx.Commit())
				if err != nil || n != most || n != again || n < last {
					t.Errorf("%d rows up to %d, then %d, %d before: %v", n, most, again, last, err)
				}
				last = n
			}
		})
	}
	for id := range int64(10) {
		put(t, r, key, "", id+1, nil)
	}
	wait.Wait()
	if s := db.Stats(); s.InUse != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDataSources(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a ledger")
	r, key := ledger(t, dir)
	for id := range int64(3) {
		put(t, r, key, "", id, nil)
	}
	if _, err := r.CreateBranch("eu", "main~1", key, false); err != nil {
		t.Fatal(err)
	}
	put(t, r, key, "eu", 100, nil)
	put(t, r, key, "eu", 101, nil)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]int{
		dir: 3, dir + "?branch=eu": 4, dir + "?branch=eu&at=~1": 3, dir + "?at=main~2": 1, dir + "?at=%232": 1, dir + "?at=eu%232": 1,
		dir + "?at=main~10&branch=eu": -1, dir + "?branch=nowhere": -1, dir + "?wait=1s": 3,
	} {
		db, err := sql.Open(sqldriver.Name, source)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		err = db.QueryRow("SELECT count(*) FROM t").Scan(&n)
		if want < 0 && coded(err) != "AG0201" || want >= 0 && (err != nil || n != want) {
			t.Errorf("%s: %d rows, want %d, %v", source, n, want, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	for source, want := range map[string]string{
		"": "AG0130", dir + "?x=1": "AG0130", dir + "?at=1&at=2": "AG0130", dir + "?wait=long": "AG0130", dir + "?%": "AG0130", t.TempDir(): "AG0204",
	} {
		db, err := sql.Open(sqldriver.Name, source)
		if err == nil {
			err = errors.Join(db.Ping(), db.Close())
		}
		if coded(err) != want {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	// It is in use as long as a DB has a connection, and free after Close.
	db, err := sql.Open(sqldriver.Name, dir)
	if err != nil || db.Ping() != nil {
		t.Fatal(err)
	}
	other, err := sql.Open(sqldriver.Name, dir+"?wait=1ms")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Ping(); coded(err) != "AG0901" {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(other.Ping(), other.Close()); err != nil {
		t.Error(err)
	}
}

// TestSameAsSQLite asks random queries of a ledger and, through modernc's own
// driver, of a database with the same rows.
func TestSameAsSQLite(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	r, key := ledger(t, "")
	defer r.Close()
	plain, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	plain.SetMaxOpenConns(1)
	if _, err := plain.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a INTEGER, b TEXT, c BLOB) STRICT, WITHOUT ROWID"); err != nil {
		t.Fatal(err)
	}
	value := func(kind int) any {
		switch n := random.Int64N(12) - 4; {
		case n < -2:
			return nil
		case kind == 0:
			return n
		case kind == 1:
			return strings.Repeat("é'a\"", max(0, int(n)/2))
		default:
			return bytes.Repeat([]byte{byte(n), 0}, max(0, int(n)/3))
		}
	}
	for id := range int64(40) {
		row := map[string]any{"a": value(0), "b": value(1), "c": value(2)}
		put(t, r, key, "", id, row)
		if _, err := plain.Exec("INSERT INTO t VALUES (?, ?, ?, ?)", id, row["a"], row["b"], row["c"]); err != nil {
			t.Fatal(err)
		}
	}
	ours := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{}))
	defer ours.Close()
	tx, err := ours.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	var expr func(depth int) string
	expr = func(depth int) string {
		if depth == 0 {
			return pick("id", "a", "b", "c", "?1", "?2", "1", "'x'", "NULL", "x'00'", "2.5", "-7")
		}
		x, y := expr(depth-1), expr(random.IntN(depth))
		switch random.IntN(9) {
		case 0:
			return "(" + x + pick(" + ", " - ", " * ", " / ", " % ", " || ", " AND ", " OR ", " = ", " < ", " IS ", " & ") + y + ")"
		case 1:
			return pick("length", "upper", "hex", "typeof", "quote", "abs", "-", "NOT ") + "(" + x + ")"
		case 2:
			return "coalesce(" + x + ", " + y + ")"
		case 3:
			return "CASE WHEN " + x + " THEN " + y + " ELSE " + expr(0) + " END"
		case 4:
			return "CAST(" + x + " AS " + pick("TEXT", "INTEGER", "REAL", "BLOB") + ")"
		case 5:
			return "(" + x + pick(" IN ", " NOT IN ") + "(" + y + ", " + expr(0) + "))"
		case 6:
			return "(SELECT " + pick("max", "min", "count", "sum", "total") + "(" + expr(0) + ") FROM t AS u WHERE u.id < t.id)"
		}
		return x
	}
	answered := 0
	for range 400 {
		query := "SELECT " + expr(2) + " AS x, " + expr(1) + " FROM t WHERE " + expr(2) + " ORDER BY id" + pick("", " DESC", " LIMIT 5")
		switch random.IntN(4) {
		case 0:
			query = "SELECT " + expr(1) + " AS g, count(*), " + pick("sum", "min", "max", "group_concat") + "(" + expr(1) + ") FROM t GROUP BY 1 ORDER BY 1"
		case 1:
			query = "SELECT t.id, v.b FROM t " + pick("JOIN", "LEFT JOIN") + " t AS v ON v.id = t.a AND " + strings.ReplaceAll(expr(0), "c", "v.c") + " ORDER BY 1, 2"
		}
		// Both parameters stand in each query.
		query = strings.Replace(query, "SELECT", "SELECT ?1 AS p, ?2 AS q,", 1)
		query = strings.ReplaceAll(query, "GROUP BY 1 ORDER BY 1", "GROUP BY 3 ORDER BY 3")
		query = strings.ReplaceAll(query, "ORDER BY 1, 2", "ORDER BY 3, 4")
		for _, ambiguous := range []string{" id", " a", " b"} {
			if strings.Contains(query, "JOIN") {
				query = strings.ReplaceAll(query, "AND"+ambiguous+" ", "AND t."+ambiguous[1:]+" ")
			}
		}
		args := []any{value(random.IntN(3)), value(random.IntN(3))}
		want, wantErr := all(plain, query, args)
		for i, on := range []querier{ours, tx} {
			got, err := all(on, query, args)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%s %v: %v, SQLite says %v", query, args, err, wantErr)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%d: %s %v\n%#v\nSQLite gives\n%#v", i, query, args, got, want)
			}
		}
		if wantErr == nil {
			answered++
		}
	}
	if answered < 200 {
		t.Errorf("%d of 400 queries were answered: the test draws nonsense", answered)
	}
}

type querier interface {
	Query(string, ...any) (*sql.Rows, error)
}

// all gives the columns and rows of a query.
func all(db querier, query string, args []any) ([][]any, error) {
	rows, err := db.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	head := make([]any, len(columns))
	for i, c := range columns {
		head[i] = c
	}
	list := [][]any{head}
	for rows.Next() {
		row, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok && len(b) == 0 {
				row[i] = []byte{} // modernc's has no bytes at all there
			}
		}
		list = append(list, row)
	}
	return list, rows.Err()
}
