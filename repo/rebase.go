package repo

import (
	"context"
	"crypto"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// RebaseResult is what a rebase did, or would do.
type RebaseResult struct {
	UndoResult
	MergeResult     // the picked block on the upstream's head; no Block where there was nothing to run
	Failed      int // transactions that had failed, and are not run again
}

// Rebase puts the own unpublished blocks of a local branch (empty: the current
// one) on the head of upstream: what ran well in them runs again there, in order,
// in one picked block, with a verdict each; what upstream has counted already is
// left out. The branch then begins at upstream's head. Its old blocks stay in the
// store as after Undo, whose conditions hold. Refused for main and registered
// branches, and across merges (AG0726).
func (r *Repository) Rebase(ctx context.Context, key crypto.Signer, upstream, into string, dryRun bool) (RebaseResult, error) {
	var res RebaseResult
	onto, err := r.Resolve(upstream)
	if err != nil {
		return res, err
	}
	by, err := r.signer(key, into)
	if err != nil {
		return res, err
	}
	refuse := func(why string, args ...any) error {
		return fault.New("AG0726", "aergo merge "+upstream+" brings its blocks here instead.", why, args...)
	}
	if by.record.Name == branch.Main {
		return res, refuse("main is not rebased: other branches stand on it")
	}
	d, err := r.beginAt(by, r.now(), picked, onto)
	if err != nil {
		return res, err
	}
	defer d.abandon()
	if state, err := r.directory.Head(); err != nil {
		return res, err
	} else if _, registered, err := state.Branch(by.record.ID); err != nil {
		return res, err
	} else if registered {
		return res, refuse("branch %s is registered: others know where it begins", by.record.Name)
	}
	if d.parent.Ledger != r.ledger {
		return res, refuse("block %s is of ledger %s, which this one went on from", onto.Short(), d.parent.Ledger.Short())
	}
	res.UndoResult = UndoResult{Branch: string(by.record.Name), From: d.head, To: onto}
	res.MergeResult = MergeResult{Kind: branch.Picked.String(), Target: onto}
	if done, err := r.history.IsAncestor(onto, d.head); err != nil || done {
		res.Kind, res.To = "up to date", d.head
		return res, err
	}
	own, err := r.own(ctx, by, d.head, func(b branch.Block) (bool, error) { return r.history.IsAncestor(b.ID, onto) }, func() {})
	if err != nil {
		return res, err
	}
	if i := slices.IndexFunc(own, func(b branch.Block) bool { return len(b.Parents) > 1 }); i >= 0 {
		return res, refuse("block %s is a merge, which a rebase would undo", own[i].ID.Short())
	}
	if res.Undone, err = r.entries(own); err != nil {
		return res, err
	}
	chosen, failed, err := r.toReplay(own)
	if err != nil {
		return res, err
	}
	res.Failed = failed
	picks, err := d.unseen(chosen, true)
	if err != nil {
		return res, err
	}
	d.also = func(b objectstore.Batch) error { return branch.SetFrom(b, r.db, by.record.Name, onto) }
	if len(picks) == 0 {
		if dryRun {
			return res, nil
		}
		batch := r.db.NewBatch()
		defer batch.Close()
		if err := r.advance(batch, by.record.ID, d.head, onto); err != nil {
			return res, err
		}
		if err := d.also(batch); err != nil {
			return res, err
		}
		return res, batch.Commit()
	}
	record, err := d.pick(ctx, picks, &res.MergeResult)
	if err != nil || dryRun {
		return res, err
	}
	block, err := d.finish(ctx, &record)
	res.Block, res.To = block.ID, block.ID
	return res, err
}

// toReplay lists, oldest first, what ran well in blocks (newest first), and the
// block that each came from: of a picked one the block that its record names.
func (r *Repository) toReplay(blocks []branch.Block) (chosen []chosenTx, failed int, err error) {
	for _, b := range slices.Backward(blocks) {
		txs, receipts, err := r.bodies(b)
		if err != nil {
			return nil, 0, err
		}
		var record branch.MergeRecord
		if !b.MergeRecord.IsZero() {
			if record, err = branch.ReadMergeRecord(r.db, b.MergeRecord); err != nil {
				return nil, 0, err
			}
		}
		for i, t := range txs {
			from := b.ID
			if i < len(record.Verdicts) {
				from = record.Verdicts[i].Block
			}
			if receipts[i].Status != sqlcontract.StatusOK {
				failed++
				continue
			}
			chosen = append(chosen, chosenTx{t.raw, from})
		}
	}
	return chosen, failed, nil
}
