package branch_test

import (
	"bytes"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
)

// Whatever is accepted encodes to the same bytes again: no two encodings, no
// two ids, for one value.

func FuzzDecodeHeader(f *testing.F) {
	g := must(branch.NewBlock(header("G")))
	f.Add(must(g.Encode()))
	f.Add(must(header("A", g).Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := branch.DecodeHeader(data)
		if err != nil {
			return
		}
		if again, err := h.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x came back as %x, %v", data, again, err)
		}
	})
}

func FuzzDecodeMergeRecord(f *testing.F) {
	f.Add(must(branch.MergeRecord{Version: 1, Kind: branch.Automatic, Source: hash("s"),
		Verdicts: []branch.Verdict{{Transaction: hash("t"), Code: branch.Excluded, Reason: 1, Block: hash("b")}}}.Encode()))
	f.Add(must(branch.MergeRecord{Version: 1, Kind: branch.Picked,
		Verdicts: []branch.Verdict{{Transaction: hash("t"), Code: branch.Included, Block: hash("b")}}}.Encode()))
	f.Add(must(branch.MergeRecord{Version: 1, Kind: branch.Consistent, Source: hash("s"),
		Approvals: []branch.Approval{{Account: account("bob"), Created: 1, Seal: []byte("seal")}}}.Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := branch.DecodeMergeRecord(data)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x came back as %x, %v", data, again, err)
		}
	})
}

func FuzzDecodeDescriptor(f *testing.F) {
	f.Add(must(branch.Descriptor{Version: 1, Ledger: hash("l"), Creator: account("alice"), Salt: hash("s")}.Encode()))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := branch.DecodeDescriptor(data)
		if err != nil {
			return
		}
		if again, err := d.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x came back as %x, %v", data, again, err)
		}
	})
}
