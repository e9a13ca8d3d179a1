package repo_test

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
)

// What random merges found, as small as it gets.

// us pays 5 into a, and main and eu both take that over by replay and pay 5 back
// by themselves: a is 0 everywhere, and no sum of the three zeros is the 5 - 5 - 5
// that was paid.
func TestTwiceAndBackAgain(t *testing.T) {
	s := begin(t, fixed(70))
	s.deploy("", "box", box)
	s.play(`main put id=a n=10
branch us main
us spend id=a n=-5
branch eu main
main flag id=x v=1
eu flag id=y v=1
merge us main
merge us eu
main spend id=a n=5
eu spend id=a n=5
us flag id=z v=1`)
	m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{Consistent: true})
	if want := "twice box[a] n"; err != nil || conflictsOf(m) != want {
		t.Fatalf("%q %v, want %q", conflictsOf(m), err, want)
	}
	if m, err = s.Settle(ctx, s.key, "", repo.Choice{Column: "n", Take: merge.Value, Value: int64(5)}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	s.verify()
}

// The name of a branch that is not registered is local: what a merge into it takes
// must not hang on it, or nobody else could verify. mallory may write on m/*, and
// on alice's own branches nobody has forbidden her.
func TestMergeIntoLocalBranches(t *testing.T) {
	s := begin(t, fixed(71))
	s.deploy("", "box", box)
	s.play("main put id=a n=100\nbranch mine main\nbranch other main\nbranch far main")
	if err := s.RegisterBranch(ctx, s.key, "far"); err != nil {
		t.Fatal(err)
	}
	s.grant(dd.Writer, "m/*", "mallory")
	if _, err := s.CreateBranch("m/x", "main", keyOf("mallory"), false); err != nil {
		t.Fatal(err)
	}
	s.play("mallory@m/x bare id=a v=5\nmine flag id=x v=1\nother flag id=x v=1\nfar flag id=x v=1")
	s.wantMerge(s.merge("m/x", "mine", repo.MergeOptions{}), "box.bare(id=a, v=5): included \n")
	s.wantMerge(s.merge("m/x", "far", repo.MergeOptions{}), "box.bare(id=a, v=5): excluded AG0501\n")
	if m := s.merge("m/x", "other", repo.MergeOptions{Consistent: true}); m.Block.IsZero() {
		t.Errorf("into a local branch: %s", conflictsOf(m))
	}
	if err := s.RenameBranch("mine", "m/y"); err != nil {
		t.Fatal(err)
	}
	s.verify()
	// It does not reach main that way: there her right is asked again.
	s.play("main flag id=y v=1")
	m := s.merge("other", "main", repo.MergeOptions{Consistent: true})
	if want := "not permitted box[a] bare"; conflictsOf(m) != want {
		t.Errorf("conflicts %q, want %q", conflictsOf(m), want)
	}
}

// b/1 has merged main, and b/2, which was made from main later, has merged b/1.
// Merging b/2 back brings b/1 one block of bob's and none of alice's, but hers
// would come to stand on the line of b/1: no fast-forward.
func TestFastForwardKeepsTheLine(t *testing.T) {
	s := begin(t, fixed(72))
	s.deploy("", "box", box)
	s.grant(dd.Writer, "b/*", "bob")
	bob := keyOf("bob")
	s.play("main put id=a n=100")
	if _, err := s.CreateBranch("b/1", "main", bob, false); err != nil {
		t.Fatal(err)
	}
	s.play("main flag id=x v=1\nbob@b/1 flag id=y v=1")
	if _, err := s.CreateBranch("b/2", "main", bob, false); err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]string{{"main", "b/1"}, {"b/1", "b/2"}} {
		if _, err := s.Merge(ctx, bob, way[0], repo.MergeOptions{Into: way[1], NoFF: true, Disclose: true}); err != nil {
			t.Fatal(err)
		}
	}
	m, err := s.Merge(ctx, bob, "b/2", repo.MergeOptions{Into: "b/1", Disclose: true})
	if err != nil || m.Kind != "automatic" {
		t.Errorf("%q %v, want a merge block", m.Kind, err)
	}
	s.verify()
}

// A deploy of the source that makes something else of the action of a rule ends
// no merge: the cell is a conflict.
func TestActionOfRuleIsAnotherOne(t *testing.T) {
	other := strings.Replace(strings.Replace(box, "CREATE ACTION middle(:base INTEGER, :ours INTEGER, :theirs INTEGER) PRIVATE READONLY",
		"CREATE ACTION middle(:base INTEGER) PRIVATE READONLY", 1), "BEGIN REQUIRE :ours <> 7 ELSE 'not seven'; RETURN (:ours + :theirs) / 2; END;", "BEGIN RETURN 1; END;", 1)
	other = strings.Replace(other, "MERGE RULE ON box (mean) USING ACTION middle;\n", "", 1)
	s := begin(t, fixed(73))
	s.deploy("", "box", box)
	s.play("main put id=a n=100\nbranch eu main\nmain mean id=a v=4\neu mean id=a v=8")
	s.deploy("eu", "box", other)
	m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
	if want := "cell box[a] mean"; conflictsOf(m) != want {
		t.Fatalf("%q, want %q", conflictsOf(m), want)
	}
	if m, err := s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Theirs}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	s.verify()
}

// Two merge bases disagree whether there is the row that both sides have: its
// columns' rules are asked, not only the table's.
func TestCrissCrossOfTheRowItself(t *testing.T) {
	s := begin(t, fixed(74))
	s.deploy("", "box", box)
	s.play(`main put id=a n=100
branch eu main
main gone id=a
eu top id=a v=3
branch m main
branch e eu
merge e main
merge m eu
main put id=a n=1
eu put id=a n=1
main top id=a v=4`)
	m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
	if want := "criss-cross box[a] bare; criss-cross box[a] mean; criss-cross box[a] n; criss-cross box[a] tag; criss-cross box[a] zero"; conflictsOf(m) != want {
		t.Fatalf("%q, want %q", conflictsOf(m), want)
	}
	for _, c := range m.Conflicts {
		if !c.BaseUnknown {
			t.Errorf("%+v", c)
		}
	}
	if m, err := s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Ours}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	s.verify()
}

// main has excluded what mallory paid in, x and y have it from before they merged
// main. Both differ from main, their base, by the same payment: it counts once.
func TestExcludedInTheBase(t *testing.T) {
	s := begin(t, fixed(75))
	s.deploy("", "box", box)
	s.grant(dd.Writer, "m/*", "mallory")
	s.play("main put id=a n=10")
	if _, err := s.CreateBranch("m/x", "main", keyOf("mallory"), false); err != nil {
		t.Fatal(err)
	}
	s.play("mallory@m/x spend id=a n=-4\nbranch x m/x\nbranch y m/x\nmain flag id=f v=1\nx flag id=x v=1\ny flag id=y v=1")
	for _, way := range [][2]string{{"m/x", "main"}, {"main", "x"}, {"main", "y"}} {
		s.merge(way[0], way[1], repo.MergeOptions{Disclose: true})
	}
	m := s.merge("y", "x", repo.MergeOptions{Consistent: true, Disclose: true})
	if want := "twice box[a] n"; conflictsOf(m) != want {
		t.Fatalf("%q, want %q", conflictsOf(m), want)
	}
	if m, err := s.Settle(ctx, s.key, "x", repo.Choice{Take: merge.Ours}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	if got := s.query("x", "SELECT n FROM box.box"); got != "14\n" {
		t.Errorf("n is %s", got)
	}
	s.verify()
}

// mallory's branch is the base of main and eu, which both lack what she paid in:
// they have tried to pick it, in vain, before or after they merged her branch. No
// sum of that is right.
func TestExcludedAndPickedInVain(t *testing.T) {
	for _, first := range []string{"merge", "pick"} {
		s := begin(t, fixed(76))
		s.deploy("", "box", box)
		s.grant(dd.Writer, "m/*", "mallory")
		s.play("main put id=a n=10\nbranch eu main")
		if err := s.RegisterBranch(ctx, s.key, "eu"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreateBranch("m/x", "main", keyOf("mallory"), false); err != nil {
			t.Fatal(err)
		}
		s.play("mallory@m/x spend id=a n=-4\nmain flag id=x v=1\neu flag id=y v=1")
		pick := func(into string) {
			p, err := s.CherryPick(ctx, s.key, "m/x", repo.PickOptions{Into: into, Empty: true, Disclose: true})
			if err != nil || p.Excluded != 1 || p.Block.IsZero() {
				t.Fatalf("%+v %v", p, err)
			}
		}
		for _, into := range []string{"main", "eu"} {
			if first == "pick" {
				pick(into)
			}
			s.merge("m/x", into, repo.MergeOptions{Disclose: true})
			if first == "merge" {
				pick(into)
			}
		}
		m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
		if want := "twice box[a] n"; conflictsOf(m) != want {
			t.Fatalf("%s first: %q, want %q; a is %s", first, conflictsOf(m), want, s.query("", "SELECT n FROM box.box WHERE id = 'a'"))
		}
		s.verify()
	}
}

// main and eu both take a payment back, by its block or its transaction: DELTA
// would refund it twice. What they take back of different payments adds up.
func TestTwoRevertsOfOne(t *testing.T) {
	for _, c := range []struct{ main, eu, balances string }{
		{"block", "block", ""},
		{"block", "transaction", ""},
		{"transaction", "block", ""},
		{"transaction", "transaction", ""},
		{"merge", "transaction", ""},
		{"merge", "block", ""},
		{"block", "other", "100\n50\n"},
		{"transaction", "other", "100\n50\n"},
	} {
		s := begin(t, fixed(77))
		s.deploy("", "bank", wallets)
		s.call("", "bank", "open", args{"id": "alice", "n": int64(100)})
		s.call("", "bank", "open", args{"id": "bob", "n": int64(50)})
		s.branch("us")
		paid := s.call("us", "bank", "pay", args{"a": "alice", "b": "bob", "n": int64(10)})
		other := s.call("", "bank", "pay", args{"a": "alice", "b": "bob", "n": int64(3)})
		merged := s.merge("us", "main", repo.MergeOptions{})
		s.branch("eu")
		for _, r := range [][2]string{{"main", c.main}, {"eu", c.eu}} {
			into := r[0]
			switch r[1] {
			case "block":
				s.revert(paid.Block.String(), repo.RevertOptions{Into: into})
			case "transaction":
				s.revert("", repo.RevertOptions{Into: into, Transaction: paid.Transaction.String()})
			case "merge":
				s.revert(merged.Block.String(), repo.RevertOptions{Into: into})
			case "other":
				s.revert("", repo.RevertOptions{Into: into, Transaction: other.Transaction.String()})
			}
		}
		m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
		want := "twice account[alice] balance; twice account[bob] balance"
		if c.balances != "" {
			want = ""
		}
		if conflictsOf(m) != want {
			t.Fatalf("%v: %q, want %q", c, conflictsOf(m), want)
		}
		if want != "" {
			var err error
			if m, err = s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Ours}); err != nil {
				t.Fatal(err)
			}
			c.balances = "97\n53\n"
		}
		if got := s.query("", "SELECT balance FROM bank.account ORDER BY id"); m.Block.IsZero() || got != c.balances {
			t.Errorf("%v: balances %q, want %q", c, got, c.balances)
		}
		s.verify()
	}
}

const wallets = `DIALECT 1;
CREATE TABLE account (id TEXT PRIMARY KEY, balance INTEGER NOT NULL);
MERGE RULE ON account (balance) BY DELTA;
CREATE ACTION open(:id TEXT, :n INTEGER) PUBLIC AS BEGIN INSERT INTO account VALUES (:id, :n); END;
CREATE ACTION pay(:a TEXT, :b TEXT, :n INTEGER) PUBLIC AS
BEGIN UPDATE account SET balance = balance - :n WHERE id = :a; UPDATE account SET balance = balance + :n WHERE id = :b; END;
`

// TestRevertFromAThirdBranch: main picks a payment from us, and later, after eu
// has parted, what us took its own block back with. That block is in the history
// of neither, and still it is the payment that eu takes back too.
func TestRevertFromAThirdBranch(t *testing.T) {
	for _, by := range []string{"block", "transaction"} {
		s := begin(t, fixed(78))
		s.deploy("", "bank", wallets)
		s.call("", "bank", "open", args{"id": "alice", "n": int64(100)})
		s.call("", "bank", "open", args{"id": "bob", "n": int64(50)})
		s.branch("us")
		paid := s.call("us", "bank", "pay", args{"a": "alice", "b": "bob", "n": int64(10)})
		back := s.revert(paid.Block.String(), repo.RevertOptions{Into: "us"})
		picked := s.pick("", repo.PickOptions{Transactions: []string{paid.Transaction.String()}})
		s.branch("eu")
		s.pick("", repo.PickOptions{Transactions: []string{back.Transaction.String()}})
		if _, err := s.Revert(ctx, s.key, "", repo.RevertOptions{Transaction: paid.Transaction.String()}); code(err) != "AG0721" {
			t.Errorf("%s: reverting it on main too: %v", by, err)
		}
		switch by {
		case "block":
			s.revert(picked.Block.String(), repo.RevertOptions{Into: "eu"})
		default:
			s.revert("", repo.RevertOptions{Into: "eu", Transaction: paid.Transaction.String()})
		}
		m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
		if got, want := conflictsOf(m), "twice account[alice] balance; twice account[bob] balance"; got != want {
			t.Fatalf("%s: %q, want %q; balances %q", by, got, want, s.query("", "SELECT balance FROM bank.account ORDER BY id"))
		}
		s.verify()
	}
}

// TestRevertOfAMergesPatch: what a merge by cell brought is in its patch. Taking
// the patch back and one of the payments in it on the other side is that twice.
func TestRevertOfAMergesPatch(t *testing.T) {
	s := begin(t, fixed(79))
	s.deploy("", "bank", wallets)
	s.call("", "bank", "open", args{"id": "alice", "n": int64(100)})
	s.call("", "bank", "open", args{"id": "bob", "n": int64(50)})
	s.branch("us")
	paid := s.call("us", "bank", "pay", args{"a": "alice", "b": "bob", "n": int64(10)}).Transaction.String()
	s.call("", "bank", "open", args{"id": "carol", "n": int64(0)})
	merged := s.merge("us", "main", repo.MergeOptions{Consistent: true})
	txs, err := s.Transactions(merged.Block.String())
	if err != nil {
		t.Fatal(err)
	}
	patch := txs[len(txs)-1].ID().String()
	s.branch("eu")
	s.revert("", repo.RevertOptions{Transaction: patch})
	for _, o := range []repo.RevertOptions{{Transaction: paid}, {Transaction: patch}} {
		if _, err := s.Revert(ctx, s.key, "", o); code(err) != "AG0721" {
			t.Errorf("reverting %v too: %v", o, err)
		}
	}
	s.revert("", repo.RevertOptions{Into: "eu", Transaction: paid})
	m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
	if got, want := conflictsOf(m), "twice account[alice] balance; twice account[bob] balance"; got != want {
		t.Fatalf("%q, want %q; balances %q", got, want, s.query("", "SELECT balance FROM bank.account ORDER BY id"))
	}
	s.verify()
}
