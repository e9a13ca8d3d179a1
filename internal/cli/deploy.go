package cli

import (
	"bufio"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (a *app) deployCommand() *ucli.Command {
	return &ucli.Command{
		Name: "deploy", Usage: "put a contract in force", ArgsUsage: "FILE.sql", Category: "work",
		Description: "Prints what the contract would change, asks, and deploys it as a signed\n" +
			"transaction. Its name is the file's, without .sql. Without a terminal give --yes.",
		Flags: append([]ucli.Flag{
			&ucli.StringFlag{Name: "name", Usage: "call the contract `N`"},
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "deploy on branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "dry-run", Usage: "print the plan only"},
			&ucli.BoolFlag{Name: "sign-only", Usage: "sign, and leave it to the branch's producer to submit"},
			&ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "with --sign-only, --as or --unsigned: add the deploy to `FILE`"},
		}, jointFlags()...),
		Action: a.deploy,
	}
}

func (a *app) deploy(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "deploy FILE.sql [--name N] [--branch B] [--yes]"); err != nil {
		return err
	}
	file := c.Args().First()
	source, err := a.readText(file, maxSource)
	if err != nil {
		return err
	}
	name := c.String("name")
	if name == "" {
		if file == "-" {
			return usage("AG0113", "aergo deploy - --name N", "a contract from standard input needs a name")
		}
		name = strings.TrimSuffix(filepath.Base(file), ".sql")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	plan, err := r.Plan(a.ctx, c.String("branch"), name, source)
	if err != nil {
		return err
	}
	if inForce, info, err := r.Contract(c.String("branch"), name); err == nil && inForce.Source == source {
		if a.json {
			return a.emit(resultJSON{Contract: name, Version: info.Version, Status: "unchanged", Plan: []string{}, Changes: []rowJSON{}})
		}
		a.done("%s@%d is in force already, word for word: nothing to deploy.", name, info.Version)
		return nil
	}
	a.say("%s", strings.TrimSpace(cleanLines(plan.String())))
	if err := plan.Forbidden(); err != nil {
		return err
	}
	if c.Bool("dry-run") {
		if a.json {
			return a.emit(resultJSON{Contract: name, Plan: planLines(plan), Class: plan.Summary(), Status: "planned", Changes: []rowJSON{}})
		}
		return nil
	}
	if err := a.confirm("Deploy?", "aergo deploy "+file+" --yes"); err != nil {
		return err
	}
	if a.joint() || c.Bool("sign-only") {
		return a.jointly(r, func(key crypto.Signer, as objectstore.Account) (repo.Proposal, error) {
			return r.StartDeploy(key, c.String("branch"), name, source, as)
		})
	}
	if c.IsSet("output") {
		return usage("AG0111", "Give --sign-only too.", "--output belongs to --sign-only")
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	res, err := r.Deploy(a.ctx, key, c.String("branch"), name, source)
	if err != nil && res.Transaction.IsZero() {
		return err
	}
	_, info, infoErr := r.Contract(res.Branch, name)
	if a.json {
		j := resultOf(res)
		j.Contract, j.Version, j.Plan, j.Class = name, info.Version, planLines(plan), plan.Summary()
		if e := a.emit(j); e != nil {
			return e
		}
		return err
	}
	if err != nil {
		return err
	}
	if infoErr != nil {
		return infoErr
	}
	a.done("Deployed %s@%d in block %s%s.", name, info.Version, res.Block.Short(), a.onBranch(res.Branch))
	a.next("aergo contract show %s · aergo call %s.ACTION name=value…", name, name)
	return nil
}

// onBranch tells the branch where it is not the current one.
func (a *app) onBranch(name string) string {
	if name == "" || a.repo == nil || name == a.repo.Current() {
		return ""
	}
	return " on branch " + name
}

// confirm asks on a terminal; without one it is an error that names --yes.
func (a *app) confirm(question, command string) error {
	if a.cmd.Bool("yes") {
		return nil
	}
	if !a.inTerminal || a.json {
		return usage("AG0114", command, "this asks before it writes, and there is no terminal to answer")
	}
	_ = a.out.Flush()
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	var line string
	err := a.await(func() (err error) {
		line, err = bufio.NewReader(a.stdin).ReadString('\n')
		return err
	}, func() {})
	if err != nil {
		fmt.Fprintln(a.err)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if s := strings.ToLower(strings.TrimSpace(line)); s != "y" && s != "yes" {
		return usage("AG0118", "", "nothing was done")
	}
	return nil
}

// await runs what knows of no interrupt, like a read from the terminal, and
// returns earlier when there is one; f then stays behind until the process ends,
// and late undoes what it did if it succeeds after all.
func (a *app) await(f func() error, late func()) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-a.ctx.Done():
		go func() {
			if <-done == nil {
				late()
			}
		}()
		return a.ctx.Err()
	}
}

// readText reads a text file of the command line, or standard input for "-".
func (a *app) readText(file string, limit int64) (string, error) {
	var in io.Reader = a.stdin
	if file != "-" {
		f, err := os.Open(a.path(file))
		if errors.Is(err, fs.ErrNotExist) {
			return "", fault.New("AG0220", "", "there is no file %s", file)
		}
		if err != nil {
			return "", fault.New("AG0220", "", "%s cannot be read: %w", file, err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return "", fault.New("AG0220", "", "%s cannot be read: %w", file, err)
	}
	if int64(len(b)) > limit {
		return "", usage("AG0119", "", "%s is over %d bytes", file, limit)
	}
	return string(b), nil
}

func planLines(p sqlcontract.Plan) []string {
	list := make([]string, len(p.Entries))
	for i, e := range p.Entries {
		list[i] = e.String()
	}
	return list
}
