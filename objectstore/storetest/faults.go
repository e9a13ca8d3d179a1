package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aergo-git/aergo-git/objectstore"
)

// How many batches a story writes, and how many moments are tried.
const (
	storyBatches = 12
	moments      = 60
)

// testCrash stops the machine at many moments, among them the middle of a
// commit, with none, some or all of the unsynced bytes on the disk. What was
// acknowledged is there, and no batch by half.
func testCrash(t *testing.T, open Open) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	st := story{seed}
	r := rand.New(rand.NewPCG(seed, 1))
	total := countOps(t, open, st)
	for range moments {
		at := r.Int64N(total)
		mem := vfs.NewCrashableMem()
		var disk *vfs.MemFS
		var ops atomic.Int64
		var begun, acknowledged atomic.Int64
		var begunThen, acknowledgedThen int
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[r.IntN(3)], RNG: r}
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if ops.Add(1)-1 == at {
				// Acknowledged is read before and begun after the picture is
				// taken, since a commit may end or begin meanwhile.
				acknowledgedThen = int(acknowledged.Load())
				disk = mem.CrashClone(cfg)
				begunThen = int(begun.Load())
			}
			return nil
		}))
		s, err := open(fs)
		must(t, err)
		for i := range storyBatches {
			begun.Add(1)
			must(t, st.commit(s, i))
			acknowledged.Add(1)
		}
		must(t, s.Close())
		if disk == nil {
			continue // this run had fewer operations in the background
		}
		again, err := open(disk)
		if err != nil {
			t.Fatalf("operation %d of %d, %d %% unsynced: %v", at, total, cfg.UnsyncedDataPercent, err)
		}
		if err := st.check(again, acknowledgedThen, begunThen); err != nil {
			t.Errorf("operation %d of %d, %d %% unsynced: %v", at, total, cfg.UnsyncedDataPercent, err)
		}
		// The store goes on after a crash.
		must(t, write(t, again, func(b objectstore.Batch) error { return b.SetRef("new", nil, []byte("1")) }))
		must(t, again.Close())
	}
}

// testDiskErrors lets a disk operation fail at many moments, once or from then
// on. Every failure is an error and not a crash; opened again on a disk that
// works, the store holds what was acknowledged, and no batch by half.
func testDiskErrors(t *testing.T, open Open) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	st := story{seed}
	r := rand.New(rand.NewPCG(seed, 2))
	total := countOps(t, open, st)
	failed := 0
	for range moments {
		at, once := r.Int64N(total), r.IntN(2) == 0
		mem := vfs.NewCrashableMem()
		var ops atomic.Int64
		var hit atomic.Pointer[string]
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			// Errors of closing and of giving back the lock are not the disk's.
			if n := ops.Add(1) - 1; op.Kind == errorfs.OpFileClose || n < at || once && n > at {
				return nil
			}
			name := fmt.Sprintf("kind %d on %s", op.Kind, op.Path)
			hit.CompareAndSwap(nil, &name)
			return errorfs.ErrInjected
		}))
		begun, acknowledged := 0, 0
		s, err := open(fs)
		if err == nil {
			for i := range storyBatches {
				begun++
				if err = st.commit(s, i); err != nil {
					break
				}
				acknowledged++
			}
			err = errors.Join(err, s.Close())
		}
		if err != nil {
			failed++
		}
		where := "nothing"
		if p := hit.Load(); p != nil {
			where = *p
		}
		disk := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 100}[r.IntN(2)], RNG: r})
		again, err := open(disk)
		if err != nil {
			t.Fatalf("after a failure of %s (operation %d): %v", where, at, err)
		}
		if err := st.check(again, acknowledged, begun); err != nil {
			t.Errorf("after a failure of %s (operation %d): %v", where, at, err)
		}
		must(t, again.Close())
	}
	if failed == 0 {
		t.Error("no injected error reached the caller: the test is too tame")
	}
	t.Logf("%d of %d injected errors reached the caller", failed, moments)
}

// countOps is how many disk operations the story takes.
func countOps(t *testing.T, open Open, st story) int64 {
	var ops atomic.Int64
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(errorfs.Op) error {
		ops.Add(1)
		return nil
	}))
	s, err := open(fs)
	must(t, err)
	for i := range storyBatches {
		must(t, st.commit(s, i))
	}
	must(t, s.Close())
	return ops.Load()
}
