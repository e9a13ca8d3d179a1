package repo

import (
	"errors"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// AnchorOf is the change that anchors a registered branch at its head here.
func (r *Repository) AnchorOf(name string) (dd.Change, error) {
	rec, err := r.branch(name)
	if err != nil {
		return nil, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	known, registered, err := s.Branch(rec.ID)
	if err != nil {
		return nil, err
	}
	if !registered {
		return nil, fault.New("AG0202", "aergo branch --register "+string(rec.Name), "branch %s is not registered", rec.Name)
	}
	if err := r.directory.CheckContested(s, rec.ID); err != nil {
		return nil, err
	}
	id, err := branch.Head(r.db, rec.ID)
	if err != nil {
		return nil, err
	}
	head, err := r.history.Read(id)
	if err != nil {
		return nil, err
	}
	c := dd.AnchorBranch{Branch: rec.ID, Block: id, Number: uint64(head.Number), Epoch: known.Epoch}
	if a := known.Anchor; a != nil && a.Block == id && a.Epoch == known.Epoch {
		c.Sequence = a.Sequence
	}
	st, _, err := r.directory.LatestStatement(rec.ID)
	if err == nil && st.Epoch == known.Epoch {
		c.Sequence = st.Sequence
	} else if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return nil, err
	}
	return c, nil
}

// ResolutionOf is the change that keeps one block of two heads that the producer
// of a registered branch published with one number. block is its id, or as many
// digits of it as tell it from the other.
func (r *Repository) ResolutionOf(name, block string) (dd.Change, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	b, ok, err := s.BranchNamed(name)
	if err != nil {
		return nil, err
	}
	if !ok {
		rec, err := r.branch(name)
		if err != nil {
			return nil, err
		}
		b.ID, b.Name = rec.ID, string(rec.Name)
	}
	list, err := r.directory.Evidence()
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if e.A.Branch != b.ID {
			continue
		}
		if done, err := s.Settled(e); err != nil {
			return nil, err
		} else if done {
			continue
		}
		first, second := strings.HasPrefix(e.A.Block.String(), block), strings.HasPrefix(e.B.Block.String(), block)
		if first == second {
			return nil, fault.New("AG0201", "aergo dd resolve "+b.Name+" BLOCK", "%q is not one of the two blocks %s and %s", block, e.A.Block.Short(), e.B.Block.Short())
		}
		kept := e.A.Block
		if second {
			kept = e.B.Block
		}
		return dd.ResolveEvidence{Branch: b.ID, Epoch: e.A.Epoch, Sequence: e.A.Sequence, Block: kept}, nil
	}
	return nil, fault.New("AG0202", "aergo dd show tells what is contested", "there are no two heads of branch %s to choose from", b.Name)
}
