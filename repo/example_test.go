package repo_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/aergo-git/aergo-git/repo"
)

// exampleLedger is a ledger with a fixed clock and fixed randomness, so that an
// example prints the same each time. A program gives repo.Options{}.
func exampleLedger() (*repo.Repository, func()) {
	dir, err := os.MkdirTemp("", "books")
	if err != nil {
		log.Fatal(err)
	}
	r, err := repo.Init(dir, keyOf("alice"), fixed(1))
	if err != nil {
		log.Fatal(err)
	}
	return r, func() { _ = r.Close(); _ = os.RemoveAll(dir) }
}

// stocked has the contract shop with ten packets of tea.
func stocked() (*repo.Repository, func()) {
	r, done := exampleLedger()
	if _, err := r.Deploy(ctx, keyOf("alice"), "", "shop", shop); err != nil {
		log.Fatal(err)
	}
	if _, err := r.Call(ctx, keyOf("alice"), repo.Call{Contract: "shop", Action: "add_item", Args: map[string]any{"sku": "tea", "price": int64(400), "stock": int64(10)}}); err != nil {
		log.Fatal(err)
	}
	return r, done
}

// A ledger is made, gets a contract, is written to by a signed call and read by
// SQL.
func Example() {
	dir, err := os.MkdirTemp("", "books")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	key, err := repo.NewKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := repo.Init(dir, key, repo.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	if _, err := r.Deploy(ctx, key, "", "shop", shop); err != nil {
		log.Fatal(err)
	}
	for _, c := range []repo.Call{
		{Contract: "shop", Action: "add_item", Args: map[string]any{"sku": "tea", "price": int64(400), "stock": int64(10)}},
		{Contract: "shop", Action: "sell", Args: map[string]any{"sku": "tea", "n": int64(2)}},
	} {
		res, err := r.Call(ctx, key, c)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Action, res.Receipt.Status, res.Receipt.Rows)
	}
	rows, err := r.Query(ctx, "", "SELECT sku, stock FROM shop.item")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		fmt.Println(rows.Values()...)
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// add_item ok []
	// sell ok [[800]]
	// tea 8
}

// What a contract refuses comes back as an error with a code; the attempt stands
// in the history.
func ExampleRepository_Call_refused() {
	r, done := stocked()
	defer done()
	res, err := r.Call(ctx, keyOf("alice"), repo.Call{Contract: "shop", Action: "sell", Args: map[string]any{"sku": "tea", "n": int64(0)}})
	var coded interface{ Code() string }
	fmt.Println(errors.As(err, &coded), coded.Code(), err)
	fmt.Println(res.Receipt.Status, !res.Block.IsZero())
	// Output:
	// true AG0410 sell at least one
	// failed true
}

// Two branches sell from one stock. The merge executes the branch's sales again
// where they go, and excludes the one for which nothing is left.
func ExampleRepository_Merge() {
	r, done := stocked()
	defer done()
	key := keyOf("alice")
	if _, err := r.CreateBranch("eu", "main", key, false); err != nil {
		log.Fatal(err)
	}
	sell := func(branch string, n int64) {
		if _, err := r.Call(ctx, key, repo.Call{Branch: branch, Contract: "shop", Action: "sell", Args: map[string]any{"sku": "tea", "n": n}}); err != nil {
			log.Fatal(err)
		}
	}
	sell("eu", 8)
	sell("eu", 1)
	sell("main", 5)
	m, err := r.Merge(ctx, key, "eu", repo.MergeOptions{Into: "main"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Kind, m.Included, "included,", m.Excluded, "excluded")
	for _, v := range m.Verdicts {
		fmt.Println(v.Text, v.Included, v.Code)
	}
	// Output:
	// automatic 1 included, 1 excluded
	// shop.sell(sku=tea, n=8) false AG0411
	// shop.sell(sku=tea, n=1) true
}

// Verify believes nothing but the ledger id; with Full it executes every
// transaction again.
func ExampleRepository_Verify() {
	r, done := stocked()
	defer done()
	report, err := r.Verify(ctx, repo.VerifyOptions{Full: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Blocks, "blocks,", report.Executed, "of", report.Transactions, "transactions executed again,", report.Signatures, "signatures")
	// Output:
	// 3 blocks, 2 of 2 transactions executed again, 5 signatures
}

// A proof of one row is checked by anybody who knows the ledger id, without the
// ledger.
func ExampleVerifyProof() {
	r, done := stocked()
	defer done()
	ledger := r.Ledger()
	proof, err := r.ProveRow(ctx, keyOf("alice"), "main", "shop", "item", []any{"tea"})
	if err != nil {
		log.Fatal(err)
	}

	rep, err := repo.VerifyProof(proof, &ledger)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Kind, rep.Branch, rep.Number, rep.Columns, rep.Row)

	proof[len(proof)/2] ^= 1
	_, err = repo.VerifyProof(proof, &ledger)
	fmt.Println(err != nil)
	// Output:
	// row main 2 [sku price stock] [tea 400 10]
	// true
}
