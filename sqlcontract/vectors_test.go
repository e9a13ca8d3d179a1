package sqlcontract

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// The golden vectors of engine 1: blocks of signed transactions with the
// receipts, change lists and roots that executing them gives. They hold the
// formats, the gas table and SQLite's plans in place; another implementation
// reads them from testdata/vectors. Written by go test -run Vectors -update.
const vectorFile = "../testdata/vectors/transaction.json"

type vectorBlock struct {
	Number       uint64     `json:"number"`
	Time         int64      `json:"time"`
	Transactions []vectorTx `json:"transactions"`
	Changes      []string   `json:"changes"` // leaves of the change list
	State        string     `json:"stateRoot"`
	TxRoot       string     `json:"transactionsRoot"`
	ReceiptRoot  string     `json:"receiptsRoot"`
	ChangeRoot   string     `json:"changesRoot"`
}

type vectorTx struct {
	What    string `json:"what"`
	ID      string `json:"id"`
	Header  string `json:"header"` // the list leaf's data
	Beside  string `json:"beside"` // and what stands beside it
	Receipt string `json:"receipt"`
	Code    string `json:"code,omitempty"`
	Gas     uint64 `json:"gas"`
}

type vectorWorld struct {
	Ledger string        `json:"ledger"`
	Branch string        `json:"branch"`
	Owner  string        `json:"owner"`
	Blocks []vectorBlock `json:"blocks"`
}

func TestVectors(t *testing.T) {
	w := newWorld(t, "")
	hexOf := func(b []byte) string { return hex.EncodeToString(b) }
	got := vectorWorld{Ledger: w.ledger.String(), Branch: w.branch.String(), Owner: string(w.person("owner").account)}
	block := func(what ...any) {
		b := vectorBlock{Number: w.number + 1, Time: w.now + 1000}
		var txs []VerifiedTransaction
		for i := 0; i < len(what); i += 2 {
			tx := what[i+1].(VerifiedTransaction)
			leaf, err := tx.Raw().Leaf()
			if err != nil {
				t.Fatal(err)
			}
			txs = append(txs, tx)
			b.Transactions = append(b.Transactions, vectorTx{What: what[i].(string), ID: tx.ID().String(), Header: hexOf(leaf.Data), Beside: hexOf(leaf.Beside)})
		}
		for i, r := range w.block(txs...) {
			data, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			b.Transactions[i].Receipt, b.Transactions[i].Code, b.Transactions[i].Gas = hexOf(data), r.Code, r.Gas
		}
		d := w.seals[len(w.seals)-1]
		for _, l := range w.list(d.Changes, d.Leaves) {
			b.Changes = append(b.Changes, hexOf(l.Data))
		}
		b.State, b.TxRoot, b.ReceiptRoot, b.ChangeRoot = d.State.String(), d.Transactions.String(), d.Receipts.String(), d.Changes.String()
		got.Blocks = append(got.Blocks, b)
	}
	block("alice deploys shop", w.deployTx("alice", "shop", shop, nil))
	block(
		"alice adds tea", w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)}),
		"alice adds a cup; its stock is the default", w.tx("alice", "shop.add_item", args{"sku": "cup", "price": int64(900)}),
		"bob may not", w.tx("bob", "shop.add_item", args{"sku": "pot", "price": int64(1)}),
		"bob buys", w.tx("bob", "shop.sell", args{"sku": "tea", "n": int64(3)}),
		"bob buys too much", w.tx("bob", "shop.sell", args{"sku": "tea", "n": int64(8)}),
	)
	block(
		"alice makes bob a manager", w.tx("alice", "aergo_role.grant", args{"contract": "shop", "role": "manager", "account": string(w.person("bob").account)}),
		"bob sets a price and says so", w.tx("bob", "shop.set_price", args{"sku": "tea", "price": int64(450)}),
		"there is no milk", w.tx("bob", "shop.set_price", args{"sku": "milk", "price": int64(450)}),
	)
	block("alice deploys bank", w.deployTx("alice", "bank", bank, nil), "bob puts", w.tx("bob", "bank.put", args{"region": "eu", "id": int64(-1), "amount": int64(70)}))
	block() // an empty block
	w.now += 100 * 24 * 60 * 60 * 1000
	block("three months later the seen rows are gone", w.tx("bob", "shop.price", args{"sku": "tea"}))

	data, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, want) {
		var old vectorWorld
		if err := json.Unmarshal(want, &old); err != nil {
			t.Fatal(err)
		}
		for i, b := range old.Blocks {
			if i < len(got.Blocks) && got.Blocks[i].State != b.State {
				t.Errorf("block %d has state %s, the vectors say %s", b.Number, got.Blocks[i].State, b.State)
			}
		}
		t.Error("execution differs from the vectors: that is another engine")
	}
}
