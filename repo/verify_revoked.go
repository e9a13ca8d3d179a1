package repo

import (
	"fmt"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// counts checks a block and what ran in it against the revocations of the newest
// directory state: a stolen key is stopped whatever directory block it names.
func (v *verification) counts(part *part, b branch.Block, txs []sqlcontract.VerifiedTransaction, receipts []sqlcontract.Receipt) error {
	newest := v.verified[part.ledger]
	if !newest.AnyRevoked() {
		return nil
	}
	within := v.within(b.ID)
	seal, err := v.r.db.Seal(b.ID)
	if err != nil {
		return err
	}
	if err := newest.CheckRevokedBlock(b.Producer, seal, b.Branch, within); err != nil {
		return err
	}
	for i, t := range txs {
		if receipts[i].Status == sqlcontract.StatusExcluded {
			continue
		}
		if err := newest.CheckRevokedBlock(t.Header().Account, t.Raw().Seal, b.Branch, within); err != nil {
			return fmt.Errorf("transaction %s: %w", t.ID().Short(), err)
		}
	}
	return nil
}

// within tells whether a block is another one or before it. One that is not here
// has nothing before it.
func (v *verification) within(id objectstore.Hash) func(objectstore.Hash) (bool, error) {
	return func(last objectstore.Hash) (bool, error) { return v.reaches(last, id) }
}

func (v *verification) reaches(head, id objectstore.Hash) (bool, error) {
	return hasBlock(v.history, head, id)
}

// anchored checks that the head of a branch descends from the branch's last
// anchor in the directory.
func (v *verification) anchored(id branch.ID, head objectstore.Hash) error {
	b, err := v.history.Read(head)
	if err != nil {
		return err
	}
	return v.directory.CheckAnchor(id, uint64(b.Number), func(anchor objectstore.Hash) (bool, error) { return v.reaches(head, anchor) })
}

// unrevoked refuses a merge whose source brings blocks that a revocation has made
// invalid: nobody could verify the target after it.
func (r *Repository) unrevoked(source, target objectstore.Hash) error {
	newest, err := r.directory.Head()
	if err != nil || !newest.AnyRevoked() {
		return err
	}
	blocks, err := r.history.Only(source, target)
	if err != nil {
		return err
	}
	for _, id := range blocks {
		b, err := r.history.Read(id)
		if err != nil {
			return err
		}
		if b.Ledger != r.ledger {
			continue
		}
		if err := r.unrevokedBlock(newest, b); err != nil {
			return fault.New("AG0509", "Merge up to the block before it. What others signed after that can be submitted again.", "block %s of the source does not count: %w", id.Short(), err)
		}
	}
	return nil
}

func (r *Repository) unrevokedBlock(newest dd.State, b branch.Block) error {
	within := func(last objectstore.Hash) (bool, error) { return hasBlock(r.history, last, b.ID) }
	seal, err := r.db.Seal(b.ID)
	if err != nil {
		return err
	}
	if err := newest.CheckRevokedBlock(b.Producer, seal, b.Branch, within); err != nil {
		return err
	}
	txs, receipts, err := r.bodies(b)
	if err != nil {
		return err
	}
	for i, t := range txs {
		if receipts[i].Status == sqlcontract.StatusExcluded {
			continue
		}
		if err := newest.CheckRevokedBlock(t.header.Account, t.raw.Seal, b.Branch, within); err != nil {
			return fmt.Errorf("transaction %s: %w", t.id.Short(), err)
		}
	}
	return nil
}
