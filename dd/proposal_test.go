package dd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// newBoard is alice's ledger with the admins alice, bob and carol, of whom two
// decide.
func newBoard(t *testing.T) *world {
	w := newWorld(t)
	for _, p := range []string{"bob", "carol"} {
		w.ok(w.do("alice", AddIdentity{Name: p, Descriptor: descriptor(p).Bytes()}))
		w.ok(w.do("alice", Grant{Role: Admin, Pattern: "*", Account: account(p)}))
	}
	w.ok(w.do("alice", SetThreshold{Threshold: 2}))
	return w
}

// propose makes a person's proposal, signed by some.
func (w *world) propose(author string, c Change, signed ...string) Proposal {
	w.t.Helper()
	w.salts++
	p, err := NewProposal(w.head(), c, account(author), w.now(), hash(fmt.Sprint("proposal ", w.salts)))
	w.ok(err)
	for _, name := range signed {
		p, err = p.Sign(w.head(), "", ledgertest.Key(name))
		w.ok(err)
	}
	return p
}

// decide completes a proposal and puts it in order.
func (w *world) decide(p Proposal) error {
	o, err := p.Complete(w.head())
	if err != nil {
		return err
	}
	return w.append(o)
}

func TestTwoOfThreeAdminsDecide(t *testing.T) {
	w := newBoard(t)
	dave := Grant{Role: Admin, Pattern: "*", Account: account("dave")}
	w.refused("AG0505", w.do("alice", dave))
	p := w.propose("alice", dave)
	st, err := p.Status(w.head())
	w.ok(err)
	if !st.Root || st.Needed != 2 || len(st.Signed) != 0 || len(st.Missing) != 3 || st.Ready {
		t.Errorf("unsigned: %+v", st)
	}
	// It travels as a file; two machines sign copies, which are put together.
	file := must(p.Encode())
	alices := must(must(DecodeProposal(file)).Sign(w.head(), "", ledgertest.Key("alice")))
	carols := must(must(DecodeProposal(file)).Sign(w.head(), "", ledgertest.Key("carol")))
	w.refused("AG0505", w.decide(alices))
	w.refused("AG0505", w.decide(carols)) // its author has not signed
	for _, part := range []Proposal{carols, alices} {
		w.ok(w.commit(func(b objectstore.Batch) error { _, err := w.d.PutProposal(b, part); return err }))
	}
	kept := must(w.d.Proposals())
	if len(kept) != 1 || len(kept[0].Signatures) != 2 {
		t.Fatalf("kept: %+v", kept)
	}
	st, err = kept[0].Status(w.head())
	w.ok(err)
	if !st.Ready || st.Signed[0] != account("alice") || st.Signed[1] != account("carol") || st.Missing[0] != account("bob") {
		t.Errorf("signed: %+v", st)
	}
	w.ok(w.decide(kept[0]))
	if done := must(kept[0].Done(w.head())); !done || len(must(w.head().Admins())) != 4 {
		t.Error("dave is no admin")
	}
	w.refused("AG0705", w.decide(kept[0]))
	w.ok(w.commit(func(b objectstore.Batch) error { return w.d.DropProposal(b, kept[0].ID()) }))
	if len(must(w.d.Proposals())) != 0 {
		t.Error("the proposal is still there")
	}

	// What is no root matter stays one admin's.
	w.ok(w.do("bob", Grant{Role: Writer, Pattern: "*", Account: account("erin")}))
	w.ok(w.do("bob", Grant{Role: Admin, Pattern: "eu/*", Account: account("erin")}))
	if _, err := VerifyChain(w.db, w.d.Ledger(), w.head().Block().ID); err != nil {
		t.Error(err)
	}
}

func TestAnAdminsKeyIsLost(t *testing.T) {
	w := newBoard(t)
	// Bob's key is lost. Alice and carol give his account a new one.
	w.ok(w.decide(w.propose("alice", SetKeys{Account: account("bob"), Descriptor: descriptor("bob 2").Bytes()}, "alice", "carol")))
	// He counts again, by the new key only.
	raise := SetThreshold{Threshold: 3}
	p := w.propose("carol", raise, "carol", "bob 2", "alice")
	w.ok(w.decide(p))
	if s := w.head(); s.Threshold() != 3 {
		t.Errorf("threshold %d", s.Threshold())
	}
	// Now all three are needed, and nobody may leave.
	out := Revoke{Role: Admin, Pattern: "*", Account: account("bob")}
	w.refused("AG0505", w.decide(w.propose("alice", out, "alice", "carol", "bob 2")))
	w.ok(w.decide(w.propose("alice", SetThreshold{Threshold: 2}, "alice", "carol", "bob 2")))
	w.ok(w.decide(w.propose("alice", out, "alice", "carol")))
	w.refused("AG0505", w.decide(w.propose("alice", Revoke{Role: Admin, Pattern: "*", Account: account("carol")}, "alice", "carol")))

	// The owner's keys too, where several admins agree; one alone never.
	w.ok(w.decide(w.propose("carol", Grant{Role: Admin, Pattern: "*", Account: account("dave")}, "carol", "alice")))
	w.ok(w.decide(w.propose("carol", SetKeys{Account: account("alice"), Descriptor: descriptor("alice 2").Bytes()}, "carol", "dave")))
	one := newWorld(t)
	one.ok(one.do("alice", Grant{Role: Admin, Pattern: "*", Account: account("mallory")}))
	one.refused("AG0501", one.do("mallory", SetKeys{Account: account("alice"), Descriptor: descriptor("mallory 2").Bytes()}))
}

func TestAnAccountOfSeveralKeysSignsAcrossMachines(t *testing.T) {
	w := newWorld(t)
	board := mOf(2, "b1", "b2", "b3")
	a := objectstore.Account(sign.AccountOf(board))
	w.ok(w.do("alice", AddIdentity{Name: "board", Descriptor: board.Bytes()}))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "eu/*", Account: a}))
	w.salts++
	p := must(NewProposal(w.head(), Grant{Role: Writer, Pattern: "eu/*", Account: account("erin")}, a, w.now(), hash("board")))
	p = must(p.Sign(w.head(), a, ledgertest.Key("b3")))
	w.refused("AG0505", w.decide(p))
	_, err := p.Sign(w.head(), a, ledgertest.Key("mallory"))
	w.refused("AG0506", err)
	p = must(p.Sign(w.head(), a, ledgertest.Key("b1")))
	p = must(p.Sign(w.head(), a, ledgertest.Key("b2"))) // one more than needed
	w.ok(w.decide(p))
}

func TestMalloryAndProposals(t *testing.T) {
	w := newBoard(t)
	evil := Grant{Role: Admin, Pattern: "*", Account: account("mallory")}
	good := w.propose("alice", Grant{Role: Admin, Pattern: "*", Account: account("dave")}, "alice", "bob")
	whole := must(good.Complete(w.head()))
	bad := must(w.propose("bob", evil, "bob", "carol").Complete(w.head()))
	bobs := bad.Consents[0]
	bobs.Account = account("bob")
	seal := func(person string, p sign.Purpose, ledger, id objectstore.Hash) []byte {
		return must(makeSeal(descriptor(person), p, ledger, id, signers(person)))
	}
	id, ledger := whole.ID(), w.d.Ledger()
	for name, c := range map[string]struct {
		approvals []Consent
		code      string
	}{
		"none":                              {nil, "AG0505"},
		"one admin twice":                   {[]Consent{whole.Consents[0], whole.Consents[0]}, "AG0505"},
		"the author twice":                  {[]Consent{{Account: account("alice"), Seal: whole.Seal}}, "AG0505"},
		"more than needed":                  {[]Consent{whole.Consents[0], {Account: account("carol"), Seal: seal("carol", sign.PurposeConsent, ledger, id)}}, "AG0505"},
		"by nobody":                         {[]Consent{{Account: account("mallory"), Seal: seal("mallory", sign.PurposeConsent, ledger, id)}}, "AG0501"},
		"of another proposal":               {[]Consent{{Account: account("bob"), Seal: seal("bob", sign.PurposeConsent, ledger, bad.ID())}}, "AG0601"},
		"of another ledger":                 {[]Consent{{Account: account("bob"), Seal: seal("bob", sign.PurposeConsent, hash("other"), id)}}, "AG0601"},
		"signed as the author, not consent": {[]Consent{{Account: account("bob"), Seal: seal("bob", sign.PurposeDirectory, ledger, id)}}, "AG0601"},
		"by another's key":                  {[]Consent{{Account: account("bob"), Seal: seal("mallory", sign.PurposeConsent, ledger, id)}}, "AG0601"},
		"by a carol who did not":            {[]Consent{{Account: account("carol"), Seal: whole.Consents[0].Seal}}, "AG0601"},
	} {
		o := whole
		o.Consents = c.approvals
		if len(c.approvals) == 2 && c.approvals[0].Account > c.approvals[1].Account {
			o.Consents = []Consent{c.approvals[1], c.approvals[0]}
		}
		err := w.append(o)
		if err == nil || !strings.Contains(name, "more") {
			w.refused(c.code, err)
		}
	}
	// Approvals for what needs none, in a block.
	plain := w.sign("alice", SetVisibility{Public: true})
	plain.Consents = []Consent{{Account: account("bob"), Seal: seal("bob", sign.PurposeConsent, ledger, plain.ID())}}
	w.refused("AG0601", w.append(plain))

	// The rights that count are those of now: bob's key changed since he signed.
	w.ok(w.do("bob", SetKeys{Account: account("bob"), Descriptor: descriptor("bob 2").Bytes()}))
	w.refused("AG0601", w.append(whole))
	w.refused("AG0505", w.decide(good))
	again := must(good.Sign(w.head(), "", ledgertest.Key("bob 2")))
	w.ok(w.decide(again))

	// A proposal of which some signatures are forged, joined by an honest one.
	p := w.propose("alice", SetThreshold{Threshold: 1}, "alice")
	forged := p
	forged.Signatures = []Signature{{Account: account("carol"), Scheme: 1, Key: public("carol"), Bytes: make([]byte, 64)}}
	joined := must(p.Join(w.head(), forged))
	if len(joined.Signatures) != 1 {
		t.Error("a forged signature was joined")
	}
	joined = must(forged.Join(w.head(), must(p.Sign(w.head(), "", ledgertest.Key("carol")))))
	w.ok(w.decide(joined))

	// Too old, or from the future.
	old := w.propose("alice", SetVisibility{Public: true}, "alice")
	o := must(old.Complete(w.head()))
	late := func(at int64) error {
		return w.commit(func(b objectstore.Batch) error {
			_, err := w.d.Append(b, at, []SignedOperation{o}, nil, ledgertest.Key("alice"))
			return err
		})
	}
	w.refused("AG0508", late(w.now()+MaxOperationLife+day))
	early, err := NewProposal(w.head(), SetVisibility{Public: true}, account("alice"), w.now()+2*maxAhead, hash("early"))
	w.ok(err)
	w.refused("AG0508", w.decide(must(early.Sign(w.head(), "", ledgertest.Key("alice")))))
	w.ok(late(w.now()))
}

// A ledger that is to be ruled by two begins with its owner alone.
func TestAThresholdFromTheBeginning(t *testing.T) {
	w := &world{t: t, db: newStore(t)}
	g := genesisOf("alice")
	g.Threshold = 2
	w.ok(w.commit(func(b objectstore.Batch) error { _, err := Create(b, g, ledgertest.Key("alice")); return err }))
	w.d = must(Open(w.db, w.db))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "*", Account: account("bob")}))
	w.refused("AG0505", w.do("alice", Grant{Role: Admin, Pattern: "*", Account: account("carol")}))
	w.refused("AG0102", w.decide(w.propose("alice", SetThreshold{Threshold: 3}, "alice", "bob")))
	w.ok(w.decide(w.propose("bob", Grant{Role: Admin, Pattern: "*", Account: account("carol")}, "alice", "bob")))
}
