package merge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

const stockSource = `DIALECT 1;
CREATE TABLE item (
  sku   TEXT PRIMARY KEY,
  n     INTEGER NOT NULL,
  hits  INTEGER NOT NULL,
  price INTEGER NOT NULL,
  note  TEXT,
  last  TEXT NOT NULL DEFAULT ''
);
`

// The rules of the model's table, by column: one of each kind.
var stockRules = map[string]Rule{
	"n":     {By: "DELTA"},
	"hits":  {By: "DELTA", FromZero: true},
	"price": {By: "MAX"},
	"note":  {By: "SAME"},
}

// A world is a drawn history: states by name, and which names are the merge
// bases of two.
type world struct {
	t      *testing.T
	cache  *prolly.Cache
	states map[objectstore.Hash]*prolly.Map
	bases  map[[2]objectstore.Hash][]objectstore.Hash
	stock  *sqlcontract.Contract
	layout *layout
}

type nothing struct{}

func (nothing) Get(id objectstore.Hash) (objectstore.Kind, []byte, error) {
	return 0, nil, objectstore.ErrNotFound
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c, err := sqlcontract.Compile("stock", stockSource)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, cache: prolly.NewCache(nothing{}, 1<<20), states: map[objectstore.Hash]*prolly.Map{},
		bases: map[[2]objectstore.Hash][]objectstore.Hash{}, stock: c, layout: &layout{contract: "stock", Table: c.Table("item")}}
}

// rows is a state of the model: cells by sku.
type rows map[string][]any

func (r rows) clone() rows {
	c := rows{}
	for k, v := range r {
		c[k] = slices.Clone(v)
	}
	return c
}

func key(sku string) []byte {
	b, err := wire.AppendKey(nil, "stock", "item", sku)
	if err != nil {
		panic(err)
	}
	return b
}

func (w *world) state(name byte, r rows) objectstore.Hash {
	w.t.Helper()
	var edits []prolly.Edit
	for sku, cells := range r {
		value, err := w.layout.value(cells)
		if err != nil {
			w.t.Fatal(err)
		}
		edits = append(edits, prolly.Edit{Key: key(sku), Value: value})
	}
	m, err := prolly.Empty(w.cache).Apply(edits)
	if err != nil {
		w.t.Fatal(err)
	}
	id := objectstore.Hash{name}
	w.states[id] = m
	return id
}

func (w *world) merge(ours, theirs objectstore.Hash, bases ...objectstore.Hash) *threeWay {
	return &threeWay{
		Bases: bases, Ours: w.states[ours], Theirs: w.states[theirs],
		State: func(id objectstore.Hash) (*prolly.Map, error) {
			if m := w.states[id]; m != nil {
				return m, nil
			}
			return nil, errors.New("no such state")
		},
		BasesOf: func(a, b objectstore.Hash) ([]objectstore.Hash, error) {
			return w.bases[[2]objectstore.Hash{a, b}], nil
		},
		Contract: func(name string) (*sqlcontract.Contract, error) {
			if name != "stock" {
				return nil, fmt.Errorf("contract %s?", name)
			}
			return w.stock, nil
		},
		Rules: func(_, _, column string) (Rule, bool, error) { r, ok := stockRules[column]; return r, ok, nil },
	}
}

// run gives the merged rows and the conflicts as "sku.column kind".
func (m *threeWay) outcome(t *testing.T, ours rows) (rows, []string) {
	t.Helper()
	merged, conflicts := ours.clone(), []string{}
	var last []byte
	_, err := m.each(context.Background(), func(r Row) error {
		if bytes.Compare(last, r.Key) >= 0 {
			return fmt.Errorf("rows do not ascend")
		}
		last = r.Key
		k, err := wire.DecodeKey(r.Key)
		if err != nil {
			return err
		}
		sku := k[2].(string)
		if merged[sku] = r.Merged; r.Merged == nil {
			delete(merged, sku)
		}
		for _, c := range r.Conflicts {
			name := "*"
			if c.Column != WholeRow {
				name = r.Table.Columns[r.Table.Values[c.Column]].Name
			}
			conflicts = append(conflicts, fmt.Sprintf("%s.%s %s", sku, name, c.Kind))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return merged, conflicts
}

// unknown is the model's cell of which nobody knows the base.
type unknown struct{}

// gone stands for a row that is not there; it makes presence a cell like others.
type gone struct{}

// The model sees a row as a list of cells, presence first, and follows the rules
// of merging word by word.

func modelRow(r rows, sku string) []any {
	if cells, ok := r[sku]; ok {
		return append([]any{true}, cells...)
	}
	return []any{gone{}}
}

func same(a, b []any) bool { return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b) }

func modelJoin(base, a, b []any) []any {
	hazy := func(row []any) bool { return slices.Contains(row, any(unknown{})) }
	if !hazy(base) && !hazy(a) && same(a, base) {
		return b
	}
	if !hazy(base) && !hazy(b) && same(b, base) {
		return a
	}
	if base[0] == (unknown{}) || a[0] != true || b[0] != true {
		return []any{unknown{}}
	}
	row := []any{true}
	for i := 1; i < len(a); i++ {
		cell := any(unknown{})
		if base[0] == true && base[i] != (unknown{}) && a[i] != (unknown{}) && b[i] != (unknown{}) {
			if a[i] == base[i] {
				cell = b[i]
			} else if b[i] == base[i] {
				cell = a[i]
			}
		}
		row = append(row, cell)
	}
	return row
}

var modelColumns = []string{"n", "hits", "price", "note", "last"}

// modelMerge gives the merged cells (nil: no row) and the conflicts of a row.
func modelMerge(base, ours, theirs []any) ([]any, []string) {
	cells := func(r []any) []any {
		if r[0] != true {
			return nil
		}
		return r[1:]
	}
	if !slices.Contains(base, any(unknown{})) {
		if same(base, theirs) {
			return cells(ours), nil
		}
		if same(base, ours) {
			return cells(theirs), nil
		}
	}
	if ours[0] != true || theirs[0] != true {
		if base[0] == (unknown{}) {
			return cells(ours), []string{"* criss-cross"}
		}
		return cells(ours), []string{"* row"}
	}
	var row []any
	var conflicts []string
	for i, column := range modelColumns {
		o, t, b := ours[i+1], theirs[i+1], any(gone{})
		switch base[0] {
		case true:
			b = base[i+1]
		case any(unknown{}):
			b = unknown{}
		}
		conflict := ""
		switch {
		case b == t:
		case b == o:
			o = t
		case column == "price":
			o = max(o.(int64), t.(int64))
		case column == "note" && o == t:
		case b == (unknown{}):
			conflict = "criss-cross"
		case column == "n" && b != (gone{}):
			o = o.(int64) + t.(int64) - b.(int64)
		case column == "hits" && b != (gone{}):
			o = o.(int64) + t.(int64) - b.(int64)
		case column == "hits":
			o = o.(int64) + t.(int64)
		default:
			conflict = "cell"
		}
		if conflict != "" {
			conflicts = append(conflicts, column+" "+conflict)
		}
		row = append(row, o)
	}
	return row, conflicts
}

func randomEdits(rng *rand.Rand, r rows) rows {
	r = r.clone()
	for range rng.IntN(6) {
		sku := string(rune('a' + rng.IntN(5)))
		switch cells := r[sku]; {
		case cells == nil:
			r[sku] = []any{int64(rng.IntN(4)), int64(rng.IntN(4)), int64(rng.IntN(3)), nil, ""}
		case rng.IntN(5) == 0:
			delete(r, sku)
		default:
			for range 1 + rng.IntN(2) {
				switch i := rng.IntN(5); i {
				case 3:
					cells[i] = []any{nil, "", "x"}[rng.IntN(3)]
				case 4:
					cells[i] = []string{"", "y", "z"}[rng.IntN(3)]
				default:
					cells[i] = int64(rng.IntN(5))
				}
			}
		}
	}
	return r
}

// Random rows on one base, on two bases that were made from one (criss-cross),
// and on three, against a model that reads the rules word by word.
func TestThreeWayAgainstTheModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	kinds := map[string]int{}
	for range 3000 {
		w := newWorldLike(t)
		root := randomEdits(rng, rows{})
		under := []rows{root}
		if rng.IntN(2) == 0 { // the bases cross each other, too
			under = []rows{randomEdits(rng, root), randomEdits(rng, root)}
		}
		states := []rows{root}
		for range rng.IntN(3) {
			states = append(states, randomEdits(rng, under[rng.IntN(len(under))])) // further bases
		}
		underIDs := []objectstore.Hash{w.state(200, under[0])}
		if len(under) == 2 {
			underIDs = append(underIDs, w.state(201, under[1]))
			w.bases[[2]objectstore.Hash{underIDs[0], underIDs[1]}] = []objectstore.Hash{w.state(255, root)}
		}
		var ids []objectstore.Hash
		bases := states[1:]
		if len(bases) == 0 {
			bases = states
		}
		for i, s := range bases {
			ids = append(ids, w.state(byte(i+1), s))
		}
		for _, a := range ids {
			for _, b := range ids {
				w.bases[[2]objectstore.Hash{a, b}] = underIDs
			}
		}
		from := bases[rng.IntN(len(bases))]
		ours, theirs := randomEdits(rng, from), randomEdits(rng, bases[rng.IntN(len(bases))])
		merged, conflicts := w.merge(w.state(100, ours), w.state(101, theirs), ids...).outcome(t, ours)

		want, wantConflicts := rows{}, []string{}
		for _, sku := range []string{"a", "b", "c", "d", "e"} {
			base := modelRow(bases[0], sku)
			for _, b := range bases[1:] {
				common := modelRow(under[0], sku)
				if len(under) == 2 {
					common = modelJoin(modelRow(root, sku), common, modelRow(under[1], sku))
				}
				base = modelJoin(common, base, modelRow(b, sku))
			}
			cells, found := modelMerge(base, modelRow(ours, sku), modelRow(theirs, sku))
			if cells != nil {
				want[sku] = cells
			}
			for _, c := range found {
				wantConflicts = append(wantConflicts, sku+"."+c)
				kinds[c[strings.Index(c, " ")+1:]]++
			}
		}
		sort.Strings(conflicts)
		sort.Strings(wantConflicts)
		if fmt.Sprint(merged) != fmt.Sprint(want) || !slices.Equal(conflicts, wantConflicts) {
			t.Fatalf("seed %d\nroot   %v\nbases  %v\nours   %v\ntheirs %v\ngot    %v %q\nwant   %v %q",
				seed, root, bases, ours, theirs, merged, conflicts, want, wantConflicts)
		}
	}
	for _, kind := range []string{"cell", "row", "criss-cross"} {
		if kinds[kind] < 50 {
			t.Errorf("only %d conflicts of kind %s came up", kinds[kind], kind)
		}
	}
}

var oneWorld *sqlcontract.Contract

func newWorldLike(t *testing.T) *world {
	t.Helper()
	if oneWorld == nil {
		oneWorld = newWorld(t).stock
	}
	return &world{t: t, cache: prolly.NewCache(nothing{}, 1<<20), states: map[objectstore.Hash]*prolly.Map{},
		bases: map[[2]objectstore.Hash][]objectstore.Hash{}, stock: oneWorld, layout: &layout{contract: "stock", Table: oneWorld.Table("item")}}
}
