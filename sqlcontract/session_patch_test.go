package sqlcontract

import (
	"bytes"
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
