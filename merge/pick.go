package merge

import (
	"context"
	"fmt"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// A Pick is a transaction that a cherry-pick or a rebase runs again, and the
// block that says where it comes from.
type Pick struct {
	Transaction sqlcontract.VerifiedTransaction
	Block       objectstore.Hash
}

// Picks runs transactions, in their order, in a session that was begun for a
// picked block: one with Merge and Again. Those that do not run well are
// excluded, as in an automatic merge; one that an earlier merge excluded runs
// again. The result depends on the state, the block and the transactions alone,
// so the verdict is included or excluded: what they changed where they come from
// is not asked.
//
// A transaction that has run on this line already (ok or failed), and a merge's
// own patch, are errors (AG0720): they may not stand in a picked block.
func Picks(ctx context.Context, s *sqlcontract.Session, onto branch.ID, picks []Pick) ([]Outcome, error) {
	var outcomes []Outcome
	for _, p := range picks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := p.Transaction
		if t.Header().OfMerge() {
			return nil, fault.New("AG0720", "Pick the transactions that it decided about, or revert it.",
				"transaction %s is the patch of a merge, which belongs to its merge", t.ID().Short())
		}
		id, status, seen, err := s.Seen(t.Header().Account, t.Header().Salt)
		if err != nil {
			return nil, err
		}
		if seen && id == t.ID() && status != sqlcontract.StatusExcluded {
			return nil, fault.New("AG0720", "Pick without it; aergo show "+id.Short()+" shows what it did.",
				"transaction %s has run here already (%s), and a transaction counts once", id.Short(), status)
		}
		v := branch.Verdict{Transaction: t.ID(), Block: p.Block, Code: branch.Included}
		if t.Header().Stays && t.BranchID() != onto {
			err = s.Exclude(t, StaysCode)
		} else if _, err = s.Run(t); fault.Of(err) != nil && sqlcontract.NotAdmitted(err) {
			err = s.Exclude(t, fault.Of(err).ID)
		}
		if err != nil {
			return nil, fmt.Errorf("picking %s: %w", t.ID().Short(), err)
		}
		receipt, changes := s.Last()
		if receipt.Status == sqlcontract.StatusExcluded {
			v.Code, changes = branch.Excluded, nil
			if v.Reason, err = reason(receipt.Code); err != nil {
				return nil, err
			}
		}
		outcomes = append(outcomes, Outcome{Verdict: v, Transaction: t, Receipt: receipt, Changes: changes})
	}
	return outcomes, nil
}
