package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The tag bytes of key elements. Their order is SQLite's: INTEGER before TEXT
// before BLOB. All are below 0xff, see [KeyPrefixEnd].
const (
	tagInt  = 0x01
	tagText = 0x02
	tagBlob = 0x03
)

const (
	keyEnd    = 0x00 // ends a text or blob
	keyEscape = 0xff // after a 0x00 that belongs to the blob itself
)

var errKeyLong = fmt.Errorf("key is longer than %d bytes", MaxKey)

// AppendKey appends the elements vals (int64, string or []byte each) to dst,
// the key so far, so that bytes.Compare of two keys is the order of their
// elements, one after another, in SQLite's BINARY order. It refuses nil, text
// that is not valid UTF-8 or has a NUL, and a result longer than [MaxKey].
//
// An int64 is 0x01 and 8 bytes, big-endian, sign bit flipped. Text is 0x02, a
// blob 0x03, each byte 0x00 in a blob followed by 0xff, and 0x00 at the end.
func AppendKey(dst []byte, vals ...any) ([]byte, error) {
	for i, v := range vals {
		switch v := v.(type) {
		case int64:
			dst = AppendKeyInt(dst, v)
		case string:
			if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
				return nil, fmt.Errorf("key element %d: text is not valid UTF-8 or has a NUL", i)
			}
			dst = append(dst, tagText)
			dst = append(dst, v...)
			dst = append(dst, keyEnd)
		case []byte:
			dst = appendKeyBlob(dst, v)
		case nil:
			return nil, fmt.Errorf("key element %d is NULL; a key has none", i)
		default:
			return nil, fmt.Errorf("key element %d is a %T; a key holds int64, string or []byte", i, v)
		}
	}
	if len(dst) > MaxKey {
		return nil, errKeyLong
	}
	return dst, nil
}

// AppendKeyInt is AppendKey for one integer, which cannot fail. The caller
// checks MaxKey.
func AppendKeyInt(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tagInt), uint64(v)^1<<63)
}

func appendKeyBlob(dst, v []byte) []byte {
	dst = append(dst, tagBlob)
	for {
		i := bytes.IndexByte(v, 0)
		if i < 0 {
			return append(append(dst, v...), keyEnd)
		}
		dst = append(append(dst, v[:i+1]...), keyEscape)
		v = v[i+1:]
	}
}

// KeyPrefixEnd gives the first key after all keys whose first elements are
// those of prefix: the upper bound of a scan [prefix, end).
func KeyPrefixEnd(prefix []byte) []byte {
	end := make([]byte, len(prefix)+1)
	copy(end, prefix)
	end[len(prefix)] = 0xff
	return end
}

// DecodeKey gives the elements of a key: int64, string or []byte each, none of
// which aliases key. It refuses what AppendKey would not write, and the empty key.
func DecodeKey(key []byte) ([]any, error) {
	if len(key) == 0 {
		return nil, errors.New("key is empty")
	}
	if len(key) > MaxKey {
		return nil, errKeyLong
	}
	vals := make([]any, 0, 4)
	for at := 0; at < len(key); {
		tag := key[at]
		at++
		if tag == tagInt {
			if len(key)-at < 8 {
				return nil, errShort(at - 1)
			}
			vals = append(vals, int64(binary.BigEndian.Uint64(key[at:])^1<<63))
			at += 8
			continue
		}
		if tag != tagText && tag != tagBlob {
			return nil, fmt.Errorf("key element at byte %d has the unknown tag 0x%02x", at-1, tag)
		}
		end := bytes.IndexByte(key[at:], keyEnd)
		if end < 0 {
			return nil, errShort(at - 1)
		}
		if tag == tagText {
			if !utf8.Valid(key[at : at+end]) {
				return nil, fmt.Errorf("%w: key text at byte %d is not valid UTF-8", ErrNotCanonical, at)
			}
			vals = append(vals, string(key[at:at+end]))
			at += end + 1
			continue
		}
		blob, next, err := readKeyBlob(key, at)
		if err != nil {
			return nil, err
		}
		vals = append(vals, blob)
		at = next
	}
	return vals, nil
}

// readKeyBlob reads an escaped blob that begins at key[at] and gives the index
// after its end.
func readKeyBlob(key []byte, at int) ([]byte, int, error) {
	start := at
	blob := []byte{}
	for {
		i := bytes.IndexByte(key[at:], 0)
		if i < 0 {
			return nil, 0, errShort(start - 1)
		}
		blob = append(blob, key[at:at+i]...)
		at += i + 1
		if at == len(key) || key[at] != keyEscape {
			return blob, at, nil
		}
		blob = append(blob, 0)
		at++
	}
}
