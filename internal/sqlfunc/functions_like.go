package sqlfunc

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// SQLite's LIKE and GLOB try a pattern at each place of a text anew: 10
// milliseconds on 64 KiB. These step once through the text and keep the set of
// all places in the pattern where they may be, a bit for each, so they cost the
// same for every pattern. They give the same results (TestLikeAndGlob compares
// them) on texts that are UTF-8; a byte that is not counts as one character.

// What a pattern may be refused for.
var (
	ErrPattern = errors.New("LIKE or GLOB pattern too complex")
	ErrEscape  = errors.New("ESCAPE expression must be a single character")
)

// likeFunctions replaces LIKE and GLOB on a connection. A pattern is kept from
// one call to the next: a scan has the same for each row.
func likeFunctions(c *sqlite.Conn) error {
	var last struct {
		kind   byte
		text   string
		escape rune
		*pattern
	}
	match := func(kind byte, pattern, text string, escape rune) (any, error) {
		if len(pattern) > MaxPattern {
			return nil, ErrPattern
		}
		if last.kind != kind || last.text != pattern || last.escape != escape {
			last.kind, last.text, last.escape = kind, pattern, escape
			if kind == 'L' {
				last.pattern = newLike(untilNUL(pattern), escape)
			} else {
				last.pattern = newGlob(untilNUL(pattern))
			}
		}
		if last.matches(untilNUL(text)) {
			return int64(1), nil
		}
		return int64(0), nil
	}
	like := func(x []string, _ []any) (any, error) {
		if len(x) == 2 {
			return match('L', x[0], x[1], 0)
		}
		escape, n := firstChar(untilNUL(x[2]))
		if n == 0 || n != len(untilNUL(x[2])) {
			return nil, ErrEscape
		}
		return match('L', x[0], x[1], escape)
	}
	glob := func(x []string, _ []any) (any, error) { return match('G', x[0], x[1], 0) }
	return errors.Join(
		c.CreateFunction("like", 2, true, notBlobs(texts(like))),
		c.CreateFunction("like", 3, true, notBlobs(texts(like))),
		c.CreateFunction("glob", 2, true, notBlobs(texts(glob))),
	)
}

// notBlobs answers 0 if one of the first two arguments is a blob, as SQLite does
// (SQLITE_LIKE_DOESNT_MATCH_BLOBS).
func notBlobs(fn func([]any) (any, error)) func([]any) (any, error) {
	return func(args []any) (any, error) {
		for _, a := range args[:2] {
			if _, ok := a.([]byte); ok {
				return int64(0), nil
			}
		}
		return fn(args)
	}
}

// untilNUL is what SQLite sees of a text as a C string.
func untilNUL(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// pattern is a compiled one: elements that each match one character, some with
// a star (% or *) before them.
type pattern struct {
	elements []element
	stars    places                 // bit i: a star stands before element i; bit len(elements): at the end
	ascii    [utf8.RuneSelf]*places // the elements that match a character, once met
	others   map[rune]*places
	fold     bool // A is a
}

// element is what one character is compared with: any, or those of the ranges.
type element struct {
	any, not bool
	ranges   [][2]rune
}

// places is a set of numbers up to maxPattern.
type places [MaxPattern/64 + 1]uint64

func (p *places) add(i int)      { p[i/64] |= 1 << (i % 64) }
func (p *places) has(i int) bool { return p[i/64]>>(i%64)&1 == 1 }

func (e element) matches(c rune) bool {
	if e.any {
		return true
	}
	for _, r := range e.ranges {
		if r[0] <= c && c <= r[1] {
			return !e.not
		}
	}
	return e.not
}

func (p *pattern) element(e element) { p.elements = append(p.elements, e) }

func (p *pattern) one(c rune) { p.element(element{ranges: [][2]rune{{c, c}}}) }

// fits finds the elements that match a character.
func (p *pattern) fits(c rune) *places {
	short := c >= 0 && c < utf8.RuneSelf
	if short && p.ascii[c] != nil {
		return p.ascii[c]
	}
	if set := p.others[c]; set != nil {
		return set
	}
	set := &places{}
	for i, e := range p.elements {
		if e.matches(c) {
			set.add(i)
		}
	}
	switch {
	case short:
		p.ascii[c] = set
	case p.others == nil || len(p.others) >= maxMet:
		p.others = map[rune]*places{c: set}
	default:
		p.others[c] = set
	}
	return set
}

// matches tells whether the whole text is of the pattern; nothing is of nil.
func (p *pattern) matches(text string) bool {
	if p == nil {
		return false
	}
	var at places // where in the pattern we may be
	at.add(0)
	words := len(p.elements)/64 + 1
	for len(text) > 0 {
		c, n := rune(text[0]), 1
		if c >= utf8.RuneSelf {
			c, n = firstChar(text)
		}
		text = text[n:]
		if p.fold {
			c = lowerLetter(c)
		}
		fits := p.fits(c)
		carry, alive := uint64(0), uint64(0)
		for i := range words {
			moved := at[i] & fits[i]
			next := moved<<1 | carry | at[i]&p.stars[i]
			carry = moved >> 63
			at[i] = next
			alive |= next
		}
		if alive == 0 {
			return false
		}
	}
	return at.has(len(p.elements))
}

func lowerLetter(c rune) rune {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// firstChar is the first character of s and its length; a byte that is no UTF-8 is
// one that no text's equals but the same byte.
func firstChar(s string) (rune, int) {
	c, n := utf8.DecodeRuneInString(s)
	if c == utf8.RuneError && n == 1 {
		c = -rune(s[0])
	}
	return c, n
}

// newLike compiles a LIKE pattern; escape is 0 without one.
func newLike(s string, escape rune) *pattern {
	p := &pattern{fold: true}
	for len(s) > 0 {
		c, n := firstChar(s)
		s = s[n:]
		switch {
		case c == escape && escape != 0:
			if s == "" {
				return nil // matches nothing
			}
			c, n = firstChar(s)
			s = s[n:]
			p.one(lowerLetter(c))
		case c == '%':
			p.stars.add(len(p.elements))
		case c == '_':
			p.element(element{any: true})
		default:
			p.one(lowerLetter(c))
		}
	}
	return p
}

// newGlob compiles a GLOB pattern.
func newGlob(s string) *pattern {
	p := &pattern{}
	for len(s) > 0 {
		c, n := firstChar(s)
		s = s[n:]
		switch c {
		case '*':
			p.stars.add(len(p.elements))
		case '?':
			p.element(element{any: true})
		case '[':
			e, rest, ok := globSet(s)
			if !ok {
				return nil
			}
			p.element(e)
			s = rest
		default:
			p.one(c)
		}
	}
	return p
}

// globSet reads a set behind its bracket: [abc], [a-z], [^x], []x], [x-].
func globSet(s string) (e element, rest string, ok bool) {
	take := func() (c rune) {
		if s == "" {
			return 0
		}
		c, n := firstChar(s)
		s = s[n:]
		return c
	}
	c := take()
	if c == '^' {
		e.not = true
		c = take()
	}
	if c == ']' {
		e.ranges = append(e.ranges, [2]rune{']', ']'})
		c = take()
	}
	before := rune(0)
	for c != 0 && c != ']' {
		if c == '-' && s != "" && s[0] != ']' && before > 0 {
			c = take()
			e.ranges = append(e.ranges, [2]rune{before, c})
			before = 0
		} else {
			e.ranges = append(e.ranges, [2]rune{c, c})
			before = c
		}
		c = take()
	}
	return e, s, c == ']'
}
