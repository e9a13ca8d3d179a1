package aergosql_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// written are the contracts and tests that people wrote: the formatter follows
// them.
func written(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, p := range []string{"../cli/templates/*.sql", "../../examples/*/*.sql", "../../sqlcontract/testdata/good/*.sql", "../../sqlcontract/system/*.sql"} {
		found, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 20 {
		t.Fatalf("%d files only", len(files))
	}
	return files
}

// TestFormatFollowsTheHand: what is written with care stays as it is.
func TestFormatFollowsTheHand(t *testing.T) {
	for _, file := range written(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := aergosql.Format(file, string(text))
		if err != nil {
			t.Fatal(err)
		}
		if got == string(text) {
			continue
		}
		a, b := strings.Split(string(text), "\n"), strings.Split(got, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Errorf("%s:%d\n%s\n%s", file, i+1, a[i], b[i])
				break
			}
		}
	}
}

func TestFormat(t *testing.T) {
	in := "dialect 1 ;\ncreate table T(\n\tid text primary key , -- the key\n longer_name   integer not null default 0 check(longer_name>=0),\n  key text,   -- not a keyword\n" +
		"primary   key(id)\n\n\n\n) ;create action do_it(:a text,:n integer default 0) owner as begin\nif :n=1 then update t set key=:a||'x' where id = :a ; elseif :n = 2 then return; else\n" +
		"emit ev(from=>:a,to => @caller); end if;\nfor r in (select id from t\n  where id <> :a) do let :x = :r.key; end for ; -- done\n-- the end\nend;\n" +
		"create action one(:a text) public as\nbegin select id from t; end;\n/* last */"
	want := `DIALECT 1;
CREATE TABLE T(
  id          TEXT PRIMARY KEY, -- the key
  longer_name INTEGER NOT NULL DEFAULT 0 CHECK(longer_name >= 0),
  key         TEXT,             -- not a keyword
  PRIMARY KEY(id)

);
CREATE ACTION do_it(:a TEXT, :n INTEGER DEFAULT 0) OWNER AS BEGIN
  IF :n = 1 THEN
    UPDATE t SET key = :a || 'x' WHERE id = :a;
  ELSEIF :n = 2 THEN
    RETURN;
  ELSE
    EMIT ev(from => :a, to => @caller);
  END IF;
  FOR r IN (SELECT id FROM t
    WHERE id <> :a) DO LET :x = :r.key; END FOR; -- done
  -- the end
END;
CREATE ACTION one(:a TEXT) PUBLIC AS
BEGIN SELECT id FROM t; END;
/* last */
`
	got, err := aergosql.Format("x.sql", in)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s", got)
	}
}

// FuzzFormat leaves compiling, which is slow, to TestFormatShuffled.
func FuzzFormat(f *testing.F) {
	for _, file := range written(f) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
		f.Add(strings.Join(strings.Fields(string(text)), " "))
	}
	f.Add("create table t(a text); -- x\r\n\t/* y */ begin if then else end case ) ( => . .5 1 .a")
	f.Fuzz(func(t *testing.T, text string) {
		once, err := aergosql.Format("x.sql", text)
		if err != nil {
			return
		}
		if err := aergosql.EqualTokens(text, once); err != nil {
			t.Fatal(err)
		}
		twice, err := aergosql.Format("x.sql", once)
		if err != nil || twice != once {
			t.Fatalf("%v\n%q\n%q\n%q", err, text, once, twice)
		}
	})
}

// TestFormatShuffled loses the blanks of contracts, and the case of keywords,
// and lays them out: the tokens stay, a second time changes nothing, and the
// contract is the same but for its text.
func TestFormatShuffled(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	for _, file := range written(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, tok := range aergosql.Lex(string(text)) {
			s := string(text)[tok.Start:tok.End]
			switch {
			case tok.Kind == aergosql.Space && strings.TrimSpace(s) == "":
				b.WriteString([]string{" ", "\n", "\t", "\r\n\n\n", "    "}[rnd.IntN(5)])
			case strings.HasPrefix(s, "--"):
				b.WriteString(s + "\n")
			case tok.Kind == aergosql.Word && rnd.IntN(2) == 0 && strings.ToUpper(s) == s:
				b.WriteString(strings.ToLower(s))
			default:
				b.WriteString(s)
			}
		}
		once, err := aergosql.Format(file, b.String())
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, file, err)
		}
		if twice, err := aergosql.Format(file, once); err != nil || twice != once {
			t.Fatalf("seed %d, %s: %v\n%s\n%s", seed, file, err, once, twice)
		}
		if strings.HasSuffix(file, "_test.sql") || strings.Contains(file, "system") {
			continue
		}
		before, err := sqlcontract.Compile("x", string(text))
		if err != nil {
			t.Fatal(err)
		}
		after, err := sqlcontract.Compile("x", once)
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, file, err)
		}
		if err := aergosql.EqualTokens(string(text), once); err != nil || !reflect.DeepEqual(stripped(before), stripped(after)) {
			t.Fatalf("seed %d, %s: another contract, %v", seed, file, err)
		}
	}
}

// stripped is what a contract says to callers.
func stripped(c *sqlcontract.Contract) any {
	a := c.ABI()
	return []any{a.Actions, a.Tables, len(c.Schema), len(c.Rules), len(c.Invariants)}
}
