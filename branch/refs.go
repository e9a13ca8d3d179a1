package branch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// The refs of this package.
const (
	refHead    = "head/"   // + branch id in hex => id of its head block, 32 bytes
	refBranch  = "branch/" // + name => Record
	refCurrent = "HEAD"    // => name of the current branch
)

// Record is what this repository knows of a branch under a local name. It is
// local: what others may believe is in the directory.
type Record struct {
	ID      ID                  `cbor:"1,keyasint"`
	Name    Name                `cbor:"2,keyasint"`
	Creator objectstore.Account `cbor:"3,keyasint"`
	Salt    objectstore.Hash    `cbor:"4,keyasint"`
	From    objectstore.Hash    `cbor:"5,keyasint,omitzero"` // the block it begins at; zero: it has no block yet
	Created int64               `cbor:"6,keyasint"`          // ms since 1970
	Scratch bool                `cbor:"7,keyasint,omitempty"`
	Policy  string              `cbor:"8,keyasint,omitempty"` // how merges into it are made when the user does not say
}

// Create adds a branch whose head is r.From; without one it has no head yet. It
// fails with AG0702 when the name or the branch is there already.
func Create(b objectstore.Batch, refs objectstore.Refs, r Record) error {
	if _, err := ParseName(string(r.Name)); err != nil {
		return err
	}
	if _, err := Lookup(refs, r.Name); err == nil {
		return fault.New("AG0702", "switch to it with: aergo switch "+string(r.Name), "branch %s is there already", r.Name)
	} else if !fault.Is(err, notFoundCode) {
		return err
	}
	data, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	if err := b.SetRef(refBranch+string(r.Name), nil, data); err != nil {
		return err
	}
	if r.From.IsZero() {
		return nil
	}
	return Advance(b, r.ID, objectstore.Hash{}, r.From)
}

const notFoundCode = "AG0202"

// Lookup gives the branch of a name, or fails with AG0202.
func Lookup(refs objectstore.Refs, name Name) (Record, error) {
	data, err := refs.Ref(refBranch + string(name))
	if errors.Is(err, objectstore.ErrNotFound) {
		return Record{}, fault.New(notFoundCode, "see all branches with: aergo branch", "there is no branch %s: %w", name, err)
	}
	if err != nil {
		return Record{}, err
	}
	return decodeRecord(name, data)
}

func decodeRecord(name Name, data []byte) (Record, error) {
	var r Record
	if err := wire.UnmarshalLimit(data, &r, maxRecord); err != nil {
		return Record{}, fmt.Errorf("record of branch %s: %w", name, err)
	}
	if r.Name != name {
		return Record{}, fmt.Errorf("the record of branch %s says %q", name, r.Name)
	}
	return r, nil
}

// Branches gives all branches, by name.
func Branches(refs objectstore.Refs) ([]Record, error) {
	var list []Record
	err := refs.Refs(refBranch, func(ref string, data []byte) error {
		r, err := decodeRecord(Name(strings.TrimPrefix(ref, refBranch)), data)
		list = append(list, r)
		return err
	})
	return list, err
}

// Rename gives a branch another local name; the current branch stays current.
func Rename(b objectstore.Batch, refs objectstore.Refs, from, to Name) error {
	if _, err := ParseName(string(to)); err != nil {
		return err
	}
	if from == Main {
		return fault.New("AG0704", "", "main keeps its name: the genesis gave it")
	}
	r, err := Lookup(refs, from)
	if err != nil {
		return err
	}
	if _, err := Lookup(refs, to); err == nil {
		return fault.New("AG0702", "choose another name", "branch %s is there already", to)
	} else if !fault.Is(err, notFoundCode) {
		return err
	}
	old, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	r.Name = to
	data, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	if err := b.SetRef(refBranch+string(from), old, nil); err != nil {
		return err
	}
	if err := b.SetRef(refBranch+string(to), nil, data); err != nil {
		return err
	}
	current, err := Current(refs)
	if err != nil && !fault.Is(err, notFoundCode) {
		return err
	}
	if current != from {
		return nil
	}
	return b.SetRef(refCurrent, []byte(from), []byte(to))
}

// SetPolicy says how merges into a local branch are made.
func SetPolicy(b objectstore.Batch, refs objectstore.Refs, name Name, policy string) error {
	return change(b, refs, name, func(r *Record) { r.Policy = policy })
}

// SetFrom notes that a branch begins at another block: it was rebased. The
// commit fails with *objectstore.ConflictError when its record is another by then.
func SetFrom(b objectstore.Batch, refs objectstore.Refs, name Name, from objectstore.Hash) error {
	return change(b, refs, name, func(r *Record) { r.From = from })
}

// change replaces the record of a branch.
func change(b objectstore.Batch, refs objectstore.Refs, name Name, set func(*Record)) error {
	r, err := Lookup(refs, name)
	if err != nil {
		return err
	}
	old, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	set(&r)
	data, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	return b.SetRef(refBranch+string(name), old, data)
}

// Delete removes a name and its head; the blocks stay until they are collected.
// main and the current branch cannot be deleted.
func Delete(b objectstore.Batch, refs objectstore.Refs, name Name) error {
	if name == Main {
		return fault.New("AG0704", "Another branch is deleted with: aergo branch -d NAME", "main is not deleted: every ledger has it")
	}
	r, err := Lookup(refs, name)
	if err != nil {
		return err
	}
	current, err := Current(refs)
	if err != nil && !fault.Is(err, notFoundCode) {
		return err
	}
	if current == name {
		return fault.New("AG0704", "switch away first, with: aergo switch main", "%s is the current branch", name)
	}
	old, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	if err := b.SetRef(refBranch+string(name), old, nil); err != nil {
		return err
	}
	head, err := Head(refs, r.ID)
	if err != nil || head.IsZero() {
		return err
	}
	return b.SetRef(headRef(r.ID), head[:], nil)
}

// Head gives the head block of a branch; zero when it has no block yet.
func Head(refs objectstore.Refs, id ID) (objectstore.Hash, error) {
	data, err := refs.Ref(headRef(id))
	if errors.Is(err, objectstore.ErrNotFound) {
		return objectstore.Hash{}, nil
	}
	if err != nil {
		return objectstore.Hash{}, err
	}
	if len(data) != objectstore.HashSize {
		return objectstore.Hash{}, fmt.Errorf("head of branch %s has %d bytes", id.Short(), len(data))
	}
	return objectstore.Hash(data), nil
}

// Advance moves the head of a branch from old (zero: none) to block when the
// batch commits. The commit fails with *objectstore.ConflictError, and writes
// nothing, when the head is not old any more.
func Advance(b objectstore.Batch, id ID, old, block objectstore.Hash) error {
	if block.IsZero() {
		return fmt.Errorf("advance branch %s: the new head is zero", id.Short())
	}
	var was []byte
	if !old.IsZero() {
		was = old[:]
	}
	return b.SetRef(headRef(id), was, block[:])
}

// Current gives the name of the current branch, or fails with AG0202.
func Current(refs objectstore.Refs) (Name, error) {
	data, err := refs.Ref(refCurrent)
	if errors.Is(err, objectstore.ErrNotFound) {
		return "", fault.New(notFoundCode, "choose one with: aergo switch main", "no branch is current: %w", err)
	}
	return Name(data), err
}

// SetCurrent makes a branch the current one. That it exists is the caller's to
// know: Create may be in the same batch.
func SetCurrent(b objectstore.Batch, refs objectstore.Refs, name Name) error {
	old, err := refs.Ref(refCurrent)
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	return b.SetRef(refCurrent, old, []byte(name))
}

func headRef(id ID) string { return refHead + id.String() }
