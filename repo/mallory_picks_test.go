package repo_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// stalls is a ledger whose main ends in a picked block: of eu it has taken the
// sale of 3 tea and excluded one of 2, which may run on any branch. bob owns the
// contract kiosk; he may write on main, carol on eu, mallory below m/.
func stalls(t *testing.T) *story {
	t.Helper()
	s := begin(t, fixed(63))
	bob, carol := keyOf("bob"), keyOf("carol")
	s.deploy("", "stall", stall)
	call := func(on, action string, a args) { t.Helper(); s.call(on, "stall", action, a) }
	call("", "kind", args{"name": "drink"})
	call("", "add", args{"sku": "mug", "price": int64(7), "stock": int64(80)})
	call("", "code", args{"sku": "mug", "code": "m"})
	call("", "add", args{"sku": "tea", "price": int64(4), "stock": int64(10), "kind": "drink"})
	s.grant(dd.Writer, "main", "bob")
	s.grant(dd.Writer, "b/*", "bob")
	s.grant(dd.Writer, "eu", "carol")
	s.grant(dd.Writer, "m/*", "mallory")
	if _, err := s.CreateBranch("b/1", "", bob, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deploy(ctx, bob, "b/1", "kiosk", shop); err != nil {
		t.Fatal(err)
	}
	s.merge("b/1", "main", repo.MergeOptions{NoFF: true, Disclose: true})
	s.branch("eu")
	s.branch("x")
	if _, err := s.CreateBranch("try", "", s.key, true); err != nil {
		t.Fatal(err)
	}
	call("try", "sell", args{"sku": "tea", "n": int64(1)})
	call("eu", "sell", args{"sku": "tea", "n": int64(3)})
	any, err := sqlcontract.New(sqlcontract.Request{Kind: sqlcontract.KindCall, Ledger: s.Ledger(), Contract: "stall", Action: "sell",
		Args: args{"sku": "tea", "n": int64(2)}, Account: repo.AccountOf(s.key), Created: fixed(0).Now()}, s.key, fixed(79).Random)
	if err != nil {
		t.Fatal(err)
	}
	hers, err := s.Sign(carol, repo.Call{Branch: "eu", Contract: "stall", Action: "sell", Args: args{"sku": "mug", "n": int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(ctx, s.key, "eu", []sqlcontract.Transaction{any, hers}); err != nil {
		t.Fatal(err)
	}
	call("", "sell", args{"sku": "tea", "n": int64(6)})
	m := s.pick("eu~2..eu", repo.PickOptions{Author: repo.AccountOf(s.key), Disclose: true})
	if got := verdictsOf(m); got != "stall.sell(sku=tea, n=3) included; stall.sell(sku=tea, n=2) AG0411" {
		t.Fatal(got)
	}
	s.verify()
	return s
}

// read gives a block that a branch's head, or one before it, is.
func (c *cells) read(name branch.Name, back int) branch.Block {
	c.t.Helper()
	rec, err := branch.Lookup(c.db, name)
	c.must(err)
	id, err := branch.Head(c.db, rec.ID)
	c.must(err)
	b, err := branch.Read(c.db, id)
	for ; back > 0 && err == nil; back-- {
		b, err = branch.Read(c.db, b.Parents[0])
	}
	c.must(err)
	return b
}

// child makes c an ordinary block without transactions on the head.
func (c *cells) child() {
	c.h.Parents = []objectstore.Hash{c.head.ID}
	c.h.Number, c.h.Generation = branch.Child(c.head.Header)
	c.h.Time += 1000
	c.parent, c.record = c.head, nil
	c.txs, c.receipts, c.rows = nil, nil, nil
}

// add appends a transaction that ran well, with its rows.
func (c *cells) add(tx sqlcontract.Transaction, rows ...sqlcontract.RowChange) {
	c.txs, c.rows = append(c.txs, tx), append(c.rows, rows)
	c.receipts = append(c.receipts, sqlcontract.Receipt{Transaction: tx.ID(), Status: sqlcontract.StatusOK})
}

// picked appends one with its verdict.
func (c *cells) picked(tx sqlcontract.Transaction, from objectstore.Hash) {
	c.add(tx)
	c.record.Verdicts = append(c.record.Verdicts, branch.Verdict{Transaction: tx.ID(), Block: from, Code: branch.Included})
}

// tx is a transaction of a block.
func (c *cells) tx(b branch.Block, position int) sqlcontract.Transaction {
	c.t.Helper()
	return c.block(b).txs[position]
}

// aside makes a block for a branch after another block, of which no ref tells.
func (c *cells) aside(on branch.Name, after branch.Block, key string, txs ...sqlcontract.Transaction) objectstore.Hash {
	c.t.Helper()
	rec, err := branch.Lookup(c.db, on)
	c.must(err)
	h := after.Header
	h.Branch, h.Parents, h.MergeRecord, h.Producer = rec.ID, []objectstore.Hash{after.ID}, objectstore.Hash{}, repo.AccountOf(keyOf(key))
	h.Number, h.Generation = branch.Child(after.Header)
	var leaves []objectstore.Leaf
	for _, tx := range txs {
		leaf, err := tx.Leaf()
		c.must(err)
		leaves = append(leaves, leaf)
	}
	h.Transactions, err = branch.PutList(c.batch, objectstore.KindTransactionList, leaves)
	c.must(err)
	h.Changes = branch.List{Root: objectstore.ListRoot(nil)}
	h.Receipts.Count = uint64(len(txs)) // provenance does not look at them
	if len(txs) == 0 {
		h.Receipts = h.Changes
	}
	data, err := h.Encode()
	c.must(err)
	b, err := branch.DecodeBlock(data)
	c.must(err)
	id, err := c.batch.Put(objectstore.KindBlock, data)
	c.must(err)
	seal, err := branch.SignBlock(b, nil, keyOf(key))
	c.must(err)
	c.must(c.batch.PutSeal(id, seal))
	return id
}

// loose is put for what no state can be made of: it keeps its parent's.
func (c *cells) loose() objectstore.Hash {
	c.t.Helper()
	var err error
	if c.record != nil {
		data, err := wire.Marshal(c.record) // unchecked
		c.must(err)
		c.h.MergeRecord, err = c.batch.Put(objectstore.KindMergeRecord, data)
		c.must(err)
	}
	changes, receipts := c.lists(func(sqlcontract.RowChange) bool { return true })
	c.h.Changes, err = branch.PutList(c.batch, objectstore.KindChangeList, changes)
	c.must(err)
	var leaves [2][]objectstore.Leaf
	for i, tx := range c.txs {
		leaf, err := tx.Leaf()
		c.must(err)
		receipt, err := receipts[i].Encode()
		c.must(err)
		leaves[0], leaves[1] = append(leaves[0], leaf), append(leaves[1], objectstore.Leaf{Data: receipt})
	}
	c.h.Transactions, err = branch.PutList(c.batch, objectstore.KindTransactionList, leaves[0])
	c.must(err)
	c.h.Receipts, err = branch.PutList(c.batch, objectstore.KindReceiptList, leaves[1])
	c.must(err)
	return c.publish(c.h, keyOf("alice"))
}

// forged is a block that somebody could not have made honestly.
type forged struct {
	what        string
	plain, full string // what Verify says, "" where it accepts
	forge       func(c *cells) objectstore.Hash
}

// refuses puts each forged block at the head of a copy's main, and verifies.
func refuses(t *testing.T, s *story, list []forged) {
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		t.Run(f.what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
				t.Fatal(err)
			}
			forger := newForger(t, dir)
			id := f.forge(forger.open("main"))
			forger.must(forger.batch.Commit())
			forger.must(forger.batch.Close())
			forger.must(forger.db.Close())
			o := fixed(61)
			later := time.Date(2026, 11, 1, 13, 0, 0, 0, time.UTC)
			o.Now, o.Moved = func() time.Time { return later }, true
			r, err := repo.Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for full, want := range map[bool]string{false: f.plain, true: f.full} {
				_, err := r.Verify(ctx, repo.VerifyOptions{Full: full})
				switch {
				case want == "":
					if err != nil {
						t.Errorf("full %v: %v", full, err)
					}
				case code(err) != "AG0603" || !strings.Contains(err.Error(), id.Short()) || !strings.Contains(err.Error(), want):
					t.Errorf("full %v: %s %v, want block %s and %q", full, code(err), err, id.Short(), want)
				}
			}
		})
	}
}

// both is what both ways to verify say.
func both(what, says string, forge func(c *cells) objectstore.Hash) forged {
	return forged{what, says, says, forge}
}

// TestForgedPicks puts picked blocks into the store that nobody could have made
// honestly.
func TestForgedPicks(t *testing.T) {
	s := stalls(t)
	alice := keyOf("alice")
	const otherVerdicts = "other verdicts than its merge record"
	refuses(t, s, []forged{
		both("honest, signed again", "", func(c *cells) objectstore.Hash {
			c.h.Time++
			return c.put(alice)
		}),
		both("a block that does not hold it", "does not hold it", func(c *cells) objectstore.Hash {
			c.record.Verdicts[0].Block = c.read("eu", 0).ID
			return c.put(alice)
		}),
		both("a block that is not there", "where transaction", func(c *cells) objectstore.Hash {
			c.record.Verdicts[0].Block = objectstore.Hash{7}
			return c.put(alice)
		}),
		both("another thing than a block", "where transaction", func(c *cells) objectstore.Hash {
			c.record.Verdicts[0].Block = c.h.Transactions.Root
			return c.put(alice)
		}),
		// What may run here anyway needs no proof of where it ran before: nobody's
		// answer depends on which blocks he happens to have.
		both("of what may run anywhere, a block without it", "", func(c *cells) objectstore.Hash {
			c.record.Verdicts[1].Block = c.read("x", 0).ID
			return c.put(alice)
		}),
		both("a block of mallory's on eu", "may not", func(c *cells) objectstore.Hash {
			c.record.Verdicts[0].Block = c.aside("eu", c.read("eu", 0), "mallory", c.txs[0])
			return c.put(alice)
		}),
		both("a block with another's seal", "signature", func(c *cells) objectstore.Hash {
			from := c.aside("eu", c.read("eu", 0), "alice", c.txs[0])
			seal, err := c.db.Seal(c.head.ID)
			c.must(err)
			c.must(c.batch.PutSeal(from, seal))
			c.record.Verdicts[0].Block = from
			return c.put(alice)
		}),
		both("an honest block on no branch", "", func(c *cells) objectstore.Hash {
			c.record.Verdicts[0].Block = c.aside("eu", c.read("eu", 0), "alice", c.txs[0])
			return c.put(alice)
		}),
		both("a block of a third branch that has it from nowhere", "is of another branch than it was signed for", func(c *cells) objectstore.Hash {
			c.record.Verdicts[0].Block = c.aside("x", c.read("x", 0), "alice", c.txs[0])
			return c.put(alice)
		}),
		both("no record", "is bound to another branch", func(c *cells) objectstore.Hash {
			tx := c.tx(c.read("eu", 0), 1)
			c.child()
			c.add(tx)
			return c.put(alice)
		}),
		both("an ordinary block with a verdict", "is excluded, and it is no merge", func(c *cells) objectstore.Hash {
			c.record = nil
			c.txs, c.receipts, c.rows = c.txs[1:], c.receipts[1:], c.rows[1:]
			return c.put(alice)
		}),
		both("two verdicts for one", "has two verdicts", func(c *cells) objectstore.Hash {
			c.picked(c.txs[0], c.record.Verdicts[0].Block)
			return c.loose()
		}),
		both("one that ran here", "has run before", func(c *cells) objectstore.Hash {
			c.txs, c.receipts, c.rows, c.record.Verdicts = nil, nil, nil, nil
			from := c.read("main", 1)
			c.picked(c.tx(from, 0), from.ID)
			return c.loose()
		}),
		both("a verdict less", "1 verdicts for 2 transactions", func(c *cells) objectstore.Hash {
			c.record.Verdicts = c.record.Verdicts[:1]
			return c.put(alice)
		}),
		both("verdicts in another order", "do not say the same", func(c *cells) objectstore.Hash {
			slices.Reverse(c.record.Verdicts)
			return c.put(alice)
		}),
		both("included by its verdict alone", "do not say the same", func(c *cells) objectstore.Hash {
			c.record.Verdicts[1].Code, c.record.Verdicts[1].Reason = branch.Included, 0
			return c.put(alice)
		}),
		both("another reason", "do not say the same", func(c *cells) objectstore.Hash {
			c.record.Verdicts[1].Reason = 438
			return c.put(alice)
		}),
		both("a code with a tail", "do not say the same", func(c *cells) objectstore.Hash {
			c.receipts[1].Code += "x"
			return c.put(alice)
		}),
		both("one that failed", "do not say the same", func(c *cells) objectstore.Hash {
			c.receipts[1].Status, c.record.Verdicts[1].Code, c.record.Verdicts[1].Reason = sqlcontract.StatusFailed, branch.Included, 0
			return c.put(alice)
		}),
		{"excluded turned ok", "", otherVerdicts, func(c *cells) objectstore.Hash {
			c.receipts[1] = sqlcontract.Receipt{Transaction: c.txs[1].ID(), Status: sqlcontract.StatusOK, Gas: c.receipts[0].Gas}
			c.record.Verdicts[1].Code, c.record.Verdicts[1].Reason = branch.Included, 0
			return c.put(alice)
		}},
		{"ok turned excluded", "", otherVerdicts, func(c *cells) objectstore.Hash {
			c.receipts[0] = sqlcontract.Receipt{Transaction: c.txs[0].ID(), Status: sqlcontract.StatusExcluded, Code: "AG0411", Text: "stock"}
			c.record.Verdicts[0].Code, c.record.Verdicts[0].Reason = branch.Excluded, 411
			c.rows[0] = nil
			return c.put(alice)
		}},
		{"other rows", "", "gives other results", func(c *cells) objectstore.Hash {
			c.rows[0] = nil
			return c.put(alice)
		}},
		both("a merge's patch", "is the patch of a merge", func(c *cells) objectstore.Hash {
			c.picked(c.patch(alice), c.read("eu", 0).ID)
			return c.put(alice)
		}),
		both("from a scratch branch", "made on a scratch branch", func(c *cells) objectstore.Hash {
			from := c.read("try", 0)
			c.picked(c.tx(from, 0), from.ID)
			return c.put(alice)
		}),
		both("carol's, who may not write here", "may not", func(c *cells) objectstore.Hash {
			from := c.read("eu", 0)
			c.picked(c.tx(from, 1), from.ID)
			return c.put(alice)
		}),
		both("mallory's block", "may not", func(c *cells) objectstore.Hash { return c.put(keyOf("mallory")) }),
		both("of another ledger", "ledger", func(c *cells) objectstore.Hash {
			tx := c.sign(objectstore.Hash{9}, c.main.ID, alice, fixed(0).Now())
			c.picked(tx, c.aside("main", c.read("main", 0), "alice", tx))
			return c.put(alice)
		}),
		both("another's signature", "signature", func(c *cells) objectstore.Hash {
			c.txs[0].Seal = c.tx(c.read("eu", 0), 1).Seal
			return c.put(alice)
		}),
		both("erased later", "", func(c *cells) objectstore.Hash {
			c.txs[0].Blind, c.txs[0].Arguments = nil, nil
			return c.put(alice)
		}),
		{"erased before, beside other rows", "", "gives other results", func(c *cells) objectstore.Hash {
			c.txs[1].Blind, c.txs[1].Arguments = nil, nil
			c.receipts[1].Code, c.receipts[1].Text, c.receipts[1].Gas = "AG0435", "", 0
			c.record.Verdicts[1].Reason = 435
			c.rows[0] = nil
			return c.put(alice)
		}},
		{"an excluded one again in an ordinary block", "", "has run before", func(c *cells) objectstore.Hash {
			tx := c.txs[1]
			c.child()
			c.add(tx)
			return c.put(alice)
		}},
		both("two parents", "a cherry-pick has one parent", func(c *cells) objectstore.Hash {
			c.h.Parents = append(c.h.Parents, c.read("eu", 0).ID)
			c.h.Generation = max(c.parent.Generation, c.read("eu", 0).Generation) + 1
			return c.put(alice)
		}),
	})
}
