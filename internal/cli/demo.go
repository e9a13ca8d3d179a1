package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// demoScript is the first five minutes, as a user would type them, each with the
// exit status that it should have.
var demoScript = []struct {
	remark string
	line   string
	exit   int
}{
	{"A ledger is a folder. Its owner is your key, which is made here.", "aergo init shop", 0},
	{"", "cd shop", 0},
	{"A contract is SQL: tables, and actions that alone may change them.", "aergo deploy ../shop.sql --yes", 0},
	{"Every call is a signed transaction in a signed block.", "aergo call shop.add_item sku=tea price=400 stock=10", 0},
	{"", `aergo query "SELECT * FROM shop.item"`, 0},
	{"A site sells on a branch of its own, and so do we: 8 + 5 of 10.", "aergo call shop.sell sku=tea n=8 --branch eu -c", 0},
	{"", "aergo call shop.sell sku=tea n=5", 0},
	{"", "aergo diff main...eu", 0},
	{"The merge runs the other side's calls again, here. What does not fit stays out.", "aergo merge eu", 0},
	{"", `aergo query "SELECT * FROM shop.item"`, 0},
	{"The same rule holds for a direct call. Exit status 7: the contract refused.", "aergo call shop.sell sku=tea n=100", 7},
	{"Nothing is ever lost.", "aergo log --graph", 0},
	{"", `aergo query --at main~2 "SELECT * FROM shop.item"`, 0},
	{"Anybody can check all of it, from the first signature on.", "aergo verify --full", 0},
	{"And prove one row to somebody who has only the ledger's id.", "aergo proof row shop.item tea -o tea.proof", 0},
	{"", "aergo proof verify tea.proof", 0},
}

type demoJSON struct {
	Command string `json:"command"`
	Exit    int    `json:"exit"`
	Output  string `json:"output"`
}

func (a *app) demoCommand() *ucli.Command {
	return &ucli.Command{
		Name: "demo", Usage: "play the first five minutes", Category: "start",
		Description: "Runs real commands in a temporary folder, with a key of its own, and shows\neach with its output.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "keep", Usage: "play in `DIR`, a new folder, and leave it there"},
		},
		Action: a.demo,
	}
}

func (a *app) demo(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "demo [--keep DIR]"); err != nil {
		return err
	}
	dir := a.path(c.String("keep"))
	if dir == "" || !c.IsSet("keep") {
		tmp, err := os.MkdirTemp("", "aergo-demo-")
		if err != nil {
			return fmt.Errorf("making a folder for the demo: %w", err)
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		dir = tmp
	} else if err := newFolder(dir); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the demo's folder: %w", err)
	}
	contract, err := templates.ReadFile("templates/shop.sql")
	if err != nil {
		return fmt.Errorf("reading the demo's contract: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop.sql"), contract, 0o644); err != nil {
		return fmt.Errorf("writing the demo's contract: %w", err)
	}
	if err := a.playDemo(dir); err != nil {
		return err
	}
	if c.IsSet("keep") {
		a.done("Kept in %s. Try it: cd %s && aergo status", dir, shellWord(filepath.Join(c.String("keep"), "shop")))
		a.say("  Its key lies in %s: export AERGO_KEYS=%s", filepath.Join(dir, "keys"), shellWord(filepath.Join(dir, "keys")))
	} else {
		a.done("That was it. The folder is gone; aergo demo --keep DIR leaves one to play with.")
	}
	return nil
}

func newFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return usage("AG0117", "Name a folder that is new or empty.", "%s is not empty", dir)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fault.New("AG0220", "", "the demo cannot use %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.New("AG0220", "", "the demo cannot use %s: %w", dir, err)
	}
	return nil
}

// playDemo runs the script's commands in this process; each has the exit
// status that it should have, or the demo fails.
func (a *app) playDemo(dir string) error {
	env := func(name string) string {
		switch name {
		case "AERGO_KEYS":
			return filepath.Join(dir, "keys")
		case "AERGO_KEY":
			return ""
		}
		return a.env(name)
	}
	at := dir
	var steps []demoJSON
	for _, step := range demoScript {
		if step.remark != "" {
			a.say("%s", a.paint("2", "# "+step.remark))
		}
		a.say("%s", a.paint("1", "$ "+step.line))
		_ = a.out.Flush()
		args := splitLine(step.line)
		if args[0] == "cd" {
			at = filepath.Join(at, args[1])
			continue
		}
		args = append([]string{args[0], "-C", at}, args[1:]...)
		// A refusal is part of the show: it goes where the rest goes.
		var told strings.Builder
		var out io.Writer = &told
		if !a.json {
			out = a.stdout
		}
		code := Run(a.ctx, args, strings.NewReader(""), out, out, env)
		if code != step.exit {
			return fault.New("AG0999", "", "the demo's command %q ended with status %d, not %d", step.line, code, step.exit)
		}
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		steps = append(steps, demoJSON{step.line, code, told.String()})
		a.say("")
	}
	if a.json {
		return a.emit(steps)
	}
	return nil
}

// splitLine splits a command line at spaces outside double quotes.
func splitLine(line string) []string {
	var args []string
	quoted := false
	word := ""
	for _, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			args = append(args, word)
			word = ""
		default:
			word += string(r)
		}
	}
	return append(args, word)
}
