package wire_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/aergo-git/aergo-git/internal/wire"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

const vectorFile = "../../testdata/vectors/wire.json"

// vectors are the golden bytes, for us and for other languages.
type vectors struct {
	Keys    []tuple   `json:"keys"`
	Rows    []tuple   `json:"rows"`
	Refused []refused `json:"refused"`
}

type tuple struct {
	Values []cell `json:"values"`
	Bytes  string `json:"bytes"`
}

type refused struct {
	As    string `json:"as"` // object, key or row
	Why   string `json:"why"`
	Bytes string `json:"bytes"`
}

// cell is a SQL value in JSON: exactly one member, or none for NULL.
type cell struct {
	Int  *string `json:"int,omitempty"` // decimal, since JSON numbers are floats
	Text *string `json:"text,omitempty"`
	Blob *string `json:"blob,omitempty"` // hex
}

func toCell(v any) cell {
	switch v := v.(type) {
	case int64:
		s := strconv.FormatInt(v, 10)
		return cell{Int: &s}
	case string:
		return cell{Text: &v}
	case []byte:
		s := hex.EncodeToString(v)
		return cell{Blob: &s}
	}
	return cell{}
}

func (c cell) value(t *testing.T) any {
	switch {
	case c.Int != nil:
		v, err := strconv.ParseInt(*c.Int, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	case c.Text != nil:
		return *c.Text
	case c.Blob != nil:
		b := unhex(t, *c.Blob)
		if b == nil {
			b = []byte{}
		}
		return b
	}
	return nil
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func values(t *testing.T, cells []cell) []any {
	vals := []any{}
	for _, c := range cells {
		vals = append(vals, c.value(t))
	}
	return vals
}

var keyStories = [][]any{
	{int64(0)}, {int64(1)}, {int64(-1)}, {int64(-1 << 63)}, {int64(1<<63 - 1)},
	{""}, {"a"}, {"ab"}, {"über"}, {"𝄞"},
	{[]byte{}}, {[]byte{0}}, {[]byte{0, 0}}, {[]byte{0xff}}, {[]byte{0, 0xff, 1}},
	{int64(1), "ab", []byte{0}}, {"shop", "item", "bolt"}, {"shop", "line", int64(7), int64(2)},
}

var rowStories = [][]any{
	{}, {nil}, {int64(0)}, {int64(23)}, {int64(24)}, {int64(255)}, {int64(256)}, {int64(65535)}, {int64(65536)},
	{int64(1<<32 - 1)}, {int64(1 << 32)}, {int64(1<<63 - 1)}, {int64(-1)}, {int64(-24)}, {int64(-25)}, {int64(-1 << 63)},
	{""}, {"a\x00b"}, {"über"}, {[]byte{}}, {[]byte{1, 2, 3}},
	{"bolt", int64(250), nil, []byte{0xff}},
}

var refusedStories = []refused{
	{"object", "empty", ""},
	{"object", "bytes after the end", "0000"},
	{"object", "integer longer than needed", "1817"},
	{"object", "integer longer than needed", "1900ff"},
	{"object", "integer longer than needed", "1a0000ffff"},
	{"object", "integer longer than needed", "1b00000000ffffffff"},
	{"object", "length longer than needed", "580101"},
	{"object", "ends in the middle", "4201"},
	{"object", "ends in the middle", "820" + "1"},
	{"object", "length beyond any memory", "5bffffffffffffffff"},
	{"object", "elements beyond the limit", "9b0000000100000000"},
	{"object", "indefinite byte string", "5f4101ff"},
	{"object", "indefinite text", "7f6161ff"},
	{"object", "indefinite array", "9f01ff"},
	{"object", "indefinite map", "bf0101ff"},
	{"object", "tag", "c11a514b67b0"},
	{"object", "half float", "f93c00"},
	{"object", "single float", "fa3f800000"},
	{"object", "double float", "fb3ff0000000000000"},
	{"object", "undefined", "f7"},
	{"object", "simple value", "e0"},
	{"object", "simple value", "f8ff"},
	{"object", "reserved length", "1c"},
	{"object", "text is not UTF-8", "61ff"},
	{"object", "text is a surrogate", "63eda080"},
	{"object", "duplicate map key", "a201010102"},
	{"object", "map keys out of order", "a202010101"},
	{"object", "nested 17 deep", "818181818181818181818181818181818180"},
	{"key", "empty", ""},
	{"key", "unknown tag", "0400"},
	{"key", "integer ends in the middle", "0180"},
	{"key", "text without end", "0261"},
	{"key", "text is not UTF-8", "02ff00"},
	{"key", "text with an escape", "026100ff6100"},
	{"key", "blob without end", "0361"},
	{"key", "blob without end", "0300ff"},
	{"row", "empty", ""},
	{"row", "no array", "a0"},
	{"row", "bytes after the end", "8000"},
	{"row", "boolean", "81f5"},
	{"row", "array in a row", "8180"},
	{"row", "float", "81fb3ff0000000000000"},
	{"row", "integer above 63 bits", "811b8000000000000000"},
	{"row", "integer below 63 bits", "813b8000000000000000"},
	{"row", "integer longer than needed", "811817"},
	{"row", "text is not UTF-8", "8161ff"},
	{"row", "more cells than bytes", "9907d0"},
}

// The vectors in the tree are what this code makes, and it reads them back.
func TestGoldenVectors(t *testing.T) {
	var want vectors
	for _, vals := range keyStories {
		b, err := wire.AppendKey(nil, vals...)
		if err != nil {
			t.Fatal(err)
		}
		want.Keys = append(want.Keys, story(vals, b))
	}
	for _, vals := range rowStories {
		b, err := wire.AppendRow(nil, vals)
		if err != nil {
			t.Fatal(err)
		}
		want.Rows = append(want.Rows, story(vals, b))
	}
	want.Refused = refusedStories
	if *update {
		b, err := json.MarshalIndent(want, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var got vectors
	if err := json.Unmarshal(file, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("testdata/vectors/wire.json is not what the code makes; a format must not change")
	}
	for _, k := range got.Keys {
		vals, err := wire.DecodeKey(unhex(t, k.Bytes))
		if err != nil || !reflect.DeepEqual(vals, values(t, k.Values)) {
			t.Errorf("key %s: %v, %v", k.Bytes, vals, err)
		}
	}
	for _, r := range got.Rows {
		vals, err := wire.DecodeRow(unhex(t, r.Bytes))
		if err != nil || !reflect.DeepEqual(vals, values(t, r.Values)) {
			t.Errorf("row %s: %v, %v", r.Bytes, vals, err)
		}
	}
	for _, r := range got.Refused {
		if err := decodeAs(r.As, unhex(t, r.Bytes)); err == nil {
			t.Errorf("%s %s is accepted: %s", r.As, r.Bytes, r.Why)
		}
	}
}

func story(vals []any, b []byte) tuple {
	s := tuple{Values: []cell{}, Bytes: hex.EncodeToString(b)}
	for _, v := range vals {
		s.Values = append(s.Values, toCell(v))
	}
	return s
}

func decodeAs(form string, b []byte) (err error) {
	switch form {
	case "object":
		err = wire.Check(b)
	case "key":
		_, err = wire.DecodeKey(b)
	case "row":
		_, err = wire.DecodeRow(b)
	}
	return err
}
