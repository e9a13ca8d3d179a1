package objectstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/objectstore/storetest"
)

// fill makes a store with some MB in tables, blob files and a log, and gives
// what is in it.
func fill(t *testing.T, fs vfs.FS) map[objectstore.Hash][]byte {
	t.Helper()
	held := map[objectstore.Hash][]byte{}
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 3 {
		db, err := open(fs)
		if err != nil {
			t.Fatal(err)
		}
		b := db.NewBatch()
		for i := range 60 {
			data := make([]byte, []int{40, 2500}[i%2])
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			h, err := b.Put(objectstore.KindValue, data)
			if err != nil {
				t.Fatal(err)
			}
			held[h] = data
		}
		if err := errors.Join(b.SetRef(fmt.Sprint("round", round), nil, []byte("x")), b.Commit(), b.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return held
}

func readFile(t *testing.T, fs vfs.FS, name string) []byte {
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// copyStore copies the store's files, of which one is changed.
func copyStore(t *testing.T, fs vfs.FS, changed string, change func([]byte) []byte) *vfs.MemFS {
	names, err := fs.List("store")
	if err != nil {
		t.Fatal(err)
	}
	to := vfs.NewMem()
	if err := to.MkdirAll("store", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data := readFile(t, fs, "store/"+name)
		if name == changed {
			data = change(data)
		}
		f, err := to.Create("store/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A byte changed anywhere is an error that says so, or changes nothing; it is
// never a crash, and never wrong bytes.
func TestFlippedBytes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	fs := vfs.NewMem()
	held := fill(t, fs)
	names, err := fs.List("store")
	if err != nil {
		t.Fatal(err)
	}
	noticed := map[string]int{}
	for _, name := range names {
		size := len(readFile(t, fs, "store/"+name))
		if size == 0 {
			continue
		}
		kind := filepath.Ext(name)
		for range 3 {
			at := r.IntN(size)
			bad := copyStore(t, fs, name, func(data []byte) []byte {
				data = bytes.Clone(data)
				data[at] ^= byte(1 + r.IntN(255))
				return data
			})
			err := readAll(t, bad, held)
			if err != nil {
				noticed[kind]++
			}
			var corrupt *objectstore.CorruptError
			if err != nil && (kind == ".sst" || kind == ".blob") && !(errors.As(err, &corrupt) && strings.Contains(err.Error(), strings.TrimSuffix(name, kind))) {
				t.Errorf("byte %d of %s: the file is not named: %v", at, name, err)
			}
		}
	}
	t.Logf("noticed: %v", noticed)
	if noticed[".sst"] == 0 || noticed[".blob"] == 0 {
		t.Error("no damage was noticed in tables or blob files: the test is too tame")
	}
}

// readAll reads everything and gives the first error. Wrong bytes fail the test.
func readAll(t *testing.T, fs vfs.FS, held map[objectstore.Hash][]byte) error {
	db, err := open(fs)
	if err != nil {
		return err
	}
	defer db.Close()
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	for h, want := range held {
		_, got, err := db.Get(h)
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("object %s has other bytes", h)
		}
		note(err)
	}
	_, err = db.Prefix("", 1<<20)
	note(err)
	note(db.Refs("", func(string, []byte) error { return nil }))
	return first
}

// A file that was cut short is noticed, too.
func TestTruncatedFiles(t *testing.T) {
	fs := vfs.NewMem()
	held := fill(t, fs)
	names, err := fs.List("store")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		ext := filepath.Ext(name)
		if ext != ".sst" && ext != ".blob" {
			continue
		}
		bad := copyStore(t, fs, name, func(data []byte) []byte { return data[:len(data)/2] })
		if err := readAll(t, bad, held); err == nil {
			t.Errorf("nobody notices that half of %s is gone", name)
		}
	}
}

// Another process that has the store open is a typed error, so that a command
// can wait for it.
func TestLockedByAnotherProcess(t *testing.T) {
	const variable = "OBJECTSTORE_TEST_HOLD"
	if dir := os.Getenv(variable); dir != "" {
		db, err := objectstore.Open(dir, objectstore.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("held")
		_, _ = io.ReadAll(os.Stdin) // until the parent closes it
		_ = db.Close()
		return
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestLockedByAnotherProcess$")
	child.Env = append(os.Environ(), variable+"="+dir)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 4)
	if _, err := io.ReadFull(out, line); err != nil || string(line) != "held" {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := objectstore.Open(dir, objectstore.Options{}); !errors.Is(err, objectstore.ErrLocked) {
		t.Errorf("%v, want ErrLocked", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	db, err := objectstore.Open(dir, objectstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnly(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := objectstore.Open("store", objectstore.Options{FS: fs, ReadOnly: true}); err == nil {
		t.Fatal("a store that is not there is opened for reading")
	}
	held := fill(t, fs)
	db, err := objectstore.Open("store", objectstore.Options{FS: fs, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for h := range held {
		if _, _, err := db.Get(h); err != nil {
			t.Fatal(err)
		}
	}
	b := db.NewBatch()
	defer b.Close()
	if err := errors.Join(b.SetRef("a", nil, []byte("x")), b.Commit()); err == nil || errors.Is(err, objectstore.ErrStateUnknown) {
		t.Errorf("writing: %v", err)
	}
}

// A store without NodeHash reads all but nodes.
func TestNoNodeHash(t *testing.T) {
	db, err := objectstore.Open("store", objectstore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b := db.NewBatch()
	defer b.Close()
	if _, err := b.Put(objectstore.KindLeaf, []byte("x")); err == nil || !strings.Contains(err.Error(), "NodeHash") {
		t.Error(err)
	}
}

// How long a command waits for its store.
func BenchmarkOpenClose(b *testing.B) {
	for _, size := range []int{0, 20_000} {
		b.Run(fmt.Sprintf("%d objects", size), func(b *testing.B) {
			dir := b.TempDir()
			db, err := objectstore.Open(dir, objectstore.Options{NodeHash: storetest.NodeHash})
			if err != nil {
				b.Fatal(err)
			}
			batch := db.NewBatch()
			for i := range size {
				if _, err := batch.Put(objectstore.KindValue, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 1000)); err != nil {
					b.Fatal(err)
				}
			}
			if err := errors.Join(batch.Commit(), batch.Close(), db.Close()); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				db, err := objectstore.Open(dir, objectstore.Options{NodeHash: storetest.NodeHash})
				if err != nil {
					b.Fatal(err)
				}
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A block's write: 30 nodes of 2 KB, a few small objects, one ref; synced. It
// shows the longest stall, too.
func BenchmarkCommitBlock(b *testing.B) {
	db, err := objectstore.Open(b.TempDir(), objectstore.Options{NodeHash: storetest.NodeHash})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	r := rand.New(rand.NewPCG(1, 1))
	node := make([]byte, 2000)
	var old []byte
	var longest time.Duration
	n := 0
	for b.Loop() {
		n++
		batch := db.NewBatch()
		for range 30 {
			for j := 0; j < len(node); j += 4 {
				node[j] = byte(r.Uint32())
			}
			if _, err := batch.Put(objectstore.KindValue, node); err != nil {
				b.Fatal(err)
			}
		}
		ref := fmt.Append(nil, n)
		start := time.Now()
		if err := errors.Join(batch.SetRef("heads/main", old, ref), batch.Commit()); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(start))
		if err := batch.Close(); err != nil {
			b.Fatal(err)
		}
		old = ref
	}
	b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
}

func BenchmarkGet(b *testing.B) {
	fs := vfs.NewMem()
	db, err := open(fs)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	batch := db.NewBatch()
	var ids []objectstore.Hash
	for i := range 10_000 {
		h, err := batch.Put(objectstore.KindValue, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 1000))
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, h)
	}
	if err := errors.Join(batch.Commit(), batch.Close()); err != nil {
		b.Fatal(err)
	}
	i := 0
	b.Run("2 KB verified", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := db.Get(ids[i*7919%len(ids)]); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("absent", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.Has(objectstore.Hash{byte(i), byte(i >> 8), 1}); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}
