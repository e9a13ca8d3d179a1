package sqlcontract

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"sync"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Engine is what all trees of one store share: read nodes of the state map and
// compiled contracts. Make one per repository. Safe for concurrent use.
type Engine struct {
	nodes   *prolly.Cache
	reverse bool // see ReverseScans

	mu       sync.Mutex // guards compiled
	compiled map[codeKey]*Contract
}

type codeKey struct {
	name string
	code objectstore.Hash
}

// nodeCacheBytes is the memory for decoded nodes: those of about a million
// rows' worth of random edits.
const nodeCacheBytes = 256 << 20

// maxCompiled bounds the cache of compiled contracts; past it, it starts anew.
const maxCompiled = 512

// NewEngine gives an engine that reads states from the store.
func NewEngine(store objectstore.Store) *Engine {
	return &Engine{nodes: prolly.NewCache(store, nodeCacheBytes), compiled: map[codeKey]*Contract{}}
}

// Get reads an object of the store; nodes of states that were read or written
// lately come from memory. The bytes must not be modified.
func (e *Engine) Get(id objectstore.Hash) (objectstore.Kind, []byte, error) { return e.nodes.Get(id) }

// EmptyState is the state before the first block: no rows.
func EmptyState() objectstore.Hash { return prolly.EmptyRoot() }

// contract compiles a contract, or gives the one compiled before.
func (e *Engine) contract(name, source string, system bool) (*Contract, error) {
	key := codeKey{name, codeHash(source)}
	e.mu.Lock()
	c := e.compiled[key]
	e.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := compile(name, source, system)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.compiled) >= maxCompiled {
		clear(e.compiled)
	}
	e.compiled[key] = c
	return c, nil
}

func codeHash(source string) objectstore.Hash {
	return objectstore.Sum(objectstore.KindCode, []byte(source))
}

// Options say which tree to open.
type Options struct {
	Engine *Engine
	Dir    string              // of the SQLite files, made if absent; "": in memory, for verification and dry runs
	Ledger objectstore.Hash    // the value of @ledger
	Owner  objectstore.Account // of the ledger, who owns the system contracts
	Root   objectstore.Hash    // the state to start from; zero: the empty one

	// Others are directories of other trees of the ledger: a contract that this
	// one has no file of begins as a copy of theirs, which costs less than
	// making it when there are many rows and few differ.
	Others []string
}

// Tree is the SQLite side of one state: one database per contract, a cache that
// may be deleted at any time. Sessions move it from block to block. All methods
// may be called by several goroutines at once; there is one session at a time.
type Tree struct {
	engine *Engine
	dir    string
	others []string
	ledger objectstore.Hash
	owner  objectstore.Account

	// mu guards all below and is held during every call but the streaming of a
	// query's rows. It is the only lock taken while another package is called.
	mu      sync.Mutex
	state   *prolly.Map          // committed
	open    map[string]*database // by contract; content is that of database.root
	session *Session             // nil when none is open
	closed  bool
}

// OpenTree opens the tree of a state. It is quick: files are opened and brought
// forward when a contract is first touched.
func OpenTree(o Options) (*Tree, error) {
	if o.Root.IsZero() {
		o.Root = prolly.EmptyRoot()
	}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the working tree's directory: %w", err)
		}
	}
	return &Tree{engine: o.Engine, dir: o.Dir, others: o.Others, ledger: o.Ledger, owner: o.Owner,
		state: prolly.Load(o.Engine.nodes, o.Root), open: map[string]*database{}}, nil
}

// Root is the committed state.
func (t *Tree) Root() objectstore.Hash {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state.Root()
}

// ErrBusy is wrapped by MoveTo while a block is being made: the tree stays at
// the state before it, which can be read.
var ErrBusy = errors.New("a block is being made on it")

// MoveTo declares the state from which the next session starts. It costs
// nothing: each contract's file is brought there alone, by the rows that
// differ, when it is touched.
func (t *Tree) MoveTo(root objectstore.Hash) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session != nil {
		return fmt.Errorf("moving the working tree to state %s: %w", root.Short(), ErrBusy)
	}
	t.state = prolly.Load(t.engine.nodes, root)
	return nil
}

// Close closes the files. A session that is open is rolled back.
func (t *Tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	var first error
	if t.session != nil {
		first = t.session.rollback()
	}
	for name, db := range t.open {
		err := db.close()
		if err == nil && db.path != "" {
			err = leaveSum(db.path)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("closing the working tree of contract %s: %w", name, err)
		}
		delete(t.open, name)
	}
	return first
}

// ContractInfo says which contract is in force under a name.
type ContractInfo struct {
	Name    string
	Version int // from 1; 0 for system contracts, which belong to the engine
	Owner   objectstore.Account
}

// Contract gives the contract in force, its owner and its version (0 for a
// system contract); AG0401 when there is none.
func (t *Tree) Contract(name string) (*Contract, objectstore.Account, int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, err := t.find(t.state.Get, name)
	if err != nil {
		return nil, "", 0, err
	}
	if d == nil {
		return nil, "", 0, errNoContract(name)
	}
	return d.contract, d.owner, int(d.version), nil
}

// Contracts lists the deployed contracts by name, system contracts not among
// them.
func (t *Tree) Contracts() ([]ContractInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return contractsOf(t.state)
}

// Contracts gives, by name, the version in force of each contract of a state.
func (e *Engine) Contracts(root objectstore.Hash) (map[string]int, error) {
	list, err := contractsOf(prolly.Load(e.nodes, root))
	versions := make(map[string]int, len(list))
	for _, c := range list {
		versions[c.Name] = c.Version
	}
	return versions, err
}

func contractsOf(state *prolly.Map) ([]ContractInfo, error) {
	var list []ContractInfo
	prefix := tablePrefix(systemContract, "current")
	err := state.Scan(prefix, wire.KeyPrefixEnd(prefix), func(key, value []byte) error {
		k, err := wire.DecodeKey(key)
		if err != nil {
			return err
		}
		cur, err := decodeCurrent(value)
		if err != nil {
			return err
		}
		list = append(list, ContractInfo{Name: k[2].(string), Version: int(cur.version), Owner: cur.owner})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing contracts: %w", err)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

// Seen tells what became of the transaction with this account and salt on the
// committed state; status 0 when none has been seen (or it has expired).
func (t *Tree) Seen(account objectstore.Account, salt objectstore.Hash) (objectstore.Hash, Status, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	db, err := t.reader(systemSeen)
	if err != nil {
		return objectstore.Hash{}, 0, err
	}
	defer t.release(db)
	return seenIn(db, account, salt)
}

func errNoVersion(name string, version int) error {
	return fault.New("AG0401", "List them with: aergo contract list", "contract %s has no version %d here", name, version)
}

func errNoContract(name string) error {
	return fault.New("AG0401", "List the contracts with: aergo contract list", "there is no contract %s on this branch", name)
}
