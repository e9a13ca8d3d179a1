package repo_test

import (
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// copied is a second copy of a ledger, as a backup is.
func (s *story) copied(seed uint64) *story {
	s.Helper()
	if err := s.Close(); err != nil {
		s.Fatal(err)
	}
	c := &story{T: s.T, key: s.key, dir: s.twin(), o: fixed(seed)}
	c.o.Now = s.o.Now
	for _, x := range []*story{s, c} {
		x.reopenClosed()
	}
	s.Cleanup(func() { _ = c.Repository.Close() })
	return c
}

func (s *story) publish() []byte {
	s.Helper()
	proof, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
	if err != nil {
		s.Fatal(err)
	}
	return proof
}

func (s *story) take(data []byte) repo.Taken {
	s.Helper()
	t, err := s.TakeDirectory(ctx, data)
	if err != nil {
		s.Fatal(err)
	}
	return t
}

func (s *story) export() []byte {
	s.Helper()
	data, err := s.ExportDirectory(s.Owner())
	if err != nil {
		s.Fatal(err)
	}
	return data
}

func (s *story) tea(stock int64) {
	s.Helper()
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": stock})
}

func (s *story) sell(n int64) error {
	_, err := s.Call(ctx, s.key, repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": n}})
	return err
}

// TestABackupIsRestored: alice copies her folder, goes on and publishes, and one
// day goes back to the copy. Told of what she published the copy makes no block;
// not told it publishes a second head of one number, which shows when both meet.
func TestABackupIsRestored(t *testing.T) {
	s := begin(t, fixed(61))
	s.tea(10)
	first := s.publish()
	warned, backup := s.copied(62), (*story)(nil)
	backup = s.copied(63)

	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	published := s.publish()
	// A proof that somebody kept is enough to warn a copy.
	if got := warned.take(first); got.Statement == nil || got.Contested != nil {
		t.Errorf("the first: %+v", got)
	}
	if got := warned.take(published); got.Statement.Sequence != 2 {
		t.Errorf("taken: %+v", got)
	}
	s.wants("AG0512", warned.sell(2))
	_, err := warned.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
	s.wants("AG0512", err)
	_, err = warned.TakeDirectory(ctx, first)
	if err != nil {
		t.Errorf("what is known already: %v", err)
	}
	warned.verify() // it is only behind

	// Nobody warned the other copy.
	if err := backup.sell(2); err != nil {
		t.Fatal(err)
	}
	dead := mustBlock(backup, "").ID
	second := backup.publish()
	rep, err := repo.VerifyProof(second, nil)
	if err != nil || rep.Statement != 2 {
		t.Fatalf("%+v, %v", rep, err)
	}
	for what, x := range map[string]struct {
		at   *story
		news []byte
	}{"original": {s, second}, "backup": {backup, published}, "warned": {warned, second}} {
		got := x.at.take(x.news)
		if got.Contested == nil || got.Contested.A.Sequence != 2 {
			t.Fatalf("%s: no evidence, %+v", what, got)
		}
		x.at.take(x.news) // once is enough
		s.wants("AG0606", x.at.sell(1))
		_, err := x.at.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
		s.wants("AG0606", err)
		_, err = x.at.Verify(ctx, repo.VerifyOptions{})
		if code(err) != "AG0603" {
			t.Errorf("%s verifies: %v", what, err)
		}
	}

	// Mallory decides nothing; alice, an admin, keeps what the original published.
	kept := mustBlock(s, "").ID
	main := rep.BranchID
	decision := dd.ResolveEvidence{Branch: main, Sequence: 2, Block: kept}
	s.wants("AG0501", s.Order(s.key, keyOf("mallory"), decision))
	if err := s.Direct(s.key, decision); err != nil {
		t.Fatal(err)
	}
	if err := s.sell(1); err != nil {
		t.Error(err)
	}
	s.verify()
	backup.take(s.export())
	s.wants("AG0512", backup.sell(1)) // the decision alone says so
	_, err = backup.Verify(ctx, repo.VerifyOptions{})
	s.wants("AG0603", err)
	if got := backup.take(published); got.Contested != nil || got.Statement.Block != kept {
		t.Errorf("what was kept: %+v", got)
	}
	s.wants("AG0512", backup.sell(1)) // its history does not have it
	if _, err := backup.Undo(ctx, s.key, "", 1, ""); err != nil {
		t.Errorf("the block that was dropped stays: %v", err)
	}
	backup.verify() // it is only behind now
	// What ran in the dead block is submitted where the branch goes on.
	txs, err := backup.Transactions(dead.String())
	if err != nil || len(txs) != 1 {
		t.Fatal(len(txs), err)
	}
	answers, err := s.Submit(ctx, s.key, "", txs)
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
	s.stock("", "tea|6")
	s.publish()
	s.verify()
}
