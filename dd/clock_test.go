package dd

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/objectstore"
)

// TestClocksThatDrift: alice directs the ledger and publishes main. Nodes whose
// clocks drift apart, by up to half an hour, and jump back, exchange what they
// have. Whatever is refused meanwhile is refused by the clock; once time has gone
// by all agree, and nothing that alice made is lost.
func TestClocksThatDrift(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	late := 0
	for range 4 {
		alice := newWorld(t)
		main, _, err := alice.head().BranchNamed("main")
		alice.ok(err)
		nodes := []*world{alice, alice.follower(), alice.follower(), alice.follower()}
		drift := make([]int64, len(nodes))
		now := int64(10 * day)
		clock := func(i int) int64 { return now + drift[i] }
		byClock := func(err error) {
			if err == nil {
				return
			}
			if code := fault.Of(err); code == nil || code.ID != "AG0508" && code.ID != "AG0601" && code.ID != "AG0605" {
				t.Fatalf("refused, and not for the clock: %v", err)
			}
			late++
		}
		// give hands over what one node has to another.
		give := func(from, to int) error {
			err := nodes[to].commit(func(b objectstore.Batch) error {
				_, err := nodes[to].d.Accept(b, nodes[from].chain(), clock(to))
				return err
			})
			if err != nil {
				return err
			}
			st, seal, err := nodes[from].d.LatestStatement(main.ID)
			if err != nil {
				return nil // nothing is published there
			}
			return nodes[to].commit(func(b objectstore.Batch) error {
				e, err := nodes[to].d.TakeStatement(b, st, seal, clock(to), Question{})
				if e != nil {
					t.Fatalf("an honest producer is accused: %+v", e)
				}
				return err
			})
		}
		for range 40 {
			now += rng.Int64N(600_000)
			i := rng.IntN(len(nodes))
			if drift[i] += rng.Int64N(600_000) - 300_000; rng.IntN(8) == 0 {
				drift[i] = rng.Int64N(3_600_000) - 1_800_000 // it was set, rightly or not
			}
			switch rng.IntN(4) {
			case 0:
				alice.salts++
				alice.ok(alice.commit(func(b objectstore.Batch) error {
					o, err := Propose(alice.head(), SetVisibility{Public: alice.salts%2 == 0}, clock(0), hash(fmt.Sprint("drift ", alice.salts)), nil, ledgertest.Key("alice"))
					if err != nil {
						return err
					}
					_, err = alice.d.Append(b, clock(0), []SignedOperation{o}, nil, ledgertest.Key("alice"))
					return err
				}))
			case 1:
				alice.ok(alice.commit(func(b objectstore.Batch) error {
					_, _, err := alice.d.MakeStatement(b, main.ID, hash(fmt.Sprint("head ", now)), clock(0), day, Question{}, nil, ledgertest.Key("alice"))
					return err
				}))
			default:
				byClock(give(rng.IntN(len(nodes)), i))
			}
		}
		now += 2 * day
		for i := range nodes {
			byClock(give(0, i))
			if got, want := nodes[i].head().Block().ID, alice.head().Block().ID; got != want {
				t.Fatalf("node %d follows %s, alice %s", i, got.Short(), want.Short())
			}
			if f := must(nodes[i].d.Forks()); len(f) > 0 {
				t.Fatalf("alice is accused: %+v", f)
			}
			want, _, err := alice.d.LatestStatement(main.ID)
			if err != nil {
				continue
			}
			got, _, err := nodes[i].d.LatestStatement(main.ID)
			if err != nil || got.Block != want.Block {
				t.Fatalf("node %d knows head %s, alice published %s; %v", i, got.Block.Short(), want.Block.Short(), err)
			}
		}
	}
	t.Logf("%d exchanges were refused for a clock", late)
}
