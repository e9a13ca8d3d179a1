package sqlcontract

import (
	"bytes"
	"errors"
)

// Commit makes the sealed state the tree's. Call it when the block is durable
// in the store; until then Rollback is possible.
//
// What happens when this process dies around it: the store's batch is the
// block. Before it, the files hold the state before (SQLite rolls back). After
// it and before Commit, they hold the state before too, and are brought forward
// by the rows that differ when next touched. Files are never ahead of the
// store, and if one is lost or damaged it is rebuilt from the state.
func (s *Session) Commit() error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if s.ended || s.sealed == nil {
		return errors.New("committing a block: it is not sealed, or ended")
	}
	t, base, next := s.tree, s.base.Root(), s.sealed.state
	s.sealed.saved()
	// System contracts whose rows changed and not their files: those stay behind.
	direct := map[string]bool{}
	for _, name := range SystemContracts() {
		if s.touched[name] != nil {
			continue
		}
		prefix := contractPrefix(name)
		for _, r := range s.overlay {
			if bytes.HasPrefix(r.Key, prefix) {
				direct[name] = true
				break
			}
		}
	}
	for name, db := range s.touched {
		old := t.open[name]
		if err := db.commit(next); err != nil {
			// Only the cache is lost.
			db.close()
			delete(t.open, name)
		} else {
			t.open[name] = db
		}
		if old != db && old != nil {
			old.discard()
		}
	}
	for name, db := range t.open {
		if s.touched[name] == nil && !direct[name] && db.state.Root() == base {
			db.state = next // nothing of it changed
		}
	}
	t.state = next
	s.end()
	return nil
}

// Rollback gives the block up: the tree is as before Begin. After Commit it does
// nothing, so that it can be deferred.
func (s *Session) Rollback() error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	return s.rollback()
}

func (s *Session) rollback() error {
	if s.ended {
		return nil
	}
	t := s.tree
	for _, db := range s.began {
		if db.conn == nil {
			continue
		}
		if t.open[db.contract.Name] != db {
			db.discard() // made by a deploy of this block
			continue
		}
		if s.capture.mismatch != "" {
			db.discard() // rebuilt when next touched
			delete(t.open, db.contract.Name)
			continue
		}
		if err := db.undo(); err != nil || s.broken != nil {
			db.close() // opened anew, and checked, when next touched
			delete(t.open, db.contract.Name)
		}
	}
	s.end()
	return nil
}

func (s *Session) end() {
	s.ended = true
	s.tree.session = nil
	s.touched, s.began, s.contracts, s.overlay, s.base = nil, nil, nil, nil, nil
}

// settle ends a transaction on its contract's database.
func (s *Session) settle(db *database, keep bool) error {
	if db.conn.InTransaction() {
		return db.settle(keep)
	}
	return s.restore(db)
}

// restore brings a database back to where the block is, after SQLite rolled its
// transaction back: it does so when a statement that writes is interrupted,
// because it ran out of gas.
func (s *Session) restore(db *database) error {
	into := db.capture
	db.capture, db.marked = nil, false
	if err := db.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := db.conn.ForceForeignKeys(false); err != nil {
		return err
	}
	err := db.apply(func(l *layout, fn func(key, old, new []byte) error) error {
		for _, r := range s.overlay {
			if !bytes.HasPrefix(r.Key, l.prefix) {
				continue
			}
			if r.New == nil && !l.hasKey(r.Key) {
				continue // of a version before this one, which a deploy of this block replaced
			}
			// A row that an upgrade in this block copied is there even if Old is nil.
			if err := fn(r.Key, r.Key, r.New); err != nil {
				return err
			}
		}
		return nil
	})
	db.capture = into
	return errors.Join(err, db.conn.ForceForeignKeys(true))
}
