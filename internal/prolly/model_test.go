package prolly

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/objectstore"
)

// memory is a store that checks every object on read, as the real one does.
type memory map[objectstore.Hash]object

type object struct {
	kind objectstore.Kind
	data []byte
}

var errMissing = errors.New("no such object")

func (s memory) Get(h objectstore.Hash) (objectstore.Kind, []byte, error) {
	o, ok := s[h]
	if !ok {
		return 0, nil, errMissing
	}
	id := objectstore.Sum(o.kind, o.data)
	if o.kind != objectstore.KindValue {
		var err error
		if id, err = NodeHash(o.kind, o.data); err != nil {
			return 0, nil, err
		}
	}
	if id != h {
		return 0, nil, fmt.Errorf("object %s is damaged", h.Short())
	}
	return o.kind, o.data, nil
}

func (s memory) put(h objectstore.Hash, kind objectstore.Kind, data []byte) error {
	s[h] = object{kind, data}
	return nil
}

func (s memory) save(t testing.TB, m *Map) {
	t.Helper()
	stored, err := m.Write(s.put)
	if err != nil {
		t.Fatal(err)
	}
	stored()
}

// model is what a map should be.
type model map[string][]byte

func (d model) keys() []string { return slices.Sorted(maps.Keys(d)) }

func (d model) apply(edits []Edit) model {
	d = maps.Clone(d)
	for _, e := range edits {
		if e.Value == nil {
			delete(d, string(e.Key))
		} else {
			d[string(e.Key)] = e.Value
		}
	}
	return d
}

// root is the format written down a second time, as plainly as possible.
func (d model) root() objectstore.Hash {
	type entry struct{ key, content []byte }
	type built struct {
		key  []byte
		id   objectstore.Hash
		rows uint64
	}
	var level []entry
	for _, k := range d.keys() {
		h := objectstore.Sum(objectstore.KindValue, d[k])
		level = append(level, entry{[]byte(k), h[:]})
	}
	if len(level) == 0 {
		return objectstore.Sum(objectstore.KindLeaf, []byte{1, 0, 0, 0})
	}
	weight := func(from, to int) (sum int) {
		for _, e := range level[from:to] {
			sum += len(e.key) + 40
		}
		return sum
	}
	for number := 0; ; number++ {
		ranks := make([]uint64, len(level))
		for i, e := range level {
			sum := objectstore.Sum(objectstore.Kind(number/8), e.key)
			ranks[i] = uint64(binary.BigEndian.Uint32(sum[4*(number%8):])) * 65536 / uint64(len(e.key)+40)
		}
		var nodes []built
		begin := 0
		for i := 1; i <= len(level); i++ {
			if i < len(level) && ranks[i] >= 1<<48/3072 {
				from, to := i, i+1
				for from > 0 && ranks[from-1] > ranks[i] && ranks[from-1] >= 1<<48/3072 {
					from--
				}
				for to < len(level) && ranks[to] >= ranks[i] {
					to++
				}
				if weight(from, to) <= 5120 {
					continue
				}
			}
			var groups, group []byte
			var rows uint64
			for j := begin; j < i; j++ {
				e := level[j]
				h := objectstore.Sum(objectstore.KindEntry, []byte{byte(number), byte(len(e.key) >> 8), byte(len(e.key))}, e.key, e.content)
				group = append(group, h[:]...)
				if (j-begin)%8 == 7 || j == i-1 {
					g := objectstore.Sum(objectstore.KindGroup, group)
					groups, group = append(groups, g[:]...), nil
				}
				if number == 0 {
					rows++
				} else {
					rows += binary.BigEndian.Uint64(e.content[32:])
				}
			}
			kind := objectstore.KindInner
			if number == 0 {
				kind = objectstore.KindLeaf
			}
			id := objectstore.Sum(kind, []byte{1, byte(number), byte((i - begin) >> 8), byte(i - begin)}, groups)
			nodes = append(nodes, built{level[begin].key, id, rows})
			begin = i
		}
		if len(nodes) == 1 {
			return nodes[0].id
		}
		level = level[:0]
		for _, n := range nodes {
			level = append(level, entry{n.key, binary.BigEndian.AppendUint64(n.id[:], n.rows)})
		}
	}
}

// newRand prints the seed of a random test; AERGO_SEED repeats one.
func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("AERGO_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("AERGO_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// world draws keys and values of one style, so that a test meets short and huge
// keys, shared prefixes, dense and thin key spaces.
type world struct {
	r     *rand.Rand
	style int
}

const styles = 5

func (w world) key() []byte {
	r := w.r
	switch w.style {
	case 0: // few, short
		return fmt.Appendf(nil, "%d", r.IntN(30))
	case 1: // many, like rows of a table
		return fmt.Appendf(nil, "contract/table/%08d", r.IntN(3000))
	case 2: // binary, of all lengths
		k := make([]byte, 1+r.IntN(12))
		for i := range k {
			k[i] = byte(r.IntN(3)) * 127
		}
		return k
	case 3: // the longest
		k := bytes.Repeat([]byte{'x'}, MaxKey)
		binary.BigEndian.PutUint16(k[r.IntN(2)*(MaxKey-2):], uint16(r.IntN(400)))
		return k
	default: // mixed
		w.style = r.IntN(4)
		return w.key()
	}
}

func (w world) value() []byte {
	switch n := w.r.IntN(100); {
	case n == 0:
		return bytes.Repeat([]byte{byte(w.r.IntN(3))}, MaxInline+w.r.IntN(3))
	case n < 5:
		return []byte{}
	default:
		return fmt.Appendf(nil, "value %d", w.r.IntN(1000))
	}
}

func (w world) edits(n int, d model) []Edit {
	unique := map[string]Edit{}
	existing := d.keys()
	for range n {
		e := Edit{Key: w.key(), Value: w.value()}
		if len(existing) > 0 && w.r.IntN(2) == 0 {
			e.Key = []byte(existing[w.r.IntN(len(existing))])
		}
		if w.r.IntN(3) == 0 {
			e.Value = nil
		}
		unique[string(e.Key)] = e
	}
	edits := slices.Collect(maps.Values(unique))
	w.r.Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
	return edits
}

func (d model) pairs(yield func(k, v []byte) bool) {
	for _, k := range d.keys() {
		if !yield([]byte(k), d[k]) {
			return
		}
	}
}

func mustApply(t testing.TB, m *Map, edits []Edit) *Map {
	t.Helper()
	next, err := m.Apply(edits)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// TestRandomEditsAgainstModel edits maps in many ways and compares everything
// that can be read with a plain map: root, count, rows, differences, proofs.
func TestRandomEditsAgainstModel(t *testing.T) {
	r := newRand(t)
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	for round := range rounds {
		w := world{r, round % styles}
		store := memory{}
		cache := NewCache(store, int64(r.IntN(3))*20_000)
		m, d := Empty(cache), model{}
		type state struct {
			m *Map
			d model
		}
		history := []state{{m, d}}
		for range 6 {
			n := 1 + r.IntN(4)
			if r.IntN(3) == 0 {
				n = r.IntN(500)
			}
			edits := w.edits(n, d)
			m, d = mustApply(t, m, edits), d.apply(edits)
			if r.IntN(2) == 0 {
				store.save(t, m)
				if r.IntN(2) == 0 {
					m = Load(cache, m.Root())
				}
			}
			checkState(t, m, d, w)
			before := history[r.IntN(len(history))]
			history = append(history, state{m, d})
			checkDiff(t, before.m, m, before.d, d, w)
			third := history[r.IntN(len(history))]
			checkWalk3(t, before.m, m, third.m, before.d, d, third.d)
		}
		built, err := Build(cache, d.pairs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if built.Root() != m.Root() {
			t.Fatalf("round %d: bulk root differs from incremental root", round)
		}
		var gone []Edit
		for _, k := range d.keys() {
			gone = append(gone, Edit{Key: []byte(k)})
		}
		if m = mustApply(t, m, gone); m.Root() != EmptyRoot() {
			t.Fatalf("round %d: deleting all rows leaves root %v", round, m.Root())
		}
	}
}

func checkState(t *testing.T, m *Map, d model, w world) {
	t.Helper()
	if got, want := m.Root(), d.root(); got != want {
		t.Fatalf("root of %d rows is %s, want %s", len(d), got, want)
	}
	if n, err := m.Count(); err != nil || n != uint64(len(d)) {
		t.Fatalf("count %d, %v; want %d", n, err, len(d))
	}
	from, to := []byte(nil), []byte(nil)
	if w.r.IntN(2) == 0 {
		from, to = w.key(), w.key()
	}
	inRange := func(k string) bool {
		return k >= string(from) && (to == nil || k < string(to))
	}
	var want []string
	for _, k := range d.keys() {
		if inRange(k) {
			want = append(want, k)
		}
	}
	var got []string
	err := m.Scan(from, to, func(k, v []byte) error {
		if !bytes.Equal(v, d[string(k)]) || v == nil {
			return fmt.Errorf("key %x has value %x", k, v)
		}
		got = append(got, string(k))
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("scan of %x to %x gives %d rows, want %d (%v)", from, to, len(got), len(want), err)
	}
	got = got[:0]
	c := m.Cursor()
	ok, err := c.Last()
	for ; ok; ok, err = c.Prev() {
		if inRange(string(c.Key())) {
			got = append(got, string(c.Key()))
		}
	}
	slices.Reverse(got)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("backward scan gives %d rows, want %d (%v)", len(got), len(want), err)
	}
	for range 5 {
		key := w.key()
		value, ok, err := m.Get(key)
		want, wantOK := d[string(key)]
		if err != nil || ok != wantOK || !bytes.Equal(value, want) {
			t.Fatalf("get %x: %x %v %v", key, value, ok, err)
		}
		checkProof(t, m, key, want, wantOK)
	}
}

func checkProof(t *testing.T, m *Map, key, want []byte, wantOK bool) []byte {
	t.Helper()
	p, err := m.Prove(key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if p, err = DecodeProof(data); err != nil {
		t.Fatal(err)
	}
	value, ok, err := p.Verify(m.Root(), key)
	if err != nil || ok != wantOK || !bytes.Equal(value, want) {
		t.Fatalf("proof of %x: %x %v %v", key, value, ok, err)
	}
	return data
}

func checkDiff(t *testing.T, a, b *Map, da, db model, w world) {
	t.Helper()
	from, to := []byte(nil), []byte(nil)
	if w.r.IntN(2) == 0 {
		from, to = w.key(), w.key()
	}
	want := map[string]bool{}
	for _, k := range append(da.keys(), db.keys()...) {
		if k >= string(from) && (to == nil || k < string(to)) && !same(da, db, k) {
			want[k] = true
		}
	}
	last := ""
	err := Diff(a, b, from, to, func(key, old, new []byte) error {
		k := string(key)
		if k <= last || !want[k] {
			return fmt.Errorf("unexpected change of %x", k)
		}
		last = k
		delete(want, k)
		return errors.Join(checkValue(da, k, old), checkValue(db, k, new))
	})
	if err != nil || len(want) > 0 {
		t.Fatalf("diff misses %d changes, %v", len(want), err)
	}
}

func same(a, b model, k string) bool {
	va, oka := a[k]
	vb, okb := b[k]
	return oka == okb && bytes.Equal(va, vb)
}

func checkValue(d model, k string, got []byte) error {
	want, ok := d[k]
	if ok != (got != nil) || !bytes.Equal(got, want) {
		return fmt.Errorf("key %x: value %x, want %x", k, got, want)
	}
	return nil
}

func checkWalk3(t *testing.T, base, ours, theirs *Map, db, do, dt model) {
	t.Helper()
	want := map[string]bool{}
	for _, d := range []model{db, do, dt} {
		for k := range d {
			if !same(db, do, k) || !same(db, dt, k) {
				want[k] = true
			}
		}
	}
	err := Walk3(base, ours, theirs, func(key, b, o, h []byte) error {
		k := string(key)
		if !want[k] {
			return fmt.Errorf("unexpected key %x", k)
		}
		delete(want, k)
		return errors.Join(checkValue(db, k, b), checkValue(do, k, o), checkValue(dt, k, h))
	})
	if err != nil || len(want) > 0 {
		t.Fatalf("walk misses %d keys, %v", len(want), err)
	}
}
