package prolly

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/aergo-git/aergo-git/objectstore"
)

// ErrErased is wrapped by errors of reads that meet a value which was erased:
// its hash is still known and proven, its bytes are gone.
var ErrErased = errors.New("the value was erased")

// Map is one state: an immutable ordered map from keys (1 to MaxKey bytes) to
// values (at most MaxValue bytes). Edits give a new Map that shares nodes with
// the old one. Safe for concurrent use.
type Map struct {
	cache *Cache
	id    objectstore.Hash
	top   atomic.Pointer[node] // the root node, nil until needed or if empty
}

// EmptyRoot is the root of the map without entries: the id of a leaf with no
// entries, a node that is never stored.
func EmptyRoot() objectstore.Hash { return nodeID(0, 0, nil) }

// Empty gives the map without entries.
func Empty(c *Cache) *Map { return &Map{cache: c, id: EmptyRoot()} }

// Load gives the map with this root. Nothing is read yet: a root that is not in
// the store shows at the first use.
func Load(c *Cache, root objectstore.Hash) *Map { return &Map{cache: c, id: root} }

// Root is the map's id: equal for equal content, whatever the edits were.
func (m *Map) Root() objectstore.Hash { return m.id }

// IsEmpty reports whether the map has no entries.
func (m *Map) IsEmpty() bool { return m.id == EmptyRoot() }

// root reads the root node; nil for the empty map.
func (m *Map) root() (*node, error) {
	if n := m.top.Load(); n != nil || m.IsEmpty() {
		return n, nil
	}
	n, err := m.cache.node(m.id, -1)
	if err != nil {
		return nil, err
	}
	m.top.Store(n)
	return n, nil
}

// kid reads child i of an inner node. A node by itself is checked by its parser;
// that it is what its parent says of it is checked here: so a foreign tree has
// no more nodes than rows, and counts that are true.
func (m *Map) kid(n *node, i int) (*node, error) {
	if n.kids != nil && n.kids[i] != nil {
		return n.kids[i], nil
	}
	kid, err := m.cache.node(n.childID(i), n.level-1)
	if err != nil {
		return nil, err
	}
	if !sameKey(n, i, kid, 0) || kid.total != n.rows(i) {
		return nil, fmt.Errorf("read node %s of the state map: its first key or its row count is not what its parent %s says", kid.id.Short(), n.id.Short())
	}
	return kid, nil
}

// Count is the number of entries.
func (m *Map) Count() (uint64, error) {
	n, err := m.root()
	if n == nil || err != nil {
		return 0, err
	}
	return n.total, nil
}

// Get reads one value; ok is false if there is none under the key. The value
// must not be modified.
func (m *Map) Get(key []byte) (value []byte, ok bool, err error) {
	n, err := m.root()
	if n == nil || err != nil {
		return nil, false, err
	}
	for n.level > 0 {
		if n, err = m.kid(n, n.child(key)); err != nil {
			return nil, false, err
		}
	}
	i, ok := n.seek(key)
	if !ok {
		return nil, false, nil
	}
	value, err = m.leafValue(n, i)
	return value, err == nil, err
}

// leafValue reads value i of a leaf, which may be an object of its own.
func (m *Map) leafValue(n *node, i int) ([]byte, error) {
	tag, v := n.value(i)
	switch {
	case tag == tagInline:
		return v, nil
	case tag == tagErased:
		return nil, fmt.Errorf("read value of key %x: %w", n.appendKey(nil, i), ErrErased)
	case n.outside != nil && n.outside[i] != nil:
		return n.outside[i], nil
	}
	h := objectstore.Hash(v)
	kind, data, err := m.cache.from.Get(h)
	if err != nil {
		return nil, fmt.Errorf("read value %s of key %x: %w", h.Short(), n.appendKey(nil, i), err)
	}
	if kind != objectstore.KindValue || len(data) <= MaxInline || len(data) > MaxValue {
		return nil, fmt.Errorf("read value %s of key %x: not a value that stands outside its leaf (%v, %d bytes)", h.Short(), n.appendKey(nil, i), kind, len(data))
	}
	return data, nil
}

// Put takes one object; objectstore.Batch.PutHashed is one. The bytes are
// verified already and must not be modified.
type Put func(id objectstore.Hash, kind objectstore.Kind, data []byte) error

// Write puts every node and every outside value of this map that is not in the
// store yet, children first. Call stored once the commit succeeded (and not
// otherwise): until then the map keeps them in memory and a later Write puts
// them again.
func (m *Map) Write(put Put) (stored func(), err error) {
	n := m.top.Load()
	if n == nil {
		return func() {}, nil
	}
	var written []*node
	if err := writeNode(n, put, &written); err != nil {
		return nil, fmt.Errorf("write state map %s: %w", m.id.Short(), err)
	}
	return func() {
		for _, n := range written {
			n.stored.Store(true)
			m.cache.add(n)
		}
	}, nil
}

func writeNode(n *node, put Put, written *[]*node) error {
	if n.stored.Load() {
		return nil
	}
	for _, kid := range n.kids {
		if kid == nil {
			continue
		}
		if err := writeNode(kid, put, written); err != nil {
			return err
		}
	}
	for i, v := range n.outside {
		if v == nil {
			continue
		}
		_, h := n.value(i)
		if err := put(objectstore.Hash(h), objectstore.KindValue, v); err != nil {
			return err
		}
	}
	if err := put(n.id, kindOf(n.level), n.data); err != nil {
		return err
	}
	*written = append(*written, n)
	return nil
}

// Unsaved tells how many nodes and bytes (outside values included) a Write
// would put now.
func (m *Map) Unsaved() (nodes int, bytes int64) {
	if n := m.top.Load(); n != nil {
		_ = writeNode(n, func(_ objectstore.Hash, kind objectstore.Kind, data []byte) error {
			if kind != objectstore.KindValue {
				nodes++
			}
			bytes += int64(len(data))
			return nil
		}, new([]*node))
	}
	return nodes, bytes
}

// Objects calls fn for the map's objects, parents before children, in key
// order: all nodes and the outside values. If fn answers false for a node,
// nothing below it is visited (it was seen before, say). A node that cannot be
// read is named by the error. It does not read outside values.
func (m *Map) Objects(fn func(id objectstore.Hash, kind objectstore.Kind) (descend bool, err error)) error {
	if m.IsEmpty() {
		return nil
	}
	descend, err := m.visitRoot(fn)
	if !descend || err != nil {
		return err
	}
	n, err := m.root()
	if err != nil {
		return err
	}
	return m.visit(n, fn)
}

func (m *Map) visitRoot(fn func(objectstore.Hash, objectstore.Kind) (bool, error)) (bool, error) {
	n, err := m.root()
	if err != nil {
		return false, err
	}
	return fn(m.id, kindOf(n.level))
}

func (m *Map) visit(n *node, fn func(objectstore.Hash, objectstore.Kind) (bool, error)) error {
	for i := range n.count {
		if n.level == 0 {
			if tag, v := n.value(i); tag == tagOutside {
				if _, err := fn(objectstore.Hash(v), objectstore.KindValue); err != nil {
					return err
				}
			}
			continue
		}
		descend, err := fn(n.childID(i), kindOf(n.level-1))
		if err != nil {
			return err
		}
		if !descend {
			continue
		}
		kid, err := m.kid(n, i)
		if err != nil {
			return err
		}
		if err := m.visit(kid, fn); err != nil {
			return err
		}
	}
	return nil
}

// Links calls fn for every object that a stored node names: children, and
// values outside a leaf. It checks the node as NodeHash does.
func Links(kind objectstore.Kind, stored []byte, fn func(id objectstore.Hash, kind objectstore.Kind) error) error {
	n, err := parseNode(kind, stored)
	if err != nil {
		return fmt.Errorf("read links of %v: %w", kind, err)
	}
	for i := range n.count {
		tag, v := n.value(i)
		if n.level == 0 && tag != tagOutside {
			continue
		}
		linked := objectstore.KindValue
		if n.level > 0 {
			linked = kindOf(n.level - 1)
		}
		if err := fn(objectstore.Hash(v[:objectstore.HashSize]), linked); err != nil {
			return err
		}
	}
	return nil
}

// EraseValue gives the stored bytes of a leaf with key's value replaced by a
// marker and its hash. The leaf's id stays. If the value stood outside the leaf,
// outside is its id: the caller deletes that object too (unless another row has
// the same value). Afterwards call Cache.Forget for the leaf.
func EraseValue(leaf, key []byte) (erased []byte, outside objectstore.Hash, err error) {
	n, err := parseNode(objectstore.KindLeaf, leaf)
	if err != nil {
		return nil, outside, fmt.Errorf("erase value: %w", err)
	}
	at, ok := n.seek(key)
	if !ok {
		return nil, outside, fmt.Errorf("erase value: the leaf has no key %x", key)
	}
	items := n.appendItems(nil)
	it := &items[at]
	switch it.tag {
	case tagInline:
		h := hashValue(it.value)
		it.value = h[:]
	case tagOutside:
		outside = objectstore.Hash(it.value)
	}
	it.tag = tagErased
	var without node
	without.encode(0, items)
	return without.data, outside, nil
}
