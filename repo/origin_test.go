package repo_test

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// harbour is a public ledger of alice's with some history: two contracts' worth
// of calls, a merge, a tag.
func harbour(t *testing.T, seed uint64) *story {
	t.Helper()
	s := begin(t, fixed(seed))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	s.call("", "shop", "add_item", args{"sku": strings.Repeat("long ", 60), "price": int64(1), "stock": int64(1)})
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	s.call("eu", "shop", "sell", args{"sku": "tea", "n": int64(3)})
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(2)})
	if _, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Tag(ctx, s.key, "v1", "", "first"); err != nil {
		t.Fatal(err)
	}
	if err := s.Direct(s.key, dd.SetVisibility{Public: true}); err != nil {
		t.Fatal(err)
	}
	return s
}

// private makes a private branch of a ledger, which is closed meanwhile.
func (s *story) private(name string, from repo.From) (*story, repo.Copied) {
	s.Helper()
	p := &story{T: s.T, key: keyOf(name), dir: s.TempDir(), o: s.o}
	var did repo.Copied
	s.reopen(func(dir string) {
		from.Path = dir
		r, c, err := repo.InitPrivate(ctx, p.dir, p.key, from, p.o)
		if err != nil {
			s.Fatal(err)
		}
		p.Repository, did = r, c
	})
	s.Cleanup(func() { _ = p.Repository.Close() })
	return p, did
}

// TestPrivateBranch goes on from a public ledger, and back.
func TestPrivateBranch(t *testing.T) {
	s := harbour(t, 31)
	head, err := s.Resolve("")
	if err != nil {
		t.Fatal(err)
	}
	rows := s.query("", "SELECT * FROM shop.item ORDER BY sku")
	p, did := s.private("bob", repo.From{})
	if did.Ledger != s.Ledger() || did.Block != head || !did.Executed || !did.Public || did.Branch != "main" {
		t.Errorf("%+v", did)
	}
	if p.Ledger() == s.Ledger() || p.Owner() != repo.AccountOf(p.key) {
		t.Errorf("ledger %s, owner %s", p.Ledger(), p.Owner())
	}
	if got := p.query("", "SELECT * FROM shop.item ORDER BY sku"); got != rows {
		t.Errorf("rows %s, want %s", got, rows)
	}
	p.verify()
	p.call("", "shop", "sell", args{"sku": "tea", "n": int64(7)})
	p.verify()
	p.reopen(func(string) {})
	p.verify()
	t.Log(p.query("", "SELECT * FROM log() ORDER BY number"))
}
