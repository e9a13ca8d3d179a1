package prolly

import (
	"bytes"
	"fmt"
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
	patch *node   // the only node, if it gets new values only
	items []item  // after, if not patch

	structural bool // keys come or go; else boundaries stay
	firstEdit  int  // items before the first key that comes or goes
	lastEdit   int  // items up to the last
}

// gather collects the nodes that the first edits of work can affect, and tells
// how many of the edits fall into them. If all of these only give new values to
// keys of one node, w.patch is that node.
func (w *window) gather(m *Map, top *node, work []edit) (used int, err error) {
	at, err := m.seekNode(top, w.level, work[0].key)
	if err != nil {
		return 0, err
	}
	w.nodes = []*node{at.node()}
	after, _ := at.nextKey(nil) // where the next node begins; nil if there is none
	used = countBelow(work, after)
	if find(at.node(), work[:used]) && (used == len(work) || isFence(w.level, after, work[used:])) {
		w.patch = at.node()
		return used, nil
	}
	left, right := at, slices.Clone(at)
	for unedited := 0; after != nil && unedited < reachRight && !isFence(w.level, after, work[used:]); {
		n, err := right.next(m)
		if err != nil {
			return 0, err
		}
		w.nodes = append(w.nodes, n)
		after, _ = right.nextKey(nil)
		more := countBelow(work[used:], after)
		used += more
		unedited += n.weight()
		if more > 0 {
			unedited = 0
		}
	}
	var before []*node
	for first, reached := w.nodes[0], 0; reached < reachLeft && !isFence(w.level, first.firstKey(), work[:used]); {
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

func compareEdit(e edit, key []byte) int { return bytes.Compare(e.key, key) }

// countBelow is the number of edits below key; all if it is nil.
func countBelow(work []edit, key []byte) int {
	if key == nil {
		return len(work)
	}
	i, _ := slices.BinarySearchFunc(work, key, compareEdit)
	return i
}

// find notes the index of each edit's entry in the node; false if one is missing
// or to be deleted.
func find(n *node, work []edit) bool {
	for i := range work {
		if work[i].gone {
			return false
		}
		at, ok := n.seek(work[i].key)
		if !ok {
			return false
		}
		work[i].at = at
	}
	return true
}

// isFence reports whether the node that begins with key begins with an anchor
// that stays: then no edit on one side matters on the other.
func isFence(level int, key []byte, work []edit) bool {
	if !isAnchor(level, key) {
		return false
	}
	i, ok := slices.BinarySearchFunc(work, key, compareEdit)
	return !ok || !work[i].gone
}

// merge puts the edits into the entries of the window's nodes.
func (w *window) merge(work []edit, spare *[]item) {
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
	room := len(work)
	for _, n := range w.nodes {
		room += n.count
	}
	w.items = slices.Grow(w.items, room)
	for _, n := range w.nodes {
		if len(work) == 0 || n.compareKey(n.count-1, work[0].key) < 0 {
			w.items = n.appendItems(w.items)
			continue
		}
		*spare = n.appendItems(slices.Grow((*spare)[:0], n.count))
		for _, it := range *spare {
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

// inOrder refuses a foreign tree whose nodes overlap: each is in order, their
// sequence need not be.
func (w *window) inOrder() error {
	for i := 1; i < len(w.items); i++ {
		if bytes.Compare(w.items[i-1].key, w.items[i].key) >= 0 {
			return fmt.Errorf("the stored map is not in order: key %x follows %x", w.items[i].key, w.items[i-1].key)
		}
	}
	return nil
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
