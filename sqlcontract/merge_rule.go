package sqlcontract

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// MergeRuleIn reads the merge rule of a column ("" for the whole table) from the
// system contract aergo_merge of a state, of which get reads entries. ok is false
// where there is none.
func MergeRuleIn(get func(key []byte) (value []byte, ok bool, err error), contract, table, column string) (rule MergeRule, ok bool, err error) {
	key, err := ruleKey(contract, table, column)
	if err != nil {
		return rule, false, err
	}
	value, ok, err := get(key)
	if err != nil || !ok {
		return rule, false, err
	}
	rule, err = decodeRule(table, column, value)
	return rule, err == nil, err
}

// decodeRule reads a row of aergo_merge.rule.
func decodeRule(table, column string, value []byte) (MergeRule, error) {
	cells, err := wire.DecodeRow(value)
	if err == nil && len(cells) == 4 {
		kind, ok1 := cells[0].(string)
		fromZero, ok2 := cells[1].(int64)
		action, ok3 := cells[2].(string)
		roles, ok4 := cells[3].(string)
		if ok1 && ok2 && ok3 && ok4 {
			rule := MergeRule{Table: table, By: kind, FromZero: fromZero != 0, Action: action}
			if column != "" {
				rule.Columns = []string{column}
			}
			if roles != "" {
				rule.Roles = strings.Split(roles, ",")
			}
			return rule, nil
		}
	}
	return MergeRule{}, fmt.Errorf("reading a row of aergo_merge.rule: its cells are not (kind, from_zero, action, roles): %w", err)
}

// Settle runs the action of a USING ACTION rule on the rows of the session and
// gives its value; ok is false where the action fails or gives no value of the
// kinds that a cell may hold.
func (s *Session) Settle(contract, action string, base, ours, theirs any) (v any, ok bool, err error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, false, err
	}
	d, err := s.find(contract)
	if err != nil || d == nil {
		return nil, false, errors.Join(err, errNoContract(contract))
	}
	a := d.contract.Action(action)
	if a == nil || len(a.Params) != 3 || !a.ReadOnly {
		return nil, false, nil // a deploy of the source took it away, or made something else of it
	}
	db, err := s.touch(contract)
	if err != nil {
		return nil, false, err
	}
	r := &run{activation: activation{place: place{d, db}, vars: map[string]any{}}, s: s, tree: s.tree, block: s.block, ledger: s.tree.ledger, meter: newLongMeter(DefaultGas)}
	for i, v := range []any{base, ours, theirs} {
		r.vars[a.Params[i].Name] = v
	}
	var f *failure
	switch err := r.action(a); {
	case errors.As(err, &f):
		return nil, false, nil
	case err != nil:
		s.broken = fmt.Errorf("settling a cell with %s.%s: %w", contract, action, err)
		return nil, false, s.broken
	case len(r.receipt.Rows) != 1 || len(r.receipt.Rows[0]) != 1:
		return nil, false, nil
	}
	return r.receipt.Rows[0][0], true, nil
}

// MaySet tells whether an account may set cells of a table to a value of its own
// choice when it resolves a merge: the contract's owner may, and who holds a role
// that the RESOLVE ROLE of the column's rule names. get reads the entries of the
// state that decides.
func MaySet(get func(key []byte) (value []byte, ok bool, err error), contract, table, column string, account objectstore.Account) (bool, error) {
	cur, ok, err := currentIn(get, contract)
	if err != nil || !ok || cur.owner == account {
		return ok && err == nil, err
	}
	rule, ok, err := MergeRuleIn(get, contract, table, column)
	if err == nil && !ok {
		rule, _, err = MergeRuleIn(get, contract, table, "")
	}
	if err != nil {
		return false, err
	}
	for _, role := range rule.Roles {
		key, err := roleKey(contract, role, account)
		if err != nil {
			return false, err
		}
		if _, ok, err := get(key); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// Migrated tells whether a contract ran a MIGRATION block on the way from one
// state to another that came from it: its rows may mean something else since.
// before and after read entries of the two states.
func (e *Engine) Migrated(before, after func(key []byte) (value []byte, ok bool, err error), name string) (bool, error) {
	from, _, err := currentIn(before, name)
	if err != nil {
		return false, err
	}
	to, _, err := currentIn(after, name)
	if err != nil {
		return false, err
	}
	for number := from.version + 1; from.version > 0 && number <= to.version; number++ {
		v, err := findVersion(after, name, number)
		if err != nil {
			return false, err
		}
		if v == nil {
			return false, fmt.Errorf("reading contract %s: the state has no version %d", name, number)
		}
		c, err := e.contract(name, v.source, false)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(c.Migrations, func(m *Migration) bool { return int64(m.From) == number-1 }) {
			return true, nil
		}
	}
	return false, nil
}

// currentIn reads which version of a contract is in force; version 0 is none.
func currentIn(from get, name string) (cur current, ok bool, err error) {
	key, err := currentKey(name)
	if err != nil {
		return cur, false, err
	}
	value, ok, err := from(key)
	if err != nil || !ok {
		return cur, false, err
	}
	cur, err = decodeCurrent(value)
	return cur, true, err
}
