package sqlcontract

import (
	"bytes"
	"crypto/ed25519"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

func TestTransactionRoundTrip(t *testing.T) {
	w := newWorld(t, "")
	a := args{"i": int64(-5), "t": "tea", "b": []byte{1}, "n": nil, "most": int64(math.MaxInt64), "least": int64(math.MinInt64)}
	v := w.tx("alice", "shop.sell", a)
	leaf, err := v.Raw().Leaf()
	if err != nil {
		t.Fatal(err)
	}
	again, err := FromLeaf(leaf)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Verify(w.ledger, again)
	if err != nil {
		t.Fatal(err)
	}
	if back.ID() != v.ID() || len(back.Arguments()) != len(a) {
		t.Fatalf("came back as %+v", back)
	}
	for name, x := range a {
		if !equalCells(back.Arguments()[name], x) {
			t.Errorf("argument %s came back as %v", name, back.Arguments()[name])
		}
	}
	h := back.Header()
	if h.Expiry-h.Created != DefaultLife.Milliseconds() || h.GasLimit != DefaultGas || back.BranchID() != w.branch {
		t.Errorf("defaults: %+v", h)
	}

	// Erased arguments leave a transaction that verifies.
	again.Blind, again.Arguments = nil, nil
	if leaf, err = again.Leaf(); err != nil {
		t.Fatal(err)
	}
	if again, err = FromLeaf(leaf); err != nil {
		t.Fatal(err)
	}
	back, err = Verify(w.ledger, again)
	if err != nil || back.ID() != v.ID() || back.Arguments() != nil {
		t.Errorf("erased: %+v, %v", back, err)
	}
}

// mallory changes a good transaction in every way that she can think of.
func TestForgedTransactions(t *testing.T) {
	w := newWorld(t, "")
	good := w.tx("alice", "shop.sell", args{"n": int64(1)})
	change := func(fn func(h *Header)) Transaction {
		h := good.Header()
		fn(&h)
		data, err := wire.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		tx := good.Raw()
		tx.Data = data
		// signed by mallory, who has no other key
		s, err := sign.Sign(w.person("mallory").key, sign.PurposeTransaction, w.ledger, tx.ID())
		if err != nil {
			t.Fatal(err)
		}
		if tx.Seal, err = (sign.Seal{Signatures: []sign.Signature{s}}).Bytes(); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	mallory := func(h *Header) { h.Account = w.person("mallory").account }
	if _, err := Verify(w.ledger, change(mallory)); err != nil {
		t.Fatalf("her own transaction: %v", err)
	}
	for name, c := range map[string]struct {
		tx   Transaction
		code string
	}{
		"by another key":         {change(func(h *Header) {}), "AG0601"},
		"other action":           {change(func(h *Header) { h.Action = "steal" }), "AG0601"},
		"other ledger":           {change(func(h *Header) { mallory(h); h.Ledger = hashOf("x") }), "AG0602"},
		"version":                {change(func(h *Header) { mallory(h); h.Version = 2 }), "AG0602"},
		"kind":                   {change(func(h *Header) { mallory(h); h.Kind = 9 }), "AG0602"},
		"branch":                 {change(func(h *Header) { mallory(h); h.Branch = []byte("some") }), "AG0602"},
		"a call without action":  {change(func(h *Header) { mallory(h); h.Action = "" }), "AG0602"},
		"a deploy with action":   {change(func(h *Header) { mallory(h); h.Kind = KindDeploy }), "AG0602"},
		"for ever":               {change(func(h *Header) { mallory(h); h.Expiry = math.MaxInt64 }), "AG0602"},
		"expired when made":      {change(func(h *Header) { mallory(h); h.Expiry = h.Created }), "AG0602"},
		"before all time":        {change(func(h *Header) { mallory(h); h.Created = -1; h.Expiry = 1 }), "AG0602"},
		"no gas":                 {change(func(h *Header) { mallory(h); h.GasLimit = 0 }), "AG0602"},
		"too much gas":           {change(func(h *Header) { mallory(h); h.GasLimit = MaxGas + 1 }), "AG0602"},
		"a fee":                  {change(func(h *Header) { mallory(h); h.Fee = 1 }), "AG0602"},
		"a payer":                {change(func(h *Header) { mallory(h); h.Payer = h.Account }), "AG0602"},
		"no contract":            {change(func(h *Header) { mallory(h); h.Contract = "" }), "AG0602"},
		"a long name":            {change(func(h *Header) { mallory(h); h.Contract = strings.Repeat("x", 64) }), "AG0602"},
		"provenance":             {change(func(h *Header) { mallory(h); h.Provenance = []byte{1} }), "AG0602"},
		"extension":              {change(func(h *Header) { mallory(h); h.Extensions = wire.Extensions{2: {1}} }), "AG0602"},
		"unknown precondition":   {change(func(h *Header) { mallory(h); h.Preconditions = []Precondition{{Kind: 9}} }), "AG0602"},
		"malformed precondition": {change(func(h *Header) { mallory(h); h.Preconditions = []Precondition{{Kind: RowIs, Key: []byte{1}}} }), "AG0602"},
		"many preconditions":     {change(func(h *Header) { mallory(h); h.Preconditions = make([]Precondition, 65) }), "AG0602"},
		"other arguments":        {Transaction{good.raw.Data, good.raw.Seal, good.raw.Blind, []byte{0xa0}}, "AG0602"},
		"no blind":               {Transaction{good.raw.Data, good.raw.Seal, nil, good.raw.Arguments}, "AG0602"},
		"no seal":                {Transaction{good.raw.Data, nil, good.raw.Blind, good.raw.Arguments}, "AG0601"},
		"nothing":                {Transaction{}, "AG0602"},
		"too large":              {Transaction{Data: make([]byte, maxTransaction+1)}, "AG0602"},
	} {
		if _, err := Verify(w.ledger, c.tx); !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := Verify(w.ledger, change(func(h *Header) { mallory(h); h.Extensions = wire.Extensions{3: {1}} })); err != nil {
		t.Errorf("an unknown odd extension: %v", err)
	}

	many := []Transaction{good.Raw(), change(func(h *Header) {}), change(mallory), {}, good.Raw()}
	verified, errs := NewVerifier(w.ledger).VerifyAll(many)
	for i, ok := range []bool{true, false, true, false, true} {
		if (errs[i] == nil) != ok || verified[i].ID().IsZero() == ok {
			t.Errorf("transaction %d: %v", i, errs[i])
		}
	}
}

func TestNewRefusesWhatOthersWould(t *testing.T) {
	w := newWorld(t, "")
	for name, change := range map[string]func(*Request){
		"a float":      func(r *Request) { r.Args = args{"x": 1.5} },
		"an int":       func(r *Request) { r.Args = args{"x": 1} },
		"many":         func(r *Request) { r.Args = args{}; fillArgs(r.Args, 65) },
		"bad expiry":   func(r *Request) { r.Expiry = r.Created.Add(-time.Hour) },
		"no contract":  func(r *Request) { r.Contract = "" },
		"another's":    func(r *Request) { r.Account = w.person("bob").account },
		"much gas":     func(r *Request) { r.GasLimit = MaxGas + 1 },
		"kind":         func(r *Request) { r.Kind = 0 },
		"bad text":     func(r *Request) { r.Args = args{"x": "\xff"} },
		"huge":         func(r *Request) { r.Args = args{"x": make([]byte, maxTransaction)} },
		"precondition": func(r *Request) { r.Preconditions = []Precondition{{}} },
	} {
		r := w.request("alice", "shop", "sell", nil)
		change(&r)
		if tx, err := New(r, w.person("alice").key, w.random); err == nil {
			if _, err = Verify(w.ledger, tx); err != nil {
				t.Errorf("%s: made, and then %v", name, err)
			} else {
				t.Errorf("%s: made", name)
			}
		}
	}
	r := w.request("alice", "shop", "sell", nil)
	if _, err := New(r, ed25519.PrivateKey(bytes.Repeat([]byte{7}, ed25519.PrivateKeySize)), bytes.NewReader(nil)); err == nil {
		t.Error("made without randomness")
	}
}

func fillArgs(a args, n int) {
	for i := range n {
		a[strings.Repeat("x", i+1)] = int64(i)
	}
}

func TestIdempotencySalt(t *testing.T) {
	seen := map[objectstore.Hash]bool{}
	for _, k := range [][4]string{{"l", "shop", "sell", "1"}, {"m", "shop", "sell", "1"}, {"l", "shops", "ell", "1"}, {"l", "shop", "sell1", ""}, {"l", "shop", "sell", "2"}} {
		for range 2 {
			h, err := IdempotencySalt(hashOf(k[0]), k[1], k[2], k[3])
			if err != nil {
				t.Fatal(err)
			}
			seen[h] = true
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d salts", len(seen))
	}
}

func FuzzTransaction(f *testing.F) {
	w := &world{t: f, ledger: hashOf("ledger"), now: firstOfMay, people: map[string]person{}, random: rand.NewChaCha8([32]byte{})}
	for _, v := range []VerifiedTransaction{w.tx("alice", "shop.sell", args{"n": int64(1), "b": []byte{2}}), w.deployTx("bob", "x", "DIALECT 1;", nil)} {
		leaf, err := v.raw.Leaf()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(leaf.Data, leaf.Beside)
	}
	f.Fuzz(func(t *testing.T, data, beside []byte) {
		tx, err := FromLeaf(objectstore.Leaf{Data: data, Beside: beside})
		if err != nil {
			return
		}
		leaf, err := tx.Leaf()
		if err != nil || !bytes.Equal(leaf.Beside, beside) {
			t.Fatalf("re-encodes as %x, %v", leaf.Beside, err)
		}
		v, err := decode(w.ledger, tx)
		if err != nil {
			return
		}
		if again, err := wire.Marshal(v.header); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("re-encodes as %x, %v", again, err)
		}
		if v.args != nil {
			if again, err := encodeArguments(v.args); err != nil || !bytes.Equal(again, tx.Arguments) {
				t.Fatalf("re-encodes as %x, %v", again, err)
			}
		}
	})
}

func FuzzReceipt(f *testing.F) {
	for _, r := range []Receipt{
		{Transaction: hashOf("x"), Status: StatusOK, Columns: []string{"a"}, Rows: [][]any{{int64(1)}, {nil}, {"x"}, {[]byte{1}}}, Gas: 7, Changed: 2},
		{Transaction: hashOf("x"), Status: StatusFailed, Code: "AG0410", Text: "no"},
		{Transaction: hashOf("x"), Status: StatusOK, Events: []Event{{Contract: "c", Name: "e", Fields: []string{"f"}, Values: []any{int64(-1)}}}},
	} {
		b, err := r.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeReceipt(b)
		if err != nil {
			return
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("re-encodes as %x, %v", again, err)
		}
	})
}

func FuzzChanges(f *testing.F) {
	leaves, err := encodeChanges(nil, 3, []RowChange{{Key: []byte{1}, New: []byte{0x80}}, {Key: []byte{2}, Old: []byte{0x80}}, {Key: []byte{3}, Old: []byte{0x80}, New: []byte{0x81, 1}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(leaves[0].Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := DecodeChanges(b)
		if err != nil {
			return
		}
		for i, r := range g.Rows {
			if r.Old == nil && r.New == nil || len(r.Key) == 0 || i > 0 && bytes.Compare(g.Rows[i-1].Key, r.Key) >= 0 {
				t.Fatalf("row %d: %+v", i, r)
			}
		}
		if again, err := wire.Marshal(g); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("re-encodes as %x, %v", again, err)
		}
	})
}

// A transaction with many rows has several leaves; a list that is cut in
// another way, or lies about a row, does not rebuild.
func TestChangeLists(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "money", money)
	parent := w.tree.Root()
	r := w.request("alice", "money", "fill", args{"n": int64(5000)})
	w.good(w.sign("alice", r))
	d := w.seals[len(w.seals)-1]
	if d.Leaves < 2 {
		t.Fatalf("%d leaves", d.Leaves)
	}
	txs, receipts := w.list(d.Transactions, 1), w.list(d.Receipts, 1)
	tx, err := FromLeaf(txs[0])
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := DecodeReceipt(receipts[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	rebuild := func(change func(groups []ChangeGroup) []ChangeGroup) error {
		var groups []ChangeGroup
		for _, l := range w.list(d.Changes, d.Leaves) {
			if len(l.Data) > 2*changeLeaf {
				t.Errorf("a leaf of %d bytes", len(l.Data))
			}
			g, err := DecodeChanges(l.Data)
			if err != nil {
				t.Fatal(err)
			}
			groups = append(groups, g)
		}
		var leaves []objectstore.Leaf
		for _, g := range change(groups) {
			b, err := wire.Marshal(g)
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, objectstore.Leaf{Data: b})
		}
		again, err := w.engine.Rebuild(parent, w.now, []Transaction{tx}, []Receipt{receipt}, leaves)
		if err == nil && again.State != d.State {
			t.Error("another state")
		}
		return err
	}
	if err := rebuild(func(g []ChangeGroup) []ChangeGroup { return g }); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(g []ChangeGroup) []ChangeGroup{
		"a leaf less": func(g []ChangeGroup) []ChangeGroup { return g[1:] },
		"cut otherwise": func(g []ChangeGroup) []ChangeGroup {
			last := len(g) - 1
			n := len(g[last].Rows) / 2
			return append(g[:last:last], ChangeGroup{Rows: g[last].Rows[:n]}, ChangeGroup{Rows: g[last].Rows[n:]})
		},
		"another order":       func(g []ChangeGroup) []ChangeGroup { g[0], g[1] = g[1], g[0]; return g },
		"another transaction": func(g []ChangeGroup) []ChangeGroup { g[0].Transaction = 1; return g },
		"an old value":        func(g []ChangeGroup) []ChangeGroup { g[0].Rows[0].Old = []byte{0x80}; return g },
		"a row less":          func(g []ChangeGroup) []ChangeGroup { last := len(g) - 1; g[last].Rows = g[last].Rows[1:]; return g },
	} {
		if err := rebuild(change); err == nil {
			t.Errorf("%s: rebuilt", name)
		}
	}
}
