package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// dotCommand is a command of the shell.
type dotCommand struct {
	name, args, usage string
	most              int // arguments; -1: any number
	run               func(s *sqlShell, args []string) error
}

// dotCommands are in the order of .help.
func dotCommands() []dotCommand {
	return []dotCommand{
		{"help", "", "list these commands", 0, (*sqlShell).dotHelp},
		{"tables", "", "list tables and views", 0, (*sqlShell).dotTables},
		{"schema", "[C[.T]]", "print what creates the tables of contract C, or table T of it", 1, (*sqlShell).dotSchema},
		{"contracts", "", "list the contracts in force", 0, (*sqlShell).dotContracts},
		{"actions", "[C]", "list the actions, of contract C only", 1, (*sqlShell).dotActions},
		{"at", "[REV|now]", "read at a block, tag or time; now: at the head again", 1, (*sqlShell).dotAt},
		{"branch", "[B]", "list the branches; read and call on branch B", 1, (*sqlShell).dotBranch},
		{"call", "C.A name=value…", "run an action, as aergo call does; the same as CALL c.a(name => value);", -1, (*sqlShell).dotCall},
		{"log", "[REV] [-N]", "show what happened", -1, func(s *sqlShell, args []string) error { return s.verb("log", args) }},
		{"show", "[ID]", "show a block, transaction, branch or tag", -1, func(s *sqlShell, args []string) error { return s.verb("show", args) }},
		{"diff", "A..B", "show the rows that differ", -1, func(s *sqlShell, args []string) error { return s.verb("diff", args) }},
		{"format", "[F]", "print rows as F: table, csv, md or json", 1, (*sqlShell).dotFormat},
		{"timer", "[on|off]", "tell how long each statement takes", 1, (*sqlShell).dotTimer},
		{"read", "FILE", "run the statements of FILE", 1, (*sqlShell).dotRead},
		{"quit", "", "end the shell", 0, func(s *sqlShell, _ []string) error { s.quit = true; return nil }},
	}
}

// dot runs a line that began with a dot; a beginning of a name will do where
// only one begins so.
func (s *sqlShell) dot(line string) error {
	args := strings.Fields(line)
	if strings.Contains(line, `"`) {
		args = splitLine(line)
	}
	if n := len(args); n > 0 {
		args[n-1] = strings.TrimSuffix(args[n-1], ";")
	}
	if len(args) == 0 {
		args = []string{""}
	}
	var names []string
	var found []dotCommand
	for _, d := range dotCommands() {
		names = append(names, d.name)
		if d.name == args[0] {
			found = []dotCommand{d}
			break
		}
		if args[0] != "" && strings.HasPrefix(d.name, args[0]) {
			found = append(found, d)
		}
	}
	if args[0] == "exit" {
		s.quit = true
		return nil
	}
	if len(found) != 1 {
		hint := ".help"
		if best := closest(args[0], names); best != "" {
			hint = "Did you mean ." + best + "?  .help"
		}
		return usage("AG0110", hint, "the shell has no command .%s", args[0])
	}
	d := found[0]
	if d.most >= 0 && len(args)-1 > d.most {
		return usage("AG0113", strings.TrimSpace("."+d.name+" "+d.args), "%q is one argument too many", args[1+d.most])
	}
	return d.run(s, args[1:])
}

// verb runs a reading command of aergo on the shell's ledger.
func (s *sqlShell) verb(name string, args []string) error {
	a, outer, json, as := s.a, s.a.cmd, s.a.json, s.a.rowsAs
	defer func() { a.cmd, a.json, a.rowsAs = outer, json, as }()
	a.rowsAs = ""
	line := []string{"aergo", name}
	for _, f := range []string{"C", "repo", "key", "passphrase-file"} {
		if v := outer.String(f); v != "" {
			line = append(line, "--"+f+"="+v)
		}
	}
	if json {
		line = append(line, "--json")
	}
	if name != "call" && name != "diff" && !slices.ContainsFunc(args, func(s string) bool { return !strings.HasPrefix(s, "-") }) {
		args = append(args, s.rev())
	}
	return a.run(append(line, args...))
}

func (s *sqlShell) dotCall(args []string) error {
	if s.at != "" {
		return usage("AG0113", ".at now", "the shell reads at %s, and a call goes to the head of branch %s", s.at, s.branch)
	}
	return s.verb("call", append(args, "--branch="+s.branch))
}

func (s *sqlShell) dotHelp([]string) error {
	var lines [][]string
	for _, d := range dotCommands() {
		lines = append(lines, []string{"  ." + strings.TrimSpace(d.name+" "+d.args), d.usage})
	}
	s.a.columns(lines)
	s.a.say("\nA statement ends with a semicolon: SELECT * FROM shop.item;")
	s.a.say("CALL shop.sell(sku => 'tea', n => 2);  runs an action, signed by your key. Nothing else writes.")
	return nil
}

// contracts gives the contracts in force where the shell reads.
func (s *sqlShell) contracts() ([]*sqlcontract.Contract, []repo.ContractInfo, error) {
	r, err := s.a.open()
	if err != nil {
		return nil, nil, err
	}
	infos, err := r.Contracts(s.rev())
	if err != nil {
		return nil, nil, err
	}
	list := make([]*sqlcontract.Contract, len(infos))
	for i, info := range infos {
		if list[i], _, err = r.Contract(s.rev(), info.Name); err != nil {
			return nil, nil, err
		}
	}
	return list, infos, nil
}

func (s *sqlShell) dotTables([]string) error {
	list, _, err := s.contracts()
	if err != nil {
		return err
	}
	var rows [][]any
	for _, c := range list {
		for _, o := range c.Schema {
			if o.Type != "table" && o.Type != "view" {
				continue
			}
			var columns []string
			if t := c.Table(o.Name); t != nil {
				for _, col := range t.Columns {
					columns = append(columns, col.Name)
				}
			}
			rows = append(rows, []any{c.Name + "." + o.Name, o.Type, strings.Join(columns, ", ")})
		}
	}
	return s.a.printRows([]string{"table", "type", "columns"}, rows)
}

func (s *sqlShell) dotSchema(args []string) error {
	list, _, err := s.contracts()
	if err != nil {
		return err
	}
	table := ""
	if len(args) == 1 {
		var name string
		name, table, _ = strings.Cut(strings.ToLower(args[0]), ".")
		r, err := s.a.open()
		if err != nil {
			return err
		}
		c, err := s.a.contract(r, s.rev(), name)
		if err != nil {
			return err
		}
		list = []*sqlcontract.Contract{c}
	}
	var rows [][]any
	for _, c := range list {
		for _, o := range c.Schema {
			if table == "" || o.Table == table {
				rows = append(rows, []any{c.Name, o.Type, o.Name, strings.TrimSpace(o.SQL) + ";"})
			}
		}
	}
	if table != "" && len(rows) == 0 {
		return fault.New("AG0203", ".tables lists them.", "there is no table %s in contract %s", table, list[0].Name)
	}
	if f := s.a.rowsAs; f != "table" {
		return s.a.printRows([]string{"contract", "type", "name", "sql"}, rows)
	}
	for _, r := range rows {
		s.a.say("%s", cleanLines(r[3].(string)))
	}
	return nil
}

func (s *sqlShell) dotContracts([]string) error {
	_, infos, err := s.contracts()
	if err != nil {
		return err
	}
	var rows [][]any
	for _, i := range infos {
		rows = append(rows, []any{i.Name, int64(i.Version), s.a.who(i.Owner), date(i.Created)})
	}
	return s.a.printRows([]string{"contract", "version", "owner", "deployed"}, rows)
}

func (s *sqlShell) dotActions(args []string) error {
	list, _, err := s.contracts()
	if err != nil {
		return err
	}
	var rows [][]any
	for _, c := range list {
		for i := range c.Actions {
			x := c.Actions[i]
			if x.Visibility == sqlcontract.Private || x.Constructor || len(args) == 1 && c.Name != args[0] {
				continue
			}
			who := map[sqlcontract.Visibility]string{sqlcontract.Public: "every writer", sqlcontract.Owner: "owner"}[x.Visibility]
			if x.Visibility == sqlcontract.Role {
				who = "role " + strings.Join(x.Roles, ", ")
			}
			does := "writes"
			if x.ReadOnly {
				does = "reads"
			}
			rows = append(rows, []any{c.Name + "." + x.Name, form(x), who, does})
		}
	}
	if len(args) == 1 && len(rows) == 0 {
		r, err := s.a.open()
		if err != nil {
			return err
		}
		if _, err := s.a.contract(r, s.rev(), args[0]); err != nil {
			return err
		}
	}
	return s.a.printRows([]string{"action", "arguments", "who", "does"}, rows)
}

func (s *sqlShell) dotAt(args []string) error {
	r, err := s.a.open()
	if err != nil {
		return err
	}
	if len(args) == 1 {
		if err := s.setAt(r, args[0]); err != nil {
			return err
		}
	}
	b, err := r.Block(s.rev())
	if err != nil {
		return err
	}
	where := "at the head of branch " + s.branch
	if s.at != "" {
		where = "at " + s.at
	}
	s.a.note("Reading %s: block %s (number %d, %s).", clean(where), b.ID.Short(), b.Number, date(b.Time))
	return nil
}

func (s *sqlShell) dotBranch(args []string) error {
	r, err := s.a.open()
	if err != nil {
		return err
	}
	if len(args) == 1 {
		return s.setBranch(r, args[0])
	}
	list, err := r.Branches()
	if err != nil {
		return err
	}
	var rows [][]any
	for _, b := range list {
		here := ""
		if b.Name == s.branch {
			here = "*"
		}
		rows = append(rows, []any{b.Name, b.Head.Short(), int64(b.Number), date(b.Time), here})
	}
	return s.a.printRows([]string{"branch", "head", "number", "time", "here"}, rows)
}

func (s *sqlShell) dotFormat(args []string) error {
	if len(args) == 0 {
		s.a.note("%s", s.a.rowsAs)
		return nil
	}
	return s.setFormat(args[0])
}

func (s *sqlShell) dotTimer(args []string) error {
	if len(args) == 0 {
		s.timer = !s.timer
		return nil
	}
	if args[0] != "on" && args[0] != "off" {
		return usage("AG0113", ".timer on|off", "%q is neither on nor off", args[0])
	}
	s.timer = args[0] == "on"
	return nil
}

// dotRead runs a file. It ends at the first error, on a terminal too.
func (s *sqlShell) dotRead(args []string) error {
	if len(args) == 0 {
		return usage("AG0113", ".read FILE", "there is no file to read")
	}
	if s.depth == maxReadDepth {
		return usage("AG0113", "", "files read each other more than %d deep", maxReadDepth)
	}
	f, err := os.Open(s.a.path(args[0]))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New("AG0220", "", "there is no file %s", args[0])
	} else if err != nil {
		return fault.New("AG0220", "", "%s cannot be read: %w", args[0], err)
	}
	defer func() { _ = f.Close() }()
	outer := s.failed
	defer func() { s.depth--; s.failed = outer }()
	s.depth++
	s.failed = s.goOn
	return s.run(newScript(filepath.Base(args[0]), f, s.a))
}
