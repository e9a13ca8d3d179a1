package sqlcontract

import (
	"bytes"
	"maps"
	"math/bits"
	"slices"

	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// check holds a transaction that has run against what the contracts in use
// declare, one after another in the order of their first use.
func (r *run) check() error {
	first := r.place
	for _, r.place = range r.touched {
		if err := r.checkPlace(); err != nil {
			return err
		}
		if r.meter.over() {
			return fail("AG0420", "")
		}
	}
	r.place = first
	return nil
}

// checkPlace checks one contract: deferred foreign keys, then every INVARIANT
// that the changed rows concern.
func (r *run) checkPlace() error {
	if r.db.conn.DeferredFKs() {
		return fail("AG0414", "")
	}
	c := r.contract.contract
	if len(c.Invariants) == 0 {
		return nil
	}
	rows := r.s.capture.rows[:len(r.s.capture.rows):len(r.s.capture.rows)] // totals are appended behind
	changed := map[*layout][]RowChange{}
	for _, row := range rows {
		if bytes.Equal(row.Old, row.New) && (row.Old == nil) == (row.New == nil) {
			continue
		}
		if l := r.db.layoutOf(row.Key); l != nil {
			changed[l] = append(changed[l], row)
		}
	}
	for _, l := range changed {
		slices.SortFunc(l, func(a, b RowChange) int { return bytes.Compare(a.Key, b.Key) })
	}
	touched := map[string]map[string]bool{} // by-keys of changed totals, by invariant
	for _, v := range c.Invariants {
		l := r.db.layouts[v.Table]
		if v.Check != nil {
			for _, row := range changed[l] {
				if row.New == nil {
					continue
				}
				if err := r.checkRow(v, l, row.Key); err != nil {
					return err
				}
			}
			continue
		}
		sums := newSums(v, l)
		for _, row := range changed[l] {
			if err := sums.change(row.Key, row.Old, -1); err != nil {
				return err
			}
			if err := sums.change(row.Key, row.New, 1); err != nil {
				return err
			}
		}
		keys, err := r.applyTotals(v, sums)
		if err != nil {
			return err
		}
		touched[v.Name] = keys
	}
	for _, v := range c.Invariants {
		if v.Compare == nil {
			continue
		}
		keys := maps.Clone(touched[v.Name])
		maps.Copy(keys, touched[v.Compare.Other])
		if v.Compare.Table != "" {
			l := r.db.layouts[v.Compare.Table]
			for _, row := range changed[l] {
				keys[string(row.Key[len(l.prefix):])] = true
			}
		}
		if err := r.compareTotals(v, keys); err != nil {
			return err
		}
	}
	return nil
}

// layoutOf finds the table that a state key belongs to, or nil.
func (db *database) layoutOf(key []byte) *layout {
	for _, l := range db.plain {
		if bytes.HasPrefix(key, l.prefix) {
			return l
		}
	}
	return nil
}

// checkRow runs a FOR EACH invariant on one row. NULL passes, as in a CHECK.
func (r *run) checkRow(v *Invariant, l *layout, key []byte) error {
	st, err := r.db.prepare(v.Check)
	if err != nil {
		return failureOf(err)
	}
	cells, err := wire.DecodeKey(key[len(l.prefix):])
	if err != nil {
		return err
	}
	for i, cell := range cells {
		if err := st.Bind(i+1, cell); err != nil {
			return failureOf(err)
		}
	}
	return r.step(st, func(st *statement) error {
		if st.ColumnType(0) != sqlite.Null && st.ColumnFloat(0) == 0 {
			r.trace.brokenRow(v, l, key)
			return fail("AG0415", v.Name)
		}
		return nil
	})
}

// sums adds up what rows mean for one TOTAL invariant.
type sums struct {
	v      *Invariant
	l      *layout
	by     []int // columns
	column int   // summed, or -1
	totals map[string]*total
}

// total is a count and a sum that cannot overflow on the way.
type total struct {
	count int64
	sum   int128
}

func newSums(v *Invariant, l *layout) *sums {
	s := &sums{v: v, l: l, column: -1, totals: map[string]*total{}}
	for _, name := range v.By {
		s.by = append(s.by, l.index(name))
	}
	if !v.Count {
		s.column = l.index(v.Column)
	}
	return s
}

// change counts a row in (sign 1) or out (-1); a nil value is no row.
func (s *sums) change(key, value []byte, sign int64) error {
	if value == nil {
		return nil
	}
	cells, err := s.l.cells(key, value)
	if err != nil {
		return err
	}
	return s.add(cells, sign)
}

func (s *sums) add(cells []any, sign int64) error {
	by := []byte{}
	for _, c := range s.by {
		if cells[c] == nil {
			return fail("AG0413", s.l.Name+"."+s.l.Columns[c].Name)
		}
		var err error
		if by, err = wire.AppendKey(by, cells[c]); err != nil {
			return fail("AG0421", s.l.Name)
		}
	}
	t := s.totals[string(by)]
	if t == nil {
		t = &total{}
		s.totals[string(by)] = t
	}
	t.count += sign
	if s.column >= 0 {
		if n, ok := cells[s.column].(int64); ok {
			if sign > 0 {
				t.sum = t.sum.add(wide(n))
			} else {
				t.sum = t.sum.add(wide(n).negate())
			}
		}
	}
	return nil
}

// totalKey is the key of a row of aergo_total.total.
func totalKey(contract, invariant, by string) ([]byte, error) {
	return wire.AppendKey(tablePrefix(systemTotal, "total"), contract, invariant, []byte(by))
}

// readTotal gives a total as it is now; an absent one is zero.
func (s *Session) readTotal(contract, invariant, by string) (count, sum int64, err error) {
	key, err := totalKey(contract, invariant, by)
	if err != nil {
		return 0, 0, fail("AG0421", invariant)
	}
	value, ok, err := s.get(key)
	if err != nil || !ok {
		return 0, 0, err
	}
	cells, err := wire.DecodeRow(value)
	if err != nil || len(cells) != 2 {
		return 0, 0, err
	}
	count, _ = cells[0].(int64)
	sum, _ = cells[1].(int64)
	return count, sum, nil
}

// applyTotals adds the differences to the stored totals and gives the by-keys
// of those that changed.
func (r *run) applyTotals(v *Invariant, s *sums) (map[string]bool, error) {
	name := r.contract.contract.Name
	keys := map[string]bool{}
	for _, by := range slices.Sorted(maps.Keys(s.totals)) {
		d := s.totals[by]
		if d.count == 0 && d.sum == (int128{}) {
			continue
		}
		r.meter.add(gasRowWritten)
		keys[by] = true
		count, sum, err := r.s.readTotal(name, v.Name, by)
		if err != nil {
			return nil, err
		}
		next, ok := wide(sum).add(d.sum).int64()
		if !ok {
			return nil, fail("AG0417", v.Name)
		}
		key, err := totalKey(name, v.Name, by)
		if err != nil {
			return nil, fail("AG0421", v.Name)
		}
		var value []byte
		if count += d.count; count > 0 {
			if value, err = wire.AppendRow(nil, []any{count, next}); err != nil {
				return nil, err
			}
		}
		if err := r.s.put(key, value); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// amount is the number that a TOTAL invariant is about.
func (r *run) amount(v *Invariant, by string) (int64, error) {
	count, sum, err := r.s.readTotal(r.contract.contract.Name, v.Name, by)
	if v.Count {
		return count, err
	}
	return sum, err
}

// compareTotals checks the CHECK of a TOTAL invariant at some of its keys.
func (r *run) compareTotals(v *Invariant, keys map[string]bool) error {
	for _, by := range slices.Sorted(maps.Keys(keys)) {
		r.meter.add(gasStatement)
		have, err := r.amount(v, by)
		if err != nil {
			return err
		}
		want, err := r.operand(v.Compare, by)
		if err != nil {
			return err
		}
		if !v.Compare.holds(have, want) {
			r.trace.brokenTotal(v, by, have, want)
			return fail("AG0415", v.Name)
		}
	}
	return nil
}

// operand is the right side of a CHECK: what is absent or NULL counts as 0.
func (r *run) operand(c *Compare, by string) (int64, error) {
	switch {
	case c.Other != "":
		for _, v := range r.contract.contract.Invariants {
			if v.Name == c.Other {
				return r.amount(v, by)
			}
		}
		return 0, nil
	case c.Table != "":
		l := r.db.layouts[c.Table]
		key := append(slices.Clone(l.prefix), by...)
		value, ok, err := r.s.get(key)
		if err != nil || !ok {
			return 0, err
		}
		cells, err := l.cells(key, value)
		if err != nil {
			return 0, err
		}
		n, _ := cells[l.index(c.Column)].(int64)
		return n, nil
	}
	return c.Constant, nil
}

func (c *Compare) holds(a, b int64) bool {
	switch c.Op {
	case "=":
		return a == b
	case "<>":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	return false
}

// int128 is a two's complement number of 128 bits: sums of int64 do not leave it.
type int128 struct {
	hi int64
	lo uint64
}

func wide(n int64) int128 { return int128{n >> 63, uint64(n)} }

func (a int128) add(b int128) int128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return int128{a.hi + b.hi + int64(carry), lo}
}

func (a int128) negate() int128 {
	lo, borrow := bits.Sub64(0, a.lo, 0)
	return int128{-a.hi - int64(borrow), lo}
}

// int64 gives the number if it fits.
func (a int128) int64() (int64, bool) {
	n := int64(a.lo)
	return n, a == wide(n)
}
