package cli

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqltest"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (a *app) devCommand() *ucli.Command {
	return &ucli.Command{
		Name: "dev", Usage: "test and deploy a contract whenever its file changes", ArgsUsage: "FILE.sql", Category: "work",
		Description: "Watches the .sql files of the folder. On each change it compiles the contract, runs\n" +
			"its tests, and deploys it on the scratch branch dev/CONTRACT, which it makes at the\n" +
			"current branch's head; so nothing of it ever leaves that branch. A change that the\n" +
			"branch's rows forbid begins the branch anew where it began. Without a ledger it\n" +
			"compiles and tests. Ctrl-C ends it.\n\n" +
			"A contract that this one USEs is deployed with it where the branch has none.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "deploy on scratch branch `B`"},
			&ucli.BoolFlag{Name: "no-deploy", Usage: "compile and test only"},
			&ucli.BoolFlag{Name: "once", Usage: "one round, then end with its status"},
		},
		Action: a.dev,
	}
}

type devJSON struct {
	Contract string       `json:"contract"`
	OK       bool         `json:"ok"`
	Error    *errorJSON   `json:"error"` // null: it compiles, and could be deployed
	Tests    *testsJSON   `json:"tests"` // null: there is no test file, or it was not reached
	Branch   string       `json:"branch,omitempty"`
	Reset    bool         `json:"reset,omitempty"` // the branch was begun anew
	Deployed []resultJSON `json:"deployed"`
}

// developer is one run of aergo dev.
type developer struct {
	a         *app
	file      string // as it was given
	dir, name string
	branch    string
	deploys   bool
	key       crypto.Signer // once it was opened
	report    devJSON
}

func (a *app) dev(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "dev FILE.sql [--once] [--no-deploy]"); err != nil {
		return err
	}
	path := a.path(c.Args().First())
	name, ok := strings.CutSuffix(filepath.Base(path), ".sql")
	if !ok || strings.HasSuffix(name, "_test") {
		return usage("AG0113", "aergo dev shop.sql", "%s is no contract's file", c.Args().First())
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return fault.New("AG0220", "aergo contract new NAME writes one.", "there is no file %s", c.Args().First())
	}
	d := &developer{a: a, file: c.Args().First(), dir: filepath.Dir(path), name: name, branch: c.String("branch"), deploys: !c.Bool("no-deploy")}
	if d.branch == "" {
		d.branch = "dev/" + name
	}
	if c.Bool("once") {
		err := d.round()
		if a.json && a.ctx.Err() == nil {
			return errors.Join(a.emit(d.report), err)
		}
		return err
	}
	return d.watch()
}

// watch runs a round at the beginning and after each change, until an interrupt.
func (d *developer) watch() error {
	a := d.a
	seen := d.look()
	for {
		began := time.Now()
		a.status = 0
		err := d.round()
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		if a.json {
			if err := a.emitLine(d.report); err != nil {
				return err
			}
		}
		_ = a.out.Flush()
		if err != nil && !a.json {
			a.fail(err)
		}
		a.say("%s  %.1f s  watching %s", d.summary(), time.Since(began).Seconds(), clean(d.file))
		if err := a.out.Flush(); err != nil {
			return err
		}
		before := seen
		if seen = d.change(seen); seen == nil { // between two rounds there is nothing to interrupt
			a.status = 0
			return nil
		}
		var names []string
		for _, f := range slices.Sorted(maps.Keys(seen)) {
			if before[f] != seen[f] {
				names = append(names, f)
			}
		}
		for _, f := range slices.Sorted(maps.Keys(before)) {
			if _, ok := seen[f]; !ok {
				names = append(names, f)
			}
		}
		a.say("\n%s  %s", time.Now().Format("15:04:05"), clean(strings.Join(names, " ")))
		_ = a.out.Flush()
	}
}

// look gives the state of each .sql file of the folder: the contract, its tests,
// and what either may use. A file that cannot be read is not there.
func (d *developer) look() map[string]string {
	seen := map[string]string{}
	entries, _ := os.ReadDir(d.dir)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".sql") {
			continue
		}
		if info, err := os.Stat(filepath.Join(d.dir, e.Name())); err == nil {
			seen[e.Name()] = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
		}
	}
	return seen
}

// change waits until the files are other than seen, and settled; nil at an
// interrupt.
func (d *developer) change(seen map[string]string) map[string]string {
	tick := time.NewTicker(devPoll)
	defer tick.Stop()
	last := seen
	for {
		select {
		case <-d.a.ctx.Done():
			return nil
		case <-tick.C:
		}
		now := d.look()
		if !maps.Equal(now, seen) && maps.Equal(now, last) {
			return now
		}
		last = now
	}
}

// round compiles, tests and deploys once.
func (d *developer) round() (err error) {
	a := d.a
	d.report = devJSON{Contract: d.name, Deployed: []resultJSON{}}
	defer func() {
		d.report.OK = err == nil && a.status == 0
		if err != nil {
			d.report.Error = &errorJSON{What: err.Error(), Exit: exitStatus(err)}
			if f := fault.Of(err); f != nil {
				d.report.Error.Code, d.report.Error.Next = f.ID, f.Next
			}
		}
	}()
	source, err := a.readText(d.file, maxSource)
	if err != nil {
		return err
	}
	if _, err := sqlcontract.Compile(d.name, source); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(d.dir, d.name+sqltest.Suffix)); err == nil {
		reports := a.runTests([]testFile{{d.dir, d.name + sqltest.Suffix}}, sqltest.Options{})
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		tests := testsOf(reports)
		d.report.Tests = &tests
		if !a.json {
			if err := a.reportTests(reports, false, false); err != nil {
				return err
			}
		}
		if err := a.verdict(reports); err != nil || a.status != 0 {
			return err
		}
	}
	if !d.deploys {
		return nil
	}
	return d.deploy()
}

// summary is the round in a line.
func (d *developer) summary() string {
	a, r := d.a, d.report
	mark := a.paint("32", "✓")
	if !r.OK {
		mark = a.paint("31", "✗")
	}
	parts := []string{mark + " " + d.name}
	if r.Tests != nil {
		parts = append(parts, fmt.Sprintf("%d passed, %d failed", r.Tests.Passed, r.Tests.Failed))
	} else if r.OK {
		parts = append(parts, "no tests")
	}
	if r.OK && r.Branch != "" {
		parts = append(parts, "on "+r.Branch)
	}
	return strings.Join(parts, "  ")
}

// deploy puts the contract in force on the scratch branch. It holds the ledger no
// longer than that.
func (d *developer) deploy() (err error) {
	a := d.a
	r, err := a.open()
	if fault.Is(err, "AG0204") {
		return nil // without a ledger: compiled and tested
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if d.key == nil {
		if d.key, err = a.key(); err != nil {
			return err
		}
	}
	b, err := d.scratch(r)
	if err != nil {
		return err
	}
	d.report.Branch = b.Name
	err = d.put(r, d.name, map[string]bool{})
	if status := exitStatus(err); status != 7 || b.Head == b.From {
		return err
	}
	a.say("  %s forbids that: %s", b.Name, firstLine(err.Error()))
	a.say("  Branch %s begins anew at block %s, where it began.", b.Name, b.From.Short())
	if err := d.reset(r, b); err != nil {
		return err
	}
	d.report.Reset, d.report.Deployed = true, []resultJSON{}
	return d.put(r, d.name, map[string]bool{})
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return clean(line)
}

// scratch finds the scratch branch, or makes it at the current branch's head.
func (d *developer) scratch(r *repo.Repository) (repo.Branch, error) {
	list, err := r.Branches()
	if err != nil {
		return repo.Branch{}, err
	}
	for _, b := range list {
		if b.Name == d.branch {
			if !b.Scratch {
				return b, usage("AG0113", "aergo dev FILE.sql --branch NAME takes another one.", "branch %s is no scratch branch, so its calls could leave it", b.Name)
			}
			return b, nil
		}
	}
	b, err := r.CreateBranch(d.branch, "", d.key, true)
	if err == nil {
		d.a.say("Scratch branch %s begins at block %s.  aergo sql --branch %s", b.Name, b.From.Short(), b.Name)
	}
	return b, err
}

// reset begins a scratch branch anew where it began.
func (d *developer) reset(r *repo.Repository, b repo.Branch) error {
	if b.Current { // the current branch cannot be deleted
		if err := r.Switch("main"); err != nil {
			return err
		}
	}
	if err := r.DeleteBranch(b.Name, true); err != nil {
		return err
	}
	if _, err := r.CreateBranch(b.Name, b.From.String(), d.key, true); err != nil {
		return err
	}
	if b.Current {
		return r.Switch(b.Name)
	}
	return nil
}

// put deploys a contract of the folder, after those that it USEs and the branch
// does not have.
func (d *developer) put(r *repo.Repository, name string, begun map[string]bool) error {
	a := d.a
	begun[name] = true
	b, err := os.ReadFile(filepath.Join(d.dir, name+".sql"))
	if err != nil {
		return fault.New("AG0220", "", "%s.sql cannot be read: %w", name, err)
	}
	source := string(b)
	contract, err := sqlcontract.Compile(name, source)
	if err != nil {
		return err
	}
	for _, u := range contract.Uses {
		if _, err := os.Stat(filepath.Join(d.dir, u.Contract+".sql")); errors.Is(err, fs.ErrNotExist) || begun[u.Contract] {
			continue // the deploy says what it lacks
		}
		if _, _, err := r.Contract(d.branch, u.Contract); fault.Is(err, "AG0401") {
			if err := d.put(r, u.Contract, begun); err != nil {
				return err
			}
		}
	}
	if inForce, info, err := r.Contract(d.branch, name); err == nil && inForce.Source == source {
		a.say("  %s@%d is in force on %s already.", name, info.Version, d.branch)
		return nil
	}
	plan, err := r.Plan(a.ctx, d.branch, name, source)
	if err != nil {
		return err
	}
	a.say("%s", strings.TrimSpace(cleanLines(plan.String())))
	if err := plan.Forbidden(); err != nil {
		return err
	}
	res, err := r.Deploy(a.ctx, d.key, d.branch, name, source)
	if err != nil {
		return err
	}
	_, info, err := r.Contract(d.branch, name)
	if err != nil {
		return err
	}
	j := resultOf(res)
	j.Contract, j.Version, j.Plan = name, info.Version, planLines(plan)
	d.report.Deployed = append(d.report.Deployed, j)
	a.done("%s@%d on %s, block %s, %s.", name, info.Version, d.branch, res.Block.Short(), changed(res.Changes))
	for i, row := range res.Changes {
		if i == devRows {
			a.say("  and %s more", plural(len(res.Changes)-i, "row"))
			break
		}
		a.say("  %s", rowText(row))
	}
	return nil
}
