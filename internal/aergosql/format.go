package aergosql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Format lays a contract, or a file of tests, out as the documents do: keywords
// in capitals, two blanks for each BEGIN, one statement a line, columns of a
// table below one another. Line breaks inside a statement, and where the lines
// after them begin, are the author's, like every comment; so is a body on one
// line. Nothing but blanks and the case of keywords changes, which Format checks
// before it answers, and formatting twice changes nothing more.
//
// name is for errors, which are *fault.Error of code AG0301: a token that SQLite
// would refuse. Format does not compile.
func Format(name, text string) (string, error) {
	f := &formatter{}
	if err := f.read(name, text); err != nil {
		return "", err
	}
	f.structure()
	f.keywords()
	f.breaks()
	out := f.write()
	if err := equalTokens(text, out); err != nil {
		return "", err
	}
	return out, nil
}

// lexeme is a token or comment with what stood before it.
type lexeme struct {
	kind    Kind
	text    string
	comment bool // kind is kSpace
	lines   int  // line ends before it: 0, 1, 2 for more
	blank   bool // any blank before it
	column  int  // where it begins in the source, from 0
	line    int

	upper string // of a word, else ""
	start bool   // begins a statement
	depth int    // blocks around it; of what closes one, those around the block
	paren int    // open parentheses
	flat  bool   // in a block on one line
	opens bool   // ends the head of a block: BEGIN, THEN, DO, ELSE, AS of a TEST
	shuts bool   // END, ELSE or ELSEIF of a block
	first int    // lexeme that begins its statement
	table bool   // in a CREATE TABLE
	word  bool   // a keyword
	after int    // 0: same line; 1: new line; 2: after an empty one
}

type formatter struct {
	list []lexeme
	test bool // a file of tests
}

// read cuts the text into lexemes.
func (f *formatter) read(name, text string) error {
	line, column := 0, 0
	lines, blank := 0, false
	for _, t := range Lex(text) {
		s := text[t.Start:t.End]
		comment := t.Kind == Space && (strings.HasPrefix(s, "--") || strings.HasPrefix(s, "/*"))
		switch {
		case t.Kind == Bad && s != ":": // the colon of AS bob: in a test
			return ErrorAt(name, text, t.Start, CodeSyntax, "", "this is no token of SQL")
		case t.Kind == Space && !comment:
			lines, blank = lines+strings.Count(s, "\n"), true
		default:
			x := lexeme{kind: t.Kind, text: s, comment: comment, lines: min(lines, 2), blank: blank, column: column, line: line}
			if comment && strings.HasPrefix(s, "--") {
				x.text = strings.TrimRight(s, " \t\r\f\v")
			}
			if t.Kind == Word {
				x.upper = strings.ToUpper(s)
			}
			f.list = append(f.list, x)
			lines, blank = 0, false
		}
		line += strings.Count(s, "\n")
		if at := strings.LastIndexByte(s, '\n'); at >= 0 {
			column, s = 0, s[at+1:]
		}
		column += utf8.RuneCountInString(s) + strings.Count(s, "\t")
	}
	return nil
}

// next is the place of the next token after i that is no comment, or -1.
func (f *formatter) next(i int) int {
	for i++; i < len(f.list); i++ {
		if !f.list[i].comment {
			return i
		}
	}
	return -1
}

func (f *formatter) upper(i int) string {
	if i < 0 {
		return ""
	}
	return f.list[i].upper
}

// structure finds statements and blocks.
func (f *formatter) structure() {
	type block struct{ open int }
	var blocks []block
	start, first := true, 0
	paren, cases := 0, 0
	head := "" // what the statement's head waits for: BEGIN, THEN, DO, AS
	table := false
	for i := range f.list {
		x := &f.list[i]
		x.depth, x.paren, x.first, x.table = len(blocks), paren, first, table && !start
		if x.comment {
			if start {
				x.first = -1
			}
			continue
		}
		if start {
			x.start, first, x.first = true, i, i
			start, paren, cases, head, table = false, 0, 0, "", false
			x.paren = 0
			second := f.upper(f.next(i))
			switch {
			case len(blocks) > 0 && (x.upper == "END" || x.upper == "ELSE" || x.upper == "ELSEIF"):
				x.shuts, x.depth = true, len(blocks)-1
				if x.upper == "END" {
					open := blocks[len(blocks)-1].open
					blocks = blocks[:len(blocks)-1]
					f.flatten(open, i)
					break
				}
				if head = "THEN"; x.upper == "ELSE" {
					x.opens, start, head = true, true, ""
				}
			case len(blocks) > 0 && x.upper == "IF":
				head = "THEN"
			case len(blocks) > 0 && x.upper == "FOR":
				head = "DO"
			case len(blocks) == 0 && x.upper == "CREATE" && (second == "ACTION" || second == "TRIGGER"), len(blocks) == 0 && x.upper == "MIGRATION":
				head = "BEGIN"
			case len(blocks) == 0 && x.upper == "CREATE" && second == "TABLE":
				table = true
			case len(blocks) == 0 && x.upper == "TEST":
				head, f.test = "AS", true
			}
			continue
		}
		switch {
		case x.text == "(":
			paren++
		case x.text == ")":
			paren = max(paren-1, 0)
			x.paren = paren
		case x.upper == "CASE":
			cases++
		case x.upper == "END" && cases > 0:
			cases--
		case x.upper != "" && x.upper == head && paren == 0 && cases == 0:
			x.opens, start = true, true
			if !(f.list[first].shuts && head == "THEN") { // ELSEIF goes on in the block of its IF
				blocks = append(blocks, block{i})
			}
			if head == "AS" || head == "BEGIN" {
				x.depth = 0
			}
		case x.text == ";":
			start = true
		}
	}
}

// flatten marks a block that stands on one line, and everything of a test.
func (f *formatter) flatten(open, end int) {
	if f.test || f.list[open].line == f.list[end].line {
		for i := open; i <= end; i++ {
			f.list[i].flat = true
		}
	}
}

// breaks decides before which lexemes a line ends.
func (f *formatter) breaks() {
	for i := range f.list {
		x := &f.list[i]
		if i == 0 {
			continue
		}
		x.after = x.lines
		p := f.list[i-1]
		if x.after > 0 || x.comment && !strings.HasPrefix(x.text, "/*") {
			continue
		}
		ends := p.text == ";" && p.kind == Op && (x.start || x.comment && x.first < 0) || p.opens && p.upper != "AS"
		within := p.flat && x.flat
		if (ends || x.shuts) && !within || p.comment && strings.HasPrefix(p.text, "--") {
			x.after = 1
		}
	}
}

// indents gives where the line that begins with lexeme i begins.
func (f *formatter) indent(i int, base map[int]int) int {
	x := f.list[i]
	if x.comment && x.first < 0 || x.start {
		if f.test && x.depth == 1 && x.lines > 0 { // what happens on another branch may stand aside
			if edge := f.edge(i); edge.lines > 0 {
				return 2 + max(0, x.column-edge.column)
			}
		}
		return 2 * x.depth
	}
	at := base[x.first]
	if x.opens && x.upper == "BEGIN" {
		return at
	}
	more := max(0, x.column-f.list[x.first].column)
	if x.table {
		switch {
		case x.paren == 0:
			return at
		case x.paren == 1:
			return at + 2
		}
		more = max(more, 2)
	}
	return at + more
}

// edge is what the first line of a test begins with, of which lexeme i is part.
func (f *formatter) edge(i int) lexeme {
	for i > 0 && !f.list[i-1].opens {
		i--
	}
	return f.list[i]
}

// write prints the lexemes.
func (f *formatter) write() string {
	var lines []outLine
	base := map[int]int{} // by first lexeme: where its statement begins
	for i := 0; i < len(f.list); {
		j := i + 1
		for j < len(f.list) && f.list[j].after == 0 {
			j++
		}
		l := outLine{empty: i > 0 && f.list[i].after == 2, indent: f.indent(i, base), from: i, to: j}
		for k := i; k < j; k++ {
			if f.list[k].start {
				base[k] = l.indent
			}
		}
		if last := f.list[j-1]; j-1 > i && last.comment && strings.HasPrefix(last.text, "--") {
			l.comment, l.column, l.to = last.text, last.column, j-1
		}
		lines = append(lines, l)
		i = j
	}
	f.align(lines)
	for n := range lines {
		f.print(&lines[n])
	}
	f.comments(lines)
	var b strings.Builder
	for _, l := range lines {
		if l.empty {
			b.WriteByte('\n')
		}
		b.WriteString(l.text)
		if l.comment != "" {
			b.WriteString(strings.Repeat(" ", max(1, l.column-utf8.RuneCountInString(l.text))) + l.comment)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// outLine is one line: lexemes from, up to to, and a comment at its end.
type outLine struct {
	empty      bool
	indent     int
	from, to   int
	name, kind int // widths for the first two tokens of a column; 0: as they are
	text       string
	comment    string
	column     int // where the comment begins
}

func (f *formatter) print(l *outLine) {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", l.indent))
	for i := l.from; i < l.to; i++ {
		x := f.list[i]
		if i > l.from && f.spaced(i) {
			b.WriteByte(' ')
			if p := f.list[i-1]; f.test && p.text == ";" && p.flat && x.start { // a table of calls
				b.WriteString(strings.Repeat(" ", max(0, x.column-p.column-2)))
			}
		}
		switch {
		case i == l.from && l.name > 0:
			b.WriteString(x.text + strings.Repeat(" ", l.name-utf8.RuneCountInString(x.text)))
		case i == l.from+1 && l.kind > 0:
			b.WriteString(x.text + strings.Repeat(" ", max(0, l.kind-len(x.text))))
		default:
			b.WriteString(x.text)
		}
	}
	l.text = strings.TrimRight(b.String(), " ")
}

// spaced tells whether a blank stands before lexeme i in a line.
func (f *formatter) spaced(i int) bool {
	p, x := f.list[i-1], f.list[i]
	switch {
	case x.comment || p.comment:
		return x.blank || x.comment && strings.HasPrefix(x.text, "--")
	case x.kind == Op && (x.text == "," || x.text == ";" || x.text == ")"), p.kind == Op && p.text == "(":
		return false
	case p.kind == Op && p.text == ",", p.kind == Op && p.text == ";":
		return true
	case x.text == "." && named(p), p.text == "." && named(x) && i > 1 && named(f.list[i-2]):
		return false
	case f.arrow(i - 1): // the > of =>
		return false
	case i > 1 && f.arrow(i-2), compares(x), compares(p):
		return true
	}
	return x.blank
}

func named(x lexeme) bool { return x.kind == Word || x.kind == Quoted }

// arrow tells the = of a =>, which is two tokens.
func (f *formatter) arrow(i int) bool {
	return f.list[i].text == "=" && i+1 < len(f.list) && f.list[i+1].text == ">" && f.list[i+1].kind == Op && !f.list[i+1].blank
}

func compares(x lexeme) bool {
	if x.kind != Op {
		return false
	}
	switch x.text {
	case "=", "==", "<", ">", "<=", ">=", "<>", "!=", "||":
		return true
	}
	return false
}

// align puts the types of a table's columns below one another, and what follows
// them where the author did.
func (f *formatter) align(lines []outLine) {
	for n := 0; n < len(lines); {
		if !f.column(lines[n]) {
			n++
			continue
		}
		first := f.list[lines[n].from].first
		var group []int
		for ; n < len(lines) && (f.list[lines[n].from].first == first); n++ {
			if f.column(lines[n]) {
				group = append(group, n)
			}
		}
		name, kind := 0, 0
		padded, third := true, -1
		lengths := map[int]bool{}
		for _, g := range group {
			l := lines[g]
			name = max(name, utf8.RuneCountInString(f.list[l.from].text))
			kind = max(kind, len(f.list[l.from+1].text))
			if l.to > l.from+2 && f.list[l.from+2].text != "," {
				at := f.list[l.from+2].column
				if third < 0 {
					third = at
				}
				padded = padded && at == third
				lengths[len(f.list[l.from+1].text)] = true
			}
		}
		for _, g := range group {
			if lines[g].name = name; padded && len(lengths) > 1 {
				lines[g].kind = kind
			}
		}
	}
}

// column tells a line that begins with the name and type of a table's column.
func (f *formatter) column(l outLine) bool {
	x := f.list[l.from]
	if !x.table || x.paren != 1 || x.start || l.to < l.from+2 || x.comment || !named(x) {
		return false
	}
	if before := f.previous(l.from); before != "(" && before != "," {
		return false
	}
	switch x.upper {
	case "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT":
		return false
	}
	return f.list[l.from+1].kind == Word
}

// previous is the text of the token before i.
func (f *formatter) previous(i int) string {
	for i--; i >= 0; i-- {
		if !f.list[i].comment {
			return f.list[i].text
		}
	}
	return ""
}

// comments puts the comments at the ends of a table's lines below one another,
// at the author's place if he did so and there is room. Others keep theirs.
func (f *formatter) comments(lines []outLine) {
	for n := 0; n < len(lines); {
		x := f.list[lines[n].from]
		end := n + 1
		for x.table && end < len(lines) && f.list[lines[end].from].first == x.first {
			end++
		}
		column, least, same := -1, 0, true
		for _, l := range lines[n:end] {
			if l.comment == "" {
				continue
			}
			if column < 0 {
				column = l.column
			}
			same = same && column == l.column
			least = max(least, utf8.RuneCountInString(l.text)+1)
		}
		if !same || column < least {
			column = least
		}
		for k := n; k < end; k++ {
			lines[k].column = column
		}
		n = end
	}
}

// equalTokens holds that nothing but blanks and the case of words differs.
func equalTokens(a, b string) error {
	x, y := &formatter{}, &formatter{}
	if err := x.read("", a); err != nil {
		return err
	}
	if err := y.read("", b); err != nil {
		return err
	}
	same := len(x.list) == len(y.list)
	for i := 0; same && i < len(x.list); i++ {
		p, q := x.list[i], y.list[i]
		same = p.kind == q.kind && p.comment == q.comment && (p.text == q.text || p.kind == Word && p.upper == q.upper)
	}
	if !same {
		return fmt.Errorf("formatting would change the text's meaning; it is left as it is")
	}
	return nil
}
