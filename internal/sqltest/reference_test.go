package sqltest

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// TestReference runs the examples of docs/reference/testing.md: a block that
// should fail gives the text of the block behind it.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("../../docs/reference/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	blocks := regexp.MustCompile("(?ms)^```(sql|text) ?([a-z_.]*)( fails)?\n(.*?)^```").FindAllStringSubmatch(page, -1)
	dir := fstest.MapFS{}
	ran := 0
	for i, m := range blocks {
		if m[2] == "" {
			continue
		}
		dir[m[2]] = &fstest.MapFile{Data: []byte(m[4])}
		if !strings.HasSuffix(m[2], Suffix) {
			continue
		}
		ran++
		f := Run(context.Background(), dir, m[2], Options{})
		if f.Err != nil {
			t.Errorf("%v\n%s", f.Err, m[4])
			continue
		}
		for _, x := range f.Tests {
			switch {
			case m[3] == "" && x.Err != nil:
				t.Error(x.Err)
			case m[3] != "" && (x.Err == nil || x.Err.Error() != strings.TrimSuffix(blocks[i+1][4], "\n")):
				t.Errorf("the page expects\n%s\nthis came\n%v", blocks[i+1][4], x.Err)
			}
		}
	}
	if ran < 4 {
		t.Errorf("the page has %d examples only", ran)
	}
	_, limits, _ := strings.Cut(page, "| limit |")
	for _, n := range []int{maxFile >> 20, maxTests, maxPersonas, maxRows} {
		if !strings.Contains(limits, fmt.Sprint(n)) {
			t.Errorf("the limit %d is not on the page", n)
		}
	}
}
