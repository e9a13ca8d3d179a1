package ledgertest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Block is one block of a drawing.
type Block struct {
	Name    string
	Parents []string // first parent first
}

// Draw reads a drawing and gives its blocks, parents before children, else in
// the order in which they are named. It refuses a cycle and a third parent.
func Draw(drawing string) ([]Block, error) {
	var order []string
	parents := map[string][]string{}
	for line := range strings.Lines(drawing) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		last := ""
		for name := range strings.SplitSeq(line, "->") {
			name = strings.TrimSpace(name)
			if name == "" || len(strings.Fields(name)) != 1 {
				return nil, fmt.Errorf("drawing: %q is no name, in the line %q", name, strings.TrimSpace(line))
			}
			if _, ok := parents[name]; !ok {
				order, parents[name] = append(order, name), nil
			}
			if last != "" {
				parents[name] = append(parents[name], last)
			}
			if len(parents[name]) > 2 {
				return nil, fmt.Errorf("drawing: %s has three parents", name)
			}
			last = name
		}
	}
	var blocks []Block
	done := map[string]bool{}
	for len(blocks) < len(order) {
		before := len(blocks)
		for _, name := range order {
			ready := !done[name]
			for _, p := range parents[name] {
				ready = ready && done[p]
			}
			if ready {
				done[name] = true
				blocks = append(blocks, Block{Name: name, Parents: parents[name]})
			}
		}
		if len(blocks) == before {
			return nil, fmt.Errorf("drawing: its arrows go in a circle")
		}
	}
	return blocks, nil
}

// Random draws n blocks named 0 to n-1 with one genesis, among them merges and
// criss-crosses: parents are mostly among the last few blocks.
func Random(rng *rand.Rand, n int) []Block {
	blocks := make([]Block, n)
	pick := func(i int) int { return max(0, i-1-rng.IntN(1+rng.IntN(6))) }
	for i := range blocks {
		blocks[i].Name = fmt.Sprint(i)
		if i == 0 {
			continue
		}
		first := pick(i)
		blocks[i].Parents = []string{fmt.Sprint(first)}
		if second := pick(i); second != first && rng.IntN(3) == 0 {
			blocks[i].Parents = append(blocks[i].Parents, fmt.Sprint(second))
		}
	}
	return blocks
}

// Key gives a person's key, the same in every run. Everybody knows it: it is
// for tests only.
func Key(person string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("aergo-git test key of " + person))
	return ed25519.NewKeyFromSeed(seed[:])
}
