package repo_test

import "github.com/aergo-git/aergo-git/dd"

// The columns of the matrix: the paths by which a wrong key can try something.
const (
	command           = "the command"
	library           = "the library"
	signedFile        = "a signed file"
	proposalFile      = "a proposal file"
	forgedObject      = "an object put into the store"
	importedDirectory = "an imported directory"
	replayed          = "replayed"
	oldKey            = "an old key, an old directory block"
	revokedInFork     = "a key revoked, in a fork"
	otherLedger       = "a signature of another ledger"
	otherBranch       = "a signature of another branch"
	otherProposal     = "a signature of another proposal"
	otherPurpose      = "a signature of another purpose"
	names             = "names that pretend"
	clock             = "clock tricks"
	oldCopy           = "an old copy restored"
)

// otherRights are those that no operation of the directory needs, and the tests
// that try them.
var otherRights = map[dd.Right][]string{
	dd.RightRead:    {"TestReadersMatrix"},
	dd.RightWrite:   {"TestMethodsMatrix", "TestForgedHeads", "TestVehiclesMatrix"},
	dd.RightMerge:   {"TestMethodsMatrix", "TestForgedMergesByCell"},
	dd.RightDirect:  {"TestOperationsMatrix"},
	dd.RightApprove: {"TestMergesNeedApprovals", "TestForgedProtection"},
}
