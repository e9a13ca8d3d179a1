package importer

import (
	"encoding/hex"
	"strconv"
)

// appendRow adds a row as a JSON array: INTEGER as a number, TEXT as a string,
// BLOB as hex, NULL as null.
func appendRow(b []byte, row []any) []byte {
	b = append(b, '[')
	for i, v := range row {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := v.(type) {
		case nil:
			b = append(b, "null"...)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case string:
			b = appendText(b, v)
		case []byte:
			b = append(b, '"')
			b = hex.AppendEncode(b, v)
			b = append(b, '"')
		}
	}
	return append(b, ']')
}

// appendText quotes a valid UTF-8 text as JSON does, and no more than it must.
func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		if from = i + 1; c >= ' ' {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}

// jsonSize is the length of appendRow.
func jsonSize(row []any) int { return len(appendRow(nil, row)) }
