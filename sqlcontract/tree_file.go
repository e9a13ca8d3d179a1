package sqlcontract

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// fileFormat is written into every file; one of another format is rebuilt.
const fileFormat = 1

// maxSerials is how many files of equal code there can be: the committed one,
// the present block's, and the one being built.
const maxSerials = 3

// cacheKiB is SQLite's page cache for one contract, used as far as pages are.
// Seen rows are spread at random: with the default 2 MiB, half the time of an
// insert goes into writing pages out early.
const cacheKiB = 64 << 10

// Nothing waits for the disk here: a file that was not closed in order, or lost
// writes with the power, has no good sum and is made again.

// checkpointPages is the length of the log (16 MB) at which SQLite copies it
// into the database: pages that many blocks change are copied once.
const checkpointPages = 4000

// metaTable is the one table of ours in a contract's file. Its name is reserved,
// and the fence keeps contracts from reading it.
const metaTable = `CREATE TABLE aergo_meta(one INTEGER PRIMARY KEY, root BLOB, code BLOB, format INTEGER) STRICT, WITHOUT ROWID`

// database is one contract's SQLite database.
//
// Invariant: without an open transaction its rows are exactly the contract's
// rows in state.
type database struct {
	contract *Contract
	path     string // "" in memory
	conn     *sqlite.Conn
	longest  int // bytes of a value that statements of ours may handle
	state    *prolly.Map
	layouts  map[string]*layout
	plain    []*layout // the same in source order

	fence      *fence
	fenced     bool // the fence decides; false while we prepare statements of our own
	statements map[*Query]*statement

	capture *capture // where row changes go; nil: nowhere
	meter   *meter   // of the running statement, or nil
	look    func() (stop bool)
	marked  bool // the transaction's savepoint is open
	reverse bool // see Engine.ReverseScans

	owned map[string]*sqlite.Stmt // statements of ours that are used again and again
}

// fileName is the name of a contract's file: a deploy builds a new one, and a
// rollback keeps the old one. serial tells apart files of equal code within one
// block.
func fileName(c *Contract, serial int) string {
	name := c.Name + "-" + c.Code.String()[:16]
	if serial > 0 {
		name += fmt.Sprintf("-%d", serial)
	}
	return name + ".db"
}

// removeFile deletes a database with its log. Files of others with equal
// prefixes do not match.
func removeFile(path string) error {
	var first error
	for _, suffix := range []string{sumSuffix, "", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) && first == nil {
			first = err
		}
	}
	return first
}

// openDatabase connects to a file, or to a new database in memory for path "".
func openDatabase(c *Contract, path string, o sqlite.Options) (*database, error) {
	db := &database{contract: c, path: path, layouts: map[string]*layout{}, statements: map[*Query]*statement{}}
	for _, t := range c.Tables {
		l := newLayout(c.Name, t)
		db.layouts[t.Name] = l
		db.plain = append(db.plain, l)
	}
	name := path
	if name == "" {
		name = ":memory:"
	}
	conn, err := sqlite.Open(name, o)
	if err != nil {
		return nil, err
	}
	db.conn = conn
	err = setLimits(conn)
	if err == nil {
		err = conn.Exec("PRAGMA temp_store = FILE") // what does not fit the page cache must not fill the memory
	}
	if err == nil && o.WAL {
		err = conn.Exec(fmt.Sprintf("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = %d", checkpointPages))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	db.look = func() bool { return db.meter != nil && db.meter.tick() }
	db.longest = sqlfunc.MaxValue
	if strings.HasPrefix(c.Name, systemPrefix) {
		db.longest = maxRowValue // whole sources
	}
	conn.Limit(sqlite.LimitLength, db.longest)
	db.fence = newFence(c)
	conn.SetAuthorizer(func(a sqlite.Action, arg1, arg2, schema, trigger string) sqlite.Verdict {
		if !db.fenced {
			return sqlite.Allow
		}
		return db.fence.authorize(a, arg1, arg2, schema, trigger)
	})
	if !o.NoPreupdate {
		if err := conn.SetPreupdate(db.changed); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return db, nil
}

func (db *database) close() error {
	if db == nil || db.conn == nil {
		return nil
	}
	conn := db.conn
	db.conn = nil
	return conn.Close()
}

// ready gives the contract's database at the committed state.
func (t *Tree) ready(c *Contract) (*database, error) {
	db := t.open[c.Name]
	if db != nil && db.contract.Code != c.Code {
		if err := db.close(); err != nil {
			return nil, fmt.Errorf("closing the working tree of contract %s: %w", c.Name, err)
		}
		delete(t.open, c.Name)
		db = nil
	}
	if db == nil {
		var err error
		if db, err = t.openFile(c); err != nil {
			return nil, err
		}
		t.open[c.Name] = db
	}
	if db.state.Root() == t.state.Root() {
		return db, nil
	}
	if err := db.forward(t.state); err != nil {
		// Whatever is wrong with a cache is cured by making it anew.
		if db, err = t.rebuild(c); err != nil {
			return nil, err
		}
	}
	return db, nil
}

// openFile opens the contract's file if there is a good one, else a copy of
// another tree's, else makes it.
func (t *Tree) openFile(c *Contract) (*database, error) {
	if t.dir == "" {
		return t.rebuild(c)
	}
	for serial := 0; serial < maxSerials; serial++ {
		path := filepath.Join(t.dir, fileName(c, serial))
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if db, err := t.openGood(c, path); err == nil {
			return db, nil
		}
		if err := removeFile(path); err != nil {
			return nil, fmt.Errorf("removing the damaged working tree of contract %s: %w", c.Name, err)
		}
	}
	path := filepath.Join(t.dir, fileName(c, 0))
	for _, dir := range t.others {
		if copyGood(filepath.Join(dir, fileName(c, 0)), path) != nil {
			continue // not there, or in use
		}
		if db, err := t.openGood(c, path); err == nil {
			return db, nil
		}
	}
	return t.rebuild(c)
}

// openGood opens a file that has a good sum.
func (t *Tree) openGood(c *Contract, path string) (*database, error) {
	if err := takeSum(path); err != nil {
		return nil, err
	}
	db, err := openDatabase(c, path, sqlite.Options{WAL: true, CacheKiB: cacheKiB})
	if err != nil {
		return nil, err
	}
	root, err := db.readMeta()
	if err == nil {
		db.state = prolly.Load(t.engine.nodes, root)
		err = db.conn.SetForeignKeys(true)
	}
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// rebuild makes the contract's database from the committed state.
func (t *Tree) rebuild(c *Contract) (*database, error) {
	if old := t.open[c.Name]; old != nil {
		delete(t.open, c.Name)
		if err := old.close(); err != nil {
			return nil, fmt.Errorf("closing the working tree of contract %s: %w", c.Name, err)
		}
	}
	path := ""
	if t.dir != "" {
		path = filepath.Join(t.dir, fileName(c, 0))
	}
	db, err := t.engine.createDatabase(c, path)
	if err != nil {
		return nil, err
	}
	if err = db.load(t.state); err == nil {
		err = db.conn.SetForeignKeys(true)
	}
	if err != nil {
		db.close()
		return nil, fmt.Errorf("rebuilding the working tree of contract %s: %w", c.Name, err)
	}
	t.open[c.Name] = db
	return db, nil
}

// createDatabase makes an empty database without its schema.
func (e *Engine) createDatabase(c *Contract, path string) (*database, error) {
	if path != "" {
		if err := removeFile(path); err != nil {
			return nil, fmt.Errorf("making the working tree of contract %s: %w", c.Name, err)
		}
	}
	db, err := openDatabase(c, path, sqlite.Options{WAL: path != "", CacheKiB: cacheKiB})
	if err != nil {
		return nil, fmt.Errorf("making the working tree of contract %s: %w", c.Name, err)
	}
	db.reverse = e.reverse
	if err := e.orderOf(db.conn); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// create runs the schema's statements of the given types in canonical order.
func (db *database) create(types ...string) error {
	for _, o := range db.contract.Schema {
		for _, want := range types {
			if o.Type != want {
				continue
			}
			if err := db.conn.Exec(o.SQL); err != nil {
				return fmt.Errorf("creating %s %s: %w", o.Type, o.Name, err)
			}
		}
	}
	return nil
}

// load fills a new database from a state.
func (db *database) load(state *prolly.Map) error {
	if err := db.conn.Exec("BEGIN IMMEDIATE; " + metaTable); err != nil {
		return err
	}
	if err := db.create("table", "index", "view"); err != nil {
		return err
	}
	for _, l := range db.plain {
		insert, err := db.prepareOwn(l.insertSQL())
		if err != nil {
			return err
		}
		err = state.Scan(l.prefix, wire.KeyPrefixEnd(l.prefix), func(key, value []byte) error {
			return l.insertRow(insert, key, value)
		})
		insert.Finalize()
		if err != nil {
			return fmt.Errorf("table %s: %w", l.Name, err)
		}
	}
	// Triggers come last: they must not see rows that only return.
	if err := db.create("trigger"); err != nil {
		return err
	}
	if err := db.writeMeta(state.Root()); err != nil {
		return err
	}
	if err := db.conn.Exec("COMMIT"); err != nil {
		return err
	}
	db.state = state
	return nil
}

// forward changes the rows that differ between the states.
func (db *database) forward(to *prolly.Map) (err error) {
	if err := db.conn.SetForeignKeys(false); err != nil {
		return err
	}
	if err := db.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.conn.Exec("ROLLBACK"))
		}
		err = errors.Join(err, db.conn.SetForeignKeys(true))
	}()
	err = db.apply(func(l *layout, fn func(key, old, new []byte) error) error {
		return prolly.Diff(db.state, to, l.prefix, wire.KeyPrefixEnd(l.prefix), fn)
	})
	if err != nil {
		return err
	}
	if err := db.writeMeta(to.Root()); err != nil {
		return err
	}
	if err := db.conn.Exec("COMMIT"); err != nil {
		return err
	}
	db.state = to
	return nil
}

// apply changes rows in the open transaction, with foreign keys off. each gives
// the changes of one table, twice. Triggers are gone meanwhile, and every
// changed key is deleted before the first is inserted, so that no order of
// uniqueness matters.
func (db *database) apply(each func(l *layout, fn func(key, old, new []byte) error) error) error {
	db.finalize()
	if err := db.dropTriggers(); err != nil {
		return err
	}
	pass := func(sql func(*layout) string, change func(l *layout, st *sqlite.Stmt, key, old, new []byte) error) error {
		for _, l := range db.plain {
			st, err := db.prepareOwn(sql(l))
			if err != nil {
				return err
			}
			err = each(l, func(key, old, new []byte) error { return change(l, st, key, old, new) })
			st.Finalize()
			if err != nil {
				return fmt.Errorf("table %s: %w", l.Name, err)
			}
		}
		return nil
	}
	err := pass((*layout).deleteSQL, func(l *layout, st *sqlite.Stmt, key, old, _ []byte) error {
		if old == nil {
			return nil
		}
		return l.deleteRow(st, key)
	})
	if err != nil {
		return err
	}
	err = pass((*layout).insertSQL, func(l *layout, st *sqlite.Stmt, key, _, new []byte) error {
		if new == nil {
			return nil
		}
		return l.insertRow(st, key, new)
	})
	if err != nil {
		return err
	}
	return db.create("trigger")
}

// finalize forgets the prepared statements. A statement that SQLite has to
// prepare again, because the schema or a setting changed, would count its first
// steps twice, and gas must not depend on what a file went through.
func (db *database) finalize() {
	for _, st := range db.statements {
		st.Finalize()
	}
	for _, st := range db.owned {
		st.Finalize()
	}
	clear(db.statements)
	clear(db.owned)
}

func (db *database) dropTriggers() error {
	for _, o := range db.contract.Schema {
		if o.Type == "trigger" {
			if err := db.conn.Exec(`DROP TRIGGER "` + o.Name + `"`); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeMeta records, in the open transaction, the state that the rows are of.
func (db *database) writeMeta(root objectstore.Hash) error {
	st, err := db.prepareOwn("INSERT OR REPLACE INTO aergo_meta VALUES (1, ?1, ?2, ?3)")
	if err != nil {
		return err
	}
	defer st.Finalize()
	if err := errors.Join(st.BindBlob(1, root[:]), st.BindBlob(2, db.contract.Code[:]), st.BindInt64(3, fileFormat)); err != nil {
		return err
	}
	_, err = st.Step()
	return err
}

var errOtherFile = errors.New("the file is of another code or format")

// readMeta gives the state that a file's rows are of.
func (db *database) readMeta() (root objectstore.Hash, err error) {
	st, err := db.prepareOwn("SELECT root, code, format FROM aergo_meta")
	if err != nil {
		return root, err
	}
	defer st.Finalize()
	row, err := st.Step()
	if err != nil {
		return root, err
	}
	if !row || st.ColumnInt64(2) != fileFormat || len(st.ColumnView(0)) != len(root) || string(st.ColumnView(1)) != string(db.contract.Code[:]) {
		return root, errOtherFile
	}
	return objectstore.Hash(st.ColumnBlob(0)), nil
}

// prepareOwn prepares a statement of ours, which the fence does not concern.
func (db *database) prepareOwn(sql string) (*sqlite.Stmt, error) {
	st, _, err := db.conn.Prepare(sql)
	return st, err
}

// reader gives a database that shows the committed state, whatever a session
// has done meanwhile. release it.
func (t *Tree) reader(name string) (*database, error) {
	d, err := t.find(t.state.Get, name)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, errNoContract(name)
	}
	if s := t.session; s == nil || s.touched[name] == nil {
		return t.ready(d.contract)
	}
	if committed := t.open[name]; committed != nil && committed.path != "" {
		db, err := openDatabase(d.contract, committed.path, sqlite.Options{ReadOnly: true, WAL: true, NoPreupdate: true})
		if err != nil {
			return nil, fmt.Errorf("reading the working tree of contract %s: %w", name, err)
		}
		return db, nil
	}
	db, err := t.engine.createDatabase(d.contract, "")
	if err != nil {
		return nil, err
	}
	if err := db.load(t.state); err != nil {
		return nil, errors.Join(fmt.Errorf("reading contract %s: %w", name, err), db.close())
	}
	return db, nil
}

// release closes what reader opened for one use.
func (t *Tree) release(db *database) {
	if t.open[db.contract.Name] != db {
		db.close()
	}
}
