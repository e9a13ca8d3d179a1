package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
)

// walkConflicts asks for each conflict: base, ours and theirs, who did what, and
// what to take. One can go back. What was chosen is given when all were asked, or
// on q.
func (a *app) walkConflicts(r *repo.Repository, into string, list []repo.Conflict) ([]repo.Choice, error) {
	if !a.inTerminal || a.json {
		return nil, usage("AG0114", "resolve --theirs", "this asks for each conflict, and there is no terminal to answer")
	}
	var open []repo.Conflict
	for _, c := range list {
		if c.Open() {
			open = append(open, c)
		}
	}
	chosen := make([]*repo.Choice, len(open))
	in := bufio.NewReader(a.stdin)
	for i := 0; i < len(open); {
		a.showConflict(open[i], chosen[i], i+1, len(open))
		values := "=VALUE, [n]ull, "
		if open[i].Column == "" {
			values = ""
		}
		fmt.Fprint(a.err, "[o]urs, [t]heirs, "+values+"[s]kip, [b]ack, [q]uit: ")
		var line string
		err := a.await(func() (err error) { line, err = in.ReadString('\n'); return err }, func() {})
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		path := conflictPath(open[i])
		choice, err2 := parsePath(path)
		if err2 != nil {
			return nil, err2
		}
		switch answer := strings.TrimSpace(line); {
		case answer == "o", answer == "ours":
			choice.Take = merge.Ours
			chosen[i] = &choice
			i++
		case answer == "t", answer == "theirs":
			choice.Take = merge.Theirs
			chosen[i] = &choice
			i++
		case (strings.HasPrefix(answer, "=") || answer == "n" || answer == "null") && open[i].Column != "":
			var value *string // none: NULL
			if rest, is := strings.CutPrefix(answer, "="); is {
				rest = strings.TrimSpace(rest)
				value = &rest
			}
			set, err := a.setTo(r, into, path, value)
			if err != nil {
				a.note("%v", err)
				continue
			}
			chosen[i] = &set
			i++
		case answer == "s", answer == "skip":
			chosen[i] = nil
			i++
		case answer == "b", answer == "back":
			i = max(0, i-1)
		case answer == "q", answer == "quit", err != nil:
			i = len(open)
		}
	}
	var choices []repo.Choice
	for _, c := range chosen {
		if c != nil {
			choices = append(choices, *c)
		}
	}
	return choices, nil
}

// showConflict prints one conflict over the screen's width.
func (a *app) showConflict(c repo.Conflict, chosen *repo.Choice, n, of int) {
	side := func(in bool, cells []any) string {
		switch {
		case !in:
			return "absent"
		case c.Column != "":
			return cellsText(c, cells)
		}
		return strings.TrimSpace(rowCells(c.Columns, cells))
	}
	by := func(list []repo.CallSummary) string {
		var parts []string
		for _, x := range list {
			parts = append(parts, clean(x.Text)+" by "+a.who(x.Account))
		}
		return strings.Join(parts, ", ")
	}
	base := side(c.InBase, c.Base)
	if c.BaseUnknown {
		base = "?"
	}
	head := fmt.Sprintf("%d/%d  %s  %s", n, of, clean(conflictPath(c)), c.Kind)
	if c.Rule != "" {
		head += "  (MERGE RULE " + c.Rule + ")"
	}
	a.say("%s", head)
	a.columns([][]string{{"  base", base}, {"  ours", side(c.InOurs, c.Ours), by(c.OursBy)}, {"  theirs", side(c.InTheirs, c.Theirs), by(c.TheirsBy)}})
	if isSum(c) {
		a.say("  A side gives up what the other one added: %s. Each call counts once in: aergo merge SRC --automatic", sumText(c))
	}
	if chosen != nil {
		what := chosen.Take.String()
		if chosen.Take == merge.Value {
			what += " " + shortCell(chosen.Value)
		}
		a.say("  chosen: %s", what)
	}
	_ = a.out.Flush()
}
