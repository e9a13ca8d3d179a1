package repo

import (
	"context"
	"crypto"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
)

// InitOn and OpenOn keep Pebble on a file system of the test's; the working tree
// stays on the disk.
func InitOn(fs vfs.FS, dir string, key crypto.Signer, o Options) (*Repository, error) {
	return initOn(fs, dir, key, o)
}

func OpenOn(fs vfs.FS, dir string, o Options) (*Repository, error) { return openOn(fs, dir, o) }

// Direct makes a directory block of one change.
func (r *Repository) Direct(key crypto.Signer, change dd.Change) error {
	return r.direct(context.Background(), key, change)
}

// Order makes a directory block by a producer of one change that an author
// signed.
func (r *Repository) Order(producer, author crypto.Signer, change dd.Change) error {
	state, err := r.directory.Head()
	if err != nil {
		return err
	}
	var salt objectstore.Hash
	if _, err := io.ReadFull(r.random, salt[:]); err != nil {
		return err
	}
	now := r.now().UnixMilli()
	op, err := dd.Propose(state, change, now, salt, nil, author)
	if err != nil {
		return err
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	if _, err := r.directory.Append(batch, now, []dd.SignedOperation{op}, nil, producer); err != nil {
		return err
	}
	return batch.Commit()
}

// ChangesAt is what one transaction of a block changed.
func (r *Repository) ChangesAt(block objectstore.Hash, position int) ([]RowDiff, error) {
	b, err := r.history.Read(block)
	if err != nil {
		return nil, err
	}
	groups, err := r.changes(b)
	if err != nil {
		return nil, err
	}
	tree, err := r.treeOf(b.State)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	l, err := layoutsOf(tree, groups)
	if err != nil {
		return nil, err
	}
	return l.rowDiffs(position, groups[position])
}

// State is what the directory says now.
func (r *Repository) State() (dd.State, error) { return r.directory.Head() }

// Append makes a directory block of signed operations, by whoever may.
func (r *Repository) Append(producer crypto.Signer, ops ...dd.SignedOperation) error {
	batch := r.db.NewBatch()
	defer batch.Close()
	if _, err := r.directory.Append(batch, r.now().UnixMilli(), ops, nil, producer); err != nil {
		return err
	}
	return batch.Commit()
}

// Store is where the ledger is kept.
func (r *Repository) Store() *objectstore.DB { return r.db }

// CheckStore does what Open does with heads that something else has moved.
func (r *Repository) CheckStore() error {
	if err := r.checkDirectory(false); err != nil {
		return err
	}
	return r.checkHeads(false)
}

// Contents is every ref of the store, and how many objects it holds.
func (r *Repository) Contents() (string, error) {
	ids, err := r.db.Prefix("", 1<<20)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%d objects\n", len(ids))
	err = r.db.Refs("", func(name string, value []byte) error {
		text += fmt.Sprintf("%s %x\n", name, value)
		return nil
	})
	return text, err
}
