-- How a consistent merge settles cells that both sides changed. Rows are
-- written by deploys, from MERGE RULE statements.
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
