package main

import (
	"context"
	"crypto"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the named alternative

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

const transferSource = `
DIALECT 1;
CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
CREATE ACTION fill(:from INTEGER, :n INTEGER, :balance INTEGER) OWNER AS
BEGIN
  INSERT INTO account
  WITH RECURSIVE c(i) AS (SELECT :from UNION ALL SELECT i + 1 FROM c WHERE i < :from + :n - 1) SELECT i, :balance FROM c;
END;
CREATE ACTION transfer(:from INTEGER, :to INTEGER, :n INTEGER) PUBLIC AS
BEGIN
  UPDATE account SET balance = balance - :n WHERE id = :from;
  UPDATE account SET balance = balance + :n WHERE id = :to;
END;
`

// transfers measures signed transfers of two rows in blocks of 1000, each block
// synced, against plain SQLite through database/sql with one synced transaction
// for each transfer, and for each 1000.
func transfers(b *bench) error {
	for _, rows := range []int{10_000, 1_000_000} {
		name := map[int]string{10_000: "10k", 1_000_000: "1M"}[rows]
		ours, err := ourTransfers(b, name, rows, 20_000)
		if err != nil {
			return err
		}
		for _, n := range []int{1, 1000} {
			theirs, err := sqliteTransfers(b, rows, 10_000, n)
			if err != nil {
				return err
			}
			figure(fmt.Sprintf("plain SQLite, %s rows, synced every %d", name, n), perSecond(1, theirs), fmt.Sprintf("ours / theirs = %.2f", float64(theirs)/float64(ours)))
		}
	}
	return nil
}

// ourTransfers gives the time of one transfer.
func ourTransfers(b *bench, name string, rows, n int) (time.Duration, error) {
	dir, err := b.fresh()
	if err != nil {
		return 0, err
	}
	ctx := context.Background()
	key, err := repo.NewKey(nil)
	if err != nil {
		return 0, err
	}
	r, err := repo.Init(dir, key, repo.Options{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if _, err := r.Deploy(ctx, key, "", "money", transferSource); err != nil {
		return 0, err
	}
	const chunk = 10_000
	for at := 0; at < rows; at += chunk {
		c := repo.Call{Contract: "money", Action: "fill", GasLimit: sqlcontract.MaxGas,
			Args: map[string]any{"from": int64(at), "n": int64(min(chunk, rows-at)), "balance": int64(1_000_000)}}
		if _, err := r.Call(ctx, key, c); err != nil {
			return 0, err
		}
	}
	load := func(n int) (time.Duration, error) { return loadTransfers(ctx, r, key, rows, n) }
	if _, err := load(2000); err != nil { // warm
		return 0, err
	}
	before := size(filepath.Join(dir, ".aergo", "db"))
	took, err := load(n)
	if err != nil {
		return 0, err
	}
	grown := size(filepath.Join(dir, ".aergo", "db")) - before
	figure("signed transfers in blocks of 1000, "+name+" rows", perSecond(n, took), fmt.Sprintf("%.0f us each; %d bytes of Pebble each before compaction", float64(took.Microseconds())/float64(n), grown/int64(n)))
	return took / time.Duration(n), nil
}

func loadTransfers(ctx context.Context, r *repo.Repository, key crypto.Signer, rows, n int) (time.Duration, error) {
	var failed error
	w, err := r.NewWriter(key, "", 1000, func(_ int, _ repo.Result, err error) {
		if err != nil && failed == nil {
			failed = err
		}
	})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for i := range n {
		from := rand.IntN(rows)
		c := repo.Call{Contract: "money", Action: "transfer", Args: map[string]any{"from": int64(from), "to": int64((from + 1 + rand.IntN(rows-1)) % rows), "n": int64(1)}}
		if err := w.Add(ctx, i, c); err != nil {
			return 0, err
		}
	}
	if err := w.Close(ctx); err != nil {
		return 0, err
	}
	return time.Since(began), failed
}

// sqliteTransfers gives the time of one transfer in plain SQLite.
func sqliteTransfers(b *bench, rows, n, perCommit int) (time.Duration, error) {
	dir, err := b.fresh()
	if err != nil {
		return 0, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "plain.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0)) STRICT, WITHOUT ROWID;
		WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < ` + fmt.Sprint(rows-1) + `) INSERT INTO account SELECT i, 1000000 FROM c`); err != nil {
		return 0, err
	}
	began := time.Now()
	for done := 0; done < n; done += perCommit {
		tx, err := db.Begin()
		if err != nil {
			return 0, err
		}
		minus, err := tx.Prepare("UPDATE account SET balance = balance - 1 WHERE id = ?")
		if err != nil {
			return 0, err
		}
		plus, err := tx.Prepare("UPDATE account SET balance = balance + 1 WHERE id = ?")
		if err != nil {
			return 0, err
		}
		for range perCommit {
			from := rand.IntN(rows)
			if _, err := minus.Exec(from); err != nil {
				return 0, err
			}
			if _, err := plus.Exec((from + 1) % rows); err != nil {
				return 0, err
			}
		}
		if err := tx.Commit(); err != nil {
			return 0, err
		}
	}
	return time.Since(began) / time.Duration(n), nil
}
