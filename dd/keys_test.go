package dd

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

func public(person string) ed25519.PublicKey {
	return ledgertest.Key(person).Public().(ed25519.PublicKey)
}

// mOf is the descriptor of m of several persons' keys.
func mOf(m int, persons ...string) sign.Descriptor {
	var keys [][]byte
	for _, p := range persons {
		keys = append(keys, public(p))
	}
	return must(sign.MofNDescriptor(m, keys...))
}

// by has an account act by a descriptor and some persons' keys.
func (w *world) by(descriptor []byte, c Change, persons ...string) error {
	var keys []crypto.Signer
	for _, p := range persons {
		keys = append(keys, ledgertest.Key(p))
	}
	w.salts++
	op, err := Propose(w.head(), c, w.now(), hash(fmt.Sprint("salt by ", w.salts)), descriptor, keys...)
	if err != nil {
		return err
	}
	return w.append(op)
}

func (w *world) now() int64 { return w.head().Block().Time + 1 }

func TestAnAccountChangesItsKeys(t *testing.T) {
	w := newWorld(t)
	bob := account("bob")
	w.ok(w.do("alice", AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()}))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "eu/*", Account: bob}))
	before := w.head()
	grant := func(person string) Change { return Grant{Role: Reader, Pattern: "eu/x", Account: account(person)} }

	// Rotate: the address stays, the old key is dead, the new one acts for bob.
	w.ok(w.do("bob", SetKeys{Account: bob, Descriptor: descriptor("bob 2").Bytes()}))
	w.refused("AG0601", w.do("bob", grant("carol")))
	w.refused("AG0506", Decide(w.head(), Question{Account: bob, Right: RightSign}))
	w.ok(w.do("bob 2", grant("carol")))
	if a, _, err := w.head().Signer(nil, ledgertest.Key("bob 2")); err != nil || a != bob {
		t.Errorf("bob's new key signs for %s, %v", a, err)
	}
	g, _, err := get[RoleRecord](w.head(), keyRole(Reader, "eu/x", account("carol")))
	if err != nil || g.By != bob {
		t.Errorf("granted by %s, %v", g.By, err)
	}

	// Add a key and rotate to two: one of two keys suffices, each alone.
	either := mOf(1, "bob 2", "bob 3").Bytes()
	w.ok(w.do("bob 2", SetKeys{Account: bob, Descriptor: either}))
	w.ok(w.do("bob 3", grant("dave")))
	w.ok(w.do("bob 2", grant("erin")))

	// To a threshold: two keys of three, none alone.
	board := mOf(2, "bob 3", "bob 4", "bob 5").Bytes()
	w.ok(w.do("bob 3", SetKeys{Account: bob, Descriptor: board}))
	w.refused("AG0501", w.do("bob 3", grant("frank")))
	w.ok(w.by(board, grant("frank"), "bob 4", "bob 5"))

	// Back to keys that he had: never.
	for _, old := range [][]byte{descriptor("bob").Bytes(), descriptor("bob 2").Bytes(), either, board} {
		w.refused("AG0703", w.by(board, SetKeys{Account: bob, Descriptor: old}, "bob 3", "bob 4"))
	}
	w.ok(w.by(board, SetKeys{Account: bob, Descriptor: descriptor("bob 6").Bytes()}, "bob 3", "bob 4"))
	w.ok(w.do("bob 6", grant("grace")))

	// The keys at an old directory block are those of then.
	for person, want := range map[string]string{"bob": "", "bob 2": "AG0506", "bob 6": "AG0506"} {
		err := Decide(before, Question{Account: bob, Right: RightSign, Keys: descriptor(person).Bytes()})
		if want == "" {
			w.ok(err)
		} else {
			w.refused(want, err)
		}
	}
	s := w.head()
	for _, had := range [][]byte{descriptor("bob").Bytes(), descriptor("bob 2").Bytes(), either, board, descriptor("bob 6").Bytes()} {
		if !must(s.Had(bob, had)) {
			t.Errorf("bob never had %x", had)
		}
	}
	if must(s.Had(bob, descriptor("mallory").Bytes())) || must(before.Had(bob, either)) {
		t.Error("bob had keys that he never had")
	}
	if k, ok, err := s.Keys(bob); err != nil || !ok || k.Changes != 4 || k.Since != s.Block().Number-1 {
		t.Errorf("keys %+v, %v, %v", k, ok, err)
	}
	if _, err := VerifyChain(w.db, w.d.Ledger(), s.Block().ID); err != nil {
		t.Error(err)
	}
}

func TestTheOwnerAndTheProducerChangeTheirKeys(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	old := w.head()
	w.ok(w.do("alice", SetKeys{Account: account("alice"), Descriptor: descriptor("alice 2").Bytes()}))

	// Blocks, operations and statements: only the new key.
	s := w.head()
	op, err := Propose(s, SetVisibility{Public: true}, w.now(), hash("new"), nil, ledgertest.Key("alice 2"))
	w.ok(err)
	_, _, err = s.Make(w.now(), []SignedOperation{op}, nil, ledgertest.Key("alice"))
	w.refused("AG0601", err)
	sealed, _, err := s.Make(w.now(), []SignedOperation{op}, nil, ledgertest.Key("alice 2"))
	w.ok(err)
	forged := sealed
	forged.Seal = must(seal(must(DecodeBlock(sealed.Data)).Header, seals{Operations: [][]byte{op.Seal}}, descriptor("alice"), signers("alice"))).Seal
	if _, err := s.Next(forged); err == nil {
		t.Error("a directory block by the old key was taken")
	}
	if _, err := s.Next(sealed); err != nil {
		t.Error(err)
	}
	if _, err := w.publish(main.ID, hash("A"), 5000, "alice", Question{}); err == nil {
		t.Error("a head statement by the old key was made")
	}
	st, err := w.publish(main.ID, hash("A"), 5000, "alice 2", Question{})
	w.ok(err)
	if st.Producer != account("alice") {
		t.Errorf("published by %s", st.Producer)
	}
	stale := st
	stale.Directory = old.Block().ID
	sealBy := must(makeSeal(descriptor("alice"), sign.PurposeHead, st.Ledger, must(stale.ID()), signers("alice")))
	w.ok(VerifyStatement(old, stale, sealBy, Question{})) // naming an old block: what revocation is for
}

func TestMalloryAndKeys(t *testing.T) {
	w := newWorld(t)
	bob := account("bob")
	w.ok(w.do("alice", AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()}))
	w.refused("AG0501", w.do("mallory", SetKeys{Account: bob, Descriptor: descriptor("mallory 2").Bytes()}))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "eu/*", Account: account("mallory")}))
	w.refused("AG0501", w.do("mallory", SetKeys{Account: bob, Descriptor: descriptor("mallory 2").Bytes()}))
	contract := must(sign.ContractDescriptor(w.d.Ledger(), "shop"))
	w.refused("AG0102", w.do("bob", SetKeys{Account: bob, Descriptor: contract.Bytes()}))
	if w.do("bob", SetKeys{Account: objectstore.Account(sign.AccountOf(contract)), Descriptor: descriptor("bob").Bytes()}) == nil {
		t.Error("a contract got keys")
	}
	if w.do("bob", SetKeys{Account: bob, Descriptor: []byte{1, 2}}) == nil {
		t.Error("no descriptor was taken")
	}

	// Mallory lists bob's public key as one of hers, before he has a name or after:
	// he still signs for himself.
	w.ok(w.do("mallory", SetKeys{Account: account("mallory"), Descriptor: mOf(1, "mallory", "carol").Bytes()}))
	w.ok(w.do("alice", AddIdentity{Name: "carol", Descriptor: descriptor("carol").Bytes()}))
	if a, _, err := w.head().Signer(nil, ledgertest.Key("carol")); err != nil || a != account("carol") {
		t.Errorf("carol signs for %s, %v", a, err)
	}
	w.refused("AG0507", w.do("mallory", SetKeys{Account: account("mallory"), Descriptor: mOf(1, "mallory", "bob").Bytes()}))
	if a, _, err := w.head().Signer(nil, ledgertest.Key("bob")); err != nil || a != bob {
		t.Errorf("bob signs for %s, %v", a, err)
	}
	// Also when he has a second key. That one signs for him alone: nobody else
	// can list it and so keep him from working.
	w.ok(w.do("bob", SetKeys{Account: bob, Descriptor: mOf(1, "bob", "laptop").Bytes()}))
	w.refused("AG0507", w.do("mallory", SetKeys{Account: account("mallory"), Descriptor: mOf(1, "mallory", "laptop").Bytes()}))
	w.refused("AG0507", w.do("alice", AddIdentity{Name: "team", Descriptor: mOf(1, "dave", "laptop").Bytes()}))
	w.ok(w.do("alice", AddIdentity{Name: "board", Descriptor: mOf(2, "carol", "laptop").Bytes()})) // they sign together
	for _, key := range []string{"bob", "laptop"} {
		if a, _, err := w.head().Signer(nil, ledgertest.Key(key)); err != nil || a != bob {
			t.Errorf("%s signs for %s, %v", key, a, err)
		}
	}
	// mallory is faster than bob's next key: he takes another one.
	w.ok(w.do("mallory", SetKeys{Account: account("mallory"), Descriptor: mOf(1, "mallory", "next").Bytes()}))
	w.refused("AG0507", w.do("bob", SetKeys{Account: bob, Descriptor: descriptor("next").Bytes()}))
	w.ok(w.do("bob", SetKeys{Account: bob, Descriptor: descriptor("other").Bytes()}))
}

// TestAKeyThatWasRevokedIsToldSo: who signs by it is nobody the directory knows,
// and is not advised to ask for a role.
func TestAKeyThatWasRevokedIsToldSo(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", AddIdentity{Name: "bob", Descriptor: mOf(1, "bob", "laptop").Bytes()}))
	w.ok(w.do("alice", Grant{Role: Writer, Pattern: "*", Account: objectstore.Account(sign.AccountOf(mOf(1, "bob", "laptop")))}))
	w.ok(w.head().CheckRevokedAs(account("laptop")))
	w.ok(w.do("alice", RevokeKey{Account: objectstore.Account(sign.AccountOf(mOf(1, "bob", "laptop"))), Key: sign.Point(mOf(1, "laptop").Keys()[0]), Keys: descriptor("bob").Bytes()}))
	err := w.head().CheckRevokedAs(account("laptop"))
	w.refused("AG0509", err)
	if next := fault.Of(err).Next; next != "Sign with the present keys of bob" {
		t.Errorf("advised: %s", next)
	}
	w.ok(w.head().CheckRevokedAs(account("carol")))
}

// TestAnAccountIsFoundByItsKeys: the index of keys says the same as all identities
// and changes of keys together, whatever was added and changed.
func TestAnAccountIsFoundByItsKeys(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		p := fmt.Sprint("member ", i)
		w.ok(w.do("alice", AddIdentity{Name: fmt.Sprint("member-", i), Descriptor: descriptor(p).Bytes()}))
	}
	w.ok(w.do("member 1", SetKeys{Account: account("member 1"), Descriptor: mOf(1, "member 1", "extra").Bytes()}))
	w.ok(w.do("member 2", SetKeys{Account: account("member 2"), Descriptor: descriptor("new 2").Bytes()}))
	w.ok(w.do("new 2", SetKeys{Account: account("member 2"), Descriptor: mOf(1, "new 2", "newer 2").Bytes()}))
	w.ok(w.do("stranger", SetKeys{Account: account("stranger"), Descriptor: descriptor("stranger's new").Bytes()}))
	w.ok(w.do("alice", AddIdentity{Name: "stranger", Descriptor: descriptor("stranger").Bytes()}))
	want := map[string]bool{}
	for _, i := range must(w.head().Identities()) {
		for _, k := range must(sign.ParseDescriptor(must(w.head().described(i.Account)))).Keys() {
			want[string(must(encodeKey(keyKey(k, i.Account))))] = true
		}
	}
	from := must(encodeKey([]any{"key"}))
	w.ok(w.head().m.Scan(from, wire.KeyPrefixEnd(from), func(key, _ []byte) error {
		if !want[string(key)] {
			t.Errorf("the index has %q", key)
		}
		delete(want, string(key))
		return nil
	}))
	if len(want) > 0 {
		t.Errorf("%d keys are not in the index", len(want))
	}
	for key, who := range map[string]string{"extra": "member 1", "member 7": "member 7", "newer 2": "member 2", "stranger's new": "stranger", "nobody": "nobody"} {
		if a, _, err := w.head().Signer(nil, ledgertest.Key(key)); err != nil || a != account(who) {
			t.Errorf("%s signs for %s, %v; want %s", key, a, err, account(who))
		}
	}
}
