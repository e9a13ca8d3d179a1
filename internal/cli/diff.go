package cli

import (
	"errors"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

type diffJSON struct {
	From    string    `json:"from"`
	To      string    `json:"to"`
	Changes []rowJSON `json:"changes"`

	Conflicts []conflictJSON `json:"conflicts,omitzero"` // with --conflicts
}

func (a *app) diffCommand() *ucli.Command {
	return &ucli.Command{
		Name: "diff", Usage: "show rows that differ", ArgsUsage: "A B", Category: "work",
		Description: "Rows that differ between two revisions: A B or A..B. A...B shows what B changed\n" +
			"since it left A. One revision is compared with the current branch.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "exit-code", Usage: "exit with 1 when there is a difference"},
			&ucli.BoolFlag{Name: "stat", Usage: "count rows only"},
			&ucli.BoolFlag{Name: "conflicts", Usage: "with A...B: what a merge by cell of B into branch A could not settle, too"},
		},
		Action: a.diff,
	}
}

func (a *app) diff(c *ucli.Context) error {
	if err := nargs(c, 1, 2, "diff A B, A..B or A...B"); err != nil {
		return err
	}
	format, err := a.format()
	if err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	from, to, sinceBase := c.Args().Get(0), c.Args().Get(1), false
	if c.NArg() == 1 {
		if x, y, ok := strings.Cut(from, "..."); ok {
			from, to, sinceBase = x, y, true
		} else if x, y, ok := strings.Cut(from, ".."); ok {
			from, to = x, y
		}
	}
	x, err := r.Resolve(from)
	if err != nil {
		return err
	}
	y, err := r.Resolve(to)
	if err != nil {
		return err
	}
	if sinceBase {
		if x, err = r.MergeBase(from, to); err != nil {
			return err
		}
	}
	var rows []repo.RowDiff
	if err := r.Diff(a.ctx, x.String(), y.String(), func(d repo.RowDiff) error {
		rows = append(rows, d)
		return nil
	}); err != nil {
		return err
	}
	var conflicts []repo.Conflict
	if c.Bool("conflicts") {
		if !sinceBase {
			return usage("AG0113", "aergo diff main...eu --conflicts", "--conflicts goes with A...B")
		}
		p, err := r.Preview(a.ctx, to, repo.MergeOptions{Into: from, Consistent: true})
		if err != nil {
			return err
		}
		conflicts = p.Conflicts
	}
	if c.Bool("exit-code") && len(rows)+len(conflicts) > 0 {
		a.status = 1
	}
	switch {
	case a.json:
		j := diffJSON{From: id(x), To: id(y), Changes: rowsJSON(rows)}
		if c.Bool("conflicts") {
			j.Conflicts = append([]conflictJSON{}, conflictsJSON(conflicts)...)
		}
		return a.emit(j)
	case format != "table":
		return a.diffTable(format, rows)
	case len(rows) == 0:
		a.say("No row differs.")
	case c.Bool("stat"):
		a.say("%s", changed(rows))
	default:
		a.diffLines(rows)
		if !sinceBase {
			return nil
		}
		if err := a.diffCalls(r, x, y); err != nil || !c.Bool("conflicts") {
			return err
		}
		a.conflictLines(conflicts)
		a.say("%s by cell.", plural(len(conflicts), "conflict"))
	}
	return nil
}

// diffLines prints a line a row, in columns: table, key, what changed.
func (a *app) diffLines(rows []repo.RowDiff) {
	var lines [][]string
	for _, r := range rows {
		mark, text, _ := strings.Cut(rowText(r), " ")
		parts := strings.SplitN(text, "  ", 3)
		lines = append(lines, append([]string{mark + " " + r.Contract + "." + parts[0]}, parts[1:]...))
	}
	a.columns(lines)
}

// diffCalls says how many calls made the difference, and whose where a log
// names them all.
func (a *app) diffCalls(r *repo.Repository, base, head objectstore.Hash) error {
	calls, authors, all := 0, map[string]bool{}, true
	err := r.Log(a.ctx, head.String(), true, 0, func(e repo.Entry) error {
		if e.ID == base {
			return errEnough
		}
		calls += e.Transactions
		all = all && e.Transactions == len(e.Calls)
		for _, c := range e.Calls {
			authors[a.who(c.Account)] = true
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if by := sortedNames(authors); all && len(by) > 0 {
		a.say("  (%s by %s)", plural(calls, "call"), strings.Join(by, ", "))
	} else {
		a.say("  (%s)", plural(calls, "call"))
	}
	return nil
}

// diffTable prints a line a cell that differs: for spreadsheets.
func (a *app) diffTable(format string, rows []repo.RowDiff) error {
	w, err := a.rows(format, []string{"contract", "table", "key", "column", "old", "new"})
	if err != nil {
		return err
	}
	at := func(row []any, i int) any {
		if i < len(row) {
			return row[i]
		}
		return nil
	}
	for _, r := range rows {
		for i := len(r.Key); i < len(r.Columns); i++ {
			before, after := at(r.Old, i), at(r.New, i)
			if r.Old != nil && r.New != nil && sameCell(r.Old, r.New, i) {
				continue
			}
			if err := w.Row([]any{r.Contract, r.Table, keyText(r), r.Columns[i], before, after}); err != nil {
				return err
			}
		}
		if len(r.Key) == len(r.Columns) { // a row that is all key
			what := []any{"absent", "present"}
			if r.New == nil {
				what[0], what[1] = what[1], what[0]
			}
			if err := w.Row([]any{r.Contract, r.Table, keyText(r), "", what[0], what[1]}); err != nil {
				return err
			}
		}
	}
	return w.Close()
}
