package sqlcontract

import (
	"errors"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// begin opens the block's SQLite transaction.
func (db *database) begin(c *capture) error {
	if err := db.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	db.capture, db.marked = c, false
	return nil
}

// mark opens the transaction's savepoint, unless it is open.
func (db *database) mark() error {
	if db.marked {
		return nil
	}
	st, err := db.own("SAVEPOINT tx")
	if err == nil {
		err = db.run(st)
	}
	db.marked = err == nil
	return err
}

// settle ends the transaction's savepoint: what it did stays or is undone.
func (db *database) settle(keep bool) error {
	if !db.marked {
		return nil
	}
	db.marked = false
	if !keep {
		st, err := db.own("ROLLBACK TO tx")
		if err != nil {
			return err
		}
		if err := db.run(st); err != nil {
			return err
		}
	}
	st, err := db.own("RELEASE tx")
	if err != nil {
		return err
	}
	return db.run(st)
}

func (db *database) commit(state *prolly.Map) error {
	db.capture = nil
	if err := db.writeMeta(state.Root()); err != nil {
		return err
	}
	if err := db.conn.Exec("COMMIT"); err != nil {
		return err
	}
	db.state = state
	return nil
}

func (db *database) undo() error {
	db.capture, db.marked = nil, false
	if !db.conn.InTransaction() {
		return nil
	}
	return db.conn.Exec("ROLLBACK")
}

// discard closes a database for good and deletes its file. A file that cannot
// be deleted is harmless: it is brought forward or rebuilt if ever used again.
func (db *database) discard() {
	db.close()
	if db.path != "" {
		removeFile(db.path)
	}
}

// own prepares a statement of ours once.
func (db *database) own(sql string) (*sqlite.Stmt, error) {
	if st := db.owned[sql]; st != nil {
		return st, nil
	}
	st, err := db.prepareOwn(sql)
	if err != nil {
		return nil, err
	}
	if db.owned == nil {
		db.owned = map[string]*sqlite.Stmt{}
	}
	db.owned[sql] = st
	return st, nil
}

// run binds and runs a statement of ours that gives no rows.
func (db *database) run(st *sqlite.Stmt, args ...any) error {
	_, err := db.exists(st, args...)
	return err
}

// exists binds and runs a statement of ours and tells whether it gives a row.
func (db *database) exists(st *sqlite.Stmt, args ...any) (bool, error) {
	for i, v := range args {
		if err := st.Bind(i+1, v); err != nil {
			return false, err
		}
	}
	row, err := st.Step()
	return row, errors.Join(err, st.Reset())
}

// watch has a meter look at the statement that runs next, and limits its values;
// nil ends that.
func (db *database) watch(m *meter) {
	db.meter = m
	if m == nil {
		db.conn.SetProgress(0, nil)
		db.conn.Limit(sqlite.LimitLength, db.longest)
		return
	}
	db.conn.SetProgress(int(m.every), db.look)
	db.conn.Limit(sqlite.LimitLength, m.longest())
}
