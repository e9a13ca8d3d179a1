package sqlcontract

import (
	"fmt"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Status is what became of a transaction; the same numbers stand in aergo_seen.
type Status uint8

// The statuses of a receipt.
const (
	StatusOK       Status = 1
	StatusFailed   Status = 2
	StatusExcluded Status = 3 // left out by a merge
)

func (s Status) String() string {
	switch s {
	case StatusOK:
		return "ok"
	case StatusFailed:
		return "failed"
	case StatusExcluded:
		return "excluded"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Receipt is the answer to one transaction: leaf i of a block's receipt list
// answers leaf i of its transaction list. It holds nothing that could differ
// between two nodes: a code and the contract's own REQUIRE text, never a
// message of the engine.
type Receipt struct {
	Transaction objectstore.Hash `cbor:"1,keyasint"`
	Status      Status           `cbor:"2,keyasint"`
	Code        string           `cbor:"3,keyasint,omitempty"` // "AG0410"
	Text        string           `cbor:"4,keyasint,omitempty"` // REQUIRE's text; for others a name: the constraint's table, the invariant
	Columns     []string         `cbor:"5,keyasint,omitempty"`
	Rows        [][]any          `cbor:"6,keyasint,omitempty"`
	Events      []Event          `cbor:"7,keyasint,omitempty"`
	Gas         uint64           `cbor:"8,keyasint"`
	Changed     uint64           `cbor:"9,keyasint"` // net rows changed, system rows included
}

// Event is one EMIT, in order.
type Event struct {
	Contract string   `cbor:"1,keyasint"`
	Name     string   `cbor:"2,keyasint"`
	Fields   []string `cbor:"3,keyasint"`
	Values   []any    `cbor:"4,keyasint"`
}

// Encode gives the canonical bytes, which are the leaf's data.
func (r Receipt) Encode() ([]byte, error) {
	b, err := wire.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the receipt of %s: %w", r.Transaction.Short(), err)
	}
	return b, nil
}

// DecodeReceipt reads a receipt, strictly.
func DecodeReceipt(b []byte) (Receipt, error) {
	var r Receipt
	if err := wire.Unmarshal(b, &r); err != nil {
		return Receipt{}, fmt.Errorf("decoding a receipt: %w", err)
	}
	if r.Status < StatusOK || r.Status > StatusExcluded {
		return Receipt{}, fmt.Errorf("decoding a receipt: status %d is unknown", r.Status)
	}
	for i := range r.Rows {
		if err := checkCells(r.Rows[i]); err != nil {
			return Receipt{}, fmt.Errorf("decoding a receipt: %w", err)
		}
	}
	for i := range r.Events {
		if err := checkCells(r.Events[i].Values); err != nil {
			return Receipt{}, fmt.Errorf("decoding a receipt: %w", err)
		}
	}
	return r, nil
}

// checkCells refuses what no cell can hold.
func checkCells(cells []any) error {
	for _, v := range cells {
		switch v.(type) {
		case nil, int64, string, []byte:
		default:
			return fmt.Errorf("a value is neither INTEGER, TEXT, BLOB nor NULL")
		}
	}
	return nil
}
