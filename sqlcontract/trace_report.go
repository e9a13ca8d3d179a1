package sqlcontract

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// Report sums up the steps of one transaction, and explains its failure: what
// `aergo show` prints. Its Observe is an Observer; the zero value is ready, and
// is for one transaction.
type Report struct {
	Lines []Line // an action's together, in source order; the called action's first
	Rest  uint64 // gas besides the statements, in 1/64 units: signature, arguments, invariants

	// Refusal is why the transaction failed, nil when it did not. It was made
	// while it failed and shows what it then met.
	Refusal *Refusal

	known map[*Statement]int // place in Lines
}

// Line is all executions of one statement.
type Line struct {
	Contract string
	Action   string
	Depth    int // 0 in the action that was called
	Line     int // in the contract's source, from 1
	Text     string

	Runs    int
	Rows    int // that its SQL gave
	Changes int // of rows, triggers and cascades included
	True    int // how often the condition of a REQUIRE or IF held
	False   int
	Gas     uint64 // in 1/64 units
	Failed  bool   // it is where the transaction failed

	offset int
}

// Observe takes a step.
func (r *Report) Observe(s Step) {
	first := s.Code != "" && r.Refusal == nil
	if first {
		f := s.Refusal()
		r.Refusal = &f
	}
	if s.Statement == nil {
		r.Rest += s.Gas
		if s.Again {
			return // its statements are in the lines, and will be once more
		}
		if r.Refusal != nil && r.Refusal.Code == "AG0420" {
			r.Refusal.outOfGas(r)
		}
		r.sort()
		return
	}
	i, ok := r.known[s.Statement]
	if !ok {
		i = len(r.Lines)
		if r.known == nil {
			r.known = map[*Statement]int{}
		}
		r.known[s.Statement] = i
		r.Lines = append(r.Lines, Line{Contract: s.Contract.Name, Action: s.Action.Name, Depth: s.Depth,
			Line: s.Statement.Line, Text: s.Statement.text(s.Contract.Source), offset: s.Statement.Offset})
	}
	l := &r.Lines[i]
	l.Runs++
	l.Rows += s.Rows
	l.Changes += s.Changes
	l.Gas += s.Gas
	l.Failed = l.Failed || first
	switch s.Truth {
	case True:
		l.True++
	case False:
		l.False++
	}
}

// sort puts the lines into reading order; the places in known are then over.
func (r *Report) sort() {
	r.known = nil
	slices.SortStableFunc(r.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Depth, b.Depth), strings.Compare(a.Contract, b.Contract),
			strings.Compare(a.Action, b.Action), cmp.Compare(a.offset, b.offset))
	})
}

// text is the statement as its source has it, on one line; of an IF or a FOR
// the head.
func (st *Statement) text(source string) string {
	rest := source[min(st.Offset, len(source)):]
	var b strings.Builder
	cases, blank := 0, false
	for len(rest) > 0 {
		k, n := aergosql.Next(rest)
		word := rest[:n]
		rest = rest[n:]
		if k == aergosql.Space {
			blank = true
			continue
		}
		if k == aergosql.Word {
			switch strings.ToUpper(word) {
			case "CASE":
				cases++
			case "END":
				cases--
			}
		}
		if blank && b.Len() > 0 {
			b.WriteByte(' ')
		}
		blank = false
		b.WriteString(word)
		if word == ";" || cases <= 0 && k == aergosql.Word && (st.If != nil && strings.EqualFold(word, "THEN") || st.For != nil && strings.EqualFold(word, "DO")) {
			break
		}
	}
	return b.String()
}
