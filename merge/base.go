package merge

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// A layout reads and writes the rows of one table.
type layout struct {
	contract string
	*sqlcontract.Table
	rules rowRules
}

// row reads a row's value cells, trailing defaults filled in; nil stays nil.
func (l *layout) row(value []byte) ([]any, error) {
	if value == nil {
		return nil, nil
	}
	stored, err := wire.DecodeRow(value)
	if err == nil && len(stored) > len(l.Values) {
		return nil, fault.New("AG0713", "Deploy the same version on both branches first, or merge automatically: aergo merge SRC",
			"a row of %s.%s has more columns than the target's version of the contract", l.contract, l.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("a row of %s.%s: %w", l.contract, l.Name, err)
	}
	row := make([]any, len(l.Values))
	copy(row, stored)
	for i := len(stored); i < len(row); i++ {
		row[i] = l.Columns[l.Values[i]].Default
	}
	return row, nil
}

// fits tells whether a cell can hold a value: nothing is converted on the way to
// a STRICT table, where '5' would become 5.
func (l *layout) fits(cell int, v any) bool {
	c := l.Columns[l.Values[cell]]
	switch v := v.(type) {
	case nil:
		return !c.NotNull
	case int64:
		return c.Type == "INTEGER"
	case string:
		return c.Type == "TEXT" && utf8.ValidString(v) && !strings.Contains(v, "\x00")
	}
	return c.Type == "BLOB"
}

// value writes a row as the state keeps it; nil stays nil.
func (l *layout) value(row []any) ([]byte, error) {
	if row == nil {
		return nil, nil
	}
	n := len(row)
	for n > 0 && equalCell(row[n-1], l.Columns[l.Values[n-1]].Default) {
		n--
	}
	return wire.AppendRow(nil, row[:n])
}

// A base is the state from which both sides went their ways: that of the merge
// base, or of several joined, with the rows in which the join differs from the
// first.
type base struct {
	*prolly.Map
	over map[string]baseRow
}

// row gives what is known of a row. stored is what the map has.
func (b base) row(key, stored []byte, l *layout) (baseRow, error) {
	if r, ok := b.over[string(key)]; ok {
		return r, nil
	}
	cells, err := l.row(stored)
	return baseRow{cells: cells}, err
}

func (b base) get(key []byte, l *layout) (baseRow, error) {
	if r, ok := b.over[string(key)]; ok {
		return r, nil
	}
	stored, _, err := b.Get(key)
	if err != nil {
		return baseRow{}, err
	}
	return b.row(key, stored, l)
}

// maxJoins bounds the work on a history that crosses itself again and again.
const maxJoins = 256

// joiner joins merge bases.
type joiner struct {
	state func(block objectstore.Hash) (*prolly.Map, error)
	bases func(a, b objectstore.Hash) ([]objectstore.Hash, error)
	table func(key []byte) (*layout, error) // nil: not merged by cell
	done  map[string]base
}

// join gives the base for merge bases in order of block id; without one it is
// the empty state.
func (j *joiner) join(ids []objectstore.Hash) (base, error) {
	name := fmt.Sprint(ids)
	if b, ok := j.done[name]; ok {
		return b, nil
	}
	if len(j.done) >= maxJoins {
		return base{}, errors.New("the two histories cross each other too often for a merge by cells")
	}
	if len(ids) == 0 {
		return base{}, errors.New("the two histories have no block in common")
	}
	first, err := j.state(ids[0])
	if err != nil {
		return base{}, err
	}
	joined := base{Map: first}
	for i, id := range ids[1:] {
		if joined, err = j.add(joined, ids[:i+1], id); err != nil {
			return base{}, err
		}
	}
	if j.done == nil {
		j.done = map[string]base{}
	}
	j.done[name] = joined
	return joined, nil
}

// add joins one more merge base to the join of some.
func (j *joiner) add(joined base, members []objectstore.Hash, id objectstore.Hash) (base, error) {
	common := map[objectstore.Hash]bool{}
	for _, m := range members {
		ids, err := j.bases(m, id)
		if err != nil {
			return base{}, err
		}
		for _, x := range ids {
			common[x] = true
		}
	}
	ids := slices.SortedFunc(maps.Keys(common), func(a, b objectstore.Hash) int { return bytes.Compare(a[:], b[:]) })
	under, err := j.join(ids)
	if err != nil {
		return base{}, err
	}
	next, err := j.state(id)
	if err != nil {
		return base{}, err
	}
	keys := map[string]bool{}
	note := func(key, _, _ []byte) error { keys[string(key)] = true; return nil }
	if err := errors.Join(prolly.Diff(under.Map, joined.Map, nil, nil, note), prolly.Diff(under.Map, next, nil, nil, note)); err != nil {
		return base{}, err
	}
	for key := range under.over {
		keys[key] = true
	}
	over := maps.Clone(joined.over)
	if over == nil {
		over = map[string]baseRow{}
	}
	for key := range keys {
		l, err := j.table([]byte(key))
		if err != nil {
			return base{}, err
		}
		if l == nil {
			continue
		}
		was, err := under.get([]byte(key), l)
		if err != nil {
			return base{}, err
		}
		a, err := joined.get([]byte(key), l)
		if err != nil {
			return base{}, err
		}
		b, err := base{Map: next}.get([]byte(key), l)
		if err != nil {
			return base{}, err
		}
		over[key] = joinBases(was, a, b)
	}
	return base{joined.Map, over}, nil
}

// tableOf splits a state key into contract and table.
func tableOf(key []byte) (contract, table string, err error) {
	tuple, err := wire.DecodeKey(key)
	if err != nil || len(tuple) < 3 {
		return "", "", fmt.Errorf("a state key cannot be read: %w", err)
	}
	contract, ok1 := tuple[0].(string)
	table, ok2 := tuple[1].(string)
	if !ok1 || !ok2 {
		return "", "", errors.New("a state key does not begin with contract and table")
	}
	return contract, table, nil
}
