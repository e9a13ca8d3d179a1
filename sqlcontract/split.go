package sqlcontract

import "github.com/aergo-git/aergo-git/internal/fault"

// TokenKind is the class of a [Token].
type TokenKind uint8

// The kinds of tokens. A float is never part of a contract; queries have them.
const (
	TokenWord     TokenKind = iota + 1 // name or keyword
	TokenQuoted                        // "name", `name` or [name]
	TokenString                        // 'text'
	TokenBlob                          // x'00ff'
	TokenInteger                       // 12, 1_000, 0x1f
	TokenFloat                         // 1.5
	TokenVariable                      // :x @x $x ?1
	TokenOp                            // operators and punctuation
	TokenBad                           // what SQLite would refuse
)

// Token is one piece of a text, which is text[Start:End].
type Token struct {
	Kind       TokenKind
	Start, End int
}

var exportedKinds = map[kind]TokenKind{
	kWord: TokenWord, kQuoted: TokenQuoted, kString: TokenString, kBlob: TokenBlob, kInteger: TokenInteger,
	kFloat: TokenFloat, kVariable: TokenVariable, kOp: TokenOp, kBad: TokenBad,
}

// Split cuts a text into tokens where SQLite cuts it; blanks and comments are
// left out. It is for languages around AERGOSQL, such as that of its tests: a
// semicolon inside a string or a comment is no end of a statement there either.
// It never fails: what no rule fits is a TokenBad.
func Split(text string) []Token {
	var list []Token
	for _, t := range lex(text) {
		if t.kind != kSpace {
			list = append(list, Token{exportedKinds[t.kind], t.start, t.end})
		}
	}
	return list
}

// ErrorAt is an error about a place in a text: it begins with name:line:column
// and shows the line with a caret under the place, as the compiler's own errors
// do. off is a byte offset; code is one of `aergo explain`; next, which may be
// empty, says what to do.
func ErrorAt(name, text string, off int, code, next, what string) error {
	s := &source{name: name, text: text, lines: lineStarts(text)}
	return s.fail(code, max(off, 0), next, "%s", what)
}

// LineOf is the line of a byte offset, from 1.
func LineOf(text string, off int) int {
	line, _ := (&source{text: text, lines: lineStarts(text)}).at(off)
	return line
}

// Integer reads an INTEGER literal as SQLite does: 12, 1_000, 0x1f.
func Integer(literal string) (int64, error) {
	n, err := integer(literal)
	if err != nil {
		return 0, fault.New(codeFence, "the range is -9223372036854775807 to 9223372036854775807", "%s does not fit an INTEGER", literal)
	}
	return n, nil
}
