package merge

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// An execution is one execution of a transaction: position i of a block's list.
type execution struct {
	block    objectstore.Hash
	position int
	account  objectstore.Account
}

// side is what one line of history did since it left the other.
type side struct {
	ran      map[objectstore.Hash]execution        // by transaction, the last one
	order    []objectstore.Hash                    // of ran
	excluded map[objectstore.Hash]objectstore.Hash // by transaction: the block where it ran, as the verdict says
}

// mark reads from the history which cells are special: those that a transaction
// wrote which ran on both sides, or was excluded on both, and those of a
// transaction of the source whose signer may not write on the target.
func (m *threeWay) mark(store objectstore.Store, history *branch.History, ours, theirs objectstore.Hash, may func(objectstore.Account) error) error {
	a, err := readSide(store, history, ours, theirs)
	if err != nil {
		return err
	}
	b, err := readSide(store, history, theirs, ours)
	if err != nil {
		return err
	}
	m.Twice, m.Denied = Cells{}, Cells{}
	rows := sourceRows{store: store, history: history}
	tables := map[string]*layout{}
	note := func(into Cells, e execution) error {
		changes, err := rows.of(e.block, e.position)
		if err != nil {
			return err
		}
		for _, c := range changes {
			l, err := m.table(tables, c.Key)
			if err != nil {
				return err
			}
			if l == nil {
				continue
			}
			old, err1 := l.row(c.Old)
			new, err2 := l.row(c.New)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			into.Add(c.Key, old, new)
		}
		return nil
	}
	for _, id := range b.order {
		there := b.ran[id]
		if here, ok := a.ran[id]; ok {
			if err := errors.Join(note(m.Twice, here), note(m.Twice, there)); err != nil {
				return err
			}
		}
		switch err := may(there.account); {
		case err == nil:
		case denied(err):
			if err := note(m.Denied, there); err != nil {
				return err
			}
		default:
			return err
		}
	}
	for id, block := range b.excluded {
		if _, ok := a.excluded[id]; !ok {
			continue
		}
		at, err := find(store, history, block, id)
		if err != nil {
			return err
		}
		if err := note(m.Twice, at); err != nil {
			return err
		}
	}
	return nil
}

func readSide(store objectstore.Store, history *branch.History, head, other objectstore.Hash) (side, error) {
	s := side{ran: map[objectstore.Hash]execution{}, excluded: map[objectstore.Hash]objectstore.Hash{}}
	blocks, err := history.Only(head, other)
	if err != nil {
		return s, fmt.Errorf("finding what %s has and %s has not: %w", head.Short(), other.Short(), err)
	}
	for _, id := range blocks {
		b, err := history.Read(id)
		if err != nil {
			return s, err
		}
		entries, err := readBlock(store, b)
		if err != nil {
			return s, fmt.Errorf("block %s: %w", id.Short(), err)
		}
		var verdicts []branch.Verdict
		if !b.MergeRecord.IsZero() {
			record, err := branch.ReadMergeRecord(store, b.MergeRecord)
			if err != nil {
				return s, err
			}
			verdicts = record.Verdicts
		}
		for i, e := range entries {
			tx := e.Transaction.ID()
			switch {
			case e.status == sqlcontract.StatusOK:
				if _, known := s.ran[tx]; !known {
					s.order = append(s.order, tx)
				}
				s.ran[tx] = execution{id, i, e.account}
				delete(s.excluded, tx)
			case e.status == sqlcontract.StatusExcluded && i < len(verdicts):
				s.excluded[tx] = verdicts[i].Block
			}
		}
	}
	return s, nil
}

// find gives the place of a transaction in a block.
func find(store objectstore.Store, history *branch.History, block, tx objectstore.Hash) (execution, error) {
	b, err := history.Read(block)
	if err != nil {
		return execution{}, err
	}
	entries, err := readBlock(store, b)
	if err != nil {
		return execution{}, err
	}
	for i, e := range entries {
		if e.Transaction.ID() == tx {
			return execution{block, i, e.account}, nil
		}
	}
	return execution{}, fmt.Errorf("block %s does not hold transaction %s, which a verdict says of it", block.Short(), tx.Short())
}

// denied tells a missing right from trouble.
func denied(err error) bool {
	f := fault.Of(err)
	return f != nil && strings.HasPrefix(f.ID, "AG05")
}
