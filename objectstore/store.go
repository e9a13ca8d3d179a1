package objectstore

import (
	"errors"
	"fmt"
)

// Store holds immutable objects. Every implementation passes storetest.Run. All
// methods may be called by several goroutines at once; what they return belongs
// to the caller.
type Store interface {
	// Get gives the kind and the stored bytes of an object, verified against
	// its id. It fails with ErrNotFound, or *CorruptError when what is stored
	// is not what the id says.
	Get(h Hash) (Kind, []byte, error)
	// Has reports whether the object is stored, without verifying it.
	Has(h Hash) (bool, error)
	// Seal gives the bytes kept beside an object, signatures or certificates,
	// or ErrNotFound. The id does not cover them: the caller verifies them.
	Seal(h Hash) ([]byte, error)
	// Prefix gives, in order, at most limit ids of stored objects that begin
	// with 0 to 64 lower-case hex digits.
	Prefix(hexPrefix string, limit int) ([]Hash, error)
}

// Refs holds small mutable names: heads of branches, settings. It is a contract
// of its own, since refs need an order of writes and objects do not.
type Refs interface {
	// Ref gives the value of a name, or ErrNotFound.
	Ref(name string) ([]byte, error)
	// Refs calls fn for each name that begins with prefix, in order, as of one
	// moment. value is fn's to keep. An error of fn ends it and is returned.
	Refs(prefix string, fn func(name string, value []byte) error) error
}

// Batch collects writes that take effect together. It is used by one goroutine
// and always closed; without Commit nothing is written. Readers see none of it
// before Commit returns.
type Batch interface {
	// Put adds an object and gives its id: the root for lists, NodeHash for
	// nodes, Sum for all others. Putting what is stored already changes
	// nothing, and what stands Beside a list's leaves stays as it is: what was
	// erased does not come back with another copy.
	Put(kind Kind, data []byte) (Hash, error)
	// PutHashed adds an object whose id the caller has just computed, to save
	// hashing nodes twice. A wrong id shows as *CorruptError on every read.
	PutHashed(h Hash, kind Kind, data []byte) error
	// ReplaceBeside adds a list as Put does, and replaces what stands Beside its
	// leaves where it is stored already: to erase it, or to bring it back on
	// purpose. The id does not cover that: the caller has verified it.
	ReplaceBeside(kind Kind, data []byte) (Hash, error)
	// PutSeal sets the bytes beside an object and replaces earlier ones.
	PutSeal(h Hash, data []byte) error
	// SetRef changes a ref if its value is still old when the batch commits. A
	// nil old means it must be absent, a nil new deletes it. Values are not
	// empty. A batch sets a name at most once.
	SetRef(name string, old, new []byte) error
	// SetIndex sets a key of the index, data that can be derived from objects
	// at any time. A nil value deletes the key.
	SetIndex(key, value []byte) error
	// Commit writes all or nothing and returns when it is durable. It fails
	// with *ConflictError when a ref was not old: nothing is written. Any other
	// error that wraps ErrStateUnknown means what it says: close the store,
	// open it again and look. All other errors: nothing is written. A batch is
	// committed once.
	Commit() error
	// Close frees the batch.
	Close() error
}

// ErrNotFound is wrapped when an object, seal, ref or index key is not stored.
var ErrNotFound = errors.New("not found")

// ErrLocked is wrapped by Open when another process, or this one, has the store
// open. The caller may wait and try again.
var ErrLocked = errors.New("store is in use by another process")

// ErrStateUnknown is wrapped by Commit, and by all calls after it, when the
// disk failed in the middle of a write. The batch is stored wholly or not at
// all; only opening the store again tells which.
var ErrStateUnknown = errors.New("it is unknown whether the last write was stored; reopen the repository to find out")

// CorruptError says that stored bytes are damaged.
type CorruptError struct {
	Hash Hash   // the object asked for, or zero
	Kind Kind   // its kind, or zero when that is not known
	File string // path of the damaged file, or empty when that is not known
	Err  error
}

// Error names the object and the file.
func (e *CorruptError) Error() string {
	what := "store"
	switch {
	case e.Kind != 0:
		what = e.Kind.String() + " " + e.Hash.String()
	case !e.Hash.IsZero():
		what = "object " + e.Hash.String()
	}
	if e.File != "" {
		what += " in file " + e.File
	}
	return fmt.Sprintf("%s is damaged: %v", what, e.Err)
}

// Unwrap gives the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// ConflictError says that a ref had changed, so that a batch was not written.
type ConflictError struct {
	Ref string
}

// Error names the ref.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s was changed by somebody else meanwhile; nothing was written, read it again and retry", e.Ref)
}
