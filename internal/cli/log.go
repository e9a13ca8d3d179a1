package cli

import (
	"errors"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (a *app) logCommand() *ucli.Command {
	return &ucli.Command{
		Name: "log", Usage: "show what happened", ArgsUsage: "[REV]", Category: "work",
		Description: "Blocks, newest first: id, number, time, who, names that point at it, calls.\n" +
			"With --json one line of JSON for each block.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "graph", Usage: "draw the branches"},
			&ucli.BoolFlag{Name: "first-parent", Usage: "follow merges on the target's side only"},
			&ucli.IntFlag{Name: "limit", Aliases: []string{"n"}, Usage: "show `N` blocks; -N means the same"},
			&ucli.BoolFlag{Name: "full-id", Usage: "print ids in full"},
		},
		Action: a.log,
	}
}

func (a *app) log(c *ucli.Context) error {
	limit := c.Int("limit")
	args := c.Args().Slice()
	if len(args) > 0 && strings.HasPrefix(args[0], "-") { // log -5
		n, err := strconv.Atoi(args[0])
		if err != nil {
			return usage("AG0113", "aergo log -5", "%q is no number", args[0])
		}
		limit, args = -n, args[1:]
	}
	if len(args) > 1 {
		return usage("AG0113", "aergo log [REV] [--graph] [-n N]", "%q is one argument too many", args[1])
	}
	if limit < 0 || limit == 0 && (c.IsSet("limit") || len(args) < c.NArg()) {
		return usage("AG0112", "aergo log -n 5", "a log shows one block or more")
	}
	rev := ""
	if len(args) == 1 {
		rev = args[0]
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	g := &graph{}
	err = r.Log(a.ctx, rev, c.Bool("first-parent"), limit, func(e repo.Entry) error {
		if a.json {
			return a.emitLine(entryOf(e))
		}
		var node, margin string
		var below []string
		if c.Bool("graph") {
			var joins []string
			joins, node, below = g.row(e.ID, e.Parents, c.Bool("first-parent"))
			for _, j := range joins {
				a.say("%s", j)
			}
			margin = g.margin()
		}
		a.logEntry(e, node, margin, below, c.Bool("full-id"))
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends a walk that has found what it looked for.
var errEnough = errors.New("enough")

// logEntry prints a block and, below it, the graph's lines and its calls.
func (a *app) logEntry(e repo.Entry, node, margin string, below []string, full bool) {
	name := e.ID.Short()
	if full {
		name = e.ID.String()
	}
	refs := ""
	if len(e.Refs) > 0 {
		refs = "  (" + clean(strings.Join(e.Refs, ", ")) + ")"
	}
	head := node + a.paint("33", name) + "  #" + strconv.FormatUint(e.Number, 10) + "  " + date(e.Time) + "  " + a.who(e.Producer) + a.paint("36", refs)
	switch {
	case len(e.Parents) == 0:
		a.say("%s  start of the ledger", head)
	case len(e.Parents) == 2:
		a.say("%s  merge of %s", head, e.Parents[1].Short())
	case e.Transactions == 1 && len(e.Calls) == 1:
		a.say("%s  %s", head, a.callLine(e.Calls[0], e.Producer))
		return
	default:
		a.say("%s  %s", head, plural(e.Transactions, "transaction"))
	}
	for _, l := range below {
		a.say("%s", l)
	}
	for _, c := range e.Calls {
		a.say("%s  %s", margin, a.callLine(c, e.Producer))
	}
	if more := e.Transactions - len(e.Calls); more > 0 {
		a.say("%s  … %d more: aergo show %s", margin, more, e.ID.Short())
	}
}

// callLine is a transaction in a line; who called is told where it was not the
// block's producer.
func (a *app) callLine(c repo.CallSummary, producer objectstore.Account) string {
	s := clean(c.Text)
	if c.Account != "" && c.Account != producer {
		s += " by " + a.who(c.Account)
	}
	if c.Status != sqlcontract.StatusOK && c.Status != 0 {
		s += "  " + a.paint("31", c.Status.String()+": "+reason(c))
	}
	return s
}

func reason(c repo.CallSummary) string {
	switch {
	case c.Reason != "" && c.Code != "":
		return clean(c.Reason) + " [" + c.Code + "]"
	case c.Reason != "":
		return clean(c.Reason)
	}
	return c.Code
}
