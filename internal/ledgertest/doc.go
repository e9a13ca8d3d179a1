// Package ledgertest draws histories for tests and names the people in them.
//
// A drawing has one chain of arrows per line. A block stands where it is named
// first; a block with two arrows to it is a merge, the first arrow drawn comes
// from its first parent:
//
//	G -> A -> B -> M
//	     A -> C -> M
//
// Blank space around names does not matter, empty lines neither. A name may
// contain anything but blanks.
package ledgertest
