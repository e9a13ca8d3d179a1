package dd

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Keys says by which keys an account signs since they were changed. An account
// without such a record signs by its first descriptor, the one that its address
// is the hash of.
type Keys struct {
	Account    objectstore.Account `cbor:"1,keyasint"`
	Descriptor []byte              `cbor:"2,keyasint"` // canonical
	Since      uint64              `cbor:"3,keyasint"` // number of the directory block that brought them
	Changes    uint64              `cbor:"4,keyasint"` // how often they have been changed, from 1
}

func keyKeys(a objectstore.Account) []any { return []any{"keys", string(a)} }

// keyPast is there for every descriptor that an account had before.
func keyPast(a objectstore.Account, descriptor []byte) []any {
	h := sha256.Sum256(descriptor)
	return []any{"past", string(a), h[:]}
}

// Keys gives the record of an account whose keys were changed; ok is false where
// they never were.
func (s State) Keys(a objectstore.Account) (keys Keys, ok bool, err error) {
	if s.ledger.Rotated == 0 {
		return Keys{}, false, nil
	}
	return get[Keys](s, keyKeys(a))
}

// Present gives the canonical descriptor by which an account signs here, or nil
// where that is its first one, which its address is the hash of.
func (s State) Present(a objectstore.Account) ([]byte, error) {
	k, _, err := s.Keys(a)
	return k.Descriptor, err
}

// Had reports whether an account signs, or has once signed, by a descriptor. It
// is what a reader may ask of a signature before he knows the directory block
// by which it counts.
func (s State) Had(a objectstore.Account, descriptor []byte) (bool, error) {
	if first, err := isFirst(a, descriptor); first || err != nil {
		return first, err
	}
	k, ok, err := s.Keys(a)
	if err != nil || !ok || bytes.Equal(k.Descriptor, descriptor) {
		return ok, err
	}
	return s.hasRecord(keyPast(a, descriptor))
}

// isFirst reports whether an account is the address of a descriptor.
func isFirst(a objectstore.Account, descriptor []byte) (bool, error) {
	return sign.IsAccountOf(string(a), descriptor)
}

// signsBy is the rule of RightSign: descriptor is the present one of an account,
// or one that it had and that asks for no less. So a key that is added takes
// nothing from what was signed before, and one that is taken out does.
// Empty stands for the account's first.
func (s State) signsBy(a objectstore.Account, descriptor []byte) error {
	if r, gone, err := s.Revoked(a, nil); err != nil {
		return err
	} else if gone {
		return fault.New("AG0509", "", "%s was revoked in directory block %d and signs nothing any more", s.who(a), r.Since)
	}
	k, ok, err := s.Keys(a)
	if err != nil {
		return err
	}
	switch {
	case ok && bytes.Equal(k.Descriptor, descriptor):
		return nil
	case ok:
		if enough, err := s.stillEnough(a, descriptor, k.Descriptor); enough || err != nil {
			return err
		}
		return fault.New("AG0506", fmt.Sprintf("sign with the present keys of %s", s.who(a)),
			"%s signs by other keys since directory block %d", s.who(a), k.Since)
	case len(descriptor) == 0:
		return nil
	}
	first, err := isFirst(a, descriptor)
	if err == nil && !first {
		err = fault.New("AG0506", "", "%s does not sign by these keys", s.who(a))
	}
	return err
}

// stillEnough reports whether a descriptor that an account had (empty: its first)
// asks for no less than the present one: its keys are all among the present ones,
// and it takes as many of them or more. The first one is known of an account that
// has an identity.
func (s State) stillEnough(a objectstore.Account, descriptor, present []byte) (bool, error) {
	name, named, err := s.NameOf(a)
	if err != nil {
		return false, err
	}
	if len(descriptor) == 0 {
		if !named {
			return false, nil
		}
		i, _, err := s.Identity(name)
		if err != nil {
			return false, err
		}
		descriptor = i.Descriptor
	} else if first, err := isFirst(a, descriptor); err != nil || first && !named {
		return false, err // the same answer as without the descriptor
	} else if had, err := s.Had(a, descriptor); err != nil || !had {
		return false, err
	}
	before, err := sign.ParseDescriptor(descriptor)
	if err != nil {
		return false, err
	}
	now, err := sign.ParseDescriptor(present)
	if err != nil {
		return false, err
	}
	return before.Threshold() >= now.Threshold() && !slices.ContainsFunc(before.Keys(), func(key []byte) bool { return !now.Has(key) }), nil
}

// Signer gives the account that signers sign for, with its canonical descriptor.
// descriptor may be nil for one signer. The first answer counts:
//
//   - the account of which the descriptor, or the signer's key alone, is the
//     first one, if it has an identity or any role and still signs by it, be it
//     as one of several keys;
//   - the account that signs by this descriptor, or by a descriptor of which the
//     signer's key alone suffices, since its keys were changed or because it has
//     several; checkAlone sees that there is one;
//   - the account of the descriptor or key, which nobody knows.
func (s State) Signer(descriptor []byte, signers ...crypto.Signer) (objectstore.Account, []byte, error) {
	a, d, err := s.signer(descriptor, signers)
	return a, d.Bytes(), err
}

func (s State) signer(descriptor []byte, signers []crypto.Signer) (objectstore.Account, sign.Descriptor, error) {
	d, err := describe(descriptor, signers)
	if err != nil {
		return "", d, err
	}
	own := objectstore.Account(sign.AccountOf(d))
	k, changed, err := s.Keys(own)
	if err != nil {
		return "", d, err
	}
	if !changed || bytes.Equal(k.Descriptor, d.Bytes()) {
		_, named, err := s.NameOf(own)
		if err != nil || named {
			return own, d, err
		}
	}
	if changed && descriptor == nil {
		if present, err := sign.ParseDescriptor(k.Descriptor); err != nil || present.Threshold() == 1 && present.Has(d.Keys()[0]) {
			return own, present, err
		}
	}
	found, by, err := s.signing(d, descriptor == nil)
	if err != nil || found == "" {
		return own, d, err
	}
	if member, err := s.hasAnyRole(own); err != nil || member && !changed {
		return own, d, err
	}
	return found, by, nil
}

// signing finds the account that signs by a descriptor which is not its first,
// or, with alone, for which the descriptor's one key suffices.
func (s State) signing(d sign.Descriptor, alone bool) (found objectstore.Account, by sign.Descriptor, err error) {
	look := func(a objectstore.Account, data []byte) error {
		if a == found {
			return nil
		}
		if !bytes.Equal(data, d.Bytes()) && (!alone || !bytes.Contains(data, d.Keys()[0])) {
			return nil
		}
		present, err := sign.ParseDescriptor(data)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, d.Bytes()) && (present.Threshold() != 1 || !present.Has(d.Keys()[0])) {
			return nil
		}
		if found != "" {
			return fault.New("AG0507", "name the account with its descriptor", "the key is one of both %s and %s", s.who(found), s.who(a))
		}
		found, by = a, present
		return nil
	}
	err = scan(s, []any{"key", []byte(d.Keys()[0])}, func(a objectstore.Account) error {
		data, err := s.described(a)
		if err != nil {
			return err
		}
		return look(a, data)
	})
	if err != nil {
		return "", d, err
	}
	return found, by, nil
}

// keyKey is there for each key by which an account signs at present, if it has an
// identity or its keys were changed. The first key of an account that has neither
// is not the directory's to know.
func keyKey(key []byte, a objectstore.Account) []any { return []any{"key", key, string(a)} }

// described gives the present descriptor of an account, if it has an identity or
// its keys were changed; otherwise nil.
func (s State) described(a objectstore.Account) ([]byte, error) {
	if data, err := s.Present(a); err != nil || data != nil {
		return data, err
	}
	name, ok, err := s.NameOf(a)
	if err != nil || !ok {
		return nil, err
	}
	i, _, err := s.Identity(name)
	return i.Descriptor, err
}

// indexKeys gives the records that find an account by its keys, when its
// descriptor becomes d; old is what was described before, nil for nothing.
func indexKeys(a objectstore.Account, old []byte, d sign.Descriptor) (list []record, err error) {
	var was sign.Descriptor
	if old != nil {
		if was, err = sign.ParseDescriptor(old); err != nil {
			return nil, err
		}
	}
	for _, key := range was.Keys() {
		if !d.Has(key) {
			list = append(list, record{keyKey(key, a), nil})
		}
	}
	for _, key := range d.Keys() {
		if !was.Has(key) {
			list = append(list, record{keyKey(key, a), a})
		}
	}
	return list, nil
}

// checkAlone refuses to an account a descriptor with a key that already signs
// alone for another one: the key would not say any more for whom it signs, and
// whoever lists the key of somebody would keep him from working. The account
// that a key is the first one of has it anyway.
func (s State) checkAlone(a objectstore.Account, d sign.Descriptor) error {
	if d.Threshold() != 1 {
		return nil
	}
	for _, key := range d.Keys() {
		first, err := sign.KeyDescriptor(key)
		if err != nil {
			return err
		}
		own := objectstore.Account(sign.AccountOf(first))
		if own == a {
			continue
		}
		err = scan(s, []any{"key", []byte(key)}, func(other objectstore.Account) error {
			if other == a {
				return nil
			}
			data, err := s.described(other)
			if err != nil {
				return err
			}
			present, err := sign.ParseDescriptor(data)
			if err == nil && present.Threshold() == 1 {
				err = fault.New("AG0507", "make a new key", "key %x signs for %s already, and a key signs alone for one account", sign.Point(key)[:4], s.who(other))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SetKeys replaces the keys of an account: to add a key, to rotate, to raise a
// threshold. The address stays. The account itself asks for it, by its present
// keys; for an account that has lost them, the admins (a root matter). It never
// goes back to a descriptor that it had before.
type SetKeys struct {
	Account    objectstore.Account `cbor:"1,keyasint"`
	Descriptor []byte              `cbor:"2,keyasint"` // canonical
}

func (SetKeys) kind() OperationKind { return KindKeys }

func (c SetKeys) records(s State, op Operation) ([]record, error) {
	l := s.ledger
	list, err := c.change(s, op, &l)
	return append(list, record{keyLedger(), l}), err
}

// change gives what SetKeys writes but the record of the ledger, which it counts
// up in l.
func (c SetKeys) change(s State, op Operation, l *ledgerRecord) ([]record, error) {
	if err := checkAccount("account", c.Account); err != nil {
		return nil, err
	}
	d, err := sign.ParseDescriptor(c.Descriptor)
	if err != nil {
		return nil, err
	}
	if d.Kind() == sign.KindContract {
		return nil, fault.New("AG0102", "", "a contract's descriptor has no keys to sign with")
	}
	if err := s.notGone(c.Account); err != nil {
		return nil, err
	}
	if err := s.checkNotRevoked(c.Account, d); err != nil {
		return nil, err
	}
	if op.Account != c.Account {
		if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: "*"}); err != nil {
			return nil, err
		}
	}
	if c.Account == s.Owner() && op.Account != c.Account && s.ledger.Threshold < 2 {
		return nil, fault.New("AG0501", "", "the keys of %s, who owns the ledger, are changed by the owner, or by several admins", s.who(c.Account))
	}
	if had, err := s.Had(c.Account, c.Descriptor); err != nil {
		return nil, err
	} else if had {
		return nil, fault.New("AG0703", "make a new key", "%s signs by these keys, or did once: an account does not go back to keys it had", s.who(c.Account))
	}
	if err := s.checkAlone(c.Account, d); err != nil {
		return nil, err
	}
	old, _, err := s.Keys(c.Account)
	if err != nil {
		return nil, err
	}
	described, err := s.described(c.Account)
	if err != nil {
		return nil, err
	}
	list, err := indexKeys(c.Account, described, d)
	if err != nil {
		return nil, err
	}
	l.Rotated++
	list = append(list, record{keyKeys(c.Account), Keys{Account: c.Account, Descriptor: c.Descriptor, Since: s.block.Number + 1, Changes: old.Changes + 1}})
	if old.Descriptor != nil {
		list = append(list, record{keyPast(c.Account, old.Descriptor), s.block.Number})
	}
	return list, nil
}

// describe gives the descriptor of signers: the one that is given, or that of
// the only signer's key.
func describe(descriptor []byte, signers []crypto.Signer) (sign.Descriptor, error) {
	if descriptor != nil {
		return sign.ParseDescriptor(descriptor)
	}
	if len(signers) != 1 {
		return sign.Descriptor{}, fmt.Errorf("%d signers and no account descriptor", len(signers))
	}
	key, err := sign.KeyOf(signers[0])
	if err != nil {
		return sign.Descriptor{}, err
	}
	return sign.KeyDescriptor(key)
}

func makeSeal(d sign.Descriptor, p sign.Purpose, ledger, id objectstore.Hash, signers []crypto.Signer) ([]byte, error) {
	var list []sign.Signature
	for _, k := range signers {
		s, err := sign.Sign(k, p, ledger, id)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	seal, err := sign.MakeSeal(d, list...)
	if err != nil {
		return nil, err
	}
	return seal.Bytes()
}
