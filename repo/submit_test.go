package repo_test

import (
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// TestSubmit: bob may write on main and carol may not; alice, the producer, puts
// what they signed into a block.
func TestSubmit(t *testing.T) {
	s := begin(t, fixed(8))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	bob, carol := keyOf("bob"), keyOf("carol")
	if err := s.Direct(s.key, dd.Grant{Role: dd.Writer, Pattern: "main", Account: repo.AccountOf(bob)}); err != nil {
		t.Fatal(err)
	}
	sell := func(n int64) repo.Call {
		return repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": n}}
	}
	var txs []sqlcontract.Transaction
	add := func(tx sqlcontract.Transaction, err error) {
		if err != nil {
			t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	add(s.Sign(bob, sell(3)))
	add(s.Sign(carol, sell(1)))
	add(s.Sign(bob, sell(100)))
	add(s.Sign(bob, repo.Call{Contract: "shop", Action: "add_item", Args: args{"sku": "cup", "price": int64(1)}}))
	add(txs[0], nil) // again
	forged, err := s.Sign(bob, sell(2))
	if err != nil {
		t.Fatal(err)
	}
	forged.Arguments[len(forged.Arguments)-1] ^= 1
	add(forged, nil)
	// Bob makes no blocks of main himself.
	if _, err := s.Submit(ctx, bob, "", txs); code(err) != "AG0502" {
		t.Errorf("bob made a block of main: %v", err)
	}
	got, err := s.Submit(ctx, s.key, "", txs)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ admission, receipt string }{
		{"", ""}, {"AG0501", ""}, {"", "AG0411"}, {"", "AG0402"}, {"AG0432", ""}, {"AG0602", ""},
	} {
		if code(got[i].Err) != want.admission || got[i].Receipt.Code != want.receipt || got[i].Err == nil && got[i].Block != got[0].Block {
			t.Errorf("transaction %d: %v, %+v", i, got[i].Err, got[i].Receipt)
		}
	}
	if got := s.query("", "SELECT stock FROM shop.item"); got != "7\n" {
		t.Errorf("stock %s", got)
	}
	s.verify()
}
