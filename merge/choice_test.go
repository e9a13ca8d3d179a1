package merge

import (
	"bytes"
	"testing"
)

// What is read is canonical: written again it is the same bytes.
func FuzzDecodeChoices(f *testing.F) {
	for _, list := range [][]Choice{
		{}, {{Key: key("a"), Column: "n", Take: Ours}}, {{Key: key("a"), Take: Theirs}, {Key: key("a"), Column: "n", Take: Value, Value: int64(5)}},
		{{Key: key("a"), Column: "n", Take: Value, Value: "x"}, {Key: key("b"), Column: "n", Take: Value, Value: []byte{0}}, {Key: key("b"), Column: "o", Take: Value}},
	} {
		data, err := EncodeChoices(list)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := DecodeChoices(data)
		if err != nil {
			return
		}
		again, err := EncodeChoices(list)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%x was read as %v and written as %x, %v", data, list, again, err)
		}
	})
}
