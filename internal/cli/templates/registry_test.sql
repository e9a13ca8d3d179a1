-- aergo test runs this file: a ledger in memory, a fresh branch for each test.

TEST 'a name belongs to who comes first' AS
  AS bob: CALL register('tea-house', 'Main Street 1');
  EXPECT EVENT registered(name => 'tea-house', owner => @bob);
  AS eve: CALL register('tea-house') FAILS 'tea-house is taken';
  AS eve: CALL set_value('tea-house', 'Side Street') FAILS 'tea-house is not yours';
  AS eve: CALL give('tea-house', @eve) FAILS 'tea-house is not yours';
  AS eve: CALL register('Tea House') FAILS 'AG0411';
  CALL look_up('tea-house') RETURNS (@bob, 'Main Street 1');
  CALL look_up('rum') RETURNS ();
END;

TEST 'its owner changes it, gives it away, lets it go' AS
  AS bob: CALL register('tea-house');
  AS bob: CALL set_value('tea-house', 'Main Street 2');
  AS bob: CALL give('tea-house', 'eve') FAILS 'no account: eve';
  AT '2026-02-01';
  AS bob: CALL give('tea-house', @eve);
  EXPECT SELECT since FROM entry = 1769904000000;            -- 2026-02-01
  AS bob: CALL release('tea-house') FAILS 'tea-house is not yours';
  AS eve: CALL release('tea-house');
  EXPECT EMPTY SELECT * FROM entry;
END;

TEST 'two branches give one name once' AS
  BRANCH eu;   AS bob: CALL register('tea-house');
               AS bob: CALL register('rum-house');
  SWITCH main; AS eve: CALL register('tea-house');
  MERGE eu EXPECT INCLUDED 1 EXCLUDED 1;
  EXPECT SELECT name, owner FROM entry ORDER BY name = ('rum-house', @bob), ('tea-house', @eve);
END;
