package objectstore

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// batch is a Batch of a DB.
type batch struct {
	db   *DB
	p    *pebble.Batch
	refs map[string][]byte // expected old values, nil when absent
	done bool

	lists map[Hash]list // written by Commit
	held  int           // bytes in lists
}

// list is the stored form of a list, its kind first.
type list struct {
	value   []byte
	replace bool // also what is stored already
}

// NewBatch begins a batch. Close it in any case.
func (db *DB) NewBatch() Batch {
	return &batch{db: db, p: db.p.NewBatch(), refs: map[string][]byte{}, lists: map[Hash]list{}}
}

// Put implements Batch.
func (b *batch) Put(kind Kind, data []byte) (Hash, error) {
	h, err := b.db.id(kind, data)
	if err != nil {
		return Hash{}, fmt.Errorf("store %s: %w", kind, err)
	}
	return h, b.PutHashed(h, kind, data)
}

// PutHashed implements Batch.
func (b *batch) PutHashed(h Hash, kind Kind, data []byte) error {
	if kindName(kind) == "" {
		return fmt.Errorf("store %s: %s", h.Short(), kind)
	}
	if len(data) > MaxObject {
		return fmt.Errorf("store %s: %d bytes, at most %d are allowed", kind, len(data), MaxObject)
	}
	if err := b.room(len(data)); err != nil {
		return err
	}
	if kind.isList() {
		b.putList(h, kind, data, false)
		return nil
	}
	op := b.p.SetDeferred(1+HashSize, 1+len(data))
	op.Key[0] = spaceObject
	copy(op.Key[1:], h[:])
	op.Value[0] = byte(kind)
	copy(op.Value[1:], data)
	return op.Finish()
}

// ReplaceBeside implements Batch.
func (b *batch) ReplaceBeside(kind Kind, data []byte) (Hash, error) {
	if !kind.isList() {
		return Hash{}, fmt.Errorf("a %s is no list: nothing stands beside its leaves", kind)
	}
	h, err := b.Put(kind, data)
	if err == nil {
		b.putList(h, kind, data, true)
	}
	return h, err
}

// putList keeps a list for Commit: only then is it known whether it is stored.
func (b *batch) putList(h Hash, kind Kind, data []byte, replace bool) {
	if _, known := b.lists[h]; known && !replace {
		return
	}
	b.held += len(data)
	b.lists[h] = list{append([]byte{byte(kind)}, data...), replace}
}

// writeLists adds the lists that the store lacks, has damaged, or is to replace.
func (b *batch) writeLists() error {
	for h, l := range b.lists {
		if !l.replace {
			if _, _, err := b.db.Get(h); err == nil {
				continue
			}
		}
		if err := b.p.Set(hashKey(spaceObject, h), l.value, nil); err != nil {
			return err
		}
	}
	return nil
}

// PutSeal implements Batch.
func (b *batch) PutSeal(h Hash, data []byte) error {
	if len(data) == 0 || len(data) > MaxSeal {
		return fmt.Errorf("store seal of %s: %d bytes, want 1 to %d", h.Short(), len(data), MaxSeal)
	}
	return b.set(hashKey(spaceSeal, h), data)
}

// SetRef implements Batch.
func (b *batch) SetRef(name string, old, new []byte) error {
	if len(name) == 0 || len(name) > MaxRefName {
		return fmt.Errorf("ref name of %d bytes, want 1 to %d", len(name), MaxRefName)
	}
	if old != nil && len(old) == 0 || new != nil && len(new) == 0 || len(new) > MaxRef {
		return fmt.Errorf("set ref %s: a value has 1 to %d bytes", name, MaxRef)
	}
	if _, twice := b.refs[name]; twice {
		return fmt.Errorf("set ref %s: it is set already in this batch", name)
	}
	b.refs[name] = bytes.Clone(old)
	return b.set(append([]byte{spaceRef}, name...), new)
}

// SetIndex implements Batch.
func (b *batch) SetIndex(key, value []byte) error {
	if len(key) == 0 || len(key) > MaxIndexKey {
		return fmt.Errorf("index key of %d bytes, want 1 to %d", len(key), MaxIndexKey)
	}
	return b.set(append([]byte{spaceIndex}, key...), value)
}

// set writes a value, or deletes the key when it is nil.
func (b *batch) set(key, value []byte) error {
	if err := b.room(len(value)); err != nil {
		return err
	}
	if value == nil {
		return b.p.Delete(key, nil)
	}
	return b.p.Set(key, value, nil)
}

// room refuses what the library would panic on.
func (b *batch) room(n int) error {
	if b.done {
		return errors.New("the batch is committed or closed")
	}
	if b.p.Len()+b.held+n > MaxBatch {
		return fmt.Errorf("a batch has at most %d bytes: commit it in parts", MaxBatch)
	}
	return nil
}

// Commit implements Batch.
//
// The crash story: a batch is one record of the write-ahead log, with a
// checksum, and Commit returns after the log is synced. A crash before leaves
// no whole record, and the next Open drops the torn one; a crash after finds it
// and replays it. So a batch is there wholly or not at all. When the disk fails
// a write or sync, the record may or may not be there: then haltFS stops all
// writing, and nothing is read or written (ErrStateUnknown) until Open has looked.
func (b *batch) Commit() (err error) {
	defer guard(&err)
	if b.done {
		return errors.New("the batch is committed or closed")
	}
	b.done = true
	db := b.db
	if db.readOnly {
		return errors.New("the store is open for reading only; nothing was written")
	}
	db.commit.Lock()
	defer db.commit.Unlock()
	if err := db.health.broken(); err != nil {
		return err
	}
	if err := db.health.stalled(); err != nil {
		return err
	}
	// In order, so that the same conflicts give the same error.
	for _, name := range slices.Sorted(maps.Keys(b.refs)) {
		if err := db.compare(name, b.refs[name]); err != nil {
			return err
		}
	}
	if err := b.writeLists(); err != nil {
		return err
	}
	if b.p.Empty() {
		return nil
	}
	// From here on every error means an unknown state.
	defer func() {
		if r := recover(); r != nil {
			db.health.Fatalf("the storage library stopped: %v", r)
		}
		if err == nil {
			err = db.health.broken()
		}
	}()
	if err := b.p.Commit(pebble.Sync); err != nil {
		db.health.Fatalf("write batch: %w", err)
	}
	return nil
}

// compare checks that a ref has the value old, or is absent when old is nil.
func (db *DB) compare(name string, old []byte) error {
	now, err := db.read(spaceRef, name)
	if errors.Is(err, ErrNotFound) {
		now, err = nil, nil
	}
	if err != nil {
		return err
	}
	// A ref is never empty, so nil is absent and nothing else.
	if !bytes.Equal(now, old) {
		return &ConflictError{Ref: name}
	}
	return nil
}

// Close implements Batch.
func (b *batch) Close() (err error) {
	defer guard(&err)
	b.done = true
	if b.p == nil {
		return nil
	}
	p := b.p
	b.p = nil
	return p.Close()
}
