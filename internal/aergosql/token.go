package aergosql

import "strings"

// Kind is the class of a token. The classes follow SQLite's own tokenizer
// (tokenize.c, sqlite3GetToken), because a piece of SQL that we cut by our
// tokens is prepared by SQLite by its tokens.
type Kind uint8

const (
	Space    Kind = iota // blanks and comments
	Word                 // identifier or keyword: [A-Za-z_][A-Za-z0-9_$]*
	Quoted               // "x" or `x` or [x]: a name, never a keyword
	String               // 'x'
	Blob                 // x'00ff'
	Integer              // 12, 1_000, 0x1f
	Float                // 1.5, .5, 1e3
	Variable             // :x @x $x #x ?1
	Op                   // operators and punctuation, longest match
	Bad                  // what SQLite would refuse too
)

// Token is one token; Invariant: the tokens of a source, space included,
// concatenate to the source.
type Token struct {
	Kind       Kind
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

// Lex cuts src into tokens. It never fails: what no rule fits is a Bad token,
// of the length that SQLite would skip.
func Lex(src string) []Token {
	toks := make([]Token, 0, len(src)/4+1)
	for at := 0; at < len(src); {
		k, n := Next(src[at:])
		toks = append(toks, Token{k, at, at + n})
		at += n
	}
	return toks
}

// Next is the first token of s, which is not empty.
func Next(s string) (Kind, int) {
	c := s[0]
	switch {
	case isSpace(c) && c != '\v': // SQLite: \v continues blanks and does not begin them
		n := 1
		for n < len(s) && isSpace(s[n]) {
			n++
		}
		return Space, n
	case strings.HasPrefix(s, "\xef\xbb\xbf"):
		return Space, 3 // SQLite skips a byte order mark anywhere
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return Space, i
		}
		return Space, len(s)
	case strings.HasPrefix(s, "/*") && len(s) > 2:
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return Space, i + 4
		}
		return Bad, len(s)
	case c == '\'':
		return quoted(s, String)
	case c == '"' || c == '`':
		return quoted(s, Quoted)
	case c == '[':
		if i := strings.IndexByte(s, ']'); i >= 0 {
			return Quoted, i + 1
		}
		return Bad, len(s)
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		return number(s)
	case c == '?':
		n := 1
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		return Variable, n
	case c == ':' || c == '@' || c == '#' || c == '$':
		return variable(s)
	case (c == 'x' || c == 'X') && len(s) > 1 && s[1] == '\'':
		return blob(s)
	case isWord(c):
		n := 1
		for n < len(s) && isWord(s[n]) {
			n++
		}
		return Word, n
	}
	for _, op := range []string{"->>", "->", "==", "<=", "<>", "<<", ">=", ">>", "!=", "||"} {
		if strings.HasPrefix(s, op) {
			return Op, len(op)
		}
	}
	if strings.IndexByte("()+-*/%=<>&|~,;.", c) >= 0 {
		return Op, 1
	}
	return Bad, 1
}

// quoted reads a token in quotes, where a doubled quote stands for itself.
func quoted(s string, k Kind) (Kind, int) {
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
	return Bad, len(s)
}

func number(s string) (Kind, int) {
	k, n := Integer, 0
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
			k = Float
			n++
			digits(isDigit)
		}
		if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
			sign := n + 1
			if sign < len(s) && (s[sign] == '+' || s[sign] == '-') {
				sign++
			}
			if sign < len(s) && isDigit(s[sign]) {
				k = Float
				n = sign
				digits(isDigit)
			}
		}
	}
	if n < len(s) && isWord(s[n]) { // 12abc
		for n < len(s) && isWord(s[n]) {
			n++
		}
		return Bad, n
	}
	return k, n
}

// variable reads :name, @name, $name or #name. SQLite goes on over "::" and
// over a "(…)" without blanks (the form of a Tcl array), so :a(b) is one token
// there and here; the parser refuses both forms.
func variable(s string) (Kind, int) {
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
				return Variable, n + 1
			}
			return Bad, n
		case s[n] == ':' && n+1 < len(s) && s[n+1] == ':':
			n += 2
			continue
		}
		break
	}
	if name == 0 {
		return Bad, n
	}
	return Variable, n
}

func blob(s string) (Kind, int) {
	n := 2
	for n < len(s) && isHex(s[n]) {
		n++
	}
	if n < len(s) && s[n] == '\'' && n%2 == 0 {
		return Blob, n + 1
	}
	for n < len(s) && s[n] != '\'' {
		n++
	}
	if n < len(s) {
		n++
	}
	return Bad, n
}

// literal is the token's length if it is a text or a blob, else 0.
func (t Token) LiteralLen() int {
	if t.Kind == String || t.Kind == Blob {
		return t.End - t.Start
	}
	return 0
}
