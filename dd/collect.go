package dd

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Signature is one key's signature for one account, while those of an account of
// several keys, or of several accounts, are collected.
type Signature struct {
	_       struct{} `cbor:",toarray"`
	Account objectstore.Account
	Scheme  uint8
	Key     []byte
	Bytes   []byte
}

func compareSignatures(a, b Signature) int {
	if c := strings.Compare(string(a.Account), string(b.Account)); c != 0 {
		return c
	}
	return bytes.Compare(a.Key, b.Key)
}

// CheckSignatures checks the form of foreign signatures: sizes, accounts, and
// that they are in order, each account and key once.
func CheckSignatures(list []Signature) error {
	for i, sig := range list {
		if err := checkAccount("signature", sig.Account); err != nil {
			return err
		}
		if len(sig.Key) > sign.MaxKeyBytes || len(sig.Bytes) > sign.MaxSignatureBytes {
			return fmt.Errorf("signature %d is too long", i)
		}
		if i > 0 && compareSignatures(list[i-1], sig) >= 0 {
			return errors.New("its signatures are not in order")
		}
	}
	return nil
}

// JoinSignatures adds signatures to others, in order; of two by one key for one
// account the first stays.
func JoinSignatures(list []Signature, more ...Signature) []Signature {
	all := append(slices.Clone(list), more...)
	slices.SortStableFunc(all, compareSignatures)
	return slices.CompactFunc(all, func(a, b Signature) bool { return compareSignatures(a, b) == 0 })
}

// Collected are the signatures of one account that count.
type Collected struct {
	Good   []Signature // by present keys of the account, each once
	Needed int         // of its keys; 0 where the directory does not know them
	Seal   []byte      // of exactly as many as are needed, nil while they are too few
}

// Collect finds what signatures of an account are worth, for a purpose
// (docs/formats/keys-and-signatures.md) and the id of what is signed, by its present keys. Others of the list are left out:
// forged ones, those of other accounts, for something else, by keys that were
// replaced.
func (s State) Collect(a objectstore.Account, purpose string, id objectstore.Hash, list []Signature) (Collected, error) {
	var c Collected
	known, err := s.described(a)
	if err != nil {
		return c, err
	}
	var d sign.Descriptor
	if known != nil {
		if d, err = sign.ParseDescriptor(known); err != nil {
			return c, err
		}
		c.Needed = d.Threshold()
	}
	var good []sign.Signature
	for _, sig := range list {
		if sig.Account != a || s.checkSignature(sig, sign.Purpose(purpose), id) != nil || slices.ContainsFunc(c.Good, func(g Signature) bool { return bytes.Equal(g.Key, sig.Key) }) {
			continue
		}
		if d, err = s.descriptorOf(a, sig.Key); err != nil {
			return c, err
		}
		c.Good, good, c.Needed = append(c.Good, sig), append(good, sig.plain()), d.Threshold()
	}
	if len(good) == 0 || len(good) < d.Threshold() {
		return c, nil
	}
	seal, err := sign.MakeSeal(d, good...)
	if err != nil {
		return c, err
	}
	c.Seal, err = seal.Bytes()
	return c, err
}

// SignFor makes the signature of one key, a present one of the account.
func (s State) SignFor(a objectstore.Account, purpose string, id objectstore.Hash, key crypto.Signer) (Signature, error) {
	pub, err := sign.KeyOf(key)
	if err != nil {
		return Signature{}, err
	}
	if _, err := s.descriptorOf(a, pub); err != nil {
		return Signature{}, err
	}
	sig, err := sign.Sign(key, sign.Purpose(purpose), s.Ledger(), id)
	return Signature{Account: a, Scheme: sig.Scheme, Key: sig.Key, Bytes: sig.Bytes}, err
}

// TakeSSHSIG takes the signature of a present key of an account from a file that
// `ssh-keygen -Y sign -n aergo-git` made of the message of purpose, ledger and id. key is
// the key, where the directory does not know the account; nil otherwise.
func (s State) TakeSSHSIG(a objectstore.Account, purpose string, id objectstore.Hash, file, key []byte) (Signature, error) {
	keys := [][]byte{}
	if key != nil {
		keys = append(keys, key)
	}
	known, err := s.described(a)
	if err != nil {
		return Signature{}, err
	}
	if known != nil {
		d, err := sign.ParseDescriptor(known)
		if err != nil {
			return Signature{}, err
		}
		keys = d.Keys()
	}
	err = errors.New("the directory does not know its keys: name yours with --key")
	for _, k := range keys {
		var got sign.Signature
		if got, err = sign.FromSSHSIG(file, k); err != nil {
			continue
		}
		sig := Signature{Account: a, Scheme: got.Scheme, Key: got.Key, Bytes: got.Bytes}
		if err = s.checkSignature(sig, sign.Purpose(purpose), id); err == nil {
			return sig, nil
		}
	}
	return Signature{}, fault.New("AG0526", "ssh-keygen -Y sign -n "+sign.Namespace+" -f KEY FILE signs; FILE is the one that was written for this, by this account.",
		"this is no signature of a present key of %s for that: %w", s.who(a), err)
}

func (sig Signature) plain() sign.Signature {
	return sign.Signature{Scheme: sig.Scheme, Key: sig.Key, Bytes: sig.Bytes}
}

// checkSignature checks one signature by the present keys of its account.
func (s State) checkSignature(sig Signature, p sign.Purpose, id objectstore.Hash) error {
	if _, err := s.descriptorOf(sig.Account, sig.Key); err != nil {
		return err
	}
	return sign.Verify(sig.plain(), p, s.Ledger(), id)
}

// descriptorOf gives the present descriptor of an account, of which key is one.
func (s State) descriptorOf(a objectstore.Account, key []byte) (sign.Descriptor, error) {
	data, err := s.described(a)
	if err != nil {
		return sign.Descriptor{}, err
	}
	d, err := sign.KeyDescriptor(key)
	if data != nil {
		d, err = sign.ParseDescriptor(data)
	}
	if err != nil {
		return d, err
	}
	if !d.Has(key) || data == nil && objectstore.Account(sign.AccountOf(d)) != a {
		return d, fault.New("AG0506", "sign with a present key of "+s.who(a), "key %x is none of the keys of %s", key, s.who(a))
	}
	return d, nil
}

// Described gives the present descriptor of an account whose keys the directory
// knows, because it has a name or its keys were changed; otherwise nil.
func (s State) Described(a objectstore.Account) ([]byte, error) { return s.described(a) }
