package repo_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/repo"
)

// A bruteCell is what a revert expects of a row and makes of it: cells by the
// names of columns.
type bruteCell struct{ old, new any }

// A bruteRevert is one row of a revert.
type bruteRevert struct {
	key          string
	insert, gone bool
	cells        map[string]bruteCell
}

func (w *brute) cellOf(t *bruteTable, name string) int {
	return slices.IndexFunc(t.columns, func(c bruteColumn) bool { return c.name == name }) + 1
}

// reverse is what reverting rows means on a state; conflicts are what was changed since.
func (w *brute) reverse(rows map[string][2]anyRow, now anyState) (patch []bruteRevert, conflicts []bruteConflict) {
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		t, was, made, is := w.table(key), w.wide(key, rows[key][0]), w.wide(key, rows[key][1]), w.row(now, key)
		r := bruteRevert{key: key, cells: map[string]bruteCell{}}
		if made[0] != true || was[0] != true {
			if !slices.Equal(made, is) {
				conflicts = append(conflicts, bruteConflict{kind: "row", key: key})
				continue
			}
			r.insert, r.gone = was[0] == true, was[0] != true
			for i, c := range t.columns {
				if r.insert {
					r.cells[c.name] = bruteCell{nil, was[i+1]}
				} else {
					r.cells[c.name] = bruteCell{made[i+1], nil}
				}
			}
			patch = append(patch, r)
			continue
		}
		if is[0] != true {
			conflicts = append(conflicts, bruteConflict{kind: "row", key: key})
			continue
		}
		for i, c := range t.columns {
			rule := c.rule.by
			if rule == "" {
				rule = t.rule.by
			}
			switch a, b := was[i+1], made[i+1]; {
			case a == b:
			case b == is[i+1]:
				r.cells[c.name] = bruteCell{b, a}
			case strings.HasPrefix(rule, "DELTA"):
				r.cells[c.name] = bruteCell{is[i+1], is[i+1].(int64) - b.(int64) + a.(int64)}
			default:
				conflicts = append(conflicts, bruteConflict{kind: "cell", key: key, column: c.name})
			}
		}
		patch = append(patch, r)
	}
	return patch, conflicts
}

// apply gives the state after a revert; ok is false where it does not fit.
func (w *brute) apply(patch []bruteRevert, now anyState) (after anyState, ok bool) {
	after = maps.Clone(now)
	for _, r := range patch {
		t, row := w.table(r.key), slices.Clone(w.row(now, r.key))
		if (row[0] != true) != r.insert {
			return nil, false
		}
		if r.insert {
			row = w.wide(r.key, anyRow{true})
		}
		for name, c := range r.cells {
			i := w.cellOf(t, name)
			if i == 0 || !r.insert && row[i] != c.old {
				return nil, false
			}
			row[i] = c.new
		}
		if after[r.key] = row; r.gone {
			for i, c := range t.columns {
				if _, named := r.cells[c.name]; !named && row[i+1] != c.preset {
					return nil, false
				}
			}
			delete(after, r.key)
		}
	}
	return after, len(w.broken(now, after)) == 0
}

// revert takes back a block of a branch's history, or a transaction in it.
func (w *brute) revert(name string) {
	w.Helper()
	head := w.heads[name]
	b := w.drawBlock(head)
	if b == nil {
		return
	}
	if w.rng.IntN(3) == 0 {
		b = head // nothing was changed since
	}
	w.tables = w.versions[head.version]
	o, rows, what := repo.RevertOptions{Into: name}, map[string][2]anyRow{}, ""
	switch {
	case len(b.txs) > 0 && w.rng.IntN(2) == 0:
		t := pickOf(w.rng, b.txs...)
		o.Transaction = t.id
		switch {
		case t.verdict != "ok":
			what = "AG0721"
		case t.kind == "deploy" || t.kind == "role":
			what = "AG0721 AG0722" // by whether it changed anything
		}
		rows = t.rows
	default:
		was := b.first()
		if was.version != b.version || !maps.Equal(was.roles, b.roles) {
			what = "AG0722"
		} else if slices.ContainsFunc(b.txs, func(x bruteTx) bool { return x.kind == "deploy" && x.verdict == "ok" }) {
			return // of what both sides deployed: whether it is a version of its own is not of the model
		}
		for key := range union(was.state, b.state) {
			if old, new := was.state[key], b.state[key]; !slices.Equal(w.wide(key, old), w.wide(key, new)) {
				rows[key] = [2]anyRow{old, new}
			}
		}
	}
	if len(rows) == 0 && what == "" {
		what = "AG0721"
	}
	tally := false
	for key := range rows {
		tally = tally || w.table(key).name == "tally"
	}
	if what == "" && tally && !w.takesBack {
		return
	}
	if w.owner(name) != "alice" {
		what = cmpOr(what, "AG0501")
	}
	if what == "" { // an update whose cells are all as they were before is none
		for key, c := range rows {
			if slices.Equal(w.wide(key, c[0]), w.wide(key, c[1])) {
				delete(rows, key)
			}
		}
	}
	patch, since := w.reverse(rows, head.state)
	res, err := w.Revert(ctx, keyOf(w.owner(name)), b.id, o)
	if what == "AG0501" && len(since) > 0 {
		what = ""
	}
	w.Logf("%s: revert %s of %s: %v; model %q, %s", name, o.Transaction, b.id, err, what, conflictText(since))
	t := bruteTx{of: o.Transaction}
	if o.Transaction == "" {
		t.of, t.ofBlock = b.id, b
	} else if slices.ContainsFunc(b.txs, func(x bruteTx) bool { return x.id == t.of && x.kind == "patch" }) {
		t.ofBlock = b
	}
	if code(err) == "AG0721" && strings.Contains(err.Error(), "reverted already") {
		if !w.revertedOn(head, t) {
			w.Fatalf("%v, the model knows no such revert", err)
		}
		w.kinds["reverted already"]++
		return
	}
	if what != "" {
		if !strings.Contains(what, cmpOr(code(err), "none")) {
			w.Fatalf("reverting is %v, the model says %s", err, what)
		}
		w.kinds["no revert"]++
		return
	}
	if err != nil {
		w.Fatal(err)
	}
	after, ok := w.apply(patch, head.state)
	if ok = ok && len(since) == 0; ok == res.Block.IsZero() {
		w.Fatalf("a revert makes block %s: %+v, the model says %v, %s", res.Block, res.Conflicts, ok, conflictText(w.broken(head.state, union(head.state, after))))
	}
	if !ok {
		var text []string
		for _, c := range res.Conflicts {
			text = append(text, strings.TrimSpace(c.Kind+" "+keyText(c.Table, c.Key)+" "+c.Column))
		}
		if slices.Sort(text); len(text) == 0 || len(since) > 0 && strings.Join(text, "; ") != conflictText(since) {
			w.Fatalf("a revert has conflicts %q, the model says %q", strings.Join(text, "; "), conflictText(since))
		}
		w.kinds["revert changed since"]++
		return
	}
	w.kinds["revert"]++
	next := w.next(name, head)
	next.chosen = next.chosen || tally
	t.id, t.once, t.who, t.kind = res.Transaction.String(), res.Transaction.String(), w.owner(name), "revert"
	t.verdict, t.version, t.patch, t.rows = "ok", -1, patch, changed(res.Changes)
	next.ran(t)
	if !maps.EqualFunc(next.state, after, slices.Equal[anyRow]) {
		w.Fatalf("a revert gives\n%v\nthe model says\n%v", next.state, after)
	}
}

// revertedOn tells whether a revert in a block's history took back some of what
// another one would take back, undone since or not.
func (w *brute) revertedOn(head *bruteBlock, t bruteTx) bool {
	for b := range head.before {
		for _, o := range b.txs {
			if o.kind == "revert" && o.verdict == "ok" && overlaps(o.takesBack(), t.takesBack()) {
				return true
			}
		}
	}
	return false
}

// drawBlock draws one of a history, without the first, whose parents the model
// does not know; nil: there is none.
func (w *brute) drawBlock(head *bruteBlock) *bruteBlock {
	list := slices.DeleteFunc(slices.Collect(maps.Keys(head.before)), func(b *bruteBlock) bool { return len(b.parents) == 0 })
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b *bruteBlock) int { return strings.Compare(a.id, b.id) })
	return pickOf(w.rng, list...)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// cherry picks a block, what a branch has and the target has not, or one
// transaction.
func (w *brute) cherry(name, from string) {
	w.Helper()
	ours, theirs := w.heads[name], w.heads[from]
	o := repo.PickOptions{Into: name, Disclose: true, Empty: w.rng.IntN(3) == 0}
	ran := func(t bruteTx) bool { return ours.seen[t.once] == t.id && ours.verdicts[t.once] != "excluded" }
	rev, list, refused := from, []bruteTx(nil), false
	block := w.drawBlock(theirs)
	if block == nil {
		return
	}
	switch k := w.rng.IntN(3); {
	case k == 0:
		rev = name + ".." + from
		for _, t := range offered(theirs, ours) {
			if t.kind != "patch" && !ran(t) {
				list = append(list, t)
			}
		}
	case k == 1 && len(block.txs) > 0:
		rev = theirs.id
		t := pickOf(w.rng, block.txs...)
		o.Transactions, list, refused = []string{t.id}, []bruteTx{t}, t.kind == "patch" || ran(t)
	default:
		rev = block.id
		for _, t := range block.txs {
			if t.verdict == "ok" && t.kind != "patch" {
				list = append(list, t)
				refused = refused || ran(t)
			}
		}
	}
	m, err := w.CherryPick(ctx, keyOf(w.owner(name)), rev, o)
	w.Logf("%s: pick %s %v: %s %v", name, rev, o.Transactions, verdicts(m), err)
	switch {
	case refused && code(err) != "AG0720", !refused && len(list) == 0 && code(err) != "AG0721", !refused && len(list) > 0 && err != nil:
		w.Fatalf("picking %s: %v, the model picks %d, refused %v", rev, err, len(list), refused)
	case err != nil:
		w.kinds["no pick"]++
		return
	case len(m.Verdicts) != len(list):
		w.Fatalf("picking %s: %d verdicts, the model says %d", rev, len(m.Verdicts), len(list))
	}
	if m.Block.IsZero() {
		if m.Included > 0 || o.Empty {
			w.Fatal("no block was made")
		}
		return
	}
	w.kinds["pick"]++
	b := w.next(name, ours)
	w.tables = w.versions[b.version]
	for i, t := range list {
		v := m.Verdicts[i]
		if v.Transaction.String() != t.id {
			w.Fatalf("verdict %d is not about %s", i, t.id)
		}
		if ours.verdicts[t.once] == "excluded" && v.Included {
			w.kinds["pick of excluded"]++
		}
		t.rows = w.replayed(b, t, v, name)
		if t.verdict, t.vain = "ok", false; !v.Included {
			t.verdict, t.rows, t.vain = "excluded", nil, true
			if v.Code == "AG0434" {
				b.txs = append(b.txs, t)
				continue
			}
		}
		b.ran(t)
	}
}

// replayed holds what became of a transaction that runs again against the model, puts
// what it did to roles and code there, and gives its rows.
func (w *brute) replayed(b *bruteBlock, t bruteTx, v repo.Verdict, name string) map[string][2]anyRow {
	w.Helper()
	taken := b.seen[t.once] != "" && b.seen[t.once] != t.id
	switch {
	case taken != (v.Code == "AG0434"), t.kind == "patch" && v.Code != "AG0436", !taken && t.kind != "patch" && !w.mayMerge(t.who, name) != (v.Code == "AG0501"):
		w.Fatalf("%s by %s is excluded by %q", v.Text, t.who, v.Code)
	}
	if t.kind == "revert" && w.mayMerge(t.who, name) && v.Code != "AG0437" {
		if after, ok := w.apply(t.patch, b.state); ok != v.Included {
			w.Fatalf("%s is included %v %s, the model says %v %v", v.Text, v.Included, v.Code, ok, after)
		}
	}
	switch {
	case !v.Included:
		return t.rows // of where it ran before
	case t.kind == "role":
		t.role(b.roles)
	case t.kind == "call" || t.kind == "revert":
		return changed(v.Changes)
	case !w.deployed(b, t.version):
		w.Fatalf("%s is included", v.Text)
	}
	return nil
}
