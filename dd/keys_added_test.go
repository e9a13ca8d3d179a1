package dd

import (
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
)

// TestKeysAskedForNoLess: what an account signed by keys that it had counts as
// long as the present ones ask for no more than those did.
func TestKeysAskedForNoLess(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()}))
	bob := account("bob")
	one, two := descriptor("bob"), mOf(1, "bob", "bob 2")
	both, three := mOf(2, "bob", "bob 2"), mOf(2, "bob", "bob 2", "bob 3")
	counts := func(step string, d sign.Descriptor, want bool) {
		t.Helper()
		for _, keys := range [][]byte{d.Bytes(), nil} {
			if keys == nil && d.String() != one.String() {
				continue
			}
			err := Decide(w.head(), Question{Account: bob, Right: RightSign, Keys: keys})
			if (err == nil) != want || err != nil && !fault.Is(err, "AG0506") {
				t.Errorf("%s: signing by %s: %v", step, d, err)
			}
		}
	}
	counts("at first", one, true)
	counts("at first", two, false)
	w.ok(w.do("alice", SetKeys{Account: bob, Descriptor: two.Bytes()}))
	counts("a key added", one, true)
	counts("a key added", two, true)
	counts("a key added", mOf(1, "bob 2"), false) // it would do, and was never bob's
	counts("a key added", mOf(1, "bob", "bob 3"), false)
	w.ok(w.do("alice", SetKeys{Account: bob, Descriptor: both.Bytes()}))
	counts("both have to sign", one, false)
	counts("both have to sign", two, false)
	counts("both have to sign", both, true)
	w.ok(w.do("alice", SetKeys{Account: bob, Descriptor: three.Bytes()}))
	counts("two of three", both, true)
	counts("two of three", one, false)
	w.ok(w.do("alice", SetKeys{Account: bob, Descriptor: mOf(1, "bob 2", "bob 3").Bytes()}))
	counts("the first taken out", one, false)
	counts("the first taken out", both, false)
	counts("the first taken out", three, false)

	// carol has no name, so her first keys are nowhere to be read.
	w.ok(w.do("alice", SetKeys{Account: account("carol"), Descriptor: mOf(1, "carol", "carol 2").Bytes()}))
	for _, keys := range [][]byte{nil, descriptor("carol").Bytes()} {
		if err := Decide(w.head(), Question{Account: account("carol"), Right: RightSign, Keys: keys}); !fault.Is(err, "AG0506") {
			t.Error(err)
		}
	}
}
