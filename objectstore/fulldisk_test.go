package objectstore

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestOpenOnAFullDisk: a store whose log must become tables before it is open
// says that the disk is full, instead of trying for ever; nothing is lost.
func TestOpenOnAFullDisk(t *testing.T) {
	for _, ending := range []string{".sst", ".blob", ""} {
		t.Run(ending, func(t *testing.T) { openOnAFullDisk(t, ending) })
	}
}

func openOnAFullDisk(t *testing.T, ending string) {
	mem := vfs.NewCrashableMem()
	db, err := Open("d", Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	id, err := b.Put(KindCode, []byte(strings.Repeat("x", 4000)))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	full := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ending) {
			return syscall.ENOSPC
		}
		return nil
	}))
	failed := make(chan error, 1)
	go func() {
		db, err := Open("d", Options{FS: full})
		if err == nil {
			err = db.Close()
			t.Log("it opened without writing a table")
		}
		failed <- err
	}()
	select {
	case err := <-failed:
		if err == nil || !strings.Contains(err.Error(), "disk") {
			t.Errorf("a full disk: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it is still opening")
	}
	// The disk of another machine, with room: what was acknowledged is there.
	db, err = Open("d", Options{FS: mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, _, err := db.Get(id); err != nil {
		t.Error(err)
	}
}
