package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// Raw is the canonical CBOR of one value that is not decoded yet.
type Raw = cbor.RawMessage

// ErrNotCanonical is wrapped by every error about bytes that are well-formed
// but written in another way than the one we accept.
var ErrNotCanonical = errors.New("not in canonical form")

// The two modes are immutable once made.
var (
	encMode = mustMode(encOptions().EncMode())
	decMode = mustMode(decOptions().DecMode())
)

func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	// A nil list and an empty one are the same value, so they get the same bytes.
	o.NilContainers = cbor.NilContainerAsEmpty
	return o
}

func decOptions() cbor.DecOptions {
	return cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IntDec:            cbor.IntDecConvertSignedOrFail,
		MaxNestedLevels:   MaxDepth,
		MaxArrayElements:  MaxElements,
		MaxMapPairs:       MaxElements,
	}
}

// mustMode stops the program at start-up when the constant options above
// contradict each other; no input can reach it.
func mustMode[T any](mode T, err error) T {
	if err != nil {
		panic("wire: " + err.Error())
	}
	return mode
}

// Marshal gives the canonical CBOR of v: a struct with `keyasint` or `toarray`
// tags, or anything made of integers, booleans, strings, byte strings, slices
// and maps. Nil slices and maps are written as empty ones. It refuses what
// Unmarshal would refuse, floats for one.
func Marshal(v any) ([]byte, error) {
	data, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if err := Check(data); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return data, nil
}

// Unmarshal decodes the canonical CBOR data into v, a pointer to a zero value.
// It refuses unknown keys and whatever Marshal(v) would not write as the same
// bytes. What it decodes never aliases data. Memory use is proportional to
// len(data) with a factor of at most the size of v's largest element type:
// limit len(data) first.
func Unmarshal(data []byte, v any) error {
	if err := Check(data); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if err := decMode.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("decode: %w: it re-encodes to other bytes", ErrNotCanonical)
	}
	return nil
}

// UnmarshalLimit is Unmarshal for foreign bytes of at most max bytes.
func UnmarshalLimit(data []byte, v any, max int) error {
	if len(data) > max {
		return fmt.Errorf("decode: %d bytes, at most %d are allowed", len(data), max)
	}
	return Unmarshal(data, v)
}

// Check reports whether data is exactly one item of canonical CBOR as this
// package defines it. It does not allocate.
func Check(data []byte) error {
	n, err := checkItem(data, 0, 0)
	if err != nil {
		return err
	}
	if n != len(data) {
		return fmt.Errorf("%w: %d bytes after the end", ErrNotCanonical, len(data)-n)
	}
	return nil
}

// The major types of RFC 8949 section 3.1 that we use.
const (
	majorUint   = 0
	majorNegint = 1
	majorBytes  = 2
	majorText   = 3
	majorArray  = 4
	majorMap    = 5
	majorSimple = 7
)

const (
	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6
)

// checkItem checks the item that begins at data[at] and gives the index after it.
func checkItem(data []byte, at, depth int) (int, error) {
	start := at
	major, arg, at, err := readHead(data, at)
	if err != nil {
		return 0, err
	}
	switch major {
	case majorUint, majorNegint:
		return at, nil
	case majorBytes, majorText:
		if arg > uint64(len(data)-at) {
			return 0, errShort(start)
		}
		end := at + int(arg)
		if major == majorText && !utf8.Valid(data[at:end]) {
			return 0, fmt.Errorf("%w: text at byte %d is not valid UTF-8", ErrNotCanonical, start)
		}
		return end, nil
	case majorArray, majorMap:
		if depth == MaxDepth {
			return 0, fmt.Errorf("%w: nested deeper than %d at byte %d", ErrNotCanonical, MaxDepth, start)
		}
		if arg > MaxElements {
			return 0, fmt.Errorf("%d elements at byte %d, at most %d are allowed", arg, start, MaxElements)
		}
		if major == majorMap {
			return checkPairs(data, at, int(arg), depth)
		}
		for range arg {
			if at, err = checkItem(data, at, depth+1); err != nil {
				return 0, err
			}
		}
		return at, nil
	default:
		switch data[start] {
		case cborFalse, cborTrue, cborNull:
			return at, nil
		}
		return 0, fmt.Errorf("%w: byte 0x%02x at %d (a tag, float, undefined or simple value)", ErrNotCanonical, data[start], start)
	}
}

// checkPairs checks n pairs of a map, whose encoded keys must ascend strictly.
func checkPairs(data []byte, at, n, depth int) (int, error) {
	var last []byte
	for i := range n {
		end, err := checkItem(data, at, depth+1)
		if err != nil {
			return 0, err
		}
		key := data[at:end]
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return 0, fmt.Errorf("%w: map key at byte %d is out of order or a duplicate", ErrNotCanonical, at)
		}
		last = key
		if at, err = checkItem(data, end, depth+1); err != nil {
			return 0, err
		}
	}
	return at, nil
}

// readHead reads the initial byte and argument of an item at data[at]. For
// major types 6 and 7 the argument is not read: the caller refuses them or
// knows that there is none.
func readHead(data []byte, at int) (major byte, arg uint64, next int, err error) {
	if at >= len(data) {
		return 0, 0, 0, errShort(at)
	}
	major, info := data[at]>>5, data[at]&0x1f
	if major > majorMap || info < 24 {
		return major, uint64(info), at + 1, nil
	}
	if info > 27 {
		return 0, 0, 0, fmt.Errorf("%w: indefinite or reserved length at byte %d", ErrNotCanonical, at)
	}
	size := 1 << (info - 24)
	body := data[at+1:]
	if len(body) < size {
		return 0, 0, 0, errShort(at)
	}
	var least uint64
	switch size {
	case 1:
		arg, least = uint64(body[0]), 24
	case 2:
		arg, least = uint64(binary.BigEndian.Uint16(body)), 1<<8
	case 4:
		arg, least = uint64(binary.BigEndian.Uint32(body)), 1<<16
	case 8:
		arg, least = binary.BigEndian.Uint64(body), 1<<32
	}
	if arg < least {
		return 0, 0, 0, fmt.Errorf("%w: number at byte %d is longer than it needs to be", ErrNotCanonical, at)
	}
	return major, arg, at + 1 + size, nil
}

// appendHead appends an initial byte with its argument in the shortest form.
func appendHead(dst []byte, major byte, arg uint64) []byte {
	m := major << 5
	switch {
	case arg < 24:
		return append(dst, m|byte(arg))
	case arg < 1<<8:
		return append(dst, m|24, byte(arg))
	case arg < 1<<16:
		return append(dst, m|25, byte(arg>>8), byte(arg))
	case arg < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, m|26), uint32(arg))
	default:
		return binary.BigEndian.AppendUint64(append(dst, m|27), arg)
	}
}

func errShort(at int) error {
	return fmt.Errorf("bytes end in the middle of the value that begins at byte %d", at)
}
