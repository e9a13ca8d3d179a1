package importer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// csvSource reads a CSV (RFC 4180) with a line of names.
type csvSource struct {
	file  *os.File
	name  string
	comma rune
}

func (s *csvSource) close() error { return s.file.Close() }

func (s *csvSource) place(_ *Table, at int64) string { return fmt.Sprintf("line %d of %s", at, s.name) }

var errLongRecord = fmt.Errorf("it is over %d bytes: perhaps a quote is not closed", maxRecord)

// bounded limits what is read for one record, and counts.
type bounded struct {
	from io.Reader
	left int
	done int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLongRecord
	}
	n, err := b.from.Read(p)
	b.left -= n
	b.done += int64(n)
	return n, err
}

// read gives the records, the line of names first, as line 1. A record is valid
// until fn returns.
func (s *csvSource) read(ctx context.Context, hash io.Writer, fn func(line int64, record []string, done int64) error) error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var from io.Reader = s.file
	if hash != nil {
		from = io.TeeReader(from, hash)
	}
	in := &bounded{from: bufio.NewReaderSize(from, 256<<10)}
	r := csv.NewReader(in)
	r.Comma, r.ReuseRecord = s.comma, true
	for i := 0; ; i++ {
		in.left = maxRecord
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		var bad *csv.ParseError
		switch {
		case errors.As(err, &bad) && errors.Is(err, csv.ErrFieldCount):
			return s.fail(int64(bad.StartLine), "it has %d fields, the first line has %d", len(record), r.FieldsPerRecord)
		case errors.As(err, &bad):
			return s.fail(int64(bad.StartLine), "%w", bad.Err)
		case errors.Is(err, errLongRecord):
			line, _ := r.FieldPos(0)
			return s.fail(int64(line)+1, "after this line, %w", err)
		case err != nil:
			return fault.New("AG0220", "", "%s cannot be read: %w", s.name, err)
		}
		if i == 0 && len(record) > 0 {
			record[0] = strings.TrimPrefix(record[0], "\uFEFF") // what spreadsheets begin with
		}
		if i%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		line, _ := r.FieldPos(0)
		if err := fn(int64(line), record, in.done); err != nil {
			return err
		}
	}
}

// fail is the error about a line.
func (s *csvSource) fail(line int64, what string, args ...any) error {
	return fault.New("AG0122", "Correct the line; nothing was written.", "%s: %w", s.place(nil, line), fmt.Errorf(what, args...))
}

// separator is the comma, unless the line of names has none and has semicolons
// or tabs.
func separator(f *os.File) (rune, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, err
	}
	first, _, _ := strings.Cut(string(head[:n]), "\n")
	for _, c := range []string{",", ";", "\t"} {
		if strings.Contains(first, c) {
			return rune(c[0]), nil
		}
	}
	return ',', nil
}

// openCSV reads the whole file for its types and its key.
func (file *File) openCSV(ctx context.Context, f *os.File, names *namer, o Options) error {
	d := file.Draft
	comma, err := separator(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s := &csvSource{file: f, name: d.From, comma: comma}
	file.source = s
	if info, err := f.Stat(); err == nil {
		file.Size = info.Size()
	}
	if len(o.Tables) > 1 {
		return fault.New("AG0113", "", "a CSV is one table: give --table once")
	}
	t := &Table{From: d.From}
	if len(o.Tables) == 1 {
		t.Name = names.name(o.Tables[0], "table")
	} else {
		t.Name = names.name(strings.TrimSuffix(d.From, filepath.Ext(d.From)), "table")
	}
	names.fresh()
	var studies []study
	var found *uniques
	hash := sha256.New()
	first := true
	err = s.read(ctx, hash, func(line int64, record []string, done int64) error {
		if first {
			first = false
			if len(record) > maxColumns {
				return s.fail(line, "it has %d columns, a table takes %d", len(record), maxColumns)
			}
			for i, from := range record {
				if bad := badText(from); bad != "" {
					return s.fail(line, "the name of column %d %s", i+1, bad)
				}
				c := Column{From: strings.Clone(from), Name: names.name(from, fmt.Sprintf("column_%d", i+1))}
				if c.Name != strings.ToLower(from) {
					d.note(t.Name+"."+c.Name, "is called %q in the file", short(from))
				}
				t.Columns = append(t.Columns, c)
			}
			asked, err := t.find(o.Key)
			studies, found = make([]study, len(record)), newUniques(len(record), asked)
			return err
		}
		t.Rows++
		for i, v := range record {
			studies[i].text(v, comma != ',')
		}
		found.see(line, record)
		if t.Rows%4096 == 0 && o.Progress != nil {
			o.Progress(done, file.Size)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if first {
		return fault.New("AG0122", "The first line names the columns.", "%s is empty", d.From)
	}
	t.content = hash.Sum(nil)
	for i := range t.Columns {
		c := &t.Columns[i]
		if note := studies[i].settle(c); note != "" {
			d.note(t.Name+"."+c.Name, "%s", note)
		}
	}
	if err := t.chooseKey(s, found, studies, len(o.Key) > 0); err != nil {
		return err
	}
	d.Tables = []*Table{t}
	return nil
}

// find gives the places of columns that are named as in the file or the draft.
func (t *Table) find(asked []string) ([]int, error) {
	var list []int
	for _, name := range asked {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.From == name })
		if i < 0 {
			i = slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
		}
		if i < 0 || slices.Contains(list, i) {
			return nil, fault.New("AG0113", "Its columns: "+strings.Join(names(t.Columns), ", "), "there is no column %q for the key, or it is named twice", name)
		}
		list = append(list, i)
	}
	return list, nil
}

// chooseKey takes the key that was asked for, else the first column, or the first
// columns together, that differ in every row, else a number for each row.
func (t *Table) chooseKey(s *csvSource, found *uniques, studies []study, asked bool) error {
	fits := func(columns ...int) bool {
		size := 0
		for _, i := range columns {
			if t.Columns[i].Form == Scaled || studies[i].empties > 0 || t.Rows == 0 {
				return false
			}
			size += max(studies[i].longest, 9) + 2
		}
		return size <= maxKeyBytes && found.unique(columns...)
	}
	if asked {
		c := found.candidates[0]
		for _, i := range c.columns {
			if t.Columns[i].Type == "INTEGER" && studies[i].empties > 0 {
				return fault.New("AG0122", "", "the column %q is empty in some lines, so it is no key", t.Columns[i].From)
			}
			t.Columns[i].NotNull = true
			t.Key = append(t.Key, t.Columns[i].Name)
		}
		if c.line > 0 {
			return s.fail(c.line, "%s is the same as in an earlier line, so it is no key", strings.Join(t.Key, ", "))
		}
		t.KeyNote = "as you said"
		return nil
	}
	for i := range min(len(t.Columns), maxCandidates) {
		if fits(i) {
			t.Key, t.KeyNote = []string{t.Columns[i].Name}, t.Columns[i].Name+" differs in every row"
			return nil
		}
	}
	var first []int
	for i := range min(len(t.Columns), 4) {
		first = append(first, i)
		if i > 0 && fits(first...) {
			t.Key = names(t.Columns[:i+1])
			t.KeyNote = strings.Join(t.Key, ", ") + " together differ in every row"
			return nil
		}
	}
	number := "row_number"
	for t.column(number) != nil {
		number += "_"
	}
	t.Columns = append([]Column{{Name: number, From: number, Type: "INTEGER", NotNull: true}}, t.Columns...)
	t.Key, t.RowNumber = []string{number}, true
	t.KeyNote = "no column differs in every row, so rows are counted"
	if found.crowded {
		t.KeyNote = "too many rows to look for a key, so rows are counted"
	}
	return nil
}

// rows implements source.
func (s *csvSource) rows(ctx context.Context, t *Table, fn func(at int64, row []any) error) error {
	row := make([]any, len(t.Columns))
	from := row
	if t.RowNumber {
		from = row[1:]
	}
	columns := t.Columns[len(row)-len(from):]
	first, n := true, int64(0)
	return s.read(ctx, nil, func(line int64, record []string, _ int64) (err error) {
		if first {
			first = false
			return nil
		}
		if n++; t.RowNumber {
			row[0] = n
		}
		if len(record) != len(columns) {
			return s.fail(line, "the file was changed while it was read")
		}
		for i := range columns {
			if from[i], err = columns[i].cell(record[i]); err != nil {
				return s.fail(line, "%s: %w", columns[i].From, err)
			}
		}
		return fn(line, row)
	})
}
