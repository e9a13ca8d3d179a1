package sqlite

import (
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"
)

// Error is what SQLite or a callback of ours says went wrong.
type Error struct {
	Code    Code   // extended result code
	Message string // SQLite's message; for Err its text
	Offset  int    // byte offset in the SQL text that was given, or -1
	Err     error  // what a callback returned or panicked with, or nil
}

// Error gives the message and the code: "UNIQUE constraint failed: t.a (SQLite 2067)".
func (e *Error) Error() string { return fmt.Sprintf("%s (SQLite %d)", e.Message, int(e.Code)) }

// Unwrap returns the error of the callback, if there was one.
func (e *Error) Unwrap() error { return e.Err }

// Primary returns the class of the error.
func (e *Error) Primary() Code { return e.Code.Primary() }

// IsConstraint reports whether a constraint was violated.
func (e *Error) IsConstraint() bool { return e.Primary() == CodeConstraint }

// ErrorCode returns the extended code of the [Error] in err's chain, or CodeOK
// if there is none.
func ErrorCode(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeOK
}

// PanicError is a panic of a callback, caught before it could unwind through SQLite.
type PanicError struct {
	Callback string // which one
	Value    any    // what it panicked with
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic in %s: %v", e.Callback, e.Value) }

func misuse(format string, args ...any) error {
	return &Error{Code: CodeMisuse, Message: fmt.Sprintf(format, args...), Offset: -1}
}

// fail makes the error for result code rc of the last call, and takes what a
// callback left behind.
func (c *Conn) fail(rc int32) error {
	e := &Error{Code: Code(rc), Offset: -1}
	if Code(sqlite3.Xsqlite3_extended_errcode(c.tls, c.db)).Primary() == e.Code.Primary() {
		e.Message = cString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
		e.Offset = int(sqlite3.Xsqlite3_error_offset(c.tls, c.db))
	} else {
		e.Message = cString(sqlite3.Xsqlite3_errstr(c.tls, rc))
	}
	// A denied function gives the plain code of an error: make it the same.
	if c.denied != nil && (e.Primary() == CodeAuth || e.Code == CodeError) {
		e.Code = CodeAuth
		e.Message = "not authorized: " + c.denied.String()
	}
	c.denied = nil
	if err := c.takeFailure(); err != nil {
		e.Err = err
		e.Message = err.Error()
	}
	return e
}

// takeFailure returns and forgets the error that a callback left.
func (c *Conn) takeFailure() error {
	err := c.failure
	c.failure = nil
	return err
}

// setFailure keeps the first error of a callback until the statement ends.
func (c *Conn) setFailure(err error) {
	if c.failure == nil {
		c.failure = err
	}
}

// caught is deferred by every callback: it turns a panic into the failure of
// the running statement and into the result code *rc.
func (c *Conn) caught(callback string, rc *int32, code int32) {
	if v := recover(); v != nil {
		c.setFailure(&PanicError{callback, v})
		if rc != nil {
			*rc = code
		}
	}
}
