package prolly

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/objectstore"
)

// The benchmarks work on a million rows with keys of 24 and values of 40 bytes.
const benchRows = 1_000_000

func benchKey(i int) []byte { return fmt.Appendf(nil, "contract/table/%09d", i) }

// plain is a store in memory that does not verify: the benchmarks measure the
// map, not the store.
type plain map[objectstore.Hash]object

func (s plain) Get(h objectstore.Hash) (objectstore.Kind, []byte, error) {
	o, ok := s[h]
	if !ok {
		return 0, nil, errMissing
	}
	return o.kind, o.data, nil
}

func (s plain) save(m *Map) (nodes, bytes int, err error) {
	stored, err := m.Write(func(id objectstore.Hash, kind objectstore.Kind, data []byte) error {
		nodes, bytes = nodes+1, bytes+len(data)
		s[id] = object{kind, data}
		return nil
	})
	if err == nil {
		stored()
	}
	return nodes, bytes, err
}

type benchState struct {
	store plain
	root  objectstore.Hash
	err   error
}

var million = sync.OnceValue(func() benchState {
	s := benchState{store: plain{}}
	value := make([]byte, 40)
	m, err := Build(NewCache(s.store, 1<<20), func(yield func(k, v []byte) bool) {
		for i := range benchRows {
			if !yield(benchKey(2*i), value) {
				return
			}
		}
	}, func(m *Map) error { _, _, err := s.store.save(m); return err })
	if err != nil {
		return benchState{err: err}
	}
	_, _, s.err = s.store.save(m)
	s.root = m.Root()
	return s
})

func loadMillion(b *testing.B, cacheBytes int64) (plain, *Map) {
	s := million()
	if s.err != nil {
		b.Fatal(s.err)
	}
	return s.store, Load(NewCache(s.store, cacheBytes), s.root)
}

// warm reads all nodes into the cache and hashes their entries, as after some
// time of work on a state that fits into it.
func warm(b *testing.B, m *Map) {
	err := m.Objects(func(id objectstore.Hash, kind objectstore.Kind) (bool, error) {
		if kind != objectstore.KindValue {
			n, err := m.cache.node(id, -1)
			if err != nil {
				return false, err
			}
			n.allHashes()
		}
		return true, nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkApply reports us/edit: updates of random rows, or inserts of new
// ones, in batches, each batch written. With a cold cache each leaf is read and
// hashed in full at its first edit.
func BenchmarkApply(b *testing.B) {
	for _, kind := range []string{"update", "insert", "cold"} {
		for _, batch := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/batch=%d", kind, batch), func(b *testing.B) {
				store, m := loadMillion(b, 256<<20)
				if kind != "cold" {
					warm(b, m)
				}
				r := rand.New(rand.NewPCG(1, 2))
				value := make([]byte, 40)
				nodes, bytes := 0, 0
				b.ReportAllocs()
				used := cpu()
				for b.Loop() {
					edits := make(map[int]bool, batch)
					for len(edits) < batch {
						i := 2 * r.IntN(benchRows)
						if kind == "insert" {
							i++
						}
						edits[i] = true
					}
					list := make([]Edit, 0, batch)
					for i := range edits {
						value := append([]byte(nil), value...)
						value[0], value[1], value[2] = byte(r.Uint32()), byte(r.Uint32()), 1
						list = append(list, Edit{benchKey(i), value})
					}
					m = mustApply(b, m, list)
					n, size, err := store.save(m)
					if err != nil {
						b.Fatal(err)
					}
					nodes, bytes = nodes+n, bytes+size
				}
				edits := float64(b.N * batch)
				b.ReportMetric(float64((cpu()-used).Microseconds())/edits, "cpu-us/edit")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/edits, "us/edit")
				b.ReportMetric(edits/b.Elapsed().Seconds(), "edits/s")
				b.ReportMetric(float64(bytes)/edits, "B/edit")
				b.ReportMetric(float64(nodes)/edits, "nodes/edit")
			})
		}
	}
}

// cpu is the processor time used so far: on a busy machine it says more than
// the clock.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// trie is the named alternative: a radix-16 Merkle trie over hashed keys. It is
// about as fast, but has no order, so no scan, range proof or cheap range diff.
type trie struct {
	kids [16]*trie
	key  [32]byte // leaf
	leaf bool
	hash [32]byte
}

func (n *trie) put(key, value [32]byte, depth int) *trie {
	if n == nil {
		return &trie{leaf: true, key: key, hash: sha256.Sum256(append(key[:], value[:]...))}
	}
	nibble := func(k [32]byte) int { return int(k[depth/2]>>(4*(depth&1))) & 15 }
	if n.leaf && n.key == key {
		return &trie{leaf: true, key: key, hash: sha256.Sum256(append(key[:], value[:]...))}
	}
	fresh := &trie{}
	if n.leaf {
		fresh.kids[nibble(n.key)] = n
	} else {
		fresh.kids = n.kids
	}
	i := nibble(key)
	fresh.kids[i] = fresh.kids[i].put(key, value, depth+1)
	var buf []byte
	for i, k := range fresh.kids {
		if k != nil {
			buf = append(append(buf, byte(i)), k.hash[:]...)
		}
	}
	fresh.hash = sha256.Sum256(buf)
	return fresh
}

// BenchmarkTrie updates random rows of the trie, all of it in memory as Go
// objects, nothing encoded or written.
func BenchmarkTrie(b *testing.B) {
	var t *trie
	for i := range benchRows / 5 {
		k := sha256.Sum256(benchKey(2 * i))
		t = t.put(k, k, 0)
	}
	r := rand.New(rand.NewPCG(1, 2))
	used := cpu()
	for b.Loop() {
		k := sha256.Sum256(benchKey(2 * r.IntN(benchRows/5)))
		t = t.put(k, sha256.Sum256(k[:]), 0)
	}
	b.ReportMetric(float64((cpu()-used).Microseconds())/float64(b.N), "cpu-us/edit")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "us/edit")
}

// BenchmarkBuild reports rows/s of a bulk build.
func BenchmarkBuild(b *testing.B) {
	const rows = 100_000
	value := make([]byte, 40)
	for b.Loop() {
		_, err := Build(NewCache(plain{}, 1<<20), func(yield func(k, v []byte) bool) {
			for i := range rows {
				if !yield(benchKey(i), value) {
					return
				}
			}
		}, nil)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkDiff compares two states of a million rows, 1000 of which differ.
func BenchmarkDiff(b *testing.B) {
	_, m := loadMillion(b, 256<<20)
	var edits []Edit
	for i := range 1000 {
		edits = append(edits, Edit{benchKey(2 * i * (benchRows / 1000)), []byte("changed")})
	}
	changed := mustApply(b, m, edits)
	for b.Loop() {
		n := 0
		if err := Diff(m, changed, nil, nil, func(_, _, _ []byte) error { n++; return nil }); err != nil || n != 1000 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(1000*b.N), "us/change")
}

// BenchmarkScan reports rows/s of a whole scan.
func BenchmarkScan(b *testing.B) {
	_, m := loadMillion(b, 256<<20)
	for b.Loop() {
		if err := m.Scan(nil, nil, func(_, _ []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkGet reads random rows.
func BenchmarkGet(b *testing.B) {
	_, m := loadMillion(b, 256<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		if _, ok, err := m.Get(benchKey(2 * r.IntN(benchRows))); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkNodeHash checks a leaf as the store does at every read.
func BenchmarkNodeHash(b *testing.B) {
	s := million()
	for _, o := range s.store {
		if o.kind == objectstore.KindLeaf && len(o.data) > 2000 {
			b.SetBytes(int64(len(o.data)))
			for b.Loop() {
				if _, err := NodeHash(o.kind, o.data); err != nil {
					b.Fatal(err)
				}
			}
			return
		}
	}
}
