package branch

import (
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Number is the place of a block on its first-parent chain: 0 for a genesis,
// else the first parent's + 1. It is the height that users and @height see.
type Number uint64

// List names an RFC 6962 list object: its root and how many leaves it has. The
// list of no leaves has EmptyList as its root and is not stored.
type List struct {
	_     struct{} `cbor:",toarray"`
	Root  objectstore.Hash
	Count uint64
}

// EmptyList is the list without leaves.
func EmptyList() List { return List{Root: objectstore.ListRoot(nil)} }

// Header is the signed part of a block; its hash is the block's id. Zero hashes
// where a field may be absent are not written.
type Header struct {
	Version uint64           `cbor:"1,keyasint"` // 1
	Ledger  objectstore.Hash `cbor:"2,keyasint"`
	Branch  ID               `cbor:"3,keyasint"` // the branch it was made on
	// Parents: none for a genesis, one, or two for a merge, then first the
	// target's head, second the source's.
	Parents []objectstore.Hash `cbor:"4,keyasint"`
	Number  Number             `cbor:"5,keyasint"`
	// Generation is the highest of the parents' + 1, 0 for a genesis. It orders
	// ancestry and nothing else.
	Generation uint64 `cbor:"6,keyasint"`
	Time       int64  `cbor:"7,keyasint"` // ms since 1970, not below the first parent's
	Engine     uint64 `cbor:"8,keyasint"` // the one in force at Directory

	State        objectstore.Hash `cbor:"9,keyasint"` // root of the state map after the block
	Transactions List             `cbor:"10,keyasint"`
	Receipts     List             `cbor:"11,keyasint"` // one per transaction, in their order
	Changes      List             `cbor:"12,keyasint"` // relative to the first parent's state

	// Directory is the directory block whose permissions hold: the parents' or
	// a later one.
	Directory objectstore.Hash `cbor:"13,keyasint"`
	// MergeRecord is there with two parents, and with one when transactions
	// were picked from another branch.
	MergeRecord objectstore.Hash `cbor:"14,keyasint,omitzero"`

	// For consensus among several producers; zero without it.
	ParentCertificate objectstore.Hash `cbor:"15,keyasint,omitzero"`
	Epoch             uint64           `cbor:"16,keyasint"`
	Round             uint64           `cbor:"17,keyasint"`
	ProducerSet       objectstore.Hash `cbor:"18,keyasint,omitzero"`

	Producer objectstore.Account `cbor:"19,keyasint"` // who signs the block

	// Extensions: canonical CBOR values under keys of later versions. An
	// unknown odd key is ignored, an even one refused.
	Extensions map[uint64]cbor.RawMessage `cbor:"20,keyasint,omitempty"`
}

// Encode checks the header and gives its canonical bytes, an object of
// KindBlock.
func (h Header) Encode() ([]byte, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	data, err := wire.Marshal(h)
	if err == nil && len(data) > MaxHeader {
		err = fmt.Errorf("block header of %d bytes, at most %d are allowed", len(data), MaxHeader)
	}
	return data, err
}

// ID is the id of the block with this header. Signatures are no part of it.
func (h Header) ID() (objectstore.Hash, error) {
	data, err := h.Encode()
	if err != nil {
		return objectstore.Hash{}, err
	}
	return objectstore.Sum(objectstore.KindBlock, data), nil
}

// DecodeHeader reads a header from foreign bytes and checks what can be checked
// without its parents.
func DecodeHeader(data []byte) (Header, error) {
	var h Header
	if err := wire.UnmarshalLimit(data, &h, MaxHeader); err != nil {
		return Header{}, fmt.Errorf("block header: %w", err)
	}
	if err := h.Check(); err != nil {
		return Header{}, err
	}
	return h, nil
}

// Check is every rule for a header that needs no other object.
func (h Header) Check() error {
	bad := func(what string, args ...any) error {
		return fmt.Errorf("block header: "+what, args...)
	}
	switch {
	case h.Version != 1:
		return bad("version %d is not known, only 1", h.Version)
	case h.Ledger.IsZero(), h.Branch.IsZero(), h.State.IsZero(), h.Directory.IsZero():
		return bad("ledger, branch, state and directory are not zero")
	case len(h.Parents) > 2:
		return bad("%d parents, at most 2 are allowed", len(h.Parents))
	case h.Number > MaxNumber, h.Generation > MaxNumber:
		return bad("number %d or generation %d is above %d", h.Number, h.Generation, uint64(MaxNumber))
	case h.Time < 0 || h.Time > MaxNumber:
		return bad("time %d is not between 1970 and year 287396", h.Time)
	}
	for _, p := range h.Parents {
		if p.IsZero() {
			return bad("a parent is zero")
		}
	}
	switch len(h.Parents) {
	case 0:
		if h.Number != 0 || h.Generation != 0 {
			return bad("a block without parents has number and generation 0, not %d and %d", h.Number, h.Generation)
		}
		if !h.MergeRecord.IsZero() {
			return bad("a block without parents has no merge record")
		}
	default:
		if h.Number == 0 || h.Generation < uint64(h.Number) {
			return bad("number %d, generation %d: with parents the number is 1 or more and the generation not below it", h.Number, h.Generation)
		}
	}
	if len(h.Parents) == 2 {
		if h.Parents[0] == h.Parents[1] {
			return bad("both parents are %s", h.Parents[0].Short())
		}
		if h.MergeRecord.IsZero() {
			return bad("two parents and no merge record")
		}
	}
	for _, l := range []List{h.Transactions, h.Receipts, h.Changes} {
		if l.Count > objectstore.MaxListLeaves {
			return bad("a list of %d leaves, at most %d are allowed", l.Count, objectstore.MaxListLeaves)
		}
		if (l.Count == 0) != (l.Root == EmptyList().Root) || l.Root.IsZero() {
			return bad("a list of %d leaves cannot have the root %s", l.Count, l.Root.Short())
		}
	}
	if h.Transactions.Count != h.Receipts.Count {
		return bad("%d transactions and %d receipts", h.Transactions.Count, h.Receipts.Count)
	}
	if _, _, err := sign.ParseAccount(string(h.Producer)); err != nil {
		return bad("producer: %w", err)
	}
	if err := wire.Extensions(h.Extensions).Check(nil); err != nil {
		return bad("%w", err)
	}
	return nil
}

// CheckParents is every rule between a header and its parents, given in their
// order. What the directory decides (engine, permission, the order of directory
// blocks) is the caller's to check.
func (h Header) CheckParents(parents []Header) error { return h.CheckParentsAcross(parents, nil) }

// CheckParentsAcross is CheckParents in a private branch of another ledger: a
// parent may belong to one of origins, the ledgers that the block's own went on
// from. That such a parent is, or stands below, the block that the genesis names
// is the caller's to check.
func (h Header) CheckParentsAcross(parents []Header, origins []objectstore.Hash) error {
	bad := func(what string, args ...any) error {
		return fmt.Errorf("block %d of branch %s: "+what, append([]any{h.Number, h.Branch.Short()}, args...)...)
	}
	if len(parents) != len(h.Parents) {
		return bad("it has %d parents, %d were given", len(h.Parents), len(parents))
	}
	var generation uint64
	for i, p := range parents {
		id, err := p.ID()
		if err != nil {
			return bad("parent %d: %w", i+1, err)
		}
		if id != h.Parents[i] {
			return bad("parent %d is %s, not %s", i+1, h.Parents[i].Short(), id.Short())
		}
		if p.Ledger != h.Ledger && !slices.Contains(origins, p.Ledger) {
			return bad("parent %s is of another ledger, %s", id.Short(), p.Ledger.Short())
		}
		generation = max(generation, p.Generation+1)
	}
	if h.Generation != generation {
		return bad("generation %d, by its parents it is %d", h.Generation, generation)
	}
	if len(parents) == 0 {
		return nil
	}
	first := parents[0]
	if h.Number != first.Number+1 {
		return bad("its first parent has number %d, so it is number %d", first.Number, first.Number+1)
	}
	if h.Time < first.Time {
		return bad("its time %d is before its first parent's, %d", h.Time, first.Time)
	}
	if h.Branch == first.Branch && h.Epoch < first.Epoch {
		return bad("epoch %d after epoch %d", h.Epoch, first.Epoch)
	}
	return nil
}

// Child gives the number and generation of a block on these parents, in order.
func Child(parents ...Header) (Number, uint64) {
	if len(parents) == 0 {
		return 0, 0
	}
	var generation uint64
	for _, p := range parents {
		generation = max(generation, p.Generation+1)
	}
	return parents[0].Number + 1, generation
}
