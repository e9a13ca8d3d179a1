package sqlite

import (
	"runtime"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// function is the user data of an SQL function; SQLite holds its address.
type function struct {
	c      *Conn
	name   string
	fn     func(args []any) (any, error)
	pinner runtime.Pinner
}

// CreateFunction defines or replaces the SQL function name with nArg arguments
// (-1: any number). A deterministic one gives equal results for equal
// arguments and may then stand in indexes and generated columns. Every
// function may be used inside triggers and views, so it must do no harm there.
// Arguments and result are nil, int64, float64, string or []byte; args is
// valid during the call, its strings and slices are fn's to keep. An error of
// fn fails the statement and is in its Error's chain.
func (c *Conn) CreateFunction(name string, nArg int, deterministic bool, fn func(args []any) (any, error)) error {
	if c.closed {
		return errClosed()
	}
	z, err := c.newString(name)
	if err != nil {
		return err
	}
	defer c.free(z)
	f := &function{c: c, name: name, fn: fn}
	flags := int32(sqlite3.SQLITE_UTF8 | sqlite3.SQLITE_INNOCUOUS)
	if deterministic {
		flags |= sqlite3.SQLITE_DETERMINISTIC
	}
	// SQLite calls the destructor also when this call fails.
	rc := sqlite3.Xsqlite3_create_function_v2(c.tls, c.db, z, int32(nArg), flags, pin(&f.pinner, f),
		cFunc(functionCallback), 0, 0, cFunc(functionDestroy))
	if rc != sqlite3.SQLITE_OK {
		return c.fail(rc)
	}
	return nil
}

func functionDestroy(_ *libc.TLS, user uintptr) { deref[function](user).pinner.Unpin() }

func functionCallback(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	f := deref[function](sqlite3.Xsqlite3_user_data(tls, ctx))
	r := Result{c: f.c, ctx: ctx}
	base := len(f.c.args)
	defer func() {
		f.c.popArgs(base)
		if v := recover(); v != nil {
			r.fail(&PanicError{"function " + f.name, v})
		}
	}()
	v, err := f.fn(f.c.pushArgs(argc, argv))
	if err == nil {
		err = r.Set(v)
	}
	if err != nil {
		r.fail(err)
	}
}

// pushArgs puts C values on the connection's stack of arguments. Calls nest
// (a cursor's filter may run while a function's arguments are in use), hence a
// stack and not one buffer.
func (c *Conn) pushArgs(argc int32, argv uintptr) []any {
	base := len(c.args)
	for i := range uintptr(argc) {
		c.args = append(c.args, valueOf(c.tls, *deref[uintptr](argv + i*ptrSize)))
	}
	return c.args[base:len(c.args):len(c.args)]
}

func (c *Conn) popArgs(base int) {
	clear(c.args[base:])
	c.args = c.args[:base]
}

// Result takes the value of a function or of a cursor's column. Unset means NULL.
type Result struct {
	c   *Conn
	ctx uintptr // sqlite3_context
}

// Int64 sets an integer.
func (r *Result) Int64(v int64) { sqlite3.Xsqlite3_result_int64(r.c.tls, r.ctx, v) }

// Null sets NULL.
func (r *Result) Null() { sqlite3.Xsqlite3_result_null(r.c.tls, r.ctx) }

// Text sets a text, which is copied.
func (r *Result) Text(v string) {
	if len(v) == 0 {
		sqlite3.Xsqlite3_result_text64(r.c.tls, r.ctx, r.c.out, 0, sqlite3.SQLITE_STATIC, sqlite3.SQLITE_UTF8)
		return
	}
	r.c.keepString = v // on the heap, so that its address stands while SQLite copies it
	sqlite3.Xsqlite3_result_text64(r.c.tls, r.ctx, stringAddress(v), uint64(len(v)), sqlite3.SQLITE_TRANSIENT, sqlite3.SQLITE_UTF8)
	r.c.keepString = ""
}

// Blob sets a blob, which is copied; nil gives the empty blob.
func (r *Result) Blob(v []byte) {
	if len(v) == 0 {
		sqlite3.Xsqlite3_result_blob64(r.c.tls, r.ctx, r.c.out, 0, sqlite3.SQLITE_STATIC)
		return
	}
	r.c.keepBytes = v
	sqlite3.Xsqlite3_result_blob64(r.c.tls, r.ctx, address(&v[0]), uint64(len(v)), sqlite3.SQLITE_TRANSIENT)
	r.c.keepBytes = nil
}

// Set sets any of nil, int64, float64, string, []byte; other types are an error.
func (r *Result) Set(v any) error {
	switch v := v.(type) {
	case nil:
		r.Null()
	case int64:
		r.Int64(v)
	case float64:
		sqlite3.Xsqlite3_result_double(r.c.tls, r.ctx, v)
	case string:
		r.Text(v)
	case []byte:
		r.Blob(v)
	default:
		return misuse("cannot give SQL a %T", v)
	}
	return nil
}

// fail makes the running statement fail with err.
func (r *Result) fail(err error) {
	r.c.setFailure(err)
	z := newMessage(r.c.tls, err.Error())
	defer r.c.free(z)
	sqlite3.Xsqlite3_result_error(r.c.tls, r.ctx, z, -1)
}
