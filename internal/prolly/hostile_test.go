package prolly

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/aergo-git/aergo-git/objectstore"
)

// grind gives n rising keys, each the best of the given number of tries.
func grind(n, tries int, pad int, better func(i int, a, b rank) bool) []Edit {
	edits := make([]Edit, n)
	for i := range edits {
		key := fmt.Appendf(bytes.Repeat([]byte{'p'}, pad), "%07d-", 2*i)
		var best []byte
		var bestRank rank
		for try := range tries {
			k := append(bytes.Clone(key), byte('0'+try%64), byte('0'+try/64))
			if r := rankOf(0, k); best == nil || better(i, r, bestRank) {
				best, bestRank = k, r
			}
		}
		edits[i] = Edit{best, []byte{1}}
	}
	return edits
}

// TestGroundKeysKeepEditsCheap: mallory chooses all keys of a table so that its
// nodes have no good boundaries, or so that boundaries lean on each other. An
// edit in the middle must still rewrite a few nodes only.
func TestGroundKeysKeepEditsCheap(t *testing.T) {
	nearest := func(target func(i int) rank) func(int, rank, rank) bool {
		distance := func(a, b rank) rank { return max(a, b) - min(a, b) }
		return func(i int, a, b rank) bool { return distance(a, target(i)) < distance(b, target(i)) }
	}
	const top = rank(1) << (32 + rankScale) / 60
	attacks := []struct {
		name             string
		rows, tries, pad int
		better           func(i int, a, b rank) bool
	}{
		{"honest", 50_000, 1, 0, func(int, rank, rank) bool { return false }},
		{"no anchors", 100_000, 51, 0, func(_ int, a, b rank) bool { return a > b }},
		{"only anchors", 50_000, 51, 0, func(_ int, a, b rank) bool { return a < b }},
		{"rising ranks", 50_000, 51, 0, nearest(func(i int) rank { return anchorRank + rank(i%2000)*(top/2000) })},
		{"falling ranks", 50_000, 51, 0, nearest(func(i int) rank { return top - rank(i%2000)*(top/2000) })},
		{"two phases", 50_000, 51, 0, nearest(func(i int) rank {
			if i%23 == 0 {
				return anchorRank + anchorRank/8
			}
			return top
		})},
		{"longest keys without anchors", 2_000, 51, MaxKey - 20, func(_ int, a, b rank) bool { return a > b }},
	}
	for _, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			store := memory{}
			cache := NewCache(store, 64<<20)
			edits := grind(attack.rows, attack.tries, attack.pad, attack.better)
			m := mustApply(t, Empty(cache), edits)
			store.save(t, m)
			top, err := m.root()
			if err != nil {
				t.Fatal(err)
			}
			if top.level > 14 {
				t.Errorf("the tree has %d levels", top.level+1)
			}
			r := newRand(t)
			worstNodes, worstBytes := 0, int64(0)
			for range 200 {
				i := r.IntN(len(edits))
				var e Edit
				switch r.IntN(3) {
				case 0: // delete a row
					e = Edit{Key: edits[i].Key}
				case 1: // insert one beside it
					e = Edit{fmt.Appendf(nil, "%s%d", edits[i].Key[:len(edits[i].Key)-3], r.IntN(100)), []byte{2}}
				default: // insert the best boundary there is
					for try := range 1000 {
						k := fmt.Appendf(nil, "%s%d", edits[i].Key[:len(edits[i].Key)-3], try)
						if e.Key == nil || rankOf(0, k) < rankOf(0, e.Key) {
							e = Edit{k, []byte{2}}
						}
					}
				}
				changed := mustApply(t, m, []Edit{e})
				nodes, size := changed.Unsaved()
				worstNodes, worstBytes = max(worstNodes, nodes), max(worstBytes, size)
				back := mustApply(t, changed, []Edit{{e.Key, nil}})
				if e.Value == nil {
					back = mustApply(t, changed, []Edit{edits[i]})
				}
				if back.Root() != m.Root() {
					t.Fatal("undoing the edit gives another root")
				}
			}
			nodes := 0
			if err := m.Objects(func(objectstore.Hash, objectstore.Kind) (bool, error) { nodes++; return true, nil }); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d rows, %d nodes, %d levels: an edit rewrites at most %d nodes, %d bytes",
				attack.rows, nodes, top.level+1, worstNodes, worstBytes)
			// Boundaries change up to span on each side of the edit, so the
			// leaves that change weigh less than 4 span, and those of the levels
			// above in proportion. In numbers: a few dozens, of thousands.
			if limit := 24 + 3*top.level; worstNodes > limit {
				t.Errorf("one edit rewrites %d nodes, more than %d", worstNodes, limit)
			}
		})
	}
}

// TestThresholdBySizeIsNotLocal shows why the boundary rule does not look at
// the size of the node so far, as content-defined chunking usually does: here
// with the Weibull shape (k=4, target 2 KB, minimum 512 B) for rows that weigh
// 64. A chance that grows with size is small in the middle of a node. Mallory
// grinds every 20th key (8 tries) to a hash between the chance there and the
// chance at the usual end, all others to high ones (51 tries). Then
// nodes of 40 rows keep themselves up, in either of two phases, and inserting
// one row moves every later boundary from one phase to the other.
func TestThresholdBySizeIsNotLocal(t *testing.T) {
	const rows, weight, minimum = 200_000, 64, 512
	r := newRand(t)
	hash := make([]float64, rows)
	for i := range hash {
		for range 51 {
			hash[i] = max(hash[i], r.Float64())
		}
		for i%20 == 19 && (hash[i] < 0.025 || hash[i] > 0.15) {
			hash[i] = r.Float64() // 8 tries on average
		}
	}
	fourth := func(x float64) float64 { return x * x * x * x }
	boundaries := func(insertAt int) map[int]bool {
		ends := map[int]bool{}
		size := 0.0
		step := func(i int, h float64) {
			size += weight
			hazard := fourth(size/2259) - fourth((size-weight)/2259)
			if size >= minimum && h < hazard { // close to 1-exp(-hazard)
				ends[i], size = true, 0
			}
		}
		for i, h := range hash {
			if i == insertAt {
				step(-1, 0.0005)
			}
			step(i, h)
		}
		return ends
	}
	before := boundaries(-1)
	kept := len(before)
	for at := 18; at < 200 && kept > len(before)/2; at += 20 { // not every place is in the right phase
		kept = 0
		for i := range boundaries(at) {
			if before[i] {
				kept++
			}
		}
	}
	t.Logf("of %d boundaries, %d stay where they are", len(before), kept)
	if kept > len(before)/2 {
		t.Error("the attack should move most boundaries")
	}
}

// TestCoresDoNotMatter: the result of a large batch is the same on one core.
func TestCoresDoNotMatter(t *testing.T) {
	var edits []Edit
	for i := range 20_000 {
		edits = append(edits, Edit{binary.BigEndian.AppendUint32([]byte("row"), uint32(i*7919)), fmt.Appendf(nil, "%d", i)})
	}
	old := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(old)
	one := mustApply(t, Empty(NewCache(memory{}, 0)), edits)
	runtime.GOMAXPROCS(2)
	slices.Reverse(edits)
	two := mustApply(t, Empty(NewCache(memory{}, 0)), edits)
	if one.Root() != two.Root() {
		t.Fatalf("root %s on one core, %s on two", one.Root(), two.Root())
	}
}

// TestForeignTreeOutOfOrder: nodes that are well formed one by one, in a tree
// that lies about them, give errors.
func TestForeignTreeOutOfOrder(t *testing.T) {
	leaf := func(keys ...string) *node {
		n := new(node)
		var items []item
		for _, k := range keys {
			items = append(items, item{key: []byte(k), value: []byte("v")})
		}
		n.encode(0, items)
		n.finish(items)
		return n
	}
	a, b := leaf("a", "m", "x"), leaf("b", "c")
	for _, lie := range []string{"order", "key", "count"} {
		store := memory{}
		cache := NewCache(store, 1<<20)
		var items []item
		for _, n := range []*node{a, b} {
			value := make([]byte, innerValue)
			n.putEntry(value)
			key := n.firstKey()
			switch {
			case lie == "key" && n == a:
				key = []byte("aa")
			case lie == "count" && n == a:
				value[innerValue-1]++
			}
			items = append(items, item{key: key, value: value, kid: n})
		}
		top := new(node)
		top.encode(1, items)
		top.finish(items)
		if err := writeNode(top, store.put, new([]*node)); err != nil {
			t.Fatal(err)
		}
		m := Load(cache, top.id)
		if _, err := m.Apply([]Edit{{[]byte("aaa"), []byte("1")}, {[]byte("bb"), []byte("1")}, {[]byte("b"), nil}}); err == nil {
			t.Errorf("a tree with a wrong %s is edited without an error", lie)
		}
	}
}

// TestReadersWhileEditing: snapshots are read while the map is edited and written.
func TestReadersWhileEditing(t *testing.T) {
	store := memory{}
	cache := NewCache(locked{&sync.Mutex{}, store}, 30_000)
	mu := cache.from.(locked).mu
	d := vectorModel(2000, false)
	m, err := Build(cache, d.pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for round := range 20 {
		snapshot, want := m, d
		wg.Go(func() {
			n := 0
			err := snapshot.Scan(nil, nil, func(k, v []byte) error { n++; return checkValue(want, string(k), v) })
			if err != nil || n != len(want) {
				t.Errorf("%d rows, want %d, %v", n, len(want), err)
			}
			if _, err := snapshot.Prove([]byte("row-000500")); err != nil {
				t.Error(err)
			}
		})
		var edits []Edit
		for i := range 50 {
			edits = append(edits, Edit{fmt.Appendf(nil, "row-%06d", i*(round+1)), fmt.Appendf(nil, "%d", round)})
		}
		m, d = mustApply(t, m, edits), d.apply(edits)
		mu.Lock()
		stored, err := m.Write(store.put)
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		stored()
	}
	wg.Wait()
}

// locked makes memory safe for concurrent use.
type locked struct {
	mu *sync.Mutex
	memory
}

func (s locked) Get(h objectstore.Hash) (objectstore.Kind, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory.Get(h)
}

// TestDamagedNodeIsNamed flips a byte of each node in turn, or removes it: every
// kind of reading then fails with the node's name, and nothing crashes.
func TestDamagedNodeIsNamed(t *testing.T) {
	store := memory{}
	m := Empty(NewCache(store, 0))
	d := model{}
	for i := range 600 {
		d[fmt.Sprintf("key%05d", i)] = bytes.Repeat([]byte{byte(i)}, i%60*20)
	}
	m, err := Build(m.cache, d.pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	store.save(t, m)
	read := func() error {
		m := Load(NewCache(store, 1<<20), m.Root())
		_, err := m.Apply([]Edit{{Key: []byte("key00300"), Value: []byte{}}})
		walk := m.Objects(func(objectstore.Hash, objectstore.Kind) (bool, error) { return true, nil })
		scan := m.Scan(nil, nil, func(_, _ []byte) error { return nil })
		if (walk == nil) != (scan == nil) || err != nil && scan == nil {
			t.Fatalf("one reader fails, another does not: %v, %v, %v", err, walk, scan)
		}
		if diff := Diff(Empty(m.cache), m, nil, nil, func(_, _, _ []byte) error { return nil }); (diff == nil) != (scan == nil) {
			t.Fatalf("diff and scan disagree: %v, %v", diff, scan)
		}
		return scan
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	r := newRand(t)
	for id, o := range store {
		if o.kind == objectstore.KindValue {
			continue
		}
		damaged := bytes.Clone(o.data)
		damaged[r.IntN(len(damaged))] ^= byte(1 + r.IntN(255))
		if same, err := NodeHash(o.kind, damaged); err == nil && same == id {
			continue // an outside value now says "erased": the id allows that
		}
		store[id] = object{o.kind, damaged}
		if err := read(); err == nil || !bytes.Contains([]byte(err.Error()), []byte(id.Short())) {
			t.Fatalf("damaged node %s: %v", id.Short(), err)
		}
		delete(store, id)
		if err := read(); !errors.Is(err, errMissing) {
			t.Fatalf("missing node %s: %v", id.Short(), err)
		}
		store[id] = o
	}
}
