package repo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// till is a contract whose actions give what its version says: pay takes fee.
func till(fee int) string {
	return fmt.Sprintf(`DIALECT 1;
CREATE TABLE till (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL CHECK (amount >= 0));
CREATE ACTION put(:id INTEGER, :n INTEGER) PUBLIC AS BEGIN
  INSERT INTO till VALUES (:id, :n) ON CONFLICT (id) DO UPDATE SET amount = amount + excluded.amount;
END;
CREATE ACTION pay(:id INTEGER, :n INTEGER) PUBLIC AS BEGIN
  UPDATE till SET amount = amount - :n - %d WHERE id = :id;
END;
`, fee)
}

// verdicts is what a merge said, a line each.
func verdicts(m repo.MergeResult) string {
	var b strings.Builder
	for _, v := range m.Verdicts {
		word := "excluded"
		switch {
		case v.Different:
			word = "different"
		case v.Included:
			word = "included"
		}
		text, _, _ := strings.Cut(v.Text, "(source=")
		fmt.Fprintf(&b, "%s: %s %s\n", text, word, v.Code)
	}
	return b.String()
}

func (s *story) branch(name string) {
	s.Helper()
	if _, err := s.CreateBranch(name, "main", s.key, false); err != nil {
		s.Fatal(err)
	}
}

func (s *story) merge(from, into string, o repo.MergeOptions) repo.MergeResult {
	s.Helper()
	o.Into = into
	m, err := s.Merge(ctx, s.key, from, o)
	if err != nil {
		s.Fatal(err)
	}
	return m
}

func (s *story) wantMerge(m repo.MergeResult, want string) {
	s.Helper()
	if got := verdicts(m); got != want {
		s.Errorf("the merge is\n%s\nwant\n%s", got, want)
	}
}

// TestMergeOfOneNameDeployedTwice: two branches deploy a contract of one name.
// The source's deploy becomes the next version on the target, its calls run
// under that, and both branches merged come to versions of their own order.
func TestMergeOfOneNameDeployedTwice(t *testing.T) {
	for _, c := range []struct {
		name, eu, want, rows string
		strict               bool
	}{
		{"equal", till(1), "deploy till: different \ntill.put(id=2, n=20): included \ntill.pay(id=2, n=5): included \n", "1|9\n2|14\n", false},
		{"other fee", till(2), "deploy till: different \ntill.put(id=2, n=20): included \ntill.pay(id=2, n=5): included \n", "1|9\n2|13\n", false},
		{"other table", strings.ReplaceAll(till(2), "amount INTEGER", "amount TEXT"), "deploy till: excluded AG0441\ntill.put(id=2, n=20): different \ntill.pay(id=2, n=5): different \n", "1|9\n2|14\n", false},
		{"strict", till(2), "deploy till: excluded AG0437\ntill.put(id=2, n=20): included \ntill.pay(id=2, n=5): excluded AG0437\n", "1|9\n2|20\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := begin(t, fixed(31))
			s.branch("eu")
			s.deploy("main", "till", till(1))
			s.call("main", "till", "put", args{"id": int64(1), "n": int64(10)})
			s.call("main", "till", "pay", args{"id": int64(1), "n": int64(0)})
			s.deploy("eu", "till", c.eu)
			s.call("eu", "till", "put", args{"id": int64(2), "n": int64(20)})
			s.call("eu", "till", "pay", args{"id": int64(2), "n": int64(5)})
			s.wantMerge(s.merge("eu", "main", repo.MergeOptions{Strict: c.strict}), c.want)
			if got := s.query("main", "SELECT id, amount FROM till.till ORDER BY id"); got != c.rows {
				t.Errorf("main holds\n%s\nwant\n%s", got, c.rows)
			}
			s.merge("main", "eu", repo.MergeOptions{}) // eu is behind now
			if s.query("main", "SELECT * FROM aergo_contract.current") != s.query("eu", "SELECT * FROM aergo_contract.current") {
				t.Error("after a fast-forward the branches have other versions")
			}
			s.verify()
		})
	}
}

// TestMergeOfANameOfTwoOwners: the deploy of the other branch is not the
// owner's here, and what it brought does not come.
func TestMergeOfANameOfTwoOwners(t *testing.T) {
	s := begin(t, fixed(32))
	bob := keyOf("bob")
	s.grant(dd.Writer, "*", "bob")
	if _, err := s.CreateBranch("eu", "main", bob, false); err != nil {
		t.Fatal(err)
	}
	s.deploy("main", "till", till(1))
	if _, err := s.Deploy(ctx, bob, "eu", "till", till(7)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []repo.Call{
		{Branch: "eu", Contract: "till", Action: "put", Args: args{"id": int64(2), "n": int64(20)}},
		{Branch: "eu", Contract: "till", Action: "pay", Args: args{"id": int64(2), "n": int64(5)}},
	} {
		if _, err := s.Call(ctx, bob, c); err != nil {
			t.Fatal(err)
		}
	}
	s.wantMerge(s.merge("eu", "main", repo.MergeOptions{}), "deploy till: excluded AG0402\ntill.put(id=2, n=20): included \ntill.pay(id=2, n=5): different \n")
	if got := s.query("main", "SELECT id, amount FROM till.till"); got != "2|14\n" {
		t.Errorf("main holds %s: the fee is not that of its own version", got)
	}
	s.verify()
}

// TestMergeOfAnUpgradeAndCalls: one side upgrades, the other calls. Calls run
// under the version in force where they arrive; calls that were made under the
// version of the source run under it, because its deploy comes first.
func TestMergeOfAnUpgradeAndCalls(t *testing.T) {
	start := func(t *testing.T, seed uint64) *story {
		s := begin(t, fixed(seed))
		s.deploy("main", "till", till(0))
		s.call("main", "till", "put", args{"id": int64(1), "n": int64(100)})
		s.branch("eu")
		return s
	}
	pay := func(s *story, branch string, n int64) {
		s.call(branch, "till", "pay", args{"id": int64(1), "n": n})
	}
	t.Run("upgraded here, called there", func(t *testing.T) {
		s := start(t, 33)
		s.deploy("main", "till", till(5))
		pay(s, "eu", 10)
		pay(s, "eu", 20)
		s.wantMerge(s.merge("eu", "main", repo.MergeOptions{}), "till.pay(id=1, n=10): different \ntill.pay(id=1, n=20): different \n")
		if got := s.query("main", "SELECT amount FROM till.till"); got != "60\n" {
			t.Errorf("main holds %s", got)
		}
		s.verify()
	})
	t.Run("called here, upgraded there", func(t *testing.T) {
		s := start(t, 34)
		pay(s, "main", 10)
		pay(s, "eu", 20) // before the upgrade
		s.deploy("eu", "till", till(5))
		pay(s, "eu", 30)
		s.wantMerge(s.merge("eu", "main", repo.MergeOptions{}), "till.pay(id=1, n=20): different \ndeploy till: included \ntill.pay(id=1, n=30): different \n")
		if got := s.query("main", "SELECT amount FROM till.till"); got != "35\n" {
			t.Errorf("main holds %s", got)
		}
		s.verify()
	})
	t.Run("upgraded on both", func(t *testing.T) {
		s := start(t, 35)
		s.deploy("main", "till", till(1))
		s.deploy("eu", "till", till(2))
		pay(s, "eu", 10)
		s.deploy("eu", "till", till(3))
		s.wantMerge(s.merge("eu", "main", repo.MergeOptions{}), "deploy till: different \ntill.pay(id=1, n=10): included \ndeploy till: different \n")
		if got := s.query("main", "SELECT name, version FROM aergo_contract.current"); got != "till|4\n" {
			t.Errorf("main has version %s", got)
		}
		pay(s, "main", 10)
		if got := s.query("main", "SELECT amount FROM till.till"); got != "75\n" {
			t.Errorf("main holds %s", got)
		}
		s.verify()
	})
	t.Run("an action that is gone", func(t *testing.T) {
		s := start(t, 36)
		s.deploy("main", "till", strings.ReplaceAll(till(0), "pay(", "take("))
		pay(s, "eu", 10)
		s.call("eu", "till", "put", args{"id": int64(1), "n": int64(1)})
		s.wantMerge(s.merge("eu", "main", repo.MergeOptions{}), "till.pay(id=1, n=10): excluded AG0401\ntill.put(id=1, n=1): different \n")
		s.verify()
	})
	t.Run("a column more", func(t *testing.T) {
		s := start(t, 37)
		note := strings.NewReplacer(">= 0));", ">= 0), note TEXT DEFAULT 'new');", "(:id, :n)", "(:id, :n, 'put')")
		s.deploy("main", "till", note.Replace(till(0)))
		pay(s, "eu", 10)
		s.call("eu", "till", "put", args{"id": int64(2), "n": int64(1)})
		s.wantMerge(s.merge("eu", "main", repo.MergeOptions{}), "till.pay(id=1, n=10): included \ntill.put(id=2, n=1): different \n")
		if got := s.query("main", "SELECT * FROM till.till ORDER BY id"); got != "1|90|new\n2|1|put\n" {
			t.Errorf("main holds %s", got)
		}
		s.verify()
	})
}
