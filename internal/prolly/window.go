package prolly

import (
	"bytes"
	"slices"
)

// How far a window reaches, in weight. An entry whose neighbours up to the edit
// weigh more than span cannot be affected by it (boundary.go), those nearer
// depend on entries up to span further away, and a node reaches less than
// span+maxWeight beyond its first entry. So two windows never change one node.
const (
	reachLeft  = 3 * span
	reachRight = 5 * span
)

// window is a stretch of one level that edits can affect.
type window struct {
	level int
	nodes []*node // before
	items []item  // after

	structural bool // keys come or go; else boundaries stay
	firstEdit  int  // items before the first key that comes or goes
	lastEdit   int  // items up to the last
}

// gather collects the nodes that the first edits of work can affect, and tells
// how many of the edits fall into them.
func (w *window) gather(m *Map, top *node, work []edit) (used int, err error) {
	at, err := m.seekNode(top, w.level, work[0].key)
	if err != nil {
		return 0, err
	}
	left, right := at, slices.Clone(at)
	w.nodes = []*node{at.node()}
	after, err := right.next(m)
	if err != nil {
		return 0, err
	}
	used = countBelow(work, after)
	if replacesOnly(w.nodes[0], work[:used]) && (used == len(work) || isFence(w.level, after, work[used:])) {
		return used, nil
	}
	for unedited := 0; after != nil && unedited < reachRight && !isFence(w.level, after, work[used:]); {
		taken := after
		w.nodes = append(w.nodes, taken)
		if after, err = right.next(m); err != nil {
			return 0, err
		}
		more := countBelow(work[used:], after)
		used += more
		unedited += taken.weight()
		if more > 0 {
			unedited = 0
		}
	}
	var before []*node
	for first, reached := w.nodes[0], 0; reached < reachLeft && !isFence(w.level, first, work[:used]); {
		if first, err = left.prev(m); err != nil {
			return 0, err
		}
		if first == nil {
			break
		}
		before = append(before, first)
		reached += first.weight()
	}
	slices.Reverse(before)
	w.nodes = append(before, w.nodes...)
	return used, nil
}

// countBelow is the number of edits before the node; all if it is nil.
func countBelow(work []edit, after *node) int {
	if after == nil {
		return len(work)
	}
	key := after.firstKey()
	n, _ := slices.BinarySearchFunc(work, key, func(e edit, key []byte) int { return bytes.Compare(e.key, key) })
	return n
}

func replacesOnly(n *node, work []edit) bool {
	for i := range work {
		if work[i].gone {
			return false
		}
		if _, ok := n.seek(work[i].key); !ok {
			return false
		}
	}
	return true
}

// isFence reports whether the node begins with an anchor that stays: no edit
// beyond it matters on this side.
func isFence(level int, n *node, work []edit) bool {
	key := n.firstKey()
	if !isAnchor(level, key) {
		return false
	}
	i, ok := slices.BinarySearchFunc(work, key, func(e edit, key []byte) int { return bytes.Compare(e.key, key) })
	return !ok || !work[i].gone
}

// merge puts the edits into the entries of the window's nodes.
func (w *window) merge(work []edit) {
	moved := func() {
		if !w.structural {
			w.structural, w.firstEdit = true, len(w.items)
		}
	}
	insert := func(e *edit) {
		moved()
		it := e.item
		it.anchor = isAnchor(w.level, it.key)
		w.items = append(w.items, it)
		w.lastEdit = len(w.items)
	}
	for _, n := range w.nodes {
		if len(work) == 0 || bytes.Compare(work[0].key, n.lastKey()) > 0 {
			w.items = n.appendItems(w.items)
			continue
		}
		for _, it := range n.appendItems(nil) {
			for len(work) > 0 && bytes.Compare(work[0].key, it.key) < 0 {
				if !work[0].gone {
					insert(&work[0])
				}
				work = work[1:]
			}
			if len(work) == 0 || !bytes.Equal(work[0].key, it.key) {
				w.items = append(w.items, it)
				continue
			}
			e := &work[0]
			work = work[1:]
			switch {
			case e.gone:
				moved()
				w.lastEdit = len(w.items)
			case e.tag == it.tag && bytes.Equal(e.value, it.value):
				w.items = append(w.items, it)
			default:
				e.first = it.first
				w.items = append(w.items, e.item)
			}
		}
	}
	for i := range work {
		if !work[i].gone {
			insert(&work[i])
		}
	}
	for i := range w.items {
		w.items[i].begins = w.items[i].first
	}
	if len(w.items) > 0 {
		w.items[0].begins = true
	}
}

// settle decides anew which entries begin a node, up to span from the edits.
func (w *window) settle(c *cutter) {
	for i := range w.items {
		if it := &w.items[i]; it.first {
			it.anchor = isAnchor(w.level, it.key)
		}
	}
	c.cut(w.items)
	for i := range w.items {
		it := &w.items[i]
		if i < w.firstEdit && c.cum[w.firstEdit]-c.cum[i+1] > span ||
			i >= w.lastEdit && c.cum[i]-c.cum[w.lastEdit] > span {
			it.begins = it.first
		}
	}
	if len(w.items) > 0 {
		w.items[0].begins = true
	}
}
