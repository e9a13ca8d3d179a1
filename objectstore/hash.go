package objectstore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/wire"
)

// HashSize is the length of a Hash in bytes.
const HashSize = sha256.Size

// Hash is the id of an object: a SHA-256. It is comparable; the zero Hash means
// "none" and is the id of nothing. As text it is 64 lower-case hex digits, in
// CBOR a byte string of 32 bytes.
type Hash [HashSize]byte

// Account is the address of whoever signs, as text that begins with ag1. The
// form is described and checked by package sign; here it is a name only.
type Account string

// String gives the hash as 64 hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short gives the first 7 hex digits, for people.
func (h Hash) Short() string { return hex.EncodeToString(h[:4])[:7] }

// IsZero reports whether h is the zero Hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads 64 lower-case hex digits.
func ParseHash(text string) (Hash, error) {
	var h Hash
	err := h.UnmarshalText([]byte(text))
	return h, err
}

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) {
	return hex.AppendEncode(make([]byte, 0, 2*HashSize), h[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*HashSize {
		return fmt.Errorf("a hash has %d hex digits, not %d characters", 2*HashSize, len(text))
	}
	var parsed Hash
	if _, err := hex.Decode(parsed[:], text); err != nil {
		return fmt.Errorf("read hash: %w", err)
	}
	for _, c := range text {
		if c >= 'A' && c <= 'F' {
			return errors.New("a hash is written with lower-case hex digits")
		}
	}
	*h = parsed
	return nil
}

// UnmarshalCBOR reads a byte string of exactly 32 bytes.
func (h *Hash) UnmarshalCBOR(data []byte) error {
	b, rest, err := wire.ReadBytes(data)
	if err != nil {
		return fmt.Errorf("read hash: %w", err)
	}
	if len(b) != HashSize || len(rest) != 0 {
		return fmt.Errorf("a hash has %d bytes, not %d", HashSize, len(b))
	}
	*h = Hash(b)
	return nil
}
