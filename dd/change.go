package dd

import (
	"fmt"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// RegisterBranch makes a branch known under a name that nobody else has, with
// its one active producer. Needs the right Register on the name; the producer
// needs the role producer there.
type RegisterBranch struct {
	Name     string              `cbor:"1,keyasint"`
	Creator  objectstore.Account `cbor:"2,keyasint"`
	Salt     objectstore.Hash    `cbor:"3,keyasint"`
	Producer objectstore.Account `cbor:"4,keyasint"`
	Policy   string              `cbor:"5,keyasint,omitempty"`
	First    objectstore.Hash    `cbor:"6,keyasint,omitzero"`
}

func (RegisterBranch) kind() OperationKind { return KindRegister }

func (c RegisterBranch) records(s State, op Operation) ([]record, error) {
	if err := checkPolicy(c.Policy); err != nil {
		return nil, err
	}
	id, err := branchID(s.Ledger(), c.Creator, c.Salt)
	if err != nil {
		return nil, err
	}
	if known, ok, err := s.Branch(id); err != nil {
		return nil, err
	} else if ok {
		return nil, fault.New("AG0703", "", "branch %s is registered already, as %s", id.Short(), known.Name)
	}
	if err := s.notDeleted(id); err != nil {
		return nil, err
	}
	if err := s.freeName(c.Name); err != nil {
		return nil, err
	}
	q := Question{Account: op.Account, Right: RightRegister, Name: c.Name, Creator: c.Creator, Salt: c.Salt}
	if err := Decide(s, q); err != nil {
		return nil, err
	}
	if err := s.mayBeProducer(c.Producer, c.Name); err != nil {
		return nil, err
	}
	b := Branch{ID: id, Name: c.Name, Creator: c.Creator, Salt: c.Salt, Producer: c.Producer,
		Policy: c.Policy, First: c.First, Registered: op.Created}
	return []record{{keyBranch(id), b}, {keyName(c.Name), id}}, nil
}

// UpdateBranch changes a registered branch; an empty field stays as it is. A new
// producer begins a new epoch. Needs the right Admin on its name, and on the
// new one; its producer needs the role producer there, too.
type UpdateBranch struct {
	ID       objectstore.Hash    `cbor:"1,keyasint"`
	Name     string              `cbor:"2,keyasint,omitempty"`
	Producer objectstore.Account `cbor:"3,keyasint,omitempty"`
	Policy   string              `cbor:"4,keyasint,omitempty"`
}

func (UpdateBranch) kind() OperationKind { return KindUpdate }

func (c UpdateBranch) records(s State, op Operation) ([]record, error) {
	b, ok, err := s.Branch(c.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New("AG0202", "aergo branch lists the branches; a local one is registered before its entry changes", "no branch %s is registered", c.ID.Short())
	}
	if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: b.Name}); err != nil {
		return nil, err
	}
	var list []record
	if c.Name != "" {
		if b.Name == mainBranch {
			return nil, fault.New("AG0704", "", "main keeps its name: the genesis gave it")
		}
		if err := s.freeName(c.Name); err != nil {
			return nil, err
		}
		if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: c.Name}); err != nil {
			return nil, err
		}
		if c.Producer == "" || c.Producer == b.Producer {
			if err := s.mayBeProducer(b.Producer, c.Name); err != nil {
				return nil, err
			}
		}
		list = append(list, record{keyName(b.Name), nil}, record{keyName(c.Name), b.ID})
		b.Name = c.Name
	}
	if c.Policy != "" {
		if err := checkPolicy(c.Policy); err != nil {
			return nil, err
		}
		b.Policy = c.Policy
	}
	if c.Producer != "" && c.Producer != b.Producer {
		if err := s.mayBeProducer(c.Producer, b.Name); err != nil {
			return nil, err
		}
		b.Producer = c.Producer
		b.Epoch++
	}
	return append(list, record{keyBranch(b.ID), b}), nil
}

// AddTag names a block for ever. Needs the right Tag on the branch that holds
// it, which is registered. That the branch holds it is not the directory's to
// know.
type AddTag struct {
	Name    string           `cbor:"1,keyasint"`
	Block   objectstore.Hash `cbor:"2,keyasint"`
	Branch  objectstore.Hash `cbor:"3,keyasint"`
	Message string           `cbor:"4,keyasint,omitempty"`
}

func (AddTag) kind() OperationKind { return KindTag }

func (c AddTag) records(s State, op Operation) ([]record, error) {
	if err := checkName(c.Name); err != nil {
		return nil, fmt.Errorf("tag: %w", err)
	}
	if c.Block.IsZero() || len(c.Message) > MaxMessage || !utf8.ValidString(c.Message) {
		return nil, fault.New("AG0102", "", "a tag names a block and has a message of at most %d bytes", MaxMessage)
	}
	if _, ok, err := s.Branch(c.Branch); err != nil {
		return nil, err
	} else if !ok {
		return nil, fault.New("AG0202", "register it first", "tag %s: no branch %s is registered", c.Name, c.Branch.Short())
	}
	if err := Decide(s, Question{Account: op.Account, Right: RightTag, Branch: c.Branch}); err != nil {
		return nil, err
	}
	if t, ok, err := s.Tag(c.Name); err != nil {
		return nil, err
	} else if ok {
		return nil, fault.New("AG0703", "a tag never moves; choose another name", "tag %s is there already, at block %s", c.Name, t.Block.Short())
	}
	t := Tag{Name: c.Name, Block: c.Block, Branch: c.Branch, Tagger: op.Account, Message: c.Message, Time: op.Created}
	return []record{{keyTag(c.Name), t}}, nil
}

// Grant gives an account a role on the branches of a pattern. Needs the right
// Admin on all of that pattern.
type Grant struct {
	Role    Role                `cbor:"1,keyasint"`
	Pattern string              `cbor:"2,keyasint"`
	Account objectstore.Account `cbor:"3,keyasint"`
}

func (Grant) kind() OperationKind { return KindGrant }

func (c Grant) records(s State, op Operation) ([]record, error) {
	had, err := checkGrant(s, op, c)
	if err != nil {
		return nil, err
	}
	if err := s.notGone(c.Account); err != nil {
		return nil, err
	}
	if had {
		return nil, fault.New("AG0703", "Nothing to do: aergo dd show lists who may do what.", "%s is %s on %s already", s.who(c.Account), c.Role, c.Pattern)
	}
	return s.grantRecords(RoleRecord{Role: c.Role, Pattern: c.Pattern, Account: c.Account, By: op.Account, Since: op.Created})
}

// Revoke takes a role back that was granted with exactly this pattern. Needs the
// right Admin on all of it. The owner's roles stay.
type Revoke struct {
	Role    Role                `cbor:"1,keyasint"`
	Pattern string              `cbor:"2,keyasint"`
	Account objectstore.Account `cbor:"3,keyasint"`
}

func (Revoke) kind() OperationKind { return KindRevoke }

func (c Revoke) records(s State, op Operation) ([]record, error) {
	had, err := checkGrant(s, op, Grant(c))
	if err != nil {
		return nil, err
	}
	if c.Account == s.Owner() {
		return nil, fault.New("AG0501", "", "%s owns the ledger: the owner has every right, by the genesis", s.who(c.Account))
	}
	if c.Role == Admin && c.Pattern == "*" {
		if err := s.spares(c.Account); err != nil {
			return nil, err
		}
	}
	if !had {
		return nil, fault.New("AG0203", "only what was granted can be taken back: the same role, on the same pattern", "%s has no role %s on %s to lose", s.who(c.Account), c.Role, c.Pattern)
	}
	return s.revokeRecords(c.Role, c.Pattern, c.Account)
}

func checkGrant(s State, op Operation, g Grant) (had bool, err error) {
	if _, err := ParseRole(string(g.Role)); err != nil {
		return false, err
	}
	if err := CheckPattern(g.Pattern); err != nil {
		return false, err
	}
	if err := checkAccount("account", g.Account); err != nil {
		return false, err
	}
	if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: g.Pattern}); err != nil {
		return false, err
	}
	return s.hasRecord(keyRole(g.Role, g.Pattern, g.Account))
}

// AddIdentity gives an account a name. It gives no right. Needs the right Admin
// on everything, since a name that misleads is worse than none.
type AddIdentity struct {
	Name       string `cbor:"1,keyasint"`
	Descriptor []byte `cbor:"2,keyasint"` // canonical descriptor of the account
}

func (AddIdentity) kind() OperationKind { return KindIdentity }

func (c AddIdentity) records(s State, op Operation) ([]record, error) {
	if err := checkIdentityName(c.Name); err != nil {
		return nil, err
	}
	d, err := sign.ParseDescriptor(c.Descriptor)
	if err != nil {
		return nil, err
	}
	account := objectstore.Account(sign.AccountOf(d))
	if err := checkAccount("account", account); err != nil {
		return nil, err
	}
	if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: "*"}); err != nil {
		return nil, err
	}
	if err := s.notGone(account); err != nil {
		return nil, err
	}
	if known, ok, err := s.Identity(c.Name); err != nil {
		return nil, err
	} else if ok {
		return nil, fault.New("AG0703", "Choose another name; to give this account another key: aergo identity rotate "+c.Name+" KEY, or add-key", "%s is the name of %s already", c.Name, known.Account)
	}
	if name, ok, err := s.NameOf(account); err != nil {
		return nil, err
	} else if ok {
		return nil, fault.New("AG0703", "An account has one name for good: go on with "+name+".", "%s has the name %s already", account, name)
	}
	list := []record{
		{keyIdentity(c.Name), Identity{Name: c.Name, Account: account, Descriptor: c.Descriptor, Added: op.Created}},
		{keyAccount(account), c.Name},
	}
	if present, err := s.Present(account); err != nil || present != nil {
		return list, err // its keys were indexed when they were changed
	}
	if err := s.checkAlone(account, d); err != nil {
		return nil, err
	}
	keys, err := indexKeys(account, nil, d)
	return append(list, keys...), err
}

// SetVisibility says whether anybody may read. Needs the right Admin on
// everything.
type SetVisibility struct {
	Public bool `cbor:"1,keyasint"`
}

func (SetVisibility) kind() OperationKind { return KindVisibility }

func (c SetVisibility) records(s State, op Operation) ([]record, error) {
	if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: "*"}); err != nil {
		return nil, err
	}
	l := s.ledger
	l.Public = c.Public
	return []record{{keyLedger(), l}}, nil
}

func checkPolicy(policy string) error {
	switch policy {
	case "", "automatic", "consistent":
		return nil
	}
	return fault.New("AG0102", "use automatic or consistent", "%q is no merge policy", policy)
}
