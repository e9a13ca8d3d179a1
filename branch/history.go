package branch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/aergo-git/aergo-git/objectstore"
)

// History answers questions of ancestry. It reads headers from the store and
// keeps what it needs of each, a node of the graph, in a bounded cache and in
// the store's index, so that a question about 30,000 blocks reads no header.
// All methods may be called by several goroutines at once.
type History struct {
	store objectstore.Store
	index func(key []byte) ([]byte, error)

	// mu guards the cache: two generations of nodes; when new is full it
	// becomes old, and what is used again moves up.
	mu       sync.Mutex
	new, old map[objectstore.Hash]node
}

// NewHistory makes a History over a store. index reads the store's index
// ((*objectstore.DB).Index); nil means that headers are read each time, as a
// verifier wants it that trusts no derived data.
func NewHistory(store objectstore.Store, index func(key []byte) ([]byte, error)) *History {
	return &History{store: store, index: index, new: make(map[objectstore.Hash]node)}
}

// node is what ancestry needs of a block.
type node struct {
	number     uint64
	generation uint64
	time       int64
	parents    []objectstore.Hash
	// jump is an ancestor on the first-parent chain, farther away the higher
	// the block stands (a skew-binary list, Myers 1983), so that any ancestor
	// is found in O(log number) steps. Zero for a genesis, and where the node
	// was made from the header alone.
	jump       objectstore.Hash
	jumpNumber uint64
	jumpTime   int64
}

// Read gives a block, see the function Read.
func (h *History) Read(id objectstore.Hash) (Block, error) { return Read(h.store, id) }

// Put adds a block with its seal (may be nil) to a batch, and its node to the
// index. Its parents are stored already or were Put before.
func (h *History) Put(b objectstore.Batch, block Block, seal []byte) error {
	data, err := block.Header.Encode()
	if err != nil {
		return err
	}
	id, err := b.Put(objectstore.KindBlock, data)
	if err != nil {
		return err
	}
	if id != block.ID {
		return fmt.Errorf("block %s: its header has the id %s", block.ID.Short(), id.Short())
	}
	if seal != nil {
		if err := b.PutSeal(id, seal); err != nil {
			return err
		}
	}
	return h.indexBlock(b, block)
}

// Reindex writes the nodes of all ancestors of head, itself included, that the
// index lacks: after blocks arrived by another way than Put, or the index was
// lost. It stops at blocks that are indexed: their ancestors are too.
func (h *History) Reindex(b objectstore.Batch, head objectstore.Hash) error {
	done := make(map[objectstore.Hash]bool)
	stack := []objectstore.Hash{head}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		if !done[id] && h.index != nil {
			_, err := h.index(indexKey(id))
			if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
				return err
			}
			done[id] = err == nil
		}
		if done[id] {
			stack = stack[:len(stack)-1]
			continue
		}
		block, err := Read(h.store, id)
		if err != nil {
			return err
		}
		waiting := len(stack)
		for _, p := range block.Parents {
			if !done[p] {
				stack = append(stack, p)
			}
		}
		if len(stack) > waiting {
			continue
		}
		if err := h.indexBlock(b, block); err != nil {
			return err
		}
		done[id] = true
	}
	return nil
}

func (h *History) indexBlock(b objectstore.Batch, block Block) error {
	n, err := h.nodeOf(block)
	if err != nil {
		return err
	}
	h.keep(block.ID, n)
	return b.SetIndex(indexKey(block.ID), n.encode())
}

// nodeOf makes a block's node with its jump. All questions of ancestry rely on
// what it checks here, as CheckParents does.
func (h *History) nodeOf(b Block) (node, error) {
	n := node{number: uint64(b.Number), generation: b.Generation, time: b.Time, parents: b.Parents}
	if len(b.Parents) == 0 {
		return n, nil
	}
	parent, err := h.node(b.Parents[0])
	if err != nil {
		return node{}, fmt.Errorf("parent of block %s: %w", b.ID.Short(), err)
	}
	generation := parent.generation
	if len(b.Parents) == 2 {
		second, err := h.node(b.Parents[1])
		if err != nil {
			return node{}, fmt.Errorf("second parent of block %s: %w", b.ID.Short(), err)
		}
		generation = max(generation, second.generation)
	}
	if n.number != parent.number+1 || n.generation != generation+1 || n.time < parent.time {
		return node{}, fmt.Errorf("block %s: number %d, generation %d or time %d does not follow from its parents",
			b.ID.Short(), n.number, n.generation, n.time)
	}
	n.jump, n.jumpNumber, n.jumpTime = b.Parents[0], parent.number, parent.time
	if !parent.jump.IsZero() {
		far, err := h.node(parent.jump)
		if err != nil {
			return node{}, err
		}
		if !far.jump.IsZero() && parent.number-parent.jumpNumber == parent.jumpNumber-far.jumpNumber {
			n.jump, n.jumpNumber, n.jumpTime = far.jump, far.jumpNumber, far.jumpTime
		}
	}
	return n, nil
}

// node gives the node of a block, from the cache, the index or its header.
func (h *History) node(id objectstore.Hash) (node, error) {
	n, err := h.indexed(id)
	if err == nil || !errors.Is(err, objectstore.ErrNotFound) {
		return n, err
	}
	b, err := Read(h.store, id)
	if err != nil {
		return node{}, err
	}
	// Without a jump: right, only slower than what the index has.
	n = node{number: uint64(b.Number), generation: b.Generation, time: b.Time, parents: b.Parents}
	h.keep(id, n)
	return n, nil
}

// indexed gives a node from the cache or the index, or ErrNotFound.
func (h *History) indexed(id objectstore.Hash) (node, error) {
	h.mu.Lock()
	n, ok := h.new[id]
	if !ok {
		if n, ok = h.old[id]; ok {
			h.keepLocked(id, n)
		}
	}
	h.mu.Unlock()
	if ok {
		return n, nil
	}
	if h.index == nil {
		return node{}, objectstore.ErrNotFound
	}
	data, err := h.index(indexKey(id))
	if err != nil {
		return node{}, err
	}
	if n, err = decodeNode(data); err != nil {
		return node{}, fmt.Errorf("index of block %s: %w", id.Short(), err)
	}
	h.keep(id, n)
	return n, nil
}

func (h *History) keep(id objectstore.Hash, n node) {
	h.mu.Lock()
	h.keepLocked(id, n)
	h.mu.Unlock()
}

func (h *History) keepLocked(id objectstore.Hash, n node) {
	if len(h.new) >= cacheNodes/2 {
		h.old, h.new = h.new, make(map[objectstore.Hash]node)
	}
	h.new[id] = n
}

func indexKey(id objectstore.Hash) []byte { return append([]byte("graph/"), id[:]...) }

// encode gives a node's form in the index: five big-endian integers of 8 bytes
// (number, generation, time, the jump's number and time), the jump, the
// parents. It is local data, never hashed or sent.
func (n node) encode() []byte {
	data := make([]byte, 0, 40+32*(1+len(n.parents)))
	for _, v := range []uint64{n.number, n.generation, uint64(n.time), n.jumpNumber, uint64(n.jumpTime)} {
		data = binary.BigEndian.AppendUint64(data, v)
	}
	data = append(data, n.jump[:]...)
	for _, p := range n.parents {
		data = append(data, p[:]...)
	}
	return data
}

func decodeNode(data []byte) (node, error) {
	const fixed = 40 + objectstore.HashSize
	if len(data) < fixed || (len(data)-fixed)%objectstore.HashSize != 0 || len(data) > fixed+2*objectstore.HashSize {
		return node{}, fmt.Errorf("%d bytes are no node", len(data))
	}
	n := node{
		number:     binary.BigEndian.Uint64(data),
		generation: binary.BigEndian.Uint64(data[8:]),
		time:       int64(binary.BigEndian.Uint64(data[16:])),
		jumpNumber: binary.BigEndian.Uint64(data[24:]),
		jumpTime:   int64(binary.BigEndian.Uint64(data[32:])),
		jump:       objectstore.Hash(data[40:fixed]),
	}
	for rest := data[fixed:]; len(rest) > 0; rest = rest[objectstore.HashSize:] {
		n.parents = append(n.parents, objectstore.Hash(rest[:objectstore.HashSize]))
	}
	return n, nil
}
