package repo_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// TestAnEngineThatThisProgramLacks: alice's ledger goes on with engine 2, which
// exists in a newer program only. This one reads, keeps the directory, and
// verifies what the other made; it makes and executes nothing.
func TestAnEngineThatThisProgramLacks(t *testing.T) {
	s := town(t, 91)
	before, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	engine := dd.SetEngine{Engine: 2}
	for what, err := range map[string]error{
		"change":  s.Change(ctx, s.key, engine),
		"propose": second(s.Propose(s.key, engine)),
		"collect": second(s.StartProposal(s.key, engine, "")),
	} {
		if code(err) != "AG0560" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, c := range map[string]struct {
		who    string
		engine uint64
		code   string
	}{
		"two steps at once": {"alice", 3, "AG0102"},
		"the same":          {"alice", 1, "AG0102"},
		"none":              {"alice", 0, "AG0102"},
		"not an admin":      {"mallory", 2, "AG0501"},
	} {
		if err := s.Order(s.key, keyOf(c.who), dd.SetEngine{Engine: c.engine}); code(err) != c.code {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
	if err := s.Order(s.key, s.key, engine); err != nil { // as the newer program does
		t.Fatal(err)
	}
	sell := repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}
	for what, err := range map[string]error{
		"call":    second(s.Call(ctx, s.key, sell)),
		"deploy":  second(s.Deploy(ctx, s.key, "", "more", shop)),
		"merge":   second(s.Merge(ctx, s.key, "eu", repo.MergeOptions{})),
		"preview": second(s.Merge(ctx, s.key, "eu", repo.MergeOptions{DryRun: true})),
		"cells":   second(s.Merge(ctx, s.key, "eu", repo.MergeOptions{Consistent: true})),
	} {
		if code(err) != "AG0560" || !strings.Contains(err.Error(), "engine 2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.grant(dd.Writer, "eu/*", "bob") // the directory goes on
	if d, err := s.Directory(); err != nil || d.Engine != 2 || len(d.Notices) != 1 || d.Notices[0].Code != "AG0560" {
		t.Errorf("%+v, %v", d.Notices, err)
	}
	if got := s.query("", "SELECT stock FROM shop.item"); !strings.Contains(got, "98") {
		t.Errorf("reading: %s", got)
	}
	after, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	s.verify()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	now := time.Date(2026, 11, 1, 12, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		what    string
		engine  uint64
		names   objectstore.Hash // directory block
		refused bool
	}{
		{"a block of engine 2", 2, after.Block().ID, false},
		{"a block of engine 1 after it was replaced", 1, after.Block().ID, true},
		{"a block of engine 2 before it was in force", 2, before.Block().ID, true},
		{"a block of engine 3", 3, after.Block().ID, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
				t.Fatal(err)
			}
			f := newForger(t, dir)
			tx := f.sign(f.head.Ledger, f.main.ID, s.key, now)
			h := f.child(tx) // by rules of its own: it sold nothing
			h.Engine, h.Directory = c.engine, c.names
			block, id := f.publish(h, s.key), tx.ID()
			f.must(f.batch.SetIndex(slices.Concat([]byte("tx/"), id[:], block[:]), make([]byte, 4)))
			f.must(f.batch.Commit())
			f.must(f.batch.Close())
			f.must(f.db.Close())
			o := s.o
			r, err := repo.Open(dir, o)
			if c.refused {
				if code(err) != "AG0556" || !strings.Contains(err.Error(), "engine") {
					t.Fatalf("open: %v", err)
				}
				o.Moved = true
				r, err = repo.Open(dir, o)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, full := range []bool{false, true} {
				rep, err := r.Verify(ctx, repo.VerifyOptions{Full: full})
				if c.refused && (code(err) != "AG0603" || !strings.Contains(err.Error(), "engine")) || !c.refused && (err != nil || rep.OtherEngine != 1) {
					t.Errorf("full %v: %d of other engines, %v", full, rep.OtherEngine, err)
				}
			}
			// The producer's own statement makes no good block of it.
			ledger := r.Ledger()
			proof, err := r.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
			if err == nil {
				_, err = repo.VerifyProof(proof, &ledger)
			}
			if c.refused == (err == nil) {
				t.Errorf("proof: %v", err)
			}
			_, err = r.Replay(ctx, tx.ID().String(), false)
			if !c.refused && code(err) != "AG0560" {
				t.Errorf("executed again: %v", err)
			}
		})
	}
}
