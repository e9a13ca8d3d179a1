package repo

import (
	"context"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Diff gives the rows in which two revisions differ, in key order; system tables
// are left out. It costs as much as there is difference.
func (r *Repository) Diff(ctx context.Context, a, b string, fn func(RowDiff) error) error {
	from, err := r.stateOf(a)
	if err != nil {
		return err
	}
	to, err := r.stateOf(b)
	if err != nil {
		return err
	}
	old, err := r.treeOf(from)
	if err != nil {
		return err
	}
	defer old.Close()
	new, err := r.treeOf(to)
	if err != nil {
		return err
	}
	defer new.Close()
	tables := remember(func(contract, table string) (before, after *sqlcontract.Table, err error) {
		if before, err = tableIn(old, contract, table); err != nil {
			return nil, nil, err
		}
		after, err = tableIn(new, contract, table)
		return before, after, err
	})
	return prolly.Diff(prolly.Load(r.nodes, from), prolly.Load(r.nodes, to), nil, nil, func(key, was, is []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		list, err := rowDiff(tables, key, was, is)
		for i := 0; i < len(list) && err == nil; i++ {
			err = fn(list[i])
		}
		return err
	})
}

// MergeBase gives the block from which two revisions went separate ways. With
// several (criss-cross) it gives the first by id.
func (r *Repository) MergeBase(a, b string) (objectstore.Hash, error) {
	x, err := r.Resolve(a)
	if err != nil {
		return objectstore.Hash{}, err
	}
	y, err := r.Resolve(b)
	if err != nil {
		return objectstore.Hash{}, err
	}
	bases, err := r.history.MergeBases(x, y)
	if err == nil && len(bases) == 0 {
		err = fault.New("AG0201", "", "%s and %s have no block in common", a, b)
	}
	if err != nil {
		return objectstore.Hash{}, err
	}
	return bases[0], nil
}

// stateOf is the state root of a revision.
func (r *Repository) stateOf(rev string) (objectstore.Hash, error) {
	id, err := r.Resolve(rev)
	if err != nil {
		return objectstore.Hash{}, err
	}
	b, err := r.history.Read(id)
	return b.State, err
}

// treeOf opens a throw-away tree on a state: enough to read its contracts.
func (r *Repository) treeOf(root objectstore.Hash) (*sqlcontract.Tree, error) {
	return r.treeIn(r.parts[0], root)
}

// treeIn opens a throw-away tree to execute blocks of a part.
func (r *Repository) treeIn(p *part, root objectstore.Hash) (*sqlcontract.Tree, error) {
	return sqlcontract.OpenTree(sqlcontract.Options{Engine: r.engine, Ledger: p.ledger, Owner: p.owner, Root: root})
}
