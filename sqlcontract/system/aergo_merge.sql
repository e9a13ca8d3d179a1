-- How a consistent merge settles cells that both sides changed. The engine
-- writes the rows: a deploy makes those of a contract anew from its MERGE RULE
-- statements; its owner changes them by these actions, which have no statement
-- of their own for that reason.
DIALECT 1;
CREATE TABLE rule (
  contract    TEXT NOT NULL,
  table_name  TEXT NOT NULL,
  column_name TEXT NOT NULL,         -- '' for the whole table
  kind        TEXT NOT NULL,         -- SAME OURS THEIRS MAX MIN MANUAL DELTA ACTION
  from_zero   INTEGER NOT NULL,      -- 1: DELTA FROM 0
  action      TEXT NOT NULL,         -- '' unless ACTION
  roles       TEXT NOT NULL,         -- who may resolve, separated by commas
  PRIMARY KEY (contract, table_name, column_name)
);

-- rule is a MERGE RULE statement after its first two words: ON item (stock) BY DELTA
CREATE ACTION set_rule(:contract TEXT, :rule TEXT) PUBLIC AS BEGIN END;

CREATE ACTION drop_rule(:contract TEXT, :table_name TEXT, :column_name TEXT DEFAULT '') PUBLIC AS BEGIN END;
