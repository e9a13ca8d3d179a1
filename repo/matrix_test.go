package repo_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
)

// The matrix of what mallory can try: rows are permissions, columns the paths by
// which a wrong key can try them. permissions and ways are the rows and columns
// of the directory, methods those of the library; otherRights and otherPaths name
// the tests of the rest, and say of which permission a path makes no sense.

// The columns that are ways (matrix_operations_test.go).
const (
	library           = "the library"
	signedFile        = "a signed file"
	proposalFile      = "a proposal file"
	forgedObject      = "an object put into the store"
	importedDirectory = "an imported directory"
	replayed          = "replayed"
	oldKey            = "an old key, an old directory block"
	revokedInFork     = "a key revoked, in a fork"
	otherLedger       = "a signature of another ledger"
	otherProposal     = "a signature of another proposal"
	otherPurpose      = "a signature of another purpose"
	names             = "names that pretend"
	clock             = "clock tricks"
	oldCopy           = "an old copy restored"
)

// otherRights are those that no operation of the directory needs, and the tests
// that try them.
var otherRights = map[dd.Right][]string{
	dd.RightRead:    {"TestReadersMatrix", "TestHostileOrigin"},
	dd.RightWrite:   {"TestMethodsMatrix", "TestForgedHeads", "TestVehiclesMatrix", "TestKeysChange"},
	dd.RightMerge:   {"TestMethodsMatrix", "TestForgedMergesByCell"},
	dd.RightDirect:  {"TestOperationsMatrix", "TestMalloryAndBlocks"},
	dd.RightApprove: {"TestMergesNeedApprovals", "TestForgedProtection", "TestMethodsMatrix"},
}

// otherPaths are the columns of what is not the directory: blocks, transactions,
// statements, approvals, contract roles. operations says why a path brings none
// of the directory's, where it does not.
var otherPaths = []struct {
	path       string
	tests      []string
	operations string
}{
	{"the command", []string{"TestEveryVerbIsTriedByMallory", "TestScripts"}, ""},
	{"a method of the library", []string{"TestMethodsMatrix"}, ""},
	{"a block, put into the store", []string{"TestForgedHeads", "TestForgedKeys"}, "a branch's block lists transactions only"},
	{"a head, moved in the store", []string{"TestMovedHeads", "TestForgedProtection"}, "the directory's head: an object put into the store"},
	{"a tag", []string{"TestMalloryAndOperations"}, "is one: the row tag"},
	{"a head statement", []string{"TestMalloryAndStatements", "TestTwoHeadsOfOneNumber"}, "says of a branch where it stands"},
	{"a merge record with approvals", []string{"TestForgedProtection", "TestForgedMergesByCell"}, "stands in a branch's block"},
	{"a transaction, put into the store", []string{"TestForgedHeads"}, "no contract can change the directory"},
	{"a transaction again, of another ledger, or of another branch", []string{"TestForgedHeads", "TestVehiclesMatrix"}, "an operation is of a ledger, and names its branch in what is signed"},
	{"an approval of another block, branch or ledger", []string{"TestApproval", "TestForgedProtection"}, "an approval has a purpose of its own"},
	{"an old key, a revoked one, in a fork", []string{"TestAStolenKeyIsStopped", "TestForgedKeys", "TestMergeByCellOfReplacedKeys", "TestTheDirectorysProducerIsCompromised"}, ""},
	{"times far ahead or back, of blocks and transactions", []string{"TestForgedHeads"}, ""},
	{"names of branches that pretend", []string{"TestPatternsThatPretend", "TestMalloryIsRefused"}, ""},
	{"a merge, automatic, by cell, or a fast-forward", []string{"TestVehiclesMatrix", "TestKeptInvariants"}, "a merge brings transactions"},
	{"a cherry-pick", []string{"TestVehiclesMatrix", "TestForgedPicks"}, "it brings transactions"},
	{"a revert", []string{"TestMethodsMatrix", "TestForgedReverts"}, "a patch changes rows of contracts, and none of the system's"},
	{"a rebase or undo", []string{"TestMethodsMatrix", "TestMovedHeads"}, "the directory has one order and is not undone"},
	{"give", []string{"TestGivenBack", "TestFalseOrigin"}, "only transactions are given"},
	{"a contract role, an OWNER action, a deploy over another's", []string{"TestVehiclesMatrix", "TestMalloryIsRefused"}, "roles of contracts are rows of their state"},
	{"a merge rule of another's contract", []string{"TestVehiclesMatrix", "TestScripts"}, "a rule is a row of its contract's state"},
	{"a backup that goes on", []string{"TestABackupIsRestored"}, ""},
}

// TestThePathsAreTried: the tests that the tables and the documents name exist.
func TestThePathsAreTried(t *testing.T) {
	for _, p := range otherPaths {
		if len(p.tests) == 0 {
			t.Errorf("%s is tried by no test", p.path)
		}
		for _, name := range p.tests {
			if !declared(t, name) {
				t.Errorf("%s: there is no %s", p.path, name)
			}
		}
	}
	for _, file := range []string{"../docs/protocols/directory.md", "../docs/explanation/trust.md"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(Test\\w+|Fuzz\\w+)`").FindAllStringSubmatch(string(data), -1) {
			if !declared(t, m[1]) {
				t.Errorf("%s names %s, which is not there", file, m[1])
			}
		}
		_, table, _ := strings.Cut(string(data), "| attempt | what stops it | test |\n|---|---|---|\n")
		lines := 0
		for line := range strings.Lines(table) {
			if !strings.HasPrefix(line, "|") {
				break
			}
			lines++
			if !strings.Contains(line, "`Test") {
				t.Errorf("%s: this attempt names no test: %s", file, line)
			}
		}
		if strings.HasSuffix(file, "directory.md") && lines < 20 {
			t.Errorf("%s has a table of %d attempts", file, lines)
		}
	}
}
