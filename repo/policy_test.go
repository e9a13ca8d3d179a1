package repo_test

import (
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

// The directory keeps the policy of a registered branch, and only an admin of
// its name changes it; a merge obeys it, whatever is noted locally.
func TestPolicyOfRegisteredBranch(t *testing.T) {
	s := town(t, 71)
	policy := func(name string) string {
		list, err := s.Branches()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range list {
			if b.Name == name {
				return b.Policy
			}
		}
		return "no such branch"
	}
	if err := s.SetPolicy(ctx, keyOf("mallory"), "main", "consistent"); !fault.Is(err, "AG0501") {
		t.Errorf("mallory sets main's policy: %v", err)
	}
	if err := s.SetPolicy(ctx, keyOf("mallory"), "m/taken", "consistent"); !fault.Is(err, "AG0501") {
		t.Errorf("a writer sets a policy: %v", err)
	}
	for _, bad := range []string{"", "Consistent", "lucky"} {
		if err := s.SetPolicy(ctx, s.key, "main", bad); !fault.Is(err, "AG0102") {
			t.Errorf("policy %q: %v", bad, err)
		}
	}
	if err := s.SetPolicy(ctx, s.key, "nowhere", "consistent"); !fault.Is(err, "AG0202") {
		t.Error(err)
	}
	if err := s.SetPolicy(ctx, s.key, "eu", "consistent"); err != nil {
		t.Fatal(err)
	}
	if policy("eu") != "consistent" || policy("main") != "" {
		t.Error("policies", policy("eu"), policy("main"))
	}
	m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{DryRun: true})
	if err != nil || m.Kind != "consistent" || m.Policy != "eu" {
		t.Errorf("eu into main: %s by %q, %v", m.Kind, m.Policy, err)
	}
	if err := s.SetPolicy(ctx, s.key, "main", "automatic"); err != nil {
		t.Fatal(err)
	}
	for _, o := range []repo.MergeOptions{{}, {Automatic: true}, {Strict: true}} {
		o.DryRun = true
		m, err := s.Merge(ctx, s.key, "eu", o)
		if asked := o.Automatic || o.Strict; err != nil || m.Kind != "automatic" || (m.Policy == "main") == asked {
			t.Errorf("%+v: %s by %q, %v", o, m.Kind, m.Policy, err)
		}
	}
	if _, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{Strict: true, Consistent: true}); !fault.Is(err, "AG0105") {
		t.Error(err)
	}
	if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
		t.Error(err)
	}
}

// A merge shows what the source's readers alone could read.
func TestMergeShowsTheSource(t *testing.T) {
	s := begin(t, fixed(72))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(100)})
	for _, name := range []string{"hr/pay", "open"} {
		if _, err := s.CreateBranch(name, "main", s.key, false); err != nil {
			t.Fatal(err)
		}
	}
	s.grant(dd.Reader, "main", "bob")
	s.grant(dd.Writer, "open", "bob")
	s.grant(dd.Producer, "*", "carol")
	s.call("hr/pay", "shop", "sell", args{"sku": "tea", "n": int64(3)})
	shown := func(source, into string) int {
		t.Helper()
		m, err := s.Merge(ctx, s.key, source, repo.MergeOptions{Into: into, DryRun: true, NoFF: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Merge(ctx, s.key, source, repo.MergeOptions{Into: into, Consistent: true, NoFF: true})
		if refused := fault.Is(err, "AG0730"); err != nil && !refused || refused != (len(m.Shown) > 0) {
			t.Errorf("%s into %s shows to %v and is refused with %v", source, into, m.Shown, err)
		}
		return len(m.Shown)
	}
	if n := shown("hr/pay", "main"); n != 1 {
		t.Errorf("pay into main is shown to %d", n)
	}
	head, err := s.Resolve("hr/pay")
	if err != nil {
		t.Fatal(err)
	}
	if n := shown(head.String(), "main"); n != 1 { // not by its name
		t.Errorf("by id it is shown to %d", n)
	}
	s.call("open", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if n := shown("open", "main"); n != 0 {
		t.Errorf("open into main is shown to %d", n)
	}
	// What was shown on open is no secret on main.
	if _, err := s.Merge(ctx, s.key, "hr/pay", repo.MergeOptions{Into: "open", Disclose: true}); err != nil {
		t.Fatal(err)
	}
	if n := shown("hr/pay", "main"); n != 0 {
		t.Errorf("pay, which open has, is shown to %d", n)
	}
	s.call("hr/pay", "shop", "sell", args{"sku": "tea", "n": int64(3)})
	if n := shown("hr/pay", "open"); n != 1 {
		t.Errorf("the new pay is shown to %d on open", n)
	}
	if err := s.Direct(s.key, dd.SetVisibility{Public: true}); err != nil {
		t.Fatal(err)
	}
	if n := shown("hr/pay", "open"); n != 0 {
		t.Errorf("in a public ledger it is shown to %d", n)
	}
}
