package sqlite

import (
	"fmt"
	"runtime"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Module makes read-only virtual tables. Made known by [Conn.CreateModule], it
// can be read under its own name at once, and under others after
//
//	CREATE VIRTUAL TABLE temp.name USING module(argument, ...)
type Module interface {
	// Connect gives the table called table. args are the texts between the
	// brackets, none when the module is read under its own name. declaredSQL
	// is a CREATE TABLE statement, whose table name does not matter; a column
	// type with the word HIDDEN makes a parameter of a table-valued function;
	// WITHOUT ROWID (with a primary key) frees the cursor of Rowid.
	Connect(table string, args []string) (declaredSQL string, t Table, err error)
}

// Table is one virtual table of one connection.
type Table interface {
	// BestIndex chooses how to answer a query: it is called while a
	// statement is prepared, perhaps several times, and must be pure.
	BestIndex(info *IndexInfo) error
	// Open gives a new cursor; several may be open at a time.
	Open() (Cursor, error)
}

// Cursor walks through the rows that one Filter asked for.
type Cursor interface {
	// Filter starts a scan by the plan of BestIndex. args are the values of
	// the constraints it chose, in order of ArgIndex, as they stand in the
	// query: SQLite does not convert them to the column's type. args is valid
	// during the call; its strings and slices are the cursor's to keep.
	Filter(idxNum int, idxStr string, args []any) error
	// Next moves on; it is called only while EOF is false.
	Next() error
	EOF() bool
	// Column gives column i of the current row to r.
	Column(r *Result, i int) error
	// Rowid is asked only of tables that are not WITHOUT ROWID.
	Rowid() (int64, error)
	Close() error
}

// module, table and cursor are the Go sides of SQLite's objects of that name;
// each is pinned while SQLite holds its address.
type module struct {
	c      *Conn
	impl   Module
	pinner runtime.Pinner
}

type table struct {
	c      *Conn
	impl   Table
	names  interned // index strings, so that Filter need not allocate
	pinner runtime.Pinner
}

type cursor struct {
	t      *table
	impl   Cursor
	result Result
	pinner runtime.Pinner
}

// cTable and cCursor are what SQLite sees, followed by the address of ours.
type cTable struct {
	_    sqlite3.Sqlite3_vtab
	goes uintptr // *table
}

type cCursor struct {
	_    sqlite3.Sqlite3_vtab_cursor
	goes uintptr // *cursor
}

const ptrSize = unsafe.Sizeof(uintptr(0))

// CreateModule makes m known as name. A module of that name is replaced.
func (c *Conn) CreateModule(name string, m Module) error {
	if c.closed {
		return errClosed()
	}
	z, err := c.newString(name)
	if err != nil {
		return err
	}
	defer c.free(z)
	const size = int(unsafe.Sizeof(sqlite3.Sqlite3_module{}))
	p := c.malloc(size)
	if p == 0 {
		return errNoMemory
	}
	clear(cView(p, size))
	c.modules = append(c.modules, p)
	methods := deref[sqlite3.Sqlite3_module](p)
	methods.FiVersion = 1
	methods.FxCreate = cFunc(vtabConnect) // equal to xConnect: readable under its own name, too
	methods.FxConnect = cFunc(vtabConnect)
	methods.FxBestIndex = cFunc(vtabBestIndex)
	methods.FxDisconnect = cFunc(vtabDisconnect)
	methods.FxDestroy = cFunc(vtabDisconnect)
	methods.FxOpen = cFunc(vtabOpen)
	methods.FxClose = cFunc(vtabClose)
	methods.FxFilter = cFunc(vtabFilter)
	methods.FxNext = cFunc(vtabNext)
	methods.FxEof = cFunc(vtabEOF)
	methods.FxColumn = cFunc(vtabColumn)
	methods.FxRowid = cFunc(vtabRowid)
	mod := &module{c: c, impl: m}
	// SQLite calls the destructor also when this call fails.
	rc := sqlite3.Xsqlite3_create_module_v2(c.tls, c.db, z, p, pin(&mod.pinner, mod), cFunc(moduleDestroy))
	if rc != sqlite3.SQLITE_OK {
		return c.fail(rc)
	}
	return nil
}

func moduleDestroy(_ *libc.TLS, user uintptr) { deref[module](user).pinner.Unpin() }

func vtabConnect(tls *libc.TLS, db, user uintptr, argc int32, argv, out, msg uintptr) (rc int32) {
	m := deref[module](user)
	c := m.c
	fail := func(err error) int32 {
		c.setFailure(err)
		*deref[uintptr](msg) = newMessage(tls, err.Error())
		return sqlite3.SQLITE_ERROR
	}
	defer c.caught("virtual table", &rc, sqlite3.SQLITE_ERROR)
	arg := func(i uintptr) string { return cString(*deref[uintptr](argv + i*ptrSize)) }
	var args []string
	for i := uintptr(3); i < uintptr(argc); i++ {
		args = append(args, arg(i))
	}
	sql, impl, err := m.impl.Connect(arg(2), args)
	if err != nil {
		return fail(err)
	}
	z, err := c.newString(sql)
	if err != nil {
		return fail(err)
	}
	defer c.free(z)
	if rc := sqlite3.Xsqlite3_declare_vtab(tls, db, z); rc != sqlite3.SQLITE_OK {
		return fail(fmt.Errorf("declaring the virtual table %s: %w", arg(2), c.fail(rc)))
	}
	// Reading does no harm, so views and triggers may do it.
	if rc := sqlite3.Xsqlite3_vtab_config(tls, db, sqlite3.SQLITE_VTAB_INNOCUOUS, 0); rc != sqlite3.SQLITE_OK {
		return rc
	}
	const size = int(unsafe.Sizeof(cTable{}))
	p := c.malloc(size)
	if p == 0 {
		return sqlite3.SQLITE_NOMEM
	}
	clear(cView(p, size))
	t := &table{c: c, impl: impl}
	deref[cTable](p).goes = pin(&t.pinner, t)
	*deref[uintptr](out) = p
	return sqlite3.SQLITE_OK
}

func vtabDisconnect(_ *libc.TLS, p uintptr) int32 {
	t := tableAt(p)
	t.pinner.Unpin()
	t.c.free(p)
	return sqlite3.SQLITE_OK
}

func tableAt(p uintptr) *table { return deref[table](deref[cTable](p).goes) }

func cursorAt(p uintptr) *cursor { return deref[cursor](deref[cCursor](p).goes) }

// fail keeps err for the error of the statement.
func (t *table) fail(err error) int32 {
	t.c.setFailure(err)
	return sqlite3.SQLITE_ERROR
}

func vtabOpen(_ *libc.TLS, p, out uintptr) (rc int32) {
	t := tableAt(p)
	defer t.c.caught("opening a cursor", &rc, sqlite3.SQLITE_ERROR)
	impl, err := t.impl.Open()
	if err != nil {
		return t.fail(err)
	}
	const size = int(unsafe.Sizeof(cCursor{}))
	q := t.c.malloc(size)
	if q == 0 {
		impl.Close()
		return sqlite3.SQLITE_NOMEM
	}
	clear(cView(q, size))
	cur := &cursor{t: t, impl: impl, result: Result{c: t.c}}
	deref[cCursor](q).goes = pin(&cur.pinner, cur)
	*deref[uintptr](out) = q
	return sqlite3.SQLITE_OK
}

func vtabClose(_ *libc.TLS, p uintptr) (rc int32) {
	cur := cursorAt(p)
	cur.pinner.Unpin()
	cur.t.c.free(p)
	defer cur.t.c.caught("closing a cursor", &rc, sqlite3.SQLITE_OK)
	if err := cur.impl.Close(); err != nil {
		cur.t.c.setFailure(err)
	}
	return sqlite3.SQLITE_OK
}

func vtabFilter(_ *libc.TLS, p uintptr, idxNum int32, idxStr uintptr, argc int32, argv uintptr) (rc int32) {
	cur := cursorAt(p)
	c := cur.t.c
	defer c.caught("filtering a virtual table", &rc, sqlite3.SQLITE_ERROR)
	base := len(c.args)
	args := c.pushArgs(argc, argv)
	defer c.popArgs(base)
	if err := cur.impl.Filter(int(idxNum), cur.t.names.get(idxStr), args); err != nil {
		return cur.t.fail(err)
	}
	return sqlite3.SQLITE_OK
}

func vtabNext(_ *libc.TLS, p uintptr) (rc int32) {
	cur := cursorAt(p)
	defer cur.t.c.caught("reading a virtual table", &rc, sqlite3.SQLITE_ERROR)
	if err := cur.impl.Next(); err != nil {
		return cur.t.fail(err)
	}
	return sqlite3.SQLITE_OK
}

func vtabEOF(_ *libc.TLS, p uintptr) (end int32) {
	cur := cursorAt(p)
	defer cur.t.c.caught("reading a virtual table", &end, 1)
	if cur.impl.EOF() {
		return 1
	}
	return 0
}

func vtabColumn(_ *libc.TLS, p, ctx uintptr, i int32) (rc int32) {
	cur := cursorAt(p)
	defer cur.t.c.caught("reading a column", &rc, sqlite3.SQLITE_ERROR)
	cur.result.ctx = ctx
	if err := cur.impl.Column(&cur.result, int(i)); err != nil {
		return cur.t.fail(err)
	}
	return sqlite3.SQLITE_OK
}

func vtabRowid(_ *libc.TLS, p, out uintptr) (rc int32) {
	cur := cursorAt(p)
	defer cur.t.c.caught("reading a rowid", &rc, sqlite3.SQLITE_ERROR)
	id, err := cur.impl.Rowid()
	if err != nil {
		return cur.t.fail(err)
	}
	*deref[int64](out) = id
	return sqlite3.SQLITE_OK
}
