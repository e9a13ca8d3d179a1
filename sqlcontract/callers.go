package sqlcontract

import (
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// brokenCall is a USE or CALL that does not fit the contracts in force.
type brokenCall struct {
	use  *Use
	from *Action // nil: the USE itself is broken
	call *Call
	what string // for people; a receipt holds which only
}

// which names it for a receipt: "bank@2", or "sell -> bank.pay".
func (b brokenCall) which() string {
	if b.from != nil {
		return b.from.Name + " -> " + b.use.Contract + "." + b.call.Action
	}
	if b.use.Version > 0 {
		return fmt.Sprintf("%s@%d", b.use.Contract, b.use.Version)
	}
	return b.use.Contract
}

// brokenCalls holds the USEs and CALLs of a contract against what is in force,
// in source order. find gives the contract in force under a name, or nil.
func brokenCalls(c *Contract, find func(name string) (*deployed, error)) ([]brokenCall, error) {
	var list []brokenCall
	for i := range c.Uses {
		u := &c.Uses[i]
		d, err := find(u.Contract)
		if err != nil {
			return nil, err
		}
		if d == nil {
			list = append(list, brokenCall{use: u, what: "there is no contract " + u.Contract + " on this branch"})
			continue
		}
		if u.Version > 0 && d.version != int64(u.Version) {
			list = append(list, brokenCall{use: u, what: fmt.Sprintf("%s@%d is not in force, %s@%d is", u.Contract, u.Version, u.Contract, d.version)})
			continue
		}
		for _, a := range c.Actions {
			a.eachCall(func(k *Call) {
				if k.Use != u {
					return
				}
				what := "there is no such action" + aergosql.DidYouMean(k.Action, actionNames(d.contract))
				if to := d.contract.Action(k.Action); to != nil {
					what = misfit(k, a, to)
				}
				if what != "" {
					list = append(list, brokenCall{u, a, k, what})
				}
			})
		}
	}
	return list, nil
}

func actionNames(c *Contract) []string {
	var names []string
	for _, a := range c.Actions {
		names = append(names, a.Name)
	}
	return names
}

// fault shows a broken call of c with its place.
func (b brokenCall) fault(c *Contract) error {
	s := aergosql.PlainText(c.Name, c.Source)
	if b.from == nil {
		return s.Fail(codeCalls, s.LineStart(b.use.Line), "deploy "+b.use.Contract+" first, or change the USE", "%s", b.what)
	}
	return s.Fail(codeCalls, b.call.Offset, "aergo contract abi "+b.use.Contract+" shows its actions", "%s.%s cannot be called like this: %s", b.use.Contract, b.call.Action, b.what)
}

// codeCalls refuses a deploy whose calls do not fit the contracts in force.
const codeCalls = "AG0443"

// callers adds the calls of other contracts in force that fit now and will not
// fit next.
func (p *Plan) callers(t *Tree, find func(string) (*deployed, error), next *deployed) error {
	list, err := contractsOf(t.state)
	if err != nil {
		return err
	}
	for _, info := range list {
		d, err := find(info.Name)
		if err != nil {
			return err
		}
		if d == nil || !slices.ContainsFunc(d.contract.Uses, func(u Use) bool { return u.Contract == next.contract.Name }) {
			continue
		}
		before, err := brokenCalls(d.contract, find)
		if err != nil {
			return err
		}
		after, err := brokenCalls(d.contract, func(name string) (*deployed, error) {
			if name == next.contract.Name {
				return next, nil
			}
			return find(name)
		})
		if err != nil {
			return err
		}
		for _, b := range after {
			if slices.ContainsFunc(before, func(o brokenCall) bool { return o.which() == b.which() }) {
				continue
			}
			what := "contract " + d.contract.Name + ", which uses " + b.which()
			if b.from != nil {
				what = "contract " + d.contract.Name + ", where " + b.from.Name + " calls " + b.use.Contract + "." + b.call.Action
			}
			p.add(PlanBreaks, "~", what, "%s", b.what)
		}
	}
	return nil
}
