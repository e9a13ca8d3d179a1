package repo

import (
	"errors"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// In a column with MERGE RULE DELTA a second revert of one thing would find
// nothing changed since and take the difference back twice: a payment refunded
// two times. So it is looked up what was reverted before.

// A revertTarget is a block, or a transaction in the blocks that list it.
type revertTarget struct {
	tx     objectstore.Hash // zero: the whole block
	blocks []objectstore.Hash
}

// A pastRevert is a revert that counts on a line.
type pastRevert struct {
	is, of revertTarget
	block  objectstore.Hash
}

// notReverted refuses (AG0721) what a revert in the history since took back
// already, unless that revert was reverted itself.
func (d *draft) notReverted(b branch.Block, tx objectstore.Hash) error {
	reverts, err := d.revertsSince(b.ID)
	if err != nil {
		return err
	}
	what, name := revertTarget{blocks: []objectstore.Hash{b.ID}}, "block "+b.ID.Short()
	if !tx.IsZero() {
		if what, err = d.r.revertTarget(tx); err != nil {
			return err
		}
		name = "transaction " + tx.Short()
	}
	var inForce []pastRevert // newest first: what takes a revert back comes after it
	by := func(t revertTarget) (pastRevert, bool, error) {
		for _, p := range inForce {
			if yes, err := d.r.overlap(p.of, t); yes || err != nil {
				return p, yes, err
			}
		}
		return pastRevert{}, false, nil
	}
	for _, p := range slices.Backward(reverts) {
		_, undone, err := by(p.is)
		if err != nil {
			return err
		}
		if !undone {
			inForce = append(inForce, p)
		}
	}
	p, found, err := by(what)
	if err != nil || !found {
		return err
	}
	return fault.New("AG0721", "To have it count again: aergo revert --tx "+p.is.tx.Short(),
		"%s was reverted already, by transaction %s in block %s: it would be taken back twice", name, p.is.tx.Short(), p.block.Short())
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
			if err != nil || of.IsZero() {
				continue
			}
			// A merge may have excluded here what went well on its own branch.
			if seen, status, ok, err := d.session.Seen(t.header.Account, t.header.Salt); err != nil {
				return nil, err
			} else if ok && (seen != t.id || status != sqlcontract.StatusOK) {
				continue
			}
			is, err1 := d.r.revertTarget(t.id)
			target, err2 := d.r.revertTarget(of)
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			found = append(found, pastRevert{is: is, of: target, block: id})
		}
	}
	return found, nil
}

// revertTarget tells a transaction from a block by the index.
func (r *Repository) revertTarget(id objectstore.Hash) (revertTarget, error) {
	places, err := r.appearances(id)
	if len(places) == 0 {
		return revertTarget{blocks: []objectstore.Hash{id}}, err
	}
	t := revertTarget{tx: id}
	for _, p := range places {
		t.blocks = append(t.blocks, p.block)
	}
	return t, err
}

// overlap tells whether taking back one of two takes back some of the other.
func (r *Repository) overlap(a, b revertTarget) (bool, error) {
	if !a.tx.IsZero() && !b.tx.IsZero() {
		return a.tx == b.tx, nil
	}
	for _, x := range a.blocks {
		for _, y := range b.blocks {
			if b.tx.IsZero() {
				if yes, err := r.broughtBy(x, y); yes || err != nil {
					return yes, err
				}
			}
			if a.tx.IsZero() {
				if yes, err := r.broughtBy(y, x); yes || err != nil {
					return yes, err
				}
			}
		}
	}
	return false, nil
}

// broughtBy tells whether a block is another one, or came to the line with it,
// a merge. A block that is not here came with nothing.
func (r *Repository) broughtBy(id, by objectstore.Hash) (bool, error) {
	if id == by {
		return true, nil
	}
	m, err := r.history.Read(by)
	if errors.Is(err, objectstore.ErrNotFound) || err == nil && len(m.Parents) < 2 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	in, err := r.history.IsAncestor(id, by)
	if !in || err != nil {
		if errors.Is(err, objectstore.ErrNotFound) {
			err = nil
		}
		return false, err
	}
	before, err := r.history.IsAncestor(id, m.Parents[0])
	return err == nil && !before, err
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
