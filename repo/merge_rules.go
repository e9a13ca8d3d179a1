package repo

import (
	"context"
	"crypto"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// The system contract of the merge rules, and its actions.
const (
	ruleContract = "aergo_merge"
	setRule      = "set_rule"
	dropRule     = "drop_rule"
)

// MergeRules lists the merge rules in force at a revision (empty: the current
// branch's head) for a contract (empty: all), by contract, table and column.
// Those of the target decide a merge by cell.
func (r *Repository) MergeRules(rev, contract string) ([]sqlcontract.RuleInForce, error) {
	t, release, err := r.readTree(rev)
	if err != nil {
		return nil, err
	}
	defer release()
	if contract != "" {
		if _, _, _, err := t.Contract(contract); err != nil {
			return nil, err
		}
	}
	return t.MergeRules(contract)
}

// SetMergeRule sets a merge rule of a contract on a branch (empty: the current
// one) by a signed call of the system contract aergo_merge, which its owner
// alone may make. rule is a MERGE RULE statement after these two words:
// "ON item (stock) BY DELTA FROM 0". It takes the place of the rules that these
// columns have, and holds until the next deploy of another source.
func (r *Repository) SetMergeRule(ctx context.Context, key crypto.Signer, branch, contract, rule string) (Result, error) {
	c, _, err := r.Contract(branch, contract)
	if err != nil {
		return Result{}, err
	}
	if _, err := c.ParseMergeRule(rule); err != nil {
		return Result{}, err // in full; the receipt would hold a code only
	}
	return r.Call(ctx, key, Call{Contract: ruleContract, Action: setRule, Branch: branch, Args: map[string]any{"contract": contract, "rule": rule}})
}

// DropMergeRule takes back the merge rule of a column, or, with an empty column,
// that of the whole table. What both sides of a merge by cell changed is then a
// conflict again.
func (r *Repository) DropMergeRule(ctx context.Context, key crypto.Signer, branch, contract, table, column string) (Result, error) {
	rules, err := r.MergeRules(branch, contract)
	if err != nil {
		return Result{}, err
	}
	if !slices.ContainsFunc(rules, func(x sqlcontract.RuleInForce) bool {
		return x.Table == table && (column == "" && len(x.Columns) == 0 || slices.Contains(x.Columns, column))
	}) {
		name := contract + "." + table
		if column != "" {
			name += "." + column
		}
		return Result{}, fault.New("AG0401", "aergo merge-rule "+contract+" lists what there is.", "%s has no merge rule to drop", name)
	}
	return r.Call(ctx, key, Call{Contract: ruleContract, Action: dropRule, Branch: branch, Args: map[string]any{"contract": contract, "table_name": table, "column_name": column}})
}
