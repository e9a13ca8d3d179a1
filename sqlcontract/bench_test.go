package sqlcontract

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver that a Go program would use instead

	"github.com/aergo-git/aergo-git/internal/sqlite"
)

const money = `DIALECT 1;
CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0));
CREATE ACTION fill(:n INTEGER) PUBLIC AS BEGIN
  INSERT INTO account WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < :n) SELECT i, 'owner of ' || i, 1000000 FROM k;
END;
CREATE ACTION transfer(:a INTEGER, :b INTEGER, :n INTEGER) PUBLIC AS BEGIN
  UPDATE account SET amount = amount - :n WHERE id = :a;
  UPDATE account SET amount = amount + :n WHERE id = :b;
END;
`

// fill makes a bank of n accounts.
func fill(w *world, n int64) {
	w.t.Helper()
	w.deploy("alice", "money", money)
	r := w.request("alice", "money", "fill", args{"n": n})
	r.GasLimit = MaxGas
	w.now += 1000
	w.number++
	s := w.begin(w.tree)
	if answer, err := s.Run(w.sign("alice", r)); err != nil || answer.Status != StatusOK {
		w.t.Fatal(answer, err)
	}
	w.commit(s)
}

// transfers makes transactions whose signatures are not checked: that is not
// what is measured here.
func transfers(w *world, n int, rows int64) []VerifiedTransaction {
	w.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var list []VerifiedTransaction
	for range n {
		tx, err := New(w.request("bob", "money", "transfer", args{"a": 1 + random.Int64N(rows), "b": 1 + random.Int64N(rows), "n": int64(1)}), w.person("bob").key, w.random)
		if err != nil {
			w.t.Fatal(err)
		}
		v, err := decode(w.ledger, tx)
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// BenchmarkTransfer runs blocks of 1000 transactions of two updates each. An
// operation is one Run; the extra figures are Seal, storing and Commit, per
// transaction.
func BenchmarkTransfer(b *testing.B) {
	for _, rows := range []int64{10_000, 1_000_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			w := newWorld(b, b.TempDir())
			fill(w, rows)
			list := transfers(w, b.N, rows)
			b.ReportAllocs()
			b.ResetTimer()
			var seal, store time.Duration
			for len(list) > 0 {
				n := min(len(list), 1000)
				w.now += 1000
				w.number++
				s := w.begin(w.tree)
				for _, tx := range list[:n] {
					if r, err := s.Run(tx); err != nil || r.Status != StatusOK {
						b.Fatal(r, err)
					}
				}
				b.StopTimer()
				start := time.Now()
				if _, err := s.Seal(); err != nil {
					b.Fatal(err)
				}
				seal += time.Since(start)
				start = time.Now()
				w.commit(s)
				store += time.Since(start)
				b.StartTimer()
				list = list[n:]
			}
			b.StopTimer()
			b.ReportMetric(float64(seal.Microseconds())/float64(b.N), "seal-us/op")
			b.ReportMetric(float64(store.Microseconds())/float64(b.N), "store-us/op")
		})
	}
}

// BenchmarkPlainSQLite is the same two updates on SQLite alone, in one
// transaction per 1000, as the measure of what execution adds.
func BenchmarkPlainSQLite(b *testing.B) {
	conn, err := sqlite.Open(b.TempDir()+"/x.db", sqlite.Options{WAL: true, NoPreupdate: true})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	const rows = 10_000
	err = conn.Exec(`CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0)) STRICT, WITHOUT ROWID;
		INSERT INTO account WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 10000) SELECT i, 'owner of ' || i, 1000000 FROM k; BEGIN`)
	if err != nil {
		b.Fatal(err)
	}
	st, _, err := conn.Prepare("UPDATE account SET amount = amount + ?1 WHERE id = ?2")
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	b.ResetTimer()
	for i := range b.N {
		for _, n := range []int64{-1, 1} {
			st.BindInt64(1, n)
			st.BindInt64(2, 1+random.Int64N(rows))
			if _, err := st.Step(); err != nil {
				b.Fatal(err)
			}
			st.Reset()
		}
		if i%1000 == 999 {
			if err := conn.Exec("COMMIT; BEGIN"); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkDatabaseSQL is the same through database/sql, with a savepoint for
// each pair, as a program without a ledger would write it.
func BenchmarkDatabaseSQL(b *testing.B) {
	db, err := sql.Open("sqlite", b.TempDir()+"/x.db?_pragma=journal_mode(wal)&_pragma=synchronous(off)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	const rows = 10_000
	_, err = db.Exec(`CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0)) STRICT, WITHOUT ROWID;
		INSERT INTO account WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 10000) SELECT i, 'owner of ' || i, 1000000 FROM k`)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	b.ResetTimer()
	for done := 0; done < b.N; done += 1000 {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		prepare := func(q string) *sql.Stmt {
			st, err := tx.Prepare(q)
			if err != nil {
				b.Fatal(err)
			}
			return st
		}
		open, shut, update := prepare("SAVEPOINT x"), prepare("RELEASE x"), prepare("UPDATE account SET amount = amount + ?1 WHERE id = ?2")
		run := func(st *sql.Stmt, args ...any) {
			if _, err := st.Exec(args...); err != nil {
				b.Fatal(err)
			}
		}
		for range min(1000, b.N-done) {
			run(open)
			run(update, int64(-1), 1+random.Int64N(rows))
			run(update, int64(1), 1+random.Int64N(rows))
			run(shut)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}
