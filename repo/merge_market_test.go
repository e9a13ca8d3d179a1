package repo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/repo"
)

// market is a contract in which a transaction changes rows that it does not
// name: by foreign keys, a trigger, a total, an upsert and a change of keys.
const (
	marketTables = `CREATE TABLE person (id INTEGER PRIMARY KEY, gold INTEGER NOT NULL CHECK (gold >= 0), boss INTEGER REFERENCES person ON DELETE SET NULL);
CREATE TABLE thing (name TEXT PRIMARY KEY, owner INTEGER NOT NULL REFERENCES person ON DELETE CASCADE ON UPDATE CASCADE, price INTEGER NOT NULL, tag TEXT UNIQUE);
CREATE TABLE heard (n INTEGER PRIMARY KEY, what TEXT NOT NULL);
CREATE INDEX thing_owner ON thing(owner);
`
	marketTrigger = `CREATE TRIGGER sold AFTER UPDATE OF owner ON thing WHEN NEW.owner <> OLD.owner BEGIN
  INSERT INTO heard VALUES ((SELECT coalesce(max(n), 0) + 1 FROM heard), OLD.name || ' ' || OLD.owner || '>' || NEW.owner);
END;
`
)

// marketActions are the steps of each action. BONUS is a number of the version.
var marketActions = []struct {
	name, params string
	steps        []string
}{
	{"born", ":id INTEGER, :n INTEGER, :boss INTEGER", []string{"INSERT INTO person VALUES (:id, :n, (SELECT id FROM person WHERE id = :boss))"}},
	{"gift", ":id INTEGER, :n INTEGER", []string{"REQUIRE EXISTS (SELECT 1 FROM person WHERE id = :id)", "UPDATE person SET gold = gold + :n + BONUS WHERE id = :id"}},
	{"dies", ":id INTEGER", []string{"DELETE FROM person WHERE id = :id"}},
	{"makes", ":name TEXT, :id INTEGER, :n INTEGER", []string{"INSERT INTO thing VALUES (:name, :id, :n, NULL) ON CONFLICT (name) DO UPDATE SET price = excluded.price WHERE owner = excluded.owner"}},
	{"tags", ":name TEXT, :tag TEXT", []string{"UPDATE thing SET tag = :tag WHERE name = :name"}},
	{"buys", ":name TEXT, :id INTEGER", []string{
		"REQUIRE EXISTS (SELECT 1 FROM thing WHERE name = :name AND owner <> :id)",
		"UPDATE person SET gold = gold - (SELECT price FROM thing WHERE name = :name) WHERE id = :id",
		"UPDATE person SET gold = gold + (SELECT price FROM thing WHERE name = :name) WHERE id = (SELECT owner FROM thing WHERE name = :name)",
		"UPDATE thing SET owner = :id WHERE name = :name"}},
	{"moves", ":id INTEGER, :n INTEGER", []string{"UPDATE person SET id = :n WHERE id = :id"}},
	{"tax", ":n INTEGER", []string{"UPDATE person SET gold = gold - :n WHERE gold > :n", "DELETE FROM heard WHERE n % 3 = 0"}},
}

const marketTotal = 120

func market(bonus int) string {
	var b strings.Builder
	b.WriteString("DIALECT 1;\n" + marketTables + marketTrigger)
	fmt.Fprintf(&b, "INVARIANT rich ON person TOTAL sum(gold) CHECK (total <= %d);\n", marketTotal)
	for _, a := range marketActions {
		fmt.Fprintf(&b, "CREATE ACTION %s(%s) PUBLIC AS BEGIN\n  %s;\nEND;\n", a.name, a.params, strings.Join(a.steps, ";\n  "))
	}
	return strings.ReplaceAll(b.String(), "BONUS", fmt.Sprint(bonus))
}

// marketQueries give each table's rows, key first; code and total are rows of
// the model beside them.
var marketQueries = map[string]string{
	"person": "SELECT id, gold, boss FROM person", "thing": "SELECT name, owner, price, tag FROM thing", "heard": "SELECT n, what FROM heard",
}

// marketCall draws a call. The model runs the steps on plain SQLite.
func marketCall(rng *rand.Rand, t *testing.T) (repo.Call, modelTx) {
	a := marketActions[rng.IntN(len(marketActions))]
	values := args{}
	for _, p := range strings.Split(a.params, ", ") {
		name, _, _ := strings.Cut(p[1:], " ")
		switch name {
		case "name":
			values[name] = string(rune('a' + rng.IntN(4)))
		case "tag":
			values[name] = string(rune('x' + rng.IntN(3)))
		case "n":
			values[name] = rng.Int64N(20) + 1
		default:
			values[name] = rng.Int64N(5) + 1
		}
	}
	if a.name == "moves" {
		values["n"] = rng.Int64N(5) + 1
	}
	return repo.Call{Contract: "market", Action: a.name, Args: values}, modelTx{act: func(s modelState) (modelState, bool) {
		return runMarket(t, s, a.steps, values)
	}}
}

// runMarket runs steps on a plain database that holds the state.
func runMarket(t *testing.T, s modelState, steps []string, values args) (modelState, bool) {
	conn, err := sqlite.Open(":memory:", sqlite.Options{NoPreupdate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	run := func(sql string, bind func(i int, name string) any) (rows [][]any, err error) {
		st, _, err := conn.Prepare(sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		defer st.Finalize()
		for i := 1; i <= st.ParamCount(); i++ {
			if err := st.Bind(i, bind(i, st.ParamName(i))); err != nil {
				t.Fatal(err)
			}
		}
		for {
			ok, err := st.Step()
			if err != nil || !ok {
				return rows, err
			}
			row := make([]any, st.ColumnCount())
			for i := range row {
				row[i] = st.Column(i)
			}
			rows = append(rows, row)
		}
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(conn.Exec(marketTables))
	for _, key := range slices.Sorted(maps.Keys(s)) { // triggers of a cascade run in the order of the rows
		row := s[key]
		table, id, _ := strings.Cut(key, "|")
		if marketQueries[table] == "" {
			continue
		}
		cells := append([]string{id}, strings.Split(row, "|")...)
		_, err := run("INSERT INTO "+table+" VALUES (?"+strings.Repeat(", ?", len(cells)-1)+")", func(i int, _ string) any {
			if cells[i-1] == "<nil>" {
				return nil
			}
			return cells[i-1]
		})
		must(err)
	}
	must(conn.Exec(marketTrigger))
	must(conn.SetForeignKeys(true))
	for _, sql := range steps {
		sql = strings.ReplaceAll(sql, "BONUS", s["code|"+s["current|market"]])
		cond, required := strings.CutPrefix(sql, "REQUIRE ")
		if required {
			sql = "SELECT 1 WHERE " + cond
		}
		rows, err := run(sql, func(_ int, name string) any { return values[name[1:]] })
		if err != nil || required && len(rows) == 0 {
			return s, false
		}
	}
	next := modelState{}
	for key, row := range s {
		if strings.HasPrefix(key, "code|") || strings.HasPrefix(key, "current|") {
			next[key] = row
		}
	}
	for table, sql := range marketQueries {
		rows, err := run(sql, nil)
		must(err)
		for _, row := range rows {
			var cells []string
			for _, v := range row {
				cells = append(cells, fmt.Sprint(v))
			}
			next[table+"|"+cells[0]] = strings.Join(cells[1:], "|")
		}
	}
	total, err := run("SELECT count(*), coalesce(sum(gold), 0) FROM person", nil)
	must(err)
	if n := total[0][0].(int64); n > 0 {
		next["total|rich"] = fmt.Sprint(n, total[0][1])
	}
	return next, total[0][1].(int64) <= marketTotal
}

// TestRandomMergesOfAMarket: the merges of a contract with foreign keys, a
// trigger, a TOTAL and versions agree with serial execution on plain SQLite.
func TestRandomMergesOfAMarket(t *testing.T) {
	manyMerges(t, 3, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := begin(t, fixed(seed))
		s.deploy("", "market", market(0))
		bonus := 0
		start := modelState{"current|market": "1", "code|1": "0"}
		s.drawMerges(rng, 60, start, func() (repo.Call, modelTx, bool) {
			if rng.IntN(12) > 0 {
				c, tx := marketCall(rng, t)
				return c, tx, true
			}
			bonus++
			mine := fmt.Sprint(bonus)
			return repo.Call{Contract: "market", Args: args{"source": market(bonus)}}, modelTx{act: func(s modelState) (modelState, bool) {
				n, err := strconv.Atoi(s["current|market"])
				s["current|market"], s["code|"+strconv.Itoa(n+1)] = strconv.Itoa(n+1), mine
				return s, err == nil
			}}, true
		}, func(branch string) modelState {
			held := modelState{}
			for table, sql := range marketQueries {
				for key, row := range s.rowsOf(branch, table, strings.Replace(sql, "FROM ", "FROM market.", 1)) {
					held[key] = row
				}
			}
			for key, row := range s.rowsOf(branch, "total", "SELECT invariant, count || ' ' || sum FROM aergo_total.total") {
				held[key] = row
			}
			for key, row := range s.rowsOf(branch, "current", "SELECT name, version FROM aergo_contract.current") {
				held[key] = row
			}
			for key, row := range s.rowsOf(branch, "code", fmt.Sprintf("SELECT version, CAST(substr(source, instr(source, '%[1]s') + length('%[1]s'), 9) AS INTEGER) FROM aergo_contract.contract", "gold = gold + :n + ")) {
				held[key] = row
			}
			return held
		})
	})
}
