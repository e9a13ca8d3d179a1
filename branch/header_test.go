package branch_test

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

func TestHeaderRules(t *testing.T) {
	g := must(branch.NewBlock(header("G")))
	a := must(branch.NewBlock(header("A", g)))
	b := must(branch.NewBlock(header("B", a)))
	for name, c := range map[string]struct {
		spoil func(h *branch.Header)
		want  string
	}{
		"version":          {func(h *branch.Header) { h.Version = 2 }, "version 2"},
		"ledger":           {func(h *branch.Header) { h.Ledger = objectstore.Hash{} }, "not zero"},
		"three parents":    {func(h *branch.Header) { h.Parents = append(h.Parents, g.ID) }, "3 parents"},
		"twice one parent": {func(h *branch.Header) { h.Parents[1] = h.Parents[0] }, "both parents"},
		"no record":        {func(h *branch.Header) { h.MergeRecord = objectstore.Hash{} }, "no merge record"},
		"genesis number":   {func(h *branch.Header) { h.Parents = nil }, "without parents has number"},
		"number 0":         {func(h *branch.Header) { h.Number = 0 }, "number 0"},
		"low generation":   {func(h *branch.Header) { h.Generation = 0 }, "generation 0"},
		"huge number":      {func(h *branch.Header) { h.Number = branch.MaxNumber + 1 }, "above"},
		"negative time":    {func(h *branch.Header) { h.Time = -1 }, "time -1"},
		"list root":        {func(h *branch.Header) { h.Changes.Count = 3 }, "cannot have the root"},
		"receipts": {func(h *branch.Header) {
			h.Receipts = branch.List{Root: hash("r"), Count: 1}
		}, "0 transactions and 1 receipts"},
		"producer":       {func(h *branch.Header) { h.Producer = "ag1nobody" }, "producer"},
		"even extension": {func(h *branch.Header) { h.Extensions = map[uint64]cbor.RawMessage{2: {0x01}} }, "extension 2"},
	} {
		h := header("M", a, b)
		c.spoil(&h)
		if err := h.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something about %q", name, err, c.want)
		}
		if _, err := h.Encode(); err == nil {
			t.Errorf("%s: it was encoded", name)
		}
	}
	h := header("M", a, b)
	h.Extensions = map[uint64]cbor.RawMessage{7: {0x61, 'x'}}
	data := must(h.Encode())
	if back := must(branch.DecodeHeader(data)); string(must(back.Encode())) != string(data) {
		t.Error("a header with an unknown odd extension does not come back")
	}
}

func TestCheckParents(t *testing.T) {
	g := must(branch.NewBlock(header("G")))
	a, c := must(branch.NewBlock(header("A", g))), must(branch.NewBlock(header("C", g)))
	d := must(branch.NewBlock(header("D", c)))
	for name, step := range map[string]struct {
		parents []branch.Block
		spoil   func(h *branch.Header)
		want    string
	}{
		"good":         {[]branch.Block{a, d}, func(*branch.Header) {}, ""},
		"good genesis": {nil, func(*branch.Header) {}, ""},
		"other ledger": {[]branch.Block{a}, func(h *branch.Header) { h.Ledger = hash("other") }, "another ledger"},
		"number":       {[]branch.Block{a, d}, func(h *branch.Header) { h.Number++ }, "so it is number 2"},
		"generation":   {[]branch.Block{a, d}, func(h *branch.Header) { h.Generation++ }, "generation 4, by its parents it is 3"},
		"time":         {[]branch.Block{a, d}, func(h *branch.Header) { h.Time = a.Time - 1 }, "before its first parent"},
	} {
		h := header("M", step.parents...)
		step.spoil(&h)
		var above []branch.Header
		for _, p := range step.parents {
			above = append(above, p.Header)
		}
		err := h.CheckParents(above)
		if step.want == "" && err != nil || step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want)) {
			t.Errorf("%s: %v, want %q", name, err, step.want)
		}
	}
	h := header("M", a, d)
	if err := h.CheckParents([]branch.Header{d.Header, a.Header}); err == nil {
		t.Error("parents in the wrong order are accepted")
	}
	if err := h.CheckParents([]branch.Header{a.Header}); err == nil {
		t.Error("a missing parent is accepted")
	}
	late := a.Header
	late.Epoch = 3
	h = header("M", must(branch.NewBlock(late)))
	if err := h.CheckParents([]branch.Header{late}); err == nil || !strings.Contains(err.Error(), "epoch 0 after epoch 3") {
		t.Errorf("an epoch that goes back: %v", err)
	}
}

func TestSeals(t *testing.T) {
	b := must(branch.NewBlock(header("A")))
	alice, mallory := ledgertest.Key("alice"), ledgertest.Key("mallory")
	seal, err := branch.SignBlock(b, nil, alice)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := branch.SignBlock(b, nil, mallory); err == nil {
		t.Error("mallory signed alice's block")
	}
	other := must(branch.NewBlock(header("B")))
	if err := branch.VerifySeal(other, seal); err == nil {
		t.Error("a seal fits another block")
	}
	h := header("A")
	h.Ledger = hash("another ledger")
	if err := branch.VerifySeal(must(branch.NewBlock(h)), seal); err == nil {
		t.Error("a seal fits another ledger")
	}
	if err := branch.VerifySeal(b, nil); err == nil {
		t.Error("no seal is enough")
	}

	// Two of three make a block together.
	board := must(sign.MofNDescriptor(2, public("alice"), public("bob"), public("carol")))
	h = header("board")
	h.Producer = objectstore.Account(sign.AccountOf(board))
	b = must(branch.NewBlock(h))
	if _, err := branch.SignBlock(b, board.Bytes(), ledgertest.Key("bob"), ledgertest.Key("carol")); err != nil {
		t.Errorf("two of three: %v", err)
	}
	if _, err := branch.SignBlock(b, board.Bytes(), ledgertest.Key("bob")); err == nil {
		t.Error("one of three is enough")
	}
	if _, err := branch.SignBlock(b, nil, ledgertest.Key("bob"), ledgertest.Key("carol")); err == nil {
		t.Error("two signers without a descriptor are accepted")
	}
}

func public(person string) ed25519.PublicKey {
	return ledgertest.Key(person).Public().(ed25519.PublicKey)
}

func TestMergeRecordRules(t *testing.T) {
	good := func() branch.MergeRecord {
		low, high := hash("1"), hash("2")
		if low.String() > high.String() {
			low, high = high, low
		}
		return branch.MergeRecord{
			Version: 1, Kind: branch.Automatic, Source: hash("source"), Bases: []objectstore.Hash{low, high},
			Verdicts: []branch.Verdict{
				{Transaction: hash("t1"), Code: branch.Included, Block: hash("b")},
				{Transaction: hash("t2"), Code: branch.Excluded, Reason: 4, Block: hash("b")},
			},
		}
	}
	data, err := good().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if back := must(branch.DecodeMergeRecord(data)); string(must(back.Encode())) != string(data) {
		t.Error("a merge record does not come back")
	}
	for name, spoil := range map[string]func(m *branch.MergeRecord){
		"kind":            func(m *branch.MergeRecord) { m.Kind = 9 },
		"source":          func(m *branch.MergeRecord) { m.Source = objectstore.Hash{} },
		"order of bases":  func(m *branch.MergeRecord) { m.Bases[0], m.Bases[1] = m.Bases[1], m.Bases[0] },
		"picked a source": func(m *branch.MergeRecord) { m.Kind = branch.Picked },
		"no reason":       func(m *branch.MergeRecord) { m.Verdicts[1].Reason = 0 },
		"reason":          func(m *branch.MergeRecord) { m.Verdicts[0].Reason = 1 },
		"verdict":         func(m *branch.MergeRecord) { m.Verdicts[0].Code = 0 },
		"twice":           func(m *branch.MergeRecord) { m.Verdicts[1].Transaction = m.Verdicts[0].Transaction },
		"no block":        func(m *branch.MergeRecord) { m.Verdicts[1].Block = objectstore.Hash{} },
	} {
		m := good()
		spoil(&m)
		if err := m.Check(); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
	g := must(branch.NewBlock(header("G")))
	a, b := must(branch.NewBlock(header("A", g))), must(branch.NewBlock(header("B", g)))
	h, m := header("M", a, b), good()
	h.Transactions, h.Receipts = branch.List{Root: hash("t"), Count: 2}, branch.List{Root: hash("r"), Count: 2}
	m.Source = b.ID
	if err := m.CheckHeader(h); err != nil {
		t.Error(err)
	}
	m.Source = a.ID
	if err := m.CheckHeader(h); err == nil {
		t.Error("another source is accepted")
	}
	picked := branch.MergeRecord{Version: 1, Kind: branch.Picked, Verdicts: good().Verdicts}
	if err := picked.CheckHeader(h); err == nil {
		t.Error("a cherry-pick with two parents is accepted")
	}
	h.Parents = h.Parents[:1]
	if err := picked.CheckHeader(h); err != nil {
		t.Error(err)
	}
	h.Transactions.Count++
	if err := picked.CheckHeader(h); err == nil {
		t.Error("a cherry-pick with a transaction that has no verdict is accepted")
	}
	for name, spoil := range map[string]func(m *branch.MergeRecord){
		"picked nothing":    func(m *branch.MergeRecord) { m.Verdicts = nil },
		"picked strictly":   func(m *branch.MergeRecord) { m.Strict = true },
		"picked with rules": func(m *branch.MergeRecord) { m.Rules = hash("rules") },
		"picked, different": func(m *branch.MergeRecord) { m.Verdicts[0].Code = branch.IncludedDifferent },
	} {
		m := branch.MergeRecord{Version: 1, Kind: branch.Picked, Verdicts: good().Verdicts}
		spoil(&m)
		if err := m.Check(); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
}

func TestListsOfABlock(t *testing.T) {
	db := openStore(t)
	b := db.NewBatch()
	defer b.Close()
	l := must(branch.PutList(b, objectstore.KindChangeList, []objectstore.Leaf{{Data: []byte("a")}, {Data: []byte("b")}}))
	none := must(branch.PutList(b, objectstore.KindChangeList, nil))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if leaves := must(branch.ReadList(db, objectstore.KindChangeList, l)); len(leaves) != 2 || string(leaves[1].Data) != "b" {
		t.Errorf("the list came back as %v", leaves)
	}
	if leaves := must(branch.ReadList(db, objectstore.KindChangeList, none)); leaves != nil || none != branch.EmptyList() {
		t.Error("the empty list is not empty")
	}
	if _, err := branch.ReadList(db, objectstore.KindReceiptList, l); err == nil {
		t.Error("a change list was read as receipts")
	}
	l.Count = 3
	if _, err := branch.ReadList(db, objectstore.KindChangeList, l); err == nil {
		t.Error("a wrong count was accepted")
	}
}
