package repo_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// objects gives every object of a closed ledger: id to kind byte and stored
// bytes.
func objects(t *testing.T, dir string) map[objectstore.Hash][]byte {
	t.Helper()
	p := raw(t, dir)
	defer func() {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	all := map[objectstore.Hash][]byte{}
	iter, err := p.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	for iter.First(); iter.Valid(); iter.Next() {
		if key := iter.Key(); key[0] == 'o' {
			all[objectstore.Hash(key[1:])] = bytes.Clone(iter.Value())
		}
	}
	return all
}

// TestGivenBack gives calls of a private branch to its origin, and holds that
// nothing else of the private branch gets there.
func TestGivenBack(t *testing.T) {
	s := harbour(t, 41)
	s.grant(dd.Writer, "main", "bob")
	before := map[objectstore.Hash][]byte{}
	s.reopen(func(dir string) { before = objects(t, dir) })
	p, _ := s.private("bob", repo.From{})
	const secret = "the secret tea"
	sell := p.call("", "shop", "sell", args{"sku": "tea", "n": int64(7)})
	p.deploy("", "diary", "DIALECT 1; CREATE TABLE line (n INTEGER PRIMARY KEY, text TEXT NOT NULL); CREATE ACTION write(:n INTEGER, :text TEXT) PUBLIC AS BEGIN INSERT INTO line VALUES (:n, :text); END;")
	hidden := p.call("", "diary", "write", args{"n": int64(1), "text": secret})
	more := p.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})

	// Bob is not the producer: he signs, alice submits.
	txs, err := p.Give(p.key, "", []string{sell.Transaction.String(), more.Transaction.String()[:12]})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.GiveTo(ctx, p.key, s.Repository, "", []string{sell.Transaction.String()}); code(err) != "AG0502" {
		t.Errorf("bob makes a block of alice's: %v", err)
	}
	answers, err := s.Submit(ctx, s.key, "main", txs)
	if err != nil || answers[0].Err != nil || answers[1].Err != nil {
		t.Fatal(err, answers)
	}
	info, err := s.Transaction(answers[0].Transaction.String())
	if err != nil || info.Provenance != sell.Transaction || info.Account != repo.AccountOf(p.key) || info.Text != "shop.sell(sku=tea, n=7)" {
		t.Errorf("%+v, %v", info, err)
	}
	b, err := s.Block(answers[0].Block.String())
	if err != nil || len(b.Parents) != 1 || b.Merge != nil {
		t.Errorf("the block: %+v, %v", b, err)
	}
	s.verify()
	p.verify()

	// Twice counts once.
	again, err := p.Give(p.key, "main", []string{sell.Transaction.String()})
	if err != nil {
		t.Fatal(err)
	}
	if answers, err := s.Submit(ctx, s.key, "main", again); err != nil || code(answers[0].Err) != "AG0434" {
		t.Errorf("given twice: %v %v", answers, err)
	}

	// What may not go back.
	if _, err := p.CreateBranch("try", "", p.key, true); err != nil {
		t.Fatal(err)
	}
	scratch := p.call("try", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	failed, err := p.Call(ctx, p.key, repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(10_000)}})
	if err == nil {
		t.Fatal("too many were sold")
	}
	p.grant(dd.Writer, "main", "carol")
	signed, err := p.Sign(keyOf("carol"), repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Submit(ctx, p.key, "main", []sqlcontract.Transaction{signed}); err != nil {
		t.Fatal(err)
	}
	block1, err := s.Block("main#1")
	if err != nil {
		t.Fatal(err)
	}
	for what, id := range map[string]objectstore.Hash{"scratch": scratch.Transaction, "failed": failed.Transaction, "carol's": signed.ID(), "the origin's own": block1.Calls[0].Transaction} {
		if _, err := p.Give(p.key, "", []string{id.String()}); code(err) != "AG0546" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.Give(s.key, "", []string{block1.Calls[0].Transaction.String()}); code(err) != "AG0546" {
		t.Errorf("a ledger without origin gives: %v", err)
	}
	if _, err := p.Give(p.key, "no-such", []string{sell.Transaction.String()}); code(err) != "AG0202" {
		t.Errorf("to no branch: %v", err)
	}

	// A signature counts in one ledger only.
	private, err := p.Sign(p.key, repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if answers, err := s.Submit(ctx, s.key, "main", []sqlcontract.Transaction{private}); err != nil || code(answers[0].Err) != "AG0602" {
		t.Errorf("a private signature in the origin: %v %v", answers, err)
	}
	if answers, err := p.Submit(ctx, p.key, "main", txs[:1]); err != nil || code(answers[0].Err) != "AG0602" {
		t.Errorf("the origin's signature in the private ledger: %v %v", answers, err)
	}

	// Nothing private is there: no object of the private ledger's own but state
	// that both came to by the same call, no word of it, and of its ids only
	// those of the two calls that were given.
	var own map[objectstore.Hash][]byte
	p.reopen(func(dir string) { own = objects(t, dir) })
	var there map[objectstore.Hash][]byte
	s.reopen(func(dir string) { there = objects(t, dir) })
	ledger := p.Ledger()
	provenance := 0
	for id, data := range there {
		if _, old := before[id]; old {
			continue
		}
		kind := objectstore.Kind(data[0])
		if _, private := own[id]; private && kind != objectstore.KindLeaf && kind != objectstore.KindInner {
			t.Errorf("the private %s %s is in the origin", kind, id.Short())
		}
		for _, word := range [][]byte{ledger[:], []byte(secret), hidden.Transaction[:], hidden.Block[:], sell.Block[:], []byte("diary")} {
			if bytes.Contains(data, word) {
				t.Errorf("%s %s in the origin holds something private: %q", kind, id.Short(), word)
			}
		}
		if bytes.Contains(data, sell.Transaction[:]) {
			provenance++
			if kind != objectstore.KindTransactionList {
				t.Errorf("the private transaction's id is in %s %s", kind, id.Short())
			}
		}
	}
	if provenance != 1 {
		t.Errorf("the private transaction's id is in %d objects", provenance)
	}
}

// TestPrivateBranchProofs proves rows of a private branch, and leaves to the
// origin what is the origin's.
func TestPrivateBranchProofs(t *testing.T) {
	s := harbour(t, 42)
	p, _ := s.private("bob", repo.From{})
	ledger, origin := p.Ledger(), s.Ledger()
	data, err := p.ProveRow(ctx, p.key, "", "shop", "item", []any{"tea"})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := repo.VerifyProof(data, &ledger)
	if err != nil || !rep.FromOrigin || rep.Origin != origin || rep.Kind != "row" {
		t.Errorf("at the origin's block: %+v, %v", rep, err)
	}
	if _, err := repo.VerifyProof(data, &origin); code(err) != "AG0604" {
		t.Errorf("the same as the origin's word: %v", err)
	}
	res := p.call("", "shop", "sell", args{"sku": "tea", "n": int64(7)})
	if data, err = p.ProveRow(ctx, p.key, "", "shop", "item", []any{"tea"}); err != nil {
		t.Fatal(err)
	}
	if rep, err = repo.VerifyProof(data, &ledger); err != nil || rep.FromOrigin || rep.Origin != origin {
		t.Errorf("at a block of its own: %+v, %v", rep, err)
	}
	if data, err = p.ProveTransaction(ctx, p.key, res.Transaction.String()); err != nil {
		t.Fatal(err)
	}
	if rep, err = repo.VerifyProof(data, &ledger); err != nil || rep.Transaction != res.Transaction {
		t.Errorf("a transaction: %+v, %v", rep, err)
	}
	if _, err := p.ProveRow(ctx, p.key, "#2", "shop", "item", []any{"tea"}); code(err) != "AG0545" {
		t.Errorf("a row of the origin's part: %v", err)
	}
	first, err := p.Block("#1")
	if err != nil || first.Origin != origin || first.Branch != "origin/main" {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := p.ProveTransaction(ctx, p.key, first.Calls[0].Transaction.String()); code(err) != "AG0545" {
		t.Errorf("a transaction of the origin's part: %v", err)
	}
	if id, err := p.Resolve("v1"); err != nil {
		t.Errorf("the origin's tag: %s, %v", id, err)
	}
	p.verify()
}

// TestPrivateBranchesInside works on branches of a private branch that begin in
// the origin's part, and makes a private branch of a private branch.
func TestPrivateBranchesInside(t *testing.T) {
	s := harbour(t, 43)
	p, _ := s.private("bob", repo.From{Revision: "v1"})
	if _, err := p.CreateBranch("old", "#2", p.key, false); err != nil {
		t.Fatal(err)
	}
	p.verify()
	p.call("old", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	p.verify()
	if _, err := p.Merge(ctx, p.key, "main", repo.MergeOptions{Into: "old"}); code(err) != "AG0542" {
		t.Errorf("the origin's calls run again: %v", err)
	}
	m, err := p.Merge(ctx, p.key, "old", repo.MergeOptions{})
	if err != nil || m.Included != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	p.verify()
	if _, err := p.CreateBranch("still", "#2", p.key, false); err != nil {
		t.Fatal(err)
	}
	if m, err := p.Merge(ctx, p.key, "main", repo.MergeOptions{Into: "still"}); err != nil || m.Kind != "fast-forward" {
		t.Errorf("%+v, %v", m, err)
	}
	p.verify()
	if _, err := p.Replay(ctx, mustBlock(p, "#2").Calls[0].Transaction.String(), false); err != nil {
		t.Errorf("executing the origin's call again: %v", err)
	}

	// Bob's is private: nobody else may go on from it, himself excepted.
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := repo.InitPrivate(ctx, t.TempDir(), keyOf("carol"), repo.From{Path: p.dir}, p.o); code(err) != "AG0501" || strings.Contains(err.Error(), "bob") {
		t.Errorf("carol takes bob's: %v", err)
	}
	r, did, err := repo.InitPrivate(ctx, t.TempDir(), p.key, repo.From{Path: p.dir}, p.o)
	if err != nil || did.Public {
		t.Fatalf("%+v, %v", did, err)
	}
	q := &story{T: t, Repository: r, key: p.key, dir: r.Dir(), o: p.o}
	defer func() { _ = q.Repository.Close() }()
	q.verify()
	q.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	q.verify()
	q.reopen(func(string) {})
	q.verify()
	p.reopenClosed()
}

// reopenClosed opens a ledger that a test has closed.
func (s *story) reopenClosed() {
	s.Helper()
	r, err := repo.Open(s.dir, s.o)
	if err != nil {
		s.Fatal(err)
	}
	s.Repository = r
}

func mustBlock(s *story, rev string) repo.BlockInfo {
	s.Helper()
	b, err := s.Block(rev)
	if err != nil {
		s.Fatal(err)
	}
	return b
}
