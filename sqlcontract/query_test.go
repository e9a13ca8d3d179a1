package sqlcontract

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

func (w *world) read(rows *Rows, err error) string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		fmt.Fprintln(&b, rows.Values()...)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func (w *world) query(sql string, args ...any) string {
	w.t.Helper()
	return w.read(w.tree.Query(context.Background(), sql, args...))
}

func (w *world) queryAt(root objectstore.Hash, sql string, args ...any) string {
	w.t.Helper()
	return w.read(w.engine.QueryAt(context.Background(), root, sql, args...))
}

const bank = `DIALECT 1;
CREATE TABLE account (
  region TEXT NOT NULL,
  id     INTEGER NOT NULL,
  owner  TEXT NOT NULL,
  amount INTEGER NOT NULL DEFAULT 0,
  note   BLOB,
  double INTEGER NOT NULL GENERATED ALWAYS AS (amount * 2) STORED,
  PRIMARY KEY (region, id)
);
CREATE TABLE plain (
  region TEXT NOT NULL,
  id     INTEGER NOT NULL,
  amount INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (region, id)
);
CREATE VIEW rich AS SELECT region, id, double FROM account WHERE amount >= 50;
CREATE ACTION put(:region TEXT, :id INTEGER, :amount INTEGER DEFAULT 0) PUBLIC AS
BEGIN
  INSERT INTO account(region, id, owner, amount) VALUES (:region, :id, @caller, :amount) ON CONFLICT DO UPDATE SET amount = :amount;
  INSERT INTO plain VALUES (:region, :id, :amount) ON CONFLICT DO UPDATE SET amount = :amount;
END;
CREATE ACTION top(:region TEXT) PUBLIC READONLY RETURNS (id INTEGER, amount INTEGER) AS
BEGIN SELECT id, amount FROM account WHERE region = :region ORDER BY amount DESC, id LIMIT 3; END;
`

func TestQueries(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		w := newWorld(t, dir)
		w.deploy("alice", "bank", bank)
		w.deploy("alice", "shop", shop)
		random := rand.New(rand.NewPCG(1, 2))
		var txs []VerifiedTransaction
		for range 300 {
			txs = append(txs, w.tx("bob", "bank.put", args{"region": fmt.Sprintf("r%d", random.IntN(4)), "id": random.Int64N(60) - 30, "amount": random.Int64N(100)}))
		}
		w.block(txs...)
		before := w.tree.Root()
		head := w.query("SELECT * FROM bank.account ORDER BY 1, 2")
		if strings.Count(head, "\n") < 100 {
			t.Fatalf("few rows: %s", head)
		}
		for _, sql := range []string{
			"SELECT * FROM bank.plain",
			"SELECT * FROM plain WHERE region = 'r1'",
			"SELECT * FROM plain WHERE region = 'r1' AND id = 4",
			"SELECT * FROM plain WHERE region = 'r1' AND id > -10 AND id <= 20 ORDER BY id",
			"SELECT * FROM plain WHERE region = 'r1' AND id >= -10 AND id < 20 ORDER BY region, id",
			"SELECT * FROM plain WHERE region > 'r1' ORDER BY region DESC, id",
			"SELECT * FROM plain WHERE region >= 'r1' AND region < 'r2' AND amount > 50",
			"SELECT * FROM plain WHERE id = '4'",
			"SELECT * FROM plain WHERE region = 'r1' AND id = '4'",
			"SELECT * FROM plain WHERE region = 'r1' AND id < 7.5 ORDER BY id",
			"SELECT * FROM plain WHERE region = 5 OR region = 'r2' AND id = 3",
			"SELECT * FROM plain WHERE region IN ('r0', 'r3') AND id IN (1, 2, 3, NULL) ORDER BY region, id",
			"SELECT * FROM plain WHERE region IS NULL",
			"SELECT a.id, b.id FROM bank.plain a JOIN bank.account b USING (region, id) WHERE a.amount = 7 ORDER BY 1",
			"SELECT region, count(*), avg(amount) FROM bank.plain GROUP BY region ORDER BY region",
			"SELECT * FROM bank.rich ORDER BY 1, 2, 3",
			"SELECT name, version FROM aergo_contract.current ORDER BY name",
			"SELECT count(*), max(verdict) FROM aergo_seen.seen",
			"SELECT * FROM plain WHERE region = ?1 AND id > ?2 ORDER BY id",
		} {
			var a []any
			if strings.Contains(sql, "?1") {
				a = []any{"r2", int64(0)}
			}
			got, want := w.queryAt(before, sql, a...), w.query(sql, a...)
			if got != want {
				t.Errorf("%s\nat the state:\n%s\nat the head:\n%s", sql, got, want)
			}
			if want == "" && !strings.Contains(sql, "NULL") {
				t.Errorf("%s has no rows", sql)
			}
		}
		w.good(w.tx("bob", "bank.put", args{"region": "r9", "id": int64(1), "amount": int64(5)}))
		if got := w.queryAt(before, "SELECT * FROM bank.account ORDER BY 1, 2"); got != head {
			t.Errorf("an old state has changed:\n%s", got)
		}
		if got := w.query("SELECT amount, double, note FROM account WHERE region = 'r9'"); got != "5 10 <nil>\n" {
			t.Errorf("head: %s", got)
		}
		for sql, code := range map[string]string{
			"DELETE FROM bank.account":                "AG0107",
			"DROP TABLE bank.account":                 "AG0107",
			"CREATE TABLE x(a)":                       "AG0107",
			"PRAGMA table_list":                       "AG0107",
			"ATTACH 'x' AS y":                         "AG0107",
			"SELECT 1; SELECT 2":                      "AG0106",
			"SELECT FROM":                             "AG0106",
			"":                                        "AG0106",
			"SELECT absent FROM bank.account":         "AG0106",
			"SELECT * FROM bonk.account":              "AG0203",
			"SELECT * FROM accounts":                  "AG0203",
			"SELECT * FROM account WHERE region = ?1": "AG0403",
			"WITH x AS (SELECT 1) INSERT INTO plain VALUES (1, 2, 3)": "AG0107",
			"BEGIN":  "AG0107",
			"COMMIT": "AG0107",
		} {
			rows, err := w.tree.Query(context.Background(), sql)
			if err == nil {
				rows.Close()
			}
			if !fault.Is(err, code) {
				t.Errorf("%s: %v, want %s", sql, err, code)
			}
		}
	}
}

func TestQueryIsInterrupted(t *testing.T) {
	w := newWorld(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	rows, err := w.tree.Query(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n WHERE i % 1000000000 = 0 OR i < 3")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for range 2 {
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
	}
	go cancel()
	if rows.Next() || rows.Err() != context.Canceled {
		t.Errorf("the query ended with %v", rows.Err())
	}
}

// A query that is open while blocks are made keeps showing its state; a query
// that begins while one is being made shows the state before it.
func TestQueryDuringABlock(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		w := newWorld(t, dir)
		w.deploy("alice", "shop", shop)
		w.good(w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(4)}))
		s := w.begin(w.tree)
		if _, err := s.Run(w.tx("alice", "shop.add_item", args{"sku": "cup", "price": int64(9)})); err != nil {
			t.Fatal(err)
		}
		if got := w.query("SELECT sku FROM shop.item ORDER BY 1"); got != "tea\n" {
			t.Errorf("a query sees into the block: %s", got)
		}
		r, err := w.tree.CallReadOnly(ReadCall{Contract: "shop", Action: "price", Args: args{"sku": "cup"}})
		if err != nil || len(r.Rows) != 0 {
			t.Errorf("a call sees into the block: %v %v", r, err)
		}
		rows, err := w.tree.Query(context.Background(), "SELECT sku FROM shop.item ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		w.commit(s)
		if got := w.read(rows, nil); got != "tea\n" {
			t.Errorf("an open query has changed: %s", got)
		}
		if got := w.query("SELECT sku FROM shop.item ORDER BY 1"); got != "cup\ntea\n" {
			t.Errorf("after the block: %s", got)
		}
	}
}

func TestCallReadOnly(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.deploy("alice", "shop", shop)
	w.good(w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(4)}))
	r, err := w.tree.CallReadOnly(ReadCall{Contract: "shop", Action: "price", Args: args{"sku": "tea"}})
	if err != nil || fmt.Sprint(r.Status, r.Columns, r.Rows) != "ok [price] [[4]]" || r.Gas == 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err = w.tree.CallReadOnly(ReadCall{Contract: "shop", Action: "price"}); err != nil || r.Code != "AG0403" {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err = w.tree.CallReadOnly(ReadCall{Contract: "shop", Action: "sell"}); !fault.Is(err, "AG0402") {
		t.Errorf("got %v", err)
	}
	if _, err = w.tree.CallReadOnly(ReadCall{Contract: "shoe", Action: "sell"}); !fault.Is(err, "AG0401") {
		t.Errorf("got %v", err)
	}
}
