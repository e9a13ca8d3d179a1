package dd

import (
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// madeTwo says by brute force whether the producer of the best block has made two
// blocks in his term of which neither follows the other. The first of the tree is
// where all begins.
func madeTwo(tree []made, best State) bool {
	at := map[objectstore.Hash]made{}
	for _, b := range tree {
		at[b.state.Block().ID] = b
	}
	var his []made
	for _, b := range tree[1:] {
		term := at[b.parent].state.ledger.Term
		if takesOver(b.state.Block()) {
			term++
		}
		if term == best.ledger.Term && b.state.Block().Producer == best.Producer() {
			his = append(his, b)
		}
	}
	follows := func(b, a made) bool {
		for ok := true; ok; b, ok = at[b.parent] {
			if b.state.Block().ID == a.state.Block().ID {
				return true
			}
		}
		return false
	}
	for i, a := range his {
		for _, b := range his[:i] {
			if !follows(a, b) && !follows(b, a) {
				return true
			}
		}
	}
	return false
}

// proves checks a standing fork as a stranger does, who has the ledger id.
func (w *world) proves(f Fork) {
	w.t.Helper()
	other, err := w.d.OtherLine(w.head(), f)
	w.ok(err)
	first := must(DecodeBlock(other[0].Data))
	from := must(w.d.At(first.Parent))
	var own []SealedBlock
	for _, sealed := range w.chain() {
		if b := must(DecodeBlock(sealed.Data)); b.Number > from.Block().Number {
			own = append(own, sealed)
		}
	}
	got, err := VerifyFork(from, own, other)
	w.ok(err)
	if got.Term != f.Term || got.Producer != f.Producer {
		w.t.Errorf("the proof is of %s in term %d, not of %s in term %d", got.Producer, got.Term, f.Producer, f.Term)
	}
}

// fork has alice make two chains after the head, one of one block and one of two.
func (w *world) fork() (short made, long []made) {
	s := w.head()
	short = w.next(s, "alice", w.visible(s))
	a := w.next(s, "alice", w.visible(s))
	return short, []made{a, w.next(a.state, "alice", w.visible(a.state))}
}

// TestTheDirectorysProducerMakesTwoChains: it is known whatever comes first, hinders
// nobody who follows, stops alice's own program, and ends when the admins decide.
func TestTheDirectorysProducerMakesTwoChains(t *testing.T) {
	w := newBoard(t)
	short, long := w.fork()
	early, late := w.follower(), w.follower()
	w.ok(early.accept(short.SealedBlock))
	if f := must(early.d.StandingFork(early.head())); f != nil {
		t.Fatal("one chain is evidence")
	}
	w.ok(early.accept(long[0].SealedBlock, long[1].SealedBlock))
	w.ok(late.accept(long[0].SealedBlock, long[1].SealedBlock))
	w.ok(late.accept(short.SealedBlock))
	for _, node := range []*world{early, late} {
		if node.head().Block().ID != long[1].state.Block().ID {
			t.Fatal("the longer chain is not followed")
		}
		f := must(node.d.StandingFork(node.head()))
		if f == nil || f.Producer != account("alice") || f.A.Number != f.B.Number {
			t.Fatalf("fork %+v", f)
		}
		node.proves(*f)
		w.refused("AG0607", node.do("bob", SetVisibility{Public: true})) // by alice's program
		node.ok(node.accept(w.next(node.head(), "alice", w.visible(node.head())).SealedBlock))
	}

	// A sole admin would do it alone; here two of three do, and keep the shorter one.
	s := short.state
	for _, c := range []SetProducer{{Account: account("alice")}, {Account: account("alice"), After: long[0].state.Block().ID}} {
		_, err := NewProposal(s, c, account("alice"), s.Block().Time, hash("x"))
		w.ok(err)
		p := must(NewProposal(s, c, account("alice"), s.Block().Time, hash("y")))
		if err := p.Check(s, 0); err == nil {
			t.Errorf("%+v: alice is the producer, or it is another place", c)
		}
	}
	o := w.agreed(s, SetProducer{Account: account("alice"), After: s.Block().ID}, "alice", "bob")
	after := func(node *world, person string) error {
		return node.commit(func(b objectstore.Batch) error {
			_, err := node.d.AppendAfter(b, s.Block().ID, s.Block().Time+9, []SignedOperation{o}, nil, ledgertest.Key(person))
			return err
		})
	}
	w.refused("AG0601", after(late, "carol"))
	w.ok(after(late, "alice"))
	decided := late.head()
	if decided.Block().Parent != s.Block().ID || must(late.d.StandingFork(decided)) != nil {
		t.Error("it is not decided")
	}
	w.ok(late.do("bob", SetVisibility{Public: true}))
	w.ok(early.accept(must(late.d.Sealed(decided.Block().ID))))
	if early.head().Block().ID != decided.Block().ID || must(early.d.StandingFork(early.head())) != nil {
		t.Error("another node does not follow what was decided")
	}
	if _, err := VerifyChain(late.db, late.d.Ledger(), late.head().Block().ID); err != nil {
		t.Error(err)
	}
	// What was appointed since is not left by an older block.
	w.refused("AG0601", after(late, "alice"))
}

// TestAForkBesideAnotherHead: while carol's chain is followed, the two that bob
// made do not meet. Whoever is shown the one he left again knows, too.
func TestAForkBesideAnotherHead(t *testing.T) {
	w := newBoard(t)
	s := w.head()
	left := w.next(s, "bob", w.appoint(s, "bob"))
	carols := w.next(s, "carol", w.appoint(s, "carol"))
	then := w.next(carols.state, "carol", w.visible(carols.state))
	bobs := []SealedBlock{}
	other := w.next(s, "bob", w.appoint(s, "bob"))
	for range 3 {
		bobs = append(bobs, other.SealedBlock)
		other = w.next(other.state, "bob", w.visible(other.state))
	}
	lists := [][]SealedBlock{{left.SealedBlock}, {carols.SealedBlock, then.SealedBlock}, bobs}
	for _, order := range [][]int{{0, 2, 1}, {0, 1, 2, 0}, {2, 0, 1}, {1, 2, 0}} {
		node := w.follower()
		for _, i := range order {
			w.ok(node.accept(lists[i]...))
		}
		if f := must(node.d.StandingFork(node.head())); f == nil || f.Producer != account("bob") {
			t.Errorf("order %v: fork %+v", order, f)
			continue
		} else {
			node.proves(*f)
		}
	}
}

// TestAProducerKeepsHisOwnTakeOver: admins who say twice after which block carol
// goes on do not lead her program into making two chains.
func TestAProducerKeepsHisOwnTakeOver(t *testing.T) {
	w := newBoard(t)
	s := w.head()
	for range 6 { // the lower id decides
		_ = w.commit(func(b objectstore.Batch) error {
			o := w.agreed(s, SetProducer{Account: account("carol"), After: s.Block().ID}, "alice", "bob")
			_, err := w.d.AppendAfter(b, s.Block().ID, s.Block().Time+9, []SignedOperation{o}, nil, ledgertest.Key("carol"))
			return err
		})
		if f := must(w.d.StandingFork(w.head())); f != nil {
			t.Fatalf("carol's own program made the fork %+v", f)
		}
	}
}

// TestAForgedFork: mallory has no two chains of alice's.
func TestAForgedFork(t *testing.T) {
	w := newBoard(t)
	s := w.head()
	short, long := w.fork()
	honest := []SealedBlock{long[0].SealedBlock, long[1].SealedBlock}
	took := w.next(s, "carol", w.appoint(s, "carol"))
	broken := short.SealedBlock
	broken.Seal = long[0].Seal
	bobs := stateOf(must(genesisOf("bob").Encode()))
	for what, chain := range map[string][]SealedBlock{
		"the same chain":       honest,
		"a part of it":         honest[:1],
		"the next producer's":  {took.SealedBlock},
		"another's seal":       {broken},
		"mallory's own":        {mustSeal(s, "mallory", w.visible(s))},
		"of another place":     {honest[1]},
		"of another ledger":    {w.next(bobs, "bob", w.visible(bobs)).SealedBlock},
		"a chain of no blocks": {},
	} {
		if _, err := VerifyFork(s, honest, chain); err == nil {
			t.Errorf("%s is a proof", what)
		}
		w.follower().acceptQuietly(honest, chain)
	}
	_, err := VerifyFork(s, honest, []SealedBlock{took.SealedBlock})
	w.refused("AG0608", err)
	if _, err := VerifyFork(s, honest, []SealedBlock{short.SealedBlock}); err != nil {
		t.Error(err)
	}
}

// acceptQuietly gives a follower two chains, the second of which proves nothing.
func (w *world) acceptQuietly(a, b []SealedBlock) {
	w.t.Helper()
	w.ok(w.accept(a...))
	_ = w.accept(b...) // refused or not
	if f := must(w.d.Forks()); len(f) > 0 {
		w.t.Errorf("kept as proof: %+v", f)
	}
}

// mustSeal is a block that somebody signs who may not.
func mustSeal(s State, person string, op SignedOperation) SealedBlock {
	next := must(s.perform([]SignedOperation{op}, s.Block().Time, &signatures{batch: sign.Batch{Keys: sign.NewKeyCache(8)}}))
	h := Header{Version: 1, Ledger: s.Ledger(), Parent: s.Block().ID, Number: s.Block().Number + 1, Time: s.Block().Time,
		Operations: [][]byte{op.Data}, State: next.Root(), Producer: account("alice")}
	return must(seal(h, seals{Operations: [][]byte{op.Seal}}, descriptor(person), signers(person)))
}

// agreed is a root matter that people sign on a state.
func (w *world) agreed(s State, c Change, people ...string) SignedOperation {
	w.t.Helper()
	w.salts++
	p := must(NewProposal(s, c, account(people[0]), s.Block().Time, hash(people[0]+string(rune(w.salts)))))
	for _, name := range people {
		p = must(p.Sign(s, "", ledgertest.Key(name)))
	}
	return must(p.Complete(s))
}

// TestAClockAYearAhead: alice's machine makes a block by a clock that is a year
// ahead. Set right, it makes no other, says so, and the admins leave the block.
func TestAClockAYearAhead(t *testing.T) {
	const year = 365 * day
	w := newBoard(t)
	good := w.head()
	now := good.Block().Time + 1000
	by := func(person string, at int64, c Change) error {
		return w.commit(func(b objectstore.Batch) error {
			w.salts++
			s := w.head()
			o, err := Propose(s, c, at, hash("clock "+string(rune(w.salts))), nil, ledgertest.Key(person))
			if err != nil {
				return err
			}
			_, err = w.d.Append(b, at, []SignedOperation{o}, nil, ledgertest.Key("alice"))
			return err
		})
	}
	other := w.follower()
	w.ok(by("bob", now+year, SetVisibility{Public: true}))
	bad := must(w.d.Sealed(w.head().Block().ID))
	w.refused("AG0508", by("bob", now, SetVisibility{}))
	w.refused("AG0508", other.commit(func(b objectstore.Batch) error {
		_, err := other.d.Accept(b, []SealedBlock{bad}, now)
		return err
	}))
	o := w.agreed(good, SetProducer{Account: account("alice"), After: good.Block().ID}, "alice", "bob")
	w.ok(w.commit(func(b objectstore.Batch) error {
		_, err := w.d.AppendAfter(b, good.Block().ID, now, []SignedOperation{o}, nil, ledgertest.Key("alice"))
		return err
	}))
	w.ok(by("bob", now+1, SetVisibility{}))
	w.ok(other.commit(func(b objectstore.Batch) error {
		_, err := other.d.Accept(b, w.chain(), now)
		return err
	}))
	if other.head().Block().ID != w.head().Block().ID {
		t.Error("who refused the block does not follow")
	}
	// Who took it, by a clock as wrong, comes over, too.
	wrong := w.follower()
	if wrong.head().Block().ID != w.head().Block().ID {
		t.Error("a new follower is elsewhere")
	}
}
