-- Everything of the language once: FOR, IF, events, totals, rules, triggers.
DIALECT 1;

CREATE TABLE Account (
  id      TEXT NOT NULL,
  ledger  INTEGER NOT NULL,
  Balance INTEGER NOT NULL DEFAULT 0,
  note    TEXT DEFAULT 'it''s new',
  seal    BLOB DEFAULT x'00FF',
  rank    INTEGER DEFAULT -1,
  active  INTEGER NOT NULL DEFAULT TRUE,
  big     INTEGER GENERATED ALWAYS AS (balance > 1000) VIRTUAL,
  PRIMARY KEY (ledger, id)
) STRICT;

CREATE TABLE posting (
  tx     TEXT NOT NULL,
  line   INTEGER NOT NULL,
  ledger INTEGER NOT NULL,
  id     TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (tx, line),
  FOREIGN KEY (ledger, id) REFERENCES account (ledger, id) DEFERRABLE INITIALLY DEFERRED
) WITHOUT ROWID;

CREATE TABLE total_limit (ledger INTEGER PRIMARY KEY, most INTEGER NOT NULL);

CREATE UNIQUE INDEX account_by_id ON account (id);
CREATE INDEX posting_account ON posting (ledger, id) WHERE amount > 0;
CREATE VIEW rich AS SELECT id, balance FROM account WHERE big;

CREATE TRIGGER posted AFTER INSERT ON posting BEGIN
  UPDATE account SET balance = balance + new.amount WHERE ledger = new.ledger AND id = new.id;
  SELECT CASE WHEN new.amount > 1000000 THEN RAISE(ABORT, 'too much') END;
END;
CREATE TRIGGER rich_out INSTEAD OF UPDATE OF balance ON rich BEGIN
  UPDATE account SET balance = new.balance WHERE id = old.id;
END;

INVARIANT named FOR EACH account CHECK (length(note) < 100 AND EXISTS (SELECT 1 FROM total_limit l WHERE l.ledger = account.ledger));
INVARIANT books ON posting TOTAL sum(amount) BY ledger CHECK (total != -5);
INVARIANT money ON account TOTAL sum(balance) BY ledger CHECK (total <= total_limit.most);
INVARIANT same ON account TOTAL sum(balance) BY ledger CHECK (total = books.total);
INVARIANT accounts ON account TOTAL count(*);

MERGE RULE ON account (balance) BY DELTA FROM 0 RESOLVE ROLE (clerk, chief);
MERGE RULE ON account BY OURS;
MERGE RULE ON total_limit (most) USING ACTION larger;

CREATE ACTION setup(:most INTEGER DEFAULT 1000000) CONSTRUCTOR AS
BEGIN
  INSERT INTO total_limit VALUES (1, :most);
END;

CREATE ACTION larger(:base INTEGER, :ours INTEGER, :theirs INTEGER) PRIVATE READONLY RETURNS (value INTEGER) AS
BEGIN
  RETURN max(:ours, :theirs);
END;

CREATE ACTION open(:id TEXT, :ledger INTEGER DEFAULT 1) PUBLIC RETURNS (id TEXT, balance INTEGER) AS
BEGIN
  INSERT INTO account (ledger, id) VALUES (:LEDGER, :id)
    ON CONFLICT DO NOTHING RETURNING id, balance;
END;

CREATE ACTION spread(:from TEXT, :n INTEGER) ROLE (clerk, chief) RETURNS (left INTEGER) AS
BEGIN
  REQUIRE :n > 0;
  LET :left = (SELECT balance FROM account WHERE id = :from) - :n;
  IF :left < 0 THEN
    RETURN :left;
  ELSEIF CASE WHEN :n > 10 THEN 1 ELSE 0 END THEN
    EMIT large(n => :n, who => @signer, text => 'a' || '-- no comment; nor end' || @txid);
  ELSE
    LET :n = :n + 0; -- a comment; with END in it
  END IF;
  LET :line = 0;
  FOR a IN (SELECT id, ledger, (SELECT count(*) FROM rich) AS riches FROM account WHERE id <> :from ORDER BY id) DO
    IF :a.riches = 0 THEN
      LET :line = :line + 1;
      INSERT INTO posting VALUES (@txid, :line, :a.ledger, :a.id, :n);
    END IF;
    FOR b IN (WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :line) SELECT i FROM c) DO
      UPDATE account SET rank = :b.i, note = json_object('by', :a.id) WHERE id = :a.id;
    END FOR;
  END FOR;
  RETURN SELECT :left;
END;

CREATE ACTION statement(:ledger INTEGER) PUBLIC READONLY RETURNS (id TEXT, n INTEGER, running INTEGER) AS
BEGIN
  SELECT id, row_number() OVER w, sum(balance) OVER w FROM account
   WHERE ledger = :ledger WINDOW w AS (ORDER BY id);
END;

CREATE ACTION nothing() AS BEGIN END;
