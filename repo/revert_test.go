package repo_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (s *story) revert(rev string, o repo.RevertOptions) repo.RevertResult {
	s.Helper()
	res, err := s.Revert(ctx, s.key, rev, o)
	if err != nil {
		s.Fatalf("revert %s: %v", rev, err)
	}
	return res
}

func revertConflicts(res repo.RevertResult) string {
	var list []string
	for _, c := range res.Conflicts {
		by := ""
		for _, call := range c.OursBy {
			by += " by " + call.Text
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s%v %s%s", c.Kind, c.Table, c.Key, c.Column, by)))
	}
	return strings.Join(list, "; ")
}

const stall = `DIALECT 1;
CREATE TABLE kind (name TEXT PRIMARY KEY);
CREATE TABLE item (
  sku TEXT PRIMARY KEY, price INTEGER NOT NULL CHECK (price > 0), stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0),
  kind TEXT REFERENCES kind(name), note TEXT, code TEXT UNIQUE
);
MERGE RULE ON item (stock) BY DELTA;
INVARIANT room ON item TOTAL sum(stock) CHECK (total <= 100);
CREATE ACTION kind(:name TEXT) PUBLIC AS BEGIN INSERT INTO kind VALUES (:name); END;
CREATE ACTION add(:sku TEXT, :price INTEGER, :stock INTEGER DEFAULT 0, :kind TEXT DEFAULT NULL) PUBLIC AS
BEGIN INSERT INTO item (sku, price, stock, kind) VALUES (:sku, :price, :stock, :kind); END;
CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC AS BEGIN UPDATE item SET stock = stock - :n WHERE sku = :sku; END;
CREATE ACTION price(:sku TEXT, :price INTEGER) PUBLIC AS BEGIN UPDATE item SET price = :price WHERE sku = :sku; END;
CREATE ACTION code(:sku TEXT, :code TEXT DEFAULT NULL) PUBLIC AS BEGIN UPDATE item SET code = :code WHERE sku = :sku; END;
CREATE ACTION drop(:sku TEXT) PUBLIC AS BEGIN DELETE FROM item WHERE sku = :sku; END;
`

// TestReverts tells what a revert takes back, and when it does not.
func TestReverts(t *testing.T) {
	rows := func(s *story) string {
		return strings.TrimSpace(strings.ReplaceAll(s.query("", "SELECT sku, price, stock, kind, code FROM stall.item ORDER BY sku"), "\n", " "))
	}
	for _, c := range []struct {
		what string
		play func(s *story, call func(action string, a args) repo.Result)
		rev  string
		want string // rows, or the conflicts
		code string
	}{
		{"an update", func(_ *story, call func(string, args) repo.Result) {
			call("price", args{"sku": "tea", "price": int64(5)})
		}, "main", "tea|4|10|<nil>|<nil>", ""},
		{"an update, and other cells after it", func(_ *story, call func(string, args) repo.Result) {
			call("price", args{"sku": "tea", "price": int64(5)})
			call("code", args{"sku": "tea", "code": "x"})
		}, "main~1", "tea|4|10|<nil>|x", ""},
		{"changed since", func(_ *story, call func(string, args) repo.Result) {
			call("price", args{"sku": "tea", "price": int64(5)})
			call("price", args{"sku": "tea", "price": int64(6)})
		}, "main~1", "cell item[tea] price by stall.price(sku=tea, price=6)", ""},
		{"set back by hand is changed since", func(_ *story, call func(string, args) repo.Result) {
			call("price", args{"sku": "tea", "price": int64(5)})
			call("price", args{"sku": "tea", "price": int64(4)})
		}, "main~1", "cell item[tea] price by stall.price(sku=tea, price=4)", ""},
		{"a DELTA column", func(_ *story, call func(string, args) repo.Result) {
			call("sell", args{"sku": "tea", "n": int64(3)})
			call("sell", args{"sku": "tea", "n": int64(2)})
		}, "main~1", "tea|4|8|<nil>|<nil>", ""},
		{"an insert", func(_ *story, call func(string, args) repo.Result) {
			call("add", args{"sku": "mug", "price": int64(7)})
		}, "main", "tea|4|10|<nil>|<nil>", ""},
		{"an insert, changed since", func(_ *story, call func(string, args) repo.Result) {
			call("add", args{"sku": "mug", "price": int64(7), "stock": int64(2)})
			call("sell", args{"sku": "mug", "n": int64(1)})
		}, "main~1", "row item[mug]  by stall.sell(sku=mug, n=1)", ""},
		{"a delete", func(_ *story, call func(string, args) repo.Result) { call("drop", args{"sku": "tea"}) }, "main", "tea|4|10|<nil>|<nil>", ""},
		{"a delete, inserted since", func(_ *story, call func(string, args) repo.Result) {
			call("drop", args{"sku": "tea"})
			call("add", args{"sku": "tea", "price": int64(9)})
		}, "main~1", "row item[tea]  by stall.add(sku=tea, price=9)", ""},
		{"an update of a row that is gone", func(_ *story, call func(string, args) repo.Result) {
			call("price", args{"sku": "tea", "price": int64(5)})
			call("drop", args{"sku": "tea"})
		}, "main~1", "row item[tea]  by stall.drop(sku=tea)", ""},
		{"a parent that has a child since", func(_ *story, call func(string, args) repo.Result) {
			call("kind", args{"name": "drink"})
			call("add", args{"sku": "gin", "price": int64(9), "kind": "drink"})
		}, "main~1", "foreign key item[]", ""},
		{"a child whose parent is gone", func(s *story, call func(string, args) repo.Result) {
			call("kind", args{"name": "drink"})
			call("add", args{"sku": "gin", "price": int64(9), "kind": "drink"})
			call("drop", args{"sku": "gin"})
			if res := s.revert("main~2", repo.RevertOptions{}); res.Block.IsZero() {
				s.Fatal(revertConflicts(res))
			}
		}, "main~1", "foreign key item[gin]", ""},
		{"a UNIQUE taken since", func(_ *story, call func(string, args) repo.Result) {
			call("code", args{"sku": "tea", "code": "x"})
			call("code", args{"sku": "tea"})
			call("add", args{"sku": "mug", "price": int64(7)})
			call("code", args{"sku": "mug", "code": "x"})
		}, "main~2", "unique item[tea]", ""},
		{"a CHECK", func(_ *story, call func(string, args) repo.Result) {
			call("add", args{"sku": "mug", "price": int64(7), "stock": int64(0)})
			call("sell", args{"sku": "mug", "n": int64(-5)})
			call("sell", args{"sku": "mug", "n": int64(3)})
		}, "main~1", "check item[mug]", ""},
		{"an INVARIANT", func(_ *story, call func(string, args) repo.Result) {
			call("sell", args{"sku": "tea", "n": int64(5)})
			call("add", args{"sku": "mug", "price": int64(7), "stock": int64(94)})
		}, "main~1", "invariant []", ""},
		{"the first block", func(_ *story, _ func(string, args) repo.Result) {}, "#0", "", "AG0721"},
		{"a deploy", func(_ *story, _ func(string, args) repo.Result) {}, "main~1", "", "AG0722"},
		{"a call that failed", func(s *story, _ func(string, args) repo.Result) {
			if _, err := s.Call(ctx, s.key, repo.Call{Contract: "stall", Action: "sell", Args: args{"sku": "tea", "n": int64(99)}}); code(err) != "AG0411" {
				s.Fatal(err)
			}
		}, "main", "", "AG0721"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s := begin(t, fixed(80))
			s.deploy("", "stall", stall)
			call := func(action string, a args) repo.Result { t.Helper(); return s.call("", "stall", action, a) }
			call("add", args{"sku": "tea", "price": int64(4), "stock": int64(10)})
			c.play(s, call)
			before, _ := s.Resolve("main")
			dry, err := s.Revert(ctx, s.key, c.rev, repo.RevertOptions{DryRun: true})
			res, err2 := s.Revert(ctx, s.key, c.rev, repo.RevertOptions{})
			if code(err) != c.code || code(err2) != c.code {
				t.Fatalf("%v, %v, want %q", err, err2, c.code)
			}
			if revertConflicts(dry) != revertConflicts(res) || len(dry.Changes) != len(res.Changes) {
				t.Errorf("dry: %+v, done: %+v", dry, res)
			}
			if got := revertConflicts(res); got != "" || res.Block.IsZero() {
				if after, _ := s.Resolve("main"); after != before {
					t.Error("the head moved")
				}
				if got != c.want {
					t.Errorf("conflicts %q, want %q", got, c.want)
				}
			} else if got := rows(s); got != c.want {
				t.Errorf("rows %q, want %q", got, c.want)
			}
			s.verify()
		})
	}
}

// TestRevertOfOneTransactionOfMany reverts one of a block's, though a later one of
// it wrote the same row.
func TestRevertOfOneTransactionOfMany(t *testing.T) {
	s := begin(t, fixed(81))
	s.deploy("", "stall", stall)
	s.call("", "stall", "add", args{"sku": "tea", "price": int64(4), "stock": int64(10)})
	var txs []sqlcontract.Transaction
	for _, c := range []repo.Call{
		{Contract: "stall", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}},
		{Contract: "stall", Action: "price", Args: args{"sku": "tea", "price": int64(5)}},
		{Contract: "stall", Action: "price", Args: args{"sku": "tea", "price": int64(6)}},
	} {
		tx, err := s.Sign(s.key, c)
		if err != nil {
			t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	if _, err := s.Submit(ctx, s.key, "", txs); err != nil {
		t.Fatal(err)
	}
	if res := s.revert("", repo.RevertOptions{Transaction: txs[0].ID().String()}); len(res.Changes) != 1 || res.OfTx != txs[0].ID() {
		t.Errorf("%+v", res)
	}
	res := s.revert("", repo.RevertOptions{Transaction: txs[1].ID().String()})
	if got := revertConflicts(res); !strings.HasPrefix(got, "cell item[tea] price by stall.price(sku=tea, price=6) by revert") {
		t.Errorf("of the second: %s", got)
	}
	if res := s.revert("main~1", repo.RevertOptions{Transaction: txs[2].ID().String()[:12]}); res.Block.IsZero() {
		t.Errorf("of the third: %s", revertConflicts(res))
	}
	if got := s.query("", "SELECT price, stock FROM stall.item"); got != "5|10\n" {
		t.Error(got)
	}
	if b, err := s.Block("main"); err != nil || !strings.HasPrefix(b.Calls[0].Text, "revert "+txs[2].ID().Short()) {
		t.Errorf("%+v %v", b.Calls, err)
	}
	s.verify()
}

// TestRevertsAndMerges: what was reverted does not come again, its revert's revert
// does; on another line a revert applies only where rows are as it expects.
func TestRevertsAndMerges(t *testing.T) {
	s, _ := sites(t, 82)
	s.deploy("", "shop", shop) // the owner's own rights are on main
	m := s.merge("eu", "main", repo.MergeOptions{})
	s.stock("", "coffee|9 tea|1")
	undone := s.revert("main", repo.RevertOptions{})
	s.stock("", "coffee|10 tea|6")
	if again := s.merge("eu", "main", repo.MergeOptions{}); again.Kind != "up to date" {
		t.Errorf("merging again: %+v", again)
	}
	s.branch("us") // has merge and revert
	again := s.revert("main", repo.RevertOptions{})
	s.stock("", "coffee|9 tea|1")
	if again.Of != undone.Block || m.Block.IsZero() {
		t.Errorf("%+v", again)
	}
	// us sold since, so the revert of the revert does not fit its tea.
	s.call("us", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if m = s.merge("main", "us", repo.MergeOptions{}); m.Excluded != 1 || m.Verdicts[0].Code != "AG0436" {
		t.Errorf("a revert that does not fit: %s", verdictsOf(m))
	}
	s.stock("us", "coffee|10 tea|5")
	s.branch("fit")
	s.revert("main", repo.RevertOptions{})
	if m = s.merge("main", "fit", repo.MergeOptions{NoFF: true}); m.Included != 1 {
		t.Errorf("a revert that fits: %s", verdictsOf(m))
	}
	s.stock("fit", "coffee|10 tea|6")
	// By cell its cells are cells. And picked, it is one more transaction.
	s.call("us", "shop", "add_item", args{"sku": "mug", "price": int64(1)})
	s.merge("main", "us", repo.MergeOptions{Consistent: true})
	s.verify()
}

// TestAPickedRevert picks a revert to a line that has what it reverts.
func TestAPickedRevert(t *testing.T) {
	s, _ := sites(t, 83)
	s.branch("x")
	res := s.revert("main", repo.RevertOptions{Into: "x"})
	m := s.pick("x", repo.PickOptions{})
	if got := verdictsOf(m); !strings.HasPrefix(got, "revert ") || m.Included != 1 || m.Verdicts[0].Transaction != res.Transaction {
		t.Error(got)
	}
	s.stock("", "coffee|10 tea|10")
	s.verify()
}

// TestWhoMayRevert: the owner of the contract, or a role of RESOLVE ROLE for every
// column, who may produce on the branch.
func TestWhoMayRevert(t *testing.T) {
	s := begin(t, fixed(84))
	s.deploy("", "bank", bank)
	bob, mallory := keyOf("bob"), keyOf("mallory")
	s.grant(dd.Producer, "b/*", "bob")
	s.grant(dd.Writer, "b/*", "mallory")
	s.call("", "bank", "open", args{"id": "a", "balance": int64(100)})
	s.call("", "bank", "credit", args{"id": "a", "n": int64(30)})
	s.call("", "bank", "pay", args{"id": "a", "n": int64(30)})
	if _, err := s.CreateBranch("b/1", "", bob, false); err != nil {
		t.Fatal(err)
	}
	try := func(key string, rev string) string {
		_, err := s.Revert(ctx, keyOf(key), rev, repo.RevertOptions{Into: "b/1"})
		return code(err)
	}
	if got := try("mallory", "b/1"); !strings.HasPrefix(got, "AG05") {
		t.Errorf("mallory: %s", got)
	}
	if got := try("bob", "b/1"); got != "AG0501" {
		t.Errorf("bob, who is no clerk: %s", got)
	}
	s.call("", "aergo_role", "grant", args{"contract": "bank", "role": "clerk", "account": string(repo.AccountOf(bob))})
	if _, err := s.Merge(ctx, bob, "main", repo.MergeOptions{Into: "b/1", Disclose: true}); err != nil {
		t.Fatal(err)
	}
	if got := try("bob", "b/1~1"); got != "AG0501" {
		t.Errorf("bob, of a balance: %s", got)
	}
	if got := try("bob", "b/1~2"); got != "" {
		t.Errorf("bob, of a credit, as clerk: %s", got)
	}
	s.call("", "bank", "open", args{"id": "b", "balance": int64(0)})
	if _, err := s.Merge(ctx, bob, "main", repo.MergeOptions{Into: "b/1", Disclose: true}); err != nil {
		t.Fatal(err)
	}
	if got := try("bob", "b/1"); got != "AG0501" {
		t.Errorf("bob, of a row: %s", got)
	}
	if got := s.query("b/1", "SELECT * FROM bank.account WHERE id = 'a'"); got != "a|70|10\n" {
		t.Error(got)
	}
	_ = mallory
	s.verify()
}

// TestLargeReverts: one patch has its limit, and says what to do.
func TestLargeReverts(t *testing.T) {
	s := begin(t, fixed(85))
	s.deploy("", "big", `DIALECT 1;
CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE ACTION fill(:n INTEGER, :text TEXT) PUBLIC AS BEGIN
  INSERT INTO row WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :n) SELECT i, :text FROM c;
END;
CREATE ACTION clear() PUBLIC AS BEGIN DELETE FROM row; END;`)
	for n, text := range map[int64]string{sqlcontract.MaxPatchRows + 1: "", 100: strings.Repeat("x", 10_000)} {
		s.call("", "big", "fill", args{"n": n, "text": text})
		if _, err := s.Revert(ctx, s.key, "", repo.RevertOptions{}); code(err) != "AG0723" {
			t.Errorf("%d rows: %v", n, err)
		}
		s.call("", "big", "clear", nil)
	}
	s.call("", "big", "fill", args{"n": int64(9000), "text": "x"})
	if res := s.revert("", repo.RevertOptions{}); len(res.Changes) != 9000 {
		t.Errorf("%d rows", len(res.Changes))
	}
	s.verify()
}

// TestRevertOverflow takes back a difference that 64 bits cannot hold.
func TestRevertOverflow(t *testing.T) {
	s := begin(t, fixed(86))
	s.deploy("", "n", `DIALECT 1;
CREATE TABLE n (id INTEGER PRIMARY KEY, v INTEGER NOT NULL);
MERGE RULE ON n BY DELTA;
CREATE ACTION put(:id INTEGER, :v INTEGER) PUBLIC AS BEGIN INSERT INTO n VALUES (:id, :v) ON CONFLICT (id) DO UPDATE SET v = excluded.v; END;`)
	for _, v := range []int64{0, -5, math.MaxInt64} {
		s.call("", "n", "put", args{"id": int64(1), "v": v})
	}
	if got := revertConflicts(s.revert("main~1", repo.RevertOptions{})); got != "overflow n[1] v by n.put(id=1, v=9223372036854775807)" {
		t.Error(got)
	}
}

// TestRevertsOnce: what was taken back is not taken back again, by whatever name,
// until the revert is reverted itself.
func TestRevertsOnce(t *testing.T) {
	s := begin(t, fixed(87))
	s.deploy("", "stall", stall)
	s.call("", "stall", "add", args{"sku": "tea", "price": int64(4), "stock": int64(50)})
	s.branch("eu")
	sold := s.call("eu", "stall", "sell", args{"sku": "tea", "n": int64(10)}).Transaction.String()
	s.call("", "stall", "sell", args{"sku": "tea", "n": int64(1)})
	stock := func(want string) {
		t.Helper()
		if got := s.query("", "SELECT stock FROM stall.item"); got != want+"\n" {
			t.Errorf("stock %s, not %s", got, want)
		}
	}
	refused := func(rev string, o repo.RevertOptions) {
		t.Helper()
		if res, err := s.Revert(ctx, s.key, rev, o); code(err) != "AG0721" {
			t.Errorf("revert %s %v: %v, %d rows", rev, o, err, len(res.Changes))
		}
	}
	s.merge("eu", "main", repo.MergeOptions{})
	stock("39")
	first := s.revert("main", repo.RevertOptions{})
	stock("49")
	refused("main~1", repo.RevertOptions{})
	refused("main~1", repo.RevertOptions{DryRun: true})
	refused("eu", repo.RevertOptions{})
	refused("", repo.RevertOptions{Transaction: sold})
	s.revert("main", repo.RevertOptions{})
	stock("39")
	refused("", repo.RevertOptions{Transaction: first.Transaction.String()})
	refused("main~1", repo.RevertOptions{})
	s.revert("", repo.RevertOptions{Transaction: sold})
	stock("49")
	refused("main~3", repo.RevertOptions{})
	s.verify()
}
