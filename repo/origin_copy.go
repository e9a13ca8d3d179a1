package repo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
)

// take copies what a block of an origin needs into r's store, which has no
// ledger yet, and verifies the copy. Until a genesis and refs are put beside it
// the store is a quarantine: when this fails or the process dies, there is no
// ledger, and the next try begins with an empty store.
func (r *Repository) take(ctx context.Context, src *Repository, taken offered, progress func(done, total int)) (did Copied, err error) {
	c := copier{ctx: ctx, from: src.db, to: r.db, pending: map[objectstore.Hash]bool{}}
	c.batch = r.db.NewBatch()
	defer func() { _ = c.batch.Close() }()
	if err := c.directories(src.parts); err != nil {
		return did, failed("the origin's directory", err)
	}
	if err := c.history(taken.block.ID); err != nil {
		if ctx.Err() != nil {
			return did, ctx.Err()
		}
		return did, failed("the origin's history", err)
	}
	if err := c.sources(); err != nil {
		return did, failed("the origin's history", err)
	}
	if err := c.commit(); err != nil {
		return did, err
	}
	did.Objects, did.Bytes = c.objects, c.bytes
	if err := r.history.Reindex(c.batch, taken.block.ID); err != nil {
		return did, failed("the origin's history", err)
	}
	if err := c.commit(); err != nil {
		return did, err
	}
	// As if the repository were the origin's, to be verified as such.
	r.ledger = src.ledger
	r.directory = dd.OpenAt(r.db, src.ledger, taken.state.Block().ID)
	if r.parts, err = partsFrom(r.db, r.directory, taken.block.ID); err != nil {
		return did, failed("the origin's directory", err)
	}
	r.owner, r.verifier = r.parts[0].owner, r.parts[0].verifier
	v := r.verification(ctx, VerifyOptions{Full: c.transactions <= quickTransactions})
	defer v.close()
	if err = v.directories(); err == nil {
		err = r.stands(v.history, taken.block, r.ledger)
	}
	if err == nil {
		err = v.blocks([]objectstore.Hash{taken.block.ID}, progress)
	}
	if err == nil {
		err = v.originLines(r.parts)
	}
	if stopped := ctx.Err(); err != nil && stopped != nil {
		return did, stopped
	}
	did.Verification, did.Executed = v.report, v.full
	return did, err
}

// copier copies objects from a store that nobody vouches for. Each is read by
// its id, which the store checks, and limited; whether it is the right one, and
// good, is verified afterwards on the copy.
type copier struct {
	ctx      context.Context
	from, to *objectstore.DB
	batch    objectstore.Batch
	held     int                       // bytes in batch
	pending  map[objectstore.Hash]bool // in batch

	picked []objectstore.Hash // blocks that merge records name and that need not be ancestors

	objects      int
	bytes        int64
	transactions uint64
}

// commit stores what is held and begins a new batch.
func (c *copier) commit() error {
	if err := c.batch.Commit(); err != nil {
		return fmt.Errorf("storing a part of the origin: %w", err)
	}
	if err := c.batch.Close(); err != nil {
		return err
	}
	c.batch, c.held = c.to.NewBatch(), 0
	clear(c.pending)
	return nil
}

// object copies one object, if it is not there, and says whether it was new.
func (c *copier) object(id objectstore.Hash, want ...objectstore.Kind) (kind objectstore.Kind, data []byte, fresh bool, err error) {
	if c.pending[id] {
		return 0, nil, false, nil
	}
	if here, err := c.to.Has(id); err != nil || here {
		return 0, nil, false, err
	}
	if err := c.ctx.Err(); err != nil {
		return 0, nil, false, err
	}
	if kind, data, err = c.from.Get(id); err != nil {
		return 0, nil, false, err
	}
	if !slices.Contains(want, kind) {
		return 0, nil, false, fmt.Errorf("object %s is a %s, not a %s", id.Short(), kind, want[0])
	}
	if err := c.batch.PutHashed(id, kind, data); err != nil { // refuses what is too large
		return 0, nil, false, err
	}
	c.pending[id] = true
	c.objects++
	c.bytes += int64(len(data))
	if c.held += len(data); c.held > copyBatch {
		return kind, data, true, c.commit()
	}
	return kind, data, true, nil
}

// directories copies the directory chain of each part, verified by its ledger id.
func (c *copier) directories(parts []*part) error {
	for _, p := range parts {
		genesis, err := p.directory.Genesis()
		if err != nil {
			return err
		}
		if genesis.StateFormat != prolly.StateFormat {
			return fmt.Errorf("ledger %s has state format %d, this program knows %d", p.ledger.Short(), genesis.StateFormat, prolly.StateFormat)
		}
		data, err := genesis.Encode()
		if err != nil {
			return err
		}
		head, err := p.directory.Head()
		if err != nil {
			return err
		}
		chain, err := chainTo(p.directory, head.Block().ID)
		if err != nil {
			return err
		}
		if _, err := dd.AdoptOrigin(c.batch, p.ledger, data, chain); err != nil {
			return err
		}
		if err := c.commit(); err != nil {
			return err
		}
	}
	return nil
}

// history copies a block with all that it and its ancestors need.
func (c *copier) history(head objectstore.Hash) error {
	stack := []objectstore.Hash{head}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		_, data, fresh, err := c.object(id, objectstore.KindBlock)
		if err != nil {
			return err
		}
		if !fresh {
			continue
		}
		b, err := branch.DecodeBlock(data)
		if err != nil {
			return err
		}
		if err := c.block(b); err != nil {
			return fmt.Errorf("block %s: %w", id.Short(), err)
		}
		stack = append(stack, b.Parents...)
	}
	return nil
}

// sources copies of the blocks from which transactions were picked what shows
// that they stand there, after all else: where one is an ancestor it is there.
// One that is gone is no fault yet; that is for the verification to say.
func (c *copier) sources() error {
	for len(c.picked) > 0 {
		id := c.picked[len(c.picked)-1]
		c.picked = c.picked[:len(c.picked)-1]
		if here, err := c.from.Has(id); err != nil || !here {
			if err != nil {
				return err
			}
			continue
		}
		_, data, fresh, err := c.object(id, objectstore.KindBlock)
		if err != nil {
			return err
		}
		if !fresh {
			continue
		}
		b, err := branch.DecodeBlock(data)
		if err == nil {
			err = c.head(b)
		}
		if err == nil && b.Transactions.Count > 0 {
			_, _, _, err = c.object(b.Transactions.Root, objectstore.KindTransactionList)
		}
		if err != nil {
			return fmt.Errorf("block %s: %w", id.Short(), err)
		}
	}
	return nil
}

// block copies what a block names, but its parents.
func (c *copier) block(b branch.Block) error {
	if err := c.head(b); err != nil {
		return err
	}
	for _, l := range []struct {
		branch.List
		kind objectstore.Kind
	}{{b.Transactions, objectstore.KindTransactionList}, {b.Receipts, objectstore.KindReceiptList}, {b.Changes, objectstore.KindChangeList}} {
		if l.Count == 0 {
			continue
		}
		if _, _, _, err := c.object(l.Root, l.kind); err != nil {
			return err
		}
	}
	leaves, err := branch.ReadList(c.from, objectstore.KindTransactionList, b.Transactions)
	if err != nil {
		return err
	}
	for i, l := range leaves {
		key := txKey(objectstore.Sum(objectstore.KindTransaction, l.Data), b.ID)
		if err := c.batch.SetIndex(key, binary.BigEndian.AppendUint32(nil, uint32(i))); err != nil {
			return err
		}
	}
	c.transactions += uint64(len(leaves))
	return c.state(b.State)
}

// head copies what makes a block's header worth something.
func (c *copier) head(b branch.Block) error {
	seal, err := c.from.Seal(b.ID)
	if err != nil {
		return err
	}
	if err := c.batch.PutSeal(b.ID, seal); err != nil {
		return err
	}
	if _, _, _, err := c.object(b.Branch, objectstore.KindBranch); err != nil {
		return err
	}
	if b.MergeRecord.IsZero() {
		return nil
	}
	if _, _, _, err := c.object(b.MergeRecord, objectstore.KindMergeRecord); err != nil {
		return err
	}
	rec, err := branch.ReadMergeRecord(c.from, b.MergeRecord)
	if err != nil || rec.Kind != branch.Picked {
		return err
	}
	for _, verdict := range rec.Verdicts {
		c.picked = append(c.picked, verdict.Block)
	}
	return nil
}

// state copies the nodes of a state that no earlier one had. It keeps its own
// stack: a forged tree may be as deep as a disk is large.
func (c *copier) state(root objectstore.Hash) error {
	type place struct {
		id    objectstore.Hash
		depth int
	}
	stack := []place{{root, 0}}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at.id == prolly.EmptyRoot() {
			continue
		}
		if at.depth > maxTreeDepth {
			return errors.New("its state is deeper than any state can be")
		}
		kind, data, fresh, err := c.object(at.id, objectstore.KindLeaf, objectstore.KindInner, objectstore.KindValue)
		if err != nil {
			return err
		}
		if !fresh || kind == objectstore.KindValue {
			continue
		}
		err = prolly.Links(kind, data, func(child objectstore.Hash, _ objectstore.Kind) error {
			stack = append(stack, place{child, at.depth + 1})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
