package repo

import "time"

const (
	// DefaultBlockSize is how many transactions a Writer puts into one block;
	// MaxBlockSize is bounded by what one synced batch and one list object hold.
	DefaultBlockSize = 1000
	MaxBlockSize     = 20_000

	// defaultWait is how long Open waits for another process.
	defaultWait = 10 * time.Second

	// nodeCache is the memory for decoded nodes of the state map that diffs,
	// proofs and verification read; execution has a larger one of its own.
	nodeCache = 32 << 20

	// openTrees is how many branches keep their working tree open; each open
	// contract costs a few file handles.
	openTrees = 8

	// maxKeptSources is how many transactions of the blocks that a picked block
	// names verification remembers: some 40 MB. Beyond it they are read again.
	maxKeptSources = 1 << 18

	// headAhead is how far a block's time may lie before our clock's.
	headAhead = 2 * time.Minute

	// maxOrigins is how many ledgers may stand one behind the other, each a
	// private branch of the next: every one costs a directory to open.
	maxOrigins = 8

	// quickTransactions is how many transactions of an origin are executed again
	// when it is taken over: some ten seconds. Beyond it states and signatures are
	// checked, and verify --full does the rest when it is wanted.
	quickTransactions = 50_000

	// copyBatch is how many bytes of an origin go into one batch.
	copyBatch = 32 << 20

	// maxTreeDepth bounds a state map: nodes of two entries, the fewest, over 2^64 rows.
	maxTreeDepth = 64

	// maxPreview is how many transactions of the source a preview also tries the
	// other kind of merge on: about a second.
	maxPreview = 2000

	// statementLife is how long a head statement says that a head is published.
	statementLife = 30 * 24 * time.Hour

	// What Replay does when it is to be cheap: at most so many transactions before
	// the one that is asked for, and rows of its contract: about half a second.
	cheapTransactions = 1000
	cheapRows         = 100_000

	// maxProof bounds a proof file that arrives; maxChain the headers in it
	// between a published head and the block of the proof.
	maxProof = 16 << 20
	maxChain = 10_000

	// maxDirectory bounds an exported directory that arrives: some 80,000 blocks
	// of one operation.
	maxDirectory = 64 << 20

	// maxLaterFound bounds what is told of an origin's blocks after its newer
	// directory, maxLater the bytes that are kept of it: each is read by people.
	maxLaterFound = 100
	maxLater      = 1 << 20

	// maxProposals bounds the proposals that a file holds, and those that are kept:
	// each is a matter that people look at.
	maxProposals = 256

	// maxPartial bounds a transaction or approval that waits for signatures, in
	// bytes: a transaction of 1 MiB, and 32 signatures.
	maxPartial = 1<<20 + 64<<10
)
