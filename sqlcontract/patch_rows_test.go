package sqlcontract

import (
	"bytes"
	"testing"

	"github.com/aergo-git/aergo-git/internal/wire"
)

func patchKey(parts ...any) []byte {
	key, err := wire.AppendKey(nil, parts...)
	if err != nil {
		return nil
	}
	return key
}

// goodPatch has a row of each operation.
func goodPatch() []PatchRow {
	return []PatchRow{
		{Key: patchKey("shop", "item", "a"), Op: RowUpdate, Cells: []PatchCell{{Column: "price", Old: int64(1), New: int64(2)}, {Column: "text", Old: nil, New: "x"}}},
		{Key: patchKey("shop", "item", "b"), Op: RowInsert, Cells: []PatchCell{{Column: "price", New: int64(2)}}},
		{Key: patchKey("shop", "item", "c"), Op: RowDelete, Cells: []PatchCell{{Column: "blob", Old: []byte{1}}}},
	}
}

// TestPatchRows refuses each row that no honest revert has.
func TestPatchRows(t *testing.T) {
	data, err := EncodePatch(goodPatch())
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := DecodePatch(data); err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	for what, spoil := range map[string]func(r []PatchRow) []PatchRow{
		"none":          func([]PatchRow) []PatchRow { return nil },
		"order of keys": func(r []PatchRow) []PatchRow { r[0], r[1] = r[1], r[0]; return r },
		"a key twice":   func(r []PatchRow) []PatchRow { r[1].Key = r[0].Key; return r },
		"a role": func(r []PatchRow) []PatchRow {
			r[0].Key = patchKey("aergo_role", "role", "shop", "m", "x")
			return r[:1]
		},
		"seen":             func(r []PatchRow) []PatchRow { r[0].Key = patchKey("aergo_seen", "seen", int64(1)); return r[:1] },
		"no row's key":     func(r []PatchRow) []PatchRow { r[0].Key = patchKey("shop", "item"); return r[:1] },
		"operation":        func(r []PatchRow) []PatchRow { r[0].Op = 4; return r },
		"nothing changed":  func(r []PatchRow) []PatchRow { r[0].Cells = nil; return r },
		"an equal value":   func(r []PatchRow) []PatchRow { r[0].Cells[0].New = int64(1); return r },
		"order of columns": func(r []PatchRow) []PatchRow { c := r[0].Cells; c[0], c[1] = c[1], c[0]; return r },
		"old of an insert": func(r []PatchRow) []PatchRow { r[1].Cells[0].Old = int64(1); return r },
		"new of a delete":  func(r []PatchRow) []PatchRow { r[2].Cells[0].New = int64(1); return r },
		"a REAL":           func(r []PatchRow) []PatchRow { r[0].Cells[0].New = 1.5; return r },
		"too many":         func(r []PatchRow) []PatchRow { return make([]PatchRow, MaxPatchRows+1) },
	} {
		rows := spoil(goodPatch())
		if _, err := EncodePatch(rows); err == nil {
			t.Errorf("%s: it was encoded", what)
		}
		if data, err := wire.Marshal(rows); err == nil {
			if _, err := DecodePatch(data); err == nil {
				t.Errorf("%s: it was decoded", what)
			}
		}
	}
}

func FuzzDecodePatch(f *testing.F) {
	data, err := EncodePatch(goodPatch())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := DecodePatch(data)
		if err != nil {
			return
		}
		if again, err := EncodePatch(rows); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x came back as %x, %v", data, again, err)
		}
	})
}
