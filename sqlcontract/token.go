package sqlcontract

import "strings"

// kind is the class of a token. The classes follow SQLite's own tokenizer
// (tokenize.c, sqlite3GetToken), because a piece of SQL that we cut by our
// tokens is prepared by SQLite by its tokens.
type kind uint8

const (
	kSpace    kind = iota // blanks and comments
	kWord                 // identifier or keyword: [A-Za-z_][A-Za-z0-9_$]*
	kQuoted               // "x" or `x` or [x]: a name, never a keyword
	kString               // 'x'
	kBlob                 // x'00ff'
	kInteger              // 12, 1_000, 0x1f
	kFloat                // 1.5, .5, 1e3
	kVariable             // :x @x $x #x ?1
	kOp                   // operators and punctuation, longest match
	kBad                  // what SQLite would refuse too
)

// token is one token; Invariant: the tokens of a source, space included,
// concatenate to the source.
type token struct {
	Kind       kind
	Start, End int
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// isWord tells whether c continues an identifier. Bytes from 0x80 on do, for
// SQLite; the names of a contract are ASCII, which the parser checks.
func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= 0x80
}

// lex cuts src into tokens. It never fails: what no rule fits is a kBad token,
// of the length that SQLite would skip.
func lex(src string) []token {
	toks := make([]token, 0, len(src)/4+1)
	for at := 0; at < len(src); {
		k, n := next(src[at:])
		toks = append(toks, token{k, at, at + n})
		at += n
	}
	return toks
}

// next is the first token of s, which is not empty.
func next(s string) (kind, int) {
	c := s[0]
	switch {
	case isSpace(c) && c != '\v': // SQLite: \v continues blanks and does not begin them
		n := 1
		for n < len(s) && isSpace(s[n]) {
			n++
		}
		return kSpace, n
	case strings.HasPrefix(s, "\xef\xbb\xbf"):
		return kSpace, 3 // SQLite skips a byte order mark anywhere
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return kSpace, i
		}
		return kSpace, len(s)
	case strings.HasPrefix(s, "/*") && len(s) > 2:
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return kSpace, i + 4
		}
		return kBad, len(s)
	case c == '\'':
		return quoted(s, kString)
	case c == '"' || c == '`':
		return quoted(s, kQuoted)
	case c == '[':
		if i := strings.IndexByte(s, ']'); i >= 0 {
			return kQuoted, i + 1
		}
		return kBad, len(s)
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		return number(s)
	case c == '?':
		n := 1
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		return kVariable, n
	case c == ':' || c == '@' || c == '#' || c == '$':
		return variable(s)
	case (c == 'x' || c == 'X') && len(s) > 1 && s[1] == '\'':
		return blob(s)
	case isWord(c):
		n := 1
		for n < len(s) && isWord(s[n]) {
			n++
		}
		return kWord, n
	}
	for _, op := range []string{"->>", "->", "==", "<=", "<>", "<<", ">=", ">>", "!=", "||"} {
		if strings.HasPrefix(s, op) {
			return kOp, len(op)
		}
	}
	if strings.IndexByte("()+-*/%=<>&|~,;.", c) >= 0 {
		return kOp, 1
	}
	return kBad, 1
}

// quoted reads a token in quotes, where a doubled quote stands for itself.
func quoted(s string, k kind) (kind, int) {
	q := s[0]
	for i := 1; i < len(s); i++ {
		if s[i] != q {
			continue
		}
		if i+1 < len(s) && s[i+1] == q {
			i++
			continue
		}
		return k, i + 1
	}
	return kBad, len(s)
}

func number(s string) (kind, int) {
	k, n := kInteger, 0
	digits := func(in func(byte) bool) {
		for n < len(s) && (in(s[n]) || s[n] == '_') {
			n++
		}
	}
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && isHex(s[2]) {
		n = 2
		digits(isHex)
	} else {
		digits(isDigit)
		if n < len(s) && s[n] == '.' {
			k = kFloat
			n++
			digits(isDigit)
		}
		if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
			sign := n + 1
			if sign < len(s) && (s[sign] == '+' || s[sign] == '-') {
				sign++
			}
			if sign < len(s) && isDigit(s[sign]) {
				k = kFloat
				n = sign
				digits(isDigit)
			}
		}
	}
	if n < len(s) && isWord(s[n]) { // 12abc
		for n < len(s) && isWord(s[n]) {
			n++
		}
		return kBad, n
	}
	return k, n
}

// variable reads :name, @name, $name or #name. SQLite goes on over "::" and
// over a "(…)" without blanks (the form of a Tcl array), so :a(b) is one token
// there and here; the parser refuses both forms.
func variable(s string) (kind, int) {
	n, name := 1, 0
	for n < len(s) {
		switch {
		case isWord(s[n]):
			name++
			n++
			continue
		case s[n] == '(' && name > 0:
			n++
			for n < len(s) && !isSpace(s[n]) && s[n] != ')' {
				n++
			}
			if n < len(s) && s[n] == ')' {
				return kVariable, n + 1
			}
			return kBad, n
		case s[n] == ':' && n+1 < len(s) && s[n+1] == ':':
			n += 2
			continue
		}
		break
	}
	if name == 0 {
		return kBad, n
	}
	return kVariable, n
}

func blob(s string) (kind, int) {
	n := 2
	for n < len(s) && isHex(s[n]) {
		n++
	}
	if n < len(s) && s[n] == '\'' && n%2 == 0 {
		return kBlob, n + 1
	}
	for n < len(s) && s[n] != '\'' {
		n++
	}
	if n < len(s) {
		n++
	}
	return kBad, n
}

// literal is the token's length if it is a text or a blob, else 0.
func (t token) LiteralLen() int {
	if t.Kind == kString || t.Kind == kBlob {
		return t.End - t.Start
	}
	return 0
}

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
		if t.Kind != kSpace {
			list = append(list, Token{exportedKinds[t.Kind], t.Start, t.End})
		}
	}
	return list
}
