-- A supply chain: lots that are made, divided, mixed and handed over, and a recall
-- that finds all that was made of one.
DIALECT 1;

CREATE TABLE lot (
  id       TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
  holder   TEXT NOT NULL,                                  -- ag1…
  what     TEXT NOT NULL,
  amount   INTEGER NOT NULL DEFAULT 0 CHECK (amount >= 0), -- grams that are left of it
  recalled INTEGER NOT NULL DEFAULT 0 CHECK (recalled IN (0, 1))
);
-- A step takes from lots (lines below 0) and makes lots (above 0). gain is what
-- comes from nowhere, a harvest, or goes there, a loss.
CREATE TABLE step (
  id   TEXT PRIMARY KEY,
  gain INTEGER NOT NULL,
  by   TEXT NOT NULL,
  at   INTEGER NOT NULL                                  -- ms since 1970
);
CREATE TABLE line (
  step   TEXT NOT NULL REFERENCES step(id),
  lot    TEXT NOT NULL REFERENCES lot(id),
  amount INTEGER NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (step, lot)
);
CREATE INDEX line_lot ON line(lot);
-- The holder offers a lot, the other one takes it: both have signed.
CREATE TABLE offer (
  lot    TEXT PRIMARY KEY REFERENCES lot(id),
  holder TEXT NOT NULL,
  taker  TEXT NOT NULL
);

-- No gram is made or lost in a step, and a lot is what its lines say. The engine
-- keeps both sums; no action can break them, nor two branches together.
INVARIANT mass ON line TOTAL sum(amount) BY step CHECK (total = step.gain);
INVARIANT stock ON line TOTAL sum(amount) BY lot CHECK (total = lot.amount);
MERGE RULE ON lot (amount) BY DELTA;
MERGE RULE ON lot (recalled) BY MAX;

CREATE TRIGGER count_line AFTER INSERT ON line
BEGIN UPDATE lot SET amount = amount + NEW.amount WHERE id = NEW.lot; END;

CREATE ACTION harvest(:step TEXT, :lot TEXT, :what TEXT, :amount INTEGER) ROLE (grower) AS
BEGIN
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  INSERT INTO lot(id, holder, what) VALUES (:lot, @caller, :what);
  INSERT INTO step VALUES (:step, :amount, @caller, @created);
  INSERT INTO line VALUES (:step, :lot, :amount);
END;

-- Makes one lot of one or more: :inputs is JSON, [{"lot": "L1", "amount": 500}].
-- It may weigh less than what goes in. Of a recalled lot come recalled ones: a
-- site that has not heard of it goes on, and a later merge still finds them.
CREATE ACTION make(:step TEXT, :lot TEXT, :what TEXT, :amount INTEGER, :inputs TEXT) PUBLIC AS
BEGIN
  REQUIRE json_valid(:inputs) ELSE 'inputs are JSON: [{"lot": "L1", "amount": 500}]';
  LET :took = 0;
  LET :recalled = 0;
  FOR i IN (SELECT key, value ->> 'lot' AS lot, value ->> 'amount' AS amount, holder, recalled
            FROM json_each(:inputs) LEFT JOIN lot ON lot.id = value ->> 'lot' ORDER BY key) DO
    REQUIRE ifnull(:i.holder = @caller, FALSE) ELSE 'not your lot: ' || ifnull(:i.lot, '?');
    REQUIRE ifnull(:i.amount, 0) > 0 ELSE 'an amount is above 0';
    LET :took = :took + :i.amount;
    LET :recalled = max(:recalled, :i.recalled);
  END FOR;
  REQUIRE :amount BETWEEN 1 AND :took ELSE 'of ' || :took || ' comes at most as much';
  INSERT INTO lot(id, holder, what, recalled) VALUES (:lot, @caller, :what, :recalled);
  INSERT INTO step VALUES (:step, :amount - :took, @caller, @created);
  INSERT INTO line SELECT :step, value ->> 'lot', -(value ->> 'amount') FROM json_each(:inputs);
  INSERT INTO line VALUES (:step, :lot, :amount);
END;

CREATE ACTION offer(:lot TEXT, :to TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM lot WHERE id = :lot AND holder = @caller) ELSE 'not your lot: ' || :lot;
  REQUIRE length(:to) >= 40 AND substr(:to, 1, 3) = 'ag1' ELSE 'no account: ' || :to;
  REPLACE INTO offer VALUES (:lot, @caller, :to);
END;

CREATE ACTION take(:lot TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM offer JOIN lot ON id = lot WHERE lot = :lot AND taker = @caller AND offer.holder = lot.holder) ELSE 'not offered to you: ' || :lot;
  REQUIRE EXISTS (SELECT 1 FROM lot WHERE id = :lot AND NOT recalled) ELSE :lot || ' is recalled';
  UPDATE lot SET holder = @caller WHERE id = :lot;
  DELETE FROM offer WHERE lot = :lot;
  EMIT handed_over(lot => :lot, to => @caller);
END;

-- Walks from a lot to all that was made of it, step by step.
CREATE ACTION call_back(:lot TEXT, :reason TEXT) ROLE (inspector) RETURNS (lots INTEGER) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM lot WHERE id = :lot) ELSE 'no such lot: ' || :lot;
  LET :lots = 0;
  FOR l IN (WITH RECURSIVE hit(id) AS (
              SELECT :lot
              UNION
              SELECT made.lot FROM hit JOIN line used ON used.lot = hit.id AND used.amount < 0
                JOIN line made ON made.step = used.step AND made.amount > 0)
            SELECT id, holder FROM hit JOIN lot USING (id) WHERE NOT recalled ORDER BY id) DO
    UPDATE lot SET recalled = 1 WHERE id = :l.id;
    EMIT recalled(lot => :l.id, holder => :l.holder, reason => :reason);
    LET :lots = :lots + 1;
  END FOR;
  RETURN :lots;
END;
