package wire

import "fmt"

// AppendArray appends the head of an array of n elements, which the caller
// appends next. With AppendBytes it writes long regular objects, such as lists,
// without reflection.
func AppendArray(dst []byte, n int) []byte {
	return appendHead(dst, majorArray, uint64(n))
}

// AppendBytes appends one byte string.
func AppendBytes(dst, b []byte) []byte {
	return append(appendHead(dst, majorBytes, uint64(len(b))), b...)
}

// ReadArray reads the head of an array of at most [MaxElements] elements and
// gives the bytes after it. An element has at least one byte, so n <= len(rest).
func ReadArray(data []byte) (n int, rest []byte, err error) {
	major, arg, at, err := readHead(data, 0)
	if err != nil {
		return 0, nil, err
	}
	if major != majorArray || arg > MaxElements {
		return 0, nil, fmt.Errorf("found CBOR major type %d with argument %d, want an array of at most %d elements", major, arg, MaxElements)
	}
	if arg > uint64(len(data)-at) {
		return 0, nil, errShort(0)
	}
	return int(arg), data[at:], nil
}

// ReadBytes reads one byte string, which aliases data, and gives the bytes after it.
func ReadBytes(data []byte) (b, rest []byte, err error) {
	major, arg, at, err := readHead(data, 0)
	if err != nil {
		return nil, nil, err
	}
	if major != majorBytes {
		return nil, nil, fmt.Errorf("found CBOR major type %d, want a byte string", major)
	}
	if arg > uint64(len(data)-at) {
		return nil, nil, errShort(0)
	}
	end := at + int(arg)
	return data[at:end:end], data[end:], nil
}
