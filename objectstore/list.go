package objectstore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"math/bits"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/aergo-git/aergo-git/internal/wire"
)

// Leaf is one element of a list object.
type Leaf struct {
	// Data is hashed.
	Data []byte
	// Beside is kept with Data and not hashed: signatures, or arguments that
	// may be erased. Nil and empty are the same.
	Beside []byte
}

// ListRoot is the RFC 6962 Merkle tree hash over the leaves' Data: the id of a
// list object. The root of no leaves is the SHA-256 of nothing; such a list is
// never stored.
func ListRoot(leaves []Leaf) Hash {
	t := newTree(leaves)
	return t.root(0, len(leaves))
}

// tree hashes a list with one reused hasher.
type tree struct {
	leaves []Leaf
	sha    hash.Hash
	sum    []byte
}

func newTree(leaves []Leaf) *tree {
	return &tree{leaves: leaves, sha: sha256.New(), sum: make([]byte, 0, HashSize)}
}

// root is MTH(D[from:to]) of RFC 6962 section 2.1.
func (t *tree) root(from, to int) Hash {
	switch to - from {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		t.sha.Reset()
		t.sha.Write(leafPrefix)
		t.sha.Write(t.leaves[from].Data)
		return Hash(t.sha.Sum(t.sum))
	}
	mid := from + split(to-from)
	left, right := t.root(from, mid), t.root(mid, to)
	var node [1 + 2*HashSize]byte
	node[0] = rfc6962.RFC6962NodeHashPrefix
	copy(node[1:], left[:])
	copy(node[1+HashSize:], right[:])
	return sha256.Sum256(node[:])
}

var leafPrefix = []byte{rfc6962.RFC6962LeafHashPrefix}

// split is the largest power of two below n, for n >= 2.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

// ProveLeaf gives the RFC 6962 audit path of leaf i, from the leaf upwards.
func ProveLeaf(leaves []Leaf, i int) ([]Hash, error) {
	if i < 0 || i >= len(leaves) {
		return nil, fmt.Errorf("there is no leaf %d in a list of %d", i, len(leaves))
	}
	t := newTree(leaves)
	var down []Hash // from the root down
	for from, to := 0, len(leaves); to-from > 1; {
		mid := from + split(to-from)
		if i < mid {
			down = append(down, t.root(mid, to))
			to = mid
		} else {
			down = append(down, t.root(from, mid))
			from = mid
		}
	}
	for a, b := 0, len(down)-1; a < b; a, b = a+1, b-1 {
		down[a], down[b] = down[b], down[a]
	}
	return down, nil
}

// VerifyLeaf checks that data is leaf index of the list of size leaves with
// this root. It trusts nothing but root and size.
func VerifyLeaf(root Hash, data []byte, index, size uint64, path []Hash) error {
	if size > MaxListLeaves {
		return fmt.Errorf("a list of %d leaves, at most %d are allowed", size, MaxListLeaves)
	}
	raw := make([][]byte, len(path))
	for i := range path {
		raw[i] = path[i][:]
	}
	h := rfc6962.DefaultHasher
	if err := proof.VerifyInclusion(h, index, size, h.HashLeaf(data), raw, root[:]); err != nil {
		return fmt.Errorf("leaf %d of list %s is not proven: %w", index, root.Short(), err)
	}
	return nil
}

// EncodeList gives the stored form of a list: a canonical CBOR array of
// [data, beside] pairs. It refuses the empty list.
func EncodeList(leaves []Leaf) ([]byte, error) {
	if len(leaves) == 0 {
		return nil, errEmptyList
	}
	if len(leaves) > MaxListLeaves {
		return nil, fmt.Errorf("a list of %d leaves, at most %d are allowed", len(leaves), MaxListLeaves)
	}
	size := 5
	for _, l := range leaves {
		size += 1 + 5 + 5 + len(l.Data) + len(l.Beside)
	}
	data := wire.AppendArray(make([]byte, 0, size), len(leaves))
	for _, l := range leaves {
		data = wire.AppendArray(data, 2)
		data = wire.AppendBytes(data, l.Data)
		data = wire.AppendBytes(data, l.Beside)
	}
	return data, nil
}

var errEmptyList = errors.New("the empty list is never stored: its root says all")

// DecodeList reads the stored form of a list. The leaves alias data. It refuses
// what EncodeList would not write.
func DecodeList(data []byte) ([]Leaf, error) {
	n, data, err := wire.ReadArray(data)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	if n == 0 {
		return nil, errEmptyList
	}
	if n > MaxListLeaves || n > len(data)/3 { // a leaf has three bytes or more
		return nil, fmt.Errorf("read list: %d leaves in %d bytes are too many", n, len(data))
	}
	leaves := make([]Leaf, n)
	for i := range leaves {
		var pair int
		if pair, data, err = wire.ReadArray(data); err != nil {
			return nil, fmt.Errorf("read leaf %d: %w", i, err)
		}
		if pair != 2 {
			return nil, fmt.Errorf("read leaf %d: it has %d parts, want 2", i, pair)
		}
		if leaves[i].Data, data, err = wire.ReadBytes(data); err != nil {
			return nil, fmt.Errorf("read leaf %d: %w", i, err)
		}
		if leaves[i].Beside, data, err = wire.ReadBytes(data); err != nil {
			return nil, fmt.Errorf("read leaf %d: %w", i, err)
		}
		if len(leaves[i].Beside) == 0 {
			leaves[i].Beside = nil
		}
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("read list: %d bytes after the end", len(data))
	}
	return leaves, nil
}
