package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/importer"
	"github.com/aergo-git/aergo-git/internal/sqltest"
	"github.com/aergo-git/aergo-git/repo"
)

type importJSON struct {
	File     string            `json:"file"`
	Contract string            `json:"contract"`
	Status   string            `json:"status"` // drafted, imported, unchanged
	Tables   []importTableJSON `json:"tables"`
	Notes    []importer.Note   `json:"notes"`
	Plan     []string          `json:"plan"`
	Source   string            `json:"source,omitempty"` // with --draft
	Files    []string          `json:"files"`            // written by -o
	Rows     int64             `json:"rows"`             // loaded now
	Repeated int64             `json:"repeated"`         // loaded before
	Calls    int               `json:"calls"`
	Blocks   int               `json:"blocks"`
	Branch   string            `json:"branch,omitempty"`
	Head     string            `json:"head,omitempty"`
}

type importTableJSON struct {
	Table string   `json:"table"`
	From  string   `json:"from"`
	Rows  int64    `json:"rows"`
	Key   []string `json:"key"`
}

func (a *app) importCommand() *ucli.Command {
	return &ucli.Command{
		Name: "import", Usage: "start a contract from a CSV file or an SQLite database", ArgsUsage: "FILE.csv|FILE.sqlite", Category: "work",
		Description: "Reads the file, drafts a contract with a table for each of its tables, says what\n" +
			"was changed or left out and why, asks, deploys the contract and loads the rows as\n" +
			"signed calls, many in each. An import that was interrupted goes on where it was\n" +
			"when it is run again; one that is complete changes nothing.\n\n" +
			"Where the contract is in force already and fits, it only loads: --draft -o shop.sql,\n" +
			"change what you like, deploy, import.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "as", Usage: "call the contract `N` (default: the file's name)"},
			&ucli.StringSliceFlag{Name: "table", Usage: "of a database, import table `T` only, may be repeated; of a CSV, the table's name"},
			&ucli.StringFlag{Name: "primary-key", Usage: "primary key of a CSV's table: column `COL`, or several with commas between them"},
			&ucli.BoolFlag{Name: "draft", Usage: "print the contract only"},
			&ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the contract to `FILE.sql`, and a test beside it"},
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "import on branch `B`, not the current one"},
		},
		Action: a.importFile,
	}
}

func (a *app) importFile(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "import FILE.csv|FILE.sqlite [--as CONTRACT] [--draft] [-o FILE.sql] [--yes]"); err != nil {
		return err
	}
	name := c.Args().First()
	if as := c.String("as"); as != "" && (!contractName.MatchString(as) || strings.HasPrefix(as, "aergo_") || strings.HasSuffix(as, "_test")) {
		return usage("AG0113", "aergo import "+name+" --as shop", "%q is no name for a contract: small letters, digits and _, beginning with a letter, neither aergo_… nor …_test", as)
	}
	o := importer.Options{Contract: c.String("as"), Tables: c.StringSlice("table")}
	if k := c.String("primary-key"); k != "" {
		o.Key = strings.Split(k, ",")
	}
	var bar *progress
	o.Progress = func(done, total int64) {
		if bar == nil {
			bar = a.progress("read", int(total))
		}
		bar.set(int(done), int(total))
	}
	file, err := importer.Open(a.ctx, a.path(name), o)
	if bar != nil {
		bar.end()
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	j := importJSON{File: name, Contract: file.Draft.Contract, Notes: file.Notes(), Plan: []string{}, Files: []string{}}
	if j.Notes == nil {
		j.Notes = []importer.Note{}
	}
	for _, t := range file.Draft.Tables {
		j.Tables = append(j.Tables, importTableJSON{t.Name, t.From, t.Rows, t.Key})
	}
	if c.Bool("draft") {
		return a.importDraft(file, j, c.String("output"))
	}
	return a.importLoad(c, file, j)
}

// importDraft prints the contract, or writes it with its test.
func (a *app) importDraft(file *importer.File, j importJSON, output string) error {
	j.Status, j.Source = "drafted", file.Draft.Source()
	files, err := a.writeDraft(file, output)
	if err != nil {
		return err
	}
	j.Files = files
	if a.json {
		return a.emit(j)
	}
	if output == "" {
		for _, n := range j.Notes { // not into the contract that a shell redirects
			a.note("%s", cleanLines(n.String()))
		}
		_, err := a.out.WriteString(j.Source)
		return err
	}
	a.report(j.Notes)
	a.done("%s, for %s of %s.", strings.Join(files, " and "), plural(int(file.Rows()), "row"), j.File)
	a.next("aergo test · aergo deploy %s --name %s · aergo import %s --as %s", files[0], j.Contract, j.File, j.Contract)
	return nil
}

// writeDraft writes the contract and its test, over no file.
func (a *app) writeDraft(file *importer.File, output string) ([]string, error) {
	if output == "" {
		return []string{}, nil
	}
	base, ok := strings.CutSuffix(output, ".sql")
	if !ok {
		return nil, usage("AG0113", "-o shop.sql", "the file of a contract ends in .sql")
	}
	files := []string{output, base + sqltest.Suffix}
	texts := []string{file.Draft.Source(), file.Draft.Test()}
	if texts[1] == "" {
		files = files[:1]
	}
	for _, f := range files {
		if _, err := os.Lstat(a.path(f)); err == nil {
			return nil, usage("AG0117", "", "%s is here already", f)
		}
	}
	for i, f := range files {
		if err := writeNew(a.path(f), []byte(texts[i])); err != nil {
			return nil, fault.New("AG0220", "", "%s cannot be written: %w", f, err)
		}
	}
	return files, nil
}

// report prints what was changed or left out.
func (a *app) report(notes []importer.Note) {
	if len(notes) == 0 {
		return
	}
	a.say("Changed, or left out:")
	for _, n := range notes {
		a.say("  %s", clean(n.String()))
	}
}

// importLoad deploys the draft where it is needed and loads the rows.
func (a *app) importLoad(c *ucli.Context, file *importer.File, j importJSON) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	branch := c.String("branch")
	if branch == "" {
		branch = r.Current()
	}
	state, err := file.Prepare(r, branch)
	if err != nil {
		return err
	}
	if j.Files, err = a.writeDraft(file, c.String("output")); err != nil {
		return err
	}
	if err := a.importPlan(r, branch, file, state, &j); err != nil {
		return err
	}
	if err := a.confirm("Import?", "aergo import "+j.File+" --yes"); err != nil {
		return err
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	bar := a.progress("rows", int(file.Rows()))
	loaded, err := file.Load(a.ctx, r, importer.LoadOptions{Key: key, Branch: branch, Progress: func(done, total int64) { bar.set(int(done), int(total)) }})
	bar.end()
	j.Rows, j.Repeated, j.Calls, j.Blocks, j.Branch = loaded.Rows, loaded.Repeated, loaded.Calls, loaded.Blocks, branch
	j.Status = "imported"
	if err == nil && loaded.Rows == 0 && loaded.Deployed == 0 {
		j.Status = "unchanged"
	}
	if head, e := r.Resolve(branch); e == nil {
		j.Head = id(head)
	}
	if err != nil {
		if loaded.Rows > 0 && errors.Is(err, context.Canceled) {
			a.note("%s of %d are loaded. Run the same command again: it goes on from there.", plural(int(loaded.Rows), "row"), file.Rows())
		}
		return err
	}
	if a.json {
		return a.emit(j)
	}
	if j.Status == "unchanged" {
		a.done("All %s are in %s already: nothing to do.", plural(int(loaded.Repeated), "row"), j.Contract)
		return nil
	}
	text := fmt.Sprintf("%s imported into %s, %s in %s%s", plural(int(loaded.Rows), "row"), j.Contract, plural(loaded.Calls, "call"), plural(loaded.Blocks, "block"), a.onBranch(branch))
	if loaded.Repeated > 0 {
		text += fmt.Sprintf(", %d were there already", loaded.Repeated)
	}
	a.done("%s.", text)
	a.next("aergo query \"SELECT * FROM %s.%s LIMIT 10\" · aergo contract show %s", j.Contract, j.Tables[0].Table, j.Contract)
	return nil
}

// importPlan shows what will be deployed and loaded.
func (a *app) importPlan(r *repo.Repository, branch string, file *importer.File, state importer.State, j *importJSON) error {
	if state == importer.New {
		plan, err := r.Plan(a.ctx, branch, j.Contract, file.Draft.Source())
		if err != nil {
			return err
		}
		if len(j.Files) == 0 {
			a.say("%s", cleanLines(file.Draft.Source()))
		}
		a.report(j.Notes)
		a.say("%s", strings.TrimSpace(cleanLines(plan.String())))
		j.Plan = planLines(plan)
	} else {
		a.report(j.Notes)
		a.say("Contract %s is in force and fits.", j.Contract)
	}
	for _, t := range file.Draft.Tables {
		a.say("  %s for table %s, key %s", plural(int(t.Rows), "row"), t.Name, strings.Join(t.Key, ", "))
	}
	return nil
}
