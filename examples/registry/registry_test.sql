-- rita, rolf and ruth are registrars, nora a notary, jule a judge; bob owns land,
-- eve buys it, lena lends money on it.

DEPLOY purse;

TEST 'a parcel is registered by a notary, two registrars and its owner' AS
  GRANT registrar TO rita; GRANT registrar TO rolf; GRANT notary TO nora;
  AS nora: CALL propose_parcel('A1', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @bob || '"}');
  EXPECT EVENT proposed(id => 'A1', kind => 'register', parcel => 'P1', by => @nora);
  EXPECT SELECT registrars, notaries, objections FROM pending = (2, 0, 0);
  AS rita: CALL approve('A1');
  AS rita: CALL approve('A1') FAILS 'AG0412';                    -- nobody has two voices
  AS joe: CALL carry_out('A1') FAILS 'the time for objections is not over';
  AT '2026-01-15';
  AS joe: CALL carry_out('A1') FAILS 'approved by 1 of 2 registrars';
  AS rolf: CALL approve('A1');
  AS joe: CALL carry_out('A1') FAILS 'the other party has not agreed';
  AS eve: CALL agree('A1') FAILS 'no open proposal with you: A1';
  AS bob: CALL agree('A1');
  AS joe: CALL carry_out('A1') RETURNS (1);
  EXPECT EVENT carried_out(proposal => 'A1', kind => 'register', parcel => 'P1');
  EXPECT SELECT place, area, owner, liens FROM register = ('Mill Lane 4', 600, @bob, 0);
  AS joe: CALL carry_out('A1') FAILS 'no open proposal: A1';
  AS nora: CALL propose_parcel('A2', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @eve || '"}') FAILS 'P1 is registered';
  AS nora: CALL propose_parcel('A2', 'P2', '{"place": "Mill Lane 5"}') FAILS 'a parcel needs a place, an area and an owner';
  AS nora: CALL propose_parcel('A2', 'P2', 'Mill Lane 5') FAILS 'the terms are no JSON';
  AS bob: CALL propose_parcel('A2', 'P2', '{}') FAILS 'AG0402';
END;

TEST 'a sale, with an objection on the way' AS
  CALL set_rule('register', 0, 0, 0, 90);
  EXPECT EVENT rule_set(kind => 'register', registrars => 0);
  CALL set_rule('lease', 0, 0, 0, 90) FAILS 'no such kind: lease';
  GRANT registrar TO rita; GRANT registrar TO rolf; GRANT registrar TO ruth; GRANT notary TO nora; GRANT judge TO jule; GRANT judge TO olga;
  AS nora: CALL propose_parcel('A1', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @bob || '"}');
  AS bob: CALL agree('A1'); CALL carry_out('A1');

  AS bob: CALL propose('A2', 'transfer', 'P1', '{"to": "' || @eve || '", "price": 25000000}');
  AS olga: CALL object('O1', 'A2', 'my path to the mill goes over it');
  EXPECT EVENT objected(id => 'O1', proposal => 'A2', by => @olga);
  AS rita: CALL approve('A2'); AS ruth: CALL approve('A2'); AS eve: CALL agree('A2');
  AT '2026-01-15';
  AS olga: CALL object('O2', 'A2', 'once more') FAILS 'it is too late for objections to A2';
  CALL carry_out('A2') FAILS 'an objection is not decided';
  AS olga: CALL decide('O1', 'upheld') FAILS 'it is your own';
  AS jule: CALL decide('O2', 'upheld') FAILS 'no objection to decide: O2';
  AS jule: CALL decide('O1', 'dismissed');
  EXPECT EVENT decided(objection => 'O1', proposal => 'A2', ruling => 'dismissed');
  CALL carry_out('A2') FAILS 'attested by 0 of 1 notaries';
  AS nora: CALL attest('A2');
  CALL carry_out('A2') RETURNS (1);
  EXPECT SELECT seq, kind, owner FROM deed ORDER BY seq = (1, 'register', @bob), (2, 'transfer', @eve);
  CALL chain_of_title('P1') RETURNS (1, 'register', @bob, 600, 1767225600000, '[]'), (2, 'transfer', @eve, 600, 1768435200000, '["' || @ruth || '","' || @rita || '"]');

  -- An upheld one ends the next proposal.
  AS eve: CALL propose('A3', 'transfer', 'P1', '{"to": "' || @joe || '"}');
  AS bob: CALL object('O3', 'A3', 'she has not paid me');
  AS jule: CALL decide('O3', 'upheld');
  CALL carry_out('A3') FAILS 'no open proposal: A3';
  AS rita: CALL approve('A3') FAILS 'no open proposal: A3';
  AS nora: CALL attest('A3') FAILS 'no open proposal: A3';
END;

TEST 'who may propose what' AS
  CALL set_rule('register', 0, 0, 0, 90);
  GRANT registrar TO rita; GRANT registrar TO rolf; GRANT notary TO nora;
  AS nora: CALL propose_parcel('A1', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @bob || '"}');
  AS bob: CALL agree('A1'); CALL carry_out('A1');
  AS eve: CALL propose('A2', 'transfer', 'P1', '{}') FAILS 'not your parcel: P1';
  AS bob: CALL propose('A2', 'register', 'P1', '{}') FAILS 'propose a transfer, a division, a lien or a release';
  AS bob: CALL propose('A2', 'transfer', 'P2', '{}') FAILS 'no such parcel: P2';
  AS bob: CALL propose('A2', 'transfer', 'P1', 'to eve') FAILS 'the terms are no JSON';
  AS bob: CALL propose('A2', 'transfer', 'P1', '{"to": "eve"}') FAILS 'a transfer needs whom it is to';
  AS bob: CALL propose('A2', 'divide', 'P1', '{}') FAILS 'a division needs into what';
  AS bob: CALL propose('A2', 'divide', 'P1', '{"into": [{"id": "P1a", "area": 599}]}') FAILS 'the parts are not as large as the whole';
  AS bob: CALL propose('A2', 'lien', 'P1', '{"id": "M1"}') FAILS 'a lien needs an id, a creditor and an amount';
  AS bob: CALL propose('A2', 'release', 'P1', '{"lien": "M1"}') FAILS 'no lien of yours: M1';
  AS bob: CALL propose('A2', 'transfer', 'P1', '{"to": "' || @eve || '"}');
  AS eve: CALL withdraw('A2') FAILS 'no open proposal of yours: A2';
  AS bob: CALL withdraw('A2');
  AS bob: CALL propose('A3', 'transfer', 'P1', '{"to": "' || @eve || '"}');
  AS rita: CALL approve('A3'); AS rolf: CALL approve('A3'); AS nora: CALL attest('A3'); AS eve: CALL agree('A3');
  AT '2026-04-01';
  CALL carry_out('A3') FAILS 'the proposal is void';
  AS bob: CALL approve('A3') FAILS 'AG0402';
END;

TEST 'a lien stays on the land until the lender releases it' AS
  CALL set_rule('register', 0, 0, 0, 90); CALL set_rule('divide', 1, 0, 0, 90);
  GRANT registrar TO rita; GRANT notary TO nora;
  AS nora: CALL propose_parcel('A1', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @bob || '"}');
  AS bob: CALL agree('A1'); CALL carry_out('A1');
  AS bob: CALL propose('A2', 'lien', 'P1', '{"id": "M1", "creditor": "' || @lena || '", "amount": 10000000}');
  AS rita: CALL approve('A2'); AS nora: CALL attest('A2'); AS lena: CALL agree('A2');
  CALL carry_out('A2') RETURNS (0);
  EXPECT SELECT liens FROM register = 10000000;
  AS bob: CALL propose('A3', 'divide', 'P1', '{"into": [{"id": "P1a", "area": 250}, {"id": "P1b", "area": 350}]}');
  AS rita: CALL approve('A3');
  CALL carry_out('A3') FAILS 'a parcel with liens is not divided';
  AS bob: CALL propose('A4', 'release', 'P1', '{"lien": "M1"}') FAILS 'no lien of yours: M1';
  AS lena: CALL propose('A4', 'release', 'P1', '{"lien": "M1"}');
  AS rita: CALL approve('A4'); CALL carry_out('A4');
  CALL carry_out('A3') RETURNS (3);
  EXPECT SELECT parcel, area, owner FROM register ORDER BY parcel = ('P1a', 250, @bob), ('P1b', 350, @bob);
  EXPECT SELECT sum(area) FROM parcel = 600;
  AS bob: CALL propose('A5', 'transfer', 'P1', '{}') FAILS 'no such parcel: P1';
END;

TEST 'two offices sell one parcel: the first sale counts' AS
  CALL set_rule('register', 0, 0, 0, 90); CALL set_rule('transfer', 1, 0, 0, 90);
  GRANT registrar TO rita; GRANT registrar TO rolf; GRANT notary TO nora;
  AS nora: CALL propose_parcel('A1', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @bob || '"}');
  AS bob: CALL agree('A1'); CALL carry_out('A1');
  BRANCH north; AS bob: CALL propose('A2', 'transfer', 'P1', '{"to": "' || @eve || '"}');
                AS rita: CALL approve('A2'); AS eve: CALL agree('A2'); CALL carry_out('A2');
  SWITCH main;  AS bob: CALL propose('A3', 'transfer', 'P1', '{"to": "' || @joe || '"}');
                AS rolf: CALL approve('A3'); AS joe: CALL agree('A3'); CALL carry_out('A3');
  -- The second sale is not even proposed here: the parcel is not bob's any more.
  MERGE north EXPECT INCLUDED 0 EXCLUDED 4;
  EXPECT SELECT owner FROM register = @joe;
END;

TEST 'approvals of two offices come together' AS
  CALL set_rule('register', 0, 0, 0, 90);
  GRANT registrar TO rita; GRANT registrar TO rolf; GRANT notary TO nora;
  AS nora: CALL propose_parcel('A1', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @bob || '"}');
  AS bob: CALL agree('A1'); CALL carry_out('A1');
  AS bob: CALL propose('A2', 'transfer', 'P1', '{"to": "' || @eve || '"}');
  AS bob: CALL propose('A3', 'transfer', 'P1', '{"to": "' || @joe || '"}');
  BRANCH north; AS rita: CALL approve('A2'); AS rita: CALL approve('A3'); AS nora: CALL attest('A2'); AS nora: CALL attest('A3');
  SWITCH main;  AS rolf: CALL approve('A2'); AS rolf: CALL approve('A3'); AS eve: CALL agree('A2'); AS joe: CALL agree('A3');
  MERGE north EXPECT INCLUDED 4 EXCLUDED 0;
  AT '2026-01-15'; CALL carry_out('A2');
  CALL carry_out('A3') FAILS 'P1 is not his any more';           -- he had sold it twice
END;

TEST 'a proposal costs its fee, or is none' AS
  CALL set_rule('register', 0, 0, 0, 90); CALL set_rule('transfer', 2, 1, 14, 90, 5000);
  GRANT notary TO nora;
  AS nora: CALL propose_parcel('A1', 'P1', '{"place": "Mill Lane 4", "area": 600, "owner": "' || @bob || '"}');
  AS bob: CALL agree('A1'); CALL carry_out('A1');
  AS bob: CALL propose('A2', 'transfer', 'P1', '{"to": "' || @eve || '"}') FAILS 'registry may not take 5000';
  CALL purse.pay_in('R1', @bob, 7000);
  AS bob: CALL purse.allow('registry', 10000);
  AS bob: CALL propose('A2', 'transfer', 'P1', '{"to": "' || @eve || '"}');
  AS bob: CALL propose('A3', 'transfer', 'P1', '{"to": "' || @joe || '"}') FAILS 'the purse is empty';
  CALL purse.left_in(@bob) RETURNS (2000);
  EXPECT SELECT contract, amount FROM purse.earned = ('registry', 5000);
END;
