// Package sqltest runs the tests that stand beside a contract: shop_test.sql
// beside shop.sql.
//
//	TEST 'two sellers on two branches keep the stock right' AS
//	  CALL add_item('tea', 400, 10);
//	  BRANCH eu;   AS bob: CALL sell('tea', 3);
//	  SWITCH main; AS eve: CALL sell('tea', 2);
//	  MERGE eu EXPECT INCLUDED 1 EXCLUDED 0;
//	  EXPECT SELECT stock FROM item = 5;
//	  AS bob: CALL set_price('tea', 1) FAILS 'AG0402';
//	END;
//
// docs/reference/testing.md is the manual of the language.
//
//	report := sqltest.Run(ctx, os.DirFS("contracts"), "shop_test.sql", sqltest.Options{})
//	for _, t := range report.Tests { … t.Name, t.Err … }
//
// # How it runs
//
// A file gets a ledger of its own in memory ([repo.InMemory]), on which @owner
// deploys the contract; one with many tests gets an equal ledger for each
// processor. Each test begins on new branches at that block, so no test sees
// another. Nothing is simulated: calls are signed transactions in signed blocks,
// a merge is a merge.
//
// # Invariants
//
//   - A test gives the same result every time: clock, keys, salts and blinds come
//     from the file and the test's name, and a test's result does not depend on
//     which other tests run.
//   - Nothing outside the given folder is read, and nothing is written.
//   - A file is parsed completely before any of its tests run.
package sqltest
