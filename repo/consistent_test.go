package repo

import (
	"context"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/merge"
)

const shopByCells = `DIALECT 1;
CREATE TABLE item (
  sku TEXT PRIMARY KEY,
  price INTEGER NOT NULL CHECK (price > 0),
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0),
  note TEXT
);
MERGE RULE ON item (stock) BY DELTA;
CREATE ACTION add(:sku TEXT, :price INTEGER, :stock INTEGER) PUBLIC AS BEGIN INSERT INTO item VALUES (:sku, :price, :stock, NULL); END;
CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC AS BEGIN UPDATE item SET stock = stock - :n WHERE sku = :sku; END;
CREATE ACTION reprice(:sku TEXT, :price INTEGER) PUBLIC AS BEGIN UPDATE item SET price = :price WHERE sku = :sku; END;
`

// alice sells and reprices on two branches: stocks add up, the price is a
// conflict that she settles, and a stranger gets the same block.
func TestConsistentMerge(t *testing.T) {
	ctx := context.Background()
	key := ledgertest.Key("alice")
	r, err := Init(t.TempDir(), key, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Deploy(ctx, key, "", "shop", shopByCells); err != nil {
		t.Fatal(err)
	}
	call := func(branch, action string, args map[string]any) {
		t.Helper()
		if _, err := r.Call(ctx, key, Call{Branch: branch, Contract: "shop", Action: action, Args: args}); err != nil {
			t.Fatal(err)
		}
	}
	call("main", "add", map[string]any{"sku": "tea", "price": int64(400), "stock": int64(10)})
	if _, err := r.CreateBranch("eu", "main", key, false); err != nil {
		t.Fatal(err)
	}
	call("eu", "sell", map[string]any{"sku": "tea", "n": int64(3)})
	call("eu", "reprice", map[string]any{"sku": "tea", "price": int64(500)})
	call("eu", "add", map[string]any{"sku": "cup", "price": int64(900), "stock": int64(1)})
	call("main", "sell", map[string]any{"sku": "tea", "n": int64(2)})
	call("main", "reprice", map[string]any{"sku": "tea", "price": int64(450)})

	res, err := r.Merge(ctx, key, "eu", MergeOptions{Into: "main", Consistent: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Conflicts) != 1 || !res.Block.IsZero() {
		t.Fatalf("%+v", res)
	}
	c := res.Conflicts[0]
	if c.Kind != "cell" || c.Column != "price" || c.Base[0] != int64(400) || c.Ours[0] != int64(450) || c.Theirs[0] != int64(500) {
		t.Errorf("conflict %+v", c)
	}
	if len(c.OursBy) != 2 || len(c.TheirsBy) != 2 {
		t.Errorf("by %v and %v", c.OursBy, c.TheirsBy)
	}
	if res, err = r.Settle(ctx, key, "main", Choice{Contract: "shop", Table: "item", Column: "price", Take: merge.Theirs}); err != nil {
		t.Fatal(err)
	}
	if res.Block.IsZero() {
		t.Fatalf("%+v", res)
	}
	rows, err := r.Query(ctx, "main", "SELECT sku, price, stock FROM shop.item ORDER BY sku")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got [][]any
	for rows.Next() {
		got = append(got, rows.Values())
	}
	if len(got) != 2 || got[1][1] != int64(500) || got[1][2] != int64(5) {
		t.Errorf("rows %v, %v", got, rows.Err())
	}
	if _, ok, err := r.OpenMerge("main"); ok || err != nil {
		t.Error("the merge is still open", err)
	}
	if _, err := r.Verify(ctx, VerifyOptions{Full: true}); err != nil {
		t.Error(err)
	}
	if res, err := r.Merge(ctx, key, "eu", MergeOptions{Into: "main"}); err != nil || res.Kind != "up to date" {
		t.Errorf("merging again: %+v, %v", res, err)
	}
}

// A child of INTEGER and a parent of TEXT meet as a foreign key has them meet:
// 1 is '1' and not '01'. main has a child of '1', which eu has removed.
func TestConsistentMergeOfMixedForeignKey(t *testing.T) {
	ctx := context.Background()
	key := ledgertest.Key("alice")
	r, err := Init(t.TempDir(), key, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const source = `DIALECT 1;
CREATE TABLE box (id TEXT PRIMARY KEY);
CREATE TABLE part (id TEXT PRIMARY KEY, box INTEGER NOT NULL REFERENCES box(id));
CREATE ACTION box(:id TEXT) PUBLIC AS BEGIN INSERT INTO box VALUES (:id); END;
CREATE ACTION gone(:id TEXT) PUBLIC AS BEGIN DELETE FROM box WHERE id = :id; END;
CREATE ACTION part(:id TEXT, :box INTEGER) PUBLIC AS BEGIN INSERT INTO part VALUES (:id, :box); END;
`
	if _, err := r.Deploy(ctx, key, "", "store", source); err != nil {
		t.Fatal(err)
	}
	call := func(branch, action string, args map[string]any) {
		t.Helper()
		if _, err := r.Call(ctx, key, Call{Branch: branch, Contract: "store", Action: action, Args: args}); err != nil {
			t.Fatal(err)
		}
	}
	call("main", "box", map[string]any{"id": "1"})
	call("main", "box", map[string]any{"id": "01"})
	if _, err := r.CreateBranch("eu", "main", key, false); err != nil {
		t.Fatal(err)
	}
	call("eu", "gone", map[string]any{"id": "1"})
	call("main", "part", map[string]any{"id": "p", "box": int64(1)})
	res, err := r.Merge(ctx, key, "eu", MergeOptions{Into: "main", Consistent: true})
	if err != nil || len(res.Conflicts) != 1 || res.Conflicts[0].Kind != "foreign key" {
		t.Fatalf("%+v, %v", res.Conflicts, err)
	}
}
