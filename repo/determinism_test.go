package repo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/repo"
)

// life writes a random history with branches, merges, writers, deploys and
// refused calls. The same seed writes the same, whatever disturb does to the
// ledger between two blocks.
func (s *story) life(seed uint64, disturb func(step int)) {
	s.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	s.deploy("", "purse", purse)
	s.deploy("", "journal", journal)
	s.deploy("", "shop", shop)
	names := []string{"main"}
	for step := range 40 {
		disturb(step)
		name := names[rng.IntN(len(names))]
		switch k := rng.IntN(12); {
		case k == 0 && len(names) < 4:
			n := fmt.Sprintf("b%d", step)
			if _, err := s.CreateBranch(n, name, s.key, rng.IntN(5) == 0); err != nil {
				s.Fatal(err)
			}
			names = append(names, n)
		case k <= 2 && len(names) > 1:
			from := names[rng.IntN(len(names))]
			if _, err := s.Merge(ctx, s.key, from, repo.MergeOptions{Into: name, Strict: rng.IntN(4) == 0, NoFF: rng.IntN(3) == 0}); err != nil {
				s.Fatalf("step %d: merge %s into %s: %v", step, from, name, err)
			}
		case k == 3:
			source := journal + fmt.Sprintf("CREATE ACTION more%d(:n INTEGER) PUBLIC AS BEGIN UPDATE total SET n = n + 0; END;\n", step)
			if _, err := s.Deploy(ctx, s.key, name, "journal", source); err != nil && code(err)[:4] != "AG04" {
				s.Fatal(err)
			}
		case k <= 6:
			w, err := s.NewWriter(s.key, name, 3+rng.IntN(5), func(int, repo.Result, error) {})
			if err != nil {
				s.Fatal(err)
			}
			for i := range 1 + rng.IntN(20) {
				c := entry("", fmt.Sprintf("%s-%d-%d", name, step, i/2), rng.Int64N(9)) // every second one is refused
				if rng.IntN(2) == 0 {
					c = repo.Call{Contract: "purse", Action: "move", Args: args{"from": rng.Int64N(5), "to": rng.Int64N(5), "n": rng.Int64N(30)}}
				}
				if err := w.Add(ctx, i, c); err != nil {
					s.Fatal(err)
				}
			}
			if err := w.Close(ctx); err != nil {
				s.Fatal(err)
			}
		default:
			c := repo.Call{Branch: name, Contract: "purse", Action: "put", Args: args{"id": rng.Int64N(5), "n": rng.Int64N(50)}}
			if rng.IntN(3) == 0 {
				c = repo.Call{Branch: name, Contract: "shop", Action: "add_item", Args: args{"sku": fmt.Sprint(rng.IntN(9)), "price": rng.Int64N(4), "stock": int64(1)}}
			}
			if _, err := s.Call(ctx, s.key, c); err != nil && code(err)[:4] != "AG04" {
				s.Fatalf("step %d: %v", step, err)
			}
		}
	}
	disturb(-1)
}

// ids is every block that a branch reaches.
func (s *story) ids() string {
	s.Helper()
	out := s.heads()
	branches, err := s.Branches()
	if err != nil {
		s.Fatal(err)
	}
	for _, b := range branches {
		err := s.Log(ctx, b.Name, false, 0, func(e repo.Entry) error {
			out += e.ID.String() + "\n"
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
	}
	return out
}

// TestSameBlocksEverywhere holds that a history has the same block ids on one
// processor and on several, and whatever became of the working tree on the way:
// deleted, or of an old copy of the ledger.
func TestSameBlocksEverywhere(t *testing.T) {
	until := time.Now().Add(soak())
	for round := 0; round < 2 || time.Now().Before(until); round++ {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { sameBlocks(t, seed) })
	}
}

func sameBlocks(t *testing.T, seed uint64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	calm := begin(t, fixed(seed))
	calm.life(seed, func(int) {})
	want := calm.ids()
	report := calm.verify()
	if report.Executed != report.Transactions {
		t.Errorf("verified %+v", report)
	}

	runtime.GOMAXPROCS(2)
	rng := rand.New(rand.NewPCG(seed, 8))
	wild := begin(t, fixed(seed))
	work := func(dir string) string { return filepath.Join(dir, ".aergo", "work") }
	old := t.TempDir() // the working tree of an earlier time
	wild.life(seed, func(int) {
		switch rng.IntN(5) {
		case 0:
			wild.reopen(func(dir string) {
				if err := os.RemoveAll(work(dir)); err != nil {
					t.Fatal(err)
				}
			})
		case 1:
			wild.reopen(func(dir string) {
				old = t.TempDir()
				if err := os.CopyFS(old, os.DirFS(work(dir))); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			})
		case 2:
			wild.reopen(func(dir string) {
				if err := os.RemoveAll(work(dir)); err != nil {
					t.Fatal(err)
				}
				if err := os.CopyFS(work(dir), os.DirFS(old)); err != nil {
					t.Fatal(err)
				}
			})
		case 3: // reading moves the working tree to and fro
			for _, b := range []string{"main", "main~1"} {
				wild.query(b, "SELECT count(*) FROM purse.purse")
			}
		}
	})
	if got := wild.ids(); got != want {
		t.Fatalf("the same history has other blocks:\n%s\nnot\n%s", got, want)
	}

	// A copy of the ledger without its cache answers the same and verifies.
	if err := wild.Close(); err != nil {
		t.Fatal(err)
	}
	c := &story{T: t, key: wild.key, dir: t.TempDir(), o: wild.o}
	if err := os.CopyFS(filepath.Join(c.dir, ".aergo", "db"), os.DirFS(filepath.Join(wild.dir, ".aergo", "db"))); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(c.dir, c.o)
	if err != nil {
		t.Fatal(err)
	}
	c.Repository = r
	defer r.Close()
	if got := c.ids(); got != want {
		t.Error("a copy of the ledger has other blocks")
	}
	for _, sql := range []string{"SELECT * FROM purse.purse ORDER BY id", "SELECT * FROM shop.item ORDER BY sku", "SELECT * FROM journal.entry ORDER BY id"} {
		if got, was := c.query("main", sql), calm.query("main", sql); got != was {
			t.Errorf("a copy of the ledger answers %s with\n%s\nnot\n%s", sql, got, was)
		}
	}
	c.verify()
	if wild.Repository, err = repo.Open(wild.dir, wild.o); err != nil {
		t.Fatal(err)
	}
}
