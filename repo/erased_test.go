package repo_test

import (
	"path/filepath"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// erase takes the arguments of all transactions in a block away. It gives what
// brings them back, as from a copy that has them.
func (s *story) erase(rev string) (restore func()) {
	s.Helper()
	id, err := s.Resolve(rev)
	if err != nil {
		s.Fatal(err)
	}
	must := func(err error) {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
	}
	var whole []byte
	replace := func(db *objectstore.DB, data []byte) objectstore.Hash {
		batch := db.NewBatch()
		root, err := batch.ReplaceBeside(objectstore.KindTransactionList, data)
		must(err)
		must(batch.Commit())
		must(batch.Close())
		must(db.Close())
		return root
	}
	s.reopen(func(dir string) {
		db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
		must(err)
		b, err := branch.NewHistory(db, nil).Read(id)
		must(err)
		leaves, err := branch.ReadList(db, objectstore.KindTransactionList, b.Transactions)
		must(err)
		whole, err = objectstore.EncodeList(leaves)
		must(err)
		for i := range leaves {
			tx, err := sqlcontract.FromLeaf(leaves[i])
			must(err)
			if h, err := sqlcontract.DecodeHeader(tx.Data); err != nil || h.OfMerge() {
				continue
			}
			tx.Blind, tx.Arguments = nil, nil
			leaves[i], err = tx.Leaf()
			must(err)
		}
		data, err := objectstore.EncodeList(leaves)
		must(err)
		if replace(db, data) != b.Transactions.Root {
			s.Fatal("erasing changes the block")
		}
	})
	return func() {
		s.Helper()
		s.reopen(func(dir string) {
			db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
			must(err)
			replace(db, whole)
		})
	}
}

// What was erased before a merge or a pick was excluded by it. Who has a copy with
// the arguments agrees: whether something is erased is no part of any hash.
func TestExcludedAsErasedForEverybody(t *testing.T) {
	for _, kind := range []string{"consistent", "automatic", "pick"} {
		s := begin(t, fixed(79))
		s.deploy("", "box", box)
		s.play("main put id=a n=10\nbranch eu main\nmain flag id=x v=1\neu spend id=a n=5")
		s.call("eu", "aergo_role", "grant", args{"contract": "box", "role": "r", "account": string(repo.AccountOf(keyOf("bob")))})
		restore := []func(){s.erase("eu~1"), s.erase("eu")}
		excluded := 0
		count := func(m repo.MergeResult) {
			for _, v := range m.Verdicts {
				if v.Code == "AG0435" {
					excluded++
				}
			}
		}
		if kind == "pick" {
			m, err := s.CherryPick(ctx, s.key, "eu~1", repo.PickOptions{Empty: true})
			if err != nil {
				t.Fatal(err)
			}
			count(m)
		} else {
			count(s.merge("eu", "main", repo.MergeOptions{Consistent: kind == "consistent"}))
		}
		if excluded == 0 {
			t.Errorf("%s: nothing was excluded", kind)
		}
		s.verify()
		for _, r := range restore {
			r()
			s.verify()
		}
	}
}

// A merge by cell needs the rows of the source's calls, not their arguments: it
// is computed again where these are erased. Replayed changes of roles need theirs:
// one place that has them is enough, and where none has, verify says so.
func TestVerifyMergesOfErasedCalls(t *testing.T) {
	for _, kind := range []string{"consistent", "automatic"} {
		s := begin(t, fixed(78))
		s.deploy("", "box", box)
		s.play("main put id=a n=10\nbranch eu main\nmain flag id=x v=1\neu bare id=a v=5")
		s.call("eu", "aergo_role", "grant", args{"contract": "box", "role": "r", "account": string(repo.AccountOf(keyOf("bob")))})
		m := s.merge("eu", "main", repo.MergeOptions{Consistent: kind == "consistent"})
		check := func(what string, executed, unexecuted int) {
			t.Helper()
			for _, full := range []bool{false, true} {
				report, err := s.Verify(ctx, repo.VerifyOptions{Full: full})
				if err != nil {
					t.Fatalf("%s, %s, full %v: %v", kind, what, full, err)
				}
				if full && (report.Executed != executed || report.Unexecuted != unexecuted) {
					t.Errorf("%s, %s: %+v", kind, what, report)
				}
			}
		}
		check("nothing erased", 7, 0)
		s.erase("eu~1")
		check("a call erased", 6, 1)
		s.erase("eu")
		check("a grant erased where it was made", 5, 2)
		s.erase(m.Block.String())
		check("the grant erased everywhere", 3, 3)
	}
}
