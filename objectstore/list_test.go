package objectstore_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/aergo-git/aergo-git/objectstore"
)

func drawLeaves(n, size int) []objectstore.Leaf {
	leaves := make([]objectstore.Leaf, n)
	for i := range leaves {
		leaves[i].Data = bytes.Repeat([]byte{byte(i), byte(i >> 8), 3}, size/3)
		if i%2 == 0 {
			leaves[i].Beside = fmt.Appendf(nil, "signature %d", i)
		}
	}
	return leaves
}

// foreignRoot is the root by transparency-dev's compact range.
func foreignRoot(t testing.TB, leaves []objectstore.Leaf) []byte {
	h := rfc6962.DefaultHasher
	factory := compact.RangeFactory{Hash: h.HashChildren}
	r := factory.NewEmptyRange(0)
	for _, l := range leaves {
		if err := r.Append(h.HashLeaf(l.Data), nil); err != nil {
			t.Fatal(err)
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	if root == nil {
		return h.EmptyRoot()
	}
	return root
}

// Roots and paths are those of an independent implementation, for each size.
func TestListIsRFC6962(t *testing.T) {
	for n := range 70 {
		leaves := drawLeaves(n, 12)
		root := objectstore.ListRoot(leaves)
		if !bytes.Equal(root[:], foreignRoot(t, leaves)) {
			t.Fatalf("the root of %d leaves differs", n)
		}
		for i := range leaves {
			path, err := objectstore.ProveLeaf(leaves, i)
			if err != nil {
				t.Fatal(err)
			}
			if err := objectstore.VerifyLeaf(root, leaves[i].Data, uint64(i), uint64(n), path); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
			nodes, err := proof.Inclusion(uint64(i), uint64(n))
			if err != nil || len(nodes.IDs) < len(path) {
				t.Fatal("the path is longer than it needs to be", err)
			}
		}
		for _, i := range []int{-1, n} {
			if _, err := objectstore.ProveLeaf(leaves, i); err == nil {
				t.Errorf("leaf %d of %d is proven", i, n)
			}
		}
	}
}

func TestVerifyLeafRefuses(t *testing.T) {
	leaves := drawLeaves(11, 30)
	root := objectstore.ListRoot(leaves)
	path, err := objectstore.ProveLeaf(leaves, 5)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(path)
	bad[1][7] ^= 1
	for name, err := range map[string]error{
		"other data":   objectstore.VerifyLeaf(root, []byte("x"), 5, 11, path),
		"other index":  objectstore.VerifyLeaf(root, leaves[5].Data, 4, 11, path),
		"beyond":       objectstore.VerifyLeaf(root, leaves[5].Data, 11, 11, path),
		"other size":   objectstore.VerifyLeaf(root, leaves[5].Data, 5, 7, path),
		"no size":      objectstore.VerifyLeaf(root, leaves[5].Data, 0, 0, nil),
		"huge size":    objectstore.VerifyLeaf(root, leaves[5].Data, 5, 1<<63, path),
		"other root":   objectstore.VerifyLeaf(objectstore.Hash{}, leaves[5].Data, 5, 11, path),
		"short path":   objectstore.VerifyLeaf(root, leaves[5].Data, 5, 11, path[1:]),
		"long path":    objectstore.VerifyLeaf(root, leaves[5].Data, 5, 11, append(slices.Clone(path), objectstore.Hash{})),
		"changed path": objectstore.VerifyLeaf(root, leaves[5].Data, 5, 11, bad),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestListForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		leaves := drawLeaves(1+r.IntN(40), r.IntN(400))
		data, err := objectstore.EncodeList(leaves)
		if err != nil {
			t.Fatal(err)
		}
		got, err := objectstore.DecodeList(data)
		if err != nil || len(got) != len(leaves) || objectstore.ListRoot(got) != objectstore.ListRoot(leaves) {
			t.Fatal(err)
		}
		for i := range got {
			if !bytes.Equal(got[i].Data, leaves[i].Data) || !reflect.DeepEqual(got[i].Beside, leaves[i].Beside) {
				t.Fatalf("leaf %d became %v", i, got[i])
			}
		}
	}
	if _, err := objectstore.EncodeList(nil); err == nil {
		t.Error("the empty list is written")
	}
	if _, err := objectstore.EncodeList(make([]objectstore.Leaf, objectstore.MaxListLeaves+1)); err == nil {
		t.Error("a too long list is written")
	}
}

func FuzzDecodeList(f *testing.F) {
	data, _ := objectstore.EncodeList(drawLeaves(3, 9))
	f.Add(data)
	f.Add([]byte{0x80})
	f.Add([]byte{0x9a, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x81, 0x82, 0x40, 0x58, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		leaves, err := objectstore.DecodeList(data)
		if err != nil {
			return
		}
		if again, err := objectstore.EncodeList(leaves); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x became %x: %v", data, again, err)
		}
	})
}

func BenchmarkListRoot(b *testing.B) {
	leaves := drawLeaves(1000, 300)
	b.Run("1000x300", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			objectstore.ListRoot(leaves)
		}
	})
	b.Run("by compact range", func(b *testing.B) { // the named alternative
		b.ReportAllocs()
		for b.Loop() {
			foreignRoot(b, leaves)
		}
	})
}
