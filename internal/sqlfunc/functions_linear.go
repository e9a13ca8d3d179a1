package sqlfunc

import (
	"errors"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// SQLite's instr, replace and two-argument trim compare every byte with every
// byte: one call on texts of 64 KiB takes up to seconds, in a single VM step, so
// no price per step is right for them. Replace puts implementations in their
// place that walk once over their arguments and give the same
// results (TestLinearFunctions compares them), but for a REAL, which they refuse.

// What the functions say besides SQLite's own errors.
var (
	ErrReal   = errors.New("a REAL cannot be used as a text in a contract")
	ErrTooBig = errors.New("string or blob too big")
)

// Replace replaces the quadratic functions on a connection.
func Replace(c *sqlite.Conn) error {
	return errors.Join(
		likeFunctions(c),
		c.CreateFunction("instr", 2, true, texts(instr)),
		c.CreateFunction("replace", 3, true, func(args []any) (any, error) {
			if p, ok := args[1].(string); ok && p == "" || isEmptyBlob(args[1]) {
				return texts(func(x []string, _ []any) (any, error) { return x[0], nil })(args[:1]) // whatever the third is
			}
			return texts(replace)(args)
		}),
		c.CreateFunction("trim", 2, true, texts(func(x []string, _ []any) (any, error) { return strings.TrimFunc(x[0], in(x[1])), nil })),
		c.CreateFunction("ltrim", 2, true, texts(func(x []string, _ []any) (any, error) { return strings.TrimLeftFunc(x[0], in(x[1])), nil })),
		c.CreateFunction("rtrim", 2, true, texts(func(x []string, _ []any) (any, error) { return strings.TrimRightFunc(x[0], in(x[1])), nil })),
	)
}

// texts calls fn with the arguments as SQLite's sqlite3_value_text gives them;
// a NULL among them gives NULL.
func texts(fn func(x []string, args []any) (any, error)) func([]any) (any, error) {
	return func(args []any) (any, error) {
		x := make([]string, len(args))
		for i, a := range args {
			switch a := a.(type) {
			case nil:
				return nil, nil
			case int64:
				x[i] = strconv.FormatInt(a, 10)
			case string:
				x[i] = a
			case []byte:
				x[i] = string(a)
			default:
				return nil, ErrReal
			}
		}
		return fn(x, args)
	}
}

// instr is the place of x[1] in x[0], from 1, in characters, or in bytes if
// both are blobs; 0 if it is not there.
func instr(x []string, args []any) (any, error) {
	i := strings.Index(x[0], x[1])
	if i < 0 {
		return int64(0), nil
	}
	_, blob := args[0].([]byte)
	_, blobs := args[1].([]byte)
	if blob && blobs {
		return int64(i + 1), nil
	}
	n := int64(1)
	for k := range i {
		if x[0][k]&0xc0 != 0x80 {
			n++
		}
	}
	return n, nil
}

func replace(x []string, _ []any) (any, error) {
	if n := strings.Count(x[0], x[1]); len(x[0])+n*(len(x[2])-len(x[1])) > MaxValue {
		return nil, ErrTooBig
	}
	return strings.ReplaceAll(x[0], x[1], x[2]), nil
}

func isEmptyBlob(v any) bool {
	b, ok := v.([]byte)
	return ok && len(b) == 0
}

// in tells of a character whether it is one of set.
func in(set string) func(rune) bool {
	var ascii [128]bool
	others := map[rune]bool{}
	for _, r := range set {
		if r < 128 {
			ascii[r] = true
		} else {
			others[r] = true
		}
	}
	return func(r rune) bool { return r < 128 && ascii[r] || others[r] }
}
