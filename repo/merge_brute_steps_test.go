package repo_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// step draws what happens next.
func (w *brute) step() {
	w.Helper()
	name, from := pickOf(w.rng, w.names...), pickOf(w.rng, w.names...)
	switch k := w.rng.IntN(100); {
	case k < 7 && len(w.names) < 6, len(w.names) < 3 && k < 30:
		who := pickOf(w.rng, "alice", "alice", "bob", "mallory")
		n := map[string]string{"alice": "a/", "bob": "b/", "mallory": "m/"}[who] + fmt.Sprint(len(w.names))
		if _, err := w.CreateBranch(n, name, keyOf(who), false); err != nil {
			w.Fatal(err)
		}
		if who == "alice" && w.rng.IntN(2) == 0 {
			if err := w.RegisterBranch(ctx, w.key, n); err != nil {
				w.Fatal(err)
			}
			w.registered[n] = true
		}
		w.Logf("branch %s from %s, registered %v", n, name, w.registered[n])
		w.names, w.heads[n], w.from[n] = append(w.names, n), w.heads[name], w.heads[name]
	case k < 20:
		w.automatic(name, from)
	case k < 45 && (name != from || k < 21):
		w.byCell(name, from)
	case k < 48:
		w.upgrade(name, w.rng.IntN(3))
	case k < 52:
		role := fmt.Sprint("r", w.rng.IntN(3))
		action := pickOf(w.rng, "grant", "revoke")
		w.send(name, "alice", "role", repo.Call{Contract: "aergo_role", Action: action, Args: args{"contract": "s", "role": role, "account": string(repo.AccountOf(keyOf("bob")))}})
	case k < 54:
		w.allow("bob", pickOf(w.rng, "main", "m/*", "a/*", "*"))
	case k < 61:
		w.cherry(name, from)
	case k < 68:
		w.revert(name)
	default:
		who := w.owner(name)
		if other := pickOf(w.rng, "alice", "bob", "mallory"); w.may(other, name) {
			who = other
		}
		w.send(name, who, "call", w.drawCall(who))
	}
	w.holds(name)
}

func (w *brute) value(kind string, null bool) any {
	if null && w.rng.IntN(4) == 0 {
		return nil
	}
	switch kind {
	case "INTEGER":
		return int64(w.rng.IntN(5))
	case "TEXT":
		return pickOf(w.rng, "", "x", "y")
	}
	return pickOf(w.rng, []byte{}, []byte{0}, []byte{0, 1})
}

func (w *brute) drawCall(who string) repo.Call {
	if id := w.rng.IntN(2); w.rng.IntN(4) == 0 && w.bumps[id] < 31 {
		c := repo.Call{Contract: "s", Action: "bump", Args: args{"id": int64(id), "n": int64(1) << (2 * w.bumps[id])}}
		if who == "alice" && w.rng.IntN(2) == 0 { // one that may have been sent before, to another branch
			n := w.rng.IntN(4)
			c.IdempotencyKey, c.Args["n"] = fmt.Sprintf("bump %d %d", id, n), int64(1)<<(2*n)
			return c
		}
		w.bumps[id]++
		return c
	}
	t := w.versions[0][pickOf(w.rng, 0, 0, 1)]
	a := args{}
	for i, k := range t.keys {
		switch k {
		case "TEXT":
			a[fmt.Sprint("k", i)] = pickOf(w.rng, "", "x", "y")
		case "INTEGER":
			a[fmt.Sprint("k", i)] = int64(w.rng.IntN(2))
		default:
			a[fmt.Sprint("k", i)] = []byte{byte(w.rng.IntN(2))}
		}
	}
	set := func(c bruteColumn) {
		if v := w.value(c.kind, c.null); v != nil {
			a[c.name] = v
		}
	}
	verb := pickOf(w.rng, "put", "put", "set", "set", "set", "set", "del", "again")
	if verb == "set" {
		c := pickOf(w.rng, t.columns...)
		set(c)
		return repo.Call{Contract: "s", Action: "set_" + t.name + "_" + c.name, Args: a}
	}
	for _, c := range t.columns {
		if verb != "del" {
			set(c)
		}
	}
	return repo.Call{Contract: "s", Action: verb + "_" + t.name, Args: a}
}

// send has somebody sign a call, and the branch's producer run it.
func (w *brute) send(name, who, kind string, c repo.Call) {
	w.Helper()
	c.Branch = name
	head := w.heads[name]
	tx, err := w.Sign(keyOf(who), c)
	if err != nil {
		w.Fatal(err)
	}
	if c.IdempotencyKey != "" && head.seen[who+c.IdempotencyKey] != "" {
		return // it would be the first one's answer
	}
	res, err := w.Submit(ctx, keyOf(w.owner(name)), name, []sqlcontract.Transaction{tx})
	if err == nil {
		err = res[0].Err
	}
	if err != nil {
		w.Fatalf("%+v by %s: %v", c, who, err)
	}
	b := w.next(name, head)
	t := bruteTx{id: res[0].Transaction.String(), who: who, kind: kind, verdict: "failed", version: -1}
	t.once = t.id
	if c.IdempotencyKey != "" {
		t.once = who + c.IdempotencyKey
	}
	t.call = func(branch string) error {
		c.Branch, c.IdempotencyKey = branch, ""
		tx, err := w.Sign(keyOf(who), c)
		if err != nil {
			return err
		}
		res, err := w.Submit(ctx, w.key, branch, []sqlcontract.Transaction{tx})
		if err == nil && res[0].Receipt.Status != sqlcontract.StatusOK {
			err = fmt.Errorf("%s", res[0].Receipt.Code)
		}
		return err
	}
	if kind == "role" {
		t.role = func(roles map[string]bool) {
			if delete(roles, c.Args["role"].(string)); c.Action == "grant" {
				roles[c.Args["role"].(string)] = true
			}
		}
	}
	if res[0].Receipt.Status == sqlcontract.StatusOK {
		t.verdict, t.rows = "ok", changed(res[0].Changes)
		if kind == "role" {
			t.rows = nil
			t.role(b.roles)
		}
	}
	b.ran(t)
	w.Logf("%s: %s.%s%v %s by %s is %s: %s %v", name, c.Contract, c.Action, c.Args, c.IdempotencyKey, who, t.verdict, t.id[:8], t.rows)
}

// ran adds an execution to a block.
func (b *bruteBlock) ran(t bruteTx) {
	b.txs = append(b.txs, t)
	if b.seen[t.once] == "" || b.seen[t.once] == t.id {
		b.seen[t.once], b.verdicts[t.once] = t.id, t.verdict
	}
	for key, c := range t.rows {
		if t.verdict == "ok" {
			if b.state[key] = c[1]; c[1] == nil {
				delete(b.state, key)
			}
		}
	}
}

// deployed puts a version in force in the model. One with a column less is
// refused.
func (w *brute) deployed(b *bruteBlock, version int) bool {
	if len(w.versions[version][0].columns) < len(w.versions[b.version][0].columns) {
		return false
	}
	b.version, w.tables = version, w.versions[version]
	for key, row := range b.state {
		b.state[key] = w.wide(key, row)
	}
	return true
}

func (w *brute) upgrade(name string, version int) {
	w.Helper()
	if w.owner(name) != "alice" {
		return
	}
	res, err := w.Deploy(ctx, w.key, name, "s", w.source(version))
	if res.Block.IsZero() {
		w.Fatal(err)
	}
	b := w.next(name, w.heads[name])
	t := bruteTx{id: res.Transaction.String(), once: res.Transaction.String(), who: "alice", kind: "deploy", verdict: "failed", version: version}
	t.call = func(branch string) error { _, err := w.Deploy(ctx, w.key, branch, "s", w.source(version)); return err }
	if w.deployed(b, version) {
		t.verdict = "ok"
	}
	if (err == nil) != (t.verdict == "ok") {
		w.Fatalf("deploying version %d: %v, the model says %s", version, err, t.verdict)
	}
	b.ran(t)
}

func (b *bruteBlock) first() *bruteBlock {
	if len(b.parents) == 0 {
		return nil
	}
	return b.parents[0]
}

// forward tells whether a merge just moves the head.
func (w *brute) forward(name string, ours, theirs *bruteBlock) bool {
	if !theirs.before[ours] {
		return false
	}
	blocks, line := only(theirs, ours), map[*bruteBlock]bool{} // what is new, and the branch's own line
	for b := ours; b != nil; b = b.first() {
		if line[b] = true; b == w.from[name] {
			break
		}
	}
	for b := theirs; b != nil && !line[b]; b = b.first() {
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		if b.producer != w.owner(name) || slices.ContainsFunc(b.txs, func(t bruteTx) bool { return !w.may(t.who, name) }) {
			return false
		}
	}
	return true
}

// plain deals with merges that make no block; done is then true.
func (w *brute) plain(name string, theirs *bruteBlock, noFF bool, m repo.MergeResult, err error) (done bool) {
	w.Helper()
	ours, kind := w.heads[name], ""
	switch {
	case ours.before[theirs]:
		kind = "up to date"
	case !noFF && w.forward(name, ours, theirs):
		kind, w.heads[name] = "fast-forward", theirs
	}
	if kind != "" {
		w.Logf("merge into %s: %s", name, kind)
	}
	if kind != "" && (err != nil || m.Kind != kind) || kind == "" && err == nil && m.Kind != "automatic" && m.Kind != "consistent" {
		w.Fatalf("merge into %s is %q %v, the model says %q", name, m.Kind, err, kind)
	}
	w.kinds[kind]++
	return kind != ""
}

// automatic merges by replay. The result is what the same calls give one after
// the other on another branch.
func (w *brute) automatic(name, from string) {
	w.Helper()
	ours, theirs, strict, noFF := w.heads[name], w.heads[from], w.rng.IntN(5) == 0, w.rng.IntN(3) == 0
	producer := keyOf(w.owner(name))
	serial := ""
	if w.rng.IntN(3) == 0 && !strict && !slices.ContainsFunc(offered(theirs, ours), func(t bruteTx) bool { return t.call == nil && t.kind != "patch" }) {
		serial = fmt.Sprint("again/", w.rng.Uint64())
		if _, err := w.CreateBranch(serial, name, w.key, false); err != nil {
			w.Fatal(err)
		}
	}
	m, err := w.Merge(ctx, producer, from, repo.MergeOptions{Into: name, Strict: strict, NoFF: noFF, Disclose: true})
	if w.plain(name, theirs, noFF, m, err) {
		return
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Logf("merge %s into %s strict %v: %s", from, name, strict, verdicts(m))
	b, i := w.next(name, ours, theirs), 0
	w.tables = w.versions[b.version]
	for _, t := range offered(theirs, ours) {
		if ours.seen[t.once] == t.id {
			continue
		}
		if i == len(m.Verdicts) || m.Verdicts[i].Transaction.String() != t.id {
			w.Fatalf("verdict %d is not about %s", i, t.id)
		}
		v := m.Verdicts[i]
		i++
		if v.Included && serial != "" || !v.Included && serial != "" && v.Code[:4] != "AG05" && v.Code != "AG0434" && t.kind != "patch" {
			if err := t.call(serial); (err == nil) != v.Included {
				w.Fatalf("%s is included %v %s, by itself %v", v.Text, v.Included, v.Code, err)
			}
		}
		t.rows = w.replayed(b, t, v, name)
		if !v.Included {
			t.verdict, t.vain = "excluded", false
			if v.Code == "AG0434" {
				b.txs = append(b.txs, t)
				continue
			}
		}
		b.ran(t)
	}
	if i != len(m.Verdicts) {
		w.Fatalf("%d verdicts too many", len(m.Verdicts)-i)
	}
	w.kinds["automatic"]++
	if serial != "" {
		if got := w.read(serial, b.version); !maps.EqualFunc(got, b.state, slices.Equal[anyRow]) {
			w.Fatalf("one after the other gives\n%v\nnot\n%v", got, b.state)
		}
		if err := w.DeleteBranch(serial, true); err != nil {
			w.Fatal(err)
		}
	}
}
