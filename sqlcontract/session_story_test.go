package sqlcontract

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// refuse wants a transaction not admitted to a block.
func (w *world) refuse(b Block, tx VerifiedTransaction, code string) {
	w.t.Helper()
	s, err := w.tree.Begin(b)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Rollback()
	_, err = s.Run(tx)
	if !fault.Is(err, code) || !NotAdmitted(err) {
		w.t.Errorf("got %v, want %s", err, code)
	}
	if s.Len() != 0 {
		w.t.Error("a refused transaction is recorded")
	}
	if _, err := s.Seal(); err != nil {
		w.t.Errorf("after a refusal: %v", err)
	}
}

func TestAdmission(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "shop", shop)
	block := Block{Branch: w.branch, Number: 9, Time: w.now}
	tea := args{"sku": "tea", "price": int64(4)}

	request := w.request("alice", "shop", "add_item", tea)
	request.Salt = hashOf("salt")
	request.Expiry = request.Created.Add(time.Hour)
	tx := w.sign("alice", request)
	late := block
	late.Time = w.now + time.Hour.Milliseconds() + 1
	w.refuse(late, tx, "AG0431")
	early := block
	early.Time = w.now + time.Hour.Milliseconds() - MaxLife.Milliseconds() - 1
	w.refuse(early, tx, "AG0431")
	elsewhere := block
	elsewhere.Branch = hashOf("other branch")
	w.refuse(elsewhere, tx, "AG0433")
	denied := block
	denied.May = func(a objectstore.Account, _ []byte) error {
		if a == w.person("alice").account {
			return fault.New("AG0501", "", "no")
		}
		return nil
	}
	w.refuse(denied, tx, "AG0501")
	erased := tx
	erased.args = nil
	w.refuse(block, erased, "AG0435")
	patch := tx
	patch.header.Kind, patch.header.Contract = KindPatch, systemMerge
	w.refuse(block, patch, "AG0436")

	w.good(tx)
	w.refuse(block, tx, "AG0432")
	request.Args = args{"sku": "cup", "price": int64(4)}
	w.refuse(block, w.sign("alice", request), "AG0434")
	request.Account = w.person("bob").account
	w.bad(w.sign("bob", request), "AG0402", "owner") // a salt is the account's own
	request.Salt = hashOf("salt 2")
	request.Branch = objectstore.Hash{}
	w.bad(w.sign("bob", request), "AG0402", "owner") // any branch

	// Any other error of May is trouble, and ends the block.
	s, err := w.tree.Begin(Block{Branch: w.branch, Time: w.now, May: func(objectstore.Account, []byte) error { return errors.New("the disk is gone") }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Run(w.tx("bob", "shop.sell", nil)); err == nil || NotAdmitted(err) {
		t.Errorf("trouble counts as a refusal: %v", err)
	}
	if _, err = s.Seal(); err == nil {
		t.Error("a broken block can be sealed")
	}
	if err := s.Rollback(); err != nil {
		t.Error(err)
	}
	if _, err := s.Run(tx); err == nil {
		t.Error("a block that was given up goes on")
	}
	w.good(w.tx("alice", "shop.sell", args{"sku": "tea", "n": int64(0)}))
}

func TestPreconditions(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "shop", shop)
	first := w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(4)})
	w.good(first)
	failed := w.tx("bob", "shop.add_item", args{"sku": "tea", "price": int64(4)})
	w.bad(failed, "AG0402", "owner")
	tea, err := wire.AppendKey(nil, "shop", "item", "tea")
	if err != nil {
		t.Fatal(err)
	}
	cup, err := wire.AppendKey(nil, "shop", "item", "cup")
	if err != nil {
		t.Fatal(err)
	}
	row, err := wire.AppendRow(nil, []any{int64(4)})
	if err != nil {
		t.Fatal(err)
	}
	is, code := objectstore.Sum(objectstore.KindRow, row), codeHash(shop)
	no, ran, did := hashOf("other"), first.ID(), failed.ID()
	for _, c := range []struct {
		p  Precondition
		ok bool
	}{
		{Precondition{Kind: RowIs, Key: tea, Hash: is[:]}, true},
		{Precondition{Kind: RowIs, Key: tea, Hash: no[:]}, false},
		{Precondition{Kind: RowIs, Key: cup, Hash: is[:]}, false},
		{Precondition{Kind: RowAbsent, Key: cup}, true},
		{Precondition{Kind: RowAbsent, Key: tea}, false},
		{Precondition{Kind: CodeIs, Named: "shop", Hash: code[:]}, true},
		{Precondition{Kind: CodeIs, Named: "shop", Hash: no[:]}, false},
		{Precondition{Kind: CodeIs, Named: "shoe", Hash: code[:]}, false},
		{Precondition{Kind: AfterTxHas, Hash: ran[:]}, true},
		{Precondition{Kind: AfterTxHas, Hash: did[:]}, false},
		{Precondition{Kind: AfterTxHas, Hash: no[:]}, false},
	} {
		r := w.request("bob", "shop", "price", args{"sku": "tea"})
		r.Preconditions = []Precondition{{Kind: RowAbsent, Key: cup}, c.p}
		if c.ok {
			w.good(w.sign("bob", r))
		} else {
			w.bad(w.sign("bob", r), "AG0430", "2")
		}
	}
	// They are held against the block so far.
	r := w.request("bob", "shop", "price", args{"sku": "tea"})
	r.Preconditions = []Precondition{{Kind: RowAbsent, Key: cup}}
	answers := w.block(w.tx("alice", "shop.add_item", args{"sku": "cup", "price": int64(1)}), w.sign("bob", r))
	if answers[1].Code != "AG0430" {
		t.Errorf("got %+v", answers[1])
	}
	w.replay("", func(int) bool { return true })
}

// A salt is remembered until the day after the transaction's expiry, and no
// longer.
func TestSeenRowsExpire(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "shop", shop)
	random := rand.New(rand.NewPCG(3, 4))
	type seen struct {
		salt objectstore.Hash
		day  int64
	}
	var model []seen
	for i := range 40 {
		w.now += random.Int64N(4 * 24 * time.Hour.Milliseconds())
		var txs []VerifiedTransaction
		for j := range random.IntN(4) {
			r := w.request("bob", "shop", "price", args{"sku": "tea"})
			r.Salt = hashOf(fmt.Sprint(i, j))
			r.Created = r.Created.Add(time.Second)
			r.Expiry = r.Created.Add(time.Duration(1+random.IntN(30*24)) * time.Hour)
			txs = append(txs, w.sign("bob", r))
			model = append(model, seen{r.Salt, r.Expiry.UnixMilli() / (24 * time.Hour.Milliseconds())})
		}
		w.block(txs...)
		today, want := w.now/(24*time.Hour.Milliseconds()), 0
		for _, m := range model {
			kept := m.day >= today
			if kept {
				want++
			}
			_, status, err := w.tree.Seen(w.person("bob").account, m.salt)
			if err != nil || (status == StatusOK) != kept {
				t.Fatalf("on day %d the row of day %d has status %v, %v", today, m.day, status, err)
			}
		}
		bob := 0
		for _, line := range strings.Split(w.rows("aergo_seen", "seen"), "\n") {
			if strings.Contains(line, string(w.person("bob").account)) {
				bob++
			}
		}
		if bob != want {
			t.Fatalf("%d seen rows, want %d", bob, want)
		}
	}
	w.replay("", func(i int) bool { return i%3 == 1 })
}

// In a merge block what fails is excluded, what is not wanted too, and a
// cherry-pick may run it again.
func TestMergeBlock(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "shop", shop)
	w.good(w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(4), "stock": int64(5)}))
	sell := func(n int64) VerifiedTransaction { return w.tx("bob", "shop.sell", args{"sku": "tea", "n": n}) }
	other := w.request("bob", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	other.Branch = hashOf("the source")

	w.number++
	w.now += 1000
	merge := Block{Branch: w.branch, Number: w.number, Time: w.now, Merge: true}
	s, err := w.tree.Begin(merge)
	if err != nil {
		t.Fatal(err)
	}
	fails, unwanted, late, unrun := sell(9), sell(2), sell(1), sell(1)
	if r, err := s.Run(w.sign("bob", other)); err != nil || r.Status != StatusOK {
		t.Fatal(r, err)
	}
	if r, err := s.Run(fails); err != nil || r.Status != StatusExcluded || r.Code != "AG0411" {
		t.Fatal(r, err)
	}
	var shown []RowChange
	r, err := s.RunIf(unwanted, func(rows []RowChange) string { shown = rows; return "AG0437" })
	if err != nil || r.Status != StatusExcluded || r.Code != "AG0437" || r.Changed != 0 || len(shown) != 2 {
		t.Fatal(r, err, shown)
	}
	if err := errors.Join(s.Exclude(late, "AG0431"), s.Exclude(unrun, "AG0501")); err != nil {
		t.Fatal(err)
	}
	if last, rows := s.Last(); last.Transaction != unrun.ID() || rows != nil || s.Len() != 5 || len(s.Changes(0)) != 2 {
		t.Errorf("last: %+v %v", last, rows)
	}
	before := w.tree.Root()
	d := w.commit(s)
	w.verify(before, d)
	w.want("shop", "item", "[tea] [4 4]\n")
	for _, tx := range []VerifiedTransaction{fails, unwanted, unrun, late} {
		_, status, err := w.tree.Seen(tx.Header().Account, tx.Header().Salt)
		if err != nil || status != StatusExcluded && tx.ID() != late.ID() || status != 0 && tx.ID() == late.ID() {
			t.Errorf("%s: %v, %v", tx.ID().Short(), status, err)
		}
	}
	ordinary := Block{Branch: w.branch, Number: w.number, Time: w.now}
	w.refuse(ordinary, unwanted, "AG0432")
	ordinary.Again = true
	if s, err = w.tree.Begin(ordinary); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Run(unwanted); err != nil || r.Status != StatusOK {
		t.Fatal(r, err)
	}
	before = w.tree.Root()
	w.verify(before, w.commit(s))
	w.want("shop", "item", "[tea] [4 2]\n")
	w.refuse(ordinary, unwanted, "AG0432")
	if err := s.Exclude(late, "AG0431"); err == nil {
		t.Error("an ended block excludes")
	}
}

const busy = `DIALECT 1;
CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, u INTEGER UNIQUE);
CREATE TABLE log (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id) ON DELETE CASCADE);
CREATE TRIGGER logged AFTER INSERT ON a BEGIN INSERT INTO log SELECT coalesce(max(id), 0) + 1, NEW.id FROM log; END;
CREATE ACTION add(:id INTEGER) PUBLIC AS BEGIN INSERT INTO a VALUES (:id, 0, :id * 2); END;
CREATE ACTION drop(:id INTEGER) PUBLIC AS BEGIN DELETE FROM a WHERE id = :id; END;
CREATE ACTION swap(:a INTEGER, :b INTEGER) PUBLIC AS BEGIN
  LET :x = (SELECT u FROM a WHERE id = :a); LET :y = (SELECT u FROM a WHERE id = :b);
  UPDATE a SET u = NULL WHERE id = :a; UPDATE a SET u = :x WHERE id = :b; UPDATE a SET u = :y WHERE id = :a;
END;
CREATE ACTION runaway() PUBLIC AS BEGIN
  DELETE FROM a; INSERT INTO a WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i, 0, NULL FROM r WHERE i < 0;
END;
`

// A statement that writes and never ends is stopped, which makes SQLite roll
// back the whole block; nobody else notices.
func TestRunawayWriteInTheMiddleOfABlock(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		w := newWorld(t, dir)
		w.deploy("alice", "busy", busy)
		w.good(w.tx("bob", "busy.add", args{"id": int64(1)}))
		r := w.request("mallory", "busy", "runaway", nil)
		r.GasLimit = 1000
		runaway := w.sign("mallory", r)
		r.Salt = hashOf("again")
		id := func(n int64) args { return args{"id": n} }
		answers := w.block(w.tx("bob", "busy.add", id(2)), w.tx("bob", "busy.add", id(3)), w.tx("bob", "busy.swap", args{"a": int64(1), "b": int64(2)}), w.tx("bob", "busy.drop", id(3)),
			runaway, w.tx("bob", "busy.add", id(4)), w.sign("mallory", r), w.tx("bob", "busy.add", id(2)))
		for i, a := range answers {
			if want := map[int]string{4: "AG0420", 6: "AG0420", 7: "AG0412"}[i]; a.Code != want {
				t.Errorf("transaction %d: %+v, want %s", i, a, want)
			}
		}
		w.want("busy", "a", "[1] [0 4]\n[2] [0 2]\n[4] [0 8]\n")
		w.want("busy", "log", "[1] [1]\n[2] [2]\n[3] [4]\n")
		if got := w.query("SELECT group_concat(id || ':' || u) FROM busy.a"); got != "1:4,2:2,4:8\n" {
			t.Errorf("the file holds %s", got)
		}
		w.replay("", func(int) bool { return true })
	}
}

// A tree that is moved to and fro between states, by the rows that differ, runs
// the next block with the same gas as one that was built there.
func TestMovingBetweenStates(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.deploy("alice", "busy", busy)
	random := rand.New(rand.NewPCG(5, 6))
	for range 30 {
		var txs []VerifiedTransaction
		for range 5 {
			id := random.Int64N(30)
			switch random.IntN(5) {
			case 0:
				txs = append(txs, w.tx("bob", "busy.drop", args{"id": id}))
			case 1:
				txs = append(txs, w.tx("bob", "busy.swap", args{"a": id, "b": random.Int64N(30)}))
			default:
				txs = append(txs, w.tx("bob", "busy.add", args{"id": id}))
			}
		}
		w.block(txs...)
		here := w.tree.Root()
		there := w.seals[random.IntN(len(w.seals))].State
		if err := w.tree.MoveTo(there); err != nil {
			t.Fatal(err)
		}
		const all = "SELECT a.id, n, u, group_concat(l.id) FROM busy.a JOIN busy.log l ON l.a = a.id GROUP BY a.id ORDER BY a.id"
		if got, want := w.query(all), w.queryAt(there, all); got != want {
			t.Fatalf("moved to a state:\n%s\nits rows:\n%s", got, want)
		}
		if err := w.tree.MoveTo(here); err != nil {
			t.Fatal(err)
		}
	}
	w.replay("", func(int) bool { return true })
}

// Files that are damaged, in a way that SQLite sees or in one that it does not,
// are rebuilt.
func TestDamagedWorkingTree(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	w.deploy("alice", "busy", busy)
	for i := range int64(50) {
		w.good(w.tx("bob", "busy.add", args{"id": i}))
	}
	path := func() string {
		files, err := filepath.Glob(filepath.Join(dir, "busy-*.db"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		return files[0]
	}
	root := w.tree.Root()
	reopen := func(damage func(path string)) {
		w.tree.Close()
		damage(path())
		w.tree = w.open(dir, root)
	}
	check := func(what string) {
		t.Helper()
		if got := w.query("SELECT count(*), sum(u) FROM busy.a"); got != "50 2450\n" {
			t.Errorf("%s: %s", what, got)
		}
	}
	reopen(func(path string) {
		os.WriteFile(path, []byte("no database at all, but long enough to be looked at"), 0o600)
	})
	check("another file")
	reopen(func(path string) { os.Truncate(path, 4096) })
	check("cut off")
	change := func(path, sql string) {
		conn, err := sqlite.Open(path, sqlite.Options{WAL: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(conn.Exec(sql), conn.Close()); err != nil {
			t.Fatal(err)
		}
	}
	reopen(func(path string) { change(path, "UPDATE a SET u = 4711 WHERE id = 7") })
	check("a row that is not what it was")
	reopen(func(path string) { os.Remove(path + sumSuffix) })
	check("no sum, as after a crash")
	reopen(func(path string) { os.WriteFile(path+sumSuffix, nil, 0o600) })
	check("an empty sum")
	// Whoever changes the sum, too, is found out later.
	lie := func(path, sql string) {
		change(path, sql)
		if err := leaveSum(path); err != nil {
			t.Fatal(err)
		}
	}
	reopen(func(path string) { lie(path, "UPDATE aergo_meta SET root = x'00'") })
	check("an impossible root")

	// A row that somebody changed shows when it changes again.
	reopen(func(path string) { lie(path, "UPDATE a SET u = 4711 WHERE id = 7") })
	w.now += 1000
	w.number++
	s := w.begin(w.tree)
	if _, err := s.Run(w.tx("bob", "busy.drop", args{"id": int64(7)})); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seal(); err == nil {
		t.Fatal("a changed row was not noticed")
	}
	if err := s.Rollback(); err != nil {
		t.Fatal(err)
	}
	check("a changed row")
	w.good(w.tx("bob", "busy.drop", args{"id": int64(7)}))
}

const ledger = `DIALECT 1;
CREATE TABLE limits (region TEXT PRIMARY KEY, most INTEGER);
CREATE TABLE loan (id INTEGER PRIMARY KEY, region TEXT NOT NULL, amount INTEGER);
CREATE TABLE pledge (id INTEGER PRIMARY KEY, region TEXT NOT NULL, amount INTEGER NOT NULL);
INVARIANT lent ON loan TOTAL sum(amount) BY region CHECK (total <= limits.most);
INVARIANT loans ON loan TOTAL count(*) CHECK (total < 20);
INVARIANT pledged ON pledge TOTAL sum(amount) BY region CHECK (total <= lent.total);
INVARIANT fair FOR EACH loan CHECK (amount < (SELECT most FROM limits WHERE region = loan.region));
CREATE ACTION most(:region TEXT, :most INTEGER DEFAULT NULL) PUBLIC AS BEGIN INSERT OR REPLACE INTO limits VALUES (:region, :most); END;
CREATE ACTION lend(:id INTEGER, :region TEXT, :amount INTEGER DEFAULT NULL) PUBLIC AS BEGIN INSERT OR REPLACE INTO loan VALUES (:id, :region, :amount); END;
CREATE ACTION pledge(:id INTEGER, :region TEXT, :amount INTEGER) PUBLIC AS BEGIN INSERT OR REPLACE INTO pledge VALUES (:id, :region, :amount); END;
CREATE ACTION pay(:id INTEGER) PUBLIC AS BEGIN DELETE FROM loan WHERE id = :id; DELETE FROM pledge WHERE id = :id + 3; END;
`

// Totals and their checks against a model that adds everything up anew.
func TestTotalsAgainstBruteForce(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "ledger", ledger)
	random := rand.New(rand.NewPCG(7, 8))
	type row struct {
		region string
		amount *int64
	}
	limits, loans, pledges := map[string]*int64{}, map[int64]row{}, map[int64]row{}
	number := func(p *int64) int64 {
		if p == nil {
			return 0
		}
		return *p
	}
	sum := func(rows map[int64]row, region string) (n int64) {
		for _, r := range rows {
			if r.region == region {
				n += number(r.amount)
			}
		}
		return n
	}
	clone := func(m map[int64]row) map[int64]row {
		c := map[int64]row{}
		for k, v := range m {
			c[k] = v
		}
		return c
	}
	ok, broken := 0, map[string]int{}
	for range 600 {
		l, p, m := clone(loans), clone(pledges), map[string]*int64{}
		for k, v := range limits {
			m[k] = v
		}
		region := []string{"eu", "us"}[random.IntN(2)]
		id, n := random.Int64N(25), random.Int64N(60)-5
		amount := &n
		a := args{"id": id, "region": region, "amount": n}
		if random.IntN(8) == 0 {
			amount, a["amount"] = nil, nil
		}
		changed := "" // the loan whose own check runs
		var tx VerifiedTransaction
		switch k := random.IntN(10); {
		case k < 1:
			n = 8*n + 20
			tx = w.tx("bob", "ledger.most", args{"region": region, "most": n})
			m[region] = &n
		case k < 6:
			tx = w.tx("bob", "ledger.lend", a)
			l[id] = row{region, amount}
			changed = "loan"
		case k < 8 && amount != nil:
			tx = w.tx("bob", "ledger.pledge", a)
			p[id] = row{region, amount}
		default:
			tx = w.tx("bob", "ledger.pay", args{"id": id})
			delete(l, id)
			delete(p, id+3)
		}
		want := ""
		// The order of the checks: FOR EACH while totals are added up, then each
		// total in source order.
		switch {
		case changed != "" && amount != nil && m[region] != nil && !(n < *m[region]):
			want = "fair"
		case sum(l, "eu") > number(m["eu"]) || sum(l, "us") > number(m["us"]):
			want = "lent"
		case len(l) >= 20:
			want = "loans"
		case sum(p, "eu") > sum(l, "eu") || sum(p, "us") > sum(l, "us"):
			want = "pledged"
		}
		if want == "" {
			w.good(tx)
			limits, loans, pledges = m, l, p
			ok++
		} else {
			w.bad(tx, "AG0415", want)
			broken[want]++
		}
		expect := map[string]string{}
		for _, x := range []struct {
			name string
			rows map[int64]row
		}{{"lent", loans}, {"pledged", pledges}} {
			for _, region := range []string{"eu", "us"} {
				n := 0
				for _, r := range x.rows {
					if r.region == region {
						n++
					}
				}
				if n > 0 {
					key, err := wire.AppendKey(nil, region)
					if err != nil {
						t.Fatal(err)
					}
					expect[x.name+string(key)] = fmt.Sprint(n, " ", sum(x.rows, region))
				}
			}
		}
		if len(loans) > 0 {
			expect["loans"] = fmt.Sprint(len(loans), " 0")
		}
		got := map[string]string{}
		prefix := tablePrefix(systemTotal, "total")
		err := prolly.Load(w.engine.nodes, w.tree.Root()).Scan(prefix, wire.KeyPrefixEnd(prefix), func(key, value []byte) error {
			k, err := wire.DecodeKey(key)
			if err != nil {
				return err
			}
			v, err := wire.DecodeRow(value)
			got[k[3].(string)+string(k[4].([]byte))] = fmt.Sprint(v[0], " ", v[1])
			return err
		})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(expect) {
			t.Fatalf("totals %v, want %v, %v", got, expect, err)
		}
	}
	t.Logf("%d ok, broken: %v", ok, broken)
	if ok < 100 || len(broken) < 3 {
		t.Error("the test says little")
	}
	w.replay("", func(i int) bool { return i%100 == 50 })
}

func TestTotalOverflow(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("alice", "sum", `DIALECT 1;
CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
INVARIANT all_n ON a TOTAL sum(n);
CREATE ACTION put(:id INTEGER, :n INTEGER) PUBLIC AS BEGIN INSERT OR REPLACE INTO a VALUES (:id, :n); END;
CREATE ACTION two(:n INTEGER) PUBLIC AS BEGIN INSERT INTO a VALUES (100, :n), (101, :n), (102, -:n), (103, -:n); END;`)
	most := int64(1<<63 - 1)
	w.good(w.tx("bob", "sum.put", args{"id": int64(1), "n": most}))
	w.bad(w.tx("bob", "sum.put", args{"id": int64(2), "n": int64(1)}), "AG0417", "all_n")
	w.good(w.tx("bob", "sum.put", args{"id": int64(1), "n": -most - 1}))
	w.bad(w.tx("bob", "sum.put", args{"id": int64(2), "n": int64(-1)}), "AG0417", "all_n")
	w.good(w.tx("bob", "sum.put", args{"id": int64(2), "n": most}))
	w.good(w.tx("bob", "sum.two", args{"n": most})) // over 64 bits on the way only
	w.want("aergo_total", "total", "[sum all_n []] [6 -1]\n")
}
