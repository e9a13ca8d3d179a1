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
func (v *verification) mergeAgain(part *part, s *sqlcontract.Session, b branch.Block, parent branch.Header, state dd.State, m *merged, txs []sqlcontract.VerifiedTransaction) (*sqlcontract.Sealed, error) {
	patch := txs[len(txs)-1]
	choices, err := choicesOf(patch.Arguments())
	if err != nil {
		return nil, err
	}
	rec, err := v.r.branchByID(b.Branch)
	if err != nil {
		return nil, err
	}
	in := v.r.mergeInput(state, rec, m.Source, b.Parents[0])
	in.History, in.Verifier, in.Whole = v.history, part.verifier, m.whole
	plan, err := merge.Consistent(v.ctx, in, s, choices)
	if err != nil {
		return nil, err
	}
	if len(plan.Unused) > 0 {
		return nil, fmt.Errorf("%d choices of its patch settle no conflict", len(plan.Unused))
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

// patches checks, without computing a merge again, that a block holds the patch
// of a merge only as the last transaction of a merge by cells, its producer's own
// for its branch, and that he might choose what it says; and what reverts say.
func (v *verification) patches(b branch.Block, parent branch.Header, m *merged, txs []body, receipts []sqlcontract.Receipt) error {
	byCells := m != nil && m.Kind == branch.Consistent
	for i, t := range txs {
		last := byCells && i == len(txs)-1
		if t.header.Kind == sqlcontract.KindPatch && !t.header.OfMerge() && !byCells {
			if receipts[i].Status != sqlcontract.StatusOK {
				continue
			}
			if err := v.reverted(b, parent, i, t); err != nil {
				return fmt.Errorf("transaction %s, a revert: %w", t.id.Short(), err)
			}
			continue
		}
		switch is := t.header.Kind == sqlcontract.KindPatch; {
		case is && last && (t.header.Contract != patchContract || t.header.Account != b.Producer):
			return errors.New("the patch of its merge is not its producer's")
		case is && last && string(t.header.Branch) != string(b.Branch[:]):
			return errors.New("the patch of its merge is bound to another branch") // a merge may bring any other transaction from there
		case last && !is:
			return errors.New("its last transaction is not the patch of its merge")
		case is && !last && (m == nil || m.Kind != branch.Automatic || m.Verdicts[i].Code != branch.Excluded):
			return fmt.Errorf("transaction %s is a patch, which stands last in the merge it was made for", t.id.Short())
		case last && t.args == nil:
			return errors.New("the patch of its merge has no arguments: what was chosen cannot be erased") // or nobody could merge again
		case last:
			choices, err := choicesOf(t.args)
			if err != nil {
				return err
			}
			if err := mayChoose(prolly.Load(v.r.nodes, parent.State), b.Producer, choices); err != nil {
				return err
			}
		}
	}
	return nil
}

// lacksArguments tells whether a block cannot be executed again because arguments
// that it takes are erased. A merge runs what its verdicts are about as the
// source's blocks hold it; where these have it without arguments and the merge
// block with them, it is taken from there. What had been erased before the merge
// was excluded for it, and is so again, also by who has a copy with them.
func lacksArguments(m *merged, txs []sqlcontract.VerifiedTransaction) bool {
	bare := map[objectstore.Hash]int{} // candidates without arguments
	if m != nil {
		m.whole = map[objectstore.Hash]sqlcontract.Transaction{}
		erased := map[objectstore.Hash]bool{}
		for _, v := range m.Verdicts {
			erased[v.Transaction] = v.Reason == erasedReason
		}
		for i, c := range m.candidates {
			if erased[c.Transaction.ID()] {
				m.candidates[i].Transaction = c.Transaction.Bare()
				m.whole[c.Transaction.ID()] = c.Transaction.Bare()
				continue
			}
			if c.Transaction.Erased() {
				bare[c.Transaction.ID()] = i
			}
		}
	}
	for i, t := range txs {
		at, erased := bare[t.ID()]
		if m == nil || m.Kind == branch.Picked || i >= len(m.Verdicts) {
			erased = t.Arguments() == nil
		}
		switch {
		case !erased || m != nil && i < len(m.Verdicts) && m.Verdicts[i].Reason == erasedReason:
		case t.Arguments() == nil:
			return true
		default:
			m.candidates[at].Transaction = t.Raw()
			m.whole[t.ID()] = t.Raw()
		}
	}
	return false
}

// erasedReason is AG0435 as a verdict has it: excluded because its arguments had
// been erased.
const erasedReason = 435
