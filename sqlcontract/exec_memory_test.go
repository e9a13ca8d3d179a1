package sqlcontract

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/sqlfunc"
)

// What a FOR has read is in memory until its body has run for each row, and
// gas alone would pay for gigabytes.
func TestLoopRowsAreBounded(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("mallory", "hoard", `DIALECT 1;
CREATE ACTION one(:s TEXT) PUBLIC AS BEGIN
  FOR a IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i, :s AS s FROM r) DO LET :x = :a.i; END FOR;
END;
CREATE ACTION nested(:s TEXT) PUBLIC AS BEGIN
  FOR a IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 600) SELECT i, :s AS s FROM r) DO
    FOR b IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 600) SELECT i, :s AS s FROM r) DO LET :x = :b.i; END FOR;
  END FOR;
END;
CREATE ACTION again(:s TEXT) PUBLIC AS BEGIN
  FOR a IN (SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3) DO
    FOR b IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 600) SELECT i, :s AS s FROM r) DO LET :x = :b.i; END FOR;
  END FOR;
END;`)
	run := func(action string) Receipt {
		r := w.request("bob", "hoard", action, args{"s": strings.Repeat("x", 60_000)})
		r.GasLimit = 20_000_000
		return w.block(w.sign("bob", r))[0]
	}
	for _, action := range []string{"one", "nested"} {
		if r := run(action); r.Code != "AG0421" || r.Text != "for" {
			t.Errorf("%s: %s %q, gas %d", action, r.Code, r.Text, r.Gas)
		}
	}
	if r := run("again"); r.Status != StatusOK { // one after the other they fit
		t.Errorf("again: %s %q", r.Code, r.Text)
	}
	w.replay("", func(i int) bool { return i == 2 })
}

// A statement whose rows have used up the gas stops soon, and what ran before
// it in the block stands.
func TestEndlessFatRows(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("mallory", "fat", `DIALECT 1;
CREATE TABLE t (k INTEGER PRIMARY KEY, s TEXT);
CREATE TRIGGER again AFTER DELETE ON t BEGIN SELECT RAISE(ABORT, 'never'); END;
CREATE ACTION put(:k INTEGER) PUBLIC AS BEGIN INSERT INTO t VALUES (:k, 'y'); END;
CREATE ACTION endless(:s TEXT) PUBLIC AS BEGIN
  INSERT INTO t WITH RECURSIVE r(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM r) SELECT i, :s FROM r;
END;`)
	w.good(w.tx("bob", "fat.put", args{"k": int64(1)}))
	r := w.request("bob", "fat", "endless", args{"s": strings.Repeat("x", 60_000)})
	r.GasLimit = 20_000
	answers := w.block(w.tx("bob", "fat.put", args{"k": int64(2)}), w.sign("bob", r), w.tx("bob", "fat.put", args{"k": int64(3)}))
	if answers[1].Code != "AG0420" || answers[1].Gas != 20_000 {
		t.Errorf("endless rows: %+v", answers[1])
	}
	w.want("fat", "t", "[1] [y]\n[2] [y]\n[3] [y]\n")
	w.replay("", func(i int) bool { return i == 1 })
}

// A statement that is paid for no more runs on for as long as putting the
// block's rows back would take, not longer.
func TestTickStops(t *testing.T) {
	for _, changed := range []int{0, 1, 1000} {
		m := newMeter(100)
		m.start(&Query{weight: sqlfunc.Least()}, changed)
		m.add(101 * gasUnit) // the hook's
		steps := uint64(0)
		for steps = m.every; !m.tick(); steps += m.every {
		}
		if most := min(uint64(changed)*stepsPerRow, mostGrace) + m.every; steps > most {
			t.Errorf("%d rows: stopped after %d steps, not %d", changed, steps, most)
		}
	}
}
