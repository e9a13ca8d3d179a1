-- A bank: accounts of its customers, and no money that nobody paid in.
DIALECT 1;

CREATE TABLE account (
  id      TEXT PRIMARY KEY,
  holder  TEXT NOT NULL,                                  -- who may pay from it
  balance INTEGER NOT NULL DEFAULT 0 CHECK (balance >= 0) -- cents
);
CREATE INDEX account_holder ON account(holder);
-- What came into the bank (above 0) and left it (below).
CREATE TABLE cash (
  id     TEXT PRIMARY KEY,
  amount INTEGER NOT NULL CHECK (amount <> 0)
);

MERGE RULE ON account (balance) BY DELTA;
INVARIANT paid_in ON cash TOTAL sum(amount);
INVARIANT no_money_from_nowhere ON account TOTAL sum(balance) CHECK (total = paid_in.total);

CREATE ACTION open(:id TEXT) PUBLIC AS
BEGIN
  INSERT INTO account(id, holder) VALUES (:id, @caller);
END;

-- A teller takes cash, or pays it out when the amount is below 0. The receipt's
-- number is used once.
CREATE ACTION cash_desk(:receipt TEXT, :account TEXT, :amount INTEGER) ROLE (teller) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :account) ELSE 'no such account: ' || :account;
  INSERT INTO cash VALUES (:receipt, :amount);
  UPDATE account SET balance = balance + :amount WHERE id = :account;
END;

CREATE ACTION pay(:from TEXT, :to TEXT, :amount INTEGER, :text TEXT DEFAULT '') PUBLIC AS
BEGIN
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :from AND holder = @caller) ELSE 'not your account: ' || :from;
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :to) ELSE 'no such account: ' || :to;
  UPDATE account SET balance = balance - :amount WHERE id = :from;
  UPDATE account SET balance = balance + :amount WHERE id = :to;
  EMIT paid(from => :from, to => :to, amount => :amount, text => :text);
END;

CREATE ACTION balance(:id TEXT) PUBLIC READONLY RETURNS (balance INTEGER) AS
BEGIN
  SELECT balance FROM account WHERE id = :id;
END;
