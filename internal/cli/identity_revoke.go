package cli

import (
	"os"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"
)

func (a *app) identityRevokeCommand() *ucli.Command {
	return &ucli.Command{
		Name: "revoke", Usage: "say from which block on nothing of a key counts", ArgsUsage: "NAME [KEY]", Action: a.identityRevoke,
		Description: "For a stolen key, after aergo identity rotate has replaced it: what the thief signs with it\n" +
			"counts nowhere, whatever directory block he names. KEY is its public line, the name of a key of\n" +
			"yours, or the 8 digits that aergo dd log shows; without KEY the whole account signs nothing any\n" +
			"more. What it signed counts up to the head that each branch has here, or up to --last. On a\n" +
			"branch that is not here nothing of it counts. A root matter; it cannot be taken back.",
		Flags: append(signOnlyFlags(),
			&ucli.StringSliceFlag{Name: "last", Usage: "of a branch, the last block that counts, `BRANCH=BLOCK`; may be repeated"},
			&ucli.StringFlag{Name: "reason", Usage: "`TEXT` for everybody to read"},
		),
	}
}

func (a *app) identityRevoke(c *ucli.Context) error {
	if err := nargs(c, 1, -1, "identity revoke NAME [KEY] [--last BRANCH=BLOCK]…"); err != nil {
		return err
	}
	name, key := c.Args().First(), strings.Join(c.Args().Tail(), " ")
	r, err := a.open()
	if err != nil {
		return err
	}
	i, err := a.identity(r, name)
	if err != nil {
		return err
	}
	if path, err := a.keyPath(key); key != "" && err == nil {
		if _, err := os.Stat(path + ".pub"); err == nil {
			if key, err = a.publicLine(key); err != nil {
				return err
			}
		}
	}
	last := map[string]string{}
	for _, text := range c.StringSlice("last") {
		branch, block, ok := strings.Cut(text, "=")
		if !ok || branch == "" || block == "" {
			return usage("AG0112", "aergo identity revoke bob 3de3f1fa --last main=51d7af0", "%q is not of the form BRANCH=BLOCK", text)
		}
		last[branch] = block
	}
	change, kept, err := r.RevocationOf(i, key, last, c.String("reason"))
	if err != nil {
		return err
	}
	what := "the whole account " + clean(i.Name)
	if key != "" {
		what = "this key of " + clean(i.Name)
	}
	a.say("What %s signed counts up to", what)
	lines := make([][]string, len(kept))
	for n, k := range kept {
		lost := ""
		if k.Lost > 0 {
			lost = plural(k.Lost, "block") + " of " + clean(i.Name) + " after it"
		}
		lines[n] = []string{"  " + clean(k.Branch), k.Block.Short(), "#" + strconv.FormatUint(k.Number, 10), lost}
	}
	a.columns(lines)
	a.say("and nowhere else. This cannot be taken back.")
	if err := a.confirm("Revoke?", "aergo identity revoke "+shellWord(name)+" … --yes"); err != nil {
		return err
	}
	return a.changeAndTell(r, change)
}
