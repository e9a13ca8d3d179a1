package repo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/repo"
)

// box has a column for each kind of rule, and the declarations that two sides
// can break together.
const box = `DIALECT 1;
CREATE TABLE box (
  id   TEXT PRIMARY KEY,
  n    INTEGER NOT NULL CHECK (n >= 0),
  bare INTEGER NOT NULL DEFAULT 0,
  same TEXT,
  top  INTEGER,
  zero INTEGER NOT NULL DEFAULT 0,
  mean INTEGER NOT NULL DEFAULT 0,
  tag  TEXT UNIQUE
);
CREATE TABLE part (box TEXT NOT NULL REFERENCES box(id), at BLOB NOT NULL, note TEXT, PRIMARY KEY (box, at));
CREATE TABLE flag (id TEXT PRIMARY KEY, v TEXT);
INVARIANT few ON box TOTAL sum(bare) CHECK (total <= 100);
INVARIANT calm FOR EACH box CHECK (top IS NULL OR zero + bare < 100);
MERGE RULE ON box (n) BY DELTA;
MERGE RULE ON box (same) BY SAME;
MERGE RULE ON box (top) BY MAX;
MERGE RULE ON box (zero) BY DELTA FROM 0;
MERGE RULE ON box (mean) USING ACTION middle;
MERGE RULE ON flag BY THEIRS;
CREATE ACTION middle(:base INTEGER, :ours INTEGER, :theirs INTEGER) PRIVATE READONLY RETURNS (v INTEGER) AS
BEGIN REQUIRE :ours <> 7 ELSE 'not seven'; RETURN (:ours + :theirs) / 2; END;
CREATE ACTION put(:id TEXT, :n INTEGER DEFAULT 0, :zero INTEGER DEFAULT 0) PUBLIC AS
BEGIN INSERT INTO box(id, n, zero) VALUES (:id, :n, :zero); END;
CREATE ACTION spend(:id TEXT, :n INTEGER) PUBLIC AS BEGIN UPDATE box SET n = n - :n WHERE id = :id; END;
CREATE ACTION bare(:id TEXT, :v INTEGER) PUBLIC AS BEGIN UPDATE box SET bare = :v WHERE id = :id; END;
CREATE ACTION same(:id TEXT, :v TEXT DEFAULT NULL) PUBLIC AS BEGIN UPDATE box SET same = :v WHERE id = :id; END;
CREATE ACTION top(:id TEXT, :v INTEGER DEFAULT NULL) PUBLIC AS BEGIN UPDATE box SET top = :v WHERE id = :id; END;
CREATE ACTION zero(:id TEXT, :v INTEGER) PUBLIC AS BEGIN UPDATE box SET zero = :v WHERE id = :id; END;
CREATE ACTION mean(:id TEXT, :v INTEGER) PUBLIC AS BEGIN UPDATE box SET mean = :v WHERE id = :id; END;
CREATE ACTION tag(:id TEXT, :v TEXT) PUBLIC AS BEGIN UPDATE box SET tag = :v WHERE id = :id; END;
CREATE ACTION gone(:id TEXT) PUBLIC AS BEGIN DELETE FROM box WHERE id = :id; END;
CREATE ACTION part(:box TEXT, :at BLOB, :note TEXT) PUBLIC AS
BEGIN INSERT INTO part VALUES (:box, :at, :note) ON CONFLICT DO UPDATE SET note = excluded.note; END;
CREATE ACTION flag(:id TEXT, :v TEXT) PUBLIC AS BEGIN INSERT INTO flag(id, v) VALUES (:id, :v) ON CONFLICT DO UPDATE SET v = excluded.v; END;
CREATE ACTION unflag(:id TEXT) PUBLIC AS BEGIN DELETE FROM flag WHERE id = :id; END;
`

// play does what a script says, a line for each: "BRANCH action name=value …",
// "PERSON@BRANCH action …", "branch NAME FROM", "merge SRC INTO" (automatic) or
// "cells SRC INTO" (by cell, without a conflict).
func (s *story) play(script string) {
	s.Helper()
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		w := strings.Fields(line)
		var err error
		switch w[0] {
		case "branch":
			_, err = s.CreateBranch(w[1], w[2], s.key, false)
		case "merge":
			_, err = s.Merge(ctx, s.key, w[1], repo.MergeOptions{Into: w[2], NoFF: true})
		case "cells":
			var m repo.MergeResult
			m, err = s.Merge(ctx, s.key, w[1], repo.MergeOptions{Into: w[2], NoFF: true, Consistent: true})
			if err == nil && m.Block.IsZero() {
				err = fmt.Errorf("open: %+v", m.Conflicts)
			}
		default:
			key, on := s.key, w[0]
			if who, branch, ok := strings.Cut(on, "@"); ok {
				key, on = keyOf(who), branch
			}
			c, _, e := s.Contract(on, "box")
			if e != nil {
				s.Fatal(e)
			}
			text := map[string]string{}
			for _, a := range w[2:] {
				if name, v, _ := strings.Cut(a, "="); v != "NULL" { // that is the default where it may be
					text[name] = v
				}
			}
			values, e := repo.ParseArgs(c.Action(w[1]), text)
			if e != nil {
				s.Fatalf("%s: %v", line, e)
			}
			_, err = s.Call(ctx, key, repo.Call{Branch: on, Contract: "box", Action: w[1], Args: values})
		}
		if err != nil {
			s.Fatalf("%s: %v", line, err)
		}
	}
}

func conflictsOf(m repo.MergeResult) string {
	var list []string
	for _, c := range m.Conflicts {
		list = append(list, fmt.Sprintf("%s %s%v %s", c.Kind, c.Table, c.Key, c.Column))
	}
	slices.Sort(list)
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return strings.Join(list, "; ")
}

// Every case begins with the row a (n=100) on main and a branch eu.
func TestMergeByCellCases(t *testing.T) {
	for _, c := range []struct{ name, script, want, sql, rows string }{
		{"the same 100 spent twice", "eu spend id=a n=100\nmain spend id=a n=100", "check box[a]", "", ""},
		{"spent on both, enough there", "eu spend id=a n=30\nmain spend id=a n=30", "", "SELECT n FROM box.box", "40\n"},
		{"one value twice without a rule", "eu bare id=a v=5\nmain bare id=a v=5", "cell box[a] bare", "", ""},
		{"one value twice under SAME", "eu same id=a v=x\nmain same id=a v=x", "", "SELECT same FROM box.box", "x\n"},
		{"NULL is not empty", "main same id=a v=y\nbranch us main\nmain same id=a v=NULL\nus same id=a v=\ncells us eu", "cell box[a] same", "", ""},
		{"MAX takes any over NULL", "main top id=a v=3\nbranch us main\nmain top id=a v=NULL\nus top id=a v=-1\nmerge us eu", "", "SELECT top FROM box.box", "-1\n"},
		{"came to both by the same merge", "branch us main\nus spend id=a n=5\nmerge us main\nmerge us eu\nmain spend id=a n=1", "twice box[a] n", "", ""},
		{"excluded on both", "branch us main\nus spend id=a n=50\nmain spend id=a n=60\neu spend id=a n=70\nmerge us main\nmerge us eu", "twice box[a] n", "", ""},
		{"included here, excluded there", "branch us main\nus spend id=a n=50\neu spend id=a n=70\nmerge us main\nmerge us eu", "twice box[a] n", "", ""},
		{"criss-cross", "main bare id=a v=1\neu bare id=a v=2\nbranch m main\nbranch e eu\nmerge e main\nmerge m eu", "criss-cross box[a] bare", "", ""},
		{"a TOTAL that both keep", "main put id=b\nmerge main eu\nmain bare id=a v=60\neu bare id=b v=60", "invariant box[]", "", ""},
		{"a FOR EACH that both keep", "main top id=a v=1\nmerge main eu\nmain bare id=a v=60\neu zero id=a v=60", "invariant box[a]", "", ""},
		{"a unique tag on both", "main put id=b\nmerge main eu\nmain tag id=a v=x\neu tag id=b v=x", "unique box[b]", "", ""},
		{"unique tags that swap", "main put id=b\nmain tag id=a v=x\nmain tag id=b v=y\nmerge main eu\neu tag id=a v=z\neu tag id=b v=x\neu tag id=a v=y", "", "SELECT id, tag FROM box.box", "a|y\nb|x\n"},
		{"a child here, its parent gone there", "main part box=a at=0x01 note=x\neu gone id=a", "foreign key part[a [1]]", "", ""},
		{"deleted and changed", "main gone id=a\neu bare id=a v=1", "row box[a]", "", ""},
		{"deleted on both", "main gone id=a\neu gone id=a", "row box[a]", "", ""},
		{"deleted and put again as it was", "main gone id=a\nmain put id=a n=100\neu bare id=a v=1", "", "SELECT bare FROM box.box", "1\n"},
		{"overflow", "main put id=b n=4611686018427387904\nmerge main eu\nmain spend id=b n=-4611686018427387903\neu spend id=b n=-9", "overflow box[b] n", "", ""},
		{"inserted on both", "main put id=b n=1 zero=1\neu put id=b n=1 zero=2",
			"cell box[b] bare; cell box[b] n; cell box[b] tag", "", ""},
		{"the mean of both", "main mean id=a v=4\neu mean id=a v=8", "", "SELECT mean FROM box.box", "6\n"},
		{"an action that fails", "main mean id=a v=7\neu mean id=a v=8", "cell box[a] mean", "", ""},
		{"a rule for the whole table", "main flag id=f v=1\nmerge main eu\nmain flag id=f v=2\neu unflag id=f", "", "SELECT * FROM box.flag WHERE id = 'f'", ""},
		{"a BLOB in a composite key", "main part box=a at=0x0001 note=x\nmerge main eu\nmain part box=a at=0x0001 note=y\neu part box=a at=0x0001 note=", "cell part[a [0 1]] note", "", ""},
		{"a line that holds a merge by cell", "branch us main\nus spend id=a n=5\ncells us eu\nmain spend id=a n=1\neu spend id=a n=1", "", "SELECT n FROM box.box", "93\n"},
		{"by cell here, automatic there", "branch us main\nus spend id=a n=5\ncells us eu\nmain spend id=a n=1\nmerge us main", "", "SELECT n FROM box.box", "94\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, fixed(50))
			s.deploy("", "box", box)
			s.play("main put id=a n=100\nbranch eu main\nmain flag id=x v=1\neu flag id=y v=1")
			if c.name == "NULL is not empty" || strings.HasPrefix(c.name, "MAX") {
				c.script = strings.Replace(c.script, "branch us main", "merge main eu\nbranch us main", 1)
			}
			s.play(c.script)
			m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{Consistent: true, NoFF: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := conflictsOf(m); got != c.want {
				t.Fatalf("conflicts %q, want %q", got, c.want)
			}
			if c.sql != "" {
				if got := s.query("", c.sql); got != c.rows {
					t.Errorf("rows %q, want %q", got, c.rows)
				}
			}
			if open, ok, err := s.OpenMerge(""); ok != (c.want != "") || err != nil {
				t.Errorf("open %v %v %v", open, ok, err)
			}
			if c.want != "" { // a side is always an answer, unless a declaration is broken
				before := s.query("", "SELECT * FROM box.box")
				s.reopen(func(string) {})
				if m, err = s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Ours}); m.Block.IsZero() {
					if !slices.ContainsFunc(m.Conflicts, func(c repo.Conflict) bool { return !c.Open() }) && code(err) != "AG0711" {
						t.Errorf("%+v %v", m.Conflicts, err)
					}
					if err := s.AbortMerge(""); err != nil {
						t.Error(err)
					}
				}
				if after := s.query("", "SELECT * FROM box.box"); m.Block.IsZero() && after != before {
					t.Errorf("%s\nbecame\n%s", before, after)
				}
			}
			s.verify()
		})
	}
}

// Both add a column of their own to one table: rows of one must not be read by
// the columns of the other. One more on one side only, or the same on both, is
// fine; a MIGRATION is not.
func TestMergeByCellOfSchemas(t *testing.T) {
	with := func(column string) string { return strings.Replace(box, "v TEXT);", "v TEXT"+column+");", 1) }
	x, y := with(", x INTEGER NOT NULL DEFAULT 1"), with(", y INTEGER NOT NULL DEFAULT 2")
	migrated := strings.Replace(strings.Replace(box, "v TEXT);", "w TEXT NOT NULL DEFAULT 'w', v TEXT);", 1), "INVARIANT few", "MIGRATION FROM 1 AS BEGIN INSERT INTO flag(id, v) SELECT id, v FROM old.flag; END;\nINVARIANT few", 1)
	for _, c := range []struct{ name, main, eu, code string }{
		{"the same", x, x, ""}, {"there only", "", x, ""}, {"here only", x, "", ""},
		{"each another", x, y, "AG0713"}, {"migrated here", migrated, "", "AG0713"}, {"migrated there", "", migrated, "AG0713"}, {"migrated on both", migrated, migrated, "AG0713"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, fixed(51))
			s.deploy("", "box", box)
			s.play("main flag id=a v=1\nbranch eu main")
			for on, source := range map[string]string{"main": c.main, "eu": c.eu} {
				if source != "" {
					s.deploy(on, "box", source)
				}
			}
			s.play("main flag id=b v=1\neu flag id=c v=1\neu flag id=a v=2")
			_, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{Consistent: true})
			if code(err) != c.code {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if got := s.query("", "SELECT id, v FROM box.flag"); c.code == "" && got != "a|2\nb|1\nc|1\n" {
				t.Errorf("rows %s", got)
			}
			s.verify()
		})
	}
}

// mallory may write on eu, not on main: what she wrote is for the resolver, even
// in a row that alice put there and under a rule for the whole table.
func TestMergeByCellOfStrangers(t *testing.T) {
	s := begin(t, fixed(52))
	s.deploy("", "box", box)
	s.play("main put id=a n=100\nmain flag id=f v=1\nbranch eu main\neu put id=new n=1")
	s.grant(dd.Writer, "m/*", "mallory")
	mallory := keyOf("mallory")
	if _, err := s.CreateBranch("m/x", "main", mallory, false); err != nil {
		t.Fatal(err)
	}
	s.play("mallory@m/x flag id=f v=2")
	if _, err := s.Merge(ctx, mallory, "eu", repo.MergeOptions{Into: "m/x", Disclose: true}); err != nil {
		t.Fatal(err)
	}
	s.play("mallory@m/x bare id=new v=9\nmain unflag id=f\nmallory@m/x same id=a v=hers\nmain same id=a v=hers")
	m, err := s.Merge(ctx, s.key, "m/x", repo.MergeOptions{Consistent: true})
	if want := "not permitted box[a] same; not permitted box[new]; not permitted flag[f]"; err != nil || conflictsOf(m) != want {
		t.Fatalf("%q %v, want %q", conflictsOf(m), err, want)
	}
	for what, err := range map[string]error{
		"settles":         second(s.Settle(ctx, mallory, "", repo.Choice{Take: merge.Theirs})),
		"sets":            second(s.Settle(ctx, mallory, "", repo.Choice{Contract: "box", Table: "box", Column: "same", Take: merge.Value, Value: "mine"})),
		"another type":    second(s.Settle(ctx, s.key, "", repo.Choice{Contract: "box", Table: "box", Column: "same", Take: merge.Value, Value: int64(5)})),
		"no such row":     second(s.Settle(ctx, s.key, "", repo.Choice{Contract: "box", Table: "box", Key: []string{"z"}, Take: merge.Ours})),
		"merges another":  second(s.Merge(ctx, s.key, "eu", repo.MergeOptions{})),
		"goes on unasked": second(s.Settle(ctx, mallory, "")),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if m, err = s.Settle(ctx, s.key, "", repo.Choice{Table: "box", Column: "same", Take: merge.Ours}); err != nil || len(m.Conflicts) != 2 {
		t.Fatalf("%+v %v", m, err)
	}
	// A call meanwhile settles what has been chosen; the open merge goes on.
	s.play("main same id=a v=NULL")
	if m, err = s.Conflicts(ctx, s.key, ""); err != nil || len(m.Conflicts) < 2 {
		t.Fatalf("%+v %v", m, err)
	}
	if m, err = s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Theirs}); err != nil || m.Block.IsZero() {
		t.Fatalf("%+v %v", m, err)
	}
	s.verify()
	info, err := s.Block("")
	if err != nil || info.Merge == nil || len(info.Merge.Chosen) < 2 {
		t.Errorf("%+v %v", info.Merge, err)
	}
}

func second[T any](_ T, err error) error { return err }

// A call with an idempotency key counts once, also where it was sent to both
// branches or comes again after the merge.
func TestMergeByCellCountsOnce(t *testing.T) {
	s := begin(t, fixed(53))
	s.deploy("", "box", box)
	s.play("main put id=a n=100\nbranch eu main")
	spend := func(on, name string) repo.Result {
		t.Helper()
		res, err := s.Call(ctx, s.key, repo.Call{Branch: on, Contract: "box", Action: "spend", Args: args{"id": "a", "n": int64(10)}, IdempotencyKey: name})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	spend("eu", "one")
	s.play("cells eu main\nmain bare id=a v=1")
	if res := spend("main", "one"); !res.Repeated {
		t.Error("a call that came by cell ran again")
	}
	if got := s.query("", "SELECT n FROM box.box"); got != "90\n" {
		t.Errorf("n is %s", got)
	}
	spend("eu", "both")
	spend("main", "both")
	m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{Consistent: true})
	if want := "twice box[a] n"; err != nil || conflictsOf(m) != want {
		t.Fatalf("%q %v, want %q", conflictsOf(m), err, want)
	}
	if err := s.DeleteBranch("eu", true); err != nil {
		t.Fatal(err)
	}
	if m, err = s.Settle(ctx, s.key, "", repo.Choice{Take: merge.Ours}); err != nil || m.Block.IsZero() {
		t.Fatalf("after the source's branch was deleted: %+v %v", m, err)
	}
	s.verify()
}
