package repo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/repo"
)

const filler = `
DIALECT 1;
CREATE TABLE cell (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, note TEXT NOT NULL);
CREATE ACTION fill(:from INTEGER, :n INTEGER) PUBLIC AS
BEGIN
  WITH RECURSIVE i(id) AS (SELECT :from UNION ALL SELECT id + 1 FROM i WHERE id + 1 < :from + :n)
  INSERT INTO cell SELECT id, id * 7, 'the note of ' || id FROM i WHERE 1 ON CONFLICT(id) DO UPDATE SET amount = amount + 1;
END;
`

// BenchmarkHistory reads the history of a ledger with a given number of row
// changes, of which each transaction makes a given number.
func BenchmarkHistory(b *testing.B) {
	for _, size := range []struct{ rows, each, block int }{{1_000_000, 500, 20}, {100_000, 1, 1000}, {10_000, 1, 1}} {
		r, err := repo.Init(b.TempDir(), keyOf("alice"), repo.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Deploy(ctx, keyOf("alice"), "", "filler", filler); err != nil {
			b.Fatal(err)
		}
		w, err := r.NewWriter(keyOf("alice"), "", size.block, func(_ int, _ repo.Result, err error) {
			if err != nil {
				b.Error(err)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		for i := range size.rows / size.each {
			from := i * size.each % (size.rows / 2) // each row is written twice
			if err := w.Add(ctx, i, repo.Call{Contract: "filler", Action: "fill", Args: args{"from": int64(from), "n": int64(size.each)}}); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(ctx); err != nil {
			b.Fatal(err)
		}
		for _, sql := range []string{
			"SELECT count(*) FROM history('filler.cell')",
			"SELECT sum(number), max(new) FROM history('filler.cell')",
			"SELECT sum(length(new)), sum(length(old)), max(account), max(tx), max(key) FROM history('filler.cell')",
			"SELECT count(*) FROM history('filler.cell', 77)",
			"SELECT count(*), max(tx), max(account) FROM blame('filler.cell')",
			"SELECT count(*) FROM diff('filler.cell', 'main#1')",
			"SELECT count(*) FROM txs()",
			"SELECT count(*), max(args), max(account), sum(gas) FROM txs()",
			"SELECT count(*) FROM events()",
			"SELECT count(*) FROM log()",
		} {
			b.Run(fmt.Sprintf("%d/%d/%s", size.rows, size.each, sql), func(b *testing.B) {
				start := time.Now()
				for range b.N {
					rows, err := r.Query(ctx, "", sql)
					if err != nil {
						b.Fatal(err)
					}
					for rows.Next() {
					}
					if rows.Err() != nil {
						b.Fatal(rows.Err())
					}
					rows.Close()
				}
				b.ReportMetric(float64(size.rows*b.N)/time.Since(start).Seconds(), "changes/s")
			})
		}
		r.Close()
	}
}
