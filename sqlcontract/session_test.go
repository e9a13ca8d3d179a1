package sqlcontract

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// world is a store with one tree on it, for stories about blocks.
type world struct {
	t      testing.TB
	store  *objectstore.DB
	engine *Engine
	tree   *Tree
	dir    string

	ledger objectstore.Hash
	branch objectstore.Hash
	number uint64
	now    int64
	random *rand.ChaCha8
	people map[string]person

	// script is what has been run, block by block, to be run again elsewhere.
	script [][]VerifiedTransaction
	times  []int64
	seals  []*Sealed
}

type person struct {
	key     ed25519.PrivateKey
	account objectstore.Account
}

// firstOfMay is an arbitrary time in ms, so that tests have no clock.
const firstOfMay = int64(1777593600000)

func newWorld(t testing.TB, dir string) *world {
	t.Helper()
	store, err := objectstore.Open("store", objectstore.Options{FS: vfs.NewMem(), NodeHash: prolly.NodeHash})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: store, dir: dir, now: firstOfMay, people: map[string]person{}, random: rand.NewChaCha8(sha256.Sum256([]byte("world")))}
	w.ledger, w.branch = hashOf("ledger"), hashOf("branch")
	w.engine = NewEngine(store)
	w.tree = w.open(dir, objectstore.Hash{})
	t.Cleanup(w.close)
	return w
}

// close ends the world before its test does, for tests that make many.
func (w *world) close() {
	if w.store == nil {
		return
	}
	w.tree.Close()
	w.store.Close()
	w.store, w.engine, w.tree = nil, nil, nil
}

func (w *world) open(dir string, root objectstore.Hash) *Tree {
	w.t.Helper()
	tree, err := OpenTree(Options{Engine: w.engine, Dir: dir, Ledger: w.ledger, Owner: w.person("owner").account, Root: root})
	if err != nil {
		w.t.Fatal(err)
	}
	return tree
}

func hashOf(s string) objectstore.Hash { return objectstore.Hash(sha256.Sum256([]byte(s))) }

// person gives somebody with a key of their own.
func (w *world) person(name string) person {
	if p, ok := w.people[name]; ok {
		return p
	}
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	d, err := sign.KeyDescriptor(key.Public().(ed25519.PublicKey))
	if err != nil {
		w.t.Fatal(err)
	}
	p := person{key, objectstore.Account(sign.AccountOf(d))}
	w.people[name] = p
	return p
}

type args = map[string]any

// request is a call as a transaction would carry it.
func (w *world) request(who, contract, action string, a args) Request {
	return Request{Kind: KindCall, Ledger: w.ledger, Branch: w.branch, Contract: contract, Action: action, Args: a,
		Account: w.person(who).account, Created: time.UnixMilli(w.now)}
}

func (w *world) sign(who string, r Request) VerifiedTransaction {
	w.t.Helper()
	tx, err := New(r, w.person(who).key, w.random)
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := Verify(w.ledger, tx)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// call, as VerifiedTransaction. "shop.sell" names contract and action.
func (w *world) tx(who, what string, a args) VerifiedTransaction {
	w.t.Helper()
	contract, action, _ := strings.Cut(what, ".")
	return w.sign(who, w.request(who, contract, action, a))
}

func (w *world) deployTx(who, name, source string, a args) VerifiedTransaction {
	w.t.Helper()
	all := args{"source": source}
	maps.Copy(all, a)
	r := w.request(who, name, "", all)
	r.Kind = KindDeploy
	r.GasLimit = 100_000_000
	return w.sign(who, r)
}

// block runs transactions as one block, commits it and checks what must hold
// after every block.
func (w *world) block(txs ...VerifiedTransaction) []Receipt {
	w.t.Helper()
	w.now += 1000
	w.number++
	before := w.tree.Root()
	s := w.begin(w.tree)
	var receipts []Receipt
	for _, tx := range txs {
		r, err := s.Run(tx)
		if err != nil {
			w.t.Fatalf("block %d: %v", w.number, err)
		}
		receipts = append(receipts, r)
	}
	d := w.commit(s)
	w.script, w.times, w.seals = append(w.script, txs), append(w.times, w.now), append(w.seals, d)
	w.verify(before, d)
	return receipts
}

func (w *world) begin(tree *Tree) *Session {
	w.t.Helper()
	s, err := tree.Begin(Block{Branch: w.branch, Number: w.number, Time: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) commit(s *Session) *Sealed {
	w.t.Helper()
	d, err := s.Seal()
	if err != nil {
		w.t.Fatal(err)
	}
	b := w.store.NewBatch()
	defer b.Close()
	if err := d.WriteTo(b); err != nil {
		w.t.Fatal(err)
	}
	if err := b.Commit(); err != nil {
		w.t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// replay runs all blocks again on another tree, which between two blocks may be
// closed and lose its files, and wants the same roots.
func (w *world) replay(dir string, lose func(block int) bool) {
	w.t.Helper()
	root := EmptyState()
	tree := w.open(dir, root)
	defer func() { tree.Close() }()
	for i, txs := range w.script {
		if lose(i) {
			tree.Close()
			if dir != "" {
				if err := os.RemoveAll(dir); err != nil {
					w.t.Fatal(err)
				}
			}
			tree = w.open(dir, root)
		}
		s, err := tree.Begin(Block{Branch: w.branch, Number: uint64(i + 1), Time: w.times[i]})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, tx := range txs {
			if _, err := s.Run(tx); err != nil {
				w.t.Fatalf("replaying block %d: %v", i+1, err)
			}
		}
		d := w.commit(s)
		if want := w.seals[i]; d.State != want.State || d.Receipts != want.Receipts || d.Changes != want.Changes || d.Transactions != want.Transactions {
			w.t.Fatalf("replaying block %d: state %s and receipts %s, not %s and %s", i+1, d.State.Short(), d.Receipts.Short(), want.State.Short(), want.Receipts.Short())
		}
		root = d.State
	}
}

// verify rebuilds the state from the stored lists.
func (w *world) verify(before objectstore.Hash, d *Sealed) {
	w.t.Helper()
	var txs []Transaction
	var receipts []Receipt
	for _, l := range w.list(d.Transactions, d.Count) {
		tx, err := FromLeaf(l)
		if err != nil {
			w.t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	for _, l := range w.list(d.Receipts, d.Count) {
		r, err := DecodeReceipt(l.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	again, err := w.engine.Rebuild(before, w.now, txs, receipts, w.list(d.Changes, d.Leaves))
	if err != nil {
		w.t.Fatal(err)
	}
	if again.State != d.State || again.Transactions != d.Transactions || again.Receipts != d.Receipts || again.Changes != d.Changes {
		w.t.Fatalf("block %d: the change sets give state %s, execution gave %s", w.number, again.State.Short(), d.State.Short())
	}
}

func (w *world) list(root objectstore.Hash, n uint64) []objectstore.Leaf {
	w.t.Helper()
	if n == 0 {
		return nil
	}
	_, data, err := w.store.Get(root)
	if err != nil {
		w.t.Fatal(err)
	}
	leaves, err := objectstore.DecodeList(data)
	if err != nil {
		w.t.Fatal(err)
	}
	return leaves
}

// good runs one transaction in a block of its own and wants it ok.
func (w *world) good(tx VerifiedTransaction) Receipt {
	w.t.Helper()
	r := w.block(tx)[0]
	if r.Status != StatusOK {
		w.t.Fatalf("transaction failed: %s %q", r.Code, r.Text)
	}
	return r
}

// bad runs one transaction in a block of its own and wants it to fail so.
func (w *world) bad(tx VerifiedTransaction, code, text string) Receipt {
	w.t.Helper()
	r := w.block(tx)[0]
	if r.Status != StatusFailed || r.Code != code || r.Text != text {
		w.t.Fatalf("got %s %s %q, want %s %q", r.Status, r.Code, r.Text, code, text)
	}
	if r.Changed != 0 || r.Rows != nil || r.Events != nil {
		w.t.Fatalf("a failed transaction has results: %+v", r)
	}
	return r
}

func (w *world) deploy(who, name, source string) {
	w.t.Helper()
	w.good(w.deployTx(who, name, source, nil))
}

// rows lists a table as the state map holds it: "key | values".
func (w *world) rows(contract, table string) string {
	w.t.Helper()
	var b strings.Builder
	prefix := tablePrefix(contract, table)
	err := prolly.Load(w.engine.nodes, w.tree.Root()).Scan(prefix, wire.KeyPrefixEnd(prefix), func(key, value []byte) error {
		k, err := wire.DecodeKey(key)
		if err != nil {
			return err
		}
		v, err := wire.DecodeRow(value)
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, k[2:], v)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func (w *world) want(contract, table, rows string) {
	w.t.Helper()
	if got := w.rows(contract, table); got != rows {
		w.t.Errorf("%s.%s holds\n%s\nwant\n%s", contract, table, got, rows)
	}
}

const shop = `DIALECT 1;
CREATE TABLE item (
  sku   TEXT PRIMARY KEY,
  price INTEGER NOT NULL CHECK (price > 0),
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)
);
CREATE INDEX item_price ON item(price);
CREATE VIEW cheap AS SELECT sku FROM item WHERE price < 500;

MERGE RULE ON item (stock) BY DELTA;
INVARIANT no_debt ON item TOTAL sum(stock) CHECK (total >= 0);
INVARIANT sane FOR EACH item CHECK (length(sku) <= 40);

CREATE ACTION add_item(:sku TEXT, :price INTEGER, :stock INTEGER DEFAULT 0) OWNER AS
BEGIN
  INSERT INTO item VALUES (:sku, :price, :stock);
END;

CREATE ACTION set_price(:sku TEXT, :price INTEGER) ROLE (manager) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM item WHERE sku = :sku) ELSE 'no such item: ' || :sku;
  UPDATE item SET price = :price WHERE sku = :sku;
  EMIT price_set(sku => :sku, price => :price, by => @caller);
END;

CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC RETURNS (total INTEGER) AS
BEGIN
  UPDATE item SET stock = stock - :n WHERE sku = :sku;
  LET :price = (SELECT price FROM item WHERE sku = :sku);
  RETURN :price * :n;
END;

CREATE ACTION price(:sku TEXT) PUBLIC READONLY RETURNS (price INTEGER) AS
BEGIN SELECT price FROM item WHERE sku = :sku; END;
`

func TestShop(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.deploy("alice", "shop", shop)
	w.good(w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)}))
	w.good(w.tx("alice", "shop.add_item", args{"sku": "cup", "price": int64(900)}))
	w.want("shop", "item", "[cup] [900]\n[tea] [400 10]\n")
	w.want("aergo_total", "total", "[shop no_debt []] [2 10]\n")

	r := w.good(w.tx("bob", "shop.sell", args{"sku": "tea", "n": int64(3)}))
	if fmt.Sprint(r.Columns, r.Rows) != "[total] [[1200]]" {
		t.Errorf("sell returned %v %v", r.Columns, r.Rows)
	}
	w.want("shop", "item", "[cup] [900]\n[tea] [400 7]\n")
	w.want("aergo_total", "total", "[shop no_debt []] [2 7]\n")

	w.bad(w.tx("bob", "shop.sell", args{"sku": "tea", "n": int64(8)}), "AG0411", "stock >= 0")
	w.bad(w.tx("bob", "shop.add_item", args{"sku": "x", "price": int64(1)}), "AG0402", "owner")
	w.bad(w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(1)}), "AG0412", "item.sku")
	w.bad(w.tx("alice", "shop.add_item", args{"sku": strings.Repeat("x", 41), "price": int64(1)}), "AG0415", "sane")
	w.bad(w.tx("bob", "shop.set_price", args{"sku": "tea", "price": int64(1)}), "AG0402", "manager")
	w.bad(w.tx("bob", "shop.sell", args{"sku": "tea"}), "AG0403", "n")
	w.bad(w.tx("bob", "shop.sell", args{"sku": "tea", "n": "3"}), "AG0403", "n")
	w.bad(w.tx("bob", "shop.sell", args{"sku": "tea", "n": int64(1), "z": nil, "m": nil}), "AG0403", "m")
	w.bad(w.tx("bob", "shop.steal", nil), "AG0401", "shop.steal")
	w.bad(w.tx("bob", "shoe.sell", nil), "AG0401", "shoe")

	bob := string(w.person("bob").account)
	w.bad(w.tx("bob", "aergo_role.grant", args{"contract": "shop", "role": "manager", "account": bob}), "AG0402", "owner")
	w.good(w.tx("alice", "aergo_role.grant", args{"contract": "shop", "role": "manager", "account": bob}))
	r = w.good(w.tx("bob", "shop.set_price", args{"sku": "tea", "price": int64(450)}))
	if len(r.Events) != 1 || fmt.Sprint(r.Events[0]) != "{shop price_set [sku price by] [tea 450 "+bob+"]}" {
		t.Errorf("events %v", r.Events)
	}
	w.bad(w.tx("bob", "shop.set_price", args{"sku": "milk", "price": int64(450)}), "AG0410", "no such item: milk")
	w.good(w.tx("alice", "aergo_role.revoke", args{"contract": "shop", "role": "manager", "account": bob}))
	w.bad(w.tx("bob", "shop.set_price", args{"sku": "tea", "price": int64(1)}), "AG0402", "manager")
}
