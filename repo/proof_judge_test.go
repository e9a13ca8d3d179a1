package repo_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// TestAProofIsJudgedByWhatIsKnownLater: bob produces main. His key is stolen and
// revoked; proofs made by it count up to his last accepted block, for whoever has
// the newer directory.
func TestAProofIsJudgedByWhatIsKnownLater(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	o := fixed(95)
	o.Now = func() time.Time { now = now.Add(time.Second); return now }
	s := begin(t, o)
	s.tea(10)
	s.grant(dd.Producer, "*", "bob")
	main := s.mainBranch()
	if err := s.Direct(s.key, dd.UpdateBranch{ID: main.ID, Producer: repo.AccountOf(keyOf("bob"))}); err != nil {
		t.Fatal(err)
	}
	bob, alice := keyOf("bob"), s.key
	s.key = bob
	accepted := s.publish()
	last := mustBlock(s, "").ID
	before := s.export()
	if err := s.sell(1); err != nil {
		t.Fatal(err)
	}
	tx := mustBlock(s, "").ID
	txs, err := s.Transactions(tx.String())
	if err != nil {
		t.Fatal(err)
	}
	beyond := s.publish()
	sold, err := s.ProveTransaction(ctx, bob, txs[0].ID().String())
	if err != nil {
		t.Fatal(err)
	}
	ledger := s.Ledger()
	judge := func(proof, directory []byte) (repo.ProofReport, error) {
		return repo.JudgeProof(proof, repo.ProofOptions{Ledger: &ledger, Directory: directory, Now: now})
	}
	for _, proof := range [][]byte{accepted, beyond, sold} {
		if rep, err := judge(proof, before); err != nil || rep.Expired || len(rep.Notices) > 0 {
			t.Fatalf("before: %+v, %v", rep.Notices, err)
		}
	}

	// The key is revoked, and the directory goes on.
	for _, c := range []dd.Change{newKeys("bob", "bob 2"), dd.RevokeKey{Account: repo.AccountOf(bob), Key: bob.Public().(ed25519.PublicKey), Last: []dd.Last{{Branch: main.ID, Block: last}}}} {
		if err := s.Direct(alice, c); err != nil {
			t.Fatal(err)
		}
	}
	newer := s.export()
	for _, proof := range [][]byte{beyond, sold} {
		if _, err := repo.VerifyProof(proof, &ledger); err != nil {
			t.Errorf("by itself it is good: %v", err)
		}
		_, err := judge(proof, newer)
		s.wants("AG0509", err)
		_, err = s.JudgeProof(proof)
		s.wants("AG0509", err)
	}
	rep, err := judge(accepted, newer)
	if err != nil || rep.DirectoryNumber != 4 {
		t.Errorf("what is accepted: %+v, %v", rep, err)
	}
	if rep, err := judge(accepted, before); err != nil || rep.DirectoryNumber != 2 {
		t.Errorf("an older directory is no news: %+v, %v", rep, err)
	}
	if rep, err = s.JudgeProof(accepted); err != nil || rep.DirectoryNumber != 4 || rep.DirectoryTime.IsZero() {
		t.Errorf("here: %+v, %v", rep, err)
	}

	// Time goes by; a clock that is behind is told.
	now = now.Add(40 * 24 * time.Hour)
	if rep, err := judge(accepted, newer); err != nil || !rep.Expired || rep.Notices[0].Code != "AG0605" {
		t.Errorf("40 days later: %+v, %v", rep, err)
	}
	now = now.Add(-80 * 24 * time.Hour)
	if rep, err := judge(accepted, newer); err != nil || rep.Expired || rep.Notices[0].Code != "AG0508" {
		t.Errorf("a clock that is behind: %+v, %v", rep, err)
	}
	if _, err := judge(accepted, accepted); code(err) != "AG0604" {
		t.Errorf("a proof is no directory: %v", err)
	}
	other := begin(t, fixed(96))
	_, err = judge(accepted, other.export())
	s.wants("AG0601", err)
}

// TestAProofOfWhatWasLeft: by an anchor, by an admin's decision, and by a directory
// that is not followed any more.
func TestAProofOfWhatWasLeft(t *testing.T) {
	s := begin(t, fixed(97))
	s.tea(10)
	copied := s.copied(98)
	if err := copied.sell(2); err != nil {
		t.Fatal(err)
	}
	theirs := copied.publish()
	if err := s.sell(1); err != nil {
		t.Fatal(err)
	}
	ours, ledger, main := s.publish(), s.Ledger(), s.mainBranch()
	judge := func(proof []byte) error {
		_, err := repo.JudgeProof(proof, repo.ProofOptions{Ledger: &ledger, Directory: s.export()})
		return err
	}
	// Both are good until somebody knows both.
	if err := judge(theirs); err != nil {
		t.Error(err)
	}
	_, err := s.JudgeProof(theirs)
	s.wants("AG0606", err)

	kept := mustBlock(s, "")
	if err := s.Direct(s.key, dd.AnchorBranch{Branch: main.ID, Block: kept.ID, Number: kept.Number}); err != nil {
		t.Fatal(err)
	}
	s.wants("AG0511", judge(theirs))
	if err := judge(ours); err != nil {
		t.Error(err)
	}
	if err := s.Direct(s.key, dd.ResolveEvidence{Branch: main.ID, Sequence: 1, Block: kept.ID}); err != nil {
		t.Fatal(err)
	}
	s.wants("AG0606", judge(theirs))
	// An older anchor is below what the headers of a proof show: that is said.
	for range 2 {
		if err := s.sell(1); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := repo.JudgeProof(s.publish(), repo.ProofOptions{Directory: s.export()})
	if err != nil || len(rep.Notices) != 1 {
		t.Errorf("%+v, %v", rep.Notices, err)
	}
	if rep, err := s.JudgeProof(s.publish()); err != nil || len(rep.Notices) != 0 {
		t.Errorf("here it is known: %+v, %v", rep.Notices, err)
	}

	// The copy's directory goes on by itself, and is left.
	if err := copied.Direct(s.key, dd.SetVisibility{Public: true}); err != nil {
		t.Fatal(err)
	}
	if err := copied.sell(1); err != nil {
		t.Fatal(err)
	}
	s.wants("AG0513", judge(copied.publish()))
}

func (s *story) mainBranch() dd.Branch {
	s.Helper()
	state, err := s.State()
	if err != nil {
		s.Fatal(err)
	}
	b, _, err := state.BranchNamed("main")
	if err != nil {
		s.Fatal(err)
	}
	return b
}
