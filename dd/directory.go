package dd

import (
	"crypto"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// The refs of this package.
const (
	refLedger    = "dd/ledger"  // => the ledger id, 32 bytes
	refHead      = "dd/head"    // => the best directory block, 32 bytes
	refStood     = "dd/stood"   // => the same, where this package put it: Moved
	refStatement = "statement/" // + branch id in hex => its latest head statement, 32 bytes
	refStated    = "stated/"    // + branch id in hex / epoch / sequence => each head statement that was known
)

// Directory is the directory chain of one repository. It holds no state of its
// own but a cache: the head is a ref, which another process may move. All
// methods may be called by several goroutines at once.
type Directory struct {
	store  objectstore.Store
	refs   objectstore.Refs
	cache  *prolly.Cache
	ledger objectstore.Hash
}

// Create puts a new ledger into a batch: genesis, block 0 signed by the owner's
// keys, its state and the refs. It gives the state, of which Ledger and Block
// are wanted for the first block of main.
func Create(b objectstore.Batch, g Genesis, owner ...crypto.Signer) (State, error) {
	data, err := g.Encode()
	if err != nil {
		return State{}, err
	}
	s, first, err := begin(g, objectstore.Sum(objectstore.KindGenesis, data), nothing{})
	if err != nil {
		return State{}, err
	}
	d, err := sign.ParseDescriptor(g.Owner)
	if err != nil {
		return State{}, err
	}
	sealed, err := seal(s.block.Header, seals{}, d, owner)
	if err != nil {
		return State{}, err
	}
	if string(sealed.Data) != string(first) {
		return State{}, errors.New("directory block 0 came out in two ways")
	}
	return Adopt(b, s.Ledger(), data, []SealedBlock{sealed})
}

// Adopt verifies a directory chain of a ledger from its genesis on and puts it
// into a batch, in a store that has none: what a clone does. It believes nothing
// but the ledger id.
func Adopt(b objectstore.Batch, ledger objectstore.Hash, genesis []byte, chain []SealedBlock) (State, error) {
	s, err := AdoptOrigin(b, ledger, genesis, chain)
	if err != nil {
		return State{}, err
	}
	if err := b.SetRef(refLedger, nil, ledger[:]); err != nil {
		return State{}, err
	}
	if err := b.SetRef(refStood, nil, s.block.ID[:]); err != nil {
		return State{}, err
	}
	return s, b.SetRef(refHead, nil, s.block.ID[:])
}

// writer puts verified blocks with what is new of their states into one batch.
// Nodes count as stored only after a commit, so every state of the batch would
// put those of the one before again: written remembers them.
type writer struct {
	b       objectstore.Batch
	written map[objectstore.Hash]bool
}

func newWriter(b objectstore.Batch) *writer {
	return &writer{b: b, written: make(map[objectstore.Hash]bool)}
}

// extend verifies blocks on top of s and puts them.
func (w *writer) extend(s State, chain []SealedBlock) (State, error) {
	return s.Follow(each(chain), w.put)
}

// each gives the blocks of a list, as Follow takes them.
func each(chain []SealedBlock) iter.Seq2[SealedBlock, error] {
	return func(yield func(SealedBlock, error) bool) {
		for _, sealed := range chain {
			if !yield(sealed, nil) {
				return
			}
		}
	}
}

func (w *writer) put(s State, sealed SealedBlock) error {
	id, err := w.b.Put(objectstore.KindDirectoryBlock, sealed.Data)
	if err != nil {
		return err
	}
	if err := w.b.PutSeal(id, sealed.Seal); err != nil {
		return err
	}
	_, err = s.m.Write(func(id objectstore.Hash, kind objectstore.Kind, data []byte) error {
		if w.written[id] {
			return nil
		}
		w.written[id] = true
		return w.b.PutHashed(id, kind, data)
	})
	return err
}

// Open opens the directory of a store. It fails with AG0204 when there is none.
func Open(store objectstore.Store, refs objectstore.Refs) (*Directory, error) {
	ledger, err := readHash(refs, refLedger)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, fault.New("AG0204", "make one with: aergo init NAME", "there is no ledger here: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return &Directory{store: store, refs: refs, cache: prolly.NewCache(store, cacheBytes), ledger: ledger}, nil
}

func readHash(refs objectstore.Refs, name string) (objectstore.Hash, error) {
	data, err := refs.Ref(name)
	if err != nil {
		return objectstore.Hash{}, err
	}
	if len(data) != objectstore.HashSize {
		return objectstore.Hash{}, fmt.Errorf("ref %s has %d bytes, not %d", name, len(data), objectstore.HashSize)
	}
	return objectstore.Hash(data), nil
}

// Ledger is the ledger id.
func (d *Directory) Ledger() objectstore.Hash { return d.ledger }

// Genesis reads the genesis.
func (d *Directory) Genesis() (Genesis, error) {
	data, err := genesisBytes(d.store, d.ledger)
	if err != nil {
		return Genesis{}, err
	}
	g, _, err := DecodeGenesis(data)
	return g, err
}

func genesisBytes(store objectstore.Store, ledger objectstore.Hash) ([]byte, error) {
	return object(store, ledger, objectstore.KindGenesis)
}

// object reads an object that must be of one kind.
func object(store objectstore.Store, id objectstore.Hash, want objectstore.Kind) ([]byte, error) {
	kind, data, err := store.Get(id)
	if err == nil && kind != want {
		err = fmt.Errorf("it is a %s", kind)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", want, id.Short(), err)
	}
	return data, nil
}

// Head gives the state after the best block.
func (d *Directory) Head() (State, error) {
	id, err := readHash(d.refs, refHead)
	if err != nil {
		return State{}, err
	}
	return d.At(id)
}

// advance moves the head.
func (d *Directory) advance(b objectstore.Batch, from, to objectstore.Hash) error {
	if err := d.Stands(b, to); err != nil {
		return err
	}
	return b.SetRef(refHead, from[:], to[:])
}

// Moved reports whether something else than this package has moved the head. Then
// VerifyChain says whether it may stand there, and Stands notes it.
func (d *Directory) Moved() (bool, error) {
	head, err := readHash(d.refs, refHead)
	if err != nil {
		return false, err
	}
	stood, err := readHash(d.refs, refStood)
	if errors.Is(err, objectstore.ErrNotFound) {
		return true, nil
	}
	return stood != head, err
}

// Stands notes, in a batch, that the head may stand at a block.
func (d *Directory) Stands(b objectstore.Batch, block objectstore.Hash) error {
	was, err := d.refs.Ref(refStood)
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	return b.SetRef(refStood, was, block[:])
}

// Restore puts the head back to where this package had it.
func (d *Directory) Restore(b objectstore.Batch) error {
	head, err := readHash(d.refs, refHead)
	if err != nil {
		return err
	}
	stood, err := readHash(d.refs, refStood)
	if err != nil || stood == head {
		return err
	}
	return b.SetRef(refHead, head[:], stood[:])
}

// At gives the state after a directory block of this ledger. Of the stored
// blocks, which have all been verified; it verifies none again.
func (d *Directory) At(block objectstore.Hash) (State, error) {
	b, err := d.Block(block)
	if err != nil {
		return State{}, err
	}
	if b.Ledger != d.ledger {
		return State{}, fault.New("AG0601", "take the directory from its producer, or from a copy that you trust", "directory block %s is of another ledger, %s", block.Short(), b.Ledger.Short())
	}
	return newState(prolly.Load(d.cache, b.State), b)
}

// Block reads a stored directory block.
func (d *Directory) Block(id objectstore.Hash) (Block, error) {
	data, err := object(d.store, id, objectstore.KindDirectoryBlock)
	if err != nil {
		return Block{}, err
	}
	return DecodeBlock(data)
}

// Sealed reads a stored directory block as it travels.
func (d *Directory) Sealed(id objectstore.Hash) (SealedBlock, error) { return readSealed(d.store, id) }

func readSealed(store objectstore.Store, id objectstore.Hash) (SealedBlock, error) {
	data, err := object(store, id, objectstore.KindDirectoryBlock)
	if err != nil {
		return SealedBlock{}, err
	}
	seal, err := store.Seal(id)
	if err != nil {
		return SealedBlock{}, fmt.Errorf("read the signatures of directory block %s: %w", id.Short(), err)
	}
	return SealedBlock{Data: data, Seal: seal}, nil
}

// Append makes the next block of these operations (State.Make) and puts it into
// a batch, where it becomes the head; the commit fails with
// *objectstore.ConflictError when the head has moved meanwhile. It fails with
// AG0508 where the head is ahead of the clock, since nobody would take the block,
// and with AG0607 where the producer made two chains and nobody has decided; a
// block that appoints a producer is made all the same.
func (d *Directory) Append(b objectstore.Batch, now int64, ops []SignedOperation, descriptor []byte, signers ...crypto.Signer) (State, error) {
	s, err := d.Head()
	if err != nil {
		return State{}, err
	}
	if err := d.mayAppend(s, now, ops); err != nil {
		return State{}, err
	}
	sealed, next, err := s.Make(now, ops, descriptor, signers...)
	if err != nil {
		return State{}, err
	}
	if err := newWriter(b).put(next, sealed); err != nil {
		return State{}, err
	}
	return next, d.advance(b, s.block.ID, next.block.ID)
}

func (d *Directory) mayAppend(s State, now int64, ops []SignedOperation) error {
	if s.block.Time > now+MaxClockBack {
		err := s.block.CheckClock(now)
		good, found := d.before(s.block, now)
		if found != nil {
			return errors.Join(err, found)
		}
		return fault.New("AG0508", fmt.Sprintf("Compare the clocks. If this machine's is wrong, set it. If it is right, wait, or have the admins leave what a wrong one has made, from block %d on: aergo dd producer WHO --after %s", good.Number+1, good.ID.Short()), "%w", err)
	}
	if len(ops) > 0 {
		if op, _, err := DecodeOperation(ops[0].Data); err == nil && op.Kind == KindProducer {
			return nil
		}
	}
	f, err := d.StandingFork(s)
	if err != nil || f == nil {
		return err
	}
	return s.Refusal(*f)
}

// before gives the last block that is not ahead of a clock, or block 0.
func (d *Directory) before(b Block, now int64) (Block, error) {
	for b.CheckClock(now) != nil && b.Number > 0 {
		var err error
		if b, err = d.Block(b.Parent); err != nil {
			return b, err
		}
	}
	return b, nil
}

// AppendAfter makes a block like Append, but after a block that need not be the
// head: the first operation is a SetProducer that names this block, and the new
// producer makes it. The blocks after it are left.
func (d *Directory) AppendAfter(b objectstore.Batch, after objectstore.Hash, now int64, ops []SignedOperation, descriptor []byte, signers ...crypto.Signer) (State, error) {
	s, err := d.At(after)
	if err != nil {
		return State{}, err
	}
	sealed, next, err := s.Make(now, ops, descriptor, signers...)
	if err != nil {
		return State{}, err
	}
	if !takesOver(next.block) {
		return State{}, fault.New("AG0503", "he puts it in force himself: aergo dd submit", "a block that leaves others is made by the producer whom it appoints")
	}
	head, err := d.Head()
	if err != nil {
		return State{}, err
	}
	// What he made in this term already he does not write anew, even if it were followed.
	his := head.ledger.Term == next.ledger.Term && head.Producer() == next.Producer() && head.block.Producer == next.block.Producer
	got := head
	if !his {
		got, err = d.Accept(b, []SealedBlock{sealed}, now)
	}
	if err == nil && got.block.ID != next.block.ID {
		err = fault.New("AG0601", "name a block after the newest appointment of a producer", "a chain that goes on after block %d, %s, would not be followed: the admins have appointed a producer since", s.block.Number, s.block.ID.Short())
	}
	return got, err
}

// Log gives the blocks from the head back to block 0. An error ends it.
func (d *Directory) Log() iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		id, err := readHash(d.refs, refHead)
		if err != nil {
			yield(Block{}, err)
			return
		}
		for !id.IsZero() {
			b, err := d.Block(id)
			if !yield(b, err) || err != nil {
				return
			}
			id = b.Parent
		}
	}
}

// VerifyChain verifies a stored chain from the genesis to head, believing
// nothing but the ledger id: every signature, every right, and every state root,
// which it derives again in memory. It gives the state after head.
func VerifyChain(store objectstore.Store, ledger, head objectstore.Hash) (State, error) {
	// Back to block 0 by ids; the number in each block bounds the way.
	var ids []objectstore.Hash
	number := uint64(0)
	for id := head; !id.IsZero(); {
		data, err := object(store, id, objectstore.KindDirectoryBlock)
		if err != nil {
			return State{}, err
		}
		b, err := DecodeBlock(data)
		if err != nil {
			return State{}, err
		}
		if len(ids) > 0 && b.Number+1 != number {
			return State{}, fault.New("AG0601", "take the directory from its producer, or from a copy that you trust", "directory block %s has number %d below number %d", id.Short(), b.Number, number)
		}
		number, ids, id = b.Number, append(ids, id), b.Parent
	}
	genesis, err := genesisBytes(store, ledger)
	if err != nil {
		return State{}, err
	}
	var s State
	if len(ids) > 0 {
		first, err := readSealed(store, ids[len(ids)-1])
		if err != nil {
			return State{}, err
		}
		if s, err = Begin(genesis, first); err != nil {
			return State{}, err
		}
		s, err = s.Follow(func(yield func(SealedBlock, error) bool) {
			for _, id := range slices.Backward(ids[:len(ids)-1]) {
				if sealed, err := readSealed(store, id); !yield(sealed, err) {
					return
				}
			}
		}, nil)
		if err != nil {
			return State{}, err
		}
	}
	if len(ids) == 0 || s.block.ID != head {
		return State{}, fault.New("AG0601", "take the directory from its producer, or from a copy that you trust", "directory block %s is no end of a chain", head.Short())
	}
	return s, nil
}
