package repo_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// lines gives the rows of a query, one text each.
func (s *story) lines(rev, sql string, args ...any) []string {
	s.Helper()
	rows, err := s.Query(ctx, rev, sql, args...)
	if err != nil {
		s.Fatalf("%s at %q: %v", sql, rev, err)
	}
	defer rows.Close()
	list := []string{}
	for rows.Next() {
		list = append(list, strings.TrimSuffix(fmt.Sprintln(rows.Values()...), "\n"))
	}
	if err := rows.Err(); err != nil {
		s.Fatalf("%s at %q: %v", sql, rev, err)
	}
	return list
}

// same fails unless two lists are equal.
func (s *story) same(what string, got, want []string) {
	s.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			s.Fatalf("%s: %d lines, the model has %d; line %d differs\ngot   %v\nmodel %v", what, len(got), len(want), i,
				got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))])
		}
	}
}

// TestHistoryAgreesWithTheModel draws a history and holds each function equal to
// what is counted by other ways: block after block, transaction after
// transaction, with states read as a whole.
func TestHistoryAgreesWithTheModel(t *testing.T) {
	const rich = 11 // a seed whose history is known to have something of all
	for _, seed := range []uint64{rich, rand.Uint64()} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := begin(t, fixed(seed))
			s.life(seed, func(int) {})
			branches, err := s.Branches()
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range branches {
				txs, changes := s.compareHistory(b.Name)
				if seed == rich && b.Name == "main" && (txs < 30 || changes < 10) {
					t.Fatalf("a poor history: %d transactions, %d changes", txs, changes)
				}
			}
			s.compareDiffs(rand.New(rand.NewPCG(seed, 9)), branches)
		})
	}
}

// compareHistory compares the functions at a branch with the library's log, and
// tells how much there was to compare.
func (s *story) compareHistory(rev string) (transactions, changes int) {
	s.Helper()
	var logs, txs, history []string
	blame := map[string]string{} // key of a row -> its last line
	err := s.Log(ctx, rev, true, 0, func(e repo.Entry) error {
		var parents []string
		for _, p := range e.Parents {
			parents = append(parents, p.String())
		}
		list, err := json.Marshal(append([]string{}, parents...))
		if err != nil {
			return err
		}
		logs = append(logs, fmt.Sprint(e.Number, " ", e.ID, " ", e.Time.UnixMilli(), " ", e.Branch, " ", e.Producer, " ", string(list), " ", e.Transactions))
		info, err := s.Block(e.ID.String())
		if err != nil {
			return err
		}
		diffs := []string{}
		for i := len(info.Calls) - 1; i >= 0; i-- {
			c := info.Calls[i]
			txs = append(txs, fmt.Sprint(c.Transaction, " ", e.Number, " ", i, " ", c.Status, " ", c.Account))
			changes, err := s.ChangesAt(e.ID, i)
			if err != nil {
				return err
			}
			for j := len(changes) - 1; j >= 0; j-- {
				d := changes[j]
				if d.Contract != "purse" {
					continue
				}
				op := "update"
				if d.Old == nil {
					op = "insert"
				}
				line := fmt.Sprintf("%d %s %s %s %s", e.Number, c.Transaction, op, cellsOf(d.Old), cellsOf(d.New))
				diffs = append(diffs, line)
				key := fmt.Sprint(d.Key[0])
				if _, ok := blame[key]; !ok {
					blame[key] = fmt.Sprintf("%d %s %s", e.Number, c.Transaction, c.Account)
				}
			}
		}
		history = append(history, diffs...)
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	row := func(of string) string {
		return "coalesce(" + of + "->>'id' || ',' || (" + of + "->>'amount'), '-')"
	}
	change := "number, tx, op, " + row("old") + ", " + row("new")
	s.same("log", s.lines(rev, "SELECT * FROM log()"), logs)
	s.same("txs", s.lines(rev, "SELECT tx, number, position, status, account FROM txs()"), txs)
	s.same("history", s.lines(rev, "SELECT "+change+" FROM history('purse.purse')"), history)
	s.same("changes by row", s.lines(rev, "SELECT "+change+" FROM (SELECT DISTINCT key->>'id' AS id FROM history('purse.purse')) k, history('purse.purse', k.id) h ORDER BY number, tx, h.key"),
		s.lines(rev, "SELECT "+change+" FROM history('purse.purse') ORDER BY number, tx, key"))
	s.same("changes by block", s.lines(rev, "SELECT "+change+" FROM log() l JOIN history('purse.purse') h USING (block, number)"), history)
	s.same("transactions by id", s.lines(rev, "SELECT t.tx, t.number, t.position, t.status, t.account FROM (SELECT tx AS id FROM txs()) x, txs() t WHERE t.tx = x.id"), txs)
	rows := s.lines(rev, "SELECT id FROM purse.purse ORDER BY id")
	var want []string
	for _, id := range rows {
		want = append(want, id+" "+blame[id])
	}
	s.same("blame", s.lines(rev, "SELECT key->>'id', number, tx, account FROM blame('purse.purse') ORDER BY key->>'id'"), want)
	s.same("blame by row", s.lines(rev, "SELECT id, number, tx, account FROM purse.purse p, blame('purse.purse', p.id) ORDER BY id"), want)
	s.replayHistory(rev, len(logs))
	for n := 0; n < len(logs); n += 1 + len(logs)/5 { // parts of the past
		at := fmt.Sprintf("%s~%d", rev, n)
		s.same("log of "+at, s.lines(rev, "SELECT * FROM log(?1)", at), logs[n:])
		s.same("log since "+at, s.lines(rev, "SELECT * FROM log(?1)", at+".."), logs[:n])
		s.same("log between", s.lines("", "SELECT * FROM log(?1)", at+".."+rev), logs[:n])
	}
	return len(txs), len(history)
}

// replayHistory makes the changes again, from the first on, and compares what
// they give with the rows of each block.
func (s *story) replayHistory(rev string, blocks int) {
	s.Helper()
	changes := s.lines(rev, "SELECT number, key->>'id', coalesce(old->>'amount', '-'), coalesce(new->>'amount', '-') FROM history('purse.purse')")
	state := map[string]string{}
	for number := range blocks {
		at := fmt.Sprintf("%s#%d", rev, number)
		for len(changes) > 0 {
			f := strings.Fields(changes[len(changes)-1])
			if f[0] != fmt.Sprint(number) {
				break
			}
			changes = changes[:len(changes)-1]
			if old, ok := state[f[1]]; ok != (f[2] != "-") || ok && old != f[2] {
				s.Fatalf("%s: row %s changes from %s, it was %q", at, f[1], f[2], old)
			}
			if state[f[1]] = f[3]; f[3] == "-" {
				delete(state, f[1])
			}
		}
		want := []string{}
		if rows, err := s.Query(ctx, at, "SELECT 1 FROM purse.purse"); err == nil {
			rows.Close()
			want = s.lines(at, "SELECT id, amount FROM purse.purse ORDER BY id")
		}
		var got []string
		for id := range int64(10) {
			if v, ok := state[fmt.Sprint(id)]; ok {
				got = append(got, fmt.Sprint(id, " ", v))
			}
		}
		s.same("rows after the changes up to "+at, got, want)
	}
	if len(changes) > 0 {
		s.Fatalf("changes that belong to no block: %v", changes)
	}
}

// cellsOf is a row of purse.
func cellsOf(row []any) string {
	if row == nil {
		return "-"
	}
	return fmt.Sprintf("%v,%v", row...)
}

// compareDiffs compares diff() with the rows of both sides.
func (s *story) compareDiffs(rng *rand.Rand, branches []repo.Branch) {
	s.Helper()
	const full = `WITH a AS (SELECT * FROM diff('purse.purse', ?1, ?2)) SELECT op, key->>'id', old->>'amount', new->>'amount' FROM a ORDER BY 2`
	for range 30 {
		pick := func() string {
			b := branches[rng.IntN(len(branches))]
			return fmt.Sprintf("%s~%d", b.Name, rng.IntN(int(b.Number)))
		}
		x, y := pick(), pick()
		old, new := map[int64]any{}, map[int64]any{}
		for rev, into := range map[string]map[int64]any{x: old, y: new} {
			if x == y {
				continue
			}
			rows, err := s.Query(ctx, rev, "SELECT id, amount FROM purse.purse")
			if err != nil {
				continue // not deployed yet
			}
			for rows.Next() {
				into[rows.Values()[0].(int64)] = rows.Values()[1]
			}
			rows.Close()
		}
		var want []string
		for id := range int64(10) {
			op := "update"
			switch {
			case old[id] == new[id]:
				continue
			case old[id] == nil:
				op = "insert"
			case new[id] == nil:
				op = "delete"
			}
			want = append(want, strings.TrimSuffix(fmt.Sprintln(op, id, old[id], new[id]), "\n"))
		}
		rows, err := s.Query(ctx, "", full, x, y)
		if err != nil {
			s.Fatal(err)
		}
		rows.Next()
		if code(rows.Err()) == "AG0203" { // on neither side
			rows.Close()
			continue
		}
		rows.Close()
		s.same("diff "+x+" "+y, s.lines("", full, x, y), want)
	}
}

const managed = `
DIALECT 1;
CREATE TABLE item (region TEXT NOT NULL, id INTEGER NOT NULL, price INTEGER, tag BLOB, PRIMARY KEY (region, id));
CREATE ACTION put(:region TEXT, :id INTEGER, :price INTEGER DEFAULT NULL, :tag BLOB DEFAULT NULL) ROLE (manager) AS
BEGIN
  INSERT INTO item VALUES (:region, :id, :price, :tag) ON CONFLICT DO UPDATE SET price = :price, tag = :tag;
  EMIT put(region => :region, id => :id, tag => :tag);
  EMIT priced(price => :price);
END;
CREATE ACTION cut(:region TEXT) ROLE (manager) AS BEGIN DELETE FROM item WHERE region = :region; END;
`

// TestHistoryOfAManager: the owner makes bob a manager, who then may call what
// managers may, until the role is taken from him; and all of it can be read.
func TestHistoryOfAManager(t *testing.T) {
	s := begin(t, fixed(5))
	s.deploy("", "shop", managed)
	bob := keyOf("bob")
	account := string(repo.AccountOf(bob))
	if err := s.Direct(s.key, dd.Grant{Role: dd.Writer, Pattern: "main", Account: repo.AccountOf(bob)}); err != nil {
		t.Fatal(err)
	}
	calls := func(list ...repo.Call) (codes []string) {
		var txs []sqlcontract.Transaction
		for _, c := range list {
			tx, err := s.Sign(bob, c)
			if err != nil {
				t.Fatal(err)
			}
			txs = append(txs, tx)
		}
		answers, err := s.Submit(ctx, s.key, "", txs)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			if a.Err != nil {
				t.Fatal(a.Err)
			}
			codes = append(codes, a.Receipt.Status.String()+a.Receipt.Code)
		}
		return codes
	}
	put := func(region string, id int64, price any) repo.Call {
		return repo.Call{Contract: "shop", Action: "put", Args: args{"region": region, "id": id, "price": price, "tag": []byte{0, 255}}}
	}
	role := args{"contract": "shop", "role": "manager", "account": account}
	s.same("before", calls(put("eu", 1, nil)), []string{"failedAG0402"})
	s.call("", "aergo_role", "grant", role)
	s.same("with the role", calls(put("eu", 1, nil), put("a\"b\n", -2, int64(7)), put("eu", 1, int64(9)), repo.Call{Contract: "shop", Action: "cut", Args: args{"region": "eu"}}),
		[]string{"ok", "ok", "ok", "ok"})
	s.call("", "aergo_role", "revoke", role)
	s.same("after", calls(put("eu", 1, nil)), []string{"failedAG0402"})

	for sql, want := range map[string][]string{
		"SELECT number, op, key, old, new, account = '" + account + "' FROM history('shop.item')": {
			`4 delete {"region":"eu","id":1} {"region":"eu","id":1,"price":9,"tag":"0x00ff"} <nil> 1`,
			`4 update {"region":"eu","id":1} {"region":"eu","id":1,"price":null,"tag":"0x00ff"} {"region":"eu","id":1,"price":9,"tag":"0x00ff"} 1`,
			`4 insert {"region":"a\"b\n","id":-2} <nil> {"region":"a\"b\n","id":-2,"price":7,"tag":"0x00ff"} 1`,
			`4 insert {"region":"eu","id":1} <nil> {"region":"eu","id":1,"price":null,"tag":"0x00ff"} 1`,
		},
		"SELECT op FROM history('shop.item', 'eu') ORDER BY op":           {"delete", "insert", "update"},
		"SELECT op FROM history('shop.item', 'eu', 1) WHERE number = 4":   {"delete", "update", "insert"},
		"SELECT op FROM history('shop.item', 'eu', 1) WHERE number = 3":   {},
		"SELECT op FROM history('shop.item', 'eu', 1) WHERE number = 4.5": {},
		"SELECT op FROM history('shop.item', NULL)":                       {},
		"SELECT op FROM history('SHOP.Item', 'none')":                     {},
		"SELECT op FROM history('shop.item', 'eu', 1) LIMIT 1":            {"delete"},
		"SELECT key, number FROM blame('shop.item')":                      {`{"region":"a\"b\n","id":-2} 4`},
		"SELECT number, op, key->>'role' FROM history('aergo_role.role')": {"5 delete manager", "3 insert manager"},
		"SELECT op, new->>'price' FROM diff('shop.item', 'main~3')":       {"insert 7"},
		"SELECT op, old->>'price' FROM diff('shop.item', 'main', '#1')":   {"delete 7"},
		"SELECT number, position, seq, event, fields FROM events('main~3..') WHERE contract = 'shop' AND position > 0": {
			`4 2 1 priced {"price":9}`, `4 2 0 put {"region":"eu","id":1,"tag":"0x00ff"}`,
			`4 1 1 priced {"price":7}`, `4 1 0 put {"region":"a\"b\n","id":-2,"tag":"0x00ff"}`,
		},
		"SELECT t.action, e.event FROM txs() t JOIN events() e USING (tx) WHERE t.position = 0 AND status = 'ok'": {"put priced", "put put"},
		"SELECT status, code, changed, args FROM txs() WHERE status <> 'ok'": {
			`failed AG0402 0 {"id":1,"price":null,"region":"eu","tag":"0x00ff"}`, `failed AG0402 0 {"id":1,"price":null,"region":"eu","tag":"0x00ff"}`},
		"SELECT kind, action, text FROM txs('#1')":                                               {"deploy <nil> <nil>"},
		"SELECT number FROM log() WHERE block = (SELECT block FROM txs() WHERE kind = 'deploy')": {"1"},
		"SELECT number FROM log() WHERE block = 'x' OR number = -1 OR number = 99":               {},
		"SELECT main.log.number FROM main.log() LIMIT 1":                                         {"6"},
		"SELECT count(*) FROM log() a, log() b, log(a.block) c WHERE b.number = a.number":        {"28"},
		"SELECT log(8.0) > 0.9 AND count(*) FROM shop.item":                                      {"1"},
	} {
		s.same(sql, s.lines("", sql), want)
	}
	for sql, want := range map[string]string{
		"SELECT * FROM history()":                        "AG0106",
		"SELECT * FROM history('item')":                  "AG0106",
		"SELECT * FROM history('shop.item', 5)":          "AG0106",
		"SELECT * FROM history('shop.item', 'eu', 1, 2)": "AG0106",
		"SELECT * FROM history('shop.none')":             "AG0203",
		"SELECT * FROM blame('none.item')":               "AG0203",
		"SELECT * FROM blame('aergo_seen.seen')":         "AG0106",
		"SELECT * FROM diff('shop.item')":                "AG0106",
		"SELECT * FROM diff('shop.item', 'nowhere')":     "AG0201",
		"SELECT * FROM log('nowhere..main')":             "AG0201",
		"SELECT * FROM log(7)":                           "AG0106",
		"SELECT * FROM log('main', 'more')":              "AG0106",
		"SELECT * FROM log":                              "AG0203",
		"DELETE FROM log()":                              "AG0106",
		"CREATE VIRTUAL TABLE x USING log()":             "AG0107",
	} {
		rows, err := s.Query(ctx, "", sql)
		if err == nil {
			rows.Next()
			err = rows.Err()
			rows.Close()
		}
		if code(err) != want {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
}
