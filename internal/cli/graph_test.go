package cli

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/objectstore"
)

// TestGraph draws small histories: each line is a block and its parents, as a
// log gives them.
func TestGraph(t *testing.T) {
	for _, c := range []struct{ name, blocks, want string }{
		{"one line", "c b; b a; a", `
* c
* b
* a`},
		{"a merge", "m b x; x a; b a; a g; g", `
* m
|\
| * x
* | b
|/
* a
* g`},
		{"two heads", "x a; b a; a", `
* x
| * b
|/
* a`},
		{"two merges of one branch", "n m y; y x; m b x; x a; b a; a", `
* n
|\
| * y
* | m
|\ \
| |/
| * x
* | b
|/
* a`},
	} {
		g := &graph{}
		var out []string
		for _, line := range strings.Split(c.blocks, "; ") {
			names := strings.Fields(line)
			var parents []objectstore.Hash
			for _, p := range names[1:] {
				parents = append(parents, objectstore.Hash{p[0]})
			}
			joins, node, after := g.row(objectstore.Hash{names[0][0]}, parents, false)
			out = append(out, joins...)
			out = append(out, strings.TrimRight(node, " ")+" "+names[0])
			out = append(out, after...)
		}
		if got := "\n" + strings.Join(out, "\n"); got != c.want {
			t.Errorf("%s:%s\nwant%s", c.name, got, c.want)
		}
	}
}
