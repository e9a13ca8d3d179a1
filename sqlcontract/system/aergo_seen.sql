-- Which transactions have taken effect. Rows are written by the engine.
DIALECT 1;
CREATE TABLE seen (
  day     INTEGER NOT NULL,          -- of the expiry, days since 1970 UTC
  account TEXT NOT NULL,
  salt    BLOB NOT NULL,
  id      BLOB NOT NULL,
  verdict INTEGER NOT NULL,          -- 1 ok, 2 failed, 3 excluded
  PRIMARY KEY (day, account, salt)
);
CREATE UNIQUE INDEX seen_salt ON seen(account, salt);
