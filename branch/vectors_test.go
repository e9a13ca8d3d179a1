package branch_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/objectstore"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

const vectorFile = "../testdata/vectors/block.json"

type vector struct {
	Name   string `json:"name"`
	Object any    `json:"object"` // the fields by their names, for readers
	CBOR   string `json:"cbor"`
	ID     string `json:"id"`
	Seal   string `json:"seal,omitempty"` // of a block: its producer is ed25519 seed SHA-256("aergo-git test key of alice")
}

type vectors struct {
	Comment      string    `json:"comment"`
	Descriptors  []vector  `json:"descriptors"`
	Headers      []vector  `json:"headers"`
	MergeRecords []vector  `json:"mergeRecords"`
	Refused      []refused `json:"refusedHeaders"`
}

type refused struct {
	Name string `json:"name"`
	CBOR string `json:"cbor"`
}

func makeVectors(t *testing.T) vectors {
	v := vectors{Comment: "Canonical CBOR and ids of branch descriptors, block headers and merge records. Bytes in hex."}
	add := func(list *[]vector, name string, object any, kind objectstore.Kind, data []byte, seal []byte) {
		*list = append(*list, vector{name, object, hex.EncodeToString(data), objectstore.Sum(kind, data).String(), hex.EncodeToString(seal)})
	}
	d := branch.Descriptor{Version: 1, Ledger: hash("ledger"), Creator: account("alice"), Salt: hash("salt")}
	add(&v.Descriptors, "branch of alice", d, objectstore.KindBranch, must(d.Encode()), nil)

	g := must(branch.NewBlock(header("G")))
	a, b := must(branch.NewBlock(header("A", g))), must(branch.NewBlock(header("B", g)))
	m := branch.MergeRecord{Version: 1, Kind: branch.Automatic, Source: b.ID, Bases: []objectstore.Hash{g.ID}, Strict: true,
		Verdicts: []branch.Verdict{
			{Transaction: hash("t1"), Code: branch.Included, Block: b.ID},
			{Transaction: hash("t2"), Code: branch.Excluded, Reason: 4, Block: b.ID},
		}}
	add(&v.MergeRecords, "one included, one excluded", m, objectstore.KindMergeRecord, must(m.Encode()), nil)
	approved := branch.MergeRecord{Version: 1, Kind: branch.Consistent, Source: b.ID, Bases: []objectstore.Hash{g.ID},
		Approvals: []branch.Approval{{Account: account("bob"), Created: 4000, Seal: []byte("a seal of purpose approval")}}}
	add(&v.MergeRecords, "approved", approved, objectstore.KindMergeRecord, must(approved.Encode()), nil)

	merge := header("M", a, b)
	merge.MergeRecord = objectstore.Sum(objectstore.KindMergeRecord, must(m.Encode()))
	merge.Transactions = branch.List{Root: hash("transactions"), Count: 2}
	merge.Receipts = branch.List{Root: hash("receipts"), Count: 2}
	merge.Changes = branch.List{Root: hash("changes"), Count: 1}
	for i, h := range []branch.Header{g.Header, a.Header, merge} {
		name := []string{"genesis", "child", "merge"}[i]
		block := must(branch.NewBlock(h))
		add(&v.Headers, name, h, objectstore.KindBlock, must(h.Encode()), must(branch.SignBlock(block, nil, ledgertest.Key("alice"))))
	}
	good := must(g.Encode())
	head, version := good[:2], good[3:] // map head, key 1 | rest after the version
	v.Refused = []refused{
		{"a byte after the end", hex.EncodeToString(append(bytes.Clone(good), 0))},
		{"version 2", hex.EncodeToString(slices.Concat(head, []byte{2}, version))},
		{"version in two bytes", hex.EncodeToString(slices.Concat(head, []byte{0x18, 1}, version))},
		{"ends early", hex.EncodeToString(good[:len(good)-1])},
	}
	return v
}

func TestVectors(t *testing.T) {
	made, err := json.MarshalIndent(makeVectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, stored) {
		t.Fatalf("%s is not what this code makes: a format has changed", vectorFile)
	}
	var v vectors
	if err := json.Unmarshal(stored, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Headers) < 3 || len(v.Refused) < 4 {
		t.Fatalf("%s has %d headers and %d refused ones", vectorFile, len(v.Headers), len(v.Refused))
	}
	for _, x := range v.Headers {
		b, err := branch.DecodeBlock(must(hex.DecodeString(x.CBOR)))
		if err != nil || b.ID.String() != x.ID {
			t.Errorf("%s: %s, %v", x.Name, b.ID, err)
		}
		if err := branch.VerifySeal(b, must(hex.DecodeString(x.Seal))); err != nil {
			t.Errorf("%s: %v", x.Name, err)
		}
	}
	for _, x := range v.Refused {
		if _, err := branch.DecodeBlock(must(hex.DecodeString(x.CBOR))); err == nil {
			t.Errorf("%s: it was read", x.Name)
		}
	}
}
