package dd

import (
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// appendBy has somebody put operations in order.
func (w *world) appendBy(person string, ops ...SignedOperation) error {
	return w.commit(func(b objectstore.Batch) error {
		_, err := w.d.Append(b, w.now(), ops, nil, ledgertest.Key(person))
		return err
	})
}

func TestTheDirectorysProducerIsReplaced(t *testing.T) {
	w := newBoard(t)
	change := SetProducer{Account: account("carol")}
	w.refused("AG0505", w.do("alice", change))
	other := w.sign("bob", SetVisibility{Public: true})
	w.refused("AG0601", w.appendBy("carol", other)) // not yet
	o := must(w.propose("bob", change, "bob", "carol").Complete(w.head()))
	w.refused("AG0601", w.appendBy("carol", other, o))   // it does not begin with it
	w.refused("AG0601", w.appendBy("mallory", o, other)) // it is not about her
	alone := o
	alone.Consents = nil
	w.refused("AG0505", w.appendBy("carol", alone))
	w.ok(w.appendBy("carol", o, other)) // alice, who was it, is not asked
	w.refused("AG0601", w.appendBy("alice", w.sign("alice", SetVisibility{})))
	w.ok(w.appendBy("carol", w.sign("alice", SetVisibility{})))
	if _, err := VerifyChain(w.db, w.d.Ledger(), w.head().Block().ID); err != nil {
		t.Error(err)
	}
	b := w.head().Block()
	w.ok(b.CheckClock(b.Time - MaxBlockAhead))
	w.refused("AG0508", b.CheckClock(b.Time-MaxBlockAhead-1))
}

func TestAStandbyTakesOver(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "main", Account: account("bob")}))
	w.refused("AG0502", w.do("bob", TakeOver{Branch: main.ID}))
	w.ok(w.do("alice", ProtectBranch{ID: main.ID, From: hash("A"), Standbys: []objectstore.Account{account("bob")}}))
	w.refused("AG0502", w.do("mallory", TakeOver{Branch: main.ID}))
	w.ok(w.do("bob", TakeOver{Branch: main.ID}))
	b, _, err := w.head().Branch(main.ID)
	w.ok(err)
	if b.Producer != account("bob") || b.Epoch != 1 || len(b.Protection.Standbys) != 1 || b.Protection.Standbys[0] != account("alice") {
		t.Errorf("branch %+v", b)
	}
	w.ok(w.do("alice", TakeOver{Branch: main.ID}))
	w.ok(w.do("alice", Revoke{Role: Producer, Pattern: "main", Account: account("bob")}))
	w.refused("AG0501", w.do("bob", TakeOver{Branch: main.ID}))
}

func TestTwoHeadsOfOneNumber(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "main", Account: account("carol")}))
	good, err := w.publish(main.ID, hash("A"), 5000, "alice", Question{})
	w.ok(err)
	twin := good
	twin.Block = hash("B")
	seal := func(st Statement, person string) []byte {
		return must(makeSeal(descriptor(person), sign.PurposeHead, st.Ledger, must(st.ID()), signers(person)))
	}
	keep := func(e Evidence) error {
		return w.commit(func(b objectstore.Batch) error { return w.d.PutEvidence(b, e, Question{}) })
	}
	if _, err := NewEvidence(good, nil, good, nil); err == nil {
		t.Error("one statement contradicts itself")
	}
	w.refused("AG0601", keep(must(NewEvidence(good, seal(good, "alice"), twin, seal(twin, "mallory")))))
	w.ok(w.d.CheckContested(w.head(), main.ID))
	e := must(NewEvidence(good, seal(good, "alice"), twin, seal(twin, "alice")))
	w.ok(keep(e))
	w.ok(keep(e))
	w.refused("AG0606", w.d.CheckContested(w.head(), main.ID))
	w.ok(w.d.CheckContested(w.head(), hash("another branch")))

	put := func() error {
		return w.commit(func(b objectstore.Batch) error { return w.d.PutStatement(b, twin, seal(twin, "alice")) })
	}
	w.refused("AG0606", put())
	decision := ResolveEvidence{Branch: main.ID, Sequence: good.Sequence, Block: twin.Block}
	w.refused("AG0501", w.do("mallory", decision))
	w.ok(w.do("carol", decision))
	w.ok(w.d.CheckContested(w.head(), main.ID))
	w.ok(put()) // the one that was kept takes the place of the other
	decision.Block = good.Block
	w.refused("AG0703", w.do("carol", decision))
	if len(must(w.d.Evidence())) != 1 {
		t.Error("the evidence is gone")
	}
}
