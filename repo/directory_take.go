package repo

import (
	"context"
	"errors"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Taken is what TakeDirectory brought.
type Taken struct {
	Before, Block objectstore.Hash // the best directory block before and now
	Number        uint64           // of Block
	// Left tells that Before is not part of the chain any more: the admins had
	// replaced the producer, or he wrote two chains. Blocks of branches that name
	// what was left do not count any more; what ran in them is submitted again.
	Left bool
	// Origin is the ledger of which the directory is, where that is an origin of
	// this one; Notices is then what it says against the origin's blocks here.
	Origin  objectstore.Hash
	Notices []Notice
	// Fork is the proof, which was not known before, that the directory's producer
	// made two chains; nil where there is none.
	Fork *dd.Fork
	// Renamed are the branches that are here and took their new names, Deleted the
	// local names of those that are not in the directory any more. Their blocks
	// are kept.
	Renamed []Renamed
	Deleted []string
	// Statement is the head statement of a proof; nil where the file has none.
	Statement *dd.Statement
	// Contested is the evidence that it and a known one make, which is kept now.
	Contested *dd.Evidence
}

// TakeDirectory takes what a file of this ledger says that is not known here: the
// directory of an export or of a proof, if its chain is better than ours
// (dd.State.Better), and the head statement of a proof. Everything is verified. A
// statement that contradicts a known one is kept as evidence and its branch is
// contested: until an admin decides, no block is made there (AG0606). Two chains
// of the directory by one producer are kept as evidence, too, and followed as ever.
//
// Of a private branch's origin it takes a newer directory as knowledge beside: it
// warns (OriginNotices) and tells Give what the origin would refuse, and changes
// nothing of what blocks mean. One without the block that the genesis names, or
// that goes back, is refused with AG0516.
func (r *Repository) TakeDirectory(ctx context.Context, data []byte) (Taken, error) {
	var t Taken
	p, other, err := decodeTaken(data)
	if err != nil {
		return t, fault.New("AG0604", "Take what aergo dd export or aergo proof wrote.", "this is neither a directory nor a proof: %w", err)
	}
	if _, ledger, err := dd.DecodeGenesis(p.Genesis); err != nil {
		return t, err
	} else if origin, err := r.partOf(ledger); err == nil && ledger != r.ledger {
		return r.takeOrigin(ctx, origin, p)
	} else if ledger != r.ledger {
		return t, fault.New("AG0601", "aergo status tells which ledger this is.", "this is of ledger %s, not of %s", ledger, r.ledger)
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	before, err := r.directory.Head()
	if err != nil {
		return t, err
	}
	known, err := r.directory.StandingFork(before)
	if err != nil {
		return t, err
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	now := r.now().UnixMilli()
	after, err := r.directory.Accept(batch, p.Directory, now)
	if err != nil {
		return t, err
	}
	if t.Renamed, t.Deleted, err = r.followNames(batch, before, after); err != nil {
		return t, err
	}
	if err := batch.Commit(); err != nil {
		return t, err
	}
	if len(other) > 0 {
		if after, err = r.takeOther(&t, p, other, now); err != nil {
			return t, err
		}
	}
	if known == nil || !after.Standing(*known) {
		if t.Fork, err = r.directory.StandingFork(after); err != nil {
			return t, err
		}
	}
	kept, err := after.Includes(before.Block().ID)
	t.Before, t.Block, t.Number, t.Left = before.Block().ID, after.Block().ID, after.Block().Number, !kept
	if err != nil || p.Statement == nil {
		return t, err
	}
	return t, r.takeStatement(&t, p, after, now)
}

// takeOther takes the second chain of a file, which proves something with the first.
func (r *Repository) takeOther(t *Taken, p proofFile, other []dd.SealedBlock, now int64) (dd.State, error) {
	if _, err := verifyFork(p.Genesis, p.Directory, other); err != nil {
		return dd.State{}, err
	}
	i, err := partingOf(p.Directory, other)
	if err != nil {
		return dd.State{}, err
	}
	first, err := r.directory.Head()
	if err != nil {
		return dd.State{}, err
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	s, err := r.directory.Accept(batch, append(p.Directory[:i:i], other...), now)
	if err != nil {
		return s, err
	}
	renamed, deleted, err := r.followNames(batch, first, s)
	if err != nil {
		return s, err
	}
	t.Renamed, t.Deleted = append(t.Renamed, renamed...), append(t.Deleted, deleted...)
	return s, batch.Commit()
}

func decodeTaken(data []byte) (p proofFile, other []dd.SealedBlock, err error) {
	var f directoryFile
	if err := wire.UnmarshalLimit(data, &f, maxDirectory); err == nil && f.Version == 1 {
		return proofFile{Genesis: f.Genesis, Directory: f.Directory}, f.Other, nil
	}
	err = wire.UnmarshalLimit(data, &p, maxProof)
	if err == nil && (p.Version != 1 || len(p.Directory) == 0) {
		err = errors.New("its version is not known, or it is not whole")
	}
	return p, nil, err
}

func (r *Repository) takeStatement(t *Taken, p proofFile, s dd.State, now int64) error {
	st, err := dd.DecodeStatement(p.Statement)
	if err != nil {
		return err
	}
	d, err := branch.DecodeDescriptor(p.Branch)
	if err != nil {
		return err
	}
	if err := s.CheckRevoked(st.Producer, p.Seal, st.Branch, r.before(st.Block)); err != nil {
		return err
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	e, err := r.directory.TakeStatement(batch, st, p.Seal, now, dd.Question{Name: p.Name, Creator: d.Creator, Salt: d.Salt})
	if err != nil {
		return err
	}
	t.Statement, t.Contested = &st, e
	return batch.Commit()
}

// before tells whether a block is another one or before it. One that is not here
// has nothing before it.
func (r *Repository) before(id objectstore.Hash) func(objectstore.Hash) (bool, error) {
	return func(last objectstore.Hash) (bool, error) { return hasBlock(r.history, last, id) }
}

// hasBlock tells whether the history of head has a block; neither need be here.
func hasBlock(h *branch.History, head, id objectstore.Hash) (bool, error) {
	if head == id {
		return true, nil
	}
	ok, err := h.IsAncestor(id, head)
	if errors.Is(err, objectstore.ErrNotFound) {
		return false, nil
	}
	return ok, err
}

// mayContinue refuses to go on with a branch at a block, or to publish it there:
// where its producer published two heads of one number and nobody has decided
// (AG0606), where the block lacks what was published or decided (AG0512: this copy
// is an older one, a backup), or where its directory block is not part of the
// chain any more (AG0513).
func (r *Repository) mayContinue(s dd.State, rec branch.Record, at branch.Block) error {
	if err := r.directory.CheckContested(s, rec.ID); err != nil {
		return err
	}
	if at.Ledger == r.ledger {
		if ok, err := s.Includes(at.Directory); err != nil {
			return err
		} else if !ok {
			return fault.New("AG0513", "Submit what ran in it again: aergo undo, then aergo submit. A block that others have is left with a new branch from before it.",
				"block %s of %s names directory block %s, which is not part of the directory's chain any more", at.ID.Short(), rec.Name, at.Directory.Short())
		}
	}
	published, err := s.Decided(rec.ID)
	if err != nil {
		return err
	}
	st, _, err := r.directory.LatestStatement(rec.ID)
	if err == nil {
		published = append(published, st.Block)
	} else if !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	for _, id := range published {
		if ok, err := hasBlock(r.history, at.ID, id); err != nil {
			return err
		} else if !ok {
			return fault.New("AG0512", "Copy the ledger again from where it was published. This one may be a backup: what it has more can be submitted there.",
				"block %s of branch %s was published, and is not part of its history here", id.Short(), rec.Name)
		}
	}
	return nil
}

// contested checks the branches of which there is evidence against a producer:
// somebody has decided, and what was dropped does not stand here.
func (v *verification) contested() error {
	list, err := v.r.directory.Evidence()
	if err != nil {
		return failed("the evidence", err)
	}
	for _, e := range list {
		if err := v.settled(e); err != nil {
			return failed("the head statements of branch "+e.A.Branch.Short(), err)
		}
	}
	return nil
}

func (v *verification) settled(e dd.Evidence) error {
	if err := v.r.directory.CheckContested(v.directory, e.A.Branch); err != nil {
		return err
	}
	kept, ok, err := v.directory.Resolved(e.A.Branch, e.A.Epoch, e.A.Sequence)
	if err != nil || !ok {
		return err
	}
	head, err := branch.Head(v.r.db, e.A.Branch)
	if err != nil {
		return err
	}
	if ok, err := v.reaches(head, kept); err != nil || ok {
		return err
	}
	for _, st := range []dd.Statement{e.A, e.B} {
		if ok, err := v.reaches(head, st.Block); err != nil {
			return err
		} else if ok {
			return fault.New("AG0512", "Take it back with aergo undo, or copy the ledger again from where the other was published.",
				"its head %s goes on from block %s; of the two that were published as number %d an admin kept %s", head.Short(), st.Block.Short(), st.Sequence, kept.Short())
		}
	}
	return nil
}
