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

// agrees tells whether a verdict and its receipt say the same.
func agrees(v branch.Verdict, r sqlcontract.Receipt) bool {
	if r.Status == sqlcontract.StatusExcluded {
		return v.Transaction == r.Transaction && v.Code == branch.Excluded && r.Code == fmt.Sprintf("AG%04d", v.Reason)
	}
	return v.Transaction == r.Transaction && v.Code != branch.Excluded && r.Status == sqlcontract.StatusOK
}

// picked checks what a picked block says of itself without executing: a verdict
// for each transaction, agreeing with its receipt, and where each comes from.
func (v *verification) picked(b branch.Block, rec branch.MergeRecord, txs []body, receipts []sqlcontract.Receipt) error {
	sources := sources{v: v, known: map[objectstore.Hash]source{}}
	for i, verdict := range rec.Verdicts {
		t, receipt := txs[i], receipts[i]
		if !agrees(verdict, receipt) {
			return fmt.Errorf("verdict %d of its merge record and receipt %d do not say the same", i, i)
		}
		if t.header.OfMerge() {
			return fmt.Errorf("transaction %s is the patch of a merge, which nobody picks", t.id.Short())
		}
		if receipt.Status == sqlcontract.StatusOK && t.header.Stays && string(t.header.Branch) != string(b.Branch[:]) {
			return fmt.Errorf("transaction %s was made on a scratch branch, which it never leaves", t.id.Short())
		}
		if native(t.header, b.Branch) {
			continue
		}
		if err := sources.follow(b, verdict, t.header); err != nil {
			return fmt.Errorf("where transaction %s comes from: %w", t.id.Short(), err)
		}
	}
	return nil
}

// native tells whether a transaction may run on a branch without coming from
// another. Then it needs no provenance: after a rebase the block that its verdict
// names is on no branch, and may be gone. So it is never asked for, or the answer
// would depend on the blocks that a verifier happens to have.
func native(h sqlcontract.Header, id branch.ID) bool {
	return string(h.Branch) == sqlcontract.AnyBranch || string(h.Branch) == string(id[:])
}

// source is a block that a picked transaction comes from, as far as provenance
// needs it: who might make it did.
type source struct {
	branch.Block
	holds map[objectstore.Hash]bool             // its transactions
	from  map[objectstore.Hash]objectstore.Hash // where its record says it has each from; nil: it has no record
}

// sources keeps what was read of the blocks that one record names: mostly many
// transactions come from one block.
type sources struct {
	v     *verification
	known map[objectstore.Hash]source
	size  int // transactions in known
}

// follow follows a picked transaction back to a block of the branch for which it
// was signed. Each block on the way was made by who might, and holds it; one of
// another branch says itself where it comes from.
func (s *sources) follow(b branch.Block, verdict branch.Verdict, h sqlcontract.Header) error {
	for at := verdict.Block; ; {
		from, err := s.read(b, at)
		if err != nil {
			return err
		}
		if !from.holds[verdict.Transaction] {
			return fmt.Errorf("block %s does not hold it", at.Short())
		}
		if native(h, from.Branch) {
			return nil
		}
		if from.from == nil {
			return fmt.Errorf("block %s is of another branch than it was signed for", at.Short())
		}
		earlier, ok := from.from[verdict.Transaction] // its hash is in this one
		if !ok {
			return fmt.Errorf("block %s does not say where it has it from", at.Short())
		}
		at = earlier
	}
}

func (s *sources) read(b branch.Block, at objectstore.Hash) (source, error) {
	if known, ok := s.known[at]; ok {
		return known, nil
	}
	if err := s.v.ctx.Err(); err != nil {
		return source{}, err
	}
	var from source
	var err error
	if from.Block, err = s.v.history.Read(at); err != nil {
		return from, err
	}
	if from.Ledger != b.Ledger {
		return from, fmt.Errorf("block %s belongs to ledger %s", at.Short(), from.Ledger.Short())
	}
	part, err := s.v.r.partOf(b.Ledger)
	if err != nil {
		return from, err
	}
	if _, err := s.v.permissions(part, from.Block, nil); err != nil {
		return from, fmt.Errorf("block %s: %w", at.Short(), err)
	}
	leaves, err := branch.ReadList(s.v.r.db, objectstore.KindTransactionList, from.Transactions)
	if err != nil {
		return from, err
	}
	from.holds = make(map[objectstore.Hash]bool, len(leaves))
	for _, l := range leaves {
		from.holds[objectstore.Sum(objectstore.KindTransaction, l.Data)] = true
	}
	if !from.MergeRecord.IsZero() {
		rec, err := branch.ReadMergeRecord(s.v.r.db, from.MergeRecord)
		if err != nil {
			return from, err
		}
		from.from = make(map[objectstore.Hash]objectstore.Hash, len(rec.Verdicts))
		for _, x := range rec.Verdicts {
			from.from[x.Transaction] = x.Block
		}
	}
	if s.size += len(leaves); s.size > maxKeptSources {
		clear(s.known)
		s.size = len(leaves)
	}
	s.known[at] = from
	return from, nil
}

// pickAgain runs a picked block again in a session on its parent's state.
func (v *verification) pickAgain(s *sqlcontract.Session, b branch.Block, m *merged, txs []sqlcontract.VerifiedTransaction) (*sqlcontract.Sealed, error) {
	picks := make([]merge.Pick, len(txs))
	for i, t := range txs {
		if m.Verdicts[i].Reason == erasedReason { // this store may have what the picker's had not
			t = t.Bare()
		}
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
