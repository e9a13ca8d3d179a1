package repo_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// proofVectors are golden proof files with what a verifier in any language must
// say of them.
type proofVectors struct {
	About  string        `json:"about"`
	Ledger string        `json:"ledger"`
	Proofs []proofVector `json:"proofs"`
}

type proofVector struct {
	Name  string `json:"name"`
	Proof string `json:"proof"` // hex
	Kind  string `json:"kind"`
	Block string `json:"block"`
	Row   []any  `json:"row,omitempty"`
	Call  string `json:"call,omitempty"`
}

const proofVectorsFile = "../testdata/vectors/proof.json"

// TestProofVectors makes the proofs of a fixed history and holds them against
// the golden ones; with UPDATE=1 it writes them.
func TestProofVectors(t *testing.T) {
	s := begin(t, fixed(77))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	sold := s.call("", "shop", "sell", args{"sku": "tea", "n": int64(3)})
	v := proofVectors{About: "Proof files of docs/formats/proof.md: verify each for the ledger and compare.", Ledger: s.Ledger().String()}
	add := func(name string, data []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		ledger := s.Ledger()
		rep, err := repo.VerifyProof(data, &ledger)
		if err != nil {
			t.Fatal(err)
		}
		v.Proofs = append(v.Proofs, proofVector{Name: name, Proof: hex.EncodeToString(data), Kind: rep.Kind, Block: rep.Block.String(), Row: rep.Row, Call: rep.Call})
	}
	p, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
	add("row of the head", p, err)
	p, err = s.ProveRow(ctx, s.key, "", "shop", "item", []any{"coffee"})
	add("no such row", p, err)
	p, err = s.ProveRow(ctx, s.key, "main~1", "shop", "item", []any{"tea"})
	add("row of an earlier block", p, err)
	p, err = s.ProveTransaction(ctx, s.key, sold.Transaction.String())
	add("transaction", p, err)

	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(proofVectorsFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(proofVectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the proofs of a fixed history have changed: a format did, which is final (UPDATE=1 writes them anew)")
	}
	// The golden bytes verify by themselves, too.
	var golden proofVectors
	if err := json.Unmarshal(want, &golden); err != nil {
		t.Fatal(err)
	}
	ledger, err := objectstore.ParseHash(golden.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	if len(golden.Proofs) == 0 {
		t.Fatal("no golden proofs")
	}
	for _, g := range golden.Proofs {
		data, err := hex.DecodeString(g.Proof)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := repo.VerifyProof(data, &ledger)
		if err != nil || rep.Kind != g.Kind || rep.Block.String() != g.Block {
			t.Errorf("%s: %+v, %v", g.Name, rep, err)
		}
	}
}
