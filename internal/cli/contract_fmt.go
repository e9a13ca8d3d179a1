package cli

import (
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

type formatJSON struct {
	File    string `json:"file"`
	Changed bool   `json:"changed"`
	Text    string `json:"text,omitempty"` // laid out; not with -w
}

func (a *app) contractFmtCommand() *ucli.Command {
	return &ucli.Command{
		Name: "fmt", Usage: "lay contracts and their tests out as the documents do", ArgsUsage: "[FILE.sql…]",
		Description: "Prints each file laid out; without a file, or for -, what comes from standard input.\n" +
			"Only blanks and the case of keywords change. With --diff the exit status is 1 where a\n" +
			"file would change.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "write", Aliases: []string{"w"}, Usage: "write the files instead"},
			&ucli.BoolFlag{Name: "diff", Usage: "print what would change instead"},
		},
		Action: a.contractFmt,
	}
}

func (a *app) contractFmt(c *ucli.Context) error {
	files := c.Args().Slice()
	if len(files) == 0 {
		files = []string{"-"}
	}
	list := []formatJSON{}
	for _, file := range files {
		if file == "-" && c.Bool("write") {
			return usage("AG0113", "aergo contract fmt -w FILE.sql", "standard input cannot be written")
		}
		text, err := a.readText(file, maxSource)
		if err != nil {
			return err
		}
		laid, err := sqlcontract.Format(file, text)
		if err != nil {
			return err
		}
		j := formatJSON{File: file, Changed: laid != text}
		switch {
		case c.Bool("write"):
			if j.Changed {
				err = replaceFile(a.path(file), laid)
			}
		case c.Bool("diff"):
			if j.Changed {
				a.status = 1
			}
			if j.Changed && !a.json {
				_, err = a.out.Write(diff.Diff(file, []byte(text), file+" laid out", []byte(laid)))
			}
		case a.json:
			j.Text = laid
		default:
			_, err = a.out.WriteString(laid)
		}
		if err != nil {
			return err
		}
		list = append(list, j)
	}
	if a.json {
		return a.emit(list)
	}
	return nil
}

// replaceFile writes a file anew, whole or not at all, with the rights it has.
func replaceFile(path, text string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	if err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", path, err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".fmt-*")
	if err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", path, err)
	}
	_, err = temp.WriteString(text)
	if e := temp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(temp.Name(), info.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fault.New("AG0220", "", "%s cannot be written: %w", path, err)
	}
	return nil
}
