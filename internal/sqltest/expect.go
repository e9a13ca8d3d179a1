package sqltest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
)

func (e expectRows) run(w *world) error {
	columns, came, err := w.query(e.query)
	if err != nil {
		return err
	}
	if len(e.want.list) > 0 && len(e.want.list[0]) != len(columns) {
		return w.failed(e.want.off, "the query has %d columns, and %d are expected", len(columns), len(e.want.list[0]))
	}
	return w.compare(e.want.off, "the query gives", columns, e.want.list, came, e.one)
}

// query runs SQL on the current branch.
func (w *world) query(q query) (columns []string, list [][]any, err error) {
	// Blanks in front give the query's own errors the line and the column that
	// it has in the file.
	above := w.script.text[:q.off]
	column := q.off - strings.LastIndexByte(above, '\n') - 1
	sql := strings.Repeat("\n", strings.Count(above, "\n")) + strings.Repeat(" ", column) + q.sql
	r, err := w.repo.Query(w.ctx, w.real(w.branch), sql, q.args...)
	if err != nil {
		return nil, nil, w.wrongQuery(q, err)
	}
	defer func() { _ = r.Close() }() // read only
	for r.Next() {
		if len(list) == maxRows {
			return nil, nil, w.failed(q.off, "the query gives more than %d rows", maxRows)
		}
		list = append(list, r.Values())
	}
	if err := r.Err(); err != nil {
		return nil, nil, w.wrongQuery(q, err)
	}
	w.mark(list)
	if len(list) > 1 {
		w.several = append(w.several, several{off: w.step.off})
	}
	return r.Columns(), list, nil
}

// wrongQuery places an error of a query, which shows its line itself if it can:
// the query has the lines and columns of the file.
func (w *world) wrongQuery(q query, err error) error {
	f := fault.Of(err)
	if f == nil || w.ctx.Err() != nil {
		return err
	}
	if !strings.Contains(f.What, "\n") {
		return w.script.failAt(q.off, f.What, err)
	}
	at := fault.Of(w.script.failAt(q.off, "", err))
	place, _, _ := strings.Cut(at.What, "\n")
	at.What = place + f.What
	return at
}

// compare fails unless both lists of rows are equal, in order.
func (w *world) compare(off int, what string, columns []string, want, came [][]any, one bool) error {
	if len(want) == len(came) {
		same := true
		for i := range want {
			same = same && equalRow(want[i], came[i])
		}
		if same {
			return nil
		}
	}
	expected, got := showRows(want), showRows(came)
	if one && len(came) == 1 && len(came[0]) == 1 {
		expected, got = show(want[0][0]), show(came[0][0])
	}
	if len(expected)+len(got) < 60 {
		return w.failed(off, "%s %s, expected is %s", what, got, expected)
	}
	err := fault.Of(w.failed(off, "%s other rows (- expected, + came)", what))
	err.What += difference(columns, want, came)
	return err
}

func equalRow(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// equal compares cells by type and value; NULL equals NULL here.
func equal(a, b any) bool {
	x, blob := a.([]byte)
	y, other := b.([]byte)
	if blob || other {
		return blob && other && bytes.Equal(x, y)
	}
	return a == b
}

// show writes a cell as the language reads it, cut where it is long.
func show(v any) string {
	const most = 100
	switch x := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		s := strconv.FormatFloat(x, 'g', -1, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s
	case string:
		if r := []rune(x); len(r) > most {
			x = string(r[:most]) + "…"
		}
		return "'" + strings.ReplaceAll(x, "'", "''") + "'"
	case []byte:
		if len(x) > most/2 {
			return "x'" + hex.EncodeToString(x[:most/2]) + "…'"
		}
		return "x'" + hex.EncodeToString(x) + "'"
	}
	return fmt.Sprint(v)
}
