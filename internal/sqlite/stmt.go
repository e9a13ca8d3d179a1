package sqlite

import (
	"strings"

	sqlite3 "modernc.org/sqlite/lib"
)

// Stmt is a prepared statement: bind, step through the rows, reset, again.
type Stmt struct {
	c          *Conn
	h          uintptr // sqlite3_stmt, 0 once finalized
	next, prev *Stmt   // list of the connection's statements
	params     int
	columns    int
	busy       bool   // stepped and not reset: bindings are in use
	slots      []slot // buffers of text and blob bindings, by parameter
}

// slot is C memory that holds the text or blob bound to a parameter.
type slot struct {
	p   uintptr
	cap int
}

// Prepare compiles the first statement of sql and returns it with the text that
// follows it. Nothing but white space and comments gives a nil Stmt. SQL that
// holds a NUL byte is refused, because SQLite would silently ignore what follows.
func (c *Conn) Prepare(sql string) (*Stmt, string, error) {
	return c.prepare(sql, sqlite3.SQLITE_PREPARE_PERSISTENT)
}

func (c *Conn) prepare(sql string, flags uint32) (*Stmt, string, error) {
	if c.closed {
		return nil, "", errClosed()
	}
	if len(sql) > maxText {
		return nil, "", &Error{Code: CodeTooBig, Message: "statement too long", Offset: -1}
	}
	if i := strings.IndexByte(sql, 0); i >= 0 {
		return nil, "", &Error{Code: CodeError, Message: "NUL byte in SQL", Offset: i}
	}
	z, err := c.newString(sql)
	if err != nil {
		return nil, "", err
	}
	defer c.free(z)
	// The length includes the NUL, else SQLite makes a copy.
	rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, z, int32(len(sql)+1), flags, c.out, c.out+8)
	h, tail := *deref[uintptr](c.out), *deref[uintptr](c.out + 8)
	if rc == sqlite3.SQLITE_OK && c.failure != nil {
		sqlite3.Xsqlite3_finalize(c.tls, h)
		rc = sqlite3.SQLITE_ABORT
	}
	if rc != sqlite3.SQLITE_OK {
		return nil, "", c.fail(rc)
	}
	c.denied = nil
	rest := sql[tail-z:]
	if h == 0 {
		return nil, rest, nil
	}
	s := &Stmt{c: c, h: h, next: c.stmts,
		params:  int(sqlite3.Xsqlite3_bind_parameter_count(c.tls, h)),
		columns: int(sqlite3.Xsqlite3_column_count(c.tls, h)),
	}
	if c.stmts != nil {
		c.stmts.prev = s
	}
	c.stmts = s
	return s, rest, nil
}

// Step runs the statement to its next row. It returns false at the end, and
// then, as after an error, the statement is reset: the next Step runs it again.
func (s *Stmt) Step() (row bool, err error) {
	if s.h == 0 {
		return false, errFinalized()
	}
	c := s.c
	rc := sqlite3.Xsqlite3_step(c.tls, s.h)
	if c.failure != nil && (rc == sqlite3.SQLITE_ROW || rc == sqlite3.SQLITE_DONE) {
		rc = sqlite3.SQLITE_ABORT // a callback failed where SQLite does not listen
	}
	if s.busy = rc == sqlite3.SQLITE_ROW; s.busy {
		return true, nil
	}
	if rc != sqlite3.SQLITE_DONE {
		err = c.fail(rc)
	}
	sqlite3.Xsqlite3_reset(c.tls, s.h)
	if late := c.takeFailure(); err == nil { // of a cursor closed by the reset
		err = late
	}
	return false, err
}

// Reset makes a statement that stands at a row ready to run again; it is
// needless after a Step that returned false. Bindings stay.
func (s *Stmt) Reset() error {
	if s.h == 0 {
		return errFinalized()
	}
	if !s.busy {
		return nil
	}
	sqlite3.Xsqlite3_reset(s.c.tls, s.h)
	s.busy = false
	return s.c.takeFailure()
}

// Finalize frees the statement. A second Finalize does nothing.
func (s *Stmt) Finalize() error {
	if s.h == 0 {
		return nil
	}
	s.finalize()
	return s.c.takeFailure()
}

func (s *Stmt) finalize() {
	c := s.c
	sqlite3.Xsqlite3_finalize(c.tls, s.h)
	s.h = 0
	for i := range s.slots {
		c.free(s.slots[i].p)
	}
	s.slots = nil
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		c.stmts = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
}

// ParamCount returns the highest parameter number.
func (s *Stmt) ParamCount() int { return s.params }

// ParamName returns the name of parameter i (from 1) with its prefix, such as
// ":sku" or "@caller"; "" for a nameless one.
func (s *Stmt) ParamName(i int) string {
	if s.h == 0 {
		return ""
	}
	return cString(sqlite3.Xsqlite3_bind_parameter_name(s.c.tls, s.h, int32(i)))
}

// ParamIndex returns the number of a parameter by its name with prefix, or 0.
func (s *Stmt) ParamIndex(name string) int {
	for i := 1; i <= s.params; i++ {
		if s.ParamName(i) == name {
			return i
		}
	}
	return 0
}

// Bind sets parameter i (from 1) to v: nil, int64, float64, string or []byte.
func (s *Stmt) Bind(i int, v any) error {
	switch v := v.(type) {
	case nil:
		return s.BindNull(i)
	case int64:
		return s.BindInt64(i, v)
	case string:
		return s.BindText(i, v)
	case []byte:
		return s.BindBlob(i, v)
	case float64:
		if err := s.bindable(); err != nil {
			return err
		}
		return s.bound(sqlite3.Xsqlite3_bind_double(s.c.tls, s.h, int32(i), v))
	}
	return misuse("parameter %d: cannot bind a %T", i, v)
}

// BindNull sets parameter i to NULL.
func (s *Stmt) BindNull(i int) error {
	if err := s.bindable(); err != nil {
		return err
	}
	return s.bound(sqlite3.Xsqlite3_bind_null(s.c.tls, s.h, int32(i)))
}

// BindInt64 sets parameter i to an integer.
func (s *Stmt) BindInt64(i int, v int64) error {
	if err := s.bindable(); err != nil {
		return err
	}
	return s.bound(sqlite3.Xsqlite3_bind_int64(s.c.tls, s.h, int32(i), v))
}

// BindText sets parameter i to a text. It is copied and not checked: SQLite
// stores invalid UTF-8 and NUL bytes as they are.
func (s *Stmt) BindText(i int, v string) error {
	p, del, err := s.place(i, len(v))
	if err != nil {
		return err
	}
	copy(cView(p, len(v)), v)
	return s.bound(sqlite3.Xsqlite3_bind_text64(s.c.tls, s.h, int32(i), p, uint64(len(v)), del, sqlite3.SQLITE_UTF8))
}

// BindBlob sets parameter i to a blob, which is copied. A nil slice is the
// empty blob, not NULL.
func (s *Stmt) BindBlob(i int, v []byte) error {
	p, del, err := s.place(i, len(v))
	if err != nil {
		return err
	}
	copy(cView(p, len(v)), v)
	return s.bound(sqlite3.Xsqlite3_bind_blob64(s.c.tls, s.h, int32(i), p, uint64(len(v)), del))
}

// place finds C memory for n bytes bound to parameter i: the parameter's own
// buffer, or for a large value a block that SQLite frees by del.
func (s *Stmt) place(i, n int) (p, del uintptr, err error) {
	if err := s.bindable(); err != nil {
		return 0, 0, err
	}
	if i < 1 || i > s.params {
		return 0, 0, &Error{Code: CodeRange, Message: "no such parameter", Offset: -1}
	}
	if n > maxText {
		return 0, 0, &Error{Code: CodeTooBig, Message: "string or blob too big", Offset: -1}
	}
	if n > maxSlot {
		if p = s.c.malloc(n); p == 0 {
			return 0, 0, errNoMemory
		}
		return p, cFunc(sqlite3.Xsqlite3_free), nil
	}
	if s.slots == nil {
		s.slots = make([]slot, s.params)
	}
	b := &s.slots[i-1]
	if b.p == 0 || n > b.cap {
		size := max(64, 2*b.cap, n)
		q := s.c.malloc(size)
		if q == 0 {
			return 0, 0, errNoMemory
		}
		// The old buffer may still be bound: take it away first.
		sqlite3.Xsqlite3_bind_null(s.c.tls, s.h, int32(i))
		s.c.free(b.p)
		*b = slot{q, size}
	}
	return b.p, sqlite3.SQLITE_STATIC, nil
}

// bindable refuses to touch bindings that a running statement reads.
func (s *Stmt) bindable() error {
	if s.h == 0 {
		return errFinalized()
	}
	if s.busy {
		return misuse("the statement is running: Reset it before binding")
	}
	return nil
}

func (s *Stmt) bound(rc int32) error {
	if rc != sqlite3.SQLITE_OK {
		return s.c.fail(rc)
	}
	return nil
}

// ClearBindings sets all parameters to NULL.
func (s *Stmt) ClearBindings() error {
	if err := s.bindable(); err != nil {
		return err
	}
	return s.bound(sqlite3.Xsqlite3_clear_bindings(s.c.tls, s.h))
}

// ReadOnly reports whether the statement writes no database directly. That is
// also true of BEGIN, ATTACH and some PRAGMAs, and says nothing about
// functions: the authorizer is the place to refuse those.
func (s *Stmt) ReadOnly() bool {
	return s.h != 0 && sqlite3.Xsqlite3_stmt_readonly(s.c.tls, s.h) != 0
}

// IsExplain returns 1 for EXPLAIN, 2 for EXPLAIN QUERY PLAN, else 0.
func (s *Stmt) IsExplain() int {
	if s.h == 0 {
		return 0
	}
	return int(sqlite3.Xsqlite3_stmt_isexplain(s.c.tls, s.h))
}

// Steps returns the VM instructions run since the statement was prepared or
// since they were last reset. SQLite counts in 32 bits: it wraps at 2^32.
func (s *Stmt) Steps(reset bool) int64 {
	if s.h == 0 {
		return 0
	}
	var flag int32
	if reset {
		flag = 1
	}
	n := sqlite3.Xsqlite3_stmt_status(s.c.tls, s.h, sqlite3.SQLITE_STMTSTATUS_VM_STEP, flag)
	return int64(uint32(n))
}

// SQL returns the text of the statement, without what followed it.
func (s *Stmt) SQL() string {
	if s.h == 0 {
		return ""
	}
	return cString(sqlite3.Xsqlite3_sql(s.c.tls, s.h))
}

// ExpandedSQL returns the text with the bound values in it, for messages; "" if
// it would exceed SQLite's limits.
func (s *Stmt) ExpandedSQL() string {
	if s.h == 0 {
		return ""
	}
	p := sqlite3.Xsqlite3_expanded_sql(s.c.tls, s.h)
	defer s.c.free(p)
	return cString(p)
}

func errFinalized() error { return misuse("the statement is finalized") }
