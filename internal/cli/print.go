package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// say prints a line for people; with --json it is silent.
func (a *app) say(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.out, format+"\n", args...)
	}
}

// done prints a line that tells of a success, marked and in green on a terminal.
func (a *app) done(format string, args ...any) {
	mark := "✓"
	if a.colour() {
		mark = "\x1b[32m✓\x1b[0m"
	}
	a.say(mark+" "+format, args...)
}

// next prints where to go from here, unless --quiet.
func (a *app) next(format string, args ...any) {
	if !a.cmd.Bool("quiet") {
		a.say("  Next: "+format, args...)
	}
}

// note tells on standard error what standard output should not hold.
func (a *app) note(format string, args ...any) {
	if !a.json && !a.cmd.Bool("quiet") {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

func (a *app) colour() bool {
	return a.outTerminal && !a.json && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"
}

// paint wraps text in an SGR code on a terminal.
func (a *app) paint(code, text string) string {
	if !a.colour() {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// emit prints the one JSON document of a command.
func (a *app) emit(v any) error {
	a.writeJSON(a.out, v)
	return nil
}

func (a *app) writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(controls{w}) // it writes all at once, or nothing
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		fmt.Fprintf(a.err, "{\"error\":{\"what\":%q}}\n", err.Error())
	}
}

// controls writes JSON as escapeControls has it.
type controls struct{ w io.Writer }

func (c controls) Write(p []byte) (int, error) {
	if bytes.IndexFunc(p, rawControl) < 0 {
		return c.w.Write(p)
	}
	if _, err := io.WriteString(c.w, escapeControls(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// emitLine prints one line of a JSON stream.
func (a *app) emitLine(v any) error {
	line, err := compactJSON(v)
	if err != nil {
		return err
	}
	_, err = a.out.WriteString(line + "\n")
	return err
}

// cell is a value in a table: text as it is, without what could steer a
// terminal.
func cell(v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case string:
		return clean(x)
	case []byte:
		return "0x" + hex.EncodeToString(x)
	}
	return clean(fmt.Sprint(v))
}

// clean replaces control and direction characters, so that text from a ledger
// can neither steer a terminal nor pretend to be another line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// steers tells a character that does something on a screen instead of standing
// there.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// cleanLines does the same and keeps line ends and tabs.
func cleanLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\t", "    "), "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	return strings.Join(lines, "\n")
}

// who is how this user calls an account (see nameOf), or the account's beginning.
func (a *app) who(account objectstore.Account) string {
	if account == "" {
		return "-"
	}
	if n, ok := a.nameOf(account); ok {
		return n
	}
	return shortAccount(account)
}

func shortAccount(account objectstore.Account) string {
	if len(account) <= 10 || !strings.HasPrefix(string(account), "ag1") { // a contract
		return string(account)
	}
	return string(account[:10]) + "…"
}

// date is a time for people, in their zone; JSON has RFC 3339 in UTC.
func date(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	many := one + "s"
	switch {
	case strings.HasSuffix(one, "ch"):
		many = one + "es"
	case strings.HasSuffix(one, "y"):
		many = one[:len(one)-1] + "ies"
	}
	return strconv.Itoa(n) + " " + many
}

// changed sums rows up: "+1 row in item, 2 rows changed in account".
func changed(rows []repo.RowDiff) string {
	type count struct{ added, changed, removed int }
	counts := map[string]*count{}
	var order []string
	for _, r := range rows {
		c := counts[r.Table]
		if c == nil {
			c = &count{}
			counts[r.Table] = c
			order = append(order, r.Table)
		}
		switch {
		case r.Old == nil:
			c.added++
		case r.New == nil:
			c.removed++
		default:
			c.changed++
		}
	}
	var parts []string
	for _, t := range order {
		c := counts[t]
		if c.added > 0 {
			parts = append(parts, fmt.Sprintf("+%s in %s", plural(c.added, "row"), t))
		}
		if c.changed > 0 {
			parts = append(parts, fmt.Sprintf("%s changed in %s", plural(c.changed, "row"), t))
		}
		if c.removed > 0 {
			parts = append(parts, fmt.Sprintf("-%s in %s", plural(c.removed, "row"), t))
		}
	}
	if len(parts) == 0 {
		return "no row changed"
	}
	return strings.Join(parts, ", ")
}

// keyText is a row's key: "sku=tea" or "id=7 account=1".
func keyText(r repo.RowDiff) string { return keyBy(r, cell) }

func keyBy(r repo.RowDiff, show func(v any) string) string {
	parts := make([]string, len(r.Key))
	for i, v := range r.Key {
		name := "?"
		if i < len(r.Columns) {
			name = r.Columns[i]
		}
		parts[i] = name + "=" + show(v)
	}
	return strings.Join(parts, " ")
}

// rowText is one row that differs: "item  sku=tea   stock 10 → 2".
func rowText(r repo.RowDiff) string {
	var parts []string
	value := func(row []any, i int) string {
		if i < len(row) {
			return shortCell(row[i])
		}
		return "NULL"
	}
	for i := len(r.Key); i < len(r.Columns); i++ {
		switch {
		case r.Old == nil:
			parts = append(parts, r.Columns[i]+"="+value(r.New, i))
		case r.New == nil:
			parts = append(parts, r.Columns[i]+"="+value(r.Old, i))
		default:
			if !sameCell(r.Old, r.New, i) {
				parts = append(parts, r.Columns[i]+" "+value(r.Old, i)+" → "+value(r.New, i))
			}
		}
	}
	mark := "~"
	if r.Old == nil {
		mark = "+"
	} else if r.New == nil {
		mark = "-"
	}
	return fmt.Sprintf("%s %s  %s  %s", mark, r.Table, keyBy(r, shortCell), strings.Join(parts, ", "))
}

// sameCell compares one cell of two rows; a row that ends before it has NULL.
func sameCell(a, b []any, i int) bool {
	var x, y any
	if i < len(a) {
		x = a[i]
	}
	if i < len(b) {
		y = b[i]
	}
	return sideCell(x) == sideCell(y)
}

// A cell of more than mostCell characters, or half as many bytes, is cut where it
// stands in a line with others. JSON and the tables of queries have all of it.
const mostCell = 80

// shortCell is sideCell, cut: "first words… (3,000 characters)".
func shortCell(v any) string {
	switch x := v.(type) {
	case string:
		if n := utf8.RuneCountInString(x); n > mostCell {
			return clean(string([]rune(x)[:mostCell*3/4])) + "… (" + grouped(n) + " characters)"
		}
	case []byte:
		if len(x) > mostCell/2 {
			return "0x" + hex.EncodeToString(x[:mostCell*3/8]) + "… (" + grouped(len(x)) + " bytes)"
		}
	}
	return sideCell(v)
}

// grouped is a number as people read it: 3,000.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// shellWord is a word of a command line that can be copied into a shell.
func shellWord(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-./~+,:@%=", r)
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// sortedNames gives a map's keys in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
