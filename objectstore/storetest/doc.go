// Package storetest is the conformance suite that every object store passes.
// A store's test calls [Run] with a function that opens it on a given file
// system; the suite writes, reads, and opens it again after crashes and disk
// errors.
package storetest
