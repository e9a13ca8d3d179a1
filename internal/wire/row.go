package wire

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// AppendRow appends the canonical CBOR array of cells (nil, int64, string or
// []byte each) to dst. Text must be valid UTF-8. On an error dst is unchanged,
// up to its length.
func AppendRow(dst []byte, cells []any) ([]byte, error) {
	if len(cells) > MaxCells {
		return nil, fmt.Errorf("row of %d cells, at most %d are allowed", len(cells), MaxCells)
	}
	dst = appendHead(dst, majorArray, uint64(len(cells)))
	for i, cell := range cells {
		switch v := cell.(type) {
		case nil:
			dst = append(dst, cborNull)
		case int64:
			if v >= 0 {
				dst = appendHead(dst, majorUint, uint64(v))
			} else {
				dst = appendHead(dst, majorNegint, uint64(^v))
			}
		case string:
			if !utf8.ValidString(v) {
				return nil, fmt.Errorf("cell %d: text is not valid UTF-8", i)
			}
			dst = append(appendHead(dst, majorText, uint64(len(v))), v...)
		case []byte:
			dst = append(appendHead(dst, majorBytes, uint64(len(v))), v...)
		default:
			return nil, fmt.Errorf("cell %d is a %T; a cell holds nil, int64, string or []byte", i, cell)
		}
	}
	return dst, nil
}

// DecodeRow gives the cells of a row. It refuses what AppendRow would not
// write. []byte cells alias data, which must not change afterwards; text is
// copied.
func DecodeRow(data []byte) ([]any, error) {
	return DecodeRowInto(nil, data)
}

// DecodeRowInto is DecodeRow that appends the cells to dst, to reuse its memory.
func DecodeRowInto(dst []any, data []byte) ([]any, error) {
	major, n, at, err := readHead(data, 0)
	if err != nil {
		return nil, err
	}
	if major != majorArray || n > MaxCells {
		return nil, fmt.Errorf("a row is an array of at most %d cells", MaxCells)
	}
	// A cell has at least one byte, so a short input cannot ask for much memory.
	if n > uint64(len(data)-at) {
		return nil, errShort(0)
	}
	if dst == nil {
		dst = make([]any, 0, n)
	}
	for range n {
		start := at
		var arg uint64
		if major, arg, at, err = readHead(data, at); err != nil {
			return nil, err
		}
		switch major {
		case majorUint, majorNegint:
			if arg > math.MaxInt64 {
				return nil, fmt.Errorf("integer at byte %d does not fit in 64 bits with a sign", start)
			}
			v := int64(arg)
			if major == majorNegint {
				v = ^v
			}
			dst = append(dst, v)
		case majorBytes, majorText:
			if arg > uint64(len(data)-at) {
				return nil, errShort(start)
			}
			body := data[at : at+int(arg) : at+int(arg)]
			at += int(arg)
			if major == majorBytes {
				dst = append(dst, body)
				continue
			}
			if !utf8.Valid(body) {
				return nil, fmt.Errorf("%w: text at byte %d is not valid UTF-8", ErrNotCanonical, start)
			}
			dst = append(dst, string(body))
		default:
			if data[start] != cborNull {
				return nil, fmt.Errorf("%w: byte 0x%02x at %d is no cell", ErrNotCanonical, data[start], start)
			}
			dst = append(dst, nil)
		}
	}
	if at != len(data) {
		return nil, fmt.Errorf("%w: %d bytes after the row", ErrNotCanonical, len(data)-at)
	}
	return dst, nil
}
