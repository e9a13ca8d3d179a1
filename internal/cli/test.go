package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqltest"
)

func (a *app) testCommand() *ucli.Command {
	return &ucli.Command{
		Name: "test", Usage: "run the tests beside contracts", ArgsUsage: "[FILE|DIR…]", Category: "work",
		Description: "Runs every *_test.sql of a folder (without arguments: this one), each on a\n" +
			"ledger of its own in memory. shop_test.sql tests shop.sql beside it.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "run", Usage: "run the tests whose name matches `RE` only"},
			&ucli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "print passed tests and actions without a test too"},
			&ucli.StringFlag{Name: "junit", Usage: "write a JUnit report to `FILE`"},
		},
		Action: a.test,
	}
}

type testsJSON struct {
	Passed  int            `json:"passed"`
	Failed  int            `json:"failed"`
	Actions coverageJSON   `json:"actions"`
	Files   []testFileJSON `json:"files"`
}

type coverageJSON struct {
	Covered int `json:"covered"`
	Total   int `json:"total"`
}

type testFileJSON struct {
	File     string           `json:"file"`
	Contract string           `json:"contract"`
	Error    *errorJSON       `json:"error"` // null: it could be run
	Tests    []testJSON       `json:"tests"`
	Actions  []testActionJSON `json:"actions"`
}

type testJSON struct {
	Name  string `json:"name"`
	Line  int    `json:"line"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

type testActionJSON struct {
	Action  string `json:"action"`
	Called  int    `json:"called"`
	Refused int    `json:"refused"`
}

// testFile is a file to run: its folder and its name there.
type testFile struct{ dir, name string }

func (a *app) test(c *ucli.Context) error {
	var o sqltest.Options
	if re := c.String("run"); re != "" {
		var err error
		if o.Match, err = regexp.Compile(re); err != nil {
			return usage("AG0112", "", "--run: %v", err)
		}
	}
	files, err := a.testFiles(c.Args().Slice())
	if err != nil {
		return err
	}
	reports := a.runTests(files, o)
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	if o.Match != nil && !slices.ContainsFunc(reports, func(f sqltest.File) bool { return len(f.Tests) > 0 || f.Err != nil }) {
		return usage("AG0121", "aergo test -v lists them.", "no test has a name that fits %s", c.String("run"))
	}
	if file := c.String("junit"); file != "" {
		if err := a.writeJUnit(file, reports); err != nil {
			return err
		}
	}
	if err := a.reportTests(reports, c.Bool("verbose")); err != nil {
		return err
	}
	return a.verdict(reports)
}

// testFiles finds the files that the arguments name.
func (a *app) testFiles(args []string) ([]testFile, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var list []testFile
	add := func(f testFile) {
		if !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	for _, arg := range args {
		path := a.path(arg)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New("AG0220", "", "there is no file or folder %s", arg)
		} else if err != nil {
			return nil, fault.New("AG0220", "", "%s cannot be read: %w", arg, err)
		}
		if !info.IsDir() {
			name, ok := strings.CutSuffix(filepath.Base(path), ".sql")
			if !ok {
				return nil, usage("AG0113", "aergo test [FILE|DIR…]", "%s is neither a folder nor a .sql file", arg)
			}
			name = strings.TrimSuffix(name, "_test") // shop.sql means its test
			add(testFile{filepath.Dir(path), name + sqltest.Suffix})
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fault.New("AG0220", "", "%s cannot be read: %w", arg, err)
		}
		found := false
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), sqltest.Suffix) && !e.IsDir() {
				add(testFile{path, e.Name()})
				found = true
			}
		}
		if !found {
			return nil, fault.New("AG0220", "aergo contract new NAME writes a contract with its test; aergo test DIR looks elsewhere.", "there is no *%s in %s", sqltest.Suffix, arg)
		}
	}
	return list, nil
}

// runTests runs files side by side; the reports are in the files' order.
func (a *app) runTests(files []testFile, o sqltest.Options) []sqltest.File {
	reports := make([]sqltest.File, len(files))
	var wait sync.WaitGroup
	var bug atomic.Value // a panic, for the recovery of Run
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, f := range files {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					bug.Store(fmt.Sprintf("%v\n%s", p, debug.Stack()))
				}
				<-slots
			}()
			reports[i] = sqltest.Run(a.ctx, os.DirFS(f.dir), f.name, o)
		})
	}
	wait.Wait()
	if p := bug.Load(); p != nil {
		panic(p)
	}
	return reports
}

func (a *app) reportTests(reports []sqltest.File, verbose bool) error {
	j := testsJSON{Files: []testFileJSON{}}
	for _, f := range reports {
		j.Passed, j.Failed = j.Passed+f.Passed(), j.Failed+f.Failed()
		j.Actions.Covered, j.Actions.Total = j.Actions.Covered+f.Covered(), j.Actions.Total+len(f.Actions)
		j.Files = append(j.Files, testFileOf(f))
	}
	if a.json {
		return a.emit(j)
	}
	for _, f := range reports {
		for _, t := range f.Tests {
			switch {
			case t.Err != nil:
				a.say("%s %s  %s\n  %s", a.paint("31", "FAIL"), f.Name, clean(t.Name), strings.ReplaceAll(cleanLines(t.Err.Error()), "\n", "\n  "))
			case verbose:
				a.say("%s   %s  %s", a.paint("32", "ok"), f.Name, clean(t.Name))
			}
		}
		if f.Err != nil {
			a.say("%s %s  could not be run", a.paint("31", "FAIL"), f.Name)
		}
		for _, x := range f.Actions {
			if verbose && x.Called == 0 {
				a.say("--   %s  no test calls %s.%s", f.Name, x.Contract, x.Name)
			}
		}
	}
	a.say("%d passed, %d failed, actions covered %d/%d", j.Passed, j.Failed, j.Actions.Covered, j.Actions.Total)
	return nil
}

func testFileOf(f sqltest.File) testFileJSON {
	j := testFileJSON{File: f.Name, Contract: f.Contract, Tests: []testJSON{}, Actions: []testActionJSON{}}
	if f.Err != nil {
		j.Error = &errorJSON{What: f.Err.Error(), Exit: exitStatus(f.Err)}
		if e := fault.Of(f.Err); e != nil {
			j.Error.Code, j.Error.Next = e.ID, e.Next
		}
	}
	for _, t := range f.Tests {
		x := testJSON{Name: t.Name, Line: t.Line, OK: t.Err == nil}
		if t.Err != nil {
			x.Error = t.Err.Error()
		}
		j.Tests = append(j.Tests, x)
	}
	for _, x := range f.Actions {
		j.Actions = append(j.Actions, testActionJSON{x.Contract + "." + x.Name, x.Called, x.Refused})
	}
	return j
}

func (a *app) writeJUnit(file string, reports []sqltest.File) error {
	f, err := os.Create(a.path(file))
	if err == nil {
		err = errors.Join(sqltest.WriteJUnit(f, reports), f.Close())
	}
	if err != nil {
		return fault.New("AG0220", "", "the report %s cannot be written: %w", file, err)
	}
	return nil
}

// verdict is the exit status: the worst of the files that could not be run,
// whose errors are told, else 1 where a test failed.
func (a *app) verdict(reports []sqltest.File) error {
	var errs []error
	for _, f := range reports {
		if f.Err != nil {
			errs = append(errs, f.Err)
		}
		if f.Failed() > 0 {
			a.status = 1
		}
	}
	slices.SortStableFunc(errs, func(x, y error) int { return exitStatus(y) - exitStatus(x) })
	return errors.Join(errs...)
}
