package repo

import (
	"context"
	"crypto"
	"fmt"
	"slices"
	"strconv"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// UndoResult is what an undo or a rebase took from a branch.
type UndoResult struct {
	Branch string
	From   objectstore.Hash // head before: a branch made there brings it back
	To     objectstore.Hash // head after
	Undone []Entry          // the blocks with all transactions, newest first
}

// Undo moves the head of a branch (empty: the current one) back by n blocks, or
// with to (a revision on its line) to there. Only blocks of one's own that nobody
// else can have are undone: made by this key, every transaction signed by it, and
// covered by no head statement, no other branch, tag, merge or cherry-pick
// (AG0725). No merge may be open. The blocks stay in the store until they are
// collected: CreateBranch at From brings them back.
func (r *Repository) Undo(ctx context.Context, key crypto.Signer, into string, n int, to string) (UndoResult, error) {
	by, err := r.signer(key, into)
	if err != nil {
		return UndoResult{}, err
	}
	stop := objectstore.Hash{}
	if to != "" {
		if stop, err = r.Resolve(to); err != nil {
			return UndoResult{}, err
		}
	} else if n < 1 {
		return UndoResult{}, fault.New("AG0105", "aergo undo 2", "undo takes one block or more, not %s", strconv.Itoa(n))
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	head, err := branch.Head(r.db, by.record.ID)
	if err != nil {
		return UndoResult{}, err
	}
	res := UndoResult{Branch: string(by.record.Name), From: head, To: head}
	if stop == head {
		return res, fault.New("AG0721", "", "%s stands at block %s already", by.record.Name, head.Short())
	}
	own, err := r.own(ctx, by, head, func(b branch.Block) (bool, error) { return b.ID == stop || stop.IsZero() && n == 0, nil }, func() { n-- })
	if err != nil {
		return res, err
	}
	if res.Undone, err = r.entries(own); err != nil {
		return res, err
	}
	res.To = own[len(own)-1].Parents[0]
	batch := r.db.NewBatch()
	defer batch.Close()
	// The head's compare-and-swap is the whole of it: the working tree is brought to
	// the state of the new head when it is next used.
	if err := r.advance(batch, by.record.ID, head, res.To); err != nil {
		return res, err
	}
	return res, batch.Commit()
}

// own gives the blocks of a branch from its head down to where done says, newest
// first, if each is one's own and unpublished. next is called after each.
func (r *Repository) own(ctx context.Context, by signer, head objectstore.Hash, done func(branch.Block) (bool, error), next func()) ([]branch.Block, error) {
	if err := r.nothingOpen(by.record); err != nil {
		return nil, err
	}
	others, err := r.reaching(by.record.ID)
	if err != nil {
		return nil, err
	}
	var list []branch.Block
	gone := map[objectstore.Hash]bool{}
	for at := head; ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := r.history.Read(at)
		if err != nil {
			return nil, err
		}
		if ok, err := done(b); err != nil {
			return nil, err
		} else if ok {
			break
		}
		gone[b.ID] = true
		if err := r.ownBlock(by, b, others, gone); err != nil {
			return nil, err
		}
		list = append(list, b)
		next()
		at = b.Parents[0]
	}
	return list, nil
}

// reach is a block that holds others in place, and what it is.
type reach struct {
	block objectstore.Hash
	what  string
}

// reaching gives what holds blocks beside the head of a branch: other branches,
// tags, open merges, and head statements of all branches.
func (r *Repository) reaching(except branch.ID) ([]reach, error) {
	var list []reach
	records, err := branch.Branches(r.db)
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		if rec.ID != except {
			head, err := branch.Head(r.db, rec.ID)
			if err != nil {
				return nil, err
			}
			list = append(list, reach{head, "branch " + string(rec.Name) + " has it"})
		}
		if source, _, ok, err := r.opened(rec.ID); err != nil {
			return nil, err
		} else if ok {
			list = append(list, reach{source, "the open merge into " + string(rec.Name) + " brings it"})
		}
	}
	tags, err := r.Tags()
	if err != nil {
		return nil, err
	}
	for _, t := range tags {
		list = append(list, reach{t.Block, "tag " + t.Name + " names it"})
	}
	ids, err := r.directory.Statements()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		st, _, err := r.directory.LatestStatement(id)
		if err != nil {
			return nil, err
		}
		if here, err := r.db.Has(st.Block); err != nil {
			return nil, err
		} else if !here {
			continue // another copy published it
		}
		list = append(list, reach{st.Block, "it is published: head statement " + fmt.Sprint(st.Sequence) + " covers it"})
	}
	directory, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	known, err := directory.Branches()
	if err != nil {
		return nil, err
	}
	for _, b := range known {
		if b.Protection != nil {
			list = append(list, reach{b.Protection.From, "branch " + b.Name + " is protected since it"})
		}
		if !b.First.IsZero() {
			list = append(list, reach{b.First, "branch " + b.Name + " is registered as beginning at it"})
		}
	}
	return slices.DeleteFunc(list, func(x reach) bool { return x.block.IsZero() }), nil
}

// ownBlock refuses a block that is not one's own, or that others may have. gone
// are the blocks above it that go with it, itself included.
func (r *Repository) ownBlock(by signer, b branch.Block, others []reach, gone map[objectstore.Hash]bool) error {
	refuse := func(why string, args ...any) error {
		return fault.New("AG0725", "Take back what it did with: aergo revert "+b.ID.Short(),
			"block %s is not undone: %s", b.ID.Short(), fmt.Sprintf(why, args...))
	}
	if len(b.Parents) == 0 || b.Ledger != r.ledger || b.ID == by.record.From && b.Branch != by.record.ID {
		return refuse("it is where the branch begins")
	}
	if b.Producer != by.account {
		return refuse("%s made it", b.Producer)
	}
	for _, o := range others {
		has, err := r.history.IsAncestor(b.ID, o.block)
		if err != nil {
			return err
		}
		if has {
			return refuse("%s", o.what)
		}
	}
	txs, _, err := r.bodies(b)
	if err != nil {
		return err
	}
	for _, t := range txs {
		if t.header.Account != by.account {
			return refuse("it holds transaction %s of %s", t.id.Short(), t.header.Account)
		}
		places, err := r.appearances(t.id)
		if err != nil {
			return err
		}
		for _, p := range places {
			named, err := r.comesFrom(p.block, t.id, b.ID)
			if err != nil {
				return err
			}
			for _, o := range others {
				if gone[p.block] || !named {
					break
				}
				has, err := r.history.IsAncestor(p.block, o.block)
				if err != nil {
					return err
				}
				if has {
					return refuse("its transaction %s stands in block %s too: %s", t.id.Short(), p.block.Short(), o.what)
				}
			}
		}
	}
	return nil
}

// comesFrom tells whether a block has a transaction from another: a pick or a merge
// that names it, without which it could not be verified.
func (r *Repository) comesFrom(block, tx, from objectstore.Hash) (bool, error) {
	b, err := r.history.Read(block)
	if err != nil || b.MergeRecord.IsZero() {
		return false, err
	}
	record, err := branch.ReadMergeRecord(r.db, b.MergeRecord)
	return slices.ContainsFunc(record.Verdicts, func(v branch.Verdict) bool { return v.Transaction == tx && v.Block == from }), err
}

// entries describes blocks with all their transactions.
func (r *Repository) entries(blocks []branch.Block) ([]Entry, error) {
	known, err := r.names()
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, b := range blocks {
		e, err := r.entry(b, known, -1)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}
