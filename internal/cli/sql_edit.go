package cli

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unicode"

	"github.com/peterh/liner"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// editor reads lines from a person: with history and Tab where the terminal can
// do that, else as they come.
type editor struct {
	s       *sqlShell
	line    *liner.State // nil: a dumb terminal
	plain   *bufio.Reader
	history string
	typed   []string // the lines of the statement that has begun
}

func (s *sqlShell) newEditor() *editor {
	e := &editor{s: s, plain: bufio.NewReaderSize(s.a.stdin, 64<<10)}
	if s.a.stdin != io.Reader(os.Stdin) || !s.a.outTerminal || s.a.env("TERM") == "dumb" || !liner.TerminalSupported() {
		return e
	}
	e.line = liner.NewLiner()
	e.line.SetCtrlCAborts(true)
	e.line.SetTabCompletionStyle(liner.TabPrints)
	e.line.SetWordCompleter(func(line string, pos int) (string, []string, string) { return s.words.complete(line, pos) })
	if e.history = s.a.historyFile(); e.history != "" {
		if f, err := os.Open(e.history); err == nil {
			_, _ = e.line.ReadHistory(f) // a history that cannot be read is none
			_ = f.Close()
		}
	}
	return e
}

// historyFile is where the shell keeps its history; "" where there is no place.
func (a *app) historyFile() string {
	dir := a.env("XDG_STATE_HOME")
	switch {
	case dir != "" && filepath.IsAbs(dir):
	case runtime.GOOS == "windows":
		dir = a.env("LocalAppData")
	case a.env("HOME") != "":
		dir = filepath.Join(a.env("HOME"), ".local", "state")
	default:
		dir = ""
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "aergo-git", "sql_history")
}

// close gives the terminal back as it was.
func (e *editor) close() {
	if e.line != nil {
		_ = e.line.Close()
	}
}

// save writes the history, readable by its owner alone: statements hold data. A
// history that cannot be written is lost, which is no reason to stop.
func (e *editor) save() {
	if e.history == "" || os.MkdirAll(filepath.Dir(e.history), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(e.history), "sql_history") // mode 0600
	if err != nil {
		return
	}
	_, err = e.line.WriteHistory(f)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), e.history)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

// prompt says where the shell reads: "shop eu> ".
func (e *editor) prompt(more bool) string {
	s := e.s
	p := s.ledger + " " + s.branch
	if s.at != "" {
		p += " at " + s.at
	}
	p = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) {
			return '?'
		}
		return r
	}, clean(p))
	if more {
		return strings.Repeat(" ", max(0, len([]rune(p))-3)) + "...> "
	}
	return p + "> "
}

func (e *editor) read(more bool) (string, error) {
	if !more {
		e.typed = e.typed[:0]
	}
	prompt := e.prompt(more)
	read := func() (string, error) { return e.line.Prompt(prompt) }
	if e.line == nil {
		_, _ = io.WriteString(e.s.a.err, prompt)
		read = e.readPlain
	}
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		line, err := read()
		answers <- answer{line, err}
	}()
	for {
		select {
		case sig := <-e.s.signals:
			if sig != os.Interrupt {
				e.close() // the terminal; the read stays behind
				e.line = nil
				return "", io.EOF
			}
			// A dumb terminal: it has dropped the line itself and still reads.
			e.s.a.note("\n^C: the line is dropped; .quit or Ctrl-D ends the shell.")
			_, _ = io.WriteString(e.s.a.err, prompt)
		case got := <-answers:
			switch {
			case errors.Is(got.err, liner.ErrPromptAborted):
				return "", errDropped
			case errors.Is(got.err, io.EOF) || errors.Is(got.err, syscall.EIO): // the terminal is gone
				e.s.a.note("")
				return "", io.EOF
			case got.err != nil:
				return "", got.err
			}
			e.remember(got.line)
			return got.line, nil
		}
	}
}

func (e *editor) readPlain() (string, error) {
	line, err := e.plain.ReadString('\n')
	if line != "" && errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// remember puts a statement into the history when it is complete: on one line
// if it can be, so that one key brings it back.
func (e *editor) remember(line string) {
	if e.line == nil || strings.TrimSpace(line) == "" {
		return
	}
	e.typed = append(e.typed, line)
	if !strings.HasSuffix(strings.TrimSpace(line), ";") && (len(e.typed) > 1 || !strings.HasPrefix(strings.TrimSpace(line), ".")) {
		return
	}
	for _, h := range oneLine(e.typed) {
		e.line.AppendHistory(h)
	}
	e.typed = e.typed[:0]
	e.save()
}

// oneLine joins lines into one where that keeps their meaning: not where a text
// or a comment is cut by a line's end.
func oneLine(lines []string) []string {
	text := strings.Join(lines, "\n")
	var b strings.Builder
	at := 0
	for _, t := range aergosql.Split(text) {
		if strings.Contains(text[t.Start:t.End], "\n") || strings.TrimSpace(text[at:t.Start]) != "" {
			return lines
		}
		if t.Start > at && at > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text[t.Start:t.End])
		at = t.End
	}
	if b.Len() == 0 {
		return lines
	}
	return []string{b.String() + strings.TrimRight(text[at:], " \t")}
}
