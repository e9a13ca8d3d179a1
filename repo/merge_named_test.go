package repo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
)

// The power goes while a merge is open: each choice that was acknowledged is
// there, and the merge goes on where it was. Meanwhile no other one begins.
func TestOpenMergeSurvivesACrash(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := &story{T: t, key: keyOf("alice"), dir: t.TempDir(), o: fixed(81)}
	r, err := repo.InitOn(disk, s.dir, s.key, s.o)
	if err != nil {
		t.Fatal(err)
	}
	s.Repository = r
	s.deploy("", "box", box)
	s.play("main put id=a\nmain put id=b\nbranch eu main\nbranch third main\nmain bare id=a v=1\neu bare id=a v=2\nmain bare id=b v=3\neu bare id=b v=4\nthird flag id=x v=1")
	if m := s.merge("eu", "main", repo.MergeOptions{Consistent: true}); len(m.Conflicts) != 2 {
		t.Fatalf("%+v", m.Conflicts)
	}
	if _, err := s.Settle(ctx, s.key, "", repo.Choice{Key: []string{"a"}, Take: merge.Theirs}); err != nil {
		t.Fatal(err)
	}
	for _, cells := range []bool{false, true} {
		if _, err := s.Merge(ctx, s.key, "third", repo.MergeOptions{Consistent: cells}); code(err) != "AG0710" {
			t.Errorf("a third branch while one merge is open: %v", err)
		}
	}
	after := disk.CrashClone(vfs.CrashCloneCfg{}) // what was synced, and nothing else
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Repository, err = repo.OpenOn(after, s.dir, s.o); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	m, err := s.Conflicts(ctx, s.key, "")
	if want := "cell box[b] bare"; err != nil || conflictsOf(m) != want {
		t.Fatalf("after the crash %q %v, want %q", conflictsOf(m), err, want)
	}
	if m, err = s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Ours}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	if got := s.query("", "SELECT bare FROM box.box ORDER BY id"); got != "2\n3\n" {
		t.Errorf("merged %s", got)
	}
	if m := s.merge("main~2", "main", repo.MergeOptions{Consistent: true}); m.Kind != "up to date" {
		t.Errorf("merging an ancestor: %+v", m)
	}
	s.verify()
}

// What was picked and then comes by cell has counted twice.
func TestPickedAndMergedByCell(t *testing.T) {
	s := begin(t, fixed(82))
	s.deploy("", "box", box)
	s.play("main put id=a n=10\nbranch eu main\nmain flag id=x v=1\neu spend id=a n=3")
	if p, err := s.CherryPick(ctx, s.key, "eu", repo.PickOptions{}); err != nil || p.Included != 1 {
		t.Fatalf("%+v %v", p, err)
	}
	m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
	if want := "twice box[a] n"; conflictsOf(m) != want {
		t.Fatalf("%q, want %q", conflictsOf(m), want)
	}
	if m, err := s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Ours}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	if got := s.query("", "SELECT n FROM box.box"); got != "7\n" {
		t.Errorf("n is %s", got)
	}
	s.verify()
}

// mallory owns a contract of main's and may write on m/* only by now. What she
// changes of its roles there does not come to main, by either kind of merge.
func TestRolesOfAStranger(t *testing.T) {
	for _, cells := range []bool{false, true} {
		s := begin(t, fixed(83))
		s.grant(dd.Writer, "*", "mallory")
		if _, err := s.CreateBranch("m/x", "main", keyOf("mallory"), false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Deploy(ctx, keyOf("mallory"), "m/x", "mine", box); err != nil {
			t.Fatal(err)
		}
		s.merge("m/x", "main", repo.MergeOptions{})
		s.grant(dd.Writer, "m/*", "mallory")
		if err := s.Change(ctx, s.key, dd.Revoke{Role: dd.Writer, Pattern: "*", Account: repo.AccountOf(keyOf("mallory"))}); err != nil {
			t.Fatal(err)
		}
		on := func(branch, contract, action string, a args) error {
			_, err := s.Call(ctx, keyOf("mallory"), repo.Call{Branch: branch, Contract: contract, Action: action, Args: a})
			return err
		}
		role := args{"contract": "mine", "role": "r", "account": string(repo.AccountOf(keyOf("mallory")))}
		if err := on("main", "aergo_role", "grant", role); !strings.HasPrefix(code(err), "AG05") {
			t.Errorf("she changes the roles on main itself: %v", err)
		}
		if err := errors.Join(on("m/x", "aergo_role", "grant", role), on("m/x", "mine", "put", args{"id": "m", "n": int64(1)})); err != nil {
			t.Fatal(err)
		}
		m, err := s.Merge(ctx, s.key, "m/x", repo.MergeOptions{Consistent: cells, NoFF: true, Disclose: true})
		if err != nil || m.Included != 0 || m.Verdicts[0].Code != "AG0501" {
			t.Errorf("by cell %v: %+v %v", cells, m, err)
		}
		if cells && (len(m.Conflicts) == 0 || m.Conflicts[0].Kind != "not permitted") {
			t.Errorf("her rows: %+v", m.Conflicts)
		}
		if got := s.query("", "SELECT count(*) FROM aergo_role.role"); got != "0\n" {
			t.Errorf("by cell %v: main has %s roles", cells, got)
		}
		s.verify()
	}
}

// One column that both sides added by the same source is one; two are none of a
// merge by cell.
func TestColumnsOfBothSides(t *testing.T) {
	with := func(column string) string {
		return strings.Replace(box, "  tag  TEXT UNIQUE\n", "  tag  TEXT UNIQUE,\n  "+column+" INTEGER NOT NULL DEFAULT 1\n", 1)
	}
	for column, want := range map[string]string{"more": "", "less": "AG0713"} {
		s := begin(t, fixed(84))
		s.deploy("", "box", box)
		s.play("main put id=a n=10\nbranch eu main\nmain bare id=a v=1\neu zero id=a v=2")
		s.deploy("main", "box", with("more"))
		s.deploy("eu", "box", with(column))
		m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{Consistent: true})
		if code(err) != want && !(want == "" && err == nil) {
			t.Fatalf("%s: %+v %v", column, m, err)
		}
		if want == "" {
			if got := s.query("", "SELECT bare, zero, more FROM box.box"); m.Block.IsZero() || got != "1|2|1\n" {
				t.Errorf("%s: %s %+v", column, got, m)
			}
		}
		s.verify()
	}
}

// A hundred conflicts in a table of 10,000 rows are listed, and settled at once.
// AERGO_SOAK makes it a million.
func TestManyConflicts(t *testing.T) {
	rows := 10_000
	if soak() > 0 {
		rows = 1_000_000
	}
	s := begin(t, fixed(85))
	s.deploy("", "list", `DIALECT 1;
CREATE TABLE item (id INTEGER PRIMARY KEY, v INTEGER NOT NULL);
CREATE ACTION fill(:from INTEGER, :n INTEGER) PUBLIC AS
BEGIN INSERT INTO item WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < :n) SELECT :from + i, 0 FROM c; END;
CREATE ACTION some(:step INTEGER, :v INTEGER) PUBLIC AS BEGIN UPDATE item SET v = :v
  WHERE id IN (WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + :step FROM c WHERE i < 99 * :step) SELECT i FROM c); END;
`)
	for at := 0; at < rows; at += 2500 {
		s.call("", "list", "fill", args{"from": int64(at), "n": int64(2500)})
	}
	if _, err := s.CreateBranch("eu", "main", s.key, false); err != nil {
		t.Fatal(err)
	}
	for i, branch := range []string{"main", "eu"} {
		s.call(branch, "list", "some", args{"step": int64(rows / 100), "v": int64(i + 1)})
	}
	m := s.merge("eu", "main", repo.MergeOptions{Consistent: true})
	if len(m.Conflicts) != 100 {
		t.Fatalf("%d conflicts", len(m.Conflicts))
	}
	m, err := s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Theirs})
	if err != nil || m.Block.IsZero() {
		t.Fatal(errors.Join(err, fmt.Errorf("%d conflicts are left", len(m.Conflicts))))
	}
	if got := s.query("", "SELECT count(*), sum(v) FROM list.item"); got != fmt.Sprintf("%d|200\n", rows) {
		t.Errorf("merged %s", got)
	}
}

// alice gives a contract of hers a role, on eu. On main mallory has taken the
// contract's name. The role, granted to a name, would fall to her contract.
func TestRoleOfANameThatMalloryTook(t *testing.T) {
	const till = `DIALECT 1;
CREATE TABLE purse (who TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE ACTION put(:who TEXT, :n INTEGER) PUBLIC AS BEGIN INSERT INTO purse VALUES (:who, :n); END;
CREATE ACTION seize(:who TEXT) ROLE (court) AS BEGIN DELETE FROM purse WHERE who = :who; END;`
	const judge = `DIALECT 1;
USE till AS t;
CREATE ACTION rule(:who TEXT) PUBLIC AS BEGIN CALL t.seize(:who); END;`
	for _, cells := range []bool{false, true} {
		s := begin(t, fixed(98))
		s.deploy("", "till", till)
		s.call("", "till", "put", args{"who": "carol", "n": int64(100)})
		s.grant(dd.Writer, "*", "mallory")
		s.branch("eu")
		s.deploy("eu", "judge", judge)
		owner := string(repo.AccountOf(s.key))
		role := args{"contract": "till", "role": "court", "account": "judge"}
		if _, err := s.Call(ctx, s.key, repo.Call{Branch: "eu", Contract: "aergo_role", Action: "grant", Args: role}); code(err) != "AG0403" {
			t.Errorf("a grant to a name alone: %v", err)
		}
		role["owner"] = string(repo.AccountOf(keyOf("mallory")))
		if _, err := s.Call(ctx, s.key, repo.Call{Branch: "eu", Contract: "aergo_role", Action: "grant", Args: role}); code(err) != "AG0728" {
			t.Errorf("a grant to mallory's contract, which is not hers: %v", err)
		}
		role["owner"] = owner
		s.call("eu", "aergo_role", "grant", role)
		s.call("eu", "judge", "rule", args{"who": "carol"})
		if _, err := s.CreateBranch("m/x", "main", keyOf("mallory"), false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Deploy(ctx, keyOf("mallory"), "m/x", "judge", judge); err != nil {
			t.Fatal(err)
		}
		s.merge("m/x", "main", repo.MergeOptions{})
		m := s.merge("eu", "main", repo.MergeOptions{Consistent: cells})
		if m.Verdicts[0].Code != "AG0402" || m.Verdicts[len(m.Verdicts)-1].Code == "" {
			t.Errorf("by cell %v: %+v", cells, m.Verdicts)
		}
		found := false
		for _, v := range m.Verdicts {
			found = found || v.Code == "AG0728"
		}
		if !found {
			t.Errorf("by cell %v: no verdict is AG0728: %+v", cells, m.Verdicts)
		}
		s.call("main", "till", "put", args{"who": "dora", "n": int64(1)})
		if _, err := s.Call(ctx, s.key, repo.Call{Branch: "main", Contract: "judge", Action: "rule", Args: args{"who": "dora"}}); code(err) != "AG0402" {
			t.Errorf("by cell %v: mallory's judge seizes: %v", cells, err)
		}
		// Her branch, where judge is hers, has no use of alice's grant either; picked
		// by its id it is the same transaction.
		if m, err := s.CherryPick(ctx, s.key, "eu~1", repo.PickOptions{Empty: true}); err == nil && m.Included > 0 {
			t.Errorf("by cell %v: picked %+v", cells, m)
		}
		s.verify()
	}
}
