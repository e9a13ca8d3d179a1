package sqlcontract

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Prices were texts like '4.50' until somebody wanted to add them up.
const till1 = `DIALECT 1;
CREATE TABLE item (sku TEXT PRIMARY KEY, price TEXT NOT NULL, stock INTEGER NOT NULL DEFAULT 0);
CREATE TABLE sale (id INTEGER PRIMARY KEY, sku TEXT NOT NULL REFERENCES item(sku), n INTEGER NOT NULL);
CREATE TABLE draft (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INVARIANT stocked ON item TOTAL sum(stock) CHECK (total >= 0);
CREATE ACTION add(:sku TEXT, :price TEXT, :stock INTEGER) PUBLIC AS BEGIN INSERT INTO item VALUES (:sku, :price, :stock); END;
CREATE ACTION sell(:id INTEGER, :sku TEXT, :n INTEGER) PUBLIC AS BEGIN
  UPDATE item SET stock = stock - :n WHERE sku = :sku;
  INSERT INTO sale VALUES (:id, :sku, :n);
END;
CREATE ACTION note(:id INTEGER, :text TEXT) PUBLIC AS BEGIN INSERT INTO draft VALUES (:id, :text); END;
`

// Now they are cents, sales have a key of two columns and know what was paid,
// and drafts are gone.
const till2 = `DIALECT 1;
CREATE TABLE item (sku TEXT PRIMARY KEY, price INTEGER NOT NULL CHECK (price > 0), stock INTEGER NOT NULL DEFAULT 0);
CREATE TABLE sale (sku TEXT NOT NULL REFERENCES item(sku) ON DELETE CASCADE, id INTEGER NOT NULL, n INTEGER NOT NULL, paid INTEGER NOT NULL, PRIMARY KEY (sku, id));
CREATE TABLE audit (line INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE INDEX by_paid ON sale(paid);
CREATE TRIGGER audited AFTER INSERT ON sale BEGIN INSERT INTO audit SELECT coalesce(max(line), 0) + 1, NEW.sku FROM audit; END;
INVARIANT stocked ON item TOTAL sum(stock) CHECK (total >= 0);
INVARIANT earned ON sale TOTAL sum(paid) BY sku;
CREATE ACTION add(:sku TEXT, :price INTEGER, :stock INTEGER) PUBLIC AS BEGIN INSERT INTO item VALUES (:sku, :price, :stock); END;
CREATE ACTION sell(:id INTEGER, :sku TEXT, :n INTEGER) PUBLIC AS BEGIN
  UPDATE item SET stock = stock - :n WHERE sku = :sku;
  INSERT INTO sale SELECT sku, :id, :n, price * :n FROM item WHERE sku = :sku;
END;
CREATE ACTION drop(:sku TEXT) PUBLIC AS BEGIN DELETE FROM item WHERE sku = :sku; END;
MIGRATION FROM 1 AS BEGIN
  LET :before = (SELECT count(*) FROM old.item);
  INSERT INTO sale
    SELECT s.sku, s.id, s.n, s.n * CAST(replace(i.price, '.', '') AS INTEGER) FROM old.sale s JOIN old.item i ON i.sku = s.sku;
  FOR i IN (SELECT sku, price, stock FROM old.item ORDER BY sku) DO
    REQUIRE :i.price GLOB '*.[0-9][0-9]' ELSE 'no price in cents: ' || :i.price;
    INSERT INTO item VALUES (:i.sku, CAST(replace(:i.price, '.', '') AS INTEGER), :i.stock);
  END FOR;
  REQUIRE (SELECT count(*) FROM item) = :before ELSE 'items are lost';
  EMIT migrated(items => :before, by => @caller);
END;
`

func newTill(t *testing.T, dir string) *world {
	w := newWorld(t, dir)
	w.deploy("alice", "till", till1)
	for i, sku := range []string{"tea", "cup", "pot"} {
		w.good(w.tx("bob", "till.add", args{"sku": sku, "price": fmt.Sprintf("%d.50", i+1), "stock": int64(10)}))
	}
	w.good(w.tx("bob", "till.sell", args{"id": int64(1), "sku": "tea", "n": int64(3)}))
	w.good(w.tx("eve", "till.sell", args{"id": int64(2), "sku": "pot", "n": int64(2)}))
	w.good(w.tx("eve", "till.note", args{"id": int64(7), "text": "call the potter"}))
	return w
}

func TestMigration(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "tree")} {
		w := newTill(t, dir)
		p, err := w.tree.Plan("till", till2)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(p.String(), "\n"); got[len(got)-2] != "  migrated by MIGRATION FROM 1, callers break" || !strings.Contains(p.String(), "- table draft (migrated: its 1 row goes)") {
			t.Errorf("the plan:\n%s", p)
		}
		w.bad(w.deployTx("bob", "till", till2, nil), "AG0402", "owner")
		r := w.good(w.deployTx("alice", "till", till2, nil))
		if len(r.Events) != 1 || r.Events[0].Name != "migrated" || r.Events[0].Values[0] != int64(3) || r.Events[0].Values[1] != string(w.person("alice").account) {
			t.Errorf("events: %+v", r.Events)
		}
		w.want("till", "item", "[cup] [250 10]\n[pot] [350 8]\n[tea] [150 7]\n")
		w.want("till", "sale", "[pot 2] [2 700]\n[tea 1] [3 450]\n")
		w.want("till", "draft", "")
		w.want("till", "audit", "") // no trigger fired
		w.want("aergo_total", "total", "[till earned [2 112 111 116 0]] [1 700]\n[till earned [2 116 101 97 0]] [1 450]\n[till stocked []] [3 25]\n")
		if got := w.query("SELECT sku, paid FROM till.sale ORDER BY paid"); got != "tea 450\npot 700\n" {
			t.Errorf("sales: %s", got)
		}
		w.good(w.tx("bob", "till.sell", args{"id": int64(3), "sku": "cup", "n": int64(4)}))
		w.want("till", "audit", "[1] [cup]\n") // and now they do
		w.bad(w.tx("bob", "till.sell", args{"id": int64(4), "sku": "cup", "n": int64(99)}), "AG0415", "stocked")
		w.good(w.tx("bob", "till.drop", args{"sku": "pot"}))
		w.want("till", "sale", "[cup 3] [4 1000]\n[tea 1] [3 450]\n")
		// The block stays in the source; what comes later does not run it again.
		w.good(w.deployTx("alice", "till", till2+"-- more\n", nil))
		w.want("till", "item", "[cup] [250 6]\n[tea] [150 7]\n")
		w.replay(filepath.Join(t.TempDir(), "again"), func(i int) bool { return i%3 == 2 })
		w.replay("", func(i int) bool { return true })
	}
}

// What goes wrong changes nothing.
func TestMigrationRefused(t *testing.T) {
	w := newTill(t, "")
	w.good(w.tx("bob", "till.add", args{"sku": "free", "price": "0.00", "stock": int64(1)}))
	before := w.rows("till", "item") + w.rows("till", "sale") + w.rows("till", "draft") + w.rows("aergo_total", "total") + w.rows("aergo_contract", "current")
	head, block, _ := strings.Cut(till2, "MIGRATION")
	block = "MIGRATION" + block
	body := func(steps string) string { return head + "MIGRATION FROM 1 AS BEGIN\n" + steps + "\nEND;\n" }
	for _, c := range []struct{ name, source, code, text string }{
		{"a constraint", head + block, "AG0411", "price > 0"},
		{"no block", head, "AG0441", ""},
		{"a block for another version", head + strings.Replace(block, "FROM 1", "FROM 2", 1), "AG0441", ""},
		{"REQUIRE", strings.Replace(till2, "REQUIRE (SELECT count(*) FROM item) = :before", "DELETE FROM item; REQUIRE 1 = 0", 1), "AG0411", "price > 0"},
		{"REQUIRE first", body("INSERT INTO item SELECT sku, 1, 1 FROM old.item; REQUIRE 1 = 0 ELSE 'no: ' || @contract;"), "AG0410", "no: till"},
		{"a foreign key", body("INSERT INTO sale SELECT sku, id, n, 1 FROM old.sale; INSERT INTO item SELECT sku, 1, 1 FROM old.item WHERE sku <> 'pot';"), "AG0442", "sale"},
		{"a key twice", body("INSERT INTO sale SELECT 'tea', 1, n, 1 FROM old.sale;"), "AG0412", "sale.sku, sale.id"},
		{"an invariant", body("INSERT INTO item SELECT sku, 1, -stock FROM old.item;"), "AG0442", "stocked"},
		{"a null", body("INSERT INTO item SELECT sku, NULL, 1 FROM old.item;"), "AG0413", "item.price"},
		{"a type", body("INSERT INTO item SELECT sku, price || 'x', 1 FROM old.item;"), "AG0416", "item.price"},
		{"overflow", body("LET :x = 9223372036854775807 + (SELECT count(*) FROM old.item);"), "AG0417", ""},
		{"an endless block", body("LET :x = (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c);"), "AG0420", ""},
		{"endless rows", body("INSERT INTO audit WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n, 'x' FROM c;"), "AG0420", ""},
		{"an unknown table", body("DELETE FROM old.sales;"), "AG0440", "AG0305"},
		{"a write to the past", body("DELETE FROM old.sale;"), "AG0440", "AG0302"},
		{"another contract", body("LET :x = (SELECT count(*) FROM aergo_role.member);"), "AG0440", "AG0305"},
		{"the engine", body("LET :x = (SELECT count(*) FROM old.sqlite_schema);"), "AG0440", "AG0302"},
	} {
		t.Run(c.name, func(t *testing.T) {
			request := w.request("alice", "till", "", args{"source": c.source})
			request.Kind, request.GasLimit = KindDeploy, 100_000
			tx := w.sign("alice", request)
			watched := w.report(tx)
			r := w.block(tx)[0]
			if watched.Refusal == nil || watched.Refusal.Code != c.code {
				t.Errorf("watched: %+v", watched.Refusal)
			}
			if r.Status != StatusFailed || r.Code != c.code || r.Text != c.text {
				t.Errorf("%s %q, want %s %q", r.Code, r.Text, c.code, c.text)
			}
			if got := w.rows("till", "item") + w.rows("till", "sale") + w.rows("till", "draft") + w.rows("aergo_total", "total") + w.rows("aergo_contract", "current"); got != before {
				t.Errorf("rows are\n%s\nwere\n%s", got, before)
			}
			w.good(w.tx("bob", "till.note", args{"id": int64(len(w.script)), "text": "x"}))
			before = w.rows("till", "item") + w.rows("till", "sale") + w.rows("till", "draft") + w.rows("aergo_total", "total") + w.rows("aergo_contract", "current")
		})
	}
	w.replay("", func(int) bool { return false })
}

// report watches one transaction in a block that is given up.
func (w *world) report(tx VerifiedTransaction) *Report {
	w.t.Helper()
	s := w.begin(w.tree)
	defer s.Rollback()
	var report Report
	s.Observe(report.Observe)
	if _, err := s.Run(tx); err != nil {
		w.t.Fatal(err)
	}
	return &report
}

// Calls of both versions, deploys and a call that runs out of gas in one block:
// undoing that one makes the rows of the present version anew.
func TestMigrationsInOneBlock(t *testing.T) {
	spin := `CREATE ACTION spin() PUBLIC AS BEGIN
  UPDATE item SET stock = 1;
  INSERT INTO audit WITH RECURSIVE c(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM c) SELECT n, 'x' FROM c;
END;
`
	// And back to texts, with a key of two columns.
	till3 := `DIALECT 1;
CREATE TABLE item (shelf INTEGER NOT NULL, sku TEXT NOT NULL, price TEXT NOT NULL, PRIMARY KEY (shelf, sku));
CREATE TABLE audit (line INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE ACTION spin() PUBLIC AS BEGIN
  DELETE FROM item;
  INSERT INTO audit WITH RECURSIVE c(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM c) SELECT n, 'x' FROM c;
END;
MIGRATION FROM 2 AS BEGIN INSERT INTO item SELECT 1, sku, price || ' cents' FROM old.item; END;
`
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "tree")} {
		w := newTill(t, dir)
		spinTx := func() VerifiedTransaction {
			r := w.request("bob", "till", "spin", nil)
			r.GasLimit = 20_000
			return w.sign("bob", r)
		}
		sell := func(id int64) VerifiedTransaction {
			return w.tx("bob", "till.sell", args{"id": id, "sku": "tea", "n": int64(1)})
		}
		txs := []VerifiedTransaction{
			sell(3),
			w.deployTx("alice", "till", till2+spin, nil),
			sell(4), spinTx(), sell(5),
		}
		for i, r := range w.block(txs...) {
			if want := map[bool]string{true: "AG0420"}[i == 3]; r.Code != want {
				t.Fatalf("transaction %d: %s %s", i, r.Code, r.Text)
			}
		}
		w.want("till", "item", "[cup] [250 10]\n[pot] [350 8]\n[tea] [150 4]\n")
		w.want("till", "audit", "[1] [tea]\n[2] [tea]\n")
		for i, r := range w.block(sell(6), w.deployTx("alice", "till", till3, nil), spinTx()) {
			if want := map[bool]string{true: "AG0420"}[i == 2]; r.Code != want {
				t.Fatalf("transaction %d: %s %s", i, r.Code, r.Text)
			}
		}
		w.want("till", "item", "[1 cup] [250 cents]\n[1 pot] [350 cents]\n[1 tea] [150 cents]\n")
		w.want("till", "sale", "")
		if got := w.query("SELECT shelf, sku FROM till.item ORDER BY sku"); got != "1 cup\n1 pot\n1 tea\n" {
			t.Errorf("the files hold %s", got)
		}
		w.want("aergo_total", "total", "")
		w.replay("", func(int) bool { return true })
	}
}
