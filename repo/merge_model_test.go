package repo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/repo"
)

// purse is a contract on which transactions interfere: amounts move between
// accounts that never go below zero.
const purse = `
DIALECT 1;
CREATE TABLE purse (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL CHECK (amount >= 0));
CREATE ACTION put(:id INTEGER, :n INTEGER) PUBLIC AS
BEGIN
  INSERT INTO purse VALUES (:id, :n) ON CONFLICT(id) DO UPDATE SET amount = amount + excluded.amount;
END;
CREATE ACTION move(:from INTEGER, :to INTEGER, :n INTEGER) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM purse WHERE id = :to) ELSE 'no purse';
  UPDATE purse SET amount = amount - :n WHERE id = :from;
  UPDATE purse SET amount = amount + :n WHERE id = :to;
END;
`

// The model: plain maps and lists, and the rules of merging written down as
// directly as they are said.

type modelTx struct {
	id          string
	from, to, n int64  // from 0: put
	rows        string // what it changed where it ran last on this line
	ok          bool
}

type modelBlock struct {
	parents []*modelBlock
	txs     []modelTx
	amounts map[int64]int64
	seen    map[string]bool
}

// run executes one transaction on amounts and tells what changed.
func (t modelTx) run(amounts map[int64]int64) (rows string, ok bool) {
	next := maps.Clone(amounts)
	if t.from == 0 {
		next[t.to] += t.n
	} else {
		if _, ok := next[t.to]; !ok {
			return "", false
		}
		if have, ok := next[t.from]; ok {
			next[t.from] = have - t.n
		}
		next[t.to] += t.n
	}
	for _, a := range next {
		if a < 0 {
			return "", false
		}
	}
	for _, id := range slices.Sorted(maps.Keys(next)) {
		old, had := amounts[id]
		if !had || old != next[id] {
			rows += fmt.Sprintf("%d:%d,%v>%d ", id, old, had, next[id])
		}
	}
	maps.Copy(amounts, next)
	return rows, true
}

func (b *modelBlock) ancestors(set map[*modelBlock]bool) map[*modelBlock]bool {
	if !set[b] {
		set[b] = true
		for _, p := range b.parents {
			p.ancestors(set)
		}
	}
	return set
}

// replayOrder lists the blocks that only the source has: its first-parent chain,
// oldest first, and before a merge block what its second parent brings.
func replayOrder(b *modelBlock, known, done map[*modelBlock]bool) []*modelBlock {
	if known[b] || done[b] {
		return nil
	}
	var list []*modelBlock
	if len(b.parents) > 0 {
		list = replayOrder(b.parents[0], known, done)
	}
	if len(b.parents) > 1 {
		list = append(list, replayOrder(b.parents[1], known, done)...)
	}
	done[b] = true
	return append(list, b)
}

// merge gives the merge block of the model, or nil when there is nothing to
// merge, and whether it may be a fast-forward.
func (target *modelBlock) merge(source *modelBlock, strict bool) (b *modelBlock, ff bool, verdicts []string) {
	known := target.ancestors(map[*modelBlock]bool{})
	if known[source] {
		return nil, false, nil
	}
	if source.ancestors(map[*modelBlock]bool{})[target] {
		return source, true, nil
	}
	last := map[string]modelTx{}
	var order []string
	for _, blk := range replayOrder(source, known, map[*modelBlock]bool{}) {
		for _, t := range blk.txs {
			if _, ok := last[t.id]; !ok {
				if len(blk.parents) == 2 {
					continue // of a block that the target has
				}
				order = append(order, t.id)
			}
			last[t.id] = t
		}
	}
	b = &modelBlock{parents: []*modelBlock{target, source}, amounts: maps.Clone(target.amounts), seen: maps.Clone(target.seen)}
	for _, id := range order {
		t := last[id]
		if !t.ok || b.seen[id] {
			continue
		}
		try := maps.Clone(b.amounts)
		rows, ok := t.run(try)
		verdict := "excluded"
		if ok && (!strict || rows == t.rows) {
			verdict = "included"
			if rows != t.rows {
				verdict = "different"
			}
			b.amounts = try
		} else {
			ok = false
		}
		b.seen[id] = true
		b.txs = append(b.txs, modelTx{id: id, from: t.from, to: t.to, n: t.n, rows: rows, ok: ok})
		verdicts = append(verdicts, id+" "+verdict)
	}
	return b, false, verdicts
}

func (b *modelBlock) String() string {
	var s strings.Builder
	for _, id := range slices.Sorted(maps.Keys(b.amounts)) {
		fmt.Fprintf(&s, "%d|%d\n", id, b.amounts[id])
	}
	return s.String()
}

// TestRandomMergesAgreeWithTheModel draws histories with branches, merges and
// merges of merges, and holds that every merge gives the verdicts and rows that
// the model gives: that its result is the serial execution of what it included.
func TestRandomMergesAgreeWithTheModel(t *testing.T) {
	rounds := 6
	if d, err := time.ParseDuration(os.Getenv("AERGO_SOAK")); err == nil {
		until := time.Now().Add(d)
		for time.Now().Before(until) {
			seed := rand.Uint64()
			t.Run(fmt.Sprint(seed), func(t *testing.T) { drawMerges(t, seed) })
		}
		return
	}
	for range rounds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { drawMerges(t, seed) })
	}
}

func drawMerges(t *testing.T, seed uint64) {
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := begin(t, fixed(seed))
	s.deploy("", "purse", purse)
	root := &modelBlock{amounts: map[int64]int64{}, seen: map[string]bool{}}
	heads := map[string]*modelBlock{"main": root}
	names := []string{"main"}
	for step := range 60 {
		name := names[rng.IntN(len(names))]
		head := heads[name]
		switch k := rng.IntN(10); {
		case k == 0 && len(names) < 5:
			n := fmt.Sprintf("b%d", step)
			if _, err := s.CreateBranch(n, name, s.key, false); err != nil {
				t.Fatal(err)
			}
			names, heads[n] = append(names, n), head
		case k <= 2 && len(names) > 1:
			from := names[rng.IntN(len(names))]
			strict := rng.IntN(4) == 0
			want, ff, verdicts := head.merge(heads[from], strict)
			got, err := s.Merge(ctx, s.key, from, repo.MergeOptions{Into: name, Strict: strict})
			if err != nil {
				t.Fatalf("step %d: merge %s into %s: %v", step, from, name, err)
			}
			var said []string
			for _, v := range got.Verdicts {
				word := "excluded"
				if v.Included {
					word = "included"
				}
				if v.Different {
					word = "different"
				}
				said = append(said, v.Transaction.String()+" "+word)
			}
			kind := map[bool]string{true: "fast-forward", false: "automatic"}[ff]
			if want == nil {
				kind = "up to date"
			}
			if got.Kind != kind || !slices.Equal(said, verdicts) {
				t.Fatalf("step %d: merge %s into %s (strict %v) is %s\n%s\nthe model says %s\n%s", step, from, name, strict,
					got.Kind, strings.Join(said, "\n"), kind, strings.Join(verdicts, "\n"))
			}
			if want != nil {
				heads[name] = want
			}
		default:
			tx := modelTx{to: rng.Int64N(5) + 1, n: rng.Int64N(50) + 1}
			c := repo.Call{Contract: "purse", Action: "put", Branch: name, Args: args{"id": tx.to, "n": tx.n}}
			if rng.IntN(3) > 0 {
				tx.from = rng.Int64N(5) + 1
				if tx.from == tx.to {
					continue
				}
				c.Action, c.Args = "move", args{"from": tx.from, "to": tx.to, "n": tx.n}
			}
			res, err := s.Call(ctx, s.key, c)
			b := &modelBlock{parents: []*modelBlock{head}, amounts: maps.Clone(head.amounts), seen: maps.Clone(head.seen)}
			tx.rows, tx.ok = tx.run(b.amounts)
			if tx.ok != (err == nil) {
				t.Fatalf("step %d: %+v: %v, the model says %v", step, tx, err, tx.ok)
			}
			tx.id = res.Transaction.String()
			b.seen[tx.id], b.txs = true, []modelTx{tx}
			heads[name] = b
		}
		if got := s.query(name, "SELECT id, amount FROM purse.purse ORDER BY id"); got != heads[name].String() {
			t.Fatalf("step %d: %s holds\n%s\nthe model says\n%s", step, name, got, heads[name])
		}
	}
	report := s.verify()
	if report.Executed != report.Transactions {
		t.Errorf("verified %+v", report)
	}
}
