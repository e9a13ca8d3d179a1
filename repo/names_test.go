package repo_test

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// tell takes what one copy's directory says to another.
func (s *story) tell(other *story) repo.Taken {
	s.Helper()
	file, err := s.ExportDirectory(repo.AccountOf(s.key))
	if err != nil {
		s.Fatal(err)
	}
	t, err := other.TakeDirectory(ctx, file)
	if err != nil {
		s.Fatal(err)
	}
	return t
}

// rename and remove change the directory as the command does.
func (s *story) rename(old, new string) error {
	change, err := s.RenamingOf(old, new)
	if err == nil && change == nil {
		return s.RenameBranch(old, new)
	}
	if err != nil {
		return err
	}
	return s.Change(ctx, s.key, change)
}

func (s *story) remove(name string) error {
	change, err := s.DeletionOf(name, true)
	if err == nil && change != nil {
		err = s.Change(ctx, s.key, change)
	}
	if err != nil {
		return err
	}
	return s.DeleteBranch(name, true)
}

func (s *story) names() string {
	list, err := s.Branches()
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for _, b := range list {
		name := b.Name
		if b.Current {
			name += "*"
		}
		if b.Deleted {
			name += " (deleted)"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func (s *story) notice(code string) string {
	d, err := s.Directory()
	if err != nil {
		s.Fatal(err)
	}
	var all []string
	for _, n := range d.Notices {
		if n.Code == code {
			all = append(all, n.Text)
		}
	}
	return strings.Join(all, "; ")
}

// TestRenamedForEverybody: the other copy follows, unless a name is taken there.
func TestRenamedForEverybody(t *testing.T) {
	s := town(t, 92)
	c := s.copied(192)
	if err := c.Switch("eu"); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]struct {
		code string
		try  func() error
	}{
		"main":                 {"AG0704", func() error { return s.rename("main", "old") }},
		"onto main":            {"AG0702", func() error { return s.rename("eu", "main") }},
		"out of the names":     {"AG0101", func() error { return s.rename("eu", "eu/../main") }},
		"here alone":           {"AG0533", func() error { return s.RenameBranch("eu", "west") }},
		"a branch that is not": {"AG0202", func() error { return s.rename("nothing", "west") }},
		"by mallory": {"AG0501", func() error {
			return second(s.Propose(keyOf("mallory"), dd.UpdateBranch{ID: idOf(s, "eu"), Name: "m/eu"}))
		}},
		"by mallory, of hers to": {"AG0501", func() error {
			return second(s.Propose(keyOf("mallory"), dd.UpdateBranch{ID: idOf(s, "m/taken"), Name: "m/x"}))
		}},
	} {
		if err := try.try(); code(err) != try.code {
			t.Errorf("%s: %v, want %s", what, err, try.code)
		}
	}
	if err := s.rename("eu", "west"); err != nil {
		t.Fatal(err)
	}
	if err := s.rename("m/taken", "eu"); err != nil { // the name is free again
		t.Fatal(err)
	}
	if got := s.names(); got != "eu, main*, west" {
		t.Errorf("here: %s", got)
	}
	// The other copy has a branch of its own that is called west.
	if _, err := c.CreateBranch("west", "", c.key, false); err != nil {
		t.Fatal(err)
	}
	s.tell(c)
	if got := c.names(); got != "eu*, m/taken, main, west" {
		t.Errorf("there, taken: %s", got)
	}
	if n := c.notice("AG0504"); !strings.Contains(n, "branch west is called eu here") || !strings.Contains(n, "branch eu is called m/taken here") {
		t.Errorf("notices: %s", n)
	}
	for _, r := range []repo.Renamed{{Old: "west", New: "mine"}, {Old: "eu", New: "west"}, {Old: "m/taken", New: "eu"}} {
		if err := c.RenameBranch(r.Old, r.New); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.rename("west", "north"); err != nil {
		t.Fatal(err)
	}
	if took := s.tell(c); len(took.Renamed) != 1 || took.Renamed[0] != (repo.Renamed{Old: "west", New: "north"}) {
		t.Errorf("%+v", took.Renamed)
	}
	if got := c.names(); got != "eu, main, mine, north*" {
		t.Errorf("there: %s", got)
	}
	c.call("north", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	c.verify()
	s.verify()
}

func (s *story) says() dd.State {
	s.Helper()
	state, err := s.State()
	if err != nil {
		s.Fatal(err)
	}
	return state
}

func idOf(s *story, name string) branch.ID {
	b, err := s.Branch(name)
	if err != nil {
		s.Fatal(err)
	}
	return b.ID
}

// TestDeletedForEverybody: the other copy keeps its blocks, and nobody goes on
// with them under the branch's id or name.
func TestDeletedForEverybody(t *testing.T) {
	s := town(t, 93)
	c := s.copied(193)
	c.call("eu", "shop", "sell", args{"sku": "tea", "n": int64(4)}) // only there
	if _, err := c.ProveRow(ctx, c.key, "eu", "shop", "item", []any{"tea"}); err != nil {
		t.Fatal(err)
	}
	id, before := idOf(s, "eu"), s.says()
	for what, try := range map[string]struct {
		code string
		try  func() error
	}{
		"main":       {"AG0704", func() error { return s.remove("main") }},
		"unmerged":   {"AG0703", func() error { return second(s.DeletionOf("eu", false)) }},
		"by mallory": {"AG0501", func() error { return second(s.Propose(keyOf("mallory"), dd.DeleteBranch{ID: id, Name: "eu"})) }},
		"unknown":    {"AG0202", func() error { return s.remove("nothing") }},
	} {
		if err := try.try(); code(err) != try.code {
			t.Errorf("%s: %v, want %s", what, err, try.code)
		}
	}
	if err := s.remove("eu"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil { // made anew, another one
		t.Fatal(err)
	}
	if err := s.RegisterBranch(ctx, s.key, "eu"); err != nil {
		t.Fatal(err)
	}
	if idOf(s, "eu") == id {
		t.Fatal("the id was used again")
	}
	s.call("eu", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	s.verify()

	if took := s.tell(c); len(took.Deleted) != 1 || took.Deleted[0] != "eu" {
		t.Errorf("%+v", took)
	}
	if got := c.names(); got != "eu (deleted), m/taken, main*" {
		t.Errorf("there: %s", got)
	}
	if n := c.notice("AG0532"); !strings.Contains(n, "branch eu was deleted by owner; its blocks are kept here") {
		t.Errorf("notice: %q", n)
	}
	if got := c.query("eu", "SELECT stock FROM shop.item"); !strings.Contains(got, "93") {
		t.Errorf("kept: %s", got)
	}
	sell := repo.Call{Branch: "eu", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}
	for what, err := range map[string]error{
		"call":           second(c.Call(ctx, c.key, sell)),
		"publish":        second(c.ProveRow(ctx, c.key, "eu", "shop", "item", []any{"tea"})),
		"merge into it":  second(c.Merge(ctx, c.key, "main", repo.MergeOptions{Into: "eu"})),
		"register again": c.RegisterBranch(ctx, c.key, "eu"),
	} {
		if code(err) != "AG0532" {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.verify()
	// What was done there is not lost.
	if _, err := c.CreateBranch("eu2", "eu", c.key, false); err != nil {
		t.Fatal(err)
	}
	c.call("eu2", "shop", "sell", args{"sku": "tea", "n": int64(2)})
	m := c.merge("eu2", "main", repo.MergeOptions{})
	if m.Excluded > 0 {
		t.Errorf("%+v", m)
	}
	c.verify()

	now := c.says()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	// A thief of the producer's key makes blocks for the deleted branch.
	for _, x := range []struct {
		what    string
		by      dd.State
		refused bool
	}{{"under the directory of now", now, true}, {"under an old one: only who still has the branch sees it", before, false}} {
		t.Run(x.what, func(t *testing.T) {
			dir := c.twin()
			f := newForger(t, dir)
			f.main = f.eu
			head, err := branch.Head(f.db, id)
			f.must(err)
			f.head, err = branch.Read(f.db, head)
			f.must(err)
			h := f.child()
			h.Directory = x.by.Block().ID
			f.publish(h, c.key)
			f.must(f.batch.Commit())
			f.must(f.batch.Close())
			f.must(f.db.Close())
			o := c.o
			o.Moved = true
			r, err := repo.Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := r.Verify(ctx, repo.VerifyOptions{}); x.refused != (code(err) == "AG0603") || x.refused && !strings.Contains(err.Error(), "was deleted") {
				t.Errorf("verify: %v", err)
			}
		})
	}
}
