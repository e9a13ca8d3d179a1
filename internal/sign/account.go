package sign

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/bech32"
)

// accountPrefix is the human-readable part of an address.
const accountPrefix = "ag"

// accountLength is the length of an address: "ag1", 53 digits of 5 bits for 33
// bytes, and 6 of checksum.
const accountLength = 3 + 53 + 6

// AccountOf gives the address of a descriptor: bech32m (BIP 350) with prefix
// "ag" of the kind byte and the SHA-256 of 0x60 and the descriptor's bytes. It
// has 62 characters and begins with ag1. The zero Descriptor has none: "".
func AccountOf(d Descriptor) string {
	if d.kind == 0 {
		return ""
	}
	hash := d.hash()
	digits, err := bech32.ConvertBits(append([]byte{d.kind}, hash[:]...), 8, 5, true)
	if err != nil {
		return "" // unreachable: every byte converts with padding
	}
	text, err := bech32.EncodeM(accountPrefix, digits)
	if err != nil {
		return "" // unreachable: every digit is below 32
	}
	return text
}

// IsAccountOf reports whether account is the address of the descriptor with these
// canonical bytes. Where it is, the bytes are not looked at: whoever made the
// account or verifies a signature for it has.
func IsAccountOf(account string, descriptor []byte) (bool, error) {
	kind, hash, err := parseAccount(account)
	if err == nil && len(descriptor) > 1 && descriptor[1] == kind && hash == hashOf(descriptor) {
		return true, nil
	}
	d, err := ParseDescriptor(descriptor)
	return err == nil && AccountOf(d) == account, err
}

// ParseAccount reads an address: its kind and the hash of its descriptor. It
// refuses upper case, another prefix or checksum, and unknown kinds.
func ParseAccount(account string) (kind byte, hash [32]byte, err error) {
	kind, hash, err = parseAccount(account)
	if err != nil {
		return 0, hash, fmt.Errorf("read account %.80q: %w", account, err)
	}
	return kind, hash, nil
}

func parseAccount(account string) (kind byte, hash [32]byte, err error) {
	if len(account) != accountLength {
		return 0, hash, fmt.Errorf("it has %d characters, want %d that begin with ag1", len(account), accountLength)
	}
	for _, c := range account {
		if c >= 'A' && c <= 'Z' {
			return 0, hash, errors.New("it is written in lower case only")
		}
	}
	prefix, digits, version, err := bech32.DecodeGeneric(account)
	if err != nil {
		return 0, hash, fmt.Errorf("probably mistyped: %w", err)
	}
	if prefix != accountPrefix || version != bech32.VersionM {
		return 0, hash, errors.New("it is no bech32m text with prefix ag")
	}
	// Without padding: ConvertBits refuses padding that is not zero.
	payload, err := bech32.ConvertBits(digits, 5, 8, false)
	if err != nil {
		return 0, hash, err
	}
	if len(payload) != 1+len(hash) {
		return 0, hash, fmt.Errorf("it holds %d bytes, want %d", len(payload), 1+len(hash))
	}
	if payload[0] < KindKey || payload[0] > KindContract {
		return 0, hash, fmt.Errorf("its kind %d is unknown to this version", payload[0])
	}
	return payload[0], [32]byte(payload[1:]), nil
}
