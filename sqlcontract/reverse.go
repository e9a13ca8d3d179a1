package sqlcontract

import (
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// ReverseScans has trees in memory, made from now on, give rows in another order
// wherever no ORDER BY decides: scans run backwards, and what an ORDER BY leaves
// equal is sorted by the columns, downwards. It is for tests: what becomes
// different then depends on an order that a contract's author did not ask for.
// The states of such trees are no ledger's.
func (e *Engine) ReverseScans() { e.reverse = true }

// orderOf sets a new connection's order of scans.
func (e *Engine) orderOf(conn *sqlite.Conn) error {
	if !e.reverse {
		return nil
	}
	return conn.Exec("PRAGMA reverse_unordered_selects = ON")
}

// breakTies gives each ORDER BY of a SELECT further terms: the columns of the
// result, downwards, for the outer one, the first column for those inside.
func breakTies(sql string, columns int) string {
	toks := aergosql.Split(sql)
	word := func(i int) string {
		if i < 0 || i >= len(toks) {
			return ""
		}
		return strings.ToUpper(sql[toks[i].Start:toks[i].End])
	}
	type level struct{ selects, ordered bool }
	under := []level{{selects: true}}
	var b strings.Builder
	at := 0
	end := func(off int) { // of the present level's ORDER BY
		top := &under[len(under)-1]
		if !top.selects || !top.ordered {
			return
		}
		top.ordered = false
		b.WriteString(sql[at:off] + " , 1 DESC")
		for i := 2; len(under) == 1 && i <= columns; i++ {
			fmt.Fprintf(&b, ", %d DESC", i)
		}
		b.WriteString(" ")
		at = off
	}
	for i, t := range toks {
		switch word(i) {
		case "(":
			next := word(i + 1)
			under = append(under, level{selects: next == "SELECT" || next == "WITH" || next == "VALUES"})
		case ")":
			end(t.Start)
			if len(under) > 1 {
				under = under[:len(under)-1]
			}
		case "ORDER":
			under[len(under)-1].ordered = word(i+1) == "BY"
		case "LIMIT", ";":
			end(t.Start)
		}
	}
	if len(toks) > 0 {
		end(toks[len(toks)-1].End)
	}
	return b.String() + sql[at:]
}
