package repo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// guardedTown is a shop with a protected main; bob and carol write on it, rita
// reads, and mallory writes on eu/* where she sold tea.
func guardedTown(t *testing.T, seed uint64, p repo.Protection) *story {
	t.Helper()
	s := begin(t, fixed(seed))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	for _, name := range []string{"bob", "carol"} {
		s.grant(dd.Writer, "main", name)
	}
	s.grant(dd.Reader, "*", "rita")
	s.grant(dd.Writer, "eu/*", "mallory")
	s.grant(dd.Reader, "*", "bob")
	s.grant(dd.Reader, "*", "carol")
	s.grant(dd.Reader, "*", "mallory")
	if err := s.Protect(ctx, s.key, "main", p); err != nil {
		t.Fatal(err)
	}
	s.branch("dev")
	s.branch("eu")
	s.call("dev", "shop", "sell", args{"sku": "tea", "n": int64(3)})
	return s
}

func (s *story) wants(code string, err error) {
	s.Helper()
	if !fault.Is(err, code) {
		s.Errorf("got %v, want %s", err, code)
	}
}

// TestMergesNeedApprovals has two of three approve, and holds that nothing else
// will do in their place.
func TestMergesNeedApprovals(t *testing.T) {
	s := guardedTown(t, 200, repo.Protection{Approvals: 2})
	merge := func(o repo.MergeOptions) error { _, err := s.Merge(ctx, s.key, "dev", o); return err }
	for _, o := range []repo.MergeOptions{{}, {Consistent: true}, {NoFF: true}} {
		s.wants("AG0551", merge(o))
	}
	if err := merge(repo.MergeOptions{DryRun: true}); err != nil {
		t.Error(err) // it only looks
	}
	_, err := s.CherryPick(ctx, s.key, "dev", repo.PickOptions{})
	s.wants("AG0552", err)

	approve := func(who, source, into string) repo.Approval {
		t.Helper()
		a, err := s.Approve(keyOf(who), source, into)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	approve("alice", "dev", "main") // his own: he makes the block
	bobs := approve("bob", "dev", "main")
	approve("bob", "dev", "main") // twice is once
	approve("carol", "dev~1", "main")
	for _, who := range []string{"rita", "mallory"} {
		_, err := s.Approve(keyOf(who), "dev", "main")
		s.wants("AG0501", err)
	}
	err = merge(repo.MergeOptions{})
	s.wants("AG0551", err)
	if text := err.Error(); !strings.Contains(text, "needs 2 approvals, 1 missing") || !strings.Contains(text, string(repo.AccountOf(keyOf("bob")))) || !strings.Contains(text, "your own does not count") {
		t.Error(text)
	}

	// From elsewhere as a file; a changed or foreign one is refused.
	other := begin(t, fixed(201))
	if _, err := other.AddApproval([]byte(bobs.Text)); !fault.Is(err, "AG0553") {
		t.Errorf("another ledger takes it: %v", err)
	}
	for _, text := range []string{"", "aergo-approval-v1 ", "aergo-approval-v1 AAAA", bobs.Text + bobs.Text, "hello"} {
		_, err := s.AddApproval([]byte(text))
		s.wants("AG0553", err)
	}
	carols := approve("carol", "dev", "main")
	if a, err := s.AddApproval([]byte("# by mail\n" + carols.Text)); err != nil || a.Account != repo.AccountOf(keyOf("carol")) || a.Branch != "main" {
		t.Errorf("%+v, %v", a, err)
	}
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)}) // does not outdate them
	if list, err := s.Approvals("dev", "main"); err != nil || len(list) != 3 {
		t.Errorf("%v, %v", list, err)
	}
	// Who has lost the role does not count any more.
	if err := s.Direct(s.key, dd.Revoke{Role: dd.Writer, Pattern: "main", Account: repo.AccountOf(keyOf("carol"))}); err != nil {
		t.Fatal(err)
	}
	s.wants("AG0551", merge(repo.MergeOptions{}))
	s.grant(dd.Writer, "main", "carol")
	if err := merge(repo.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	s.verify()

	// One more commit on the source needs new ones; by cell it goes as well.
	s.call("dev", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	s.wants("AG0551", merge(repo.MergeOptions{}))
	approve("bob", "dev", "main")
	approve("carol", "dev", "main")
	if err := merge(repo.MergeOptions{Strict: true}); err != nil {
		t.Fatal(err)
	}
	s.verify()
	s.reopen(func(string) {})
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if err := s.Protect(ctx, s.key, "main", repo.Protection{Approvals: 2}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Undo(ctx, s.key, "main", 1, "")
	s.wants("AG0725", err) // what was there when it was protected stays
	if err := s.Unprotect(ctx, s.key, "main"); err != nil {
		t.Fatal(err)
	}
	s.call("dev", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if err := merge(repo.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	s.verify()
}

// TestBindingPolicy refuses the merge of the other kind, whatever is asked for.
func TestBindingPolicy(t *testing.T) {
	s := guardedTown(t, 202, repo.Protection{Policy: "consistent", Approvals: 1})
	if _, err := s.Approve(keyOf("bob"), "dev", ""); err != nil {
		t.Fatal(err)
	}
	for _, o := range []repo.MergeOptions{{Automatic: true}, {Strict: true}, {Automatic: true, DryRun: true}} {
		_, err := s.Merge(ctx, s.key, "dev", o)
		s.wants("AG0550", err)
	}
	if m, err := s.Merge(ctx, s.key, "dev", repo.MergeOptions{}); err != nil || m.Kind != "consistent" {
		t.Errorf("%s, %v", m.Kind, err) // no fast-forward either
	}
	s.verify()
}

// TestKeptInvariants lets nobody take an INVARIANT away, not through a merge
// from a branch where that is allowed.
func TestKeptInvariants(t *testing.T) {
	s := guardedTown(t, 203, repo.Protection{Invariants: true})
	const bank = "DIALECT 1;\nCREATE TABLE account (id TEXT PRIMARY KEY, credit INTEGER NOT NULL);\n"
	const rule = "INVARIANT covered FOR EACH account CHECK (credit >= 0);\n"
	_, err := s.Deploy(ctx, s.key, "", "bank", bank)
	s.wants("AG0555", err)
	s.deploy("", "bank", bank+rule)
	for _, name := range []string{"eu/x", "eu/y"} {
		s.branch(name)
		s.deploy(name, "bank", bank) // there it may go
	}
	plan, err := s.Plan(ctx, "", "bank", bank)
	if err != nil || !fault.Is(plan.Forbidden(), "AG0554") || !strings.Contains(plan.String(), "this branch keeps its INVARIANTs") {
		t.Errorf("%s, %v", plan, err)
	}
	_, err = s.Deploy(ctx, s.key, "", "bank", bank)
	s.wants("AG0554", err)
	for name, consistent := range map[string]bool{"eu/x": false, "eu/y": true} {
		m, err := s.Merge(ctx, s.key, name, repo.MergeOptions{Consistent: consistent})
		if err != nil {
			t.Error(err)
		} else if len(m.Verdicts) != 1 || m.Verdicts[0].Included || m.Verdicts[0].Code != "AG0554" {
			t.Errorf("%+v", m.Verdicts)
		}
	}
	if k, _, err := s.Contract("", "bank"); err != nil || len(k.Invariants) != 1 {
		t.Errorf("the INVARIANT is gone: %v", err)
	}
	s.verify()
}

// TestForgedProtection moves heads and forges records behind the back of the
// package; Open or Verify refuses each.
func TestForgedProtection(t *testing.T) {
	for i, c := range []struct {
		what  string
		forge func(f *forger, s *story, dev branch.Block)
	}{
		{"a head moved onto the source", func(f *forger, s *story, dev branch.Block) {
			f.must(branch.Advance(f.batch, f.main.ID, f.head.ID, dev.ID))
		}},
		{"a head moved back", func(f *forger, s *story, dev branch.Block) {
			f.must(branch.Advance(f.batch, f.main.ID, f.head.ID, f.head.Parents[0]))
		}},
		{"a merge without approvals", func(f *forger, s *story, dev branch.Block) { f.merged(s, dev, nil) }},
		{"one approval too few", func(f *forger, s *story, dev branch.Block) { f.merged(s, dev, []string{"bob"}) }},
		{"his own approval", func(f *forger, s *story, dev branch.Block) { f.merged(s, dev, []string{"alice", "bob"}) }},
		{"a reader's approval", func(f *forger, s *story, dev branch.Block) { f.merged(s, dev, []string{"bob", "rita"}) }},
		{"an approval of another block", func(f *forger, s *story, dev branch.Block) {
			other := dev
			other.ID = f.head.ID
			f.merged(s, other, []string{"bob", "carol"})
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := guardedTown(t, 210+uint64(i), repo.Protection{Approvals: 2})
			s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
			if err := s.Protect(ctx, s.key, "main", repo.Protection{Approvals: 2}); err != nil {
				t.Fatal(err)
			}
			s.branch("late") // fast-forward would do, were main not protected
			s.call("late", "shop", "sell", args{"sku": "tea", "n": int64(1)})
			id, err := s.Resolve("late")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			f := newForger(t, s.dir)
			h := branch.NewHistory(f.db, nil)
			dev, err := h.Read(id)
			f.must(err)
			c.forge(f, s, dev)
			f.must(f.batch.Commit())
			f.must(f.batch.Close())
			f.must(f.db.Close())
			if _, err = repo.Open(s.dir, s.o); code(err) != "AG0556" {
				t.Fatalf("opened: %v", err)
			}
			t.Log(err)
			o := s.o
			o.Moved = true
			if s.Repository, err = repo.Open(s.dir, o); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(ctx, repo.VerifyOptions{}); code(err) != "AG0603" {
				t.Errorf("verified: %v", err)
			}
			if from, to, err := s.RestoreHead("main"); err != nil || from == to {
				t.Error(from, to, err)
			}
			s.reopen(func(string) {})
			s.verify()
		})
	}
}

// merged makes a merge block of main, as its producer could with a program of
// his own: an empty one, with the approvals of people.
func (f *forger) merged(s *story, source branch.Block, people []string) {
	f.t.Helper()
	h := f.child()
	d, err := dd.Open(f.db, f.db)
	f.must(err)
	state, err := d.Head()
	f.must(err)
	h.Directory = state.Block().ID
	rec := branch.MergeRecord{Version: 1, Kind: branch.Automatic, Source: source.ID, Bases: []objectstore.Hash{f.head.ID}}
	for _, name := range people {
		a, err := dd.Approve(state, f.main.ID, source.ID, 1, nil, keyOf(name))
		if err != nil && name != "rita" {
			f.t.Fatal(err)
		}
		rec.Approvals = append(rec.Approvals, branch.Approval{Account: a.Approval.Account, Created: 1, Seal: a.Seal})
	}
	for i := range rec.Approvals {
		for j := range i {
			if rec.Approvals[i].Account < rec.Approvals[j].Account {
				rec.Approvals[i], rec.Approvals[j] = rec.Approvals[j], rec.Approvals[i]
			}
		}
	}
	late, err := s.lateBlock(f)
	f.must(err)
	rec.Source = late.ID
	h.Parents = append(h.Parents, late.ID)
	h.Number, h.Generation = branch.Child(f.head.Header, late.Header)
	data, err := rec.Encode()
	f.must(err)
	h.MergeRecord, err = f.batch.Put(objectstore.KindMergeRecord, data)
	f.must(err)
	f.publish(h, s.key)
}

// lateBlock is the head of the branch late.
func (s *story) lateBlock(f *forger) (branch.Block, error) {
	rec, err := branch.Lookup(f.db, "late")
	if err != nil {
		return branch.Block{}, err
	}
	head, err := branch.Head(f.db, rec.ID)
	if err != nil {
		return branch.Block{}, fmt.Errorf("late: %w", err)
	}
	return branch.NewHistory(f.db, nil).Read(head)
}
