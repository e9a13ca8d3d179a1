package repo

import (
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// In a column with MERGE RULE DELTA a second revert of one thing would find
// nothing changed since and take the difference back twice: a payment refunded
// two times. So it is looked up what was reverted before.

// A pastRevert is a revert that counts on a line.
type pastRevert struct {
	is    objectstore.Hash
	of    []objectstore.Hash // what it takes back
	block objectstore.Hash
}

// notReverted refuses (AG0721) to take back what a revert in the history since a
// block took back already, unless that revert was reverted itself.
func (d *draft) notReverted(since objectstore.Hash, of []objectstore.Hash) error {
	reverts, err := d.revertsSince(since)
	if err != nil {
		return err
	}
	by := map[objectstore.Hash]pastRevert{} // in force, by what they take back
	for _, p := range slices.Backward(reverts) {
		if _, undone := by[p.is]; undone { // by a later one
			continue
		}
		for _, id := range p.of {
			by[id] = p
		}
	}
	for _, id := range of {
		if p, reverted := by[id]; reverted {
			return fault.New("AG0721", "To have it count again: aergo revert --tx "+p.is.Short(),
				"%s was reverted already, by transaction %s in block %s: it would be taken back twice", of[0].Short(), p.is.Short(), p.block.Short())
		}
	}
	return nil
}

// revertsSince gives the reverts after a block that count on the draft's parent,
// in the order of its history.
func (d *draft) revertsSince(since objectstore.Hash) ([]pastRevert, error) {
	blocks, err := d.r.history.Only(d.parent.ID, since)
	if err != nil {
		return nil, err
	}
	var found []pastRevert
	known := map[objectstore.Hash]bool{}
	for _, id := range blocks {
		b, err := d.r.history.Read(id)
		if err != nil {
			return nil, err
		}
		txs, receipts, err := d.r.bodies(b)
		if err != nil {
			return nil, err
		}
		for i, t := range txs {
			if t.header.Kind != sqlcontract.KindPatch || t.header.OfMerge() || t.args == nil || receipts[i].Status != sqlcontract.StatusOK || known[t.id] {
				continue
			}
			known[t.id] = true
			_, of, err := sqlcontract.PatchOf(t.args)
			if err != nil || of == nil {
				continue
			}
			// A merge may have excluded here what went well on its own branch.
			if seen, status, ok, err := d.session.Seen(t.header.Account, t.header.Salt); err != nil {
				return nil, err
			} else if ok && (seen != t.id || status != sqlcontract.StatusOK) {
				continue
			}
			found = append(found, pastRevert{is: t.id, of: of, block: id})
		}
	}
	return found, nil
}

// addsUp tells whether a revert sets a cell of a column with MERGE RULE DELTA.
func addsUp(rows []merge.Reverted, rule func(contract, table, column string) (merge.Rule, error)) (bool, error) {
	asked := map[[3]string]bool{}
	for _, r := range rows {
		for _, cell := range r.Patch.Cells {
			at := [3]string{r.Contract, r.Table.Name, cell.Column}
			if asked[at] {
				continue
			}
			asked[at] = true
			if by, err := rule(at[0], at[1], at[2]); err != nil || by.By == "DELTA" {
				return err == nil, err
			}
		}
	}
	return false, nil
}
