package sqlcontract

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const hostile = `DIALECT 1;
CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER, b BLOB);
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE many (id INTEGER PRIMARY KEY);
CREATE TRIGGER many_one AFTER DELETE ON many BEGIN SELECT RAISE(ABORT, 'keep it'); END;

CREATE ACTION set(:k TEXT, :n INTEGER DEFAULT NULL, :b BLOB DEFAULT NULL) PUBLIC AS BEGIN
  INSERT INTO t VALUES (:k, :n, :b) ON CONFLICT DO UPDATE SET n = :n, b = :b;
END;
CREATE ACTION endless() PUBLIC RETURNS (n INTEGER) AS BEGIN
  SELECT count(*) FROM (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r);
END;
CREATE ACTION endless_rows() PUBLIC AS BEGIN
  INSERT INTO many WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r;
END;
CREATE ACTION endless_for() PUBLIC AS BEGIN
  FOR a IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r) DO LET :x = :a.i; END FOR;
END;
CREATE ACTION loops() PUBLIC AS BEGIN
  FOR a IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 1000) SELECT i FROM r) DO
    FOR b IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 1000) SELECT i FROM r) DO
      LET :x = :a.i * :b.i;
    END FOR;
  END FOR;
END;
CREATE ACTION fat() PUBLIC AS BEGIN LET :x = length(hex(zeroblob(50000000))); END;
CREATE ACTION fatter(:s TEXT) PUBLIC AS BEGIN LET :x = :s || :s || :s || :s; END;
CREATE ACTION burn() PUBLIC AS BEGIN
  LET :x = (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 1000000) SELECT sum(length(hex(zeroblob(30000 + i % 7)))) FROM r);
END;
CREATE ACTION nul() PUBLIC AS BEGIN INSERT INTO t(k) VALUES ('a' || char(0)); END;
CREATE ACTION bad_text() PUBLIC AS BEGIN INSERT INTO t(k) VALUES (CAST(x'ff' AS TEXT)); END;
CREATE ACTION bad_text_let() PUBLIC AS BEGIN LET :x = CAST(x'ff' AS TEXT); END;
CREATE ACTION bad_text_emit() PUBLIC AS BEGIN EMIT e(x => CAST(x'ff' AS TEXT)); END;
CREATE ACTION over_store() PUBLIC AS BEGIN INSERT INTO t VALUES ('o', 9223372036854775807 + 1, NULL); END;
CREATE ACTION over_let() PUBLIC AS BEGIN LET :x = 9223372036854775807 + 1; END;
CREATE ACTION over_return() PUBLIC RETURNS (n INTEGER) AS BEGIN RETURN 9223372036854775807 * 2; END;
CREATE ACTION over_emit() PUBLIC AS BEGIN EMIT e(x => -9223372036854775807 - 2); END;
CREATE ACTION over_sum() PUBLIC AS BEGIN LET :x = (SELECT sum(n) FROM (SELECT 9223372036854775807 AS n UNION ALL SELECT 1)); END;
CREATE ACTION over_inside() PUBLIC RETURNS (n INTEGER) AS BEGIN RETURN 9223372036854775807 + 1 > 5; END;
CREATE ACTION wrong_type() PUBLIC RETURNS (n INTEGER) AS BEGIN RETURN 'x'; END;
CREATE ACTION wrong_store() PUBLIC AS BEGIN INSERT INTO t VALUES ('w', 'x', NULL); END;
CREATE ACTION long_key(:k TEXT) PUBLIC AS BEGIN INSERT INTO t(k) VALUES (:k || :k); END;
CREATE ACTION big_answer(:s TEXT) PUBLIC RETURNS (s TEXT) AS BEGIN
  WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 5000) SELECT :s FROM r;
END;
CREATE ACTION big_events(:s TEXT) PUBLIC AS BEGIN
  FOR a IN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 5000) SELECT i FROM r) DO EMIT e(s => :s); END FOR;
END;
CREATE ACTION dangling() PUBLIC AS BEGIN INSERT INTO child VALUES (1, 77); END;
CREATE ACTION mended() PUBLIC AS BEGIN INSERT INTO child VALUES (1, 77); INSERT INTO parent VALUES (77); END;
CREATE ACTION keep() PUBLIC AS BEGIN INSERT INTO many VALUES (1); DELETE FROM many; END;
CREATE ACTION not_null() PUBLIC AS BEGIN INSERT INTO t(k) VALUES (NULL); END;
CREATE ACTION pattern(:s TEXT) PUBLIC AS BEGIN LET :x = 'a' LIKE :s; END;
CREATE ACTION require_text() PUBLIC AS BEGIN INSERT INTO t(k) VALUES ('gone'); REQUIRE 0 ELSE 'because ' || 1; END;
CREATE ACTION require_null() PUBLIC AS BEGIN REQUIRE NULL; END;
CREATE ACTION require_word() PUBLIC AS BEGIN REQUIRE '1x' ELSE 'no'; REQUIRE '0.5' ELSE 'no'; REQUIRE 'x' ELSE 'words are false'; END;
CREATE ACTION returns_early() PUBLIC RETURNS (n INTEGER) AS BEGIN
  FOR a IN (SELECT 1 AS i UNION ALL SELECT 2) DO IF :a.i = 2 THEN RETURN 7; ELSE LET :y = 1; END IF; END FOR;
  REQUIRE 0 ELSE 'not reached';
END;
CREATE ACTION context() PUBLIC RETURNS (a TEXT, b TEXT, c TEXT, d INTEGER, e INTEGER, f INTEGER, g TEXT, h TEXT) AS BEGIN
  RETURN @caller, @signer, @txid, @created, @height, @time, @ledger, @contract;
END;
`

func TestHostileContracts(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("mallory", "trap", hostile)
	before := w.rows("trap", "t") + w.rows("trap", "many") + w.rows("trap", "child")
	long := strings.Repeat("x", 20_000)
	for _, c := range []struct {
		action     string
		a          args
		code, text string
	}{
		{"endless", nil, "AG0420", ""},
		{"endless_rows", nil, "AG0420", ""},
		{"endless_for", nil, "AG0420", ""},
		{"loops", nil, "AG0420", ""},
		{"burn", nil, "AG0420", ""},
		{"fat", nil, "AG0421", ""},
		{"fatter", args{"s": long}, "AG0421", ""},
		{"fatter", args{"s": strings.Repeat(long, 4)}, "AG0421", ""},
		{"nul", nil, "AG0416", "t.k"},
		{"bad_text", nil, "AG0416", "t.k"},
		{"bad_text_let", nil, "AG0416", ""},
		{"bad_text_emit", nil, "AG0416", ""},
		{"over_store", nil, "AG0416", "t.n"},
		{"over_let", nil, "AG0417", ""},
		{"over_return", nil, "AG0417", ""},
		{"over_emit", nil, "AG0417", ""},
		{"over_sum", nil, "AG0417", ""},
		{"wrong_type", nil, "AG0416", "n"},
		{"wrong_store", nil, "AG0416", "t.n"},
		{"long_key", args{"k": strings.Repeat("k", 600)}, "AG0421", "t"},
		{"set", args{"k": "a\x00b"}, "AG0403", "k"},
		{"set", args{"k": nil}, "AG0403", "k"},
		{"set", args{"k": []byte("a")}, "AG0403", "k"},
		{"set", args{"k": "a", "b": []byte(strings.Repeat("y", 66_000))}, "AG0421", ""},
		{"big_answer", args{"s": "fourteen bytes"}, "AG0421", "receipt"},
		{"big_events", args{"s": "fourteen bytes"}, "AG0421", "receipt"},
		{"dangling", nil, "AG0414", ""},
		{"keep", nil, "AG0410", "keep it"},
		{"not_null", nil, "AG0413", "t.k"},
		{"pattern", args{"s": strings.Repeat("%_", 2000)}, "AG0429", ""},
		{"require_text", nil, "AG0410", "because 1"},
		{"require_null", nil, "AG0410", ""},
		{"require_word", nil, "AG0410", "words are false"},
	} {
		t.Run(c.action, func(t *testing.T) {
			request := w.request("bob", "trap", c.action, c.a)
			request.GasLimit = 200_000
			tx := w.sign("bob", request)
			start := time.Now()
			r := w.bad(tx, c.code, c.text)
			t.Logf("gas %d in %s", r.Gas, time.Since(start))
			if c.code == "AG0420" && r.Gas != request.GasLimit {
				t.Errorf("gas used is %d, not the limit", r.Gas)
			}
			if r.Gas == 0 {
				t.Error("failing is for free")
			}
		})
	}
	if after := w.rows("trap", "t") + w.rows("trap", "many") + w.rows("trap", "child"); after != before {
		t.Errorf("failed transactions left rows:\n%s", after)
	}
	w.good(w.tx("bob", "trap.mended", nil))
	w.good(w.tx("bob", "trap.set", args{"k": "a", "n": nil}))
	w.good(w.tx("bob", "trap.set", args{"k": "", "n": int64(-1), "b": []byte{}}))
	w.want("trap", "t", "[] [-1 []]\n[a] []\n")
	if r := w.good(w.tx("bob", "trap.over_inside", nil)); fmt.Sprint(r.Rows) != "[[1]]" {
		t.Errorf("a REAL inside an expression: %v", r.Rows)
	}
	if r := w.good(w.tx("bob", "trap.returns_early", nil)); fmt.Sprint(r.Rows) != "[[7]]" {
		t.Errorf("RETURN inside a loop: %v", r.Rows)
	}
	tx := w.tx("bob", "trap.context", nil)
	r := w.good(tx)
	bob := string(w.person("bob").account)
	want := []any{bob, bob, tx.ID().String(), tx.Header().Created, int64(w.number), w.now, w.ledger.String(), "trap"}
	if fmt.Sprint(r.Rows[0]) != fmt.Sprint(want) {
		t.Errorf("context %v, want %v", r.Rows[0], want)
	}
	w.replay("", func(i int) bool { return i%5 == 3 })
}

// Each limit of gas gives the same receipt wherever it strikes, and never a
// gas over it.
func TestGasLimits(t *testing.T) {
	w := newWorld(t, "")
	w.deploy("mallory", "trap", hostile)
	full := w.good(w.tx("bob", "trap.set", args{"k": "0000", "n": int64(1)})).Gas
	for limit := uint64(1); limit <= full+2; limit++ {
		r := w.request("bob", "trap", "set", args{"k": fmt.Sprintf("%04d", limit), "n": int64(1)})
		r.GasLimit = limit
		answer := w.block(w.sign("bob", r))[0]
		switch {
		case answer.Gas > limit:
			t.Errorf("gas %d over the limit %d", answer.Gas, limit)
		case limit < full && (answer.Code != "AG0420" || answer.Gas != limit):
			t.Errorf("limit %d: %+v", limit, answer)
		case limit >= full && (answer.Status != StatusOK || answer.Gas != full):
			t.Errorf("limit %d: %+v, the whole costs %d", limit, answer, full)
		}
	}
	w.replay("", func(i int) bool { return i%7 == 3 })
}
