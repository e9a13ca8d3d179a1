-- A token: a fixed unit that accounts hold and hand on.
DIALECT 1;

CREATE TABLE holding (
  account TEXT PRIMARY KEY,                              -- ag1…
  amount  INTEGER NOT NULL CHECK (amount > 0)            -- in the smallest unit
);
CREATE TABLE issue (
  id     TEXT PRIMARY KEY,
  amount INTEGER NOT NULL CHECK (amount <> 0)            -- below 0: burnt
);

MERGE RULE ON holding (amount) BY DELTA FROM 0;
INVARIANT issued ON issue TOTAL sum(amount);
INVARIANT none_from_nowhere ON holding TOTAL sum(amount) CHECK (total = issued.total);

CREATE ACTION mint(:to TEXT, :amount INTEGER) OWNER AS
BEGIN
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  REQUIRE length(:to) >= 40 AND substr(:to, 1, 3) = 'ag1' ELSE 'no account: ' || :to;
  INSERT INTO issue VALUES (@txid, :amount);
  INSERT INTO holding VALUES (:to, :amount)
    ON CONFLICT DO UPDATE SET amount = amount + :amount;
  EMIT minted(to => :to, amount => :amount);
END;

CREATE ACTION transfer(:to TEXT, :amount INTEGER) PUBLIC AS
BEGIN
  LET :has = ifnull((SELECT amount FROM holding WHERE account = @caller), 0);
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  REQUIRE :amount <= :has ELSE 'you hold ' || :has;
  REQUIRE length(:to) >= 40 AND substr(:to, 1, 3) = 'ag1' ELSE 'no account: ' || :to;
  REQUIRE :to <> @caller ELSE 'it is yours already';
  DELETE FROM holding WHERE account = @caller AND amount = :amount;
  UPDATE holding SET amount = amount - :amount WHERE account = @caller;
  INSERT INTO holding VALUES (:to, :amount)
    ON CONFLICT DO UPDATE SET amount = amount + :amount;
  EMIT transferred(from => @caller, to => :to, amount => :amount);
END;

CREATE ACTION burn(:amount INTEGER) PUBLIC AS
BEGIN
  LET :has = ifnull((SELECT amount FROM holding WHERE account = @caller), 0);
  REQUIRE :amount > 0 AND :amount <= :has ELSE 'you hold ' || :has;
  DELETE FROM holding WHERE account = @caller AND amount = :amount;
  UPDATE holding SET amount = amount - :amount WHERE account = @caller;
  INSERT INTO issue VALUES (@txid, -:amount);
END;

CREATE ACTION balance(:account TEXT) PUBLIC READONLY RETURNS (amount INTEGER) AS
BEGIN
  RETURN ifnull((SELECT amount FROM holding WHERE account = :account), 0);
END;
