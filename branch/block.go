package branch

import (
	"crypto"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Block is a header with its id. A Block that Read or DecodeBlock gave has
// passed Header.Check, and nothing more: VerifySeal, CheckParents, the
// directory and execution are further questions.
type Block struct {
	ID objectstore.Hash
	Header
}

// NewBlock checks a header and computes its id.
func NewBlock(h Header) (Block, error) {
	id, err := h.ID()
	return Block{ID: id, Header: h}, err
}

// DecodeBlock reads a block from foreign bytes; its id is computed from them.
func DecodeBlock(data []byte) (Block, error) {
	h, err := DecodeHeader(data)
	if err != nil {
		return Block{}, err
	}
	return Block{ID: objectstore.Sum(objectstore.KindBlock, data), Header: h}, nil
}

// Read gives a stored block. It fails with objectstore.ErrNotFound.
func Read(store objectstore.Store, id objectstore.Hash) (Block, error) {
	data, err := object(store, id, objectstore.KindBlock)
	if err != nil {
		return Block{}, fmt.Errorf("read block: %w", err)
	}
	h, err := DecodeHeader(data)
	if err != nil {
		return Block{}, fmt.Errorf("read block %s: %w", id.Short(), err)
	}
	return Block{ID: id, Header: h}, nil
}

// object reads an object that must be of one kind.
func object(store objectstore.Store, id objectstore.Hash, want objectstore.Kind) ([]byte, error) {
	kind, data, err := store.Get(id)
	if err != nil {
		return nil, err
	}
	if kind != want {
		return nil, fmt.Errorf("%s is a %s, not a %s", id.Short(), kind, want)
	}
	return data, nil
}

// ReadList gives the leaves of one of a header's lists.
func ReadList(store objectstore.Store, kind objectstore.Kind, l List) ([]objectstore.Leaf, error) {
	if l.Count == 0 {
		return nil, nil
	}
	data, err := object(store, l.Root, kind)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	leaves, err := objectstore.DecodeList(data)
	if err != nil {
		return nil, fmt.Errorf("read list %s: %w", l.Root.Short(), err)
	}
	if uint64(len(leaves)) != l.Count {
		return nil, fmt.Errorf("read list %s: it has %d leaves, the block says %d", l.Root.Short(), len(leaves), l.Count)
	}
	return leaves, nil
}

// PutList adds the leaves as a list object and gives what a header says of it.
func PutList(b objectstore.Batch, kind objectstore.Kind, leaves []objectstore.Leaf) (List, error) {
	if len(leaves) == 0 {
		return EmptyList(), nil
	}
	data, err := objectstore.EncodeList(leaves)
	if err != nil {
		return List{}, err
	}
	root, err := b.Put(kind, data)
	return List{Root: root, Count: uint64(len(leaves))}, err
}

// SignBlock makes the seal of a block: the signatures of the producer's keys.
// descriptor is the account's canonical descriptor; it may be nil for an account
// of one key.
func SignBlock(b Block, descriptor []byte, signers ...crypto.Signer) ([]byte, error) {
	seal, err := makeSeal(b, descriptor, signers)
	if err != nil {
		return nil, fmt.Errorf("sign block %s: %w", b.ID.Short(), err)
	}
	return seal, VerifySealBy(b, descriptor, seal)
}

func makeSeal(b Block, descriptor []byte, signers []crypto.Signer) ([]byte, error) {
	var signatures []sign.Signature
	for _, s := range signers {
		sig, err := sign.Sign(s, sign.PurposeBlock, b.Ledger, b.ID)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, sig)
	}
	var account sign.Descriptor
	var err error
	if descriptor != nil {
		account, err = sign.ParseDescriptor(descriptor)
	} else if len(signatures) == 1 {
		account, err = sign.KeyDescriptor(signatures[0].Key)
	} else {
		err = fmt.Errorf("%d signers and no account descriptor", len(signers))
	}
	if err != nil {
		return nil, err
	}
	seal, err := sign.MakeSeal(account, signatures...)
	if err != nil {
		return nil, err
	}
	return seal.Bytes()
}

// VerifySeal checks that the seal's signatures are the producer's and over this
// block. Whether the producer may make blocks there is the directory's to say.
func VerifySeal(b Block, seal []byte) error {
	return VerifySealBy(b, nil, seal)
}

// VerifySealBy is VerifySeal for a producer whose present keys are those of a
// canonical descriptor, because the directory block that the block names says
// so. nil: the keys that his address is made of.
func VerifySealBy(b Block, present, seal []byte) error {
	s, err := sign.ParseSeal(seal)
	if err == nil && present == nil {
		err = s.Check(string(b.Producer), sign.PurposeBlock, b.Ledger, b.ID)
	} else if err == nil {
		var d sign.Descriptor
		if d, err = sign.ParseDescriptor(present); err == nil {
			err = s.CheckBy(d, sign.PurposeBlock, b.Ledger, b.ID)
		}
	}
	if err != nil {
		return fmt.Errorf("block %s is not signed by its producer %s: %w", b.ID.Short(), b.Producer, err)
	}
	return nil
}
