package repo

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// AnchorOf is the change that anchors a registered branch at its head here.
func (r *Repository) AnchorOf(name string) (dd.Change, error) {
	rec, err := r.branch(name)
	if err != nil {
		return nil, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	known, registered, err := s.Branch(rec.ID)
	if err != nil {
		return nil, err
	}
	if !registered {
		return nil, fault.New("AG0202", "aergo branch --register "+string(rec.Name), "branch %s is not registered", rec.Name)
	}
	if err := r.directory.CheckContested(s, rec.ID); err != nil {
		return nil, err
	}
	id, err := branch.Head(r.db, rec.ID)
	if err != nil {
		return nil, err
	}
	head, err := r.history.Read(id)
	if err != nil {
		return nil, err
	}
	c := dd.AnchorBranch{Branch: rec.ID, Block: id, Number: uint64(head.Number), Epoch: known.Epoch}
	if a := known.Anchor; a != nil && a.Block == id && a.Epoch == known.Epoch {
		c.Sequence = a.Sequence
	}
	st, _, err := r.directory.LatestStatement(rec.ID)
	if err == nil && st.Epoch == known.Epoch {
		c.Sequence = st.Sequence
	} else if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return nil, err
	}
	return c, nil
}

// ResolutionOf is the change that keeps one block of two heads that the producer
// of a registered branch published with one number. block is its id, or as many
// digits of it as tell it from the other, or a revision that is it.
func (r *Repository) ResolutionOf(name, block string) (dd.Change, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	b, ok, err := s.BranchNamed(name)
	if err != nil {
		return nil, err
	}
	if !ok {
		rec, err := r.branch(name)
		if err != nil {
			return nil, err
		}
		b.ID, b.Name = rec.ID, string(rec.Name)
	}
	if id, err := r.Resolve(block); err == nil {
		block = id.String() // a name for one of them; the other may not be here
	}
	list, err := r.directory.Evidence()
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if e.A.Branch != b.ID {
			continue
		}
		if done, err := s.Settled(e); err != nil {
			return nil, err
		} else if done {
			continue
		}
		first, second := strings.HasPrefix(e.A.Block.String(), block), strings.HasPrefix(e.B.Block.String(), block)
		if first == second {
			return nil, fault.New("AG0201", "aergo dd resolve "+b.Name+" BLOCK", "%q is not one of the two blocks %s and %s", block, e.A.Block.Short(), e.B.Block.Short())
		}
		kept := e.A.Block
		if second {
			kept = e.B.Block
		}
		return dd.ResolveEvidence{Branch: b.ID, Epoch: e.A.Epoch, Sequence: e.A.Sequence, Block: kept}, nil
	}
	return nil, fault.New("AG0202", "aergo dd show tells what is contested", "there are no two heads of branch %s to choose from", b.Name)
}

// Kept says up to which block of a branch counts what a revoked key signed.
type Kept struct {
	Branch string
	Block  objectstore.Hash
	Number uint64
	// Lost counts the blocks of the account after Block on the branch's line here.
	Lost int
}

// Revoking is what RevocationOf revokes.
type Revoking struct {
	// Key is told by its public line, or by the first 8 digits or more that show
	// it; empty for the whole account.
	Key string
	// Instead is the public line of the key that takes its place where the account
	// signs by Key now. Empty: the account's other keys go on without it.
	Instead string
	// Last gives, by branch, a revision as the last accepted block; of the other
	// branches that are here it is the head. On branches that are not here nothing
	// of the key counts.
	Last   map[string]string
	Reason string
}

// RevocationOf is the change that revokes a key of an account, or the account,
// and what it keeps. A key by which the account signs now is taken out of it by
// the same change.
func (r *Repository) RevocationOf(i dd.Identity, w Revoking) (dd.RevokeKey, []Kept, error) {
	c := dd.RevokeKey{Account: i.Account, Reason: w.Reason}
	fail := func(err error) (dd.RevokeKey, []Kept, error) { return c, nil, err }
	s, err := r.directory.Head()
	if err != nil {
		return fail(err)
	}
	if w.Key != "" {
		if c.Key, err = r.keyEver(i, w.Key); err != nil {
			return fail(err)
		}
		if c.Keys, err = keysWithout(s, i, c.Key, w.Instead); err != nil {
			return fail(err)
		}
	}
	last := w.Last
	branches, err := r.directoryBranches(s)
	if err != nil {
		return fail(err)
	}
	if branches, err = r.withLocal(branches); err != nil {
		return fail(err)
	}
	var kept []Kept
	seen := 0
	main, err := branch.Lookup(r.db, branch.Main)
	if err != nil {
		return fail(err)
	}
	for _, b := range branches {
		rev, given := last[b.Name]
		if given {
			seen++
		}
		if !given && b.ID != main.ID && len(branches) > dd.MaxLast {
			if signed, err := r.signedBeside(main.ID, b.Head, i.Account, true); err != nil {
				return fail(err)
			} else if !signed {
				continue // what it signed there is on main, too
			}
		}
		if b.Local == "" {
			if given {
				return fail(fault.New("AG0202", "", "branch %s is not here", b.Name))
			}
			continue
		}
		block := b.Head
		if given {
			if block, err = r.Resolve(rev); err != nil {
				return fail(err)
			}
		}
		k, err := r.keptOf(b, block, i.Account)
		if err != nil {
			return fail(err)
		}
		kept = append(kept, k)
		c.Last = append(c.Last, dd.Last{Branch: b.ID, Block: block})
	}
	if seen < len(last) {
		return fail(fault.New("AG0202", "see all branches with: aergo branch", "a last block is named of a branch that is neither registered nor here"))
	}
	if len(c.Last) > dd.MaxLast {
		return fail(fault.New("AG0102", "Merge what counts into main first, then leave those branches: aergo branch -D NAME",
			"it signed on %d branches what main does not have; one revocation lists %d", len(c.Last), dd.MaxLast))
	}
	slices.SortFunc(c.Last, func(a, b dd.Last) int { return bytes.Compare(a.Branch[:], b.Branch[:]) })
	return c, kept, nil
}

// keysWithout is the descriptor of an account that does not sign by a key (32
// bytes) any more; nil where it does not now. instead, a public line, takes the
// key's place.
func keysWithout(s dd.State, i dd.Identity, key []byte, instead string) ([]byte, error) {
	d, _, err := presentKeys(s, i)
	if err != nil {
		return nil, err
	}
	if !d.HasPoint(key) {
		if instead != "" {
			return nil, fault.New("AG0510", "Leave the new key out; aergo identity rotate gives other keys.", "%s does not sign by that key any more, so nothing takes its place", i.Name)
		}
		return nil, nil
	}
	keys := slices.DeleteFunc(d.Keys(), func(k []byte) bool { return bytes.Equal(sign.Point(k), key) })
	if instead != "" {
		pub, _, err := sign.ParsePublicKey(instead)
		if err != nil {
			return nil, fault.New("AG0102", "Keys are ed25519: aergo key show NAME --public prints the line.", "this is no public key: %w", err)
		}
		keys = append(keys, pub)
	}
	if len(keys) < d.Threshold() {
		return nil, fault.New("AG0510", "Give it another one in the same step: aergo identity revoke "+i.Name+" KEY --replace NEWKEY", "%s signs by that key, and has too few without it", i.Name)
	}
	next, err := sign.MofNDescriptor(d.Threshold(), keys...)
	if err == nil && len(keys) == 1 {
		// The short form, unless the account had that before: it never goes back.
		short, err := sign.KeyDescriptor(keys[0])
		if err != nil {
			return nil, err
		}
		if had, err := s.Had(i.Account, short.Bytes()); err != nil || !had {
			return short.Bytes(), err
		}
	}
	if err != nil {
		return nil, fault.New("AG0102", "", "%s cannot have this key: %w", i.Name, err)
	}
	return next.Bytes(), nil
}

// signedBeside tells whether an account has signed a transaction, or with blocks
// also a block, that a head reaches and the head of a branch does not.
func (r *Repository) signedBeside(id branch.ID, head objectstore.Hash, account objectstore.Account, blocks bool) (bool, error) {
	from, err := branch.Head(r.db, id)
	if err != nil || head.IsZero() {
		return false, err
	}
	only, err := r.history.Only(head, from)
	if err != nil {
		return false, err
	}
	for _, id := range only {
		b, err := r.history.Read(id)
		if err != nil || blocks && b.Producer == account {
			return true, err
		}
		txs, _, err := r.bodies(b)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(txs, func(t body) bool { return t.header.Account == account }) {
			return true, nil
		}
	}
	return false, nil
}

// withLocal adds to the registered branches those that are known here only: they
// too hold what an account signed.
func (r *Repository) withLocal(list []DirectoryBranch) ([]DirectoryBranch, error) {
	local, err := r.Branches()
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, b := range list {
		named[b.Name] = true
	}
	for _, b := range local {
		if !b.Registered && !named[b.Name] {
			list = append(list, DirectoryBranch{Branch: dd.Branch{ID: b.ID, Name: b.Name}, Local: b.Name, Head: b.Head, Number: b.Number})
		}
	}
	return list, nil
}

// keptOf counts what a revocation takes from a branch here.
func (r *Repository) keptOf(b DirectoryBranch, last objectstore.Hash, account objectstore.Account) (Kept, error) {
	k := Kept{Branch: b.Name, Block: last}
	head, err := r.history.Read(last)
	if err != nil {
		return k, err
	}
	k.Number = uint64(head.Number)
	for id := b.Head; id != last; {
		x, err := r.history.Read(id)
		if err != nil {
			return k, err
		}
		if uint64(x.Number) <= k.Number || len(x.Parents) == 0 {
			return k, fault.New("AG0201", "aergo log "+b.Name, "block %s is not on the line of branch %s", last.Short(), b.Name)
		}
		if x.Producer == account {
			k.Lost++
		}
		id = x.Parents[0]
	}
	return k, nil
}

// keyEver finds a key by which an account signs or once signed.
func (r *Repository) keyEver(i dd.Identity, key string) ([]byte, error) {
	if pub, _, err := sign.ParsePublicKey(key); err == nil {
		return sign.Point(pub), nil
	}
	descriptors := [][]byte{i.Descriptor}
	err := r.DirectoryLog(context.Background(), 0, func(o DirectoryOperation) error {
		switch c := o.Change.(type) {
		case dd.SetKeys:
			if c.Account == i.Account {
				descriptors = append(descriptors, c.Descriptor)
			}
		case dd.RevokeKey:
			if c.Account == i.Account && len(c.Keys) > 0 {
				descriptors = append(descriptors, c.Keys)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, data := range descriptors {
		d, err := sign.ParseDescriptor(data)
		if err != nil {
			return nil, err
		}
		for _, k := range d.Keys() {
			if len(key) >= 8 && strings.HasPrefix(hex.EncodeToString(k), key) {
				return sign.Point(k), nil
			}
		}
	}
	return nil, fault.New("AG0221", "aergo identity show "+i.Name+" shows its keys, aergo dd log those that it had, by their first 8 digits.", "%s never signed by a key %s", i.Name, key)
}
