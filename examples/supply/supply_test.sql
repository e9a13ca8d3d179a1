-- fay has a farm, mel a mill, bo a bakery; cora certifies, ines inspects.
-- A test cannot call another one's steps, so each begins with the same lines.

TEST 'from the field to the bread, and back again' AS
  CALL add_company('farm', 'Fay''s farm', @fay); CALL add_company('mill', 'Mel''s mill', @mel); CALL add_company('bakery', 'Bo''s bread', @bo);
  CALL add_product('rye', 'Rye', 300, '["organic"]'); CALL add_product('flour', 'Rye flour', 180); CALL add_product('bread', 'Rye bread', 7);
  AS fay: CALL add_site('field', 'Uckermark'); AS mel: CALL add_site('mill', 'Prenzlau'); AS bo: CALL add_site('shop', 'Berlin');
  GRANT certifier TO cora;
  AS fay: CALL harvest('S1', 'field', 'R1', 'rye', 5000);
  AS cora: CALL certify('C1', 'organic', 'site', 'field', 365, x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
  EXPECT EVENT certified(id => 'C1', scheme => 'organic', subject => 'field');
  AS fay: CALL offer('H1', 'R1', 'mill');
  EXPECT EVENT offered(id => 'H1', lot => 'R1', taker => 'mill');
  AS mel: CALL accept('H1', 4990) FAILS 'the offer says 5000';
  AS mel: CALL accept('H1', 5000);
  EXPECT EVENT handed_over(id => 'H1', lot => 'R1', amount => 5000);
  AS mel: CALL transform('S2', 'process', 'mill', '[{"lot": "R1", "amount": 5000}]', '[{"lot": "F1", "amount": 2000}, {"lot": "F2", "amount": 2100}]', 'flour');
  AS mel: CALL transform('S3', 'split', 'mill', '[{"lot": "F1", "amount": 2000}]', '[{"lot": "F3", "amount": 500}, {"lot": "F4", "amount": 1500}]');
  AS mel: CALL transform('S4', 'mix', 'mill', '[{"lot": "F2", "amount": 100}, {"lot": "F3", "amount": 500}]', '[{"lot": "F5", "amount": 599}]');
  AS mel: CALL waste('S5', 'F4', 10);
  EXPECT SELECT lot, amount FROM stock ORDER BY lot = ('F2', 2000), ('F4', 1490), ('F5', 599);
  EXPECT SELECT sum(gain) - (SELECT sum(amount) FROM lot) FROM step = 0;                -- nothing is lost that is not written down
  CALL trace('F5') RETURNS (0, 'F5', 'flour', 'S4', 'mix', 'mill'), (1, 'F2', 'flour', 'S2', 'process', 'mill'), (1, 'F3', 'flour', 'S3', 'split', 'mill'),
    (2, 'F1', 'flour', 'S2', 'process', 'mill'), (2, 'R1', 'rye', 'S1', 'harvest', 'field');
END;

TEST 'a step does not make something of nothing' AS
  CALL add_company('farm', 'Farm', @fay); CALL add_company('mill', 'Mill', @mel);
  CALL add_product('rye', 'Rye', 300); CALL add_product('oat', 'Oat', 300); CALL add_product('flour', 'Flour', 180);
  AS fay: CALL add_site('field', 'Uckermark'); AS fay: CALL add_site('barn', 'Uckermark'); AS mel: CALL add_site('mill', 'Prenzlau');
  AS fay: CALL harvest('S1', 'field', 'R1', 'rye', 5000); AS fay: CALL harvest('S2', 'field', 'R2', 'rye', 1000); AS fay: CALL harvest('S3', 'field', 'O1', 'oat', 1000);
  AS fay: CALL transform('S4', 'split', 'field', '[{"lot": "R1", "amount": 5001}]', '[{"lot": "R3", "amount": 5001}]') FAILS 'R1 has only 5000';
  AS fay: CALL transform('S4', 'split', 'field', '[{"lot": "R1", "amount": 5000}]', '[{"lot": "R3", "amount": 4999}]') FAILS 'a split loses nothing, here 1';
  AS fay: CALL transform('S4', 'split', 'field', '[{"lot": "R1", "amount": 5000}]', '[{"lot": "R3", "amount": 5001}]') FAILS 'more comes out than goes in: 1';
  AS fay: CALL transform('S4', 'split', 'field', '[{"lot": "R1", "amount": 1}, {"lot": "R2", "amount": 1}]', '[{"lot": "R3", "amount": 2}]') FAILS 'a split is of one lot';
  AS fay: CALL transform('S4', 'mix', 'field', '[{"lot": "R1", "amount": 2}]', '[{"lot": "R3", "amount": 1}, {"lot": "R4", "amount": 1}]') FAILS 'a mix is one lot';
  AS fay: CALL transform('S4', 'mix', 'field', '[{"lot": "R1", "amount": 1}, {"lot": "O1", "amount": 1}]', '[{"lot": "R3", "amount": 2}]') FAILS 'a mix is of one product';
  AS fay: CALL transform('S4', 'mix', 'field', '[{"lot": "R1", "amount": 1}, {"lot": "R1", "amount": 1}]', '[{"lot": "R3", "amount": 2}]') FAILS 'AG0412';
  AS fay: CALL transform('S4', 'mix', 'field', '[{"lot": "R1", "amount": 1}, {"lot": "R9", "amount": 1}]', '[{"lot": "R3", "amount": 2}]') FAILS 'no such lot: R9';
  AS fay: CALL transform('S4', 'mix', 'barn', '[{"lot": "R1", "amount": 1}]', '[{"lot": "R3", "amount": 1}]') FAILS 'R1 is not at barn';
  AS fay: CALL transform('S4', 'mix', 'field', '[{"lot": "R1", "amount": -1}]', '[{"lot": "R3", "amount": 1}]') FAILS 'amounts are above 0';
  AS fay: CALL transform('S4', 'mix', 'field', '[]', '[{"lot": "R3", "amount": 1}]') FAILS 'a step has inputs and outputs';
  AS fay: CALL transform('S4', 'mix', 'field', 'R1', 'R3') FAILS 'inputs and outputs are JSON: [{"lot": "L1", "amount": 5}]';
  AS fay: CALL transform('S4', 'bake', 'field', '[]', '[]') FAILS 'a step is a split, a mix or a process';
  AS fay: CALL transform('S4', 'mix', 'field', '[{"lot": "R1", "amount": 1}]', '[{"lot": "R3", "amount": 1}]', 'flour') FAILS 'a process, and nothing else, makes another product';
  AS fay: CALL transform('S4', 'process', 'field', '[{"lot": "R1", "amount": 1}]', '[{"lot": "R3", "amount": 1}]', 'gold') FAILS 'no such product: gold';
  AS mel: CALL transform('S4', 'split', 'field', '[{"lot": "R1", "amount": 1}]', '[{"lot": "R3", "amount": 1}]') FAILS 'not your site: field';
  AS mel: CALL harvest('S4', 'field', 'R3', 'rye', 1) FAILS 'not your site: field';
  AS fay: CALL harvest('S4', 'field', 'R3', 'rye', 0) FAILS 'an amount is above 0';
  AS fay: CALL harvest('S4', 'field', 'R3', 'gold', 1) FAILS 'no such product: gold';
  AS mel: CALL waste('S4', 'R1', 1) FAILS 'not your lot: R1';
  AS fay: CALL waste('S4', 'R1', 0) FAILS 'an amount is above 0';
  AS fay: CALL waste('S4', 'R1', 5001) FAILS 'AG0411';
  AS eve: CALL add_site('x', 'nowhere') FAILS 'you speak for no company';
  CALL add_company('x', 'X', 'eve') FAILS 'no account: eve';
  CALL add_product('x', 'X', 1, 'organic') FAILS 'schemes are a JSON array: ["organic"]';
END;

TEST 'a lot changes hands when both say so' AS
  CALL add_company('farm', 'Farm', @fay); CALL add_company('mill', 'Mill', @mel);
  CALL add_product('rye', 'Rye', 30);
  AS fay: CALL add_site('field', 'Uckermark'); AS mel: CALL add_site('mill', 'Prenzlau');
  AS fay: CALL harvest('S1', 'field', 'R1', 'rye', 5000);
  AS mel: CALL offer('H1', 'R1', 'mill') FAILS 'not your lot: R1';
  AS fay: CALL offer('H1', 'R1', 'field') FAILS 'no other site: field';
  AS fay: CALL offer('H1', 'R1', 'mill');
  AS fay: CALL offer('H2', 'R1', 'mill') FAILS 'R1 is offered already';
  AS fay: CALL accept('H1', 5000) FAILS 'no offer to you: H1';
  AS fay: CALL refuse('H1', 'wet') FAILS 'no offer to you: H1';
  AS mel: CALL withdraw('H1') FAILS 'no offer of yours: H1';
  AS mel: CALL refuse('H1', 'wet');
  EXPECT EVENT refused(id => 'H1', note => 'wet');
  AS fay: CALL offer('H2', 'R1', 'mill'); AS fay: CALL withdraw('H2');
  AS fay: CALL offer('H3', 'R1', 'mill'); AS fay: CALL waste('S2', 'R1', 1);
  AS mel: CALL accept('H3', 5000) FAILS 'R1 is not what was offered';
  AS fay: CALL withdraw('H3'); AS fay: CALL offer('H4', 'R1', 'mill');
  AT '2026-01-31'; AS mel: CALL accept('H4', 4999) FAILS 'R1 is too old';
  EXPECT SELECT id, state FROM handover ORDER BY id = ('H1', 'refused'), ('H2', 'withdrawn'), ('H3', 'withdrawn'), ('H4', 'offered');
END;

TEST 'a certificate counts while it is valid' AS
  CALL add_company('farm', 'Farm', @fay); CALL add_company('mill', 'Mill', @mel);
  CALL add_product('rye', 'Rye', 300, '["organic", "tested"]');
  AS fay: CALL add_site('field', 'Uckermark'); AS mel: CALL add_site('mill', 'Prenzlau');
  GRANT certifier TO cora; GRANT certifier TO carl;
  AS fay: CALL harvest('S1', 'field', 'R1', 'rye', 5000); AS fay: CALL offer('H1', 'R1', 'mill');
  AS cora: CALL certify('C1', 'organic', 'company', 'farm', 10, x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
  AS mel: CALL accept('H1', 5000) FAILS 'R1 has no valid certificate: tested';
  AS carl: CALL certify('C2', 'tested', 'lot', 'R1', 365, x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
  AT '2026-01-11'; AS mel: CALL accept('H1', 5000) FAILS 'R1 has no valid certificate: organic';
  AS cora: CALL certify('C3', 'organic', 'company', 'farm', 10, x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
  AS carl: CALL revoke('C3', 'copied') FAILS 'not your certificate: C3';
  AS cora: CALL revoke('C3', '') FAILS 'say why';
  AS cora: CALL revoke('C3', 'sprayed');
  EXPECT EVENT revoked(id => 'C3', reason => 'sprayed');
  AS mel: CALL accept('H1', 5000) FAILS 'R1 has no valid certificate: organic';
  AS cora: CALL certify('C4', 'organic', 'company', 'farm', 10, x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
  AS mel: CALL accept('H1', 5000);
  AS cora: CALL certify('C5', 'organic', 'farm', 'farm', 10, x'00') FAILS 'no such farm: farm';
  AS cora: CALL certify('C5', 'organic', 'lot', 'R9', 10, x'00') FAILS 'no such lot: R9';
  AS cora: CALL certify('C5', 'organic', 'lot', 'R1', 0, x'00') FAILS 'a certificate is for 1 to 1100 days';
  AS cora: CALL certify('C5', 'organic', 'lot', 'R1', 1, x'00') FAILS 'AG0411';
  AS fay: CALL certify('C5', 'organic', 'lot', 'R1', 1, x'00') FAILS 'AG0402';
END;

TEST 'a recall finds what an offline site made meanwhile' AS
  CALL add_company('farm', 'Farm', @fay); CALL add_company('mill', 'Mill', @mel); CALL add_company('bakery', 'Bakery', @bo);
  CALL add_product('rye', 'Rye', 300); CALL add_product('flour', 'Flour', 180);
  AS fay: CALL add_site('field', 'Uckermark'); AS mel: CALL add_site('mill', 'Prenzlau'); AS bo: CALL add_site('shop', 'Berlin');
  GRANT inspector TO ines;
  AS fay: CALL harvest('S1', 'field', 'R1', 'rye', 5000); AS fay: CALL offer('H1', 'R1', 'mill'); AS mel: CALL accept('H1', 5000);
  AS mel: CALL transform('S2', 'process', 'mill', '[{"lot": "R1", "amount": 2000}]', '[{"lot": "F1", "amount": 1500}]', 'flour');
  -- The mill has no network and goes on: it mills the rest, and gives some to the bakery.
  BRANCH mill; AS mel: CALL transform('S3', 'process', 'mill', '[{"lot": "R1", "amount": 3000}]', '[{"lot": "F2", "amount": 2300}]', 'flour');
               AS mel: CALL offer('H2', 'F2', 'shop');
               AS bo: CALL accept('H2', 2300);
  SWITCH main; AS ines: CALL call_back('A1', 'R1', 'ergot in the rye') RETURNS (2);
  EXPECT EVENT recalled(recall => 'A1', lot => 'F1', company => 'mill', amount => 1500);
  -- What the mill made is there, and recalled as it is made; the bakery has not taken it.
  MERGE mill EXPECT INCLUDED 2 EXCLUDED 1;
  EXPECT SELECT id, state, site, amount FROM lot ORDER BY id = ('F1', 'recalled', 'mill', 1500), ('F2', 'recalled', 'mill', 2300), ('R1', 'recalled', 'mill', 0);
  AS bo: CALL accept('H2', 2300) FAILS 'F2 is recalled';
  AS ines: CALL call_back('A2', 'R1', 'once more') RETURNS (0);
  AS ines: CALL call_back('A3', 'R9', 'what') FAILS 'no such lot: R9';
  AS mel: CALL call_back('A3', 'R1', 'no') FAILS 'AG0402';
  AS mel: CALL transform('S4', 'split', 'mill', '[{"lot": "F1", "amount": 1500}]', '[{"lot": "F3", "amount": 1500}]');
  EXPECT EVENT recalled_lot_used(step => 'S4', site => 'mill');
END;

TEST 'two sites do not use one gram twice' AS
  CALL add_company('farm', 'Farm', @fay);
  CALL add_product('rye', 'Rye', 300);
  AS fay: CALL add_site('field', 'Uckermark');
  AS fay: CALL harvest('S1', 'field', 'R1', 'rye', 1000);
  BRANCH a;    AS fay: CALL waste('S2', 'R1', 700);
  SWITCH main; BRANCH b; AS fay: CALL transform('S3', 'split', 'field', '[{"lot": "R1", "amount": 600}]', '[{"lot": "R2", "amount": 600}]');
               AS fay: CALL waste('S4', 'R1', 100);
  SWITCH main; MERGE a EXPECT INCLUDED 1 EXCLUDED 0;
  MERGE b EXPECT INCLUDED 1 EXCLUDED 1;
  EXPECT SELECT lot, amount FROM stock = ('R1', 200);
END;
