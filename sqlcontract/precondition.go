package sqlcontract

import (
	"fmt"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Precondition must hold on the state that a transaction meets, else it fails
// with AG0430.
type Precondition struct {
	Kind  PreconditionKind `cbor:"1,keyasint"`
	Key   []byte           `cbor:"2,keyasint,omitempty"` // state key, for rows
	Hash  []byte           `cbor:"3,keyasint,omitempty"` // row hash, code hash or transaction id
	Named string           `cbor:"4,keyasint,omitempty"` // contract, for the code hash
}

// PreconditionKind says what a precondition compares.
type PreconditionKind uint8

// The preconditions. A row's hash is Sum(KindRow, row value bytes).
const (
	RowIs      PreconditionKind = 1
	RowAbsent  PreconditionKind = 2
	CodeIs     PreconditionKind = 3
	AfterTxHas PreconditionKind = 4 // this transaction has been seen with verdict ok
)

func (p Precondition) check() error {
	hash := len(p.Hash) == len(objectstore.Hash{})
	key := len(p.Key) > 0 && len(p.Key) <= wire.MaxKey
	ok := false
	switch p.Kind {
	case RowIs:
		ok = key && hash && p.Named == ""
	case RowAbsent:
		ok = key && len(p.Hash) == 0 && p.Named == ""
	case CodeIs:
		ok = !key && len(p.Key) == 0 && hash && p.Named != "" && len(p.Named) <= maxName
	case AfterTxHas:
		ok = len(p.Key) == 0 && hash && p.Named == ""
	}
	if !ok {
		return fmt.Errorf("a precondition of kind %d is malformed or unknown", p.Kind)
	}
	return nil
}
