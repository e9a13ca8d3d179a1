package slt

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Answer writes rows as the record's types and order want them: the values one
// after another, row by row. A row of another width is an error.
func (r Record) Answer(rows [][]any) ([]string, error) {
	var lines [][]string
	for _, row := range rows {
		if len(row) != len(r.Types) {
			return nil, fmt.Errorf("the answer has %d columns, not %d", len(row), len(r.Types))
		}
		line := make([]string, len(row))
		for i, v := range row {
			line[i] = text(r.Types[i], v)
		}
		lines = append(lines, line)
	}
	if r.Sort == "rowsort" {
		slices.SortStableFunc(lines, slices.Compare[[]string])
	}
	values := slices.Concat(lines...)
	if r.Sort == "valuesort" {
		slices.Sort(values)
	}
	return values, nil
}

// Check is nil if the rows are the record's answer.
func (r Record) Check(rows [][]any) error {
	got, err := r.Answer(rows)
	if err != nil {
		return err
	}
	if len(r.Want) == 1 && strings.Contains(r.Want[0], " values hashing to ") {
		if hashed := Hash(got); hashed != r.Want[0] {
			return fmt.Errorf("%s, expected %s", hashed, r.Want[0])
		}
		return nil
	}
	if !slices.Equal(got, r.Want) {
		return fmt.Errorf("%q, expected %q", got, r.Want)
	}
	return nil
}

// Hash is the line that stands for a long list of values.
func Hash(values []string) string {
	h := md5.New()
	for _, v := range values {
		h.Write([]byte(v + "\n"))
	}
	return fmt.Sprintf("%d values hashing to %s", len(values), hex.EncodeToString(h.Sum(nil)))
}

// text writes a value as a column of the type does.
func text(kind byte, v any) string {
	if v == nil {
		return "NULL"
	}
	switch kind {
	case 'I':
		return strconv.FormatInt(integer(v), 10)
	case 'R':
		return decimals(real(v))
	}
	s := ""
	switch v := v.(type) {
	case int64:
		s = strconv.FormatInt(v, 10)
	case float64:
		s = strconv.FormatFloat(v, 'g', 15, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
	case []byte:
		s = string(v)
	case string:
		s = v
	}
	if s == "" {
		return "(empty)"
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '@'
		}
	}
	return string(b)
}

// decimals is what SQLite's printf makes of %.3f: of a number above 10^16 it
// prints 16 digits and then zeros.
func decimals(v float64) string {
	s := strconv.FormatFloat(v, 'f', 3, 64)
	whole := strings.TrimPrefix(strings.TrimSuffix(s, ".000"), "-")
	if len(whole) <= 16 || len(whole)+len(".000") > len(s) {
		return s
	}
	short := strconv.FormatFloat(v, 'e', 15, 64) // -d.ddddddddddddddde+XX
	digits := strings.Replace(short[:strings.IndexByte(short, 'e')], ".", "", 1)
	return digits + strings.Repeat("0", len(whole)-16) + ".000"
}

// integer is what sqlite3_column_int64 gives: texts by the number they begin
// with.
func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		switch {
		case v >= 1<<63:
			return 1<<63 - 1
		case v <= -1<<63:
			return -1 << 63
		}
		return int64(v)
	}
	s := number(v)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range: infinity, which the case above bounds
	return integer(f)
}

// real is what sqlite3_column_double gives.
func real(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	f, _ := strconv.ParseFloat(number(v), 64)
	return f
}

// number is the decimal number that a text begins with, or "0".
func number(v any) string {
	s, _ := v.(string)
	if b, ok := v.([]byte); ok {
		s = string(b)
	}
	s = strings.TrimLeft(s, " \t\n\r\f\v")
	end := 0
	for i := range s {
		if _, err := strconv.ParseFloat(s[:i+1], 64); err == nil && strings.Trim(s[:i+1], "+-.0123456789eE") == "" {
			end = i + 1
		}
		if i > 40 {
			break
		}
	}
	if end == 0 {
		return "0"
	}
	return s[:end]
}
