package dd

import (
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
)

// TestNamesOfBranches: who renames and deletes, and what is left of a branch that
// was deleted.
func TestNamesOfBranches(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "eu/*", Account: account("bob")}))
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "eu/*", Account: account("carol")}))
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "eu/*", Account: account("mallory")}))
	first, id := w.branchOf("carol", "eu/a")
	w.ok(w.do("carol", first))
	us, usID := w.branchOf("alice", "us/a")
	w.ok(w.do("alice", us))
	main, _, err := w.head().BranchNamed(mainBranch)
	w.ok(err)

	for _, c := range []struct {
		who, code string
		change    Change
	}{
		{"mallory", "AG0501", UpdateBranch{ID: id, Name: "eu/hers"}},
		{"mallory", "AG0501", DeleteBranch{ID: id, Name: "eu/a"}},
		{"carol", "AG0501", DeleteBranch{ID: id, Name: "eu/a"}},      // its producer
		{"bob", "AG0501", UpdateBranch{ID: id, Name: "us/b"}},        // out of his pattern
		{"bob", "AG0501", UpdateBranch{ID: usID, Name: "eu/b"}},      // and into it
		{"bob", "AG0501", UpdateBranch{ID: id, Name: "eu"}},          // beside it
		{"bob", "AG0101", UpdateBranch{ID: id, Name: "eu/../main"}},  // no name
		{"bob", "AG0703", UpdateBranch{ID: id, Name: "us/a"}},        // taken
		{"bob", "AG0703", UpdateBranch{ID: id, Name: "main"}},        // taken
		{"alice", "AG0704", UpdateBranch{ID: main.ID, Name: "old"}},  // main
		{"alice", "AG0501", UpdateBranch{ID: id, Name: "asia"}},      // where carol may not produce
		{"bob", "AG0501", DeleteBranch{ID: usID, Name: "us/a"}},      // not his
		{"bob", "AG0501", DeleteBranch{ID: main.ID, Name: "main"}},   // not his
		{"alice", "AG0704", DeleteBranch{ID: main.ID, Name: "main"}}, // for nobody
		{"alice", "AG0533", DeleteBranch{ID: id, Name: "us/a"}},      // another's name
		{"alice", "AG0202", DeleteBranch{ID: hash("x"), Name: "eu/x"}},
	} {
		before := w.head().Block().ID
		w.refused(c.code, w.do(c.who, c.change))
		if w.head().Block().ID != before {
			t.Fatalf("%+v changed the directory", c.change)
		}
	}

	old := w.sign("bob", DeleteBranch{ID: id, Name: "eu/a"})
	w.ok(w.do("bob", UpdateBranch{ID: id, Name: "eu/b"}))
	w.refused("AG0533", w.append(old)) // it has another name by now
	w.ok(w.do("alice", ProtectBranch{ID: id, From: hash("head")}))
	w.refused("AG0533", w.do("bob", DeleteBranch{ID: id, Name: "eu/b"}))
	w.ok(w.do("alice", ProtectBranch{ID: id, Off: true}))

	// A head statement from before does not count after.
	s := w.head()
	st := Statement{Version: 1, Ledger: s.Ledger(), Branch: id, Sequence: 1, Block: hash("head"), Time: 1, Expiry: 2, Directory: s.Block().ID, Producer: account("carol")}
	seal := must(makeSeal(descriptor("carol"), "head", s.Ledger(), must(st.ID()), signers("carol")))
	w.ok(VerifyStatement(s, st, seal, Question{}))
	w.ok(w.do("bob", DeleteBranch{ID: id, Name: "eu/b"}))
	b := w.db.NewBatch()
	defer b.Close()
	_, err = w.d.TakeStatement(b, st, seal, 1, Question{})
	w.refused("AG0532", err)
	local := Question{Name: "eu/c", Creator: account("carol"), Salt: first.Salt}
	_, _, err = w.d.MakeStatement(b, id, hash("head"), 3, 4, local, nil, ledgertest.Key("carol"))
	w.refused("AG0601", err)

	// Its id is used for ever, for everything and everybody.
	s = w.head()
	for _, right := range []Right{RightWrite, RightProduce, RightMerge, RightTag, RightApprove, RightAdmin, RightRegister} {
		for _, who := range []string{"alice", "carol", "mallory"} {
			q := local
			q.Account, q.Right, q.Branch = account(who), right, id
			w.refused("AG0532", Decide(s, q))
		}
	}
	again := first
	again.Name = "eu/c"
	w.refused("AG0532", w.do("alice", again))
	w.refused("AG0532", w.do("carol", first))
	w.refused("AG0532", w.do("bob", DeleteBranch{ID: id, Name: "eu/b"}))
	for _, c := range []Change{UpdateBranch{ID: id, Name: "eu/c"}, ProtectBranch{ID: id, From: hash("head")}, AddTag{Name: "v1", Block: hash("x"), Branch: id}} {
		w.refused("AG0202", w.do("alice", c))
	}

	// Its name is free: another branch has it, and nothing of the first.
	second := RegisterBranch{Name: "eu/b", Creator: account("mallory"), Salt: hash("second"), Producer: account("mallory")}
	w.ok(w.do("mallory", second))
	if got, ok, err := w.head().BranchNamed("eu/b"); err != nil || !ok || got.ID == id || got.Epoch != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	w.refused("AG0532", Decide(w.head(), Question{Account: account("mallory"), Right: RightProduce, Branch: id}))
}

// TestWhoReadsADeletedBranch: the roles on its last name decide, not who made it.
func TestWhoReadsADeletedBranch(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "eu", Account: account("mallory")}))
	w.ok(w.do("alice", Grant{Role: Reader, Pattern: "eu", Account: account("bob")}))
	w.ok(w.do("alice", Grant{Role: Reader, Pattern: "us", Account: account("carol")}))
	eu, id := w.branchOf("mallory", "eu")
	w.ok(w.do("mallory", eu))
	w.ok(w.do("alice", UpdateBranch{ID: id, Producer: account("alice")}))
	w.ok(w.do("alice", Revoke{Role: Producer, Pattern: "eu", Account: account("mallory")}))
	w.ok(w.do("alice", DeleteBranch{ID: id, Name: "eu"}))
	for who, may := range map[string]bool{"alice": true, "bob": true, "carol": false, "mallory": false, "dave": false} {
		for _, name := range []string{"", "eu", "us", "hers"} {
			q := Question{Account: account(who), Right: RightRead, Branch: id, Name: name, Creator: account("mallory"), Salt: eu.Salt}
			if err := Decide(w.head(), q); (err == nil) != may {
				t.Errorf("%s reads it as %q: %v", who, name, err)
			}
		}
	}
}
