package prolly

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// patch fills an empty node with src's entries, some with new values: the usual
// edit, without taking the node apart. Edits rise by their index at.
func (n *node) patch(src *node, edits []edit) {
	n.level, n.count = src.level, src.count
	n.prefixEnd, n.keyEnds, n.valueEnds, n.rests, n.values = src.prefixEnd, src.keyEnds, src.valueEnds, src.rests, src.values
	if n.level > 0 {
		n.patchInner(src, edits)
	} else {
		n.patchLeaf(src, edits)
	}
	n.sum()
	hashes := slices.Clone(src.allHashes())
	var s scratch
	for i := range edits {
		hashes[edits[i].at] = n.entryHash(edits[i].at, &s)
	}
	last := -1
	for i := range edits {
		if g := edits[i].at / groupSize; g != last {
			hashes[n.count+g] = n.groupHash(hashes, g)
			last = g
		}
	}
	n.hashes.Store(&hashes)
	n.id = nodeID(n.level, n.count, hashes[n.count:])
}

func (n *node) patchInner(src *node, edits []edit) {
	n.data = bytes.Clone(src.data)
	for i, kid := range src.kids {
		if kid != nil && !kid.stored.Load() {
			n.setKid(i, kid)
		}
	}
	for i := range edits {
		e := &edits[i]
		copy(n.data[n.values+e.at*innerValue:], e.value)
		if n.kids != nil {
			n.kids[e.at] = nil
		}
		if !e.kid.stored.Load() {
			n.setKid(e.at, e.kid)
		}
	}
}

func (n *node) setKid(i int, kid *node) {
	if n.kids == nil {
		n.kids = make([]*node, n.count)
	}
	n.kids[i] = kid
}

func (n *node) patchLeaf(src *node, edits []edit) {
	size := len(src.data)
	for i := range edits {
		_, old := src.value(edits[i].at)
		size += len(edits[i].value) - len(old)
	}
	n.data = append(make([]byte, 0, size), src.data[:src.values]...)
	if !src.stored.Load() {
		n.outside = slices.Clone(src.outside)
	}
	for i, rest := 0, edits; i < n.count; i++ {
		tag, value := src.value(i)
		if len(rest) > 0 && rest[0].at == i {
			tag, value = rest[0].tag, rest[0].value
			if n.outside == nil && rest[0].out != nil {
				n.outside = make([][]byte, n.count)
			}
			if n.outside != nil {
				n.outside[i] = rest[0].out
			}
			rest = rest[1:]
		}
		n.data = append(append(n.data, tag), value...)
		binary.BigEndian.PutUint32(n.data[n.valueEnds+4*i:], uint32(len(n.data)-n.values))
	}
}
