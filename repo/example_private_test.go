package repo_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/aergo-git/aergo-git/repo"
)

// A private branch: bob goes on from alice's ledger, and gives a call back.
func ExampleInitPrivate() {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "ledgers")
	check(err)
	defer os.RemoveAll(dir)
	alice, bob := keyOf("alice"), keyOf("bob")

	shopDir := filepath.Join(dir, "shop")
	shopLedger, err := repo.Init(shopDir, alice, repo.Options{})
	check(err)
	_, err = shopLedger.Deploy(ctx, alice, "", "shop", shop)
	check(err)
	_, err = shopLedger.Call(ctx, alice, repo.Call{Contract: "shop", Action: "add_item", Args: map[string]any{"sku": "tea", "price": int64(400), "stock": int64(10)}})
	check(err)
	check(shopLedger.GrantRole(ctx, alice, "writer", "main", repo.AccountOf(bob)))
	ledger := shopLedger.Ledger()
	check(shopLedger.Close()) // one process has a ledger open at a time

	mine, did, err := repo.InitPrivate(ctx, filepath.Join(dir, "mine"), bob, repo.From{Path: shopDir, Ledger: &ledger}, repo.Options{})
	check(err)
	defer mine.Close()
	fmt.Println("executed again:", did.Executed, "blocks:", did.Verification.Blocks)
	res, err := mine.Call(ctx, bob, repo.Call{Contract: "shop", Action: "sell", Args: map[string]any{"sku": "tea", "n": int64(2)}})
	check(err)
	txs, err := mine.Give(bob, "", []string{res.Transaction.String()})
	check(err)

	shopLedger, err = repo.Open(shopDir, repo.Options{})
	check(err)
	defer shopLedger.Close()
	answers, err := shopLedger.Submit(ctx, alice, "main", txs)
	check(err)
	info, err := shopLedger.Transaction(answers[0].Transaction.String())
	check(err)
	fmt.Println(info.Text, "repeats bob's:", info.Provenance == res.Transaction)
	// Output:
	// executed again: true blocks: 3
	// shop.sell(sku=tea, n=2) repeats bob's: true
}
