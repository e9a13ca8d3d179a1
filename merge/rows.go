package merge

import "slices"

// A baseRow is what is known of a row before both sides went their ways. With
// several merge bases (criss-cross) some of it may be unknown.
type baseRow struct {
	cells   []any  // nil: no row
	unknown []bool // of cells; nil: all are known
	lost    bool   // not even whether there was a row is known
}

func (b baseRow) known(i int) bool { return !b.lost && (b.unknown == nil || !b.unknown[i]) }

// sure tells whether the whole row is known.
func (b baseRow) sure() bool { return !b.lost && !slices.Contains(b.unknown, true) }

// joinBases joins a row of two merge bases over their own base: what one of them
// changed is taken, what both changed has no base.
func joinBases(base, a, b baseRow) baseRow {
	switch {
	case base.sure() && a.sure() && equalRow(base.cells, a.cells):
		return b
	case base.sure() && b.sure() && equalRow(base.cells, b.cells):
		return a
	case base.lost || a.lost || b.lost, (a.cells == nil) != (b.cells == nil), a.cells == nil:
		return baseRow{lost: true}
	}
	j := baseRow{cells: make([]any, len(a.cells)), unknown: make([]bool, len(a.cells))}
	for i := range a.cells {
		switch {
		case base.cells == nil || !base.known(i) || !a.known(i) || !b.known(i):
			j.unknown[i] = true
		case equalCell(base.cells[i], a.cells[i]):
			j.cells[i] = b.cells[i]
		case equalCell(base.cells[i], b.cells[i]):
			j.cells[i] = a.cells[i]
		default:
			j.unknown[i] = true
		}
	}
	return j
}

// equalRow compares rows; no row equals no row.
func equalRow(a, b []any) bool {
	return (a == nil) == (b == nil) && slices.EqualFunc(a, b, equalCell)
}

// WholeRow is the column of what concerns a row as one.
const WholeRow = -1

// A Conflict is a cell, or a row, that nothing settles.
type Conflict struct {
	Kind   Kind
	Column int // index into the row's cells, or WholeRow
}

// rowRules are the rules of one table.
type rowRules struct {
	whole  Rule   // for the table
	column []Rule // for each cell: the column's, or the table's
	fits   func(column int, v any) bool
}

// mergeRow merges one row. special says what is unusual about a cell, or about
// the row's coming or going (WholeRow): KindTwice, KindDenied, or nothing; nil
// means nothing anywhere. Where there is a conflict the merged row has ours.
// Cells are those that are neither key nor generated.
func mergeRow(base baseRow, ours, theirs []any, rules rowRules, special func(column int) Kind, run runAction) (merged []any, conflicts []Conflict, err error) {
	if special == nil {
		special = func(int) Kind { return "" }
	}
	cameOrWent := ours == nil || theirs == nil || base.cells == nil
	mark := rowMark(theirs, special)
	switch {
	case !base.sure():
	case equalRow(base.cells, theirs) && (mark == "" || cameOrWent && special(WholeRow) == ""):
		return ours, nil, nil
	case equalRow(base.cells, ours) && mark == "":
		return theirs, nil, nil
	}
	if ours == nil || theirs == nil {
		return wholeRow(base, ours, theirs, rules.whole, mark)
	}
	merged = make([]any, len(ours))
	for i := range merged {
		c := Cell{Ours: ours[i], Theirs: theirs[i], BaseAbsent: base.cells == nil && !base.lost}
		s := special(i)
		switch {
		case c.BaseAbsent:
		case !base.known(i):
			if s == "" {
				s = KindCrissCross
			}
		default:
			c.Base = base.cells[i]
		}
		var kind Kind
		switch changed := !c.BaseAbsent && s != KindCrissCross; {
		case s == "" && changed && equalCell(c.Base, c.Theirs):
			merged[i] = c.Ours
			continue
		case s == "" && changed && equalCell(c.Base, c.Ours):
			merged[i] = c.Theirs
			continue
		}
		if merged[i], kind, err = rules.column[i].settle(c, s, run); err != nil {
			return nil, nil, err
		}
		if kind == "" && rules.column[i].By == "ACTION" && !rules.fits(i, merged[i]) {
			kind = KindCell // the action gave what the column cannot hold
		}
		if kind != "" {
			merged[i] = c.Ours
			conflicts = append(conflicts, Conflict{kind, i})
		}
	}
	return merged, conflicts, nil
}

// rowMark is what is unusual about a row as one: about its coming or going, or,
// where theirs brings it, about one of its cells. A row that is gone brings none.
func rowMark(theirs []any, special func(column int) Kind) Kind {
	mark := special(WholeRow)
	for i := range theirs {
		if k := special(i); k == KindDenied || mark == "" {
			mark = k
		}
	}
	return mark
}

// wholeRow settles a row that is gone on a side that did more than keep it, by a
// rule for the whole table: OURS, THEIRS, or SAME where both have none.
func wholeRow(base baseRow, ours, theirs []any, rule Rule, special Kind) ([]any, []Conflict, error) {
	kind := KindRow
	switch {
	case special != "":
		kind = special
	case base.lost:
		kind = KindCrissCross
	}
	if kind != KindDenied {
		switch {
		case rule.By == "OURS", rule.By == "SAME" && equalRow(ours, theirs):
			return ours, nil, nil
		case rule.By == "THEIRS":
			return theirs, nil, nil
		}
	}
	return ours, []Conflict{{kind, WholeRow}}, nil
}
