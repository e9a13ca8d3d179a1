package branch

import (
	"container/heap"
	"fmt"
	"iter"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Walk gives all blocks that can be reached from the heads, each once, a block
// always before its parents: highest generation first, of equal ones the latest
// first. With firstParent it follows first parents only. An error ends it.
func (h *History) Walk(firstParent bool, heads ...objectstore.Hash) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		var q queue
		seen := make(map[objectstore.Hash]bool)
		add := func(id objectstore.Hash) error {
			if seen[id] {
				return nil
			}
			seen[id] = true
			n, err := h.node(id)
			if err == nil {
				heap.Push(&q, waiting{id, n.generation, n.time})
			}
			return err
		}
		for _, id := range heads {
			if err := add(id); err != nil {
				yield(Block{}, err)
				return
			}
		}
		for len(q) > 0 {
			b, err := h.Read(heap.Pop(&q).(waiting).id)
			if err != nil {
				yield(Block{}, err)
				return
			}
			if !yield(b, nil) {
				return
			}
			parents := b.Parents
			if firstParent && len(parents) > 1 {
				parents = parents[:1]
			}
			for _, p := range parents {
				if err := add(p); err != nil {
					yield(Block{}, fmt.Errorf("parent of block %s: %w", b.ID.Short(), err))
					return
				}
			}
		}
	}
}

// AtNumber gives the block with a number on the first-parent chain of head.
func (h *History) AtNumber(head objectstore.Hash, number Number) (objectstore.Hash, error) {
	n, err := h.node(head)
	if err != nil {
		return objectstore.Hash{}, err
	}
	if uint64(number) > n.number {
		return objectstore.Hash{}, fault.New("AG0201", "use a number up to "+fmt.Sprint(n.number),
			"there is no block #%d: the last one is #%d", number, n.number)
	}
	id, _, err := h.ancestor(head, func(n uint64, _ int64) bool { return n > uint64(number) })
	return id, err
}

// AtTime gives the latest block on the first-parent chain of head whose time
// (ms since 1970) is not after ms.
func (h *History) AtTime(head objectstore.Hash, ms int64) (objectstore.Hash, error) {
	id, n, err := h.ancestor(head, func(_ uint64, time int64) bool { return time > ms })
	if err == nil && n.time > ms {
		return objectstore.Hash{}, fault.New("AG0201", "use a later time, or the number of a block",
			"there was no block yet at that time")
	}
	return id, err
}

// ancestor goes down the first-parent chain while after holds for the block it
// stands on, and stops at the first for which it does not, or at the genesis.
// after must not become true again further down: numbers fall and times do not
// rise.
func (h *History) ancestor(id objectstore.Hash, after func(number uint64, time int64) bool) (objectstore.Hash, node, error) {
	for {
		n, err := h.node(id)
		if err != nil || len(n.parents) == 0 || !after(n.number, n.time) {
			return id, n, err
		}
		// The jump may go too far only where after does not hold there: the
		// answer may then lie between, so take one step instead.
		if !n.jump.IsZero() && after(n.jumpNumber, n.jumpTime) {
			id = n.jump
		} else {
			id = n.parents[0]
		}
	}
}
