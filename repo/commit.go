package repo

import (
	"context"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// signer is a key at work on a branch.
type signer struct {
	r       *Repository
	key     crypto.Signer
	account objectstore.Account // that the key signs for
	keys    []byte              // descriptor by which the account signs
	record  branch.Record
	nobody  bool // of a preview: it needs no right, and what it makes is thrown away
}

// signer prepares a key for a branch; an empty name means the current one.
func (r *Repository) signer(key crypto.Signer, name string) (signer, error) {
	if _, err := publicKey(key); err != nil {
		return signer{}, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return signer{}, err
	}
	account, keys, err := state.Signer(nil, key)
	if err != nil {
		return signer{}, err
	}
	rec, err := r.branch(name)
	return signer{r: r, key: key, account: account, keys: keys, record: rec}, err
}

// sign makes the transaction of a request for the branch.
func (s signer) sign(q sqlcontract.Request) (sqlcontract.VerifiedTransaction, error) {
	q.Ledger, q.Branch, q.Account = s.r.ledger, s.record.ID, s.account
	q.Keys = s.keys
	q.Created, q.Stays = s.r.now(), s.record.Scratch
	return s.r.verifier.Sign(q, s.key, s.r.random)
}

// A draft is a block in the making on the head of a branch. From begin to
// finish or abandon it holds the write lock of the repository.
type draft struct {
	signer
	head      objectstore.Hash // of the branch
	parent    branch.Block     // the head, but in a rebase
	directory objectstore.Hash // the block whose permissions hold
	time      int64
	tree      *sqlcontract.Tree
	session   *sqlcontract.Session
	keyed     map[objectstore.Hash]Call // transactions of this block that have an idempotency key
	finished  bool

	also func(objectstore.Batch) error // what the block's batch holds besides, or nil
}

// blockKind says what is being made: transactions that fail are recorded, in a
// merge or a cherry-pick they are excluded; in a merge by cells constructors do
// not run; a cherry-pick runs again what a merge had excluded.
type blockKind int

const (
	ordinary blockKind = iota
	automatic
	byCells
	picked
)

func mergeBlock(consistent bool) blockKind {
	if consistent {
		return byCells
	}
	return automatic
}

// begin opens a block on the branch of its producer.
func (r *Repository) begin(by signer, at time.Time, kind blockKind) (d *draft, err error) {
	return r.beginAt(by, at, kind, objectstore.Hash{})
}

// beginAt is begin with another parent than the head, for a rebase; zero: the head.
func (r *Repository) beginAt(by signer, at time.Time, kind blockKind, onto objectstore.Hash) (d *draft, err error) {
	r.writing.Lock()
	defer func() {
		if err != nil {
			r.writing.Unlock()
		}
	}()
	rec, producer := by.record, by.account
	state, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	engine, err := state.Engine()
	if err == nil {
		err = needEngine(engine, "a block on "+string(rec.Name))
	}
	if err != nil {
		return nil, err
	}
	if !by.nobody {
		if err := r.mayProduce(state, producer, rec); err != nil {
			return nil, err
		}
		if err := maySign(state, producer, by.keys); err != nil {
			return nil, err // the key was another one when he began
		}
	}
	head, err := branch.Head(r.db, rec.ID)
	if err != nil {
		return nil, err
	}
	if onto.IsZero() {
		onto = head
	}
	parent, err := r.history.Read(onto)
	if err != nil {
		return nil, err
	}
	if !by.nobody {
		if err := r.mayContinue(state, rec, parent); err != nil {
			return nil, err
		}
		if err := checkClock(rec, parent, at); err != nil {
			return nil, err
		}
	}
	tree, err := r.tree(rec.ID)
	if err != nil {
		return nil, err
	}
	if err := tree.MoveTo(parent.State); err != nil {
		return nil, err
	}
	d = &draft{signer: by, head: head, parent: parent, directory: state.Block().ID, time: max(at.UnixMilli(), parent.Time), tree: tree, keyed: map[objectstore.Hash]Call{}}
	keep, err := keepsInvariants(state, rec.ID)
	if err != nil {
		return nil, err
	}
	may := r.mayRun
	if kind != ordinary {
		may = runs
	}
	d.session, err = tree.Begin(sqlcontract.Block{
		Branch: rec.ID, Number: uint64(parent.Number) + 1, Time: d.time, Merge: kind != ordinary, Cells: kind == byCells, Again: kind == picked, Invariants: keep,
		May: func(account objectstore.Account, keys []byte) error {
			if by.nobody && account == by.account {
				return nil
			}
			return may(state, account, keys, rec)
		},
	})
	if err != nil {
		return nil, err
	}
	d.session.Observe(r.observed())
	return d, nil
}

// abandon gives the block up; the tree is as before begin. After finish it does
// nothing, so it can be deferred.
func (d *draft) abandon() {
	if d.finished {
		return
	}
	d.finished = true
	if err := d.session.Rollback(); err != nil {
		d.r.dropTree(d.record.ID) // a cache: the next use builds it again
	}
	d.r.writing.Unlock()
}

// finish makes the block of all that the session recorded. record is set for a
// merge, whose source is the second parent, and for a cherry-pick, which has none.
//
// The crash story. Everything that the block is goes into one Pebble batch:
// lists, state nodes, header, seal, index, and the branch's head with its
// compare-and-swap. Commit returns when the batch is synced to disk; that is
// the moment the block exists. SQLite commits afterwards. If the process dies
// before the batch is durable, neither side has the block: SQLite's transaction
// is open and is rolled back at the next start. If it dies between the two,
// Pebble has the block and the working tree stands at its parent: the tree's
// files name the state they are at, and MoveTo brings them forward. A working
// tree ahead of Pebble cannot be.
func (d *draft) finish(ctx context.Context, record *branch.MergeRecord) (branch.Block, error) {
	defer d.abandon()
	r := d.r
	if err := ctx.Err(); err != nil {
		return branch.Block{}, err
	}
	sealed, err := d.session.Seal()
	if err != nil {
		return branch.Block{}, err
	}
	h := branch.Header{
		Version: 1, Ledger: r.ledger, Branch: d.record.ID, Parents: []objectstore.Hash{d.parent.ID},
		Time: d.time, Engine: sqlcontract.EngineNumber,
		State:        sealed.State,
		Transactions: branch.List{Root: sealed.Transactions, Count: sealed.Count},
		Receipts:     branch.List{Root: sealed.Receipts, Count: sealed.Count},
		Changes:      branch.List{Root: sealed.Changes, Count: sealed.Leaves},
		Directory:    d.directory,
		Producer:     d.account,
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	if record != nil {
		if err := d.guard(record); err != nil {
			return branch.Block{}, err
		}
		data, err := record.Encode()
		if err != nil {
			return branch.Block{}, err
		}
		if h.MergeRecord, err = batch.Put(objectstore.KindMergeRecord, data); err != nil {
			return branch.Block{}, err
		}
	}
	parents := []branch.Header{d.parent.Header}
	if record != nil && record.Kind != branch.Picked {
		h.Parents = append(h.Parents, record.Source)
		source, err := r.history.Read(record.Source)
		if err != nil {
			return branch.Block{}, err
		}
		parents = append(parents, source.Header)
	}
	h.Number, h.Generation = branch.Child(parents...)
	block, err := r.put(batch, h, d.keys, d.key)
	if err != nil {
		return branch.Block{}, err
	}
	if err := sealed.WriteTo(batch); err != nil {
		return branch.Block{}, fmt.Errorf("storing the state of block %s: %w", block.ID.Short(), err)
	}
	for i, id := range d.session.IDs() {
		if err := batch.SetIndex(txKey(id, block.ID), binary.BigEndian.AppendUint32(nil, uint32(i))); err != nil {
			return branch.Block{}, err
		}
	}
	if err := r.advance(batch, d.record.ID, d.head, block.ID); err != nil {
		return branch.Block{}, err
	}
	if d.also != nil {
		if err := d.also(batch); err != nil {
			return branch.Block{}, err
		}
	}
	if err := batch.Commit(); err != nil {
		return branch.Block{}, fmt.Errorf("storing block %s: %w", block.ID.Short(), err)
	}
	d.finished = true
	defer r.writing.Unlock()
	if err := d.session.Commit(); err != nil {
		// The block is durable; only the cache is behind.
		r.dropTree(d.record.ID)
	}
	return block, nil
}

// put signs a header and adds the block to a batch.
func (r *Repository) put(batch objectstore.Batch, h branch.Header, keys []byte, key crypto.Signer) (branch.Block, error) {
	block, err := branch.NewBlock(h)
	if err != nil {
		return branch.Block{}, err
	}
	seal, err := branch.SignBlock(block, keys, key)
	if err != nil {
		return branch.Block{}, err
	}
	return block, r.history.Put(batch, block, seal)
}

// txKey is the index key that says which blocks list a transaction; its value is
// the position there, 4 bytes big-endian.
func txKey(tx, block objectstore.Hash) []byte {
	return append(append([]byte("tx/"), tx[:]...), block[:]...)
}

// appearance is a place where a transaction stands.
type appearance struct {
	block    objectstore.Hash
	position int
}

// appearances gives the blocks that list a transaction, in order of block id.
func (r *Repository) appearances(tx objectstore.Hash) ([]appearance, error) {
	var found []appearance
	prefix := txKey(tx, objectstore.Hash{})[:3+objectstore.HashSize]
	err := r.db.ScanIndex(prefix, func(key, value []byte) error {
		if len(key) != len(prefix)+objectstore.HashSize || len(value) != 4 {
			return errors.New("the index of transactions is damaged")
		}
		found = append(found, appearance{objectstore.Hash(key[len(prefix):]), int(binary.BigEndian.Uint32(value))})
		return nil
	})
	return found, err
}

// checkClock refuses to go on from a block that lies far ahead of this machine's
// clock: times never go down, so nobody with a right clock would take what follows
// it. A clock that was put back by hours is waited for by others.
func checkClock(rec branch.Record, parent branch.Block, now time.Time) error {
	made := time.UnixMilli(parent.Time).UTC()
	if !made.After(now.Add(dd.MaxClockBack * time.Millisecond)) {
		return nil
	}
	return fault.New("AG0508", "Compare the clocks. If this machine's is wrong, set it. If it is right, take back what a wrong one has made (aergo undo) and submit it again; published blocks are left with a new branch from before them: aergo branch NAME REV",
		"block %d of branch %s is of %s, ahead of this machine's clock, %s", parent.Number, rec.Name, made.Format("2006-01-02 15:04 UTC"), now.UTC().Format("2006-01-02 15:04 UTC"))
}
