package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// Options say how to read a file. The zero value is right for most.
type Options struct {
	Contract string   // its name; empty: the file's
	Tables   []string // SQLite: these tables only. CSV: the table's name
	Key      []string // columns of the primary key, by their names in the file
	// Progress is told how many bytes of a CSV, or rows of a database, were read.
	Progress func(done, total int64)
}

// File is an open file with its draft.
type File struct {
	Draft *Draft
	// Size is bytes of a CSV, rows of a database: what Progress counts to.
	Size   int64
	source source
}

// source gives the rows of a table again, converted, in an order that is always
// the same. at is the row's place, as people count it: the line of a CSV.
type source interface {
	rows(ctx context.Context, t *Table, fn func(at int64, row []any) error) error
	// place says where a row is, for errors.
	place(t *Table, at int64) string
	close() error
}

// Open reads a file once and drafts the contract that it asks for. The file is a
// CSV with a line of names, or an SQLite database, which its first bytes tell.
// Errors are of the file: AG0122 for a row or schema that cannot be kept.
func Open(ctx context.Context, path string, o Options) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.New("AG0220", "", "%s cannot be read: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New("AG0220", "Save it as a file: it is read twice.", "%s is no ordinary file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New("AG0220", "", "%s cannot be read: %w", path, err)
	}
	head := make([]byte, 100)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		_ = f.Close()
		return nil, fault.New("AG0220", "", "%s cannot be read: %w", path, err)
	}
	head = head[:n]
	d := &Draft{Contract: o.Contract, From: filepath.Base(path)}
	names, err := newNamer()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	defer names.close()
	if d.Contract == "" {
		d.Contract = names.name(strings.TrimSuffix(d.From, filepath.Ext(d.From)), "contract")
		if strings.HasSuffix(d.Contract, "_test") { // the name of a file of tests
			d.Contract += "s"
		}
	}
	names.fresh()
	file := &File{Draft: d}
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case bytes.HasPrefix(head, []byte(sqliteMagic)):
		_ = f.Close()
		err = file.openSQLite(ctx, path, head, names, o)
	case ext == ".sqlite" || ext == ".sqlite3" || ext == ".db" || ext == ".db3":
		_ = f.Close()
		return nil, fault.New("AG0122", "A CSV file has the ending .csv.", "%s is no SQLite database: it begins with other bytes", d.From)
	default:
		err = file.openCSV(ctx, f, names, o)
	}
	if err == nil && len(d.Tables) == 0 {
		err = fault.New("AG0122", "", "%s has no table to import", d.From)
	}
	if err == nil {
		err = file.check(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// check compiles the draft and converts every row once, so that nothing is
// written of a file that does not fit.
func (f *File) check(ctx context.Context) error {
	if len(f.Draft.Tables) > maxTables {
		return fault.New("AG0122", "Import some of them, with --table.", "%s has %d tables, a contract takes %d", f.Draft.From, len(f.Draft.Tables), maxTables)
	}
	if _, err := f.Draft.compile(); err != nil {
		return fault.New("AG0122", "Import some tables only, with --table.", "%s makes no contract: %w", f.Draft.From, err)
	}
	for _, t := range f.Draft.Tables {
		columns := t.loaded()
		err := f.source.rows(ctx, t, func(at int64, row []any) error {
			if t.sample == nil {
				t.sample = copyRow(row)
			}
			if err := t.checkRow(columns, row); err != nil {
				return fault.New("AG0122", "Correct it there; nothing was written.", "%s: %w", f.source.place(t, at), err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyRow makes a row that outlives the reading of the next one.
func copyRow(row []any) []any {
	list := slices.Clone(row)
	for i, v := range list {
		if s, ok := v.(string); ok {
			list[i] = strings.Clone(s)
		}
	}
	return list
}

// Close closes the file.
func (f *File) Close() error {
	if f.source == nil {
		return nil
	}
	err := f.source.close()
	f.source = nil
	return err
}

// Rows is how many rows there are in all tables.
func (f *File) Rows() (n int64) {
	for _, t := range f.Draft.Tables {
		n += t.Rows
	}
	return n
}

// Notes is the report: what was changed or left out, and why.
func (f *File) Notes() []Note {
	list := f.Draft.Notes
	if f.Draft.more > 0 {
		list = append(list[:len(list):len(list)], Note{"", fmt.Sprintf("and %d more of the kind", f.Draft.more)})
	}
	return list
}

// checkRow holds a converted row against the limits of a contract.
func (t *Table) checkRow(columns []Column, row []any) error {
	size, key := 0, 0
	for i, v := range row {
		n, inKey := 9, 2
		switch v := v.(type) {
		case string:
			if bad := badText(v); bad == badCode {
				return fmt.Errorf("%s %s; iconv -f WINDOWS-1252 -t UTF-8 converts most files", columns[i].Name, bad)
			} else if bad != "" {
				return fmt.Errorf("%s %s", columns[i].Name, bad)
			}
			n = len(v)
		case []byte:
			n = len(v)
			inKey += zeros(v)
		}
		if n > maxRow {
			return fmt.Errorf("%s has %d bytes, a contract keeps %d in a row; store the hash of a long text, and the text elsewhere", columns[i].Name, n, maxRow)
		}
		size += n + 9
		if slices.Contains(t.Key, columns[i].Name) {
			key += n + inKey
		}
	}
	switch {
	case size > maxRow:
		return fmt.Errorf("the row has %d bytes, a contract keeps %d", size, maxRow)
	case key > maxKeyBytes:
		return fmt.Errorf("the key has %d bytes, the limit is %d", key, maxKeyBytes)
	case len(columns) > maxParams && 2*size > maxRows && jsonSize(row) > maxRows-2:
		return fmt.Errorf("the row has %d bytes as JSON, and in a table of over %d columns it may have %d", jsonSize(row), maxParams, maxRows)
	}
	return nil
}
