package repo_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// brute is a drawn ledger beside its model.
type brute struct {
	*story
	rng        *rand.Rand
	disk       *vfs.MemFS
	clock      time.Time
	random     *rand.ChaCha8
	versions   [][]*bruteTable // of the contract
	tables     []*bruteTable   // that a merge under way has, with the rules that hold for it
	heads      map[string]*bruteBlock
	names      []string
	grants     map[string][]string    // patterns that a person may write on
	bumps      [2]int                 // transactions so far that count on a tally
	from       map[string]*bruteBlock // where branches began
	registered map[string]bool        // branches
	kinds      map[string]int         // of conflicts, and of what came of merges
	takesBack  bool                   // reverts may take back what counts on a tally
}

// TestBruteMerges draws schemas, rules and histories, and holds every merge
// against the model: AERGO_SEED=n draws one, AERGO_SOAK=1h draws for so long.
func TestBruteMerges(t *testing.T) {
	kinds := map[string]int{}
	manyMerges(t, 8, func(t *testing.T, seed uint64) {
		w := newBrute(t, seed)
		w.kinds = kinds
		for range 45 {
			w.step()
		}
		if report := w.verify(); report.Executed != report.Transactions {
			t.Errorf("verified %+v", report)
		}
	})
	t.Logf("%v", kinds)
}

func newBrute(t *testing.T, seed uint64) *brute {
	w := &brute{rng: rand.New(rand.NewPCG(seed, 4)), disk: vfs.NewMem(), clock: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		heads: map[string]*bruteBlock{}, grants: map[string][]string{"alice": {"*"}}, kinds: map[string]int{}, bumps: [2]int{4, 4}, registered: map[string]bool{"main": true}, from: map[string]*bruteBlock{}}
	w.story = &story{T: t, key: keyOf("alice"), dir: t.TempDir()}
	w.random = rand.NewChaCha8([32]byte{byte(seed)})
	w.o = repo.Options{Now: func() time.Time { w.clock = w.clock.Add(time.Second); return w.clock }, Random: w}
	r, err := repo.InitOn(w.disk, w.dir, w.key, w.o)
	if err != nil {
		t.Fatal(err)
	}
	w.Repository = r
	t.Cleanup(func() { _ = w.Repository.Close() })
	w.draw()
	w.takesBack = seed%2 == 0
	w.tables = w.versions[0]
	t.Log(w.source(0))
	w.deploy("", "s", w.source(0))
	w.call("", "s", "start", nil)
	first := &bruteBlock{id: w.head("main"), producer: "alice", state: w.read("main", 0), roles: map[string]bool{}, seen: map[string]string{}, verdicts: map[string]string{}}
	first.before = map[*bruteBlock]bool{first: true}
	w.heads["main"], w.names = first, []string{"main"}
	w.allow("bob", "b/*")
	w.allow("mallory", "m/*")
	for _, who := range []string{"bob", "mallory"} {
		w.allow(who, "again/*")
	}
	return w
}

func (w *brute) Read(p []byte) (int, error) { return w.random.Read(p) }

func (w *brute) allow(who, pattern string) {
	if slices.Contains(w.grants[who], pattern) {
		return
	}
	w.grant(dd.Writer, pattern, who)
	w.grants[who] = append(w.grants[who], pattern)
}

func (w *brute) may(who, branch string) bool {
	return slices.ContainsFunc(w.grants[who], func(p string) bool {
		rest, any := strings.CutSuffix(p, "*")
		return p == branch || any && strings.HasPrefix(branch, rest)
	})
}

// mayMerge is may for what a merge brings: the name of a branch that is not
// registered is local, there whoever may write somewhere will do.
func (w *brute) mayMerge(who, branch string) bool {
	return !w.registered[branch] || w.may(who, branch)
}

func pickOf[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// draw makes up the schema in three versions: as drawn, with one more column,
// and that with other rules.
func (w *brute) draw() {
	names := []string{"a", "b", "c", "d"}
	var tables []*bruteTable
	for i, n := range []string{"t", "u"} {
		t := &bruteTable{name: n, keys: []string{"TEXT"}, total: -1}
		if i == 1 {
			t.keys = pickOf(w.rng, []string{"INTEGER"}, []string{"BLOB"}, []string{"TEXT", "INTEGER"}, []string{"INTEGER", "BLOB"})
		}
		for _, name := range names[:2+w.rng.IntN(3)] {
			c := bruteColumn{name: name, kind: pickOf(w.rng, "INTEGER", "INTEGER", "TEXT", "BLOB"), null: w.rng.IntN(2) == 0}
			c.unique = w.rng.IntN(6) == 0
			if c.kind == "INTEGER" && w.rng.IntN(3) == 0 {
				c.most = 6
			}
			t.columns = append(t.columns, c)
		}
		if i == 1 && w.rng.IntN(3) > 0 {
			t.columns = append(t.columns, bruteColumn{name: "p", kind: "TEXT", null: true, parent: "t"})
		}
		var numbers, texts []int
		for j, c := range t.columns {
			switch c.kind {
			case "INTEGER":
				numbers = append(numbers, j+1)
			case "TEXT":
				texts = append(texts, j+1)
			}
		}
		if len(numbers) > 0 && w.rng.IntN(3) == 0 {
			t.total = numbers[0]
		}
		if len(numbers) > 1 && w.rng.IntN(3) == 0 {
			t.each = [2]int{numbers[0], numbers[1]}
		}
		if len(numbers) > 0 && len(texts) > 0 && w.rng.IntN(4) == 0 {
			t.json = [2]int{numbers[0], texts[0]}
		}
		tables = append(tables, t)
	}
	tally := &bruteTable{name: "tally", keys: []string{"INTEGER"}, columns: []bruteColumn{{name: "n", kind: "INTEGER", rule: bruteRule{by: "DELTA"}}}, total: -1}
	tables = append(tables, tally)
	more := func(old []*bruteTable) (list []*bruteTable) {
		for _, t := range old {
			c := *t
			c.columns = slices.Clone(t.columns)
			list = append(list, &c)
		}
		return list
	}
	w.rules(tables)
	second := more(tables)
	second[0].columns = append(second[0].columns, bruteColumn{name: "x", kind: "INTEGER", preset: int64(7), rule: bruteRule{by: pickOf(w.rng, "", "DELTA", "MAX")}})
	third := more(second)
	w.rules(third)
	w.versions = [][]*bruteTable{tables, second, third}
}

// rules draws the rules of all tables but the tally.
func (w *brute) rules(tables []*bruteTable) {
	for _, t := range tables[:2] {
		t.rule = bruteRule{by: pickOf(w.rng, "", "", "", "OURS", "THEIRS", "SAME", "MAX", "MIN", "MANUAL")}
		for i := range t.columns {
			c := &t.columns[i]
			c.rule = bruteRule{by: pickOf(w.rng, "", "", "SAME", "OURS", "THEIRS", "MAX", "MIN", "MANUAL")}
			switch k := w.rng.IntN(4); {
			case c.null || k > 1 || c.kind == "BLOB" || c.name == "x":
			case c.kind == "TEXT":
				c.rule = bruteRule{by: "USING ACTION glue", call: func(_, ours, theirs any) (any, bool) { return ours.(string) + theirs.(string), true }}
			case k == 0:
				c.rule = bruteRule{by: pickOf(w.rng, "DELTA", "DELTA FROM 0")}
			default:
				c.rule = bruteRule{by: "USING ACTION odd", call: func(_, ours, theirs any) (any, bool) {
					if theirs == int64(2) {
						return nil, true
					}
					return ours.(int64) + theirs.(int64), ours != int64(1)
				}}
			}
		}
	}
}

// source writes a version of the contract.
func (w *brute) source(version int) string {
	var b, actions, more strings.Builder
	b.WriteString("DIALECT 1;\n")
	for _, t := range w.versions[version] {
		var defs, keys, match, keyParams []string
		for i, k := range t.keys {
			name := fmt.Sprint("k", i)
			defs, keys = append(defs, name+" "+k+" NOT NULL"), append(keys, name)
			match, keyParams = append(match, name+" = :"+name), append(keyParams, ":"+name+" "+k)
		}
		where, params := strings.Join(match, " AND "), slices.Clone(keyParams)
		var names, optional []string
		for _, c := range t.columns {
			def, param := c.name+" "+c.kind, ":"+c.name+" "+c.kind
			if c.null {
				param += " DEFAULT NULL"
				optional = append(optional, param)
			} else {
				def += " NOT NULL"
				params = append(params, param)
			}
			if c.preset != nil {
				def += fmt.Sprintf(" DEFAULT %v", c.preset)
				params = params[:len(params)-1]
			} else {
				names = append(names, c.name)
			}
			if c.most != 0 {
				def += fmt.Sprintf(" CHECK (%s <= %d)", c.name, c.most)
			}
			if c.unique {
				def += " UNIQUE"
			}
			if c.parent != "" {
				def += " REFERENCES " + c.parent + "(k0)" + pickOf(w.fixed(), "", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON DELETE RESTRICT")
			}
			defs = append(defs, def)
			if c.rule.by != "" {
				by := " BY " + c.rule.by
				if c.rule.call != nil {
					by = " " + c.rule.by
				}
				fmt.Fprintf(&more, "MERGE RULE ON %s (%s)%s;\n", t.name, c.name, by)
			}
			fmt.Fprintf(&actions, "CREATE ACTION set_%s_%s(%s) PUBLIC AS BEGIN UPDATE %s SET %s = :%s WHERE %s; END;\n",
				t.name, c.name, strings.Join(append(slices.Clone(keyParams), param), ", "), t.name, c.name, c.name, where)
		}
		if t.json[0] != t.json[1] {
			defs = append(defs, fmt.Sprintf("CHECK (%s <> 3 OR json_extract(%s, '$.a') = 1)", t.columns[t.json[0]-1].name, t.columns[t.json[1]-1].name))
		}
		if a, c := t.each[0], t.each[1]; a != c {
			fmt.Fprintf(&more, "INVARIANT calm_%s FOR EACH %s CHECK (%s + %s <= 7);\n", t.name, t.name, t.columns[a-1].name, t.columns[c-1].name)
		}
		if t.total > 0 {
			fmt.Fprintf(&more, "INVARIANT few_%s ON %s TOTAL sum(%s) CHECK (total <= 20);\n", t.name, t.name, t.columns[t.total-1].name)
		}
		if t.rule.by != "" {
			fmt.Fprintf(&more, "MERGE RULE ON %s BY %s;\n", t.name, t.rule.by)
		}
		fmt.Fprintf(&b, "CREATE TABLE %s (%s, PRIMARY KEY (%s));\n", t.name, strings.Join(defs, ", "), strings.Join(keys, ", "))
		insert := fmt.Sprintf("INSERT INTO %s(%s) VALUES (:%s);", t.name, strings.Join(append(keys, names...), ", "), strings.Join(append(keys, names...), ", :"))
		all := strings.Join(append(params, optional...), ", ")
		fmt.Fprintf(&actions, "CREATE ACTION put_%s(%s) PUBLIC AS BEGIN %s END;\n", t.name, all, insert)
		fmt.Fprintf(&actions, "CREATE ACTION del_%s(%s) PUBLIC AS BEGIN DELETE FROM %s WHERE %s; END;\n", t.name, strings.Join(keyParams, ", "), t.name, where)
		fmt.Fprintf(&actions, "CREATE ACTION again_%s(%s) PUBLIC AS BEGIN DELETE FROM %s WHERE %s; %s END;\n", t.name, all, t.name, where, insert)
	}
	return b.String() + actions.String() + more.String() + `
CREATE ACTION start() PUBLIC AS BEGIN INSERT INTO tally VALUES (0, 0), (1, 0); END;
CREATE ACTION bump(:id INTEGER, :n INTEGER) PUBLIC AS BEGIN UPDATE tally SET n = n + :n WHERE k0 = :id; END;
CREATE ACTION odd(:base INTEGER, :ours INTEGER, :theirs INTEGER) PRIVATE READONLY RETURNS (v INTEGER) AS
BEGIN REQUIRE :ours <> 1 ELSE 'one'; RETURN CASE WHEN :theirs = 2 THEN NULL ELSE :ours + :theirs END; END;
CREATE ACTION glue(:base TEXT, :ours TEXT, :theirs TEXT) PRIVATE READONLY RETURNS (v TEXT) AS BEGIN RETURN :ours || :theirs; END;
`
}

// fixed draws alike for all versions of one ledger.
func (w *brute) fixed() *rand.Rand {
	return rand.New(rand.NewPCG(uint64(len(w.versions[0][1].columns)), 9))
}

func (w *brute) table(key string) *bruteTable {
	name, _, _ := strings.Cut(key, "/")
	return w.tables[slices.IndexFunc(w.tables, func(t *bruteTable) bool { return t.name == name })]
}

// wide fills a row up to the columns that its table has now.
func (w *brute) wide(key string, row anyRow) anyRow {
	if len(row) == 0 || row[0] != true {
		return anyRow{false}
	}
	row = slices.Clone(row)
	for _, c := range w.table(key).columns[len(row)-1:] {
		row = append(row, c.preset)
	}
	return row
}

func (w *brute) row(state anyState, key string) anyRow { return w.wide(key, state[key]) }

func keyText(table string, key []any) string {
	parts := []string{table}
	for _, v := range key {
		if b, ok := v.([]byte); ok {
			v = hex.EncodeToString(b)
		}
		parts = append(parts, fmt.Sprint(v))
	}
	return strings.Join(parts, "/")
}

func rowOf(cells []any) anyRow {
	row := anyRow{true}
	for _, v := range cells {
		if b, ok := v.([]byte); ok {
			v = blobCell(b)
		}
		row = append(row, v)
	}
	return row
}

// read asks a branch for all rows.
func (w *brute) read(branch string, version int) anyState {
	w.Helper()
	state := anyState{}
	for _, t := range w.versions[version] {
		rows, err := w.Query(ctx, branch, "SELECT * FROM s."+t.name)
		if err != nil {
			w.Fatal(err)
		}
		for rows.Next() {
			v := rows.Values()
			state[keyText(t.name, v[:len(t.keys)])] = rowOf(v[len(t.keys):])
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			w.Fatal(err)
		}
	}
	return state
}

func (w *brute) head(branch string) string {
	w.Helper()
	id, err := w.Resolve(branch)
	if err != nil {
		w.Fatal(err)
	}
	return id.String()
}

// changed makes what a transaction changed readable to the model.
func changed(list []repo.RowDiff) map[string][2]anyRow {
	rows := map[string][2]anyRow{}
	for _, d := range list {
		var c [2]anyRow
		for i, cells := range [][]any{d.Old, d.New} {
			if cells != nil {
				c[i] = rowOf(cells[len(d.Key):])
			}
		}
		rows[keyText(d.Table, d.Key)] = c
	}
	return rows
}

// next begins the model's block after a head.
func (w *brute) next(name string, parents ...*bruteBlock) *bruteBlock {
	w.Helper()
	head := parents[0]
	b := &bruteBlock{id: w.head(name), producer: w.owner(name), parents: parents, before: map[*bruteBlock]bool{}, state: maps.Clone(head.state),
		version: head.version, roles: maps.Clone(head.roles), seen: maps.Clone(head.seen), verdicts: maps.Clone(head.verdicts)}
	for _, p := range parents {
		maps.Copy(b.before, p.before)
		b.chosen = b.chosen || p.chosen
	}
	b.before[b] = true
	w.heads[name] = b
	return b
}

// owner is who makes the blocks of a branch.
func (w *brute) owner(name string) string {
	switch name[:2] {
	case "b/":
		return "bob"
	case "m/":
		return "mallory"
	}
	return "alice"
}

// holds compares a branch with its model.
func (w *brute) holds(name string) {
	w.Helper()
	b := w.heads[name]
	if got := w.read(name, b.version); !maps.EqualFunc(got, b.state, slices.Equal[anyRow]) {
		w.Fatalf("%s holds\n%v\nthe model says\n%v", name, got, b.state)
	}
	want := slices.Sorted(maps.Keys(b.roles))
	if got := strings.Fields(w.query(name, "SELECT role FROM aergo_role.role ORDER BY role")); !slices.Equal(got, want) {
		w.Fatalf("%s has roles %v, the model says %v", name, got, want)
	}
	if id := w.head(name); id != b.id {
		w.Fatalf("the head of %s moved", name)
	}
	w.once(name)
}

// once: each bump adds a power of four of its own, so a tally shows in base four
// how often it counted.
func (w *brute) once(name string) {
	w.Helper()
	for _, id := range []string{"tally/0", "tally/1"} {
		n, _ := w.heads[name].state[id][1].(int64)
		for rest := n; rest != 0; rest /= 4 {
			if rest < 0 || rest%4 > 1 {
				if !w.heads[name].chosen {
					w.Fatalf("on %s a transaction counted not once: %s is %d", name, id, n)
				}
			}
		}
	}
}
