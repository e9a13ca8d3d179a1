package dd

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

const refEvidence = "evidence/" // + branch id in hex / epoch / sequence => an encoded Evidence

// Evidence is two head statements of one (branch, epoch, sequence) that name
// different blocks, with their seals: proof that their producer published two
// histories. The one with the lower block id comes first.
type Evidence struct {
	Version uint64    `cbor:"1,keyasint"` // 1
	A       Statement `cbor:"2,keyasint"`
	SealA   []byte    `cbor:"3,keyasint"`
	B       Statement `cbor:"4,keyasint"`
	SealB   []byte    `cbor:"5,keyasint"`
}

// NewEvidence puts two contradicting statements together.
func NewEvidence(a Statement, sealA []byte, b Statement, sealB []byte) (Evidence, error) {
	if bytes.Compare(a.Block[:], b.Block[:]) > 0 {
		a, sealA, b, sealB = b, sealB, a, sealA
	}
	e := Evidence{Version: 1, A: a, SealA: sealA, B: b, SealB: sealB}
	return e, e.check()
}

func (e Evidence) check() error {
	if e.Version != 1 || !Equivocation(e.A, e.B) || bytes.Compare(e.A.Block[:], e.B.Block[:]) >= 0 {
		return errors.New("evidence: the two statements do not contradict each other")
	}
	for _, st := range []Statement{e.A, e.B} {
		data, err := st.Encode()
		if err != nil {
			return err
		}
		if _, err := DecodeStatement(data); err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
	}
	return nil
}

// Encode gives the canonical bytes.
func (e Evidence) Encode() ([]byte, error) { return wire.Marshal(e) }

// DecodeEvidence reads evidence from foreign bytes. Its signatures are checked by
// Directory.PutEvidence.
func DecodeEvidence(data []byte) (Evidence, error) {
	var e Evidence
	if err := wire.UnmarshalLimit(data, &e, MaxEvidence); err != nil {
		return Evidence{}, fmt.Errorf("evidence: %w", err)
	}
	return e, e.check()
}

// PutEvidence verifies both statements, each by the directory block that it
// names, and keeps the evidence. For a branch that is not registered local gives
// Name, Creator and Salt.
func (d *Directory) PutEvidence(b objectstore.Batch, e Evidence, local Question) error {
	if err := e.check(); err != nil {
		return err
	}
	head, err := d.Head()
	if err != nil {
		return err
	}
	for _, one := range []struct {
		st   Statement
		seal []byte
	}{{e.A, e.SealA}, {e.B, e.SealB}} {
		if ok, err := head.Includes(one.st.Directory); err != nil || !ok {
			return errors.Join(err, fault.New("AG0601", "fetch the directory first", "the evidence names directory block %s, which is not part of this chain", one.st.Directory.Short()))
		}
		s, err := d.At(one.st.Directory)
		if err != nil {
			return err
		}
		if err := VerifyStatement(s, one.st, one.seal, local); err != nil {
			return err
		}
	}
	data, err := e.Encode()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s%s/%d/%d", refEvidence, e.A.Branch, e.A.Epoch, e.A.Sequence)
	if _, err := d.refs.Ref(name); !errors.Is(err, objectstore.ErrNotFound) {
		return err // the first evidence is enough
	}
	return b.SetRef(name, nil, data)
}

// Evidence gives all evidence that is kept here, settled or not.
func (d *Directory) Evidence() (list []Evidence, err error) {
	err = d.refs.Refs(refEvidence, func(name string, data []byte) error {
		e, err := DecodeEvidence(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, e)
		return nil
	})
	return list, err
}

// Settled reports whether evidence has been decided in s: an admin named the
// block that is kept, a new producer began a new epoch, or the branch was deleted.
func (s State) Settled(e Evidence) (bool, error) {
	b, ok, err := s.Branch(e.A.Branch)
	if err != nil || ok && b.Epoch > e.A.Epoch {
		return ok, err
	}
	if _, gone, err := s.Deleted(e.A.Branch); err != nil || gone {
		return gone, err
	}
	_, ok, err = s.Resolved(e.A.Branch, e.A.Epoch, e.A.Sequence)
	return ok, err
}

// CheckContested refuses a branch (AG0606) of which there is evidence that
// nobody has decided.
func (d *Directory) CheckContested(s State, branch objectstore.Hash) error {
	list, err := d.Evidence()
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.A.Branch != branch {
			continue
		}
		if done, err := s.Settled(e); err != nil {
			return err
		} else if !done {
			return fault.New("AG0606", "an admin of the branch names the block that is kept, or gives it another producer",
				"producer %s published two heads of branch %s as number %d: %s and %s", s.who(e.A.Producer), branch.Short(), e.A.Sequence, e.A.Block.Short(), e.B.Block.Short())
		}
	}
	return nil
}

func keyResolved(branch objectstore.Hash, epoch, sequence uint64) []any {
	return []any{"resolved", branch[:], int64(epoch), int64(sequence)}
}

// Resolved gives the block that was kept of two that a producer published with
// one number.
func (s State) Resolved(branch objectstore.Hash, epoch, sequence uint64) (objectstore.Hash, bool, error) {
	return get[objectstore.Hash](s, keyResolved(branch, epoch, sequence))
}

// Decided gives the blocks of a branch that were kept by Resolved, in order of
// epoch and sequence: all are in its history.
func (s State) Decided(branch objectstore.Hash) (kept []objectstore.Hash, err error) {
	err = scan(s, []any{"resolved", branch[:]}, func(block objectstore.Hash) error {
		kept = append(kept, block)
		return nil
	})
	return kept, err
}

// ResolveEvidence names the block that is kept of two heads that a producer
// published with one number. Needs the right Admin on the branch's name. It is
// decided once.
type ResolveEvidence struct {
	Branch   objectstore.Hash `cbor:"1,keyasint"`
	Epoch    uint64           `cbor:"2,keyasint"`
	Sequence uint64           `cbor:"3,keyasint"`
	Block    objectstore.Hash `cbor:"4,keyasint"`
}

func (ResolveEvidence) kind() OperationKind { return KindResolve }

func (c ResolveEvidence) records(s State, op Operation) ([]record, error) {
	b, ok, err := s.Branch(c.Branch)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New("AG0202", "", "no branch %s is registered", c.Branch.Short())
	}
	if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: b.Name}); err != nil {
		return nil, err
	}
	if c.Block.IsZero() || c.Sequence == 0 || c.Sequence > MaxTime || c.Epoch > b.Epoch {
		return nil, fault.New("AG0102", "", "a decision names a block, and a statement of an epoch of the branch")
	}
	if kept, ok, err := s.Resolved(c.Branch, c.Epoch, c.Sequence); err != nil {
		return nil, err
	} else if ok {
		return nil, fault.New("AG0703", "", "statement %d of epoch %d of %s is decided already: block %s is kept", c.Sequence, c.Epoch, b.Name, kept.Short())
	}
	return []record{{keyResolved(c.Branch, c.Epoch, c.Sequence), c.Block}}, nil
}
