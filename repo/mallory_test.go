package repo_test

import (
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// town is a ledger with a registered branch eu, on which mallory may write below
// m/ and nowhere else.
func town(t *testing.T, seed uint64) *story {
	t.Helper()
	s := begin(t, fixed(seed))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	for _, name := range []string{"eu", "m/taken"} {
		if _, err := s.CreateBranch(name, "", s.key, false); err != nil {
			t.Fatal(err)
		}
		if err := s.RegisterBranch(ctx, s.key, name); err != nil {
			t.Fatal(err)
		}
	}
	s.grant(dd.Writer, "m/*", "mallory")
	s.call("eu", "shop", "sell", args{"sku": "tea", "n": int64(3)})
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(2)})
	return s
}

func (s *story) grant(role dd.Role, pattern, name string) {
	s.Helper()
	if err := s.Direct(s.key, dd.Grant{Role: role, Pattern: pattern, Account: repo.AccountOf(keyOf(name))}); err != nil {
		s.Fatal(err)
	}
}

// everything is what the ledger shows: branches, tags, directory and rows.
func (s *story) everything() string {
	s.Helper()
	branches, err := s.Branches()
	if err != nil {
		s.Fatal(err)
	}
	tags, err := s.Tags()
	if err != nil {
		s.Fatal(err)
	}
	out := fmt.Sprint(branches, tags, s.Current())
	for _, b := range branches {
		out += s.query(b.Name, "SELECT * FROM shop.item ORDER BY sku") + s.query(b.Name, "SELECT count(*) FROM aergo_seen.seen")
	}
	return out
}

// TestMalloryIsRefused lets mallory try every way into the ledger with her own
// key.
func TestMalloryIsRefused(t *testing.T) {
	s := town(t, 11)
	mallory := keyOf("mallory")
	if _, err := s.CreateBranch("m/x", "", mallory, false); err != nil {
		t.Fatal(err) // this one she may
	}
	sell := repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}
	on := func(branch string) repo.Call { c := sell; c.Branch = branch; return c }
	tries := []struct {
		what, codes string
		try         func() error
	}{
		{"call on main", "AG05", func() error { _, err := s.Call(ctx, mallory, on("")); return err }},
		{"call on eu", "AG05", func() error { _, err := s.Call(ctx, mallory, on("eu")); return err }},
		{"call on alice's branch below her pattern", "AG05", func() error { _, err := s.Call(ctx, mallory, on("m/taken")); return err }},
		{"writer", "AG05", func() error {
			w, err := s.NewWriter(mallory, "", 1, func(int, repo.Result, error) {})
			if err != nil {
				return err
			}
			_ = w.Add(ctx, 1, sell) // Close tells
			return w.Close(ctx)
		}},
		{"deploy a new contract", "AG05", func() error { _, err := s.Deploy(ctx, mallory, "", "mine", shop); return err }},
		{"deploy over alice's", "AG05", func() error { _, err := s.Deploy(ctx, mallory, "", "shop", shop+"-- mine\n"); return err }},
		{"branch outside her pattern", "AG05", func() error { _, err := s.CreateBranch("us", "", mallory, false); return err }},
		{"branch under a registered name", "AG0504", func() error { _, err := s.CreateBranch("m/taken", "", mallory, false); return err }},
		{"branch called main", "AG0504", func() error { _, err := s.CreateBranch("main", "", mallory, false); return err }},
		{"merge into main", "AG05", func() error { _, err := s.Merge(ctx, mallory, "m/x", repo.MergeOptions{}); return err }},
		{"merge eu into main", "AG05", func() error { _, err := s.Merge(ctx, mallory, "eu", repo.MergeOptions{}); return err }},
		{"tag", "AG05", func() error { _, err := s.Tag(ctx, mallory, "v1", "", "mine"); return err }},
		{"tag her branch", "AG05", func() error { _, err := s.Tag(ctx, mallory, "v1", "m/x", "mine"); return err }},
		{"register", "AG05", func() error { return s.RegisterBranch(ctx, mallory, "m/x") }},
		{"rename over main", "AG0702", func() error { return s.RenameBranch("m/x", "main") }},
		{"rename main away", "AG0704", func() error { return s.RenameBranch("main", "m/y") }},
		{"delete main", "AG0704", func() error { return s.DeleteBranch("main", true) }},
		{"grant herself", "AG05", func() error {
			return s.Direct(mallory, dd.Grant{Role: dd.Admin, Pattern: "*", Account: repo.AccountOf(mallory)})
		}},
		{"prove main", "AG05", func() error { _, err := s.ProveRow(ctx, mallory, "", "shop", "item", []any{"tea"}); return err }},
		{"no key", "AG0", func() error { _, err := s.Call(ctx, nil, sell); return err }},
	}
	before := s.everything()
	for _, try := range tries {
		err := try.try()
		if err == nil || !strings.HasPrefix(code(err), try.codes) {
			t.Errorf("%s: %q %v, want %s", try.what, code(err), err, try.codes)
		}
		if after := s.everything(); after != before {
			t.Fatalf("%s changed something:\n%s\n%s", try.what, before, after)
		}
	}

	// On her own branch she may write, but not act as alice.
	for _, try := range []struct {
		what string
		try  func() (repo.Result, error)
	}{
		{"deploy over alice's", func() (repo.Result, error) { return s.Deploy(ctx, mallory, "m/x", "shop", shop+"-- mine\n") }},
		{"alice's action", func() (repo.Result, error) {
			return s.Call(ctx, mallory, repo.Call{Branch: "m/x", Contract: "shop", Action: "add_item", Args: args{"sku": "gold", "price": int64(1)}})
		}},
		{"a system contract", func() (repo.Result, error) { return s.Deploy(ctx, mallory, "m/x", "aergo_seen", shop) }},
	} {
		rows := s.query("m/x", "SELECT * FROM shop.item")
		res, err := try.try()
		if err == nil || res.Receipt.Status == sqlcontract.StatusOK {
			t.Errorf("%s on her branch: %+v", try.what, res)
		}
		if now := s.query("m/x", "SELECT * FROM shop.item"); now != rows {
			t.Errorf("%s on her branch changed rows: %s", try.what, now)
		}
	}
	// A name that the directory knows is not hers, though it is free here.
	if err := s.DeleteBranch("m/taken", true); err != nil { // here alone
		t.Fatal(err)
	}
	if _, err := s.CreateBranch("m/taken", "", mallory, false); code(err) != "AG0504" {
		t.Errorf("a branch under a registered name: %v", err)
	}
	s.verify()
}

// TestWorkOfOthersStaysGood holds that what was right when it was made stays
// right for Verify: after a merge, when the name of the branch is gone, and when
// the right is taken back.
func TestWorkOfOthersStaysGood(t *testing.T) {
	s := town(t, 12)
	bob := keyOf("bob")
	s.grant(dd.Writer, "b/*", "bob")
	s.grant(dd.Writer, "main", "bob")
	if _, err := s.CreateBranch("b/1", "", bob, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Call(ctx, bob, repo.Call{Branch: "b/1", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}); err != nil {
		t.Fatal(err)
	}
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	m, err := s.Merge(ctx, s.key, "b/1", repo.MergeOptions{})
	if err != nil || m.Included != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	s.verify()
	if err := s.RenameBranch("b/1", "old"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
		t.Errorf("after bob's branch was renamed here: %v", err)
	}
	if err := s.DeleteBranch("old", false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
		t.Errorf("after bob's branch was deleted here: %v", err)
	}
	for _, pattern := range []string{"b/*", "main"} {
		if err := s.Direct(s.key, dd.Revoke{Role: dd.Writer, Pattern: pattern, Account: repo.AccountOf(bob)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
		t.Errorf("after bob's right was taken back: %v", err)
	}
}

// forger makes blocks that an honest repository would not make and puts them
// into its store as the head of main.
type forger struct {
	t      *testing.T
	db     *objectstore.DB
	batch  objectstore.Batch
	engine *sqlcontract.Engine
	main   branch.Record
	eu     branch.Record
	head   branch.Block // of main
	tx     sqlcontract.Transaction
	quiet  bool // move tells Open that the head stood there
}

// tampering is a batch that replaces what stands beside a stored list.
type tampering struct{ objectstore.Batch }

func (b tampering) Put(kind objectstore.Kind, data []byte) (objectstore.Hash, error) {
	if kind == objectstore.KindTransactionList {
		return b.ReplaceBeside(kind, data)
	}
	return b.Batch.Put(kind, data)
}

func newForger(t *testing.T, dir string) *forger {
	t.Helper()
	f := &forger{t: t}
	var err error
	if f.db, err = objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash}); err != nil {
		t.Fatal(err)
	}
	f.batch, f.engine = tampering{f.db.NewBatch()}, sqlcontract.NewEngine(f.db)
	f.main, err = branch.Lookup(f.db, "main")
	f.must(err)
	f.eu, err = branch.Lookup(f.db, "eu")
	f.must(err)
	id, err := branch.Head(f.db, f.main.ID)
	f.must(err)
	f.head, err = branch.Read(f.db, id)
	f.must(err)
	leaves, err := branch.ReadList(f.db, objectstore.KindTransactionList, f.head.Transactions)
	f.must(err)
	f.tx, err = sqlcontract.FromLeaf(leaves[0])
	f.must(err)
	return f
}

func (f *forger) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// sign makes a sell call of the key's account.
func (f *forger) sign(ledger, branch objectstore.Hash, key crypto.Signer, created time.Time) sqlcontract.Transaction {
	f.t.Helper()
	tx, err := sqlcontract.New(sqlcontract.Request{
		Kind: sqlcontract.KindCall, Ledger: ledger, Branch: branch, Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)},
		Account: repo.AccountOf(key), Created: created,
	}, key, fixed(77).Random)
	f.must(err)
	return tx
}

// child is a block on the head of main with transactions that all succeeded and
// changed no row; its roots agree with one another.
func (f *forger) child(txs ...sqlcontract.Transaction) branch.Header {
	f.t.Helper()
	var receipts []sqlcontract.Receipt
	for _, tx := range txs {
		receipts = append(receipts, sqlcontract.Receipt{Transaction: tx.ID(), Status: sqlcontract.StatusOK})
	}
	h := f.head.Header
	h.Parents, h.MergeRecord = []objectstore.Hash{f.head.ID}, objectstore.Hash{}
	h.Number, h.Generation = branch.Child(f.head.Header)
	h.Time++
	sealed, err := f.engine.Rebuild(f.head.State, h.Time, txs, receipts, nil)
	f.must(err)
	f.must(sealed.WriteTo(f.batch))
	h.State = sealed.State
	h.Transactions = branch.List{Root: sealed.Transactions, Count: sealed.Count}
	h.Receipts = branch.List{Root: sealed.Receipts, Count: sealed.Count}
	h.Changes = branch.List{Root: sealed.Changes, Count: sealed.Leaves}
	return h
}

// publish makes the block the head of main, signed by a key, or with another
// block's seal when there is none.
func (f *forger) publish(h branch.Header, key crypto.Signer) objectstore.Hash {
	f.t.Helper()
	data, err := h.Encode()
	f.must(err)
	block, err := branch.DecodeBlock(data)
	f.must(err)
	id, err := f.batch.Put(objectstore.KindBlock, data)
	f.must(err)
	var seal []byte
	if key == nil {
		seal, err = f.db.Seal(f.head.ID)
	} else {
		seal, err = branch.SignBlock(block, nil, key)
	}
	f.must(err)
	f.must(f.batch.PutSeal(id, seal))
	f.must(branch.Advance(f.batch, f.main.ID, f.head.ID, id))
	return id
}

// TestForgedHeads puts blocks straight into the store. Verify names each.
func TestForgedHeads(t *testing.T) {
	s := town(t, 13)
	alice, mallory := s.key, keyOf("mallory")
	if _, err := s.CreateBranch("m/x", "", mallory, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Call(ctx, mallory, repo.Call{Branch: "m/x", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(50)}}); err != nil {
		t.Fatal(err)
	}
	hers, err := s.Resolve("m/x")
	if err != nil {
		t.Fatal(err)
	}
	s.verify()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 1, 12, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		what     string
		fullOnly bool // only executing again shows it
		forge    func(f *forger) objectstore.Hash
	}{
		{"an honest one", false, nil},
		{"another block's signature", false, func(f *forger) objectstore.Hash { return f.publish(f.child(), nil) }},
		{"a producer who is not main's", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Producer = repo.AccountOf(mallory)
			return f.publish(h, mallory)
		}},
		{"a block of her branch", false, func(f *forger) objectstore.Hash {
			f.must(branch.Advance(f.batch, f.main.ID, f.head.ID, hers))
			return hers
		}},
		{"time goes back", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Time = f.head.Time - 1
			return f.publish(h, alice)
		}},
		{"a time a day ahead", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Time += 24 * 3600 * 1000
			return f.publish(h, alice)
		}},
		{"a number is left out", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Number, h.Generation = h.Number+1, h.Generation+1
			return f.publish(h, alice)
		}},
		{"another state root", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.State = sqlcontract.EmptyState()
			return f.publish(h, alice)
		}},
		{"a directory block that is not", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Directory = objectstore.Hash{1, 2, 3}
			return f.publish(h, alice)
		}},
		{"an earlier directory block", false, func(f *forger) objectstore.Hash {
			h := f.child()
			d, err := dd.Open(f.db, f.db)
			f.must(err)
			for b, err := range d.Log() {
				f.must(err)
				h.Directory = b.ID
			}
			return f.publish(h, alice)
		}},
		{"a parent that is not there", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Parents = []objectstore.Hash{{7}}
			return f.publish(h, alice)
		}},
		{"another engine", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Engine++
			return f.publish(h, alice)
		}},
		{"another ledger's block", false, func(f *forger) objectstore.Hash {
			h := f.child()
			h.Ledger[0] ^= 1
			return f.publish(h, alice)
		}},
		{"a transaction of another ledger", false, func(f *forger) objectstore.Hash {
			return f.publish(f.child(f.sign(objectstore.Hash{9}, objectstore.Hash{}, alice, now)), alice)
		}},
		{"a transaction bound to another branch", false, func(f *forger) objectstore.Hash {
			return f.publish(f.child(f.sign(f.head.Ledger, f.eu.ID, alice, now)), alice)
		}},
		{"a transaction that has run before", false, func(f *forger) objectstore.Hash {
			h := f.child() // its row in aergo_seen is there already
			leaf, err := f.tx.Leaf()
			f.must(err)
			receipt, err := sqlcontract.Receipt{Transaction: f.tx.ID(), Status: sqlcontract.StatusOK}.Encode()
			f.must(err)
			h.Transactions, err = branch.PutList(f.batch, objectstore.KindTransactionList, []objectstore.Leaf{leaf})
			f.must(err)
			h.Receipts, err = branch.PutList(f.batch, objectstore.KindReceiptList, []objectstore.Leaf{{Data: receipt}})
			f.must(err)
			return f.publish(h, alice)
		}},
		{"a transaction of somebody who may not write", false, func(f *forger) objectstore.Hash {
			return f.publish(f.child(f.sign(f.head.Ledger, f.main.ID, mallory, now)), alice)
		}},
		{"a transaction with another's signature", false, func(f *forger) objectstore.Hash {
			tx := f.sign(f.head.Ledger, f.main.ID, alice, now)
			tx.Seal = f.tx.Seal
			return f.publish(f.child(tx), alice)
		}},
		{"a transaction with other arguments", false, func(f *forger) objectstore.Hash {
			tx := f.sign(f.head.Ledger, f.main.ID, alice, now)
			tx.Blind, tx.Arguments = f.tx.Blind, f.tx.Arguments
			return f.publish(f.child(tx), alice)
		}},
		{"a transaction that has expired", false, func(f *forger) objectstore.Hash {
			return f.publish(f.child(f.sign(f.head.Ledger, f.main.ID, alice, now.AddDate(-2, 0, 0))), alice)
		}},
		{"a result that execution does not give", true, func(f *forger) objectstore.Hash {
			return f.publish(f.child(f.sign(f.head.Ledger, f.main.ID, alice, now)), alice)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
				t.Fatal(err)
			}
			var id objectstore.Hash
			if c.forge != nil {
				f := newForger(t, dir)
				id = c.forge(f)
				f.must(f.batch.Commit())
				f.must(f.batch.Close())
				f.must(f.db.Close())
			}
			o := s.o
			r, err := repo.Open(dir, o)
			if code(err) == "AG0556" && c.forge != nil {
				o.Moved = true
				r, err = repo.Open(dir, o)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, full := range []bool{false, true} {
				_, err := r.Verify(ctx, repo.VerifyOptions{Full: full})
				switch {
				case c.forge == nil || c.fullOnly && !full:
					if err != nil {
						t.Errorf("full %v: %v", full, err)
					}
				case code(err) != "AG0603" || !strings.Contains(err.Error(), id.Short()):
					t.Errorf("full %v: %s %v, want block %s named", full, code(err), err, id.Short())
				case full:
					t.Log(err)
				}
			}
		})
	}
}

// TestForgedProofs holds that a proof of one ledger proves nothing in another,
// and that its parts cannot be put together anew.
func TestForgedProofs(t *testing.T) {
	s, other := town(t, 14), town(t, 15)
	ledger, elsewhere := s.Ledger(), other.Ledger()
	row, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := other.ProveRow(ctx, other.key, "", "shop", "item", []any{"tea"})
	if err != nil {
		t.Fatal(err)
	}
	good, err := repo.VerifyProof(row, &ledger)
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() (repo.ProofReport, error){
		"another ledger":   func() (repo.ProofReport, error) { return repo.VerifyProof(row, &elsewhere) },
		"their proof here": func() (repo.ProofReport, error) { return repo.VerifyProof(theirs, &ledger) },
		"nothing":          func() (repo.ProofReport, error) { return repo.VerifyProof(nil, &ledger) },
		"half of it":       func() (repo.ProofReport, error) { return repo.VerifyProof(row[:len(row)/2], &ledger) },
		"more than it":     func() (repo.ProofReport, error) { return repo.VerifyProof(append(row[:len(row):len(row)], 0), &ledger) },
	} {
		rep, err := try()
		if code(err) != "AG0604" || !reflect.DeepEqual(rep, repo.ProofReport{}) {
			t.Errorf("%s: %+v %v", what, rep, err)
		}
	}
	if again, err := repo.VerifyProof(row, nil); err != nil || !reflect.DeepEqual(again, good) {
		t.Errorf("%+v %v", again, err)
	}
}
