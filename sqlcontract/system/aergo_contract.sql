-- The contracts of this branch and all their versions. Rows are written by deploys.
DIALECT 1;
CREATE TABLE contract (
  name    TEXT NOT NULL,
  version INTEGER NOT NULL,          -- from 1
  source  TEXT NOT NULL,
  code    BLOB NOT NULL,             -- hash of the source
  author  TEXT NOT NULL,
  created INTEGER NOT NULL,          -- the deploying transaction's time in ms
  PRIMARY KEY (name, version)
);
CREATE TABLE current (
  name    TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  owner   TEXT NOT NULL
);
