package sqltest

import (
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Action tells how often the tests called an action that can be called.
type Action struct {
	Contract, Name string
	Line           int
	Called         int // refused calls too
	Refused        int
}

// Condition tells what the tests saw of a REQUIRE or an IF (an ELSEIF is one of
// its own). A call that a merge runs again counts, and so does one by another
// action.
type Condition struct {
	Action      string
	Kind        string // REQUIRE or IF
	Line        int    // in the contract's source
	Text        string // of the condition, in one line
	True, False int    // how often it held, and did not
}

// Covered tells whether the condition was seen to hold and seen not to.
func (c Condition) Covered() bool { return c.True > 0 && c.False > 0 }

// cover counts what the tests of one ledger reach of the tested contract.
type cover struct {
	actions    []Action
	conditions []Condition
	at         map[int]int // offset of a condition in the source to its index
}

func newCover(c *sqlcontract.Contract) *cover {
	v := &cover{at: map[int]int{}}
	for _, a := range c.Actions {
		settles := slices.ContainsFunc(c.Rules, func(r sqlcontract.MergeRule) bool { return r.Action == a.Name })
		if a.Constructor || settles {
			continue // no test can call it
		}
		if a.Visibility != sqlcontract.Private {
			v.actions = append(v.actions, Action{Contract: c.Name, Name: a.Name, Line: a.Line})
		}
		for st := range a.Statements() {
			x := Condition{Action: a.Name, Line: st.Line}
			var cond *sqlcontract.Query
			switch {
			case st.Require != nil:
				x.Kind, cond = "REQUIRE", st.Require.Cond
			case st.If != nil:
				x.Kind, cond = "IF", st.If.Cond
			default:
				continue
			}
			x.Text = textOf(c.Source, cond)
			v.at[cond.Offset] = len(v.conditions)
			v.conditions = append(v.conditions, x)
		}
	}
	return v
}

// textOf is an expression as its author wrote it, in one line.
func textOf(source string, q *sqlcontract.Query) string {
	end := q.Offset + len(q.SQL) - len("SELECT ()")
	return strings.Join(strings.Fields(source[q.Offset:min(end, len(source))]), " ")
}

// see counts the outcome of a condition.
func (v *cover) see(s sqlcontract.Step) {
	var cond *sqlcontract.Query
	switch st := s.Statement; {
	case st.Require != nil:
		cond = st.Require.Cond
	case st.If != nil:
		cond = st.If.Cond
	default:
		return
	}
	i, ok := v.at[cond.Offset]
	switch {
	case !ok:
	case s.Truth == sqlcontract.True:
		v.conditions[i].True++
	case s.Truth == sqlcontract.False:
		v.conditions[i].False++
	}
}

// action finds the count of an action, or nil.
func (v *cover) action(contract, action string) *Action {
	for i := range v.actions {
		if a := &v.actions[i]; a.Contract == contract && a.Name == action {
			return a
		}
	}
	return nil
}

// add adds what another ledger of the file saw.
func (f *File) add(v *cover) {
	if f.Actions == nil {
		f.Actions, f.Conditions = v.actions, v.conditions
		return
	}
	for i, a := range v.actions {
		f.Actions[i].Called += a.Called
		f.Actions[i].Refused += a.Refused
	}
	for i, c := range v.conditions {
		f.Conditions[i].True += c.True
		f.Conditions[i].False += c.False
	}
}
