package sqlcontract

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// till is a contract that others pay through: whoever calls spends what is
// theirs.
const purses = `DIALECT 1;
CREATE TABLE purse (who TEXT PRIMARY KEY, cash INTEGER NOT NULL DEFAULT 0 CHECK (cash >= 0));
CREATE TABLE bill (id INTEGER PRIMARY KEY, who TEXT NOT NULL REFERENCES purse DEFERRABLE INITIALLY DEFERRED);
INVARIANT money ON purse TOTAL sum(cash) CHECK (total <= 1000);
CREATE ACTION mint(:who TEXT, :n INTEGER) OWNER AS
BEGIN
  INSERT INTO purse VALUES (:who, :n) ON CONFLICT (who) DO UPDATE SET cash = cash + :n;
END;
CREATE ACTION pay(:to TEXT, :n INTEGER, :note TEXT DEFAULT NULL) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM purse WHERE who = @caller AND cash >= :n) ELSE @caller || ' is poor';
  UPDATE purse SET cash = cash - :n WHERE who = @caller;
  CALL give(:to, :n);
  EMIT paid(who => @caller, signer => @signer, into => @contract, n => :n, note => :note);
END;
CREATE ACTION give(:to TEXT, :n INTEGER) PRIVATE AS
BEGIN
  INSERT INTO purse VALUES (:to, :n) ON CONFLICT (who) DO UPDATE SET cash = cash + :n;
END;
CREATE ACTION seize(:who TEXT) ROLE (court) RETURNS (who TEXT, cash INTEGER) AS
BEGIN UPDATE purse SET cash = 0 WHERE who = :who RETURNING who, cash; END;
CREATE ACTION owe(:id INTEGER, :who TEXT) PUBLIC AS
BEGIN INSERT INTO bill VALUES (:id, :who); END;
CREATE ACTION cash(:who TEXT) PUBLIC READONLY RETURNS (cash INTEGER) AS
BEGIN SELECT cash FROM purse WHERE who = :who; END;
`

const stall = `DIALECT 1;
USE till AS t;
CREATE TABLE sold (sku TEXT PRIMARY KEY, n INTEGER NOT NULL, by TEXT NOT NULL);
CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC RETURNS (cash INTEGER, by TEXT) AS
BEGIN
  INSERT INTO sold VALUES (:sku, :n, @caller);
  CALL t.pay('maker', n => :n * 2);
  LET :left = CALL t.cash(who => @contract);
  EMIT sold(sku => :sku, left => :left);
  RETURN :left, @caller;
END;
CREATE ACTION seize(:who TEXT) PUBLIC AS BEGIN CALL t.seize(:who); END;
CREATE ACTION owe(:who TEXT) PUBLIC AS
BEGIN INSERT INTO sold VALUES ('debt', 1, 'x'); CALL t.owe(1, :who); END;
CREATE ACTION left() PUBLIC READONLY RETURNS (cash INTEGER) AS
BEGIN LET :x = CALL t.cash(@contract); RETURN :x; END;
CREATE ACTION nobody() PUBLIC READONLY RETURNS (cash INTEGER) AS
BEGIN LET :x = 3; LET :x = CALL t.cash('nobody'); RETURN :x; END;
`

func newMarket(t *testing.T, dir string) *world {
	w := newWorld(t, dir)
	w.deploy("alice", "till", purses)
	w.deploy("bob", "stall", stall)
	w.good(w.tx("alice", "till.mint", args{"who": "stall", "n": int64(100)}))
	return w
}

// holds compares a table's rows, without trailing defaults: "key value…".
func (w *world) holds(contract, table, want string) {
	w.t.Helper()
	got := strings.ReplaceAll(strings.NewReplacer("[", "", "]", "").Replace(w.rows(contract, table)), " \n", "\n")
	if got != want {
		w.t.Errorf("%s.%s holds\n%s\nwant\n%s", contract, table, got, want)
	}
}

func TestCallAnotherContract(t *testing.T) {
	w := newMarket(t, filepath.Join(t.TempDir(), "tree"))
	carol := string(w.person("carol").account)
	r := w.good(w.tx("carol", "stall.sell", args{"sku": "tea", "n": int64(15)}))
	if got := fmt.Sprint(r.Columns, r.Rows); got != "[cash by] [[70 "+carol+"]]" {
		t.Errorf("the seller returns %s", got)
	}
	want := "[{till paid [who signer into n note] [stall " + carol + " till 30 <nil>]} {stall sold [sku left] [tea 70]}]"
	if got := fmt.Sprint(r.Events); got != want {
		t.Errorf("events\n%s, not\n%s", got, want)
	}
	w.holds("till", "purse", "maker 30\nstall 70\n")
	w.holds("stall", "sold", "tea 15 "+carol+"\n")
	if r.Changed != 4 { // two purses, what is sold, and the total's count of purses
		t.Errorf("%d rows changed", r.Changed)
	}

	// What the till refuses undoes what the stall did, with the till's words.
	w.bad(w.tx("carol", "stall.sell", args{"sku": "pot", "n": int64(36)}), "AG0410", "stall is poor")
	// So does what it declares and only the end of the transaction shows.
	w.bad(w.tx("carol", "stall.owe", args{"who": "nobody"}), "AG0414", "")
	w.holds("stall", "sold", "tea 15 "+carol+"\n")
	w.holds("till", "bill", "")

	for action, want := range map[string]string{"left": "[[70]]", "nobody": "[[<nil>]]"} {
		r, err := w.tree.CallReadOnly(ReadCall{Contract: "stall", Action: action, Account: w.person("carol").account})
		if err != nil || r.Status != StatusOK || fmt.Sprint(r.Rows) != want {
			t.Errorf("reading %s: %v %v %v", action, r.Rows, r.Code, err)
		}
	}
	w.replay("", func(block int) bool { return block%2 == 0 })
	w.replay(filepath.Join(t.TempDir(), "again"), func(block int) bool { return block%3 == 0 })
}

// A read meets the state before the block that is being made, in every contract
// that it touches.
func TestReadCallBesideBlock(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "tree")} {
		w := newMarket(t, dir)
		s := w.begin(w.tree)
		if r, err := s.Run(w.tx("carol", "stall.sell", args{"sku": "tea", "n": int64(15)})); err != nil || r.Status != StatusOK {
			t.Fatal(r, err)
		}
		r, err := w.tree.CallReadOnly(ReadCall{Contract: "stall", Action: "left", Account: w.person("carol").account})
		if err != nil || fmt.Sprint(r.Rows) != "[[100]]" {
			t.Errorf("the read sees %v %s %v", r.Rows, r.Code, err)
		}
		if err := s.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

// Mallory has contracts of her own, and owners and court of others sign what she
// asks them to.
func TestMalloryCalls(t *testing.T) {
	w := newMarket(t, "")
	w.deploy("mallory", "trap", `DIALECT 1;
USE till AS t;
CREATE ACTION bait(:who TEXT) PUBLIC AS BEGIN CALL t.seize(:who); END;
CREATE ACTION rob(:n INTEGER) PUBLIC AS BEGIN CALL t.pay('mallory', :n); END;`)
	alice, judge := string(w.person("alice").account), w.person("judge").account
	grant := func(who string) args { return args{"contract": "till", "role": "court", "account": who} }
	w.good(w.tx("alice", "aergo_role.grant", grant(string(judge))))
	w.good(w.tx("alice", "till.mint", args{"who": alice, "n": int64(50)}))

	// The judge and even the owner of the till sign; still it is the trap that asks.
	w.bad(w.tx("judge", "trap.bait", args{"who": "stall"}), "AG0402", "court")
	w.bad(w.tx("alice", "trap.bait", args{"who": "stall"}), "AG0402", "court")
	w.bad(w.tx("alice", "trap.rob", args{"n": int64(1)}), "AG0410", "trap is poor")

	// An action for the owner is no action for contracts, the owner's neither.
	for _, action := range []string{"mint('x', 1)", "give('x', 1)"} {
		w.bad(w.deployTx("alice", "helper", "DIALECT 1; USE till AS t; CREATE ACTION f() PUBLIC AS BEGIN CALL t."+action+"; END;", nil),
			"AG0443", "f -> till."+action[:4])
	}

	// A contract can hold a role, under its name; the role is not its owner's.
	w.bad(w.tx("mallory", "aergo_role.grant", grant("trap")), "AG0402", "owner")
	w.bad(w.tx("alice", "aergo_role.grant", grant("nothing")), "AG0403", "account")
	w.bad(w.tx("alice", "aergo_role.grant", grant("aergo_role")), "AG0403", "account")
	w.bad(w.tx("alice", "aergo_role.grant", grant("")), "AG0403", "account")
	w.bad(w.tx("alice", "aergo_role.grant", grant("stall")), "AG0403", "owner")
	owned := func(who, owner string) args { a := grant(who); a["owner"] = string(w.person(owner).account); return a }
	w.bad(w.tx("alice", "aergo_role.grant", owned("stall", "mallory")), "AG0728", "stall")
	w.bad(w.tx("alice", "aergo_role.grant", owned(alice, "alice")), "AG0403", "owner")
	w.good(w.tx("alice", "aergo_role.grant", owned("stall", "bob")))
	w.bad(w.tx("bob", "till.seize", args{"who": "maker"}), "AG0402", "court")
	w.bad(w.tx("mallory", "trap.bait", args{"who": "stall"}), "AG0402", "court")
	w.good(w.tx("mallory", "stall.seize", args{"who": alice}))
	w.holds("till", "purse", alice+"\nstall 100\n")
	w.good(w.tx("alice", "aergo_role.revoke", grant("stall")))
	w.bad(w.tx("mallory", "stall.seize", args{"who": alice}), "AG0402", "court")

	// No contract is named like an account, so no purse or role is taken that way.
	w.bad(w.deployTx("mallory", alice, "DIALECT 1;", nil), "AG0440", "AG0304")
	w.bad(w.deployTx("mallory", "ag1", "DIALECT 1;", nil), "AG0440", "AG0304")
	w.replay("", func(int) bool { return true })
}

// Own actions run with the caller of the one that calls them.
func TestOwnCalls(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "own", `DIALECT 1;
CREATE TABLE log (n INTEGER PRIMARY KEY, who TEXT NOT NULL);
CREATE ACTION note(:n INTEGER) PRIVATE RETURNS (n INTEGER) AS
BEGIN INSERT INTO log VALUES (:n, @caller); LET :n = :n + 100; RETURN :n; RETURN 7; END;
CREATE ACTION secret() OWNER AS BEGIN CALL note(1); END;
CREATE ACTION guarded() ROLE (clerk) AS BEGIN CALL note(2); END;
CREATE ACTION try_secret() PUBLIC AS BEGIN CALL secret(); END;
CREATE ACTION try_guarded() PUBLIC AS BEGIN CALL guarded(); END;
CREATE ACTION both(:n INTEGER) PUBLIC RETURNS (n INTEGER, m INTEGER) AS
BEGIN
  FOR r IN (SELECT 10 AS n UNION ALL SELECT 11) DO
    LET :m = CALL note(:r.n);
    IF :m > 110 THEN CALL note(n => :m); RETURN :n, :m; END IF;
  END FOR;
END;
CREATE ACTION down(:n INTEGER) PUBLIC RETURNS (n INTEGER) AS
BEGIN
  IF :n = 0 THEN RETURN 0; END IF;
  LET :below = CALL down(:n - 1);
  RETURN :below + :n;
END;`)
	bob, alice := string(w.person("bob").account), string(w.person("alice").account)
	w.bad(w.tx("bob", "own.try_secret", nil), "AG0402", "owner")
	w.bad(w.tx("bob", "own.try_guarded", nil), "AG0402", "clerk")
	w.bad(w.tx("bob", "own.note", args{"n": int64(1)}), "AG0402", "private")
	w.good(w.tx("alice", "own.try_secret", nil))
	w.good(w.tx("alice", "own.try_guarded", nil))
	r := w.good(w.tx("bob", "own.both", args{"n": int64(5)}))
	if got := fmt.Sprint(r.Columns, r.Rows); got != "[n m] [[5 111]]" {
		t.Error(got)
	}
	w.holds("own", "log", "1 "+alice+"\n2 "+alice+"\n10 "+bob+"\n11 "+bob+"\n111 "+bob+"\n")
	if r := w.good(w.tx("bob", "own.down", args{"n": int64(maxCalls - 1)})); fmt.Sprint(r.Rows) != "[[120]]" {
		t.Error(r.Rows)
	}
	w.bad(w.tx("bob", "own.down", args{"n": int64(maxCalls)}), "AG0405", "own.down")
	w.replay("", func(int) bool { return true })
}

func TestReentrancyAndDepth(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "a", `DIALECT 1; CREATE ACTION f() PUBLIC AS BEGIN END;`)
	w.deploy("alice", "b", `DIALECT 1; USE a AS a; CREATE ACTION f() PUBLIC AS BEGIN CALL a.f(); END;`)
	w.deploy("alice", "a", `DIALECT 1; USE b AS b;
CREATE TABLE t (n INTEGER PRIMARY KEY);
CREATE ACTION f() PUBLIC AS BEGIN INSERT INTO t VALUES (1); CALL b.f(); END;
CREATE ACTION g() PUBLIC AS BEGIN CALL h(); END;
CREATE ACTION h() PRIVATE AS BEGIN CALL b.f(); END;`)
	w.bad(w.tx("bob", "a.f", nil), "AG0404", "a")
	w.bad(w.tx("bob", "a.g", nil), "AG0404", "a")
	w.bad(w.tx("bob", "b.f", nil), "AG0404", "b")
	w.holds("a", "t", "")

	// The same contract twice, one after another, is no re-entrancy.
	w.deploy("alice", "till", purses)
	w.deploy("alice", "twice", `DIALECT 1; USE till AS t;
CREATE ACTION f() PUBLIC AS BEGIN CALL t.owe(1, 'x'); CALL t.owe(2, 'x'); END;`)
	w.bad(w.tx("bob", "twice.f", nil), "AG0414", "")

	source := `DIALECT 1; CREATE TABLE t (n INTEGER PRIMARY KEY); CREATE ACTION f(:n INTEGER) PUBLIC AS BEGIN INSERT INTO t VALUES (:n); END;`
	for i := range maxCalls + 1 {
		w.deploy("alice", fmt.Sprintf("c%d", i), source)
		source = fmt.Sprintf(`DIALECT 1; USE c%d AS c; CREATE TABLE t (n INTEGER PRIMARY KEY);
CREATE ACTION f(:n INTEGER) PUBLIC AS BEGIN INSERT INTO t VALUES (:n); CALL c.f(:n); END;`, i)
	}
	w.good(w.tx("bob", fmt.Sprintf("c%d.f", maxCalls-1), args{"n": int64(1)}))
	w.bad(w.tx("bob", fmt.Sprintf("c%d.f", maxCalls), args{"n": int64(2)}), "AG0405", "c1.f")
	for i := range maxCalls {
		w.holds(fmt.Sprintf("c%d", i), "t", "1\n")
	}
}

// One meter counts for all: gas that runs out inside the till undoes the stall,
// and what the block has done in both before stays.
func TestCallOutOfGas(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "deep", `DIALECT 1;
CREATE TABLE t (n INTEGER PRIMARY KEY);
CREATE ACTION put(:n INTEGER) PUBLIC AS BEGIN INSERT INTO t VALUES (:n); END;
CREATE ACTION burn() PUBLIC AS BEGIN
  INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c;
END;
CREATE ACTION spin() PUBLIC READONLY RETURNS (n INTEGER) AS
BEGIN WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c; END;`)
	w.deploy("alice", "top", `DIALECT 1; USE deep AS d;
CREATE TABLE t (n INTEGER PRIMARY KEY);
CREATE ACTION f(:n INTEGER) PUBLIC AS BEGIN INSERT INTO t VALUES (:n); CALL d.put(:n); END;
CREATE ACTION burn(:n INTEGER) PUBLIC AS BEGIN CALL f(:n); CALL d.burn(); END;
CREATE ACTION spin(:n INTEGER) PUBLIC AS BEGIN CALL f(:n); CALL d.spin(); END;`)
	f := func(action string, n, gas int) VerifiedTransaction {
		r := w.request("bob", "top", action, args{"n": int64(n)})
		r.GasLimit = uint64(gas)
		return w.sign("bob", r)
	}
	receipts := w.block(f("f", 1, 1000), f("burn", 2, 200_000), f("spin", 3, 5000), f("f", 3, 1000), f("burn", 4, 1000), f("f", 5, 1000))
	var got []string
	for _, r := range receipts {
		got = append(got, r.Status.String()+r.Code)
	}
	if got := strings.Join(got, " "); got != "ok failedAG0420 failedAG0420 ok failedAG0420 ok" {
		t.Error(got)
	}
	if receipts[1].Gas != 200_000 || receipts[2].Gas != 5000 {
		t.Errorf("gas %d and %d", receipts[1].Gas, receipts[2].Gas)
	}
	for _, c := range []string{"top", "deep"} {
		w.holds(c, "t", "1\n3\n5\n")
	}
	w.replay(filepath.Join(t.TempDir(), "again"), func(int) bool { return true })
}

// What is called may change under the caller: then the call fails, and nothing
// else does.
func TestCalleeChanges(t *testing.T) {
	w := newWorld(t, "")
	price := func(action string) string {
		return "DIALECT 1; CREATE TABLE p (sku TEXT PRIMARY KEY); CREATE ACTION " + action + ";"
	}
	user := func(use, body string) string {
		return "DIALECT 1; USE " + use + " AS p; CREATE ACTION f(:x TEXT) PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN " + body + " RETURN 1; END;"
	}
	v1 := price("of(:sku TEXT) PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN RETURN 5; END")
	one, pinned := "LET :n = CALL p.of(:x);", "CALL p.of('x');"
	w.bad(w.deployTx("bob", "early", user("price", one), nil), "AG0443", "price")
	w.deploy("alice", "price", v1)
	w.bad(w.deployTx("bob", "pinned", user("price@2", pinned), nil), "AG0443", "price@2")
	for _, call := range []string{"CALL p.nothing();", "CALL p.of();", "CALL p.of(1);", "CALL p.of(NULL);", "CALL p.of('x', 'y');", "CALL p.of(skuu => 'x');"} {
		action := "of"
		if strings.Contains(call, "nothing") {
			action = "nothing"
		}
		w.bad(w.deployTx("bob", "user", user("price", call), nil), "AG0443", "f -> price."+action)
	}
	w.deploy("bob", "user", user("price", one))
	w.deploy("bob", "pinned", user("price@1", pinned))
	call := func(contract string) VerifiedTransaction { return w.tx("carol", contract+".f", args{"x": "tea"}) }
	w.good(call("user"))
	w.good(call("pinned"))
	for _, c := range []struct{ action, code, text string }{
		{"other() PUBLIC READONLY AS BEGIN END", "AG0401", "price.of"},
		{"of(:sku TEXT) OWNER READONLY RETURNS (n INTEGER) AS BEGIN RETURN 5; END", "AG0402", "owner"},
		{"of(:sku TEXT) PRIVATE READONLY RETURNS (n INTEGER) AS BEGIN RETURN 5; END", "AG0402", "private"},
		{"of(:sku TEXT DEFAULT 'x') CONSTRUCTOR AS BEGIN END", "AG0402", "readonly"},
		{"of(:sku TEXT) PUBLIC RETURNS (n INTEGER) AS BEGIN RETURN 5; END", "AG0402", "readonly"},
		{"of(:sku TEXT) PUBLIC READONLY AS BEGIN END", "AG0403", "price.of RETURNS"},
		{"of(:sku TEXT, :n INTEGER) PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN RETURN 5; END", "AG0403", "n"},
		{"of(:sku INTEGER) PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN RETURN 5; END", "AG0403", "sku"},
		{"of() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN RETURN 5; END", "AG0403", "1"},
		{"of(:sku TEXT, :n INTEGER DEFAULT 1) PUBLIC READONLY RETURNS (m INTEGER) AS BEGIN REQUIRE false ELSE 'no ' || :sku; END", "AG0410", "no tea"},
	} {
		p, err := w.tree.Plan("price", price(c.action))
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(p.String(), "contract user, where f calls price.of"); warned != (c.text != "no tea" && c.text != "sku") {
			t.Errorf("%s: the plan says\n%s", c.action, p)
		}
		w.deploy("alice", "price", price(c.action))
		w.bad(call("user"), c.code, c.text)
		w.bad(call("pinned"), "AG0406", "price@1")
		w.deploy("alice", "price", v1)
		w.good(call("user"))
		w.bad(call("pinned"), "AG0406", "price@1") // another version, if of the same text
	}
	w.replay("", func(int) bool { return true })
}

// The plan shows the place of a call that does not fit, before the deploy.
func TestPlanOfCalls(t *testing.T) {
	w := newMarket(t, "")
	for source, want := range map[string]string{
		"DIALECT 1;\nUSE bank AS b;": "AG0443 kiosk:2:1: there is no contract bank on this branch\n 2 | USE bank AS b;\n   | ^\nnext: deploy bank first, or change the USE\n",
		"DIALECT 1;\nUSE till AS t;\nCREATE ACTION f() PUBLIC AS BEGIN CALL t.cahs('x'); END;": "AG0443 kiosk:3:35: till.cahs cannot be called like this: there is no such action, did you mean cash?\n" +
			" 3 | CREATE ACTION f() PUBLIC AS BEGIN CALL t.cahs('x'); END;\n   |                                   ^\nnext: aergo contract abi till shows its actions\n",
	} {
		_, err := w.tree.Plan("kiosk", source)
		if err == nil || shown(t, err) != want {
			t.Errorf("the plan says\n%s", shown(t, err))
		}
	}
	p, err := w.tree.Plan("stall", strings.Replace(stall, "USE till AS t;", "USE till@1 AS t;", 1))
	if err != nil || !strings.Contains(p.String(), "+ use till@1 AS t") || !strings.Contains(p.String(), "- use till AS t") {
		t.Error(p, err)
	}
}

// A constructor may call, as its deployer's contract; what it calls runs in the
// deploy and is undone with it.
func TestConstructorCalls(t *testing.T) {
	w := newMarket(t, "")
	source := func(n int) string {
		return fmt.Sprintf(`DIALECT 1; USE till AS t; USE stall AS s;
CREATE TABLE start (cash INTEGER PRIMARY KEY);
INVARIANT few FOR EACH start CHECK (cash < 90);
CREATE ACTION setup() CONSTRUCTOR AS
BEGIN
  CALL s.sell('first', %d);
  LET :left = CALL t.cash('stall');
  INSERT INTO start VALUES (:left);
END;
CREATE ACTION lowest() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN SELECT min(cash) FROM start; END;`, n)
	}
	w.bad(w.deployTx("carol", "branch_office", source(51), nil), "AG0410", "stall is poor")
	w.bad(w.deployTx("carol", "branch_office", source(1), nil), "AG0415", "few")
	w.holds("till", "purse", "stall 100\n")
	// The new contract is in force for the rest of the block.
	w.deploy("carol", "guide", "DIALECT 1;")
	for _, r := range w.block(w.deployTx("carol", "branch_office", source(10), nil),
		w.deployTx("carol", "guide", "DIALECT 1; USE branch_office AS o; CREATE ACTION f() PUBLIC READONLY RETURNS (n INTEGER) AS BEGIN LET :n = CALL o.lowest(); RETURN :n; END;", nil),
		w.tx("carol", "guide.f", nil)) {
		if r.Status != StatusOK {
			t.Fatal(r.Code, r.Text)
		}
	}
	w.holds("branch_office", "start", "80\n")
	w.holds("stall", "sold", "first 10 branch_office\n")
	w.replay(filepath.Join(t.TempDir(), "again"), func(int) bool { return true })
}
