package repo

import (
	"context"
	"crypto"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// PickOptions choose what a cherry-pick brings, and to where.
type PickOptions struct {
	Into         string              // target branch; empty: the current one
	Transactions []string            // ids or their beginnings: these, in this order
	Contract     string              // only what calls or deploys this contract
	Author       objectstore.Account // only what this account signed
	DryRun       bool                // verdicts only, nothing written
	Empty        bool                // make the block even if everything is excluded
	Disclose     bool                // allow what shows blocks to who could not read them, as MergeOptions.Disclose
}

func (o PickOptions) filters() bool { return o.Contract != "" || o.Author != "" }

// CherryPick runs chosen transactions of another line again on a branch, in one
// ordinary block with one parent, whose merge record (kind picked) gives each a
// verdict and says which block it comes from. What rev means:
//
//	REV              the transactions of that one block that ran well in it
//	A..B             those that B has and A has not, as a merge of B would bring
//	                 them; an empty A is the target's head
//	REV and Contract or Author
//	                 of those that REV has and the target has not, these
//	Transactions     exactly these, of what rev reaches (empty: of any block)
//
// A transaction that has run on the target, ok or failed, is left out of a
// selection and refused (AG0720) where it was named, by block or id. One that a
// merge had excluded here runs again. What does not run well here is excluded,
// with its reason. If everything is excluded no block is made, unless o.Empty:
// then Block is zero and the verdicts say why. Where the choice is empty the error is AG0721.
func (r *Repository) CherryPick(ctx context.Context, key crypto.Signer, rev string, o PickOptions) (MergeResult, error) {
	by, err := r.signer(key, o.Into)
	if err != nil {
		return MergeResult{}, err
	}
	if err := r.nothingOpen(by.record); err != nil && !(o.DryRun && fault.Is(err, "AG0710")) {
		return MergeResult{}, err
	}
	d, err := r.begin(by, r.now(), picked)
	if err != nil {
		return MergeResult{}, err
	}
	defer d.abandon()
	res := MergeResult{Kind: branch.Picked.String(), Target: d.parent.ID}
	if _, _, err := d.mayBring(branch.Picked, objectstore.Hash{}); err != nil {
		return res, err
	}
	chosen, err := r.picks(rev, d.parent.ID, o)
	if err != nil {
		return res, err
	}
	if res.Shown, err = r.shown(chosen, by.record, o.Disclose || o.DryRun); err != nil {
		return res, err
	}
	picks, err := d.unseen(chosen, len(o.Transactions) == 0 && (o.filters() || strings.Contains(rev, "..")))
	if err != nil {
		return res, err
	}
	if len(picks) == 0 {
		return res, fault.New("AG0721", "aergo log "+rev+" shows its blocks, aergo show BLOCK their transactions.",
			"%s has no transaction to pick that %s has not", rev, by.record.Name)
	}
	record, err := d.pick(ctx, picks, &res)
	if err != nil || o.DryRun || res.Included == 0 && !o.Empty {
		return res, err
	}
	block, err := d.finish(ctx, &record)
	res.Block = block.ID
	return res, err
}

// nothingOpen refuses while a merge into a branch is open.
func (r *Repository) nothingOpen(rec branch.Record) error {
	open, _, ok, err := r.opened(rec.ID)
	if err == nil && ok {
		err = fault.New("AG0710", "Settle its conflicts: aergo conflicts, aergo resolve; or give it up: aergo merge --abort",
			"the merge of %s into %s is open", open.Short(), rec.Name)
	}
	return err
}

// chosenTx is a transaction to pick, and the block it comes from.
type chosenTx struct {
	raw   sqlcontract.Transaction
	block objectstore.Hash
}

// picks gives the transactions that a cherry-pick is asked for.
func (r *Repository) picks(rev string, target objectstore.Hash, o PickOptions) ([]chosenTx, error) {
	from, to, ranged := strings.Cut(rev, "..")
	if !ranged {
		to = rev
	}
	if ranged && strings.HasPrefix(to, ".") {
		return nil, badRevision(rev, "a cherry-pick takes A..B, with two dots")
	}
	tip, err := r.Resolve(to)
	if err != nil {
		return nil, err
	}
	since := target
	if from != "" && ranged {
		if since, err = r.Resolve(from); err != nil {
			return nil, err
		}
	}
	var list []chosenTx
	switch {
	case len(o.Transactions) > 0:
		return r.named(o.Transactions, tip, rev == "")
	case ranged || o.filters():
		candidates, err := merge.Candidates(r.db, r.history, tip, since)
		if err != nil {
			return nil, err
		}
		for _, c := range candidates {
			if !c.OfMerge() && (o.Contract == "" || c.Contract() == o.Contract) && (o.Author == "" || c.Account() == o.Author) {
				list = append(list, chosenTx{c.Transaction, c.Block})
			}
		}
		return list, nil
	}
	b, err := r.history.Read(tip)
	if err != nil {
		return nil, err
	}
	txs, receipts, err := r.bodies(b)
	if err != nil {
		return nil, err
	}
	for i, t := range txs {
		if receipts[i].Status == sqlcontract.StatusOK && !t.header.OfMerge() {
			list = append(list, chosenTx{t.raw, tip})
		}
	}
	return list, nil
}

// named finds transactions by the beginnings of their ids, in a block that tip
// reaches, or in any; one in which it ran well, if there is.
func (r *Repository) named(prefixes []string, tip objectstore.Hash, anywhere bool) ([]chosenTx, error) {
	var list []chosenTx
	taken := map[objectstore.Hash]bool{}
	for _, prefix := range prefixes {
		id, err := r.transactionID(prefix)
		if err != nil {
			return nil, err
		}
		if taken[id] {
			continue
		}
		taken[id] = true
		places, err := r.appearances(id)
		if err != nil {
			return nil, err
		}
		var best chosenTx
		ran := false
		for _, p := range places {
			reached := anywhere
			if !reached {
				if reached, err = r.history.IsAncestor(p.block, tip); err != nil {
					return nil, err
				}
			}
			if !reached || ran {
				continue
			}
			b, err := r.history.Read(p.block)
			if err != nil {
				return nil, err
			}
			txs, receipts, err := r.bodies(b)
			if err != nil {
				return nil, err
			}
			if p.position < len(txs) && txs[p.position].id == id {
				best, ran = chosenTx{txs[p.position].raw, p.block}, receipts[p.position].Status == sqlcontract.StatusOK
			}
		}
		if best.block.IsZero() {
			return nil, fault.New("AG0721", "Leave the revision out: aergo cherry-pick --tx "+id.Short(), "transaction %s is not in the history of block %s", id.Short(), tip.Short())
		}
		list = append(list, best)
	}
	return list, nil
}

// unseen verifies the chosen transactions and, with skip, leaves out those that
// have run here.
func (d *draft) unseen(chosen []chosenTx, skip bool) ([]merge.Pick, error) {
	if len(chosen) > branch.MaxVerdicts {
		return nil, fault.New("AG0701", "Pick fewer at a time.", "%d transactions were chosen, one block takes %d", len(chosen), branch.MaxVerdicts)
	}
	raw := make([]sqlcontract.Transaction, len(chosen))
	for i, c := range chosen {
		raw[i] = c.raw
		b, err := d.r.history.Read(c.block)
		if err != nil {
			return nil, err
		}
		if b.Ledger != d.r.ledger {
			return nil, fault.New("AG0542", "Make the calls again.", "block %s is the origin's: its transactions are signed for ledger %s and cannot run again in this one",
				b.ID.Short(), b.Ledger.Short())
		}
	}
	verified, errs := d.r.verifier.VerifyAll(raw)
	var picks []merge.Pick
	for i, t := range verified {
		if errs[i] != nil {
			return nil, errs[i]
		}
		id, status, seen, err := d.session.Seen(t.Header().Account, t.Header().Salt)
		if err != nil {
			return nil, err
		}
		if ran := seen && id == t.ID() && status != sqlcontract.StatusExcluded; !ran || !skip {
			picks = append(picks, merge.Pick{Transaction: t, Block: chosen[i].block})
		}
	}
	return picks, nil
}

// pick runs the picks in the draft and writes the merge record.
func (d *draft) pick(ctx context.Context, picks []merge.Pick, res *MergeResult) (branch.MergeRecord, error) {
	record := branch.MergeRecord{Version: 1, Kind: branch.Picked}
	outcomes, err := merge.Picks(ctx, d.session, d.record.ID, picks)
	if err != nil {
		return record, err
	}
	for _, o := range outcomes {
		record.Verdicts = append(record.Verdicts, o.Verdict)
	}
	_, err = d.addVerdicts(outcomes, res)
	return record, err
}

// shown tells who learns of transactions by a pick that he could not read before.
// Of blocks of one branch the newest says it: who reads that reads the others.
func (r *Repository) shown(chosen []chosenTx, target branch.Record, allowed bool) ([]objectstore.Account, error) {
	newest := map[branch.ID]branch.Block{}
	for _, c := range chosen {
		b, err := r.history.Read(c.block)
		if err != nil {
			return nil, err
		}
		if was, ok := newest[b.Branch]; !ok || b.Generation > was.Generation {
			newest[b.Branch] = b
		}
	}
	var all []objectstore.Account
	for _, b := range newest {
		list, err := r.discloses(b.ID, target, allowed)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
