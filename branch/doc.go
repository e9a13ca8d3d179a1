// Package branch is history: blocks, the graph they form, and the heads of
// branches. It is the only place where a head moves.
//
// A block is a signed Header; its id is Sum(KindBlock, canonical CBOR of the
// header), so neither signatures (the seal) nor bodies are hashed again. The
// bodies are three lists of opaque leaves (transactions, receipts, changes) and,
// where transactions came from another branch, a MergeRecord. What a transaction
// means, and who may do what, is decided elsewhere: history knows bytes and
// hashes only.
//
// # Which function first
//
// NewHistory opens the graph of a store. To add a block: PutList for the bodies,
// Child for number and generation, NewBlock, SignBlock, History.Put, and Advance
// in the same batch; nothing is there before the batch commits, all of it after.
//
//	number, generation := branch.Child(parent.Header)
//	b, err := branch.NewBlock(branch.Header{Version: 1, Parents: []objectstore.Hash{parent.ID},
//		Number: number, Generation: generation, …})
//	seal, err := branch.SignBlock(b, nil, key)
//	err = history.Put(batch, b, seal)
//	err = branch.Advance(batch, b.Branch, parent.ID, b.ID)
//	err = batch.Commit() // *objectstore.ConflictError: somebody was faster
//
// A foreign block goes through DecodeBlock, VerifySeal, Header.CheckParents and,
// if it has a merge record, MergeRecord.CheckHeader and History.MergeBases,
// before it is Put.
//
// # The graph
//
//	G -> A -> B -> M        M has parents B (first) and D (second)
//	      \-> C -> D -/
//
// A first-parent chain is what a user sees as a branch: numbers rise by one, times
// never fall. Generation rises from every parent and is used for ancestry only.
// A merge base is a common ancestor that is no ancestor of another: A above.
// Only(D, B) = C, D is what a merge of D into B has to bring.
//
// # Names
//
// A branch is its ID, the hash of its Descriptor. Names are local refs until the
// directory registers them:
//
//	head/<id in hex>  => 32 bytes, the head block
//	branch/<name>     => canonical CBOR of Record
//	HEAD              => the current branch's name
//
// # Invariants
//
//   - A header in the index or in a Block has passed Header.Check; every block
//     Put follows from its parents in number, generation and time.
//   - Ancestors of an indexed block are indexed.
//   - Nothing here reads a clock or depends on the order of a map.
//
// Formats with vectors: docs/formats/block.md, testdata/vectors/block.json.
package branch
