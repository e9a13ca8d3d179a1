package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	type noted struct{ id, block string }
	var stood []noted
	err := r.db.Refs(refStood, func(name string, value []byte) error {
		stood = append(stood, noted{name[len(refStood):], string(value)})
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
		was := ""
		if next < len(stood) && stood[next].id == id {
			was = stood[next].block
		}
		if was == string(value) {
			return nil
		}
		h, err := objectstore.ParseHash(id)
		if err != nil || len(value) != objectstore.HashSize || was != "" && len(was) != objectstore.HashSize {
			return fmt.Errorf("the head of branch %s is damaged", id)
		}
		m := movedHead{id: h, now: objectstore.Hash(bytes.Clone(value))}
		copy(m.was[:], was)
		list = append(list, m)
		return nil
	})
	return list, err
}

// checkHeads refuses, at Open, a head that something else moved to where it may
// not stand (AG0556). Others are noted, so that it is asked once.
func (r *Repository) checkHeads(readOnly bool) error {
	list, err := r.moved()
	if err != nil || len(list) == 0 {
		return err
	}
	v := r.verification(context.Background(), VerifyOptions{})
	defer v.close()
	v.history = r.history // with its index: the cost must not grow with the ledger
	for _, p := range r.parts {
		if v.verified[p.ledger], err = p.directory.Head(); err != nil {
			return err
		}
	}
	v.directory = v.verified[r.ledger]
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

// mayStand decides whether a head may stand where it stands, of which only was
// is known to be good (zero: nothing is): what was published or protected is on
// its line, and each block of the line that was not has a producer and a place
// that the directory allows. What the blocks hold is for Verify. The cost is that
// of the blocks between the two.
func (v *verification) mayStand(rec branch.Record, was, now objectstore.Hash) error {
	r := v.r
	part := r.parts[0]
	known, registered, err := v.directory.Branch(rec.ID)
	if err != nil {
		return err
	}
	from := rec.From
	if registered {
		from = known.First
	}
	fresh, err := v.newOnLine(part, was, now, from)
	if err != nil {
		return err
	}
	if err := v.holds(rec, known.Protection, now); err != nil {
		return err
	}
	for _, b := range slices.Backward(fresh) {
		state, err := v.permissions(part, b, nil)
		if err != nil {
			return fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
		if err := v.counts(part, b, nil, nil); err != nil {
			return fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
		if err := v.guarded(b, state); err != nil {
			return fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
	}
	after := known.Protection != nil
	for _, b := range fresh { // the newest first
		if after && b.ID == known.Protection.From {
			after = false
		}
		if after {
			if err := v.since(*known.Protection, b, rec); err != nil {
				return fmt.Errorf("block %s: %w", b.ID.Short(), err)
			}
		}
		if b.Branch == rec.ID {
			continue
		}
		if err := v.forwarded(part, b, rec); err != nil {
			return fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
	}
	return nil
}

// newOnLine gives the blocks on the line of now that are not on that of was, the
// newest first: down to where the two lines meet, to the block at which the
// branch began, or to where the part begins.
func (v *verification) newOnLine(part *part, was, now, from objectstore.Hash) ([]branch.Block, error) {
	var fresh []branch.Block
	read := func(id objectstore.Hash) (branch.Block, bool, error) {
		if id.IsZero() {
			return branch.Block{}, false, nil
		}
		b, err := v.history.Read(id)
		return b, err == nil, err
	}
	old, below, err := read(was)
	if err != nil {
		return nil, err
	}
	b, ok, err := read(now)
	if err == nil && ok {
		err = v.r.stands(v.history, b, part.ledger)
	}
	for ; err == nil && ok && b.ID != from && b.Ledger == part.ledger; b, ok, err = read(parentOf(b)) {
		for below && old.Number > b.Number {
			if old, below, err = read(parentOf(old)); err != nil {
				return nil, err
			}
		}
		if below && old.ID == b.ID {
			return fresh, nil
		}
		fresh = append(fresh, b)
	}
	return fresh, err
}

func parentOf(b branch.Block) objectstore.Hash {
	if len(b.Parents) == 0 {
		return objectstore.Hash{}
	}
	return b.Parents[0]
}

// holds checks that a head descends from what was published of its branch, from
// its last anchor, and from where it was protected.
func (v *verification) holds(rec branch.Record, p *dd.Protection, head objectstore.Hash) error {
	st, _, err := v.r.directory.LatestStatement(rec.ID)
	if err == nil {
		if ok, err := v.reaches(head, st.Block); err != nil {
			return err
		} else if !ok {
			return fmt.Errorf("it leaves out block %s, which was published", st.Block.Short())
		}
	} else if !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	if err := v.anchored(rec.ID, head); err != nil || p == nil {
		return err
	}
	if ok, err := v.history.IsAncestor(p.From, head); err != nil || ok {
		return err
	}
	return fmt.Errorf("it leaves out block %s, at which the branch was protected", p.From.Short())
}

// RestoreHead puts the head of a branch back to where this package had it, in a
// repository that was opened with Options.Moved. It tells both blocks.
func (r *Repository) RestoreHead(name string) (from, to objectstore.Hash, err error) {
	rec, err := r.branch(name)
	if err != nil {
		return from, to, err
	}
	err = r.update(func(b objectstore.Batch) error {
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
