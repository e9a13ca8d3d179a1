// Package repo is a ledger repository: the one place that decides when things
// happen. Everything else in this module computes or stores.
//
//	key, err := repo.NewKey(nil)
//	r, err := repo.Init("books", key, repo.Options{})
//	defer r.Close()
//	_, err = r.Deploy(ctx, key, "", "shop", source)
//	res, err := r.Call(ctx, key, repo.Call{Contract: "shop", Action: "sell", Args: map[string]any{"sku": "tea", "n": int64(2)}})
//	rows, err := r.Query(ctx, "", "SELECT * FROM shop.item")
//
// # The way of a value
//
// A call is signed (the key stays with the caller's process), verified and
// authorised here, executed in a session of sqlcontract, which gives the rows
// it changed and a receipt; a block is made over them, and one synced Pebble
// batch stores block, bodies, state nodes and the moved head together. Only
// then SQLite, the working tree, commits, and only then the caller hears of
// success. See commit.go for what happens when the process dies in between.
//
// # Invariants
//
//   - A head moves in one place, with a compare-and-swap in the same batch that
//     stores the block it moves to.
//   - Directory permission is asked on every path: for the producer of a block
//     and for the signer of each transaction, of ours and of others.
//   - The working tree below .aergo/work can be deleted at any time.
//
// A Repository may be used by several goroutines at once. Writers take turns; a
// reader that begins waits for the block that is being made, and then reads its
// snapshot beside the next one. One process has a repository open at a time;
// Open waits for a short while for another one.
//
// # Files
//
//	.aergo/db/     Pebble: objects, refs, index. The truth.
//	.aergo/work/   SQLite: one folder per branch, one file per contract. A cache.
package repo
