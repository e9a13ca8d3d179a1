package sqlcontract

import (
	"fmt"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// Plan is what the deploy of a source would change on the committed state, see
// PlanDeploy. Where tables lose their rows it says how many there are, and it
// names the contracts in force whose calls would not fit any more. A USE or CALL
// of the source that does not fit what is in force is AG0443 with its place.
func (t *Tree) Plan(name, source string) (Plan, error) {
	next, err := Compile(name, source)
	if err != nil {
		return Plan{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	find := func(name string) (*deployed, error) { return t.find(t.state.Get, name) }
	d, err := find(name)
	if err != nil {
		return Plan{}, err
	}
	if d != nil && d.contract.Source == source {
		return Plan{Contract: name, From: int(d.version)}, nil // a deploy would do nothing
	}
	broken, err := brokenCalls(next, find)
	if err != nil {
		return Plan{}, err
	}
	if len(broken) > 0 {
		return Plan{}, broken[0].fault(next)
	}
	if d == nil {
		return PlanDeploy(nil, next, 0)
	}
	p, err := PlanDeploy(d.contract, next, int(d.version))
	if err != nil {
		return p, err
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.gone == "" {
			continue
		}
		n, err := t.countRows(name, e.gone)
		if err != nil {
			return p, fmt.Errorf("planning the deploy of %s: %w", name, err)
		}
		e.Why = "its " + aergosql.Plural(int(n), "row") + " go"
		if n == 1 {
			e.Why = "its 1 row goes"
		}
	}
	rules, err := t.rulesInForce(name)
	if err != nil {
		return p, err
	}
	p.rulesByHand(rules, d.contract, next)
	return p, p.callers(t, find, &deployed{contract: next, owner: d.owner, version: d.version + 1})
}

func (t *Tree) countRows(contract, table string) (int64, error) {
	db, err := t.reader(contract)
	if err != nil {
		return 0, err
	}
	defer t.release(db)
	st, err := db.prepareOwn("SELECT count(*) FROM " + quoteName(table))
	if err != nil {
		return 0, err
	}
	defer st.Finalize()
	_, err = st.Step()
	return st.ColumnInt64(0), err
}
