package sqlcontract

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// On a branch that keeps its INVARIANTs a deploy adds some and takes none away,
// and the plan says so before.
func TestKeepInvariants(t *testing.T) {
	w := newWorld(t, "")
	w.good(w.deployTx("alice", "note", note1, nil))
	w.good(w.deployTx("alice", "open", "DIALECT 1; CREATE TABLE t (id INTEGER PRIMARY KEY);", nil)) // from before
	kept := Block{Branch: w.branch, Number: 100, Time: w.now + 1, Invariants: true, Merge: true}
	for _, c := range []struct{ name, source, code, text string }{
		{"note", strings.Replace(note1, "INVARIANT sizes", "INVARIANT other", 1), codeKept, "sizes"},
		{"note", strings.Replace(note1, "TOTAL sum(size)", "TOTAL sum(size) CHECK (total < 1000)", 1), codeKept, "sizes"},
		{"note", strings.Replace(note1, "TOTAL sum(size)", "TOTAL count(*)", 1), codeKept, "sizes"},
		{"note", strings.Replace(note1, "TOTAL sum(size)", "total  sum (size)", 1), "", ""},
		{"note", note1 + "INVARIANT short FOR EACH note CHECK (size < 100);", "", ""},
		{"open", "CREATE TABLE t (id INTEGER PRIMARY KEY, more INTEGER);", "", ""},
		{"fresh", "CREATE TABLE t (id INTEGER PRIMARY KEY);", codeDeclared, "fresh"},
		{"fresh", "CREATE TABLE t (id INTEGER PRIMARY KEY); INVARIANT small FOR EACH t CHECK (id < 100);", "", ""},
		{"rowless", "CREATE ACTION one() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN SELECT 1 AS n; END;", "", ""},
	} {
		source := "DIALECT 1;\n" + strings.TrimPrefix(c.source, "DIALECT 1;")
		plan, err := w.tree.Plan(c.name, source)
		if err != nil {
			t.Fatal(c.source, err)
		}
		plan.KeepInvariants()
		if err := plan.Forbidden(); (c.code == "") != (err == nil) || c.code != "" && !fault.Is(err, c.code) {
			t.Errorf("%s: the plan says %v, want %s", c.source, err, c.code)
		}
		tx := w.deployTx("alice", c.name, source, nil)
		for _, merge := range []bool{false, true} {
			kept.Merge = merge
			s, err := w.tree.Begin(kept)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Run(tx)
			if err != nil || r.Code != c.code || r.Text != c.text {
				t.Errorf("%s: %+v, %v, want %s %s", c.source, r, err, c.code, c.text)
			}
			if err := s.Rollback(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
