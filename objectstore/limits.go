package objectstore

const (
	// MaxObject is the size of one object in bytes: a value of the state may
	// have 64 MiB, a block's list of transactions four times that.
	MaxObject = 256 << 20

	// MaxSeal is the size of what is kept beside an object: 32 signatures of
	// post-quantum size, or a certificate of a few hundred validators.
	MaxSeal = 1 << 20

	// MaxRefName and MaxRef bound a ref; refs are read often and all at once.
	MaxRefName = 1 << 10
	MaxRef     = 64 << 10

	// MaxIndexKey bounds an index key: a state map key with room for a prefix.
	MaxIndexKey = 4 << 10

	// MaxBatch is the size of one batch in bytes: it is held in memory, and
	// Pebble itself ends at 4 GiB.
	MaxBatch = 1 << 30

	// MaxListLeaves is the number of leaves of a list. A path then has at most
	// 20 hashes.
	MaxListLeaves = 1 << 20
)
