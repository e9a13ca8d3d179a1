package prolly

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"

	"github.com/aergo-git/aergo-git/objectstore"
)

// Stored form of a node; all integers big-endian.
//
//	format  1 byte
//	level   1 byte, 0 for a leaf
//	count   2 bytes, at least 1
//	prefix  2 bytes, its length; then the prefix that all keys share
//	key ends    count * 2 bytes, ends of the keys' rests within the rests
//	value ends  count * 4 bytes, leaf only: ends of the values within the values
//	rests       the keys without the prefix, one after another, rising
//	values      leaf: a tag and the value; inner: child id and row count
const headerSize = 6

// innerValue is the length of an inner entry's value: id and row count.
const innerValue = objectstore.HashSize + 8

// Tags of a value in a leaf.
const (
	tagInline  byte = 0 // the value follows
	tagOutside byte = 1 // its hash follows; the value is an object
	tagErased  byte = 2 // its hash follows; the value is gone
)

// node is one node in its stored form, plus what is known beside it. The bytes
// never change; safe for concurrent use.
type node struct {
	data  []byte
	level int
	count int

	// Offsets into data.
	prefixEnd, keyEnds, valueEnds, rests, values int

	id    objectstore.Hash
	total uint64 // rows below

	// kids holds, for an inner node, the children that were not in the store
	// when it was made (nil if none, else one slot per entry).
	// Invariant: a child that is not stored is reachable through its parent.
	kids []*node

	// outside holds the values of a leaf that were not in the store when it was
	// made (nil if none, else one slot per entry).
	outside [][]byte

	// stored is set once a commit that holds the node and all below succeeded.
	stored atomic.Bool

	// hashes caches the hashes of the entries and after them of the groups; nil
	// until needed.
	hashes atomic.Pointer[[]objectstore.Hash]
}

func kindOf(level int) objectstore.Kind {
	if level == 0 {
		return objectstore.KindLeaf
	}
	return objectstore.KindInner
}

func (n *node) prefix() []byte { return n.data[headerSize:n.prefixEnd] }

// rest is key i without the prefix.
func (n *node) rest(i int) []byte {
	begin := 0
	if i > 0 {
		begin = int(binary.BigEndian.Uint16(n.data[n.keyEnds+2*i-2:]))
	}
	end := int(binary.BigEndian.Uint16(n.data[n.keyEnds+2*i:]))
	return n.data[n.rests+begin : n.rests+end : n.rests+end]
}

func (n *node) appendKey(dst []byte, i int) []byte {
	dst = append(dst, n.prefix()...)
	return append(dst, n.rest(i)...)
}

func (n *node) firstKey() []byte {
	r := n.rest(0)
	return n.appendKey(make([]byte, 0, n.prefixEnd-headerSize+len(r)), 0)
}

// value is entry i's value without its tag; an inner entry's tag is 0.
func (n *node) value(i int) (tag byte, value []byte) {
	if n.level > 0 {
		at := n.values + i*innerValue
		return 0, n.data[at : at+innerValue : at+innerValue]
	}
	begin := 0
	if i > 0 {
		begin = int(binary.BigEndian.Uint32(n.data[n.valueEnds+4*i-4:]))
	}
	end := int(binary.BigEndian.Uint32(n.data[n.valueEnds+4*i:]))
	return n.data[n.values+begin], n.data[n.values+begin+1 : n.values+end : n.values+end]
}

func (n *node) childID(i int) objectstore.Hash {
	_, v := n.value(i)
	return objectstore.Hash(v[:objectstore.HashSize])
}

func (n *node) rows(i int) uint64 {
	if n.level == 0 {
		return 1
	}
	_, v := n.value(i)
	return binary.BigEndian.Uint64(v[objectstore.HashSize:])
}

// weight is what the node's entries weigh.
func (n *node) weight() int {
	return n.count*(n.prefixEnd-headerSize+entryWeight) + n.values - n.rests
}

// seek gives the index of the first entry whose key is not below key, and
// whether it is equal.
func (n *node) seek(key []byte) (int, bool) {
	p := n.prefix()
	if len(key) < len(p) || !bytes.Equal(key[:len(p)], p) {
		if bytes.Compare(key, p) < 0 {
			return 0, false
		}
		return n.count, false
	}
	key = key[len(p):]
	lo, hi := 0, n.count
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if bytes.Compare(n.rest(mid), key) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < n.count && bytes.Equal(n.rest(lo), key)
}

// compareKey compares key i with key.
func (n *node) compareKey(i int, key []byte) int {
	p := n.prefix()
	if len(key) < len(p) {
		if c := bytes.Compare(p[:len(key)], key); c != 0 {
			return c
		}
		return 1
	}
	if c := bytes.Compare(p, key[:len(p)]); c != 0 {
		return c
	}
	return bytes.Compare(n.rest(i), key[len(p):])
}

// sameKey compares key i of a with key j of b.
func sameKey(a *node, i int, b *node, j int) bool {
	rest, prefix := b.rest(j), b.prefix()
	if p := a.prefix(); len(p) >= len(prefix) {
		tail := p[len(prefix):] // what b has in its rest
		return bytes.HasPrefix(p, prefix) && bytes.HasPrefix(rest, tail) && bytes.Equal(a.rest(i), rest[len(tail):])
	}
	return sameKey(b, j, a, i)
}

// child gives the index of the child whose range holds key.
func (n *node) child(key []byte) int {
	i, exact := n.seek(key)
	if exact || i == 0 {
		return i
	}
	return i - 1
}

// item is one entry on its way into a node.
type item struct {
	key    []byte
	tag    byte
	value  []byte
	out    []byte           // leaf: value that is not in the store yet
	kid    *node            // inner: child that is not in the store yet
	hash   objectstore.Hash // of the entry, if hashed
	hashed bool

	src    *node // the node that holds this very entry; nil if it is edited
	first  bool  // it is the first entry of src, or replaces it
	anchor bool
	begins bool
}

// commonPrefix is the length of what a and b share at their beginning.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// encode fills an empty node with entries. Keys rise, there is at least one.
func (n *node) encode(level int, items []item) {
	first, last := items[0].key, items[len(items)-1].key
	p := commonPrefix(first, last)
	n.level, n.count = level, len(items)
	size := headerSize + p
	n.prefixEnd = size
	n.keyEnds = size
	size += 2 * len(items)
	n.valueEnds = size
	if level == 0 {
		size += 4 * len(items)
	}
	n.rests = size
	for i := range items {
		size += len(items[i].key) - p
	}
	n.values = size
	for i := range items {
		size += len(items[i].value)
		if level == 0 {
			size++
		}
		if items[i].kid != nil && n.kids == nil && !items[i].kid.stored.Load() {
			n.kids = make([]*node, len(items))
		}
		if items[i].out != nil && n.outside == nil {
			n.outside = make([][]byte, len(items))
		}
	}
	data := make([]byte, size)
	data[0] = StateFormat
	data[1] = byte(level)
	binary.BigEndian.PutUint16(data[2:], uint16(len(items)))
	binary.BigEndian.PutUint16(data[4:], uint16(p))
	copy(data[headerSize:], first[:p])
	keyEnd, valueEnd := 0, 0
	for i := range items {
		it := &items[i]
		keyEnd += copy(data[n.rests+keyEnd:], it.key[p:])
		binary.BigEndian.PutUint16(data[n.keyEnds+2*i:], uint16(keyEnd))
		if level == 0 {
			data[n.values+valueEnd] = it.tag
			valueEnd++
			valueEnd += copy(data[n.values+valueEnd:], it.value)
			binary.BigEndian.PutUint32(data[n.valueEnds+4*i:], uint32(valueEnd))
			if it.out != nil {
				n.outside[i] = it.out
			}
		} else {
			valueEnd += copy(data[n.values+valueEnd:], it.value)
			if it.kid != nil && !it.kid.stored.Load() {
				n.kids[i] = it.kid
			}
		}
	}
	n.data = data
	n.sum()
}

// appendItems gives the entries of a node for editing.
func (n *node) appendItems(dst []item) []item {
	p := n.prefix()
	keys := make([]byte, 0, n.count*len(p)+n.values-n.rests)
	var hashes []objectstore.Hash
	if h := n.hashes.Load(); h != nil {
		hashes = *h
	}
	for i := range n.count {
		begin := len(keys)
		keys = n.appendKey(keys, i)
		it := item{key: keys[begin:len(keys):len(keys)], src: n, first: i == 0}
		it.tag, it.value = n.value(i)
		if hashes != nil {
			it.hash, it.hashed = hashes[i], true
		}
		if n.kids != nil {
			it.kid = n.kids[i]
		}
		if n.outside != nil && !n.stored.Load() {
			it.out = n.outside[i]
		}
		dst = append(dst, it)
	}
	return dst
}

// finish computes the node's id, taking the entry hashes that are known.
func (n *node) finish(items []item) {
	hashes := make([]objectstore.Hash, n.count+n.groups())
	var s scratch
	for i := range n.count {
		if items[i].hashed {
			hashes[i] = items[i].hash
		} else {
			hashes[i] = n.entryHash(i, &s)
		}
	}
	for g := range n.groups() {
		hashes[n.count+g] = n.groupHash(hashes, g)
	}
	n.hashes.Store(&hashes)
	n.id = nodeID(n.level, n.count, hashes[n.count:])
}

// groups is the number of groups of entries.
func (n *node) groups() int { return (n.count + groupSize - 1) / groupSize }

func (n *node) groupHash(entries []objectstore.Hash, g int) objectstore.Hash {
	return hashGroup(entries[g*groupSize : min((g+1)*groupSize, n.count)])
}

// allHashes gives the entries' hashes and after them the groups', computing
// them once.
func (n *node) allHashes() []objectstore.Hash {
	if h := n.hashes.Load(); h != nil {
		return *h
	}
	hashes := make([]objectstore.Hash, n.count+n.groups())
	var s scratch
	for i := range n.count {
		hashes[i] = n.entryHash(i, &s)
	}
	for g := range n.groups() {
		hashes[n.count+g] = n.groupHash(hashes, g)
	}
	n.hashes.Store(&hashes)
	return hashes
}

// scratch is where bytes to hash are put together; it is large, so it is made
// once for many entries.
type scratch [4 + MaxKey + MaxInline]byte

// entryHash covers, beside the key, in a leaf the value's hash, in an inner
// node the child's id and row count.
func (n *node) entryHash(i int, s *scratch) objectstore.Hash {
	tag, v := n.value(i)
	if n.level == 0 && tag == tagInline {
		h := sha256.Sum256(append(append(s[:0], byte(objectstore.KindValue)), v...))
		v = h[:]
	}
	p, r := n.prefix(), n.rest(i)
	size := len(p) + len(r)
	b := append(s[:0], byte(objectstore.KindEntry), byte(n.level), byte(size>>8), byte(size))
	b = append(append(append(b, p...), r...), v...)
	return sha256.Sum256(b)
}

// hashEntry hashes one entry: kind, level, key length in 2 bytes, key, content.
func hashEntry(level int, key, content []byte) objectstore.Hash {
	var buf scratch
	b := append(buf[:0], byte(objectstore.KindEntry), byte(level), byte(len(key)>>8), byte(len(key)))
	b = append(b, key...)
	b = append(b, content...)
	return sha256.Sum256(b)
}

func hashValue(v []byte) objectstore.Hash {
	if len(v) > MaxInline {
		return objectstore.Sum(objectstore.KindValue, v)
	}
	var buf [1 + MaxInline]byte
	b := append(buf[:0], byte(objectstore.KindValue))
	return sha256.Sum256(append(b, v...))
}

func hashGroup(entries []objectstore.Hash) objectstore.Hash {
	var buf [1 + groupSize*objectstore.HashSize]byte
	b := append(buf[:0], byte(objectstore.KindGroup))
	for i := range entries {
		b = append(b, entries[i][:]...)
	}
	return sha256.Sum256(b)
}

// nodeID hashes kind, format, level, count in 2 bytes, and the groups' hashes.
func nodeID(level, count int, groups []objectstore.Hash) objectstore.Hash {
	var buf [512 + 8]byte
	b := append(buf[:0], byte(kindOf(level)), StateFormat, byte(level), byte(count>>8), byte(count))
	for i := range groups {
		b = append(b, groups[i][:]...)
	}
	return sha256.Sum256(b)
}
