package merge

import (
	"bytes"
	"cmp"
	"math/bits"
	"strings"
)

// Rule says how cells that both sides changed are settled: a row of the system
// contract aergo_merge.
type Rule struct {
	By       string // SAME OURS THEIRS MAX MIN DELTA ACTION MANUAL; "" as MANUAL
	FromZero bool   // DELTA takes 0 as the base of rows that both sides inserted
	Action   string // of ACTION
}

// Kind says why cells cannot be merged by themselves.
type Kind string

// The kinds of conflicts.
const (
	KindCell       Kind = "cell"          // both sides changed it, and no rule settles it
	KindRow        Kind = "row"           // deleted on one side, changed or deleted on the other
	KindOverflow   Kind = "overflow"      // DELTA would leave 64 bits
	KindTwice      Kind = "twice"         // one transaction wrote it on both sides
	KindCrissCross Kind = "criss-cross"   // the merge bases disagree about it
	KindDenied     Kind = "not permitted" // its signer may not write on the target
)

// Cell is one cell on three sides. Absent says that the row does not exist
// there; its cell is then nil.
type Cell struct {
	Base, Ours, Theirs any
	BaseAbsent         bool
}

// runAction runs the PRIVATE READONLY action of a USING ACTION rule.
type runAction func(action string, c Cell) (v any, ok bool, err error)

// settle decides a cell that both sides changed. s is what is unusual about it:
// KindTwice, KindCrissCross, KindDenied, or nothing. It gives the merged cell, or
// the kind of conflict. An error means that the merge could not be computed.
func (r Rule) settle(c Cell, s Kind, run runAction) (any, Kind, error) {
	conflict := KindCell
	if s != "" {
		conflict = s
	}
	if s == KindDenied {
		return nil, conflict, nil
	}
	switch r.By {
	case "SAME":
		if equalCell(c.Ours, c.Theirs) {
			return c.Ours, "", nil
		}
	case "OURS":
		return c.Ours, "", nil
	case "THEIRS":
		return c.Theirs, "", nil
	case "MAX":
		return pick(c, compareCells(c.Ours, c.Theirs) >= 0), "", nil
	case "MIN":
		return pick(c, compareCells(c.Ours, c.Theirs) <= 0), "", nil
	case "DELTA":
		if s != "" || c.BaseAbsent && !r.FromZero {
			return nil, conflict, nil
		}
		return delta(c)
	case "ACTION":
		if s != "" {
			return nil, conflict, nil
		}
		v, ok, err := run(r.Action, c)
		if !ok {
			return nil, conflict, err
		}
		return v, "", err
	}
	return nil, conflict, nil
}

func pick(c Cell, ours bool) any {
	if ours {
		return c.Ours
	}
	return c.Theirs
}

// delta is base + (ours-base) + (theirs-base) = ours + theirs - base, exact.
func delta(c Cell) (any, Kind, error) {
	ours, ok1 := c.Ours.(int64)
	theirs, ok2 := c.Theirs.(int64)
	base, ok3 := c.Base.(int64)
	if c.BaseAbsent {
		base, ok3 = 0, true
	}
	if !ok1 || !ok2 || !ok3 {
		return nil, KindCell, nil // a column that could be NULL once
	}
	sum, ok := addExact(ours, theirs, base)
	if !ok {
		return nil, KindOverflow, nil
	}
	return sum, "", nil
}

// addExact is a+b-c, if it fits 64 bits; steps in between need not.
func addExact(a, b, c int64) (sum int64, ok bool) {
	high := func(v int64) uint64 { return uint64(v >> 63) } // the upper half of v in 128 bits
	low, carry := bits.Add64(uint64(a), uint64(b), 0)
	top, _ := bits.Add64(high(a), high(b), carry)
	low, borrow := bits.Sub64(low, uint64(c), 0)
	top, _ = bits.Sub64(top, high(c), borrow)
	sum = int64(low)
	return sum, top == high(sum)
}

// compareCells is the order of SQLite's ORDER BY with BINARY collation: NULL,
// INTEGER, TEXT, BLOB.
func compareCells(a, b any) int {
	if x, y := rank(a), rank(b); x != y {
		return cmp.Compare(x, y)
	}
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case string:
		return strings.Compare(a, b.(string))
	case []byte:
		return bytes.Compare(a, b.([]byte))
	}
	return 0
}

func rank(v any) int {
	switch v.(type) {
	case nil:
		return 0
	case int64:
		return 1
	case string:
		return 2
	}
	return 3
}

func equalCell(a, b any) bool { return rank(a) == rank(b) && compareCells(a, b) == 0 }
