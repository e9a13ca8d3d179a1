package dd

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/objectstore"
)

// follower is somebody with a copy of a chain.
func (w *world) follower() *world {
	w.t.Helper()
	f := &world{t: w.t, db: newStore(w.t)}
	w.ok(f.commit(func(b objectstore.Batch) error {
		_, err := Adopt(b, w.d.Ledger(), must(genesisBytes(w.db, w.d.Ledger())), w.chain())
		return err
	}))
	f.d = must(Open(f.db, f.db))
	return f
}

func (w *world) accept(chain ...SealedBlock) error {
	return w.commit(func(b objectstore.Batch) error {
		_, err := w.d.Accept(b, chain, 1<<40)
		return err
	})
}

// made is a block that somebody made, and what it follows.
type made struct {
	SealedBlock
	state  State
	parent objectstore.Hash
}

// next has a person make a block on any state, without a store.
func (w *world) next(s State, person string, ops ...SignedOperation) made {
	w.t.Helper()
	sealed, next, err := s.Make(s.Block().Time+1, ops, nil, ledgertest.Key(person))
	w.ok(err)
	return made{sealed, next, s.Block().ID}
}

// appoint is the wish of alice and bob that a person directs, seen from s.
func (w *world) appoint(s State, person string) SignedOperation {
	w.t.Helper()
	w.salts++
	p, err := NewProposal(s, SetProducer{Account: account(person)}, account("alice"), s.Block().Time, hash(fmt.Sprint("appoint ", w.salts)))
	w.ok(err)
	for _, name := range []string{"alice", "bob"} {
		p, err = p.Sign(s, "", ledgertest.Key(name))
		w.ok(err)
	}
	return must(p.Complete(s))
}

func (w *world) visible(s State) SignedOperation {
	w.salts++
	return must(Propose(s, SetVisibility{Public: w.salts%2 == 0}, s.Block().Time, hash(fmt.Sprint("visible ", w.salts)), nil, ledgertest.Key("bob")))
}

// TestWhoHasTheDeposedProducersBlocksComesBack: alice, deposed for carol, goes on
// with all the tricks she has. Whoever saw her blocks first leaves them.
func TestWhoHasTheDeposedProducersBlocksComesBack(t *testing.T) {
	w := newBoard(t)
	s := w.head()
	order := w.appoint(s, "carol")
	took := w.next(s, "carol", order)

	early := w.follower()
	var chain []SealedBlock
	at := s
	for range 5 {
		b := w.next(at, "alice", w.visible(at))
		chain, at = append(chain, b.SealedBlock), b.state
	}
	repeated := w.next(at, "alice", order) // as if she had put it in order herself, five blocks later
	w.ok(early.accept(chain...))
	w.ok(early.accept(took.SealedBlock))
	if early.head().Block().ID != took.state.Block().ID {
		t.Fatal("five blocks of the deposed producer beat the admins")
	}
	w.ok(early.accept(append(chain, repeated.SealedBlock)...))
	if early.head().Block().ID != took.state.Block().ID {
		t.Fatal("the deposed producer repeated the admins' operation and won")
	}
	// Who saw the repetition first leaves it, too.
	late := w.follower()
	w.ok(late.accept(append(chain, repeated.SealedBlock)...))
	w.ok(late.accept(took.SealedBlock))
	if late.head().Block().ID != took.state.Block().ID {
		t.Error("two followers disagree")
	}
	w.refused("AG0601", late.accept(w.next(took.state, "carol", w.visible(took.state)).SealedBlock, chain[0]))

	// A clock that is behind takes nothing; a stranger's block has no place.
	w.refused("AG0508", late.commit(func(b objectstore.Batch) error {
		_, err := late.d.Accept(b, []SealedBlock{w.next(took.state, "carol", w.visible(took.state)).SealedBlock}, -MaxBlockAhead)
		return err
	}))
	b1 := w.next(took.state, "carol", w.visible(took.state))
	w.refused("AG0601", late.accept(w.next(b1.state, "carol", w.visible(b1.state)).SealedBlock))
	if _, err := VerifyChain(late.db, late.d.Ledger(), late.head().Block().ID); err != nil {
		t.Error(err)
	}
}

// TestAnyOrderOfArrival grows a random tree of blocks by producers who equivocate,
// admins who appoint, and producers who repeat what admins signed. Nodes that get
// the blocks one by one, each in its own order, follow the same block in the end,
// and agree whether its producer made two chains in his term once each has been
// shown all again: what lost against another producer's chain is not kept.
func TestAnyOrderOfArrival(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	accused := 0
	defer func() { t.Logf("%d nodes know that the producer made two chains", accused) }()
	for range 8 {
		w := newBoard(t)
		people := map[objectstore.Account]string{}
		for _, p := range []string{"alice", "bob", "carol"} {
			people[account(p)] = p
		}
		tree := []made{{state: w.head()}}
		var orders []SignedOperation
		for len(tree) < 14 {
			s := tree[rng.IntN(len(tree))].state
			person := people[s.Producer()]
			ops := []SignedOperation{w.visible(s)}
			switch who := []string{"alice", "bob", "carol"}[rng.IntN(3)]; {
			case rng.IntN(3) == 0 && account(who) != s.Producer():
				o := w.appoint(s, who)
				orders, ops, person = append(orders, o), []SignedOperation{o}, who
			case rng.IntN(3) == 0 && len(orders) > 0:
				o := orders[rng.IntN(len(orders))]
				if _, err := s.With(o, 0); err == nil {
					ops = []SignedOperation{ops[0], o}
				}
			}
			tree = append(tree, w.next(s, person, ops...))
		}
		best := tree[0].state
		for _, b := range tree[1:] {
			if b.state.Better(best) {
				best = b.state
			}
			parent := tree[0].state
			for _, p := range tree {
				if p.state.Block().ID == b.parent {
					parent = p.state
				}
			}
			if !b.state.Better(parent) || parent.Better(b.state) {
				t.Fatal("a block is no better than the one before it")
			}
		}
		twice := madeTwo(tree, best)
		for range 4 {
			node := w.follower()
			has := map[objectstore.Hash]made{}
			for _, i := range append(rng.Perm(len(tree)-1), rng.IntN(len(tree)-1)) {
				b := tree[i+1]
				has[b.state.Block().ID] = b
				if f := must(node.d.StandingFork(node.head())); f != nil {
					node.proves(*f) // an accusation is never wrong, however little is known
				}
				for _, tip := range has { // in any order, too
					var chain []SealedBlock
					at := tip.state.Block().ID
					for at != w.head().Block().ID {
						b, ok := has[at]
						if !ok {
							chain = nil
							break
						}
						chain, at = append([]SealedBlock{b.SealedBlock}, chain...), b.parent
					}
					w.ok(node.accept(chain...))
				}
			}
			if got := node.head().Block().ID; got != best.Block().ID {
				t.Fatalf("one node follows %s, the best is %s", got.Short(), best.Block().ID.Short())
			}
			f := must(node.d.StandingFork(node.head()))
			if (f != nil) != twice {
				t.Fatalf("of the producer of %s it is known that he made two chains: %v, want %v", best.Block().ID.Short(), f != nil, twice)
			}
			if f != nil {
				accused++
				node.proves(*f)
			}
		}
	}
}
