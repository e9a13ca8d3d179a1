package sqlcontract

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const refusing = `DIALECT 1;
CREATE TABLE item (
  sku   TEXT PRIMARY KEY,
  price INTEGER NOT NULL CONSTRAINT dear CHECK (price > 0),
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0),
  code  TEXT UNIQUE
);
CREATE TABLE sale (id INTEGER PRIMARY KEY, sku TEXT NOT NULL REFERENCES item(sku), n INTEGER NOT NULL);
CREATE TABLE late (id INTEGER PRIMARY KEY, sku TEXT REFERENCES item(sku) DEFERRABLE INITIALLY DEFERRED);
INVARIANT few ON sale TOTAL sum(n) BY sku CHECK (total <= 10);
INVARIANT short FOR EACH item CHECK (length(sku) <= 8);

CREATE ACTION add(:sku TEXT, :price INTEGER, :stock INTEGER DEFAULT 0, :code TEXT DEFAULT NULL) OWNER AS
BEGIN
  INSERT INTO item VALUES (:sku, :price, :stock, :code);
END;
CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM item WHERE sku = :sku) ELSE 'no such item: ' || :sku;
  REQUIRE (SELECT stock FROM item WHERE sku = :sku) >= :n
    ELSE 'not enough in stock';
  UPDATE item SET stock = stock - :n WHERE sku = :sku;
END;
CREATE ACTION closing() PUBLIC AS
BEGIN
  FOR r IN (SELECT sku FROM item ORDER BY sku DESC) DO
    REQUIRE (SELECT sum(stock) FROM item WHERE sku <= :r.sku AND @caller <> '') > 100;
  END FOR;
END;
CREATE ACTION take(:sku TEXT, :n INTEGER) PUBLIC AS BEGIN UPDATE item SET stock = stock - :n WHERE sku = :sku; END;
CREATE ACTION code(:sku TEXT, :code TEXT) PUBLIC AS BEGIN UPDATE item SET code = :code WHERE sku = :sku; END;
CREATE ACTION sold(:id INTEGER, :sku TEXT, :n INTEGER) PUBLIC AS BEGIN
  INSERT INTO sale (id, n, sku) VALUES (:id, :n, :sku);
END;
CREATE ACTION later(:id INTEGER, :sku TEXT) PUBLIC AS BEGIN INSERT INTO late VALUES (:id, :sku); END;
CREATE ACTION drop_item(:sku TEXT) ROLE (keeper, boss) AS BEGIN DELETE FROM item WHERE sku = :sku; END;
CREATE ACTION nothing(:sku TEXT) PUBLIC AS BEGIN UPDATE item SET price = NULL WHERE sku = :sku; END;
CREATE ACTION hidden() PRIVATE AS BEGIN RETURN; END;
CREATE ACTION spin() PUBLIC AS BEGIN
  LET :n = 1;
  LET :n = (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c);
END;
`

// TestRefusals shows each kind of refusal as a person reads it. UPDATE=1 writes
// the golden file again.
func TestRefusals(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "shop", refusing)
	add := func(sku string, price, stock int64, code any) {
		w.good(w.tx("alice", "shop.add", args{"sku": sku, "price": price, "stock": stock, "code": code}))
	}
	add("tea", 400, 2, "T1")
	add("cup", 900, 5, nil)
	add("pot", 2500, 1, nil)
	add("jug", 1500, 7, "J1")
	w.good(w.tx("bob", "shop.sold", args{"id": int64(1), "sku": "tea", "n": int64(9)}))
	before := w.tree.Root()

	var b strings.Builder
	for _, c := range []struct {
		who, what string
		args      args
	}{
		{"bob", "shop.sell", args{"sku": "tea", "n": int64(8)}},
		{"bob", "shop.sell", args{"sku": "ale", "n": int64(1)}},
		{"bob", "shop.closing", nil},
		{"bob", "shop.take", args{"sku": "tea", "n": int64(3)}},
		{"alice", "shop.add", args{"sku": "ale", "price": int64(0)}},
		{"alice", "shop.add", args{"sku": "tea", "price": int64(1)}},
		{"alice", "shop.add", args{"sku": "ale", "price": int64(1), "code": "J1"}},
		{"bob", "shop.code", args{"sku": "tea", "code": "J1"}},
		{"bob", "shop.nothing", args{"sku": "tea"}},
		{"bob", "shop.sold", args{"id": int64(2), "sku": "ale", "n": int64(1)}},
		{"bob", "shop.sold", args{"id": int64(2), "sku": "tea", "n": int64(4)}},
		{"bob", "shop.later", args{"id": int64(2), "sku": "ale"}},
		{"alice", "shop.drop_item", args{"sku": "tea"}},
		{"bob", "shop.drop_item", args{"sku": "tea"}},
		{"alice", "shop.add", args{"sku": "very long name", "price": int64(1)}},
		{"bob", "shop.add", args{"sku": "ale", "price": int64(1)}},
		{"bob", "shop.hidden", nil},
		{"bob", "shop.sell", args{"sku": "tea", "n": "one"}},
		{"bob", "shop.sell", args{"sku": "tea"}},
		{"bob", "shop.sell", args{"sku": "tea", "n": int64(1), "colour": "red"}},
		{"bob", "shop.spin", nil},
		{"bob", "shop.none", nil},
		{"bob", "shoe.sell", nil},
	} {
		contract, action, _ := strings.Cut(c.what, ".")
		request := w.request(c.who, contract, action, c.args)
		request.GasLimit = 10_000
		tx := w.sign(c.who, request)
		s, err := w.tree.Begin(Block{Branch: w.branch, Number: w.number + 1, Time: w.now})
		if err != nil {
			t.Fatal(err)
		}
		var report Report
		s.Observe(report.Observe)
		receipt, err := s.Run(tx)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Rollback(); err != nil {
			t.Fatal(err)
		}
		plain, _ := w.traced(tx, false)
		if plain.Gas != receipt.Gas || plain.Code != receipt.Code || plain.Text != receipt.Text {
			t.Errorf("%s: explained %+v, alone %+v", c.what, receipt, plain)
		}
		f := report.Refusal
		if f == nil || f.Code != receipt.Code || f.Text != receipt.Text {
			t.Fatalf("%s: %+v, receipt %+v", c.what, f, receipt)
		}
		b.WriteString("# " + c.who + " " + c.what + ": " + f.Code + " " + Explain(receipt) + "\n" + f.String() + "\n\n")
	}
	if w.tree.Root() != before {
		t.Error("explaining changed the state")
	}
	got := regexp.MustCompile(`ag1[a-z0-9]{50,}`).ReplaceAllString(b.String(), "ag1…")
	const golden = "testdata/refusals.txt"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is another now; UPDATE=1 go test writes it:\n%s", golden, got)
	}
}

// TestRefusedCalls: what fails in a contract that another one calls is shown
// there, one level deeper; a CALL that may not be, where it stands.
func TestRefusedCalls(t *testing.T) {
	w := newMarket(t, "")
	w.good(w.tx("alice", "till.mint", args{"who": "maker", "n": int64(5)}))
	for _, c := range []struct {
		what  string
		args  args
		wants []string
		lines string
	}{
		{"stall.sell", args{"sku": "tea", "n": int64(80)}, []string{
			"REQUIRE EXISTS (SELECT 1 FROM purse", "@caller = 'stall', :n = 160", "purse: no row matched",
		}, "0 stall 6, 0 stall 7, 1 till 11"},
		{"stall.seize", args{"who": "maker"}, []string{
			"CALL t.seize(:who)", "seize is for the role court of till", "the contract stall called it",
		}, "0 stall 12"},
		{"stall.owe", args{"who": "nobody"}, []string{
			"a row of bill refers to a row of purse that is not there",
		}, "0 stall 14, 0 stall 14, 1 till 23"},
	} {
		s := w.begin(w.tree)
		var report Report
		s.Observe(report.Observe)
		if _, err := s.Run(w.tx("carol", c.what, c.args)); err != nil {
			t.Fatal(err)
		}
		if err := s.Rollback(); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.wants {
			if report.Refusal == nil || !strings.Contains(report.Refusal.String(), want) {
				t.Errorf("%s: no %q in\n%v", c.what, want, report.Refusal)
			}
		}
		var got []string
		for _, l := range report.Lines {
			got = append(got, fmt.Sprint(l.Depth, " ", l.Contract, " ", l.Line))
		}
		if strings.Join(got, ", ") != c.lines {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

// TestTraceOfAMigration: the statements of a MIGRATION block belong to the new
// source.
func TestTraceOfAMigration(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "shop", "DIALECT 1;\nCREATE TABLE item (sku TEXT PRIMARY KEY, price INTEGER NOT NULL);\nCREATE ACTION add(:sku TEXT, :price INTEGER) PUBLIC AS BEGIN INSERT INTO item VALUES (:sku, :price); END;\n")
	w.good(w.tx("bob", "shop.add", args{"sku": "tea", "price": int64(4)}))
	tx := w.deployTx("alice", "shop", "DIALECT 1;\nCREATE TABLE item (sku TEXT PRIMARY KEY, price INTEGER NOT NULL CHECK (price > 2));\nMIGRATION FROM 1 AS\nBEGIN\n  INSERT INTO item SELECT sku, price - 3 FROM old.item;\nEND;\n", nil)
	s := w.begin(w.tree)
	defer s.Rollback()
	var report Report
	s.Observe(report.Observe)
	receipt, err := s.Run(tx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v\n%+v\n%s", receipt, report.Lines, report.Refusal)
	if receipt.Code == "" || report.Refusal == nil {
		t.Errorf("%+v %v", receipt, report.Refusal)
	}
	for _, l := range report.Lines {
		if l.Line != 5 || !strings.HasPrefix(l.Text, "INSERT INTO item SELECT") {
			t.Errorf("%+v", l)
		}
	}
}
