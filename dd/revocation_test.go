package dd

import (
	"crypto"
	"slices"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// line is a history of one branch: blocks A, B, C and, beside C, a fork X.
var line = map[string][]string{"A": {"A"}, "B": {"A", "B"}, "C": {"A", "B", "C"}, "X": {"A", "B", "X"}}

// in tells whether a block of the line is last or before it.
func in(block string) func(objectstore.Hash) (bool, error) {
	return func(last objectstore.Hash) (bool, error) {
		for name, before := range line {
			if hash(name) == last {
				return slices.Contains(before, block), nil
			}
		}
		return false, nil
	}
}

func TestAStolenKeyCannotWriteIntoThePast(t *testing.T) {
	w := newBoard(t)
	bob := account("bob")
	b, id := w.branchOf("alice", "eu")
	w.ok(w.do("alice", b))
	seal := func(person string) []byte {
		return must(makeSeal(descriptor(person), sign.PurposeBlock, w.d.Ledger(), hash("block"), signers(person)))
	}
	old := w.head()
	revoke := RevokeKey{Account: bob, Key: public("bob"), Last: []Last{{Branch: id, Block: hash("B")}}, Reason: "laptop stolen"}
	w.refused("AG0510", w.decide(w.propose("alice", revoke, "alice", "carol"))) // still his key
	w.ok(w.decide(w.propose("alice", SetKeys{Account: bob, Descriptor: descriptor("bob 2").Bytes()}, "alice", "carol")))
	w.refused("AG0505", w.do("alice", revoke))
	w.refused("AG0501", w.do("mallory", revoke))
	w.ok(old.CheckRevoked(bob, seal("bob"), id, in("X"))) // nobody knew
	w.ok(w.head().CheckRevoked(bob, seal("bob"), id, in("X")))
	w.ok(w.decide(w.propose("alice", revoke, "alice", "carol")))

	// The thief names the old directory block, where the key was bob's: it does
	// not help her, for the newest directory is asked.
	s := w.head()
	w.ok(Decide(old, Question{Account: bob, Right: RightSign}))
	for _, accepted := range []string{"A", "B"} {
		w.ok(s.CheckRevoked(bob, seal("bob"), id, in(accepted)))
	}
	for _, stolen := range []string{"C", "X"} {
		w.refused("AG0509", s.CheckRevoked(bob, seal("bob"), id, in(stolen)))
	}
	w.refused("AG0509", s.CheckRevoked(bob, seal("bob"), hash("another branch"), in("A")))
	// What eu merged of a branch that is not listed counts with it, a statement on
	// that branch does not.
	w.ok(s.CheckRevokedBlock(bob, seal("bob"), hash("another branch"), in("A")))
	w.refused("AG0509", s.CheckRevokedBlock(bob, seal("bob"), hash("another branch"), in("X")))
	w.ok(s.CheckRevoked(bob, seal("bob 2"), id, in("C"))) // bob goes on
	w.ok(s.CheckRevoked(account("carol"), seal("carol"), id, in("C")))

	// It never comes back, not as one of several either; limits are for good.
	w.refused("AG0509", w.do("bob 2", SetKeys{Account: bob, Descriptor: mOf(1, "bob", "bob 3").Bytes()}))
	revoke.Last[0].Block = hash("C")
	w.refused("AG0703", w.decide(w.propose("alice", revoke, "alice", "carol")))
	revoke.Last[0].Branch = hash("another branch")
	w.ok(w.decide(w.propose("alice", revoke, "alice", "carol")))
	w.ok(w.head().CheckRevoked(bob, seal("bob"), hash("another branch"), in("B")))

	// A whole account.
	w.ok(w.decide(w.propose("alice", RevokeKey{Account: account("dave")}, "alice", "carol")))
	w.refused("AG0509", Decide(w.head(), Question{Account: account("dave"), Right: RightSign}))
	w.refused("AG0509", w.head().CheckRevoked(account("dave"), seal("dave"), id, in("A")))
	w.refused("AG0501", w.decide(w.propose("bob", RevokeKey{Account: account("alice")}, "bob 2", "carol")))
	if got := must(w.head().Revocations()); len(got) != 2 {
		t.Errorf("revocations %+v", got)
	}
	if _, err := VerifyChain(w.db, w.d.Ledger(), w.head().Block().ID); err != nil {
		t.Error(err)
	}
}

func TestAStolenKeyIsReplacedAndRevokedInOneStep(t *testing.T) {
	w := newBoard(t)
	bob := account("bob")
	b, id := w.branchOf("alice", "eu")
	w.ok(w.do("alice", b))
	c := RevokeKey{Account: bob, Key: public("bob"), Last: []Last{{Branch: id, Block: hash("B")}}, Keys: descriptor("bob").Bytes()}
	w.refused("AG0703", w.decide(w.propose("alice", c, "alice", "carol"))) // the same key again
	c.Keys = mOf(1, "bob", "bob 2").Bytes()
	w.refused("AG0510", w.decide(w.propose("alice", c, "alice", "carol"))) // it stays among others
	c.Keys = descriptor("bob 2").Bytes()
	w.refused("AG0505", w.do("bob", c)) // his own keys, but a revocation takes two
	w.refused("AG0501", w.do("mallory", c))
	w.refused("AG0102", w.decide(w.propose("alice", RevokeKey{Account: bob, Keys: c.Keys}, "alice", "carol")))
	w.ok(w.decide(w.propose("alice", c, "alice", "carol")))
	w.refused("AG0506", Decide(w.head(), Question{Account: bob, Right: RightSign}))
	w.ok(Decide(w.head(), Question{Account: bob, Right: RightSign, Keys: c.Keys}))
	w.refused("AG0509", w.do("bob 2", SetKeys{Account: bob, Descriptor: mOf(1, "bob", "bob 3").Bytes()}))

	// The owner's own key, by his own hand: one step, and the old key signs it.
	alice := newWorld(t)
	own := RevokeKey{Account: account("alice"), Key: public("alice"), Keys: descriptor("alice 2").Bytes()}
	alice.ok(alice.do("alice", own))
	alice.refused("AG0506", Decide(alice.head(), Question{Account: account("alice"), Right: RightSign}))
	if _, err := VerifyChain(w.db, w.d.Ledger(), w.head().Block().ID); err != nil {
		t.Error(err)
	}
}

func TestARevokedAccountGetsNothing(t *testing.T) {
	w := newWorld(t)
	dave := account("dave")
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "*", Account: dave}))
	b, _ := w.branchOf("alice", "eu")
	w.ok(w.do("alice", b))
	w.ok(w.do("alice", RevokeKey{Account: dave}))
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	other, _ := w.branchOf("alice", "us")
	other.Producer = dave
	for name, c := range map[string]Change{
		"keys": SetKeys{Account: dave, Descriptor: descriptor("dave 2").Bytes()}, "role": Grant{Role: Reader, Pattern: "*", Account: dave},
		"name": AddIdentity{Name: "dave", Descriptor: descriptor("dave").Bytes()}, "directory": SetProducer{Account: dave},
		"branch": UpdateBranch{ID: main.ID, Producer: dave}, "new branch": other,
		"stand-by":      ProtectBranch{ID: main.ID, From: hash("head"), Standbys: []objectstore.Account{dave}},
		"keys in a way": RevokeKey{Account: dave, Key: public("dave"), Keys: descriptor("dave 2").Bytes()},
	} {
		if err := w.do("alice", c); !fault.Is(err, "AG0525") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.ok(w.do("alice", Revoke{Role: Producer, Pattern: "*", Account: dave})) // taking away goes

	// An admin whom the threshold needs cannot be revoked wholly, and one who was
	// is not counted any more.
	board := newBoard(t) // 2 of alice, bob, carol
	board.ok(board.decide(board.propose("alice", RevokeKey{Account: account("carol")}, "alice", "bob")))
	board.refused("AG0505", board.decide(board.propose("alice", RevokeKey{Account: account("bob")}, "alice", "bob")))
	board.refused("AG0102", board.decide(board.propose("alice", SetThreshold{Threshold: 3}, "alice", "bob")))
}

// Of an account of m of n keys one id can stand beside good seals by different
// keys. Which of them a store has decides nothing: what signed is the account's
// keys, and a thief must have had enough of them.
func TestRevocationDoesNotAskWhichSealIsStored(t *testing.T) {
	type on map[string]string // last accepted block, by key
	for _, c := range []struct {
		m       int
		revoked on
		in      string
		good    bool
	}{
		{2, on{"bob": "B"}, "C", true}, // the thief of one key signs nothing alone
		{2, on{"bob": "B", "bob 2": "B"}, "B", true},
		{2, on{"bob": "B", "bob 2": "B"}, "C", false}, // two keys do
		{2, on{"bob": "B", "bob 2": "C"}, "C", true},  // until C she had one only
		{2, on{"bob": "B", "bob 2": "C"}, "X", false},
		{1, on{"bob": "B"}, "B", true},
		{1, on{"bob": "B"}, "C", false}, // each key could have signed it
		{3, on{"bob": "B", "bob 2": "B"}, "C", true},
		{3, on{"bob": "A", "bob 2": "A", "bob 3": "B"}, "B", true},
		{3, on{"bob": "A", "bob 2": "A", "bob 3": "B"}, "C", false},
	} {
		w := newBoard(t)
		bob := account("bob")
		b, id := w.branchOf("alice", "eu")
		w.ok(w.do("alice", b))
		keys := []string{"bob", "bob 2", "bob 3"}
		d := mOf(c.m, keys...)
		w.ok(w.decide(w.propose("alice", SetKeys{Account: bob, Descriptor: d.Bytes()}, "alice", "carol")))
		w.ok(w.decide(w.propose("alice", SetKeys{Account: bob, Descriptor: descriptor("bob 4").Bytes()}, "alice", "carol")))
		for key, last := range c.revoked {
			w.ok(w.decide(w.propose("alice", RevokeKey{Account: bob, Key: public(key), Last: []Last{{Branch: id, Block: hash(last)}}}, "alice", "carol")))
		}
		for without := range keys {
			var by []crypto.Signer
			for i := range c.m {
				by = append(by, signers(keys[(without+i)%len(keys)])...)
			}
			seal := must(makeSeal(d, sign.PurposeBlock, w.d.Ledger(), hash("block"), by))
			for name, check := range map[string]func(objectstore.Account, []byte, objectstore.Hash, func(objectstore.Hash) (bool, error)) error{
				"block": w.head().CheckRevokedBlock, "statement": w.head().CheckRevoked,
			} {
				err := check(bob, seal, id, in(c.in))
				if c.good && err != nil || !c.good && !fault.Is(err, "AG0509") {
					t.Errorf("%d of 3, revoked %v, %s in %s, signed by %d from key %d: %v", c.m, c.revoked, name, c.in, c.m, without, err)
				}
			}
		}
	}
}

func TestAnchors(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "main", Account: account("bob")}))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "main", Account: account("carol")}))
	at := AnchorBranch{Branch: main.ID, Block: hash("B"), Number: 2, Sequence: 1}
	w.refused("AG0502", w.do("bob", at)) // not its producer
	w.refused("AG0502", w.do("mallory", at))
	w.ok(w.do("carol", at)) // an admin
	w.refused("AG0605", w.do("alice", at))
	for name, back := range map[string]AnchorBranch{
		"number":   {Branch: main.ID, Block: hash("A"), Number: 1, Sequence: 2},
		"fork":     {Branch: main.ID, Block: hash("X"), Number: 2, Sequence: 2},
		"sequence": {Branch: main.ID, Block: hash("C"), Number: 3},
	} {
		if err := w.do("alice", back); err == nil {
			t.Errorf("%s went back", name)
		}
	}
	w.refused("AG0102", w.do("alice", AnchorBranch{Branch: main.ID, Block: hash("C"), Number: 3, Epoch: 1, Sequence: 2}))
	w.refused("AG0202", w.do("alice", AnchorBranch{Branch: hash("none"), Block: hash("C")}))
	w.ok(w.do("alice", AnchorBranch{Branch: main.ID, Block: hash("C"), Number: 3, Sequence: 2}))
	contains := func(head string) func(objectstore.Hash) (bool, error) {
		return func(block objectstore.Hash) (bool, error) {
			return slices.ContainsFunc(line[head], func(n string) bool { return hash(n) == block }), nil
		}
	}
	s := w.head()
	w.ok(s.CheckAnchor(main.ID, 3, contains("C")))
	w.ok(s.CheckAnchor(main.ID, 1, contains("A"))) // only behind
	w.refused("AG0511", s.CheckAnchor(main.ID, 3, contains("X")))
	w.ok(s.CheckAnchor(hash("not registered"), 3, contains("X")))
}

// TestRevokingAgainCountsTheNewKeys: keys that come with a second revocation of a
// key are a change like any other.
func TestRevokingAgainCountsTheNewKeys(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()}))
	key := descriptor("bob").Keys()[0]
	w.ok(w.do("alice", RevokeKey{Account: account("bob"), Key: key, Keys: descriptor("bob 1").Bytes()}))
	w.ok(w.do("alice", RevokeKey{Account: account("bob"), Key: key, Keys: descriptor("bob 2").Bytes(), Last: []Last{{Branch: hash("b"), Block: hash("x")}}}))
	if l := w.head().ledger; l.Rotated != 2 || l.Revoked != 1 {
		t.Errorf("%d changes of keys and %d revocations, not 2 and 1", l.Rotated, l.Revoked)
	}
}
