package repo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// picked checks what a picked block says of itself without executing: a verdict
// for each transaction, agreeing with its receipt, and where each comes from.
func (v *verification) picked(b branch.Block, rec branch.MergeRecord, txs []body, receipts []sqlcontract.Receipt) error {
	for i, verdict := range rec.Verdicts {
		t, receipt := txs[i], receipts[i]
		reason := uint64(0)
		if receipt.Status == sqlcontract.StatusExcluded {
			if _, err := fmt.Sscanf(receipt.Code, "AG%d", &reason); err != nil {
				return fmt.Errorf("receipt %d has the code %q", i, receipt.Code)
			}
		}
		if verdict.Transaction != t.id || receipt.Status == sqlcontract.StatusFailed || verdict.Reason != reason {
			return fmt.Errorf("verdict %d of its merge record and receipt %d do not say the same", i, i)
		}
		if t.header.OfMerge() {
			return fmt.Errorf("transaction %s is the patch of a merge, which nobody picks", t.id.Short())
		}
		if receipt.Status == sqlcontract.StatusOK && t.header.Stays && string(t.header.Branch) != string(b.Branch[:]) {
			return fmt.Errorf("transaction %s was made on a scratch branch, which it never leaves", t.id.Short())
		}
		if err := v.provenance(b, verdict, t.header); err != nil {
			return fmt.Errorf("where transaction %s comes from: %w", t.id.Short(), err)
		}
	}
	return nil
}

// provenance follows a picked transaction back to a block of the branch for which
// it was signed. Each block on the way was made by who might, and holds it; one
// of another branch says itself where it comes from. A transaction that may run
// on this branch anyway needs none: after a rebase the block that it names is on
// no branch, and may be gone.
func (v *verification) provenance(b branch.Block, verdict branch.Verdict, h sqlcontract.Header) error {
	native := func(id branch.ID) bool {
		return string(h.Branch) == sqlcontract.AnyBranch || string(h.Branch) == string(id[:])
	}
	part, err := v.r.partOf(b.Ledger)
	if err != nil {
		return err
	}
	for at := verdict.Block; ; {
		source, err := v.history.Read(at)
		if errors.Is(err, objectstore.ErrNotFound) && native(b.Branch) {
			return nil
		}
		if err != nil {
			return err
		}
		if source.Ledger != b.Ledger {
			return fmt.Errorf("block %s belongs to ledger %s", at.Short(), source.Ledger.Short())
		}
		if _, err := v.permissions(part, source, nil); err != nil {
			return fmt.Errorf("block %s: %w", at.Short(), err)
		}
		leaves, err := branch.ReadList(v.r.db, objectstore.KindTransactionList, source.Transactions)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(leaves, func(l objectstore.Leaf) bool {
			return objectstore.Sum(objectstore.KindTransaction, l.Data) == verdict.Transaction
		}) {
			return fmt.Errorf("block %s does not hold it", at.Short())
		}
		if native(source.Branch) {
			return nil
		}
		if source.MergeRecord.IsZero() {
			return fmt.Errorf("block %s is of another branch than it was signed for", at.Short())
		}
		rec, err := branch.ReadMergeRecord(v.r.db, source.MergeRecord)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rec.Verdicts, func(x branch.Verdict) bool { return x.Transaction == verdict.Transaction })
		if i < 0 {
			return fmt.Errorf("block %s does not say where it has it from", at.Short())
		}
		at = rec.Verdicts[i].Block // an earlier block: its hash is in this one
	}
}

// pickAgain runs a picked block again in a session on its parent's state.
func (v *verification) pickAgain(s *sqlcontract.Session, b branch.Block, m *merged, txs []sqlcontract.VerifiedTransaction) (*sqlcontract.Sealed, error) {
	picks := make([]merge.Pick, len(txs))
	for i, t := range txs {
		picks[i] = merge.Pick{Transaction: t, Block: m.Verdicts[i].Block}
	}
	outcomes, err := merge.Picks(v.ctx, s, b.Branch, picks)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(outcomes, m.Verdicts, func(o merge.Outcome, was branch.Verdict) bool { return o.Verdict == was }) {
		return nil, errors.New("picking again gives other verdicts than its merge record")
	}
	return s.Seal()
}

// pickedAgain gives the transactions of a picked block as they were picked.
func (p *part) pickedAgain(rec branch.MergeRecord, txs []body) ([]merge.Pick, error) {
	raw := make([]sqlcontract.Transaction, len(txs))
	for i, t := range txs {
		raw[i] = t.raw
	}
	verified, errs := p.verifier.VerifyAll(raw)
	picks := make([]merge.Pick, len(txs))
	for i, t := range verified {
		if errs[i] != nil || i >= len(rec.Verdicts) {
			return nil, errors.Join(errs[i], errors.New("its merge record has no verdict about each transaction"))
		}
		picks[i] = merge.Pick{Transaction: t, Block: rec.Verdicts[i].Block}
	}
	return picks, nil
}
