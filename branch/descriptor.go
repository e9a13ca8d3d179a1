package branch

import (
	"fmt"

	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// ID is the id of a branch: the Hash of its Descriptor. It never changes, while
// its name may.
type ID = objectstore.Hash

// Descriptor is what a branch id is the hash of. Two branches of one creator
// differ in their salt, 32 random bytes; main's creator is the ledger's owner
// and its salt the salt of the genesis.
type Descriptor struct {
	Version uint64              `cbor:"1,keyasint"` // 1
	Ledger  objectstore.Hash    `cbor:"2,keyasint"`
	Creator objectstore.Account `cbor:"3,keyasint"`
	Salt    objectstore.Hash    `cbor:"4,keyasint"`
}

// NewID is the id of the branch that creator makes in ledger with salt. It fails
// when creator is no account.
func NewID(ledger objectstore.Hash, creator objectstore.Account, salt objectstore.Hash) (ID, error) {
	data, err := Descriptor{Version: 1, Ledger: ledger, Creator: creator, Salt: salt}.Encode()
	if err != nil {
		return ID{}, err
	}
	return objectstore.Sum(objectstore.KindBranch, data), nil
}

// Encode gives the descriptor's canonical bytes, an object of KindBranch.
func (d Descriptor) Encode() ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	return wire.Marshal(d)
}

// DecodeDescriptor reads a branch descriptor from foreign bytes.
func DecodeDescriptor(data []byte) (Descriptor, error) {
	var d Descriptor
	if err := wire.UnmarshalLimit(data, &d, MaxDescriptor); err != nil {
		return Descriptor{}, fmt.Errorf("branch descriptor: %w", err)
	}
	return d, d.check()
}

func (d Descriptor) check() error {
	if d.Version != 1 {
		return fmt.Errorf("branch descriptor: version %d is not known, only 1", d.Version)
	}
	if _, _, err := sign.ParseAccount(string(d.Creator)); err != nil {
		return fmt.Errorf("branch descriptor: creator: %w", err)
	}
	return nil
}
