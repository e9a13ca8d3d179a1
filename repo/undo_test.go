package repo_test

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (s *story) undo(into string, n int) repo.UndoResult {
	s.Helper()
	res, err := s.Undo(ctx, s.key, into, n, "")
	if err != nil {
		s.Fatal(err)
	}
	return res
}

// TestUndo takes own blocks back, says what was in them, and a branch made at the
// old head brings them back.
func TestUndo(t *testing.T) {
	s, eu := sites(t, 90)
	res := s.undo("eu", 2)
	s.stock("eu", "coffee|10 tea|7")
	if len(res.Undone) != 2 || res.From != eu[2].Block || res.To != eu[0].Block || res.Undone[1].Calls[0].Transaction != eu[1].Transaction {
		t.Errorf("%+v", res)
	}
	s.verify()
	if _, err := s.CreateBranch("rescue", res.From.String(), s.key, false); err != nil {
		t.Fatal(err)
	}
	s.stock("rescue", "coffee|9 tea|5")
	s.verify()
	// What was undone has not counted: it may come again.
	if m := s.merge("rescue", "eu", repo.MergeOptions{}); m.Kind != "fast-forward" {
		t.Errorf("%+v", m)
	}
	if _, err := s.Undo(ctx, s.key, "eu", 1, ""); code(err) != "AG0725" || !strings.Contains(err.Error(), "branch rescue has it") {
		t.Errorf("rescue has it: %v", err)
	}
	if _, err := s.Undo(ctx, s.key, "eu", 0, "main~1"); code(err) != "AG0725" {
		t.Errorf("past the beginning: %v", err)
	}
	s.call("eu", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if res, err := s.Undo(ctx, s.key, "eu", 0, "eu~1"); err != nil || len(res.Undone) != 1 {
		t.Errorf("to a revision: %+v %v", res, err)
	}
	s.stock("eu", "coffee|9 tea|5")
	s.verify()
}

// TestUndoIsForOwnUnpublishedBlocks: all else is refused, and nothing moves.
func TestUndoIsForOwnUnpublishedBlocks(t *testing.T) {
	s, eu := sites(t, 91)
	bob := keyOf("bob")
	s.grant(dd.Writer, "*", "bob")
	refused := func(what, into, why string) {
		t.Helper()
		before := s.heads()
		if _, err := s.Undo(ctx, s.key, into, 1, ""); code(err) != "AG0725" && code(err) != "AG0710" || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", what, err)
		}
		if s.heads() != before {
			t.Errorf("%s: a head moved", what)
		}
	}
	if _, err := s.Undo(ctx, bob, "eu", 1, ""); code(err) != "AG0725" {
		t.Errorf("bob undoes what alice made: %v", err)
	}
	if _, err := s.ProveRow(ctx, s.key, "main", "shop", "item", []any{"tea"}); err != nil {
		t.Fatal(err)
	}
	refused("published by a proof", "main", "head statement")
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if _, err := s.Tag(ctx, s.key, "v1", "main", ""); err != nil {
		t.Fatal(err)
	}
	refused("tagged", "main", "tag v1")
	tx, err := s.Sign(bob, repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(ctx, s.key, "", []sqlcontract.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	refused("bob's transaction", "main", "holds transaction")
	s.pick("eu", repo.PickOptions{})
	refused("picked by main", "eu", "stands in block")
	s.undo("main", 1) // the pick is alice's own
	s.undo("eu", 1)
	s.merge("eu", "main", repo.MergeOptions{})
	refused("merged", "eu", "branch main has it")
	s.branch("x")
	s.call("x", "shop", "sell", args{"sku": "coffee", "n": int64(1)})
	s.call("", "shop", "sell", args{"sku": "coffee", "n": int64(2)})
	if m := s.merge("x", "main", repo.MergeOptions{Consistent: true}); len(m.Conflicts) == 0 {
		t.Fatal("no conflict")
	}
	refused("an open merge", "main", "is open")
	refused("in an open merge", "x", "open merge into main")
	_ = eu
	s.verify()
}

// TestRebase puts own blocks on another's head, in one picked block.
func TestRebase(t *testing.T) {
	s, eu := sites(t, 92)
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(3)}) // three are left
	dry, err := s.Rebase(ctx, s.key, "main", "eu", true)
	if err != nil || dry.Excluded != 1 {
		t.Fatalf("%+v %v", dry, err)
	}
	s.stock("eu", "coffee|9 tea|5")
	s.pick("eu~2", repo.PickOptions{Empty: true}) // main has eu's first now
	if _, err := s.Rebase(ctx, s.key, "main", "eu", false); code(err) != "AG0725" {
		t.Errorf("main names eu's block: %v", err)
	}
	s.undo("main", 1)
	res, err := s.Rebase(ctx, s.key, "main", "eu", false)
	if err != nil || verdictsOf(res.MergeResult) != "shop.sell(sku=tea, n=3) included; shop.sell(sku=tea, n=2) AG0411; shop.sell(sku=coffee, n=1) included" {
		t.Fatalf("%s %v", verdictsOf(res.MergeResult), err)
	}
	s.stock("eu", "coffee|9 tea|0")
	if b, err := s.Block("eu"); err != nil || len(b.Parents) != 1 || b.Merge.Kind != "picked" || len(res.Undone) != 3 || res.From != eu[2].Block {
		t.Errorf("%+v %v", b, err)
	}
	s.verify()
	if m := s.merge("eu", "main", repo.MergeOptions{}); m.Kind != "fast-forward" {
		t.Errorf("%+v", m)
	}
	s.verify()
	for what, into := range map[string]string{"main": "main", "merged": "eu"} {
		s.branch("u" + what)
		s.call("u"+what, "shop", "sell", args{"sku": "coffee", "n": int64(1)})
		s.call(into, "shop", "sell", args{"sku": "coffee", "n": int64(1)})
		_, err := s.Rebase(ctx, s.key, "u"+what, into, false)
		if want := map[string]string{"main": "AG0726", "merged": ""}[what]; code(err) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.RegisterBranch(ctx, s.key, "umain"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rebase(ctx, s.key, "main", "umain", false); code(err) != "AG0726" {
		t.Errorf("registered: %v", err)
	}
	s.verify()
}
