package sqlcontract

import (
	"errors"
	"iter"

	"github.com/aergo-git/aergo-git/objectstore"
)

// Observer is told what a transaction does while it runs: one Step for each
// execution of a statement, when it ends, so the inner statements of an IF, a
// FOR or a CALL come before the outer one. A last Step without a Statement
// follows for the transaction itself.
//
// An observer only looks: gas, receipts and rows are the same with and without
// one. It runs inside the session, which it must not use.
type Observer func(Step)

// Step is one execution of a statement of an action.
type Step struct {
	Transaction objectstore.Hash // zero in a call without a transaction

	Contract  *Contract // nil where there is none, as at the end of a deploy
	Action    *Action
	Statement *Statement // nil: what the transaction costs and checks besides its statements
	Depth     int        // 0 in the action that was called, 1 in one that it calls, …

	// Gas is in 1/64 units: what this execution itself spent, triggers and
	// cascades included, inner statements not. All steps of a transaction add up
	// to what it used, which its receipt shows rounded up to whole units and
	// never over the limit.
	Gas     uint64
	Rows    int   // rows that its SQL gave: returned, looped over, values of expressions
	Changes int   // changes of rows, those of triggers and cascades included
	Truth   Truth // of the condition of a REQUIRE or an IF

	// Again is of a Step without a Statement: a value was longer than this run was
	// paid for, all is undone and the transaction runs again from its beginning.
	Again bool

	// Code and Text are why it failed, as in a receipt; Code is empty when it did
	// not. Each statement around a failing one fails with it, and so does the
	// last Step: the first Step with a Code is where it happened.
	Code, Text string

	run *run // while the observer is being called
}

// Truth is what a condition came to.
type Truth int8

// A condition that was not reached is unknown.
const (
	Unknown Truth = iota
	True
	False
)

// Observe has the transactions that run from now on watched; nil ends it.
func (s *Session) Observe(o Observer) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	s.observer = o
}

// Statements gives all statements of the action in source order, inner ones
// too.
func (a *Action) Statements() iter.Seq[*Statement] {
	return func(yield func(*Statement) bool) { walk(a.Body, yield) }
}

func walk(list []Statement, yield func(*Statement) bool) bool {
	for i := range list {
		st := &list[i]
		if !yield(st) {
			return false
		}
		if st.If != nil && !(walk(st.If.Then, yield) && walk(st.If.Else, yield)) {
			return false
		}
		if st.For != nil && !walk(st.For.Body, yield) {
			return false
		}
	}
	return true
}

// trace is an observer at work on one transaction. A nil one does nothing.
type trace struct {
	tell  Observer
	under []frame // the statements under way, from the outside
	spent uint64  // gas of all ended statements that are in no other

	broken broken // the INVARIANT that does not hold
}

// broken is an INVARIANT that does not hold, and where.
type broken struct {
	v          *Invariant
	l          *layout // FOR EACH: of the row
	key        []byte  // FOR EACH: of the row; TOTAL: the BY key
	have, want int64   // TOTAL
}

func (t *trace) brokenRow(v *Invariant, l *layout, key []byte) {
	if t != nil {
		t.broken = broken{v: v, l: l, key: key}
	}
}

func (t *trace) brokenTotal(v *Invariant, by string, have, want int64) {
	if t != nil {
		t.broken = broken{v: v, key: []byte(by), have: have, want: want}
	}
}

// frame is a statement under way.
type frame struct {
	Step
	gas, inner uint64 // the meter at its beginning; what inner statements spent
	changes    int    // the capture's count at its beginning
	innerRows  int    // row changes of inner statements
}

func newTrace(o Observer) *trace {
	if o == nil {
		return nil
	}
	return &trace{tell: o}
}

// changes is how many changes of rows the transaction has made, undone ones
// included.
func (r *run) changes() int {
	if r.s == nil {
		return 0
	}
	return r.s.capture.count
}

func (t *trace) begin(r *run, a *Action, st *Statement) {
	if t == nil {
		return
	}
	f := frame{gas: r.meter.used, changes: r.changes()}
	f.Contract, f.Action, f.Statement = r.contract.contract, a, st
	f.Depth = len(r.outer)
	t.under = append(t.under, f)
}

// row counts a row that the innermost statement's SQL gave.
func (t *trace) row() {
	if t != nil && len(t.under) > 0 {
		t.under[len(t.under)-1].Rows++
	}
}

func (t *trace) truth(yes bool) {
	if t == nil || len(t.under) == 0 {
		return
	}
	truth := False
	if yes {
		truth = True
	}
	t.under[len(t.under)-1].Truth = truth
}

// end tells of the statement that began last. Trouble of this machine is not
// told.
func (t *trace) end(r *run, err error) {
	if t == nil {
		return
	}
	n := len(t.under) - 1
	f := t.under[n]
	t.under = t.under[:n]
	gas, changes := r.meter.used-f.gas, r.changes()-f.changes
	f.Gas, f.Changes = gas-f.inner, changes-f.innerRows
	if n > 0 {
		t.under[n-1].inner += gas
		t.under[n-1].innerRows += changes
	} else {
		t.spent += gas
	}
	t.report(r, f.Step, err)
}

// close tells of the transaction itself.
func (t *trace) close(r *run, err error) {
	if t == nil {
		return
	}
	s := Step{Gas: r.meter.used - t.spent, Again: err == tooLong && !r.meter.last()}
	t.spent = r.meter.used
	if r.contract != nil {
		s.Contract = r.contract.contract
	}
	t.report(r, s, err)
}

func (t *trace) report(r *run, s Step, err error) {
	var f *failure
	if errors.As(err, &f) {
		if f != tooLong || r.meter.last() {
			s.Code, s.Text = f.code, f.text
		}
	} else if err != nil {
		return
	}
	s.Transaction, s.run = r.txid, r
	t.tell(s)
}
