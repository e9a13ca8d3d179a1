package wire

const (
	// MaxDepth is how deep arrays and maps may nest. Our deepest object has
	// about six levels; a limit keeps the decoder's stack small.
	MaxDepth = 16

	// MaxElements is how many elements an array, or pairs a map, may have. A
	// list of a block has at most 1<<20 leaves, nothing is longer.
	MaxElements = 1 << 20

	// MaxKey is the length of a whole key tuple in bytes. The state map's
	// worst-case node and proof sizes follow from it.
	MaxKey = 1024

	// MaxCells is how many cells a row has: SQLite's default column limit.
	MaxCells = 2000
)
