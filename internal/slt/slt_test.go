package slt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const sample = `hash-threshold 8

onlyif mssql
halt

# a table
statement ok
CREATE TABLE t(a INTEGER,
  b TEXT)

statement error
CREATE TABLE t(a)

skipif sqlite # never here
statement ok
DROP TABLE t

onlyif mysql # DIV
skipif sqlite
query I nosort
SELECT 1 DIV 1
----
1

query IT rowsort label-1
SELECT a, b FROM t
----
10
(empty)
9
t@a

query R
SELECT 1.0005

skipif mysql
halt

statement nonsense
`

func TestRead(t *testing.T) {
	list, err := Read(strings.NewReader(sample), "sqlite")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprintf("%d %q %v %s %s %s %q", r.Line, r.SQL, r.Fails, r.Types, r.Sort, r.Label, r.Want))
	}
	want := []string{
		`7 "CREATE TABLE t(a INTEGER,\n  b TEXT)" false    []`,
		`11 "CREATE TABLE t(a)" true    []`,
		`25 "SELECT a, b FROM t" false IT rowsort label-1 ["10" "(empty)" "9" "t@a"]`,
		`33 "SELECT 1.0005" false R nosort  []`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	q := list[2]
	if err := q.Check([][]any{{int64(9), "t\na"}, {"10abc", ""}}); err != nil {
		t.Error(err)
	}
	if err := q.Check([][]any{{int64(9), "t\na"}, {int64(11), ""}}); err == nil {
		t.Error("a wrong answer passes")
	}
	if err := q.Check([][]any{{int64(9)}}); err == nil {
		t.Error("an answer of one column passes for two")
	}
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		types, sort, want string
		rows              [][]any
	}{
		{"ITR", "nosort", "1|1|1.000|2|2.5|2.500|NULL|NULL|NULL", [][]any{{int64(1), int64(1), int64(1)}, {2.5, 2.5, 2.5}, {nil, nil, nil}}},
		{"ITR", "nosort", "-12|-12e1x|-120.000|0|x|0.000", [][]any{{" -12.7", "-12e1x", "-12e1x"}, {"x", []byte("x"), "x"}}},
		{"II", "valuesort", "-1|10|2|9", [][]any{{int64(9), int64(10)}, {int64(2), int64(-1)}}},
		{"R", "nosort", "-18446744073709550000.000|9007199254740992.000|0.333", [][]any{{-18446744073709551616.0}, {int64(9007199254740993)}, {1.0 / 3}}},
		{"T", "nosort", "3.0|@@", [][]any{{3.0}, {"ä"}}},
		{"I", "nosort", "9223372036854775807|-9223372036854775808", [][]any{{1e30}, {"-1e30"}}},
	} {
		got, err := Record{Types: c.types, Sort: c.sort}.Answer(c.rows)
		if err != nil || strings.Join(got, "|") != c.want {
			t.Errorf("%v as %s: %s, %v, want %s", c.rows, c.types, strings.Join(got, "|"), err, c.want)
		}
	}
	if got := Hash([]string{"0", "1"}); got != "2 values hashing to b83c2d60a9fe8d73c977c8bb557e90f6" { // printf '0\n1\n' | md5sum
		t.Error(got)
	}
}

// FuzzRead holds that any bytes give records or an error, and that what is read
// can be answered.
func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Add("query I\n----\nquery")
	f.Add("statement ok")
	f.Fuzz(func(t *testing.T, file string) {
		list, err := Read(strings.NewReader(file), "sqlite")
		if err != nil && list != nil {
			t.Error("an error comes with records")
		}
		for _, r := range list {
			row := make([]any, len(r.Types))
			for i := range row {
				row[i] = file
			}
			if got, err := r.Answer([][]any{row}); err != nil || len(got) != len(row) {
				t.Errorf("%v: %v, %v", r, got, err)
			}
		}
	})
}
