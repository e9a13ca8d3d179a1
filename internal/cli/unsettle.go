package cli

import (
	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

// unsettle is resolve --undo and --reset: choices are taken back.
func (a *app) unsettle(c *ucli.Context, r *repo.Repository) error {
	paths := c.StringSlice("undo")
	if c.Bool("reset") {
		if len(paths) > 0 {
			return usage("AG0105", "aergo resolve --reset", "--reset takes back all choices, --undo some")
		}
		paths = []string{""} // any
	}
	if c.NArg() > 0 || c.Bool("ours") || c.Bool("theirs") || c.IsSet("set") || c.IsSet("set-null") {
		return usage("AG0105", "aergo resolve --undo shop.item[tea].price", "choices are taken back alone, not while others are made")
	}
	total := 0
	for _, p := range paths {
		var about repo.Choice
		if !c.Bool("reset") {
			var err error
			if about, err = parsePath(p); err != nil {
				return err
			}
		}
		n, err := r.Unsettle(c.String("into"), about)
		if err != nil {
			return err
		}
		total += n
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	m, err := r.Conflicts(a.ctx, key, c.String("into"))
	if err != nil {
		return err
	}
	if !a.json {
		a.done("%s taken back.", plural(total, "choice"))
	}
	return a.openState(m)
}
