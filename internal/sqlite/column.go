package sqlite

import (
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Columns are counted from 0. Values are valid after a Step that returned
// true, names at any time; out of range gives NULL and "".

// ColumnCount returns the columns of a row, 0 for statements that return none.
func (s *Stmt) ColumnCount() int { return s.columns }

// ColumnName returns the name of column i: its alias, else what SQLite makes up.
func (s *Stmt) ColumnName(i int) string {
	if s.h == 0 {
		return ""
	}
	return cString(sqlite3.Xsqlite3_column_name(s.c.tls, s.h, int32(i)))
}

// ColumnDecltype returns the declared type of the table column behind column
// i, "" for an expression.
func (s *Stmt) ColumnDecltype(i int) string {
	if s.h == 0 {
		return ""
	}
	return cString(sqlite3.Xsqlite3_column_decltype(s.c.tls, s.h, int32(i)))
}

// ColumnOrigin returns database, table and name of the table column behind
// column i, empty for an expression.
func (s *Stmt) ColumnOrigin(i int) (db, table, column string) {
	if s.h == 0 {
		return "", "", ""
	}
	return cString(sqlite3.Xsqlite3_column_database_name(s.c.tls, s.h, int32(i))),
		cString(sqlite3.Xsqlite3_column_table_name(s.c.tls, s.h, int32(i))),
		cString(sqlite3.Xsqlite3_column_origin_name(s.c.tls, s.h, int32(i)))
}

// ColumnType returns the storage class of column i of the current row.
func (s *Stmt) ColumnType(i int) Type {
	if s.h == 0 {
		return Null
	}
	return Type(sqlite3.Xsqlite3_column_type(s.c.tls, s.h, int32(i)))
}

// ColumnInt64 returns column i as an integer, converted if it is none.
func (s *Stmt) ColumnInt64(i int) int64 {
	if s.h == 0 {
		return 0
	}
	return sqlite3.Xsqlite3_column_int64(s.c.tls, s.h, int32(i))
}

// ColumnFloat returns column i as a floating-point number, converted if it is none.
func (s *Stmt) ColumnFloat(i int) float64 {
	if s.h == 0 {
		return 0
	}
	return sqlite3.Xsqlite3_column_double(s.c.tls, s.h, int32(i))
}

// ColumnText returns a copy of column i as text, converted if it is none.
func (s *Stmt) ColumnText(i int) string {
	if s.h == 0 {
		return ""
	}
	return string(textView(s.c.tls, sqlite3.Xsqlite3_column_value(s.c.tls, s.h, int32(i))))
}

// ColumnBlob returns a copy of the bytes of column i; NULL gives nil, the empty
// blob an empty slice.
func (s *Stmt) ColumnBlob(i int) []byte {
	b := s.ColumnView(i)
	if b == nil && s.ColumnType(i) == Null {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// ColumnView shows the bytes of column i, a text or blob, without copying. They
// are valid until the next Step, Reset or Finalize, and must not be written.
func (s *Stmt) ColumnView(i int) []byte {
	if s.h == 0 {
		return nil
	}
	p := sqlite3.Xsqlite3_column_blob(s.c.tls, s.h, int32(i))
	return cView(p, int(sqlite3.Xsqlite3_column_bytes(s.c.tls, s.h, int32(i))))
}

// Column returns column i as nil, int64, float64, string or []byte.
func (s *Stmt) Column(i int) any {
	if s.h == 0 {
		return nil
	}
	return valueOf(s.c.tls, sqlite3.Xsqlite3_column_value(s.c.tls, s.h, int32(i)))
}

// valueOf copies an sqlite3_value as nil, int64, float64, string or []byte.
func valueOf(tls *libc.TLS, v uintptr) any {
	switch Type(sqlite3.Xsqlite3_value_type(tls, v)) {
	case Integer:
		return sqlite3.Xsqlite3_value_int64(tls, v)
	case Float:
		return sqlite3.Xsqlite3_value_double(tls, v)
	case Text:
		return string(textView(tls, v))
	case Blob:
		b := blobView(tls, v)
		return append(make([]byte, 0, len(b)), b...)
	}
	return nil
}

func blobView(tls *libc.TLS, v uintptr) []byte {
	p := sqlite3.Xsqlite3_value_blob(tls, v)
	return cView(p, int(sqlite3.Xsqlite3_value_bytes(tls, v)))
}

// textView shows the UTF-8 of a value. A text that is UTF-8 already is read in
// place: sqlite3_value_text would first copy it to append a NUL.
func textView(tls *libc.TLS, v uintptr) []byte {
	if sqlite3.Xsqlite3_value_type(tls, v) == sqlite3.SQLITE_TEXT && sqlite3.Xsqlite3_value_encoding(tls, v) == sqlite3.SQLITE_UTF8 {
		return blobView(tls, v)
	}
	p := sqlite3.Xsqlite3_value_text(tls, v)
	return cView(p, int(sqlite3.Xsqlite3_value_bytes(tls, v)))
}
