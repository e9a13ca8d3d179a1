package sqlcontract

import (
	"bytes"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// RowChange is the net change of one row. Key is the state key (contract,
// table, primary key…); Old and New are row values, empty where there is no row.
// Old and New never are equal.
type RowChange struct {
	_   struct{} `cbor:",toarray"`
	Key []byte
	Old []byte
	New []byte
}

// ChangeGroup is a leaf of a block's change list: rows of one transaction in
// key order. A transaction with many rows has several leaves in sequence.
type ChangeGroup struct {
	_           struct{} `cbor:",toarray"`
	Transaction uint64   // position in the block's transaction list
	Rows        []RowChange
}

// encodeChanges cuts one transaction's rows into leaves of about changeLeaf
// bytes, each with at least one row.
func encodeChanges(dst []objectstore.Leaf, position uint64, rows []RowChange) ([]objectstore.Leaf, error) {
	for len(rows) > 0 {
		size, n := 0, 0
		for n < len(rows) && (n == 0 || size < changeLeaf) {
			size += len(rows[n].Key) + len(rows[n].Old) + len(rows[n].New) + 8
			n++
		}
		b, err := wire.Marshal(ChangeGroup{Transaction: position, Rows: rows[:n]})
		if err != nil {
			return nil, fmt.Errorf("encoding changes of transaction %d: %w", position, err)
		}
		dst = append(dst, objectstore.Leaf{Data: b})
		rows = rows[n:]
	}
	return dst, nil
}

// DecodeChanges reads a leaf of a change list, strictly: keys ascend, and no
// row stays what it was.
func DecodeChanges(b []byte) (ChangeGroup, error) {
	var g ChangeGroup
	if err := wire.UnmarshalLimit(b, &g, maxChangeLeaf); err != nil {
		return ChangeGroup{}, fmt.Errorf("decoding a change group: %w", err)
	}
	if len(g.Rows) == 0 {
		return ChangeGroup{}, fmt.Errorf("decoding a change group: it is empty")
	}
	for i, r := range g.Rows {
		if len(r.Old) == 0 {
			g.Rows[i].Old = nil // a row's value has a byte at least
		}
		if len(r.New) == 0 {
			g.Rows[i].New = nil
		}
		switch {
		case len(r.Key) == 0 || len(r.Key) > wire.MaxKey:
			return ChangeGroup{}, fmt.Errorf("decoding a change group: a key has %d bytes", len(r.Key))
		case i > 0 && bytes.Compare(g.Rows[i-1].Key, r.Key) >= 0:
			return ChangeGroup{}, fmt.Errorf("decoding a change group: keys do not ascend")
		case bytes.Equal(r.Old, r.New):
			return ChangeGroup{}, fmt.Errorf("decoding a change group: a row is listed and does not change")
		}
	}
	return g, nil
}
