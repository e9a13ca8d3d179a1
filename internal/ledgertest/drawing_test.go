package ledgertest

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestDraw(t *testing.T) {
	blocks, err := Draw(`
		G -> A -> B -> M
		     A -> C -> M`)
	if err != nil {
		t.Fatal(err)
	}
	want := "[{G []} {A [G]} {B [A]} {C [A]} {M [B C]}]"
	if got := fmt.Sprint(blocks); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range []string{"A -> ", "A B -> C", "A -> B\nB -> A", "A -> D\nB -> D\nC -> D"} {
		if _, err := Draw(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestRandomHasMerges(t *testing.T) {
	merges := 0
	for i, b := range Random(rand.New(rand.NewPCG(1, 2)), 100) {
		for _, p := range b.Parents {
			var n int
			if _, err := fmt.Sscan(p, &n); err != nil || n >= i {
				t.Fatalf("block %d has the parent %s", i, p)
			}
		}
		if len(b.Parents) == 2 {
			merges++
		}
	}
	if merges < 10 {
		t.Errorf("%d merges in 100 blocks", merges)
	}
}
