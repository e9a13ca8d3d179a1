package repo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
)

// A cellMerge is the model of one merge by cell.
type cellMerge struct {
	block    bruteBlock // state, version, roles and txs of what is replayed
	refused  bool       // the columns are not the same
	merged   anyState
	open     []bruteConflict
	tallies  bool // a tally is in conflict
	replayed []bruteTx
}

// cells computes a merge by cell with choices for its conflicts: "ours",
// "theirs", or a row with one cell, the value.
func (w *brute) cells(name string, ours, theirs *bruteBlock, chosen map[string]any) (m cellMerge) {
	m.block = bruteBlock{state: maps.Clone(ours.state), version: ours.version, roles: maps.Clone(ours.roles)}
	for _, t := range offered(theirs, ours) {
		if t.kind != "deploy" && t.kind != "role" || ours.seen[t.once] != "" {
			continue
		}
		if !w.mayMerge(t.who, name) || t.kind == "deploy" && !w.deployed(&m.block, t.version) {
			t.verdict = "excluded"
		} else if t.kind == "role" {
			t.role(m.block.roles)
		}
		m.replayed = append(m.replayed, t)
	}
	if m.refused = len(w.versions[theirs.version][0].columns) > len(w.versions[m.block.version][0].columns); m.refused {
		return m
	}
	// The columns are those of after the deploys, the rules those of before.
	w.tables = nil
	for i, t := range w.versions[m.block.version] {
		c, rules := *t, w.versions[ours.version][i]
		c.rule, c.columns = rules.rule, slices.Clone(t.columns)
		for j := range c.columns {
			if c.columns[j].rule = (bruteRule{}); j < len(rules.columns) {
				c.columns[j].rule = rules.columns[j].rule
			}
		}
		w.tables = append(w.tables, &c)
	}
	bases, special := basesOf(ours, theirs), w.marked(ours, theirs, func(who string) bool { return w.mayMerge(who, name) })
	keys := map[string]bool{}
	for _, s := range []*bruteBlock{ours, theirs} {
		for b := range s.before {
			for key := range b.state {
				keys[key] = true
			}
		}
	}
	m.merged = anyState{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		t, o, th := w.table(key), w.row(ours.state, key), w.row(theirs.state, key)
		base := w.join(bases, key)
		row, conflicts := t.mergeRow(base, o, th, special[key])
		row = slices.Clone(row)
		for _, i := range slices.Sorted(maps.Keys(conflicts)) {
			c := bruteConflict{kind: conflicts[i], key: key, cell: i}
			if i > 0 {
				c.column = t.columns[i-1].name
			}
			m.tallies = m.tallies || t.name == "tally"
			take, ok := chosen[key+" "+c.column]
			switch v, own := take.(anyRow); {
			case !ok:
				m.open = append(m.open, c)
			case own:
				row[i] = v[0]
			case take == "theirs" && i == 0:
				row = th
			case take == "theirs":
				row[i] = th[i]
			}
		}
		if row[0] == true {
			m.merged[key] = row
		}
	}
	if len(m.open) == 0 {
		wide := anyState{}
		for key := range ours.state {
			wide[key] = w.row(ours.state, key)
		}
		m.open = w.broken(wide, m.merged)
	}
	return m
}

func conflictText(list []bruteConflict) string {
	var text []string
	for _, c := range list {
		text = append(text, c.String())
	}
	slices.Sort(text)
	return strings.Join(text, "; ")
}

// byCell merges by cell, settles what is open by chance, and gives up where
// declarations stay broken.
func (w *brute) byCell(name, from string) {
	w.Helper()
	ours, theirs, noFF := w.heads[name], w.heads[from], w.rng.IntN(3) == 0
	producer := keyOf(w.owner(name))
	o := repo.MergeOptions{Into: name, NoFF: noFF, Consistent: true, Disclose: true}
	compare := func(what string, got repo.MergeResult, want cellMerge) {
		w.Helper()
		var text []string
		for _, c := range got.Conflicts {
			text = append(text, strings.TrimSpace(c.Kind+" "+keyText(c.Table, c.Key)+" "+c.Column))
		}
		if slices.Sort(text); strings.Join(text, "; ") != conflictText(want.open) {
			w.Fatalf("%s of %s into %s: conflicts\n%q, the model says\n%q", what, from, name, strings.Join(text, "; "), conflictText(want.open))
		}
		for i, t := range want.replayed {
			if len(got.Verdicts) != len(want.replayed) || got.Verdicts[i].Transaction.String() != t.id || got.Verdicts[i].Included != (t.verdict == "ok") {
				w.Fatalf("%s: verdicts %+v", what, got.Verdicts)
			}
		}
		if got.Block.IsZero() != (len(want.open) > 0) {
			w.Fatalf("%s: block %s, conflicts %d", what, got.Block, len(got.Conflicts))
		}
	}
	chosen := map[string]any{}
	var want cellMerge
	made := func() {
		b := w.next(name, ours, theirs)
		b.version, b.roles, b.state = want.block.version, want.block.roles, want.merged
		b.chosen = b.chosen || want.tallies
		for _, t := range want.replayed {
			b.ran(t)
		}
		for once, id := range theirs.seen {
			v, was := theirs.verdicts[once], b.verdicts[once]
			known := slices.ContainsFunc(basesOf(ours, theirs), func(base *bruteBlock) bool { return base.verdicts[once] == v })
			if was == "" || !known && b.seen[once] == id && (v == "ok" || v == "failed" && was == "excluded") {
				b.seen[once], b.verdicts[once] = id, v
			}
		}
		info, err := w.Block(name)
		if err != nil {
			w.Fatal(err)
		}
		patch := bruteTx{id: info.Merge.Patch.String(), once: info.Merge.Patch.String(), who: w.owner(name), kind: "patch", verdict: "ok", rows: map[string][2]anyRow{}}
		w.tables = w.versions[b.version]
		for key := range union(ours.state, b.state) {
			if old, new := w.row(ours.state, key), w.row(b.state, key); !slices.Equal(old, new) {
				patch.rows[key] = [2]anyRow{old, new}
			}
		}
		b.txs, b.seen[patch.once], b.verdicts[patch.once] = append(b.txs, patch), patch.id, "ok"
		w.kinds["consistent"]++
		for _, merged := range []bool{true, false} {
			again, err := w.Merge(ctx, producer, from, repo.MergeOptions{Into: name, Consistent: merged, Disclose: true})
			if err != nil || again.Kind != "up to date" {
				w.Fatalf("merging again: %+v %v", again, err)
			}
		}
	}
	if !ours.before[theirs] {
		want = w.cells(name, ours, theirs, chosen)
	}
	m, err := w.twin(name, from, o)
	if w.plain(name, theirs, noFF, m, err) {
		return
	}
	if want.refused != (code(err) == "AG0713") || err != nil && !want.refused {
		w.Fatalf("merging %s into %s: %v, refused in the model: %v", from, name, err, want.refused)
	}
	if want.refused {
		w.kinds["refused"]++
		return
	}
	for _, c := range want.open {
		w.kinds[c.kind]++
	}
	w.Logf("cells %s into %s: %s", from, name, conflictText(want.open))
	compare("merge", m, want)
	if len(want.open) == 0 {
		made()
		w.mirror(name, from, ours, theirs)
		return
	}
	if _, err := w.Merge(ctx, producer, pickOf(w.rng, w.names...), o); code(err) != "AG0710" {
		w.Fatalf("a merge while one is open: %v", err)
	}
	for m.Block.IsZero() && len(m.Conflicts) > 0 && m.Conflicts[0].Open() {
		c := want.open[w.rng.IntN(len(want.open))]
		take := repo.Choice{Contract: "s", Table: w.table(c.key).name, Column: c.column, Take: pickOf(w.rng, merge.Ours, merge.Theirs)}
		for _, x := range m.Conflicts {
			if keyText(x.Table, x.Key) == c.key {
				take.Key = nil
				for _, v := range x.Key {
					if b, ok := v.([]byte); ok {
						v = fmt.Sprintf("0x%x", b)
					}
					take.Key = append(take.Key, fmt.Sprint(v))
				}
			}
		}
		side := map[bool]string{true: "ours", false: "theirs"}[take.Take == merge.Ours]
		chosen[c.key+" "+c.column] = side
		switch k := w.rng.IntN(6); {
		case k == 0: // all that is left
			take = repo.Choice{Take: take.Take}
			for _, c := range want.open {
				chosen[c.key+" "+c.column] = side
			}
		case k == 1 && c.column != "" && w.owner(name) == "alice" && w.table(c.key).name != "tally":
			col := w.table(c.key).columns[c.cell-1]
			take.Take, take.Value = merge.Value, w.value(col.kind, col.null)
			chosen[c.key+" "+c.column] = rowOf([]any{take.Value})[1:]
		}
		want = w.cells(name, ours, theirs, chosen)
		if m, err = w.Settle(ctx, producer, name, take); err != nil {
			w.Fatal(err)
		}
		w.Logf("choice %v %v: %s", take, take.Take, conflictText(want.open))
		compare("choice "+take.String(), m, want)
	}
	if m.Block.IsZero() {
		if err := w.AbortMerge(name); err != nil {
			w.Fatal(err)
		}
		return
	}
	made()
}

func union[K comparable, V any](a, b map[K]V) map[K]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// mirror merges the other way round where no rule and no system contract can
// tell: the state is the same.
func (w *brute) mirror(name, from string, ours, theirs *bruteBlock) {
	w.Helper()
	for _, tables := range [][]*bruteTable{w.versions[ours.version], w.versions[theirs.version]} {
		for _, t := range tables {
			for _, c := range append(slices.Clone(t.columns), bruteColumn{rule: t.rule}) {
				if c.rule.call != nil || c.rule.by == "OURS" || c.rule.by == "THEIRS" {
					return
				}
			}
		}
	}
	if ours.version != theirs.version || !w.may("alice", name) {
		return
	}
	n := fmt.Sprint("again/", w.rng.Uint64())
	if _, err := w.CreateBranch(n, theirs.id, w.key, false); err != nil {
		w.Fatal(err)
	}
	m, err := w.Merge(ctx, w.key, ours.id, repo.MergeOptions{Into: n, Consistent: true, NoFF: true, Disclose: true})
	if err != nil {
		w.Fatal(err)
	}
	if m.Kind == "consistent" {
		if m.Block.IsZero() { // only alice's rights may say less than the other producer's: she has all
			w.Fatalf("the other way round there are conflicts: %+v", m.Conflicts)
		}
		if got := w.read(n, w.heads[name].version); !maps.EqualFunc(got, w.heads[name].state, slices.Equal[anyRow]) {
			w.Fatalf("the other way round gives\n%v\nnot\n%v", got, w.heads[name].state)
		}
		w.kinds["mirror"]++
	}
	if err := w.DeleteBranch(n, true); err != nil {
		w.Fatal(err)
	}
}

// twin makes a merge, now and then in a copy of the ledger first: both make the
// same block.
func (w *brute) twin(name, from string, o repo.MergeOptions) (repo.MergeResult, error) {
	w.Helper()
	producer := keyOf(w.owner(name))
	if w.rng.IntN(12) > 0 {
		return w.Merge(ctx, producer, from, o)
	}
	seed, clock, there := [32]byte{byte(w.rng.IntN(256)), 1}, w.clock, w.TempDir()
	if err := w.Close(); err != nil {
		w.Fatal(err)
	}
	copied, db := vfs.NewMem(), filepath.Join(".aergo", "db")
	if err := copied.MkdirAll(filepath.Join(there, ".aergo"), 0o700); err != nil {
		w.Fatal(err)
	}
	if _, err := vfs.Clone(w.disk, copied, filepath.Join(w.dir, db), filepath.Join(there, db)); err != nil {
		w.Fatal(err)
	}
	w.random = rand.NewChaCha8(seed)
	r, err := repo.OpenOn(copied, there, w.o)
	if err != nil {
		w.Fatal(err)
	}
	first, err := r.Merge(ctx, producer, from, o)
	if err != nil && code(err) != "AG0713" {
		w.Fatal(err)
	}
	if err := r.Close(); err != nil {
		w.Fatal(err)
	}
	if w.Repository, err = repo.OpenOn(w.disk, w.dir, w.o); err != nil {
		w.Fatal(err)
	}
	w.random, w.clock = rand.NewChaCha8(seed), clock
	m, err := w.Merge(ctx, producer, from, o)
	if m.Block != first.Block || fmt.Sprint(m.Conflicts) != fmt.Sprint(first.Conflicts) {
		w.Fatalf("another repository makes block %s, not %s", first.Block, m.Block)
	}
	w.kinds["twin"]++
	return m, err
}
