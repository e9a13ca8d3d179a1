package dd

import (
	"errors"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// TakeStatement verifies a head statement that came from others, by the directory
// block that it names, and puts it into a batch as the newest of its branch. The
// one that is known already changes nothing. Where it contradicts any that was
// known, both go into the batch as evidence, which is given, and the branch is
// contested once the batch is committed (CheckContested). It fails with AG0605
// where it is older, or its producer has been replaced, with AG0532 where the
// branch was deleted. now is ms since 1970; for
// a branch that is not registered local gives Name, Creator and Salt. Whether the
// key was revoked (CheckRevoked) and whether the branch has the block are the
// history's to say.
func (d *Directory) TakeStatement(b objectstore.Batch, st Statement, seal []byte, now int64, local Question) (*Evidence, error) {
	head, err := d.Head()
	if err != nil {
		return nil, err
	}
	if ok, err := head.Includes(st.Directory); err != nil {
		return nil, err
	} else if !ok {
		return nil, fault.New("AG0601", "fetch the directory first; if it is here, what names a chain that is not followed does not count", "head statement %d of branch %s names directory block %s, which is not part of this chain",
			st.Sequence, st.Branch.Short(), st.Directory.Short())
	}
	s, err := d.At(st.Directory)
	if err != nil {
		return nil, err
	}
	if err := VerifyStatement(s, st, seal, local); err != nil {
		return nil, err
	}
	if st.Time > now+MaxBlockAhead {
		return nil, fault.New("AG0508", "compare the clocks", "head statement %d of branch %s is %d ms ahead of this machine's clock", st.Sequence, st.Branch.Short(), st.Time-now)
	}
	if err := head.notDeleted(st.Branch); err != nil {
		return nil, err
	}
	same, sameSeal, err := d.stated(st)
	if errors.Is(err, objectstore.ErrNotFound) {
		if record, ok, err := head.Branch(st.Branch); err != nil {
			return nil, err
		} else if ok && record.Epoch > st.Epoch {
			return nil, fault.New("AG0605", "take it from the present producer", "head statement %d of branch %s is of epoch %d; %s has its producer's place since epoch %d",
				st.Sequence, record.Name, st.Epoch, head.who(record.Producer), record.Epoch)
		}
		return nil, d.PutStatement(b, st, seal)
	}
	switch {
	case err != nil:
		return nil, err
	case same.Block == st.Block && same.Sequence == st.Sequence && same.Time == st.Time:
		return nil, nil // a newer one may be known, too
	case !Equivocation(st, same):
		return nil, d.PutStatement(b, st, seal)
	}
	if kept, err := d.kept(st, same); err != nil {
		return nil, err
	} else if kept {
		return nil, d.PutStatement(b, st, seal)
	}
	e, err := NewEvidence(st, seal, same, sameSeal)
	if err != nil {
		return nil, err
	}
	return &e, d.PutEvidence(b, e, local)
}

func nameStated(st Statement) string {
	return fmt.Sprintf("%s%s/%d/%d", refStated, st.Branch, st.Epoch, st.Sequence)
}

// stated gives the statement that was known of st's branch, epoch and sequence.
func (d *Directory) stated(st Statement) (Statement, []byte, error) {
	h, err := readHash(d.refs, nameStated(st))
	if err != nil {
		return Statement{}, nil, err
	}
	return d.statement(h)
}

// Contradicts gives the statement that is known of a verified one's branch, epoch
// and sequence and names another block; nil where there is none.
func (d *Directory) Contradicts(st Statement) (*Statement, error) {
	known, _, err := d.stated(st)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil || !Equivocation(st, known) {
		return nil, err
	}
	return &known, nil
}

func (d *Directory) statement(id objectstore.Hash) (Statement, []byte, error) {
	data, err := object(d.store, id, objectstore.KindHeadStatement)
	if err != nil {
		return Statement{}, nil, err
	}
	st, err := DecodeStatement(data)
	if err != nil {
		return Statement{}, nil, err
	}
	seal, err := d.store.Seal(id)
	return st, seal, err
}

// kept reports whether st is the one that an admin kept of two of one number, and
// known is the other or built on it: another statement was known under st's number.
func (d *Directory) kept(st, known Statement) (bool, error) {
	s, err := d.Head()
	if err != nil {
		return false, err
	}
	block, ok, err := s.Resolved(st.Branch, st.Epoch, st.Sequence)
	if err != nil || !ok || block != st.Block || known.Epoch != st.Epoch || known.Sequence < st.Sequence {
		return false, err
	}
	other, _, err := d.stated(st)
	if errors.Is(err, objectstore.ErrNotFound) {
		return false, nil
	}
	return err == nil && other.Block != st.Block, err
}

// PutStatement puts a verified statement into a batch as the newest of its
// branch. It fails where it does not follow the one known (Follows).
func (d *Directory) PutStatement(b objectstore.Batch, st Statement, seal []byte) error {
	data, err := st.Encode()
	if err != nil {
		return err
	}
	id, err := b.Put(objectstore.KindHeadStatement, data)
	if err != nil {
		return err
	}
	var old []byte
	known, _, err := d.LatestStatement(st.Branch)
	switch {
	case err == nil:
		was, err := known.ID()
		if err != nil || was == id {
			return err
		}
		if denied := st.Follows(known); denied != nil {
			if kept, err := d.kept(st, known); err != nil || !kept {
				return errors.Join(err, denied)
			}
		}
		old = was[:]
	case !errors.Is(err, objectstore.ErrNotFound):
		return err
	}
	if err := b.PutSeal(id, seal); err != nil {
		return err
	}
	before, err := d.refs.Ref(nameStated(st))
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	if err := b.SetRef(nameStated(st), before, id[:]); err != nil {
		return err
	}
	return b.SetRef(refStatement+st.Branch.String(), old, id[:])
}
