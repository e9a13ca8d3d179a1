-- aergo test runs this file: a ledger in memory, a fresh branch for each test.

TEST 'money comes in at the cash desk and moves' AS
  AS bob: CALL open('B1'); AS eve: CALL open('E1');
  CALL cash_desk('R1', 'B1', 10000);
  AS bob: CALL pay('B1', 'E1', 2500, 'rent');
  EXPECT EVENT paid(from => 'B1', to => 'E1', amount => 2500, text => 'rent');
  CALL balance('B1') RETURNS (7500);
  CALL cash_desk('R2', 'E1', -500);
  EXPECT SELECT id, balance FROM account ORDER BY id = ('B1', 7500), ('E1', 2000);
  EXPECT SELECT sum(amount) FROM cash = 9500;
END;

TEST 'nobody pays with what is not his, or not there' AS
  AS bob: CALL open('B1'); AS eve: CALL open('E1');
  CALL cash_desk('R1', 'B1', 100);
  AS eve: CALL pay('B1', 'E1', 100) FAILS 'not your account: B1';
  AS bob: CALL pay('B1', 'E1', 101) FAILS 'AG0411';
  AS bob: CALL pay('B1', 'E1', -1) FAILS 'an amount is above 0';
  AS bob: CALL pay('B1', 'X1', 1) FAILS 'no such account: X1';
  AS bob: CALL cash_desk('R2', 'B1', 1) FAILS 'AG0402';
  CALL cash_desk('R2', 'X1', 1) FAILS 'no such account: X1';
  CALL cash_desk('R1', 'B1', 100) FAILS 'AG0412';            -- a receipt counts once
  GRANT teller TO bob;
  AS bob: CALL cash_desk('R2', 'E1', 1);
END;

TEST 'one balance is not spent on two branches' AS
  AS bob: CALL open('B1'); AS eve: CALL open('E1');
  CALL cash_desk('R1', 'B1', 100);
  BRANCH eu;   AS bob: CALL pay('B1', 'E1', 80);
  SWITCH main; AS bob: CALL pay('B1', 'E1', 70);
  MERGE eu EXPECT INCLUDED 0 EXCLUDED 1;
  EXPECT SELECT balance FROM account ORDER BY id = (30), (70);
END;
