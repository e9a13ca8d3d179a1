package repo

import (
	"io"
	"time"

	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Options are what an embedding program may choose. The zero value is right for
// most.
type Options struct {
	// Now is the clock; nil means time.Now. It decides block times and with
	// them block ids.
	Now func() time.Time
	// Random gives salts and blinds; nil means crypto/rand.
	Random io.Reader
	// Wait is how long Open waits for another process that has the repository
	// open; zero means 10 seconds.
	Wait time.Duration
	// Threshold is how many admins decide root matters of a new ledger, 1 to 16; 0
	// means 1. Until there are so many all of them do. Open does not read it.
	Threshold uint64
	// ReadOnly opens without writing to the store; what would write fails. The
	// working tree, a cache, is still written by queries of a branch's head, not
	// by those of a block id.
	ReadOnly bool
	// Moved opens although something else has moved a head to where it may not
	// stand (AG0556): to look, to Verify, and for RestoreHead.
	Moved bool
	// ReverseScans is for tests of contracts in memory: see
	// sqlcontract.Engine.ReverseScans.
	ReverseScans bool
}

// Branch is what `aergo branch` shows of one branch.
type Branch struct {
	Name       string
	ID         objectstore.Hash
	Head       objectstore.Hash // block
	From       objectstore.Hash // the block it began at
	Number     uint64           // of the head
	Time       time.Time        // of the head
	Creator    objectstore.Account
	Current    bool
	Registered bool        // in the directory; otherwise the name is local
	Deleted    bool        // from the directory: it takes no more blocks
	Scratch    bool        // its calls never leave it
	Protection *Protection // nil: not protected
	Policy     string      // how merges are made: "automatic", "consistent", or "" where each says
}

// Tag is a signed, immutable name for a block, kept in the directory.
type Tag struct {
	Name    string
	Block   objectstore.Hash
	Tagger  objectstore.Account
	Message string
	Time    time.Time
}

// Call asks for one action of a contract.
type Call struct {
	Contract string
	Action   string
	Args     map[string]any // nil, int64, string, []byte; see ParseArgs for text
	Branch   string         // empty: the current branch
	GasLimit uint64         // zero: the default
	// IdempotencyKey, when not empty, makes a second call with the same key
	// and content count as the first one.
	IdempotencyKey string
	Preconditions  []sqlcontract.Precondition
}

// Result is the answer to one transaction.
type Result struct {
	Transaction objectstore.Hash
	Block       objectstore.Hash
	Branch      string
	Receipt     sqlcontract.Receipt
	Changes     []RowDiff // net rows, system tables left out; none where Repeated
	Repeated    bool      // seen before: Receipt is the first one's
}

// RowDiff is one row that differs. Old and New hold a value for each of
// Columns (key columns first), or are nil where there is no such row. Where a
// MIGRATION lies between the two sides, Columns are those of both, and a value
// is nil where the version of its side has no such column; if the key itself has
// other columns, the row is two: one that is gone and one that is new.
type RowDiff struct {
	Contract string
	Table    string
	Key      []any    // primary key values
	Columns  []string // names; the first len(Key) are the key's
	Old      []any
	New      []any
}

// Entry is one block in a log.
type Entry struct {
	ID           objectstore.Hash
	Parents      []objectstore.Hash
	Number       uint64
	Time         time.Time
	Producer     objectstore.Account
	Branch       string   // name of the branch it was made on, or its id's beginning
	Refs         []string // branches and tags that point at it
	Calls        []CallSummary
	Transactions int
	Origin       objectstore.Hash // ledger of a block that came with the origin; zero: this one's own
}

// CallSummary is one transaction in a line.
type CallSummary struct {
	Transaction objectstore.Hash
	Text        string // "shop.sell(sku=tea, n=8)"
	Account     objectstore.Account
	Status      sqlcontract.Status
	Code        string // of a failure
	Reason      string // of a failure, in words
	Gas         uint64 // of its receipt
	Changed     uint64 // rows, by its receipt
}

// BlockInfo is a block with all that it holds.
type BlockInfo struct {
	Entry
	State, TransactionsRoot, ReceiptsRoot, ChangesRoot objectstore.Hash
	Directory                                          objectstore.Hash
	Engine                                             uint64
	Rows                                               uint64 // rows changed
	Merge                                              *MergeResult
}

// TransactionInfo is a transaction with its answer, in the block that last
// executed it.
type TransactionInfo struct {
	ID       objectstore.Hash
	Text     string // "shop.sell(sku=tea, n=8)"
	Kind     string // call, deploy, patch
	Contract string
	Action   string
	Args     map[string]any // nil when erased
	Account  objectstore.Account
	Created  time.Time
	Expiry   time.Time
	GasLimit uint64
	// Provenance is the transaction of a private branch that this one repeats;
	// zero: none. It is its signer's word.
	Provenance objectstore.Hash
	Origin     objectstore.Hash   // ledger it was signed for, of an origin; zero: this one
	Blocks     []objectstore.Hash // every block of this repository that lists it
	Branches   []string           // that have one of them, by name
	Block      objectstore.Hash   // the one that Receipt and Changes come from
	Number     uint64             // of Block
	Position   int                // in Block, from 0
	Receipt    sqlcontract.Receipt
	Changes    []RowDiff
}

// ContractInfo is one deployed contract.
type ContractInfo struct {
	Name    string
	Version int
	Owner   objectstore.Account
	Author  objectstore.Account // of this version
	Created time.Time
	Code    objectstore.Hash
	Current bool
}

// MergeOptions choose how to merge.
type MergeOptions struct {
	Into   string // target branch; empty: the current one
	DryRun bool   // verdicts only, nothing written
	NoFF   bool   // a merge block even where a fast-forward would do
	Strict bool   // exclude what would be included with other rows

	// Consistent merges rows by cell instead of running transactions again;
	// Automatic, and Strict, are the other kind. Without any the policy of the
	// target decides, else that of the branch that the source names.
	Consistent, Automatic bool

	// Disclose allows a merge that shows the source to some who may read the
	// target only.
	Disclose bool
}

// MergeResult is what a merge did, or would do.
type MergeResult struct {
	Kind     string // "up to date", "fast-forward", "automatic", "consistent"
	Block    objectstore.Hash
	Source   objectstore.Hash
	Target   objectstore.Hash // head before
	Bases    []objectstore.Hash
	Verdicts []Verdict
	Included int
	Excluded int

	Policy   string                // the branch whose policy chose the kind; "" where none did
	Approved []objectstore.Account // whose approvals count, where the branch asks for some
	Missing  int                   // approvals that are missing; only with DryRun
	Shown    []objectstore.Account // who could not read the source before; see MergeOptions.Disclose

	// Of a consistent merge; its Verdicts are about system contracts only.
	Rows      int        // that either side changed
	Changes   []RowDiff  // what the merge changes on the target
	Conflicts []Conflict // what is open; the merge is not made while there is any

	// Of a recorded one: who settled its conflicts, and how. The producer of the
	// block has signed them.
	Patch  objectstore.Hash // its transaction
	Chosen []Chosen

	unused []merge.Choice // asked for and settling nothing: the merge was not computed to its end
}

// Chosen is what a producer chose for one conflict of a consistent merge.
type Chosen struct {
	Contract, Table string
	Key             []any
	Column          string // "" for the whole row
	Take            merge.Side
	Value           any // with merge.Value
}

// Conflict is a cell or a row of a consistent merge that nothing settles, or a
// declaration that the merged rows break.
type Conflict struct {
	// Kind is cell, row, overflow, twice, criss-cross or not permitted, which a
	// Choice settles; or check, unique, not null, foreign key or invariant, which
	// other choices, or further calls on one of the branches, have to cure.
	Kind     string
	Contract string
	Table    string
	KeyNames []string
	Key      []any  // primary key; nil where an invariant's total is meant
	Column   string // "" for the whole row

	// The cells of Columns on the three sides: Column alone, or the row's that
	// are not key.
	Columns                  []string
	Base, Ours, Theirs       []any
	InBase, InOurs, InTheirs bool // whether there is such a row
	BaseUnknown              bool // the merge bases disagree about it

	Rule       string // the MERGE RULE that applies and does not settle it, or ""
	Code, Text string // of a broken declaration: as in a receipt
	Merged     []any  // of a broken declaration: the row that breaks it

	OursBy, TheirsBy []CallSummary // the calls that wrote the row on each side

	key []byte // in the state map
}

// Open tells whether a Choice can settle it.
func (c Conflict) Open() bool { return c.Code == "" }

// Choice settles conflicts of an open merge: all that are in the contract, table,
// row and column it names; what is empty is not asked for.
type Choice struct {
	Contract, Table string
	Key             []string // as text; a BLOB as 0x…
	Column          string
	Take            merge.Side
	Value           any // with merge.Value: nil, int64, string or []byte
}

// Verdict is what a merge decided about one transaction.
type Verdict struct {
	CallSummary
	Included  bool
	Different bool             // included, but with other rows than on the source's line
	From      objectstore.Hash // the block that it comes from
	Changes   []RowDiff
}

// VerifyOptions choose how deep to look.
type VerifyOptions struct {
	Full     bool // re-execute every transaction
	Progress func(done, total int)
}

// VerifyReport counts what was found good.
type VerifyReport struct {
	Blocks       int
	Signatures   int
	Transactions int
	Executed     int // transactions re-executed
	OtherEngine  int // blocks of engines that this program does not have
	Nodes        int // state map nodes read and checked
	Rows         uint64
	Erased       int // transactions without arguments
	Unexecuted   int // blocks that VerifyOptions.Full could not execute again for want of them
	DirBlocks    int
	// Notices is what the newer directories of the origins say against their blocks.
	Notices []Notice
}

// ProofReport is what a proof says, after it has been verified.
type ProofReport struct {
	Kind      string // "row", "absent", "transaction"
	Ledger    objectstore.Hash
	Branch    string // the name that the directory gives it; a local one where it is not registered
	BranchID  objectstore.Hash
	Block     objectstore.Hash
	Number    uint64
	Time      time.Time
	Statement uint64           // sequence of the head statement
	Published objectstore.Hash // the head it names
	Expires   time.Time        // of the statement: after it, ask for a newer proof of what is published
	Producer  objectstore.Account

	// Directory is the block of the newest directory by which the proof was judged,
	// with its number and time: what was revoked later is not known.
	Directory       objectstore.Hash
	DirectoryNumber uint64
	DirectoryTime   time.Time
	Expired         bool     // the statement has expired, by the clock that was given
	Notices         []Notice // what is unusual about it, and what it does not tell

	// Origin is the ledger that this one says it went on from; zero: none. Where
	// FromOrigin is set the block is the one at which it did: the ledger vouches
	// for it as for its own, the origin does not in this proof.
	Origin     objectstore.Hash
	FromOrigin bool

	// of a row, or of its absence
	Contract string
	Table    string
	Key      []any
	Columns  []string
	Row      []any

	// of a transaction
	Transaction objectstore.Hash
	Account     objectstore.Account // who signed it
	Call        string
	Receipt     *sqlcontract.Receipt
}

// Status is what `aergo status` shows.
type Status struct {
	Dir       string
	Ledger    objectstore.Hash
	Owner     objectstore.Account
	Branch    Branch
	Contracts []ContractInfo
	Branches  int
	Engine    uint64
	Origin    *Origin          // nil: the ledger began by itself
	Merging   objectstore.Hash // the block whose merge into the branch is open; zero: none
	// Unusual is what stands in the way until admins decide: two chains of the
	// directory's producer (AG0607), two heads of the branch (AG0606); and what an origin's newer
	// directory says against its blocks (AG0514, AG0515).
	Unusual []error
}
