package branch

import (
	"bytes"
	"container/heap"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/objectstore"
)

// IsAncestor reports whether a is b or can be reached from b over parents.
func (h *History) IsAncestor(a, b objectstore.Hash) (bool, error) {
	if a == b {
		return true, nil
	}
	na, err := h.node(a)
	if err != nil {
		return false, err
	}
	nb, err := h.node(b)
	if err != nil {
		return false, err
	}
	if na.generation >= nb.generation {
		return false, nil
	}
	// Most questions are about one line of history.
	if na.number < nb.number {
		at, _, err := h.ancestor(b, func(n uint64, _ int64) bool { return n > na.number })
		if err != nil {
			return false, err
		}
		if at == a {
			return true, nil
		}
	}
	// A block's ancestors all have a lower generation, so nothing at or below
	// a's leads to a.
	seen := map[objectstore.Hash]bool{b: true}
	stack := slices.Clone(nb.parents)
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if id == a {
			return true, nil
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		n, err := h.node(id)
		if err != nil {
			return false, err
		}
		if n.generation > na.generation {
			stack = append(stack, n.parents...)
		}
	}
	return false, nil
}

// MergeBases gives the best common ancestors of a and b, ascending by id: those
// that are no ancestor of another common one. A criss-cross has several,
// unrelated histories none; of a block and its ancestor it is the ancestor.
func (h *History) MergeBases(a, b objectstore.Hash) ([]objectstore.Hash, error) {
	var bases []objectstore.Hash
	p := newPainter(h, func(paint color) bool { return paint&below == 0 })
	if err := p.add(a, fromA); err != nil {
		return nil, err
	}
	if err := p.add(b, fromB); err != nil {
		return nil, err
	}
	err := p.run(func(id objectstore.Hash, paint color) color {
		if paint&below != 0 {
			return paint
		}
		if paint == fromA|fromB {
			bases = append(bases, id)
			return paint | below
		}
		return paint
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(bases, func(x, y objectstore.Hash) int { return bytes.Compare(x[:], y[:]) })
	return bases, nil
}

// Only gives the blocks that can be reached from source and not from target, in
// the order in which a merge replays them: source's first-parent chain, oldest
// first, and before a block with two parents what its second parent brings, by
// the same rule, each block once. A zero target reaches nothing.
func (h *History) Only(source, target objectstore.Hash) ([]objectstore.Hash, error) {
	only, err := h.onlySet(source, target)
	if err != nil {
		return nil, err
	}
	order := make([]objectstore.Hash, 0, len(only))
	// chain takes the part of a first-parent chain that is not in order yet,
	// youngest first. What is not in only has no ancestor in it; what is in
	// order already has all its ancestors there too.
	done := make(map[objectstore.Hash]bool, len(only))
	chain := func(id objectstore.Hash) (ids []objectstore.Hash) {
		for {
			parents, ok := only[id]
			if !ok || done[id] {
				return ids
			}
			ids = append(ids, id)
			if len(parents) == 0 {
				return ids
			}
			id = parents[0]
		}
	}
	for stack := [][]objectstore.Hash{chain(source)}; len(stack) > 0; {
		top := stack[len(stack)-1]
		if len(top) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		id := top[len(top)-1] // the oldest
		if parents := only[id]; len(parents) == 2 {
			if second := chain(parents[1]); len(second) > 0 {
				stack = append(stack, second)
				continue
			}
		}
		order, done[id] = append(order, id), true
		stack[len(stack)-1] = top[:len(top)-1]
	}
	return order, nil
}

// onlySet is the set behind Only, with each block's parents.
func (h *History) onlySet(source, target objectstore.Hash) (map[objectstore.Hash][]objectstore.Hash, error) {
	only := make(map[objectstore.Hash][]objectstore.Hash)
	p := newPainter(h, func(paint color) bool { return paint == fromA })
	if err := p.add(source, fromA); err != nil {
		return nil, err
	}
	if !target.IsZero() {
		if err := p.add(target, fromB); err != nil {
			return nil, err
		}
	}
	err := p.run(func(id objectstore.Hash, paint color) color {
		if paint == fromA {
			only[id] = p.nodes[id].parents
		}
		return paint
	})
	return only, err
}

// color says from where a block was reached.
type color uint8

const (
	fromA color = 1 << iota
	fromB
	below // an ancestor of a merge base
)

// painter walks down from some heads and paints each block with the colors of
// its descendants. Blocks come in descending generation, so that when a block
// comes all its descendants have come and its color is final.
type painter struct {
	h     *History
	nodes map[objectstore.Hash]node
	paint map[objectstore.Hash]color
	queue queue
	// open counts the queued blocks whose color still matters; when there are
	// none the walk is over.
	matters func(color) bool
	open    int
}

func newPainter(h *History, matters func(color) bool) *painter {
	return &painter{
		h: h, matters: matters,
		nodes: make(map[objectstore.Hash]node), paint: make(map[objectstore.Hash]color),
	}
}

func (p *painter) add(id objectstore.Hash, c color) error {
	was, queued := p.paint[id]
	if !queued {
		n, err := p.h.node(id)
		if err != nil {
			return err
		}
		p.nodes[id] = n
		heap.Push(&p.queue, waiting{id, n.generation, n.time})
	}
	p.paint[id] = was | c
	if queued && p.matters(was) {
		p.open--
	}
	if p.matters(was | c) {
		p.open++
	}
	return nil
}

// run calls visit for each block with its final color; visit gives the color
// for the block's parents.
func (p *painter) run(visit func(objectstore.Hash, color) color) error {
	for p.open > 0 {
		id := heap.Pop(&p.queue).(waiting).id
		c := p.paint[id]
		if p.matters(c) {
			p.open--
		}
		c = visit(id, c)
		n := p.nodes[id]
		for _, parent := range n.parents {
			if err := p.add(parent, c); err != nil {
				return err
			}
			if p.nodes[parent].generation >= n.generation {
				return fmt.Errorf("block %s: its generation is not above that of its parent %s", id.Short(), parent.Short())
			}
		}
	}
	return nil
}

// queue is a heap of blocks: highest generation first, then latest, then by id.
type queue []waiting

type waiting struct {
	id         objectstore.Hash
	generation uint64
	time       int64
}

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	a, b := q[i], q[j]
	switch {
	case a.generation != b.generation:
		return a.generation > b.generation
	case a.time != b.time:
		return a.time > b.time
	}
	return bytes.Compare(a.id[:], b.id[:]) < 0
}
func (q *queue) Push(x any) { *q = append(*q, x.(waiting)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
