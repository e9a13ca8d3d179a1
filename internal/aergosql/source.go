package aergosql

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// Codes of what a text is refused for by its words alone.
const (
	CodeSyntax = "AG0301" // SQLite would not read it either
	CodeFence  = "AG0302" // results could differ between machines
	CodeSchema = "AG0304" // a name that is none
	CodeLimit  = "AG0306" // too long
)

// Source is a text with its tokens, blanks and comments left out. Functions of a
// token take its index in Tokens; offsets are of bytes in Text.
type Source struct {
	Name   string // of the contract, for messages
	Text   string
	Tokens []Token

	lines []int // offset of each line's first byte
}

// NewSource lexes text and refuses what no statement may hold.
func NewSource(name, text string) (*Source, error) {
	s := PlainText(name, text)
	if len(text) > MaxSource {
		return nil, fault.New(CodeLimit, "split the contract in two", "contract %s has %d bytes of source, %d are allowed", name, len(text), MaxSource)
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return nil, s.Fail(CodeSyntax, i, "", "a NUL byte in the source")
	}
	if !utf8.ValidString(text) {
		i := 0
		for i < len(text) {
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		return nil, s.Fail(CodeSyntax, i, "save the file as UTF-8", "the source is not valid UTF-8 here")
	}
	for _, t := range Lex(text) {
		if err := s.checkToken(t); err != nil {
			return nil, err
		}
		if t.Kind != Space {
			s.Tokens = append(s.Tokens, t)
		}
	}
	if err := s.checkFence(); err != nil {
		return nil, err
	}
	return s, nil
}

// PlainText is a text to point into: without tokens, and nothing in it is refused.
func PlainText(name, text string) *Source {
	return &Source{Name: name, Text: text, lines: lineStarts(text)}
}

// lineStarts are the offsets of the first byte of each line.
func lineStarts(text string) []int {
	lines := []int{0}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			lines = append(lines, i+1)
		}
	}
	return lines
}

// checkToken refuses tokens that are wrong wherever they stand.
func (s *Source) checkToken(t Token) error {
	x := s.Text[t.Start:t.End]
	switch t.Kind {
	case Bad:
		return s.Fail(CodeSyntax, t.Start, "", "%s", badToken(x))
	case Space:
		if strings.HasPrefix(x, "\ufeff") {
			return s.Fail(CodeSyntax, t.Start, "save the file as UTF-8 without a byte order mark", "a byte order mark")
		}
	case Word, Variable:
		for i := 0; i < len(x); i++ {
			if x[i] >= 0x80 || x[i] == '$' && t.Kind == Word {
				return s.Fail(CodeSchema, t.Start, "use letters a-z, digits and _", "the name %s holds a character outside ASCII letters, digits and _", x)
			}
		}
		if t.Kind == Variable {
			return s.checkVariable(t, x)
		}
	case Quoted:
		if n, ok := PlainName(x[1 : len(x)-1]); !ok {
			return s.Fail(CodeSchema, t.Start, "use letters a-z, digits and _; a text stands in single quotes: 'x'", "the quoted name %s is not a plain name", x)
		} else if slices.Contains(Reserved(), n) {
			return s.Fail(CodeSchema, t.Start, "choose another name", "%s is a word of the language", n)
		}
	case Float:
		return s.Fail(CodeFence, t.Start, "count in the smallest unit: cents, grams, basis points", "the number %s is a REAL, and contracts have none: machines and versions may round it differently", x)
	case Integer:
		if _, err := ParseInteger(x); err != nil {
			return s.Fail(CodeFence, t.Start, "the range is -9223372036854775807 to 9223372036854775807", "%s does not fit an INTEGER, it would turn into a REAL", x)
		}
	}
	return nil
}

func badToken(x string) string {
	switch {
	case x[0] == '\'' || x[0] == '"' || x[0] == '`' || x[0] == '[':
		return "a quote that is not closed"
	case strings.HasPrefix(x, "/*"):
		return "a comment that is not closed"
	case strings.HasPrefix(x, "x'") || strings.HasPrefix(x, "X'"):
		return "a blob needs an even number of hex digits: x'00ff'"
	case isDigit(x[0]):
		return "a number with letters in it: " + x
	}
	return "unknown character " + strconv.Quote(x)
}

// checkVariable refuses the forms of parameters that AERGOSQL does not have.
func (s *Source) checkVariable(t Token, x string) error {
	switch {
	case x[0] == '?' || x[0] == '$' || x[0] == '#':
		return s.Fail(CodeSyntax, t.Start, "name it, as in :sku", "the parameter %s has no name that an action declares", x)
	case strings.Contains(x, "("):
		return s.Fail(CodeSyntax, t.Start, "put a blank before the parenthesis", "%s would be read as one parameter", x)
	case strings.Contains(x, ":") && x[1:] != strings.ReplaceAll(x[1:], ":", ""):
		return s.Fail(CodeSyntax, t.Start, "", "%s has one colon too many", x)
	case strings.Contains(x, "$"):
		return s.Fail(CodeSyntax, t.Start, "a column of a FOR row is written :row.column", "the name %s holds a $", x)
	}
	return nil
}

// PlainName folds a name to lower case; ok tells whether it is one of
// [a-z_][a-z0-9_]{0,62} then.
func PlainName(x string) (name string, ok bool) {
	x = Fold(x)
	if x == "" || len(x) > MaxName || isDigit(x[0]) {
		return x, false
	}
	for i := 0; i < len(x); i++ {
		if c := x[i]; !(isDigit(c) || c >= 'a' && c <= 'z' || c == '_') {
			return x, false
		}
	}
	return x, true
}

// Fold lowers A-Z and nothing else, as SQLite compares names.
func Fold(x string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, x)
}

// Reserved are the words by which the parser finds the end of a piece of SQL;
// a column of such a name could not be told from them.
func Reserved() []string { return []string{"case", "else", "end", "then"} }

// Val is the text of token i, or "" past the end.
func (s *Source) Val(i int) string {
	if i < 0 || i >= len(s.Tokens) {
		return ""
	}
	return s.Text[s.Tokens[i].Start:s.Tokens[i].End]
}

// Upper is the word i in upper case, or "" if token i is no word.
func (s *Source) Upper(i int) string {
	if i < 0 || i >= len(s.Tokens) || s.Tokens[i].Kind != Word {
		return ""
	}
	return strings.ToUpper(s.Val(i))
}

// Op tells whether token i is the operator x.
func (s *Source) Op(i int, x string) bool {
	return i >= 0 && i < len(s.Tokens) && s.Tokens[i].Kind == Op && s.Val(i) == x
}

// At is line and column, both from 1, of a byte offset; columns count runes.
func (s *Source) At(off int) (line, col int) {
	off = min(off, len(s.Text))
	line = sort.SearchInts(s.lines, off+1)
	return line, utf8.RuneCountInString(s.Text[s.lines[line-1]:off]) + 1
}

// Line is the line of a token, from 1.
func (s *Source) Line(tok int) int { return sort.SearchInts(s.lines, s.Tokens[tok].Start+1) }

// LineStart is the offset of the first byte of a line that the text has, from 1.
func (s *Source) LineStart(line int) int { return s.lines[line-1] }

// Offset is where token i begins, or the end of the text past the last.
func (s *Source) Offset(i int) int {
	if i < len(s.Tokens) {
		return s.Tokens[i].Start
	}
	return len(s.Text)
}

// Fail is the error for what stands at off: where, what, and the line with a
// caret under the place.
func (s *Source) Fail(code string, off int, next, what string, args ...any) *fault.Error {
	line, col := s.At(off)
	e := fault.New(code, next, what, args...)
	e.What = fmt.Sprintf("%s:%d:%d: %s\n%s", s.Name, line, col, e.What, s.Excerpt(off))
	return e
}

// Excerpt shows the line of off with a caret under it, cut to a screen's width.
func (s *Source) Excerpt(off int) string {
	const width = 60 // runes kept on either side of the place
	off = min(off, len(s.Text))
	start := strings.LastIndexByte(s.Text[:off], '\n') + 1
	end := len(s.Text)
	if i := strings.IndexByte(s.Text[off:], '\n'); i >= 0 {
		end = off + i
	}
	left, right := []rune(s.Text[start:off]), []rune(s.Text[off:end])
	if len(left) > width {
		left = append([]rune("…"), left[len(left)-width:]...)
	}
	if len(right) > width {
		right = append(right[:width:width], '…')
	}
	pad := make([]rune, len(left))
	for i, r := range left {
		pad[i] = ' '
		if r == '\t' {
			pad[i] = '\t'
		}
	}
	line, _ := s.At(off)
	gutter := strconv.Itoa(line)
	return fmt.Sprintf(" %s | %s\n %s | %s^", gutter, clean(left)+clean(right), strings.Repeat(" ", len(gutter)), string(pad))
}

// clean shows control characters as a dot, since the text goes to a terminal.
func clean(rs []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return '·'
		}
		return r
	}, string(rs))
}

// DidYouMean is " (did you mean x?)" for the nearest of names, or "".
func DidYouMean(x string, names []string) string {
	best, dist := "", len(x)/3+2
	for _, n := range names {
		if d := distance(x, n); d < dist && d < min(len(x), len(n)) {
			best, dist = n, d
		}
	}
	if best == "" || best == x {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is the Levenshtein distance of two short names.
func distance(a, b string) int {
	if len(a) > MaxName+1 || len(b) > MaxName+1 {
		return MaxName
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			d := diag
			if a[i-1] != b[j-1] {
				d = 1 + min(diag, row[j], row[j-1])
			}
			diag, row[j] = row[j], d
		}
	}
	return row[len(b)]
}

// Plural is "1 column" or "2 columns".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
