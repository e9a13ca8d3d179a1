package importer

import (
	"hash/maphash"
	"strconv"
)

// uniques finds out which columns, or first columns together, differ in every
// row. It keeps 64 bits of each row for each candidate: two rows of equal hash
// count as equal, which at worst chooses another key.
type uniques struct {
	seed       maphash.Seed
	candidates []*candidate
	asked      bool // the only candidate is what the user said
	hashes     int  // kept by all
	crowded    bool
}

type candidate struct {
	columns []int
	set     []uint64 // open addressing, 0 is free
	n       int
	dead    bool
	line    int64 // of the row that is equal to an earlier one, or has an empty cell
}

// newUniques tries the asked columns together, if any, else columns that may be
// a key.
func newUniques(columns int, asked []int) *uniques {
	u := &uniques{seed: maphash.MakeSeed()}
	if len(asked) > 0 {
		u.asked, u.candidates = true, []*candidate{{columns: asked}}
		return u
	}
	for i := range min(columns, maxCandidates) {
		u.candidates = append(u.candidates, &candidate{columns: []int{i}})
	}
	for n := 2; n <= min(columns, 4); n++ {
		c := &candidate{}
		for i := range n {
			c.columns = append(c.columns, i)
		}
		u.candidates = append(u.candidates, c)
	}
	return u
}

// see adds a row. A candidate with an empty cell is none.
func (u *uniques) see(line int64, row []string) {
	var h maphash.Hash
	for _, c := range u.candidates {
		if c.dead {
			continue
		}
		h.SetSeed(u.seed)
		for _, i := range c.columns {
			if row[i] == "" && !u.asked {
				c.dead = true
				break
			}
			if len(c.columns) > 1 {
				_, _ = h.WriteString(strconv.Itoa(len(row[i])) + ":")
			}
			_, _ = h.WriteString(row[i])
		}
		before := c.n
		if c.dead || !c.add(h.Sum64()|1) {
			c.dead, c.line, c.set = true, line, nil
			u.hashes -= before
			continue
		}
		if u.hashes++; u.hashes > maxHashes {
			u.drop()
		}
	}
}

// drop gives up the candidate of most columns, to bound the memory.
func (u *uniques) drop() {
	for i := len(u.candidates) - 1; i >= 0; i-- {
		if c := u.candidates[i]; !c.dead {
			u.hashes -= c.n
			c.dead, c.set, u.crowded = true, nil, true
			return
		}
	}
}

func (c *candidate) add(h uint64) bool {
	if 2*c.n >= len(c.set) {
		old := c.set
		c.set = make([]uint64, max(1024, 2*len(old)))
		for _, x := range old {
			if x != 0 {
				c.insert(x)
			}
		}
	}
	if !c.insert(h) {
		return false
	}
	c.n++
	return true
}

func (c *candidate) insert(h uint64) bool {
	mask := uint64(len(c.set) - 1)
	for at := h >> 1 & mask; ; at = (at + 1) & mask {
		switch c.set[at] {
		case 0:
			c.set[at] = h
			return true
		case h:
			return false
		}
	}
}

// unique tells whether exactly these columns are still found to be unique.
func (u *uniques) unique(columns ...int) bool {
	for _, c := range u.candidates {
		if !c.dead && len(c.columns) == len(columns) && c.columns[0] == columns[0] {
			return true
		}
	}
	return false
}
