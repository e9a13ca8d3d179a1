package importer

// Limits on foreign files and on what is made of them.
const (
	// maxRecord bounds the bytes of a line of a CSV: a quote that is not closed
	// would take the whole file. No row that fits a contract is longer.
	maxRecord = 1 << 20
	// maxColumns is a contract's limit for a table.
	maxColumns = 256
	// maxParams is a contract's limit for the arguments of an action.
	maxParams = 64
	// maxRow is a contract's limit for a row, and for each value in it, less the
	// frame that the engine puts around a row.
	maxRow = 64<<10 - 1024
	// maxKeyBytes is the state map's limit for a key, less the names of contract
	// and table in it, 64 bytes each at most.
	maxKeyBytes = 1024 - 2*66
	// maxRows bounds the JSON text of a call of load_T: an argument holds 64 KiB.
	maxRows = 60_000
	// callsInBlock is how many calls a block of the load holds, some 1 MB.
	callsInBlock = 16
	// maxHashes bounds the memory for finding a key: 8 bytes each, twice while a
	// set grows.
	maxHashes = 16 << 20
	// maxCandidates is how many columns are tried as the key.
	maxCandidates = 8
	// maxNotes bounds the report of a file that is wrong in every line.
	maxNotes = 1000
	// maxScale is how many decimals a number in the smallest unit may have.
	maxScale = 9
	// maxTables is a contract's limit.
	maxTables = 64
	// maxSchema bounds what SQLite reads as one CREATE statement of a foreign file.
	maxSchema = 1 << 20
	// maxSchemaRows bounds what one question about a foreign schema answers.
	maxSchemaRows = 10_000
	// maxValueRead bounds a cell that SQLite hands out; one over maxRow is
	// refused with its row, one over this without.
	maxValueRead = 4 << 20
	// maxObjects bounds the indexes, views and triggers that are tried, each with
	// a compilation of the whole draft.
	maxObjects = 256
)
