package repo

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// History in SQL: the functions that Query adds to a state. All of them follow
// the first-parent chain of a head, newest first, and read from the bodies of
// its blocks what the query asks for, while it asks. A merge block counts with
// its own change list, which holds all that its branch gained by it; so each
// change of a state is told once.

// past is the upper end of a first-parent chain: the blocks from head down to
// number floor.
type past struct {
	r     *Repository
	head  branch.Block
	floor uint64
}

// past reads the argument of a function on history: a revision, or A..B for
// what B has and A does not reach. Where nothing is written it is head, the
// revision of the query.
func (r *Repository) past(head objectstore.Hash, arg any) (past, error) {
	text, isText := arg.(string)
	if arg != nil && !isText {
		return past{}, fault.New("AG0106", "log('main'), log('v1..main')", "a revision is TEXT, not %v", arg)
	}
	from, to, ranged := strings.Cut(text, "..")
	if !ranged {
		from, to = "", text
	}
	var err error
	if to != "" {
		if head, err = r.Resolve(to); err != nil {
			return past{}, err
		}
	}
	p := past{r: r}
	if p.head, err = r.history.Read(head); err != nil || !ranged {
		return p, err
	}
	base, err := r.Resolve(from)
	if err != nil {
		return past{}, err
	}
	// What base reaches is the lower part of the chain.
	p.floor = uint64(sort.Search(int(p.head.Number)+1, func(n int) bool {
		id, e := r.history.AtNumber(p.head.ID, branch.Number(n))
		known := false
		if e == nil {
			known, e = r.history.IsAncestor(id, base)
		}
		if err == nil {
			err = e
		}
		return !known
	}))
	return p, err
}

// has tells whether a block is in the chain.
func (p past) has(b branch.Block) (bool, error) {
	if uint64(b.Number) < p.floor || b.Number > p.head.Number {
		return false, nil
	}
	id, err := p.r.history.AtNumber(p.head.ID, b.Number)
	return id == b.ID, err
}

// blocks gives the blocks of the chain, newest first, until fn says no. With the
// look-ups "block" or "number" it is one block or none.
func (p past) blocks(ctx context.Context, args map[string]any, fn func(branch.Block) (bool, error)) error {
	id, single := p.head.ID, false
	if n, ok := args["number"].(int64); ok {
		if n < int64(p.floor) || n > int64(p.head.Number) {
			return nil
		}
		var err error
		if id, err = p.r.history.AtNumber(id, branch.Number(n)); err != nil {
			return err
		}
		single = true
	} else if text, ok := args["block"].(string); ok {
		b, ok, err := p.blockOf(text)
		if err != nil || !ok {
			return err
		}
		id, single = b.ID, true
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := p.r.history.Read(id)
		if err != nil || uint64(b.Number) < p.floor {
			return err
		}
		more, err := fn(b)
		if err != nil || !more || single || len(b.Parents) == 0 {
			return err
		}
		id = b.Parents[0]
	}
}

// blockOf finds the block of the chain that has this id in hex.
func (p past) blockOf(text string) (branch.Block, bool, error) {
	id, err := objectstore.ParseHash(text)
	if err != nil {
		return branch.Block{}, false, nil // no block has such an id
	}
	if kind, _, err := p.r.db.Get(id); err != nil || kind != objectstore.KindBlock {
		return branch.Block{}, false, nil
	}
	b, err := p.r.history.Read(id)
	if err != nil {
		return branch.Block{}, false, err
	}
	ok, err := p.has(b)
	return b, ok, err
}

// transactions gives the place of each transaction of the chain, newest first.
// With the look-up "tx" it reads only the blocks that list that one.
func (p past) transactions(ctx context.Context, args map[string]any, fn func(b *bodies, position int) bool) error {
	if text, ok := args["tx"].(string); ok {
		return p.places(text, fn)
	}
	return p.blocks(ctx, args, func(b branch.Block) (bool, error) {
		list := &bodies{r: p.r, Block: b}
		for i := int(b.Transactions.Count) - 1; i >= 0; i-- {
			if !fn(list, i) {
				return false, nil
			}
		}
		return true, nil
	})
}

func (p past) places(text string, fn func(b *bodies, position int) bool) error {
	id, err := objectstore.ParseHash(text)
	if err != nil {
		return nil // no transaction has such an id
	}
	places, err := p.r.appearances(id)
	if err != nil {
		return err
	}
	type place struct {
		b        branch.Block
		position int
	}
	var found []place
	for _, at := range places {
		b, err := p.r.history.Read(at.block)
		if err != nil {
			return err
		}
		ok, err := p.has(b)
		if err != nil {
			return err
		}
		if ok {
			found = append(found, place{b, at.position})
		}
	}
	slices.SortFunc(found, func(x, y place) int { return int(y.b.Number) - int(x.b.Number) })
	for _, f := range found {
		if !fn(&bodies{r: p.r, Block: f.b}, f.position) {
			return nil
		}
	}
	return nil
}

// changes gives each change of a row whose key begins with prefix, newest first:
// the order of the change lists, from their end.
func (p past) changes(ctx context.Context, args map[string]any, prefix []byte, fn func(b *bodies, position int, row sqlcontract.RowChange) bool) error {
	return p.blocks(ctx, args, func(b branch.Block) (bool, error) {
		leaves, err := branch.ReadList(p.r.db, objectstore.KindChangeList, b.Changes)
		if err != nil {
			return false, fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
		list := &bodies{r: p.r, Block: b}
		for _, l := range slices.Backward(leaves) {
			// A key stands in a leaf as it is: most leaves need no decoding.
			if !bytes.Contains(l.Data, prefix) {
				continue
			}
			g, err := sqlcontract.DecodeChanges(l.Data)
			if err != nil {
				return false, fmt.Errorf("block %s: %w", b.ID.Short(), err)
			}
			for _, row := range slices.Backward(g.Rows) {
				if bytes.HasPrefix(row.Key, prefix) && !fn(list, int(g.Transaction), row) {
					return false, nil
				}
			}
		}
		return true, nil
	})
}

// bodies reads a block's transactions and receipts, each when it is first asked
// for; it keeps the ones of the position that was asked for last.
type bodies struct {
	r *Repository
	branch.Block
	transactions []objectstore.Leaf
	receipts     []objectstore.Leaf

	at      int // position of header and receipt
	header  *sqlcontract.Header
	receipt *sqlcontract.Receipt
}

func (b *bodies) leaf(list *[]objectstore.Leaf, kind objectstore.Kind, of branch.List, position int) (objectstore.Leaf, error) {
	if b.at != position {
		b.at, b.header, b.receipt = position, nil, nil
	}
	var err error
	if *list == nil {
		if *list, err = branch.ReadList(b.r.db, kind, of); err != nil {
			return objectstore.Leaf{}, fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
	}
	if position < 0 || position >= len(*list) {
		return objectstore.Leaf{}, fmt.Errorf("block %s has no transaction %d", b.ID.Short(), position)
	}
	return (*list)[position], nil
}

// transactionID is the id of the transaction at a position.
func (b *bodies) transactionID(position int) (objectstore.Hash, error) {
	l, err := b.leaf(&b.transactions, objectstore.KindTransactionList, b.Transactions, position)
	return sqlcontract.Transaction{Data: l.Data}.ID(), err
}

// signed is the header of the transaction at a position.
func (b *bodies) signed(position int) (*sqlcontract.Header, error) {
	l, err := b.leaf(&b.transactions, objectstore.KindTransactionList, b.Transactions, position)
	if err != nil || b.header != nil {
		return b.header, err
	}
	h, err := sqlcontract.DecodeHeader(l.Data)
	if err != nil {
		return nil, fmt.Errorf("block %s, transaction %d: %w", b.ID.Short(), position, err)
	}
	b.header = &h
	return b.header, nil
}

// arguments are those of the transaction at a position; nil when erased.
func (b *bodies) arguments(position int) (map[string]any, error) {
	l, err := b.leaf(&b.transactions, objectstore.KindTransactionList, b.Transactions, position)
	if err != nil {
		return nil, err
	}
	raw, err := sqlcontract.FromLeaf(l)
	if err != nil {
		return nil, fmt.Errorf("block %s, transaction %d: %w", b.ID.Short(), position, err)
	}
	return raw.Args()
}

// answer is the receipt of the transaction at a position.
func (b *bodies) answer(position int) (*sqlcontract.Receipt, error) {
	l, err := b.leaf(&b.receipts, objectstore.KindReceiptList, b.Receipts, position)
	if err != nil || b.receipt != nil {
		return b.receipt, err
	}
	r, err := sqlcontract.DecodeReceipt(l.Data)
	if err != nil {
		return nil, fmt.Errorf("block %s, transaction %d: %w", b.ID.Short(), position, err)
	}
	b.receipt = &r
	return b.receipt, nil
}
