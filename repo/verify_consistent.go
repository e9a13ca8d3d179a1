package repo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// mergeAgain computes a consistent merge again in a session on the target's
// state, with the choices that the block's patch holds.
func (v *verification) mergeAgain(s *sqlcontract.Session, b branch.Block, parent branch.Header, state dd.State, m *merged, txs []sqlcontract.VerifiedTransaction) (*sqlcontract.Sealed, error) {
	patch := txs[len(txs)-1]
	h := patch.Header()
	switch {
	case h.Kind != sqlcontract.KindPatch || h.Contract != patchContract:
		return nil, errors.New("its last transaction is not the patch of its merge")
	case h.Account != b.Producer:
		return nil, errors.New("the patch of its merge is not its producer's")
	}
	choices, err := choicesOf(patch.Arguments())
	if err != nil {
		return nil, err
	}
	if err := mayChoose(prolly.Load(v.r.nodes, parent.State), h.Account, choices); err != nil {
		return nil, err
	}
	rec, err := v.r.branchByID(b.Branch)
	if err != nil {
		return nil, err
	}
	in := v.r.mergeInput(state, rec, m.Source, b.Parents[0])
	in.History = v.history
	in.May = func(account objectstore.Account) error { return may(state, dd.RightWrite, account, rec) }
	plan, err := merge.Consistent(v.ctx, in, s, choices)
	if err != nil {
		return nil, err
	}
	if plan.Open > 0 {
		return nil, fmt.Errorf("it leaves %d conflicts open", plan.Open)
	}
	if !slices.EqualFunc(plan.Outcomes, m.Verdicts, func(o merge.Outcome, was branch.Verdict) bool { return o.Verdict == was }) {
		return nil, errors.New("merging again gives other verdicts than its merge record")
	}
	violations, err := plan.Write(in, s, patch)
	if err != nil {
		return nil, err
	}
	if len(violations) > 0 {
		return nil, fmt.Errorf("its rows break %s %s of contract %s", violations[0].Code, violations[0].Text, violations[0].Contract)
	}
	return s.Seal()
}
