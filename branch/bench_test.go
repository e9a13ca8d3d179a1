package branch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Each question is asked by a History that has nothing in memory, as the next
// command does, once over the index and once over headers alone.

func BenchmarkHistory(b *testing.B) {
	const n = 30_000
	line := store(b, chain(n))
	wild := store(b, ledgertest.Random(rand.New(rand.NewPCG(1, 1)), 10_000))
	tip, wildTip := line.id(fmt.Sprint(n-1)), wild.id("9999")
	for _, q := range []struct {
		name string
		d    *drawn
		ask  func(h *branch.History) error
	}{
		{"AtNumber/30k", line, func(h *branch.History) error { _, err := h.AtNumber(tip, 3); return err }},
		{"AtTime/30k", line, func(h *branch.History) error { _, err := h.AtTime(tip, 1_003_500); return err }},
		{"IsAncestor/30k", line, func(h *branch.History) error { _, err := h.IsAncestor(line.id("3"), tip); return err }},
		{"IsAncestor/dag10k", wild, func(h *branch.History) error { _, err := h.IsAncestor(wild.id("3"), wildTip); return err }},
		{"MergeBases/dag10k", wild, func(h *branch.History) error { _, err := h.MergeBases(wild.id("5"), wildTip); return err }},
		{"Only/dag10k", wild, func(h *branch.History) error { _, err := h.Only(wildTip, objectstore.Hash{}); return err }},
	} {
		for _, with := range []string{"index", "headers"} {
			b.Run(q.name+"/"+with, func(b *testing.B) {
				for range b.N {
					h := branch.NewHistory(q.d.db, nil)
					if with == "index" {
						h = branch.NewHistory(q.d.db, q.d.db.Index)
					}
					if err := q.ask(h); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	h := header("A", must(branch.NewBlock(header("G"))))
	data := must(h.Encode())
	b.Run(fmt.Sprintf("Encode/%dB", len(data)), func(b *testing.B) {
		for range b.N {
			must(h.Encode())
		}
	})
	b.Run("Decode", func(b *testing.B) {
		for range b.N {
			must(branch.DecodeHeader(data))
		}
	})
}
