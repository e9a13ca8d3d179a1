package dd

import (
	"slices"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// SetProducer names another producer of the directory. A root matter. A block
// that begins with it may be made by the new producer himself, so that one who
// is lost, or will not go, is replaced without him.
//
// With After it counts only in the block that follows that one: so the admins say
// which of two chains goes on, or leave blocks that a wrong clock has made
// useless (Directory.AppendAfter). Then the present producer may be named again.
type SetProducer struct {
	Account objectstore.Account `cbor:"1,keyasint"`
	After   objectstore.Hash    `cbor:"2,keyasint,omitzero"`
}

func (SetProducer) kind() OperationKind { return KindProducer }

func (c SetProducer) records(s State, _ Operation) ([]record, error) {
	if err := checkAccount("producer", c.Account); err != nil {
		return nil, err
	}
	if err := s.notGone(c.Account); err != nil {
		return nil, err
	}
	if !c.After.IsZero() && c.After != s.block.ID {
		return nil, fault.New("AG0601", "sign a new one", "it is for the block after directory block %s, and this one follows %s", c.After.Short(), s.block.ID.Short())
	}
	if c.Account == s.Producer() && c.After.IsZero() {
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
// since 1970). Accept asks it of the last block that it takes, Append of the one
// that it follows: times never go down, so it answers for all.
func (b Block) CheckClock(now int64) error {
	if b.Time > now+MaxBlockAhead {
		return fault.New("AG0508", "Compare the clocks. A block that a wrong one has made is left by the admins: aergo dd producer WHO --after BLOCK",
			"directory block %d, %s, is of %s, ahead of this machine's clock, %s", b.Number, b.ID.Short(), clockText(b.Time), clockText(now))
	}
	return nil
}

// clockText is a time in ms since 1970 for people.
func clockText(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05 UTC") }
