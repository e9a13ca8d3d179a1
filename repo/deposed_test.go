package repo_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// admins has an operation of a root matter signed by several people and put in
// order by one.
func (s *story) admins(producer string, change dd.Change, signed ...string) error {
	s.Helper()
	state, err := s.State()
	if err != nil {
		s.Fatal(err)
	}
	now := s.o.Now().UnixMilli()
	p, err := dd.NewProposal(state, change, repo.AccountOf(keyOf(signed[0])), now, objectstore.Sum(objectstore.KindCode, fmt.Append(nil, change, now)))
	if err != nil {
		s.Fatal(err)
	}
	for _, name := range signed {
		if p, err = p.Sign(state, "", keyOf(name)); err != nil {
			s.Fatal(err)
		}
	}
	op, err := p.Complete(state)
	if err != nil {
		return err
	}
	return s.Append(keyOf(producer), op)
}

// TestTheDirectorysProducerIsCompromised: alice, who directs the ledger and makes
// main's blocks, has lost her key to mallory. Two of three admins replace her,
// give her account another key and revoke the stolen one. A copy that mallory's
// blocks reached first leaves them; what honest people called in them is
// submitted again.
func TestTheDirectorysProducerIsCompromised(t *testing.T) {
	s := begin(t, fixed(71))
	s.tea(10)
	for _, name := range []string{"bob", "carol"} {
		s.grant(dd.Admin, "*", name)
		s.grant(dd.Producer, "*", name)
	}
	if err := s.Direct(s.key, dd.SetThreshold{Threshold: 2}); err != nil {
		t.Fatal(err)
	}
	s.publish()
	last := mustBlock(s, "").ID
	state, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	main, _, err := state.BranchNamed("main")
	if err != nil {
		t.Fatal(err)
	}
	thief := s.copied(72) // mallory's, with alice's key
	warned := s.copied(73)

	// Mallory lets everybody read, and goes on with main; bob trades with her.
	if err := thief.Direct(keyOf("alice"), dd.SetVisibility{Public: true}); err != nil {
		t.Fatal(err)
	}
	tx, err := thief.Sign(keyOf("bob"), repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(3)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := thief.Submit(ctx, keyOf("alice"), "", []sqlcontract.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	deadBlock := mustBlock(thief, "").ID
	dead := thief.publish()
	warned.take(thief.export())
	if d, _ := warned.Directory(); !d.Public {
		t.Fatal("the thief's directory was not taken, before anybody knew")
	}

	// Bob and carol.
	s.wants("AG0505", s.admins("carol", dd.SetProducer{Account: repo.AccountOf(keyOf("carol"))}, "carol"))
	for _, change := range []dd.Change{
		dd.SetProducer{Account: repo.AccountOf(keyOf("carol"))},
		newKeys("alice", "alice 2"),
		dd.RevokeKey{Account: repo.AccountOf(keyOf("alice")), Key: keyOf("alice").Public().(ed25519.PublicKey), Reason: "stolen",
			Last: []dd.Last{{Branch: main.ID, Block: last}}},
	} {
		if err := s.admins("carol", change, "bob", "carol"); err != nil {
			t.Fatalf("%T: %v", change, err)
		}
	}
	s.wants("AG0503", s.Direct(keyOf("alice 2"), dd.SetVisibility{Public: true}))

	// The copy comes over, and goes back for nothing.
	if got := warned.take(s.export()); !got.Left {
		t.Errorf("taken: %+v", got)
	}
	if got := warned.take(thief.export()); got.Left || got.Block != got.Before {
		t.Errorf("taken back: %+v", got)
	}
	if d, _ := warned.Directory(); d.Public || d.Producer != repo.AccountOf(keyOf("carol")) {
		t.Error("the copy still has the thief's directory")
	}
	_, err = warned.TakeDirectory(ctx, dead)
	s.wants("AG0509", err) // her head statement does not count
	if got := thief.take(s.export()); !got.Left {
		t.Errorf("even the thief's program: %+v", got)
	}
	_, err = thief.Verify(ctx, repo.VerifyOptions{})
	s.wants("AG0603", err)
	s.key = keyOf("alice 2")
	thief.key = s.key
	s.wants("AG0513", thief.sell(1)) // her block stands on what was left

	// Alice goes on by her new key, with what bob had signed.
	txs, err := thief.Transactions(deadBlock.String())
	if err != nil || len(txs) != 1 {
		t.Fatal(len(txs), err)
	}
	answers, err := s.Submit(ctx, s.key, "", txs)
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
	s.stock("", "tea|7")
	if _, err := s.Call(ctx, keyOf("alice"), repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}); err == nil {
		t.Error("the stolen key still works")
	}
	s.verify()
	s.publish()
}

// TestAnAdminLosesHisKey: under 2 of 3 the two others give him another one.
func TestAnAdminLosesHisKey(t *testing.T) {
	s := begin(t, fixed(74))
	for _, name := range []string{"bob", "carol"} {
		s.grant(dd.Admin, "*", name)
	}
	if err := s.Direct(s.key, dd.SetThreshold{Threshold: 2}); err != nil {
		t.Fatal(err)
	}
	s.wants("AG0505", s.admins("alice", newKeys("carol", "carol 2"), "bob"))
	if err := s.admins("alice", newKeys("carol", "carol 2"), "alice", "bob"); err != nil {
		t.Fatal(err)
	}
	a, err := s.AccountFor(keyOf("carol 2"))
	if err != nil || a != repo.AccountOf(keyOf("carol")) {
		t.Errorf("the new key is of %s, %v", a, err)
	}
	s.wants("AG0601", s.Order(keyOf("alice"), keyOf("carol"), dd.SetVisibility{Public: true}))
	if err := s.Order(keyOf("alice"), keyOf("carol 2"), dd.SetVisibility{Public: true}); err != nil {
		t.Error(err)
	}
}

func newKeys(of, next string) dd.SetKeys {
	d, err := sign.KeyDescriptor(keyOf(next).Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	return dd.SetKeys{Account: repo.AccountOf(keyOf(of)), Descriptor: d.Bytes()}
}
