-- aergo test runs this file: a ledger in memory, a fresh branch for each test.
-- GRANT gives a role; @mel as a value is the account of mel.

TEST 'grain becomes flour, and changes hands' AS
  GRANT grower TO fay;
  AS fay: CALL harvest('S1', 'R1', 'rye', 1000);
  AS fay: CALL offer('R1', @mel);
  AS mel: CALL take('R1');
  EXPECT EVENT handed_over(lot => 'R1', to => @mel);
  AS mel: CALL make('S2', 'F1', 'flour', 700, '[{"lot": "R1", "amount": 800}]');
  EXPECT SELECT id, holder, amount FROM lot ORDER BY id = ('F1', @mel, 700), ('R1', @mel, 200);
  EXPECT SELECT gain FROM step WHERE id = 'S2' = -100;
END;

TEST 'nothing comes of nothing, nor of what is not yours' AS
  GRANT grower TO fay;
  AS mel: CALL harvest('S1', 'R1', 'rye', 1000) FAILS 'AG0402';
  AS fay: CALL harvest('S1', 'R1', 'rye', 0) FAILS 'an amount is above 0';
  AS fay: CALL harvest('S1', 'R1', 'rye', 1000);
  AS mel: CALL make('S2', 'F1', 'flour', 1, '[{"lot": "R1", "amount": 1}]') FAILS 'not your lot: R1';
  AS fay: CALL make('S2', 'F1', 'flour', 1, '[{"lot": "R2", "amount": 1}]') FAILS 'not your lot: R2';
  AS fay: CALL make('S2', 'F1', 'flour', 1, '[{"lot": "R1"}]') FAILS 'an amount is above 0';
  AS fay: CALL make('S2', 'F1', 'flour', 1, 'R1') FAILS 'inputs are JSON: [{"lot": "L1", "amount": 500}]';
  AS fay: CALL make('S2', 'F1', 'flour', 801, '[{"lot": "R1", "amount": 800}]') FAILS 'of 800 comes at most as much';
  AS fay: CALL make('S2', 'F1', 'flour', 900, '[{"lot": "R1", "amount": 1001}]') FAILS 'AG0411';
  AS mel: CALL offer('R1', @mel) FAILS 'not your lot: R1';
  AS fay: CALL offer('R1', 'mel') FAILS 'no account: mel';
  AS mel: CALL take('R1') FAILS 'not offered to you: R1';
END;

TEST 'a recall finds what a branch made that had not heard of it' AS
  GRANT grower TO fay; GRANT inspector TO ines;
  AS fay: CALL harvest('S1', 'R1', 'rye', 1000);
  AS fay: CALL make('S2', 'F1', 'flour', 300, '[{"lot": "R1", "amount": 400}]');
  BRANCH mill; AS fay: CALL make('S3', 'F2', 'flour', 500, '[{"lot": "R1", "amount": 600}]');
               AS fay: CALL offer('F2', @bo);
               AS bo: CALL take('F2');
  SWITCH main; AS ines: CALL call_back('R1', 'ergot') RETURNS (2);
  EXPECT EVENT recalled(lot => 'F1', holder => @fay, reason => 'ergot');
  MERGE mill EXPECT INCLUDED 2 EXCLUDED 1;                   -- the flour is there and recalled, and stays where it is
  EXPECT SELECT id, holder, recalled FROM lot ORDER BY id = ('F1', @fay, 1), ('F2', @fay, 1), ('R1', @fay, 1);
  AS bo: CALL take('F2') FAILS 'F2 is recalled';
  AS ines: CALL call_back('R9', 'ergot') FAILS 'no such lot: R9';
  AS fay: CALL call_back('R1', 'no') FAILS 'AG0402';
END;
