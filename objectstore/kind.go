package objectstore

import (
	"crypto/sha256"
	"fmt"
)

// Kind is the domain tag of a hash: the byte before the hashed bytes, so that
// an object of one kind is never taken for one of another. A kind is never 0x00
// or 0x01, which RFC 6962 uses inside lists.
type Kind byte

// The kinds. Values are part of the format and never change or move.
const (
	KindLeaf  Kind = 0x10 // node of the state map; its id comes from Options.NodeHash
	KindInner Kind = 0x11 // node of the state map; its id comes from Options.NodeHash
	KindValue Kind = 0x12 // value of the state map that is kept out of its leaf
	KindEntry Kind = 0x13 // one entry of a leaf, only hashed
	KindGroup Kind = 0x14 // a group of 8 entries in a node, only hashed

	KindGenesis        Kind = 0x20
	KindDirectoryBlock Kind = 0x21
	KindDirectoryOp    Kind = 0x22
	KindHeadStatement  Kind = 0x23
	KindApproval       Kind = 0x24 // only hashed

	KindBranch          Kind = 0x30
	KindBlock           Kind = 0x31
	KindTransaction     Kind = 0x32
	KindArguments       Kind = 0x33
	KindTransactionList Kind = 0x34 // list, see ListRoot
	KindReceiptList     Kind = 0x35 // list
	KindChangeList      Kind = 0x36 // list
	KindMergeRecord     Kind = 0x37
	KindGitAttestation  Kind = 0x38 // reserved
	KindVerdictList     Kind = 0x39 // reserved

	KindDescriptor Kind = 0x60 // account descriptor, hashed by package sign

	KindRow         Kind = 0x70 // row of a table, hashed for preconditions
	KindSalt        Kind = 0x71 // salt made from an idempotency key
	KindCode        Kind = 0x72 // source of a contract
	KindProducerSet Kind = 0x73 // reserved
)

// kindName names a kind for people; an unknown kind has no name.
func kindName(k Kind) string {
	switch k {
	case KindLeaf:
		return "leaf node"
	case KindInner:
		return "inner node"
	case KindValue:
		return "value"
	case KindEntry:
		return "entry"
	case KindGroup:
		return "group"
	case KindGenesis:
		return "genesis"
	case KindDirectoryBlock:
		return "directory block"
	case KindDirectoryOp:
		return "directory operation"
	case KindApproval:
		return "approval"
	case KindHeadStatement:
		return "head statement"
	case KindBranch:
		return "branch"
	case KindBlock:
		return "block"
	case KindTransaction:
		return "transaction"
	case KindArguments:
		return "arguments"
	case KindTransactionList:
		return "transaction list"
	case KindReceiptList:
		return "receipt list"
	case KindChangeList:
		return "change list"
	case KindMergeRecord:
		return "merge record"
	case KindGitAttestation:
		return "git attestation"
	case KindVerdictList:
		return "verdict list"
	case KindDescriptor:
		return "descriptor"
	case KindRow:
		return "row"
	case KindSalt:
		return "salt"
	case KindCode:
		return "code"
	case KindProducerSet:
		return "producer set"
	}
	return ""
}

// String names the kind, "block" for example.
func (k Kind) String() string {
	if name := kindName(k); name != "" {
		return name
	}
	return fmt.Sprintf("unknown kind 0x%02x", byte(k))
}

// isNode reports whether ids of this kind come from Options.NodeHash.
func (k Kind) isNode() bool { return k == KindLeaf || k == KindInner }

// isList reports whether the id of an object of this kind is its list root.
func (k Kind) isList() bool {
	return k == KindTransactionList || k == KindReceiptList || k == KindChangeList
}

// Sum is the one hash of the ledger: SHA-256 of the kind's byte and the parts,
// one after another. The parts' borders are not hashed; where two splits could
// be confused the caller adds lengths.
func Sum(kind Kind, parts ...[]byte) Hash {
	size := 1
	for _, p := range parts {
		size += len(p)
	}
	// Most of what is hashed is short: then one copy on the stack is faster
	// than a streaming hash on the heap.
	var short [512]byte
	if size <= len(short) {
		buf := append(short[:0], byte(kind))
		for _, p := range parts {
			buf = append(buf, p...)
		}
		return sha256.Sum256(buf)
	}
	hasher := sha256.New()
	hasher.Write([]byte{byte(kind)})
	for _, p := range parts {
		hasher.Write(p)
	}
	var h Hash
	hasher.Sum(h[:0])
	return h
}
