package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) cherryPickCommand() *ucli.Command {
	return &ucli.Command{
		Name: "cherry-pick", Usage: "run chosen transactions of another branch here", ArgsUsage: "[REV | A..B]", Category: "history",
		Description: "REV alone means the transactions of that one block that ran well in it; a branch is its\n" +
			"head block. A..B means what B has and A has not (..B: what this branch has not). With\n" +
			"--contract or --author REV means what it has and this branch has not, and of that these.\n" +
			"--tx names transactions, in this order.\n" +
			"They run again in one ordinary block that says where each comes from; what does not fit is\n" +
			"excluded, with its reason. What has run here counts already and is not run again; what a\n" +
			"merge excluded here is. If nothing is included no block is made. Exits with 1 if anything\n" +
			"was excluded.",
		Flags: []ucli.Flag{
			&ucli.StringSliceFlag{Name: "tx", Usage: "pick transaction `ID`"},
			&ucli.StringFlag{Name: "contract", Usage: "pick what calls or deploys `C`"},
			&ucli.StringFlag{Name: "author", Usage: "pick what `WHO` signed"},
			&ucli.StringFlag{Name: "into", Usage: "pick into branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "dry-run", Usage: "show what would be, write nothing"},
			&ucli.BoolFlag{Name: "allow-empty", Usage: "make the block even if everything is excluded"},
			&ucli.BoolFlag{Name: "disclose", Usage: "allow it to show blocks to who could not read them"},
		},
		Action: a.cherryPick,
	}
}

func (a *app) cherryPick(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "cherry-pick REV"); err != nil {
		return err
	}
	rev := c.Args().First()
	o := repo.PickOptions{Into: c.String("into"), Transactions: c.StringSlice("tx"), Contract: c.String("contract"),
		DryRun: c.Bool("dry-run"), Empty: c.Bool("allow-empty"), Disclose: c.Bool("disclose")}
	if rev == "" && len(o.Transactions) == 0 {
		return usage("AG0113", "cherry-pick eu", "cherry-pick needs a revision, or --tx ID")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	if who := c.String("author"); who != "" {
		if o.Author, err = a.accountOf(who); err != nil {
			return err
		}
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	m, err := r.CherryPick(a.ctx, key, rev, o)
	if err != nil {
		return a.branchError(r, rev, err)
	}
	return a.pickedLines(m, into(r, o.Into), o.DryRun)
}

// into is the name of the branch that is written to.
func into(r *repo.Repository, name string) string {
	if name == "" {
		return r.Current()
	}
	return name
}

// pickedLines prints what became of picked transactions.
func (a *app) pickedLines(m repo.MergeResult, into string, dry bool) error {
	if m.Excluded > 0 {
		a.status = 1
	}
	if a.json {
		return a.emit(mergeOf(m))
	}
	a.verdicts(m)
	switch {
	case dry:
		a.say("Would be: %d included, %d excluded.", m.Included, m.Excluded)
	case m.Block.IsZero():
		a.say("Nothing was included, so no block was made.")
	default:
		tail := ""
		if m.Excluded > 0 {
			tail = " What is excluded did not happen here."
		}
		a.done("Block %s on %s: %d included, %d excluded.%s", m.Block.Short(), into, m.Included, m.Excluded, tail)
	}
	return nil
}

type revertJSON struct {
	Of          string         `json:"of"` // block
	OfTx        string         `json:"of_tx,omitempty"`
	Block       string         `json:"block"` // "" with --dry-run, or with conflicts
	Transaction string         `json:"transaction"`
	Changes     []rowJSON      `json:"changes"`
	Conflicts   []conflictJSON `json:"conflicts,omitempty"`
}

func (a *app) revertCommand() *ucli.Command {
	return &ucli.Command{
		Name: "revert", Usage: "take back what a block or transaction changed", ArgsUsage: "[REV]", Category: "history",
		Description: "Makes a new block with one patch that sets every cell back; history stays. A cell that was\n" +
			"changed since is a conflict: nothing is made, and it is shown with who changed it; in a column\n" +
			"with MERGE RULE DELTA the difference is taken back instead. Of a merge it takes back what it\n" +
			"brought; merging again brings nothing then, reverting the revert does.\n" +
			"It needs the contract's owner, or a role of RESOLVE ROLE, for each column.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "tx", Usage: "only what transaction `ID` changed"},
			&ucli.StringFlag{Name: "into", Usage: "on branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "dry-run", Usage: "show what would be, write nothing"},
		},
		Action: func(c *ucli.Context) error {
			if err := nargs(c, 0, 1, "revert REV [--tx ID]"); err != nil {
				return err
			}
			if c.NArg() == 0 && c.String("tx") == "" {
				return usage("AG0113", "revert main", "revert needs a revision, or --tx ID")
			}
			r, key, err := a.openSigning()
			if err != nil {
				return err
			}
			rev := c.Args().First()
			res, err := r.Revert(a.ctx, key, rev, repo.RevertOptions{Into: c.String("into"), Transaction: c.String("tx"), DryRun: c.Bool("dry-run")})
			if err != nil {
				return a.branchError(r, rev, err)
			}
			return a.reverted(res, into(r, c.String("into")), c.Bool("dry-run"))
		},
	}
}

func (a *app) reverted(res repo.RevertResult, into string, dry bool) error {
	if len(res.Conflicts) > 0 {
		a.status = 1
	}
	if a.json {
		return a.emit(revertJSON{id(res.Of), id(res.OfTx), id(res.Block), id(res.Transaction), rowsJSON(res.Changes), conflictsJSON(res.Conflicts)})
	}
	if len(res.Conflicts) > 0 {
		a.conflictLines(res.Conflicts)
		a.say("%s: changed since, or no longer allowed. Nothing was made.", plural(len(res.Conflicts), "conflict"))
		return nil
	}
	a.diffLines(res.Changes)
	if dry {
		a.say("Would be: %s.", changed(res.Changes))
		return nil
	}
	a.done("Reverted %s in block %s on %s: %s.", res.Of.Short(), res.Block.Short(), into, changed(res.Changes))
	return nil
}

type undoJSON struct {
	Branch string      `json:"branch"`
	From   string      `json:"from"`
	To     string      `json:"to"`
	Undone []entryJSON `json:"undone"`
}

func undoOf(u repo.UndoResult) undoJSON {
	j := undoJSON{u.Branch, id(u.From), id(u.To), []entryJSON{}}
	for _, e := range u.Undone {
		j.Undone = append(j.Undone, entryOf(e))
	}
	return j
}

func (a *app) undoCommand() *ucli.Command {
	return &ucli.Command{
		Name: "undo", Usage: "move the head back over own unpublished blocks", ArgsUsage: "[N | REV]", Category: "history",
		Description: "Takes back the last block, the last N, or all after REV. Only blocks that you made, in which\n" +
			"you signed everything, and that nobody else can have: not published, in no other branch, tag,\n" +
			"merge or cherry-pick. It prints what was in them; the line it prints brings them back.",
		Flags: []ucli.Flag{&ucli.StringFlag{Name: "into", Usage: "on branch `B`, not the current one"}},
		Action: func(c *ucli.Context) error {
			if err := nargs(c, 0, 1, "undo [N | REV]"); err != nil {
				return err
			}
			n, rev := 1, ""
			if text := c.Args().First(); text != "" {
				if _, err := fmt.Sscanf(text, "%d", &n); err != nil || fmt.Sprint(n) != text || len(text) > 6 {
					n, rev = 0, text
				}
			}
			r, key, err := a.openSigning()
			if err != nil {
				return err
			}
			res, err := r.Undo(a.ctx, key, c.String("into"), n, rev)
			if err != nil {
				return err
			}
			if a.json {
				return a.emit(undoOf(res))
			}
			a.undone(res)
			a.done("%s stands at block %s. It stood at %s: aergo branch new NAME %s brings it back.", res.Branch, res.To.Short(), res.From.Short(), res.From.Short())
			return nil
		},
	}
}

// undone lists blocks that a branch has no longer, with their transactions.
func (a *app) undone(res repo.UndoResult) {
	for _, e := range res.Undone {
		a.say("  block %s", e.ID.Short())
		for _, c := range e.Calls {
			a.say("    %s  %s", c.Transaction.Short(), a.callLine(c, e.Producer))
		}
	}
}

type rebaseJSON struct {
	undoJSON
	Failed int       `json:"failed"` // left behind: they had failed
	Merge  mergeJSON `json:"merge"`
}

func (a *app) rebaseCommand() *ucli.Command {
	return &ucli.Command{
		Name: "rebase", Usage: "put own unpublished blocks on another branch's head", ArgsUsage: "UPSTREAM", Category: "history",
		Description: "What ran well in the branch's own blocks runs again on UPSTREAM's head, in order, in one block,\n" +
			"with a verdict each. The same blocks as for undo; not main, no registered branch, no merges in\n" +
			"between. Exits with 1 if something was excluded.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "into", Usage: "rebase branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "dry-run", Usage: "show what would be, write nothing"},
		},
		Action: func(c *ucli.Context) error {
			r, key, err := a.beginSigning(c, 1, 1, "rebase UPSTREAM")
			if err != nil {
				return err
			}
			upstream, dry := c.Args().First(), c.Bool("dry-run")
			res, err := r.Rebase(a.ctx, key, upstream, c.String("into"), dry)
			if err != nil {
				return a.branchError(r, upstream, err)
			}
			if res.Excluded > 0 {
				a.status = 1
			}
			if a.json {
				return a.emit(rebaseJSON{undoOf(res.UndoResult), res.Failed, mergeOf(res.MergeResult)})
			}
			a.verdicts(res.MergeResult)
			switch {
			case res.Kind == "up to date":
				a.say("%s stands on %s already.", res.Branch, upstream)
				return nil
			case dry:
				a.say("Would be: %d included, %d excluded, on block %s.", res.Included, res.Excluded, res.Target.Short())
				return nil
			}
			a.done("%s stands on block %s of %s: %d included, %d excluded.", res.Branch, res.Target.Short(), upstream, res.Included, res.Excluded)
			if len(res.Undone) > 0 {
				a.say("It stood at %s: aergo branch new NAME %s brings that back.", res.From.Short(), res.From.Short())
			}
			return nil
		},
	}
}
