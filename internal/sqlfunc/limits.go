package sqlfunc

// Limits on what a function is given. They belong to engine 1.
const (
	MaxValue   = 64 << 10 // bytes of one string, blob or row: SQLITE_LIMIT_LENGTH in contracts, bounds the work of one call
	MaxPattern = 256      // bytes of a LIKE or GLOB pattern: the places in it are bits of a small array
	maxMet     = 1 << 15  // characters kept of a pattern that is used again and again
)
