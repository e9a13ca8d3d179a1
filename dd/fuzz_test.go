package dd

import (
	"bytes"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// Whatever is accepted encodes to the same bytes again.
func roundTrip(t *testing.T, data []byte, v any) {
	t.Helper()
	again, err := wire.Marshal(v)
	if err != nil || !bytes.Equal(again, data) {
		t.Fatalf("%x came back as %x, %v", data, again, err)
	}
}

func firstState() State {
	g := genesisOf("alice")
	s, _, err := begin(g, hash("ledger"), nothing{})
	if err != nil {
		panic(err)
	}
	return s
}

func FuzzDecodeGenesis(f *testing.F) {
	f.Add(must(genesisOf("alice").Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if g, _, err := DecodeGenesis(data); err == nil {
			roundTrip(t, data, g)
		}
	})
}

func FuzzDecodeOperation(f *testing.F) {
	s := firstState()
	for _, c := range []Change{
		RegisterBranch{Name: "eu", Creator: account("alice"), Salt: hash("s"), Producer: account("alice")},
		UpdateBranch{ID: hash("b"), Policy: "automatic"},
		AddTag{Name: "v1", Block: hash("b"), Branch: hash("br"), Message: "m"},
		Grant{Role: Writer, Pattern: "eu/*", Account: account("bob")},
		Revoke{Role: Writer, Pattern: "*", Account: account("bob")},
		AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()},
		SetVisibility{Public: true},
		SetThreshold{Threshold: 1},
		SetEngine{Engine: 2},
		SetPeer{Name: "berlin", Descriptor: descriptor("bob").Bytes(), Addresses: []string{"https://[2001:db8::1]:7070/a/b"}, Mirror: true},
		SetPeer{Name: "berlin", Off: true},
		DeleteBranch{ID: hash("b"), Name: "eu"},
		SetProducer{Account: account("bob")},
		TakeOver{Branch: hash("b")},
		ResolveEvidence{Branch: hash("b"), Sequence: 1, Block: hash("x")},
		RevokeKey{Account: account("bob"), Key: public("bob"), Last: []Last{{Branch: hash("b"), Block: hash("x")}}},
		AnchorBranch{Branch: hash("b"), Block: hash("x"), Number: 3, Sequence: 1},
		SetKeys{Account: account("alice"), Descriptor: mOf(1, "alice", "bob").Bytes()},
		ProtectBranch{ID: must(branchID(s.Ledger(), account("alice"), genesisOf("alice").Salt)), From: hash("h"), Approvals: 2, Standbys: nil},
	} {
		op, _ := Propose(s, c, 1, hash("salt"), nil, ledgertest.Key("alice"))
		f.Add(op.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		op, change, err := DecodeOperation(data)
		if err != nil {
			return
		}
		roundTrip(t, data, op)
		roundTrip(t, op.Body, change)
		// Whatever it says, it is applied or refused, never a crash.
		if _, err := s.With(SignedOperation{Data: data}, 0); err == nil {
			t.Fatal("an operation without a signature was applied")
		}
		if list, err := change.records(s, op); err == nil {
			if _, err := s.put(list); err != nil {
				t.Fatalf("an allowed change cannot be written: %v", err)
			}
		}
	})
}

func FuzzDecodeProposal(f *testing.F) {
	s := firstState()
	p := must(NewProposal(s, SetThreshold{Threshold: 1}, account("alice"), 1, hash("salt")))
	f.Add(must(p.Encode()))
	f.Add(must(must(p.Sign(s, "", ledgertest.Key("alice"))).Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodeProposal(data)
		if err != nil {
			return
		}
		roundTrip(t, data, p)
		if o, err := p.Complete(s); err == nil {
			if _, err := s.With(o, 0); err == nil && p.ID() != must(NewProposal(s, SetThreshold{Threshold: 1}, account("alice"), 1, hash("salt"))).ID() {
				t.Fatal("a proposal that nobody signed took effect")
			}
		}
	})
}

func FuzzDecodeEvidence(f *testing.F) {
	a := Statement{Version: 1, Ledger: hash("l"), Branch: hash("b"), Sequence: 1, Block: hash("x"), Time: 1, Expiry: 2, Directory: hash("d"), Producer: account("alice")}
	b := a
	b.Block = hash("y")
	f.Add(must(must(NewEvidence(a, []byte{1}, b, []byte{2})).Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := DecodeEvidence(data); err == nil {
			roundTrip(t, data, e)
		}
	})
}

func FuzzDecodeBlock(f *testing.F) {
	s := firstState()
	op, _ := Propose(s, SetVisibility{Public: true}, 1, hash("salt"), nil, ledgertest.Key("alice"))
	sealed, _, err := s.Make(2000, []SignedOperation{op}, nil, ledgertest.Key("alice"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed.Data, sealed.Seal)
	f.Fuzz(func(t *testing.T, data, seal []byte) {
		b, err := DecodeBlock(data)
		if err != nil {
			return
		}
		roundTrip(t, data, b.Header)
		if _, err := s.Next(SealedBlock{Data: data, Seal: seal}); err == nil && !bytes.Equal(data, sealed.Data) {
			t.Fatal("a block that nobody signed was taken")
		}
	})
}

func FuzzDecodeStatement(f *testing.F) {
	f.Add(must(Statement{Version: 1, Ledger: hash("l"), Branch: hash("b"), Sequence: 1, Block: hash("x"), Time: 1, Expiry: 2,
		Directory: hash("d"), Producer: account("alice")}.Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if st, err := DecodeStatement(data); err == nil {
			roundTrip(t, data, st)
		}
	})
}

func FuzzDecodeApproval(f *testing.F) {
	s := firstState()
	main, _, _ := s.BranchNamed(mainBranch)
	a := must(Approve(s, main.ID, hash("source"), 1, nil, ledgertest.Key("alice")))
	f.Add(must(a.Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := DecodeApproval(data)
		if err != nil {
			return
		}
		roundTrip(t, data, got)
		if err := VerifyApproval(s, got); err == nil && got.Approval != a.Approval {
			t.Fatal("an approval that nobody signed was taken")
		}
	})
}

func FuzzCheckAddress(f *testing.F) {
	for _, a := range []string{"https://a.example:1", "https://10.0.0.1:65535/x", "https://[2001:db8::7]:7070/shop/b", "https://a:b@c:1", "https://[::ffff:1.2.3.4]:1"} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckAddress(text) != nil {
			return
		}
		// Whatever is accepted means the same to everybody who reads addresses.
		u, err := url.Parse(text)
		if err != nil || u.String() != text || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Port() == "" || path.Clean("/"+u.Path) != "/"+strings.TrimPrefix(u.Path, "/") {
			t.Fatalf("%q is read as %+v, %v", text, u, err)
		}
	})
}
