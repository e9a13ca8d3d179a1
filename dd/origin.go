package dd

import (
	"errors"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
)

// OpenAt gives the directory of a ledger as it was at one of its blocks, for a
// store in which no ref names that ledger: the origin of a private branch. Its
// Head is that block for ever, so nothing can be added to it, and it knows no
// head statements. Nothing is read here.
func OpenAt(store objectstore.Store, ledger, block objectstore.Hash) *Directory {
	return &Directory{store: store, refs: pinned{ledger, block}, cache: prolly.NewCache(store, cacheBytes), ledger: ledger}
}

// pinned are the refs of a directory that stands still.
type pinned struct{ ledger, head objectstore.Hash }

// Ref implements objectstore.Refs.
func (p pinned) Ref(name string) ([]byte, error) {
	switch name {
	case refLedger:
		return p.ledger[:], nil
	case refHead:
		return p.head[:], nil
	}
	return nil, objectstore.ErrNotFound
}

// Refs implements objectstore.Refs.
func (p pinned) Refs(string, func(name string, value []byte) error) error { return nil }

// AdoptOrigin verifies a directory chain of another ledger from its genesis on,
// believing nothing but the ledger id, and puts it into a batch. No ref names
// it: the genesis of the private branch does, and OpenAt opens it.
func AdoptOrigin(b objectstore.Batch, ledger objectstore.Hash, genesis []byte, chain []SealedBlock) (State, error) {
	if got := objectstore.Sum(objectstore.KindGenesis, genesis); got != ledger {
		return State{}, fault.New("AG0601", "compare the ledger id by another channel", "this is the genesis of ledger %s, not of %s", got, ledger)
	}
	if len(chain) == 0 {
		return State{}, errors.New("a directory has at least block 0")
	}
	s, err := Begin(genesis, chain[0])
	if err != nil {
		return State{}, err
	}
	if _, err := b.Put(objectstore.KindGenesis, genesis); err != nil {
		return State{}, err
	}
	w := newWriter(b)
	if err := w.put(s, chain[0]); err != nil {
		return State{}, err
	}
	return w.extend(s, chain[1:])
}
