package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
)

// In a column with MERGE RULE DELTA both sides' changes are events, a stock sold
// or money paid. Where the rule cannot add them up, since one of them stands on
// both sides, say, whoever takes a side gives up what the other one did: goods or
// money appear from nowhere. So the numbers are said, and it is asked for.

// isSum tells a conflict of one cell that DELTA would settle, were it not special.
func isSum(c repo.Conflict) bool {
	return c.Open() && c.Column != "" && strings.Contains(c.Rule, "BY DELTA")
}

// sumText says what a side gives up: "ours, 85 (-15), is given up".
func sumText(c repo.Conflict) string {
	side := func(name string, cells []any) string {
		now, ok1 := cells[0].(int64)
		was, ok2 := c.Base[0].(int64)
		if !ok1 || !ok2 || c.BaseUnknown {
			return name + " " + cell(cells[0])
		}
		return fmt.Sprintf("%s %d (%+d)", name, now, now-was)
	}
	return fmt.Sprintf("%s, %s", side("ours", c.Ours), side("theirs", c.Theirs))
}

// confirmSums asks before a side is taken of sums.
func (a *app) confirmSums(m repo.MergeResult, choices []repo.Choice, command string) error {
	n := 0
	for _, c := range m.Conflicts {
		about := slices.ContainsFunc(choices, func(x repo.Choice) bool { return x.Take != merge.Value && x.About(c) })
		set := slices.ContainsFunc(choices, func(x repo.Choice) bool { return x.Take == merge.Value && x.About(c) })
		if !isSum(c) || !about || set {
			continue
		}
		if n++; n <= mostSums {
			a.note("%s BY DELTA: %s. What the other side added or took is given up.", clean(conflictPath(c)), sumText(c))
		}
	}
	if n == 0 {
		return nil
	}
	if n > mostSums {
		a.note("and %s more", grouped(n-mostSums))
	}
	a.note("  Instead, each call counted once: aergo merge --abort, then aergo merge %s --automatic", m.Source.Short())
	return a.confirm("Take a side of "+plural(n, "sum")+"?", command)
}

// mostSums is how many lines are read before a question.
const mostSums = 20
