package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Where the heads stood when this package last moved or checked them: "stood/" +
// branch id in hex => block id. A head that is elsewhere was moved by something
// else. Who can write the one ref can write the other: this keeps Open fast, and
// Verify, which does not read it, is what to rely on.
const (
	refHeads = "head/"
	refStood = "stood/"
)

// advance moves the head of a branch, and notes it as one that may stand there.
func (r *Repository) advance(batch objectstore.Batch, id branch.ID, old, block objectstore.Hash) error {
	if err := branch.Advance(batch, id, old, block); err != nil {
		return err
	}
	return r.stood(batch, id, block[:])
}

// stood notes where a head stands; nil forgets it.
func (r *Repository) stood(batch objectstore.Batch, id branch.ID, block []byte) error {
	name := refStood + id.String()
	was, err := r.db.Ref(name)
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	if was == nil && block == nil {
		return nil
	}
	return batch.SetRef(name, was, block)
}

// movedHead is a head that is not where it was noted last.
type movedHead struct {
	id       branch.ID
	was, now objectstore.Hash // was is zero where nothing was noted
}

// moved finds the heads that something else has moved. It costs one pass over
// the refs, however long the history is.
func (r *Repository) moved() ([]movedHead, error) {
	type noted struct {
		id    string
		block []byte
	}
	var stood []noted
	err := r.db.Refs(refStood, func(name string, value []byte) error {
		stood = append(stood, noted{name[len(refStood):], value})
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []movedHead
	next := 0
	err = r.db.Refs(refHeads, func(name string, value []byte) error { // in the same order
		id := name[len(refHeads):]
		for next < len(stood) && stood[next].id < id {
			next++ // its branch was deleted
		}
		var was []byte
		if next < len(stood) && stood[next].id == id {
			was = stood[next].block
		}
		if bytes.Equal(was, value) {
			return nil
		}
		h, err := objectstore.ParseHash(id)
		if err != nil || len(value) != objectstore.HashSize || len(was) > 0 && len(was) != objectstore.HashSize {
			return fmt.Errorf("the head of branch %s is damaged", id)
		}
		m := movedHead{id: h, now: objectstore.Hash(value)}
		copy(m.was[:], was)
		list = append(list, m)
		return nil
	})
	return list, err
}

// checkDirectory refuses, at Open, a directory that something else changed to
// what its chain does not allow (AG0556): by it all else is judged.
func (r *Repository) checkDirectory(readOnly bool) error {
	moved, err := r.directory.Moved()
	if err != nil || !moved {
		return err
	}
	head, err := r.directory.Head()
	if err == nil {
		_, err = dd.VerifyChain(r.db, r.ledger, head.Block().ID)
	}
	if err != nil {
		return fault.New("AG0556", "Put it back with: aergo branch restore main; aergo verify checks all the rest. Something else than aergo wrote to this ledger.",
			"the head of the directory was moved to where it may not stand: %w", err)
	}
	if readOnly {
		return nil
	}
	return r.update(func(b objectstore.Batch) error { return r.directory.Stands(b, head.Block().ID) })
}

// checkHeads refuses, at Open, a head that something else moved to where it may
// not stand (AG0556). Others are noted, so that it is asked once.
func (r *Repository) checkHeads(readOnly bool) error {
	list, err := r.moved()
	if err != nil || len(list) == 0 {
		return err
	}
	v, err := r.standing(context.Background())
	if err != nil {
		return err
	}
	defer v.close()
	records, err := branch.Branches(r.db)
	if err != nil {
		return err
	}
	for _, m := range list {
		i := slices.IndexFunc(records, func(rec branch.Record) bool { return rec.ID == m.id })
		if i < 0 {
			continue // nobody can name it
		}
		if err := v.mayStand(records[i], m.was, m.now); err != nil {
			return fault.New("AG0556", fmt.Sprintf("Put it back with: aergo branch restore %s; aergo verify checks all the rest. Something else than aergo wrote to this ledger.", records[i].Name),
				"the head of branch %s was moved to block %s, where it may not stand: %w", records[i].Name, m.now.Short(), err)
		}
	}
	if readOnly {
		return nil
	}
	return r.update(func(b objectstore.Batch) error {
		for _, m := range list {
			if err := r.stood(b, m.id, m.now[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// CheckHead decides whether the head of a branch may stand at block now, when it
// is known that it could stand at was (zero: nothing is known). It is the one
// answer to a head that this package did not move: Open asks it of heads that
// something else has moved, Verify of every head, and who fetches or serves asks
// it of a head that others name, when its blocks are here and before its ref
// moves. What was published, anchored or protected is on its line, and each block
// of the line that is not on that of was has a producer, a signature, a directory
// block, approvals and a place that the directory allows, by the newest directory
// that is here. What the blocks hold is for Verify. It fails with AG0556, or with
// objectstore.ErrNotFound within where a block is not here. The cost is that of
// the blocks between the two.
func (r *Repository) CheckHead(ctx context.Context, branch, was, now objectstore.Hash) error {
	rec, err := r.branchByID(branch)
	if err != nil {
		return err
	}
	v, err := r.standing(ctx)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.mayStand(rec, was, now); err != nil {
		return fault.New("AG0556", "Keep the head that is here, and ask the branch's producer.", "the head of branch %s may not stand at block %s: %w", rec.Name, now.Short(), err)
	}
	return nil
}

// standing is a verification of heads only. It uses the index: its cost must not
// grow with the ledger.
func (r *Repository) standing(ctx context.Context) (v *verification, err error) {
	v = r.verification(ctx, VerifyOptions{})
	v.history = r.history
	for _, p := range r.parts {
		if v.verified[p.ledger], err = p.directory.Head(); err != nil {
			return nil, err
		}
	}
	v.directory = v.verified[r.ledger]
	return v, nil
}

// mayStand is CheckHead, of many heads.
func (v *verification) mayStand(rec branch.Record, was, now objectstore.Hash) error {
	known, registered, err := v.directory.Branch(rec.ID)
	if err != nil {
		return err
	}
	from := rec.From
	if registered {
		from = known.First // zero for main: all of its line is its own
	}
	b, err := v.history.Read(now)
	if err != nil {
		return err
	}
	if err := v.r.stands(v.history, b, v.r.ledger); err != nil {
		return err
	}
	if err := v.holds(rec, known.Protection, now); err != nil {
		return err
	}
	return v.line(v.r.parts[0], rec, from, was, now)
}

// line checks the line of one branch of a part, from its head down to the block
// it began at, to where the part begins, or to where it meets the line of was:
// each block may stand there.
func (v *verification) line(part *part, rec branch.Record, from, was, head objectstore.Hash) error {
	protection, err := v.verified[part.ledger].Protection(rec.ID)
	if err != nil {
		return err
	}
	if protection != nil && part != v.r.parts[0] { // an origin may have been left before
		if ok, err := v.history.IsAncestor(protection.From, head); err != nil {
			return err
		} else if !ok {
			protection = nil
		}
	}
	for b, err := range v.newOnLine(part, was, head, from) {
		if err == nil {
			err = v.ctx.Err()
		}
		if err != nil {
			return err
		}
		if protection != nil && b.ID == protection.From {
			protection = nil // what stood before it
		}
		if err := v.onLine(part, b, rec, protection); err != nil {
			return fmt.Errorf("block %s stands on branch %s: %w", b.ID.Short(), rec.Name, err)
		}
	}
	return nil
}

// onLine checks one block of a line; protection is nil for what stood before it.
func (v *verification) onLine(part *part, b branch.Block, rec branch.Record, protection *dd.Protection) error {
	if !v.checked[b.ID] {
		parents := make([]branch.Header, len(b.Parents))
		for i, id := range b.Parents {
			p, err := v.history.Read(id)
			if err != nil {
				return err
			}
			parents[i] = p.Header
		}
		err := b.CheckParentsAcross(parents, v.r.origins())
		if err != nil {
			return err
		}
		state, err := v.permissions(part, b, parents)
		if err == nil {
			err = v.counts(part, b, nil, nil)
		}
		if err == nil {
			err = v.guarded(b, state)
		}
		if err != nil {
			return err
		}
	}
	if protection != nil {
		if err := v.since(*protection, b, rec); err != nil {
			return err
		}
	}
	if b.Branch == rec.ID {
		return nil
	}
	return v.forwarded(part, b, rec)
}

// newOnLine gives the blocks on the line of now that are not on that of was, the
// newest first: down to where the two lines meet, to the block at which the
// branch began, or to where the part begins.
func (v *verification) newOnLine(part *part, was, now, from objectstore.Hash) iter.Seq2[branch.Block, error] {
	read := func(id objectstore.Hash) (branch.Block, bool, error) {
		if id.IsZero() {
			return branch.Block{}, false, nil
		}
		b, err := v.history.Read(id)
		return b, err == nil, err
	}
	return func(yield func(branch.Block, error) bool) {
		old, below, err := read(was)
		if err != nil {
			yield(old, err)
			return
		}
		b, ok, err := read(now)
		for ; err == nil && ok && b.ID != from && b.Ledger == part.ledger; b, ok, err = read(parentOf(b)) {
			for below && old.Number > b.Number {
				if old, below, err = read(parentOf(old)); err != nil {
					yield(old, err)
					return
				}
			}
			if below && old.ID == b.ID || !yield(b, nil) {
				return
			}
		}
		if err != nil {
			yield(b, err)
		}
	}
}

func parentOf(b branch.Block) objectstore.Hash {
	if len(b.Parents) == 0 {
		return objectstore.Hash{}
	}
	return b.Parents[0]
}

// holds checks that a head descends from what was published of its branch, from
// its last anchor, and from where it was protected. Where the published block is
// not here this copy is an older one, which is no fault of what it holds;
// mayContinue keeps it from going on.
func (v *verification) holds(rec branch.Record, p *dd.Protection, head objectstore.Hash) error {
	_, deleted, err := v.directory.Deleted(rec.ID) // then its head statements count no more
	if err != nil {
		return err
	}
	st, _, err := v.r.directory.LatestStatement(rec.ID)
	if err == nil && !deleted {
		ok, err := v.history.IsAncestor(st.Block, head)
		if err == nil && !ok {
			err = fmt.Errorf("its head leaves out block %s, which was published", st.Block.Short())
		}
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
	} else if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	if err := v.anchored(rec.ID, head); err != nil || p == nil {
		return err
	}
	if ok, err := v.history.IsAncestor(p.From, head); err != nil || ok {
		return err
	}
	return fault.New("AG0556", "", "its head %s does not descend from block %s, at which it was protected", head.Short(), p.From.Short())
}

// RestoreHead puts the head of a branch, and that of the directory, back to where
// this package had them, in a repository that was opened with Options.Moved. It
// tells both blocks of the branch.
func (r *Repository) RestoreHead(name string) (from, to objectstore.Hash, err error) {
	rec, err := r.branch(name)
	if err != nil {
		return from, to, err
	}
	err = r.update(func(b objectstore.Batch) error {
		if err := r.directory.Restore(b); err != nil {
			return err
		}
		if from, err = branch.Head(r.db, rec.ID); err != nil {
			return err
		}
		was, err := r.db.Ref(refStood + rec.ID.String())
		if errors.Is(err, objectstore.ErrNotFound) || err == nil && len(was) != objectstore.HashSize {
			return fault.New("AG0556", "Copy the ledger again from a backup or a peer.", "where the head of %s stood before is not known", rec.Name)
		}
		if err != nil {
			return err
		}
		if to = objectstore.Hash(was); to == from {
			return nil
		}
		return branch.Advance(b, rec.ID, from, to)
	})
	return from, to, err
}
