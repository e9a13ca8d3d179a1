// Package wire is the one encoding of everything that is hashed, signed, stored or sent.
//
// It has three forms, each with exactly one way to write a value:
//
//   - Objects: deterministic CBOR (RFC 8949 section 4.2.1) of Go structs with
//     integer keys or as arrays. [Marshal] and [Unmarshal].
//   - Keys: order-preserving tuples of int64, text and blob, for the keys of the
//     state map. [AppendKey] and [DecodeKey].
//   - Rows: a CBOR array of SQL cells, written by hand because every changed row
//     passes through it. [AppendRow] and [DecodeRow].
//
// A SQL cell is a Go any that holds exactly one of nil, int64, string or []byte.
//
// # Invariants
//
// What a decoder accepts re-encodes to the same bytes, so two different byte
// strings never mean the same value and a hash of bytes is a hash of the value.
// Floats, tags, undefined, indefinite lengths, duplicate or unsorted keys,
// integers that are not as short as possible, invalid UTF-8, trailing bytes and
// nesting deeper than [MaxDepth] are refused everywhere. The size of foreign
// bytes is the caller's to limit: before decoding, by len.
//
// # Example
//
// A struct is a map with integer keys, or an array:
//
//	type Header struct {
//		Version uint64 `cbor:"1,keyasint"`
//		Note    string `cbor:"2,keyasint,omitempty"`
//		Extra   wire.Extensions `cbor:"3,keyasint,omitempty"`
//	}
//	Header{Version: 1, Note: "a"}  =>  a2 01 01 02 61 61
//
// A key of the state map, (1, "ab", x'00'):
//
//	01 80 00 00 00 00 00 00 01 | 02 61 62 00 | 03 00 ff 00
//
// The formats are written down for other languages in docs/formats/encoding.md,
// with vectors in testdata/vectors/wire.json.
package wire
