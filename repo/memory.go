package repo

import (
	"crypto"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/dd"
)

// InMemory makes an empty ledger like Init that lives in memory and ends with
// Close: the place for tests of contracts. It makes the same blocks, signatures
// and receipts as one on the disk; its Dir is empty.
func InMemory(key crypto.Signer, o Options) (*Repository, error) {
	r := &Repository{}
	r.choose(o)
	if err := r.openStore(vfs.NewMem(), o); err != nil {
		return nil, err
	}
	if err := r.start(key, o, nil); err != nil {
		_ = r.db.Close() // the first error counts
		return nil, err
	}
	return r, nil
}

// start makes a new ledger, in a store that is empty or holds its origin.
func (r *Repository) start(key crypto.Signer, o Options, origin *dd.Origin) error {
	batch := r.db.NewBatch()
	defer batch.Close()
	if err := r.begun(batch, key, o, origin); err != nil {
		return fmt.Errorf("making a ledger: %w", err)
	}
	if err := batch.Commit(); err != nil {
		return fmt.Errorf("making a ledger: %w", err)
	}
	return r.load()
}
