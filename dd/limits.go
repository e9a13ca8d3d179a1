package dd

const (
	// MaxBlock is the size of a directory block in bytes. The directory is
	// what everybody keeps, from its first block on.
	MaxBlock = 64 << 10

	// MaxOperations is the number of operations of a block. A small operation
	// has 250 bytes; the seals of so many fit into one seal object.
	MaxOperations = 256

	// MaxOperation is the size of one operation in bytes: the largest is a
	// revocation of MaxLast branches, with its reason and an account of 16 keys.
	// Half of a block: one waits for the next block at most once.
	MaxOperation = 32 << 10

	// MaxThreshold bounds how many admins decide root matters: as many keys as
	// an account may have.
	MaxThreshold = 16

	// MaxProposal is the size of a proposal in bytes: an operation and
	// maxProposalSignatures signatures of about 170 bytes. It is kept in a ref.
	MaxProposal           = 56 << 10
	maxProposalSignatures = 128

	// MaxOperationLife is how long an operation may wait for its block, in ms: a
	// proposal that nobody completed within a season is forgotten for good.
	MaxOperationLife = 92 * 24 * 3600 * 1000

	// maxAhead is how far the clock of an operation's author may be ahead of the
	// block that takes it, in ms.
	maxAhead = 3600 * 1000

	// MaxGenesis is the size of a genesis in bytes.
	MaxGenesis = 4 << 10

	// MaxStatement is the size of a head statement in bytes, which has 250.
	MaxStatement = 4 << 10

	// MaxEvidence is the size of evidence in bytes: two statements and their
	// seals. It is kept in a ref.
	MaxEvidence = 48 << 10

	// MaxBlockAhead is how far a directory block may be ahead of the clock of who
	// takes it, in ms; the same as for blocks of branches.
	MaxBlockAhead = 120_000

	// MaxClockBack is how far the block that is gone on from may be ahead of the
	// clock of who makes the next one, in ms. What a clock that was put back by hours
	// makes is taken by others when theirs get there; one that was a year ahead must
	// not bind everybody for a year.
	MaxClockBack = day

	// MaxSeals is the size of a block's seal in bytes: MaxOperations seals of
	// some KB.
	MaxSeals = 1 << 20

	// MaxLast is how many branches one revocation lists, at 69 bytes each: 25 KB.
	// More are listed by another one, but a stolen key is revoked in one step, so
	// this is what an operation holds.
	MaxLast = 360

	// MaxMessage is the length of a tag's message in bytes.
	MaxMessage = 4 << 10

	// MaxStatementLife is how long a head statement may be valid, in ms: a
	// frozen head should be noticed within a season.
	MaxStatementLife = 92 * 24 * 3600 * 1000

	// MaxApprovals and MaxStandbys are of one branch: a board, and the machines of
	// one site. Each approval costs a signature in each merge record.
	MaxApprovals = 16
	MaxStandbys  = 8

	// MaxPeers is how many peers a ledger lists, MaxAddresses where each is
	// reached, MaxAddress how long an address is in bytes: a host name has 253.
	MaxPeers     = 256
	MaxAddresses = 8
	MaxAddress   = 320

	// MaxApproval is the size of a signed approval in bytes: the approval has
	// 250, the seal of an account of 16 keys 2.3 KB.
	MaxApproval = 8 << 10

	// MaxTime bounds times, numbers and sequences: 2^53 is exact in every
	// language's numbers.
	MaxTime = 1 << 53

	// day in ms.
	day = 24 * 3600 * 1000

	// maxWaiting is how many signatures of a chain wait to be verified together:
	// more are no faster, and what comes after a bad one is work for nothing.
	maxWaiting = 512

	// maxKnownKeys is how many keys the verification of a chain remembers in a fast
	// form, of 1.5 KB.
	maxKnownKeys = 512

	// cacheBytes is the memory for decoded nodes of directory states. A state of
	// 10,000 records fits wholly.
	cacheBytes = 8 << 20
)
