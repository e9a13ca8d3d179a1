package cli

import (
	"fmt"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

type conflictJSON struct {
	Kind     string         `json:"kind"`
	Path     string         `json:"path"` // as aergo resolve takes it
	Contract string         `json:"contract"`
	Table    string         `json:"table"`
	Key      map[string]any `json:"key"`
	Column   string         `json:"column,omitempty"` // none: the whole row
	Base     map[string]any `json:"base"`             // null: no row
	Ours     map[string]any `json:"ours"`
	Theirs   map[string]any `json:"theirs"`
	Merged   map[string]any `json:"merged,omitempty"` // of a broken declaration
	Rule     string         `json:"rule,omitempty"`
	Code     string         `json:"code,omitempty"`
	Text     string         `json:"text,omitempty"`
	OursBy   []callJSON     `json:"ours_by"`
	TheirsBy []callJSON     `json:"theirs_by"`
}

func conflictsJSON(list []repo.Conflict) []conflictJSON {
	var out []conflictJSON
	for _, c := range list {
		side := func(in bool, cells []any) map[string]any {
			if !in {
				return nil
			}
			return object(c.Columns, cells)
		}
		j := conflictJSON{Kind: c.Kind, Path: conflictPath(c), Contract: c.Contract, Table: c.Table, Key: object(c.KeyNames, c.Key), Column: c.Column,
			Base: side(c.InBase && !c.BaseUnknown, c.Base), Ours: side(c.InOurs, c.Ours), Theirs: side(c.InTheirs, c.Theirs), Merged: side(c.Merged != nil, c.Merged),
			Rule: c.Rule, Code: c.Code, Text: c.Text, OursBy: []callJSON{}, TheirsBy: []callJSON{}}
		for _, by := range c.OursBy {
			j.OursBy = append(j.OursBy, callOf(by))
		}
		for _, by := range c.TheirsBy {
			j.TheirsBy = append(j.TheirsBy, callOf(by))
		}
		out = append(out, j)
	}
	return out
}

// byCells prints a consistent merge.
func (a *app) byCells(m repo.MergeResult, into string) error {
	if len(m.Conflicts) > 0 {
		a.status = 1
	}
	if a.json {
		return a.emit(mergeOf(m))
	}
	a.verdicts(m)
	if len(m.Conflicts) == 0 {
		a.done("Merge block %s on %s: %s by cell, %s.", m.Block.Short(), into, plural(m.Rows, "row"), changed(m.Changes))
		return nil
	}
	a.conflictLines(m.Conflicts)
	a.say("%s. Nothing is lost and nothing is published.", plural(len(m.Conflicts), "conflict"))
	a.conflictNext(m)
	return nil
}

func (a *app) conflictNext(m repo.MergeResult) {
	list := m.Conflicts
	if slices.ContainsFunc(list, isSum) {
		a.next("aergo merge --abort, then aergo merge %s --automatic: the calls run again, and each counts once · aergo resolve", m.Source.Short())
		return
	}
	i := slices.IndexFunc(list, repo.Conflict.Open)
	if i < 0 {
		a.next("other calls on one of the branches, or other choices: aergo merge --abort")
		return
	}
	path := list[i].Contract + "." + list[i].Table
	if list[i].Column != "" {
		path += "." + list[i].Column
	}
	a.next("aergo resolve · aergo resolve --theirs %s · aergo merge --abort", shellWord(path))
}

// conflictLines prints each conflict: where, base → ours | base → theirs, and
// who did what on each side.
func (a *app) conflictLines(list []repo.Conflict) {
	var lines [][]string
	for _, c := range list {
		where := []string{"  " + c.Contract + "." + c.Table, keyBy(repo.RowDiff{Columns: c.KeyNames, Key: c.Key}, shortCell), c.Column}
		if c.Open() {
			what := a.sideText(c, c.InOurs, c.Ours) + " | " + a.sideText(c, c.InTheirs, c.Theirs)
			lines = append(lines, append(where, what, a.conflictWord(c), a.byText(c)))
			continue
		}
		lines = append(lines, append(where, strings.TrimSpace(rowCells(c.Columns, c.Merged)), a.conflictWord(c), a.byText(c)))
	}
	a.columns(lines)
}

// conflictWord says what the conflict is.
func (a *app) conflictWord(c repo.Conflict) string {
	word := "CONFLICT"
	switch {
	case !c.Open():
		word = strings.ToUpper(c.Kind)
		if c.Text != "" {
			word += " " + clean(c.Text)
		}
	case c.Kind != "cell":
		word += " (" + c.Kind + ")"
	}
	return word
}

// sideText is what one side made of it: "400 → 450".
func (a *app) sideText(c repo.Conflict, in bool, cells []any) string {
	before, after := "absent", "absent"
	switch {
	case c.BaseUnknown:
		before = "?"
	case c.InBase:
		before = cellsText(c, c.Base)
	}
	if in {
		after = cellsText(c, cells)
	}
	if before == after {
		return "kept"
	}
	if c.Column == "" && in && c.InBase {
		return "changed"
	}
	return before + " → " + after
}

func cellsText(c repo.Conflict, cells []any) string {
	if c.Column != "" && len(cells) == 1 {
		return shortCell(cells[0])
	}
	return "present"
}

// sideCell is a cell where NULL, the text NULL and no text stand side by side.
func sideCell(v any) string {
	if text, ok := v.(string); ok && (text == "" || text == "NULL") {
		return "'" + text + "'"
	}
	return cell(v)
}

func rowCells(names []string, cells []any) string {
	var b strings.Builder
	for i, v := range cells {
		fmt.Fprintf(&b, " %s=%s", names[i], shortCell(v))
	}
	return b.String()
}

func (a *app) byText(c repo.Conflict) string {
	side := func(list []repo.CallSummary) string {
		if len(list) == 0 {
			return "-"
		}
		last := list[len(list)-1]
		s := fmt.Sprintf("%s by %s", clean(last.Text), a.who(last.Account))
		if len(list) > 1 {
			s += fmt.Sprintf(" and %d more", len(list)-1)
		}
		return s
	}
	return "ours: " + side(c.OursBy) + " · theirs: " + side(c.TheirsBy)
}

func (a *app) conflictsCommand() *ucli.Command {
	return &ucli.Command{
		Name: "conflicts", Usage: "show what is open in a merge by cell", Category: "history",
		Description: "Each line is a cell or a row that both sides changed: what ours and theirs made of\n" +
			"it, and by which calls. Exits with 1 while there is any.",
		Flags: []ucli.Flag{&ucli.StringFlag{Name: "into", Usage: "of branch `B`, not the current one"}},
		Action: func(c *ucli.Context) error {
			r, key, err := a.beginSigning(c, 0, 0, "conflicts")
			if err != nil {
				return err
			}
			m, err := r.Conflicts(a.ctx, key, c.String("into"))
			if err != nil {
				return err
			}
			return a.openState(m)
		},
	}
}

// openState prints a merge that is still open.
func (a *app) openState(m repo.MergeResult) error {
	if len(m.Conflicts) > 0 {
		a.status = 1
	}
	if a.json {
		return a.emit(mergeOf(m))
	}
	a.conflictLines(m.Conflicts)
	if len(m.Conflicts) == 0 {
		a.say("Nothing is open.")
		a.next("aergo merge --continue")
		return nil
	}
	a.say("%s of the merge of %s.", plural(len(m.Conflicts), "conflict"), m.Source.Short())
	a.conflictNext(m)
	return nil
}

func (a *app) resolveCommand() *ucli.Command {
	return &ucli.Command{
		Name: "resolve", Usage: "settle conflicts of a merge by cell", ArgsUsage: "[PATH…]", Category: "history",
		Description: "PATH is shop.item[tea].price, shop.item.price, shop.item or shop; without one all\n" +
			"conflicts are meant. A key cell that holds , ] = or a quote stands in quotes, as in\n" +
			"aergo conflicts --json: '[\"a,b\",1]'. Of two that mean one conflict the one that says more goes\n" +
			"first, --set in any place. Without --ours, --theirs and --set it asks for each. What was chosen is\n" +
			"kept, and signed in the merge block, which is made when nothing is left.\n" +
			"In a column with MERGE RULE DELTA a side gives up what the other one added: then it asks.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "ours", Usage: "take what this branch has"},
			&ucli.BoolFlag{Name: "theirs", Usage: "take what the source has"},
			&ucli.StringSliceFlag{Name: "set", Usage: "set a cell: `PATH=VALUE`"},
			&ucli.StringSliceFlag{Name: "set-null", Usage: "set the cell `PATH` to NULL"},
			&ucli.StringSliceFlag{Name: "undo", Usage: "take back what was chosen for `PATH`"},
			&ucli.BoolFlag{Name: "reset", Usage: "take back all choices"},
			&ucli.StringFlag{Name: "into", Usage: "of the merge into branch `B`, not the current one"},
		},
		Action: a.resolve,
	}
}

func (a *app) resolve(c *ucli.Context) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	if c.IsSet("undo") || c.Bool("reset") {
		return a.unsettle(c, r)
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	into := c.String("into")
	open, err := r.Conflicts(a.ctx, key, into)
	if err != nil {
		return err
	}
	var choices []repo.Choice
	side := merge.Side(0)
	switch {
	case c.Bool("ours") && c.Bool("theirs"):
		return usage("AG0105", "resolve --ours PATH", "--ours and --theirs go one at a time")
	case c.Bool("ours"):
		side = merge.Ours
	case c.Bool("theirs"):
		side = merge.Theirs
	}
	if side != 0 {
		for _, p := range c.Args().Slice() {
			choice, err := parsePath(p)
			if err != nil {
				return err
			}
			choice.Take = side
			choices = append(choices, choice)
		}
		if c.NArg() == 0 {
			choices = append(choices, repo.Choice{Take: side})
		}
	} else if c.NArg() > 0 {
		return usage("AG0105", "resolve --theirs "+c.Args().First(), "say what to take: --ours, --theirs, or --set PATH=VALUE")
	}
	for _, text := range c.StringSlice("set") {
		path, value, ok := cutPath(text)
		if !ok {
			return usage("AG0105", "resolve --set 'shop.item[tea].price=475'", "--set %s has no value", text)
		}
		choice, err := a.setTo(r, into, path, &value)
		if err != nil {
			return err
		}
		choices = append(choices, choice)
	}
	for _, path := range c.StringSlice("set-null") {
		choice, err := a.setTo(r, into, path, nil)
		if err != nil {
			return err
		}
		choices = append(choices, choice)
	}
	if len(choices) == 0 {
		if choices, err = a.walkConflicts(r, into, open.Conflicts); err != nil {
			return err
		}
	}
	if side != 0 { // who walks has seen it at each
		command := "aergo resolve --" + side.String()
		for _, path := range c.Args().Slice() {
			command += " " + shellWord(path)
		}
		if err := a.confirmSums(open, choices, command+" --yes"); err != nil {
			return err
		}
	}
	m, err := r.Settle(a.ctx, key, into, choices...)
	if err != nil {
		return err
	}
	return a.settled(r, m, into)
}

// settled prints what a merge is after choices.
func (a *app) settled(r *repo.Repository, m repo.MergeResult, into string) error {
	if m.Block.IsZero() {
		return a.openState(m)
	}
	if into == "" {
		into = r.Current()
	}
	if a.json {
		return a.emit(mergeOf(m))
	}
	a.done("Checks pass. Merge block %s on %s.", m.Block.Short(), into)
	return nil
}

// endMerge is merge --abort and --continue.
func (a *app) endMerge(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "merge --abort or merge --continue"); err != nil {
		return err
	}
	for _, flag := range []string{"automatic", "consistent", "disclose", "dry-run", "no-ff", "strict"} {
		if c.Bool(flag) || c.Bool("abort") && c.Bool("continue") {
			return usage("AG0105", "aergo merge --abort", "--abort and --continue stand alone, with no flag but --into")
		}
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	into := c.String("into")
	if c.Bool("abort") {
		if err := r.AbortMerge(into); err != nil {
			return err
		}
		if a.json {
			return a.emit(map[string]any{"aborted": true})
		}
		a.done("The merge is given up. The branch is as it was.")
		return nil
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	m, err := r.Settle(a.ctx, key, into)
	if err != nil {
		return err
	}
	return a.settled(r, m, into)
}

// setTo is the choice of a value, read by the type of its column.
func (a *app) setTo(r *repo.Repository, into, path string, text *string) (repo.Choice, error) {
	choice, err := parsePath(path)
	if err != nil {
		return choice, err
	}
	choice.Take = merge.Value
	if choice.Column == "" || choice.Key == nil {
		return choice, usage("AG0105", "resolve --set 'shop.item[tea].price=475'", "%s does not name one cell", path)
	}
	if into == "" {
		into = r.Current()
	}
	contract, _, err := r.Contract(into, choice.Contract)
	if err != nil {
		return choice, err
	}
	if t := contract.Table(choice.Table); t != nil {
		for _, column := range t.Columns {
			if column.Name != choice.Column {
				continue
			}
			if text == nil {
				if column.NotNull {
					err = usage("AG0403", "conflicts", "%s is NOT NULL", path)
				}
				return choice, err
			}
			// A value is typed as an argument of the column's type is.
			set := &sqlcontract.Action{Name: "set", Params: []sqlcontract.Param{{Name: column.Name, Type: column.Type}}}
			args, err := repo.ParseArgs(set, map[string]string{column.Name: *text})
			choice.Value = args[column.Name]
			return choice, err
		}
	}
	return choice, usage("AG0105", "conflicts", "%s.%s has no column %s", choice.Contract, choice.Table, choice.Column)
}
