package repo

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// RevertOptions choose what is reverted, and where.
type RevertOptions struct {
	Into        string // branch; empty: the current one
	Transaction string // the beginning of an id: only what this transaction of the block changed
	DryRun      bool   // nothing written
}

// RevertResult is what a revert did, or would do.
type RevertResult struct {
	Of          objectstore.Hash // the block that is reverted
	OfTx        objectstore.Hash // of RevertOptions.Transaction
	Target      objectstore.Hash // head before
	Block       objectstore.Hash // zero: none was made
	Transaction objectstore.Hash // the patch
	Changes     []RowDiff
	// Conflicts say why nothing was made: cells and rows that were changed since
	// (Ours and OursBy say to what and by whom, Base is what the reverted had made
	// of them, Theirs what they would have become), or declarations that would break.
	Conflicts []Conflict
}

// Revert takes back what a block of a branch's history changed (of a merge: what
// it brought, seen from its first parent), or one transaction of it (rev may then
// be empty), in one ordinary block with one patch, which lists every cell with
// the value that it expects and the value that it sets. History stays, and so
// does what has counted: a merge that was reverted brings nothing again; reverting
// the revert does.
//
// A cell that still is what the block made of it becomes what it was before. In
// a column with MERGE RULE DELTA the difference is taken back. All others were
// changed since: then Conflicts has them and nothing is made. What sets cells of
// such columns is refused where a revert took the same back already (AG0721). The key needs the
// right to set a value of its own (the contract's owner, or a role of RESOLVE
// ROLE) for each column, and to produce on the branch. A block that changed
// system contracts is refused (AG0722), and one before a MIGRATION (AG0724).
func (r *Repository) Revert(ctx context.Context, key crypto.Signer, rev string, o RevertOptions) (RevertResult, error) {
	by, err := r.signer(key, o.Into)
	if err != nil {
		return RevertResult{}, err
	}
	if err := r.nothingOpen(by.record); err != nil && !(o.DryRun && fault.Is(err, "AG0710")) {
		return RevertResult{}, err
	}
	d, err := r.begin(by, r.now(), ordinary)
	if err != nil {
		return RevertResult{}, err
	}
	defer d.abandon()
	b, position, err := r.toRevert(rev, o.Transaction, d.parent.ID)
	if err != nil {
		return RevertResult{}, err
	}
	res := RevertResult{Of: b.ID, Target: d.parent.ID}
	changes, err := r.changedBy(b, position, &res)
	if err != nil {
		return res, err
	}
	if err := r.revertible(b, d.parent, changes); err != nil {
		return res, err
	}
	state := prolly.Load(r.nodes, d.parent.State)
	ruled := func(contract, table, column string) (merge.Rule, error) {
		rule, ok, err := sqlcontract.MergeRuleIn(state.Get, contract, table, column)
		if err == nil && !ok {
			rule, _, err = sqlcontract.MergeRuleIn(state.Get, contract, table, "")
		}
		return merge.Rule{By: rule.By}, err
	}
	rows, err := merge.Revert(changes, state.Get,
		func(name string) (*sqlcontract.Contract, error) {
			c, _, _, err := d.session.Contract(name)
			return c, err
		},
		ruled)
	if err != nil {
		return res, err
	}
	of, err := merge.TakesBack(r.db, r.history, b, position)
	if err != nil {
		return res, err
	}
	if adds, err := addsUp(rows, ruled); err != nil {
		return res, err
	} else if adds {
		if err := d.notReverted(b.ID, of); err != nil {
			return res, err
		}
	}
	var patch []sqlcontract.PatchRow
	for _, row := range rows {
		patch = append(patch, row.Patch)
		list, err := conflictsOf(state, row.Row)
		if err != nil {
			return res, err
		}
		res.Conflicts = append(res.Conflicts, list...)
	}
	if len(res.Conflicts) > 0 {
		return res, r.changedSince(res.Conflicts, d.parent.ID, b, position)
	}
	args, err := sqlcontract.RevertArguments(patch, of)
	if err != nil {
		return res, err
	}
	contract, err := contractOf(patch[0].Key)
	if err != nil {
		return res, err
	}
	done, err := d.submit(sqlcontract.Request{Kind: sqlcontract.KindPatch, Contract: contract, GasLimit: sqlcontract.MaxGas, Args: args})
	if err != nil {
		return res, err
	}
	if done.Receipt.Status != sqlcontract.StatusOK {
		res.Conflicts, err = d.brokenBy(rows, done.Receipt)
		return res, err
	}
	res.Transaction, res.Changes = done.Transaction, done.Changes
	if o.DryRun {
		return res, nil
	}
	block, err := d.finish(ctx, nil)
	res.Block = block.ID
	return res, err
}

// toRevert finds the block that a revert is about, and in it the position of a
// transaction; -1 means the whole block.
func (r *Repository) toRevert(rev, transaction string, target objectstore.Hash) (branch.Block, int, error) {
	position := -1
	var id objectstore.Hash
	var err error
	if rev != "" || transaction == "" {
		if id, err = r.Resolve(rev); err != nil {
			return branch.Block{}, 0, err
		}
	}
	if transaction != "" {
		tx, err := r.transactionID(transaction)
		if err != nil {
			return branch.Block{}, 0, err
		}
		places, err := r.appearances(tx)
		if err != nil {
			return branch.Block{}, 0, err
		}
		for _, p := range places {
			ok := p.block == id
			if id.IsZero() || rev == "" {
				if ok, err = r.ranOn(p, tx, target); err != nil {
					return branch.Block{}, 0, err
				}
			}
			if ok {
				id, position = p.block, p.position
				break
			}
		}
		if position < 0 {
			return branch.Block{}, 0, fault.New("AG0721", "aergo show "+tx.Short()+" lists the blocks that have it.", "transaction %s did not run there", tx.Short())
		}
	}
	b, err := r.history.Read(id)
	if err != nil {
		return b, 0, err
	}
	known, err := r.history.IsAncestor(id, target)
	if err == nil && !known {
		err = fault.New("AG0721", "aergo log shows what is in it.", "block %s is not in the history of block %s: there is nothing of it to revert", id.Short(), target.Short())
	}
	if err == nil && len(b.Parents) == 0 {
		err = fault.New("AG0721", "", "block %s is the first one, which changed nothing", id.Short())
	}
	return b, position, err
}

// ranOn tells whether a transaction ran well in a block of a line's history.
func (r *Repository) ranOn(p appearance, tx, target objectstore.Hash) (bool, error) {
	if ok, err := r.history.IsAncestor(p.block, target); !ok || err != nil {
		return false, err
	}
	b, err := r.history.Read(p.block)
	if err != nil {
		return false, err
	}
	txs, receipts, err := r.bodies(b)
	return err == nil && p.position < len(txs) && txs[p.position].id == tx && receipts[p.position].Status == sqlcontract.StatusOK, err
}

// changedBy gives the rows that a block changed since its first parent, or that
// one transaction of it did, without those that the engine keeps by itself.
func (r *Repository) changedBy(b branch.Block, position int, res *RevertResult) ([]sqlcontract.RowChange, error) {
	var list []sqlcontract.RowChange
	note := func(key, old, new []byte) error {
		name, err := contractOf(key)
		if err == nil && name != "aergo_seen" && name != "aergo_total" {
			list = append(list, sqlcontract.RowChange{Key: slices.Clone(key), Old: slices.Clone(old), New: slices.Clone(new)})
		}
		return err
	}
	if position < 0 {
		parent, err := r.history.Read(b.Parents[0])
		if err != nil {
			return nil, err
		}
		err = prolly.Diff(prolly.Load(r.nodes, parent.State), prolly.Load(r.nodes, b.State), nil, nil, note)
		if err != nil {
			return nil, err
		}
	} else {
		txs, _, err := r.bodies(b)
		if err != nil {
			return nil, err
		}
		res.OfTx = txs[position].id
		groups, err := r.changes(b)
		if err != nil {
			return nil, err
		}
		for _, c := range groups[position] {
			if err := note(c.Key, c.Old, c.New); err != nil {
				return nil, err
			}
		}
	}
	if len(list) == 0 {
		return nil, fault.New("AG0721", "aergo show "+b.ID.Short(), "what is to be reverted of block %s changed no row", b.ID.Short())
	}
	return list, nil
}

// revertible refuses what a patch cannot take back.
func (r *Repository) revertible(b, head branch.Block, changes []sqlcontract.RowChange) error {
	parent, err := r.history.Read(b.Parents[0])
	if err != nil {
		return err
	}
	before, now := prolly.Load(r.nodes, parent.State), prolly.Load(r.nodes, head.State)
	asked := map[string]bool{}
	for _, c := range changes {
		name, err := contractOf(c.Key)
		if err != nil {
			return err
		}
		if next, system := systemNext(name); system {
			return fault.New("AG0722", next+" Rows of other transactions: aergo revert "+b.ID.Short()+" --tx ID.",
				"block %s changed %s, which no patch changes", b.ID.Short(), name)
		}
		if asked[name] {
			continue
		}
		asked[name] = true
		migrated, err := r.engine.Migrated(before.Get, now.Get, name)
		if err != nil {
			return err
		}
		if migrated {
			return fault.New("AG0724", "Call what puts it right.", "contract %s ran a MIGRATION since block %s, so its cells do not mean the same", name, b.ID.Short())
		}
	}
	return nil
}

// systemNext says how what was done to a system contract is taken back.
func systemNext(name string) (next string, system bool) {
	switch {
	case name == "aergo_contract":
		return "Deploy the earlier source: aergo contract show NAME@VERSION, aergo deploy.", true
	case name == "aergo_role":
		return "Revoke, or grant again, the role: aergo revoke ROLE --from WHO --contract C.", true
	case name == "aergo_merge":
		return "Set the rule anew: aergo merge-rule.", true
	}
	return "", strings.HasPrefix(name, "aergo_")
}

// contractOf is the contract that a state key belongs to.
func contractOf(key []byte) (string, error) {
	tuple, err := wire.DecodeKey(key)
	if err != nil || len(tuple) < 3 {
		return "", fmt.Errorf("a state key cannot be read: %w", err)
	}
	name, _ := tuple[0].(string)
	return name, nil
}

// changedSince adds to each conflict of a revert the calls that changed its row
// after what is reverted.
func (r *Repository) changedSince(conflicts []Conflict, head objectstore.Hash, b branch.Block, position int) error {
	blocks, err := r.history.Only(head, b.ID)
	if err != nil {
		return err
	}
	if position >= 0 {
		blocks = append([]objectstore.Hash{b.ID}, blocks...)
	}
	for _, id := range blocks {
		at, err := r.history.Read(id)
		if err != nil {
			return err
		}
		changes, err := r.changes(at)
		if err != nil {
			return err
		}
		var calls []CallSummary
		for p := range int(at.Transactions.Count) {
			if id == b.ID && p <= position {
				continue
			}
			for _, row := range changes[p] {
				for i := range conflicts {
					if !slices.Equal(conflicts[i].key, row.Key) {
						continue
					}
					if calls == nil {
						e, err := r.entry(at, names{}, -1)
						if err != nil {
							return err
						}
						calls = e.Calls
					}
					conflicts[i].OursBy = append(conflicts[i].OursBy, calls[p])
				}
			}
		}
	}
	return nil
}

// brokenBy shows the declarations that a revert would break.
func (d *draft) brokenBy(rows []merge.Reverted, receipt sqlcontract.Receipt) ([]Conflict, error) {
	var plan merge.Plan
	for _, row := range rows {
		plan.Rows = append(plan.Rows, row.Row)
	}
	found := d.session.Violations()
	if len(found) == 0 {
		if receipt.Code != "AG0415" {
			return nil, refusal(receipt)
		}
		found = []sqlcontract.Violation{{Code: receipt.Code, Text: receipt.Text}}
	}
	var list []Conflict
	for _, v := range found {
		c, err := d.broken(plan, v)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// revertText is a revert in one line.
func revertText(args map[string]any) string {
	rows, of, err := sqlcontract.PatchOf(args)
	switch {
	case args == nil || err != nil:
		return "revert"
	case of == nil:
		return fmt.Sprintf("revert (rows: %d)", len(rows))
	}
	return fmt.Sprintf("revert %s (rows: %d)", of[0].Short(), len(rows))
}

// reverted checks the revert at a position of a block without executing: that its
// signer had the right for it there, that every value was as it expects, and that
// the change list has exactly its rows. What the transactions before it in the
// block left is read from the change list.
func (v *verification) reverted(b branch.Block, parent branch.Header, position int, t body) error {
	if t.args == nil {
		return errors.New("it has no arguments: what was reverted cannot be erased")
	}
	rows, _, err := sqlcontract.PatchOf(t.args)
	if err != nil {
		return err
	}
	changes, err := v.r.changes(b)
	if err != nil {
		return err
	}
	over := map[string][]byte{}
	for i := range position {
		for _, c := range changes[i] {
			over[string(c.Key)] = c.New
		}
	}
	state := prolly.Load(v.r.nodes, parent.State)
	want, err := v.r.engine.RevertRows(func(key []byte) ([]byte, bool, error) {
		if value, ok := over[string(key)]; ok {
			return value, value != nil, nil
		}
		return state.Get(key)
	}, t.header.Account, rows)
	if err != nil {
		return err
	}
	is := slices.DeleteFunc(slices.Clone(changes[position]), func(c sqlcontract.RowChange) bool {
		name, err := contractOf(c.Key)
		return err == nil && name == "aergo_total"
	})
	if !slices.EqualFunc(is, want, func(a, b sqlcontract.RowChange) bool {
		return string(a.Key) == string(b.Key) && string(a.Old) == string(b.Old) && string(a.New) == string(b.New) &&
			(a.Old == nil) == (b.Old == nil) && (a.New == nil) == (b.New == nil)
	}) {
		return errors.New("the change list has other rows than it says")
	}
	return nil
}
