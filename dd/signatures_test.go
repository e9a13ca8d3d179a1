package dd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// TestFollowNamesTheFirst damages chains in many ways: signatures that do not
// fit, of blocks and of operations, and blocks that are missing. Verified
// together, they get the very error that they get one after the other.
func TestFollowNamesTheFirst(t *testing.T) {
	w := newWorld(t)
	n := 0
	for range 12 {
		var ops []SignedOperation
		for range 3 {
			n++
			ops = append(ops, w.sign("alice", Grant{Role: Writer, Pattern: "eu/*", Account: account(fmt.Sprint("member ", n))}))
		}
		w.ok(w.append(ops...))
	}
	whole := w.chain()
	begin := must(Begin(must(must(w.d.Genesis()).Encode()), whole[0]))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 40 {
		chain := slices.Clone(whole[1:])
		bad := func(seal []byte) []byte {
			sl := must(sign.ParseSeal(seal))
			sl.Signatures[0].Bytes[rng.IntN(40)] ^= 1 << rng.IntN(7)
			return must(sl.Bytes())
		}
		for range rng.IntN(4) {
			i := rng.IntN(len(chain))
			var sl seals
			if err := wire.Unmarshal(chain[i].Seal, &sl); err != nil {
				t.Fatal(err)
			}
			if j := rng.IntN(4); j < len(sl.Operations) {
				sl.Operations[j] = bad(sl.Operations[j])
			} else {
				sl.Producer = bad(sl.Producer)
			}
			chain[i].Seal = must(wire.Marshal(sl))
		}
		if rng.IntN(3) == 0 {
			i := rng.IntN(len(chain))
			chain = slices.Delete(chain, i, i+1)
		}
		together, err := begin.Follow(each(chain), nil)
		one, want := begin, error(nil)
		for _, sealed := range chain {
			var next State
			if next, want = one.Next(sealed); want != nil {
				break
			}
			one = next
		}
		if fmt.Sprint(err) != fmt.Sprint(want) {
			t.Errorf("together: %v\none by one: %v", err, want)
		}
		if err == nil && together.Root() != one.Root() {
			t.Errorf("together they lead to %s, one by one to %s", together.Root(), one.Root())
		}
	}
	var sl seals
	if err := wire.Unmarshal(whole[5].Seal, &sl); err != nil {
		t.Fatal(err)
	}
	sl.Operations[1] = sl.Operations[0]
	whole[5].Seal = must(wire.Marshal(sl))
	_, err := begin.Follow(each(whole[1:]), nil)
	w.refused("AG0601", err)
	if err == nil || !strings.Contains(err.Error(), "directory block 5: operation 1: ") || !strings.Contains(err.Error(), "(grant by owner)") {
		t.Errorf("the error does not name block and operation: %v", err)
	}
}

// TestChangesReadAsTheMap writes records over a map and reads them, one by one
// and in ranges, as from the map that they are settled into.
func TestChangesReadAsTheMap(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	key := func() []byte { return must(encodeKey([]any{"name", fmt.Sprint(rng.IntN(60))})) }
	for range 100 {
		s := firstState()
		var below []prolly.Edit
		for range rng.IntN(40) {
			below = append(below, prolly.Edit{Key: key(), Value: []byte{byte(rng.IntN(256))}})
		}
		over := &changes{}
		for _, e := range below { // each key once
			over.put(e)
		}
		s.m = must(s.m.Apply(over.list))
		s.over = &changes{}
		for range rng.IntN(40) {
			e := prolly.Edit{Key: key()}
			if rng.IntN(3) > 0 {
				e.Value = []byte{byte(rng.IntN(256))}
			}
			s.over.put(e)
		}
		settled := must(s.settle())
		list := func(s State, from, to []byte) string {
			text := ""
			err := s.values(from, to, func(key, value []byte) error {
				text += fmt.Sprintf("%x=%x ", key, value)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		for range 10 {
			from, to := key(), key()
			if bytes.Compare(from, to) > 0 {
				from, to = to, from
			}
			if got, want := list(s, from, to), list(settled, from, to); got != want {
				t.Fatalf("from %x to %x: got %s, want %s", from, to, got, want)
			}
			a, aok, aerr := s.value(from)
			b, bok, berr := settled.value(from)
			if !bytes.Equal(a, b) || aok != bok || aerr != nil || berr != nil {
				t.Fatalf("%x: got %x %v %v, want %x %v %v", from, a, aok, aerr, b, bok, berr)
			}
		}
	}
}
