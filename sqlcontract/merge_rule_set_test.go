package sqlcontract

import (
	"errors"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
)

const ruled = `DIALECT 1;
CREATE TABLE item (sku TEXT PRIMARY KEY, price INTEGER NOT NULL, stock INTEGER NOT NULL, note TEXT, twice INTEGER AS (stock * 2));
MERGE RULE ON item (stock) BY DELTA;
CREATE ACTION add(:sku TEXT) PUBLIC AS BEGIN INSERT INTO item VALUES (:sku, 1, 1, NULL); END;
CREATE ACTION mean(:base INTEGER, :ours INTEGER, :theirs INTEGER) PRIVATE READONLY RETURNS (value INTEGER) AS BEGIN RETURN (:ours + :theirs) / 2; END;
CREATE ACTION open(:base INTEGER, :ours INTEGER, :theirs INTEGER) PUBLIC READONLY RETURNS (value INTEGER) AS BEGIN RETURN :ours; END;
`

// A contract's owner sets and drops merge rules after the deploy, nobody else
// does, and only such as a deploy would take. The next deploy makes them anew.
func TestMergeRuleCalls(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.deploy("alice", "shop", ruled)
	set := func(who, rule string) VerifiedTransaction {
		return w.tx(who, "aergo_merge.set_rule", args{"contract": "shop", "rule": rule})
	}
	drop := func(who, table, column string) VerifiedTransaction {
		return w.tx(who, "aergo_merge.drop_rule", args{"contract": "shop", "table_name": table, "column_name": column})
	}
	r := w.good(set("alice", "ON item (price, note) BY MAX RESOLVE ROLE (clerk)"))
	if r.Changed != 2 || r.Gas == 0 {
		t.Errorf("two rules change %d rows for %d gas", r.Changed, r.Gas)
	}
	rules := "[shop item note] [MAX 0  clerk]\n[shop item price] [MAX 0  clerk]\n[shop item stock] [DELTA 1  ]\n"
	w.good(set("alice", "ON item (stock) BY DELTA FROM 0"))
	w.want("aergo_merge", "rule", rules)
	if got := w.query("SELECT column_name, kind FROM aergo_merge.rule ORDER BY 1"); got != "note MAX\nprice MAX\nstock DELTA\n" {
		t.Errorf("a query reads %s", got)
	}

	// Calls and a deploy in one block, which also writes the table: the files
	// follow what the engine wrote.
	for _, r := range w.block(set("alice", "ON item (price) USING ACTION mean"), w.deployTx("alice", "other", strings.Replace(ruled, "DELTA", "OURS", 1), nil),
		drop("alice", "item", "note")) {
		if r.Status != StatusOK {
			t.Errorf("%s %s", r.Code, r.Text)
		}
	}
	rules = "[other item stock] [OURS 0  ]\n[shop item price] [ACTION 0 mean ]\n[shop item stock] [DELTA 1  ]\n"
	w.want("aergo_merge", "rule", rules)
	if got := w.query("SELECT contract, column_name, kind FROM aergo_merge.rule ORDER BY 1, 2"); got != "other stock OURS\nshop price ACTION\nshop stock DELTA\n" {
		t.Errorf("a query reads %s", got)
	}

	for _, c := range []struct {
		tx         VerifiedTransaction
		code, text string
	}{
		{set("mallory", "ON item (stock) BY OURS"), "AG0402", "owner"},
		{drop("mallory", "item", "stock"), "AG0402", "owner"},
		{drop("alice", "item", "note"), "AG0401", "shop.item.note"},
		{drop("alice", "", ""), "AG0401", "shop.."},
		{w.tx("alice", "aergo_merge.set_rule", args{"contract": "nothing", "rule": "ON item BY OURS"}), "AG0401", "nothing"},
		{w.tx("alice", "aergo_merge.set_rule", args{"contract": "aergo_role", "rule": "ON role BY OURS"}), "AG0401", "aergo_role"},
		{w.tx("alice", "aergo_merge.set_rule", args{"contract": "shop", "rule": "ON item BY OURS", "more": int64(1)}), "AG0403", "more"},
		{w.tx("alice", "aergo_merge.set", args{"contract": "shop"}), "AG0401", "aergo_merge.set"},
		{set("alice", "ON item (stock) BY MAX; CREATE TABLE x (a INTEGER PRIMARY KEY)"), "AG0403", "rule"},
		{set("alice", ""), "AG0403", "rule"},
	} {
		w.bad(c.tx, c.code, c.text)
	}
	shop, _, _, err := w.tree.Contract("shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ rule, code string }{
		{"ON goods BY OURS", "AG0305"}, {"ON item (colour) BY OURS", "AG0305"}, {"ON item (sku) BY OURS", "AG0304"}, {"ON item (twice) BY OURS", "AG0304"},
		{"ON item (note) BY DELTA", "AG0304"}, {"ON item BY DELTA", "AG0304"}, {"ON item (stock) BY OURS FROM 0", "AG0304"}, {"ON item (stock, stock) BY OURS", "AG0304"},
		{"ON item (price) USING ACTION median", "AG0305"}, {"ON item (price) USING ACTION open", "AG0304"}, {"ON item (price) USING ACTION add", "AG0304"},
		{"ON item (note) USING ACTION mean", "AG0304"}, {"ON item (stock) BY DELTA;", "AG0301"}, {"ON item (stock) BY DELTA ; x", "AG0301"},
		{"BY DELTA", "AG0301"}, {"ON item (stock) BY LUCK", "AG0301"}, {"ON item BY OURS\x00", "AG0301"}, {"ON item BY OURS /*", "AG0301"},
	} {
		_, err := shop.ParseMergeRule(c.rule)
		if !fault.Is(err, c.code) {
			var f *fault.Error
			errors.As(err, &f)
			t.Errorf("%s: %v (%v), want %s", c.rule, err, f, c.code)
		}
		w.bad(set("alice", c.rule), "AG0403", "rule")
	}
	w.want("aergo_merge", "rule", rules)
	list, err := w.tree.MergeRules("shop")
	if err != nil || len(list) != 2 || list[0].String() != "ON item (price) USING ACTION mean" || list[0].Declared || list[1].Declared {
		t.Errorf("in force: %v, %v", list, err)
	}
	if rule, err := shop.ParseMergeRule("ON item (price) BY MIN -- for now"); err != nil || rule.String() != "ON item (price) BY MIN" {
		t.Errorf("with a comment: %v, %v", rule, err)
	}

	// Contracts cannot do it for her.
	w.bad(w.deployTx("mallory", "trap", "DIALECT 1; USE aergo_merge AS m; CREATE ACTION f() PUBLIC AS BEGIN CALL m.set_rule('shop', 'ON item BY OURS'); END;", nil), "AG0440", "AG0304")

	w.good(w.deployTx("alice", "shop", ruled, nil)) // the same source: nothing happens
	w.want("aergo_merge", "rule", rules)
	w.good(set("alice", "ON item (stock) BY MAX"))
	plan, err := w.tree.Plan("shop", ruled+"\n")
	if err != nil || !strings.Contains(plan.String(), "  - rule ON item (price) USING ACTION mean, which was set by hand\n") ||
		!strings.Contains(plan.String(), "  - rule ON item (stock) BY MAX, which was set by hand\n") ||
		!strings.Contains(plan.String(), "  + rule ON item (stock) BY DELTA, which was changed or dropped by hand\n") {
		t.Errorf("the plan says %s, %v", plan, err)
	}
	w.good(w.deployTx("alice", "shop", ruled+"\n", nil))
	w.want("aergo_merge", "rule", "[other item stock] [OURS 0  ]\n[shop item stock] [DELTA 0  ]\n")
	if list, err := w.tree.MergeRules(""); err != nil || len(list) != 2 || !list[0].Declared || !list[1].Declared || list[0].Contract != "other" {
		t.Errorf("all in force: %v, %v", list, err)
	}
}

func FuzzMergeRule(f *testing.F) {
	for _, s := range []string{"ON item (stock) BY DELTA FROM 0 RESOLVE ROLE (a, b)", "ON item BY OURS", "ON item (price) USING ACTION mean", "ON item BY OURS; MERGE RULE ON item BY OURS", "ON \"item\" BY MAX -- x", "ON item (stock) BY"} {
		f.Add(s)
	}
	c, err := Compile("shop", ruled)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := c.ParseMergeRule(text)
		if err != nil {
			return
		}
		again, err := c.ParseMergeRule(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%q is %q, which is %v, %v", text, r, again, err)
		}
	})
}
