package objectstore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The first byte of a key in Pebble says what it is.
const (
	spaceObject = 'o' // + hash: kind byte, stored bytes
	spaceSeal   = 's' // + hash
	spaceRef    = 'r' // + name
	spaceIndex  = 'x' // + key
)

// DB is a Store and Refs in one directory, with an index beside them. It may be
// used by several goroutines; one process at a time has it open.
type DB struct {
	p        *pebble.DB
	nodeHash func(Kind, []byte) (Hash, error)
	health   *health
	readOnly bool

	// commit makes comparing refs and writing one step. It is the only lock.
	commit sync.Mutex
}

// Open opens the store in dir and makes it if it is not there. It fails with
// ErrLocked when it is open already, and *CorruptError when its files are damaged.
func Open(dir string, o Options) (db *DB, err error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	health := newHealth()
	disk := newHaltFS(o.FS, health)
	po := pebbleOptions(o, disk, health)
	defer guard(&err)
	p, err := openPebble(dir, po, disk, health)
	if err != nil {
		if isLocked(err) {
			return nil, fmt.Errorf("open %s: %w", dir, ErrLocked)
		}
		// A file that the manifest names is gone or too short, or the file of options
		// names others than we ever used; the library has a type for none of these.
		gone := errors.Is(err, fs.ErrNotExist) && !errors.Is(err, pebble.ErrDBDoesNotExist)
		if gone || strings.Contains(err.Error(), "object size mismatch") || strings.Contains(err.Error(), "name from file") {
			err = &CorruptError{Err: err}
		}
		return nil, fmt.Errorf("open store %s: %w", dir, damage(Hash{}, err))
	}
	disk.running.Store(true)
	return &DB{p: p, nodeHash: o.NodeHash, health: health, readOnly: o.ReadOnly}, nil
}

// openPebble is pebble.Open, except that it ends when the disk is full. The
// library writes what its log holds into tables while it opens, and tries that
// again for ever. Then the disk is halted for it, so that it leaves no more
// files behind, and it closes when it ever gets through.
func openPebble(dir string, po *pebble.Options, disk *haltFS, health *health) (*pebble.DB, error) {
	type result struct {
		p   *pebble.DB
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() { done <- r }()
		defer guard(&r.err)
		r.p, r.err = pebble.Open(dir, po)
	}()
	select {
	case r := <-done:
		return r.p, r.err
	case err := <-health.failing:
		health.Fatalf("open: %w", err)
		disk.running.Store(true)
		go func() {
			if r := <-done; r.p != nil {
				_ = r.p.Close() // nobody is left to tell
			}
		}()
		return nil, fmt.Errorf("it cannot write what it has to before it is open, make room on the disk: %w", err)
	}
}

// Close waits for what runs in the background and closes the files. Batches
// must be closed before. After ErrStateUnknown it closes what it can.
func (db *DB) Close() (err error) {
	defer guard(&err)
	db.commit.Lock()
	defer db.commit.Unlock()
	// A write that failed in the background is told now at the latest.
	if err := errors.Join(db.p.Close(), db.health.broken()); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Get implements Store.
func (db *DB) Get(h Hash) (kind Kind, data []byte, err error) {
	defer guard(&err)
	v, err := db.get(hashKey(spaceObject, h))
	if err != nil {
		return 0, nil, readError("object", h, err)
	}
	if len(v) == 0 {
		return 0, nil, &CorruptError{Hash: h, Err: errors.New("its bytes are empty")}
	}
	kind, data = Kind(v[0]), v[1:]
	got, err := db.id(kind, data)
	if err != nil {
		return 0, nil, &CorruptError{Hash: h, Kind: kind, Err: err}
	}
	if got != h {
		return 0, nil, &CorruptError{Hash: h, Kind: kind, Err: fmt.Errorf("its bytes have the hash %s", got)}
	}
	return kind, data, nil
}

// Has implements Store.
func (db *DB) Has(h Hash) (found bool, err error) {
	defer guard(&err)
	_, err = db.get(hashKey(spaceObject, h))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, readError("object", h, err)
	}
	return true, nil
}

// Seal implements Store.
func (db *DB) Seal(h Hash) (data []byte, err error) {
	defer guard(&err)
	data, err = db.get(hashKey(spaceSeal, h))
	if err != nil {
		return nil, readError("seal of", h, err)
	}
	return data, nil
}

// Prefix implements Store.
func (db *DB) Prefix(hexPrefix string, limit int) (found []Hash, err error) {
	defer guard(&err)
	low, err := ParseHash(hexPrefix + zeros[min(len(hexPrefix), len(zeros)):])
	if err != nil {
		return nil, fmt.Errorf("read id prefix %q: %w", hexPrefix, err)
	}
	iter, err := db.iter(hashKey(spaceObject, low), []byte{spaceObject + 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, damage(Hash{}, iter.Close())) }()
	var text [2 * HashSize]byte
	for ok := iter.First(); ok && len(found) < limit; ok = iter.Next() {
		id := iter.Key()[1:]
		if len(id) != HashSize {
			return nil, &CorruptError{Err: fmt.Errorf("a key has %d bytes", len(id))}
		}
		hex.Encode(text[:], id)
		if string(text[:len(hexPrefix)]) != hexPrefix {
			break
		}
		found = append(found, Hash(id))
	}
	return found, damage(Hash{}, iter.Error())
}

// zeros completes a prefix to the lowest hash that begins so.
const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// Ref implements Refs.
func (db *DB) Ref(name string) (value []byte, err error) {
	defer guard(&err)
	return db.read(spaceRef, name)
}

// Refs implements Refs.
func (db *DB) Refs(prefix string, fn func(name string, value []byte) error) (err error) {
	defer guard(&err)
	return db.scan(spaceRef, prefix, func(key, value []byte) error {
		return fn(string(key), bytes.Clone(value))
	})
}

// Index gives the value of an index key, or ErrNotFound.
func (db *DB) Index(key []byte) (value []byte, err error) {
	defer guard(&err)
	return db.read(spaceIndex, string(key))
}

// ScanIndex calls fn for each index key that begins with prefix, in order, as of
// one moment. key and value are valid only inside fn. An error of fn ends the
// scan and is returned.
func (db *DB) ScanIndex(prefix []byte, fn func(key, value []byte) error) (err error) {
	defer guard(&err)
	return db.scan(spaceIndex, string(prefix), fn)
}

// get gives a copy of a key's value, never nil.
func (db *DB) get(key []byte) ([]byte, error) {
	if err := db.health.broken(); err != nil {
		return nil, err
	}
	v, closer, err := db.p.Get(key)
	if err != nil {
		return nil, err
	}
	own := make([]byte, len(v))
	copy(own, v)
	// A value in a blob file is read late: when that fails the library gives an
	// empty value without an error, and only Close tells.
	if err := closer.Close(); err != nil {
		return nil, err
	}
	return own, nil
}

func (db *DB) read(space byte, name string) ([]byte, error) {
	v, err := db.get(append([]byte{space}, name...))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, fmt.Errorf("%q: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, damage(Hash{}, err))
	}
	return v, nil
}

func (db *DB) scan(space byte, prefix string, fn func(key, value []byte) error) (err error) {
	from := append([]byte{space}, prefix...)
	iter, err := db.iter(from, prefixEnd(from))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, damage(Hash{}, iter.Close())) }()
	for ok := iter.First(); ok; ok = iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read %q: %w", iter.Key()[1:], damage(Hash{}, err))
		}
		if err := fn(iter.Key()[1:], value); err != nil {
			return err
		}
	}
	return nil // Close gives the iterator's own error
}

func (db *DB) iter(from, to []byte) (*pebble.Iterator, error) {
	if err := db.health.broken(); err != nil {
		return nil, err
	}
	iter, err := db.p.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, fmt.Errorf("read store: %w", damage(Hash{}, err))
	}
	return iter, nil
}

// id computes the id of an object from its stored bytes.
func (db *DB) id(kind Kind, data []byte) (Hash, error) {
	switch {
	case kindName(kind) == "":
		return Hash{}, errors.New(kind.String())
	case kind.isNode():
		if db.nodeHash == nil {
			return Hash{}, fmt.Errorf("this store was opened without Options.NodeHash and cannot check a %s", kind)
		}
		return db.nodeHash(kind, data)
	case kind.isList():
		leaves, err := DecodeList(data)
		if err != nil {
			return Hash{}, err
		}
		return ListRoot(leaves), nil
	}
	return Sum(kind, data), nil
}

func hashKey(space byte, h Hash) []byte {
	key := make([]byte, 1+HashSize)
	key[0] = space
	copy(key[1:], h[:])
	return key
}

// prefixEnd is the first key after all that begin with prefix, whose first byte
// is a space and so not 0xff.
func prefixEnd(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}

// readError says what was read when the library failed.
func readError(what string, h Hash, err error) error {
	if errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("%s %s: %w", what, h, ErrNotFound)
	}
	err = damage(h, err)
	if _, ok := err.(*CorruptError); ok {
		return err // it names the object itself
	}
	return fmt.Errorf("read %s %s: %w", what, h.Short(), err)
}

// damage makes the library's corruption errors ours, with the file if it is
// known, and leaves others, and nil, as they are.
func damage(h Hash, err error) error {
	if !pebble.IsCorruptionError(err) {
		return err
	}
	text, _, _ := strings.Cut(err.Error(), "\n") // of joined errors the second is a carrier only
	c := &CorruptError{Hash: h, Err: errors.New(text)}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		c.File = info.Path
	}
	return c
}

// guard turns a panic of the library, which damaged files can cause, into an
// error of the call that it was in.
func guard(err *error) {
	r := recover()
	if e, ok := r.(error); ok && errors.Is(e, pebble.ErrClosed) {
		*err = errors.New("the store is closed")
	} else if r != nil {
		*err = &CorruptError{Err: fmt.Errorf("the storage library stopped: %v", r)}
	}
}
