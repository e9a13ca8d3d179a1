package sqltest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

func showRows(list [][]any) string {
	if len(list) == 0 {
		return "no row"
	}
	var b strings.Builder
	for i, row := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == shownRows {
			fmt.Fprintf(&b, "… (%d rows)", len(list))
			break
		}
		b.WriteString("(")
		for j, v := range row {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(show(v))
		}
		b.WriteString(")")
	}
	return b.String()
}

// difference shows two lists of rows as one table: - before what was expected
// and did not come, + before what came and was not expected, and two rows around.
func difference(columns []string, want, came [][]any) string {
	lines := align(want, came)
	near := make([]bool, len(lines))
	for i, l := range lines {
		if l.sign != " " {
			for k := max(0, i-2); k <= min(len(lines)-1, i+2); k++ {
				near[k] = true
			}
		}
	}
	table := [][]string{append([]string{" "}, columns...)}
	left := 0
	for i, l := range lines {
		if len(table) > shownRows*2 {
			left++
			continue
		}
		if !near[i] {
			if i == 0 || near[i-1] {
				table = append(table, []string{"…"})
			}
			continue
		}
		cells := []string{l.sign}
		for _, v := range l.row {
			cells = append(cells, show(v))
		}
		table = append(table, cells)
	}
	width := make([]int, len(columns)+1)
	for _, cells := range table {
		for i, c := range cells {
			if i < len(width) {
				width[i] = max(width[i], utf8.RuneCountInString(c))
			}
		}
	}
	var b strings.Builder
	for _, cells := range table {
		line := ""
		for i, c := range cells {
			line += c + strings.Repeat(" ", max(0, width[min(i, len(width)-1)]-utf8.RuneCountInString(c))+2)
		}
		b.WriteString("\n  " + strings.TrimRight(line, " "))
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n  … %d lines more", left)
	}
	return b.String()
}

// aligned is a row of one list or, with a blank sign, of both.
type aligned struct {
	sign string
	row  []any
}

// align finds the longest common rows of two lists, in order; of long lists only
// what they begin and end with.
func align(want, came [][]any) []aligned {
	var head, tail []aligned
	for len(want) > 0 && len(came) > 0 && equalRow(want[0], came[0]) {
		head = append(head, aligned{" ", want[0]})
		want, came = want[1:], came[1:]
	}
	for len(want) > 0 && len(came) > 0 && equalRow(want[len(want)-1], came[len(came)-1]) {
		tail = append([]aligned{{" ", want[len(want)-1]}}, tail...)
		want, came = want[:len(want)-1], came[:len(came)-1]
	}
	if len(want)*len(came) > alignedCells {
		for _, r := range want {
			head = append(head, aligned{"-", r})
		}
		for _, r := range came {
			head = append(head, aligned{"+", r})
		}
		return append(head, tail...)
	}
	// common[i][k] is the length of the longest common rows of want[i:] and came[k:].
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(came)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for k := len(came) - 1; k >= 0; k-- {
			if equalRow(want[i], came[k]) {
				common[i][k] = common[i+1][k+1] + 1
			} else {
				common[i][k] = max(common[i+1][k], common[i][k+1])
			}
		}
	}
	for i, k := 0, 0; i < len(want) || k < len(came); {
		switch {
		case i < len(want) && k < len(came) && equalRow(want[i], came[k]):
			head = append(head, aligned{" ", want[i]})
			i, k = i+1, k+1
		case k == len(came) || i < len(want) && common[i+1][k] >= common[i][k+1]:
			head = append(head, aligned{"-", want[i]})
			i++
		default:
			head = append(head, aligned{"+", came[k]})
			k++
		}
	}
	return append(head, tail...)
}
