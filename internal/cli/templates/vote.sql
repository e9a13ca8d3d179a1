-- Votes: one voice for each member, counted until a proposal closes.
DIALECT 1;

CREATE TABLE proposal (
  id     TEXT PRIMARY KEY,
  text   TEXT NOT NULL CHECK (length(text) > 0),
  closes INTEGER NOT NULL                                -- ms since 1970
);
CREATE TABLE ballot (
  proposal TEXT NOT NULL REFERENCES proposal(id),
  voter    TEXT NOT NULL,
  yes      INTEGER NOT NULL CHECK (yes IN (0, 1)),
  PRIMARY KEY (proposal, voter)
);

CREATE ACTION propose(:id TEXT, :text TEXT, :days INTEGER) ROLE (member) AS
BEGIN
  REQUIRE :days BETWEEN 1 AND 90 ELSE 'a vote is open for 1 to 90 days';
  INSERT INTO proposal VALUES (:id, :text, @time + :days * 86400000);
  EMIT proposed(id => :id, by => @caller);
END;

-- A member may change his mind until the proposal closes. @time is the block's:
-- a voice that a merge brings late does not count.
CREATE ACTION vote(:proposal TEXT, :yes INTEGER) ROLE (member) AS
BEGIN
  LET :closes = (SELECT closes FROM proposal WHERE id = :proposal);
  REQUIRE :closes IS NOT NULL ELSE 'no such proposal: ' || :proposal;
  REQUIRE @time < :closes ELSE 'the vote is closed';
  INSERT INTO ballot VALUES (:proposal, @caller, :yes)
    ON CONFLICT DO UPDATE SET yes = :yes;
END;

CREATE ACTION result(:proposal TEXT) PUBLIC READONLY RETURNS (yes INTEGER, no INTEGER) AS
BEGIN
  SELECT ifnull(sum(yes), 0), count(*) - ifnull(sum(yes), 0) FROM ballot WHERE proposal = :proposal;
END;
