package sign

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/wire"
)

// Seal is the signatures for one object by one account, kept beside the object
// and not in its id.
type Seal struct {
	// Signatures, by different keys, in ascending order of the keys.
	Signatures []Signature `cbor:"1,keyasint"`
	// Descriptor is the canonical form of the account's descriptor. It is
	// empty for an account of one key, whose descriptor follows from the key.
	Descriptor []byte `cbor:"2,keyasint,omitempty"`
}

// MakeSeal makes the seal of a descriptor's account from signatures in any
// order. Of more than the threshold it takes those with the lowest keys. It
// fails if they are too few or one is by another key.
func MakeSeal(d Descriptor, signatures ...Signature) (Seal, error) {
	for i, sig := range signatures {
		if !d.has(sig.Key) {
			return Seal{}, fmt.Errorf("signature %d: key %x is none of the account's", i, sig.Key)
		}
	}
	s := Seal{Signatures: slices.Clone(signatures)}
	slices.SortStableFunc(s.Signatures, func(a, b Signature) int { return bytes.Compare(a.Key, b.Key) })
	s.Signatures = slices.CompactFunc(s.Signatures, func(a, b Signature) bool { return bytes.Equal(a.Key, b.Key) })
	if len(s.Signatures) > d.threshold && d.threshold > 0 {
		s.Signatures = s.Signatures[:d.threshold]
	}
	if d.kind != KindKey {
		s.Descriptor = d.Bytes()
	}
	if err := s.Satisfies(d); err != nil {
		return Seal{}, err
	}
	return s, nil
}

// Bytes is the canonical form of the seal.
func (s Seal) Bytes() ([]byte, error) { return wire.Marshal(s) }

// ParseSeal reads the canonical form. Its signatures are not verified.
func ParseSeal(data []byte) (Seal, error) {
	var s Seal
	if err := wire.UnmarshalLimit(data, &s, MaxSeal); err != nil {
		return Seal{}, fmt.Errorf("read signatures: %w", err)
	}
	if len(s.Signatures) > MaxSignatures {
		return Seal{}, fmt.Errorf("read signatures: there are %d, at most %d are allowed", len(s.Signatures), MaxSignatures)
	}
	for i, sig := range s.Signatures {
		if len(sig.Key) > MaxKeyBytes || len(sig.Bytes) > MaxSignatureBytes {
			return Seal{}, fmt.Errorf("read signatures: number %d is too long", i)
		}
	}
	return s, nil
}

// Describe gives the descriptor that the seal claims: the one in it, or that of
// the only signature's key.
func (s Seal) Describe() (Descriptor, error) {
	if len(s.Descriptor) == 0 {
		if len(s.Signatures) != 1 {
			return Descriptor{}, fmt.Errorf("there are %d signatures and no descriptor; an account of one key signs once", len(s.Signatures))
		}
		if err := s.Signatures[0].check(); err != nil {
			return Descriptor{}, err
		}
		return KeyDescriptor(s.Signatures[0].Key)
	}
	d, err := ParseDescriptor(s.Descriptor)
	if err != nil {
		return Descriptor{}, err
	}
	if d.kind == KindKey {
		return Descriptor{}, errors.New("the descriptor of a single key is not written")
	}
	return d, nil
}

// Satisfies is the cheap half of a check, without arithmetic on the curve: the
// signatures are exactly as many as d asks for, by different keys of d, in
// order. Use it directly where an account's present keys are not those of its
// address, because they were rotated.
func (s Seal) Satisfies(d Descriptor) error {
	if d.threshold == 0 {
		return errors.New("a contract's account cannot sign")
	}
	if len(s.Signatures) != d.threshold {
		return fmt.Errorf("%d signatures, the account needs exactly %d", len(s.Signatures), d.threshold)
	}
	for i, sig := range s.Signatures {
		if err := sig.check(); err != nil {
			return fmt.Errorf("signature %d: %w", i, err)
		}
		if i > 0 && bytes.Compare(s.Signatures[i-1].Key, sig.Key) >= 0 {
			return fmt.Errorf("signature %d: keys are not different and in ascending order", i)
		}
		if !d.has(sig.Key) {
			return fmt.Errorf("signature %d: key %x is none of the account's", i, sig.Key)
		}
	}
	return nil
}

// Match is Satisfies for the descriptor that the seal claims, which must be the
// one that account is the address of.
func (s Seal) Match(account string) error {
	d, err := s.Describe()
	if err != nil {
		return err
	}
	if got := AccountOf(d); got != account {
		return fmt.Errorf("the signatures are by account %s, not %s", got, account)
	}
	return s.Satisfies(d)
}

// CheckBy checks that the seal is by exactly the keys of a descriptor, the
// present one of an account whose keys were changed, for this purpose, ledger
// and hash.
func (s Seal) CheckBy(present Descriptor, p Purpose, ledger, hash [32]byte) error {
	d, err := s.Describe()
	if err != nil {
		return err
	}
	if !bytes.Equal(d.Bytes(), present.Bytes()) {
		return fmt.Errorf("the signatures are by other keys than the account has: %s, not %s", d, present)
	}
	if err := s.Satisfies(present); err != nil {
		return err
	}
	return s.verify(p, ledger, hash)
}

func (s Seal) verify(p Purpose, ledger, hash [32]byte) error {
	for i, sig := range s.Signatures {
		if err := Verify(sig, p, ledger, hash); err != nil {
			return fmt.Errorf("signature %d: %w", i, err)
		}
	}
	return nil
}

// AddTo is the costly half of a check: it adds the signatures to a batch.
func (s Seal) AddTo(b *Batch, p Purpose, ledger, hash [32]byte) {
	for _, sig := range s.Signatures {
		b.Add(sig, p, ledger, hash)
	}
}

// Check checks that the seal is account's for this purpose, ledger and hash. It
// is Match, and Verify of each signature.
func (s Seal) Check(account string, p Purpose, ledger, hash [32]byte) error {
	if err := s.Match(account); err != nil {
		return err
	}
	if err := s.verify(p, ledger, hash); err != nil {
		return fmt.Errorf("account %s: %w", account, err)
	}
	return nil
}
