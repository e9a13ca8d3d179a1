package cli

import (
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

type contractDiffJSON struct {
	Contract string   `json:"contract"`
	From     string   `json:"from"`
	To       string   `json:"to"`
	Plan     []string `json:"plan"`
	Class    string   `json:"class"`
	Diff     string   `json:"diff"`
}

func (a *app) contractDiffCommand() *ucli.Command {
	return &ucli.Command{
		Name: "diff", Usage: "compare versions of a contract", ArgsUsage: "NAME[@VERSION] [NAME[@VERSION]|FILE.sql]",
		Description: "Prints what a deploy of the second over the first would change, and the lines of\n" +
			"source that differ. One version is compared with the one before it.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "at", Usage: "look at revision `REV`"},
			&ucli.BoolFlag{Name: "exit-code", Usage: "exit with 1 when there is a difference"},
		},
		Action: a.contractDiff,
	}
}

// side is one of the two sources that are compared.
type side struct {
	title   string // "shop@2", or the file's name
	source  string
	version int // 0 for a file
}

func (a *app) contractDiff(c *ucli.Context) error {
	const form = "contract diff NAME[@VERSION] [NAME[@VERSION]|FILE.sql]"
	if err := nargs(c, 1, 2, form); err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	first, second := c.Args().Get(0), c.Args().Get(1)
	name, _, _ := strings.Cut(first, "@")
	if isSourceFile(first) {
		return usage("AG0113", form, "the first is a contract in force, or a version of one; %s is a file", first)
	}
	to, err := a.contractSide(r, c.String("at"), name, first)
	if err != nil {
		return err
	}
	var from side
	if second == "" {
		if to.version < 2 {
			return fault.New("AG0201", "Compare it with a file: aergo contract diff "+name+" FILE.sql", "%s is the first version, there is none before it", to.title)
		}
		if from, err = a.contractSide(r, c.String("at"), name, fmt.Sprintf("%s@%d", name, to.version-1)); err != nil {
			return err
		}
	} else {
		from = to
		if other, _, _ := strings.Cut(second, "@"); other != name && !isSourceFile(second) {
			return usage("AG0113", form, "%s and %s are versions of two contracts", first, second)
		}
		if to, err = a.contractSide(r, c.String("at"), name, second); err != nil {
			return err
		}
	}
	return a.compareSources(name, from, to, c.Bool("exit-code"))
}

// isSourceFile tells a file from the name of a contract, which has no such
// characters.
func isSourceFile(arg string) bool {
	return arg == "-" || strings.ContainsAny(arg, "/\\") || strings.HasSuffix(arg, ".sql")
}

// contractSide reads a version of a contract, or a file as a version of it.
func (a *app) contractSide(r *repo.Repository, at, name, arg string) (side, error) {
	if isSourceFile(arg) {
		source, err := a.readText(arg, maxSource)
		return side{title: arg, source: source}, err
	}
	k, err := a.contract(r, at, arg)
	if err != nil {
		return side{}, err
	}
	_, info, err := r.Contract(at, arg)
	return side{nameVersion(info), k.Source, info.Version}, err
}

func (a *app) compareSources(name string, from, to side, exitCode bool) error {
	older, err := sqlcontract.Compile(name, from.source)
	if err != nil {
		return err
	}
	newer, err := sqlcontract.Compile(name, to.source)
	if err != nil {
		return err
	}
	plan, err := sqlcontract.PlanDeploy(older, newer, from.version)
	if err != nil {
		return err
	}
	lines := string(diff.Diff(from.title, []byte(from.source), to.title, []byte(to.source)))
	if _, rest, ok := strings.Cut(lines, "\n"); ok { // its first line is "diff A B"
		lines = rest
	}
	if exitCode && lines != "" {
		a.status = 1
	}
	if a.json {
		return a.emit(contractDiffJSON{name, from.title, to.title, planLines(plan), plan.Summary(), lines})
	}
	if lines == "" {
		a.say("%s and %s are the same, word for word.", from.title, to.title)
		return nil
	}
	a.say("%s", strings.TrimSpace(cleanLines(plan.String())))
	a.say("")
	if a.outTerminal {
		lines = cleanLines(lines)
	}
	_, err = a.out.WriteString(lines)
	return err
}
