package prolly

import "github.com/aergo-git/aergo-git/objectstore"

// State format 1. Every number here decides hashes: changing one is a new state
// format, named in genesis.
const (
	// StateFormat names these numbers in a ledger's genesis. It is the first byte
	// of a stored node and of its hashed header.
	StateFormat = 1

	// MaxKey is the longest key in bytes. A key is held in one leaf and, as a
	// first key, in inner nodes, so it must be small beside a node.
	MaxKey = 1024

	// MaxInline is the longest value in bytes that stands in its leaf. A longer
	// one is an object of its own, so that a leaf stays quick to read and hash.
	MaxInline = 1024

	// MaxValue is the longest value in bytes: it is held in memory whole.
	MaxValue = 64 << 20

	// entryWeight is what an entry weighs beside its key. It stands for a small
	// value, or for an id and a count; the value itself never counts, so an
	// UPDATE moves no boundary.
	entryWeight = 40

	// spread is the mean weight between two anchors (see boundary.go).
	spread = 3072

	// span is the weight above which a run of entries is cut at its smallest
	// rank. Nodes of honest keys then weigh 2 KB on average.
	span = 5120

	// maxWeight is the most that an entry weighs.
	maxWeight = MaxKey + entryWeight

	// groupSize is how many entries share one hash inside a node.
	groupSize = 8

	// MaxLevel is the highest level of a node; leaves are level 0. Each level
	// more than the rows ask for costs whoever grinds keys at least a factor of
	// 3, so nobody gets here; it bounds recursion over foreign nodes.
	MaxLevel = 63
)

// Limits on foreign bytes that follow from the format.
const (
	// maxEntries is how many entries a node can hold: the first, which is not
	// weighed, and as many of the lightest (a key of 1 byte) as span allows.
	maxEntries = 1 + span/(entryWeight+1)

	// maxRows bounds row counts, so that sums of them cannot overflow.
	maxRows = 1 << 62

	// maxNode bounds a stored node in bytes: header, offsets, keys and values.
	maxNode = headerSize + maxEntries*(2+4+1+MaxInline) + span + maxWeight

	// MaxProof bounds an encoded proof in bytes: two paths of MaxLevel nodes
	// with the longest keys, and the value.
	MaxProof = MaxValue + 2*(MaxLevel+2)*(MaxKey+(groupSize+maxEntries/groupSize)*objectstore.HashSize+64)
)
