-- aergo test runs this file: a ledger in memory, a fresh branch for each test.
-- Every test begins on 2026-01-01; AT moves its clock.

TEST 'each member has one voice and may change his mind' AS
  GRANT member TO bob; GRANT member TO eve;
  AS bob: CALL propose('tea', 'tea instead of coffee', 7);
  EXPECT EVENT proposed(id => 'tea', by => @bob);
  AS bob: CALL vote('tea', 1);
  AS eve: CALL vote('tea', 1);
  AS eve: CALL vote('tea', 0);
  CALL result('tea') RETURNS (1, 1);
  CALL result('rum') RETURNS (0, 0);
END;

TEST 'strangers have none, and nobody votes twice or for nothing' AS
  GRANT member TO bob;
  AS bob: CALL propose('tea', 'tea instead of coffee', 7);
  AS joe: CALL vote('tea', 1) FAILS 'AG0402';
  AS joe: CALL propose('rum', 'rum instead of tea', 7) FAILS 'AG0402';
  AS bob: CALL vote('tea', 2) FAILS 'AG0411';
  AS bob: CALL vote('rum', 1) FAILS 'no such proposal: rum';
  AS bob: CALL propose('ale', 'ale', 0) FAILS 'a vote is open for 1 to 90 days';
  REVOKE member FROM bob;
  AS bob: CALL vote('tea', 1) FAILS 'AG0402';
END;

TEST 'a voice that comes late does not count' AS
  GRANT member TO bob; GRANT member TO eve;
  AS bob: CALL propose('tea', 'tea instead of coffee', 7);
  BRANCH eu;   AT '2026-01-05'; AS eve: CALL vote('tea', 0);
  SWITCH main; AS bob: CALL vote('tea', 1);
  AT '2026-01-08';
  AS bob: CALL vote('tea', 0) FAILS 'the vote is closed';
  MERGE eu EXPECT INCLUDED 0 EXCLUDED 1;
  CALL result('tea') RETURNS (1, 0);
END;
