package dd

import (
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/objectstore"
)

func TestProtection(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	protect := ProtectBranch{ID: main.ID, From: hash("head"), Approvals: 2, Invariants: true, Policy: "consistent"}
	w.refused("AG0501", w.do("mallory", protect))
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "*", Account: account("bob")}))
	w.refused("AG0501", w.do("bob", protect)) // a producer is no admin

	bad := protect
	bad.Standbys = []objectstore.Account{account("carol")}
	w.refused("AG0501", w.do("alice", bad)) // who cannot produce there
	bad.Standbys = []objectstore.Account{account("alice")}
	w.refused("AG0102", w.do("alice", bad)) // its producer
	bad.Standbys = []objectstore.Account{account("bob"), account("bob")}
	w.refused("AG0102", w.do("alice", bad))
	bad = protect
	bad.Approvals = MaxApprovals + 1
	w.refused("AG0102", w.do("alice", bad))
	bad = protect
	bad.ID = hash("other")
	w.refused("AG0202", w.do("alice", bad))
	w.refused("AG0703", w.do("alice", ProtectBranch{ID: main.ID, Off: true})) // it is not protected

	protect.Standbys = []objectstore.Account{account("bob")}
	w.ok(w.do("alice", protect))
	b, _, err := w.head().Branch(main.ID)
	w.ok(err)
	p := b.Protection
	if p == nil || p.Approvals != 2 || !p.Invariants || p.From != hash("head") || p.Since != w.head().Block().Number || b.Policy != "consistent" || b.Epoch != 0 {
		t.Fatalf("protected as %+v, %+v", b, p)
	}
	// A new producer begins an epoch; the policy stays where it is not said.
	w.ok(w.do("alice", ProtectBranch{ID: main.ID, From: hash("head 2"), Producer: account("bob")}))
	if b, _, err = w.head().Branch(main.ID); err != nil || b.Epoch != 1 || b.Producer != account("bob") || b.Policy != "consistent" || len(b.Protection.Standbys) != 0 {
		t.Fatalf("protected as %+v, %v", b, err)
	}
	w.refused("AG0102", w.do("alice", ProtectBranch{ID: main.ID, Off: true, Approvals: 1}))
	w.ok(w.do("alice", ProtectBranch{ID: main.ID, Off: true}))
	if p, err := w.head().Protection(main.ID); err != nil || p != nil {
		t.Fatalf("still protected: %+v, %v", p, err)
	}
}

func TestApproval(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	w.ok(w.do("alice", Grant{Role: Writer, Pattern: "main", Account: account("bob")}))
	w.ok(w.do("alice", Grant{Role: Reader, Pattern: "*", Account: account("rita")}))
	s := w.head()
	approve := func(person string) (SignedApproval, error) {
		return Approve(s, main.ID, hash("source"), 5000, nil, ledgertest.Key(person))
	}
	good := must(approve("bob"))
	again := must(DecodeApproval(must(good.Encode())))
	w.ok(VerifyApproval(s, again))
	for _, person := range []string{"rita", "mallory"} {
		_, err := approve(person)
		w.refused("AG0501", err)
	}
	for name, forge := range map[string]func(a *Approval){
		"another source":  func(a *Approval) { a.Source = hash("other") },
		"another time":    func(a *Approval) { a.Created++ },
		"another account": func(a *Approval) { a.Account = account("alice") },
	} {
		forged := good
		forge(&forged.Approval)
		t.Run(name, func(t *testing.T) { w.refused("AG0601", VerifyApproval(s, forged)) })
	}
	other := good
	other.Approval.Ledger = hash("another ledger")
	w.refused("AG0553", VerifyApproval(s, other))
	other = good
	other.Approval.Version = 2
	w.refused("AG0553", VerifyApproval(s, other))
	_, err = DecodeApproval([]byte("x"))
	w.refused("AG0553", err)
	// Who lost the role approves no longer.
	w.ok(w.do("alice", Revoke{Role: Writer, Pattern: "main", Account: account("bob")}))
	w.refused("AG0501", VerifyApproval(w.head(), good))
}
