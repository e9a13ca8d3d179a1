package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

type mergeJSON struct {
	Kind     string        `json:"kind"`
	Block    string        `json:"block"` // "" with --dry-run
	Source   string        `json:"source"`
	Target   string        `json:"target"`
	Bases    []string      `json:"bases"`
	Included int           `json:"included"`
	Excluded int           `json:"excluded"`
	Verdicts []verdictJSON `json:"verdicts"`
	Policy   string        `json:"policy,omitempty"`   // the branch whose policy chose the kind
	ShownTo  []string      `json:"shown_to,omitempty"` // who could not read the source before
	Approved []string      `json:"approved,omitempty"` // by whom, where the branch asks for approvals
	Missing  int           `json:"missing_approvals,omitempty"`

	// Of a consistent merge.
	Rows      int            `json:"rows,omitempty"` // that either side changed
	Changes   []rowJSON      `json:"changes,omitempty"`
	Conflicts []conflictJSON `json:"conflicts,omitempty"`

	// Of a recorded one: its patch, and what the producer of the block chose.
	Patch  string       `json:"patch,omitempty"`
	Chosen []chosenJSON `json:"chosen,omitempty"`

	Preview *previewJSON `json:"preview,omitempty"`
}

type chosenJSON struct {
	Path  string `json:"path"`
	Take  string `json:"take"` // ours, theirs, set
	Value any    `json:"value,omitempty"`
}

func chosenOf(c repo.Chosen) chosenJSON {
	path := conflictPath(repo.Conflict{Contract: c.Contract, Table: c.Table, Key: c.Key, Column: c.Column})
	return chosenJSON{path, c.Take.String(), cellJSON(c.Value)}
}

type verdictJSON struct {
	callJSON
	Verdict string    `json:"verdict"` // included, different, excluded
	Changes []rowJSON `json:"changes"`
}

func mergeOf(m repo.MergeResult) mergeJSON {
	j := mergeJSON{
		Kind: m.Kind, Block: id(m.Block), Source: id(m.Source), Target: id(m.Target), Bases: ids(m.Bases), Included: m.Included, Excluded: m.Excluded,
		Verdicts: []verdictJSON{}, Policy: m.Policy, Rows: m.Rows, Conflicts: conflictsJSON(m.Conflicts), Patch: id(m.Patch),
	}
	if len(m.Approved) > 0 {
		j.Approved = texts(m.Approved)
	}
	j.Missing = m.Missing
	for _, account := range m.Shown {
		j.ShownTo = append(j.ShownTo, string(account))
	}
	for _, c := range m.Chosen {
		j.Chosen = append(j.Chosen, chosenOf(c))
	}
	if len(m.Changes) > 0 {
		j.Changes = rowsJSON(m.Changes)
	}
	for _, v := range m.Verdicts {
		j.Verdicts = append(j.Verdicts, verdictJSON{callOf(v.CallSummary), verdictWord(v), rowsJSON(v.Changes)})
	}
	return j
}

func verdictWord(v repo.Verdict) string {
	switch {
	case !v.Included:
		return "excluded"
	case v.Different:
		return "different"
	}
	return "included"
}

func (a *app) mergeCommand() *ucli.Command {
	return &ucli.Command{
		Name: "merge", Usage: "bring another branch's transactions here", ArgsUsage: "SRC", Category: "history",
		Description: "Where this branch has nothing of its own since, its head moves (fast-forward).\n" +
			"Otherwise the source's transactions run again here, under this branch's rules;\n" +
			"what does not fit is excluded, with its reason, and never counts.\n" +
			"--consistent merges rows by cell instead: what one side changed is taken, what\n" +
			"both changed is settled by the MERGE RULE of its column or is a conflict, which\n" +
			"stays open until aergo resolve settles it. Without either flag the policy of this\n" +
			"branch decides, else that of SRC, else it is automatic.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "into", Usage: "merge into branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "automatic", Usage: "replay transactions, whatever the branch's policy"},
			&ucli.BoolFlag{Name: "consistent", Usage: "merge rows by cell, by the contracts' MERGE RULEs"},
			&ucli.BoolFlag{Name: "disclose", Usage: "merge though some may read this branch and not the source"},
			&ucli.BoolFlag{Name: "dry-run", Aliases: []string{"preview"}, Usage: "show what would be, write nothing"},
			&ucli.BoolFlag{Name: "abort", Usage: "give up the merge whose conflicts are open"},
			&ucli.BoolFlag{Name: "continue", Usage: "make the block of the open merge, if nothing is left"},
			&ucli.BoolFlag{Name: "no-ff", Usage: "make a merge block even where the head could just move"},
			&ucli.BoolFlag{Name: "strict", Usage: "exclude what would now change other rows"},
		},
		Action: a.merge,
	}
}

func (a *app) merge(c *ucli.Context) error {
	if c.Bool("abort") || c.Bool("continue") {
		return a.endMerge(c)
	}
	if err := nargs(c, 1, 1, "merge SRC [--consistent] [--preview]"); err != nil {
		return err
	}
	if c.Bool("automatic") && c.Bool("consistent") || c.Bool("strict") && c.Bool("consistent") {
		return usage("AG0105", "merge SRC --consistent", "--consistent goes neither with --automatic nor with --strict")
	}
	if c.Args().First() == "" {
		return usage("AG0113", "merge SRC", "the name of what is merged is empty")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	source, into := c.Args().First(), c.String("into")
	if into == "" {
		into = r.Current()
	}
	o := repo.MergeOptions{
		Into: into, NoFF: c.Bool("no-ff"), Strict: c.Bool("strict"),
		Consistent: c.Bool("consistent"), Automatic: c.Bool("automatic"), Disclose: c.Bool("disclose"),
	}
	if c.Bool("dry-run") {
		return a.preview(r, source, o)
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	m, err := r.Merge(a.ctx, key, source, o)
	if err != nil {
		return a.branchError(r, source, err)
	}
	if !a.json {
		a.mergeNotes(m, source, false)
	}
	if m.Kind == "consistent" {
		return a.byCells(m, into)
	}
	if a.json {
		return a.emit(mergeOf(m))
	}
	a.shortVerdicts(m)
	switch {
	case m.Kind == "up to date":
		a.say("%s has all of %s already.", into, source)
	case m.Kind == "fast-forward":
		a.done("%s moved to block %s of %s (fast-forward).", into, m.Source.Short(), source)
	default:
		tail := ""
		if m.Excluded > 0 {
			tail = " What is excluded did not happen here."
		}
		a.done("Merge block %s on %s: %d included, %d excluded.%s", m.Block.Short(), into, m.Included, m.Excluded, tail)
	}
	return nil
}

// mergeNotes says what was not asked for: why it is this kind of merge, and who
// sees the source by it.
func (a *app) mergeNotes(m repo.MergeResult, source string, dry bool) {
	if how := map[string]string{"automatic": "Automatic", "consistent": "By cell"}[m.Kind]; m.Policy != "" && how != "" {
		a.say("%s, by the policy of branch %s.", how, m.Policy)
	}
	if m.Missing > 0 {
		a.say("Needs %s more: aergo approve %s", plural(m.Missing, "approval"), source)
	} else if len(m.Approved) > 0 {
		a.say("Approved by %s.", a.approvers(m.Approved))
	}
	if len(m.Shown) == 0 {
		return
	}
	var names []string
	for _, account := range m.Shown {
		names = append(names, a.who(account))
	}
	if who := strings.Join(names, ", "); dry {
		a.say("Would show %s to %s, who may not read it now: this needs --disclose.", source, who)
	} else {
		a.say("Shows %s to %s, who could not read it before.", source, who)
	}
}

// shortVerdicts prints the first verdicts of a merge, and counts the rest.
func (a *app) shortVerdicts(m repo.MergeResult) {
	if len(m.Verdicts) <= maxVerdicts {
		a.verdicts(m)
		return
	}
	rest := m.Verdicts[maxVerdicts:]
	m.Verdicts = m.Verdicts[:maxVerdicts]
	a.verdicts(m)
	counts := map[string]int{}
	for _, v := range rest {
		what := verdictWord(v)
		if what == "different" {
			what = "included, with other rows"
		}
		if v.Code != "" {
			what += " [" + v.Code + "]"
		}
		counts[what]++
	}
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[what], what))
	}
	a.say("  … and %d more: %s", len(rest), strings.Join(parts, ", "))
	if !m.Block.IsZero() {
		a.next("aergo show %s lists all", m.Block.Short())
	} else {
		a.next("with --json all are listed")
	}
}

// verdicts prints what became of each transaction of a merge.
func (a *app) verdicts(m repo.MergeResult) {
	var lines [][]string
	for _, v := range m.Verdicts {
		lines = append(lines, []string{"  " + clean(v.Text), verdictText(v)})
	}
	a.columns(lines)
}

func verdictText(v repo.Verdict) string {
	switch {
	case !v.Included:
		return "excluded: " + reason(v.CallSummary)
	case v.Different:
		return "included, with other rows than on its branch"
	}
	return "included"
}

// receipts prints the verdicts of a recorded merge with what its receipts say,
// and where each transaction comes from.
func (a *app) receipts(m repo.MergeResult) {
	for _, v := range m.Verdicts {
		a.say("  %s  %s", v.Transaction.Short(), clean(v.Text))
		a.say("           %s", verdictText(v))
		a.say("           by %s, from block %s, %s, gas %d", a.who(v.Account), v.From.Short(), plural(int(v.Changed), "row"), v.Gas)
	}
}
