package aergosql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// Split cuts a text into tokens where SQLite cuts it; blanks and comments are
// left out. It is for languages around AERGOSQL too, such as that of its tests:
// a semicolon inside a string or a comment is no end of a statement there either.
// It never fails: what no rule fits is a Bad token.
func Split(src string) []Token {
	return slices.DeleteFunc(Lex(src), func(t Token) bool { return t.Kind == Space })
}

// ErrorAt is an error about a place in a text: it begins with name:line:column
// and shows the line with a caret under the place, as the compiler's own errors
// do. off is a byte offset; code is one of `aergo explain`; next, which may be
// empty, says what to do.
func ErrorAt(name, text string, off int, code, next, what string) error {
	return PlainText(name, text).Fail(code, max(off, 0), next, "%s", what)
}

// ParseInteger is the value of an INTEGER literal as SQLite reads it: 12, 1_000,
// 0x1f. The error is a *fault.Error of code AG0302.
func ParseInteger(literal string) (int64, error) {
	x := strings.ReplaceAll(literal, "_", "")
	var n int64
	var err error
	if len(x) > 1 && (x[1] == 'x' || x[1] == 'X') {
		var u uint64
		u, err = strconv.ParseUint(x[2:], 16, 64) // 0xffffffffffffffff is -1
		n = int64(u)
	} else {
		n, err = strconv.ParseInt(x, 10, 64)
	}
	if err != nil {
		return 0, fault.New(CodeFence, "the range is -9223372036854775807 to 9223372036854775807", "%s does not fit an INTEGER", literal)
	}
	return n, nil
}
