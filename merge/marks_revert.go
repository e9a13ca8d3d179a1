package merge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// In a column with the rule DELTA two reverts of one thing, one on each side, add
// up to taking it back twice: a payment refunded two times. They are two
// transactions, so what counts is what they take back.

// takenBack is what the reverts of one side take back.
type takenBack struct {
	reverts []execution
	ids     [][]objectstore.Hash // of each: the block or transaction that it names, and a block's transactions
	all     map[objectstore.Hash]bool
}

// takenBack asks expand what a block or transaction that a revert names comes to.
func (s side) takenBack(expand func(of objectstore.Hash) ([]objectstore.Hash, error)) (takenBack, error) {
	t := takenBack{all: map[objectstore.Hash]bool{}}
	for _, x := range s.order {
		e, ok := s.ran[x]
		if !ok || e.reverts.IsZero() {
			continue
		}
		ids, err := expand(e.reverts)
		if err != nil {
			return t, err
		}
		t.reverts, t.ids = append(t.reverts, e), append(t.ids, ids)
		for _, id := range ids {
			t.all[id] = true
		}
	}
	return t, nil
}

// also gives the reverts that take back something that the other side takes back too.
func (t takenBack) also(other takenBack) []execution {
	var list []execution
	for i, e := range t.reverts {
		if slices.ContainsFunc(t.ids[i], func(id objectstore.Hash) bool { return other.all[id] }) {
			list = append(list, e)
		}
	}
	return list
}

// revertedTwice gives the reverts of both sides that take back the same.
func revertedTwice(store objectstore.Store, history *branch.History, a, b side, heads ...objectstore.Hash) ([]execution, error) {
	expand := func(of objectstore.Hash) ([]objectstore.Hash, error) {
		return reverted(store, history, of, heads)
	}
	ours, err1 := a.takenBack(expand)
	theirs, err2 := b.takenBack(expand)
	return append(ours.also(theirs), theirs.also(ours)...), errors.Join(err1, err2)
}

// reverted gives what a revert of a block or transaction takes back: itself, and
// of a block in the history of a head the transactions that came to the line with
// it. Other blocks are not looked at, for not everybody has them.
func reverted(store objectstore.Store, history *branch.History, of objectstore.Hash, heads []objectstore.Hash) ([]objectstore.Hash, error) {
	ids := []objectstore.Hash{of}
	kind, _, err := store.Get(of)
	if errors.Is(err, objectstore.ErrNotFound) || err == nil && kind != objectstore.KindBlock {
		return ids, nil
	}
	if err != nil {
		return nil, err
	}
	known := false
	for _, head := range heads {
		in, err := history.IsAncestor(of, head)
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return nil, err
		}
		known = known || err == nil && in
	}
	if !known {
		return ids, nil
	}
	b, err := history.Read(of)
	if err != nil || len(b.Parents) == 0 {
		return ids, err
	}
	brought, err := readLine(store, history, of, b.Parents[0])
	if err != nil {
		return nil, err
	}
	for _, b := range brought {
		for _, e := range b.entries {
			ids = append(ids, e.Transaction.ID())
		}
	}
	return ids, nil
}

// revertOf gives the block or transaction that a transaction reverts, zero if it
// is no revert. The arguments of a revert are never erased.
func revertOf(c Candidate) (of objectstore.Hash, err error) {
	if c.kind != sqlcontract.KindPatch || c.ofMerge {
		return of, nil
	}
	args, err := c.Transaction.Args()
	if err != nil {
		return of, fmt.Errorf("revert %s: %w", c.Transaction.ID().Short(), err)
	}
	if _, of, err = sqlcontract.PatchOf(args); err != nil {
		return of, fmt.Errorf("revert %s: %w", c.Transaction.ID().Short(), err)
	}
	return of, nil
}
