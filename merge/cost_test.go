package merge_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

const shelf = `DIALECT 1;
CREATE TABLE item (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, note TEXT NOT NULL);
CREATE TABLE other (id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES item(id));
INVARIANT stock ON item TOTAL sum(n) CHECK (total >= 0);
CREATE ACTION fill(:from INTEGER, :n INTEGER) PUBLIC AS
BEGIN
  INSERT INTO item
  WITH RECURSIVE c(i) AS (SELECT :from UNION ALL SELECT i + 1 FROM c WHERE i < :from + :n - 1) SELECT i, 1, 'the note of ' || i FROM c;
END;
CREATE ACTION edit(:id INTEGER, :n INTEGER) PUBLIC AS BEGIN UPDATE item SET note = 'edited ' || :n WHERE id = :id; END;
`

// counted counts the nodes that are read from a store and put into a batch.
type counted struct {
	objectstore.Store
	objectstore.Batch // nil: of a batch only Put and PutHashed are used

	reads, writes atomic.Int64
}

func isNode(k objectstore.Kind) bool { return k == objectstore.KindLeaf || k == objectstore.KindInner }

func (c *counted) Get(id objectstore.Hash) (objectstore.Kind, []byte, error) {
	kind, data, err := c.Store.Get(id)
	if isNode(kind) {
		c.reads.Add(1)
	}
	return kind, data, err
}

func (c *counted) Put(objectstore.Kind, []byte) (objectstore.Hash, error) {
	return objectstore.Hash{}, nil
}

func (c *counted) PutHashed(_ objectstore.Hash, kind objectstore.Kind, _ []byte) error {
	if isNode(kind) {
		c.writes.Add(1)
	}
	return nil
}

// A merge costs what was changed, not what is there: in a table of ten times the
// rows, of which as many are changed, it reads and writes about as many nodes.
func TestMergeCostFollowsTheChanges(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	changes := 10 + random.IntN(20)
	const rows = 2500
	for _, byCell := range []bool{false, true} {
		small, big := costOfMerge(t, random, rows, changes, byCell), costOfMerge(t, random, 10*rows, changes, byCell)
		t.Logf("by cell %v, %d changes on each side: nodes read and written %v of %d rows, %v of %d", byCell, changes, small, rows, big, 10*rows)
		for i := range small {
			// Paths are a level longer, and fewer of them share nodes.
			if big[i] > 3*small[i]+20 {
				t.Errorf("by cell %v: the merge of %d changes in %d rows costs %v nodes (read, written), in %d rows %v", byCell, changes, rows, small, 10*rows, big)
			}
		}
	}
}

// costOfMerge makes a ledger with two branches and merges them again with
// nothing in memory. It gives the nodes read and written.
func costOfMerge(t *testing.T, random *rand.Rand, rows, changes int, byCell bool) (nodes [2]int64) {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	seed := sha256.Sum256([]byte("alice"))
	key := ed25519.NewKeyFromSeed(seed[:])
	dir := t.TempDir()
	r, err := repo.Init(dir, key, repo.Options{})
	must(err)
	call := func(branch, action string, args map[string]any) {
		t.Helper()
		_, err := r.Call(ctx, key, repo.Call{Branch: branch, Contract: "shelf", Action: action, Args: args, GasLimit: sqlcontract.MaxGas})
		must(err)
	}
	_, err = r.Deploy(ctx, key, "", "shelf", shelf)
	must(err)
	for at := 0; at < rows; at += 2500 {
		call("", "fill", map[string]any{"from": int64(at), "n": int64(2500)})
	}
	_, err = r.CreateBranch("eu", "main", key, false)
	must(err)
	for i, id := range random.Perm(rows)[:2*changes] {
		call([]string{"main", "eu"}[i%2], "edit", map[string]any{"id": int64(id), "n": int64(i)})
	}
	call("main", "edit", map[string]any{"id": int64(-1), "n": int64(0)}) // no row; main's files are open, and closed in order
	target, err := r.Resolve("main")
	must(err)
	source, err := r.Resolve("eu")
	must(err)
	ledger, owner := r.Ledger(), r.Owner()
	must(r.Close())

	db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash, ReadOnly: true})
	must(err)
	defer db.Close()
	store := &counted{Store: db}
	history := branch.NewHistory(store, nil)
	b, err := history.Read(target)
	must(err)
	engine, verifier := sqlcontract.NewEngine(store), sqlcontract.NewVerifier(ledger)
	tree, err := sqlcontract.OpenTree(sqlcontract.Options{Engine: engine, Ledger: ledger, Owner: owner, Root: b.State,
		Dir: filepath.Join(dir, ".aergo", "work", b.Branch.String()[:16])})
	must(err)
	defer tree.Close()
	s, err := tree.Begin(sqlcontract.Block{Branch: b.Branch, Number: uint64(b.Number) + 1, Time: b.Time, Merge: true, Cells: byCell})
	must(err)
	defer func() { must(s.Rollback()) }()
	if byCell {
		in := merge.Input{Store: store, History: history, Engine: engine, Verifier: verifier, Source: source, Target: target,
			May: func(objectstore.Account, []byte) error { return nil }}
		plan, err := merge.Consistent(ctx, in, s, nil)
		must(err)
		patch, err := verifier.Sign(sqlcontract.Request{Kind: sqlcontract.KindPatch, Ledger: ledger, Branch: b.Branch, Contract: "aergo_merge",
			Account: owner, Created: time.UnixMilli(b.Time)}, key, nil)
		must(err)
		violations, err := plan.Write(in, s, patch)
		must(err)
		if len(plan.Rows) != 2*changes || len(violations) > 0 {
			t.Fatalf("the merge is of %d rows, with violations %v", len(plan.Rows), violations)
		}
	} else {
		candidates, err := merge.Candidates(store, history, source, target)
		must(err)
		outcomes, err := merge.Automatic(ctx, store, history, s, verifier, candidates, merge.Options{})
		must(err)
		if len(outcomes) != changes {
			t.Fatalf("%d outcomes", len(outcomes))
		}
	}
	sealed, err := s.Seal()
	must(err)
	must(sealed.WriteTo(store))
	return [2]int64{store.reads.Load(), store.writes.Load()}
}
