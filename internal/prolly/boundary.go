package prolly

import (
	"crypto/sha256"
	"encoding/binary"
)

// Where nodes begin. The entries of one level are a sequence; which of them
// begin a node is decided by their keys alone and, for each entry, by its near
// neighbours only. So equal keys give equal nodes whatever the order of edits,
// and an edit never moves a boundary that is further away than span: there is
// nothing that has to fall back into step, whoever chose the keys.
//
//   - The rank of an entry is a 32-bit hash of level and key over its weight.
//   - An entry is an anchor, and begins a node, if its rank is below anchorRank:
//     the chance is weight/spread.
//   - Between two anchors an entry begins a node if the run around it, as far as
//     ranks are larger than its own, weighs more than span in all.
//
// The second rule alone bounds a node: the smallest rank of a node's entries
// after the first has a run as heavy as these, so they weigh at most span. The
// first rule makes it cheap: anchors have the smallest ranks, so no run crosses
// one, and an edit is settled between the anchors to its left and right.

// rank is the order in which entries are chosen as boundaries; the smaller the
// sooner, and of equal ones the earlier.
type rank uint64

// rankScale makes the division by weight exact enough.
const rankScale = 16

// anchorRank: P(hash/weight < 2^32/spread) = weight/spread.
const anchorRank rank = 1 << (32 + rankScale) / spread

func weightOf(key []byte) int { return len(key) + entryWeight }

// rankOf takes 4 bytes of SHA-256(level/8, key) for each of 8 levels, so that
// what is a boundary on one level is nothing special on the next.
func rankOf(level int, key []byte) rank {
	var short [96]byte // most keys are: clearing room for all would cost more than the hash
	sum := sha256.Sum256(append(append(short[:0], byte(level/8)), key...))
	h := binary.BigEndian.Uint32(sum[4*(level%8):])
	return rank(uint64(h) << rankScale / uint64(weightOf(key)))
}

func isAnchor(level int, key []byte) bool { return rankOf(level, key) < anchorRank }

// cutter marks in a window of entries those that begin a node.
type cutter struct {
	level int
	ranks []rank
	cum   []int // cum[i] is the weight of the entries before i
	stack []int
	left  []int
}

// cut sets begins[i] for the entries of items. anchors[i] says whether entry i
// is an anchor.
func (c *cutter) cut(items []item) {
	n := len(items)
	c.cum = append(c.cum[:0], 0)
	for i := range items {
		c.cum = append(c.cum, c.cum[i]+weightOf(items[i].key))
	}
	for from := 0; from < n; {
		to := from
		for to < n && !items[to].anchor {
			to++
		}
		c.cutBetween(items, from, to)
		if to < n {
			items[to].begins = true
		}
		from = to + 1
	}
}

// cutBetween decides for the entries of [from, to), none of which is an anchor.
func (c *cutter) cutBetween(items []item, from, to int) {
	if c.cum[to]-c.cum[from] <= span {
		for i := from; i < to; i++ {
			items[i].begins = false
		}
		return
	}
	c.ranks, c.left, c.stack = c.ranks[:0], c.left[:0], c.stack[:0]
	for i := from; i < to; i++ {
		c.ranks = append(c.ranks, rankOf(c.level, items[i].key))
	}
	// The usual stack of rising ranks: when an entry is popped, the one that
	// pops it ends its run; the one below it on the stack began it.
	settle := func(end int) {
		top := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		begin := from
		if len(c.stack) > 0 {
			begin = c.stack[len(c.stack)-1] + 1
		}
		items[top].begins = c.cum[end]-c.cum[begin] > span
	}
	for i := from; i < to; i++ {
		for len(c.stack) > 0 && c.ranks[c.stack[len(c.stack)-1]-from] > c.ranks[i-from] {
			settle(i)
		}
		c.stack = append(c.stack, i)
	}
	for len(c.stack) > 0 {
		settle(to)
	}
}
