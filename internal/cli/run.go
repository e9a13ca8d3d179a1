package cli

import (
	"bufio"
	"context"
	"crypto"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	ucli "github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// Main runs the command on the process's arguments and streams and exits.
func Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process, whatever it waits for
	code := Run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// Run runs one command line (args[0] is the program's name) and returns the
// exit status. It is safe for concurrent use; the commands of one process that
// open the same repository wait for each other.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) (code int) {
	out := bufio.NewWriterSize(stdout, 32<<10)
	a := &app{
		ctx: ctx, env: env, stdin: stdin, out: out, stdout: stdout, err: stderr,
		inTerminal: isTerminal(stdin), outTerminal: isTerminal(stdout), errTerminal: isTerminal(stderr),
	}
	defer func() {
		if p := recover(); p != nil {
			code = a.fail(fault.New("AG0999", "Please report it with the lines below.\n"+string(debug.Stack()), "a bug in aergo-git: %v", p))
		}
		_ = out.Flush()
	}()
	err := a.run(args)
	if e := a.close(); err == nil {
		err = e
	}
	if e := out.Flush(); err == nil && e != nil && !errors.Is(e, syscall.EPIPE) { // who closed the pipe has read enough
		err = fault.New("AG0902", "The command has done its work; only its output is cut short.", "the output cannot be written: %w", e)
	}
	if err != nil {
		return a.fail(err)
	}
	return a.status
}

// app is one run of the command: its streams, its global flags, and the
// repository once a verb has opened it.
type app struct {
	ctx    context.Context
	env    func(string) string
	stdin  io.Reader
	out    *bufio.Writer // standard output
	stdout io.Writer     // the same, unbuffered
	err    io.Writer     // standard error

	inTerminal, outTerminal, errTerminal bool

	dir  string // -C; paths on the command line are relative to it
	json bool
	// propose is that the verb stands behind dd propose.
	propose bool
	rowsAs  string // what .format says in the shell; "" elsewhere
	status  int    // exit status of a command that did not fail: diff --exit-code

	cmd   *ucli.Context
	repo  *repo.Repository
	names map[string]string // account -> what it is called here; see nameOf
	mine  []publicKey       // of the key folder, read with names
}

func (a *app) run(args []string) error {
	global := globalFlags()
	verbs := a.commands()
	if len(args) > 0 {
		args = args[1:]
	}
	if len(args) > 0 && args[0] == completeVerb {
		return a.complete(global, verbs, strings.Join(args[1:], " "))
	}
	v, err := arrange(global, verbs, args)
	// Errors of the command line itself obey --json and -C too.
	for _, s := range v.argv {
		a.json = a.json || s == "--json"
	}
	if err != nil {
		for _, s := range args {
			a.json = a.json || s == "--json"
		}
		return err
	}
	if v.help {
		return a.help(verbs, strings.Fields(v.name()), false)
	}
	if a.propose = v.propose; v.propose && len(v.path) > 0 && find(v.path[len(v.path)-1].Flags, "unsigned") == "" {
		return usage("AG0113", "aergo dd propose grant admin --to WHO", "aergo %s does nothing that several could sign", v.name())
	}
	program := &ucli.App{
		Name: "aergo", Flags: global, Commands: verbs,
		HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Reader: a.stdin, Writer: a.out, ErrWriter: a.err,
		ExitErrHandler: func(*ucli.Context, error) {},
		OnUsageError:   wrongValue,
		Before: func(c *ucli.Context) error {
			a.dir = c.String("C")
			a.json = c.Bool("json") || c.String("format") == "json"
			for _, dir := range []string{a.dir, a.path(c.String("repo"))} {
				if info, err := os.Stat(dir); dir != "" && (err != nil || !info.IsDir()) {
					return fault.New("AG0220", "", "there is no folder %s", dir)
				}
			}
			return nil
		},
		Action: func(c *ucli.Context) error {
			switch {
			case c.Bool("version"):
				return a.version()
			case c.NArg() == 0:
				return a.help(verbs, nil, false)
			}
			return unknownVerb(verbs, "aergo", c.Args().First())
		},
	}
	return program.RunContext(a.ctx, v.argv)
}

func globalFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "C", Usage: "work as if started in `DIR`"},
		&ucli.StringFlag{Name: "repo", Usage: "use the repository in `DIR`"},
		&ucli.StringFlag{Name: "key", Usage: "sign with key `K`, a name, a file, or agent:COMMENT of ssh-agent"},
		&ucli.StringFlag{Name: "passphrase-file", Usage: "read the key's passphrase from `FILE`"},
		&ucli.BoolFlag{Name: "json", Usage: "answer in JSON"},
		&ucli.StringFlag{Name: "format", Usage: "rows as `F`: table, csv, md or json"},
		&ucli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "ask nothing"},
		&ucli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print results and errors only"},
		&ucli.BoolFlag{Name: "version", Usage: "print the version"},
	}
}

// commands is every verb, by family and in the order of `aergo help -a`.
func (a *app) commands() []*ucli.Command {
	verbs := []*ucli.Command{
		a.initCommand(), a.keyCommand(), a.demoCommand(),
		a.deployCommand(), a.callCommand(), a.submitCommand(), a.giveCommand(), a.importCommand(), a.queryCommand(), a.sqlCommand(), a.statusCommand(),
		a.logCommand(), a.showCommand(), a.diffCommand(), a.blameCommand(), a.eventsCommand(), a.contractCommand(), a.testCommand(), a.devCommand(),
		a.branchCommand(), a.switchCommand(), a.tagCommand(), a.approveCommand(), a.mergeCommand(), a.mergeRuleCommand(), a.conflictsCommand(), a.resolveCommand(),
		a.cherryPickCommand(), a.revertCommand(), a.rebaseCommand(), a.undoCommand(),
		a.identityCommand(), a.grantCommand(), a.revokeCommand(), a.visibilityCommand(), a.peersCommand(), a.directoryCommand(), a.verifyCommand(), a.proofCommand(),
		a.explainCommand(), a.completionCommand(), a.versionCommand(), a.helpCommand(),
	}
	for _, c := range verbs {
		a.prepare("aergo", c)
	}
	return verbs
}

func (a *app) prepare(parent string, c *ucli.Command) {
	c.HideHelp = true
	c.OnUsageError = wrongValue
	name := parent + " " + c.Name
	for _, s := range c.Subcommands {
		a.prepare(name, s)
	}
	if isFamily(c) {
		family := c
		c.Action = func(ctx *ucli.Context) error {
			return unknownVerb(family.Subcommands, name, ctx.Args().First())
		}
		return
	}
	action := c.Action
	c.Action = func(ctx *ucli.Context) error {
		a.cmd = ctx
		return action(ctx)
	}
}

// isFamily tells whether a command does nothing by itself; branch, which has
// sub-verbs too, does.
func isFamily(c *ucli.Command) bool { return len(c.Subcommands) > 0 && c.ArgsUsage == "" }

// notNumber is what the flag parser says of a number that is none.
var notNumber = regexp.MustCompile(`^invalid value (".*") for flag -(\S+): parse error$`)

func wrongValue(_ *ucli.Context, err error, _ bool) error {
	if m := notNumber.FindStringSubmatch(err.Error()); m != nil {
		return usage("AG0112", "", "--%s takes a number, not %s", m[2], m[1])
	}
	return usage("AG0112", "", "%s", err.Error())
}

func unknownVerb(verbs []*ucli.Command, where, given string) error {
	names := make([]string, len(verbs))
	for i, c := range verbs {
		names[i] = c.Name
	}
	all := where + " " + strings.Join(names, "|")
	if where == "aergo" {
		all = "aergo help -a"
	}
	if given == "" {
		return usage("AG0110", all, "%s needs to know what to do", where)
	}
	hint := all
	if best := closest(given, names); best != "" {
		hint = "Did you mean " + where + " " + best + "?  " + all
	}
	return usage("AG0110", hint, "%s has no command %q", where, given)
}

// usage is an error of the command line itself.
func usage(code, next, what string, args ...any) error {
	return fault.New(code, next, what, args...)
}

// nargs checks how many arguments stand after the flags; form is how the
// command is written.
func nargs(c *ucli.Context, least, most int, form string) error {
	switch n := c.NArg(); {
	case n < least:
		return usage("AG0113", "aergo "+form, "something is missing after aergo %s", strings.Fields(form)[0])
	case most >= 0 && n > most:
		return usage("AG0113", "aergo "+form, "%q is one argument too many", c.Args().Get(most))
	}
	return nil
}

// begin is how most verbs begin: as many arguments as form says, least to most,
// and the repository open.
func (a *app) begin(c *ucli.Context, least, most int, form string) (*repo.Repository, error) {
	if err := nargs(c, least, most, form); err != nil {
		return nil, err
	}
	return a.open()
}

// beginSigning is begin for a verb that always signs.
func (a *app) beginSigning(c *ucli.Context, least, most int, form string) (*repo.Repository, crypto.Signer, error) {
	if err := nargs(c, least, most, form); err != nil {
		return nil, nil, err
	}
	return a.openSigning()
}

// openSigning opens the repository and gives the key that signs.
func (a *app) openSigning() (*repo.Repository, crypto.Signer, error) {
	r, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	key, err := a.key()
	return r, key, err
}

// path makes a path of the command line relative to -C.
func (a *app) path(p string) string {
	if filepath.IsAbs(p) || a.dir == "" {
		return p
	}
	return filepath.Join(a.dir, p)
}

// open opens the repository that --repo, -C or the working folder names.
func (a *app) open() (*repo.Repository, error) { return a.openWith(repo.Options{}) }

// openMoved opens although a head was moved to where it may not stand.
func (a *app) openMoved() (*repo.Repository, error) { return a.openWith(repo.Options{Moved: true}) }

func (a *app) openWith(o repo.Options) (*repo.Repository, error) {
	if a.repo != nil {
		return a.repo, nil
	}
	dir := "."
	if r := a.cmd.String("repo"); r != "" {
		dir = r
	}
	var r *repo.Repository
	err := a.await(func() (err error) { // another process may have it open, or the disk may be stuck
		r, err = repo.Open(a.path(dir), o)
		return err
	}, func() { _ = r.Close() })
	if err != nil {
		return nil, err
	}
	a.repo, a.names = r, nil
	return r, nil
}

func (a *app) close() error {
	if a.repo == nil {
		return nil
	}
	err := a.repo.Close()
	a.repo = nil
	return err
}

// exitStatus maps an error to the exit status that doc.go lists.
func exitStatus(err error) int {
	if errors.Is(err, context.Canceled) {
		return 130
	}
	f := fault.Of(err)
	if f == nil || len(f.ID) < 4 {
		return 70
	}
	switch f.ID[2:4] {
	case "01":
		return 2
	case "02":
		return 3
	case "03", "04":
		return 7
	case "05":
		return 4
	case "06":
		return 6
	case "07":
		return 1
	case "08":
		return 5
	}
	return 70
}

// fail prints an error and gives its exit status.
func (a *app) fail(err error) int {
	err = named(err)
	status := exitStatus(err)
	code, next := "", ""
	if f := fault.Of(err); f != nil {
		code, next = f.ID, f.Next
	}
	what := err.Error()
	var why refused
	errors.As(err, &why)
	switch status {
	case 130:
		what = "interrupted"
	case 70:
		if code == "" {
			next = "Nothing that was confirmed before is lost. aergo verify checks the repository."
		}
	}
	if a.json {
		j := errorJSON{Code: code, What: what, Next: next, Exit: status}
		if why.error != nil {
			j.Why = whyOf(&why.why)
		}
		a.writeJSON(a.err, errorDocument{j})
		return status
	}
	var b strings.Builder
	b.WriteString("✗ ")
	if code != "" {
		b.WriteString(code + " ")
	}
	b.WriteString(cleanLines(what) + "\n")
	if strings.TrimSpace(why.text) != "" {
		b.WriteString(why.text + "\n")
	}
	if next != "" {
		b.WriteString("  " + strings.ReplaceAll(cleanLines(next), "\n", "\n  ") + "\n")
	}
	if code != "" {
		b.WriteString("  aergo explain " + code + "\n")
	}
	_, _ = io.WriteString(a.err, b.String())
	return status
}

// named gives a code to an error of the disk that has none: bytes that are not
// what was written, or are gone, are a verification that failed. What a user
// asked for and is not there has a code already.
func named(err error) error {
	if fault.Of(err) != nil {
		return err
	}
	refused := func(next string) error { return fault.New("AG0903", next, "%w", err) }
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return refused("Make room there and do it again. What was confirmed before is stored.")
	case errors.Is(err, syscall.EROFS):
		return refused("A ledger lies in a folder that can be written, also for those who only read it: copy it to one.")
	case errors.Is(err, fs.ErrPermission):
		return refused("Do it as the user who owns the folder, or work on a copy.")
	}
	var corrupt *objectstore.CorruptError
	if errors.As(err, &corrupt) || errors.Is(err, objectstore.ErrNotFound) {
		return fault.New("AG0609", "Copy the ledger again from a backup or a peer; aergo verify --full checks the copy.", "%w", err)
	}
	return err
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
