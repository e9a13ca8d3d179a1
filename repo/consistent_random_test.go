package repo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
)

const sums = `DIALECT 1;
CREATE TABLE acc (id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n >= -1000000), note INTEGER NOT NULL DEFAULT 0, top INTEGER NOT NULL DEFAULT 0);
MERGE RULE ON acc (n) BY DELTA;
MERGE RULE ON acc (top) BY MAX;
INVARIANT zero ON acc TOTAL sum(n) CHECK (total = 0);
CREATE ACTION start() PUBLIC AS BEGIN INSERT INTO acc(id, n) VALUES (1, 0), (2, 0), (3, 0); END;
CREATE ACTION move(:from INTEGER, :to INTEGER, :n INTEGER) PUBLIC AS
BEGIN UPDATE acc SET n = n - :n WHERE id = :from; UPDATE acc SET n = n + :n WHERE id = :to; END;
CREATE ACTION note(:id INTEGER, :v INTEGER) PUBLIC AS BEGIN UPDATE acc SET note = :v WHERE id = :id; END;
CREATE ACTION top(:id INTEGER, :v INTEGER) PUBLIC AS BEGIN UPDATE acc SET top = :v WHERE id = :id; END;
`

// TestRandomCellsAgreeWithTheModel draws calls on two branches from one base and
// merges by cell both ways: conflicts are where the model has them, DELTA gives
// base plus all deltas, both ways give one state where neither side is chosen,
// the TOTAL holds, and a replay agrees.
func TestRandomCellsAgreeWithTheModel(t *testing.T) {
	manyMerges(t, 2, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := begin(t, fixed(seed))
		s.deploy("", "sums", sums)
		s.call("", "sums", "start", nil)
		type row [3]int64 // n, note, top
		base := map[int64]row{1: {}, 2: {}, 3: {}}
		for round := range 6 {
			a, b := fmt.Sprint("a", round), fmt.Sprint("b", round)
			sides := map[string]map[int64]row{}
			for _, on := range []string{a, b} {
				if _, err := s.CreateBranch(on, "main", s.key, false); err != nil {
					t.Fatal(err)
				}
				rows := maps.Clone(base)
				for range 1 + rng.IntN(4) {
					id, v := rng.Int64N(3)+1, rng.Int64N(9)+1
					switch r := rows[id]; rng.IntN(3) {
					case 0:
						to := id%3 + 1
						s.call(on, "sums", "move", args{"from": id, "to": to, "n": v})
						o := rows[to]
						r[0], o[0] = r[0]-v, o[0]+v
						rows[id], rows[to] = r, o
					case 1:
						s.call(on, "sums", "note", args{"id": id, "v": v})
						r[1] = v
						rows[id] = r
					case 2:
						s.call(on, "sums", "top", args{"id": id, "v": v})
						r[2] = v
						rows[id] = r
					}
				}
				sides[on] = rows
			}
			take := merge.Ours
			if rng.IntN(2) == 0 {
				take = merge.Theirs
			}
			var chosen []string
			want := map[int64]row{}
			for id, was := range base {
				x, y := sides[a][id], sides[b][id]
				m := row{x[0] + y[0] - was[0], x[1], x[2]}
				switch {
				case x[1] == was[1]:
					m[1] = y[1]
				case y[1] != was[1]:
					chosen = append(chosen, fmt.Sprintf("cell acc[%d] note", id))
					if take == merge.Theirs {
						m[1] = y[1]
					}
				}
				switch {
				case x[2] == was[2]:
					m[2] = y[2]
				case y[2] != was[2]:
					m[2] = max(x[2], y[2])
				}
				want[id] = m
			}
			slices.Sort(chosen)
			if _, err := s.CreateBranch(b+"-first", b, s.key, false); err != nil {
				t.Fatal(err)
			}
			other := map[merge.Side]merge.Side{merge.Ours: merge.Theirs, merge.Theirs: merge.Ours}[take]
			for _, way := range []struct {
				into, from string
				take       merge.Side
			}{{b + "-first", a, other}, {a, b, take}} {
				m, err := s.Merge(ctx, s.key, way.from, repo.MergeOptions{Into: way.into, Consistent: true, NoFF: true})
				if err != nil {
					t.Fatal(err)
				}
				if got := conflictsOf(m); got != strings.Join(chosen, "; ") {
					t.Fatalf("conflicts %q, the model says %q", got, strings.Join(chosen, "; "))
				}
				if len(chosen) > 0 {
					if m, err = s.Settle(ctx, s.key, way.into, repo.Choice{Take: way.take}); err != nil || m.Block.IsZero() {
						t.Fatalf("%+v %v", m, err)
					}
				}
				text := ""
				for _, id := range slices.Sorted(maps.Keys(want)) {
					text += fmt.Sprintf("%d|%d|%d|%d\n", id, want[id][0], want[id][1], want[id][2])
				}
				if got := s.query(way.into, "SELECT id, n, note, top FROM sums.acc ORDER BY id"); got != text {
					t.Fatalf("%s has\n%s\nthe model says\n%s", way.into, got, text)
				}
				again, err := s.Merge(ctx, s.key, way.from, repo.MergeOptions{Into: way.into, Consistent: true, NoFF: true})
				if err != nil || again.Kind != "up to date" {
					t.Fatalf("merging again: %+v %v", again, err)
				}
			}
			if _, err := s.Merge(ctx, s.key, a, repo.MergeOptions{}); err != nil { // main goes on from there
				t.Fatal(err)
			}
			base = want
		}
		s.verify()
	})
}
