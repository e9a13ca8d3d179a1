package sqlcontract

import (
	"maps"
	"slices"
	"strings"
)

// Lane is what an action can touch together with all that it calls, as the
// contracts in force have it.
type Lane struct {
	Contracts []string `json:"contracts"` // that take part, by name
	Reads     []string `json:"reads"`
	Writes    []string `json:"writes"`
}

// lane follows the calls of an action to the contracts in force. A call that
// does not fit fails before it does anything, and is left out.
func lane(c *Contract, a *Action, find func(string) (*deployed, error)) (Lane, error) {
	contracts, reads, writes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	seen := map[*Action]bool{}
	var visit func(c *Contract, a *Action) error
	visit = func(c *Contract, a *Action) error {
		if seen[a] {
			return nil
		}
		seen[a], contracts[c.Name] = true, true
		for _, name := range a.Reach.Reads {
			reads[name] = true
		}
		for _, name := range a.Reach.Writes {
			writes[name] = true
		}
		for _, name := range a.Reach.Calls {
			contract, action, _ := strings.Cut(name, ".")
			to := c
			if contract != c.Name {
				d, err := find(contract)
				if err != nil {
					return err
				}
				if d == nil {
					continue
				}
				to = d.contract
			}
			if next := to.Action(action); next != nil {
				if err := visit(to, next); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := visit(c, a)
	return Lane{listOf(contracts), listOf(reads), listOf(writes)}, err
}

// listOf is a set in order, never nil.
func listOf(set map[string]bool) []string {
	return append([]string{}, slices.Sorted(maps.Keys(set))...)
}

// ABI is c.ABI with the lane of each action, as the contracts in force have it.
func (t *Tree) ABI(c *Contract) (ABI, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	abi := c.ABI()
	for i, a := range c.Actions {
		l, err := lane(c, a, func(name string) (*deployed, error) { return t.find(t.state.Get, name) })
		if err != nil {
			return ABI{}, err
		}
		abi.Actions[i].Lane = &l
	}
	return abi, nil
}
