package sqlite

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Options say how to open a database. The zero value opens it for reading and
// writing, makes it if absent, and leaves SQLite's rollback journal.
type Options struct {
	ReadOnly    bool // refuse every write; the file must exist
	WAL         bool // write-ahead log, synchronous=NORMAL: readers keep a snapshot while one writer commits
	ForeignKeys bool // enforce foreign keys from the start; see also SetForeignKeys
	CacheKiB    int  // page cache in KiB per attached database; 0: SQLite's 2 MiB
	NoPreupdate bool // do not install the preupdate hook: cheaper for readers and bulk loads; SetPreupdate then fails
}

// Conn is one connection to a database. It belongs to one goroutine at a time.
type Conn struct {
	memory
	db     uintptr
	pinner runtime.Pinner

	interruptMu sync.Mutex // guards closed against Interrupt from another goroutine
	closed      bool

	stmts   *Stmt     // all open statements, a list through next
	modules []uintptr // method tables of virtual tables, freed after the database
	names   interned

	// failure is what a callback returned or panicked with.
	// Invariant: nil between calls; whoever ends a call takes it.
	failure error
	denied  *denial // the last action that the authorizer denied

	authorizer func(action Action, arg1, arg2, db, trigger string) Verdict
	progress   func() (stop bool)
	preupdate  func(*Change)
	change     Change // passed to every preupdate call
	hooked     bool   // the preupdate hook is installed
	args       []any  // stack of arguments for functions and cursors

	// keepString and keepBytes hold what C reads during a call: what a field of
	// the heap refers to cannot be on the Go stack, which may move.
	keepString string
	keepBytes  []byte
}

// Open opens the database at path; ":memory:" gives a private one in memory.
// The path is a plain file name, never a URI. A database that another process
// has locked gives an Error of class CodeBusy at once: there is no waiting.
func Open(path string, o Options) (*Conn, error) {
	if path == "" {
		return nil, misuse("open: empty path; use \":memory:\" for a database in memory")
	}
	m, err := newMemory()
	if err != nil {
		return nil, err
	}
	c := &Conn{memory: m}
	if err := c.open(path, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), c.Close())
	}
	return c, nil
}

func (c *Conn) open(path string, o Options) error {
	name, err := c.newString(path)
	if err != nil {
		return err
	}
	defer c.free(name)
	flags := int32(sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE)
	if o.ReadOnly {
		flags = sqlite3.SQLITE_OPEN_READONLY
	}
	// NOMUTEX: a connection belongs to one goroutine at a time.
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, c.out, flags|sqlite3.SQLITE_OPEN_NOMUTEX, 0)
	c.db = *deref[uintptr](c.out)
	if rc != sqlite3.SQLITE_OK {
		if c.db == 0 {
			return errNoMemory
		}
		return c.fail(rc)
	}
	pin(&c.pinner, c)
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	for _, s := range []struct{ op, value int32 }{
		{sqlite3.SQLITE_DBCONFIG_DQS_DDL, 0},
		{sqlite3.SQLITE_DBCONFIG_DQS_DML, 0},
		{sqlite3.SQLITE_DBCONFIG_DEFENSIVE, 1},
		{sqlite3.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{sqlite3.SQLITE_DBCONFIG_ENABLE_QPSG, 1},
		{sqlite3.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
		{sqlite3.SQLITE_DBCONFIG_ENABLE_FKEY, 0},
	} {
		if err := c.config(s.op, s.value); err != nil {
			return err
		}
	}
	// Plans must not depend on samples of the content.
	sqlite3.Xsqlite3_test_control(c.tls, sqlite3.SQLITE_TESTCTRL_OPTIMIZATIONS,
		libc.VaList(c.out, c.db, int32(optimizerStat4)))
	if !o.NoPreupdate {
		c.hooked = true
		c.change.c = c
		sqlite3.Xsqlite3_preupdate_hook(c.tls, c.db, cFunc(preupdateCallback), address(c))
	}
	sqlite3.Xsqlite3_commit_hook(c.tls, c.db, cFunc(commitCallback), address(c))
	pragmas := []string{"PRAGMA temp_store=MEMORY", "PRAGMA mmap_size=0"}
	if o.CacheKiB > 0 {
		pragmas = append(pragmas, fmt.Sprintf("PRAGMA cache_size=-%d", o.CacheKiB))
	}
	if o.WAL && !o.ReadOnly {
		pragmas = append(pragmas, "PRAGMA journal_mode=WAL")
	}
	if o.WAL {
		pragmas = append(pragmas, "PRAGMA synchronous=NORMAL")
	}
	if o.ForeignKeys {
		pragmas = append(pragmas, "PRAGMA foreign_keys=ON")
	}
	return c.Exec(strings.Join(pragmas, ";"))
}

// optimizerStat4 is the bit of SQLITE_TESTCTRL_OPTIMIZATIONS that switches
// plans by sampled content off (SQLITE_Stat4 in sqliteInt.h).
const optimizerStat4 = 0x00000800

// config sets one boolean SQLITE_DBCONFIG and checks that it took.
func (c *Conn) config(op, value int32) error {
	va := libc.VaList(c.out, value, c.out+32)
	if rc := sqlite3.Xsqlite3_db_config(c.tls, c.db, op, va); rc != sqlite3.SQLITE_OK {
		return c.fail(rc)
	}
	if got := *deref[int32](c.out + 32); got != value {
		return fmt.Errorf("connection setting %d is %d, not %d", op, got, value)
	}
	return nil
}

// Close finalizes every open statement and closes the database; an open
// transaction is rolled back. A second Close does nothing. It must not be
// called inside a callback.
func (c *Conn) Close() error {
	c.interruptMu.Lock()
	defer c.interruptMu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	for c.stmts != nil {
		c.stmts.finalize()
	}
	var err error
	if c.db != 0 {
		if rc := sqlite3.Xsqlite3_close_v2(c.tls, c.db); rc != sqlite3.SQLITE_OK {
			err = c.fail(rc)
		}
		c.db = 0
	}
	for _, p := range c.modules {
		c.free(p)
	}
	c.modules = nil
	c.memory.close()
	c.pinner.Unpin()
	return err
}

// Exec runs all statements of sql and drops their rows. It stops at the first
// error, whose Offset counts from the start of sql.
func (c *Conn) Exec(sql string) error {
	for rest := sql; rest != ""; {
		s, tail, err := c.prepare(rest, 0)
		if err == nil && s != nil {
			for row := true; row && err == nil; {
				row, err = s.Step()
			}
			s.finalize()
		}
		if err != nil {
			var e *Error
			if errors.As(err, &e) && e.Offset >= 0 {
				e.Offset += len(sql) - len(rest)
			}
			return err
		}
		rest = tail
	}
	return nil
}

// Changes returns the rows that the last INSERT, UPDATE or DELETE changed,
// without those of triggers and foreign-key actions.
func (c *Conn) Changes() int64 {
	if c.closed {
		return 0
	}
	return sqlite3.Xsqlite3_changes64(c.tls, c.db)
}

// TotalChanges returns the rows changed since the connection was opened,
// triggers and foreign-key actions included.
func (c *Conn) TotalChanges() int64 {
	if c.closed {
		return 0
	}
	return sqlite3.Xsqlite3_total_changes64(c.tls, c.db)
}

// InTransaction reports whether a BEGIN or SAVEPOINT is open. Some errors
// (full disk, out of memory) roll the transaction back by themselves: ask after
// an error.
func (c *Conn) InTransaction() bool {
	return !c.closed && sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) == 0
}

// DeferredFKs reports whether the open transaction holds a foreign-key
// violation that has not been resolved: COMMIT, or RELEASE of the outermost
// savepoint, would fail. The count behind it is one per connection, is put back
// by ROLLBACK TO and not checked by RELEASE of an inner savepoint. Violations
// that were there before the transaction do not count.
func (c *Conn) DeferredFKs() bool {
	if c.closed {
		return false
	}
	rc := sqlite3.Xsqlite3_db_status(c.tls, c.db, sqlite3.SQLITE_DBSTATUS_DEFERRED_FKS, c.out, c.out+8, 0)
	return rc != sqlite3.SQLITE_OK || *deref[int32](c.out) != 0
}

// SetForeignKeys switches the enforcement of foreign keys. SQLite ignores that
// in silence while a transaction is open; here it is an error.
func (c *Conn) SetForeignKeys(on bool) error {
	if c.InTransaction() {
		return misuse("foreign keys cannot be switched while a transaction is open")
	}
	return c.ForceForeignKeys(on)
}

// ForceForeignKeys is SetForeignKeys that also works while a transaction is
// open. Rows that it changes meanwhile are never checked: the caller knows that
// they hold.
func (c *Conn) ForceForeignKeys(on bool) error {
	if c.closed {
		return errClosed()
	}
	var value int32
	if on {
		value = 1
	}
	return c.config(sqlite3.SQLITE_DBCONFIG_ENABLE_FKEY, value)
}

// Limit sets a limit and returns the one before; a negative value only asks.
// A value above SQLite's compiled maximum is cut to it.
func (c *Conn) Limit(id Limit, value int) int {
	if c.closed {
		return 0
	}
	return int(sqlite3.Xsqlite3_limit(c.tls, c.db, int32(id), int32(min(value, maxText))))
}

// Interrupt makes the running statements fail with CodeInterrupt soon; it may
// be called from any goroutine. Without a running statement it does nothing.
func (c *Conn) Interrupt() {
	c.interruptMu.Lock()
	defer c.interruptMu.Unlock()
	if !c.closed {
		sqlite3.Xsqlite3_interrupt(c.tls, c.db)
	}
}

// SetProgress has fn called about every so many VM steps of any statement;
// when it returns true the statement fails with CodeInterrupt. nil removes it.
func (c *Conn) SetProgress(everyVMSteps int, fn func() (stop bool)) {
	if c.closed {
		return
	}
	c.progress = fn
	if fn == nil {
		sqlite3.Xsqlite3_progress_handler(c.tls, c.db, 0, 0, 0)
		return
	}
	sqlite3.Xsqlite3_progress_handler(c.tls, c.db, int32(everyVMSteps), cFunc(progressCallback), address(c))
}

func progressCallback(_ *libc.TLS, user uintptr) (stop int32) {
	c := deref[Conn](user)
	defer c.caught("progress handler", &stop, 1)
	if c.progress != nil && c.progress() {
		return 1
	}
	return 0
}

func errClosed() error { return misuse("the connection is closed") }
