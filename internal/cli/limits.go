package cli

import "time"

const (
	// maxSource bounds what is read as a contract or a query from a file or
	// standard input; the compiler's own limit is below it.
	maxSource = 4 << 20
	// maxProof bounds a proof file: a path of a state map has some dozen nodes.
	maxProof = 64 << 20
	// maxSigned bounds a file of signed calls, which all go into one block.
	maxSigned = 64 << 20
	// maxApproval bounds a file of one approval, with remarks.
	maxApproval = 64 << 10
	// maxProposals bounds a file of proposals: 256 of 44 KB in base64, some of them
	// with each new signature.
	maxProposals = 16 << 20
	// maxBatchLine bounds a line of a batch file; a transaction holds 1 MiB.
	maxBatchLine = 2 << 20
	// maxKeyName bounds the name of a key, which becomes a file's name.
	maxKeyName = 64
	// tableSample is how many rows decide the widths of a table's columns; the
	// rows after them are printed as they come.
	tableSample = 1000
	// maxReadDepth is how deep files may .read each other in the shell; a file
	// that reads itself ends there.
	maxReadDepth = 8
	// devPoll is how often aergo dev looks at the files; a change is taken up when
	// two looks in a row see the same.
	devPoll = 200 * time.Millisecond
	// maxUnlock is how long ssh-agent may keep a key that was handed to it.
	maxUnlock = 30 * 24 * time.Hour
	// devRows is how many rows that a migration changed aergo dev shows.
	devRows = 20
	// completeWithin is how long Tab waits for the names of a ledger.
	completeWithin = time.Second
	// maxVerdicts is how many verdicts of a merge are printed one by one.
	maxVerdicts = 20
	// maxCell is how many characters of a cell a table shows.
	maxCell = 60
)
