package dd

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/objectstore"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

const vectorFile = "../testdata/vectors/directory.json"

type vectors struct {
	Comment       string        `json:"comment"`
	Genesis       string        `json:"genesis"`
	Ledger        string        `json:"ledger"`
	Main          string        `json:"main"` // id of the branch main
	Blocks        []blockVector `json:"blocks"`
	Statement     string        `json:"statement"`
	StatementID   string        `json:"statementId"`
	StatementSeal string        `json:"statementSeal"`
	Approval      string        `json:"approval"` // with its seal
	ApprovalID    string        `json:"approvalId"`
	Proof         string        `json:"proofOfMain"` // under the last block's state root
}

type blockVector struct {
	Name  string   `json:"name"`
	Data  string   `json:"cbor"`
	Seal  string   `json:"seal"`
	ID    string   `json:"id"`
	State string   `json:"state"`
	Ops   []string `json:"operationIds"`
}

func makeVectors(t *testing.T) vectors {
	v := vectors{Comment: "A directory chain of alice (ed25519 seed SHA-256 of \"aergo-git test key of alice\"), each change one block. Bytes in hex."}
	genesis := must(genesisOf("alice").Encode())
	g, ledger, err := DecodeGenesis(genesis)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := begin(g, ledger, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, sealed SealedBlock, s State) {
		b := blockVector{Name: name, Data: hex.EncodeToString(sealed.Data), Seal: hex.EncodeToString(sealed.Seal),
			ID: s.Block().ID.String(), State: s.Root().String(), Ops: []string{}}
		for _, op := range s.Block().Operations {
			b.Ops = append(b.Ops, SignedOperation{Data: op}.ID().String())
		}
		v.Blocks = append(v.Blocks, b)
	}
	add("block 0", must(seal(s.Block().Header, seals{}, descriptor("alice"), signers("alice"))), s)
	main, _, err := s.BranchNamed("main")
	if err != nil {
		t.Fatal(err)
	}
	west := must(branchID(ledger, account("alice"), hash("eu/west")))
	for i, c := range []struct {
		name   string
		change Change
	}{
		{"identity", AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()}},
		{"grant", Grant{Role: Producer, Pattern: "eu/*", Account: account("bob")}},
		{"register", RegisterBranch{Name: "eu/west", Creator: account("alice"), Salt: hash("eu/west"), Producer: account("bob"), Policy: "consistent"}},
		{"tag", AddTag{Name: "v1", Block: hash("block"), Branch: main.ID, Message: "first"}},
		{"rename", UpdateBranch{ID: west, Name: "eu/north"}},
		{"delete", DeleteBranch{ID: west, Name: "eu/north"}},
		{"update", UpdateBranch{ID: main.ID, Policy: "automatic"}},
		{"protect", ProtectBranch{ID: main.ID, From: hash("head"), Invariants: true, Approvals: 1, Policy: "consistent"}},
		{"revoke", Revoke{Role: Producer, Pattern: "eu/*", Account: account("bob")}},
		{"visibility", SetVisibility{Public: true}},
		{"anchor", AnchorBranch{Branch: main.ID, Block: hash("head"), Number: 7, Sequence: 3}},
		{"revoke account", RevokeKey{Account: account("bob"), Last: []Last{{Branch: main.ID, Block: hash("head")}}, Reason: "left"}},
		{"resolve", ResolveEvidence{Branch: main.ID, Sequence: 1, Block: hash("head")}},
		{"threshold", SetThreshold{Threshold: 1}},
		{"peer", SetPeer{Name: "berlin", Descriptor: descriptor("dave").Bytes(), Addresses: []string{"https://berlin.example:7070/shop", "https://[2001:db8::7]:7070/shop"}}},
		{"mirror", SetPeer{Name: "mirror-1", Descriptor: descriptor("carol").Bytes(), Mirror: true}},
		{"peer removed", SetPeer{Name: "berlin", Off: true}},
		{"engine", SetEngine{Engine: 2}},
		{"keys", SetKeys{Account: account("alice"), Descriptor: mOf(1, "alice", "alice 2").Bytes()}},
	} {
		op, err := Propose(s, c.change, int64(2000+i), hash(c.name), nil, ledgertest.Key("alice"))
		if err != nil {
			t.Fatal(err)
		}
		sealed, next, err := s.Make(int64(3000+i), []SignedOperation{op}, nil, ledgertest.Key("alice"))
		if err != nil {
			t.Fatal(err)
		}
		s = next
		add(c.name, sealed, s)
	}
	present := mOf(1, "alice", "alice 2")
	st := Statement{Version: 1, Ledger: ledger, Branch: main.ID, Sequence: 1, Block: hash("head"), Time: 4000, Expiry: 5000,
		Directory: s.Block().ID, Producer: account("alice")}
	v.Genesis, v.Ledger, v.Main = hex.EncodeToString(genesis), ledger.String(), main.ID.String()
	v.Statement, v.StatementID = hex.EncodeToString(must(st.Encode())), must(st.ID()).String()
	v.StatementSeal = hex.EncodeToString(must(makeSeal(present, "head", ledger, must(st.ID()), signers("alice"))))
	approval, err := Approve(s, main.ID, hash("source"), 4000, present.Bytes(), ledgertest.Key("alice"))
	if err != nil {
		t.Fatal(err)
	}
	v.Approval, v.ApprovalID = hex.EncodeToString(must(approval.Encode())), must(approval.Approval.ID()).String()
	v.Proof = hex.EncodeToString(must(s.ProveBranch(main.ID)))
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
	if len(v.Blocks) < 8 {
		t.Fatalf("%s has %d blocks", vectorFile, len(v.Blocks))
	}
	// As a verifier reads it: the bytes alone.
	bytesOf := func(text string) []byte { return must(hex.DecodeString(text)) }
	var s State
	for i, b := range v.Blocks {
		sealed := SealedBlock{Data: bytesOf(b.Data), Seal: bytesOf(b.Seal)}
		if i == 0 {
			s, err = Begin(bytesOf(v.Genesis), sealed)
		} else {
			s, err = s.Next(sealed)
		}
		if err != nil {
			t.Fatalf("%s: %v", b.Name, err)
		}
		if s.Block().ID.String() != b.ID || s.Root().String() != b.State {
			t.Fatalf("%s: id %s, state %s", b.Name, s.Block().ID, s.Root())
		}
	}
	if s.Ledger().String() != v.Ledger {
		t.Errorf("the ledger is %s", s.Ledger())
	}
	st, err := DecodeStatement(bytesOf(v.Statement))
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyStatement(s, st, bytesOf(v.StatementSeal), Question{}); err != nil {
		t.Error(err)
	}
	approval, err := DecodeApproval(bytesOf(v.Approval))
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyApproval(s, approval); err != nil || must(approval.Approval.ID()).String() != v.ApprovalID {
		t.Error(err)
	}
	main := must(objectstore.ParseHash(v.Main))
	if b, ok, err := VerifyBranch(s.Root(), main, bytesOf(v.Proof)); err != nil || !ok || b.Name != mainBranch {
		t.Errorf("main is proven as %v, %v, %v", b, ok, err)
	}
}
