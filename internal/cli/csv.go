package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

const csvForm = "aergo call CONTRACT.ACTION --csv FILE [--map ARG=COLUMN] [name=value…]"

// csvLines reads a table (RFC 4180, with a line of names) as a batch of calls of
// one action.
func (a *app) csvLines(c *ucli.Context, r *repo.Repository, in io.Reader) (lines, error) {
	if c.NArg() == 0 {
		return nil, usage("AG0113", csvForm, "which action is to be called for each line?")
	}
	at := c.String("branch")
	if c.Bool("create") {
		at = "" // it will begin where we are
	}
	_, action, err := a.findAction(r, at, c.Args().First())
	if err != nil {
		return nil, err
	}
	limited := &limitedLines{from: in}
	records := csv.NewReader(limited)
	limited.next()
	head, err := records.Read()
	if err != nil {
		return nil, usage("AG0113", csvForm, "the first line does not name columns: %w", err)
	}
	head[0] = strings.TrimPrefix(head[0], "\uFEFF") // what spreadsheets begin with
	t := &csvTable{call: c.Args().First(), constants: map[string]any{}, columns: map[string]int{}, beside: -1}
	if err := t.arrange(action, head, c.StringSlice("map"), c.Args().Tail()); err != nil {
		return nil, err
	}
	if t.key = c.String("idempotency-key"); t.key != "" && t.param(t.key) == nil {
		if t.beside = indexOf(head, t.key); t.beside < 0 {
			return nil, usage("AG0113", joinHints(didYouMean(t.key, head), "Its columns: "+strings.Join(head, ", ")), "there is no column %q for the idempotency key", t.key)
		}
	}
	return func() (int, []byte, error) {
		limited.next()
		record, err := records.Read()
		if err == io.EOF || errors.Is(err, errLongRecord) {
			return 0, nil, err
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return bad.StartLine, []byte(strings.Join(record, ",")), fault.New("AG0491", "", "the line is no CSV of %d fields: %w", len(head), bad.Err)
		}
		if err != nil {
			return 0, nil, err
		}
		n, _ := records.FieldPos(0)
		line, err := json.Marshal(t.line(record))
		return n, line, err
	}, nil
}

// csvTable says how the lines of a table become calls.
type csvTable struct {
	call      string
	params    []sqlcontract.Param
	columns   map[string]int // by argument
	constants map[string]any // by argument
	key       string         // field of the idempotency key
	beside    int            // its column, where it is not an argument, or -1
}

func (t *csvTable) param(name string) *sqlcontract.Param {
	for i := range t.params {
		if t.params[i].Name == name {
			return &t.params[i]
		}
	}
	return nil
}

func indexOf(head []string, name string) int {
	for i, h := range head {
		if h == name {
			return i
		}
	}
	return -1
}

// arrange finds the column of each argument: the one that --map names, a
// constant, or the column of the argument's name.
func (t *csvTable) arrange(action *sqlcontract.Action, head, maps, constants []string) error {
	t.params = action.Params
	var names []string
	for _, p := range t.params {
		names = append(names, p.Name)
	}
	given := map[string]string{}
	for i, g := range append(maps, constants...) {
		name, value, ok := strings.Cut(g, "=")
		p := t.param(name)
		switch {
		case !ok:
			return usage("AG0113", csvForm, "%q is not of the form name=…", g)
		case p == nil:
			return usage("AG0113", joinHints(didYouMean(name, names), action.Name+" "+form(action)), "%s has no argument %q", action.Name, name)
		case given[name] != "":
			return usage("AG0113", "", "argument %s is given twice: %s and %s", name, given[name], g)
		}
		given[name] = g
		if i >= len(maps) {
			t.constants[name] = csvCell(*p, value)
			continue
		}
		if t.columns[name] = indexOf(head, value); t.columns[name] < 0 {
			return usage("AG0113", joinHints(didYouMean(value, head), "Its columns: "+strings.Join(head, ", ")), "there is no column %q", value)
		}
	}
	for _, p := range t.params {
		at := indexOf(head, p.Name)
		switch {
		case given[p.Name] != "":
		case at >= 0:
			t.columns[p.Name] = at
		case !p.HasDefault:
			return usage("AG0113", "aergo call "+t.call+" --csv FILE --map "+p.Name+"=COLUMN.  Its columns: "+strings.Join(head, ", "), "no column is named %s, which %s needs", p.Name, t.call)
		}
	}
	return nil
}

// line is a record as a line of a batch.
func (t *csvTable) line(record []string) map[string]any {
	args := make(map[string]any, len(t.params))
	for _, p := range t.params {
		if v, ok := t.constants[p.Name]; ok {
			args[p.Name] = v
		} else if at, ok := t.columns[p.Name]; ok && (record[at] != "" || p.Type == "TEXT" || !p.HasDefault) {
			args[p.Name] = csvCell(p, record[at])
		}
	}
	l := map[string]any{"call": t.call, "args": args}
	if t.beside >= 0 {
		l[t.key] = record[t.beside]
	}
	return l
}

// csvCell is a field as JSON has it. What is no INTEGER stays text, and the line
// is refused for it.
func csvCell(p sqlcontract.Param, text string) any {
	switch {
	case p.Type == "TEXT":
		return text
	case text == "":
		return nil
	case p.Type == "INTEGER":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return text
}

var errLongRecord = fmt.Errorf("a line is over %d bytes: perhaps a quote is not closed", maxBatchLine)

// limitedLines bounds what is read for one record: a quote that is not closed
// would take the whole file.
type limitedLines struct {
	from io.Reader
	left int
}

func (l *limitedLines) next() { l.left = maxBatchLine }

func (l *limitedLines) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongRecord
	}
	n, err := l.from.Read(p)
	l.left -= n
	return n, err
}
