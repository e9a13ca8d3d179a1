package sqlite

import (
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Op is the kind of a row change.
type Op int32

// Kinds of row change.
const (
	Insert Op = sqlite3.SQLITE_INSERT
	Update Op = sqlite3.SQLITE_UPDATE
	Delete Op = sqlite3.SQLITE_DELETE
)

// Change is one row about to be changed. It is valid only inside the callback.
type Change struct {
	Op    Op
	DB    string // "main", or the name of an attached database
	Table string
	c     *Conn
}

// Columns returns the number of columns of the row.
func (ch *Change) Columns() int { return int(sqlite3.Xsqlite3_preupdate_count(ch.c.tls, ch.c.db)) }

// Depth is 0 for a change made by the statement itself, 1 for one made by a
// trigger or foreign-key action, 2 for one made by a trigger of that, and so on.
func (ch *Change) Depth() int { return int(sqlite3.Xsqlite3_preupdate_depth(ch.c.tls, ch.c.db)) }

// Old returns column i (from 0) of the row before the change; nil for an Insert.
func (ch *Change) Old(i int) any {
	if ch.Op == Insert {
		return nil
	}
	rc := sqlite3.Xsqlite3_preupdate_old(ch.c.tls, ch.c.db, int32(i), ch.c.out)
	return ch.value(rc)
}

// New returns column i (from 0) of the row after the change; nil for a Delete.
func (ch *Change) New(i int) any {
	if ch.Op == Delete {
		return nil
	}
	rc := sqlite3.Xsqlite3_preupdate_new(ch.c.tls, ch.c.db, int32(i), ch.c.out)
	return ch.value(rc)
}

func (ch *Change) value(rc int32) any {
	if rc != sqlite3.SQLITE_OK {
		// The statement must not succeed with a change read wrongly.
		ch.c.setFailure(&Error{Code: Code(rc), Message: "reading a row change failed", Offset: -1})
		return nil
	}
	return valueOf(ch.c.tls, *deref[uintptr](ch.c.out))
}

// SetPreupdate has fn called before each row of a table (not of a virtual or
// system table) is inserted, updated or deleted, in the order in which it
// happens; nil stops that. The hook itself is there since Open, so it makes no
// difference when statements were prepared. See the package comment for what is
// reported although it does not last.
func (c *Conn) SetPreupdate(fn func(*Change)) error {
	if c.closed {
		return errClosed()
	}
	if !c.hooked {
		return misuse("the connection was opened without the preupdate hook")
	}
	c.preupdate = fn
	return nil
}

func preupdateCallback(_ *libc.TLS, user, _ uintptr, op int32, db, table uintptr, _, _ int64) {
	c := deref[Conn](user)
	if c.preupdate == nil {
		return
	}
	defer c.caught("preupdate hook", nil, 0)
	c.change.Op, c.change.DB, c.change.Table = Op(op), c.names.get(db), c.names.get(table)
	c.preupdate(&c.change)
}

// commitCallback refuses to commit what a failed callback saw only in part.
func commitCallback(_ *libc.TLS, user uintptr) int32 {
	if deref[Conn](user).failure != nil {
		return 1
	}
	return 0
}
