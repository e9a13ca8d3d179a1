package sqlcontract

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/objectstore"
)

// maxCalls is how deep actions may call one another, the transaction's own
// among them. A rule of engine 1.
const maxCalls = 16

// activation is one action under way.
type activation struct {
	place
	caller  string         // @caller: an account, or the contract that calls
	running *Action        // nil before it begins
	vars    map[string]any // parameters, LET variables ("x") and FOR rows ("row$x")
	first   []any          // of an action that another one calls: the first row it returned
}

// place is a contract with its database.
type place struct {
	contract *deployed
	db       *database
}

// find gives the contract in force, or nil.
func (r *run) find(name string) (*deployed, error) {
	if r.s != nil {
		return r.s.find(name)
	}
	return r.tree.find(r.tree.state.Get, name)
}

// enter opens a contract's database for this transaction.
func (r *run) enter(d *deployed) (place, error) {
	name := d.contract.Name
	if i := slices.IndexFunc(r.touched, func(p place) bool { return p.contract.contract.Name == name }); i >= 0 {
		return r.touched[i], nil
	}
	at := place{contract: d}
	var err error
	if r.s != nil {
		at.db, err = r.s.touch(name)
	} else {
		at.db, err = r.tree.reader(name)
	}
	if err != nil {
		return place{}, err
	}
	r.touched = append(r.touched, at)
	return at, nil
}

// holds tells whether the running action's caller has a role of its contract.
func (r *run) holds(role string) (bool, error) {
	key, err := roleKey(r.contract.contract.Name, role, objectstore.Account(r.caller))
	if err != nil {
		return false, err
	}
	var ok bool
	if r.s != nil {
		_, ok, err = r.s.get(key)
	} else {
		_, ok, err = r.tree.state.Get(key)
	}
	return ok, err
}

// nest runs an action that the running one calls, with variables of its own.
func (r *run) nest(k *Call) error {
	r.meter.add(gasCall)
	values, err := r.callValues(k)
	if err != nil {
		return err
	}
	inner, err := r.target(k)
	if err != nil {
		return err
	}
	r.outer = append(r.outer, r.activation)
	r.activation = inner
	defer func() {
		last := len(r.outer) - 1
		r.activation, r.outer = r.outer[last], r.outer[:last]
	}()
	if own := k.Use == nil && inner.running.Visibility == Private; !own || inner.running.Constructor {
		if err := r.permit(inner.running); err != nil {
			return err
		}
	}
	if err := r.take(k, values); err != nil {
		return err
	}
	if _, err := r.statements(inner.running, inner.running.Body); err != nil {
		return err
	}
	if k.Into != "" {
		var v any
		if r.first != nil {
			v = r.first[0]
		}
		r.outer[len(r.outer)-1].vars[k.Into] = v
	}
	return nil
}

// callValues runs the expressions of a CALL's arguments.
func (r *run) callValues(k *Call) ([]any, error) {
	values := make([]any, len(k.Args))
	if k.Values == nil {
		return values, nil
	}
	err := r.query(k.Values, func(st *statement) error {
		for i := range values {
			values[i] = st.Column(i)
			if err := checkCell(values[i]); err != nil {
				return err
			}
		}
		r.meter.read(values...)
		return nil
	})
	return values, err
}

// target finds what a CALL runs, as it is in force now. What the deploy has
// checked may have changed since.
func (r *run) target(k *Call) (activation, error) {
	inner := activation{place: r.place, caller: r.caller}
	if len(r.outer)+2 > maxCalls {
		return inner, fail("AG0405", r.contract.contract.Name+"."+k.Action)
	}
	if u := k.Use; u != nil {
		for _, f := range r.outer {
			if f.contract.contract.Name == u.Contract {
				return inner, fail("AG0404", u.Contract)
			}
		}
		d, err := r.find(u.Contract)
		if err != nil {
			return inner, err
		}
		if d == nil {
			return inner, fail("AG0401", u.Contract)
		}
		if u.Version != 0 && d.version != int64(u.Version) {
			return inner, fail("AG0406", fmt.Sprintf("%s@%d", u.Contract, u.Version))
		}
		inner.caller = r.contract.contract.Name
		if inner.place, err = r.enter(d); err != nil {
			return inner, err
		}
	}
	name := inner.contract.contract.Name + "." + k.Action
	inner.running = inner.contract.contract.Action(k.Action)
	switch a := inner.running; {
	case a == nil:
		return inner, fail("AG0401", name)
	case r.running.ReadOnly && !a.ReadOnly:
		return inner, fail("AG0402", "readonly")
	case k.Into != "" && len(a.Returns) != 1:
		return inner, fail("AG0403", name+" RETURNS")
	}
	return inner, nil
}

// take makes the parameters of a CALL's values, which must fit exactly.
func (f *activation) take(k *Call, values []any) error {
	args, err := k.match(f.running)
	var wrong *argumentError
	if errors.As(err, &wrong) {
		return fail("AG0403", wrong.name)
	}
	f.vars = map[string]any{}
	for i, p := range f.running.Params {
		f.vars[p.Name] = p.Default
		if x := args[i]; x >= 0 {
			if !p.takes(values[x]) {
				return fail("AG0403", p.Name)
			}
			f.vars[p.Name] = values[x]
		}
	}
	return nil
}
