// Command embed is a program of somebody else's module that keeps its books in
// a ledger: it makes one, deploys a contract, calls it, branches, merges,
// verifies everything and proves a row. It names no internal package.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/aergo-git/aergo-git/repo"
)

const counter = `
DIALECT 1;
CREATE TABLE counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n >= 0));
CREATE ACTION add(:name TEXT, :n INTEGER DEFAULT 1) PUBLIC RETURNS (n INTEGER) AS
BEGIN
  INSERT INTO counter VALUES (:name, :n) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n;
  RETURN SELECT n FROM counter WHERE name = :name;
END;
`

func main() {
	dir, err := os.MkdirTemp("", "embed")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), dir); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	key, err := repo.NewKey(nil)
	if err != nil {
		return err
	}
	r, err := repo.Init(dir, key, repo.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.Deploy(ctx, key, "", "visits", counter); err != nil {
		return err
	}
	add := func(branch string, n int64) error {
		res, err := r.Call(ctx, key, repo.Call{Branch: branch, Contract: "visits", Action: "add", Args: map[string]any{"name": "front door", "n": n}})
		if err != nil {
			return err
		}
		fmt.Printf("block %s on %s: %v visits\n", res.Block.Short(), res.Branch, res.Receipt.Rows[0][0])
		return nil
	}
	if err := add("", 3); err != nil {
		return err
	}
	if _, err := r.CreateBranch("evening", "main", key, false); err != nil {
		return err
	}
	if err := errors.Join(add("evening", 4), add("", 5)); err != nil {
		return err
	}
	// A refusal is an error with a stable code.
	err = add("", -100)
	var coded interface{ Code() string }
	if !errors.As(err, &coded) {
		return fmt.Errorf("a negative count was not refused: %w", err)
	}
	fmt.Printf("refused with %s: %v\n", coded.Code(), err)

	m, err := r.Merge(ctx, key, "evening", repo.MergeOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("merged: %d included, %d excluded\n", m.Included, m.Excluded)

	rows, err := r.Query(ctx, "", "SELECT name, n FROM visits.counter")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		fmt.Println("row:", rows.Values())
	}
	if err := rows.Err(); err != nil {
		return err
	}
	report, err := r.Verify(ctx, repo.VerifyOptions{Full: true})
	if err != nil {
		return err
	}
	fmt.Printf("verified: %d blocks, %d transactions executed again\n", report.Blocks, report.Executed)

	proof, err := r.ProveRow(ctx, key, "", "visits", "counter", []any{"front door"})
	if err != nil {
		return err
	}
	ledger := r.Ledger()
	proven, err := repo.VerifyProof(proof, &ledger)
	if err != nil {
		return err
	}
	fmt.Printf("proven by %d bytes: %v = %v\n", len(proof), proven.Columns, proven.Row)
	return nil
}
