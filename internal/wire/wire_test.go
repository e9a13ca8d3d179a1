package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/internal/wire"
)

type sample struct {
	Version uint64          `cbor:"1,keyasint"`
	Note    string          `cbor:"2,keyasint,omitempty"`
	List    [][]byte        `cbor:"3,keyasint,omitempty"`
	Pair    pair            `cbor:"4,keyasint"`
	Extra   wire.Extensions `cbor:"5,keyasint,omitempty"`
}

type pair struct {
	_ struct{} `cbor:",toarray"`
	A int64
	B []byte
}

func TestObjectRoundTrip(t *testing.T) {
	for _, s := range []sample{
		{},
		{Version: 1, Note: "a", List: [][]byte{{1}, {}}, Pair: pair{A: -5, B: []byte{1}}},
		{Extra: wire.Extensions{1: {0x01}, 300: {0x82, 0x01, 0x02}}},
	} {
		data, err := wire.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back sample
		if err := wire.Unmarshal(data, &back); err != nil {
			t.Fatalf("%x: %v", data, err)
		}
		again, err := wire.Marshal(back)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x became %x, %v", data, again, err)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, c := range []struct{ why, hex string }{
		{"unknown key", "a301010482004007" + "00"},
		{"missing field", "a10101"},
		{"empty field that is omitted", "a30101026004820040"},
		{"null for bytes", "a2010104820" + "0f6"},
		{"null for the struct", "f6"},
		{"array too short", "a20101048100"},
		{"array too long", "a2010104830040" + "00"},
		{"text for bytes", "a20101048200" + "60"},
		{"negative for unsigned", "a2012004820040"},
		{"empty extensions", "a3010104820040" + "05a0"},
		{"text as key", "a2616101" + "04820040"},
	} {
		var s sample
		if err := wire.Unmarshal(unhex(t, c.hex), &s); err == nil {
			t.Errorf("%s is accepted: %s", c.why, c.hex)
		}
	}
	var s sample
	if err := wire.UnmarshalLimit(make([]byte, 11), &s, 10); err == nil || !strings.Contains(err.Error(), "at most 10") {
		t.Errorf("a too long input: %v", err)
	}
}

func TestMarshalRefusesWhatCannotBeRead(t *testing.T) {
	for _, v := range []any{1.5, map[string]any{"a": float32(1)}, "\xff", wire.Raw{0x18, 0x01}, cbor.Tag{Number: 1, Content: 1}} {
		if data, err := wire.Marshal(v); err == nil {
			t.Errorf("%#v became %x", v, data)
		}
	}
}

func TestExtensions(t *testing.T) {
	knows2 := func(k uint64) bool { return k == 2 }
	for _, c := range []struct {
		e     wire.Extensions
		known func(uint64) bool
		ok    bool
	}{
		{nil, nil, true},
		{wire.Extensions{1: {0}, 99: {0}}, nil, true},
		{wire.Extensions{2: {0}}, nil, false},
		{wire.Extensions{2: {0}}, knows2, true},
		{wire.Extensions{2: {0}, 4: {0}}, knows2, false},
		{wire.Extensions{1: {0x18, 0x00}}, nil, false},
		{wire.Extensions{1: nil}, nil, false},
	} {
		if err := c.e.Check(c.known); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.e, err)
		}
	}
}

func TestKeyRefuses(t *testing.T) {
	for _, vals := range [][]any{
		{nil}, {int64(1), nil}, {1}, {1.5}, {true}, {"a\x00"}, {"\xff"},
		{strings.Repeat("x", wire.MaxKey-1)},
		{bytes.Repeat([]byte{0}, wire.MaxKey/2)},
	} {
		if key, err := wire.AppendKey(nil, vals...); err == nil {
			t.Errorf("%.40v became %x", vals, key)
		}
	}
	longest, err := wire.AppendKey(nil, strings.Repeat("x", wire.MaxKey-2))
	if err != nil || len(longest) != wire.MaxKey {
		t.Errorf("the longest key has %d bytes: %v", len(longest), err)
	}
	if _, err := wire.DecodeKey(append(longest, 1, 0, 0, 0, 0, 0, 0, 0, 0)); err == nil {
		t.Error("a longer key is read")
	}
}

// drawCell draws cells that share prefixes and sit at borders.
func drawCell(r *rand.Rand) any {
	switch r.IntN(3) {
	case 0:
		v := int64(1) << r.IntN(64)
		return []int64{v, -v, v - 1, int64(r.Uint64())}[r.IntN(4)]
	case 1:
		runes := []rune("ab\x01\x7fü𝄞")
		s := ""
		for range r.IntN(4) {
			s += string(runes[r.IntN(len(runes))])
		}
		return s
	default:
		b := make([]byte, r.IntN(4))
		for i := range b {
			b[i] = []byte{0, 0, 1, 0xff, 'a'}[r.IntN(5)]
		}
		return b
	}
}

// compareCells is SQLite's order of keys without NULL.
func compareCells(a, b []any) int {
	rank := func(v any) int {
		switch v.(type) {
		case int64:
			return 0
		case string:
			return 1
		}
		return 2
	}
	for i := range min(len(a), len(b)) {
		if c := rank(a[i]) - rank(b[i]); c != 0 {
			return c
		}
		c := 0
		switch x := a[i].(type) {
		case int64:
			if y := b[i].(int64); x < y {
				c = -1
			} else if x > y {
				c = 1
			}
		case string:
			c = strings.Compare(x, b[i].(string))
		case []byte:
			c = bytes.Compare(x, b[i].([]byte))
		}
		if c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// Keys sort as SQLite sorts the tuples, and a prefix bounds its keys.
func TestKeyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	draw := func() []any {
		vals := []any{}
		for range 1 + r.IntN(3) {
			vals = append(vals, drawCell(r))
		}
		return vals
	}
	for range 50_000 {
		a, b := draw(), draw()
		ka, err := wire.AppendKey(nil, a...)
		if err != nil {
			t.Fatal(err)
		}
		kb, err := wire.AppendKey(nil, b...)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := bytes.Compare(ka, kb), sign(compareCells(a, b)); got != want {
			t.Fatalf("%#v and %#v: keys compare %d, want %d", a, b, got, want)
		}
		back, err := wire.DecodeKey(ka)
		if err != nil || !reflect.DeepEqual(back, a) {
			t.Fatalf("%#v became %#v: %v", a, back, err)
		}
		isPrefix := len(b) >= len(a) && compareCells(a, b[:len(a)]) == 0
		within := bytes.Compare(kb, ka) >= 0 && bytes.Compare(kb, wire.KeyPrefixEnd(ka)) < 0
		if isPrefix != within {
			t.Fatalf("%#v begins with %#v: %v, but is in its range: %v", b, a, isPrefix, within)
		}
	}
}

// A row is what the CBOR library writes for the same cells.
func TestRowIsCoreDeterministic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		cells := []any{}
		for range r.IntN(30) {
			if r.IntN(5) == 0 {
				cells = append(cells, nil)
			} else {
				cells = append(cells, drawCell(r))
			}
		}
		want, err := mode.Marshal(cells)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.AppendRow([]byte("x"), cells)
		if err != nil || !bytes.Equal(got[1:], want) {
			t.Fatalf("%#v became %x, want %x: %v", cells, got, want, err)
		}
		back, err := wire.DecodeRow(want)
		if err != nil || !reflect.DeepEqual(back, cells) {
			t.Fatalf("%#v became %#v: %v", cells, back, err)
		}
		if err := wire.Check(want); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRowRefuses(t *testing.T) {
	for _, cells := range [][]any{{1}, {1.5}, {"\xff"}, {true}, make([]any, wire.MaxCells+1)} {
		if row, err := wire.AppendRow(nil, cells); err == nil {
			t.Errorf("%.40v became %x", cells, row)
		}
	}
}

func TestNotCanonicalIsNamed(t *testing.T) {
	if err := wire.Check([]byte{0x18, 0x01}); !errors.Is(err, wire.ErrNotCanonical) {
		t.Error(err)
	}
}

func TestParts(t *testing.T) {
	data := wire.AppendBytes(wire.AppendArray(nil, 1), []byte("ab"))
	if err := wire.Check(data); err != nil {
		t.Fatal(err)
	}
	n, rest, err := wire.ReadArray(data)
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
	b, rest, err := wire.ReadBytes(rest)
	if string(b) != "ab" || len(rest) != 0 || err != nil {
		t.Fatal(b, rest, err)
	}
	if _, _, err := wire.ReadArray([]byte{0x40}); err == nil {
		t.Error("bytes are read as an array")
	}
	if _, _, err := wire.ReadArray([]byte{0x9a, 0, 1, 0, 0}); err == nil {
		t.Error("an array with more elements than bytes is read")
	}
	if _, _, err := wire.ReadBytes([]byte{0x80}); err == nil {
		t.Error("an array is read as bytes")
	}
	if _, _, err := wire.ReadBytes([]byte{0x42, 0}); err == nil {
		t.Error("short bytes are read")
	}
}

// Whatever Check accepts, an independent decoder reads and writes as the same bytes.
func FuzzCheck(f *testing.F) {
	for _, r := range refusedStories {
		f.Add(unhex(f, r.Bytes))
	}
	f.Add(unhex(f, "a20101048200"+"40"))
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		f.Fatal(err)
	}
	dec, err := cbor.DecOptions{MapKeyByteString: cbor.MapKeyByteStringAllowed, IntDec: cbor.IntDecConvertNone}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if wire.Check(data) != nil {
			return
		}
		var v any
		if err := dec.Unmarshal(data, &v); err != nil {
			if strings.Contains(err.Error(), "map key") {
				return // Go maps cannot hold every key; ours are integers
			}
			t.Fatalf("%x: %v", data, err)
		}
		again, err := enc.Marshal(v)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x became %x: %v", data, again, err)
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(unhex(f, "a2010104820040"))
	f.Add(unhex(f, "a501010261610381410104822041010"+"5a10101"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s sample
		if wire.Unmarshal(data, &s) != nil {
			return
		}
		again, err := wire.Marshal(s)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x became %x: %v", data, again, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, vals := range keyStories {
		key, _ := wire.AppendKey(nil, vals...)
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		vals, err := wire.DecodeKey(data)
		if err != nil {
			return
		}
		again, err := wire.AppendKey(nil, vals...)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x became %x: %v", data, again, err)
		}
	})
}

func FuzzRow(f *testing.F) {
	for _, cells := range rowStories {
		row, _ := wire.AppendRow(nil, cells)
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cells, err := wire.DecodeRow(data)
		if err != nil {
			return
		}
		again, err := wire.AppendRow(nil, cells)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x became %x: %v", data, again, err)
		}
	})
}

var benchRow = []any{"bolt M8", int64(250), nil, int64(1_700_000_000_000), []byte("0123456789abcdef")}

func BenchmarkAppendRow(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf, _ = wire.AppendRow(buf[:0], benchRow)
	}
}

// The named alternative to AppendRow: the library with reflection.
func BenchmarkAppendRowByLibrary(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.Marshal(benchRow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRow(b *testing.B) {
	b.ReportAllocs()
	row, _ := wire.AppendRow(nil, benchRow)
	var cells []any
	for b.Loop() {
		cells, _ = wire.DecodeRowInto(cells[:0], row)
	}
}

// The named alternative to DecodeRow: the library with reflection.
func BenchmarkDecodeRowByLibrary(b *testing.B) {
	b.ReportAllocs()
	row, _ := wire.AppendRow(nil, benchRow)
	for b.Loop() {
		var cells []any
		if err := cbor.Unmarshal(row, &cells); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendKey(b *testing.B) {
	b.ReportAllocs()
	key := make([]byte, 0, 64)
	vals := []any{"shop", "item", "bolt", int64(7)}
	for b.Loop() {
		key, _ = wire.AppendKey(key[:0], vals...)
	}
}

func ExampleAppendKey() {
	key, _ := wire.AppendKey(nil, int64(1), "ab", []byte{0})
	fmt.Printf("% x\n", key)
	// Output: 01 80 00 00 00 00 00 00 01 02 61 62 00 03 00 ff 00
}
