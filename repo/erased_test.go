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

// erase takes the arguments of all transactions in a block away.
func (s *story) erase(rev string) {
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
	s.reopen(func(dir string) {
		db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
		must(err)
		b, err := branch.NewHistory(db, nil).Read(id)
		must(err)
		leaves, err := branch.ReadList(db, objectstore.KindTransactionList, b.Transactions)
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
		batch := db.NewBatch()
		data, err := objectstore.EncodeList(leaves)
		must(err)
		root, err := batch.Put(objectstore.KindTransactionList, data)
		must(err)
		if root != b.Transactions.Root {
			s.Fatal("erasing changes the block")
		}
		must(batch.Commit())
		must(batch.Close())
		must(db.Close())
	})
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
