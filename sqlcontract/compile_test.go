package sqlcontract

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files of contracts that compile")

// TestCompileGolden compiles each contract of testdata/good and compares its
// ABI, canonical schema and queries with the golden file beside it.
func TestCompileGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/good/*.sql")
	if len(files) == 0 {
		t.Fatal("no contracts in testdata/good")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Compile(strings.TrimSuffix(filepath.Base(file), ".sql"), string(source))
			if err != nil {
				t.Fatal(err)
			}
			got := describeContract(t, c)
			golden := strings.TrimSuffix(file, ".sql") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (run with -update to accept):\n%s", golden, got)
			}
		})
	}
}

func describeContract(t *testing.T, c *Contract) string {
	t.Helper()
	abi, err := json.MarshalIndent(c.ABI(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(abi)
	b.WriteString("\n\n")
	for _, o := range c.Schema {
		b.WriteString(o.Type + " " + o.Name + " of " + o.Table + ": " + o.SQL + "\n")
	}
	query := func(q *Query) {
		line, _ := aergosql.PlainText("", c.Source).At(q.Offset)
		out, _ := json.Marshal([]any{line, q.weight, q.ReadOnly, q.Params})
		b.WriteString(string(out) + " " + canonical(q.SQL) + "\n")
	}
	for _, v := range c.Invariants {
		if v.Check != nil {
			b.WriteString("\ninvariant " + v.Name + "\n")
			query(v.Check)
		}
	}
	for _, a := range c.Actions {
		b.WriteString("\naction " + a.Name + "\n")
		eachQuery(a.Body, query)
	}
	return b.String()
}

// eachQuery calls fn for every query of a body in source order.
func eachQuery(body []Statement, fn func(*Query)) {
	for _, s := range body {
		switch {
		case s.Query != nil:
			fn(s.Query)
		case s.Require != nil:
			fn(s.Require.Cond)
			if s.Require.Else != nil {
				fn(s.Require.Else)
			}
		case s.Let != nil:
			fn(s.Let.Value)
		case s.If != nil:
			fn(s.If.Cond)
			eachQuery(s.If.Then, fn)
			eachQuery(s.If.Else, fn)
		case s.For != nil:
			fn(s.For.Rows)
			eachQuery(s.For.Body, fn)
		case s.Return != nil && s.Return.Value != nil:
			fn(s.Return.Value)
		case s.Emit != nil:
			fn(s.Emit.Values)
		}
	}
}

// TestRefused compiles the contracts of testdata/refused and compares the exact
// text of the error. "schema" stands after DIALECT 1;, "body" in an action of a
// small contract, "compile" alone.
func TestRefused(t *testing.T) {
	datadriven.Walk(t, "testdata/refused", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			source := d.Input
			switch d.Cmd {
			case "schema":
				source = "DIALECT 1;\n" + source
			case "body":
				source = "DIALECT 1;\nCREATE TABLE item (sku TEXT PRIMARY KEY, stock INTEGER NOT NULL DEFAULT 0);\n" +
					"CREATE ACTION f(:sku TEXT, :n INTEGER) PUBLIC RETURNS (x INTEGER) AS\nBEGIN\n" + source + "\nEND;\n"
			case "compile":
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			_, err := Compile("shop", source)
			if err == nil {
				return "ok\n"
			}
			return shown(t, err)
		})
	})
}

// shown is an error as the command shows it.
func shown(t *testing.T, err error) string {
	t.Helper()
	e := fault.Of(err)
	if e == nil {
		t.Fatalf("%v is no fault", err)
	}
	s := e.ID + " " + e.What + "\n"
	if e.Next != "" {
		s += "next: " + e.Next + "\n"
	}
	return s
}

func TestPlan(t *testing.T) {
	datadriven.Walk(t, "testdata/plan", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			before, after, both := strings.Cut(d.Input, "=>\n")
			var old *Contract
			if both {
				old = mustCompile(t, "shop", "DIALECT 1;\n"+before)
			} else {
				after = before
			}
			p, err := PlanDeploy(old, mustCompile(t, "shop", "DIALECT 1;\n"+after), 1)
			if err != nil {
				return shown(t, err)
			}
			if err := p.Forbidden(); err != nil {
				return p.String() + shown(t, err)
			}
			return p.String()
		})
	})
}

func mustCompile(t testing.TB, name, source string) *Contract {
	t.Helper()
	c, err := Compile(name, source)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContractNames(t *testing.T) {
	const source = "DIALECT 1;"
	for _, name := range []string{"a", "shop", "shop_2", strings.Repeat("x", 63)} {
		if _, err := Compile(name, source); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "Shop", "2shop", "_shop", "shöp", "a.b", "aergo_x", strings.Repeat("x", 64), "a\x00"} {
		if _, err := Compile(name, source); !fault.Is(err, codeSchema) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := compile("aergo_x", "DIALECT 1; CREATE TABLE aergo_y (a TEXT PRIMARY KEY);", true); err != nil {
		t.Error(err)
	}
	if _, err := compile("aergo_x", "DIALECT 1; CREATE TABLE aergo_meta (a TEXT PRIMARY KEY);", true); !fault.Is(err, codeSchema) {
		t.Error(err)
	}
}

// BenchmarkCompile is what each start of the command pays per contract.
func BenchmarkCompile(b *testing.B) {
	source, err := os.ReadFile("testdata/good/shop.sql")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		mustCompile(b, "shop", string(source))
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(shopSource(f))
	for _, s := range []string{
		"DIALECT 1;", "DIALECT 1; CREATE ACTION f() AS BEGIN END;", "DIALECT 1; CREATE TABLE t (a TEXT PRIMARY KEY);",
		"DIALECT 1; INVARIANT i FOR EACH t CHECK (1);", "DIALECT 1; MERGE RULE ON t BY OURS;",
		"DIALECT 1; CREATE ACTION f(:a TEXT) PUBLIC RETURNS (x TEXT) AS BEGIN FOR r IN (SELECT 1 AS x) DO RETURN :r.x || :a; END FOR; END;",
		"DIALECT 1; CREATE VIEW v AS SELECT 1; CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN SELECT 1; END;",
		"DIALECT 1; USE bank@2 AS b; CREATE ACTION f(:n INTEGER DEFAULT -1) AS BEGIN LET :x = CALL b.pay(:n, -1, to => 'x'); CALL f(n => :x); CALL f(); END;",
		"DIALECT 1; USE a AS b; USE b AS a; CREATE ACTION f() READONLY AS BEGIN FOR r IN (SELECT 1 AS x) DO CALL a.g(:r.x || 'a', (SELECT 1)); END FOR; END;",
		"DIALECT 1; CREATE ACTION f() AS BEGIN IF 1 THEN LET :x = CASE 1 WHEN 1 THEN 2 END; ELSEIF 2 THEN EMIT e(a => @time); END IF; END;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := Compile("shop", source)
		if err != nil {
			shown(t, err) // every refusal is for a person
			return
		}
		again, err := Compile("shop", source)
		if err != nil {
			t.Fatal(err)
		}
		if describeContract(t, c) != describeContract(t, again) {
			t.Fatal("two compilations differ")
		}
		if p, err := PlanDeploy(c, again, 1); err != nil || len(p.Entries) > 0 {
			t.Fatalf("a contract differs from itself:\n%s", p)
		}
	})
}
