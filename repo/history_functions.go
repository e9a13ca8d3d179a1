package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// cellOf gives a column of a row.
type cellOf = func(column int) (any, error)

// columns declares columns or arguments: names and types in turn.
func columns(namesAndTypes string) []sqlcontract.Param {
	var list []sqlcontract.Param
	for _, c := range strings.Split(namesAndTypes, ", ") {
		name, kind, _ := strings.Cut(c, " ")
		list = append(list, sqlcontract.Param{Name: name, Type: kind, HasDefault: true})
	}
	return list
}

// functions are those of a query at a block.
func (r *Repository) functions(head objectstore.Hash) []sqlcontract.TableFunction {
	return append(r.directoryTables(), []sqlcontract.TableFunction{
		{
			Name: "log", Params: columns("revision TEXT"), Lookups: []string{"block", "number"},
			Columns: columns("number INTEGER, block TEXT, time INTEGER, branch TEXT, producer TEXT, parents TEXT, transactions INTEGER"),
			Rows: func(ctx context.Context, args map[string]any, yield func(cellOf) bool) error {
				return r.logRows(ctx, head, args, yield)
			},
		},
		{
			Name: "txs", Params: columns("revision TEXT"), Lookups: []string{"tx", "block", "number"},
			Columns: columns("tx TEXT, block TEXT, number INTEGER, position INTEGER, time INTEGER, kind TEXT, contract TEXT, action TEXT, args TEXT, account TEXT, " +
				"status TEXT, code TEXT, text TEXT, gas INTEGER, changed INTEGER"),
			Rows: func(ctx context.Context, args map[string]any, yield func(cellOf) bool) error {
				return r.transactionRows(ctx, head, args, yield)
			},
		},
		{
			Name: "events", Params: columns("revision TEXT"), Lookups: []string{"tx", "block", "number"},
			Columns: columns("tx TEXT, block TEXT, number INTEGER, position INTEGER, seq INTEGER, time INTEGER, contract TEXT, event TEXT, fields TEXT"),
			Rows: func(ctx context.Context, args map[string]any, yield func(cellOf) bool) error {
				return r.eventRows(ctx, head, args, yield)
			},
		},
		{
			Name: "history", Params: rowParams(), Lookups: []string{"block", "number"},
			Columns: columns("number INTEGER, block TEXT, time INTEGER, tx TEXT, account TEXT, op TEXT, key TEXT, old TEXT, new TEXT"),
			Rows: func(ctx context.Context, args map[string]any, yield func(cellOf) bool) error {
				return r.historyRows(ctx, head, args, yield)
			},
		},
		{
			Name: "blame", Params: rowParams(),
			Columns: columns("key TEXT, number INTEGER, block TEXT, time INTEGER, tx TEXT, account TEXT"),
			Rows: func(ctx context.Context, args map[string]any, yield func(cellOf) bool) error {
				return r.blameRows(ctx, head, args, yield)
			},
		},
		{
			Name: "diff", Params: columns("relation TEXT, from_revision TEXT, to_revision TEXT"),
			Columns: columns("op TEXT, key TEXT, old TEXT, new TEXT"),
			Rows: func(ctx context.Context, args map[string]any, yield func(cellOf) bool) error {
				return r.diffRows(ctx, head, args, yield)
			},
		},
	}...)
}

// maxKeyArgs is how many columns of a key history() and blame() take; the others
// are found with key ->> 'column'.
const maxKeyArgs = 16

// rowParams are those of a function on the rows of a table: its name and the
// values of its key's first columns.
func rowParams() []sqlcontract.Param {
	list := columns("relation TEXT")
	list[0].HasDefault = false
	for i := range maxKeyArgs {
		list = append(list, sqlcontract.Param{Name: fmt.Sprintf("key%d", i+1), HasDefault: true})
	}
	return list
}

func (r *Repository) logRows(ctx context.Context, head objectstore.Hash, args map[string]any, yield func(cellOf) bool) error {
	p, err := r.past(head, args["revision"])
	if err != nil {
		return err
	}
	names, err := r.names()
	if err != nil {
		return err
	}
	return p.blocks(ctx, args, func(b branch.Block) (bool, error) {
		return yield(func(column int) (any, error) {
			switch column {
			case 0:
				return int64(b.Number), nil
			case 1:
				return b.ID.String(), nil
			case 2:
				return b.Time, nil
			case 3:
				if name := names.branches[b.Branch]; name != "" {
					return name, nil
				}
				return b.Branch.Short(), nil
			case 4:
				return string(b.Producer), nil
			case 5:
				return hashesJSON(b.Parents), nil
			}
			return int64(b.Transactions.Count), nil
		}), nil
	})
}

func (r *Repository) transactionRows(ctx context.Context, head objectstore.Hash, args map[string]any, yield func(cellOf) bool) error {
	p, err := r.past(head, args["revision"])
	if err != nil {
		return err
	}
	return p.transactions(ctx, args, func(b *bodies, position int) bool {
		return yield(func(column int) (any, error) {
			switch {
			case column == 0:
				id, err := b.transactionID(position)
				return id.String(), err
			case column < 5:
				return [...]any{b.ID.String(), int64(b.Number), int64(position), b.Time}[column-1], nil
			case column < 10:
				return b.transactionCell(position, column-5)
			}
			return b.answerCell(position, column-10)
		})
	})
}

// transactionCell gives kind, contract, action, args or account.
func (b *bodies) transactionCell(position, column int) (any, error) {
	if column == 3 {
		args, err := b.arguments(position)
		if err != nil || args == nil {
			return nil, err
		}
		return argumentsJSON(args), nil
	}
	h, err := b.signed(position)
	if err != nil {
		return nil, err
	}
	switch column {
	case 0:
		return kindName(h.Kind), nil
	case 1:
		return h.Contract, nil
	case 2:
		return orNull(h.Action), nil
	}
	return string(h.Account), nil
}

// answerCell gives status, code, text, gas or changed.
func (b *bodies) answerCell(position, column int) (any, error) {
	a, err := b.answer(position)
	if err != nil {
		return nil, err
	}
	switch column {
	case 0:
		return a.Status.String(), nil
	case 1:
		return orNull(a.Code), nil
	case 2:
		return orNull(a.Text), nil
	case 3:
		return int64(a.Gas), nil
	}
	return int64(a.Changed), nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (r *Repository) eventRows(ctx context.Context, head objectstore.Hash, args map[string]any, yield func(cellOf) bool) error {
	p, err := r.past(head, args["revision"])
	if err != nil {
		return err
	}
	var failed error
	err = p.transactions(ctx, args, func(b *bodies, position int) bool {
		a, err := b.answer(position)
		if err != nil {
			failed = err
			return false
		}
		for seq := len(a.Events) - 1; seq >= 0; seq-- {
			e := &a.Events[seq]
			if !yield(func(column int) (any, error) {
				switch column {
				case 0:
					return a.Transaction.String(), nil
				case 1:
					return b.ID.String(), nil
				case 6:
					return e.Contract, nil
				case 7:
					return e.Name, nil
				case 8:
					return cellsJSON(e.Fields, e.Values), nil
				}
				return [...]int64{int64(b.Number), int64(position), int64(seq), b.Time}[column-2], nil
			}) {
				return false
			}
		}
		return true
	})
	return errors.Join(failed, err)
}

func (r *Repository) historyRows(ctx context.Context, head objectstore.Hash, args map[string]any, yield func(cellOf) bool) error {
	p, rows, err := r.rowsOf(head, args)
	if err != nil {
		return err
	}
	return p.changes(ctx, args, rows.prefix, func(b *bodies, position int, row sqlcontract.RowChange) bool {
		return yield(func(column int) (any, error) {
			if column < 5 {
				return b.writerCell(position, column)
			}
			before, after, err := rows.tablesAt(b.Block, position)
			if err != nil {
				return nil, err
			}
			return rows.cell(column-5, before, after, row.Key, row.Old, row.New)
		})
	})
}

func (r *Repository) blameRows(ctx context.Context, head objectstore.Hash, args map[string]any, yield func(cellOf) bool) error {
	p, rows, err := r.rowsOf(head, args)
	if err != nil {
		return err
	}
	open := map[string]struct{}{} // rows whose last change is still to be found
	err = prolly.Load(r.nodes, p.head.State).Scan(rows.prefix, wire.KeyPrefixEnd(rows.prefix), func(key, _ []byte) error {
		open[string(key)] = struct{}{}
		return ctx.Err()
	})
	if err != nil || len(open) == 0 {
		return err
	}
	return p.changes(ctx, args, rows.prefix, func(b *bodies, position int, row sqlcontract.RowChange) bool {
		if _, ok := open[string(row.Key)]; !ok {
			return true
		}
		delete(open, string(row.Key))
		return yield(func(column int) (any, error) {
			if column == 0 {
				return rows.keyJSON(rows.table, row.Key)
			}
			return b.writerCell(position, column-1)
		}) && len(open) > 0
	})
}

// writerCell gives number, block, time, tx or account of who changed a row.
func (b *bodies) writerCell(position, column int) (any, error) {
	switch column {
	case 0:
		return int64(b.Number), nil
	case 1:
		return b.ID.String(), nil
	case 2:
		return b.Time, nil
	case 3:
		id, err := b.transactionID(position)
		return id.String(), err
	}
	h, err := b.signed(position)
	if err != nil {
		return nil, err
	}
	return string(h.Account), nil
}

// errEnough ends a walk whose reader has what he wanted.
var errEnough = errors.New("enough")

func (r *Repository) diffRows(ctx context.Context, head objectstore.Hash, args map[string]any, yield func(cellOf) bool) error {
	from, ok := args["from_revision"].(string)
	if !ok {
		return fault.New("AG0106", "diff('shop.item', 'main~5', 'main')", "diff() needs a table and a revision to compare with")
	}
	old, err := r.stateOf(from)
	if err != nil {
		return err
	}
	if to, ok := args["to_revision"]; ok {
		text, _ := to.(string)
		if head, err = r.Resolve(text); err != nil {
			return err
		}
	}
	b, err := r.history.Read(head)
	if err != nil {
		return err
	}
	// The table, or its contract, may be unknown to one side, and a key may fit
	// one side only.
	before, e := r.tableRows(old, args)
	rows, err := r.tableRows(b.State, args)
	switch {
	case err != nil && (e != nil || fault.Of(err) == nil):
		return err
	case e != nil && fault.Of(e) == nil:
		return e
	case err != nil:
		rows = before
	case e != nil:
		before = rows
	}
	err = prolly.Diff(prolly.Load(r.nodes, old), prolly.Load(r.nodes, b.State), rows.prefix, wire.KeyPrefixEnd(rows.prefix), func(key, was, is []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(func(column int) (any, error) { return rows.cell(column, before.table, rows.table, key, was, is) }) {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
