package merge

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// In a column with the rule DELTA two reverts of one thing, one on each side, add
// up to taking it back twice: a payment refunded two times. They are two
// transactions, so what counts is what they take back. Each says it itself: the
// block that it was made for may be on a branch that not everybody has.

// TakesBack gives what the revert of a block takes back, or, from 0, that of the
// transaction at a position of its list: what it names, then, ascending, the
// transactions that the block brought to its first parent's line. A transaction
// takes itself back alone, but the patch of a merge all that the merge brought.
func TakesBack(store objectstore.Store, history *branch.History, b branch.Block, position int) ([]objectstore.Hash, error) {
	named := b.ID
	if position >= 0 {
		entries, err := readBlock(store, b)
		if err != nil {
			return nil, err
		}
		named = entries[position].Transaction.ID()
		if !entries[position].ofMerge {
			return []objectstore.Hash{named}, nil
		}
	}
	blocks, err := readLine(store, history, b.ID, b.Parents[0])
	if err != nil {
		return nil, err
	}
	var brought []objectstore.Hash
	for _, at := range blocks {
		for _, e := range at.entries {
			if id := e.Transaction.ID(); e.OK() && id != named {
				brought = append(brought, id)
			}
		}
	}
	slices.SortFunc(brought, func(a, b objectstore.Hash) int { return bytes.Compare(a[:], b[:]) })
	return append([]objectstore.Hash{named}, slices.Compact(brought)...), nil
}

// revertedTwice gives the reverts of both sides that take back the same.
func revertedTwice(a, b side) []execution {
	return append(a.alsoTakenBack(b), b.alsoTakenBack(a)...)
}

// alsoTakenBack gives the reverts that take back something that the other side takes back too.
func (s side) alsoTakenBack(other side) []execution {
	taken := map[objectstore.Hash]bool{}
	for _, e := range other.ran {
		for _, id := range e.reverts {
			taken[id] = true
		}
	}
	var list []execution
	for _, x := range s.order {
		if e, ok := s.ran[x]; ok && slices.ContainsFunc(e.reverts, func(id objectstore.Hash) bool { return taken[id] }) {
			list = append(list, e)
		}
	}
	return list
}

// revertOf gives what a transaction takes back, nil if it is no revert. The
// arguments of a revert are never erased.
func revertOf(c Candidate) ([]objectstore.Hash, error) {
	if c.kind != sqlcontract.KindPatch || c.ofMerge {
		return nil, nil
	}
	args, err := c.Transaction.Args()
	if err != nil {
		return nil, fmt.Errorf("revert %s: %w", c.Transaction.ID().Short(), err)
	}
	_, of, err := sqlcontract.PatchOf(args)
	if err != nil {
		return nil, fmt.Errorf("revert %s: %w", c.Transaction.ID().Short(), err)
	}
	return of, nil
}
