package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
		err = file.check()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// check compiles both forms of the draft.
func (f *File) check() error {
	if _, err := f.Draft.compile(); err != nil {
		return fault.New("AG0122", "Import some tables only, with --table.", "%s makes no contract: %w", f.Draft.From, err)
	}
	return nil
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

// checkRow holds a converted row against the limits of a contract, before
// anything is written.
func (t *Table) checkRow(row []any) error {
	size, key := 0, 0
	for i, v := range row {
		n := 9
		switch v := v.(type) {
		case string:
			if bad := badText(v); bad != "" {
				return fmt.Errorf("%s %s", t.Columns[i].From, bad)
			}
			n = len(v)
		case []byte:
			n = len(v)
		}
		if n > maxRow {
			return fmt.Errorf("%s has %d bytes; a contract keeps %d in a row: store the hash of a long text, and the text elsewhere", t.Columns[i].From, n, maxRow)
		}
		size += n + 9
		for _, k := range t.Key {
			if b, ok := v.([]byte); k == t.Columns[i].Name && ok {
				n += bytes.Count(b, []byte{0})
			}
			if k == t.Columns[i].Name {
				key += n + 2
			}
		}
	}
	if size > maxRow {
		return fmt.Errorf("it has %d bytes; a contract keeps %d in a row", size, maxRow)
	}
	if key > maxKeyBytes {
		return fmt.Errorf("its key has %d bytes, the limit is %d: choose another with --key", key, maxKeyBytes)
	}
	if len(t.loaded()) > maxParams && jsonSize(row) > maxRows {
		return fmt.Errorf("it has %d bytes as JSON, and a table of over %d columns takes %d", jsonSize(row), maxParams, maxRows)
	}
	return nil
}
