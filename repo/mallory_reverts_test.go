package repo_test

import (
	"bytes"
	"crypto"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// reverts is stalls with a branch rev, on which alice set tea's price to 5, bob
// made a row of his kiosk, and alice reverted her price to 4. same, where the
// price is 5, and other, where it is 8, have merged that; bob may not write there.
func reverts(t *testing.T) *story {
	t.Helper()
	s := stalls(t)
	s.branch("rev")
	s.grant(dd.Writer, "rev", "bob")
	price := func(on, sku string, n int64) { t.Helper(); s.call(on, "stall", "price", args{"sku": sku, "price": n}) }
	price("rev", "tea", 5)
	for _, name := range []string{"same", "other", "cells"} {
		if _, err := s.CreateBranch(name, "rev", s.key, false); err != nil {
			t.Fatal(err)
		}
		if err := s.RegisterBranch(ctx, s.key, name); err != nil { // else any name that bob may use would do
			t.Fatal(err)
		}
		price(name, "mug", 6)
	}
	price("other", "tea", 8)
	info, err := s.Branches()
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{t: t}
	c := &cells{forger: f, h: branch.Header{Ledger: s.Ledger()}}
	f.main.ID = info[slices.IndexFunc(info, func(b repo.Branch) bool { return b.Name == "rev" })].ID
	his := c.revert(keyOf("bob"), "kiosk", c.kiosk())
	if _, err := s.Submit(ctx, s.key, "rev", []sqlcontract.Transaction{his}); err != nil {
		t.Fatal(err)
	}
	if res := s.revert("rev~1", repo.RevertOptions{Into: "rev"}); res.Block.IsZero() {
		t.Fatal(revertConflicts(res))
	}
	for into, want := range map[string]string{"same": "AG0501 included", "other": "AG0501 AG0436"} {
		m := s.merge("rev", into, repo.MergeOptions{Disclose: true})
		var got []string
		for _, v := range m.Verdicts {
			if v.Included {
				v.Code = "included"
			}
			got = append(got, v.Code)
		}
		if strings.Join(got, " ") != want {
			t.Fatalf("into %s: %s", into, verdictsOf(m))
		}
	}
	// By cell no transaction runs again, but bob's row is as little welcome.
	m := s.merge("rev", "cells", repo.MergeOptions{Consistent: true, Disclose: true})
	if got := conflictsOf(m); got != "not permitted item[x]" {
		t.Fatal(got)
	}
	if m, err = s.Settle(ctx, s.key, "cells", repo.Choice{Take: 1}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	if got := s.query("cells", "SELECT count(*) FROM kiosk.item"); got != "0\n" {
		t.Fatal(got)
	}
	s.verify()
	return s
}

// revert signs a revert for the branch.
func (c *cells) revert(key crypto.Signer, contract string, rows ...sqlcontract.PatchRow) sqlcontract.Transaction {
	c.t.Helper()
	data, err := wire.Marshal(rows) // unchecked
	c.must(err)
	return c.patchOf(key, contract, args{"rows": data})
}

func (c *cells) patchOf(key crypto.Signer, contract string, a args) sqlcontract.Transaction {
	c.t.Helper()
	rows, _ := a["rows"].([]byte)
	tx, err := sqlcontract.New(sqlcontract.Request{Kind: sqlcontract.KindPatch, Ledger: c.h.Ledger, Branch: c.main.ID, Contract: contract,
		Account: repo.AccountOf(key), Created: fixed(0).Now(), Args: a, GasLimit: sqlcontract.MaxGas, Salt: objectstore.Sum(objectstore.KindRow, rows)}, key, fixed(78).Random)
	c.must(err)
	return tx
}

// kiosk is a row that bob may make, item a cell of alice's stall.
func (c *cells) kiosk() sqlcontract.PatchRow {
	return sqlcontract.PatchRow{Key: c.key("kiosk", "item", "x"), Op: sqlcontract.RowInsert, Cells: []sqlcontract.PatchCell{{Column: "price", New: int64(1)}}}
}

func (c *cells) item(sku, column string, from, to any) sqlcontract.PatchRow {
	return sqlcontract.PatchRow{Key: c.key("stall", "item", sku), Op: sqlcontract.RowUpdate, Cells: []sqlcontract.PatchCell{{Column: column, Old: from, New: to}}}
}

func (c *cells) state() *prolly.Map { return prolly.Load(prolly.NewCache(c.db, 1<<20), c.parent.State) }

// does gives the rows that a revert by an account changes.
func (c *cells) does(key crypto.Signer, rows ...sqlcontract.PatchRow) []sqlcontract.RowChange {
	c.t.Helper()
	list, err := c.engine.RevertRows(c.state().Get, repo.AccountOf(key), rows)
	c.must(err)
	return list
}

// only puts a revert in the place of the first transaction, with its receipt.
func (c *cells) only(tx sqlcontract.Transaction, rows ...sqlcontract.RowChange) *cells {
	c.txs[0], c.rows[0] = tx, rows
	c.receipts[0].Transaction = tx.ID()
	return c
}

// TestForgedReverts puts reverts into blocks that would refuse them, and rows
// beside reverts that they do not have.
func TestForgedReverts(t *testing.T) {
	s := reverts(t)
	alice, bob := keyOf("alice"), keyOf("bob")
	price := func(c *cells) sqlcontract.PatchRow { return c.item("tea", "price", int64(5), int64(4)) }
	// alices is her revert of rows in the place of the honest one at rev's head, with
	// the rows that it says.
	alices := func(what, full string, rows func(c *cells) []sqlcontract.PatchRow) forged {
		return forged{what, "", full, func(c *cells) objectstore.Hash {
			c = c.open("rev")
			list := rows(c)
			return c.only(c.revert(alice, "stall", list...), c.does(alice, list...)...).put(alice)
		}}
	}
	cell := func(what, full, column string, from, to any) forged {
		return alices(what, full, func(c *cells) []sqlcontract.PatchRow { return []sqlcontract.PatchRow{c.item("tea", column, from, to)} })
	}
	// malformed is a patch that no state has to be asked for.
	malformed := func(what, says string, a func(c *cells) args) forged {
		return both(what, says, func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.patchOf(alice, "stall", a(c))).put(alice)
		})
	}
	rowsOf := func(rows ...sqlcontract.PatchRow) args {
		data, err := wire.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		return args{"rows": data}
	}
	const otherRows = "the change list has other rows than it says"
	refuses(t, s, []forged{
		both("honest, signed again", "", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			a, of := rowsOf(price(c)), c.read("rev", 2).ID // which nothing depends on
			a["of"] = of[:]
			return c.only(c.patchOf(alice, "stall", a), c.does(alice, price(c))...).put(alice)
		}),
		both("by bob, who may write but not set", "may not set stall.item.price", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.revert(bob, "stall", price(c)), c.does(alice, price(c))...).put(alice)
		}),
		both("bob's, with a row of alice's after his own", "may not set stall.item.price", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			mine := c.kiosk()
			mine.Key = c.key("kiosk", "item", "y")
			return c.only(c.revert(bob, "kiosk", mine, price(c)), append(c.does(bob, mine), c.does(alice, price(c))...)...).put(alice)
		}),
		both("another contract's rows", "its first row is not of contract kiosk", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.revert(bob, "kiosk", price(c)), c.does(alice, price(c))...).put(alice)
		}),
		both("mallory's", "may not", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.revert(keyOf("mallory"), "stall", price(c)), c.does(alice, price(c))...).put(alice)
		}),
		both("another value than it expects", "the rows here are not as it expects them", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.revert(alice, "stall", c.item("tea", "price", int64(6), int64(4))), c.does(alice, price(c))...).put(alice)
		}),
		both("another value than it sets", otherRows, func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.revert(alice, "stall", price(c)), c.does(alice, c.item("tea", "price", int64(5), int64(1)))...).put(alice)
		}),
		both("a row more", otherRows, func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.revert(alice, "stall", price(c)), c.does(alice, c.item("mug", "price", int64(7), int64(1)), price(c))...).put(alice)
		}),
		both("no row", otherRows, func(c *cells) objectstore.Hash {
			c = c.open("rev")
			return c.only(c.revert(alice, "stall", price(c))).put(alice)
		}),
		both("a role", "a patch lists a row of aergo_role", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			role := sqlcontract.RowChange{Key: c.key("aergo_role", "role", "stall", "clerk", string(repo.AccountOf(keyOf("mallory")))), New: c.value()}
			return c.only(c.revert(alice, "stall", price(c)), append([]sqlcontract.RowChange{role}, c.does(alice, price(c))...)...).put(alice)
		}),
		both("a contract's owner", "a patch lists a row of aergo_contract", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			key := c.key("aergo_contract", "current", "kiosk")
			old, _, err := c.state().Get(key)
			c.must(err)
			owner := sqlcontract.RowChange{Key: key, Old: old, New: c.value(int64(1), string(repo.AccountOf(alice)))}
			return c.only(c.revert(alice, "stall", price(c)), append([]sqlcontract.RowChange{owner}, c.does(alice, price(c))...)...).put(alice)
		}),
		both("what has counted", "a row of aergo_seen stands in the change list", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			salt, id := objectstore.Hash{1}, objectstore.Hash{2}
			seen := sqlcontract.RowChange{Key: c.key("aergo_seen", "seen", int64(30000), string(repo.AccountOf(alice)), salt[:]), New: c.value(id[:], int64(1))}
			return c.only(c.revert(alice, "stall", price(c)), append([]sqlcontract.RowChange{seen}, c.does(alice, price(c))...)...).loose()
		}),
		{"a total", "", "gives other results", func(c *cells) objectstore.Hash {
			earlier := c.block(c.read("main", 1))
			c = c.open("rev")
			rows := c.does(alice, price(c))
			for _, r := range earlier.rows[0] {
				if bytes.HasPrefix(r.Key, c.key("aergo_total")) {
					old, _, err := c.state().Get(r.Key)
					c.must(err)
					rows = append([]sqlcontract.RowChange{{Key: r.Key, Old: old, New: r.Old}}, rows...)
				}
			}
			if len(rows) != 2 {
				c.t.Fatal("the sale changed no total")
			}
			return c.only(c.revert(alice, "stall", price(c)), rows...).put(alice)
		}},
		both("erased", "what was reverted cannot be erased", func(c *cells) objectstore.Hash {
			c = c.open("rev")
			tx := c.revert(alice, "stall", price(c))
			tx.Blind, tx.Arguments = nil, nil
			return c.only(tx, c.does(alice, price(c))...).put(alice)
		}),
		both("in another branch's block", "is bound to another branch", func(c *cells) objectstore.Hash {
			tx := c.open("rev").txs[0]
			c = c.open("x")
			c.child()
			c.add(tx)
			return c.put(alice)
		}),
		cell("a CHECK", "executed again is failed AG0411", "price", int64(5), int64(0)),
		cell("a UNIQUE", "executed again is failed AG0412", "code", nil, "m"),
		cell("a parent that is not there", "executed again is failed AG0414", "kind", "drink", "beer"),
		alices("a parent that has a child", "executed again is failed AG0414", func(c *cells) []sqlcontract.PatchRow {
			return []sqlcontract.PatchRow{{Key: c.key("stall", "kind", "drink"), Op: sqlcontract.RowDelete}}
		}),
		cell("an INVARIANT", "executed again is failed AG0415", "stock", int64(1), int64(90)),
		malformed("a role among its rows", "it is of aergo_role, which no patch changes", func(c *cells) args {
			return rowsOf(sqlcontract.PatchRow{Key: c.key("aergo_role", "role", "stall", "clerk", string(repo.AccountOf(bob))), Op: sqlcontract.RowInsert}, price(c))
		}),
		malformed("a contract among its rows", "it is of aergo_contract, which no patch changes", func(c *cells) args {
			return rowsOf(sqlcontract.PatchRow{Key: c.key("aergo_contract", "current", "kiosk"), Op: sqlcontract.RowDelete}, price(c))
		}),
		malformed("rows in disorder", "does not follow the one before", func(c *cells) args {
			return rowsOf(price(c), c.item("mug", "price", int64(7), int64(1)))
		}),
		malformed("no rows", "a patch without rows", func(*cells) args { return rowsOf() }),
		malformed("rows that are none", "the rows of a patch", func(*cells) args { return args{"rows": []byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} }),
		malformed("too many bytes", "the rows of a patch", func(c *cells) args {
			return rowsOf(c.item("tea", "note", nil, strings.Repeat("x", 970<<10)))
		}),
		malformed("an argument more", "a patch has the arguments rows and of", func(c *cells) args {
			a := rowsOf(price(c))
			a["also"] = int64(1)
			return a
		}),
		malformed("half a hash", "is no list of hashes", func(c *cells) args {
			a := rowsOf(price(c))
			a["of"] = []byte("half")
			return a
		}),
		malformed("one thing taken back twice", "does not ascend", func(c *cells) args {
			a := rowsOf(price(c))
			a["of"] = bytes.Repeat([]byte{7}, 2*objectstore.HashSize)
			return a
		}),
		malformed("too much taken back", "too long", func(c *cells) args {
			a := rowsOf(price(c))
			a["of"] = bytes.Repeat([]byte{7}, (2+sqlcontract.MaxPatchRows)*objectstore.HashSize)
			return a
		}),

		// In merges.
		both("excluded by a merge, turned ok", "the rows here are not as it expects them", func(c *cells) objectstore.Hash {
			c = c.open("other")
			c.receipts[1] = sqlcontract.Receipt{Transaction: c.txs[1].ID(), Status: sqlcontract.StatusOK}
			c.record.Verdicts[1].Code, c.record.Verdicts[1].Reason = branch.Included, 0
			c.rows[1] = c.does(alice, c.item("tea", "price", int64(8), int64(4)))
			return c.put(alice)
		}),
		{"included by a merge, turned excluded", "", "gives other verdicts", func(c *cells) objectstore.Hash {
			c = c.open("same")
			c.receipts[1] = sqlcontract.Receipt{Transaction: c.txs[1].ID(), Status: sqlcontract.StatusExcluded, Code: "AG0436", Text: "stall.item"}
			c.record.Verdicts[1].Code, c.record.Verdicts[1].Reason, c.rows[1] = branch.Excluded, 436, nil
			return c.put(alice)
		}},
		both("another reason for it", "do not say the same", func(c *cells) objectstore.Hash {
			c = c.open("other")
			c.record.Verdicts[1].Reason = 437
			return c.put(alice)
		}),
		both("bob's, who may not write on the target, turned ok", "may not", func(c *cells) objectstore.Hash {
			c = c.open("same")
			c.receipts[0] = sqlcontract.Receipt{Transaction: c.txs[0].ID(), Status: sqlcontract.StatusOK}
			c.record.Verdicts[0].Code, c.record.Verdicts[0].Reason = branch.Included, 0
			c.rows[0] = c.does(bob, c.kiosk())
			return c.put(alice)
		}),
		both("replayed in a merge by cell", "which the source does not offer", func(c *cells) objectstore.Hash {
			from := c.read("rev", 0)
			tx := c.tx(from, 0)
			c = c.open("cells")
			c.txs, c.rows = append([]sqlcontract.Transaction{tx}, c.txs...), append([][]sqlcontract.RowChange{nil}, c.rows...)
			c.receipts = append([]sqlcontract.Receipt{{Transaction: tx.ID(), Status: sqlcontract.StatusOK}}, c.receipts...)
			c.record.Verdicts = []branch.Verdict{{Transaction: tx.ID(), Block: from.ID, Code: branch.Included}}
			c.rows[1] = slices.DeleteFunc(c.rows[1], func(r sqlcontract.RowChange) bool { return bytes.HasPrefix(r.Key, c.key("aergo_seen")) })
			return c.put(alice)
		}),
		both("in the place of a merge's patch", "not its producer's", func(c *cells) objectstore.Hash {
			c = c.open("cells")
			return c.only(c.revert(alice, "stall", price(c)), c.does(alice, price(c))...).put(alice)
		}),
	})
}
