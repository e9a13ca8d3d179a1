package dd

import (
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// SetProducer names another producer of the directory. A root matter. A block
// that begins with it may be made by the new producer himself, so that one who
// is lost, or will not go, is replaced without him.
type SetProducer struct {
	Account objectstore.Account `cbor:"1,keyasint"`
}

func (SetProducer) kind() OperationKind { return KindProducer }

func (c SetProducer) records(s State, _ Operation) ([]record, error) {
	if err := checkAccount("producer", c.Account); err != nil {
		return nil, err
	}
	if err := s.notGone(c.Account); err != nil {
		return nil, err
	}
	if c.Account == s.Producer() {
		return nil, fault.New("AG0703", "", "%s is the directory's producer already", s.who(c.Account))
	}
	l := s.ledger
	l.Producer = c.Account
	l.Term++
	l.Appointed = s.block.Number + 1
	return []record{{keyLedger(), l}}, nil
}

// takesOver reports whether a block begins with the operation that makes its
// producer the directory's. That the admins have agreed is checked with the
// operation.
func takesOver(b Block) bool {
	_, c, err := DecodeOperation(b.Operations[0])
	p, ok := c.(SetProducer)
	return err == nil && ok && p.Account == b.Producer
}

// TakeOver makes a stand-by the producer of his protected branch, which begins a
// new epoch. He asks for it himself; the old producer becomes the last stand-by.
type TakeOver struct {
	Branch objectstore.Hash `cbor:"1,keyasint"`
}

func (TakeOver) kind() OperationKind { return KindTakeOver }

func (c TakeOver) records(s State, op Operation) ([]record, error) {
	b, ok, err := s.Branch(c.Branch)
	if err != nil {
		return nil, err
	}
	if !ok || b.Protection == nil || !slices.Contains(b.Protection.Standbys, op.Account) {
		return nil, fault.New("AG0502", "ask an admin to make you its producer", "%s is no stand-by of branch %s", s.who(op.Account), c.Branch.Short())
	}
	if err := s.mayBeProducer(op.Account, b.Name); err != nil {
		return nil, err
	}
	p := *b.Protection
	p.Standbys = slices.DeleteFunc(slices.Clone(p.Standbys), func(a objectstore.Account) bool { return a == op.Account })
	p.Standbys = append(p.Standbys, b.Producer)
	b.Producer, b.Protection = op.Account, &p
	b.Epoch++
	return []record{{keyBranch(b.ID), b}}, nil
}

// CheckClock refuses a block that is more than MaxBlockAhead ahead of a clock (ms
// since 1970). Who takes blocks from others asks it of the last one before
// Accept or Adopt: times never go down, so it answers for all.
func (b Block) CheckClock(now int64) error {
	if b.Time > now+MaxBlockAhead {
		return fault.New("AG0508", "compare the clocks", "directory block %d is %d ms ahead of this machine's clock", b.Number, b.Time-now)
	}
	return nil
}
