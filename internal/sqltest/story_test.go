package sqltest

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// failures gives the first line of each failed test's error, "" where it passed.
func failures(t *testing.T, text string) []string {
	t.Helper()
	f := run(t, text)
	if f.Err != nil {
		t.Fatal(f.Err)
	}
	var list []string
	for _, x := range f.Tests {
		line := ""
		if x.Err != nil {
			line, _, _ = strings.Cut(x.Err.Error(), "\n")
		}
		list = append(list, line)
	}
	return list
}

// TestFailures: what does not hold is told with its place; the next test runs
// all the same and sees nothing of it.
func TestFailures(t *testing.T) {
	for _, c := range []struct{ step, want string }{
		{"CALL sel('tea', 1);", "1:15: contract shop has no action sel; it has: add_item, set_price, sell, price"},
		{"CALL shp.sell('tea', 1);", "1:15: there is no contract shp here"},
		{"CALL sell('tea', 1, 2);", "1:35: sell takes 2 arguments: sku, n"},
		{"CALL sell('tea', sku => 'cup');", "argument sku is given twice"},
		{"CALL sell(n => 1, 'tea');", "a value without a name stands behind one with a name"},
		{"CALL sell('tea');", "shop.sell is refused: AG0403"},
		{"CALL price('tea') FAILS 'AG0410';", "shop.price should fail with 'AG0410', and succeeds"},
		{"AS bob: CALL add_item('tea', 1) FAILS 'AG0410';", "shop.add_item should fail with 'AG0410', and fails with AG0402"},
		{"CALL price('tea') RETURNS (1);", "shop.price returns no row, expected is (1)"},
		{"EXPECT SELECT 1 = '1';", "the query gives 1, expected is '1'"},
		{"EXPECT SELECT NULL = NULL; EXPECT SELECT x'00' = x'01';", "the query gives x'00', expected is x'01'"},
		{"EXPECT SELECT 1, 2 = 1;", "the query has 2 columns, and 1 are expected"},
		{"EXPECT EMPTY SELECT 1;", "the query gives (1), expected is no row"},
		{"EXPECT SELECT 0.5 = 0.25;", "the query gives 0.5, expected is 0.25"},
		{"EXPECT SELECT count(*) FROM itm = 0;", "itm"},
		{"SWITCH eu;", "there is no branch eu: BRANCH eu makes it"},
		{"MERGE eu;", "there is no branch eu"},
		{"BRANCH eu; BRANCH eu;", "there is a branch eu already"},
		{"AT '2026-03-01'; AT '2026-02-01';", "it is 2026-03-01T00:00:00 already, and time does not go back"},
		{"EXPECT EVENT sold;", "no call before this one has succeeded"},
		{"CALL add_item('tea', 1); EXPECT EVENT sold;", "shop.add_item emits no event"},
		{"DEPLOY nothing;", "there is no file nothing.sql"},
		{"GRANT admin TO bob;", "AG04"},
	} {
		got := failures(t, "TEST 'red' AS "+c.step+" END;\n"+story)
		if len(got) != 2 || !strings.Contains(got[0], c.want) || !strings.HasPrefix(got[0], "shop_test.sql:1:") || got[1] != "" {
			t.Errorf("%s\ngives %q\nand not %s", c.step, got, c.want)
		}
	}
}

// TestDifference: many rows are told as a table of what differs.
func TestDifference(t *testing.T) {
	f := run(t, `TEST 'rows' AS
  CALL add_item('apple juice', 1); CALL add_item('beer', 2); CALL add_item('cider', 3); CALL add_item('milk', 4); CALL add_item('water', 5);
  EXPECT SELECT sku, price FROM item ORDER BY sku = ('apple juice', 1), ('beer', 2), ('cider', 4), ('coffee', NULL), ('milk', 4), ('water', 5);
END;`)
	want := `shop_test.sql:3:53: the query gives other rows (- expected, + came)
 3 |   EXPECT SELECT sku, price FROM item ORDER BY sku = ('apple juice', 1), ('beer', 2), ('cider', 4), ('coffee', NU…
   |                                                     ^
     sku            price
     'apple juice'  1
     'beer'         2
  -  'cider'        4
  -  'coffee'       NULL
  +  'cider'        3
     'milk'         4
     'water'        5`
	if got := f.Tests[0].Err.Error(); got != want {
		t.Errorf("%s\nand not\n%s", got, want)
	}
}

// TestTwoContracts: other contracts of the folder, for all tests or for one.
func TestTwoContracts(t *testing.T) {
	f := run(t, "DEPLOY other; TEST 'a' AS AS bob: CALL other.put(7); EXPECT SELECT k FROM other.t = 7; END;"+
		"TEST 'b' AS DEPLOY other; EXPECT EMPTY SELECT * FROM t; END;")
	if f.Err != nil || f.Failed() > 0 || len(f.Actions) != 4 || f.Covered() != 0 {
		t.Errorf("%v %+v %+v", f.Err, f.Tests, f.Actions)
	}
	got := failures(t, "TEST 'here' AS DEPLOY other; CALL other.put(1); END; TEST 'not there' AS CALL other.put(1); END;")
	if got[0] != "" || !strings.Contains(got[1], "there is no contract other here") {
		t.Error(got)
	}
}

// TestSameEveryTime: what a test sees of chance and time does not depend on the
// run, nor on the tests before it.
func TestSameEveryTime(t *testing.T) {
	dir := fstest.MapFS{
		"c.sql": {Data: []byte(`DIALECT 1; CREATE ACTION tell() PUBLIC RETURNS (id TEXT, at INTEGER) AS BEGIN RETURN @txid, @time; END;`)},
		"c_test.sql": {Data: []byte(`TEST 'other' AS CALL tell(); BRANCH x; CALL tell(); END;
			TEST 'tell' AS AS bob: CALL tell() RETURNS ('?', 0); END;`)},
	}
	all := Run(context.Background(), dir, "c_test.sql", Options{})
	alone := Run(context.Background(), dir, "c_test.sql", Options{Match: regexp.MustCompile("^tell$")})
	if all.Err != nil || alone.Err != nil || len(all.Tests) != 2 || len(alone.Tests) != 1 || alone.Skipped != 1 {
		t.Fatal(all, alone)
	}
	a, b := all.Tests[1].Err.Error(), alone.Tests[0].Err.Error()
	if a != b || !strings.Contains(a, "1767225600000") {
		t.Errorf("%s\n%s", a, b)
	}
}

// TestInterrupt: an interrupted run ends and says so.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := Run(ctx, fstest.MapFS{"shop.sql": {Data: []byte(shop)}, "shop_test.sql": {Data: []byte(story)}}, "shop_test.sql", Options{})
	if f.Err == nil || len(f.Tests) > 0 {
		t.Error(f)
	}
}
