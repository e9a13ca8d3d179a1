package cli

import (
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) branchCommand() *ucli.Command {
	return &ucli.Command{
		Name: "branch", Usage: "list, make, rename or delete branches", ArgsUsage: "[NAME [START]]", Category: "history",
		Description: "Without arguments lists the branches. A branch costs nothing, whatever the size\nof the ledger. -m and -d of a registered branch are changes of the directory, for everybody, which\n" +
			"an admin of its name makes. Other copies keep the blocks they have.",
		Flags: append(signOnlyFlags(), []ucli.Flag{
			&ucli.BoolFlag{Name: "scratch", Usage: "make one whose calls never leave it"},
			mergePolicyFlag(),
			&ucli.StringFlag{Name: "move", Aliases: []string{"m"}, Usage: "rename branch `OLD` to NAME; alone: the current one to OLD"},
			&ucli.StringFlag{Name: "delete", Aliases: []string{"d"}, Usage: "delete branch `B`"},
			&ucli.StringFlag{Name: "force-delete", Aliases: []string{"D"}, Usage: "delete branch `B` though nothing else has its blocks"},
			&ucli.BoolFlag{Name: "local", Usage: "with -d or -D: forget it here, and leave it registered"},
			allFlag(),
			&ucli.StringFlag{Name: "register", Usage: "enter branch `B` into the directory, for everybody"},
		}...),
		Subcommands: append([]*ucli.Command{{
			Name: "policy", Usage: "say how merges are made where nobody says", ArgsUsage: "NAME automatic|consistent", Action: a.branchPolicy,
		}}, a.protectCommands()...),
		Action: a.branch,
	}
}

func (a *app) branch(c *ucli.Context) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	args := c.Args().Slice()
	if c.IsSet("merge") && (len(args) == 0 || c.IsSet("delete") || c.IsSet("force-delete") || c.IsSet("move") || c.IsSet("register")) {
		return usage("AG0113", "aergo branch NAME --merge consistent", "--merge goes with a new branch")
	}
	if !c.IsSet("delete") && !c.IsSet("force-delete") && !c.IsSet("move") && !c.IsSet("register") {
		if err := a.nothingToSign(); err != nil {
			return err
		}
	}
	switch {
	case c.IsSet("delete"), c.IsSet("force-delete"):
		force := c.IsSet("force-delete")
		names := append([]string{c.String("delete") + c.String("force-delete")}, args...)
		if c.IsSet("delete") && force {
			return usage("AG0113", "aergo branch -d NAME, or -D NAME", "-d and -D are two ways to delete")
		}
		told := false
		for _, n := range names {
			waits, err := a.deleteBranch(r, n, force, c.Bool("local"))
			if err != nil {
				return a.branchError(r, n, err)
			}
			told = told || waits
		}
		if told {
			return nil
		}
		return a.branchesJSON(r)
	case c.IsSet("move"):
		old, name := c.String("move"), c.Args().First()
		if name == "" {
			old, name = r.Current(), old
		}
		if len(args) > 1 {
			return usage("AG0113", "aergo branch -m [OLD] NEW", "%q is one argument too many", args[1])
		}
		return a.renameBranch(r, old, name)
	case c.IsSet("register"):
		name := c.String("register")
		change, err := r.RegistrationOf(name)
		if err != nil {
			return a.branchError(r, name, err)
		}
		if done, err := a.change(r, change); done || err != nil {
			return err
		}
		a.done("Branch %s registered in the directory.", name)
		return a.branchesJSON(r)
	case len(args) > 0:
		if len(args) > 1 && args[0] == "new" { // branch new NAME
			args = args[1:]
		}
		if len(args) > 2 {
			return usage("AG0113", "aergo branch NAME [START]", "%q is one argument too many", args[2])
		}
		b, err := a.createBranch(r, c, args)
		if err != nil {
			return err
		}
		if a.json {
			return a.emit(branchOf(b))
		}
		a.done("Branch %s at block %s%s.", b.Name, b.Head.Short(), branchNote(b))
		a.next("aergo switch %s", b.Name)
		return nil
	case a.json:
		return a.branchesJSON(r)
	}
	list, err := r.Branches()
	if err != nil {
		return err
	}
	var lines [][]string
	below := map[int]string{}
	list, left := fewer(a, c, list, func(b repo.Branch) bool { return b.Current })
	for _, b := range list {
		mark := " "
		if b.Current {
			mark = "*"
		}
		kind := "local"
		if b.Registered {
			kind = ""
		} else if b.Scratch {
			kind = "scratch"
		}
		if b.Deleted {
			kind = "deleted"
		}
		if b.Protection != nil {
			kind, below[len(lines)] = "", "protected: "+a.protection(b)
		} else if b.Policy != "" {
			kind = strings.TrimSpace(kind + " merges " + b.Policy)
		}
		lines = append(lines, []string{mark + " " + b.Name, b.Head.Short(), "#" + strconv.FormatUint(b.Number, 10), date(b.Time), a.who(b.Creator), kind})
	}
	a.columnsAnd(lines, below)
	a.more(left, "aergo branch --all")
	return nil
}

// deleteBranch deletes a branch: here, and if it is registered in the directory,
// unless only here is asked for. waits tells that it was only signed.
func (a *app) deleteBranch(r *repo.Repository, name string, force, local bool) (waits bool, err error) {
	var change dd.Change
	if !local {
		if change, err = r.DeletionOf(name, force); err != nil {
			return false, err
		}
	}
	if change == nil {
		if err := a.nothingToSign(); err != nil {
			return false, err
		}
		if err := r.DeleteBranch(name, force); err != nil {
			return false, err
		}
		a.done("Branch %s deleted.", name)
		return false, nil
	}
	if done, err := a.change(r, change); done || err != nil {
		return done, err
	}
	if err := r.DeleteBranch(name, force); err != nil && !fault.Is(err, "AG0202") { // it need not be here
		return false, err
	}
	a.done("Branch %s deleted, for everybody. Copies elsewhere keep the blocks they have.", name)
	return false, nil
}

// nothingToSign refuses the flags of a change of the directory where there is none.
func (a *app) nothingToSign() error {
	for _, flag := range []string{"sign-only", "output", "as", "unsigned"} {
		if a.cmd.IsSet(flag) {
			return usage("AG0113", "Leave --"+flag+" out.", "this changes nothing in the directory: there is nothing to sign")
		}
	}
	return nil
}

// renameBranch gives a branch another name: a registered one in the directory.
func (a *app) renameBranch(r *repo.Repository, old, name string) error {
	change, err := r.RenamingOf(old, name)
	if err != nil {
		return a.branchError(r, old, err)
	}
	whose := ""
	if change != nil {
		if done, err := a.change(r, change); done || err != nil {
			return err
		}
		whose = ", for everybody"
	} else if err := a.nothingToSign(); err != nil {
		return err
	} else if err := r.RenameBranch(old, name); err != nil {
		return a.branchError(r, old, err)
	}
	a.done("Branch %s is now called %s%s.", old, name, whose)
	return a.branchesJSON(r)
}

func (a *app) branchPolicy(c *ucli.Context) error {
	if err := nargs(c, 2, 2, "branch policy NAME automatic|consistent"); err != nil {
		return err
	}
	name, policy := c.Args().Get(0), c.Args().Get(1)
	if err := repo.CheckPolicy(policy); err != nil {
		return err
	}
	r, key, err := a.openSigning()
	if err != nil {
		return err
	}
	if err := r.SetPolicy(a.ctx, key, name, policy); err != nil {
		return a.branchError(r, name, err)
	}
	b, err := a.branchNamed(r, name)
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(branchOf(b))
	}
	a.done("Branch %s%s.", b.Name, branchNote(b))
	return nil
}

// branchNote is what is unusual about a new branch.
func branchNote(b repo.Branch) string {
	note := ""
	if b.Policy != "" {
		note = ", merges " + b.Policy
	}
	if b.Scratch {
		note += ", scratch: its calls never leave it"
	}
	return note
}

func mergePolicyFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "merge", Usage: "how merges are made where nobody says, `automatic|consistent`; with a new branch"}
}

func (a *app) branchesJSON(r *repo.Repository) error {
	if !a.json {
		return nil
	}
	branches, err := r.Branches()
	if err != nil {
		return err
	}
	list := make([]branchJSON, len(branches))
	for i, b := range branches {
		list[i] = branchOf(b)
	}
	return a.emit(list)
}

// createBranch makes the branch that args, NAME and maybe START, and the flags
// ask for.
func (a *app) createBranch(r *repo.Repository, c *ucli.Context, args []string) (repo.Branch, error) {
	policy, start := c.String("merge"), ""
	if len(args) > 1 {
		start = args[1]
	}
	if c.IsSet("merge") {
		if err := repo.CheckPolicy(policy); err != nil {
			return repo.Branch{}, err
		}
	}
	key, err := a.key()
	if err != nil {
		return repo.Branch{}, err
	}
	b, err := r.CreateBranch(args[0], start, key, c.Bool("scratch"))
	if err != nil || !c.IsSet("merge") {
		return b, err
	}
	b.Policy = policy
	return b, r.SetPolicy(a.ctx, key, args[0], policy)
}

// branchError adds "did you mean" where a branch is not found.
func (a *app) branchError(r *repo.Repository, name string, err error) error {
	f := fault.Of(err)
	if f == nil || exitStatus(err) != 3 {
		return err
	}
	list, e := r.Branches()
	if e != nil {
		return err
	}
	var names []string
	for _, b := range list {
		names = append(names, b.Name)
	}
	if hint := didYouMean(name, names); hint != "" {
		return fault.New(f.ID, joinHints(hint, f.Next), "%w", err)
	}
	return err
}

func (a *app) switchCommand() *ucli.Command {
	return &ucli.Command{
		Name: "switch", Usage: "go to a branch", ArgsUsage: "NAME [START]", Category: "history",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "create", Aliases: []string{"c"}, Usage: "make it first"},
			&ucli.BoolFlag{Name: "scratch", Usage: "with -c: its calls never leave it"},
			mergePolicyFlag(),
		},
		Action: a.switchTo,
	}
}

func (a *app) switchTo(c *ucli.Context) error {
	most := 1
	if c.Bool("create") {
		most = 2
	}
	if err := nargs(c, 1, most, "switch [-c [--scratch]] NAME"); err != nil {
		return err
	}
	if c.Bool("scratch") && !c.Bool("create") {
		return usage("AG0113", "aergo switch -c --scratch NAME", "a branch is scratch from its beginning or not at all")
	}
	if c.IsSet("merge") && !c.Bool("create") {
		return usage("AG0113", "aergo switch -c --merge consistent NAME", "--merge goes with -c")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	name := c.Args().First()
	how := "On branch"
	if c.Bool("create") {
		if _, err := a.createBranch(r, c, c.Args().Slice()); err != nil {
			return err
		}
		how = "On new branch"
	}
	if err := r.Switch(name); err != nil {
		return a.branchError(r, name, err)
	}
	list, err := r.Branches()
	if err != nil {
		return err
	}
	for _, b := range list {
		if !b.Current {
			continue
		}
		if a.json {
			return a.emit(branchOf(b))
		}
		a.done("%s %s, block %s (number %d)%s.", how, b.Name, b.Head.Short(), b.Number, branchNote(b))
	}
	return nil
}
