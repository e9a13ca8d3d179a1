package sqlcontract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// accountStart begins the text of every account and the name of no contract, so
// that a @caller is never taken for the other kind.
const accountStart = "ag1"

// eachCall gives the CALLs of an action in source order.
func (a *Action) eachCall(fn func(*Call)) {
	for st := range a.Statements() {
		if st.Call != nil {
			fn(st.Call)
		}
	}
}

// ownCalls checks the CALLs of the contract's own actions. Those of other
// contracts are checked at the deploy, which knows what is in force.
func (c *compiler) ownCalls() error {
	for _, a := range c.contract.Actions {
		var err error
		a.eachCall(func(k *Call) {
			if k.Use != nil || err != nil {
				return
			}
			to := c.contract.Action(k.Action)
			if to == nil {
				var names []string
				for _, x := range c.contract.Actions {
					names = append(names, x.Name)
				}
				err = c.Fail(codeUnknown, k.Offset, "of another contract: USE contract AS c; and CALL c."+k.Action+"(…)", "there is no action %s%s", k.Action, aergosql.DidYouMean(k.Action, names))
			} else if what := misfit(k, a, to); what != "" {
				err = c.Fail(codeSchema, k.Offset, "", "CALL %s: %s", k.Action, what)
			}
		})
		if err != nil {
			return err
		}
	}
	for _, r := range c.contract.Rules {
		if r.By == "ACTION" && callsOthers(c.contract, r.Action, map[string]bool{}) {
			return c.Fail(codeSchema, c.places[c.contract.Action(r.Action)], "decide by :base, :ours and :theirs", "the action %s settles a merge and calls another contract", r.Action)
		}
	}
	return nil
}

// callsOthers tells whether an action calls another contract, itself or through
// own actions.
func callsOthers(c *Contract, action string, seen map[string]bool) (yes bool) {
	if a := c.Action(action); a != nil && !seen[action] {
		seen[action] = true
		a.eachCall(func(k *Call) { yes = yes || k.Use != nil || callsOthers(c, k.Action, seen) })
	}
	return yes
}

// misfit says why an action cannot be called like this, or "". What is not
// known before the transaction runs (values, roles) is not looked at.
func misfit(k *Call, from, to *Action) string {
	switch {
	case to.Constructor:
		return "it is a CONSTRUCTOR, which runs at the first deploy only"
	case k.Use != nil && (to.Visibility == Owner || to.Visibility == Private):
		return "it is " + strings.ToUpper(to.Visibility.String()) + ", not for other contracts"
	case from.ReadOnly && !to.ReadOnly:
		return "it is not READONLY, and " + from.Name + " is"
	case k.Into != "" && len(to.Returns) != 1:
		return fmt.Sprintf("LET takes one column, and it returns %d", len(to.Returns))
	}
	args, err := k.match(to)
	if err != nil {
		return err.Error()
	}
	for i, p := range to.Params {
		if x := args[i]; x >= 0 && k.Args[x].Constant && !p.takes(k.Args[x].Value) {
			return ":" + p.Name + " is " + p.Type + ", not " + typeOf(k.Args[x].Value)
		}
	}
	return ""
}

// argumentError says which argument of a CALL does not fit.
type argumentError struct{ name, why string }

func (e *argumentError) Error() string { return e.why }

// match gives for each parameter the argument it takes, or -1 for its default.
func (k *Call) match(to *Action) ([]int, error) {
	args := make([]int, len(to.Params))
	for i := range args {
		args[i] = -1
	}
	for x, arg := range k.Args {
		i := x
		if arg.Name != "" {
			i = slices.IndexFunc(to.Params, func(p Param) bool { return p.Name == arg.Name })
		}
		switch {
		case i < 0:
			return nil, &argumentError{arg.Name, "it has no parameter :" + arg.Name}
		case i >= len(to.Params):
			return nil, &argumentError{fmt.Sprint(x + 1), fmt.Sprintf("it takes %s, not %d", aergosql.Plural(len(to.Params), "argument"), len(k.Args))}
		case args[i] >= 0:
			return nil, &argumentError{arg.Name, ":" + arg.Name + " is given twice"}
		}
		args[i] = x
	}
	for i, p := range to.Params {
		if args[i] < 0 && !p.HasDefault {
			return nil, &argumentError{p.Name, ":" + p.Name + " is missing"}
		}
	}
	return args, nil
}

// takes tells whether a value may be passed: one of the type, or NULL where the
// default is NULL.
func (p Param) takes(v any) bool {
	return fits(v, p.Type) || v == nil && p.HasDefault && p.Default == nil
}
