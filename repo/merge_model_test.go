package repo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
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

// modelState is all rows: "table|key" to values.
type modelState map[string]string

type modelTx struct {
	id   string
	act  func(modelState) (modelState, bool) // gives the next state; false: it fails
	rows string                              // what it changed where it ran last on this line
	ok   bool
}

type modelBlock struct {
	parents []*modelBlock
	txs     []modelTx
	state   modelState
	seen    map[string]bool
}

// run executes one transaction on a state and tells what changed.
func (t modelTx) run(state modelState) (next modelState, rows string, ok bool) {
	if next, ok = t.act(maps.Clone(state)); !ok {
		return state, "", false
	}
	all := maps.Clone(state)
	maps.Copy(all, next)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		old, had := state[key]
		now, has := next[key]
		if old != now || had != has {
			rows += fmt.Sprintf("%s:%s,%v>%s,%v ", key, old, had, now, has)
		}
	}
	return next, rows, true
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
	ran := map[string]*modelBlock{}
	var order []string
	for _, blk := range replayOrder(source, known, map[*modelBlock]bool{}) {
		for _, t := range blk.txs {
			if _, ok := last[t.id]; !ok {
				if len(blk.parents) == 2 {
					continue // of a block that the target has
				}
				order = append(order, t.id)
			}
			if at, ok := ran[t.id]; ok && !blk.ancestors(map[*modelBlock]bool{})[at] {
				continue // this line ran it, and one that it merged did too
			}
			last[t.id], ran[t.id] = t, blk
		}
	}
	b = &modelBlock{parents: []*modelBlock{target, source}, state: target.state, seen: maps.Clone(target.seen)}
	for _, id := range order {
		t := last[id]
		if !t.ok || b.seen[id] {
			continue
		}
		next, rows, ok := t.run(b.state)
		verdict := "excluded"
		if ok && (!strict || rows == t.rows) {
			verdict = "included"
			if rows != t.rows {
				verdict = "different"
			}
			b.state = next
		} else {
			ok = false
		}
		b.seen[id] = true
		b.txs = append(b.txs, modelTx{id: id, act: t.act, rows: rows, ok: ok})
		verdicts = append(verdicts, id+" "+verdict)
	}
	return b, false, verdicts
}

// purseCall is a call of put (from 0) or move, with what it does to plain numbers.
func purseCall(from, to, n int64) (repo.Call, modelTx) {
	c := repo.Call{Contract: "purse", Action: "put", Args: args{"id": to, "n": n}}
	if from != 0 {
		c.Action, c.Args = "move", args{"from": from, "to": to, "n": n}
	}
	key := func(id int64) string { return fmt.Sprintf("purse|%d", id) }
	add := func(s modelState, id, n int64) bool {
		have, _ := strconv.ParseInt(s[key(id)], 10, 64)
		s[key(id)] = strconv.FormatInt(have+n, 10)
		return have+n >= 0
	}
	return c, modelTx{act: func(s modelState) (modelState, bool) {
		if from == 0 {
			return s, add(s, to, n)
		}
		_, giver := s[key(from)]
		_, taker := s[key(to)]
		return s, taker && (!giver || add(s, from, -n)) && add(s, to, n)
	}}
}

// TestRandomMergesAgreeWithTheModel draws histories with branches, merges and
// merges of merges, and holds that every merge gives the verdicts and rows that
// the model gives: that its result is the serial execution of what it included.
func TestRandomMergesAgreeWithTheModel(t *testing.T) {
	manyMerges(t, 6, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := begin(t, fixed(seed))
		s.deploy("", "purse", purse)
		s.drawMerges(rng, 60, modelState{}, func() (repo.Call, modelTx, bool) {
			from, to := int64(0), rng.Int64N(5)+1
			if rng.IntN(3) > 0 {
				from = rng.Int64N(5) + 1
			}
			c, tx := purseCall(from, to, rng.Int64N(50)+1)
			return c, tx, from != to
		}, func(branch string) modelState {
			return s.rowsOf(branch, "purse", "SELECT id, amount FROM purse.purse")
		})
	})
}

// manyMerges draws for AERGO_SOAK, or so many rounds. AERGO_SEED=n draws one.
func manyMerges(t *testing.T, rounds int, draw func(t *testing.T, seed uint64)) {
	if seed, err := strconv.ParseUint(os.Getenv("AERGO_SEED"), 10, 64); err == nil {
		draw(t, seed)
		return
	}
	until := time.Now().Add(soak())
	for round := 0; round < rounds || time.Now().Before(until); round++ {
		seed := rand.Uint64()
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { draw(t, seed) }) {
			t.Fatalf("again: AERGO_SEED=%d go test ./repo -run %s", seed, t.Name())
		}
	}
}

// rowsOf lists the rows of a query as a model has them: the first column is the
// key.
func (s *story) rowsOf(branch, table, sql string) modelState {
	s.Helper()
	state := modelState{}
	for _, line := range strings.Split(s.query(branch, sql), "\n") {
		if key, values, ok := strings.Cut(line, "|"); ok {
			state[table+"|"+key] = values
		}
	}
	return state
}

// drawMerges draws a history of some steps: branches, merges, and the calls
// that next gives (false: none). After each step held must be what the model
// says.
func (s *story) drawMerges(rng *rand.Rand, steps int, start modelState, next func() (repo.Call, modelTx, bool), held func(branch string) modelState) {
	s.Helper()
	heads := map[string]*modelBlock{"main": {state: start, seen: map[string]bool{}}}
	names := []string{"main"}
	for step := range steps {
		name := names[rng.IntN(len(names))]
		head := heads[name]
		switch k := rng.IntN(10); {
		case k == 0 && len(names) < 5:
			n := fmt.Sprintf("b%d", step)
			if _, err := s.CreateBranch(n, name, s.key, false); err != nil {
				s.Fatal(err)
			}
			names, heads[n] = append(names, n), head
		case k <= 2 && len(names) > 1:
			from := names[rng.IntN(len(names))]
			strict := rng.IntN(4) == 0
			want, ff, verdicts := head.merge(heads[from], strict)
			got, err := s.Merge(ctx, s.key, from, repo.MergeOptions{Into: name, Strict: strict})
			if err != nil {
				s.Fatalf("step %d: merge %s into %s: %v", step, from, name, err)
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
				s.Fatalf("step %d: merge %s into %s (strict %v) is %s\n%s\nthe model says %s\n%s", step, from, name, strict,
					got.Kind, strings.Join(said, "\n"), kind, strings.Join(verdicts, "\n"))
			}
			if want != nil {
				heads[name] = want
			}
		default:
			c, tx, ok := next()
			if !ok {
				continue
			}
			c.Branch = name
			res, err := s.send(c)
			b := &modelBlock{parents: []*modelBlock{head}, seen: maps.Clone(head.seen)}
			b.state, tx.rows, tx.ok = tx.run(head.state)
			if tx.ok != (err == nil) {
				s.Fatalf("step %d: %s %v: %v, the model says %v", step, c.Action, c.Args, err, tx.ok)
			}
			tx.id = res.Transaction.String()
			b.seen[tx.id], b.txs = true, []modelTx{tx}
			heads[name] = b
		}
		if got := held(name); !maps.Equal(got, heads[name].state) {
			s.Fatalf("step %d: %s holds\n%v\nthe model says\n%v", step, name, got, heads[name].state)
		}
	}
	report := s.verify()
	if report.Executed != report.Transactions {
		s.Errorf("verified %+v", report)
	}
}

// send makes a call; one without an action deploys the source in its arguments.
func (s *story) send(c repo.Call) (repo.Result, error) {
	if c.Action == "" {
		return s.Deploy(ctx, s.key, c.Branch, c.Contract, c.Args["source"].(string))
	}
	return s.Call(ctx, s.key, c)
}
