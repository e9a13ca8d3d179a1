package sqlite

const (
	// maxInterned bounds the names kept per connection: names come from
	// schemas that others wrote. A schema of ours has hundreds.
	maxInterned = 4096

	// maxSlot is the largest binding buffer that a statement keeps for reuse.
	// Larger values are allocated for each binding and given to SQLite, so
	// that one large row does not stay in memory for ever.
	maxSlot = 4 << 10

	// maxText is SQLite's own limit for a string, blob or statement, in bytes:
	// lengths cross the C interface as 32-bit numbers.
	maxText = 1_000_000_000
)
