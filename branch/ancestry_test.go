package branch_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/objectstore"
)

func (d *drawn) bases(t *testing.T, a, b string) string {
	t.Helper()
	ids, err := d.history.MergeBases(d.id(a), d.id(b))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(ids, func(x, y objectstore.Hash) int { return bytes.Compare(x[:], y[:]) }) {
		t.Errorf("the merge bases of %s and %s are not ascending", a, b)
	}
	names := strings.Fields(d.say(ids))
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestMergeBases(t *testing.T) {
	d := draw(t, `
		G -> A -> B -> X -> P
		     A -> C -> Y -> Q
		          C -> X
		          B -> Y
		     A -> L
		O`)
	for _, c := range []struct{ a, b, want string }{
		{"B", "C", "A"},
		{"P", "Q", "B C"}, // criss-cross
		{"P", "B", "B"},   // an ancestor
		{"B", "B", "B"},
		{"P", "L", "A"},
		{"P", "O", ""}, // unrelated
	} {
		if got := d.bases(t, c.a, c.b); got != c.want {
			t.Errorf("merge bases of %s and %s: %q, want %q", c.a, c.b, got, c.want)
		}
		if got := d.bases(t, c.b, c.a); got != c.want {
			t.Errorf("merge bases of %s and %s: %q, want %q", c.b, c.a, got, c.want)
		}
	}
}

func TestOnlyIsTheOrderOfReplay(t *testing.T) {
	d := draw(t, `
		G -> T
		G -> S1 -> S2 -> S3 -> S4
		     S1 -> E1 -> E2 -> S3
		           E1 -> F1 -> E2
		     T -> S4`)
	for _, c := range []struct{ source, target, want string }{
		{"S4", "T", "S1 S2 E1 F1 E2 S3 S4"},
		{"S4", "S2", "E1 F1 E2 S3 T S4"},
		{"S4", "F1", "S2 E2 S3 T S4"},
		{"S4", "", "G S1 S2 E1 F1 E2 S3 T S4"},
		{"S4", "S4", ""},
		{"S1", "S4", ""},
	} {
		if got := d.only(c.source, c.target); got != c.want {
			t.Errorf("only %s, not %s: %q, want %q", c.source, c.target, got, c.want)
		}
	}
}

func TestWalk(t *testing.T) {
	d := draw(t, `
		G -> A -> B -> M -> N
		     A -> C -> D -> M`)
	for _, c := range []struct {
		first bool
		heads string
		want  string
	}{
		{true, "N", "N M B A G"},
		{true, "D", "D C A G"},
		{true, "N D", "N M D B C A G"},
	} {
		got := strings.Fields(d.log(c.first, strings.Fields(c.heads)...))
		if c.heads == "N D" { // B and C have one generation and time: by id
			slices.Sort(got)
			want := strings.Fields(c.want)
			slices.Sort(want)
			c.want = strings.Join(want, " ")
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("log of %s: %q, want %q", c.heads, s, c.want)
		}
	}
	if got := d.log(false, "N"); len(strings.Fields(got)) != 7 || !strings.HasPrefix(got, "N M D ") || !strings.HasSuffix(got, " A G") {
		t.Errorf("log of N: %q", got)
	}
}

// model answers the same questions by brute force over sets.
type model map[string]map[string]bool // block -> its ancestors, itself included

func modelOf(blocks []ledgertest.Block) model {
	m := model{}
	for _, b := range blocks {
		set := map[string]bool{b.Name: true}
		for _, p := range b.Parents {
			for a := range m[p] {
				set[a] = true
			}
		}
		m[b.Name] = set
	}
	return m
}

func (m model) bases(a, b string) string {
	var best []string
	for c := range m[a] {
		ok := m[b][c]
		for other := range m[a] {
			if other != c && m[b][other] && m[other][c] {
				ok = false
			}
		}
		if ok {
			best = append(best, c)
		}
	}
	slices.Sort(best)
	return strings.Join(best, " ")
}

// only is merge.md's rule, word by word.
func (m model) only(blocks map[string]ledgertest.Block, source, target string, done map[string]bool) []string {
	var chain, order []string
	for name := source; ; name = blocks[name].Parents[0] {
		if m[target][name] || done[name] {
			break
		}
		chain = append(chain, name)
		if len(blocks[name].Parents) == 0 {
			break
		}
	}
	slices.Reverse(chain)
	for _, name := range chain {
		if p := blocks[name].Parents; len(p) == 2 {
			order = append(order, m.only(blocks, p[1], target, done)...)
		}
		if !done[name] {
			done[name] = true
			order = append(order, name)
		}
	}
	return order
}

func TestAncestryIsWhatBruteForceFinds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 25 {
		blocks := ledgertest.Random(rng, 2+rng.IntN(40))
		byName := map[string]ledgertest.Block{}
		for _, b := range blocks {
			byName[b.Name] = b
		}
		d, m := store(t, blocks), modelOf(blocks)
		cold := branch.NewHistory(d.db, nil) // from headers alone
		for range 60 {
			a, b := blocks[rng.IntN(len(blocks))].Name, blocks[rng.IntN(len(blocks))].Name
			where := fmt.Sprintf("seed %d, %v: %s, %s", seed, blocks, a, b)
			if rng.IntN(2) == 0 {
				d.history, cold = cold, d.history
			}
			if got, err := d.history.IsAncestor(d.id(a), d.id(b)); err != nil || got != m[b][a] {
				t.Fatalf("%s: IsAncestor is %v, %v", where, got, err)
			}
			if got, want := d.bases(t, a, b), m.bases(a, b); got != want {
				t.Fatalf("%s: merge bases %q, want %q", where, got, want)
			}
			if got, want := d.only(a, b), strings.Join(m.only(byName, a, b, map[string]bool{}), " "); got != want {
				t.Fatalf("%s: only %q, want %q", where, got, want)
			}
			if got := strings.Fields(d.log(false, a, b)); len(got) != len(union(m[a], m[b])) || !childrenFirst(got, byName) {
				t.Fatalf("%s: log %v", where, got)
			}
		}
	}
}

func union(a, b map[string]bool) map[string]bool {
	u := map[string]bool{}
	for _, s := range []map[string]bool{a, b} {
		for k := range s {
			u[k] = true
		}
	}
	return u
}

func childrenFirst(log []string, blocks map[string]ledgertest.Block) bool {
	for i, name := range log {
		for _, p := range blocks[name].Parents {
			if slices.Contains(log[:i], p) {
				return false
			}
		}
	}
	return true
}

func TestPlacesOnALongChain(t *testing.T) {
	const n = 5000
	d := store(t, chain(n))
	cold := branch.NewHistory(d.db, d.db.Index) // what the next command has
	head := d.id(fmt.Sprint(n - 1))
	for _, want := range []int{0, 1, 2, 7, 1023, 1024, 2500, n - 2, n - 1} {
		id, err := cold.AtNumber(head, branch.Number(want))
		if err != nil || d.names[id] != fmt.Sprint(want) {
			t.Errorf("#%d is %s, %v", want, d.names[id], err)
		}
		at := d.blocks[fmt.Sprint(want)].Time
		for _, later := range []int64{0, 999} {
			if id, err := cold.AtTime(head, at+later); err != nil || d.names[id] != fmt.Sprint(want) {
				t.Errorf("at time %d is %s, %v, want %d", at+later, d.names[id], err, want)
			}
		}
	}
	if _, err := cold.AtNumber(head, n); !fault.Is(err, "AG0201") {
		t.Errorf("number %d: %v", n, err)
	}
	if _, err := cold.AtTime(head, 0); !fault.Is(err, "AG0201") {
		t.Errorf("at time 0: %v", err)
	}
}

func TestReindexGivesBackALostIndex(t *testing.T) {
	blocks := ledgertest.Random(rand.New(rand.NewPCG(3, 4)), 300)
	d := store(t, blocks)
	lost := d.db.NewBatch()
	defer lost.Close()
	var keys int
	if err := d.db.ScanIndex([]byte("graph/"), func(key, _ []byte) error {
		keys++
		return lost.SetIndex(key, nil)
	}); err != nil {
		t.Fatal(err)
	}
	if keys != 300 {
		t.Fatalf("%d blocks are indexed, want 300", keys)
	}
	if err := lost.Commit(); err != nil {
		t.Fatal(err)
	}
	again := d.db.NewBatch()
	defer again.Close()
	h := branch.NewHistory(d.db, d.db.Index)
	if _, err := h.IsAncestor(d.id("0"), d.id("299")); err != nil { // cached, not indexed
		t.Fatal(err)
	}
	if err := h.Reindex(again, d.id("299")); err != nil {
		t.Fatal(err)
	}
	if err := again.Commit(); err != nil {
		t.Fatal(err)
	}
	for name := range modelOf(blocks)["299"] {
		id := d.id(name)
		if _, err := d.db.Index(append([]byte("graph/"), id[:]...)); err != nil {
			t.Fatalf("block %s is not indexed: %v", name, err)
		}
	}
}

func TestPutRefusesWhatDoesNotFollow(t *testing.T) {
	d := draw(t, "G -> A")
	batch := d.db.NewBatch()
	defer batch.Close()
	for name, spoil := range map[string]func(*branch.Header){
		"number":     func(h *branch.Header) { h.Number++; h.Generation++ },
		"generation": func(h *branch.Header) { h.Generation++ },
		"time":       func(h *branch.Header) { h.Time = 5 },
		"parent":     func(h *branch.Header) { h.Parents[0] = hash("nothing") },
	} {
		h := header("B", d.blocks["A"])
		spoil(&h)
		if err := d.history.Put(batch, must(branch.NewBlock(h)), nil); err == nil {
			t.Errorf("a block with a wrong %s was put", name)
		}
	}
	wrong := must(branch.NewBlock(header("B", d.blocks["A"])))
	wrong.ID = hash("another")
	if err := d.history.Put(batch, wrong, nil); err == nil {
		t.Error("a block was put under another id")
	}
}
