package repo

import (
	"fmt"

	"github.com/aergo-git/aergo-git/branch"
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
