package cli

import (
	"errors"
	"strconv"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// rootCommands are the sub-verbs of aergo dd that decide who rules, and what of
// a branch stays for ever.
func (a *app) rootCommands() []*ucli.Command {
	return []*ucli.Command{
		{
			Name: "threshold", Usage: "say how many admins decide root matters", ArgsUsage: "N", Action: a.threshold, Flags: signOnlyFlags(),
			Description: "Root matters: who is admin of everything, other people's keys, revoked keys, the threshold, the\n" +
				"engine and the directory's producer. There must be as many admins on * already.",
		},
		{
			Name: "engine", Usage: "put the next engine in force", ArgsUsage: "N", Action: a.setEngine, Flags: signOnlyFlags(),
			Description: "The engine is what decides how transactions run: SQLite's version, the dialect, gas. Engines go up\n" +
				"one at a time and never back. Programs without the new one make no blocks from then on; they\n" +
				"still read and verify. So a program that does not have it does not sign this.",
		},
		{
			Name: "producer", Usage: "name another producer of the directory", ArgsUsage: "WHO", Action: a.directoryProducer,
			Flags: append(signOnlyFlags(), &ucli.StringFlag{Name: "after", Usage: "go on after directory block `BLOCK`, and leave those that follow it"}),
			Description: "The new one may put it in force himself: the old one may be lost, or not want to.\n" +
				"--after decides between two chains that one producer made (AG0607), or leaves blocks that a wrong\n" +
				"clock made (AG0508). WHO may be the present producer then. BLOCK is a number, or the beginning of an id.",
		},
		{
			Name: "anchor", Usage: "write down where a branch's head is: what is before it stays", ArgsUsage: "[BRANCH]", Action: a.anchorBranch, Flags: signOnlyFlags(),
			Description: "From then on the branch descends from that block for ever, whoever's key is stolen. Its producer\n" +
				"does it, or an admin: daily, and before rights change.",
		},
		{
			Name: "resolve", Usage: "name the block that is kept of two heads of one number", ArgsUsage: "BRANCH BLOCK", Action: a.resolveHeads, Flags: signOnlyFlags(),
			Description: "For a branch whose producer published two histories (AG0606). Decided once, by an admin of the\n" +
				"branch.",
		},
	}
}

// changeAndTell makes a change of the directory and tells it in its own words.
func (a *app) changeAndTell(r *repo.Repository, change dd.Change) error {
	if done, err := a.change(r, change); done || err != nil {
		return err
	}
	var last repo.DirectoryOperation
	err := r.DirectoryLog(a.ctx, 0, func(o repo.DirectoryOperation) error {
		last = o
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	a.names = nil
	if a.json {
		return a.emit(operationOf(last))
	}
	a.done("In force, directory block #%d: %s.", last.Number, clean(last.Text(a.who)))
	return nil
}

func (a *app) threshold(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "dd threshold N"); err != nil {
		return err
	}
	n, err := strconv.ParseUint(c.Args().First(), 10, 8)
	if err != nil {
		return usage("AG0112", "aergo dd threshold 2", "%q is no number of admins", c.Args().First())
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	return a.changeAndTell(r, dd.SetThreshold{Threshold: n})
}

func (a *app) setEngine(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "dd engine N"); err != nil {
		return err
	}
	n, err := strconv.ParseUint(c.Args().First(), 10, 53)
	if err != nil {
		return usage("AG0112", "aergo dd engine 2", "%q is no number of an engine", c.Args().First())
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	return a.changeAndTell(r, dd.SetEngine{Engine: n})
}

func (a *app) directoryProducer(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "dd producer WHO")
	if err != nil {
		return err
	}
	account, err := a.accountOf(c.Args().First())
	if err != nil {
		return err
	}
	change := dd.SetProducer{Account: account}
	if c.IsSet("after") {
		b, err := r.DirectoryBlock(c.String("after"))
		if err != nil {
			return err
		}
		change.After = b.ID
	}
	return a.changeAndTell(r, change)
}

func (a *app) anchorBranch(c *ucli.Context) error {
	r, err := a.begin(c, 0, 1, "dd anchor [BRANCH]")
	if err != nil {
		return err
	}
	b, err := a.branchNamed(r, c.Args().First())
	if err != nil {
		return err
	}
	change, err := r.AnchorOf(b.Name)
	if err != nil {
		return err
	}
	return a.changeAndTell(r, change)
}

func (a *app) resolveHeads(c *ucli.Context) error {
	r, err := a.begin(c, 2, 2, "dd resolve BRANCH BLOCK")
	if err != nil {
		return err
	}
	change, err := r.ResolutionOf(c.Args().Get(0), c.Args().Get(1))
	if err != nil {
		return a.branchError(r, c.Args().First(), err)
	}
	return a.changeAndTell(r, change)
}
