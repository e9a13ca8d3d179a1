package cli

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// statement is one statement with its semicolon, or one line that begins with a
// dot, and the line it begins in.
type statement struct {
	text string
	line int
}

// padded is the statement with as many line ends before it as stand before it in
// its script, so that an error shows the script's line.
func (st statement) padded() string { return strings.Repeat("\n", st.line-1) + st.text }

// statements cuts lines into statements.
type statements struct {
	name   string // of the file; "" for standard input
	script bool   // errors say their line
	// read gives the next line without its end; more says that a statement has
	// begun. errDropped drops what has begun.
	read func(more bool) (string, error)

	line    int         // of the last line that was read
	pending string      // what has begun
	from    int         // the line of pending's first byte
	ready   []statement // complete ones
}

var errDropped = errors.New("the statement was dropped")

// next is the next statement; io.EOF after the last one. The last one may lack
// its semicolon.
func (s *statements) next() (statement, error) {
	for len(s.ready) == 0 {
		begun := len(aergosql.Split(s.pending)) > 0
		line, err := s.read(begun)
		switch {
		case errors.Is(err, errDropped):
			s.pending, s.line = "", 0
			continue
		case errors.Is(err, io.EOF) && begun:
			last := statement{s.pending, s.from}
			s.pending = ""
			return last.trimmed(), nil
		case err != nil:
			return statement{}, err
		}
		s.line++
		if !begun {
			s.pending, s.from = "", s.line
			if strings.HasPrefix(strings.TrimSpace(line), ".") {
				return statement{line, s.line}, nil
			}
		}
		if s.pending += line + "\n"; len(s.pending) > maxSource {
			return statement{}, usage("AG0119", "Statements end with a semicolon.", "a statement is over %d bytes", maxSource)
		}
		if strings.Contains(line, ";") {
			s.cut()
		}
	}
	st := s.ready[0]
	s.ready = s.ready[1:]
	return st, nil
}

// cut moves the complete statements of pending to ready; empty ones are dropped.
func (s *statements) cut() {
	start, empty := 0, true
	for _, t := range aergosql.Split(s.pending) {
		if s.pending[t.Start:t.End] != ";" || t.Kind != aergosql.Op {
			empty = false
			continue
		}
		if !empty {
			s.ready = append(s.ready, statement{s.pending[start:t.End], s.from}.trimmed())
		}
		s.from += strings.Count(s.pending[start:t.End], "\n")
		start, empty = t.End, true
	}
	s.pending = s.pending[start:]
}

// trimmed is the statement from its first token on.
func (st statement) trimmed() statement {
	if toks := aergosql.Split(st.text); len(toks) > 0 {
		st.line += strings.Count(st.text[:toks[0].Start], "\n")
		st.text = st.text[toks[0].Start:]
	}
	return st
}

// newScript reads the statements of a file or a pipe.
func newScript(name string, in io.Reader, a *app) *statements {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxSource)
	read := func(bool) (string, error) {
		more := false
		if err := a.await(func() error { more = lines.Scan(); return nil }, func() {}); err != nil {
			return "", err
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return "", usage("AG0119", "", "a line is over %d bytes", maxSource)
		case err != nil:
			return "", err
		case !more:
			return "", io.EOF
		}
		return lines.Text(), nil
	}
	return &statements{name: name, script: true, read: read}
}
