package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/objectstore"
)

// Store is what the suite tests: both contracts, batches and the index.
type Store interface {
	objectstore.Store
	objectstore.Refs
	NewBatch() objectstore.Batch
	Index(key []byte) ([]byte, error)
	ScanIndex(prefix []byte, fn func(key, value []byte) error) error
	Close() error
}

// Open opens a store that keeps everything in fs; opened on the same fs again
// it is the same store. The ids of its nodes are NodeHash.
type Open func(fs vfs.FS) (Store, error)

// NodeHash is the id of a node in the suite: nodes that begin with a zero byte
// are malformed.
func NodeHash(kind objectstore.Kind, stored []byte) (objectstore.Hash, error) {
	if len(stored) == 0 || stored[0] == 0 {
		return objectstore.Hash{}, errors.New("malformed node")
	}
	return objectstore.Sum(kind, []byte("node"), stored), nil
}

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"Objects", testObjects},
		{"EveryReadIsVerified", testVerifiedRead},
		{"Lists", testLists},
		{"Seals", testSeals},
		{"Prefix", testPrefix},
		{"RefsCompareAndSwap", testRefs},
		{"OneWriterWins", testRace},
		{"BatchIsAllOrNothing", testAtomic},
		{"Index", testIndex},
		{"Limits", testLimits},
		{"Crash", testCrash},
		{"DiskErrors", testDiskErrors},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

func fresh(t *testing.T, open Open) Store {
	t.Helper()
	s, err := open(vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// write commits what fill puts into a batch.
func write(t *testing.T, s Store, fill func(b objectstore.Batch) error) error {
	t.Helper()
	b := s.NewBatch()
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := fill(b); err != nil {
		t.Fatal(err)
	}
	return b.Commit()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func notFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

func testObjects(t *testing.T, open Open) {
	s := fresh(t, open)
	data := []byte("CREATE TABLE item")
	want := objectstore.Sum(objectstore.KindCode, data)
	_, _, err := s.Get(want)
	notFound(t, err)
	for range 2 { // putting twice changes nothing
		must(t, write(t, s, func(b objectstore.Batch) error {
			h, err := b.Put(objectstore.KindCode, data)
			if h != want {
				t.Errorf("id %s, want %s", h, want)
			}
			if found, _ := s.Has(h); found != (err == nil && storedBefore(s, h)) {
				t.Error("a batch is visible before Commit")
			}
			return err
		}))
		kind, got, err := s.Get(want)
		if kind != objectstore.KindCode || !bytes.Equal(got, data) || err != nil {
			t.Errorf("%s %q %v", kind, got, err)
		}
		got[0]++ // what Get returns is the caller's
	}
	if found, err := s.Has(want); !found || err != nil {
		t.Error(found, err)
	}
	if found, err := s.Has(objectstore.Hash{1}); found || err != nil {
		t.Error(found, err)
	}
	// The same bytes as another kind are another object.
	must(t, write(t, s, func(b objectstore.Batch) error {
		h, err := b.Put(objectstore.KindValue, data)
		if h == want {
			t.Error("two kinds have one id")
		}
		return err
	}))
	b := s.NewBatch()
	if _, err := b.Put(0x01, data); err == nil {
		t.Error("an unknown kind is stored")
	}
	if _, err := b.Put(objectstore.KindLeaf, []byte{0}); err == nil {
		t.Error("a malformed node is stored")
	}
	must(t, b.Close())
	if b.Commit() == nil {
		t.Error("a closed batch is committed")
	}
}

func storedBefore(s Store, h objectstore.Hash) bool {
	_, _, err := s.Get(h)
	return err == nil
}

func testVerifiedRead(t *testing.T, open Open) {
	s := fresh(t, open)
	wrong := map[objectstore.Hash]objectstore.Kind{
		{1}: objectstore.KindCode,
		{2}: objectstore.KindLeaf,
		{3}: objectstore.KindTransactionList,
	}
	must(t, write(t, s, func(b objectstore.Batch) error {
		for h, kind := range wrong {
			if err := b.PutHashed(h, kind, []byte("not what the id says")); err != nil {
				return err
			}
		}
		return nil
	}))
	for h, kind := range wrong {
		_, _, err := s.Get(h)
		var corrupt *objectstore.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Hash != h || corrupt.Kind != kind {
			t.Errorf("%s: %v", kind, err)
		}
	}
	node := []byte("a good node")
	h, err := NodeHash(objectstore.KindInner, node)
	must(t, err)
	must(t, write(t, s, func(b objectstore.Batch) error { return b.PutHashed(h, objectstore.KindInner, node) }))
	if kind, got, err := s.Get(h); kind != objectstore.KindInner || !bytes.Equal(got, node) || err != nil {
		t.Errorf("%s %q %v", kind, got, err)
	}
}

func testLists(t *testing.T, open Open) {
	s := fresh(t, open)
	leaves := []objectstore.Leaf{{Data: []byte("one"), Beside: []byte("its arguments")}, {Data: []byte("two")}}
	put := func(leaves []objectstore.Leaf) objectstore.Hash {
		data, err := objectstore.EncodeList(leaves)
		must(t, err)
		var h objectstore.Hash
		must(t, write(t, s, func(b objectstore.Batch) (err error) {
			h, err = b.Put(objectstore.KindTransactionList, data)
			return err
		}))
		return h
	}
	h := put(leaves)
	if h != objectstore.ListRoot(leaves) {
		t.Error("the id of a list is not its root")
	}
	stored := func(what string, want []objectstore.Leaf) {
		t.Helper()
		_, data, err := s.Get(h)
		must(t, err)
		if got, err := objectstore.DecodeList(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v %v", what, got, err)
		}
	}
	stored("new", leaves)
	replace := func(leaves []objectstore.Leaf) {
		t.Helper()
		data, err := objectstore.EncodeList(leaves)
		must(t, err)
		must(t, write(t, s, func(b objectstore.Batch) error {
			id, err := b.ReplaceBeside(objectstore.KindTransactionList, data)
			if id != h {
				t.Error("what stands beside a leaf changes the id")
			}
			return err
		}))
	}
	erased := []objectstore.Leaf{{Data: []byte("one")}, {Data: []byte("two")}}
	if put(erased) != h {
		t.Error("what stands beside a leaf changes the id")
	}
	stored("a copy with less beside it", leaves)
	replace(erased)
	stored("erased", erased)
	put(leaves)
	stored("a copy from before the erasure", erased)
	replace(leaves)
	stored("brought back on purpose", leaves)

	// The same within one batch, and between two that know nothing of each other:
	// the first to commit counts, an erasure whenever it comes.
	erasedData, err := objectstore.EncodeList(erased)
	must(t, err)
	data, err := objectstore.EncodeList(leaves)
	must(t, err)
	must(t, write(t, s, func(b objectstore.Batch) error {
		_, err := b.ReplaceBeside(objectstore.KindTransactionList, erasedData)
		must(t, err)
		_, err = b.Put(objectstore.KindTransactionList, data)
		return err
	}))
	stored("put after the erasure in its batch", erased)
	slow, quick := s.NewBatch(), s.NewBatch()
	other := []objectstore.Leaf{{Data: []byte("three"), Beside: []byte("arguments")}}
	data, err = objectstore.EncodeList(other)
	must(t, err)
	h, err = slow.Put(objectstore.KindTransactionList, data)
	must(t, err)
	other[0].Beside = nil
	data, err = objectstore.EncodeList(other)
	must(t, err)
	_, err = quick.Put(objectstore.KindTransactionList, data)
	must(t, errors.Join(err, quick.Commit(), slow.Commit(), quick.Close(), slow.Close()))
	stored("two batches", other)
	b := s.NewBatch()
	defer b.Close()
	if _, err := b.Put(objectstore.KindChangeList, []byte{0x80}); err == nil {
		t.Error("the empty list is stored")
	}
}

func testSeals(t *testing.T, open Open) {
	s := fresh(t, open)
	h := objectstore.Hash{7}
	_, err := s.Seal(h)
	notFound(t, err)
	for _, seal := range []string{"one signature", "two signatures"} {
		must(t, write(t, s, func(b objectstore.Batch) error { return b.PutSeal(h, []byte(seal)) }))
		if got, err := s.Seal(h); string(got) != seal || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	if found, err := s.Has(h); found || err != nil {
		t.Error("a seal is taken for its object", err)
	}
}

func testPrefix(t *testing.T, open Open) {
	s := fresh(t, open)
	var ids []objectstore.Hash
	must(t, write(t, s, func(b objectstore.Batch) error {
		for i := range 300 {
			h, err := b.Put(objectstore.KindValue, fmt.Append(nil, i))
			if err != nil {
				return err
			}
			ids = append(ids, h)
		}
		for _, h := range []objectstore.Hash{{0xff, 0xff}, {}} { // at both ends of the space
			if err := b.PutHashed(h, objectstore.KindValue, nil); err != nil {
				return err
			}
			ids = append(ids, h)
		}
		return b.PutSeal(objectstore.Hash{0xff, 0xff, 1}, []byte("no object"))
	}))
	slices.SortFunc(ids, func(a, b objectstore.Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, prefix := range []string{"", "0", "a", "7f", "ff", "fff", "ffff", ids[9].String(), ids[9].String()[:5]} {
		for _, limit := range []int{0, 1, 2, 1000} {
			var want []objectstore.Hash
			for _, h := range ids {
				if h.String()[:len(prefix)] == prefix && len(want) < limit {
					want = append(want, h)
				}
			}
			got, err := s.Prefix(prefix, limit)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%q at most %d: %v, want %v: %v", prefix, limit, got, want, err)
			}
		}
	}
	for _, bad := range []string{"g", "A", " ", ids[0].String() + "0"} {
		if _, err := s.Prefix(bad, 1); err == nil {
			t.Errorf("prefix %q is accepted", bad)
		}
	}
}

func testRefs(t *testing.T, open Open) {
	s := fresh(t, open)
	set := func(name, old, new string) error {
		return write(t, s, func(b objectstore.Batch) error { return b.SetRef(name, orNil(old), orNil(new)) })
	}
	conflict := func(err error, name string) {
		t.Helper()
		var c *objectstore.ConflictError
		if !errors.As(err, &c) || c.Ref != name {
			t.Errorf("%v, want a conflict at %s", err, name)
		}
	}
	_, err := s.Ref("heads/main")
	notFound(t, err)
	conflict(set("heads/main", "a", "b"), "heads/main")
	must(t, set("heads/main", "", "a"))
	conflict(set("heads/main", "", "b"), "heads/main")
	conflict(set("heads/main", "b", "c"), "heads/main")
	must(t, set("heads/main", "a", "b"))
	if v, err := s.Ref("heads/main"); string(v) != "b" || err != nil {
		t.Errorf("%q %v", v, err)
	}
	must(t, set("heads/other", "", "x"))
	must(t, set("heads", "", "y"))
	must(t, set("tags/1", "", "z"))
	list := func(prefix string) (got []string) {
		must(t, s.Refs(prefix, func(name string, value []byte) error {
			got = append(got, name+"="+string(value))
			return nil
		}))
		return got
	}
	if got := list("heads/"); !slices.Equal(got, []string{"heads/main=b", "heads/other=x"}) {
		t.Error(got)
	}
	if got := list(""); len(got) != 4 {
		t.Error(got)
	}
	stop := errors.New("stop")
	if err := s.Refs("", func(string, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v, want %v", err, stop)
	}
	conflict(set("heads/main", "a", ""), "heads/main")
	must(t, set("heads/main", "b", ""))
	_, err = s.Ref("heads/main")
	notFound(t, err)
	must(t, set("heads/main", "", "c"))
}

func orNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// Several goroutines add to one counter: none is lost.
func testRace(t *testing.T, open Open) {
	s := fresh(t, open)
	const writers, each = 4, 25
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			for done := 0; done < each; {
				old, err := s.Ref("counter")
				if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
					t.Error(err)
					return
				}
				b := s.NewBatch()
				err = errors.Join(b.SetRef("counter", old, append(old, '+')), b.Commit(), b.Close())
				var conflict *objectstore.ConflictError
				switch {
				case err == nil:
					done++
				case !errors.As(err, &conflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	if v, err := s.Ref("counter"); len(v) != writers*each || err != nil {
		t.Errorf("%d, want %d: %v", len(v), writers*each, err)
	}
}

func testAtomic(t *testing.T, open Open) {
	s := fresh(t, open)
	must(t, write(t, s, func(b objectstore.Batch) error { return b.SetRef("b", nil, []byte("1")) }))
	err := write(t, s, func(b objectstore.Batch) error {
		_, err := b.Put(objectstore.KindCode, []byte("x"))
		return errors.Join(err, b.SetRef("a", nil, []byte("1")), b.SetRef("b", nil, []byte("2")), b.SetIndex([]byte("i"), []byte("1")))
	})
	var conflict *objectstore.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatal(err)
	}
	_, err = s.Ref("a")
	notFound(t, err)
	_, err = s.Index([]byte("i"))
	notFound(t, err)
	_, _, err = s.Get(objectstore.Sum(objectstore.KindCode, []byte("x")))
	notFound(t, err)
	// A batch that is closed and never committed leaves nothing.
	b := s.NewBatch()
	must(t, b.SetRef("a", nil, []byte("1")))
	must(t, b.Close())
	_, err = s.Ref("a")
	notFound(t, err)
	b = s.NewBatch()
	defer b.Close()
	must(t, b.SetRef("a", nil, []byte("1")))
	if b.SetRef("a", []byte("1"), []byte("2")) == nil {
		t.Error("a name is set twice in a batch")
	}
	must(t, b.Commit())
	if b.Commit() == nil || b.SetRef("c", nil, []byte("1")) == nil {
		t.Error("a batch goes on after Commit")
	}
	must(t, write(t, s, func(objectstore.Batch) error { return nil }))
}

func testIndex(t *testing.T, open Open) {
	s := fresh(t, open)
	must(t, write(t, s, func(b objectstore.Batch) error {
		return errors.Join(
			b.SetIndex([]byte("n\x01"), []byte("one")),
			b.SetIndex([]byte("n\xff\xff"), []byte("two")),
			b.SetIndex([]byte("n\xff"), []byte{}),
			b.SetIndex([]byte("m"), []byte("three")),
		)
	}))
	scan := func(prefix string) (got []string) {
		must(t, s.ScanIndex([]byte(prefix), func(k, v []byte) error {
			got = append(got, fmt.Sprintf("%q=%s", k, v))
			return nil
		}))
		return got
	}
	if got := scan("n"); !slices.Equal(got, []string{`"n\x01"=one`, `"n\xff"=`, `"n\xff\xff"=two`}) {
		t.Error(got)
	}
	if got := scan("n\xff"); len(got) != 2 {
		t.Error(got)
	}
	must(t, write(t, s, func(b objectstore.Batch) error { return b.SetIndex([]byte("n\xff"), nil) }))
	_, err := s.Index([]byte("n\xff"))
	notFound(t, err)
	if v, err := s.Index([]byte("n\x01")); string(v) != "one" || err != nil {
		t.Errorf("%q %v", v, err)
	}
}

func testLimits(t *testing.T, open Open) {
	s := fresh(t, open)
	b := s.NewBatch()
	defer b.Close()
	for name, err := range map[string]error{
		"no ref name":     b.SetRef("", nil, []byte("x")),
		"long ref name":   b.SetRef(string(make([]byte, objectstore.MaxRefName+1)), nil, []byte("x")),
		"empty ref":       b.SetRef("r", nil, []byte{}),
		"empty old":       b.SetRef("r", []byte{}, []byte("x")),
		"long ref":        b.SetRef("r", nil, make([]byte, objectstore.MaxRef+1)),
		"no index key":    b.SetIndex(nil, []byte("x")),
		"long index key":  b.SetIndex(make([]byte, objectstore.MaxIndexKey+1), []byte("x")),
		"empty seal":      b.PutSeal(objectstore.Hash{1}, nil),
		"long seal":       b.PutSeal(objectstore.Hash{1}, make([]byte, objectstore.MaxSeal+1)),
		"unknown kind":    b.PutHashed(objectstore.Hash{1}, 0, nil),
		"too long object": b.PutHashed(objectstore.Hash{1}, objectstore.KindValue, make([]byte, objectstore.MaxObject+1)),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	must(t, b.Commit())
	_, err := s.Ref("r")
	notFound(t, err)
}
