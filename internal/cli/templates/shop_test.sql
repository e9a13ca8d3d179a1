-- aergo test runs this file: a ledger in memory, a fresh branch for each test.

TEST 'a sale takes from the stock and tells the total' AS
  CALL add_item('tea', 400, 10);
  AS bob: CALL sell('tea', 3) RETURNS (1200);
  EXPECT SELECT stock FROM item WHERE sku = 'tea' = 7;
  AS bob: CALL sell('tea', 8) FAILS 'AG0411';                -- the CHECK of stock
  AS bob: CALL sell('tea', 0) FAILS 'a sale is of one piece or more';
  AS bob: CALL sell('rum', 1) FAILS 'no such item: rum';
END;

TEST 'two sellers on two branches never sell what is not there' AS
  CALL add_item('tea', 400, 10);
  BRANCH eu;   AS bob: CALL sell('tea', 3);
               AS bob: CALL sell('tea', 6);
  SWITCH main; AS eve: CALL sell('tea', 5);
  MERGE eu EXPECT INCLUDED 1 EXCLUDED 1;                     -- 5 + 3 fit, 6 more do not
  EXPECT SELECT stock FROM item = 2;
END;

TEST 'only managers set prices, and only the owner adds items' AS
  CALL add_item('tea', 400);
  AS bob: CALL set_price('tea', 1) FAILS 'AG0402';
  GRANT manager TO bob;
  AS bob: CALL set_price('tea', 450);
  EXPECT EVENT price_set(sku => 'tea', price => 450, by => @bob);
  AS bob: CALL set_price('rum', 450) FAILS 'no such item: rum';
  CALL price('tea') RETURNS (450);
  AS bob: CALL add_item('rum', 900) FAILS 'AG0402';
END;
