package prolly

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/objectstore"
)

var rewrite = flag.Bool("rewrite-vectors", false, "write testdata/vectors/prolly.json anew")

const vectorFile = "../../testdata/vectors/prolly.json"

// vectors are for implementations in other languages.
type vectors struct {
	Comment   string      `json:"comment"`
	EmptyRoot string      `json:"emptyRoot"`
	Maps      []vectorMap `json:"maps"`
	Leaf      vectorNode  `json:"leaf"`
	Proofs    []vectorUse `json:"proofs"`
}

type vectorMap struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
	Root string `json:"root"`
}

type vectorNode struct {
	Stored string `json:"stored"`
	ID     string `json:"id"`
}

type vectorUse struct {
	Map     string `json:"map"`
	Key     string `json:"key"`
	Present bool   `json:"present"`
	Proof   string `json:"proof"`
}

// vectorModel: row i has the key "row-" and i in 6 digits, and the value "value "
// and i, repeated i%7 times; in "wide", keys have i%1000 bytes more.
func vectorModel(rows int, wide bool) model {
	d := model{}
	for i := range rows {
		key := fmt.Sprintf("row-%06d", i)
		if wide {
			key += strings.Repeat("x", i%1000)
		}
		d[key] = []byte(strings.Repeat(fmt.Sprintf("value %d", i), i%7))
	}
	return d
}

// TestGoldenVectors: the format stays as it is.
func TestGoldenVectors(t *testing.T) {
	v := vectors{
		Comment:   `Row i of a map: key "row-%06d" of i, value "value %d" of i repeated i%7 times; in map "wide" i%1000 letters x follow the key. Binary in hex.`,
		EmptyRoot: EmptyRoot().String(),
	}
	built := map[string]*Map{}
	for _, vm := range []vectorMap{{"one", 1, ""}, {"small", 20, ""}, {"large", 10_000, ""}, {"wide", 2_000, ""}} {
		d := vectorModel(vm.Rows, vm.Name == "wide")
		m, err := Build(NewCache(memory{}, 0), d.pairs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.Root() != d.root() {
			t.Fatalf("map %s: root differs from the model's", vm.Name)
		}
		vm.Root = m.Root().String()
		v.Maps = append(v.Maps, vm)
		built[vm.Name] = m
	}
	leaf := built["small"].top.Load()
	v.Leaf = vectorNode{hex.EncodeToString(leaf.data), leaf.id.String()}
	for _, u := range []vectorUse{{"large", "row-004321", true, ""}, {"large", "row-004321a", false, ""}, {"large", "zzz", false, ""}, {"small", "row-000007", true, ""}} {
		d := vectorModel(10_000, false)
		value, ok := d[u.Key]
		data := checkProof(t, built[u.Map], []byte(u.Key), value, ok)
		u.Proof = hex.EncodeToString(data)
		v.Proofs = append(v.Proofs, u)
	}
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *rewrite {
		if err := os.WriteFile(vectorFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("the format has changed: the golden vectors differ")
	}
}

// TestEraseValue: a value goes, its row, its neighbours and the root stay.
func TestEraseValue(t *testing.T) {
	for _, size := range []int{10, MaxInline + 1} {
		store := memory{}
		cache := NewCache(store, 1<<20)
		secret := bytes.Repeat([]byte{'s'}, size)
		m := mustApply(t, Empty(cache), []Edit{{[]byte("a"), []byte("1")}, {[]byte("b"), secret}, {[]byte("c"), []byte("3")}})
		store.save(t, m)
		o := store[m.Root()]
		erased, outside, err := EraseValue(o.data, []byte("b"))
		if err != nil {
			t.Fatal(err)
		}
		if id, err := NodeHash(o.kind, erased); err != nil || id != m.Root() {
			t.Fatalf("erased leaf has id %s, %v", id, err)
		}
		if outside.IsZero() != (size <= MaxInline) {
			t.Fatalf("outside value %s", outside)
		}
		store[m.Root()] = object{o.kind, erased}
		delete(store, outside)
		cache.Forget(m.Root())
		m = Load(cache, m.Root())
		if _, _, err := m.Get([]byte("b")); !errors.Is(err, ErrErased) {
			t.Fatalf("read of an erased value: %v", err)
		}
		if _, err := m.Prove([]byte("b")); !errors.Is(err, ErrErased) {
			t.Fatalf("proof of an erased value: %v", err)
		}
		checkProof(t, m, []byte("a"), []byte("1"), true)
		checkProof(t, m, []byte("bb"), nil, false)
		next := mustApply(t, m, []Edit{{[]byte("d"), []byte("4")}})
		want := model{"a": []byte("1"), "b": secret, "c": []byte("3"), "d": []byte("4")}
		if next.Root() != want.root() {
			t.Fatal("an edit beside an erased value gives another root")
		}
		if err := Diff(m, next, nil, nil, func(key, _, _ []byte) error {
			if string(key) != "d" {
				return fmt.Errorf("key %s differs", key)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailedCommitLosesNothing: a write that was not committed is put again.
func TestFailedCommitLosesNothing(t *testing.T) {
	store := memory{}
	cache := NewCache(store, 1<<20)
	big := bytes.Repeat([]byte{1}, MaxInline+1)
	m := mustApply(t, Empty(cache), []Edit{{[]byte("big"), big}})
	if _, err := m.Write(func(objectstore.Hash, objectstore.Kind, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if _, err := m.Write(func(objectstore.Hash, objectstore.Kind, []byte) error { return full }); !errors.Is(err, full) {
		t.Fatal(err)
	}
	next := mustApply(t, m, []Edit{{[]byte("other"), []byte("x")}})
	store.save(t, next)
	value, ok, err := Load(NewCache(store, 0), next.Root()).Get([]byte("big"))
	if err != nil || !ok || !bytes.Equal(value, big) {
		t.Fatalf("%d bytes, %v, %v", len(value), ok, err)
	}
	if nodes, _ := next.Unsaved(); nodes != 0 {
		t.Fatalf("%d nodes are still to be written", nodes)
	}
	after := mustApply(t, next, []Edit{{[]byte("more"), []byte("y")}})
	if root := after.top.Load(); root.outside != nil && root.outside[0] != nil {
		t.Fatal("a value that is stored is still held in memory")
	}
}

// TestLinksNameEveryObject: from the root, Links reaches what Objects visits.
func TestLinksNameEveryObject(t *testing.T) {
	store := memory{}
	d := vectorModel(3000, false)
	d["big"] = make([]byte, MaxInline+1)
	m, err := Build(NewCache(store, 0), d.pairs, func(m *Map) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	store.save(t, m)
	seen := map[objectstore.Hash]bool{m.Root(): true}
	todo := []objectstore.Hash{m.Root()}
	for len(todo) > 0 {
		o := store[todo[0]]
		todo = todo[1:]
		if o.kind == objectstore.KindValue {
			continue
		}
		err := Links(o.kind, o.data, func(id objectstore.Hash, kind objectstore.Kind) error {
			if store[id].kind != kind {
				return fmt.Errorf("%s is no %v", id.Short(), kind)
			}
			seen[id] = true
			todo = append(todo, id)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	visited := 0
	err = m.Objects(func(id objectstore.Hash, _ objectstore.Kind) (bool, error) {
		visited++
		if !seen[id] {
			return false, fmt.Errorf("%s is not linked", id.Short())
		}
		return true, nil
	})
	if err != nil || visited != len(seen) || visited != len(store) {
		t.Fatalf("%d visited, %d linked, %d stored, %v", visited, len(seen), len(store), err)
	}
}

// TestApplyRefuses names what is wrong with an edit.
func TestApplyRefuses(t *testing.T) {
	m := Empty(NewCache(memory{}, 0))
	for want, edits := range map[string][]Edit{
		"key of 0 bytes":    {{nil, []byte{1}}},
		"key of 1025 bytes": {{make([]byte, MaxKey+1), []byte{1}}},
		"edited twice":      {{[]byte("a"), []byte{1}}, {[]byte("b"), nil}, {[]byte("a"), nil}},
	} {
		if _, err := m.Apply(edits); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// TestForgedProofs: no change of a proof's bytes, and no proof of another key,
// makes a verifier believe something untrue.
func TestForgedProofs(t *testing.T) {
	d := vectorModel(500, false)
	m, err := Build(NewCache(memory{}, 0), d.pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	believe := func(data, key []byte) {
		p, err := DecodeProof(data)
		if err != nil {
			return
		}
		value, present, err := p.Verify(m.Root(), key)
		if err != nil {
			return
		}
		if want, ok := d[string(key)]; ok != present || !bytes.Equal(value, want) {
			t.Fatalf("a forged proof for %q is believed: %v %q", key, present, value)
		}
	}
	for _, key := range []string{"row-000123", "row-000123x", "a", "z"} {
		data := checkProof(t, m, []byte(key), d[key], d[key] != nil)
		for i := range data {
			forged := bytes.Clone(data)
			for _, flip := range []byte{0x01, 0x04, 0x80, 0xff} {
				forged[i] = data[i] ^ flip
				believe(forged, []byte(key))
			}
		}
		for other := range d {
			believe(data, []byte(other))
		}
	}
	// Two neighbours that are not neighbours.
	p1, err := m.Prove([]byte("row-000100x"))
	if err != nil {
		t.Fatal(err)
	}
	p2, err := m.Prove([]byte("row-000102x"))
	if err != nil {
		t.Fatal(err)
	}
	p1.Paths[1] = p2.Paths[1]
	if _, _, err := p1.Verify(m.Root(), []byte("row-000101")); err == nil {
		t.Fatal("a gap between proven keys is believed")
	}
	p1.Paths = p1.Paths[:1]
	if _, _, err := p1.Verify(m.Root(), []byte("row-000101")); err == nil {
		t.Fatal("one neighbour in the middle is believed")
	}
}

// FuzzNode: what the parser accepts is what the encoder writes, and nothing
// crashes on it.
func FuzzNode(f *testing.F) {
	store := memory{}
	d := vectorModel(300, false)
	d["big"] = make([]byte, MaxInline+1)
	m, err := Build(NewCache(store, 0), d.pairs, nil)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := m.Write(store.put); err != nil {
		f.Fatal(err)
	}
	for _, o := range store {
		if o.kind != objectstore.KindValue {
			f.Add(byte(o.kind), o.data)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		n, err := parseNode(objectstore.Kind(kind), data)
		if err != nil {
			return
		}
		var again node
		items := n.appendItems(nil)
		again.encode(n.level, items)
		again.finish(items)
		id, err := NodeHash(objectstore.Kind(kind), data)
		if err != nil || again.id != id || !bytes.Equal(again.data, data) {
			t.Fatalf("%x encodes again as %x, %v", data, again.data, err)
		}
		for i := range n.count {
			if at, ok := n.seek(items[i].key); !ok || at != i {
				t.Fatalf("key %d is found at %d", i, at)
			}
		}
		// A foreign tree may be of any shape; editing it must not crash.
		store := memory{id: object{objectstore.Kind(kind), data}}
		m := Load(NewCache(store, 1<<20), id)
		if next, err := m.Apply([]Edit{{items[0].key, []byte("x")}, {[]byte("\x00"), nil}, {[]byte("m"), []byte{}}}); err == nil && n.level == 0 {
			if err := next.Scan(nil, nil, func(_, _ []byte) error { return nil }); err != nil && !errors.Is(err, ErrErased) && !errors.Is(err, errMissing) {
				t.Fatal(err)
			}
		}
	})
}

// FuzzProof: a decoded proof encodes to the same bytes, and verifying never crashes.
func FuzzProof(f *testing.F) {
	d := vectorModel(300, false)
	m, err := Build(NewCache(memory{}, 0), d.pairs, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, key := range []string{"row-000123", "row-000123x", "a", "z"} {
		p, err := m.Prove([]byte(key))
		if err != nil {
			f.Fatal(err)
		}
		data, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte(key))
	}
	f.Fuzz(func(t *testing.T, data, key []byte) {
		p, err := DecodeProof(data)
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("encodes again as %x, %v", again, err)
		}
		value, present, err := p.Verify(m.Root(), key)
		if err != nil {
			return
		}
		if want, ok := d[string(key)]; ok != present || !bytes.Equal(value, want) {
			t.Fatal("a forged proof is believed")
		}
	})
}
