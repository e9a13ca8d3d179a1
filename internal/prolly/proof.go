package prolly

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Proof shows that a map with a known root has a value under a key, or has none.
// It shows no other row's value; absence shows the two neighbouring keys. It is
// about 2 KB per path in a map of a million rows. Encode and DecodeProof give
// its canonical bytes; Verify trusts nothing in it.
type Proof struct {
	_ struct{} `cbor:",toarray"`

	Present bool
	Value   []byte // empty if not Present

	// Paths is: if Present the key's; else those of the entries before and
	// after, only one if the key is outside all keys, none for the empty map.
	Paths []ProofPath
}

// ProofPath leads from one entry of a leaf to the root.
type ProofPath struct {
	_         struct{}    `cbor:",toarray"`
	ValueHash []byte      // 32 bytes; empty for the path of a present key
	Nodes     []ProofNode // the leaf first
}

// ProofNode is what is needed of one node on the way to compute its id.
type ProofNode struct {
	_      struct{} `cbor:",toarray"`
	Count  uint64   // entries of the node
	Index  uint64   // of the entry on the way
	Key    []byte   // of that entry
	Rows   uint64   // below that entry; 0 in the leaf
	Beside []byte   // hashes of the other entries of its group, in order
	Groups []byte   // hashes of the other groups, in order
}

// errProof is wrapped by every refusal of a proof.
var errProof = errors.New("the proof does not hold")

// Prove makes the proof for key. A value that was erased cannot be shown
// (ErrErased).
func (m *Map) Prove(key []byte) (*Proof, error) {
	if len(key) < 1 || len(key) > MaxKey {
		return nil, fmt.Errorf("prove key of %d bytes, not 1 to %d", len(key), MaxKey)
	}
	c := m.Cursor()
	ok, err := c.Seek(key)
	if err != nil {
		return nil, err
	}
	if ok && bytes.Equal(c.Key(), key) {
		value, err := c.Value()
		if err != nil {
			return nil, err
		}
		return &Proof{Present: true, Value: value, Paths: []ProofPath{{Nodes: c.p.prove()}}}, nil
	}
	p := &Proof{}
	add := func() {
		leaf := c.p[len(c.p)-1]
		h := hashOfValue(leaf.n.value(leaf.i))
		p.Paths = append(p.Paths, ProofPath{ValueHash: h[:], Nodes: c.p.prove()})
	}
	before := c.Last
	if ok {
		add()
		before = c.Prev
	}
	if ok, err = before(); err != nil {
		return nil, err
	}
	if ok {
		add()
		slices.Reverse(p.Paths)
	}
	return p, nil
}

// prove lists what a verifier needs of the nodes on the path.
func (p path) prove() []ProofNode {
	var nodes []ProofNode
	for _, s := range slices.Backward(p) {
		hashes := s.n.allHashes()
		pn := ProofNode{Count: uint64(s.n.count), Index: uint64(s.i), Key: s.n.appendKey(nil, s.i)}
		if s.n.level > 0 {
			pn.Rows = s.n.rows(s.i)
		}
		group := s.i / groupSize
		for i := group * groupSize; i < min((group+1)*groupSize, s.n.count); i++ {
			if i != s.i {
				pn.Beside = append(pn.Beside, hashes[i][:]...)
			}
		}
		for g, h := range hashes[s.n.count:] {
			if g != group {
				pn.Groups = append(pn.Groups, h[:]...)
			}
		}
		nodes = append(nodes, pn)
	}
	return nodes
}

// Encode gives the proof's canonical bytes.
func (p *Proof) Encode() ([]byte, error) { return wire.Marshal(p) }

// DecodeProof reads a proof. Only its form is checked; Verify does the rest.
func DecodeProof(data []byte) (*Proof, error) {
	p := new(Proof)
	if err := wire.UnmarshalLimit(data, p, MaxProof); err != nil {
		return nil, err
	}
	return p, nil
}

// Verify checks the proof against a root that the caller trusts: either the map
// has value under key, or (present is false) it has no entry for it.
func (p *Proof) Verify(root objectstore.Hash, key []byte) (value []byte, present bool, err error) {
	if err := p.verify(root, key); err != nil {
		return nil, false, fmt.Errorf("key %x in state %s: %w", key, root.Short(), err)
	}
	return p.Value, p.Present, nil
}

func (p *Proof) verify(root objectstore.Hash, key []byte) error {
	if len(p.Paths) > 2 || p.Present && len(p.Paths) != 1 {
		return fmt.Errorf("%w: %d paths", errProof, len(p.Paths))
	}
	for i := range p.Paths {
		path := &p.Paths[i]
		content := path.ValueHash
		if p.Present {
			if len(content) != 0 || len(p.Value) > MaxValue {
				return fmt.Errorf("%w: wrong form", errProof)
			}
			h := hashValue(p.Value)
			content = h[:]
		}
		id, err := path.root(content)
		if err != nil {
			return fmt.Errorf("%w: %w", errProof, err)
		}
		if id != root {
			return fmt.Errorf("%w: it leads to root %s", errProof, id.Short())
		}
	}
	if p.Present {
		if !bytes.Equal(p.Paths[0].Nodes[0].Key, key) {
			return fmt.Errorf("%w: it is for another key", errProof)
		}
		return nil
	}
	if len(p.Value) != 0 || !p.absent(root, key) {
		return fmt.Errorf("%w: it does not show that the key is absent", errProof)
	}
	return nil
}

// root computes the id of the node at the path's end.
func (p *ProofPath) root(content []byte) (id objectstore.Hash, err error) {
	if len(content) != objectstore.HashSize || len(p.Nodes) == 0 || len(p.Nodes) > MaxLevel+1 {
		return id, errors.New("wrong form")
	}
	for level := range p.Nodes {
		n := &p.Nodes[level]
		if level > 0 {
			content = append(id[:], byte(n.Rows>>56), byte(n.Rows>>48), byte(n.Rows>>40), byte(n.Rows>>32),
				byte(n.Rows>>24), byte(n.Rows>>16), byte(n.Rows>>8), byte(n.Rows))
		} else if n.Rows != 0 {
			return id, errors.New("a row count in the leaf")
		}
		if id, err = n.id(level, content); err != nil {
			return id, fmt.Errorf("level %d: %w", level, err)
		}
	}
	return id, nil
}

func (n *ProofNode) id(level int, content []byte) (id objectstore.Hash, err error) {
	if n.Count > maxEntries || n.Index >= n.Count || len(n.Key) < 1 || len(n.Key) > MaxKey {
		return id, errors.New("impossible count, index or key")
	}
	count, index := int(n.Count), int(n.Index)
	group := index / groupSize
	inGroup := min(groupSize, count-group*groupSize)
	groups := (count + groupSize - 1) / groupSize
	if len(n.Beside) != (inGroup-1)*objectstore.HashSize || len(n.Groups) != (groups-1)*objectstore.HashSize {
		return id, errors.New("wrong number of hashes")
	}
	entries := withHash(n.Beside, index%groupSize, hashEntry(level, n.Key, content))
	return nodeID(level, count, withHash(n.Groups, group, hashGroup(entries))), nil
}

// withHash splits joined hashes and inserts one more at place i.
func withHash(joined []byte, i int, h objectstore.Hash) []objectstore.Hash {
	hashes := make([]objectstore.Hash, 0, maxEntries)
	for b := range slices.Chunk(joined, objectstore.HashSize) {
		hashes = append(hashes, objectstore.Hash(b))
	}
	return slices.Insert(hashes, i, h)
}

// absent reports whether the paths, which lead to root, are of entries beside
// each other (or at an end) with key between them.
func (p *Proof) absent(root objectstore.Hash, key []byte) bool {
	switch len(p.Paths) {
	case 0:
		return root == EmptyRoot()
	case 1:
		only := p.Paths[0].Nodes
		first, last := true, true
		for _, n := range only {
			first = first && n.Index == 0
			last = last && n.Index == n.Count-1
		}
		order := bytes.Compare(key, only[0].Key)
		return first && order < 0 || last && order > 0
	}
	a, b := p.Paths[0].Nodes, p.Paths[1].Nodes
	if len(a) != len(b) || bytes.Compare(a[0].Key, key) >= 0 || bytes.Compare(key, b[0].Key) >= 0 {
		return false
	}
	at := len(a) - 1
	for at >= 0 && a[at].Index == b[at].Index {
		at--
	}
	if at < 0 || b[at].Index != a[at].Index+1 {
		return false
	}
	for at--; at >= 0; at-- {
		if a[at].Index != a[at].Count-1 || b[at].Index != 0 {
			return false
		}
	}
	return true
}
