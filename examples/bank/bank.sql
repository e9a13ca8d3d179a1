-- A small bank. Amounts are integers in the smallest unit (cents, hellers).
-- Every change of a balance is a posting, and the ledger itself holds that the
-- postings of an account add up to its balance.
DIALECT 1;

CREATE TABLE account (
  id      INTEGER PRIMARY KEY,
  holder  TEXT    NOT NULL DEFAULT '',
  floor   INTEGER NOT NULL DEFAULT 0,                     -- the lowest balance allowed: 0, or a credit line below it
  balance INTEGER NOT NULL DEFAULT 0,
  CHECK (balance >= floor)
);

CREATE TABLE posting (
  id      TEXT    NOT NULL,                               -- the two postings of a transfer share it
  account INTEGER NOT NULL REFERENCES account(id),
  day     TEXT    NOT NULL CHECK (length(day) = 10),      -- 1997-12-31
  amount  INTEGER NOT NULL CHECK (amount <> 0),
  text    TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (id, account)
);
CREATE INDEX posting_by_account ON posting(account, day);

CREATE VIEW totals AS SELECT count(*) AS accounts, sum(balance) AS balance FROM account;

INVARIANT books ON posting TOTAL sum(amount) BY account CHECK (total = account.balance);

MERGE RULE ON account (balance) BY DELTA;

CREATE ACTION open(:id INTEGER, :holder TEXT DEFAULT '', :floor INTEGER DEFAULT 0) OWNER AS
BEGIN
  INSERT INTO account(id, holder, floor) VALUES (:id, :holder, :floor);
END;

-- One line of a bank statement: money that comes in (amount > 0) or goes out.
CREATE ACTION post(:id TEXT, :account INTEGER, :day TEXT, :amount INTEGER, :text TEXT DEFAULT '') OWNER AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :account) ELSE 'no such account: ' || :account;
  INSERT INTO posting(id, account, day, amount, text) VALUES (:id, :account, :day, :amount, :text);
  UPDATE account SET balance = balance + :amount WHERE id = :account;
END;

CREATE ACTION transfer(:id TEXT, :from INTEGER, :to INTEGER, :day TEXT, :amount INTEGER, :text TEXT DEFAULT '') PUBLIC AS
BEGIN
  REQUIRE :amount > 0 ELSE 'a transfer moves a positive amount';
  REQUIRE :from <> :to ELSE 'a transfer needs two accounts';
  REQUIRE (SELECT count(*) FROM account WHERE id IN (:from, :to)) = 2 ELSE 'no such account';
  UPDATE account SET balance = balance - :amount WHERE id = :from;
  UPDATE account SET balance = balance + :amount WHERE id = :to;
  INSERT INTO posting(id, account, day, amount, text)
  VALUES (:id, :from, :day, -:amount, :text), (:id, :to, :day, :amount, :text);
  EMIT transferred(id => :id, from_account => :from, to_account => :to, amount => :amount);
END;

CREATE ACTION statement(:account INTEGER) PUBLIC READONLY
  RETURNS (day TEXT, id TEXT, amount INTEGER, balance INTEGER, text TEXT) AS
BEGIN
  SELECT day, id, amount, sum(amount) OVER (ORDER BY day, id), text
  FROM posting WHERE account = :account ORDER BY day, id;
END;
