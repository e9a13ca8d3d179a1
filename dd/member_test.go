package dd

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestMembersAreCounted grants and revokes at random: the counts are those of the
// grants, and who has lost his last role is a stranger again.
func TestMembersAreCounted(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	w := newWorld(t)
	for range 60 {
		role := []Role{Reader, Writer, Producer, Admin}[rng.IntN(4)]
		pattern, a := []string{"eu/*", "eu/x"}[rng.IntN(2)], account(fmt.Sprint("member ", rng.IntN(3)))
		if rng.IntN(2) == 0 {
			_ = w.do("alice", Grant{Role: role, Pattern: pattern, Account: a})
		} else {
			_ = w.do("alice", Revoke{Role: role, Pattern: pattern, Account: a})
		}
	}
	s := w.head()
	roles, err := s.Roles()
	w.ok(err)
	want := map[string]member{}
	for _, g := range roles {
		m := want[string(g.Account)]
		*m.of(g.Role)++
		want[string(g.Account)] = m
	}
	if len(roles) < 4 {
		t.Errorf("only %d grants are left", len(roles))
	}
	records, err := all[member](s, "member")
	w.ok(err)
	if len(records) != len(want) {
		t.Errorf("%d members, want %d", len(records), len(want))
	}
	for a, m := range want {
		if got, _, err := get[member](s, []any{"member", a}); err != nil || got != m {
			t.Errorf("%s: %+v %v, want %+v", a, got, err, m)
		}
	}
}

// TestAStrangerLearnsNoNames has mallory ask for a branch of his own under names
// that are taken and names that are not.
func TestAStrangerLearnsNoNames(t *testing.T) {
	w := newWorld(t)
	c, id := w.branchOf("alice", "eu/secret")
	w.ok(w.do("alice", c))
	s := w.head()
	own := Question{Account: account("mallory"), Right: RightRead, Creator: account("mallory"), Salt: hash("his")}
	own.Branch = must(branchID(s.Ledger(), own.Creator, own.Salt))
	for _, name := range []string{"eu/secret", "eu/free", "main"} {
		own.Name = name
		w.ok(Decide(s, own))
		denied := fmt.Sprint(deniedRead())
		for _, q := range []Question{
			{Account: account("mallory"), Right: RightRead, Name: name},
			{Account: account("mallory"), Right: RightRead, Name: name, Branch: id, Creator: account("mallory"), Salt: hash("his")},
			{Account: account("mallory"), Right: RightRead, Name: name, Branch: id, Creator: account("alice"), Salt: c.Salt},
		} {
			if err := Decide(s, q); fmt.Sprint(err) != denied {
				t.Errorf("%+v: %v", q, err)
			}
		}
	}
}
