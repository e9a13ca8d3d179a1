package repo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// consistent makes the draft a consistent merge, if nothing is open.
func (d *draft) consistent(ctx context.Context, res *MergeResult, choices []merge.Choice, write bool) error {
	r := d.r
	directory, err := r.directory.At(d.directory)
	if err != nil {
		return err
	}
	in := r.mergeInput(directory, d.record, res.Source, d.parent.ID)
	plan, err := merge.Consistent(ctx, in, d.session, choices)
	if err != nil {
		return err
	}
	res.Kind, res.Bases, res.Rows = branch.Consistent.String(), plan.Bases, len(plan.Rows)
	l, err := d.addVerdicts(plan.Outcomes, res)
	if err != nil {
		return err
	}
	tables := remember(func(contract, table string) (before, after *sqlcontract.Table, err error) {
		return l.tables(contract, table, len(plan.Outcomes)) // those in force after all of them
	})
	state := prolly.Load(r.nodes, d.parent.State)
	if err := mayChoose(state, d.account, choices); err != nil {
		return err
	}
	for _, row := range plan.Rows {
		if len(row.Conflicts) > 0 {
			c, err := conflictsOf(state, row)
			if err != nil {
				return err
			}
			res.Conflicts = append(res.Conflicts, c...)
		}
		c, ok, err := row.Change()
		if err != nil {
			return err
		}
		if ok {
			diffs, err := rowDiff(tables, c.Key, c.Old, c.New)
			if err != nil {
				return err
			}
			res.Changes = appendLean(res.Changes, diffs)
		}
	}
	if len(plan.Unused) > 0 {
		res.unused = plan.Unused
		return nil
	}
	if plan.Open > 0 {
		return d.who(res)
	}
	patch, err := d.patch(choices)
	if err != nil {
		return err
	}
	violations, err := plan.Write(in, d.session, patch)
	if err != nil {
		return err
	}
	if len(violations) > 0 {
		for _, v := range violations {
			c, err := d.broken(plan, v)
			if err != nil {
				return err
			}
			res.Conflicts = append(res.Conflicts, c)
		}
		return d.who(res)
	}
	if !write {
		return nil
	}
	record := branch.MergeRecord{Version: 1, Kind: branch.Consistent, Source: res.Source, Bases: plan.Bases}
	for _, o := range plan.Outcomes {
		record.Verdicts = append(record.Verdicts, o.Verdict)
	}
	block, err := d.finish(ctx, &record)
	res.Block = block.ID
	return err
}

// mergeInput is what a consistent merge into a branch is made of, by the rights
// of a directory.
func (r *Repository) mergeInput(directory dd.State, rec branch.Record, source, target objectstore.Hash) merge.Input {
	return merge.Input{Store: r.db, History: r.history, Engine: r.engine, Verifier: r.verifier, Source: source, Target: target,
		May: func(account objectstore.Account, keys []byte) error { return runs(directory, account, keys, rec) }}
}

// patch signs the transaction that brings the merged rows and says who chose
// what.
func (d *draft) patch(choices []merge.Choice) (sqlcontract.VerifiedTransaction, error) {
	q := sqlcontract.Request{Kind: sqlcontract.KindPatch, Contract: patchContract}
	if len(choices) > 0 {
		data, err := merge.EncodeChoices(choices)
		if err != nil {
			return sqlcontract.VerifiedTransaction{}, err
		}
		q.Args = map[string]any{patchArgument: data}
	}
	return d.sign(q)
}

// A patch names the system contract of the merge rules; its one argument holds
// the choices, and is left out where there are none.
const (
	patchContract = "aergo_merge"
	patchArgument = "choices"
)

// choicesOf reads the choices of a patch.
func choicesOf(args map[string]any) ([]merge.Choice, error) {
	if len(args) == 0 {
		return nil, nil
	}
	data, ok := args[patchArgument].([]byte)
	if !ok || len(args) != 1 {
		return nil, errors.New("a patch has one argument, choices")
	}
	list, err := merge.DecodeChoices(data)
	if err == nil && len(list) == 0 {
		err = errors.New("a patch without choices has no argument")
	}
	return list, err
}

// mayChoose checks what a resolver may decide: ours and theirs are for who makes
// blocks of the target, which the caller has asked; a value of his own needs the
// contract's owner or a role that the MERGE RULE names.
func mayChoose(state *prolly.Map, account objectstore.Account, choices []merge.Choice) error {
	for _, c := range choices {
		if c.Take != merge.Value {
			continue
		}
		tuple, err := wire.DecodeKey(c.Key)
		if err != nil {
			return err
		}
		contract, _ := tuple[0].(string)
		table, _ := tuple[1].(string)
		ok, err := sqlcontract.MaySet(state.Get, contract, table, c.Column, account)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New("AG0501", "Take a side: aergo resolve --ours or --theirs; or have the contract's owner, or who holds a role of its RESOLVE ROLE, resolve it.",
				"%s may not set %s.%s.%s to a value of its own", account, contract, table, c.Column)
		}
	}
	return nil
}

// conflictsOf makes the conflicts of a row readable.
func conflictsOf(state *prolly.Map, row merge.Row) ([]Conflict, error) {
	tuple, err := wire.DecodeKey(row.Key)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(row.Table.Values))
	for i, c := range row.Table.Values {
		names[i] = row.Table.Columns[c].Name
	}
	var keyNames []string
	for _, c := range row.Table.Key {
		keyNames = append(keyNames, row.Table.Columns[c].Name)
	}
	cell := func(cells []any, i int) any {
		if i < len(cells) {
			return cells[i]
		}
		return nil
	}
	var list []Conflict
	for _, x := range row.Conflicts {
		c := Conflict{Kind: string(x.Kind), Contract: row.Contract, Table: row.Table.Name, KeyNames: keyNames, Key: tuple[2:], key: row.Key,
			InBase: row.Base != nil, InOurs: row.Ours != nil, InTheirs: row.Theirs != nil}
		if x.Column == merge.WholeRow {
			c.Columns, c.Base, c.Ours, c.Theirs = names, row.Base, row.Ours, row.Theirs
			c.BaseUnknown = slices.Contains(row.Unknown, true)
		} else {
			c.Column, c.Columns = names[x.Column], names[x.Column:x.Column+1]
			c.Base, c.Ours, c.Theirs = []any{cell(row.Base, x.Column)}, []any{cell(row.Ours, x.Column)}, []any{cell(row.Theirs, x.Column)}
			c.BaseUnknown = row.Unknown != nil && row.Unknown[x.Column]
		}
		rule, ok, err := sqlcontract.MergeRuleIn(state.Get, c.Contract, c.Table, c.Column)
		if err == nil && !ok && c.Column != "" {
			rule, ok, err = sqlcontract.MergeRuleIn(state.Get, c.Contract, c.Table, "")
		}
		if err != nil {
			return nil, err
		}
		if ok {
			c.Rule = rule.String()
		}
		list = append(list, c)
	}
	return list, nil
}

// broken makes a violation readable, with the row as each side has it.
func (d *draft) broken(plan merge.Plan, v sqlcontract.Violation) (Conflict, error) {
	c := Conflict{Kind: violationKind(v.Code), Contract: v.Contract, Table: v.Table, Text: v.Text, Code: v.Code}
	i := slices.IndexFunc(plan.Rows, func(r merge.Row) bool { return slices.Equal(r.Key, v.Key) })
	if i < 0 {
		return c, nil
	}
	row := plan.Rows[i]
	row.Conflicts = []merge.Conflict{{Kind: merge.Kind(c.Kind), Column: merge.WholeRow}}
	full, err := conflictsOf(prolly.Load(d.r.nodes, d.parent.State), row)
	if err != nil {
		return c, err
	}
	full[0].Text, full[0].Code, full[0].Merged, full[0].Rule = v.Text, v.Code, row.Merged, ""
	return full[0], nil
}

func violationKind(code string) string {
	switch code {
	case "AG0411", "AG0429": // one that cannot be computed on the row
		return "check"
	case "AG0412":
		return "unique"
	case "AG0413":
		return "not null"
	case "AG0414":
		return "foreign key"
	case "AG0415":
		return "invariant"
	}
	return fmt.Sprintf("limit (%s)", code)
}

// who adds to each conflict the calls that wrote it, on each side.
func (d *draft) who(res *MergeResult) error {
	keys := map[string][]int{}
	for i, c := range res.Conflicts {
		keys[string(c.key)] = append(keys[string(c.key)], i)
	}
	side := func(head, other objectstore.Hash, add func(c *Conflict, by CallSummary)) error {
		blocks, err := d.r.history.Only(head, other)
		if err != nil {
			return err
		}
		for _, id := range blocks {
			b, err := d.r.history.Read(id)
			if err != nil {
				return err
			}
			changes, err := d.r.changes(b)
			if err != nil {
				return err
			}
			var calls []CallSummary
			for _, position := range slices.Sorted(maps.Keys(changes)) {
				for _, row := range changes[position] {
					for _, i := range keys[string(row.Key)] {
						if calls == nil {
							e, err := d.r.entry(b, names{}, -1)
							if err != nil {
								return err
							}
							calls = e.Calls
						}
						add(&res.Conflicts[i], calls[position])
					}
				}
			}
		}
		return nil
	}
	err := side(d.parent.ID, res.Source, func(c *Conflict, by CallSummary) { c.OursBy = append(c.OursBy, by) })
	if err != nil {
		return err
	}
	return side(res.Source, d.parent.ID, func(c *Conflict, by CallSummary) { c.TheirsBy = append(c.TheirsBy, by) })
}
