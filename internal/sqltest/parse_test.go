package sqltest

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// TestRefusals tries what a file must not say; the place is where the bar stands.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"|SELECT 1;", "expected TEST"},
		{"TEST |AS END;", "the test's name"},
		{"TEST |'' AS CALL a(); END;", "needs a name"},
		{"TEST 'a' |CALL a(); END;", "expected AS"},
		{"|TEST 'a' AS END;", "holds no statement"},
		{"|TEST 'a' AS CALL a();", "has no END"},
		{"TEST 'a' AS CALL a(); END|", "a semicolon, found the end of the file"},
		{"TEST 'a' AS CALL a(); END; TEST |'a' AS CALL a(); END;", "another test of this name"},
		{"TEST 'a' AS CALL a(); END; |DEPLOY b;", "expected TEST"},
		{"TEST 'a' AS AS bob |CALL a(); END;", "a colon"},
		{"TEST 'a' AS AS bob: |MERGE eu; END;", "done by @owner"},
		{"TEST 'a' AS AS |@bob::eve: CALL a(); END;", "letters a-z"},
		{"TEST 'a' AS CALL a|; END;", "( and the arguments"},
		{"TEST 'a' AS CALL a(1 |2); END;", "a comma or )"},
		{"TEST 'a' AS CALL a(|b); END;", "a value"},
		{"TEST 'a' AS CALL a(-|'b'); END;", "a number"},
		{"TEST 'a' AS CALL a(|'b' || 1); END;", "joins texts"},
		{"TEST 'a' AS CALL a(|99999999999999999999); END;", "does not fit"},
		{"TEST 'a' AS CALL a(|'b); END;", "a quote that is not closed"},
		{"TEST 'a' AS CALL a() FAILS |AG0410; END;", "the code or the text"},
		{"TEST 'a' AS CALL a() RETURNS |1; END;", "a row in parentheses"},
		{"TEST 'a' AS CALL a() RETURNS (1), (1, 2|); END;", "another number of values"},
		{"TEST 'a' AS EXPECT |stock = 1; END;", "SELECT"},
		{"TEST 'a' AS EXPECT |SELECT 1; END;", "compared with nothing"},
		{"TEST 'a' AS EXPECT |SELECT (1 = 1); END;", "compared with nothing"},
		{"TEST 'a' AS EXPECT SELECT 1 = 1 |+ 1; END;", "behind the expected value"},
		{"TEST 'a' AS EXPECT EVENT b(|1); END;", "name => value"},
		{"TEST 'a' AS MERGE eu EXPECT |1; END;", "INCLUDED"},
		{"TEST 'a' AS MERGE eu EXPECT INCLUDED |-1; END;", "a number of transactions"},
		{"TEST 'a' AS GRANT m |FROM bob; END;", "TO persona"},
		{"TEST 'a' AS AT |'noon'; END;", "a time is written"},
		{"TEST 'a' AS AT |'2025-12-31'; END;", "does not go back"},
		{"TEST 'a' AS BRANCH |; END;", "the name of a branch"},
	} {
		place := strings.IndexByte(c.text, '|')
		text := c.text[:place] + c.text[place+1:]
		_, err := parse("a_test.sql", "a", text)
		f := fault.Of(err)
		if f == nil || f.ID != codeText || !strings.Contains(f.What, c.want) {
			t.Errorf("%s\n%v", c.text, err)
			continue
		}
		lines := strings.Split(f.What, "\n")
		if caret := lines[len(lines)-1]; strings.Index(caret, "^") != len(" 1 | ")+place {
			t.Errorf("the place is wrong:\n%v", err)
		}
	}
}

// FuzzParse: any text is refused or parsed, and what is parsed has tests.
func FuzzParse(f *testing.F) {
	f.Add(story)
	f.Add("TEST 'a' AS EXPECT WITH x AS (SELECT @bob AS y) SELECT y FROM x = @bob; CALL b.c(-9223372036854775808, x'00', n => NULL) RETURNS (1.5, TRUE), (2, 'it''s'); END;")
	f.Add("DEPLOY b; TEST 'a' AS AS @owner:CALL a(); EXPECT EVENT e(x => 1); MERGE 'eu/x' STRICT EXPECT EXCLUDED 0; GRANT r OF b TO eve; AT '2026-02-01'; END;")
	f.Add("TEST 'a' AS EXPECT SELECT = ; END;")
	f.Add("TEST 'a' AS EXPECT EMPTY SELECT; :a:b(c) '")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse("a_test.sql", "a", text)
		if err == nil && len(s.tests) == 0 {
			t.Error("no tests and no error")
		}
	})
}
