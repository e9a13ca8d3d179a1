package repo_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The model of merging by cell: whole states in maps, ancestry in sets, and the
// rules of docs/explanation/merging.md written down as directly as they are
// said. It imports nothing of the ledger. A row is a list whose first entry says
// whether it is there (true or false), its cells after it.

type (
	blobCell string   // a BLOB, so that cells can be compared with ==
	unsure   struct{} // stands for what the merge bases disagree about
	absent   struct{} // the base of a cell in a row that both sides inserted
	anyRow   []any
	anyState map[string]anyRow // by "table/key/key"
)

type bruteRule struct {
	by   string // as in MERGE RULE, with "FROM 0" and "USING ACTION f"
	call func(base, ours, theirs any) (v any, ok bool)
}

type bruteColumn struct {
	name, kind string // kind: INTEGER, TEXT, BLOB
	null       bool
	preset     any // its DEFAULT
	rule       bruteRule
	most       int64 // CHECK (c <= most), if not 0
	unique     bool
	parent     string // table that it references
}

type bruteTable struct {
	name    string
	keys    []string // kinds
	columns []bruteColumn
	rule    bruteRule // for the whole table
	json    [2]int    // CHECK: where column [0] is 3, column [1] (TEXT) holds JSON; {0, 0}: none
	each    [2]int    // FOR EACH: the two columns add up to at most 7
	total   int       // TOTAL: the sum of this column is at most 20; -1: none
}

// A bruteTx is one execution of a transaction in a block.
type bruteTx struct {
	id, once, who string // once: account and salt, which count once
	kind          string // call, deploy, role, revert, or patch: that of a merge by cell
	verdict       string // ok, failed, excluded
	rows          map[string][2]anyRow
	version       int                       // of a deploy
	role          func(map[string]bool)     // of a grant or revoke
	call          func(branch string) error // runs it again elsewhere
	patch         []bruteRevert             // of a revert
	of            string                    // block or transaction that a revert names
	ofBlock       *bruteBlock               // that it takes back whole; nil: the transaction alone
	vain          bool                      // picked and excluded
}

type bruteBlock struct {
	id, producer string
	parents      []*bruteBlock
	before       map[*bruteBlock]bool // ancestors, itself included
	state        anyState
	version      int // of the contract in force
	roles        map[string]bool
	seen         map[string]string // once: id
	verdicts     map[string]string // once: ok, failed, excluded
	txs          []bruteTx
	chosen       bool // somebody chose a side for a tally, here or before
}

type bruteConflict struct {
	kind, key, column string
	cell              int // 0: the whole row
}

func (c bruteConflict) String() string {
	return strings.TrimSpace(c.kind + " " + c.key + " " + c.column)
}

// newer keeps the blocks of a set that no other one of it has behind it.
func newer(set map[*bruteBlock]bool) []*bruteBlock {
	var list []*bruteBlock
	for b := range set {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(set)), func(o *bruteBlock) bool { return o != b && o.before[b] }) {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b *bruteBlock) int { return strings.Compare(a.id, b.id) })
	return list
}

// basesOf are the merge bases of a block and several others taken as one.
func basesOf(a *bruteBlock, others ...*bruteBlock) []*bruteBlock {
	both := map[*bruteBlock]bool{}
	for _, o := range others {
		for b := range o.before {
			if a.before[b] {
				both[b] = true
			}
		}
	}
	return newer(both)
}

// only lists the blocks of source that target lacks, in the order of replay.
func only(source, target *bruteBlock) []*bruteBlock {
	var list []*bruteBlock
	var walk func(b *bruteBlock)
	walk = func(b *bruteBlock) {
		if target.before[b] || slices.Contains(list, b) {
			return
		}
		for _, p := range b.parents {
			walk(p)
		}
		list = append(list, b)
	}
	walk(source)
	return list
}

// offered are the transactions that a merge of source may bring.
func offered(source, target *bruteBlock) []bruteTx {
	last, at, order := map[string]bruteTx{}, map[string]*bruteBlock{}, []string{}
	for _, b := range only(source, target) {
		for _, t := range b.txs {
			if was, known := at[t.id]; known && !b.before[was] {
				continue // a line that was merged made this of it
			} else if !known {
				if len(b.parents) == 2 && t.kind != "patch" {
					continue // of a block that the target has
				}
				order = append(order, t.id)
			}
			last[t.id], at[t.id] = t, b
		}
	}
	var list []bruteTx
	for _, id := range order {
		if t := last[id]; t.verdict == "ok" {
			list = append(list, t)
		}
	}
	return list
}

// decided is what a line did about each transaction since it left the other.
func decided(line, other *bruteBlock) map[string]bruteTx {
	is, at := map[string]bruteTx{}, map[string]*bruteBlock{}
	for _, b := range only(line, other) {
		for _, t := range b.txs {
			was, known := is[t.once]
			if known && was.verdict == "ok" && !b.before[at[t.once]] {
				continue // a line that was merged made this of it
			}
			if t.verdict == "ok" || t.verdict == "excluded" && (!known || was.id == t.id) {
				is[t.once], at[t.once] = t, b
			}
		}
	}
	return is
}

// takesBack are the ids of what a revert takes back.
func (t bruteTx) takesBack() map[string]bool {
	ids := map[string]bool{t.of: true}
	if t.ofBlock != nil {
		for _, b := range only(t.ofBlock, t.ofBlock.first()) {
			for _, t := range b.txs {
				if t.verdict == "ok" {
					ids[t.id] = true
				}
			}
		}
	}
	return ids
}

func overlaps(a, b map[string]bool) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(a)), func(id string) bool { return b[id] })
}

func hazy(row anyRow) bool { return slices.Contains(row, any(unsure{})) }

// join gives what several merge bases say of a row, one after the other.
func (w *brute) join(bases []*bruteBlock, key string) anyRow {
	row := w.row(bases[0].state, key)
	for i, b := range bases[1:] {
		under, next := w.join(basesOf(b, bases[:i+1]...), key), w.row(b.state, key)
		switch {
		case !hazy(under) && !hazy(row) && slices.Equal(under, row):
			row = next
		case !hazy(under) && slices.Equal(under, next):
		case under[0] == (unsure{}) || row[0] != true || next[0] != true:
			row = anyRow{unsure{}}
		default:
			joined := anyRow{true}
			for i := 1; i < len(row); i++ {
				cell := any(unsure{})
				if under[0] == true && under[i] != (unsure{}) && row[i] != (unsure{}) {
					if under[i] == row[i] {
						cell = next[i]
					} else if under[i] == next[i] {
						cell = row[i]
					}
				}
				joined = append(joined, cell)
			}
			row = joined
		}
	}
	return row
}

// marks are the cells (0: the row's coming or going) that are special.
type marks map[string]map[int]string

func (m marks) add(key string, old, new anyRow, kind string) {
	if m[key] == nil {
		m[key] = map[int]string{}
	}
	for i := range max(len(old), len(new)) {
		if (i >= len(old) || i >= len(new) || old[i] != new[i]) && m[key][i] != "not permitted" {
			m[key][i] = kind
		}
	}
}

// marked finds what both sides decided by themselves (twice), and what was
// written by somebody who may not write on the target.
func (w *brute) marked(ours, theirs *bruteBlock, may func(who string) bool) marks {
	m := marks{}
	here, there := decided(ours, theirs), decided(theirs, ours)
	note := func(t bruteTx, kind string) {
		for key, change := range t.rows {
			m.add(key, w.wide(key, change[0]), w.wide(key, change[1]), kind)
		}
	}
	everywhere := func(id string) {
		for b := range union(ours.before, theirs.before) {
			for _, t := range b.txs {
				if t.id == id && t.verdict == "ok" {
					note(t, "twice")
				}
			}
		}
	}
	for once, t := range there {
		if o, both := here[once]; both {
			note(t, "twice")
			note(o, "twice")
			if t.vain || o.vain {
				everywhere(t.id)
				everywhere(o.id)
			}
		}
	}
	for _, o := range here {
		for _, t := range there {
			if o.kind == "revert" && t.kind == "revert" && o.verdict == "ok" && t.verdict == "ok" && overlaps(o.takesBack(), t.takesBack()) {
				note(o, "twice")
				note(t, "twice")
			}
		}
	}
	// A base excluded it, and both sides have it from before.
	for _, base := range basesOf(ours, theirs) {
		for once, v := range base.verdicts {
			if v == "excluded" && ours.verdicts[once] == "ok" && theirs.verdicts[once] == "ok" {
				everywhere(ours.seen[once])
			}
		}
	}
	for _, t := range there {
		if t.verdict == "ok" && !may(t.who) {
			note(t, "not permitted")
		}
	}
	return m
}

// settle is what a rule makes of a cell that is in question. special says why,
// beyond that both sides changed it.
func (r bruteRule) settle(base, ours, theirs any, special string) (v any, conflict string) {
	conflict = "cell"
	if special != "" {
		conflict = special
	}
	switch by := r.by; {
	case special == "not permitted":
	case by == "OURS", by == "SAME" && ours == theirs, by == "MAX" && !less(ours, theirs), by == "MIN" && !less(theirs, ours):
		return ours, ""
	case by == "THEIRS", by == "MAX", by == "MIN":
		return theirs, ""
	case special != "":
	case strings.HasPrefix(by, "DELTA"):
		if base == (absent{}) && by == "DELTA FROM 0" {
			base = int64(0)
		}
		if from, ok := base.(int64); ok {
			return ours.(int64) + theirs.(int64) - from, ""
		}
	case r.call != nil:
		if v, ok := r.call(base, ours, theirs); ok {
			return v, ""
		}
	}
	return ours, conflict
}

// less is the order of ORDER BY: NULL, numbers, texts, BLOBs.
func less(a, b any) bool {
	text := func(v any) string {
		switch v := v.(type) {
		case int64:
			return fmt.Sprintf("1%20d", v)
		case string:
			return "2" + v
		case blobCell:
			return "3" + string(v)
		}
		return "0"
	}
	return text(a) < text(b)
}

// mergeRow merges one row; conflicts are by cell, 0 for the row as one.
func (t *bruteTable) mergeRow(base, ours, theirs anyRow, mark map[int]string) (anyRow, map[int]string) {
	worst := mark[0] // of the row, and of the cells that theirs brings
	for i := 1; i < len(theirs); i++ {
		if mark[i] != "" && worst != "not permitted" {
			worst = mark[i]
		}
	}
	whole := base[0] == true && ours[0] == true && theirs[0] == true
	if !hazy(base) {
		// A side that has the base's row changed nothing, unless it is marked.
		if slices.Equal(base, theirs) && (worst == "" || !whole && mark[0] == "") {
			return ours, nil
		}
		if slices.Equal(base, ours) && worst == "" {
			return theirs, nil
		}
	}
	if ours[0] != true || theirs[0] != true {
		kind := "row"
		if worst != "" {
			kind = worst
		} else if base[0] == (unsure{}) {
			kind = "criss-cross"
		}
		switch by := t.rule.by; {
		case kind == "not permitted":
		case by == "OURS", by == "SAME" && slices.Equal(ours, theirs):
			return ours, nil
		case by == "THEIRS":
			return theirs, nil
		}
		return ours, map[int]string{0: kind}
	}
	merged, conflicts := anyRow{true}, map[int]string{}
	for i := 1; i < len(ours); i++ {
		b, special := any(absent{}), mark[i]
		if base[0] == true {
			b = base[i]
		}
		if base[0] == (unsure{}) || b == (unsure{}) {
			b = unsure{}
			if special == "" {
				special = "criss-cross"
			}
		}
		c, v, kind := t.columns[i-1], any(nil), ""
		switch {
		case special == "" && b == theirs[i]:
			v = ours[i]
		case special == "" && b == ours[i]:
			v = theirs[i]
		case c.rule.by != "":
			v, kind = c.rule.settle(b, ours[i], theirs[i], special)
		default:
			v, kind = t.rule.settle(b, ours[i], theirs[i], special)
		}
		if v == nil && !c.null {
			v, kind = ours[i], "cell" // an action gave what the column cannot hold
		}
		if kind != "" {
			conflicts[i] = kind
		}
		merged = append(merged, v)
	}
	return merged, conflicts
}

// broken lists what a state breaks, changes being the rows that came to it. A
// row that cannot be written is not there for what is looked at after it.
func (w *brute) broken(ours, merged anyState) (list []bruteConflict) {
	there := anyState{}
	keys := slices.Sorted(maps.Keys(merged))
	for _, key := range keys {
		if slices.Equal(ours[key], merged[key]) {
			there[key] = merged[key]
		}
	}
	for _, key := range keys {
		t, row, kind := w.table(key), merged[key], ""
		for i, c := range t.columns {
			if n, ok := row[i+1].(int64); ok && c.most != 0 && n > c.most {
				kind = "check"
			}
		}
		if t.json[0] != t.json[1] && row[t.json[0]] == int64(3) && row[t.json[1]] != nil {
			kind = "check" // it is no JSON
		}
		if kind == "" && there[key] == nil && slices.ContainsFunc(t.columns, func(c bruteColumn) bool { return w.taken(there, t, c, key, row) }) {
			kind = "unique"
		}
		if kind != "" {
			list = append(list, bruteConflict{kind: kind, key: key})
			continue
		}
		there[key] = row
	}
	if len(list) > 0 {
		return list
	}
	for _, key := range keys {
		for i, c := range w.table(key).columns {
			v := merged[key][i+1]
			if c.parent != "" && v != nil && merged[c.parent+"/"+v.(string)] == nil {
				list = append(list, bruteConflict{kind: "foreign key", key: key})
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	sums := map[*bruteTable]int64{}
	for _, key := range keys {
		t, row := w.table(key), merged[key]
		if a, b := t.each[0], t.each[1]; a != b && row[a] != nil && row[b] != nil && row[a].(int64)+row[b].(int64) > 7 {
			list = append(list, bruteConflict{kind: "invariant", key: key})
		}
		if n, ok := row[max(t.total, 0)].(int64); ok && t.total > 0 {
			sums[t] += n
		}
	}
	for t, sum := range sums {
		if sum > 20 {
			list = append(list, bruteConflict{kind: "invariant", key: t.name})
		}
	}
	return list
}

func (w *brute) taken(there anyState, t *bruteTable, c bruteColumn, key string, row anyRow) bool {
	i := slices.IndexFunc(t.columns, func(x bruteColumn) bool { return x.name == c.name }) + 1
	for other, r := range there {
		if c.unique && row[i] != nil && other != key && w.table(other) == t && r[i] == row[i] {
			return true
		}
	}
	return false
}
