package branch

const (
	// MaxHeader is the size of a block header in bytes. A header without
	// extensions has under 600; headers are what a light client keeps, so the
	// room for extensions is small.
	MaxHeader = 16 << 10

	// MaxDescriptor is the size of a branch descriptor: two hashes and an
	// account need under 200 bytes.
	MaxDescriptor = 512

	// MaxMergeRecord is the size of a merge record in bytes: MaxVerdicts of at
	// most 75 bytes each, and room for the rest.
	MaxMergeRecord = 6 << 20

	// MaxVerdicts is the number of candidates of one merge block. A larger
	// merge becomes a chain of merge blocks over prefixes of the source.
	MaxVerdicts = 1 << 16

	// MaxBases is the number of merge bases of one merge. Criss-cross merges
	// make two; more come only from many heads that were merged in every
	// order, and each base costs a walk over a state.
	MaxBases = 64

	// MaxApprovals is the number of approvals of one merge, and maxApprovalSeal
	// the size of each one's seal: an account of 16 keys signs with 2.3 KB.
	MaxApprovals    = 16
	maxApprovalSeal = 8 << 10

	// MaxNumber bounds number, generation and time: SQL sees the first and the
	// last as INTEGER, and 2^53 is exact in every language's numbers.
	MaxNumber = 1 << 53

	// MaxName is the length of a branch name in bytes.
	MaxName = 100

	// maxRecord is the size of a local branch record.
	maxRecord = 1 << 10

	// cacheNodes is how many nodes of the graph one History keeps in memory,
	// about 150 bytes each.
	cacheNodes = 64 << 10
)
