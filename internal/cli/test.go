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
	"strconv"
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
			&ucli.BoolFlag{Name: "cover", Usage: "list the actions, REQUIREs and IFs of each contract and what the tests reached"},
			&ucli.StringFlag{Name: "junit", Usage: "write a JUnit report to `FILE`"},
		},
		Action: a.test,
	}
}

type testsJSON struct {
	Passed  int          `json:"passed"`
	Failed  int          `json:"failed"`
	Actions coverageJSON `json:"actions"`
	// Seen both ways: REQUIREs held and not, IFs went both ways.
	Requires coverageJSON   `json:"requires"`
	Ifs      coverageJSON   `json:"ifs"`
	Files    []testFileJSON `json:"files"`
}

type coverageJSON struct {
	Covered int `json:"covered"`
	Total   int `json:"total"`
}

type testFileJSON struct {
	File       string              `json:"file"`
	Contract   string              `json:"contract"`
	Error      *errorJSON          `json:"error"` // null: it could be run
	Tests      []testJSON          `json:"tests"`
	Actions    []testActionJSON    `json:"actions"`
	Conditions []testConditionJSON `json:"conditions"`
}

type testJSON struct {
	Name    string `json:"name"`
	Line    int    `json:"line"`
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"`
	Warning string `json:"warning,omitempty"`
}

type testActionJSON struct {
	Action  string `json:"action"`
	Line    int    `json:"line"`
	Called  int    `json:"called"`
	Refused int    `json:"refused"`
}

type testConditionJSON struct {
	Line      int    `json:"line"`
	Action    string `json:"action"`
	Kind      string `json:"kind"` // REQUIRE or IF
	Condition string `json:"condition"`
	True      int    `json:"true"`
	False     int    `json:"false"`
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
	if err := a.reportTests(reports, c.Bool("verbose"), c.Bool("cover")); err != nil {
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

// testsOf counts what became of the files.
func testsOf(reports []sqltest.File) testsJSON {
	j := testsJSON{Files: []testFileJSON{}}
	for _, f := range reports {
		j.Passed, j.Failed = j.Passed+f.Passed(), j.Failed+f.Failed()
		j.Actions.Covered, j.Actions.Total = j.Actions.Covered+f.Covered(), j.Actions.Total+len(f.Actions)
		j.Requires.add(f.Requires())
		j.Ifs.add(f.Ifs())
		j.Files = append(j.Files, testFileOf(f))
	}
	return j
}

func (a *app) reportTests(reports []sqltest.File, verbose, cover bool) error {
	j := testsOf(reports)
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
			if t.Warning != "" {
				a.say("%s %s  %s\n  %s", a.paint("33", "WARN"), f.Name, clean(t.Name), strings.ReplaceAll(cleanLines(t.Warning), "\n", "\n  "))
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
	if cover {
		for _, f := range reports {
			a.reportCover(f)
		}
	}
	summary := fmt.Sprintf("%d passed, %d failed, actions covered %s", j.Passed, j.Failed, j.Actions)
	if j.Requires.Total > 0 {
		summary += fmt.Sprintf(", REQUIREs %s", j.Requires)
	}
	if j.Ifs.Total > 0 {
		summary += fmt.Sprintf(", IFs %s", j.Ifs)
	}
	a.say("%s", summary)
	return nil
}

func (c *coverageJSON) add(covered, total int) { c.Covered, c.Total = c.Covered+covered, c.Total+total }

func (c coverageJSON) String() string { return fmt.Sprintf("%d/%d", c.Covered, c.Total) }

// reportCover lists what the tests of a file reach of its contract, by line.
func (a *app) reportCover(f sqltest.File) {
	if f.Err != nil {
		return
	}
	type reached struct {
		covered       bool
		line, yes, no int
		what          string
	}
	var list []reached
	for _, x := range f.Actions {
		list = append(list, reached{x.Called > 0, x.Line, x.Called - x.Refused, x.Refused, x.Name})
	}
	for _, c := range f.Conditions {
		list = append(list, reached{c.Covered(), c.Line, c.True, c.False, "  " + c.Kind + " " + cut(c.Text, 70)})
	}
	slices.SortStableFunc(list, func(x, y reached) int { return x.line - y.line })
	rows := [][]string{{"", "line", "yes", "no", ""}}
	for _, x := range list {
		mark := ""
		if !x.covered {
			mark = "--"
		}
		rows = append(rows, []string{mark, strconv.Itoa(x.line), strconv.Itoa(x.yes), strconv.Itoa(x.no), x.what})
	}
	a.say("%s.sql", f.Contract)
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], len(cell))
		}
	}
	for _, r := range rows {
		a.say("%s", strings.TrimRight(fmt.Sprintf("%-*s %*s %*s %*s  %s", width[0], r[0], width[1], r[1], width[2], r[2], width[3], r[3], clean(r[4])), " "))
	}
}

// cut shortens a text after n letters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func testFileOf(f sqltest.File) testFileJSON {
	j := testFileJSON{File: f.Name, Contract: f.Contract, Tests: []testJSON{}, Actions: []testActionJSON{}, Conditions: []testConditionJSON{}}
	if f.Err != nil {
		j.Error = &errorJSON{What: f.Err.Error(), Exit: exitStatus(f.Err)}
		if e := fault.Of(f.Err); e != nil {
			j.Error.Code, j.Error.Next = e.ID, e.Next
		}
	}
	for _, t := range f.Tests {
		x := testJSON{Name: t.Name, Line: t.Line, OK: t.Err == nil, Warning: t.Warning}
		if t.Err != nil {
			x.Error = t.Err.Error()
		}
		j.Tests = append(j.Tests, x)
	}
	for _, x := range f.Actions {
		j.Actions = append(j.Actions, testActionJSON{x.Contract + "." + x.Name, x.Line, x.Called, x.Refused})
	}
	for _, x := range f.Conditions {
		j.Conditions = append(j.Conditions, testConditionJSON{x.Line, x.Action, x.Kind, x.Text, x.True, x.False})
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
