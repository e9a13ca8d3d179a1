package repo_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (s *story) rotate(old, next string) {
	s.Helper()
	d, err := sign.KeyDescriptor(keyOf(next).Public().(ed25519.PublicKey))
	if err != nil {
		s.Fatal(err)
	}
	account, err := s.AccountFor(keyOf(old))
	if err != nil {
		s.Fatal(err)
	}
	op := dd.SetKeys{Account: account, Descriptor: d.Bytes()}
	if old == "alice" {
		err = s.Direct(keyOf(old), op)
	} else {
		err = s.Order(s.key, keyOf(old), op)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// TestKeysChange: bob, a writer, and alice, the owner and producer, change their
// keys. What was signed before stays valid; nothing new is signed by an old key.
func TestKeysChange(t *testing.T) {
	s := begin(t, fixed(31))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	s.grant(dd.Writer, "*", "bob")
	sell := repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}
	sign := func(name string) sqlcontract.Transaction {
		t.Helper()
		tx, err := s.Sign(keyOf(name), sell)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	submit := func(want string, txs ...sqlcontract.Transaction) {
		t.Helper()
		got, err := s.Submit(ctx, s.key, "", txs)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range got {
			if code(a.Err) != want {
				t.Errorf("got %v, want %q", a.Err, want)
			}
		}
	}
	submit("", sign("bob"))
	before, after := sign("bob"), sign("bob")
	if _, err := s.CreateBranch("work", "", keyOf("bob"), false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Call(ctx, keyOf("bob"), repo.Call{Branch: "work", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(5)}}); err != nil {
		t.Fatal(err)
	}
	submit("", before)
	s.rotate("bob", "bob 2")
	submit("AG0506", after) // signed in time, but it runs too late
	submit("AG0501", sign("bob 3"))
	submit("", sign("bob 2"))
	if got := s.query("", "SELECT count(DISTINCT account) FROM aergo_seen.seen WHERE account = '"+string(repo.AccountOf(keyOf("bob")))+"'"); got != "1\n" {
		t.Errorf("bob's calls are of %s accounts", got)
	}
	if _, err := s.Call(ctx, keyOf("bob 2"), repo.Call{Branch: "work", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(2)}}); err != nil {
		t.Errorf("bob cannot go on with his branch: %v", err)
	}
	s.verify()

	// A merge runs the transactions again, at a directory block with the new key.
	res, err := s.Merge(ctx, s.key, "work", repo.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Included != 1 || len(res.Verdicts) != 2 || res.Verdicts[0].Code != "AG0506" {
		t.Errorf("verdicts %+v", res.Verdicts)
	}

	// Alice's turn.
	s.rotate("alice", "alice 2")
	old := s.key
	for what, try := range map[string]func() error{
		"call":    func() error { _, err := s.Call(ctx, old, sell); return err },
		"submit":  func() error { _, err := s.Submit(ctx, old, "", []sqlcontract.Transaction{sign("bob 2")}); return err },
		"tag":     func() error { _, err := s.Tag(ctx, old, "v1", "", ""); return err },
		"branch":  func() error { _, err := s.CreateBranch("new", "", old, false); return err },
		"publish": func() error { _, err := s.ProveRow(ctx, old, "", "shop", "item", []any{"tea"}); return err },
		"merge":   func() error { _, err := s.Merge(ctx, old, "work", repo.MergeOptions{}); return err },
	} {
		if err := try(); err == nil {
			t.Errorf("%s with the old key", what)
		}
	}
	s.key = keyOf("alice 2")
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if _, err := s.Tag(ctx, s.key, "v1", "", ""); err != nil {
		t.Error(err)
	}
	proof, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.VerifyProof(proof, nil); err != nil {
		t.Error(err)
	}
	s.verify()
	for _, full := range []bool{false, true} {
		if _, err := s.Verify(ctx, repo.VerifyOptions{Full: full}); err != nil {
			t.Errorf("full %v: %v", full, err)
		}
	}
}

// TestForgedKeys puts blocks and transactions by replaced keys straight into the
// store.
func TestForgedKeys(t *testing.T) {
	for name, forge := range map[string]func(f *forger){
		"a block by its producer's old key": func(f *forger) {
			f.publish(f.child(), keyOf("alice"))
		},
		"a transaction by an old key": func(f *forger) {
			tx := f.sign(f.head.Ledger, objectstore.Hash{}, keyOf("alice"), time.UnixMilli(f.head.Time))
			block := f.publishBy(f.child(tx), "alice 2")
			id := objectstore.Sum(objectstore.KindTransaction, tx.Data)
			f.must(f.batch.SetIndex(append(append([]byte("tx/"), id[:]...), block[:]...), make([]byte, 4)))
		},
	} {
		s := begin(t, fixed(32))
		s.deploy("", "shop", shop)
		s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
		if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
			t.Fatal(err)
		}
		s.rotate("alice", "alice 2")
		s.key = keyOf("alice 2")
		s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
		s.reopen(func(dir string) {
			f := newForger(t, dir)
			forge(f)
			f.must(f.batch.Commit())
			f.must(f.batch.Close())
			f.must(f.db.Close())
		})
		if _, err := s.Verify(ctx, repo.VerifyOptions{}); code(err) != "AG0603" {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Log(err)
		}
		if txs, err := s.Transactions("main"); err != nil {
			t.Fatal(err)
		} else if len(txs) > 0 { // the producer can publish it, but nobody takes a proof of it
			proof, err := s.ProveTransaction(ctx, s.key, s.Inspect(txs)[0].Summary.Transaction.String())
			if err != nil {
				t.Fatal(err)
			}
			_, err = repo.VerifyProof(proof, nil)
			s.wants("AG0604", err)
		}
		_ = s.Close()
	}
}

// publishBy makes the block the head of main, signed by alice's present key.
func (f *forger) publishBy(h branch.Header, key string) objectstore.Hash {
	f.t.Helper()
	d, err := sign.KeyDescriptor(keyOf(key).Public().(ed25519.PublicKey))
	f.must(err)
	block, err := branch.NewBlock(h)
	f.must(err)
	seal, err := branch.SignBlock(block, d.Bytes(), keyOf(key))
	f.must(err)
	data, err := h.Encode()
	f.must(err)
	id, err := f.batch.Put(objectstore.KindBlock, data)
	f.must(err)
	f.must(f.batch.PutSeal(id, seal))
	f.must(branch.Advance(f.batch, f.main.ID, f.head.ID, id))
	return id
}

// TestAStolenKeyIsStopped: alice's old key makes a block that names a directory
// block of when it was hers. Verify takes it until the key is revoked; what was
// accepted before stays good.
func TestAStolenKeyIsStopped(t *testing.T) {
	s := begin(t, fixed(33))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	accepted, err := s.Resolve("")
	if err != nil {
		t.Fatal(err)
	}
	main := s.branchID("main")
	account := repo.AccountOf(s.key)
	revoke := func() {
		t.Helper()
		s.rotate("alice", "alice 2")
		s.key = keyOf("alice 2")
		if err := s.Direct(s.key, dd.RevokeKey{Account: account, Key: keyOf("alice").Public().(ed25519.PublicKey),
			Last: []dd.Last{{Branch: main, Block: accepted}}}); err != nil {
			t.Fatal(err)
		}
	}
	stolen := func(f *forger) { // names the old directory block of its parent
		f.publish(f.child(), keyOf("alice"))
	}
	dir := s.dir
	s.reopen(func(string) {
		f := newForger(t, dir)
		stolen(f)
		f.must(f.batch.Commit())
		f.must(f.batch.Close())
		f.must(f.db.Close())
	})
	if _, err := s.Verify(ctx, repo.VerifyOptions{}); err != nil {
		t.Errorf("before the revocation: %v", err)
	}
	revoke()
	if _, err := s.Verify(ctx, repo.VerifyOptions{}); code(err) != "AG0603" || !strings.Contains(err.Error(), "was revoked") {
		t.Errorf("after the revocation: %v", err)
	}

	// The same without the thief: all that the old key did stays good, and the
	// new one goes on. An anchor holds the branch.
	s = begin(t, fixed(33))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	if accepted, err = s.Resolve(""); err != nil {
		t.Fatal(err)
	}
	main, account = s.branchID("main"), repo.AccountOf(s.key)
	revoke()
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	head, err := s.Resolve("")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Direct(s.key, dd.AnchorBranch{Branch: main, Block: head, Number: 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
		t.Error(err)
	}
	if err := s.Direct(s.key, dd.AnchorBranch{Branch: main, Block: objectstore.Hash{1}, Number: 3, Sequence: 1}); code(err) != "AG0605" {
		t.Errorf("an anchor was moved: %v", err)
	}
}

func (s *story) branchID(name string) objectstore.Hash {
	s.Helper()
	branches, err := s.Branches()
	if err != nil {
		s.Fatal(err)
	}
	for _, b := range branches {
		if b.Name == name {
			return b.ID
		}
	}
	s.Fatalf("no branch %s", name)
	return objectstore.Hash{}
}

// A merge by cell asks what an automatic one asks: whose keys signed, as the
// directory knows them now. What bob signed by a key that he has replaced, or
// that was revoked, is not permitted; what he signed since is.
func TestMergeByCellOfReplacedKeys(t *testing.T) {
	for what, replace := range map[string]func(s *story){
		"replaced": func(s *story) { s.rotate("bob", "bob2") },
		"revoked": func(s *story) {
			s.rotate("bob", "bob2")
			account, err := s.AccountFor(keyOf("bob2"))
			if err != nil {
				t.Fatal(err)
			}
			accepted, err := s.Resolve("eu")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Direct(s.key, dd.RevokeKey{Account: account, Key: keyOf("bob").Public().(ed25519.PublicKey), Last: []dd.Last{{Branch: s.branchID("eu"), Block: accepted}}}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		s := begin(t, fixed(33))
		s.deploy("", "box", box)
		s.grant(dd.Writer, "*", "bob")
		s.play("main put id=a\nmain put id=b\nmain flag id=x v=1")
		if _, err := s.CreateBranch("eu", "main~1", keyOf("bob"), false); err != nil {
			t.Fatal(err)
		}
		s.play("bob@eu bare id=a v=5")
		replace(s)
		s.play("bob2@eu zero id=b v=3")
		m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
		if want := "not permitted box[a] bare"; conflictsOf(m) != want {
			t.Fatalf("%s: %q, want %q", what, conflictsOf(m), want)
		}
		if m, err := s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Ours}); err != nil || m.Block.IsZero() {
			t.Fatalf("%s: %+v %v", what, m, err)
		}
		if got := s.query("", "SELECT bare, zero FROM box.box ORDER BY id"); got != "0|0\n0|3\n" {
			t.Errorf("%s: %s", what, got)
		}
		s.verify()
	}
}

// TestRevocationAmongManyBranches: a revocation lists MaxLast branches at most, so it
// lists those on which the account signed what main does not have.
func TestRevocationAmongManyBranches(t *testing.T) {
	s := begin(t, fixed(34))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	s.grant(dd.Producer, "*", "bob")
	bob := keyOf("bob")
	for i := range dd.MaxLast + 3 {
		if _, err := s.CreateBranch(fmt.Sprintf("b/%d", i), "main", bob, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"b/3", "b/361"} {
		if _, err := s.Call(ctx, bob, repo.Call{Branch: name, Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}); err != nil {
			t.Fatal(err)
		}
	}
	s.merge("b/3", "main", repo.MergeOptions{})
	d, err := sign.KeyDescriptor(bob.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	s.rotate("bob", "bob 2")
	change, kept, err := s.RevocationOf(dd.Identity{Name: "bob", Account: repo.AccountOf(bob), Descriptor: d.Bytes()}, repo.Revoking{Key: repo.PublicKey(bob, "")})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range kept {
		names = append(names, k.Branch)
	}
	if got := strings.Join(names, " "); got != "main b/361" {
		t.Errorf("it lists %s", got)
	}
	if err := s.Change(ctx, s.key, change); err != nil {
		t.Fatal(err)
	}
	s.verify()
}
