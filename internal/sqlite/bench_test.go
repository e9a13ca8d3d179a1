package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	_ "modernc.org/sqlite" // the named alternative: database/sql
)

const benchRows = 1000

const benchSchema = `CREATE TABLE account(name TEXT PRIMARY KEY, balance INTEGER NOT NULL) STRICT, WITHOUT ROWID;
WITH RECURSIVE n(x) AS (VALUES(0) UNION ALL SELECT x+1 FROM n WHERE x < 999) INSERT INTO account SELECT printf('account%06d', x), 1000 FROM n;`

var benchNames = func() []string {
	names := make([]string, benchRows)
	for i := range names {
		names[i] = fmt.Sprintf("account%06d", i)
	}
	return names
}()

// transfer is the transaction all benchmarks measure: SAVEPOINT, two point
// UPDATEs, RELEASE, inside an open write transaction.
type transfer struct{ savepoint, update, release *Stmt }

func newTransfer(b testing.TB, c *Conn) transfer {
	return transfer{prepare(b, c, "SAVEPOINT tx"), prepare(b, c, "UPDATE account SET balance = balance + ?2 WHERE name = ?1"), prepare(b, c, "RELEASE tx")}
}

func (x transfer) run(i int) error {
	if _, err := x.savepoint.Step(); err != nil {
		return err
	}
	for j, delta := range [2]int64{-1, 1} {
		if err := x.update.BindText(1, benchNames[(i*7+j*13)%benchRows]); err != nil {
			return err
		}
		if err := x.update.BindInt64(2, delta); err != nil {
			return err
		}
		if _, err := x.update.Step(); err != nil {
			return err
		}
	}
	_, err := x.release.Step()
	return err
}

func benchmarkTransfer(b *testing.B, o Options, hook func(*Change)) {
	o.WAL = true
	c := openAt(b, filepath.Join(b.TempDir(), "a.db"), o, benchSchema)
	if hook != nil {
		check(b, c.SetPreupdate(hook))
	}
	x := newTransfer(b, c)
	check(b, c.Exec("BEGIN"))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		check(b, x.run(i))
		i++
	}
	check(b, c.Exec("COMMIT"))
}

func BenchmarkTransfer(b *testing.B) {
	b.Run("no hook", func(b *testing.B) { benchmarkTransfer(b, Options{NoPreupdate: true}, nil) })
	b.Run("hook silent", func(b *testing.B) { benchmarkTransfer(b, Options{}, nil) })
	b.Run("hook reading all", func(b *testing.B) {
		benchmarkTransfer(b, Options{}, func(ch *Change) {
			for i := range ch.Columns() {
				ch.Old(i)
				ch.New(i)
			}
		})
	})
	b.Run("database-sql", func(b *testing.B) {
		db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "a.db")+"?_pragma=journal_mode(WAL)")
		check(b, err)
		defer db.Close()
		_, err = db.Exec(benchSchema)
		check(b, err)
		tx, err := db.Begin()
		check(b, err)
		defer tx.Rollback()
		prep := func(q string) *sql.Stmt {
			s, err := tx.Prepare(q)
			check(b, err)
			return s
		}
		savepoint, update, release := prep("SAVEPOINT tx"), prep("UPDATE account SET balance = balance + ?2 WHERE name = ?1"), prep("RELEASE tx")
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			_, err := savepoint.Exec()
			check(b, err)
			for j, delta := range [2]int64{-1, 1} {
				_, err = update.Exec(benchNames[(i*7+j*13)%benchRows], delta)
				check(b, err)
			}
			_, err = release.Exec()
			check(b, err)
			i++
		}
	})
}

// BenchmarkParallelTransfers shows what databases of one process cost each
// other: ns/op is per transaction over all of them.
func BenchmarkParallelTransfers(b *testing.B) {
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var all []transfer
			for i := range n {
				c := openAt(b, filepath.Join(b.TempDir(), fmt.Sprint(i)), Options{WAL: true}, benchSchema, "BEGIN")
				all = append(all, newTransfer(b, c))
			}
			b.ResetTimer()
			var group sync.WaitGroup
			for _, x := range all {
				group.Go(func() {
					for i := range b.N / n {
						if err := x.run(i); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
		})
	}
}

func BenchmarkVirtualTable(b *testing.B) {
	c := open(b)
	check(b, c.CreateModule("numbers", numbers{}))
	check(b, c.Exec("CREATE VIRTUAL TABLE temp.n USING numbers(100000)"))
	s := prepare(b, c, "SELECT sum(n), sum(square) FROM n")
	b.ReportAllocs()
	for b.Loop() {
		_, err := s.Step()
		check(b, err)
		check(b, s.Reset())
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkScan(b *testing.B) {
	c := open(b, benchSchema)
	s := prepare(b, c, "SELECT name, balance FROM account")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for {
			row, err := s.Step()
			check(b, err)
			if !row {
				break
			}
			n += len(s.ColumnView(0)) + int(s.ColumnInt64(1)&1)
		}
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
}
