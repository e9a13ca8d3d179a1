package dd

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// RevokeKey says that a key was not its account's any more after certain blocks:
// it was stolen, or its holder has left. What it signed counts up to the last
// accepted block of each branch and nowhere beyond, whatever directory block is
// named there; on a branch that is not listed, nothing that it signed counts. Of
// m of n keys, what was signed stops counting when m of them are revoked. A root
// matter. Revoking again adds branches and changes none.
type RevokeKey struct {
	Account objectstore.Account `cbor:"1,keyasint"`
	// Key is the public key, of a hardware key its first 32 bytes; empty for the
	// whole account, which then signs nothing any more, and gets nothing. A key by
	// which the account still signs is taken out of it by the same operation (Keys).
	Key    []byte `cbor:"2,keyasint,omitempty"`
	Last   []Last `cbor:"3,keyasint,omitempty"` // by branch, each once
	Reason string `cbor:"4,keyasint,omitempty"`
	// Keys is the canonical descriptor by which the account signs from now on,
	// without Key, by the rules of SetKeys; empty: its keys stay.
	Keys []byte `cbor:"5,keyasint,omitempty"`
}

// Last is the last accepted block of a branch.
type Last struct {
	_      struct{} `cbor:",toarray"`
	Branch objectstore.Hash
	Block  objectstore.Hash
}

// Revocation is what the directory says of a revoked key or account.
type Revocation struct {
	Account objectstore.Account `cbor:"1,keyasint"`
	Key     []byte              `cbor:"2,keyasint,omitempty"`
	Since   uint64              `cbor:"3,keyasint"` // number of the directory block
	Reason  string              `cbor:"4,keyasint,omitempty"`
}

func keyRevoked(a objectstore.Account, key []byte) []any { return []any{"revoked", string(a), key} }
func keyLast(a objectstore.Account, key []byte, branch objectstore.Hash) []any {
	return []any{"last", string(a), key, branch[:]}
}

// Revocations gives all revoked keys and accounts.
func (s State) Revocations() ([]Revocation, error) { return all[Revocation](s, "revoked") }

// CheckRevokedAs refuses (AG0509) the address of a key that was revoked: who signs
// by it is nobody that the directory knows, and should hear of the revocation
// instead of a role that is missing. The cost grows with the revocations.
func (s State) CheckRevokedAs(own objectstore.Account) error {
	if s.ledger.Revoked == 0 {
		return nil
	}
	return scan(s, []any{"revoked"}, func(r Revocation) error {
		if len(r.Key) == 0 || r.Account == own {
			return nil
		}
		d, err := sign.KeyDescriptor(r.Key)
		if err != nil || objectstore.Account(sign.AccountOf(d)) != own {
			return nil //nolint:nilerr // of a hardware key, whose address its point alone does not give
		}
		return fault.New("AG0509", "Sign with the present keys of "+s.who(r.Account),
			"this key of %s was revoked in directory block %d and signs nothing any more", s.who(r.Account), r.Since)
	})
}

// Revoked gives the revocation of a key of an account; with no key that of the
// whole account.
func (s State) Revoked(a objectstore.Account, key []byte) (Revocation, bool, error) {
	if s.ledger.Revoked == 0 {
		return Revocation{}, false, nil
	}
	return get[Revocation](s, keyRevoked(a, append([]byte{}, key...)))
}

// LastOf gives the last block of a branch up to which a revoked key counts.
func (s State) LastOf(a objectstore.Account, key []byte, branch objectstore.Hash) (objectstore.Hash, bool, error) {
	return get[objectstore.Hash](s, keyLast(a, append([]byte{}, key...), branch))
}

// AnyRevoked reports whether any key was ever revoked. Where none was,
// CheckRevoked has nothing to say.
func (s State) AnyRevoked() bool { return s.ledger.Revoked > 0 }

// CheckRevoked asks whether what an account signed still counts: s is the newest
// state known, not the one that the block names. seal is the signature on a
// block of the branch, on a transaction that stands in it, or on a head
// statement for it; within tells whether that block is last or before it. It
// fails with AG0509.
//
// Of an account of m of n keys it asks how many of the n are revoked, and the
// block beyond what was accepted of them: m of them could have signed it without
// the others, whoever did. Which m signed is hashed nowhere, so nothing asks it;
// the seal, verified before, only says what the n are.
func (s State) CheckRevoked(a objectstore.Account, seal []byte, branch objectstore.Hash, within func(last objectstore.Hash) (bool, error)) error {
	return s.checkRevoked(a, seal, branch, within, false)
}

// CheckRevokedBlock is CheckRevoked for what stands in a block: the block's own
// signature, and those of what it lists. On a branch that is not listed it also
// counts up to the last accepted block of any other branch: that one has merged
// it, and whoever accepts a block accepts what is before it.
func (s State) CheckRevokedBlock(a objectstore.Account, seal []byte, branch objectstore.Hash, within func(last objectstore.Hash) (bool, error)) error {
	return s.checkRevoked(a, seal, branch, within, true)
}

func (s State) checkRevoked(a objectstore.Account, seal []byte, branch objectstore.Hash, within func(last objectstore.Hash) (bool, error), merged bool) error {
	r, err := s.revoking(a, seal, branch, within, merged)
	if err != nil || r == nil {
		return err
	}
	return fault.New("AG0509", "take the branch up to its last accepted block only",
		"%s was revoked in directory block %d, and this is beyond what was accepted of it on branch %s", s.what(a, r.Key), r.Since, branch.Short())
}

// RevokedBlock gives the revocation for which CheckRevokedBlock fails; nil where
// what was signed counts.
func (s State) RevokedBlock(a objectstore.Account, seal []byte, branch objectstore.Hash, within func(last objectstore.Hash) (bool, error)) (*Revocation, error) {
	return s.revoking(a, seal, branch, within, true)
}

func (s State) revoking(a objectstore.Account, seal []byte, branch objectstore.Hash, within func(last objectstore.Hash) (bool, error), merged bool) (*Revocation, error) {
	if !s.AnyRevoked() {
		return nil, nil
	}
	sl, err := sign.ParseSeal(seal)
	if err != nil {
		return nil, err
	}
	d, err := sl.Describe()
	if err != nil {
		return nil, err
	}
	if r, err := s.beyond(a, nil, branch, within, merged); err != nil || r != nil {
		return r, err
	}
	// Not the keys of the seal: another store may hold another good one.
	gone := 0
	for _, key := range d.Keys() {
		r, err := s.beyond(a, sign.Point(key), branch, within, merged) // a key is revoked in whatever form
		if err != nil {
			return nil, err
		}
		if r != nil {
			gone++
		}
		if r != nil && gone >= d.Threshold() {
			return r, nil
		}
	}
	return nil, nil
}

// beyond gives the revocation of a key, nil for the account, where a block is
// beyond what was accepted of it; otherwise nil.
func (s State) beyond(a objectstore.Account, key []byte, branch objectstore.Hash, within func(last objectstore.Hash) (bool, error), merged bool) (*Revocation, error) {
	r, ok, err := s.Revoked(a, key)
	if err != nil || !ok {
		return nil, err
	}
	last, listed, err := s.LastOf(a, key, branch)
	if err != nil {
		return nil, err
	}
	if listed {
		if listed, err = within(last); err != nil {
			return nil, err
		}
	} else if merged {
		err := scan(s, []any{"last", string(a), append([]byte{}, key...)}, func(last objectstore.Hash) error {
			if listed {
				return nil
			}
			listed, err = within(last)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if listed {
		return nil, nil
	}
	return &r, nil
}

func (s State) what(a objectstore.Account, key []byte) string {
	if len(key) == 0 {
		return "account " + s.who(a)
	}
	return fmt.Sprintf("key %x of %s", key[:min(4, len(key))], s.who(a))
}

func (RevokeKey) kind() OperationKind { return KindRevokeKey }

func (c RevokeKey) records(s State, op Operation) ([]record, error) {
	if err := checkAccount("account", c.Account); err != nil {
		return nil, err
	}
	if len(c.Key) != 0 && len(c.Key) != ed25519.PublicKeySize || len(c.Reason) > MaxMessage || !utf8.ValidString(c.Reason) || len(c.Last) > MaxLast {
		return nil, fault.New("AG0102", "", "a revocation names a key of 32 bytes, at most %d branches, and a reason of at most %d bytes", MaxLast, MaxMessage)
	}
	if len(c.Key) == 0 && c.Account == s.Owner() {
		return nil, fault.New("AG0501", "change the owner's keys, and revoke the old ones", "the account of the owner cannot be revoked")
	}
	l := s.ledger
	list, err := c.takeOut(s, op, &l)
	if err != nil {
		return nil, err
	}
	key := append([]byte{}, c.Key...)
	_, known, err := s.Revoked(c.Account, key)
	if err != nil {
		return nil, err
	}
	if !known {
		l.Revoked++
		list = append(list, record{keyRevoked(c.Account, key), Revocation{Account: c.Account, Key: c.Key, Since: s.block.Number + 1, Reason: c.Reason}})
	} else if len(c.Last) == 0 {
		return nil, fault.New("AG0703", "", "%s is revoked already", s.what(c.Account, key))
	}
	if l != s.ledger {
		list = append(list, record{keyLedger(), l})
	}
	for i, last := range c.Last {
		if last.Branch.IsZero() || last.Block.IsZero() || i > 0 && bytes.Compare(c.Last[i-1].Branch[:], last.Branch[:]) >= 0 {
			return nil, fault.New("AG0102", "", "the last accepted blocks are not listed by branch, each once")
		}
		if _, listed, err := s.LastOf(c.Account, key, last.Branch); err != nil {
			return nil, err
		} else if listed {
			return nil, fault.New("AG0703", "", "the last accepted block of %s on branch %s is decided already", s.what(c.Account, key), last.Branch.Short())
		}
		list = append(list, record{keyLast(c.Account, key, last.Branch), last.Block})
	}
	return list, nil
}

// takeOut gives what takes the key out of the account, and checks that it is out
// then. Of a whole account it checks that the ledger can do without.
func (c RevokeKey) takeOut(s State, op Operation, l *ledgerRecord) ([]record, error) {
	if len(c.Key) == 0 {
		if len(c.Keys) > 0 {
			return nil, fault.New("AG0102", "", "an account that is revoked as a whole gets no keys")
		}
		return nil, s.spares(c.Account)
	}
	data, err := s.Present(c.Account)
	if err != nil {
		return nil, err
	}
	var list []record
	if len(c.Keys) > 0 {
		if list, err = (SetKeys{Account: c.Account, Descriptor: c.Keys}).change(s, op, l); err != nil {
			return nil, err
		}
		data = c.Keys
	}
	next := "give the account another key in the same step: aergo identity revoke NAME KEY --replace NEWKEY"
	if data == nil {
		return nil, fault.New("AG0510", next, "the keys of %s were never changed: it still signs by its first", s.who(c.Account))
	}
	d, err := sign.ParseDescriptor(data)
	if err == nil && d.HasPoint(c.Key) {
		err = fault.New("AG0510", next, "%s still signs by that key", s.who(c.Account))
	}
	return list, err
}

// notGone refuses to give anything to an account that was revoked as a whole.
func (s State) notGone(a objectstore.Account) error {
	r, gone, err := s.Revoked(a, nil)
	if err == nil && gone {
		err = fault.New("AG0525", "make a new key, which is a new account", "%s was revoked in directory block %d and gets no keys, names or roles any more", s.who(a), r.Since)
	}
	return err
}

// checkNotRevoked refuses a descriptor with a key that was revoked for the
// account.
func (s State) checkNotRevoked(a objectstore.Account, d sign.Descriptor) error {
	for _, key := range d.Keys() {
		key = sign.Point(key)
		if r, ok, err := s.Revoked(a, key); err != nil {
			return err
		} else if ok {
			return fault.New("AG0509", "make a new key", "%s was revoked in directory block %d", s.what(a, key), r.Since)
		}
	}
	return nil
}

// Anchor is where a branch's head was: what came before it stays. The branch
// descends from it for ever.
type Anchor struct {
	Block    objectstore.Hash `cbor:"1,keyasint"`
	Number   uint64           `cbor:"2,keyasint"` // of the block
	Epoch    uint64           `cbor:"3,keyasint"`
	Sequence uint64           `cbor:"4,keyasint"` // of its head statement, 0 without one
	Since    uint64           `cbor:"5,keyasint"` // number of the directory block
}

// AnchorBranch records where the head of a registered branch is. Its producer
// does it, daily and before rights change, or an admin. Epochs, numbers and
// sequences never go down.
type AnchorBranch struct {
	Branch   objectstore.Hash `cbor:"1,keyasint"`
	Block    objectstore.Hash `cbor:"2,keyasint"`
	Number   uint64           `cbor:"3,keyasint"`
	Epoch    uint64           `cbor:"4,keyasint"`
	Sequence uint64           `cbor:"5,keyasint,omitempty"`
}

func (AnchorBranch) kind() OperationKind { return KindAnchor }

func (c AnchorBranch) records(s State, op Operation) ([]record, error) {
	b, ok, err := s.Branch(c.Branch)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New("AG0202", "register it first", "no branch %s is registered", c.Branch.Short())
	}
	if denied := Decide(s, Question{Account: op.Account, Right: RightProduce, Branch: c.Branch}); denied != nil {
		if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: b.Name}); err != nil {
			return nil, denied
		}
	}
	if c.Block.IsZero() || c.Number > MaxTime || c.Sequence > MaxTime || c.Epoch != b.Epoch {
		return nil, fault.New("AG0102", "", "an anchor of %s names a block and the branch's epoch, %d", b.Name, b.Epoch)
	}
	if was := b.Anchor; was != nil {
		back := c.Number < was.Number || c.Number == was.Number && c.Block != was.Block || c.Epoch == was.Epoch && c.Sequence < was.Sequence
		if back || c.Block == was.Block && c.Epoch == was.Epoch && c.Sequence == was.Sequence {
			return nil, fault.New("AG0605", "", "branch %s is anchored at block %d, %s, with statement %d of epoch %d: an anchor only goes forward",
				b.Name, was.Number, was.Block.Short(), was.Sequence, was.Epoch)
		}
	}
	b.Anchor = &Anchor{Block: c.Block, Number: c.Number, Epoch: c.Epoch, Sequence: c.Sequence, Since: s.block.Number + 1}
	return []record{{keyBranch(b.ID), b}}, nil
}

// CheckAnchor asks whether a head of a branch descends from its last anchor: s
// is the newest state known, number the head's, and contains tells whether a
// block is the head or before it. A head older than the anchor is only behind.
func (s State) CheckAnchor(branch objectstore.Hash, number uint64, contains func(block objectstore.Hash) (bool, error)) error {
	b, ok, err := s.Branch(branch)
	if err != nil || !ok || b.Anchor == nil || number < b.Anchor.Number {
		return err
	}
	has, err := contains(b.Anchor.Block)
	if err == nil && !has {
		err = fault.New("AG0511", "fetch the branch from another peer", "this head of branch %s does not descend from block %d, %s, where directory block %d anchored it",
			b.Name, b.Anchor.Number, b.Anchor.Block.Short(), b.Anchor.Since)
	}
	return err
}
