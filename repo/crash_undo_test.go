package repo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aergo-git/aergo-git/repo"
)

// back is the story of TestPowerFailsInUndo: what it does moves heads off blocks.
func back(s *story, acked func()) error {
	call := func(branch, id string) func() error {
		return func() error { _, err := s.Call(ctx, s.key, entry(branch, id, 1)); return err }
	}
	undo := func(branch string, n int) func() error {
		return func() error { _, err := s.Undo(ctx, s.key, branch, n, ""); return err }
	}
	rebase := func() error { _, err := s.Rebase(ctx, s.key, "main", "eu", false); return err }
	for i, step := range []func() error{
		call("eu", "a"), call("eu", "b"), undo("eu", 1), call("eu", "c"), call("main", "d"), rebase,
		call("main", "e"), undo("main", 1), call("main", "f"), rebase, undo("eu", 1),
	} {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		acked()
	}
	return nil
}

// TestPowerFailsInUndo stops the machine in undos and rebases: the branches are as
// before or as after, where a branch begins goes with its head, and the working
// tree, whatever became of it, follows.
func TestPowerFailsInUndo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	where := func(s *story) string {
		list, err := s.Branches()
		if err != nil {
			s.Fatal(err)
		}
		out := ""
		for _, b := range list {
			out += fmt.Sprintln(b.Name, b.From, b.Head)
		}
		return out
	}
	// ready begins the story on a file system; what comes before is not crashed.
	ready := func(fs vfs.FS) *story {
		s := &story{T: t, key: keyOf("alice"), dir: t.TempDir()}
		var err error
		if s.Repository, err = repo.InitOn(fs, s.dir, s.key, fixed(seed)); err != nil {
			t.Fatal(err)
		}
		s.deploy("", "journal", journal)
		s.branch("eu")
		return s
	}
	var total atomic.Int64
	s := ready(errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(errorfs.Op) error { total.Add(1); return nil })))
	first := total.Load()
	states := []string{where(s)} // after each step: the same in each run
	if err := back(s, func() { states = append(states, where(s)) }); err != nil {
		t.Fatal(err)
	}
	last := total.Load()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for round := range 12 {
		at, percent := first+rng.Int64N(last-first), []int{0, 50, 100}[rng.IntN(3)]
		mem := vfs.NewCrashableMem()
		var disk *vfs.MemFS
		var ops, acked, ackedThen atomic.Int64
		s := ready(errorfs.Wrap(mem, errorfs.InjectorFunc(func(errorfs.Op) error {
			if ops.Add(1)-1 == at {
				ackedThen.Store(acked.Load())
				disk = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			}
			return nil
		})))
		if err := back(s, func() { acked.Add(1) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if disk == nil {
			continue // this run had fewer operations in the background
		}
		what := fmt.Sprintf("round %d, operation %d of %d to %d, %d %% of what was not synced", round, at, first, last, percent)
		if rng.IntN(2) == 0 { // else it is that of a time that never came
			if err := os.RemoveAll(filepath.Join(s.dir, ".aergo", "work")); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if s.Repository, err = repo.OpenOn(disk, s.dir, fixed(seed+1)); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		done := int(ackedThen.Load()) // and one step was under way
		if now := where(s); !slices.Contains(states[done:min(done+2, len(states))], now) {
			t.Errorf("%s: it is as neither before nor after step %d:\n%s", what, done, now)
		}
		for _, name := range []string{"main", "eu"} {
			s.whole(name)
			s.call(name, "journal", "add", args{"id": "after", "n": int64(1)})
			s.whole(name)
		}
		if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
