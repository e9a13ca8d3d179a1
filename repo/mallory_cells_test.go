package repo_test

import (
	"bytes"
	"crypto"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

const bank = `DIALECT 1;
CREATE TABLE account (
  id TEXT PRIMARY KEY,
  balance INTEGER NOT NULL CHECK (balance >= 0),
  credit INTEGER NOT NULL CHECK (credit >= 0)
);
MERGE RULE ON account (balance) BY DELTA;
MERGE RULE ON account (credit) BY MANUAL RESOLVE ROLE (clerk);
CREATE ACTION open(:id TEXT, :balance INTEGER) PUBLIC AS BEGIN INSERT INTO account VALUES (:id, :balance, 10); END;
CREATE ACTION pay(:id TEXT, :n INTEGER) PUBLIC AS BEGIN UPDATE account SET balance = balance - :n WHERE id = :id; END;
CREATE ACTION credit(:id TEXT, :n INTEGER) PUBLIC AS BEGIN UPDATE account SET credit = :n WHERE id = :id; END;
`

// banks is a ledger in which alice has merged eu by cell into main and, with the
// same choice, into us, which stood where main did; and so has bob into his b/1,
// taking a side, for he is neither bank's owner nor a clerk. eu holds a deploy, so
// that each merge has a verdict.
func banks(t *testing.T) *story {
	t.Helper()
	s := begin(t, fixed(60))
	s.deploy("", "bank", bank)
	s.grant(dd.Writer, "b/*", "bob")
	s.grant(dd.Writer, "main", "bob")
	call := func(on, action string, a args) { t.Helper(); s.call(on, "bank", action, a) }
	call("", "open", args{"id": "a", "balance": int64(100)})
	call("", "open", args{"id": "b", "balance": int64(50)})
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	call("eu", "pay", args{"id": "a", "n": int64(30)})
	call("eu", "credit", args{"id": "a", "n": int64(20)})
	s.deploy("eu", "shop", shop)
	call("", "pay", args{"id": "a", "n": int64(20)})
	call("", "credit", args{"id": "a", "n": int64(30)})
	if _, err := s.CreateBranch("us", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	bob := keyOf("bob")
	if _, err := s.CreateBranch("b/1", "", bob, false); err != nil {
		t.Fatal(err)
	}
	mine := repo.Choice{Contract: "bank", Table: "account", Column: "credit", Take: merge.Value, Value: int64(25)}
	for _, by := range []struct {
		key    crypto.Signer
		into   string
		choice repo.Choice
	}{{s.key, "main", mine}, {s.key, "us", mine}, {bob, "b/1", repo.Choice{Take: merge.Theirs}}} {
		m, err := s.Merge(ctx, by.key, "eu", repo.MergeOptions{Into: by.into, Consistent: true, Disclose: true})
		if want := "cell account[a] credit"; err != nil || conflictsOf(m) != want {
			t.Fatalf("conflicts %q %v, want %q", conflictsOf(m), err, want)
		}
		if m, err = s.Settle(ctx, by.key, by.into, by.choice); err != nil || m.Block.IsZero() {
			t.Fatalf("%+v %v", m, err)
		}
	}
	if got := s.query("", "SELECT * FROM bank.account ORDER BY id"); got != "a|50|25\nb|50|10\n" {
		t.Fatal(got)
	}
	s.verify()
	return s
}

// cells is a merge block by cell taken apart, to be put together in another way.
type cells struct {
	*forger
	h        branch.Header
	parent   branch.Block
	record   *branch.MergeRecord // nil: an ordinary block
	txs      []sqlcontract.Transaction
	receipts []sqlcontract.Receipt
	rows     [][]sqlcontract.RowChange
}

// takeApart reads the merge block at the head of a branch.
func (f *forger) takeApart(name branch.Name) *cells {
	f.t.Helper()
	c := f.open(name)
	if len(c.txs) != 2 || len(c.record.Verdicts) != 1 || len(c.rows[1]) == 0 {
		f.t.Fatalf("a merge of %d transactions, %d verdicts", len(c.txs), len(c.record.Verdicts))
	}
	return c
}

// open reads the block at the head of a branch, whatever it is.
func (f *forger) open(name branch.Name) *cells {
	f.t.Helper()
	var err error
	f.main, err = branch.Lookup(f.db, name)
	f.must(err)
	id, err := branch.Head(f.db, f.main.ID)
	f.must(err)
	f.head, err = branch.Read(f.db, id)
	f.must(err)
	return f.block(f.head)
}

// block takes a block apart.
func (f *forger) block(b branch.Block) *cells {
	f.t.Helper()
	c := &cells{forger: f, h: b.Header}
	var err error
	c.parent, err = branch.Read(f.db, c.h.Parents[0])
	f.must(err)
	if !c.h.MergeRecord.IsZero() {
		record, err := branch.ReadMergeRecord(f.db, c.h.MergeRecord)
		f.must(err)
		c.record = &record
	}
	leaves := func(kind objectstore.Kind, l branch.List) []objectstore.Leaf {
		list, err := branch.ReadList(f.db, kind, l)
		f.must(err)
		return list
	}
	for _, leaf := range leaves(objectstore.KindTransactionList, c.h.Transactions) {
		tx, err := sqlcontract.FromLeaf(leaf)
		f.must(err)
		c.txs = append(c.txs, tx)
	}
	for _, leaf := range leaves(objectstore.KindReceiptList, c.h.Receipts) {
		r, err := sqlcontract.DecodeReceipt(leaf.Data)
		f.must(err)
		c.receipts = append(c.receipts, r)
	}
	c.rows = make([][]sqlcontract.RowChange, len(c.txs))
	for _, leaf := range leaves(objectstore.KindChangeList, c.h.Changes) {
		g, err := sqlcontract.DecodeChanges(leaf.Data)
		f.must(err)
		c.rows[g.Transaction] = append(c.rows[g.Transaction], g.Rows...)
	}
	return c
}

func (c *cells) key(parts ...any) []byte {
	c.t.Helper()
	key, err := wire.AppendKey(nil, parts...)
	c.must(err)
	return key
}

func (c *cells) value(vals ...any) []byte {
	c.t.Helper()
	row, err := wire.AppendRow(nil, vals)
	c.must(err)
	return row
}

// credit is a choice of a value for the credit of an account.
func (c *cells) credit(id string, v int64) merge.Choice {
	return merge.Choice{Key: c.key("bank", "account", id), Column: "credit", Take: merge.Value, Value: v}
}

// patch signs a patch for the branch; no choices, no argument.
func (c *cells) patch(key crypto.Signer, choices ...merge.Choice) sqlcontract.Transaction {
	c.t.Helper()
	q := sqlcontract.Request{
		Kind: sqlcontract.KindPatch, Ledger: c.h.Ledger, Branch: c.main.ID, Contract: "aergo_merge", Account: repo.AccountOf(key),
		Created: fixed(0).Now(),
	}
	if len(choices) > 0 {
		data, err := merge.EncodeChoices(choices)
		c.must(err)
		q.Args = args{"choices": data}
	}
	tx, err := sqlcontract.New(q, key, fixed(78).Random)
	c.must(err)
	return tx
}

// swap puts another transaction in the patch's place, with the patch's rows.
func (c *cells) swap(tx sqlcontract.Transaction) {
	c.txs[1], c.receipts[1].Transaction = tx, tx.ID()
}

// row lists one more row of the patch, or another value of a row it has; nil
// deletes.
func (c *cells) row(key, value []byte) {
	c.t.Helper()
	i, found := slices.BinarySearchFunc(c.rows[1], key, func(r sqlcontract.RowChange, key []byte) int { return bytes.Compare(r.Key, key) })
	if !found {
		old, _, err := prolly.Load(prolly.NewCache(c.db, 1<<20), c.parent.State).Get(key)
		c.must(err)
		c.rows[1] = slices.Insert(c.rows[1], i, sqlcontract.RowChange{Key: key, Old: old})
	}
	c.rows[1][i].New = value
}

// put makes the block the head of its branch. Its lists and roots agree.
func (c *cells) put(key crypto.Signer) objectstore.Hash {
	c.t.Helper()
	c.h.Producer = repo.AccountOf(key)
	c.h.MergeRecord = objectstore.Hash{}
	if c.record != nil {
		data, err := c.record.Encode()
		c.must(err)
		c.h.MergeRecord, err = c.batch.Put(objectstore.KindMergeRecord, data)
		c.must(err)
	}
	// Rebuild, which gives the roots, takes no rows of roles and contracts in a
	// patch: a block that lists some has the state without them.
	changes, receipts := c.lists(func(r sqlcontract.RowChange) bool {
		return !bytes.HasPrefix(r.Key, c.key("aergo_role")) && !bytes.HasPrefix(r.Key, c.key("aergo_contract"))
	})
	sealed, err := c.engine.Rebuild(c.parent.State, c.h.Time, c.txs, receipts, changes)
	c.must(err)
	c.must(sealed.WriteTo(c.batch))
	c.h.State = sealed.State
	c.h.Transactions = branch.List{Root: sealed.Transactions, Count: sealed.Count}
	changes, receipts = c.lists(func(sqlcontract.RowChange) bool { return true })
	c.h.Changes, err = branch.PutList(c.batch, objectstore.KindChangeList, changes)
	c.must(err)
	var leaves []objectstore.Leaf
	for _, r := range receipts {
		data, err := r.Encode()
		c.must(err)
		leaves = append(leaves, objectstore.Leaf{Data: data})
	}
	c.h.Receipts, err = branch.PutList(c.batch, objectstore.KindReceiptList, leaves)
	c.must(err)
	return c.publish(c.h, key)
}

// lists gives the change list and the receipts with some of the patch's rows.
func (c *cells) lists(keep func(sqlcontract.RowChange) bool) ([]objectstore.Leaf, []sqlcontract.Receipt) {
	var changes []objectstore.Leaf
	receipts := slices.Clone(c.receipts)
	for i, rows := range c.rows {
		h, err := sqlcontract.DecodeHeader(c.txs[i].Data)
		c.must(err)
		if h.Kind == sqlcontract.KindPatch {
			rows = slices.DeleteFunc(slices.Clone(rows), func(r sqlcontract.RowChange) bool { return !keep(r) })
		}
		receipts[i].Changed = uint64(len(rows))
		if len(rows) > 0 {
			data, err := wire.Marshal(sqlcontract.ChangeGroup{Transaction: uint64(i), Rows: rows})
			c.must(err)
			changes = append(changes, objectstore.Leaf{Data: data})
		}
	}
	return changes, receipts
}

// TestForgedMergesByCell puts merge blocks into the store that nobody could have
// made honestly. Verify names each. What the rows of a patch must be only a full
// verification knows: it computes the merge again.
func TestForgedMergesByCell(t *testing.T) {
	s := banks(t)
	alice, bob, mallory := s.key, keyOf("bob"), keyOf("mallory")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const otherResults = "gives other results"
	for _, c := range []struct {
		what  string
		plain string // what Verify says, "" where it accepts
		full  string
		forge func(c *cells) objectstore.Hash
	}{
		{"honest, signed again", "", "", func(c *cells) objectstore.Hash {
			c.swap(c.patch(alice, c.credit("a", 25)))
			return c.put(alice)
		}},
		{"honest, by bob who takes the other side", "", "", func(c *cells) objectstore.Hash {
			c = c.takeApart("b/1")
			choice := c.credit("a", 0)
			choice.Take, choice.Value = merge.Ours, nil
			c.swap(c.patch(bob, choice))
			c.row(choice.Key, c.value(int64(50), int64(30)))
			return c.put(bob)
		}},
		{"a patch in an ordinary block", "is a patch, which stands last", "is a patch, which stands last", func(c *cells) objectstore.Hash {
			c.h.Parents = []objectstore.Hash{c.head.ID}
			c.h.Number, c.h.Generation = branch.Child(c.head.Header)
			c.h.Time++
			c.record, c.parent = nil, c.head
			c.txs, c.receipts, c.rows = c.txs[1:], c.receipts[1:], make([][]sqlcontract.RowChange, 2)
			c.txs[0] = c.patch(alice)
			c.receipts[0].Transaction = c.txs[0].ID()
			c.row(c.key("bank", "account", "a"), c.value(int64(1000), int64(25)))
			c.rows = c.rows[1:]
			return c.put(alice)
		}},
		{"no patch", "verdicts about 1 transactions", "verdicts about 1 transactions", func(c *cells) objectstore.Hash {
			c.txs, c.receipts, c.rows = c.txs[:1], c.receipts[:1], c.rows[:1]
			return c.put(alice)
		}},
		{"a call where the patch belongs", "not the patch of its merge", "not the patch of its merge", func(c *cells) objectstore.Hash {
			c.swap(c.sign(c.h.Ledger, c.main.ID, alice, fixed(0).Now()))
			c.rows[1] = nil
			return c.put(alice)
		}},
		{"two patches", "verdicts about 3 transactions", "verdicts about 3 transactions", func(c *cells) objectstore.Hash {
			second := c.patch(alice)
			c.txs = append(c.txs, second)
			c.receipts = append(c.receipts, sqlcontract.Receipt{Transaction: second.ID(), Status: sqlcontract.StatusOK})
			c.rows = append(c.rows, nil)
			return c.put(alice)
		}},
		{"two patches, one with a verdict", "which the source does not offer", "which the source does not offer", func(c *cells) objectstore.Hash {
			first := c.patch(alice)
			c.txs[0], c.receipts[0].Transaction, c.record.Verdicts[0].Transaction = first, first.ID(), first.ID()
			c.rows[0] = nil
			return c.put(alice)
		}},
		{"bob's patch in alice's block", "not its producer's", "not its producer's", func(c *cells) objectstore.Hash {
			c.swap(c.patch(bob, c.credit("a", 25)))
			return c.put(alice)
		}},
		{"alice's patch in bob's block", "not its producer's", "not its producer's", func(c *cells) objectstore.Hash {
			c = c.takeApart("b/1")
			c.swap(c.patch(alice, c.credit("a", 25)))
			c.row(c.key("bank", "account", "a"), c.value(int64(50), int64(25)))
			return c.put(bob)
		}},
		{"a patch and block of mallory", "may not", "may not", func(c *cells) objectstore.Hash {
			c.swap(c.patch(mallory))
			return c.put(mallory)
		}},
		{"a patch with another's signature", "signature", "signature", func(c *cells) objectstore.Hash {
			tx := c.patch(alice, c.credit("a", 25))
			tx.Seal = c.txs[1].Seal
			c.swap(tx)
			return c.put(alice)
		}},
		{"choices erased", "cannot be erased", "cannot be erased", func(c *cells) objectstore.Hash {
			tx := c.patch(alice, c.credit("a", 25))
			tx.Blind, tx.Arguments = nil, nil
			c.swap(tx)
			c.row(c.key("bank", "account", "a"), c.value(int64(1000), int64(25)))
			return c.put(alice)
		}},
		{"a balance raised", "", otherResults, func(c *cells) objectstore.Hash {
			c.row(c.key("bank", "account", "a"), c.value(int64(1000), int64(25)))
			return c.put(alice)
		}},
		{"a row that neither side changed", "", otherResults, func(c *cells) objectstore.Hash {
			c.row(c.key("bank", "account", "b"), c.value(int64(1000), int64(10)))
			return c.put(alice)
		}},
		{"a value that nobody chose", "", otherResults, func(c *cells) objectstore.Hash {
			c.row(c.key("bank", "account", "a"), c.value(int64(50), int64(26)))
			return c.put(alice)
		}},
		{"a row of aergo_role", "a patch lists a row of aergo_role", "a patch lists a row of aergo_role", func(c *cells) objectstore.Hash {
			c.row(c.key("aergo_role", "role", "bank", "clerk", string(repo.AccountOf(mallory))), c.value())
			return c.put(alice)
		}},
		{"a row of aergo_seen", "", otherResults, func(c *cells) objectstore.Hash {
			salt, id := objectstore.Hash{1}, objectstore.Hash{2}
			c.row(c.key("aergo_seen", "seen", int64(30000), string(repo.AccountOf(alice)), salt[:]), c.value(id[:], int64(1)))
			return c.put(alice)
		}},
		{"another owner in aergo_contract", "a patch lists a row of aergo_contract", "a patch lists a row of aergo_contract", func(c *cells) objectstore.Hash {
			c.row(c.key("aergo_contract", "current", "bank"), c.value(int64(1), string(repo.AccountOf(mallory))))
			return c.put(alice)
		}},
		{"a row left out", "", otherResults, func(c *cells) objectstore.Hash {
			c.rows[1] = slices.DeleteFunc(c.rows[1], func(r sqlcontract.RowChange) bool { return bytes.HasPrefix(r.Key, c.key("bank")) })
			return c.put(alice)
		}},
		{"what the source has seen left out", "", otherResults, func(c *cells) objectstore.Hash {
			n := len(c.rows[1])
			c.rows[1] = slices.DeleteFunc(c.rows[1], func(r sqlcontract.RowChange) bool { return bytes.HasPrefix(r.Key, c.key("aergo_seen")) })
			if len(c.rows[1]) == n {
				c.t.Error("the patch lists no row of aergo_seen")
			}
			return c.put(alice)
		}},
		{"rows that break a CHECK", "", otherResults, func(c *cells) objectstore.Hash {
			c.row(c.key("bank", "account", "a"), c.value(int64(-5), int64(25)))
			return c.put(alice)
		}},
		{"a choice that breaks a CHECK", "", "its rows break AG0411", func(c *cells) objectstore.Hash {
			c.swap(c.patch(alice, c.credit("a", -1)))
			c.row(c.key("bank", "account", "a"), c.value(int64(50), int64(-1)))
			return c.put(alice)
		}},
		{"a choice that settles nothing", "", "1 choices of its patch settle no conflict", func(c *cells) objectstore.Hash {
			c.swap(c.patch(alice, c.credit("a", 25), c.credit("b", 25)))
			return c.put(alice)
		}},
		{"no choice for a conflict", "", "leaves 1 conflicts open", func(c *cells) objectstore.Hash {
			c.swap(c.patch(alice))
			return c.put(alice)
		}},
		{"a value that bob may not set", "may not set bank.account.credit", "may not set bank.account.credit", func(c *cells) objectstore.Hash {
			c = c.takeApart("b/1")
			c.swap(c.patch(bob, c.credit("a", 25)))
			c.row(c.key("bank", "account", "a"), c.value(int64(50), int64(25)))
			return c.put(bob)
		}},
		{"a role in the same patch that lets bob set it", "a patch lists a row of aergo_role", "a patch lists a row of aergo_role", func(c *cells) objectstore.Hash {
			c = c.takeApart("b/1")
			c.swap(c.patch(bob, c.credit("a", 25)))
			c.row(c.key("bank", "account", "a"), c.value(int64(50), int64(25)))
			c.row(c.key("aergo_role", "role", "bank", "clerk", string(repo.AccountOf(bob))), c.value())
			return c.put(bob)
		}},
		{"a verdict left out of the record", "0 verdicts about 2 transactions", "0 verdicts about 2 transactions", func(c *cells) objectstore.Hash {
			c.record.Verdicts = nil
			return c.put(alice)
		}},
		{"a candidate left out with its verdict", "", "other verdicts than its merge record", func(c *cells) objectstore.Hash {
			c.record.Verdicts = nil
			c.txs, c.receipts, c.rows = c.txs[1:], c.receipts[1:], c.rows[1:]
			return c.put(alice)
		}},
		{"the patch of another branch", "bound to another branch", "bound to another branch", func(c *cells) objectstore.Hash {
			patch := c.txs[1]
			c = c.takeApart("us")
			c.swap(patch)
			return c.put(alice)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
				t.Fatal(err)
			}
			f := newForger(t, dir)
			id := c.forge(f.takeApart("main"))
			f.must(f.batch.Commit())
			f.must(f.batch.Close())
			f.must(f.db.Close())
			r, err := repo.Open(dir, fixed(61))
			if code(err) == "AG0556" {
				o := fixed(61)
				o.Moved = true
				r, err = repo.Open(dir, o)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for full, want := range map[bool]string{false: c.plain, true: c.full} {
				_, err := r.Verify(ctx, repo.VerifyOptions{Full: full})
				switch {
				case want == "":
					if err != nil {
						t.Errorf("full %v: %v", full, err)
					}
				case code(err) != "AG0603" || !strings.Contains(err.Error(), id.Short()):
					t.Errorf("full %v: %s %v, want block %s named", full, code(err), err, id.Short())
				case !strings.Contains(err.Error(), want):
					t.Errorf("full %v: %v, want %q", full, err, want)
				}
			}
		})
	}
}
