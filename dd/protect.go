package dd

import (
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Protection is what holds on a protected branch besides the rights. Then its
// Policy is binding, and no block of another branch comes onto its line.
type Protection struct {
	// Standbys may become its producer, in this order of preference.
	Standbys []objectstore.Account `cbor:"1,keyasint,omitempty"`
	// Invariants: no deploy drops or changes an INVARIANT that is in force, and
	// each new contract with tables declares one.
	Invariants bool `cbor:"2,keyasint,omitempty"`
	// Approvals is how many accounts besides the merge block's producer have to
	// approve what is merged into it.
	Approvals uint64 `cbor:"3,keyasint,omitempty"`
	// From was the branch's head when it was protected. Invariant: its line holds
	// From, and after it only blocks that were made on the branch.
	From objectstore.Hash `cbor:"4,keyasint"`
	// Since is the number of the directory block that brought the protection. A
	// merge, cherry-pick or deploy after From names it or a later one.
	Since uint64 `cbor:"5,keyasint"`
}

// ProtectBranch protects a registered branch, or changes its protection: all of
// it is said anew, but an empty Policy or Producer stays as it is. With Off it
// ends it. A new producer begins a new epoch. Needs the right Admin on its name.
type ProtectBranch struct {
	ID         objectstore.Hash      `cbor:"1,keyasint"`
	Off        bool                  `cbor:"2,keyasint,omitempty"`
	From       objectstore.Hash      `cbor:"3,keyasint,omitzero"` // its head
	Producer   objectstore.Account   `cbor:"4,keyasint,omitempty"`
	Standbys   []objectstore.Account `cbor:"5,keyasint,omitempty"`
	Invariants bool                  `cbor:"6,keyasint,omitempty"`
	Approvals  uint64                `cbor:"7,keyasint,omitempty"`
	Policy     string                `cbor:"8,keyasint,omitempty"`
}

func (ProtectBranch) kind() OperationKind { return KindProtect }

func (c ProtectBranch) records(s State, op Operation) ([]record, error) {
	b, ok, err := s.Branch(c.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New("AG0202", "aergo branch --register NAME, then protect it", "no branch %s is registered", c.ID.Short())
	}
	if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: b.Name}); err != nil {
		return nil, err
	}
	if c.Off {
		return c.off(b)
	}
	if err := c.check(s, b.Name); err != nil {
		return nil, err
	}
	if c.Policy != "" {
		b.Policy = c.Policy
	}
	if c.Producer != "" && c.Producer != b.Producer {
		b.Producer = c.Producer
		b.Epoch++
	}
	if slices.Contains(c.Standbys, b.Producer) {
		return nil, fault.New("AG0102", "", "%s is the producer of %s and not a stand-by", s.who(b.Producer), b.Name)
	}
	b.Protection = &Protection{Standbys: c.Standbys, Invariants: c.Invariants, Approvals: c.Approvals, From: c.From, Since: s.block.Number + 1}
	return []record{{keyBranch(b.ID), b}}, nil
}

func (c ProtectBranch) off(b Branch) ([]record, error) {
	if !c.From.IsZero() || c.Producer != "" || len(c.Standbys) > 0 || c.Invariants || c.Approvals > 0 || c.Policy != "" {
		return nil, fault.New("AG0102", "", "what ends a protection says nothing else")
	}
	if b.Protection == nil {
		return nil, fault.New("AG0703", "", "branch %s is not protected", b.Name)
	}
	b.Protection = nil
	return []record{{keyBranch(b.ID), b}}, nil
}

func (c ProtectBranch) check(s State, name string) error {
	if c.From.IsZero() {
		return fmt.Errorf("protect branch %s: its head is missing", name)
	}
	if err := checkPolicy(c.Policy); err != nil {
		return err
	}
	if c.Approvals > MaxApprovals || len(c.Standbys) > MaxStandbys {
		return fault.New("AG0102", "", "at most %d approvals and %d stand-bys are possible", MaxApprovals, MaxStandbys)
	}
	if c.Producer != "" {
		if err := s.mayBeProducer(c.Producer, name); err != nil {
			return err
		}
	}
	for i, a := range c.Standbys {
		if slices.Contains(c.Standbys[:i], a) {
			return fault.New("AG0102", "", "%s is a stand-by twice", s.who(a))
		}
		if err := s.mayBeProducer(a, name); err != nil {
			return err
		}
	}
	return nil
}

// Protection gives the protection of a branch, or nil.
func (s State) Protection(branch objectstore.Hash) (*Protection, error) {
	b, _, err := s.Branch(branch)
	return b.Protection, err
}
