package repo_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// lines is a ledger in which main has a published block and one more, reg is
// registered, eu is alice's own, and m/x has a block of mallory's.
func lines(t *testing.T) *story {
	t.Helper()
	s, _ := sites(t, 64)
	s.grant(dd.Writer, "m/*", "mallory")
	s.branch("reg")
	if err := s.RegisterBranch(ctx, s.key, "reg"); err != nil {
		t.Fatal(err)
	}
	sell := args{"sku": "coffee", "n": int64(1)}
	s.call("", "shop", "sell", sell)
	if _, err := s.ProveRow(ctx, s.key, "main", "shop", "item", []any{"tea"}); err != nil {
		t.Fatal(err)
	}
	s.call("", "shop", "sell", sell)
	s.call("reg", "shop", "sell", sell)
	mallory := keyOf("mallory")
	if _, err := s.CreateBranch("m/x", "", mallory, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Call(ctx, mallory, repo.Call{Branch: "m/x", Contract: "shop", Action: "sell", Args: sell}); err != nil {
		t.Fatal(err)
	}
	s.verify()
	return s
}

// move puts the head of a branch to a block, and says that it stood there: who
// can write the one ref can write the other.
func (f *forger) move(name branch.Name, to objectstore.Hash) {
	f.t.Helper()
	rec, err := branch.Lookup(f.db, name)
	f.must(err)
	head, err := branch.Head(f.db, rec.ID)
	f.must(err)
	f.must(branch.Advance(f.batch, rec.ID, head, to))
	if f.quiet {
		stood := "stood/" + rec.ID.String()
		was, err := f.db.Ref(stood)
		f.must(err)
		f.must(f.batch.SetRef(stood, was, to[:]))
	}
}

// TestMovedHeads moves heads as undo and rebase do, past their conditions, by
// writing the store: Open sees it, and Verify where Open was deceived.
func TestMovedHeads(t *testing.T) {
	s := lines(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const published = "which was published"
	for _, c := range []struct {
		what, refused string // "": allowed
		prove         string // a branch of which a statement is refused then
		move          func(c *cells)
	}{
		{"nothing", "", "", func(*cells) {}},
		{"an own block that nobody knows is undone", "", "", func(c *cells) { c.move("main", c.read("main", 1).ID) }},
		{"a published one", published, "main", func(c *cells) { c.move("main", c.read("main", 2).ID) }},
		{"a published one, and another in its place", published, "main", func(c *cells) {
			c.move("main", c.aside("main", c.read("main", 2), "alice"))
		}},
		{"main on mallory's block", "may not", "", func(c *cells) { c.move("main", c.read("m/x", 0).ID) }},
		{"mallory's block for main", "may not", "", func(c *cells) { c.move("main", c.aside("main", c.read("main", 0), "mallory")) }},
		{"mallory's block for eu", "may not", "", func(c *cells) { c.move("eu", c.aside("eu", c.read("eu", 0), "mallory")) }},
		{"eu rebased by mallory", "may not", "", func(c *cells) {
			from := c.read("main", 0)
			c.must(branch.SetFrom(c.batch, c.db, "eu", from.ID))
			c.move("eu", c.aside("eu", from, "mallory"))
		}},
		// A local branch begins where its owner says: this is a branch made at m/x.
		{"eu begins at mallory's block", "", "", func(c *cells) {
			from := c.read("m/x", 0).ID
			c.must(branch.SetFrom(c.batch, c.db, "eu", from))
			c.move("eu", from)
		}},
		{"eu begins where its line is not", "may not", "", func(c *cells) {
			c.must(branch.SetFrom(c.batch, c.db, "eu", c.read("main", 0).ID))
			c.move("eu", c.read("m/x", 0).ID)
		}},
		{"a registered branch says that it begins at mallory's", "may not", "", func(c *cells) {
			from := c.read("m/x", 0).ID
			c.must(branch.SetFrom(c.batch, c.db, "reg", from))
			c.move("reg", from)
		}},
	} {
		for _, quiet := range []bool{false, true} {
			t.Run(c.what, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
					t.Fatal(err)
				}
				f := newForger(t, dir)
				f.quiet = quiet
				c.move(f.open("main"))
				f.must(f.batch.Commit())
				f.must(f.batch.Close())
				f.must(f.db.Close())
				o := fixed(65)
				later := time.Date(2026, 11, 1, 13, 0, 0, 0, time.UTC)
				o.Now = func() time.Time { return later }
				r, err := repo.Open(dir, o)
				if !quiet && c.refused != "" {
					if code(err) != "AG0556" || !strings.Contains(err.Error(), c.refused) {
						t.Fatalf("open: %v, want %q", err, c.refused)
					}
					o.Moved = true
					r, err = repo.Open(dir, o)
				}
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				for _, full := range []bool{false, true} {
					_, err := r.Verify(ctx, repo.VerifyOptions{Full: full})
					if c.refused == "" && err != nil || c.refused != "" && (code(err) != "AG0603" || !strings.Contains(err.Error(), c.refused)) {
						t.Errorf("full %v: %v, want %q", full, err, c.refused)
					}
				}
				if c.prove == "" {
					return
				}
				if _, err := r.ProveRow(ctx, keyOf("alice"), c.prove, "shop", "item", []any{"tea"}); code(err) != "AG0512" {
					t.Errorf("a statement that contradicts the last one: %v", err)
				}
			})
		}
	}
}
