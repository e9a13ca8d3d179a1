package importer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Form is how a cell of the file becomes one of the contract.
type Form uint8

const (
	AsIs    Form = iota // the value as it is
	Number              // a text that is a whole number: INTEGER, empty: NULL
	Scaled              // a decimal, text or REAL: INTEGER in units of 10^-Scale, empty: NULL
	Written             // a number as TEXT
	Bytes               // a text as BLOB
)

// Column is one column of a table of the draft.
type Column struct {
	Name    string
	From    string // its name in the file
	Type    string // INTEGER, TEXT or BLOB
	NotNull bool
	Form    Form
	Scale   int    // with Scaled
	Point   byte   // with Scaled from text: '.' or ','
	Default string // SQL of a constant, or ""
	Check   string // SQL of a condition, or ""
	Expr    string // of a generated column, or ""
	Stored  bool   // with Expr
	Comment string
}

// cell converts a value of the file: nil, int64, float64, string or []byte.
func (c *Column) cell(v any) (any, error) {
	switch c.Form {
	case Number:
		s, ok := v.(string)
		if !ok {
			return v, nil
		}
		if s == "" {
			return nil, nil
		}
		n, ok := wholeNumber(s)
		if !ok {
			return nil, fmt.Errorf("%q is no whole number", short(s))
		}
		return n, nil
	case Scaled:
		if v == nil || v == "" {
			return nil, nil
		}
		s, ok := v.(string)
		if !ok {
			s = written(v)
		}
		n, ok := scaledNumber(s, c.Point, c.Scale)
		if !ok {
			return nil, fmt.Errorf("%q is no number with %d decimals", short(s), c.Scale)
		}
		return n, nil
	case Written:
		if v == nil {
			return nil, nil
		}
		return written(v), nil
	case Bytes:
		switch v.(type) {
		case nil, []byte:
			return v, nil
		}
		return []byte(written(v)), nil
	}
	return v, nil
}

// written is a number as text: a REAL with the fewest digits that are read back
// as the same REAL. Other values stay.
func written(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		if a := math.Abs(v); a != 0 && (a < 1e-9 || a >= 1e21) {
			return strconv.FormatFloat(v, 'e', -1, 64)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// wholeNumber reads an INTEGER that is written in the one way that it would be
// printed again: no sign +, no leading zeros, no -0.
func wholeNumber(s string) (int64, bool) {
	n := strings.TrimPrefix(s, "-")
	if n == "" || n[0] < '0' || n[0] > '9' || n[0] == '0' && s != "0" {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil
}

// decimal cuts a number like -12.34; fraction is "" for a whole one.
func decimal(s string, point byte) (whole, fraction string, ok bool) {
	whole = strings.TrimPrefix(s, "-")
	if at := strings.IndexByte(whole, point); at >= 0 {
		whole, fraction = whole[:at], whole[at+1:]
		if fraction == "" {
			return "", "", false
		}
	}
	if whole == "" || len(whole) > 1 && whole[0] == '0' || !digits(whole) || !digits(fraction) {
		return "", "", false
	}
	return whole, fraction, true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// scaledNumber is s in units of 10^-scale.
func scaledNumber(s string, point byte, scale int) (int64, bool) {
	whole, fraction, ok := decimal(s, point)
	if !ok || len(fraction) > scale {
		return 0, false
	}
	text := whole + fraction + strings.Repeat("0", scale-len(fraction))
	if s[0] == '-' {
		text = "-" + text
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// study is what Open learns of one column.
type study struct {
	rows, nulls, empties, ints, reals, texts, blobs int64

	least, most int64 // of whole numbers
	longest     int   // bytes of the longest text or blob
	firstText   string
	numbers     int64 // texts that are whole numbers
	decimals    fractions
	days        bool  // all texts so far are ISO dates
	bad         int64 // texts that are not UTF-8 or hold a NUL
}

// fractions is what is known of a column's decimals.
type fractions struct {
	bad       bool // a value is no decimal
	seen      bool // one has a fraction
	point     byte // of the fractions; 0 while none was seen
	whole     int  // digits of the longest whole part
	most      int  // digits of the longest fraction
	least     int
	endInZero bool // a fraction ends in 0
}

// see adds a number as it is written. comma allows 12,34 too.
func (f *fractions) see(s string, comma bool) {
	if f.bad {
		return
	}
	point := f.point
	if point == 0 {
		point = '.'
		if comma && strings.IndexByte(s, ',') >= 0 {
			point = ','
		}
	}
	whole, fraction, ok := decimal(s, point)
	if !ok || strings.HasPrefix(s, "-") && strings.Trim(whole+fraction, "0") == "" { // -0.00 would lose its sign
		f.bad = true
		return
	}
	f.whole = max(f.whole, len(whole))
	if fraction == "" {
		return
	}
	if !f.seen {
		f.least = len(fraction)
	}
	f.seen, f.point = true, point
	f.most, f.least = max(f.most, len(fraction)), min(f.least, len(fraction))
	f.endInZero = f.endInZero || fraction[len(fraction)-1] == '0'
}

// scale is how many decimals the smallest unit has. It is no scale where two
// ways to write a number would become one, or a number would be too large.
func (f *fractions) scale() (int, string) {
	switch {
	case f.most > maxScale || f.whole+f.most > 18:
		return 0, "its numbers have too many digits for an INTEGER"
	case f.endInZero && f.least != f.most:
		return 0, "its fractions differ in length and some end in 0, as in versions: 1.10 and 1.1 would become one"
	}
	return f.most, ""
}

// text adds a cell of a CSV.
func (s *study) text(v string, comma bool) {
	if s.rows++; s.rows == 1 {
		s.days = true
	}
	if v == "" {
		s.empties++
		return
	}
	if s.texts == 0 {
		s.firstText = strings.Clone(v)
	}
	s.texts++
	if len(v) > s.longest {
		s.longest = len(v)
	}
	if !s.decimals.bad {
		if n, ok := wholeNumber(v); ok {
			s.number(n)
			s.numbers++
		}
		s.decimals.see(v, comma)
	}
	s.days = s.days && isDay(v)
}

func (s *study) number(n int64) {
	if s.numbers == 0 && s.ints == 0 {
		s.least, s.most = n, n
	}
	s.least, s.most = min(s.least, n), max(s.most, n)
}

// value adds a cell of SQLite.
func (s *study) value(v any) {
	s.rows++
	switch v := v.(type) {
	case nil:
		s.nulls++
	case int64:
		s.number(v)
		s.ints++
		s.decimals.see(strconv.FormatInt(v, 10), false)
	case float64:
		s.reals++
		if v == 0 {
			v = 0 // -0.0 is 0
		}
		s.decimals.see(written(v), false)
	case string:
		s.texts++
		if len(v) > s.longest {
			s.longest = len(v)
		}
		if badText(v) != "" {
			s.bad++
		}
	case []byte:
		s.blobs++
		if len(v) > s.longest {
			s.longest = len(v)
		}
	}
}

// isDay tells an ISO date, 2026-11-01.
func isDay(s string) bool {
	return len(s) == 10 && s[4] == '-' && s[7] == '-' && digits(s[:4]+s[5:7]+s[8:])
}

const dayGlob = "'[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'"

// settle decides the column of a CSV.
func (s *study) settle(c *Column) (note string) {
	c.Type, c.Form, c.NotNull = "TEXT", AsIs, true
	values := s.texts
	switch {
	case values == 0:
		c.Comment = "empty in the file"
		return ""
	case s.numbers == values:
		c.Type, c.Form, c.NotNull = "INTEGER", Number, s.empties == 0
		s.range_(c, 0)
		return ""
	case !s.decimals.bad:
		scale, why := s.decimals.scale()
		if why == "" {
			c.Type, c.Form, c.NotNull, c.Scale, c.Point = "INTEGER", Scaled, s.empties == 0, scale, s.decimals.point
			c.Comment = unit(scale)
			return fmt.Sprintf("%s is kept %s: %s becomes %s", c.From, c.Comment, s.firstText, s.example(c))
		}
		c.Comment = "decimals as text"
		note = fmt.Sprintf("%s stays TEXT: %s", c.From, why)
	}
	s.bound(c)
	return note
}

func (s *study) example(c *Column) string {
	v, err := c.cell(s.firstText)
	if err != nil {
		return "NULL"
	}
	return fmt.Sprint(v)
}

// range_ says what whole numbers there are; 0 and 1 alone are a truth value.
func (s *study) range_(c *Column, scale int) {
	if s.least == 0 && s.most == 1 && scale == 0 {
		c.Check = c.Name + " IN (0, 1)"
		return
	}
	c.Comment = fmt.Sprintf("%d to %d in the file", s.least, s.most)
}

// bound gives a text a check: a date's form, or a length with room to grow.
func (s *study) bound(c *Column) {
	if s.days && s.texts > 0 && s.empties == 0 {
		c.Check = c.Name + " GLOB " + dayGlob
		return
	}
	for _, room := range []int{40, 80, 200, 500, 1000, 4000} {
		if s.longest*3 <= room {
			c.Check = fmt.Sprintf("length(%s) <= %d", c.Name, room)
			return
		}
	}
}

// unit is the mark of a scaled column in its comment; fit reads it again.
func unit(scale int) string {
	if scale == 0 {
		return ""
	}
	return "in 1/1" + strings.Repeat("0", scale)
}

// short is the beginning of a foreign text, for messages.
func short(s string) string { return shorten(s, 40) }

func shorten(s string, cut int) string {
	if len(s) <= cut {
		return s
	}
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

const badCode = "is not UTF-8"

// badText says why a text cannot be kept as TEXT, or "".
func badText(s string) string {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return "holds a NUL byte"
	case !utf8.ValidString(s):
		return badCode
	}
	return ""
}
