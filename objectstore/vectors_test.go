package objectstore_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/aergo-git/aergo-git/objectstore"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

const vectorFile = "../testdata/vectors/objects.json"

type objectVectors struct {
	Kinds []kindVector `json:"kinds"`
	Lists []listVector `json:"lists"`
}

// kindVector is the id of the bytes "abc" as an object of a kind.
type kindVector struct {
	Kind byte             `json:"kind"`
	Name string           `json:"name"`
	Sum  objectstore.Hash `json:"sum_of_abc"`
}

type listVector struct {
	Leaves []string             `json:"leaves"`
	Beside []string             `json:"beside"`
	Root   objectstore.Hash     `json:"root"`
	Stored string               `json:"stored"` // empty for the empty list
	Paths  [][]objectstore.Hash `json:"paths"`
}

func makeVectors(t *testing.T) objectVectors {
	var v objectVectors
	for k := range 256 {
		kind := objectstore.Kind(k)
		if name := kind.String(); name[:min(7, len(name))] != "unknown" {
			v.Kinds = append(v.Kinds, kindVector{byte(k), name, objectstore.Sum(kind, []byte("abc"))})
		}
	}
	for n := range 9 {
		leaves := drawLeaves(n, 6)
		l := listVector{Leaves: []string{}, Beside: []string{}, Root: objectstore.ListRoot(leaves), Paths: [][]objectstore.Hash{}}
		for i, leaf := range leaves {
			l.Leaves = append(l.Leaves, hex.EncodeToString(leaf.Data))
			l.Beside = append(l.Beside, hex.EncodeToString(leaf.Beside))
			path, err := objectstore.ProveLeaf(leaves, i)
			if err != nil {
				t.Fatal(err)
			}
			l.Paths = append(l.Paths, append([]objectstore.Hash{}, path...))
		}
		if n > 0 {
			stored, err := objectstore.EncodeList(leaves)
			if err != nil {
				t.Fatal(err)
			}
			l.Stored = hex.EncodeToString(stored)
		}
		v.Lists = append(v.Lists, l)
	}
	return v
}

// The vectors in the tree are what this code makes, and it reads them back.
func TestGoldenVectors(t *testing.T) {
	want := makeVectors(t)
	if *update {
		b, err := json.MarshalIndent(want, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var got objectVectors
	if err := json.Unmarshal(file, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("testdata/vectors/objects.json is not what the code makes; a format must not change")
	}
	if len(got.Lists) == 0 {
		t.Fatal("there are no vectors")
	}
	for _, l := range got.Lists[1:] {
		stored, err := hex.DecodeString(l.Stored)
		if err != nil {
			t.Fatal(err)
		}
		leaves, err := objectstore.DecodeList(stored)
		if err != nil || objectstore.ListRoot(leaves) != l.Root {
			t.Errorf("list %s: %v", l.Root, err)
		}
		for i, path := range l.Paths {
			if err := objectstore.VerifyLeaf(l.Root, leaves[i].Data, uint64(i), uint64(len(leaves)), path); err != nil {
				t.Error(err)
			}
		}
	}
}
