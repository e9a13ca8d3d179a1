-- aergo test runs this file: a ledger in memory, a fresh branch for each test.
-- @bob as a value is the account of bob.

TEST 'what is minted is handed on' AS
  CALL mint(@bob, 100);
  EXPECT EVENT minted(to => @bob, amount => 100);
  AS bob: CALL transfer(@eve, 30);
  AS bob: CALL transfer(@eve, 70);
  EXPECT EMPTY SELECT * FROM holding WHERE account = @bob;
  CALL balance(@bob) RETURNS (0);
  CALL balance(@eve) RETURNS (100);
  AS eve: CALL burn(40);
  EXPECT SELECT (SELECT sum(amount) FROM issue), (SELECT sum(amount) FROM holding) = (60, 60);
END;

TEST 'nobody hands on what he does not hold' AS
  CALL mint(@bob, 100);
  AS bob: CALL transfer(@eve, 101) FAILS 'you hold 100';
  AS eve: CALL transfer(@bob, 1) FAILS 'you hold 0';
  AS bob: CALL transfer(@eve, -1) FAILS 'an amount is above 0';
  AS bob: CALL transfer(@bob, 1) FAILS 'it is yours already';
  AS bob: CALL transfer('eve', 1) FAILS 'no account: eve';
  AS eve: CALL burn(1) FAILS 'you hold 0';
  AS bob: CALL mint(@bob, 1) FAILS 'AG0402';
  CALL mint(@bob, 0) FAILS 'an amount is above 0';
  CALL mint('bob', 1) FAILS 'no account: bob';
END;

TEST 'one token is not spent on two branches' AS
  CALL mint(@bob, 100);
  BRANCH eu;   AS bob: CALL transfer(@eve, 60);
  SWITCH main; AS bob: CALL transfer(@joe, 60);
  MERGE eu EXPECT INCLUDED 0 EXCLUDED 1;
  CALL balance(@joe) RETURNS (60);
  CALL balance(@eve) RETURNS (0);
END;
