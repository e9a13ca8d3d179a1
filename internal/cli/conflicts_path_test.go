package cli

import (
	"slices"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
)

// TestConflictPaths: what is printed of any key can be typed back, and names
// that key only.
func TestConflictPaths(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range [][]any{
		{"tea"}, {""}, {"a,b", "c"}, {"a", "b,c"}, {"x]y", int64(-1)}, {"].price", int64(1)}, {`o"q`}, {`"q"`}, {`a\b,`}, {"a=b"}, {" a "},
		{"nl\nx", "\u202e,"}, {"zü€ 日本"}, {[]byte{0, 255}}, {"it's", "["},
	} {
		path := conflictPath(repo.Conflict{Contract: "shop", Table: "item", Key: key, Column: "price"})
		if seen[path] {
			t.Errorf("%s names two rows", path)
		}
		seen[path] = true
		at, value, ok := cutPath(path + "=1=[2")
		if at != path || value != "1=[2" || !ok {
			t.Errorf("%s is cut into %s and %s", path, at, value)
		}
		c, err := parsePath(at)
		var want []string
		for _, v := range key {
			if text, is := v.(string); is {
				want = append(want, text)
			} else {
				want = append(want, cell(v))
			}
		}
		if err != nil || c.Contract != "shop" || c.Table != "item" || c.Column != "price" || !slices.Equal(c.Key, want) {
			t.Errorf("%s is read as %+v: %v", path, c, err)
		}
	}
	for _, path := range []string{"", "a.b[", `a.b["x]`, `a.b["x"y]`, "a[x]", "a.b[x]c", "a.b[x].", "a..b", "a.b.c.d"} {
		if c, err := parsePath(path); err == nil {
			t.Errorf("%q is read as %+v", path, c)
		}
	}
}
