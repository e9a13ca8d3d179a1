-- The totals of TOTAL invariants, kept by the engine. There is a row only while
-- count is over 0.
DIALECT 1;
CREATE TABLE total (
  contract  TEXT NOT NULL,
  invariant TEXT NOT NULL,
  by_key    BLOB NOT NULL,           -- key tuple of the BY columns, empty without BY
  count     INTEGER NOT NULL,
  sum       INTEGER NOT NULL,
  PRIMARY KEY (contract, invariant, by_key)
);
