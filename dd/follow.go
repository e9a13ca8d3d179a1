package dd

import (
	"bytes"
	"errors"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Better reports whether of two chains of one ledger the one that ends with s is
// followed, and not the one that ends with other. It is a total order on blocks,
// and a block is better than all before it, so everybody who knows the same
// chains follows the same one, in whatever order they came. The first difference
// decides:
//
//  1. the higher term: the chain in which admins have replaced the producer more
//     often. What a deposed producer goes on with never wins.
//  2. more blocks in that term, not counting the one that began it;
//  3. where that is none: the chain whose new producer began the term himself. The
//     old one can repeat what the admins signed, at another place, but not this;
//  4. the lower id.
//
// Within a term this lets the present producer, and nobody else, write anew what
// he has written. Both chains together prove it (Fork), and the admins decide.
func (s State) Better(other State) bool {
	a, b := s.ledger, other.ledger
	since, others := s.block.Number-a.Appointed, other.block.Number-b.Appointed
	took, otherTook := s.block.Producer == a.Producer, other.block.Producer == b.Producer
	switch {
	case a.Term != b.Term:
		return a.Term > b.Term
	case since != others:
		return since > others
	case took != otherTook:
		return took
	}
	return bytes.Compare(s.block.ID[:], other.block.ID[:]) < 0
}

// Accept verifies blocks of others, oldest first, of which the first follows any
// block that is known here, and puts them into a batch if the last one is Better
// than the head: it becomes the head. Blocks that are known already are passed
// over. now is the clock of who takes them, ms since 1970. It gives the state
// that is followed then.
//
// A worse chain is verified, but not kept, or a producer who was replaced could
// fill the disk. Of two chains that one producer made in one term both are kept,
// as far as it takes to prove it: Forks.
func (d *Directory) Accept(b objectstore.Batch, chain []SealedBlock, now int64) (State, error) {
	head, err := d.Head()
	if err != nil {
		return State{}, err
	}
	var from Block
	for len(chain) > 0 {
		id := objectstore.Sum(objectstore.KindDirectoryBlock, chain[0].Data)
		known, err := d.Block(id)
		if errors.Is(err, objectstore.ErrNotFound) {
			break
		} else if err != nil {
			return State{}, err
		}
		from, chain = known, chain[1:]
	}
	if len(chain) == 0 {
		// Its blocks are the head's, or lost against another one before. With this
		// head they may prove what they did not with that one.
		if from.ID.IsZero() || from.Ledger != d.ledger {
			return head, nil
		}
		return head, d.notice(newWriter(b), head, from, nil, nil)
	}
	first, err := DecodeBlock(chain[0].Data)
	if err != nil {
		return State{}, err
	}
	if from.ID.IsZero() || from.ID != first.Parent {
		if from, err = d.Block(first.Parent); errors.Is(err, objectstore.ErrNotFound) {
			return State{}, fault.New("AG0601", "fetch the whole directory", "directory block %d follows %s, which is not known here", first.Number, first.Parent.Short())
		} else if err != nil {
			return State{}, err
		}
	}
	last, err := DecodeBlock(chain[len(chain)-1].Data)
	if err != nil {
		return State{}, err
	}
	if err := last.CheckClock(now); err != nil {
		return State{}, err
	}
	s, err := d.At(from.ID)
	if err != nil {
		return State{}, err
	}
	var states []State
	if s, err = s.Follow(each(chain), func(next State, _ SealedBlock) error {
		states = append(states, next)
		return nil
	}); err != nil {
		return State{}, err
	}
	w := newWriter(b)
	if err := d.notice(w, head, from, chain, states); err != nil {
		return State{}, err
	}
	if !s.Better(head) {
		return head, nil
	}
	for i, sealed := range chain {
		if err := w.put(states[i], sealed); err != nil {
			return State{}, err
		}
	}
	return s, d.advance(b, head.block.ID, s.block.ID)
}
