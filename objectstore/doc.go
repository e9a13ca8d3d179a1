// Package objectstore keeps a repository's bytes: immutable objects named by
// their hash, and small mutable refs beside them, in one Pebble database.
//
// Open a [DB], read with Get and Ref, and write through a [Batch]:
//
//	db, err := objectstore.Open(dir, objectstore.Options{})
//	b := db.NewBatch()
//	defer b.Close()
//	id, err := b.Put(objectstore.KindCode, source)
//	err = b.SetRef("heads/main", old, id[:])
//	err = b.Commit()
//
// # Ids
//
// The id of an object is the [Sum] of its kind and bytes, with two exceptions.
// A list (transactions, receipts, changes) has the RFC 6962 root over its
// leaves as its id, [ListRoot], so that one leaf can be proven. A node of the
// state map has the id that Options.NodeHash computes, so that one row can be
// proven and a value erased. What stands beside a list's leaves, and a seal,
// are not covered by the id: signatures and erasable arguments.
//
// # Invariants
//
//   - Get never returns bytes that do not have the id asked for.
//   - A batch is stored wholly or not at all, and durable when Commit returns.
//   - What stands beside the leaves of a stored list changes by ReplaceBeside
//     alone.
//   - A ref changes only from the value that the writer saw.
//   - After an error that wraps ErrStateUnknown nothing is read or written any
//     more until the store is opened again.
//
// # Duties of the caller
//
// Foreign objects are verified by Put, since it computes the id: compare it with
// the one that was promised. PutHashed is for ids that the caller computed
// itself. Objects of kinds whose lists could be confused begin differently: two
// lists of equal leaves have one id whatever their kind.
//
// # Format
//
// Pebble keys are one byte and a name: 'o' + id (value: kind byte, bytes), 's' +
// id (seal), 'r' + name (ref), 'x' + key (index). The objects are described in
// docs/formats/objects.md.
package objectstore
