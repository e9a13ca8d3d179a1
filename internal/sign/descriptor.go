package sign

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/wire"
)

// The kinds of descriptors and accounts.
const (
	KindKey      = 1 // one key
	KindMofN     = 2 // m of n keys
	KindContract = 3 // a contract of a ledger; it cannot sign
)

// descriptorTag is objectstore.KindDescriptor, the domain of descriptor hashes.
const descriptorTag = 0x60

// Descriptor says who may act for an account. It is made by KeyDescriptor,
// MofNDescriptor, ContractDescriptor or ParseDescriptor and does not change.
type Descriptor struct {
	kind      byte
	threshold int
	keys      [][]byte // Invariant: sorted, no point twice, each passed CheckKey
	ledger    [32]byte
	contract  string
}

// The stored forms: a CBOR array that begins with the kind.
type (
	keyForm struct {
		_    struct{} `cbor:",toarray"`
		Kind byte
		Key  []byte
	}
	mofnForm struct {
		_         struct{} `cbor:",toarray"`
		Kind      byte
		Threshold uint8
		Keys      [][]byte
	}
	contractForm struct {
		_        struct{} `cbor:",toarray"`
		Kind     byte
		Ledger   [32]byte
		Contract string
	}
)

// KeyDescriptor describes an account of one key: an ed25519.PublicKey, or the
// stored form of a HardwareKey.
func KeyDescriptor(key []byte) (Descriptor, error) {
	if err := CheckKey(key); err != nil {
		return Descriptor{}, err
	}
	return Descriptor{kind: KindKey, threshold: 1, keys: [][]byte{bytes.Clone(key)}}, nil
}

// MofNDescriptor describes an account for which m of the keys sign. The order
// of keys does not matter; each occurs once, and so does its point, in whatever
// form: one device does not count as two.
func MofNDescriptor(m int, keys ...[]byte) (Descriptor, error) {
	if len(keys) == 0 || len(keys) > MaxKeys || m < 1 || m > len(keys) {
		return Descriptor{}, fmt.Errorf("%d of %d keys: want 1 <= m <= n <= %d", m, len(keys), MaxKeys)
	}
	d := Descriptor{kind: KindMofN, threshold: m}
	for _, k := range keys {
		if err := CheckKey(k); err != nil {
			return Descriptor{}, err
		}
		d.keys = append(d.keys, bytes.Clone(k))
	}
	slices.SortFunc(d.keys, bytes.Compare)
	for i := range d.keys[1:] {
		if bytes.Equal(Point(d.keys[i]), Point(d.keys[i+1])) {
			return Descriptor{}, fmt.Errorf("key %x is listed twice", Point(d.keys[i]))
		}
	}
	return d, nil
}

// ContractDescriptor describes the account of a contract on a ledger.
func ContractDescriptor(ledger [32]byte, contract string) (Descriptor, error) {
	if contract == "" || len(contract) > MaxContractName || !utf8.ValidString(contract) || strings.IndexByte(contract, 0) >= 0 {
		return Descriptor{}, fmt.Errorf("a contract's name has 1 to %d bytes of UTF-8", MaxContractName)
	}
	return Descriptor{kind: KindContract, ledger: ledger, contract: contract}, nil
}

// Kind is KindKey, KindMofN or KindContract.
func (d Descriptor) Kind() byte { return d.kind }

// Threshold is how many of Keys sign; 0 for a contract.
func (d Descriptor) Threshold() int { return d.threshold }

// Keys gives the keys in ascending order, each of 32 bytes or the stored form of
// a HardwareKey; none for a contract.
func (d Descriptor) Keys() [][]byte { return slices.Clone(d.keys) }

// Contract gives the ledger id and name of a contract's descriptor.
func (d Descriptor) Contract() (ledger [32]byte, name string) { return d.ledger, d.contract }

// Bytes is the canonical form: [1, key], [2, m, [keys]] or [3, ledger, name].
// The zero Descriptor gives nil.
func (d Descriptor) Bytes() []byte {
	var form any
	switch d.kind {
	case KindKey:
		form = keyForm{Kind: KindKey, Key: d.keys[0]}
	case KindMofN:
		form = mofnForm{Kind: KindMofN, Threshold: uint8(d.threshold), Keys: d.keys}
	case KindContract:
		form = contractForm{Kind: KindContract, Ledger: d.ledger, Contract: d.contract}
	default:
		return nil
	}
	data, err := wire.Marshal(form)
	if err != nil {
		return nil // unreachable: integers, bytes and checked text always encode
	}
	return data
}

// ParseDescriptor reads the canonical form and refuses any other.
func ParseDescriptor(data []byte) (Descriptor, error) {
	d, err := parseDescriptor(data)
	if err != nil {
		return Descriptor{}, fmt.Errorf("read account descriptor: %w", err)
	}
	return d, nil
}

func parseDescriptor(data []byte) (Descriptor, error) {
	if len(data) > MaxDescriptor {
		return Descriptor{}, fmt.Errorf("it has %d bytes, at most %d are allowed", len(data), MaxDescriptor)
	}
	// The second byte is the kind, since the head of a short array and a small
	// integer have one byte each.
	if len(data) < 2 {
		return Descriptor{}, errors.New("it is too short")
	}
	switch data[1] {
	case KindKey:
		var f keyForm
		if err := wire.Unmarshal(data, &f); err != nil {
			return Descriptor{}, err
		}
		return KeyDescriptor(f.Key)
	case KindMofN:
		var f mofnForm
		if err := wire.Unmarshal(data, &f); err != nil {
			return Descriptor{}, err
		}
		for i, k := range f.Keys {
			if i > 0 && bytes.Compare(f.Keys[i-1], k) >= 0 {
				return Descriptor{}, errors.New("its keys are not in ascending order")
			}
		}
		return MofNDescriptor(int(f.Threshold), f.Keys...)
	case KindContract:
		var f contractForm
		if err := wire.Unmarshal(data, &f); err != nil {
			return Descriptor{}, err
		}
		return ContractDescriptor(f.Ledger, f.Contract)
	}
	return Descriptor{}, fmt.Errorf("its kind %d is unknown", data[1])
}

// String shows the keys for people: how many sign, and the beginning of each.
func (d Descriptor) String() string {
	if d.kind == KindContract {
		return "contract " + d.contract
	}
	var keys []string
	for _, k := range d.keys {
		name := fmt.Sprintf("%x", k[:4])
		if isHardware(k) {
			name += " (hardware)"
		}
		keys = append(keys, name)
	}
	if d.kind == KindKey {
		return "key " + keys[0]
	}
	return fmt.Sprintf("%d of the keys %s", d.threshold, strings.Join(keys, " "))
}

// Has reports whether key is one of the descriptor's.
func (d Descriptor) Has(key []byte) bool { return d.has(key) }

// HasPoint reports whether one of the descriptor's keys has this point, in
// whatever form.
func (d Descriptor) HasPoint(point []byte) bool {
	return slices.ContainsFunc(d.keys, func(k []byte) bool { return bytes.Equal(Point(k), point) })
}

// has reports whether key is one of the descriptor's.
func (d Descriptor) has(key []byte) bool {
	return slices.ContainsFunc(d.keys, func(k []byte) bool { return bytes.Equal(k, key) })
}

// hash is the payload of the account.
func (d Descriptor) hash() [32]byte { return hashOf(d.Bytes()) }

func hashOf(descriptor []byte) [32]byte {
	return sha256.Sum256(append([]byte{descriptorTag}, descriptor...))
}
