package sqlcontract

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/sqlfunc"
)

const longTexts = `DIALECT 1;
CREATE TABLE doc (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT);
CREATE TABLE seen (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0);
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER doc_i AFTER INSERT ON doc BEGIN INSERT INTO seen(id) VALUES (NEW.id) ON CONFLICT DO UPDATE SET n = n + 1; END;
INVARIANT lines ON seen TOTAL sum(n) CHECK (total < 100);
CREATE ACTION put(:id INTEGER, :title TEXT, :body TEXT) PUBLIC RETURNS (id INTEGER) AS BEGIN
  EMIT putting(id => :id);
  FOR q IN (SELECT 1 AS i UNION ALL SELECT 2) DO UPDATE seen SET n = n + 1 WHERE id = :id; END FOR;
  INSERT INTO child VALUES (:id, :id);
  INSERT INTO parent VALUES (:id);
  SELECT :id;
  INSERT INTO doc VALUES (:id, :title, :body) RETURNING id;
END;
CREATE ACTION titles() PUBLIC READONLY RETURNS (id INTEGER, title TEXT) AS BEGIN SELECT id, title FROM doc ORDER BY id; END;
CREATE ACTION grow() PUBLIC AS BEGIN UPDATE doc SET body = body || body; END;
CREATE ACTION lengths() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN
  FOR d IN (SELECT id FROM doc ORDER BY id) DO
    LET :n = (SELECT length(lower(body)) FROM doc WHERE id = :d.id);
    SELECT :n;
  END FOR;
END;
CREATE ACTION twice(:s TEXT) PUBLIC AS BEGIN LET :x = replace(:s, 'a', :s); END;
CREATE ACTION real() PUBLIC AS BEGIN LET :x = instr(9223372036854775807 + 1, '9'); END;
CREATE ACTION pattern(:s TEXT) PUBLIC AS BEGIN LET :x = 'a' LIKE :s; END;
CREATE ACTION escape(:s TEXT) PUBLIC AS BEGIN LET :x = 'a' LIKE 'a' ESCAPE :s; END;
CREATE ACTION counts() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN SELECT count(*) FROM doc; END;
`

// A transaction that meets a longer value than its tier allows runs again, and
// leaves what it would have left at once.
func TestTiers(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.deploy("alice", "lib", longTexts)
	var gas []uint64
	for i, n := range []int{10, 900, 3000, 20_000} {
		r := w.good(w.tx("bob", "lib.put", args{"id": int64(i), "title": fmt.Sprint("title ", i), "body": strings.Repeat("b", n)}))
		if fmt.Sprint(r.Rows) != fmt.Sprintf("[[%d] [%d]]", i, i) || len(r.Events) != 1 || r.Changed != 5 {
			t.Errorf("%d bytes: rows %v, events %v, %d changes", n, r.Rows, r.Events, r.Changed)
		}
		gas = append(gas, r.Gas)
	}
	if gas[1] > 2*gas[0] || gas[2] < 2*gas[1] || gas[3] < 2*gas[2] {
		t.Errorf("gas %v", gas)
	}
	w.want("lib", "seen", "[0] []\n[1] []\n[2] []\n[3] []\n")
	short := w.good(w.tx("bob", "lib.titles", nil))
	long := w.good(w.tx("bob", "lib.lengths", nil))
	if fmt.Sprint(long.Rows) != "[[10] [900] [3000] [20000]]" || short.Gas > 200 || long.Gas < 10*short.Gas {
		t.Errorf("titles cost %d gas, lengths %d: %v", short.Gas, long.Gas, long.Rows)
	}
	read, err := w.tree.CallReadOnly(ReadCall{Contract: "lib", Action: "lengths", Account: w.person("bob").account})
	if err != nil || fmt.Sprint(read.Rows) != fmt.Sprint(long.Rows) {
		t.Errorf("without a transaction: %+v, %v", read, err)
	}
	w.good(w.tx("bob", "lib.grow", nil))
	w.bad(w.tx("bob", "lib.grow", nil), "AG0421", "") // to 80,000 bytes
	w.replay("", func(i int) bool { return i%3 == 1 })
}

// An upgrade that checks an INVARIANT on long rows goes up the tiers as well.
func TestTiersOfUpgrade(t *testing.T) {
	w := newWorld(t, t.TempDir())
	doc := func(least int) string {
		return fmt.Sprintf("DIALECT 1;\nCREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT NOT NULL);\nINVARIANT long FOR EACH doc CHECK (length(body) > %d);\n"+
			"CREATE ACTION put(:id INTEGER, :body TEXT) PUBLIC AS BEGIN INSERT INTO doc VALUES (:id, :body); END;\n", least)
	}
	w.deploy("alice", "lib", doc(0))
	for i, n := range []int{3000, 20_000} {
		w.good(w.tx("bob", "lib.put", args{"id": int64(i), "body": strings.Repeat("b", n)}))
		w.deploy("alice", "lib", doc(i+1))
		w.bad(w.deployTx("alice", "lib", doc(20_000), nil), "AG0442", "long")
	}
	w.replay("", func(i int) bool { return i%2 == 1 })
}

// The steps that an observer is told of add up, those of abandoned runs too.
func TestTiersObserved(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "lib", longTexts)
	w.now += 1000
	s := w.begin(w.tree)
	defer s.Rollback()
	var sum uint64
	again, statements := 0, 0
	s.Observe(func(st Step) {
		sum += st.Gas
		if st.Statement != nil {
			statements++
		}
		if st.Again {
			again, statements = again+1, 0
		}
	})
	r, err := s.Run(w.tx("bob", "lib.put", args{"id": int64(1), "title": "t", "body": strings.Repeat("b", 20_000)}))
	if err != nil || r.Status != StatusOK {
		t.Fatal(r, err)
	}
	if (sum+gasUnit-1)/gasUnit != r.Gas || again != 2 || statements != 8 {
		t.Errorf("%d of %d gas, run again %d times, %d statements", sum/gasUnit, r.Gas, again, statements)
	}
}

// What our own functions refuse is the transaction's failure, not trouble of
// this machine.
func TestOwnFunctionsFail(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("mallory", "lib", longTexts)
	w.bad(w.tx("bob", "lib.twice", args{"s": strings.Repeat("a", 1000)}), "AG0421", "")
	w.bad(w.tx("bob", "lib.real", nil), "AG0417", "")
	w.bad(w.tx("bob", "lib.pattern", args{"s": strings.Repeat("%_", 200)}), "AG0429", "")
	w.bad(w.tx("bob", "lib.escape", args{"s": "ab"}), "AG0429", "")
}

// A literal is as long in each run of its statement as in the first.
func TestTiersOfLiterals(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "words", "DIALECT 1;\nCREATE ACTION long() PUBLIC AS BEGIN LET :x = length('"+strings.Repeat("x", 3000)+"'); END;\nCREATE ACTION short() PUBLIC AS BEGIN LET :x = length('x'); END;\n")
	first := w.good(w.tx("bob", "words.long", nil)).Gas
	for range 2 {
		if gas := w.good(w.tx("bob", "words.long", nil)).Gas; gas != first {
			t.Errorf("%d gas, then %d", first, gas)
		}
	}
	if short := w.good(w.tx("bob", "words.short", nil)).Gas; short >= first {
		t.Errorf("the short literal costs %d, the long one %d", short, first)
	}
}

// count(*) costs by the row.
func TestCountCosts(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "money", money+"CREATE ACTION many() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN SELECT count(*) FROM account; END;\n"+
		"CREATE VIEW all_of AS SELECT count ( * ) AS n FROM account;\nCREATE ACTION by_view() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN SELECT n FROM all_of; END;\n")
	w.good(w.tx("alice", "money.fill", args{"n": int64(3000)}))
	for _, action := range []string{"money.many", "money.by_view"} {
		if r := w.good(w.tx("bob", action, nil)); r.Gas < 1000 || fmt.Sprint(r.Rows) != "[[3000]]" {
			t.Errorf("%s: %d gas, %v", action, r.Gas, r.Rows)
		}
	}
	if _, err := Compile("money", money+"CREATE ACTION many() PUBLIC AS BEGIN LET :x = (SELECT \"count\"(*) FROM account); END;\n"); err == nil {
		t.Error("a quoted count(*) is not refused")
	}
}

// Each allowed function is one that the fit tries.
func TestFitIsWhole(t *testing.T) {
	var all strings.Builder
	for _, s := range fitShapes() {
		all.WriteString(strings.ToLower(s.body) + "\n")
	}
	for _, name := range sqlfunc.Names() {
		call := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\(`)
		switch name {
		case "like", "glob":
			call = regexp.MustCompile(" " + name + " ")
		case "->", "->>":
			call = regexp.MustCompile(name + " '")
		}
		if !call.MatchString(all.String()) {
			t.Errorf("no shape of the fit calls %s", name)
		}
	}
}
