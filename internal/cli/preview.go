package cli

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/aergo-git/aergo-git/repo"
)

// previewJSON is what a preview adds to the merge that would be.
type previewJSON struct {
	Calls    []callCountJSON `json:"calls"`               // of the source
	Guards   []guardJSON     `json:"guards"`              // which a merge by cell does not run again
	Other    *mergeJSON      `json:"other,omitempty"`     // the other kind of merge
	OtherWhy string          `json:"other_why,omitempty"` // it would be refused
}

type callCountJSON struct {
	What    string `json:"what"`
	Account string `json:"account"`
	Count   int    `json:"count"`
}

type guardJSON struct {
	Contract string `json:"contract"`
	Action   string `json:"action"`
	Line     int    `json:"line"`
	Require  string `json:"require"`
	Calls    int    `json:"calls"`
}

func previewOf(p repo.Preview) mergeJSON {
	j := mergeOf(p.MergeResult)
	if p.Kind == "up to date" {
		return j
	}
	x := previewJSON{Calls: []callCountJSON{}, Guards: []guardJSON{}, OtherWhy: p.OtherWhy}
	for _, c := range p.Calls {
		x.Calls = append(x.Calls, callCountJSON{c.What, string(c.Account), c.Count})
	}
	for _, g := range p.Guards {
		x.Guards = append(x.Guards, guardJSON{g.Contract, g.Action, g.Line, g.Condition, g.Calls})
	}
	if p.Other != nil {
		other := mergeOf(*p.Other)
		x.Other = &other
	}
	j.Preview = &x
	return j
}

// preview is merge --preview: what would be, by both kinds. It writes nothing.
func (a *app) preview(r *repo.Repository, source string, o repo.MergeOptions) error {
	p, err := r.Preview(a.ctx, source, o)
	if err != nil {
		return a.branchError(r, source, err)
	}
	if len(p.Conflicts) > 0 {
		a.status = 1
	}
	if a.json {
		return a.emit(previewOf(p))
	}
	a.mergeNotes(p.MergeResult, source, true)
	switch p.Kind {
	case "up to date":
		a.say("%s has all of %s already.", o.Into, source)
		return nil
	case "fast-forward":
		a.say("Would be: %s moved to block %s of %s (fast-forward).", o.Into, p.Source.Short(), source)
		a.callCounts(p.Calls)
		return nil
	case "consistent":
		a.shortVerdicts(p.MergeResult)
		a.diffLines(p.Changes)
		a.conflictLines(p.Conflicts)
	default:
		a.shortVerdicts(p.MergeResult)
	}
	a.say("Would be: %s.", wouldBe(p.MergeResult))
	a.callCounts(p.Calls)
	if p.Kind == "consistent" {
		a.guards(p.Guards)
	}
	what, flag := "By cell", "consistent"
	if p.Kind == flag {
		what, flag = "Run again", "automatic"
	}
	switch {
	case p.Other != nil:
		without := ""
		if n := len(p.Guards); n > 0 && flag == "consistent" {
			without = "; " + plural(n, "REQUIRE") + " not asked again"
		}
		a.say("%s (--%s): %s%s.", what, flag, wouldBe(*p.Other), without)
	case p.OtherWhy != "":
		a.say("%s (--%s): refused, %s.", what, flag, clean(p.OtherWhy))
	}
	return nil
}

// wouldBe is a merge in a few words.
func wouldBe(m repo.MergeResult) string {
	if m.Kind != "consistent" {
		return fmt.Sprintf("%d included, %d excluded", m.Included, m.Excluded)
	}
	conflicts := "no conflict"
	if len(m.Conflicts) > 0 {
		conflicts = plural(len(m.Conflicts), "conflict")
	}
	return fmt.Sprintf("%s by cell, %s, %s", plural(m.Rows, "row"), changed(m.Changes), conflicts)
}

// callCounts says in one line who called what on the source.
func (a *app) callCounts(list []repo.CallCount) {
	const most = 6
	total := 0
	var parts []string
	for i, c := range list {
		total += c.Count
		if i >= most {
			continue
		}
		part := c.What + " by " + a.who(c.Account)
		if c.Count > 1 {
			part = fmt.Sprintf("%s ×%d by %s", c.What, c.Count, a.who(c.Account))
		}
		parts = append(parts, part)
	}
	if len(list) > most {
		parts = append(parts, "…")
	}
	if total > 0 {
		a.say("  (%s: %s)", plural(total, "call"), strings.Join(parts, ", "))
	}
}

// guards lists the REQUIREs that a merge by cell leaves out.
func (a *app) guards(list []repo.Guard) {
	if len(list) == 0 {
		return
	}
	a.say("  A merge by cell does not ask these again:")
	var lines [][]string
	for i, g := range list {
		if i == maxVerdicts {
			lines = append(lines, []string{fmt.Sprintf("    … and %d more: --json", len(list)-i)})
			break
		}
		lines = append(lines, []string{"    " + g.Contract + "." + g.Action, fmt.Sprintf("line %d", g.Line), "REQUIRE " + runewidth.Truncate(clean(g.Condition), maxCell, "…"), plural(g.Calls, "call")})
	}
	a.columns(lines)
}
