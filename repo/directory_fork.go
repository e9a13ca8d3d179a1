package repo

import (
	"crypto"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// DirectoryBlock finds a directory block by its number on the chain that is
// followed, or by 4 digits or more of its id, there or on a chain that is kept as
// evidence.
func (r *Repository) DirectoryBlock(text string) (dd.Block, error) {
	var found []dd.Block
	number, notNumber := strconv.ParseUint(text, 10, 64)
	fits := func(b dd.Block) bool {
		return notNumber == nil && b.Number == number || len(text) >= 4 && strings.HasPrefix(b.ID.String(), text)
	}
	for b, err := range r.directory.Log() {
		if err != nil {
			return dd.Block{}, err
		}
		if fits(b) {
			found = append(found, b)
		}
	}
	forks, err := r.directory.Forks()
	if err != nil {
		return dd.Block{}, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return dd.Block{}, err
	}
	for _, f := range forks {
		for _, b := range []dd.Block{f.A, f.B} {
			on, err := s.Includes(b.ID)
			if err != nil {
				return dd.Block{}, err
			}
			if !on && strings.HasPrefix(b.ID.String(), text) && len(text) >= 4 {
				found = append(found, b)
			}
		}
	}
	switch len(found) {
	case 0:
		return dd.Block{}, fault.New("AG0201", "aergo dd log lists them", "no directory block %s is known here", text)
	case 1:
		return found[0], nil
	}
	return dd.Block{}, fault.New("AG0201", "Write more digits.", "%s is the beginning of %d directory blocks", text, len(found))
}

// stateFor is the state to which a change would be added: the directory's, or
// that after the block which it names.
func (r *Repository) stateFor(s dd.State, change dd.Change) (dd.State, error) {
	c, ok := change.(dd.SetProducer)
	if !ok || c.After.IsZero() || c.After == s.Block().ID {
		return s, nil
	}
	at, err := r.directory.At(c.After)
	if errors.Is(err, objectstore.ErrNotFound) {
		err = fault.New("AG0601", "aergo dd import FILE, with what aergo dd export wrote where it is known", "directory block %s is not known here", c.After.Short())
	}
	return at, err
}

// append puts the next directory block into a batch, on the state that stateFor
// gives for its first operation.
func (r *Repository) append(batch objectstore.Batch, on dd.State, now int64, op dd.SignedOperation, key crypto.Signer) (dd.State, error) {
	head, err := r.directory.Head()
	if err != nil {
		return head, err
	}
	if on.Block().ID == head.Block().ID {
		return r.directory.Append(batch, now, []dd.SignedOperation{op}, nil, key)
	}
	return r.directory.AppendAfter(batch, on.Block().ID, now, []dd.SignedOperation{op}, nil, key)
}

// otherLine gives the chain that proves a standing fork, for a file; nil where
// there is none.
func (r *Repository) otherLine(s dd.State) ([]dd.SealedBlock, error) {
	f, err := r.directory.StandingFork(s)
	if err != nil || f == nil {
		return nil, err
	}
	return r.directory.OtherLine(s, *f)
}

// verifyFork checks the second chain of a file against the first, which is
// verified, and gives what both prove.
func verifyFork(genesis []byte, chain, other []dd.SealedBlock) (*dd.Fork, error) {
	if len(other) == 0 {
		return nil, nil
	}
	i, err := partingOf(chain, other)
	if err != nil {
		return nil, err
	}
	from, err := directoryOf(genesis, chain[:i], nil)
	if err != nil {
		return nil, err
	}
	f, err := dd.VerifyFork(from, chain[i:], other)
	if err != nil {
		return nil, fmt.Errorf("its second chain: %w", err)
	}
	return &f, nil
}

// partingOf counts the blocks of a chain after which another goes on.
func partingOf(chain, other []dd.SealedBlock) (int, error) {
	first, err := dd.DecodeBlock(other[0].Data)
	if err != nil {
		return 0, err
	}
	for i, sealed := range chain {
		if objectstore.Sum(objectstore.KindDirectoryBlock, sealed.Data) == first.Parent {
			return i + 1, nil
		}
	}
	return 0, fault.New("AG0608", "", "its second chain does not part from the first: it follows block %s", first.Parent.Short())
}

// forkNotice says that the directory's producer made two chains.
func (r *Repository) forkNotice(s dd.State) ([]Notice, error) {
	f, err := r.directory.StandingFork(s)
	if err != nil || f == nil {
		return nil, err
	}
	e := fault.Of(s.Refusal(*f))
	return []Notice{{e.ID, e.What, e.Next}}, nil
}
