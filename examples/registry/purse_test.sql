TEST 'money in a purse is for those it was allowed to' AS
  GRANT cashier TO cara;
  AS bob: CALL allow('registry', 100) FAILS 'you have no purse';
  AS cara: CALL pay_in('R1', @bob, 0) FAILS 'an amount is above 0';
  AS cara: CALL pay_in('R1', @bob, 100);
  AS cara: CALL pay_in('R1', @bob, 100) FAILS 'AG0412';
  AS bob: CALL pay_in('R2', @bob, 100) FAILS 'AG0402';
  AS bob: CALL allow(@eve, 500);                                -- for this test eve plays a contract
  AS joe: CALL charge(@bob, 40, 'mine') FAILS @joe || ' may not take 40';
  AS eve: CALL charge(@bob, 0, 'nothing') FAILS 'an amount is above 0';
  AS eve: CALL charge(@bob, 40, 'a fee');
  EXPECT EVENT charged(account => @bob, contract => @eve, amount => 40, text => 'a fee');
  AS eve: CALL charge(@bob, 61, 'too much') FAILS 'the purse is empty';
  CALL left_in(@bob) RETURNS (60);
  CALL left_in(@joe) RETURNS (0);
END;

TEST 'one purse, two branches' AS
  CALL pay_in('R1', @bob, 100);
  AS bob: CALL allow(@eve, 500);
  BRANCH eu;   AS eve: CALL charge(@bob, 60, 'there');
  SWITCH main; AS eve: CALL charge(@bob, 60, 'here');
  MERGE eu EXPECT INCLUDED 0 EXCLUDED 1;
  EXPECT SELECT amount FROM earned = 60;
END;
