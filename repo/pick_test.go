package repo_test

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// sites is a shop with tea 10, coffee 10; eu, which sold 3 and 2 tea and 1 coffee
// in that order; and main, which sold 4 tea since.
func sites(t *testing.T, seed uint64) (s *story, eu []repo.Result) {
	t.Helper()
	s = begin(t, fixed(seed))
	s.deploy("", "shop", shop)
	for _, sku := range []string{"tea", "coffee"} {
		s.call("", "shop", "add_item", args{"sku": sku, "price": int64(400), "stock": int64(10)})
	}
	s.branch("eu")
	for _, sold := range []args{{"sku": "tea", "n": int64(3)}, {"sku": "tea", "n": int64(2)}, {"sku": "coffee", "n": int64(1)}} {
		eu = append(eu, s.call("eu", "shop", "sell", sold))
	}
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(4)})
	return s, eu
}

func (s *story) pick(rev string, o repo.PickOptions) repo.MergeResult {
	s.Helper()
	m, err := s.CherryPick(ctx, s.key, rev, o)
	if err != nil {
		s.Fatalf("cherry-pick %s: %v", rev, err)
	}
	return m
}

func (s *story) stock(rev, want string) {
	s.Helper()
	if got := strings.TrimSpace(strings.ReplaceAll(s.query(rev, "SELECT sku, stock FROM shop.item ORDER BY sku"), "\n", " ")); got != want {
		s.Fatalf("stock at %q: %s, want %s", rev, got, want)
	}
}

func verdictsOf(m repo.MergeResult) string {
	var list []string
	for _, v := range m.Verdicts {
		word := "included"
		if !v.Included {
			word = v.Code
		}
		list = append(list, v.Text+" "+word)
	}
	return strings.Join(list, "; ")
}

// TestWhatACherryPickChooses holds each form of a choice.
func TestWhatACherryPickChooses(t *testing.T) {
	s, eu := sites(t, 70)
	bob := keyOf("bob")
	for _, c := range []struct {
		rev  string
		o    repo.PickOptions
		want string
		code string
	}{
		{rev: "eu", want: "shop.sell(sku=coffee, n=1) included"},
		{rev: "eu~1", want: "shop.sell(sku=tea, n=2) included"},
		{rev: eu[0].Block.String()[:8], want: "shop.sell(sku=tea, n=3) included"},
		{rev: "..eu", want: "shop.sell(sku=tea, n=3) included; shop.sell(sku=tea, n=2) included; shop.sell(sku=coffee, n=1) included"},
		{rev: "eu~2..eu~1", want: "shop.sell(sku=tea, n=2) included"},
		{rev: "eu", o: repo.PickOptions{Contract: "shop"}, want: "shop.sell(sku=tea, n=3) included; shop.sell(sku=tea, n=2) included; shop.sell(sku=coffee, n=1) included"},
		{rev: "eu", o: repo.PickOptions{Contract: "bank"}, code: "AG0721"},
		{rev: "eu", o: repo.PickOptions{Author: repo.AccountOf(bob)}, code: "AG0721"},
		{rev: "eu", o: repo.PickOptions{Transactions: []string{eu[2].Transaction.String(), eu[0].Transaction.String()[:10]}}, want: "shop.sell(sku=coffee, n=1) included; shop.sell(sku=tea, n=3) included"},
		{rev: "", o: repo.PickOptions{Transactions: []string{eu[1].Transaction.String()}}, want: "shop.sell(sku=tea, n=2) included"},
		{rev: "eu~2", o: repo.PickOptions{Transactions: []string{eu[1].Transaction.String()}}, code: "AG0721"},
		{rev: "main", code: "AG0720"},
		{rev: "eu..main", code: "AG0721"},
		{rev: "main...eu", code: "AG0104"},
		{rev: "nowhere", code: "AG0201"},
	} {
		c.o.DryRun = true
		m, err := s.CherryPick(ctx, s.key, c.rev, c.o)
		if got := verdictsOf(m); code(err) != c.code || got != c.want && c.code == "" {
			t.Errorf("%s %+v: %s %v\nwant %s %s", c.rev, c.o, got, err, c.want, c.code)
		}
	}
	if _, err := s.CherryPick(ctx, keyOf("mallory"), "eu", repo.PickOptions{}); !strings.HasPrefix(code(err), "AG05") {
		t.Errorf("mallory picks: %v", err)
	}
	s.stock("", "coffee|10 tea|6")
}

// TestAPickedTransactionCountsOnce picks, merges, and merges back, both ways.
func TestAPickedTransactionCountsOnce(t *testing.T) {
	s, eu := sites(t, 71)
	m := s.pick("eu~1", repo.PickOptions{})
	s.stock("", "coffee|10 tea|4")
	b, err := s.Block("main")
	if err != nil || len(b.Parents) != 1 || b.ID != m.Block || b.Merge == nil || b.Merge.Kind != "picked" || b.Merge.Verdicts[0].From != eu[1].Block {
		t.Fatalf("the picked block: %+v %v", b, err)
	}
	if info, err := s.Transaction(eu[1].Transaction.String()); err != nil || info.Block != m.Block || len(info.Blocks) != 2 {
		t.Errorf("the picked transaction: %+v %v", info, err)
	}
	if _, err := s.CherryPick(ctx, s.key, "eu~1", repo.PickOptions{}); code(err) != "AG0720" {
		t.Errorf("picked twice: %v", err)
	}
	if _, err := s.Replay(ctx, eu[1].Transaction.String(), false); err != nil {
		t.Errorf("replay: %v", err)
	}
	s.branch("us")

	if m = s.merge("eu", "main", repo.MergeOptions{}); verdictsOf(m) != "shop.sell(sku=tea, n=3) included; shop.sell(sku=coffee, n=1) included" {
		t.Errorf("automatic merge after the pick: %s", verdictsOf(m))
	}
	s.stock("", "coffee|9 tea|1")
	m = s.merge("eu", "us", repo.MergeOptions{Consistent: true})
	if got := conflictsOf(m); got != "twice item[tea] stock" {
		t.Errorf("merge by cell after the pick: %s", got)
	}
	if err := s.AbortMerge("us"); err != nil {
		t.Fatal(err)
	}
	// The other way: eu takes main, which has all of eu's.
	s.call("eu", "shop", "sell", args{"sku": "coffee", "n": int64(1)})
	if m = s.merge("main", "eu", repo.MergeOptions{}); verdictsOf(m) != "shop.sell(sku=tea, n=4) included" {
		t.Errorf("and back: %s", verdictsOf(m))
	}
	s.stock("eu", "coffee|8 tea|1")
	if m = s.merge("us", "eu", repo.MergeOptions{}); len(m.Verdicts) != 0 {
		t.Errorf("us into eu: %s", verdictsOf(m))
	}
	s.verify()
}

// TestAnExcludedTransactionComesByPick holds that a merge's exclusion stands until
// somebody picks the transaction by name.
func TestAnExcludedTransactionComesByPick(t *testing.T) {
	s, eu := sites(t, 72)
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(5)}) // one is left
	m := s.merge("eu", "main", repo.MergeOptions{})
	if got := verdictsOf(m); got != "shop.sell(sku=tea, n=3) AG0411; shop.sell(sku=tea, n=2) AG0411; shop.sell(sku=coffee, n=1) included" {
		t.Fatal(got)
	}
	first := eu[0].Transaction.String()
	m = s.pick("eu", repo.PickOptions{Transactions: []string{first}})
	if !m.Block.IsZero() || verdictsOf(m) != "shop.sell(sku=tea, n=3) AG0411" {
		t.Fatalf("nothing was to be made: %+v", m)
	}
	m = s.pick("eu", repo.PickOptions{Transactions: []string{first}, Empty: true})
	if m.Block.IsZero() || m.Excluded != 1 {
		t.Fatalf("an empty pick was asked for: %+v", m)
	}
	s.deploy("", "shop", shop+"CREATE ACTION buy(:sku TEXT, :n INTEGER) OWNER AS BEGIN UPDATE item SET stock = stock + :n WHERE sku = :sku; END;\n")
	s.call("", "shop", "buy", args{"sku": "tea", "n": int64(7)})
	if m = s.merge("eu", "main", repo.MergeOptions{}); m.Kind != "up to date" {
		t.Fatalf("merging again: %+v", m)
	}
	m = s.pick("eu~3..eu", repo.PickOptions{})
	if got := verdictsOf(m); got != "shop.sell(sku=tea, n=3) included; shop.sell(sku=tea, n=2) included" {
		t.Errorf("picked after the exclusion: %s", got)
	}
	s.stock("", "coffee|9 tea|3")
	if _, err := s.CherryPick(ctx, s.key, "", repo.PickOptions{Transactions: []string{first}}); code(err) != "AG0720" {
		t.Errorf("picked twice: %v", err)
	}
	s.verify()
}

// TestPicksRespectSignersAndScratch: whose signer may not write here, or what was
// made on a scratch branch, is excluded.
func TestPicksRespectSignersAndScratch(t *testing.T) {
	s, _ := sites(t, 73)
	if _, err := s.CreateBranch("try", "", s.key, true); err != nil {
		t.Fatal(err)
	}
	s.call("try", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	m := s.pick("try", repo.PickOptions{})
	if got := verdictsOf(m); got != "shop.sell(sku=tea, n=1) AG0438" || !m.Block.IsZero() {
		t.Errorf("from a scratch branch: %s", got)
	}
	bob := keyOf("bob")
	if err := s.GrantRole(ctx, s.key, "writer", "eu", repo.AccountOf(bob)); err != nil {
		t.Fatal(err)
	}
	tx, err := s.Sign(bob, repo.Call{Branch: "eu", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(ctx, s.key, "eu", []sqlcontract.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	m = s.pick("eu", repo.PickOptions{Empty: true})
	if got := verdictsOf(m); got != "shop.sell(sku=tea, n=1) AG0501" {
		t.Errorf("bob may not write on main: %s", got)
	}
	if err := s.GrantRole(ctx, s.key, "writer", "main", repo.AccountOf(bob)); err != nil {
		t.Fatal(err)
	}
	if m = s.pick("eu", repo.PickOptions{}); m.Included != 1 {
		t.Errorf("now he may: %s", verdictsOf(m))
	}
	s.verify()
}

// TestCrissCrossWithPicks lets two lines pick from each other and merge both ways:
// each transaction counts once on each.
func TestCrissCrossWithPicks(t *testing.T) {
	s, eu := sites(t, 74)
	s.branch("x")
	s.pick("eu~2", repo.PickOptions{})                                   // main: tea 3
	s.pick("main~1", repo.PickOptions{Into: "eu"})                       // eu: tea 4
	s.pick("eu~1", repo.PickOptions{Into: "x", Transactions: tx(eu[0])}) // x: tea 3
	main, _ := s.Resolve("main")
	first, _ := s.Resolve("eu")
	s.merge(first.String(), "main", repo.MergeOptions{})
	s.merge(main.String(), "eu", repo.MergeOptions{})
	s.stock("", "coffee|9 tea|1")
	s.stock("eu", "coffee|9 tea|1")
	s.merge("eu", "x", repo.MergeOptions{})
	s.merge("main", "x", repo.MergeOptions{})
	s.stock("x", "coffee|9 tea|1")
	s.merge("x", "main", repo.MergeOptions{})
	s.stock("", "coffee|9 tea|1")
	s.verify()
}

func tx(list ...repo.Result) []string {
	var ids []string
	for _, r := range list {
		ids = append(ids, r.Transaction.String())
	}
	return ids
}
