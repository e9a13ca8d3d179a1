package merge_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
)

const till = `DIALECT 1;
CREATE TABLE till (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
CREATE ACTION pay(:id INTEGER, :n INTEGER) PUBLIC AS BEGIN INSERT INTO till VALUES (:id, :n); END;
`

// One idempotency key is used on main and, for another payment, on a scratch
// branch. The merge excludes the second because its salt is taken; the seen row
// of the first must stay what it was, or the first could count again.
func TestScratchTransactionWithSaltTaken(t *testing.T) {
	ctx := context.Background()
	seed := sha256.Sum256([]byte("alice"))
	key := ed25519.NewKeyFromSeed(seed[:])
	r, err := repo.Init(t.TempDir(), key, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Deploy(ctx, key, "", "till", till); err != nil {
		t.Fatal(err)
	}
	if _, err := r.CreateBranch("try", "main", key, true); err != nil {
		t.Fatal(err)
	}
	pay := func(branch string, id int64) {
		t.Helper()
		_, err := r.Call(ctx, key, repo.Call{Branch: branch, Contract: "till", Action: "pay",
			Args: map[string]any{"id": id, "n": int64(5)}, IdempotencyKey: "order-1"})
		if err != nil {
			t.Fatal(err)
		}
	}
	pay("main", 1)
	pay("try", 2)
	res, err := r.Merge(ctx, key, "try", repo.MergeOptions{Into: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Verdicts) != 1 || res.Verdicts[0].Included || res.Verdicts[0].Code != "AG0434" {
		t.Errorf("verdicts %+v, want one excluded with AG0434", res.Verdicts)
	}
	if _, err := r.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
		t.Fatal(err)
	}
	pay("main", 1) // the first one again: its receipt is shown, nothing runs
	if res, err = r.Merge(ctx, key, "try", repo.MergeOptions{Into: "main"}); err != nil || res.Kind != "up to date" {
		t.Fatalf("merging again: %+v, %v", res, err)
	}
}
