package importer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

const (
	sqliteMagic  = "SQLite format 3\x00"
	journalMagic = 0xd9 // first byte of a rollback journal that is not finished
)

// sqliteSource reads the tables of a database in one read transaction.
type sqliteSource struct {
	conn *sqlite.Conn
	name string
	temp string // folder of the copy, or ""
}

func (s *sqliteSource) close() error {
	err := s.conn.Close()
	if s.temp != "" {
		err = errors.Join(err, os.RemoveAll(s.temp))
	}
	return err
}

func (s *sqliteSource) place(t *Table, at int64) string {
	return fmt.Sprintf("row %d of table %s in %s", at, short(t.From), s.name)
}

// openDatabase opens a file that may be hostile. It is opened for reading only,
// and what may run is fenced: no function but those of its own expressions, no
// pragma but those that describe the schema.
//
// A database with a write-ahead log is read as a copy, since SQLite would write
// beside it. One with an unfinished journal is refused: rolling it back is a
// write, and a journal may name other files, which SQLite would then delete.
func openDatabase(ctx context.Context, path, name string, head []byte) (*sqliteSource, error) {
	s := &sqliteSource{name: name}
	if f, err := os.Open(path + "-journal"); err == nil {
		first := make([]byte, 1)
		n, _ := f.Read(first)
		_ = f.Close()
		if n == 1 && first[0] == journalMagic {
			return nil, fault.New("AG0122", "Open it once with the program that it belongs to, which finishes or undoes the transaction.", "a transaction on %s was interrupted: there is a journal beside it", name)
		}
	}
	readOnly := true
	if len(head) > 19 && (head[18] == 2 || head[19] == 2) {
		dir, err := os.MkdirTemp("", "aergo-import")
		if err != nil {
			return nil, err
		}
		s.temp, readOnly = dir, false
		err = copyFile(path, filepath.Join(dir, "db"))
		if err == nil {
			err = copyFile(path+"-wal", filepath.Join(dir, "db-wal"))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		path = filepath.Join(dir, "db")
	}
	conn, err := sqlite.Open(path, sqlite.Options{ReadOnly: readOnly, NoPreupdate: true, CacheKiB: 16 << 10})
	if err != nil {
		if s.temp != "" {
			err = errors.Join(err, os.RemoveAll(s.temp))
		}
		return nil, s.broken(err)
	}
	s.conn = conn
	conn.Limit(sqlite.LimitLength, maxValueRead)
	conn.Limit(sqlite.LimitSQLLength, maxSchema)
	conn.Limit(sqlite.LimitAttached, 0)
	conn.Limit(sqlite.LimitWorkerThreads, 0)
	conn.SetProgress(10_000, func() bool { return ctx.Err() != nil })
	err = conn.Exec("PRAGMA cell_size_check=ON; PRAGMA query_only=ON; BEGIN; SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return nil, errors.Join(s.broken(err), s.close())
	}
	conn.SetAuthorizer(func(action sqlite.Action, arg1, _, _, _ string) sqlite.Verdict {
		switch action {
		case sqlite.ActionSelect, sqlite.ActionRead, sqlite.ActionFunction:
			return sqlite.Allow
		case sqlite.ActionPragma:
			switch strings.ToLower(arg1) {
			case "table_list", "table_xinfo", "index_list", "index_xinfo", "foreign_key_list", "foreign_key_check":
				return sqlite.Allow
			}
		}
		return sqlite.Deny
	})
	return s, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// broken words an error of SQLite about a file.
func (s *sqliteSource) broken(err error) error {
	if errors.Is(err, context.Canceled) || fault.Of(err) != nil {
		return err
	}
	switch sqlite.ErrorCode(err).Primary() {
	case sqlite.CodeInterrupt:
		return context.Canceled
	case sqlite.CodeNotADB, sqlite.CodeCorrupt:
		return fault.New("AG0122", "sqlite3 FILE \".recover\" saves what can be saved.", "%s is damaged, or is no SQLite database: %w", s.name, err)
	case sqlite.CodeBusy, sqlite.CodeLocked:
		return fault.New("AG0122", "Close the program that uses it, or import a copy.", "%s is being written by another program: %w", s.name, err)
	case sqlite.CodeTooBig:
		return fault.New("AG0122", "Store the hash of a long text, and the text elsewhere.", "%s holds a value of over %d bytes: %w", s.name, maxValueRead, err)
	}
	return fault.New("AG0122", "", "%s cannot be read: %w", s.name, err)
}

// query gives all rows of a statement about the schema.
func (s *sqliteSource) query(sql string, columns ...int) ([][]any, error) {
	st, _, err := s.conn.Prepare(sql)
	if err != nil {
		return nil, s.broken(err)
	}
	defer func() { _ = st.Finalize() }()
	var list [][]any
	for {
		more, err := st.Step()
		if err != nil {
			return nil, s.broken(err)
		}
		if !more {
			return list, nil
		}
		row := make([]any, len(columns))
		for i, c := range columns {
			row[i] = st.Column(c)
		}
		if list = append(list, row); len(list) > maxSchemaRows {
			return nil, fault.New("AG0122", "", "the schema of %s is too large", s.name)
		}
	}
}

// quote makes a name of the file safe in SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// scan gives the rows of a table as they are, in the order of its key: always
// the same in one read transaction.
func (s *sqliteSource) scan(ctx context.Context, t *Table, fn func(at int64, row []any) error) error {
	var list []string
	for _, c := range t.Columns {
		switch {
		case t.rowid != "" && c.From == t.rowid:
			list = append(list, t.rowid)
		default:
			list = append(list, quote(c.From))
		}
	}
	st, _, err := s.conn.Prepare("SELECT " + strings.Join(list, ", ") + " FROM " + quote(t.From) + " NOT INDEXED")
	if err != nil {
		return s.broken(err)
	}
	defer func() { _ = st.Finalize() }()
	row := make([]any, len(t.Columns))
	for n := int64(1); ; n++ {
		more, err := st.Step()
		if err != nil {
			return s.broken(err)
		}
		if !more {
			return nil
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range row {
			row[i] = st.Column(i)
		}
		if err := fn(n, row); err != nil {
			return err
		}
	}
}

// rows implements source: cells converted, generated columns left out.
func (s *sqliteSource) rows(ctx context.Context, t *Table, fn func(at int64, row []any) error) error {
	var out []any
	return s.scan(ctx, t, func(at int64, row []any) error {
		out = out[:0]
		for i := range t.Columns {
			c := &t.Columns[i]
			if c.Expr != "" {
				continue
			}
			v, err := c.cell(row[i])
			if err != nil {
				return fault.New("AG0122", "", "%s: %s: %w", s.place(t, at), short(c.From), err)
			}
			out = append(out, v)
		}
		return fn(at, out)
	})
}

// openSQLite reads schema and rows of a database and drafts its contract.
func (f *File) openSQLite(ctx context.Context, path string, head []byte, names *namer, o Options) error {
	d := f.Draft
	s, err := openDatabase(ctx, path, d.From, head)
	if err != nil {
		return err
	}
	f.source, f.Size = s, -1
	if len(o.Key) > 0 {
		return fault.New("AG0113", "", "the key of a database's table is in its schema: --primary-key is for a CSV")
	}
	schema := &schema{sqliteSource: s, draft: d, names: names, renamed: map[string]string{}, changed: map[string]string{}, units: map[string]string{}}
	if err := schema.tables(o.Tables); err != nil {
		return err
	}
	var done int64
	for _, t := range d.Tables {
		sum := sha256.New()
		err := s.scan(ctx, t, func(_ int64, row []any) error {
			t.Rows++
			for i, v := range row {
				t.studies[i].value(v)
				hashValue(sum, v)
			}
			if done++; done%4096 == 0 && o.Progress != nil {
				o.Progress(done, -1)
			}
			return nil
		})
		if err != nil {
			return err
		}
		t.content = sum.Sum(nil)
		schema.settle(t)
	}
	if err := schema.constraints(); err != nil {
		return err
	}
	return schema.objects()
}

func hashValue(h hash.Hash, v any) {
	var b [9]byte
	switch v := v.(type) {
	case nil:
		_, _ = h.Write(b[:1])
	case int64:
		b[0] = 1
		binary.BigEndian.PutUint64(b[1:], uint64(v))
		_, _ = h.Write(b[:])
	case float64:
		b[0] = 2
		binary.BigEndian.PutUint64(b[1:], math.Float64bits(v))
		_, _ = h.Write(b[:])
	case string:
		b[0] = 3
		binary.BigEndian.PutUint64(b[1:], uint64(len(v)))
		_, _ = h.Write(b[:])
		_, _ = io.WriteString(h, v)
	case []byte:
		b[0] = 4
		binary.BigEndian.PutUint64(b[1:], uint64(len(v)))
		_, _ = h.Write(b[:])
		_, _ = h.Write(v)
	}
}

// zeros counts what a key escapes.
func zeros(b []byte) int { return bytes.Count(b, []byte{0}) }
