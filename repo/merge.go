package repo

import (
	"context"
	"crypto"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Merge brings what source (a revision) has to a branch. Where the branch has
// nothing of its own since, and would have authorised every block, its head
// just moves (fast-forward); else the source's transactions are replayed on it
// and one merge block says what became of each.
func (r *Repository) Merge(ctx context.Context, key crypto.Signer, source string, o MergeOptions) (MergeResult, error) {
	by, err := r.signer(key, o.Into)
	if err != nil {
		return MergeResult{}, err
	}
	return r.merge(ctx, by, source, o)
}

func (r *Repository) merge(ctx context.Context, by signer, source string, o MergeOptions) (MergeResult, error) {
	from, err := r.Resolve(source)
	if err != nil {
		return MergeResult{}, err
	}
	if err := r.nothingOpen(by.record); err != nil && !(o.DryRun && fault.Is(err, "AG0710")) {
		return MergeResult{}, err
	}
	o, policy, err := r.obey(o, source, by.record)
	if err != nil {
		return MergeResult{}, err
	}
	d, err := r.begin(by, r.now(), mergeBlock(o.Consistent))
	if err != nil {
		return MergeResult{}, err
	}
	defer d.abandon()
	res := MergeResult{Source: from, Target: d.parent.ID, Kind: "up to date"}
	if done, err := r.history.IsAncestor(from, d.parent.ID); done || err != nil {
		return res, err
	}
	if res.Shown, err = r.discloses(from, by.record, o.Disclose || o.DryRun); err != nil {
		return res, err
	}
	kind := branch.Automatic
	if o.Consistent {
		kind = branch.Consistent
	}
	if res.Approved, res.Missing, err = d.mayBring(kind, from); err != nil && !(o.DryRun && fault.Is(err, "AG0551")) {
		return res, err
	}
	if err := r.unrevoked(from, d.parent.ID); err != nil {
		return res, err
	}
	if !o.NoFF {
		if ok, err := d.mayFastForward(from); err != nil {
			return res, err
		} else if ok {
			res.Kind, res.Block = "fast-forward", from
			if o.DryRun {
				return res, nil
			}
			return res, d.fastForward(from)
		}
	}
	if err := r.ownOnly(from, d.parent.ID); err != nil {
		return res, err
	}
	res.Policy = policy
	if o.Consistent {
		err := d.consistent(ctx, &res, nil, !o.DryRun)
		if err == nil && len(res.Conflicts) > 0 && !o.DryRun {
			d.abandon()
			err = r.saveMerge(by.record.ID, from, nil)
		}
		return res, err
	}
	res.Kind = branch.Automatic.String()
	record, outcomes, err := d.replay(ctx, from, o.Strict)
	if err != nil {
		return res, err
	}
	res.Bases = record.Bases
	if _, err := d.addVerdicts(outcomes, &res); err != nil {
		return res, err
	}
	if o.DryRun {
		return res, nil
	}
	block, err := d.finish(ctx, &record)
	res.Block = block.ID
	return res, err
}

// replay runs the candidates in the draft and writes the merge record.
func (d *draft) replay(ctx context.Context, source objectstore.Hash, strict bool) (branch.MergeRecord, []merge.Outcome, error) {
	r := d.r
	bases, err := r.history.MergeBases(source, d.parent.ID)
	if err != nil {
		return branch.MergeRecord{}, nil, err
	}
	candidates, err := merge.Candidates(r.db, r.history, source, d.parent.ID)
	if err != nil {
		return branch.MergeRecord{}, nil, err
	}
	if len(candidates) > branch.MaxVerdicts {
		return branch.MergeRecord{}, nil, fault.New("AG0701", "Merge a part first: aergo merge REV, with an earlier revision of the source.",
			"the source has %d new transactions, one merge block takes %d", len(candidates), branch.MaxVerdicts)
	}
	outcomes, err := merge.Automatic(ctx, r.db, r.history, d.session, r.verifier, candidates, merge.Options{Strict: strict})
	if err != nil {
		return branch.MergeRecord{}, nil, err
	}
	record := branch.MergeRecord{Version: 1, Kind: branch.Automatic, Source: source, Bases: bases, Strict: strict}
	for _, o := range outcomes {
		record.Verdicts = append(record.Verdicts, o.Verdict)
	}
	return record, outcomes, nil
}

// addVerdicts makes outcomes readable, and gives the layouts after them.
func (d *draft) addVerdicts(outcomes []merge.Outcome, res *MergeResult) (layouts, error) {
	changes := map[int][]sqlcontract.RowChange{}
	for i, out := range outcomes {
		if out.Code != branch.Excluded {
			changes[i] = out.Changes
		}
	}
	l, err := layoutsOf(d.session, changes)
	if err != nil {
		return l, err
	}
	for i, out := range outcomes {
		v, err := d.verdict(out, l, i)
		if err != nil {
			return l, err
		}
		res.add(v)
	}
	return l, nil
}

// verdict makes an outcome readable. position is its place among all.
func (d *draft) verdict(o merge.Outcome, l layouts, position int) (Verdict, error) {
	h := o.Transaction.Header()
	b := body{id: o.Transaction.ID(), header: h, args: o.Transaction.Arguments()}
	v := Verdict{CallSummary: summary(d.session, b, o.Receipt), Included: o.Code != branch.Excluded, Different: o.Code == branch.IncludedDifferent, From: o.Block}
	var err error
	if v.Included {
		v.Changes, err = l.rowDiffs(position, o.Changes)
	}
	return v, err
}

// mayFastForward tells whether the branch can take the source's blocks as they
// are: it is not protected, has no block that the source lacks, its directory would have allowed
// each producer and signer on this branch, and nothing in them is bound to a
// scratch branch. That is asked of all that is new to the branch, and of what is
// only new to its line: blocks that it has merged, and that the source was made
// on.
func (d *draft) mayFastForward(source objectstore.Hash) (bool, error) {
	r := d.r
	if ok, err := r.history.IsAncestor(d.parent.ID, source); !ok || err != nil {
		return false, err
	}
	blocks, err := r.history.Only(source, d.parent.ID)
	if err != nil {
		return false, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return false, err
	}
	if p, err := state.Protection(d.record.ID); p != nil || err != nil {
		return false, err // all of its line is its own
	}
	began, err := r.began(state, d.record)
	if err != nil {
		return false, err
	}
	fresh := map[objectstore.Hash]bool{}
	for _, id := range blocks {
		fresh[id] = true
	}
	for b, err := range r.history.Walk(true, source) {
		if err != nil {
			return false, err
		}
		if b.Number <= d.parent.Number && b.Number >= began {
			if own, err := r.history.AtNumber(d.parent.ID, b.Number); err != nil {
				return false, err
			} else if own == b.ID {
				break // from here on the lines are one
			}
		}
		if b.Branch != d.record.ID && !fresh[b.ID] {
			blocks = append(blocks, b.ID)
		}
	}
	signers := map[objectstore.Account]bool{}
	for _, id := range blocks {
		b, err := r.history.Read(id)
		if err != nil {
			return false, err
		}
		if b.Ledger != r.ledger { // what the ledger went on from
			continue
		}
		if r.mayProduce(state, b.Producer, d.record) != nil {
			return false, nil
		}
		leaves, err := branch.ReadList(r.db, objectstore.KindTransactionList, b.Transactions)
		if err != nil {
			return false, err
		}
		for _, l := range leaves {
			h, err := sqlcontract.DecodeHeader(l.Data)
			if err != nil {
				return false, err
			}
			if h.Stays {
				return false, nil
			}
			if !signers[h.Account] {
				if r.mayWrite(state, h.Account, d.record) != nil {
					return false, nil
				}
				signers[h.Account] = true
			}
		}
	}
	return true, nil
}

// began is the number of the block at which a branch's own line begins.
func (r *Repository) began(state dd.State, rec branch.Record) (branch.Number, error) {
	from := rec.From
	if known, ok, err := state.Branch(rec.ID); err != nil {
		return 0, err
	} else if ok {
		from = known.First // zero for main: all of its line is its own
	}
	if from.IsZero() {
		return 0, nil
	}
	b, err := r.history.Read(from)
	return b.Number, err
}

// fastForward moves the head to a block that exists already.
func (d *draft) fastForward(to objectstore.Hash) error {
	batch := d.r.db.NewBatch()
	defer batch.Close()
	if err := d.r.advance(batch, d.record.ID, d.parent.ID, to); err != nil {
		return err
	}
	return batch.Commit()
}

// consistent makes one merge by cells, with choices for its conflicts.
func (r *Repository) consistent(ctx context.Context, by signer, source objectstore.Hash, choices []merge.Choice, write bool) (MergeResult, error) {
	d, err := r.begin(by, r.now(), mergeBlock(true))
	if err != nil {
		return MergeResult{}, err
	}
	defer d.abandon()
	res := MergeResult{Source: source, Target: d.parent.ID}
	d.also = func(b objectstore.Batch) error { return r.dropMerge(b, by.record.ID) }
	return res, d.consistent(ctx, &res, choices, write)
}
