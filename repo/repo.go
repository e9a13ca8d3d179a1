package repo

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// metaDir is the folder of a repository that holds the ledger.
const metaDir = ".aergo"

// Repository is an open ledger repository. Close it.
type Repository struct {
	dir    string
	now    func() time.Time
	random io.Reader

	db        *objectstore.DB
	nodes     *prolly.Cache
	history   *branch.History
	directory *dd.Directory
	engine    *sqlcontract.Engine
	verifier  *sqlcontract.Verifier
	ledger    objectstore.Hash
	owner     objectstore.Account
	parts     []*part // this ledger's first, then its origins
	recent    recent
	observer  atomic.Pointer[sqlcontract.Observer] // of transactions; nil, or of nil: nobody watches

	// writing is held while a block is made, and by whatever moves the working
	// tree of a branch or a name. It is taken before trees' own locks.
	writing sync.Mutex
	trees   map[branch.ID]*sqlcontract.Tree // guarded by writing
}

// Init makes an empty private ledger in dir (made if absent), owned by the key's
// account, with the branch main and its first, empty block.
func Init(dir string, key crypto.Signer, o Options) (*Repository, error) {
	return initOn(nil, dir, key, o)
}

// initOn is Init with Pebble on another file system than the disk.
func initOn(on vfs.FS, dir string, key crypto.Signer, o Options) (_ *Repository, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("making a ledger: %w", err)
	}
	r := &Repository{dir: dir}
	if err := r.make(on, o); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = r.db.Close() // the first error counts
		}
	}()
	return r, r.start(key, o, nil)
}

// make opens an empty store in the repository's folder, which must hold no
// ledger.
func (r *Repository) make(on vfs.FS, o Options) error {
	if err := os.MkdirAll(filepath.Join(r.dir, metaDir), 0o700); err != nil {
		return fmt.Errorf("making a ledger: %w", err)
	}
	r.choose(o)
	if err := r.openStore(on, o); err != nil {
		return err
	}
	err := r.empty()
	if err == nil || on != nil && errors.Is(err, errLeftOver) {
		return nil
	}
	if !errors.Is(err, errLeftOver) {
		_ = r.db.Close() // the first error counts
		return err
	}
	// A store without a ledger is left when the process dies in the middle of
	// Init. What a half copy of an origin left was never verified: away with it.
	if err := r.db.Close(); err != nil {
		return fmt.Errorf("making a ledger: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(r.dir, metaDir, "db")); err != nil {
		return fmt.Errorf("making a ledger: %w", err)
	}
	return r.openStore(on, o)
}

// errLeftOver says that a store holds objects and no ledger.
var errLeftOver = errors.New("the store holds objects and no ledger")

// empty checks that the open store holds neither ledger nor objects.
func (r *Repository) empty() error {
	if _, err := dd.Open(r.db, r.db); err == nil {
		return fault.New("AG0103", "Use it, or make another one: aergo init NAME.", "there is a ledger in %s already", r.dir)
	} else if !fault.Is(err, "AG0204") {
		return fmt.Errorf("making a ledger: %w", err)
	}
	some, err := r.db.Prefix("", 1)
	if err != nil {
		return fmt.Errorf("making a ledger: %w", err)
	}
	if len(some) > 0 {
		return errLeftOver
	}
	return nil
}

// begun puts a new ledger into a batch: genesis, directory, main and its first
// block. The main of a private branch begins at the origin's block instead.
func (r *Repository) begun(batch objectstore.Batch, key crypto.Signer, o Options, origin *dd.Origin) error {
	pub, err := publicKey(key)
	if err != nil {
		return err
	}
	descriptor, err := sign.KeyDescriptor(pub)
	if err != nil {
		return err
	}
	owner := AccountOf(key)
	g := dd.Genesis{
		Version: 1, Owner: descriptor.Bytes(), Threshold: max(o.Threshold, 1), Producer: owner,
		Engine: sqlcontract.EngineNumber, StateFormat: prolly.StateFormat, Created: r.now().UnixMilli(), Origin: origin,
	}
	if _, err := io.ReadFull(r.random, g.Salt[:]); err != nil {
		return fmt.Errorf("reading randomness: %w", err)
	}
	state, err := dd.Create(batch, g, key)
	if err != nil {
		return err
	}
	r.ledger = state.Ledger()
	d := branch.Descriptor{Version: 1, Ledger: r.ledger, Creator: owner, Salt: g.Salt}
	data, err := d.Encode()
	if err != nil {
		return err
	}
	rec := branch.Record{Name: branch.Main, Creator: owner, Salt: g.Salt, Created: g.Created}
	if rec.ID, err = batch.Put(objectstore.KindBranch, data); err != nil {
		return err
	}
	if origin != nil {
		rec.From = origin.Block
	} else {
		first, err := r.put(batch, branch.Header{
			Version: 1, Ledger: r.ledger, Branch: rec.ID, Time: g.Created, Engine: g.Engine, State: sqlcontract.EmptyState(),
			Transactions: branch.EmptyList(), Receipts: branch.EmptyList(), Changes: branch.EmptyList(),
			Directory: state.Block().ID, Producer: owner,
		}, nil, key)
		if err != nil {
			return err
		}
		rec.From = first.ID
	}
	if err := branch.Create(batch, r.db, rec); err != nil {
		return err
	}
	if err := r.stood(batch, rec.ID, rec.From[:]); err != nil {
		return err
	}
	return branch.SetCurrent(batch, r.db, branch.Main)
}

// Open opens the repository in dir or in the nearest folder above it. It waits
// for a short while when another process has it open.
func Open(dir string, o Options) (*Repository, error) {
	dir, err := find(dir)
	if err != nil {
		return nil, err
	}
	return openOn(nil, dir, o)
}

// openOn is Open of exactly dir, with Pebble on another file system than the
// disk.
func openOn(on vfs.FS, dir string, o Options) (*Repository, error) {
	r := &Repository{dir: dir}
	r.choose(o)
	if err := r.openStore(on, o); err != nil {
		return nil, err
	}
	err := r.load()
	if err == nil && !o.Moved {
		if err = r.checkDirectory(o.ReadOnly); err == nil {
			err = r.checkHeads(o.ReadOnly)
		}
	}
	if err != nil {
		_ = r.db.Close() // the first error counts
		return nil, err
	}
	return r, nil
}

// find goes up from dir to the folder that holds a ledger.
func find(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("looking for a ledger: %w", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		if info, err := os.Stat(filepath.Join(at, metaDir, "db")); err == nil && info.IsDir() {
			return at, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for a ledger: %w", err)
		}
		if at == filepath.Dir(at) {
			return "", fault.New("AG0204", "aergo init NAME makes one; aergo -C DIR uses another folder.", "there is no ledger in %s or above it", start)
		}
	}
}

func (r *Repository) choose(o Options) {
	r.now, r.random = time.Now, rand.Reader
	if o.Now != nil {
		var mu sync.Mutex // the caller's clock need not be safe for several goroutines
		r.now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return o.Now()
		}
	}
	if o.Random != nil {
		r.random = &lockedReader{from: o.Random}
	}
	r.trees = map[branch.ID]*sqlcontract.Tree{}
}

// lockedReader makes a caller's source of randomness safe for several
// goroutines.
type lockedReader struct {
	mu   sync.Mutex
	from io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.from.Read(p)
}

// openStore opens Pebble, waiting for another process. A nil file system is the
// disk.
func (r *Repository) openStore(on vfs.FS, o Options) error {
	wait := o.Wait
	if wait == 0 {
		wait = defaultWait
	}
	for pause, waited := 2*time.Millisecond, time.Duration(0); ; pause = min(2*pause, 100*time.Millisecond) {
		var err error
		r.db, err = objectstore.Open(filepath.Join(r.dir, metaDir, "db"), objectstore.Options{FS: on, NodeHash: prolly.NodeHash, ReadOnly: o.ReadOnly})
		if err == nil {
			r.history = branch.NewHistory(r.db, r.db.Index)
			r.engine = sqlcontract.NewEngine(r.db)
			if o.ReverseScans {
				r.engine.ReverseScans()
			}
			r.nodes = prolly.NewCache(r.engine, nodeCache)
			return nil
		}
		if !errors.Is(err, objectstore.ErrLocked) {
			return fmt.Errorf("opening the ledger in %s: %w", r.dir, err)
		}
		if waited >= wait {
			return fault.New("AG0901", "Try again when it is done.", "another aergo process has the ledger in %s open: %w", r.dir, err)
		}
		time.Sleep(pause)
		waited += pause
	}
}

// load makes the parts over an open store that has a ledger.
func (r *Repository) load() (err error) {
	if r.directory, err = dd.Open(r.db, r.db); err != nil {
		return err
	}
	r.ledger = r.directory.Ledger()
	if r.parts, err = partsFrom(r.db, r.directory, objectstore.Hash{}); err != nil {
		return err
	}
	r.owner, r.verifier = r.parts[0].owner, r.parts[0].verifier
	return nil
}

// Close closes the repository. Everything that was acknowledged is on disk
// already.
func (r *Repository) Close() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	var errs []error
	for id, t := range r.trees {
		errs = append(errs, t.Close())
		delete(r.trees, id)
	}
	return errors.Join(append(errs, r.db.Close())...)
}

// Dir is the folder that holds the repository's .aergo.
func (r *Repository) Dir() string { return r.dir }

// Ledger is the ledger id: all that a verifier of a proof needs to know.
func (r *Repository) Ledger() objectstore.Hash { return r.ledger }

// Owner is the ledger's owner.
func (r *Repository) Owner() objectstore.Account { return r.owner }

// tree gives the working tree of a branch, opening it if need be. The caller
// holds writing.
func (r *Repository) tree(id branch.ID) (*sqlcontract.Tree, error) {
	if t, ok := r.trees[id]; ok {
		return t, nil
	}
	if len(r.trees) >= openTrees {
		for other, t := range r.trees { // any: they are caches of equal worth
			if r.dir == "" { // without files of the branch: it can serve another
				delete(r.trees, other)
				r.trees[id] = t
				return t, nil
			}
			r.dropTree(other)
			break
		}
	}
	o := sqlcontract.Options{Engine: r.engine, Ledger: r.ledger, Owner: r.owner}
	if r.dir != "" {
		o.Dir = filepath.Join(r.dir, metaDir, "work", id.String()[:16])
		if _, err := os.Stat(o.Dir); err != nil {
			o.Others = r.closeTrees()
		}
	}
	t, err := sqlcontract.OpenTree(o)
	if err != nil {
		return nil, err
	}
	r.trees[id] = t
	return t, nil
}

// closeTrees closes all working trees, so that a new one can copy their files,
// and gives their folders.
func (r *Repository) closeTrees() []string {
	for id := range r.trees {
		r.dropTree(id)
	}
	dirs, _ := filepath.Glob(filepath.Join(r.dir, metaDir, "work", "*")) // none is fine
	return dirs
}

// treeAtHead gives a branch's working tree at its head. The caller holds
// writing.
func (r *Repository) treeAtHead(id branch.ID) (*sqlcontract.Tree, error) {
	head, err := branch.Head(r.db, id)
	if err != nil {
		return nil, err
	}
	b, err := r.history.Read(head)
	if err != nil {
		return nil, err
	}
	t, err := r.tree(id)
	if err != nil {
		return nil, err
	}
	return t, t.MoveTo(b.State)
}

// dropTree closes a working tree; the next use opens it again.
func (r *Repository) dropTree(id branch.ID) {
	if t, ok := r.trees[id]; ok {
		_ = t.Close() // a cache
		delete(r.trees, id)
	}
}

// Query runs read-only SQL over all contracts at a revision (empty: the current
// branch's head). Tables are named contract.table. The functions log(), txs(),
// events(), history(), blame() and diff() read how the revision came about; see
// docs/reference/history.md. Close the rows.
func (r *Repository) Query(ctx context.Context, rev, sql string, args ...any) (*sqlcontract.Rows, error) {
	if rec, err := r.branch(rev); err == nil {
		r.writing.Lock()
		defer r.writing.Unlock()
		t, err := r.treeAtHead(rec.ID)
		if err != nil {
			return nil, err
		}
		head, err := branch.Head(r.db, rec.ID) // that of the tree: writing is held
		if err != nil {
			return nil, err
		}
		return t.QueryWith(ctx, r.functions(head), sql, args...)
	}
	id, err := r.Resolve(rev)
	if err != nil {
		return nil, err
	}
	b, err := r.history.Read(id)
	if err != nil {
		return nil, err
	}
	t, err := r.treeOf(b.State)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return t.QueryWith(ctx, r.functions(id), sql, args...)
}

// readTree gives a tree to read a revision from: the branch's own for its head,
// else a throw-away one.
func (r *Repository) readTree(rev string) (*sqlcontract.Tree, func(), error) {
	if rec, err := r.branch(rev); err == nil {
		r.writing.Lock()
		t, err := r.treeAtHead(rec.ID)
		if err != nil {
			r.writing.Unlock()
			return nil, nil, err
		}
		return t, r.writing.Unlock, nil
	}
	root, err := r.stateOf(rev)
	if err != nil {
		return nil, nil, err
	}
	t, err := r.treeOf(root)
	if err != nil {
		return nil, nil, err
	}
	return t, func() { _ = t.Close() }, nil
}

// Status tells where the user stands.
func (r *Repository) Status() (Status, error) {
	state, err := r.directory.Head()
	if err != nil {
		return Status{}, err
	}
	rec, err := r.branch("")
	if err != nil {
		return Status{}, err
	}
	s := Status{Dir: r.dir, Ledger: r.ledger, Owner: r.owner}
	if s.Origin, err = r.Origin(); err != nil {
		return Status{}, err
	}
	if f, err := r.directory.StandingFork(state); err != nil {
		return Status{}, err
	} else if f != nil {
		s.Unusual = append(s.Unusual, state.Refusal(*f))
	}
	if err := r.directory.CheckContested(state, rec.ID); fault.Is(err, "AG0606") {
		s.Unusual = append(s.Unusual, err)
	} else if err != nil {
		return Status{}, err
	}
	origins, err := r.OriginNotices()
	if err != nil {
		return Status{}, err
	}
	for _, n := range origins {
		if n.Code != "" {
			s.Unusual = append(s.Unusual, fault.New(n.Code, n.Next, "%s", n.Text))
		}
	}
	if s.Merging, _, err = r.OpenMerge(""); err != nil {
		return Status{}, err
	}
	if s.Branch, err = r.describe(state, rec, r.current(), r.history.Read); err != nil {
		return Status{}, err
	}
	if s.Engine, err = state.Engine(); err != nil {
		return Status{}, err
	}
	if s.Contracts, err = r.Contracts(""); err != nil {
		return Status{}, err
	}
	branches, err := branch.Branches(r.db)
	s.Branches = len(branches)
	return s, err
}

// direct makes a directory block of one change, signed by a key that has the
// right for it and is the directory's producer.
func (r *Repository) direct(_ context.Context, key crypto.Signer, change dd.Change) error {
	return r.directly(key, func() (dd.Change, error) { return change, nil })
}

// directly is direct for a change that is made while nothing else is written.
func (r *Repository) directly(key crypto.Signer, what func() (dd.Change, error)) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	change, err := what()
	if err != nil {
		return err
	}
	state, err := r.directory.Head()
	if err != nil {
		return err
	}
	if state, err = r.stateFor(state, change); err != nil {
		return err
	}
	var salt objectstore.Hash
	if _, err := io.ReadFull(r.random, salt[:]); err != nil {
		return fmt.Errorf("reading randomness: %w", err)
	}
	now := r.now().UnixMilli()
	op, err := dd.Propose(state, change, now, salt, nil, key)
	if err != nil {
		return err
	}
	if err := mayOrder(state, key, change); err != nil {
		return err
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	next, err := r.append(batch, state, now, op, key)
	if err != nil {
		return err
	}
	if err := r.follow(batch, change, state, next); err != nil {
		return err
	}
	return batch.Commit()
}
