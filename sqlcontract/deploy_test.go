package sqlcontract

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const note1 = `DIALECT 1;
CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 1);
MERGE RULE ON note (size) BY DELTA FROM 0;
INVARIANT sizes ON note TOTAL sum(size);
CREATE ACTION add(:id INTEGER, :text TEXT, :size INTEGER DEFAULT 1) PUBLIC AS BEGIN INSERT INTO note VALUES (:id, :text, :size); END;
CREATE ACTION start(:first TEXT DEFAULT 'hello') CONSTRUCTOR PRIVATE AS BEGIN INSERT INTO note VALUES (0, :first, 5); END;
`

// upgraded is note1 with more.
const note2 = `DIALECT 1;
CREATE TABLE tag (note INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, word TEXT NOT NULL, PRIMARY KEY (note, word));
CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 1, color TEXT NOT NULL DEFAULT 'red', seen INTEGER);
CREATE INDEX note_color ON note(color);
CREATE TRIGGER tagged AFTER INSERT ON tag BEGIN UPDATE note SET size = size + 1 WHERE id = NEW.note; END;
MERGE RULE ON note (color) BY OURS;
INVARIANT colors ON note TOTAL count(*) BY color CHECK (total <= 3);
CREATE ACTION add(:id INTEGER, :text TEXT, :size INTEGER DEFAULT 1) PUBLIC AS BEGIN INSERT INTO note(id, text, size) VALUES (:id, :text, :size); END;
CREATE ACTION paint(:id INTEGER, :color TEXT) PUBLIC AS BEGIN UPDATE note SET color = :color WHERE id = :id; END;
CREATE ACTION tag(:id INTEGER, :word TEXT) PUBLIC AS BEGIN INSERT INTO tag VALUES (:id, :word); END;
CREATE ACTION drop(:id INTEGER) PUBLIC AS BEGIN DELETE FROM note WHERE id = :id; END;
CREATE ACTION start(:first TEXT DEFAULT 'hello') CONSTRUCTOR PRIVATE AS BEGIN INSERT INTO note VALUES (0, :first, 5, 'x', 9); END;
`

func TestDeployAndUpgrade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	w := newWorld(t, dir)
	w.bad(w.deployTx("alice", "note", note1, args{"last": "x"}), "AG0403", "last")
	w.good(w.deployTx("alice", "note", note1, args{"first": "hi"}))
	w.good(w.tx("bob", "note.add", args{"id": int64(1), "text": "one"}))
	w.good(w.tx("bob", "note.add", args{"id": int64(2), "text": "two", "size": int64(7)}))
	rows := "[0] [hi 5]\n[1] [one]\n[2] [two 7]\n"
	w.want("note", "note", rows)
	w.want("aergo_total", "total", "[note sizes []] [3 13]\n")
	w.want("aergo_merge", "rule", "[note note size] [DELTA 1  ]\n")

	for _, c := range []struct{ who, source, code, text string }{
		{"bob", note2, "AG0402", "owner"},
		{"alice", "DIALECT 1; CREATE TABEL x", "AG0440", "AG0301"},
		{"alice", strings.Replace(note1, "text TEXT NOT NULL", "text BLOB NOT NULL", 1), "AG0441", ""},
		{"alice", "DIALECT 1;", "AG0441", ""},
		{"alice", strings.Replace(note1, "text TEXT NOT NULL", "text TEXT NOT NULL CHECK (text <> 'one')", 1), "AG0442", "text <> 'one'"},
		{"alice", note1 + "CREATE UNIQUE INDEX u ON note(length(text) / 3);", "AG0442", ""},
		{"alice", note1 + "INVARIANT short FOR EACH note CHECK (size < 7);", "AG0442", "short"},
		{"alice", note1 + "INVARIANT small ON note TOTAL sum(size) CHECK (total < 13);", "AG0442", "small"},
	} {
		before := w.tree.Root()
		r := w.block(w.deployTx(c.who, "note", c.source, nil))[0]
		if r.Status != StatusFailed || r.Code != c.code || c.text != "" && r.Text != c.text {
			t.Errorf("%s: %+v, want %s %s", c.source, r, c.code, c.text)
		}
		w.want("note", "note", rows)
		if w.query("SELECT count(*) FROM note.note") != "3\n" {
			t.Error("the rows are gone")
		}
		if before == w.tree.Root() {
			t.Error("a failed deploy has not been seen")
		}
	}

	if r := w.good(w.deployTx("alice", "note", note1, nil)); r.Changed != 0 {
		t.Errorf("the same source again changes %d rows", r.Changed)
	}
	w.bad(w.deployTx("alice", "note", note2, args{"first": "again"}), "AG0403", "first")
	w.good(w.deployTx("alice", "note", note2, nil))
	w.want("note", "note", rows) // not a byte of it
	w.want("aergo_total", "total", "[note colors [2 114 101 100 0]] [3 0]\n")
	w.want("aergo_merge", "rule", "[note note color] [OURS 0  ]\n")
	if got := w.query("SELECT id, size, color, seen FROM note.note ORDER BY id"); got != "0 5 red <nil>\n1 1 red <nil>\n2 7 red <nil>\n" {
		t.Errorf("after the upgrade: %s", got)
	}
	if got := w.query("SELECT name, version FROM aergo_contract.contract"); got != "note 1\nnote 2\n" {
		t.Errorf("versions: %s", got)
	}
	if v, err := w.tree.Version("note", 1); err != nil || v.Source != note1 || v.Author != w.person("alice").account {
		t.Errorf("version 1: %+v, %v", v, err)
	}
	w.bad(w.tx("bob", "note.add", args{"id": int64(3), "text": "three"}), "AG0415", "colors")
	w.good(w.tx("bob", "note.paint", args{"id": int64(1), "color": "blue"}))
	w.good(w.tx("bob", "note.add", args{"id": int64(3), "text": "three"}))
	w.good(w.tx("bob", "note.tag", args{"id": int64(3), "word": "new"}))
	w.want("note", "note", "[0] [hi 5]\n[1] [one 1 blue]\n[2] [two 7]\n[3] [three 2]\n")
	w.good(w.tx("bob", "note.drop", args{"id": int64(3)}))
	w.want("note", "tag", "")

	// What cannot be added is told by the stored rows.
	bad := strings.Replace(note2, "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT", "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT UNIQUE", 1)
	w.good(w.tx("bob", "note.add", args{"id": int64(4), "text": "one"}))
	w.bad(w.deployTx("alice", "note", bad, nil), "AG0442", "note.text")

	files, err := filepath.Glob(filepath.Join(dir, "note-*.db"))
	if err != nil || len(files) != 1 {
		t.Errorf("files of old versions stay: %v, %v", files, err)
	}
	w.replay(filepath.Join(t.TempDir(), "again"), func(i int) bool { return i%4 == 3 })
}

// Deploys, calls and further deploys in one block, which is then given up or
// committed.
func TestDeploysInOneBlock(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "tree")} {
		w := newWorld(t, dir)
		other := strings.Replace(note1, "ADD", "add", 1) + "\n-- changed\n"
		txs := []VerifiedTransaction{
			w.deployTx("alice", "note", note1, nil),
			w.tx("bob", "note.add", args{"id": int64(1), "text": "one"}),
			w.deployTx("alice", "note", other, nil),
			w.tx("bob", "note.add", args{"id": int64(2), "text": "two"}),
			w.deployTx("alice", "note", note1, nil),
			w.deployTx("alice", "note", other, nil),
			w.deployTx("alice", "note", note1, nil),
			w.deployTx("alice", "note", note2, nil),
			w.tx("bob", "note.paint", args{"id": int64(2), "color": "blue"}),
			w.tx("bob", "note.add", args{"id": int64(3), "text": "three"}),
			w.tx("bob", "note.add", args{"id": int64(4), "text": "four"}),
		}
		root := w.tree.Root()
		s := w.begin(w.tree)
		for i, tx := range txs {
			if r, err := s.Run(tx); err != nil || (r.Status != StatusOK) != (i == 10) {
				t.Fatal(i, r, err)
			}
		}
		if err := s.Rollback(); err != nil {
			t.Fatal(err)
		}
		if w.tree.Root() != root {
			t.Error("a block that was given up has moved the tree")
		}
		if _, _, _, err := w.tree.Contract("note"); err == nil {
			t.Error("a contract of a block that was given up is there")
		}
		for i, r := range w.block(txs...) {
			if (r.Status != StatusOK) != (i == 10) {
				t.Fatal(i, r)
			}
		}
		w.want("note", "note", "[0] [hello 5]\n[1] [one]\n[2] [two 1 blue]\n[3] [three]\n")
		if got := w.query("SELECT version FROM aergo_contract.current"); got != "6\n" {
			t.Errorf("version %s", got)
		}
		if dir != "" {
			if files, err := os.ReadDir(dir); err != nil || len(files) > 3*3 {
				t.Errorf("files left: %v, %v", files, err)
			}
		}
		s = w.begin(w.tree)
		if r, err := s.Run(w.deployTx("alice", "note", note2+"\n-- again", nil)); err != nil || r.Status != StatusOK {
			t.Fatal(r, err)
		}
		if err := s.Rollback(); err != nil {
			t.Fatal(err)
		}
		w.good(w.tx("bob", "note.paint", args{"id": int64(2), "color": "green"}))
		w.replay("", func(i int) bool { return true })
	}
}

func TestFailingConstructor(t *testing.T) {
	w := newWorld(t, "")
	source := `DIALECT 1;
CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b(id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE b (id INTEGER PRIMARY KEY);
CREATE ACTION start(:n INTEGER DEFAULT 0) CONSTRUCTOR PRIVATE AS BEGIN INSERT INTO a VALUES (1, :n); REQUIRE :n < 5 ELSE 'too much'; INSERT INTO b VALUES (1); END;`
	w.bad(w.deployTx("alice", "x", source, args{"n": int64(9)}), "AG0410", "too much")
	w.bad(w.deployTx("alice", "x", source, args{"n": int64(2)}), "AG0414", "")
	w.bad(w.tx("alice", "x.start", nil), "AG0401", "x")
	w.good(w.deployTx("alice", "x", source, args{"n": int64(1)}))
	w.want("x", "a", "[1] [1]\n")
	w.bad(w.tx("alice", "x.start", nil), "AG0402", "constructor")
	w.bad(w.deployTx("alice", "aergo_role", source, nil), "AG0402", "system contract")
	if got := fmt.Sprint(w.tree.Contracts()); got != "[{x 1 "+string(w.person("alice").account)+"}] <nil>" {
		t.Errorf("contracts: %s", got)
	}
}
