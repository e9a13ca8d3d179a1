// Package sqlite is a thin wrapper on SQLite translated to Go
// (modernc.org/sqlite/lib). It knows nothing of ledgers. It exists because
// database/sql costs twice the CPU per transaction and hides what we need:
// the preupdate hook, the authorizer, the progress handler, step counts and
// read-only virtual tables written in Go.
//
// # Use
//
//	c, err := sqlite.Open("shop.db", sqlite.Options{WAL: true})
//	s, _, err := c.Prepare("UPDATE item SET stock = stock - ?1 WHERE sku = ?2")
//	err = s.Bind(1, int64(3))
//	err = s.Bind(2, "tea")
//	_, err = s.Step()  // true at a row; false at the end, ready for the next Bind
//	err = c.Close()    // finalizes what is still open
//
// # Duties of the caller
//
//   - A [Conn] and everything made from it belong to one goroutine at a time.
//     Only [Conn.Interrupt] may be called from another.
//   - Every Conn is closed. One that is dropped without Close keeps its memory
//     for the life of the process: the C side lies outside the garbage
//     collector, and the Conn is pinned because C memory points to it.
//   - A callback (authorizer, progress, preupdate, function, virtual table)
//     must not use the connection that calls it, except through its arguments.
//     What it gets is valid only until it returns, unless it says otherwise.
//   - An error of Step leaves the transaction to the caller: ROLLBACK TO the
//     savepoint before going on.
//
// # Invariants
//
//   - Fixed at open, before any statement is prepared, never changed after:
//     double-quoted strings off, DEFENSIVE on, TRUSTED_SCHEMA off, stable query
//     plans (QPSG) on, STAT4 plans off, extended result codes on, load_extension
//     off, temp_store in memory, mmap off, busy timeout 0.
//   - The preupdate hook is installed at open, too. A DELETE without WHERE that
//     was prepared before the hook would empty its table without telling it.
//     There are no sessions in this package: a session and a preupdate hook on
//     one connection crash the process.
//   - A panic in a callback never unwinds through SQLite. It becomes the error
//     of the running statement; if that statement was about to commit (no
//     transaction open), the commit turns into a rollback.
//   - Values are nil, int64, float64, string or []byte. Strings and byte slices
//     handed out are copies, except by [Stmt.ColumnView].
//
// # What SQLite does that one might not expect
//
// Each of these has a test in traps_test.go; the wrapper does not change them.
//
//   - The preupdate hook also reports rows that a failed statement or ROLLBACK
//     TO undoes, and updates that change nothing. It never reports DDL. Keep a
//     mark of how many changes were collected at each savepoint and statement.
//     An Update may change the key: the old and the new row then differ in it.
//   - Integer overflow in an expression gives a REAL, and a STRICT INTEGER
//     column takes 2.0 and stores 2: 9007199254740993*1.0 loses 1 in silence.
//   - STRICT TEXT stores invalid UTF-8 and NUL.
//   - A dangling deferred foreign key survives RELEASE of an inner savepoint and
//     fails the COMMIT: ask [Conn.DeferredFKs] before RELEASE.
//   - Two triggers on one event run in an order that follows their creation;
//     query plans may depend on the order in which indexes were created.
//   - All databases of a process share the lock of one page cache (because of
//     MEMORY_MANAGEMENT; only a page cache of our own would cure it), and one allocator:
//     connections that mostly look pages up gain little from a second core.
//   - Interrupting a statement that writes (Interrupt, or the progress handler)
//     rolls the whole transaction back, not the statement.
//   - A statement that is prepared again by itself after a change of the schema
//     keeps the steps of the failed attempt in its count: Finalize statements
//     whose steps matter, and Prepare them anew.
//   - VM steps are no measure of CPU: hex(zeroblob(50e6)) takes about ten.
package sqlite
