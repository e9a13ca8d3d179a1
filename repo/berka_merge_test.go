package repo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/repo"
)

// TestBerkaBranches cuts the postings of the real bank into slices, gives each
// to a branch of its own, and brings the branches together in random order, once
// by running the calls again and once by cell, with the DELTA rule on balances.
// Both times each account must hold what the file says. With AERGO_SOAK of a
// minute or more it is all of the file on 200 branches.
func TestBerkaBranches(t *testing.T) {
	path := berka(t)
	opens, posts := postings(t, path)
	branches, whole := 20, soak() >= time.Minute
	if whole {
		branches = 200
	} else {
		posts = posts[:1000]
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))

	s := begin(t, repo.Options{})
	s.deploy("", "bank", bankSource(t))
	s.load("", opens)
	began := time.Now()
	names := make([]string, branches)
	sizes := map[string]int{}
	for i := range names {
		names[i] = fmt.Sprintf("site-%d", i)
		s.branch(names[i])
		slice := posts[i*len(posts)/branches : (i+1)*len(posts)/branches]
		s.load(names[i], slice)
		sizes[names[i]] = len(slice)
	}
	t.Logf("%d postings on %d branches in %v", len(posts), branches, time.Since(began).Round(time.Millisecond))

	sums := map[int64]int64{}
	for _, c := range opens {
		sums[c.Args["id"].(int64)] = 0
	}
	for _, c := range posts {
		sums[c.Args["account"].(int64)] += c.Args["amount"].(int64)
	}
	var want strings.Builder
	for _, id := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&want, "%d|%d\n", id, sums[id])
	}
	if bySqlite, ok := sumsBySqlite(t, path); ok && whole && bySqlite != want.String() {
		t.Fatal("sqlite3 computes other sums from the file than this test")
	}

	for _, o := range []repo.MergeOptions{{Into: "replayed"}, {Into: "by-cell", Consistent: true}} {
		s.branch(o.Into)
		o.NoFF = true
		random.Shuffle(branches, func(i, j int) { names[i], names[j] = names[j], names[i] })
		began := time.Now()
		for _, name := range names {
			m, err := s.Merge(ctx, s.key, name, o)
			if err != nil {
				t.Fatalf("merging %s into %s: %v", name, o.Into, err)
			}
			if m.Block.IsZero() || m.Excluded > 0 || len(m.Conflicts) > 0 || !o.Consistent && m.Included != sizes[name] {
				t.Fatalf("merging %s into %s: %s, %d included, %d excluded, %d conflicts", name, o.Into, m.Kind, m.Included, m.Excluded, len(m.Conflicts))
			}
		}
		t.Logf("%s: %d merges in %v", o.Into, branches, time.Since(began).Round(time.Millisecond))
		if got := s.query(o.Into, "SELECT id, balance FROM bank.account ORDER BY id"); got != want.String() {
			t.Errorf("%s: the accounts do not hold what the file says", o.Into)
		}
		if got := s.query(o.Into, "SELECT count(*), count(DISTINCT id) FROM bank.posting"); got != fmt.Sprintf("%d|%d\n", len(posts), len(posts)) {
			t.Errorf("%s: postings %s", o.Into, got)
		}
	}
	began = time.Now()
	report := s.verify()
	t.Logf("verified in %v: %+v", time.Since(began).Round(time.Millisecond), report)
	if report.Executed != report.Transactions || report.Transactions != 1+len(opens)+2*len(posts)+branches {
		t.Errorf("verified %+v", report)
	}
}
