package cli

import (
	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

type tagJSON struct {
	Name    string `json:"name"`
	Block   string `json:"block"`
	Tagger  string `json:"tagger"`
	Message string `json:"message"`
	Time    string `json:"time"`
}

func tagRecord(t repo.Tag) tagJSON {
	return tagJSON{t.Name, id(t.Block), string(t.Tagger), t.Message, timeJSON(t.Time)}
}

func (a *app) tagCommand() *ucli.Command {
	return &ucli.Command{
		Name: "tag", Usage: "list tags, or give a block a name for good", ArgsUsage: "[NAME [REV]]", Category: "history",
		Description: "A tag is signed, stands in the directory and never moves.",
		Flags: append(signOnlyFlags(),
			&ucli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "say why in `TEXT`"},
		),
		Action: a.tag,
	}
}

func (a *app) tag(c *ucli.Context) error {
	r, err := a.begin(c, 0, 2, "tag [NAME [REV]] [-m TEXT]")
	if err != nil {
		return err
	}
	if c.NArg() > 0 {
		name := c.Args().First()
		change, err := r.TagOf(name, c.Args().Get(1), c.String("message"))
		if err != nil {
			return err
		}
		if done, err := a.change(r, change); done || err != nil {
			return err
		}
		t, err := r.TagNamed(name)
		if err != nil {
			return err
		}
		if a.json {
			return a.emit(tagRecord(t))
		}
		a.done("Tag %s at block %s.", t.Name, t.Block.Short())
		return nil
	}
	tags, err := r.Tags()
	if err != nil {
		return err
	}
	list := make([]tagJSON, len(tags))
	var lines [][]string
	for i, t := range tags {
		list[i] = tagRecord(t)
		lines = append(lines, []string{clean(t.Name), t.Block.Short(), date(t.Time), a.who(t.Tagger), clean(t.Message)})
	}
	if a.json {
		return a.emit(list)
	}
	a.columns(lines)
	return nil
}
