package repo_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
)

const guarded = `DIALECT 1;
CREATE TABLE account (id TEXT PRIMARY KEY, balance INTEGER NOT NULL);
CREATE ACTION open(:id TEXT, :balance INTEGER) PUBLIC AS BEGIN INSERT INTO account VALUES (:id, :balance); END;
CREATE ACTION pay(:from TEXT, :to TEXT, :n INTEGER) PUBLIC AS
BEGIN
  REQUIRE :n  >  0 ELSE 'pay something';
  IF :n > 10 THEN
    CALL check_large(:from, :n);
  END IF;
  UPDATE account SET balance = balance - :n WHERE id = :from;
  UPDATE account SET balance = balance + :n WHERE id = :to;
END;
CREATE ACTION check_large(:from TEXT, :n INTEGER) PRIVATE AS
BEGIN
  REQUIRE (SELECT balance FROM account WHERE id = :from) >= :n ELSE 'too poor';
END;
`

// Looking at a merge tells both kinds of it, and the guards that one of them
// leaves out; it needs no key, no right and no writable store.
func TestPreviewWritesNothing(t *testing.T) {
	s := begin(t, fixed(73))
	s.deploy("", "bank", guarded)
	s.call("", "bank", "open", args{"id": "alice", "balance": int64(100)})
	s.call("", "bank", "open", args{"id": "bob", "balance": int64(0)})
	s.call("", "bank", "open", args{"id": "carol", "balance": int64(0)})
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	s.call("eu", "bank", "pay", args{"from": "alice", "to": "bob", "n": int64(100)})
	s.call("", "bank", "pay", args{"from": "alice", "to": "carol", "n": int64(100)})
	store := func(dir string) string {
		sum := sha256.New()
		err := filepath.Walk(filepath.Join(dir, ".aergo", "db"), func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			fmt.Fprintln(sum, path, len(b))
			sum.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sum.Sum(nil))
	}
	var before string
	writable := s.o
	s.o.ReadOnly = true
	s.reopen(func(dir string) { before = store(dir) })
	for _, o := range []repo.MergeOptions{{}, {Consistent: true}} {
		p, err := s.Preview(ctx, "eu", o)
		if err != nil {
			t.Fatal(err)
		}
		automatic, consistent := &p.MergeResult, p.Other
		if o.Consistent {
			automatic, consistent = p.Other, &p.MergeResult
		}
		if automatic.Excluded != 1 || len(automatic.Verdicts) != 1 || automatic.Verdicts[0].Code != "AG0410" {
			t.Errorf("automatic: %+v", automatic)
		}
		if len(consistent.Conflicts) != 1 || consistent.Conflicts[0].Column != "balance" {
			t.Errorf("by cell: %+v", consistent.Conflicts)
		}
		got := ""
		for _, g := range p.Guards {
			got += fmt.Sprintf("%s.%s:%d %s (%d)\n", g.Contract, g.Action, g.Line, g.Condition, g.Calls)
		}
		if got != "bank.pay:6 :n > 0 (1)\nbank.check_large:15 (SELECT balance FROM account WHERE id = :from) >= :n (1)\n" {
			t.Errorf("guards:\n%s", got)
		}
		if len(p.Calls) != 1 || p.Calls[0].What != "bank.pay" || p.Calls[0].Count != 1 || p.Calls[0].Account != repo.AccountOf(s.key) {
			t.Errorf("calls %+v", p.Calls)
		}
		if !p.Block.IsZero() {
			t.Error("a preview made a block")
		}
	}
	if _, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{}); err == nil {
		t.Error("a store that is open for reading took a merge")
	}
	s.o = writable
	s.reopen(func(dir string) {
		if store(dir) != before {
			t.Error("looking changed the store")
		}
	})
	if p, err := s.Preview(ctx, "main", repo.MergeOptions{Into: "main"}); err != nil || p.Kind != "up to date" || p.Other != nil {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := s.Preview(ctx, "main", repo.MergeOptions{Into: "eu", Strict: true}); err != nil || p.Other == nil || strings.Contains(p.OtherWhy, "AG") {
		t.Errorf("strict: %+v %v", p, err)
	}
	if m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{}); err != nil || m.Excluded != 1 {
		t.Errorf("the merge itself: %+v, %v", m, err)
	}
}
