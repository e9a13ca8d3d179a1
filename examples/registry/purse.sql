-- Prepaid money, for contracts that charge fees.
--
-- Only the account itself says which contract may take how much from it. A
-- contract that calls charge is known by its name, which nobody can forge.
DIALECT 1;

CREATE TABLE purse (
  account TEXT PRIMARY KEY,                                 -- ag1…
  amount  INTEGER NOT NULL CHECK (amount >= 0)              -- cents
);
CREATE TABLE allowance (
  account  TEXT NOT NULL REFERENCES purse(account),
  contract TEXT NOT NULL,
  amount   INTEGER NOT NULL CHECK (amount >= 0),            -- what it may still take
  PRIMARY KEY (account, contract)
);
CREATE TABLE earned (
  contract TEXT PRIMARY KEY,
  amount   INTEGER NOT NULL
);
CREATE TABLE payment (
  id     TEXT PRIMARY KEY,                                  -- the receipt of the cash desk
  amount INTEGER NOT NULL CHECK (amount <> 0)
);

-- What was paid in is in the purses, or was earned: see books.sql for the whole
-- of bookkeeping.
INVARIANT paid_in ON payment TOTAL sum(amount);
INVARIANT not_more ON purse TOTAL sum(amount) CHECK (total <= paid_in.total);
MERGE RULE ON purse (amount) BY DELTA;
MERGE RULE ON allowance (amount) BY DELTA;
MERGE RULE ON earned (amount) BY DELTA FROM 0;

CREATE ACTION pay_in(:id TEXT, :account TEXT, :amount INTEGER) ROLE (cashier) AS
BEGIN
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  INSERT INTO payment VALUES (:id, :amount);
  INSERT INTO purse VALUES (:account, :amount) ON CONFLICT DO UPDATE SET amount = amount + :amount;
END;

CREATE ACTION allow(:contract TEXT, :amount INTEGER) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM purse WHERE account = @caller) ELSE 'you have no purse';
  REPLACE INTO allowance VALUES (@caller, :contract, :amount);
END;

-- For contracts. Somebody who calls it himself has no allowance under his name.
CREATE ACTION charge(:account TEXT, :amount INTEGER, :text TEXT) PUBLIC AS
BEGIN
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  REQUIRE EXISTS (SELECT 1 FROM allowance WHERE account = :account AND contract = @caller AND amount >= :amount) ELSE @caller || ' may not take ' || :amount;
  REQUIRE EXISTS (SELECT 1 FROM purse WHERE account = :account AND amount >= :amount) ELSE 'the purse is empty';
  UPDATE allowance SET amount = amount - :amount WHERE account = :account AND contract = @caller;
  UPDATE purse SET amount = amount - :amount WHERE account = :account;
  INSERT INTO earned VALUES (@caller, :amount) ON CONFLICT DO UPDATE SET amount = amount + :amount;
  EMIT charged(account => :account, contract => @caller, amount => :amount, text => :text);
END;

CREATE ACTION left_in(:account TEXT) PUBLIC READONLY RETURNS (amount INTEGER) AS
BEGIN RETURN ifnull((SELECT amount FROM purse WHERE account = :account), 0); END;
