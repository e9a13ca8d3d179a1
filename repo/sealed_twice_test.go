package repo_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// sealAgain signs a transaction once more, by another key of its account.
func (s *story) sealAgain(tx sqlcontract.Transaction, next string) sqlcontract.Transaction {
	s.Helper()
	d, err := sign.KeyDescriptor(keyOf(next).Public().(ed25519.PublicKey))
	if err != nil {
		s.Fatal(err)
	}
	sig, err := sign.Sign(keyOf(next), sign.PurposeTransaction, s.Ledger(), tx.ID())
	if err != nil {
		s.Fatal(err)
	}
	seal, err := sign.MakeSeal(d, sig)
	if err != nil {
		s.Fatal(err)
	}
	if tx.Seal, err = seal.Bytes(); err != nil {
		s.Fatal(err)
	}
	return tx
}

// TestATransactionSealedTwice: bob signs a call, changes his keys, and signs it
// again. The id says by which keys it counts, so that two blocks with one list of
// transactions, of before and after, cannot need two seals for it.
func TestATransactionSealedTwice(t *testing.T) {
	sell := func(on string) repo.Call {
		return repo.Call{Branch: on, Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}, IdempotencyKey: "one"}
	}
	for _, kind := range []string{"automatic", "by cell"} {
		for _, from := range []string{"eu", "main"} {
			s := begin(t, fixed(95))
			s.deploy("", "shop", shop)
			s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
			s.grant(dd.Writer, "*", "bob")
			s.branch("eu")
			first, err := s.Sign(keyOf("bob"), sell("eu"))
			if err != nil {
				t.Fatal(err)
			}
			submit := func(into string, tx sqlcontract.Transaction, want string) {
				t.Helper()
				got, err := s.Submit(ctx, s.key, into, []sqlcontract.Transaction{tx})
				if err != nil || code(got[0].Err) != want {
					t.Errorf("%s, from %s, to %s: %v %v, want %q", kind, from, into, got, err, want)
				}
			}
			submit("eu", first, "")
			s.rotate("bob", "bob 2")
			submit("eu", s.sealAgain(first, "bob 2"), "AG0601")
			s.verify()

			// Signed anew it is another transaction, which counts instead.
			second, err := s.Sign(keyOf("bob 2"), sell("main"))
			if err != nil {
				t.Fatal(err)
			}
			submit("main", second, "")
			submit("main", s.sealAgain(second, "bob"), "AG0601")
			submit("eu", second, "AG0433")
			into := map[string]string{"eu": "main", "main": "eu"}[from]
			m := s.merge(from, into, repo.MergeOptions{Consistent: kind == "by cell", NoFF: true})
			if kind == "automatic" && (len(m.Verdicts) != 1 || m.Verdicts[0].Code != "AG0434") {
				t.Errorf("from %s: %+v", from, m.Verdicts)
			}
			if want := map[string]string{"eu": "not permitted item[tea] stock", "main": "twice item[tea] stock"}[from]; kind == "by cell" && conflictsOf(m) != want {
				t.Errorf("from %s: %q, want %q", from, conflictsOf(m), want)
			}
			s.verify()
		}
	}
}

// TestSealOfAnotherKeyInTheStore puts the second seal into the store, where the
// list of both blocks is one object: no block gets another meaning by it. A list
// that comes once more changes nothing there.
func TestSealOfAnotherKeyInTheStore(t *testing.T) {
	s := begin(t, fixed(97))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	s.grant(dd.Writer, "*", "bob")
	s.branch("eu")
	tx, err := s.Sign(keyOf("bob"), repo.Call{Branch: "eu", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(ctx, s.key, "eu", []sqlcontract.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	s.rotate("bob", "bob 2")
	again := s.sealAgain(tx, "bob 2")
	for _, c := range []struct {
		tx      sqlcontract.Transaction
		replace bool
		want    string
	}{{again, false, ""}, {again, true, "AG0603"}, {tx, false, "AG0603"}, {tx, true, ""}} {
		s.reopen(func(dir string) {
			f := newForger(t, dir)
			leaf, err := c.tx.Leaf()
			f.must(err)
			root := objectstore.ListRoot([]objectstore.Leaf{leaf})
			data, err := objectstore.EncodeList([]objectstore.Leaf{leaf})
			f.must(err)
			f.must(f.batch.Close())
			f.batch = f.db.NewBatch() // no forger's
			put := f.batch.Put
			if c.replace {
				put = f.batch.ReplaceBeside
			}
			got, err := put(objectstore.KindTransactionList, data)
			f.must(err)
			if got != root {
				t.Error("the list has another id")
			}
			f.must(f.batch.Commit())
			f.must(f.batch.Close())
			f.must(f.db.Close())
		})
		for _, full := range []bool{false, true} {
			if _, err := s.Verify(ctx, repo.VerifyOptions{Full: full}); code(err) != c.want {
				t.Errorf("full %v: %v, want %q", full, err, c.want)
			}
		}
		if c.want != "" || !c.replace {
			continue
		}
		if m := s.merge("eu", "main", repo.MergeOptions{NoFF: true}); len(m.Verdicts) != 1 || m.Verdicts[0].Code != "AG0506" {
			t.Errorf("%+v", m)
		}
	}
	s.verify()
}
