package sqltest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// The order of rows. A SELECT whose ORDER BY leaves a choice gives its rows in
// an order that follows from the engine's plan: equal on all machines, and
// another one after the next CREATE INDEX. So a test in which that can matter
// is played twice, the second time on a ledger whose scans run backwards. What
// differs is a warning.

// mark is what a statement of a test let see.
type mark struct {
	off  int
	seen []any
}

// several is a statement of a contract that gave more than one row.
type several struct {
	off      int // of the test's statement under way
	contract string
	line     int
}

// chooses are the words with which one row can depend on the order of many.
var chooses = []string{"LIMIT", "OVER", "GROUP_CONCAT", "STRING_AGG", "JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT"}

// choosy tells whether a text has one of these words.
func choosy(text string) bool {
	return slices.ContainsFunc(aergosql.Split(text), func(t aergosql.Token) bool {
		return t.Kind == aergosql.Word && slices.Contains(chooses, strings.ToUpper(text[t.Start:t.End]))
	})
}

func (w *world) mark(seen ...any) { w.marks = append(w.marks, mark{w.step.off, seen}) }

// observe is told of each statement of a contract.
func (w *world) observe(s sqlcontract.Step) {
	if s.Code != "" && w.why == "" {
		w.why = s.Refusal().String()
	}
	st := s.Statement
	if st == nil || s.Contract == nil {
		return
	}
	if s.Rows > 1 && (st.Query != nil || st.For != nil || st.Return != nil) {
		w.several = append(w.several, several{w.step.off, s.Contract.Name, st.Line})
	}
	if w.cover != nil && s.Contract.Name == w.script.contract {
		w.cover.see(s)
	}
}

// ordered plays a passed test again with scans that run backwards, if that could
// matter. The warning is empty where nothing differs.
func (w *world) ordered(i int, t test) (warning string, err error) {
	if len(w.several) == 0 && !w.choosy {
		return "", nil
	}
	if w.mirror == nil {
		if w.mirror, err = newWorld(w.ctx, w.dir, w.script, true); err != nil {
			return "", err
		}
	}
	m := w.mirror
	failed := m.play(i, t)
	if f := fault.Of(failed); failed != nil && (f == nil || w.ctx.Err() != nil) {
		return "", failed
	}
	off := m.step.off
	n := 0
	for n < min(len(w.marks), len(m.marks)) && reflect.DeepEqual(w.marks[n], m.marks[n]) {
		n++
	}
	switch {
	case n < len(m.marks):
		off = m.marks[n].off
	case failed == nil:
		return "", nil
	}
	what := "this depends on an order of rows that no ORDER BY decides"
	var from []string
	for _, s := range w.several {
		if at := fmt.Sprintf("%s.sql:%d", s.contract, s.line); s.off == off && s.line > 0 && !slices.Contains(from, at) {
			from = append(from, at)
		}
	}
	if len(from) > 0 {
		what += "; several rows come from " + strings.Join(from, ", ")
	}
	return w.script.failAt(off, what, nil).Error(), nil
}
