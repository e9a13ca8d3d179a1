package cli

import (
	"context"
	"crypto"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) sqlCommand() *ucli.Command {
	return &ucli.Command{
		Name: "sql", Usage: "open a shell for SQL", Category: "work",
		Description: "Reads statements that end with a semicolon, over several lines if need be, and\n" +
			"prints their rows. It writes nothing, but for CALL shop.sell(sku => 'tea', n => 2);\n" +
			"which runs an action as aergo call does. A line that begins with a dot is a command\n" +
			"of the shell: .help lists them. Tab completes, Ctrl-C ends a query, Ctrl-D the shell.\n\n" +
			"Without a terminal it runs what standard input holds, aergo sql < FILE.sql, and stops\n" +
			"at the first error with its exit status. The shell has the ledger open only while\n" +
			"a statement runs, so other commands work beside it.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "at", Usage: "read at revision `REV`: eu, v1, 51d7a0e, main~3, #12, @2026-11-01T12:00"},
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "read and call on branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "keep-going", Usage: "go on after an error; the exit status is the first one's"},
		},
		Action: a.sql,
	}
}

// sqlShell is one run of aergo sql.
type sqlShell struct {
	a           *app
	interactive bool
	keepGoing   bool
	timer       bool
	quit        bool
	depth       int // of .read

	ledger string // for the prompt
	branch string // where it reads and calls
	at     string // .at as written; "" reads the head
	block  string // the block that at means, fixed when it was said

	key     crypto.Signer
	words   words            // for Tab; as of the last statement
	signals chan os.Signal   // of an interactive shell: it outlives an interrupt
	again   context.Context  // of the whole shell
	failed  func(error) bool // tells an error where it is not the end; false: it is the end
}

func (a *app) sql(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "sql [--at REV] < FILE.sql"); err != nil {
		return err
	}
	s := &sqlShell{a: a, interactive: a.inTerminal, keepGoing: c.Bool("keep-going"), branch: c.String("branch"), again: a.ctx}
	if err := s.setFormat(c.String("format")); err != nil {
		return err
	}
	start := func() error {
		r, err := a.open()
		if err != nil {
			return err
		}
		if s.ledger = filepath.Base(r.Dir()); s.ledger == ".aergo" {
			s.ledger = filepath.Base(filepath.Dir(r.Dir()))
		}
		if s.branch == "" {
			s.branch = r.Current()
		} else if err := s.setBranch(r, s.branch); err != nil {
			return err
		}
		if at := c.String("at"); at != "" {
			return s.setAt(r, at)
		}
		return nil
	}
	if err := start(); err != nil {
		return err
	}
	if !s.interactive {
		s.failed = s.goOn
		return s.run(newScript("", a.stdin, a))
	}
	s.again = context.WithoutCancel(a.ctx)
	s.signals = make(chan os.Signal, 1)
	signal.Notify(s.signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(s.signals)
	s.failed = func(err error) bool {
		_ = a.out.Flush()
		a.fail(err)
		return true
	}
	if err := s.rest(); err != nil {
		return err
	}
	a.note("Ledger %s, branch %s. A statement ends with a semicolon; .help shows the commands, .quit ends.", clean(s.ledger), s.branch)
	editor := s.newEditor()
	defer editor.close()
	return s.run(&statements{read: editor.read})
}

// goOn tells an error of a script and goes on, with --keep-going.
func (s *sqlShell) goOn(err error) bool {
	if !s.keepGoing || exitStatus(err) == 130 {
		return false
	}
	_ = s.a.out.Flush()
	if status := s.a.fail(err); s.a.status == 0 {
		s.a.status = status
	}
	return true
}

// run runs statements until their end, .quit or an error that ends the shell.
func (s *sqlShell) run(in *statements) error {
	for !s.quit {
		st, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !in.script {
			st.line = 1 // a person sees the statement, not the script
		}
		if err := s.execute(st); err != nil {
			if in.script {
				err = placed(err, in.name, st.line)
			}
			if !s.failed(err) {
				return err
			}
		}
	}
	return nil
}

// placed says in which line of a script an error is.
func placed(err error, name string, line int) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	if name == "" {
		return fault.New(f.ID, f.Next, "line %d: %w", line, err)
	}
	return fault.New(f.ID, f.Next, "%s:%d: %w", name, line, err)
}

// execute runs one statement. On a terminal an interrupt ends the statement
// alone.
func (s *sqlShell) execute(st statement) error {
	if s.signals == nil || s.depth > 0 {
		return s.timed(st)
	}
	ctx, cancel := context.WithCancel(s.again)
	s.a.ctx = ctx
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case sig := <-s.signals:
			s.quit = sig != os.Interrupt // read after watched
			cancel()
		case <-done:
		}
	}()
	err := s.timed(st)
	close(done)
	<-watched
	cancel()
	s.a.ctx = s.again
	return errors.Join(err, s.rest())
}

// rest learns the names for Tab and gives the ledger back until the next
// statement.
func (s *sqlShell) rest() error {
	if s.a.repo != nil {
		s.words = wordsOf(s.a.repo, s.rev())
	}
	return errors.Join(s.a.out.Flush(), s.a.close())
}

func (s *sqlShell) timed(st statement) error {
	began := time.Now()
	err := s.one(st)
	if e := s.a.out.Flush(); err == nil {
		err = e
	}
	if s.timer {
		s.a.note("%.3f s", time.Since(began).Seconds())
	}
	return err
}

func (s *sqlShell) one(st statement) error {
	if command, ok := strings.CutPrefix(strings.TrimSpace(st.text), "."); ok {
		return s.dot(command)
	}
	if c, ok := callIn(st.text); ok {
		return s.call(st, c)
	}
	return s.query(st.padded())
}

// rev is the revision that the shell reads.
func (s *sqlShell) rev() string {
	if s.block != "" {
		return s.block
	}
	return s.branch
}

func (s *sqlShell) query(sql string, args ...any) (err error) {
	r, err := s.a.open()
	if err != nil {
		return err
	}
	rows, err := r.Query(s.a.ctx, s.rev(), sql, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return s.a.printAll(rows)
}

func (s *sqlShell) setFormat(f string) error {
	switch f {
	case "":
		if s.a.json {
			f = "json"
		} else {
			f = "table"
		}
	case "table", "csv", "md", "json":
	default:
		return usage("AG0116", joinHints(didYouMean(f, []string{"table", "csv", "json"}), ".format table|csv|md|json"), "%q is no format", f)
	}
	s.a.rowsAs, s.a.json = f, f == "json"
	return nil
}

func (s *sqlShell) setBranch(r *repo.Repository, name string) error {
	list, err := r.Branches()
	if err != nil {
		return err
	}
	var names []string
	for _, b := range list {
		if b.Name == name {
			s.branch, s.at, s.block = name, "", ""
			return nil
		}
		names = append(names, b.Name)
	}
	return fault.New("AG0202", joinHints(didYouMean(name, names), ".branch lists them."), "there is no branch %s here", name)
}

// setAt fixes the block that the shell reads, so that all queries see one state.
func (s *sqlShell) setAt(r *repo.Repository, rev string) error {
	if rev == "now" {
		s.at, s.block = "", ""
		return nil
	}
	id, err := r.Resolve(rev)
	if err != nil {
		return err
	}
	s.at, s.block = rev, id.String()
	return nil
}
