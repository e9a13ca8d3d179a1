package cli

import (
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

type ruleJSON struct {
	Contract string   `json:"contract"`
	Table    string   `json:"table"`
	Column   string   `json:"column"` // "" for the whole table
	Kind     string   `json:"kind"`   // SAME OURS THEIRS MAX MIN MANUAL DELTA ACTION
	FromZero bool     `json:"from_zero"`
	Action   string   `json:"action"` // of ACTION
	Roles    []string `json:"roles"`  // whose holders may set a value
	Declared bool     `json:"declared"`
	Rule     string   `json:"rule"` // as MERGE RULE takes it
}

func ruleOf(r sqlcontract.RuleInForce) ruleJSON {
	j := ruleJSON{r.Contract, r.Table, "", r.By, r.FromZero, r.Action, []string{}, r.Declared, r.String()}
	if len(r.Columns) > 0 {
		j.Column = r.Columns[0]
	}
	j.Roles = append(j.Roles, r.Roles...)
	return j
}

func (a *app) mergeRuleCommand() *ucli.Command {
	return &ucli.Command{
		Name: "merge-rule", Usage: "list, set or drop how merges by cell settle a column", ArgsUsage: "[C[.T[.COLUMN]] [RULE]]", Category: "history",
		Description: "Without RULE lists the rules in force: those of the contract's source, and those set\n" +
			"later. RULE is what a MERGE RULE statement says: DELTA [FROM 0], SAME, OURS, THEIRS,\n" +
			"MAX, MIN, MANUAL or USING ACTION f, then RESOLVE ROLE r if holders of a role may set a\n" +
			"value. Only the contract's owner sets and drops. Of a merge the target's rules count;\n" +
			"the next deploy makes all rules of its contract anew.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "drop", Usage: "take the rule back: what both sides change is a conflict again"},
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "on branch `B`, not the current one"},
		},
		Action: a.mergeRule,
	}
}

func (a *app) mergeRule(c *ucli.Context) error {
	const form = "aergo merge-rule shop.item.stock DELTA"
	path, words := c.Args().First(), c.Args().Tail()
	var at repo.Choice
	if c.NArg() > 0 {
		var err error
		if at, err = parsePath(path); err != nil {
			return err
		}
	}
	if at.Key != nil {
		return usage("AG0113", form, "%s names a row; a rule is for a column, or a table", path)
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	branch := c.String("branch")
	if len(words) == 0 && !c.Bool("drop") {
		return a.mergeRules(r, branch, at)
	}
	if at.Table == "" {
		return usage("AG0113", form, "for which column or table?")
	}
	if len(words) > 0 && c.Bool("drop") {
		return usage("AG0113", "aergo merge-rule "+path+" --drop", "--drop takes no rule")
	}
	if _, err := a.contract(r, branch, at.Contract); err != nil {
		return err
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	var res repo.Result
	what := "has no merge rule any more"
	if c.Bool("drop") {
		res, err = r.DropMergeRule(a.ctx, key, branch, at.Contract, at.Table, at.Column)
	} else {
		rule := ruleText(at, words)
		what = "merges " + strings.Join(strings.Fields(rule)[ruleStart(at):], " ")
		res, err = r.SetMergeRule(a.ctx, key, branch, at.Contract, rule)
	}
	if a.json && !res.Transaction.IsZero() {
		if e := a.emit(resultOf(res)); e != nil {
			return e
		}
	}
	if err != nil {
		return callFailed("merge-rule "+path, res, err)
	}
	a.done("%s %s  block %s%s", path, what, res.Block.Short(), a.onBranch(res.Branch))
	return nil
}

// ruleText is the rule as the statement has it: words may leave out BY, the
// parentheses of roles, and MANUAL before RESOLVE.
func ruleText(at repo.Choice, words []string) string {
	words = strings.Fields(strings.Join(words, " "))
	upper := make([]string, len(words))
	for i, w := range words {
		upper[i] = strings.ToUpper(w)
	}
	if i := slices.Index(upper, "ROLE"); i >= 0 && i+1 < len(words) && !strings.HasPrefix(words[i+1], "(") {
		words = append(words[:i+1:i+1], "("+strings.Join(words[i+1:], " ")+")")
	}
	switch upper[0] {
	case "BY", "USING":
	case "RESOLVE":
		words = append([]string{"BY", "MANUAL"}, words...)
	default:
		words = append([]string{"BY"}, words...)
	}
	on := "ON " + at.Table
	if at.Column != "" {
		on += " (" + at.Column + ")"
	}
	return on + " " + strings.Join(words, " ")
}

// ruleStart is how many words stand before BY or USING.
func ruleStart(at repo.Choice) int {
	if at.Column != "" {
		return 3
	}
	return 2
}

// mergeRules lists the rules in force.
func (a *app) mergeRules(r *repo.Repository, branch string, at repo.Choice) error {
	if at.Contract != "" {
		if _, err := a.contract(r, branch, at.Contract); err != nil {
			return err
		}
	}
	all, err := r.MergeRules(branch, at.Contract)
	if err != nil {
		return err
	}
	list := []ruleJSON{}
	var lines [][]string
	for _, x := range all {
		j := ruleOf(x)
		if at.Table != "" && at.Table != j.Table || at.Column != "" && at.Column != j.Column {
			continue
		}
		list = append(list, j)
		name := j.Contract + "." + j.Table
		if j.Column != "" {
			name += "." + j.Column
		}
		rule := strings.Join(strings.Fields(j.Rule)[ruleStart(repo.Choice{Column: j.Column}):], " ")
		from := "of the source"
		if !j.Declared {
			from = "set by hand"
		}
		lines = append(lines, []string{name, strings.TrimPrefix(rule, "BY "), from})
	}
	if a.json {
		return a.emit(list)
	}
	a.columns(lines)
	if len(list) == 0 {
		a.say("No merge rule: what both sides of a merge by cell change is a conflict.")
		a.next("aergo merge-rule shop.item.stock DELTA")
	}
	return nil
}
