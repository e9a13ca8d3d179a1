package sqlcontract

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/wire"
)

// Rows that each side may have, and whose merge no CHECK can look at, are a
// violation, not trouble of this machine.
func TestPatchOfRowThatCheckCannotRead(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("mallory", "note", `DIALECT 1;
CREATE TABLE note (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, CHECK (kind <> 'json' OR json_extract(body, '$.a') = 1));
CREATE ACTION put(:id INTEGER, :kind TEXT, :body TEXT) PUBLIC AS BEGIN INSERT INTO note VALUES (:id, :kind, :body); END;`)
	w.good(w.tx("bob", "note.put", args{"id": int64(1), "kind": "text", "body": "plain"}))
	s, err := w.tree.Begin(Block{Branch: w.branch, Number: w.number + 1, Time: w.now + 1000, Merge: true, Cells: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Rollback()
	c, _, _, err := s.Contract("note")
	if err != nil {
		t.Fatal(err)
	}
	l := newLayout("note", c.Tables[0])
	key := wire.AppendKeyInt(bytes.Clone(l.prefix), 1)
	row := RowChange{Key: key}
	if row.Old, err = l.appendValue(nil, []any{"text", "plain"}); err != nil {
		t.Fatal(err)
	}
	if row.New, err = l.appendValue(nil, []any{"json", "plain"}); err != nil {
		t.Fatal(err)
	}
	r := w.request("bob", "aergo_merge", "", nil)
	r.Kind = KindPatch
	found, err := s.Patch(w.sign("bob", r), []RowChange{row}, [][]byte{key})
	if err != nil || len(found) != 1 || found[0].Code != "AG0429" || found[0].Contract != "note" || !bytes.Equal(found[0].Key, key) {
		t.Errorf("violations %+v, %v", found, err)
	}
}

// INVARIANTs that take more gas than a merge has are one violation, not trouble
// of this machine; values of any length are looked at, short ones at the price of
// short ones.
func TestPatchInvariantsTakeTooMuch(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("mallory", "note", `DIALECT 1;
CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
INVARIANT short FOR EACH note CHECK (length(body) < 60000);
CREATE ACTION put(:id INTEGER, :body TEXT) PUBLIC AS BEGIN INSERT INTO note VALUES (:id, :body); END;`)
	for _, c := range []struct {
		gas  uint64
		body string
		want string
	}{{MaxGas, strings.Repeat("x", 50_000), ""}, {MaxGas, strings.Repeat("x", 60_000), "AG0415 short"}, {2000, "x", ""},
		{100, "x", "AG0420 its INVARIANTs take more than 100 gas to check on the merged rows"}} {
		s, err := w.tree.Begin(Block{Branch: w.branch, Number: w.number + 1, Time: w.now + 1000, Merge: true, Cells: true})
		if err != nil {
			t.Fatal(err)
		}
		contract, _, _, err := s.Contract("note")
		if err != nil {
			t.Fatal(err)
		}
		l := newLayout("note", contract.Tables[0])
		p := patch{s: s, gas: c.gas}
		for id := range int64(40) {
			row := RowChange{Key: wire.AppendKeyInt(bytes.Clone(l.prefix), id)}
			body := "x"
			if id == 0 {
				body = c.body
			}
			if row.New, err = l.appendValue(nil, []any{body}); err != nil {
				t.Fatal(err)
			}
			p.rows, p.touched = append(p.rows, row), append(p.touched, row.Key)
		}
		r := w.request("bob", "aergo_merge", "", nil)
		r.Kind = KindPatch
		found, err := p.do(w.sign("bob", r))
		text := ""
		if len(found) > 0 {
			text = found[0].Code + " " + found[0].Text
		}
		if err != nil || len(found) > 1 || text != c.want {
			t.Errorf("%d gas: %d violations, %q %v, want %q", c.gas, len(found), text, err, c.want)
		}
		if err := s.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}
