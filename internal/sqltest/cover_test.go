package sqltest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

const gate = `DIALECT 1;
CREATE TABLE t (k INTEGER PRIMARY KEY NOT NULL, v INTEGER NOT NULL);
CREATE ACTION put(:k INTEGER, :v INTEGER) PUBLIC AS
BEGIN
  REQUIRE :k > 0
     AND :v > 0 ELSE 'above 0';
  IF :k > 9 THEN
    REQUIRE :k < 99;
  ELSEIF :k = 5 THEN
    LET :v = 55;
  END IF;
  INSERT INTO t VALUES (:k, :v);
END;
CREATE ACTION each() PUBLIC RETURNS (v INTEGER) AS
BEGIN
  FOR x IN (SELECT k, v FROM t) DO EMIT one(k => :x.k); END FOR;
  SELECT v FROM t ORDER BY v;
END;
CREATE ACTION first() PUBLIC READONLY RETURNS (k INTEGER) AS
BEGIN SELECT k FROM t LIMIT 1; END;
CREATE ACTION unseen() PRIVATE AS BEGIN REQUIRE 1 = 1; END;
`

func gates(t *testing.T, text string) File {
	t.Helper()
	f := Run(context.Background(), fstest.MapFS{"gate.sql": {Data: []byte(gate)}, "gate_test.sql": {Data: []byte(text)}}, "gate_test.sql", Options{})
	if f.Err != nil || f.Failed() > 0 {
		t.Fatal(f.Err, f.Tests)
	}
	return f
}

// TestConditions: a REQUIRE or IF is covered when it was seen both ways, in a
// merge or in any of the ledgers that share the tests.
func TestConditions(t *testing.T) {
	show := func(f File) string {
		var b strings.Builder
		for _, c := range f.Conditions {
			fmt.Fprintf(&b, "%s:%d %s %s %d/%d\n", c.Action, c.Line, c.Kind, c.Text, c.True, c.False)
		}
		return b.String()
	}
	const one = "AS bob: CALL put(1, 1); AS bob: CALL put(0, 1) FAILS 'above 0'; AS bob: CALL put(100, 1) FAILS 'AG0410'; BRANCH b; CALL put(5, 1); SWITCH main; MERGE b;"
	f := gates(t, "TEST 'a' AS "+one+" END;")
	want := "put:5 REQUIRE :k > 0 AND :v > 0 4/1\nput:7 IF :k > 9 1/3\nput:8 REQUIRE :k < 99 0/1\nput:9 IF :k = 5 2/1\nunseen:21 REQUIRE 1 = 1 0/0\n"
	if got := show(f); got != want {
		t.Errorf("%s\nand not\n%s", got, want)
	}
	if covered, total := f.Requires(); covered != 1 || total != 3 {
		t.Error(covered, total)
	}
	if covered, total := f.Ifs(); covered != 2 || total != 2 || f.Covered() != 1 {
		t.Error(covered, total)
	}
	var many strings.Builder
	for i := range 3 * testsPerWorker {
		fmt.Fprintf(&many, "TEST 't%d' AS %s END;\n", i, one)
	}
	f = gates(t, many.String())
	if len(f.Conditions) != 5 || f.Conditions[0].True != 3*testsPerWorker*4 || f.Actions[0].Called != 3*testsPerWorker*4 {
		t.Error(show(f), f.Actions)
	}
}

// TestOrder: a test that passes and would show something else if rows came in
// another order says so, with its line; one that asks for an order does not.
func TestOrder(t *testing.T) {
	const rows = "CALL put(1, 20); CALL put(2, 10); CALL put(3, 10);"
	for _, c := range []struct{ steps, want string }{
		{rows + " EXPECT SELECT k FROM t = (1), (2), (3);", "gate_test.sql:2:1"},
		{rows + " EXPECT SELECT k FROM t ORDER BY v = (2), (3), (1);", "gate_test.sql:2:1"},
		{rows + " EXPECT SELECT k FROM t ORDER BY v, k = (2), (3), (1);", ""},
		{rows + " EXPECT SELECT group_concat(k, '') FROM t = '123';", "gate_test.sql:2:1"},
		{rows + " EXPECT SELECT group_concat(k, '' ORDER BY k) FROM t = '123';", ""},
		{rows + " CALL each();", "several rows come from gate.sql:16"},
		{rows + " CALL first() RETURNS (1);", "gate_test.sql:2:1"},
		{"CALL put(1, 1); CALL each(); CALL first() RETURNS (1);", ""},
		{rows + " EXPECT SELECT count(*) FROM t = 3;", ""},
	} {
		f := gates(t, "TEST 'rows' AS\n"+strings.ReplaceAll(c.steps, "; ", ";\n")+" END;")
		at := strings.Count(c.steps, "; ") + 2
		want := strings.Replace(c.want, ":2:", fmt.Sprintf(":%d:", at), 1)
		if got := f.Tests[0].Warning; !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s\n%q", c.steps, got)
		}
	}
}
