package sqlcontract

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const tracedBank = `DIALECT 1;
CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
CREATE TABLE journal (n INTEGER PRIMARY KEY, id INTEGER NOT NULL);
CREATE TRIGGER note AFTER UPDATE ON account BEGIN
  INSERT INTO journal SELECT count(*), new.id FROM journal;
END;
CREATE ACTION begin() CONSTRUCTOR AS BEGIN
  INSERT INTO account VALUES (1, 100), (2, 0);
END;
CREATE ACTION pay(:from INTEGER, :to INTEGER, :n INTEGER) PUBLIC RETURNS (left INTEGER) AS
BEGIN
  REQUIRE :n > 0 ELSE 'n must be positive';
  IF :n > 50 THEN
    REQUIRE :from <> :to;
  END IF;
  FOR r IN (SELECT id FROM account WHERE id IN (:from, :to) ORDER BY id) DO
    UPDATE account SET balance = balance + CASE WHEN id = :from THEN -:n ELSE :n END WHERE id = :r.id;
  END FOR;
  RETURN SELECT balance FROM account WHERE id = :from;
END;
CREATE ACTION left(:id INTEGER) PUBLIC READONLY RETURNS (left INTEGER) AS
BEGIN
  SELECT balance FROM account WHERE id = :id;
END;
`

// lines words steps: "17 depth 0 rows 2 changes 0".
func lines(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		line := "end"
		if s.Statement != nil {
			line = s.Action.Name + " " + fmt.Sprint(s.Statement.Line)
		}
		fmt.Fprintf(&b, "%s: rows %d, changes %d", line, s.Rows, s.Changes)
		switch s.Truth {
		case True:
			b.WriteString(", true")
		case False:
			b.WriteString(", false")
		}
		if s.Code != "" {
			fmt.Fprintf(&b, ", %s %s", s.Code, s.Text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// traced runs one transaction in a block that is given up, watched or not.
func (w *world) traced(tx VerifiedTransaction, watch bool) (Receipt, []Step) {
	w.t.Helper()
	s, err := w.tree.Begin(Block{Branch: w.branch, Number: w.number + 1, Time: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Rollback()
	var steps []Step
	if watch {
		s.Observe(func(st Step) {
			st.run = nil
			steps = append(steps, st)
		})
	}
	receipt, err := s.Run(tx)
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt, steps
}

func TestTrace(t *testing.T) {
	w := newWorld(t, "")
	deploy := w.request("alice", "bank", "", args{"source": tracedBank})
	deploy.Kind, deploy.GasLimit = KindDeploy, MaxGas
	tx := w.sign("alice", deploy)
	w.good(tx)
	for _, c := range []struct {
		n    int64
		want string
	}{
		{10, `
pay 12: rows 1, changes 0, true
pay 13: rows 1, changes 0, false
pay 17: rows 0, changes 2
pay 17: rows 0, changes 2
pay 16: rows 2, changes 0
pay 19: rows 1, changes 0
end: rows 0, changes 0
`},
		{60, `
pay 12: rows 1, changes 0, true
pay 14: rows 1, changes 0, true
pay 13: rows 1, changes 0, true
pay 17: rows 0, changes 2
pay 17: rows 0, changes 2
pay 16: rows 2, changes 0
pay 19: rows 1, changes 0
end: rows 0, changes 0
`},
		{0, `
pay 12: rows 2, changes 0, false, AG0410 n must be positive
end: rows 0, changes 0, AG0410 n must be positive
`},
		{101, `
pay 12: rows 1, changes 0, true
pay 14: rows 1, changes 0, true
pay 13: rows 1, changes 0, true
pay 17: rows 0, changes 0, AG0411 balance >= 0
pay 16: rows 2, changes 0, AG0411 balance >= 0
end: rows 0, changes 0, AG0411 balance >= 0
`},
	} {
		tx := w.tx("bob", "bank.pay", args{"from": int64(1), "to": int64(2), "n": c.n})
		plain, _ := w.traced(tx, false)
		receipt, steps := w.traced(tx, true)
		if !reflect.DeepEqual(plain, receipt) {
			t.Errorf("watched: %+v\nalone:   %+v", receipt, plain)
		}
		if got := lines(steps); got != c.want[1:] {
			t.Errorf("paying %d:\n%s", c.n, got)
		}
		var sum uint64
		for _, s := range steps {
			sum += s.Gas
		}
		if gas := (sum + gasUnit - 1) / gasUnit; gas != receipt.Gas {
			t.Errorf("the steps come to %d gas, the receipt says %d", gas, receipt.Gas)
		}
	}
}

// The observer of a READONLY call and of a constructor; a list of an action's
// statements.
func TestTraceElsewhere(t *testing.T) {
	w := newWorld(t, "")
	deploy := w.request("alice", "bank", "", args{"source": tracedBank})
	deploy.Kind, deploy.GasLimit = KindDeploy, MaxGas
	tx := w.sign("alice", deploy)
	if _, steps := w.traced(tx, true); lines(steps) != "begin 8: rows 0, changes 2\nend: rows 0, changes 0\n" {
		t.Errorf("deploying:\n%s", lines(steps))
	}
	w.good(tx)
	var steps []Step
	_, err := w.tree.CallReadOnly(ReadCall{Contract: "bank", Action: "left", Args: args{"id": int64(1)}, Observe: func(s Step) { steps = append(steps, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if lines(steps) != "left 23: rows 1, changes 0\nend: rows 0, changes 0\n" {
		t.Errorf("reading:\n%s", lines(steps))
	}
	c, _, _, err := w.tree.Contract("bank")
	if err != nil {
		t.Fatal(err)
	}
	var at []int
	for st := range c.Action("pay").Statements() {
		at = append(at, st.Line)
	}
	if !reflect.DeepEqual(at, []int{12, 13, 14, 16, 17, 19}) {
		t.Errorf("statements in lines %v", at)
	}
}
