package dd

import (
	"crypto"
	"fmt"
	"iter"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Header is a directory block without its id. Its id is Sum(KindDirectoryBlock,
// canonical CBOR); signatures, of the producer and of each operation, are its
// seal.
type Header struct {
	Version    uint64              `cbor:"1,keyasint"` // 1
	Ledger     objectstore.Hash    `cbor:"2,keyasint"`
	Parent     objectstore.Hash    `cbor:"3,keyasint,omitzero"` // none for block 0
	Number     uint64              `cbor:"4,keyasint"`
	Time       int64               `cbor:"5,keyasint"` // ms since 1970, not below the parent's
	Operations [][]byte            `cbor:"6,keyasint"` // canonical bytes, applied in order
	State      objectstore.Hash    `cbor:"7,keyasint"` // root of the state map after it
	Producer   objectstore.Account `cbor:"8,keyasint"`
	// Extensions: an unknown odd key is ignored, an even one refused.
	Extensions map[uint64]cbor.RawMessage `cbor:"9,keyasint,omitempty"`
}

// Block is a directory block with its id.
type Block struct {
	ID objectstore.Hash
	Header
}

// SealedBlock is a directory block's canonical bytes with its seal, as it is
// stored and travels. Nothing in it is checked.
type SealedBlock struct {
	_    struct{} `cbor:",toarray"`
	Data []byte
	Seal []byte
}

// seals is the stored form of a block's seal.
type seals struct {
	Producer   []byte   `cbor:"1,keyasint"`
	Operations [][]byte `cbor:"2,keyasint"`
	// Consents to each operation; left out where none has any.
	Consents [][]Consent `cbor:"3,keyasint,omitempty"`
}

// DecodeBlock reads a directory block from foreign bytes and checks its form.
func DecodeBlock(data []byte) (Block, error) {
	var h Header
	if err := wire.UnmarshalLimit(data, &h, MaxBlock); err != nil {
		return Block{}, fmt.Errorf("directory block: %w", err)
	}
	bad := func(what string, args ...any) (Block, error) {
		return Block{}, fmt.Errorf("directory block: "+what, args...)
	}
	switch {
	case h.Version != 1:
		return bad("version %d is not known, only 1", h.Version)
	case h.Ledger.IsZero() || h.State.IsZero():
		return bad("ledger and state are not zero")
	case h.Number > MaxTime || h.Time < 0 || h.Time > MaxTime:
		return bad("number %d or time %d is out of range", h.Number, h.Time)
	case (h.Number == 0) != h.Parent.IsZero():
		return bad("exactly block 0 has no parent; this is block %d", h.Number)
	case (h.Number == 0) != (len(h.Operations) == 0):
		return bad("exactly block 0 has no operations; this is block %d", h.Number)
	case len(h.Operations) > MaxOperations:
		return bad("%d operations, at most %d are allowed", len(h.Operations), MaxOperations)
	}
	if err := wire.Extensions(h.Extensions).Check(nil); err != nil {
		return bad("%w", err)
	}
	return Block{ID: objectstore.Sum(objectstore.KindDirectoryBlock, data), Header: h}, nil
}

func (h Header) encode() ([]byte, error) {
	data, err := wire.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBlock {
		return nil, fault.New("AG0103", "make several blocks", "a directory block of %d bytes, at most %d are allowed", len(data), MaxBlock)
	}
	return data, nil
}

// begin gives block 0 and its state, which follow from the genesis.
func begin(g Genesis, ledger objectstore.Hash, from prolly.Getter) (State, []byte, error) {
	records, err := g.records(ledger)
	if err != nil {
		return State{}, nil, err
	}
	h := Header{Version: 1, Ledger: ledger, Time: g.Created, Producer: g.Producer}
	empty := State{m: prolly.Empty(prolly.NewCache(from, cacheBytes)), block: Block{Header: h}}
	s, err := empty.put(records)
	if err != nil {
		return State{}, nil, err
	}
	h.State = s.Root()
	data, err := h.encode()
	if err != nil {
		return State{}, nil, err
	}
	s.block = Block{ID: objectstore.Sum(objectstore.KindDirectoryBlock, data), Header: h}
	return s, data, nil
}

// Begin verifies block 0, which is made of the genesis alone and signed by the
// owner, and gives the state after it. Nothing is read from a store.
func Begin(genesis []byte, first SealedBlock) (State, error) {
	g, ledger, err := DecodeGenesis(genesis)
	if err != nil {
		return State{}, err
	}
	s, data, err := begin(g, ledger, nothing{})
	if err != nil {
		return State{}, err
	}
	if string(data) != string(first.Data) {
		return State{}, fault.New("AG0601", "take the directory from its producer, or from a copy that you trust", "directory block 0 of ledger %s is not the one that its genesis makes", ledger.Short())
	}
	var sl seals
	if err = wire.UnmarshalLimit(first.Seal, &sl, MaxSeals); err == nil {
		err = s.checkSeal(sl.Producer, s.Owner(), sign.PurposeDirectory, s.block.ID)
	}
	if err == nil && len(sl.Operations)+len(sl.Consents) > 0 {
		err = fmt.Errorf("it has seals of operations and no operations")
	}
	if err != nil {
		return State{}, fault.New("AG0601", "take the directory from its producer, or from a copy that you trust", "directory block 0 of ledger %s is not signed by the owner: %w", ledger.Short(), err)
	}
	return s, nil
}

// nothing is a store without objects, for states that live in memory only.
type nothing struct{}

func (nothing) Get(h objectstore.Hash) (objectstore.Kind, []byte, error) {
	return 0, nil, fmt.Errorf("node %s: %w", h.Short(), objectstore.ErrNotFound)
}

// Next verifies the block that follows s's own, with every operation in it, and
// gives the state after it: form, order, time, the producer's right and
// signature, each operation as With does, and the state root. This is the only
// way from one state to the next, for what comes from others and for our own.
func (s State) Next(sealed SealedBlock) (State, error) {
	return s.Follow(func(yield func(SealedBlock, error) bool) { yield(sealed, nil) }, nil)
}

// Follow is Next for blocks that follow each other, the oldest first, at a third
// of the time: the signatures of many are verified together. passed, if set, is
// given each state, before its signatures are verified: what is done with it
// counts only if Follow succeeds. An error names the first thing that is wrong.
func (s State) Follow(chain iter.Seq2[SealedBlock, error], passed func(State, SealedBlock) error) (State, error) {
	v := signatures{batch: sign.Batch{Keys: sign.NewKeyCache(maxKnownKeys)}, known: map[string]sign.Descriptor{}}
	var err error
	for sealed, failed := range chain {
		var next State
		if err = failed; err == nil {
			next, err = s.next(sealed, &v)
		}
		if err == nil && passed != nil {
			err = passed(next, sealed)
		}
		if err == nil && v.batch.Len() >= maxWaiting {
			err = v.first(nil)
		}
		if err != nil {
			break
		}
		s = next
	}
	if err := v.first(err); err != nil {
		return State{}, err
	}
	return s, nil
}

// next is Next, of which v verifies the signatures.
func (s State) next(sealed SealedBlock, v *signatures) (State, error) {
	b, err := DecodeBlock(sealed.Data)
	if err != nil {
		return State{}, err
	}
	bad := func(what string, args ...any) (State, error) {
		return State{}, fault.New("AG0601", "take the directory from its producer, or from a copy that you trust", "directory block %d of ledger %s: "+what,
			append([]any{b.Number, s.Ledger().Short()}, args...)...)
	}
	last := s.block
	switch {
	case b.Ledger != s.Ledger():
		return bad("it is of another ledger, %s", b.Ledger.Short())
	case b.Parent != last.ID || b.Number != last.Number+1:
		return bad("it does not follow block %d, %s", last.Number, last.ID.Short())
	case b.Time < last.Time:
		return bad("its time %d is before its parent's, %d", b.Time, last.Time)
	}
	if !takesOver(b) {
		if err := Decide(s, Question{Account: b.Producer, Right: RightDirect}); err != nil {
			return bad("%w", err)
		}
	}
	var sl seals
	if err := wire.UnmarshalLimit(sealed.Seal, &sl, MaxSeals); err != nil {
		return bad("%w", err)
	}
	if err := s.addSeal(v, sl.Producer, b.Producer, sign.PurposeDirectory, b.ID, func(err error) error {
		_, err = bad("it is not signed by its producer %s: %w", s.who(b.Producer), err)
		return err
	}); err != nil {
		return State{}, err
	}
	if len(sl.Operations) != len(b.Operations) {
		return bad("%d operations and %d seals", len(b.Operations), len(sl.Operations))
	}
	ops := make([]SignedOperation, len(b.Operations))
	consents := 0
	for i, data := range b.Operations {
		ops[i] = SignedOperation{Data: data, Seal: sl.Operations[i]}
		if len(sl.Consents) == len(ops) {
			ops[i].Consents = sl.Consents[i]
			consents += len(sl.Consents[i])
		}
	}
	if sl.Consents != nil && consents == 0 {
		return bad("its seal lists the consents to %d operations, and none", len(sl.Consents))
	}
	from := v.batch.Len()
	inBlock := func(err error) error { return fmt.Errorf("directory block %d: %w", b.Number, err) }
	next, err := s.perform(ops, b.Time, v)
	v.within(from, inBlock)
	if err != nil {
		return State{}, inBlock(err)
	}
	if next.Root() != b.State {
		return bad("its operations lead to the state %s, it says %s", next.Root().Short(), b.State.Short())
	}
	next.block = b
	return next, nil
}

// perform applies operations and remembers s's own block as one before. v
// verifies their signatures.
func (s State) perform(ops []SignedOperation, at int64, v *signatures) (State, error) {
	next := s
	next.over = &changes{}
	for i, o := range ops {
		from := v.batch.Len()
		inOrder := func(err error) error { return fmt.Errorf("operation %d: %w", i, err) }
		var err error
		next, err = next.with(o, at, v)
		v.within(from, inOrder)
		if err != nil {
			return State{}, inOrder(err)
		}
	}
	next, err := next.put([]record{{keyBlock(s.block.ID), s.block.Number}})
	if err != nil {
		return State{}, err
	}
	return next.settle()
}

// Make makes the block of these operations that follows s's own, at time now (ms
// since 1970; the parent's where that is later), signed by the directory's
// producer, and gives the state after it. descriptor is the producer's
// canonical account descriptor, nil for one signer (State.Signer).
func (s State) Make(now int64, ops []SignedOperation, descriptor []byte, signers ...crypto.Signer) (SealedBlock, State, error) {
	account, d, err := s.signer(descriptor, signers)
	if err != nil {
		return SealedBlock{}, State{}, err
	}
	if len(ops) == 0 {
		return SealedBlock{}, State{}, fault.New("AG0103", "", "a directory block is made when there is something to say: there are no operations")
	}
	var v signatures
	next, err := s.perform(ops, max(now, s.block.Time), &v)
	if err := v.first(err); err != nil {
		return SealedBlock{}, State{}, err
	}
	h := Header{Version: 1, Ledger: s.Ledger(), Parent: s.block.ID, Number: s.block.Number + 1,
		Time: max(now, s.block.Time), State: next.Root(), Producer: account}
	var sl seals
	approved := slices.ContainsFunc(ops, func(o SignedOperation) bool { return len(o.Consents) > 0 })
	for _, o := range ops {
		h.Operations = append(h.Operations, o.Data)
		sl.Operations = append(sl.Operations, o.Seal)
		if approved {
			sl.Consents = append(sl.Consents, append([]Consent{}, o.Consents...))
		}
	}
	sealed, err := seal(h, sl, d, signers)
	if err != nil {
		return SealedBlock{}, State{}, err
	}
	next, err = s.Next(sealed) // what we would refuse from others we do not make
	return sealed, next, err
}

func seal(h Header, sl seals, d sign.Descriptor, signers []crypto.Signer) (sealed SealedBlock, err error) {
	if sealed.Data, err = h.encode(); err != nil {
		return SealedBlock{}, err
	}
	id := objectstore.Sum(objectstore.KindDirectoryBlock, sealed.Data)
	if sl.Producer, err = makeSeal(d, sign.PurposeDirectory, h.Ledger, id, signers); err != nil {
		return SealedBlock{}, fmt.Errorf("sign directory block %d: %w", h.Number, err)
	}
	if sl.Operations == nil {
		sl.Operations = [][]byte{}
	}
	sealed.Seal, err = wire.Marshal(sl)
	return sealed, err
}
