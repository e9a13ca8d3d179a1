// Package sign holds keys, accounts and signatures.
//
// A key is ed25519 in an OpenSSH file, so that ssh-keygen and ssh-agent work
// with it. An account is the address of a [Descriptor]: one key, m of n keys, or
// a contract. A [Signature] is over a purpose, a ledger id and a hash, so that it
// means nothing anywhere else; a [Seal] is the list of signatures, kept beside
// what they sign, that satisfies an account.
//
//	key, err := sign.ParsePrivateKey(file, passphrase)
//	d, err := sign.KeyDescriptor(key.Public().(ed25519.PublicKey))
//	account := sign.AccountOf(d)                       // ag1…
//	s, err := sign.Sign(key, sign.PurposeBlock, ledger, id)
//	seal, err := sign.MakeSeal(d, s)
//	err = seal.Check(account, sign.PurposeBlock, ledger, id)
//
// A signature is of scheme 1, ed25519 over the [Message], or of scheme 2, what
// `ssh-keygen -Y sign` and a [HardwareKey] make of it. A key is its bytes: 32, or
// the longer stored form of a HardwareKey.
//
// # One rule for what is a signature
//
// A signature of either scheme is valid if it is by ZIP-215, and the public key is not of small
// order: s < L; the key and R decode, in non-canonical encodings too; and
// [8][s]B = [8]R + [8][k]A, with the cofactor. These rules, unlike those of the
// standard library, give the same answer for one signature as for many at once,
// on every machine. Keys of small order are refused because a signature by one
// of them can be valid for any message.
//
// # Invariants
//
//   - Verify, Batch and a KeyCache agree on every input.
//   - A signature of one scheme is none of the other. Flags and counter of a
//     hardware key are signed; a touch is always asked for.
//   - A seal has exactly as many signatures as its descriptor asks for, by
//     different keys of it, in the order of the keys: one set of signatures has
//     one seal.
//
// Formats: docs/formats/keys-and-signatures.md, vectors in
// testdata/vectors/keys.json and signatures.json.
package sign
