package repo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
)

const ledger1 = `DIALECT 1;
CREATE TABLE entry (id INTEGER PRIMARY KEY, amount TEXT NOT NULL, who TEXT);
CREATE ACTION add(:id INTEGER, :amount TEXT) PUBLIC AS BEGIN INSERT INTO entry VALUES (:id, :amount, 'ann'); END;
`

// In the next version amounts are cents, and the year belongs to the key.
const ledger2 = `DIALECT 1;
CREATE TABLE entry (year INTEGER NOT NULL, id INTEGER NOT NULL, cents INTEGER NOT NULL, PRIMARY KEY (year, id));
CREATE ACTION add(:id INTEGER, :amount TEXT) PUBLIC AS BEGIN INSERT INTO entry VALUES (2026, :id, CAST(replace(:amount, '.', '') AS INTEGER)); END;
CREATE ACTION double(:id INTEGER) PUBLIC AS BEGIN UPDATE entry SET cents = cents * 2 WHERE id = :id; END;
MIGRATION FROM 1 AS BEGIN
  INSERT INTO entry SELECT 2026, id, CAST(replace(amount, '.', '') AS INTEGER) FROM old.entry;
END;
`

func headOf(s *story) string {
	id, err := s.Resolve("main")
	if err != nil {
		s.Fatal(err)
	}
	return id.String()
}

// A merge block holds calls of two versions and the deploy between them. What is
// read of it later is read by the version of its time.
func TestHistoryAcrossMigration(t *testing.T) {
	s := begin(t, fixed(7))
	s.deploy("", "ledger", ledger1)
	s.call("", "ledger", "add", args{"id": int64(1), "amount": "1.50"})
	start := headOf(s)
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	s.call("eu", "ledger", "add", args{"id": int64(2), "amount": "2.50"})
	s.deploy("eu", "ledger", ledger2)
	s.call("eu", "ledger", "double", args{"id": int64(2)})
	// Meanwhile main goes on with the version before.
	s.call("", "ledger", "add", args{"id": int64(3), "amount": "3.50"})
	s.call("", "ledger", "add", args{"id": int64(4), "amount": "4.50"})
	before := headOf(s)

	m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []string
	for _, v := range m.Verdicts {
		rows := 0
		for _, c := range v.Changes {
			if len(c.Columns) != 3 {
				t.Errorf("%s: %+v", v.Text, c)
			}
			rows++
		}
		verdicts = append(verdicts, fmt.Sprint(v.Included, v.Different, rows))
	}
	// The deploy moved the rows of main, too: included, with other rows.
	if want := []string{"true false 1", "true true 8", "true false 1"}; !slices.Equal(verdicts, want) {
		t.Errorf("verdicts %q, want %q", verdicts, want)
	}
	if got := s.query("main", "SELECT * FROM ledger.entry ORDER BY id"); got != "2026|1|150\n2026|2|500\n2026|3|350\n2026|4|450\n" {
		t.Errorf("rows: %s", got)
	}
	if got := s.query(before, "SELECT * FROM ledger.entry ORDER BY id"); got != "1|1.50|ann\n3|3.50|ann\n4|4.50|ann\n" {
		t.Errorf("rows before: %s", got)
	}
	got := s.query("main", "SELECT op || ' ' || coalesce(old, '') || ' ' || coalesce(new, '') FROM history('ledger.entry') WHERE (coalesce(old, new) ->> 'id') IN (2, 3)")
	want := `update {"year":2026,"id":2,"cents":250} {"year":2026,"id":2,"cents":500}
insert  {"year":2026,"id":3,"cents":350}
insert  {"year":2026,"id":2,"cents":250}
delete {"id":3,"amount":"3.50","who":"ann"} 
delete {"id":2,"amount":"2.50","who":"ann"} 
insert  {"id":2,"amount":"2.50","who":"ann"}
insert  {"id":3,"amount":"3.50","who":"ann"}
`
	if got != want {
		t.Errorf("history:\n%s\nwant\n%s", got, want)
	}
	if got := s.query("main", "SELECT count(*) FROM history('ledger.entry', 2026, 2)"); got != "2\n" {
		t.Errorf("history of one key: %s", got)
	}
	got = s.query("main", fmt.Sprintf("SELECT op || key FROM diff('ledger.entry', '%s', 'main')", start))
	if want := "delete{\"id\":1}\ninsert{\"year\":2026,\"id\":1}\n"; !strings.HasPrefix(got, "delete{") || !strings.Contains(got, `insert{"year":2026,"id":4}`) || strings.Count(got, "\n") != 5 {
		t.Errorf("diff: %s, want to begin like %s", got, want)
	}
	if got := s.query("main", "SELECT b.key, t.contract || '.' || coalesce(t.action, 'deploy') FROM blame('ledger.entry') b JOIN txs() t USING (tx) ORDER BY 1"); got !=
		`{"year":2026,"id":1}|ledger.deploy`+"\n"+`{"year":2026,"id":2}|ledger.double`+"\n"+`{"year":2026,"id":3}|ledger.deploy`+"\n"+`{"year":2026,"id":4}|ledger.deploy`+"\n" {
		t.Errorf("blame: %s", got)
	}
	// Back and forth, and a diff against time.
	for _, pair := range [][2]string{{start, "main"}, {"main", start}, {"eu", before}} {
		n := 0
		if err := s.Diff(ctx, pair[0], pair[1], func(d repo.RowDiff) error {
			n++
			if (d.Old != nil && len(d.Old) != len(d.Columns)) || (d.New != nil && len(d.New) != len(d.Columns)) {
				t.Errorf("%+v", d)
			}
			return nil
		}); err != nil || n != 5 {
			t.Errorf("diff %v: %d rows, %v", pair, n, err)
		}
	}
	for position := range 3 {
		rows, err := s.ChangesAt(m.Block, position)
		if err != nil || len(rows) == 0 {
			t.Errorf("changes at %d: %v, %v", position, rows, err)
		}
	}
	s.verify()
}

// A MIGRATION block is written for one version. Where a merge meets another one
// its deploy is excluded, and says so: it neither runs on rows that it does not
// know, nor is it left out in silence.
func TestMigrationMeetsAnotherVersion(t *testing.T) {
	noted := strings.Replace(ledger1, "who TEXT);", "who TEXT, note TEXT);", 1)
	noted = strings.Replace(noted, "'ann')", "'ann', NULL)", 1)
	shouted := ledger1 + "MIGRATION FROM 1 AS BEGIN UPDATE entry SET who = upper(who); END;\n"
	for _, c := range []struct{ name, main, eu, verdict, rows string }{
		{"none there", "", ledger2, "", "2026|1|150\n2026|2|250\n"},
		{"another layout there", noted, ledger2, "AG0729", "1|1.50|ann|<nil>\n2|2.50|ann|<nil>\n"},
		{"rows only", "", shouted, "", "1|1.50|ANN\n2|2.50|ANN\n"},
		{"rows only, another version there", ledger1 + "-- another\n", shouted, "AG0729", "1|1.50|ann\n2|2.50|ann\n"},
		{"the same there", shouted, shouted, "", "1|1.50|ANN\n2|2.50|ann\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := begin(t, fixed(8))
			s.deploy("", "ledger", ledger1)
			s.call("", "ledger", "add", args{"id": int64(1), "amount": "1.50"})
			s.branch("eu")
			s.call("eu", "ledger", "add", args{"id": int64(2), "amount": "2.50"})
			if c.main != "" {
				s.deploy("", "ledger", c.main)
			}
			s.deploy("eu", "ledger", c.eu)
			m := s.merge("eu", "main", repo.MergeOptions{NoFF: true})
			if v := m.Verdicts[1]; v.Code != c.verdict || v.Included != (c.verdict == "") {
				t.Errorf("the deploy is %+v", v)
			}
			if got := s.query("main", "SELECT * FROM ledger.entry ORDER BY id"); got != c.rows {
				t.Errorf("rows %q, want %q", got, c.rows)
			}
			s.verify()
			if c.verdict == "" {
				return
			}
			// Written for the version that is here, it does.
			n := strings.Replace(c.eu, "MIGRATION FROM 1", "MIGRATION FROM 2", 1)
			s.deploy("", "ledger", n)
			s.verify()
		})
	}
	t.Run("the same number of another source", func(t *testing.T) {
		s := begin(t, fixed(9))
		s.branch("eu")
		s.deploy("", "ledger", noted)
		s.call("", "ledger", "add", args{"id": int64(1), "amount": "1.50"})
		s.deploy("eu", "ledger", ledger1)
		s.deploy("eu", "ledger", shouted)
		m := s.merge("eu", "main", repo.MergeOptions{})
		if got := verdicts(m); got != "deploy ledger: excluded AG0441\ndeploy ledger: excluded AG0729\n" {
			t.Error(got)
		}
		if got := s.query("main", "SELECT who FROM ledger.entry"); got != "ann\n" {
			t.Errorf("the block ran on rows of another version: %s", got)
		}
		s.verify()
	})
	t.Run("a later version picked alone", func(t *testing.T) {
		s := begin(t, fixed(10))
		s.deploy("", "ledger", ledger1)
		s.call("", "ledger", "add", args{"id": int64(1), "amount": "1.50"})
		s.branch("eu")
		s.deploy("eu", "ledger", shouted)
		s.deploy("eu", "ledger", shouted+"-- later\n")
		m := s.pick("eu", repo.PickOptions{Empty: true})
		if got := verdicts(m); got != "deploy ledger: excluded AG0729\n" {
			t.Error(got)
		}
		s.verify()
	})
}
