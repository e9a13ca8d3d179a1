package cli

import (
	"os"
	"slices"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) identityRevokeCommand() *ucli.Command {
	return &ucli.Command{
		Name: "revoke", Usage: "say from which block on nothing of a key counts", ArgsUsage: "NAME [KEY|FILE]", Action: a.identityRevoke,
		Description: "For a stolen key: what the thief signs with it counts nowhere, whatever directory block he\n" +
			"names. KEY is its public line, a .pub file, the name of a key of yours, or the 8 digits that\n" +
			"aergo identity show and dd log show; without KEY the whole account signs nothing any more, and\n" +
			"gets nothing. A key by which the account still signs is taken out of it in the same step: its other keys go on, or --replace\n" +
			"gives it another one. What it signed counts up to the head that each branch has here, or up to\n" +
			"--last. On a branch that is not here nothing of it counts. A root matter; it cannot be taken back.",
		Flags: append(signOnlyFlags(),
			&ucli.StringFlag{Name: "replace", Usage: "the account signs by `KEY` instead from now on"},
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
		_, err := os.Stat(path + ".pub")
		if err == nil || strings.HasSuffix(key, ".pub") {
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
	w := repo.Revoking{Key: key, Last: last, Reason: c.String("reason")}
	if c.IsSet("replace") {
		if key == "" {
			return usage("AG0113", "Name the key: aergo identity revoke "+shellWord(name)+" KEY --replace NEWKEY", "a whole account is revoked for good: nothing takes its place")
		}
		if w.Instead, err = a.publicLine(c.String("replace")); err != nil {
			return err
		}
	}
	change, kept, err := r.RevocationOf(i, w)
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
	if change.Keys != nil { // it signs by others from now on
		if _, err := a.tellUnsettled(r, i); err != nil {
			return err
		}
	}
	if err := a.confirm("Revoke?", "aergo identity revoke "+shellWord(name)+" … --yes"); err != nil {
		return err
	}
	signing, err := a.findKey(a.chosenKey())
	mine := err == nil && repo.SameKey(signing.Line, change.Key)
	if err := a.changeAndTell(r, change); err != nil || a.json || !mine || w.Instead == "" {
		return err
	}
	if _, lines, _, err := r.KeysOf(i); err != nil || !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(w.Instead, l) }) {
		return err // it waits for others
	}
	return a.useKey(r, c.String("replace"))
}
