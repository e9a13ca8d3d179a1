package repo_test

import (
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// method is an exported method of a Repository that takes a key, as it is tried
// with a wrong one and then done with the right one, in the order of the table.
type method struct {
	name, code string
	do         func(s *story, key crypto.Signer) error
}

// methods are all that change the ledger or sign something.
var methods = []method{
	{"AddIdentity", "AG0501", func(s *story, k crypto.Signer) error { return s.AddIdentity(ctx, k, "zoe", descriptorOf("zoe")) }},
	{"GrantRole", "AG0501", func(s *story, k crypto.Signer) error {
		return s.GrantRole(ctx, k, "writer", "main", accountOf("mallory 2"))
	}},
	{"RevokeRole", "AG0501", func(s *story, k crypto.Signer) error {
		return s.RevokeRole(ctx, k, "writer", "main", accountOf("mallory 2"))
	}},
	{"SetVisibility", "AG0501", func(s *story, k crypto.Signer) error { return s.SetVisibility(ctx, k, false) }},
	{"RegisterBranch", "AG0501", func(s *story, k crypto.Signer) error { return s.RegisterBranch(ctx, k, "dev") }},
	{"SetPolicy", "AG0501", func(s *story, k crypto.Signer) error { return s.SetPolicy(ctx, k, "main", "automatic") }},
	{"Tag", "AG0501", func(s *story, k crypto.Signer) error { _, err := s.Tag(ctx, k, "v1", "main", ""); return err }},
	{"Change", "AG0501", func(s *story, k crypto.Signer) error {
		return s.Change(ctx, k, dd.Grant{Role: dd.Reader, Pattern: "us/*", Account: accountOf("zoe")})
	}},
	{"Propose", "AG0501", func(s *story, k crypto.Signer) error {
		_, err := s.Propose(k, dd.Grant{Role: dd.Reader, Pattern: "eu/*", Account: accountOf("zoe")})
		return err
	}},
	{"SubmitOperation", "AG0503", func(s *story, k crypto.Signer) error {
		op, err := s.Propose(s.key, dd.Grant{Role: dd.Reader, Pattern: "eu/*", Account: accountOf("zoe")})
		if err == nil {
			_, err = s.SubmitOperation(ctx, k, op)
		}
		return err
	}},
	{"StartProposal", "AG0501", func(s *story, k crypto.Signer) error {
		_, err := s.StartProposal(k, dd.Grant{Role: dd.Admin, Pattern: "*", Account: accountOf("zoe")}, "")
		return err
	}},
	{"SignProposal", "AG0522", func(s *story, k crypto.Signer) error {
		list, err := s.Proposals()
		if err == nil {
			_, err = s.SignProposal(k, list[0], "")
		}
		return err
	}},
	{"CompleteProposal", "AG0503", func(s *story, k crypto.Signer) error {
		list, err := s.Proposals()
		if err == nil {
			_, err = s.CompleteProposal(ctx, k, list[0])
		}
		return err
	}},
	{"CreateBranch", "AG0501", func(s *story, k crypto.Signer) error { _, err := s.CreateBranch("us", "", k, false); return err }},
	{"Call", "AG0502", func(s *story, k crypto.Signer) error { _, err := s.Call(ctx, k, pay("main")); return err }},
	{"NewWriter", "AG0502", func(s *story, k crypto.Signer) error {
		w, err := s.NewWriter(k, "main", 1, func(int, repo.Result, error) {})
		if err != nil {
			return err
		}
		_ = w.Add(ctx, 1, pay("main")) // Close tells
		return w.Close(ctx)
	}},
	{"Submit", "AG0502", func(s *story, k crypto.Signer) error {
		tx, err := s.Sign(s.key, pay("main"))
		if err == nil {
			_, err = s.Submit(ctx, k, "main", []sqlcontract.Transaction{tx})
		}
		return err
	}},
	{"Revert", "AG0502", func(s *story, k crypto.Signer) error {
		_, err := s.Revert(ctx, k, "main", repo.RevertOptions{})
		return err
	}},
	{"Undo", "AG0725", func(s *story, k crypto.Signer) error { _, err := s.Undo(ctx, k, "main", 1, ""); return err }},
	{"Deploy", "AG0502", func(s *story, k crypto.Signer) error { _, err := s.Deploy(ctx, k, "main", "shop", shop); return err }},
	{"SetMergeRule", "AG0502", func(s *story, k crypto.Signer) error {
		_, err := s.SetMergeRule(ctx, k, "main", "bank", "ON account (credit) BY OURS")
		return err
	}},
	{"DropMergeRule", "AG0502", func(s *story, k crypto.Signer) error {
		_, err := s.DropMergeRule(ctx, k, "main", "bank", "account", "credit")
		return err
	}},
	{"Rebase", "AG05", func(s *story, k crypto.Signer) error { _, err := s.Rebase(ctx, k, "main", "late", false); return err }},
	{"CherryPick", "AG0502", func(s *story, k crypto.Signer) error {
		_, err := s.CherryPick(ctx, k, "dev", repo.PickOptions{})
		return err
	}},
	{"Merge", "AG0502", func(s *story, k crypto.Signer) error {
		_, err := s.Merge(ctx, k, "eu", repo.MergeOptions{Consistent: true})
		return err
	}},
	{"Conflicts", "AG05", func(s *story, k crypto.Signer) error { _, err := s.Conflicts(ctx, k, "main"); return err }},
	{"Settle", "AG05", func(s *story, k crypto.Signer) error {
		_, err := s.Settle(ctx, k, "main", repo.Choice{Take: merge.Ours})
		return err
	}},
	{"ProveRow", "AG050", func(s *story, k crypto.Signer) error {
		_, err := s.ProveRow(ctx, k, "main", "bank", "account", []any{"a"})
		return err
	}},
	{"ProveTransaction", "AG050", func(s *story, k crypto.Signer) error {
		txs, err := s.Transactions("main~1")
		if err == nil && len(txs) == 0 {
			txs, err = s.Transactions("main~2")
		}
		if err == nil {
			_, err = s.ProveTransaction(ctx, k, txs[0].ID().String())
		}
		return err
	}},
	{"Protect", "AG0501", func(s *story, k crypto.Signer) error {
		return s.Protect(ctx, k, "main", repo.Protection{Approvals: 1})
	}},
	{"Approve", "AG0501", func(s *story, k crypto.Signer) error { _, err := s.Approve(k, "dev", "main"); return err }},
	{"StartCall", "AG0501", func(s *story, k crypto.Signer) error { _, err := s.StartCall(k, pay("main"), ""); return err }},
	{"StartDeploy", "AG0501", func(s *story, k crypto.Signer) error {
		_, err := s.StartDeploy(k, "main", "shop", shop, "")
		return err
	}},
	{"StartApproval", "AG0501", func(s *story, k crypto.Signer) error { _, err := s.StartApproval(k, "dev", "main", ""); return err }},
	{"Unprotect", "AG0501", func(s *story, k crypto.Signer) error { return s.Unprotect(ctx, k, "main") }},
}

// harmless are the methods that no right is asked for, and why not.
var harmless = map[string]string{
	"it reads what is here, and who reads the folder asks nobody": `ABI AccountFor AccountOfLine AnchorOf Approvals Block Branch Branches
		CallReadOnly Close Contract Contracts Current Diff Dir Directory DirectoryBlock DirectoryHead DirectoryLog Grants Identities Identity Inspect InspectOperation JudgeProof KeysOf Ledger Log
		MayComplete MergeBase MergeRules NameOf NeedsProposal Peer Peers NewKeys Observe OpenMerge Origin OriginNotices Owner Plan Preview Proposals Query ReadProposals
		DeletionOf ProtectionChange RegistrationOf RenamingOf Replay ResolutionOf Resolve RevocationOf SigningBytes Status TagNamed TagOf Tags Transaction Transactions Unsettled Verify VerifyDirectory
		WholeTransaction`,
	"it answers a question of rights itself: TestReadersMatrix, TestForgedHeads": `CheckRead CheckHead ExportDirectory`,
	"it signs what its key's account asks for; Submit and the origin judge it":   `Sign Give GiveTo`,
	"it changes what only this repository has: names, an open merge, what is kept of files": `AbortMerge DeleteBranch DropProposal
		RenameBranch Switch Unsettle`,
	"it keeps what has been verified, and its signers are asked for": `AddApproval KeepProposal TakeDirectory TakeSignature`,
	"it puts a head back to where this package had it":               `RestoreHead`,
	"the tests' own": `Append ChangesAt CheckStore Contents Direct Order State Store`,
}

func pay(on string) repo.Call {
	return repo.Call{Branch: on, Contract: "bank", Action: "pay", Args: args{"id": "b", "n": int64(1)}}
}

// bureau is a ledger in memory in which eu and main have a conflict, dev has a
// call that main has not, late is to be rebased, mallory writes on m/* and dave
// reads everything.
func bureau(t *testing.T, seed uint64) *story {
	t.Helper()
	s := &story{T: t, key: keyOf("alice"), o: fixed(seed)}
	r, err := repo.InMemory(s.key, s.o)
	if err != nil {
		t.Fatal(err)
	}
	s.Repository = r
	t.Cleanup(func() { _ = r.Close() })
	s.deploy("", "bank", bank)
	for _, id := range []string{"a", "b"} {
		s.call("", "bank", "open", args{"id": id, "balance": int64(100)})
	}
	s.grant(dd.Writer, "m/*", "mallory")
	s.grant(dd.Reader, "*", "dave")
	for _, name := range []string{"eu", "dev", "late"} {
		s.branch(name)
		s.call(name, "bank", "pay", args{"id": "a", "n": int64(1)})
	}
	s.call("eu", "bank", "credit", args{"id": "a", "n": int64(20)})
	s.call("", "bank", "credit", args{"id": "a", "n": int64(30)})
	return s
}

// TestMethodsMatrix tries every method with keys that may not, then with the one
// that may.
func TestMethodsMatrix(t *testing.T) {
	var known []string
	for reason, list := range harmless {
		if reason == "" {
			t.Error("a reason is missing")
		}
		known = append(known, strings.Fields(list)...)
	}
	for _, m := range methods {
		known = append(known, m.name)
	}
	slices.Sort(known)
	var there []string
	for i := range reflect.TypeFor[*repo.Repository]().NumMethod() {
		there = append(there, reflect.TypeFor[*repo.Repository]().Method(i).Name)
	}
	for _, name := range there {
		if !slices.Contains(known, name) {
			t.Errorf("Repository.%s is new: add it to methods, where mallory tries it, or to harmless, with a reason", name)
		}
	}
	for i, name := range known {
		if !slices.Contains(there, name) || i > 0 && known[i-1] == name {
			t.Errorf("Repository.%s is gone, or listed twice", name)
		}
	}

	s := bureau(t, 4400)
	for _, m := range methods {
		if m.name == "ProveRow" {
			s.call("", "bank", "pay", args{"id": "b", "n": int64(1)})
		}
		before := contents(t, s.Repository)
		for _, who := range []string{"mallory", "dave", "nobody"} {
			key, want := keyOf(who), m.code
			switch {
			case who == "nobody":
				key, want = nil, "AG0102"
			case who == "dave" && want == "AG0502":
				want = "AG050"
			}
			refused(t, attempt{m.name + " by " + who, want, func() error { return m.do(s, key) }})
			unchanged(t, m.name+" by "+who, before, contents(t, s.Repository))
		}
		if m.name == "SignProposal" {
			continue // alice has begun it, and one signature is enough
		}
		if err := m.do(s, s.key); err != nil && !(m.name == "Merge" && code(err) == "AG0710") {
			t.Errorf("%s by alice: %s %v", m.name, code(err), err)
		}
	}
	s.verify()
}

// TestVehiclesMatrix has alice bring what mallory made on a branch of her own, by
// every path that brings something: nothing of it takes effect on main.
func TestVehiclesMatrix(t *testing.T) {
	mallory := keyOf("mallory")
	for what, bring := range map[string]func(s *story) ([]repo.Verdict, error){
		"automatic": func(s *story) ([]repo.Verdict, error) {
			m, err := s.Merge(ctx, s.key, "m/x", repo.MergeOptions{NoFF: true, Automatic: true, Disclose: true})
			return m.Verdicts, err
		},
		"fast-forward": func(s *story) ([]repo.Verdict, error) {
			m, err := s.Merge(ctx, s.key, "m/x", repo.MergeOptions{Automatic: true, Disclose: true})
			if m.Kind == "fast-forward" {
				s.Error("main was moved onto mallory's blocks")
			}
			return m.Verdicts, err
		},
		"by cell": func(s *story) ([]repo.Verdict, error) {
			m, err := s.Merge(ctx, s.key, "m/x", repo.MergeOptions{Consistent: true, Disclose: true})
			if err == nil && len(m.Conflicts) == 0 {
				s.Error("nothing of hers asks for a decision")
			}
			if err == nil {
				m, err = s.Settle(ctx, s.key, "main", repo.Choice{Take: merge.Ours})
			}
			return m.Verdicts, err
		},
		"cherry-pick": func(s *story) ([]repo.Verdict, error) {
			m, err := s.CherryPick(ctx, s.key, "main..m/x", repo.PickOptions{Disclose: true, Empty: true})
			return m.Verdicts, err
		},
		"submit": func(s *story) (list []repo.Verdict, err error) {
			for _, rev := range []string{"m/x", "m/x~1", "m/x~2"} {
				txs, err := s.Transactions(rev)
				if err != nil {
					return nil, err
				}
				answers, err := s.Submit(ctx, s.key, "main", txs)
				if err != nil {
					return nil, err
				}
				for _, a := range answers {
					list = append(list, repo.Verdict{CallSummary: repo.CallSummary{Code: code(a.Err)}, Included: a.Err == nil})
				}
			}
			return list, nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := bureau(t, 4500)
			if _, err := s.CreateBranch("m/x", "", mallory, false); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Call(ctx, mallory, pay("m/x")); err != nil {
				t.Fatal(err)
			}
			for name, source := range map[string]string{"hers": shop, "bank": strings.Replace(bank, "balance - :n", "balance - 2 * :n", 1)} {
				_, err := s.Deploy(ctx, mallory, "m/x", name, source)
				if (err == nil) != (name == "hers") {
					t.Fatalf("mallory deploys %s: %v", name, err)
				}
			}
			if _, err := s.Call(ctx, mallory, repo.Call{Branch: "m/x", Contract: "aergo_role", Action: "grant", Args: args{"contract": "bank", "role": "clerk", "account": string(accountOf("mallory"))}}); err == nil {
				t.Fatal("mallory made herself a clerk")
			}
			if _, err := s.SetMergeRule(ctx, mallory, "m/x", "bank", "ON account (credit) BY THEIRS"); err == nil {
				t.Fatal("mallory set a merge rule of alice's contract")
			}
			rows := func() string {
				contracts, err := s.Contracts("main")
				if err != nil {
					t.Fatal(err)
				}
				rules, err := s.MergeRules("main", "bank")
				if err != nil {
					t.Fatal(err)
				}
				return fmt.Sprint(s.query("main", "SELECT * FROM bank.account ORDER BY id"), contracts, rules, s.query("main", "SELECT * FROM aergo_role.role"))
			}
			before := rows()
			list, err := bring(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range list {
				if v.Included {
					t.Errorf("included: %+v", v)
				} else if !slices.Contains([]string{"AG0501", "AG0433"}, v.Code) {
					t.Errorf("left out as %s: %+v", v.Code, v)
				}
			}
			if after := rows(); after != before {
				t.Errorf("main has changed:\n%s\n%s", before, after)
			}
			// The same goes through once she may write there.
			s.grant(dd.Writer, "main", "mallory")
			if _, err := s.CreateBranch("m/y", "", mallory, false); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Call(ctx, mallory, pay("m/y")); err != nil {
				t.Fatal(err)
			}
			if m, err := s.Merge(ctx, s.key, "m/y", repo.MergeOptions{NoFF: true, Disclose: true}); err != nil || m.Included != 1 {
				t.Errorf("%+v, %v", m.Verdicts, err)
			}
			s.verify()
		})
	}
}

// TestReadersMatrix asks on every path by which something leaves a repository.
func TestReadersMatrix(t *testing.T) {
	s := bureau(t, 4600)
	s.grant(dd.Reader, "eu/*", "erin")
	for _, name := range []string{"eu/x"} {
		s.branch(name)
		s.call(name, "bank", "pay", args{"id": "a", "n": int64(1)})
	}
	if _, err := s.CreateBranch("m/x", "", keyOf("mallory"), false); err != nil {
		t.Fatal(err)
	}
	main, euX, nothing := mustBlock(s, "main").ID, mustBlock(s, "eu/x").ID, hashOf("no such block")
	const denied = "you may not read this, or it does not exist"
	for _, c := range []struct {
		who   string
		block objectstore.Hash
		may   bool
	}{
		{"alice", main, true}, {"alice", euX, true}, {"alice", objectstore.Hash{}, true}, {"alice", nothing, false},
		{"dave", main, true}, {"dave", euX, true}, {"dave", nothing, false},
		{"erin", objectstore.Hash{}, true}, {"erin", euX, true}, {"erin", main, true /* eu/x has it */}, {"erin", mustBlock(s, "dev").ID, false}, {"erin", nothing, false},
		{"mallory", main, true /* her branch begins there */}, {"mallory", euX, false}, {"mallory", mustBlock(s, "dev").ID, false},
		{"nobody", objectstore.Hash{}, false}, {"nobody", main, false}, {"nobody", nothing, false},
	} {
		err := s.CheckRead(accountOf(c.who), c.block)
		if c.may != (err == nil) || err != nil && (code(err) != "AG0501" || err.Error() != denied) {
			t.Errorf("%s reads %s: %v, want %v", c.who, c.block.Short(), err, c.may)
		}
	}
	before := contents(t, s.Repository)
	txs, err := s.Transactions("main")
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"export":            func() error { _, err := s.ExportDirectory(accountOf("nobody")); return err },
		"export for no key": func() error { _, err := s.ExportDirectory(""); return err },
		"proof of a row": func() error {
			_, err := s.ProveRow(ctx, keyOf("nobody"), "", "bank", "account", []any{"a"})
			return err
		},
		"of what is not":    func() error { _, err := s.ProveRow(ctx, keyOf("nobody"), "x~9", "y", "z", nil); return err },
		"of a transaction":  func() error { _, err := s.ProveTransaction(ctx, keyOf("nobody"), txs[0].ID().String()); return err },
		"of no transaction": func() error { _, err := s.ProveTransaction(ctx, keyOf("nobody"), "ffffffff"); return err },
		"erin's proof of dev": func() error {
			_, err := s.ProveRow(ctx, keyOf("erin"), "dev", "bank", "account", []any{"a"})
			return err
		},
	} {
		err := do()
		if code(err) != "AG0501" || err.Error() != denied {
			t.Errorf("%s: %v", what, err)
		}
		unchanged(t, what, before, contents(t, s.Repository))
	}
	if _, err := s.ExportDirectory(accountOf("erin")); err != nil {
		t.Error(err)
	}
	if err := s.SetVisibility(ctx, s.key, true); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"nobody", "erin"} {
		if err := s.CheckRead(accountOf(who), mustBlock(s, "dev").ID); err != nil {
			t.Errorf("%s, of a public ledger: %v", who, err)
		}
	}
}

// declared tells whether a test of this name is in any package.
func declared(t *testing.T, name string) bool {
	t.Helper()
	all, err := declarations()
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

var declarations = sync.OnceValues(func() (map[string]bool, error) {
	found, pattern := map[string]bool{}, regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+)\(`)
	err := filepath.WalkDir("..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		for _, m := range pattern.FindAllSubmatch(data, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	return found, err
})
