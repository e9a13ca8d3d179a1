package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	ucli "github.com/urfave/cli/v2"
)

// rowWriter prints rows in one of the formats of --format. Row copies nothing
// that it keeps beyond the text of a cell; Close ends the output and says how
// many rows there were.
type rowWriter struct {
	a       *app
	format  string
	columns []string
	n       int

	sample [][]string // table: rows until the widths are decided
	right  []bool     // table: a column of numbers
	widths []int      // table: nil until decided
}

// format is how rows are printed: --format, json with --json, table otherwise.
// The shell's .format is stronger than all.
func (a *app) format() (string, error) {
	if a.rowsAs != "" {
		return a.rowsAs, nil
	}
	f := a.cmd.String("format")
	switch f {
	case "":
		if a.json {
			return "json", nil
		}
		return "table", nil
	case "table", "csv", "md", "json":
		if a.json && f != "json" {
			return "", usage("AG0116", "", "--json and --format %s contradict each other", f)
		}
		return f, nil
	}
	return "", usage("AG0116", joinHints(didYouMean(f, []string{"table", "csv", "json"}), "--format table, csv, md or json"), "%q is no format", f)
}

func (a *app) rows(format string, columns []string) (*rowWriter, error) {
	w := &rowWriter{a: a, format: format, columns: columns}
	switch format {
	case "csv":
		names := make([]any, len(columns))
		for i, c := range columns {
			names[i] = c
		}
		return w, w.csvRow(names)
	case "md":
		names, rule := make([]string, len(columns)), make([]string, len(columns))
		for i, c := range columns {
			names[i], rule[i] = markdown(c), "---"
		}
		fmt.Fprintf(a.out, "| %s |\n| %s |\n", strings.Join(names, " | "), strings.Join(rule, " | "))
	case "json":
		fmt.Fprint(a.out, "[")
	case "table":
		w.right = make([]bool, len(columns))
		for i := range w.right {
			w.right[i] = true
		}
	}
	return w, nil
}

func (w *rowWriter) Row(values []any) error {
	w.n++
	switch w.format {
	case "json":
		return w.jsonRow(values)
	case "csv":
		return w.csvRow(values)
	}
	record := make([]string, len(values))
	if w.format == "md" {
		for i, v := range values {
			if s, ok := v.(string); ok {
				record[i] = markdown(s)
			} else {
				record[i] = cell(v)
			}
		}
		_, err := fmt.Fprintf(w.a.out, "| %s |\n", strings.Join(record, " | "))
		return err
	}
	for i, v := range values {
		record[i] = cell(v)
		switch v.(type) {
		case string, []byte:
			if w.widths == nil {
				w.right[i] = false
			}
		}
	}
	for i := range record {
		record[i] = runewidth.Truncate(record[i], maxCell, "…")
	}
	if w.widths != nil {
		w.line(record)
		return nil
	}
	if w.sample = append(w.sample, record); len(w.sample) >= tableSample {
		w.begin()
	}
	return nil
}

func (w *rowWriter) jsonRow(values []any) error {
	var b strings.Builder
	b.WriteString("\n  {")
	if w.n > 1 {
		b.Reset()
		b.WriteString(",\n  {")
	}
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		name, err := compactJSON(w.columns[i])
		if err != nil {
			return err
		}
		value, err := compactJSON(cellJSON(v))
		if err != nil {
			return fmt.Errorf("writing column %s as JSON: %w", w.columns[i], err)
		}
		b.WriteString(name + ": " + value)
	}
	b.WriteString("}")
	_, err := w.a.out.WriteString(b.String())
	return err
}

func compactJSON(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return escapeControls(strings.TrimSuffix(b.String(), "\n")), err
}

// rawControl tells what JSON lets stand and could steer a terminal; the encoder
// has escaped those below 0x7f.
func rawControl(r rune) bool { return r >= 0x7f && steers(r) }

// escapeControls writes as \u what JSON lets stand as it is and could steer a
// terminal: DEL, the C1 controls and marks of direction.
func escapeControls(s string) string {
	if strings.IndexFunc(s, rawControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if rawControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// csvRow writes a record as RFC 4180 has it, with \n at the end. NULL is an
// empty field and the empty text is "", except where a NULL stands alone: readers
// skip an empty line. What goes to a file is what the ledger holds.
func (w *rowWriter) csvRow(values []any) error {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		s, isText := v.(string)
		switch {
		case isText && w.a.outTerminal:
			s = clean(s)
		case v != nil && !isText:
			s = cell(v)
		}
		if isText && (s == "" || strings.ContainsAny(s, "\",\r\n") || s[0] == ' ' || s[len(s)-1] == ' ') || v == nil && len(values) == 1 {
			s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		b.WriteString(s)
	}
	b.WriteByte('\n')
	_, err := w.a.out.WriteString(b.String())
	return err
}

var markdownEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", `\<`, "*", `\*`, "`", "\\`", "[", `\[`, "&", `\&`)

// markdown is text that a viewer shows as it is, in one cell of a table.
func markdown(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		lines[i] = markdownEscapes.Replace(clean(l))
	}
	return strings.Join(lines, "<br>")
}

// begin decides the widths of a table and prints what was held back.
func (w *rowWriter) begin() {
	w.widths = make([]int, len(w.columns))
	if len(w.sample) == 0 {
		for i := range w.right {
			w.right[i] = false
		}
	}
	for i, c := range w.columns {
		w.widths[i] = runewidth.StringWidth(clean(c))
	}
	for _, r := range w.sample {
		for i, c := range r {
			w.widths[i] = max(w.widths[i], runewidth.StringWidth(c))
		}
	}
	names := make([]string, len(w.columns))
	rule := make([]string, len(w.columns))
	for i, c := range w.columns {
		names[i] = clean(c)
		rule[i] = strings.Repeat("─", w.widths[i])
	}
	w.line(names)
	w.line(rule)
	for _, r := range w.sample {
		w.line(r)
	}
	w.sample = nil
}

func (w *rowWriter) line(cells []string) {
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		gap := strings.Repeat(" ", max(0, w.widths[i]-runewidth.StringWidth(c)))
		if w.right[i] {
			b.WriteString(gap + c)
		} else {
			b.WriteString(c + gap)
		}
	}
	fmt.Fprintln(w.a.out, strings.TrimRight(b.String(), " "))
}

// Close ends the output.
func (w *rowWriter) Close() error {
	switch w.format {
	case "json":
		end := "]\n"
		if w.n > 0 {
			end = "\n]\n"
		}
		_, err := w.a.out.WriteString(end)
		return err
	case "table":
		if w.widths == nil {
			w.begin()
		}
		if w.a.outTerminal {
			_ = w.a.out.Flush() // the note goes another way and belongs below
			w.a.note("%s", plural(w.n, "row"))
		}
	}
	return nil
}

// columns prints lines of cells in aligned columns, without a head.
func (a *app) columns(rows [][]string) { a.columnsAnd(rows, nil) }

// columnsAnd is columns with more lines below some rows.
func (a *app) columnsAnd(rows [][]string, below map[int]string) {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], runewidth.StringWidth(c))
		}
	}
	for n, r := range rows {
		var b strings.Builder
		for i, c := range r {
			b.WriteString(c)
			b.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(c)+2))
		}
		a.say("%s", strings.TrimRight(b.String(), " "))
		if text := below[n]; text != "" {
			a.say("    %s", text)
		}
	}
}

// longList is how many lines of a list a terminal shows: nobody reads ten
// thousand. A file or pipe gets all of them.
const longList = 100

func allFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "all", Usage: "show all of a long list on a terminal, too"}
}

// fewer gives the beginning of a list that is too long for a terminal, and how
// many lines are left out. The one that must be seen stays, at the end.
func fewer[T any](a *app, c *ucli.Context, list []T, must func(T) bool) (shown []T, left int) {
	if !a.outTerminal || len(list) <= longList || c.Bool("all") {
		return list, 0
	}
	shown = slices.Clone(list[:longList])
	if must != nil {
		if i := slices.IndexFunc(list[longList:], must); i >= 0 {
			shown[longList-1] = list[longList+i]
		}
	}
	return shown, len(list) - longList
}

// more says how many lines of a list were left out, and what shows them.
func (a *app) more(left int, command string) {
	if left > 0 {
		a.say("… and %s more: %s", grouped(left), command)
	}
}
