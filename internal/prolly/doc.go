// Package prolly is the state map: an ordered, history-independent Merkle map.
//
// A Map is one state, immutable, named by its root. Equal content has an equal
// root, whatever the order of the edits that led there. Apply gives a new Map
// that shares all untouched nodes with the old one.
//
//	cache := prolly.NewCache(store, 64<<20)        // one for all maps of a store
//	m := prolly.Load(cache, root)                  // or prolly.Empty(cache)
//	m, err := m.Apply([]prolly.Edit{{Key: k, Value: v}, {Key: gone}})
//	stored, err := m.Write(batch.PutHashed)        // nodes that are not stored yet
//	err = batch.Commit(); stored()                 // stored only if Commit succeeded
//
// Reading: Get, Scan, Cursor; Diff and Walk3 compare maps at a cost that follows
// the changes; Prove makes a proof that needs nothing but the root.
//
// # Form
//
// The entries of the map are cut into leaves, the leaves' first keys, ids and
// row counts into inner nodes, and so on up to a level that is one node: the
// root. Where a node begins depends on the keys near it only (boundary.go), so
// an edit rewrites one path, or a few nodes beside it, even if somebody chose
// all keys to prevent it. A node's stored form and its id are described in
// node.go and docs/formats/state-map.md; all constants stand in limits.go and
// are called state format 1.
//
// # Invariants
//
//   - The bytes of a node never change once it is made; whoever holds a Map may
//     read it from any goroutine.
//   - A node that is not stored yet is reachable through its parent's kids, and
//     an outside value through its leaf: a Map is complete before any Write.
//   - The id of a leaf covers the hash of each value, never the value. So a
//     value can be erased (EraseValue) under the same id, and a value over
//     MaxInline is an object of its own.
//   - Nothing that decides a hash depends on clocks, map order, floats or the
//     number of cores.
package prolly
