-- A land registry in which nobody changes a parcel alone.
--
-- Whatever is to happen to a parcel is a proposal. It waits until enough people
-- have approved it, each in his role, and until the time for objections is over;
-- then anybody may carry it out. Every change of a parcel is a deed, deeds are
-- never changed, and the invariants hold that a parcel is what its deeds say.
--
-- Times are milliseconds since 1970, areas square metres, amounts cents.
DIALECT 1;

-- Fees are paid out of a prepaid purse, another contract. Whoever proposes has
-- allowed this one to take them: purse.allow('registry', 10000).
USE purse AS purse;

CREATE TABLE parcel (
  id    TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
  place TEXT NOT NULL,
  area  INTEGER NOT NULL CHECK (area >= 0),                 -- 0: divided into others
  owner TEXT NOT NULL,                                      -- ag1…
  deeds INTEGER NOT NULL DEFAULT 0                          -- how many there are: the last one's seq
);
CREATE INDEX parcel_owner ON parcel(owner);

-- The history of each parcel: append-only, one row for each change.
CREATE TABLE deed (
  parcel   TEXT NOT NULL REFERENCES parcel(id),
  seq      INTEGER NOT NULL,                                -- 1, 2, 3, …
  kind     TEXT NOT NULL,
  proposal TEXT NOT NULL REFERENCES proposal(id),
  owner    TEXT NOT NULL,                                   -- after it
  area     INTEGER NOT NULL,                                -- after it
  at       INTEGER NOT NULL,
  PRIMARY KEY (parcel, seq)
);
CREATE INDEX deed_proposal ON deed(proposal);

-- What was measured. Land is divided, not made: the areas of all parcels are the
-- areas of all surveys.
CREATE TABLE survey (
  parcel TEXT PRIMARY KEY,
  area   INTEGER NOT NULL CHECK (area > 0)
);

CREATE TABLE lien (
  id       TEXT PRIMARY KEY,
  parcel   TEXT NOT NULL REFERENCES parcel(id),
  creditor TEXT NOT NULL,
  amount   INTEGER NOT NULL CHECK (amount > 0),
  proposal TEXT NOT NULL REFERENCES proposal(id),
  at       INTEGER NOT NULL,
  released INTEGER                                          -- NULL: still there
);
CREATE INDEX lien_parcel ON lien(parcel);

-- What each kind of proposal needs.
CREATE TABLE rule (
  kind       TEXT PRIMARY KEY CHECK (kind IN ('register', 'transfer', 'divide', 'lien', 'release')),
  registrars INTEGER NOT NULL CHECK (registrars BETWEEN 0 AND 9), -- of m registrars, so many
  notaries   INTEGER NOT NULL CHECK (notaries BETWEEN 0 AND 9),
  wait       INTEGER NOT NULL CHECK (wait >= 0),                  -- days for objections, from the proposal on
  expires    INTEGER NOT NULL,                                    -- days after which it is void
  fee        INTEGER NOT NULL CHECK (fee >= 0),                   -- cents, paid with the proposal
  CHECK (wait < expires)
);

CREATE TABLE proposal (
  id         TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
  kind       TEXT NOT NULL REFERENCES rule(kind),
  parcel     TEXT NOT NULL,
  terms      TEXT NOT NULL CHECK (json_valid(terms)),       -- JSON, see propose
  by         TEXT NOT NULL,
  at         INTEGER NOT NULL,
  -- The rule as it was when it was proposed: a later one is for later proposals.
  registrars INTEGER NOT NULL,
  notaries   INTEGER NOT NULL,
  ripe       INTEGER NOT NULL,                              -- not before
  void       INTEGER NOT NULL,                              -- not from then on
  state      TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'withdrawn', 'rejected'))
);
CREATE INDEX proposal_parcel ON proposal(parcel);

-- One voice for each person and proposal, whatever roles he has.
CREATE TABLE approval (
  proposal TEXT NOT NULL REFERENCES proposal(id),
  who      TEXT NOT NULL,
  role     TEXT NOT NULL CHECK (role IN ('registrar', 'notary', 'party')),
  at       INTEGER NOT NULL,                                -- as signed: @created, not @time
  PRIMARY KEY (proposal, who)
);

CREATE TABLE objection (
  id       TEXT PRIMARY KEY,
  proposal TEXT NOT NULL REFERENCES proposal(id),
  by       TEXT NOT NULL,
  text     TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
  at       INTEGER NOT NULL,
  ruling   TEXT CHECK (ruling IN ('upheld', 'dismissed')),  -- NULL: nobody has decided yet
  judge    TEXT
);
CREATE INDEX objection_proposal ON objection(proposal);

-- A parcel is what its deeds say: as many as it counts, and the last of them has
-- its owner and its area. Nothing else can change a parcel.
INVARIANT counted ON deed TOTAL count(*) BY parcel CHECK (total = parcel.deeds);
INVARIANT last_deed FOR EACH parcel CHECK (EXISTS (
  SELECT 1 FROM deed WHERE deed.parcel = parcel.id AND seq = deeds AND deed.owner = parcel.owner AND deed.area = parcel.area));
INVARIANT measured ON survey TOTAL sum(area);
INVARIANT no_new_land ON parcel TOTAL sum(area) CHECK (total = measured.total);
-- A deed is only of a proposal that was carried out.
INVARIANT decided FOR EACH deed CHECK (EXISTS (SELECT 1 FROM proposal WHERE proposal.id = deed.proposal AND state = 'done'));

-- Two offices may work on branches. Approvals and objections of both come
-- together by themselves: each is a row of its own. What both decided about one
-- proposal or one parcel is for the chief registrar to settle.
MERGE RULE ON parcel (owner, area, deeds) BY MANUAL RESOLVE ROLE (chief);
MERGE RULE ON proposal (state) BY MANUAL RESOLVE ROLE (chief);
MERGE RULE ON lien (released) BY MAX;

-- Later versions of this contract may have other actions; deeds stay.
CREATE TRIGGER deed_stays BEFORE UPDATE ON deed
BEGIN SELECT RAISE(ABORT, 'deeds are never changed'); END;
CREATE TRIGGER deed_not_deleted BEFORE DELETE ON deed
BEGIN SELECT RAISE(ABORT, 'deeds are never deleted'); END;
-- A deed is the next of its parcel, and makes the parcel what it says.
CREATE TRIGGER deed_counts AFTER INSERT ON deed
BEGIN
  UPDATE parcel SET deeds = deeds + 1, owner = NEW.owner, area = NEW.area WHERE id = NEW.parcel;
END;

-- ---------------------------------------------------------------- reading

-- The land register as people know it: who owns what, and what burdens it.
CREATE VIEW register AS
  SELECT p.id AS parcel, p.place, p.area, p.owner, d.at AS since,
         (SELECT ifnull(sum(amount), 0) FROM lien WHERE lien.parcel = p.id AND released IS NULL) AS liens
  FROM parcel p JOIN deed d ON d.parcel = p.id AND d.seq = p.deeds WHERE p.area > 0;

-- What is still missing for each open proposal.
CREATE VIEW pending AS
  SELECT id AS proposal, kind, parcel, ripe, void,
         max(0, registrars - (SELECT count(*) FROM approval a WHERE a.proposal = p.id AND role = 'registrar')) AS registrars,
         max(0, notaries - (SELECT count(*) FROM approval a WHERE a.proposal = p.id AND role = 'notary')) AS notaries,
         (SELECT count(*) FROM objection o WHERE o.proposal = p.id AND ruling IS NULL) AS objections
  FROM proposal p WHERE state = 'open';

-- ---------------------------------------------------------------- rules

CREATE ACTION set_up() CONSTRUCTOR AS
BEGIN
  INSERT INTO rule VALUES
    ('register', 2, 1, 14, 90, 0), ('transfer', 2, 1, 14, 90, 0), ('divide', 2, 0, 14, 90, 0), ('lien', 1, 1, 0, 30, 0), ('release', 1, 0, 0, 30, 0);
END;

CREATE ACTION set_rule(:kind TEXT, :registrars INTEGER, :notaries INTEGER, :wait INTEGER, :expires INTEGER, :fee INTEGER DEFAULT 0) OWNER AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM rule WHERE kind = :kind) ELSE 'no such kind: ' || :kind;
  UPDATE rule SET registrars = :registrars, notaries = :notaries, wait = :wait, expires = :expires, fee = :fee WHERE kind = :kind;
  EMIT rule_set(kind => :kind, registrars => :registrars, notaries => :notaries, wait => :wait);
END;

-- ---------------------------------------------------------------- proposals

-- What all proposals have in common. It runs with the same @caller; in the purse
-- @caller is this contract, and the purse knows what it may take.
CREATE ACTION enter(:id TEXT, :kind TEXT, :parcel TEXT, :terms TEXT, :role TEXT) PRIVATE AS
BEGIN
  LET :fee = (SELECT fee FROM rule WHERE kind = :kind);
  IF :fee > 0 THEN
    CALL purse.charge(@caller, :fee, :kind || ' ' || :id);
  END IF;
  INSERT INTO proposal(id, kind, parcel, terms, by, at, registrars, notaries, ripe, void)
    SELECT :id, :kind, :parcel, :terms, @caller, @time, registrars, notaries, @time + wait * 86400000, @time + expires * 86400000 FROM rule WHERE kind = :kind;
  INSERT INTO approval VALUES (:id, @caller, :role, @created);
  EMIT proposed(id => :id, kind => :kind, parcel => :parcel, by => @caller);
END;

-- What a proposal says stands in its terms, JSON:
--   register  {"place": "Mill Lane 4", "area": 600, "owner": "ag1…"}
--   transfer  {"to": "ag1…", "price": 25000000}
--   divide    {"into": [{"id": "P1a", "area": 250}, {"id": "P1b", "area": 350}]}
--   lien      {"id": "M1", "creditor": "ag1…", "amount": 10000000}
--   release   {"lien": "M1"}
-- Who may propose: a notary may register, a creditor releases his lien, all else
-- is for the owner of the parcel.
CREATE ACTION propose(:id TEXT, :kind TEXT, :parcel TEXT, :terms TEXT) PUBLIC AS
BEGIN
  REQUIRE :kind IN ('transfer', 'divide', 'lien', 'release') ELSE 'propose a transfer, a division, a lien or a release';
  REQUIRE json_valid(:terms) ELSE 'the terms are no JSON';
  LET :owner = (SELECT owner FROM parcel WHERE id = :parcel AND area > 0);
  REQUIRE :owner IS NOT NULL ELSE 'no such parcel: ' || :parcel;
  IF :kind = 'release' THEN
    REQUIRE EXISTS (SELECT 1 FROM lien WHERE id = :terms ->> 'lien' AND parcel = :parcel AND creditor = @caller AND released IS NULL) ELSE 'no lien of yours: ' || ifnull(:terms ->> 'lien', '?');
  ELSE
    REQUIRE :owner = @caller ELSE 'not your parcel: ' || :parcel;
  END IF;
  IF :kind = 'transfer' THEN
    REQUIRE ifnull(length(:terms ->> 'to') >= 40 AND substr(:terms ->> 'to', 1, 3) = 'ag1' AND :terms ->> 'to' <> @caller, FALSE) ELSE 'a transfer needs whom it is to';
  ELSEIF :kind = 'divide' THEN
    REQUIRE ifnull(json_type(:terms, '$.into') = 'array', FALSE) ELSE 'a division needs into what';
    REQUIRE (SELECT sum(value ->> 'area') FROM json_each(:terms, '$.into')) = (SELECT area FROM parcel WHERE id = :parcel) ELSE 'the parts are not as large as the whole';
  ELSEIF :kind = 'lien' THEN
    REQUIRE ifnull(length(:terms ->> 'creditor') >= 40 AND :terms ->> 'amount' > 0 AND length(:terms ->> 'id') > 0, FALSE) ELSE 'a lien needs an id, a creditor and an amount';
  END IF;
  CALL enter(:id, :kind, :parcel, :terms, 'party');
END;

-- A parcel comes into the register: a notary brings the papers.
CREATE ACTION propose_parcel(:id TEXT, :parcel TEXT, :terms TEXT) ROLE (notary) AS
BEGIN
  REQUIRE json_valid(:terms) ELSE 'the terms are no JSON';
  REQUIRE ifnull(length(:terms ->> 'owner') >= 40 AND :terms ->> 'area' > 0 AND length(:terms ->> 'place') > 0, FALSE) ELSE 'a parcel needs a place, an area and an owner';
  REQUIRE NOT EXISTS (SELECT 1 FROM parcel WHERE id = :parcel) ELSE :parcel || ' is registered';
  CALL enter(:id, 'register', :parcel, :terms, 'notary');
END;

CREATE ACTION withdraw(:proposal TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM proposal WHERE id = :proposal AND by = @caller AND state = 'open') ELSE 'no open proposal of yours: ' || :proposal;
  UPDATE proposal SET state = 'withdrawn' WHERE id = :proposal;
END;

-- ---------------------------------------------------------------- approvals

-- Three actions instead of one with a :role: who may call is declared, not
-- checked by hand. The key of approval lets nobody approve twice.
CREATE ACTION approve(:proposal TEXT) ROLE (registrar) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM proposal WHERE id = :proposal AND state = 'open' AND void > @time) ELSE 'no open proposal: ' || :proposal;
  INSERT INTO approval VALUES (:proposal, @caller, 'registrar', @created);
END;

CREATE ACTION attest(:proposal TEXT) ROLE (notary) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM proposal WHERE id = :proposal AND state = 'open' AND void > @time) ELSE 'no open proposal: ' || :proposal;
  INSERT INTO approval VALUES (:proposal, @caller, 'notary', @created);
END;

-- The other party of a transfer, or the creditor of a lien, says yes.
CREATE ACTION agree(:proposal TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM proposal WHERE id = :proposal AND state = 'open' AND void > @time
                  AND @caller IN (terms ->> 'to', terms ->> 'creditor', terms ->> 'owner')) ELSE 'no open proposal with you: ' || :proposal;
  INSERT INTO approval VALUES (:proposal, @caller, 'party', @created);
END;

-- ---------------------------------------------------------------- objections

-- Anybody may object while the time for it lasts; a proposal with an objection
-- that is not decided waits.
CREATE ACTION object(:id TEXT, :proposal TEXT, :text TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM proposal WHERE id = :proposal AND state = 'open' AND ripe > @time) ELSE 'it is too late for objections to ' || :proposal;
  INSERT INTO objection(id, proposal, by, text, at) VALUES (:id, :proposal, @caller, :text, @created);
  EMIT objected(id => :id, proposal => :proposal, by => @caller);
END;

CREATE ACTION decide(:objection TEXT, :ruling TEXT) ROLE (judge) AS
BEGIN
  LET :proposal = (SELECT proposal FROM objection WHERE id = :objection AND ruling IS NULL);
  REQUIRE :proposal IS NOT NULL ELSE 'no objection to decide: ' || :objection;
  REQUIRE NOT EXISTS (SELECT 1 FROM objection WHERE id = :objection AND by = @caller) ELSE 'it is your own';
  UPDATE objection SET ruling = :ruling, judge = @caller WHERE id = :objection;
  IF :ruling = 'upheld' THEN
    UPDATE proposal SET state = 'rejected' WHERE id = :proposal AND state = 'open';
  END IF;
  EMIT decided(objection => :objection, proposal => :proposal, ruling => :ruling);
END;

-- ---------------------------------------------------------------- carrying out

-- Anybody may ask; the books decide. @time is the block's, so that a merge
-- measures with the clock of the branch that it comes to.
CREATE ACTION carry_out(:proposal TEXT) PUBLIC RETURNS (deeds INTEGER) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM proposal WHERE id = :proposal AND state = 'open') ELSE 'no open proposal: ' || :proposal;
  -- One row: FOR gives its columns names.
  FOR p IN (SELECT id, kind, parcel, terms, by, ripe, void, registrars, notaries FROM proposal WHERE id = :proposal) DO
    REQUIRE @time >= :p.ripe ELSE 'the time for objections is not over';
    REQUIRE @time < :p.void ELSE 'the proposal is void';
    REQUIRE NOT EXISTS (SELECT 1 FROM objection WHERE proposal = :proposal AND ruling IS NULL) ELSE 'an objection is not decided';
    LET :has = (SELECT count(*) FROM approval WHERE proposal = :proposal AND role = 'registrar');
    REQUIRE :has >= :p.registrars ELSE 'approved by ' || :has || ' of ' || :p.registrars || ' registrars';
    LET :has = (SELECT count(*) FROM approval WHERE proposal = :proposal AND role = 'notary');
    REQUIRE :has >= :p.notaries ELSE 'attested by ' || :has || ' of ' || :p.notaries || ' notaries';
    LET :party = coalesce(:p.terms ->> 'to', :p.terms ->> 'creditor', :p.terms ->> 'owner');
    REQUIRE :party IS NULL OR EXISTS (SELECT 1 FROM approval WHERE proposal = :proposal AND who = :party) ELSE 'the other party has not agreed';
    LET :owner = (SELECT owner FROM parcel WHERE id = :p.parcel AND area > 0);
    REQUIRE :p.kind IN ('register', 'release') OR ifnull(:owner = :p.by, FALSE) ELSE :p.parcel || ' is not his any more';

    UPDATE proposal SET state = 'done' WHERE id = :proposal;
    LET :seq = 1 + ifnull((SELECT deeds FROM parcel WHERE id = :p.parcel), 0);
    IF :p.kind = 'register' THEN
      INSERT INTO survey VALUES (:p.parcel, :p.terms ->> 'area');
      INSERT INTO parcel(id, place, area, owner) VALUES (:p.parcel, :p.terms ->> 'place', :p.terms ->> 'area', :party);
      INSERT INTO deed VALUES (:p.parcel, 1, 'register', :proposal, :party, :p.terms ->> 'area', @time);
    ELSEIF :p.kind = 'transfer' THEN
      INSERT INTO deed SELECT id, :seq, 'transfer', :proposal, :party, area, @time FROM parcel WHERE id = :p.parcel;
    ELSEIF :p.kind = 'divide' THEN
      REQUIRE NOT EXISTS (SELECT 1 FROM lien WHERE parcel = :p.parcel AND released IS NULL) ELSE 'a parcel with liens is not divided';
      INSERT INTO parcel(id, place, area, owner) SELECT value ->> 'id', place, value ->> 'area', owner FROM parcel, json_each(:p.terms, '$.into') WHERE parcel.id = :p.parcel;
      INSERT INTO deed SELECT value ->> 'id', 1, 'divide', :proposal, :owner, value ->> 'area', @time FROM json_each(:p.terms, '$.into');
      INSERT INTO deed VALUES (:p.parcel, :seq, 'divide', :proposal, :owner, 0, @time);
    ELSEIF :p.kind = 'lien' THEN
      INSERT INTO lien(id, parcel, creditor, amount, proposal, at) VALUES (:p.terms ->> 'id', :p.parcel, :party, :p.terms ->> 'amount', :proposal, @time);
    ELSE
      UPDATE lien SET released = @time WHERE id = :p.terms ->> 'lien';
    END IF;
    EMIT carried_out(proposal => :proposal, kind => :p.kind, parcel => :p.parcel);
  END FOR;
  RETURN (SELECT count(*) FROM deed WHERE proposal = :proposal);
END;

-- ---------------------------------------------------------------- for everybody

CREATE ACTION chain_of_title(:parcel TEXT) PUBLIC READONLY RETURNS (seq INTEGER, kind TEXT, owner TEXT, area INTEGER, at INTEGER, registrars TEXT) AS
BEGIN
  SELECT seq, kind, owner, area, at,
         (SELECT json_group_array(who ORDER BY who) FROM approval a WHERE a.proposal = deed.proposal AND role = 'registrar')
  FROM deed WHERE parcel = :parcel ORDER BY seq;
END;
