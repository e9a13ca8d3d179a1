package dd

import (
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// DeleteBranch takes a branch out of the directory. Its name is free again; its
// id is used for ever, so that a branch of that name that is made later is
// another one. Nobody makes blocks or head statements of it any more, or takes
// such; what was made before stays good. Needs the right Admin on its name. main
// stays, and a protected branch until its protection is ended.
type DeleteBranch struct {
	ID   objectstore.Hash `cbor:"1,keyasint"`
	Name string           `cbor:"2,keyasint"` // that it has, so that whoever signs this reads it
}

// Deleted is what the directory keeps of a branch that it had.
type Deleted struct {
	ID    objectstore.Hash    `cbor:"1,keyasint"`
	Name  string              `cbor:"2,keyasint"` // its last one: who may read that may read this
	By    objectstore.Account `cbor:"3,keyasint"`
	Since uint64              `cbor:"4,keyasint"` // number of the directory block
	Time  int64               `cbor:"5,keyasint"` // ms since 1970
}

func keyDeleted(id objectstore.Hash) []any { return []any{"deleted", id[:]} }

// Deleted gives what is known of a branch that was deleted.
func (s State) Deleted(id objectstore.Hash) (Deleted, bool, error) {
	return get[Deleted](s, keyDeleted(id))
}

func (DeleteBranch) kind() OperationKind { return KindDelete }

func (c DeleteBranch) records(s State, op Operation) ([]record, error) {
	b, ok, err := s.Branch(c.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		if err := s.notDeleted(c.ID); err != nil {
			return nil, err
		}
		return nil, fault.New("AG0202", "a local branch is deleted here alone: aergo branch -d NAME", "no branch %s is registered", c.ID.Short())
	}
	if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: b.Name}); err != nil {
		return nil, err
	}
	switch {
	case b.Name == mainBranch:
		return nil, fault.New("AG0704", "", "main is not deleted: every ledger has it")
	case b.Name != c.Name:
		return nil, fault.New("AG0533", "ask for it anew, if it is still meant", "branch %s is called %s by now, not %s", b.ID.Short(), b.Name, c.Name)
	case b.Protection != nil:
		return nil, fault.New("AG0533", "end that first: aergo branch unprotect "+b.Name, "branch %s is protected", b.Name)
	}
	gone := Deleted{ID: b.ID, Name: b.Name, By: op.Account, Since: s.block.Number + 1, Time: op.Created}
	return []record{{keyBranch(b.ID), nil}, {keyName(b.Name), nil}, {keyDeleted(b.ID), gone}}, nil
}

// notDeleted refuses a branch that was deleted (AG0532).
func (s State) notDeleted(id objectstore.Hash) error {
	d, ok, err := s.Deleted(id)
	if err == nil && ok {
		return fault.New("AG0532", "go on with what it holds on a new branch: aergo switch -c NAME, from its head",
			"branch %s, %s, was deleted in directory block %d by %s", d.Name, id.Short(), d.Since, s.who(d.By))
	}
	return err
}
