package cli

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqltest"
)

//go:embed templates/*.sql
var templates embed.FS

// templateNames lists the templates, each a contract with its test.
var templateNames = [...]string{"shop", "bank", "token", "vote", "supply", "registry"}

type newContractJSON struct {
	Contract string   `json:"contract"`
	Template string   `json:"template"`
	Files    []string `json:"files"`
}

func (a *app) contractNewCommand() *ucli.Command {
	return &ucli.Command{
		Name: "new", Usage: "write a contract and its test from a template", ArgsUsage: "NAME",
		Description: "Writes NAME.sql and NAME_test.sql into the working folder, never over a file.\n" +
			"Templates: " + strings.Join(templateNames[:], ", ") + ".",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "template", Usage: "begin with template `T` (default: the one called NAME, else shop)"},
		},
		Action: a.contractNew,
	}
}

var contractName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (a *app) contractNew(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "contract new NAME [--template "+strings.Join(templateNames[:], "|")+"]"); err != nil {
		return err
	}
	name := c.Args().First()
	if !contractName.MatchString(name) || strings.HasPrefix(name, "aergo_") || strings.HasSuffix(name, "_test") {
		return usage("AG0113", "aergo contract new shop", "%q is no name for a contract: small letters, digits and _, beginning with a letter, neither aergo_… nor …_test", name)
	}
	template := c.String("template")
	switch {
	case !c.IsSet("template") && slices.Contains(templateNames[:], name):
		template = name
	case !c.IsSet("template"):
		template = templateNames[0]
	case !slices.Contains(templateNames[:], template):
		hint := "Templates: " + strings.Join(templateNames[:], ", ")
		return usage("AG0112", joinHints(didYouMean(template, templateNames[:]), hint), "there is no template %q", template)
	}
	files := []string{name + ".sql", name + sqltest.Suffix}
	for _, f := range files { // both or none
		if _, err := os.Lstat(a.path(f)); err == nil {
			return usage("AG0117", "aergo contract new OTHER_NAME", "%s is here already", f)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fault.New("AG0220", "", "%s cannot be written: %w", f, err)
		}
	}
	for i, suffix := range []string{".sql", sqltest.Suffix} {
		text, err := templates.ReadFile("templates/" + template + suffix)
		if err != nil {
			return fmt.Errorf("reading template %s: %w", template, err)
		}
		if err := writeNew(a.path(files[i]), text); err != nil {
			return fault.New("AG0220", "", "%s cannot be written: %w", files[i], err)
		}
	}
	if a.json {
		return a.emit(newContractJSON{name, template, files})
	}
	a.done("%s and %s, from template %s.", files[0], files[1], template)
	a.next("aergo test · aergo deploy %s", files[0])
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
