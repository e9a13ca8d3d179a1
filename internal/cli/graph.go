package cli

import (
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/objectstore"
)

// graph draws the lines beside a log, a column for each line of history that
// is under way. Blocks come in log order: each before its parents.
//
//   - 9d2c713 merge
//     |\
//   - |  51d7a0e
//     | *  e2b94c7
//     |/
//   - 43aa01f
type graph struct {
	columns []objectstore.Hash // the block that each column waits for
}

// row takes the next block. joins are lines to print before it, node is the
// beginning of its own line, after are lines to print below it.
func (g *graph) row(block objectstore.Hash, parents []objectstore.Hash, firstParent bool) (joins []string, node string, after []string) {
	at := slices.Index(g.columns, block)
	if at < 0 {
		g.columns = append(g.columns, block)
		at = len(g.columns) - 1
	}
	// Columns further right that wait for the same block end here.
	for i := len(g.columns) - 1; i > at; i-- {
		if g.columns[i] != block {
			continue
		}
		joins = append(joins, g.slant(i, '/'))
		g.columns = slices.Delete(g.columns, i, i+1)
	}
	cells := make([]string, len(g.columns))
	for i := range cells {
		cells[i] = "|"
	}
	cells[at] = "*"
	node = strings.Join(cells, " ") + "  "
	if firstParent && len(parents) > 1 {
		parents = parents[:1]
	}
	switch len(parents) {
	case 0:
		g.columns = slices.Delete(g.columns, at, at+1)
	case 1:
		g.columns[at] = parents[0]
	default:
		g.columns[at] = parents[0]
		g.columns = slices.Insert(g.columns, at+1, parents[1])
		after = append(after, g.slant(at+1, '\\'))
	}
	return joins, node, after
}

// slant is a line on which column i leaves to the left (/) or comes from there (\).
func (g *graph) slant(i int, stroke byte) string {
	var b strings.Builder
	for j := range g.columns {
		switch {
		case j < i:
			b.WriteString("|")
			if j == i-1 {
				b.WriteByte(stroke)
			} else {
				b.WriteByte(' ')
			}
		case j > i && stroke == '/':
			b.WriteString(" /")
		case j > i:
			b.WriteString(` \`)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// margin is the beginning of a line that belongs to the block above it.
func (g *graph) margin() string {
	return strings.Repeat("| ", len(g.columns)) + " "
}
