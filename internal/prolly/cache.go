package prolly

import (
	"fmt"
	"sync"

	"github.com/aergo-git/aergo-git/objectstore"
)

// Getter is what a map reads from: objectstore.Store is one. Get must have
// verified the bytes against the id, with NodeHash for nodes.
type Getter interface {
	Get(objectstore.Hash) (objectstore.Kind, []byte, error)
}

// Cache reads nodes of one store and keeps decoded ones within a byte limit.
// All maps of a store share one. Safe for concurrent use.
type Cache struct {
	from  Getter
	limit int64

	mu    sync.Mutex // guards all below; nothing is called while it is held
	slots map[objectstore.Hash]int
	ring  []slot // a clock: hand looks for a slot not used since it last passed
	hand  int
	bytes int64
}

type slot struct {
	node *node
	used bool
}

// NewCache gives a cache over from that holds about limit bytes of nodes.
func NewCache(from Getter, limit int64) *Cache {
	return &Cache{from: from, limit: limit, slots: map[objectstore.Hash]int{}}
}

// node reads the node with this id, which its parent says is at this level;
// a negative level means any.
func (c *Cache) node(id objectstore.Hash, level int) (*node, error) {
	c.mu.Lock()
	if i, ok := c.slots[id]; ok {
		c.ring[i].used = true
		n := c.ring[i].node
		c.mu.Unlock()
		return n, checkLevel(n, level)
	}
	c.mu.Unlock()
	kind, data, err := c.from.Get(id)
	if err != nil {
		return nil, fmt.Errorf("read node %s of the state map: %w", id.Short(), err)
	}
	n, err := c.parse(id, kind, data)
	if err != nil {
		return nil, err
	}
	return n, checkLevel(n, level)
}

func (c *Cache) parse(id objectstore.Hash, kind objectstore.Kind, data []byte) (*node, error) {
	n, err := parseNode(kind, data)
	if err != nil {
		return nil, fmt.Errorf("read node %s of the state map: %w", id.Short(), err)
	}
	n.id = id
	n.stored.Store(true)
	c.add(n)
	return n, nil
}

// Get makes a cache a Getter, for a smaller one of another use over it: a node
// that is kept here is neither read nor hashed again. Other objects pass through.
// The bytes must not be modified.
func (c *Cache) Get(id objectstore.Hash) (objectstore.Kind, []byte, error) {
	c.mu.Lock()
	if i, ok := c.slots[id]; ok {
		c.ring[i].used = true
		n := c.ring[i].node
		c.mu.Unlock()
		return kindOf(n.level), n.data, nil
	}
	c.mu.Unlock()
	kind, data, err := c.from.Get(id)
	if err == nil && (kind == objectstore.KindLeaf || kind == objectstore.KindInner) {
		_, err = c.parse(id, kind, data)
	}
	return kind, data, err
}

func checkLevel(n *node, level int) error {
	if level >= 0 && n.level != level {
		return fmt.Errorf("read node %s of the state map: it is at level %d, its parent says %d", n.id.Short(), n.level, level)
	}
	return nil
}

// cost is about what a cached node takes, entry hashes included, which it may
// get later.
func (n *node) cost() int64 {
	return int64(len(n.data)) + int64(n.count)*objectstore.HashSize + 256
}

// add keeps a stored node. One that still points at children or values is
// copied without them, or the cache would hold more than it knows.
func (c *Cache) add(n *node) {
	if n.kids != nil || n.outside != nil {
		bare := &node{
			data: n.data, level: n.level, count: n.count, id: n.id, total: n.total,
			prefixEnd: n.prefixEnd, keyEnds: n.keyEnds, valueEnds: n.valueEnds, rests: n.rests, values: n.values,
		}
		bare.hashes.Store(n.hashes.Load())
		bare.stored.Store(true)
		n = bare
	}
	cost := n.cost()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.slots[n.id]; ok || cost > c.limit {
		return
	}
	for c.bytes+cost > c.limit {
		c.evict()
	}
	c.slots[n.id] = len(c.ring)
	c.ring = append(c.ring, slot{node: n})
	c.bytes += cost
}

// evict drops one node. The last slot moves into its place.
func (c *Cache) evict() {
	for {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		s := &c.ring[c.hand]
		if s.used {
			s.used = false
			c.hand++
			continue
		}
		c.bytes -= s.node.cost()
		delete(c.slots, s.node.id)
		last := len(c.ring) - 1
		if c.hand != last {
			c.ring[c.hand] = c.ring[last]
			c.slots[c.ring[c.hand].node.id] = c.hand
		}
		c.ring[last] = slot{}
		c.ring = c.ring[:last]
		return
	}
}

// Forget drops the node from the cache, after its stored bytes were changed by
// an erasure.
func (c *Cache) Forget(id objectstore.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.slots[id]
	if !ok {
		return
	}
	c.ring[i].used = false
	c.hand = i
	c.evict()
}
