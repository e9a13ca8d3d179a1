package sqltest

const (
	// maxFile bounds a test file and maxContract a contract's source (the
	// compiler's own limit is below it), in bytes: people write them.
	maxFile     = 1 << 20
	maxContract = 4 << 20
	// maxTests bounds the tests of a file: all live in one ledger in memory.
	maxTests = 10_000
	// maxPersonas bounds the names that act in a file: each is a key and a block
	// of the directory before the first test.
	maxPersonas = 100
	// maxRows is how many rows of a query are compared.
	maxRows = 10_000
	// shownRows is how many of them a message shows.
	shownRows = 10
	// alignedCells bounds the table with which two lists of rows are aligned.
	alignedCells = 1 << 20
	// testsPerWorker is how many tests are worth a further ledger beside the
	// first: making one takes as long as about three tests.
	testsPerWorker = 8
)
