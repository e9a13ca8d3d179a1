-- A supply chain: lots of goods that companies make, split, mix, process and hand
-- over, with certificates and recalls.
--
-- Each site works on a branch of its own, offline if it must, and merges when it
-- can. So the rules below are not only about one site: none of them lets a gram
-- appear twice because two branches did not know of each other.
--
-- Amounts are grams (or pieces), times are milliseconds since 1970.
DIALECT 1;

CREATE TABLE company (
  id      TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
  name    TEXT NOT NULL,
  account TEXT NOT NULL UNIQUE                              -- who speaks for it: ag1…
);
CREATE TABLE site (
  id      TEXT PRIMARY KEY,
  company TEXT NOT NULL REFERENCES company(id),
  place   TEXT NOT NULL
);
CREATE INDEX site_company ON site(company);

CREATE TABLE product (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  shelf_life INTEGER NOT NULL CHECK (shelf_life > 0)        -- days
);
-- What a lot of this product needs before it may be handed over.
CREATE TABLE requirement (
  product TEXT NOT NULL REFERENCES product(id),
  scheme  TEXT NOT NULL,
  PRIMARY KEY (product, scheme)
);

-- A lot is an amount of one product at one site. What happened to it is in step
-- and line; amount is what is left of it.
CREATE TABLE lot (
  id      TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
  product TEXT NOT NULL REFERENCES product(id),
  site    TEXT NOT NULL REFERENCES site(id),
  until   INTEGER NOT NULL,                                 -- best before
  state   TEXT NOT NULL DEFAULT 'good' CHECK (state IN ('good', 'recalled')),
  amount  INTEGER NOT NULL DEFAULT 0 CHECK (amount >= 0)
);
CREATE INDEX lot_site ON lot(site);

-- A step changes lots: its lines below 0 go in, those above come out. gain is
-- what it makes of nothing: a harvest has one above 0, a loss is below.
CREATE TABLE step (
  id   TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('harvest', 'split', 'mix', 'process', 'waste')),
  site TEXT NOT NULL REFERENCES site(id),
  gain INTEGER NOT NULL,
  by   TEXT NOT NULL,
  at   INTEGER NOT NULL,                                    -- when it was signed, at the site
  CHECK (CASE kind WHEN 'harvest' THEN gain > 0 WHEN 'split' THEN gain = 0 WHEN 'waste' THEN gain < 0 ELSE gain <= 0 END)
);
CREATE TABLE line (
  step   TEXT NOT NULL REFERENCES step(id),
  lot    TEXT NOT NULL REFERENCES lot(id),
  amount INTEGER NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (step, lot)
);
CREATE INDEX line_lot ON line(lot);

-- A lot changes hands when both sides say so.
CREATE TABLE handover (
  id      TEXT PRIMARY KEY,
  lot     TEXT NOT NULL REFERENCES lot(id),
  giver   TEXT NOT NULL REFERENCES site(id),
  taker   TEXT NOT NULL REFERENCES site(id),
  amount  INTEGER NOT NULL,                                 -- as offered
  offered INTEGER NOT NULL,
  settled INTEGER,
  state   TEXT NOT NULL DEFAULT 'offered' CHECK (state IN ('offered', 'accepted', 'refused', 'withdrawn')),
  note    TEXT NOT NULL DEFAULT ''
);
CREATE INDEX handover_lot ON handover(lot);

-- A certificate is for a lot, a site or a company; it says nothing before since
-- and from until on. Revoking it moves until to now.
CREATE TABLE certificate (
  id       TEXT PRIMARY KEY,
  issuer   TEXT NOT NULL,                                   -- account of the certifier
  scheme   TEXT NOT NULL,                                   -- organic, fair, tested, …
  kind     TEXT NOT NULL CHECK (kind IN ('lot', 'site', 'company')),
  subject  TEXT NOT NULL,
  since    INTEGER NOT NULL,
  until    INTEGER NOT NULL,
  revoked  TEXT NOT NULL DEFAULT '',                        -- why
  document BLOB NOT NULL CHECK (length(document) = 32),     -- SHA-256 of the paper
  CHECK (since < until OR revoked <> '')
);
CREATE INDEX certificate_subject ON certificate(subject, scheme);

CREATE TABLE recall (
  id     TEXT PRIMARY KEY,
  lot    TEXT NOT NULL REFERENCES lot(id),                  -- where it began
  reason TEXT NOT NULL CHECK (length(reason) > 0),
  by     TEXT NOT NULL,
  at     INTEGER NOT NULL
);

-- Mass is neither made nor lost, in any step, on any branch, after any merge;
-- and a lot is exactly what its lines say.
INVARIANT mass ON line TOTAL sum(amount) BY step CHECK (total = step.gain);
INVARIANT stock ON line TOTAL sum(amount) BY lot CHECK (total = lot.amount);
-- A step without lines would be none; this also catches a gain of nothing.
INVARIANT something FOR EACH step CHECK (EXISTS (SELECT 1 FROM line WHERE line.step = step.id));

-- Two sites took from one lot: both count, and the CHECK says whether it was
-- enough. A recall on either side is a recall. A certificate ends when the first
-- side ended it. Where a lot stands cannot be guessed: somebody looks.
MERGE RULE ON lot (amount) BY DELTA;
MERGE RULE ON lot (state) USING ACTION worse;
MERGE RULE ON lot (until) BY MIN;
MERGE RULE ON lot (site) BY MANUAL RESOLVE ROLE (inspector);
MERGE RULE ON certificate (until) BY MIN;
MERGE RULE ON certificate (revoked) BY MAX;
MERGE RULE ON handover (state) BY MANUAL RESOLVE ROLE (inspector);

-- The one place where amounts change.
CREATE TRIGGER count_line AFTER INSERT ON line
BEGIN UPDATE lot SET amount = amount + NEW.amount WHERE id = NEW.lot; END;

-- ---------------------------------------------------------------- reading

-- From which lots a lot was made, one step back.
CREATE VIEW made_of AS
  SELECT o.lot AS lot, i.lot AS source, o.step, -i.amount AS took, o.amount AS gave
  FROM line o JOIN line i ON i.step = o.step AND i.amount < 0 WHERE o.amount > 0;

CREATE VIEW stock AS
  SELECT c.id AS company, s.id AS site, l.id AS lot, l.product, l.amount, l.state, l.until
  FROM lot l JOIN site s ON s.id = l.site JOIN company c ON c.id = s.company WHERE l.amount > 0;

CREATE VIEW valid AS -- not looking at the time: since and until are for the reader's WHERE
  SELECT l.id AS lot, c.scheme, c.id AS certificate, c.since, c.until
  FROM lot l JOIN site s ON s.id = l.site
  JOIN certificate c ON c.subject = CASE c.kind WHEN 'lot' THEN l.id WHEN 'site' THEN l.site ELSE s.company END;

-- ---------------------------------------------------------------- who and what

CREATE ACTION add_company(:id TEXT, :name TEXT, :account TEXT) OWNER AS
BEGIN
  REQUIRE length(:account) >= 40 AND substr(:account, 1, 3) = 'ag1' ELSE 'no account: ' || :account;
  INSERT INTO company VALUES (:id, :name, :account);
END;

CREATE ACTION add_product(:id TEXT, :name TEXT, :shelf_life INTEGER, :schemes TEXT DEFAULT '[]') OWNER AS
BEGIN
  REQUIRE iif(json_valid(:schemes), json_type(:schemes) = 'array', FALSE) ELSE 'schemes are a JSON array: ["organic"]';
  INSERT INTO product VALUES (:id, :name, :shelf_life);
  INSERT INTO requirement SELECT :id, value FROM json_each(:schemes);
END;

CREATE ACTION add_site(:id TEXT, :place TEXT) PUBLIC AS
BEGIN
  LET :company = (SELECT id FROM company WHERE account = @caller);
  REQUIRE :company IS NOT NULL ELSE 'you speak for no company';
  INSERT INTO site VALUES (:id, :company, :place);
END;

-- ---------------------------------------------------------------- lots

-- A lot that comes from nowhere: out of the field, the sea, the mine.
CREATE ACTION harvest(:step TEXT, :site TEXT, :lot TEXT, :product TEXT, :amount INTEGER) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM site JOIN company ON company.id = company WHERE site.id = :site AND account = @caller) ELSE 'not your site: ' || :site;
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  LET :days = (SELECT shelf_life FROM product WHERE id = :product);
  REQUIRE :days IS NOT NULL ELSE 'no such product: ' || :product;
  INSERT INTO lot(id, product, site, until) VALUES (:lot, :product, :site, @created + :days * 86400000);
  INSERT INTO step VALUES (:step, 'harvest', :site, :amount, @caller, @created);
  INSERT INTO line VALUES (:step, :lot, :amount);
END;

-- Makes lots of lots, all at one site. Both sides are JSON:
--   inputs   [{"lot": "L1", "amount": 5000}, …]    what is taken
--   outputs  [{"lot": "L7", "amount": 4900}, …]    new lots
-- split: one lot into several of its product, no gram lost. mix: several of one
-- product into one. process: whatever into :product. What is missing is loss.
-- A new lot keeps as long as the first of its inputs, and is recalled if one of
-- them is: a site that does not know yet may go on, and the merge still finds
-- all that it made.
CREATE ACTION transform(:step TEXT, :kind TEXT, :site TEXT, :inputs TEXT, :outputs TEXT, :product TEXT DEFAULT NULL) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM site JOIN company ON company.id = company WHERE site.id = :site AND account = @caller) ELSE 'not your site: ' || :site;
  REQUIRE :kind IN ('split', 'mix', 'process') ELSE 'a step is a split, a mix or a process';
  REQUIRE json_valid(:inputs) AND json_valid(:outputs) ELSE 'inputs and outputs are JSON: [{"lot": "L1", "amount": 5}]';
  REQUIRE NOT EXISTS (SELECT 1 FROM json_each(:inputs) WHERE ifnull(value ->> 'amount', 0) <= 0)
      AND NOT EXISTS (SELECT 1 FROM json_each(:outputs) WHERE ifnull(value ->> 'amount', 0) <= 0) ELSE 'amounts are above 0';
  REQUIRE json_array_length(:inputs) > 0 AND json_array_length(:outputs) > 0 ELSE 'a step has inputs and outputs';
  REQUIRE :kind <> 'split' OR json_array_length(:inputs) = 1 ELSE 'a split is of one lot';
  REQUIRE :kind <> 'mix' OR json_array_length(:outputs) = 1 ELSE 'a mix is one lot';

  LET :until = 9223372036854775807;
  LET :state = 'good';
  LET :gain = 0;
  LET :one = NULL;                                          -- the product of the inputs
  FOR i IN (SELECT key, value ->> 'lot' AS lot, value ->> 'amount' AS amount, product, site, until, state, lot.amount AS has
            FROM json_each(:inputs) LEFT JOIN lot ON lot.id = value ->> 'lot' ORDER BY key) DO
    REQUIRE :i.site IS NOT NULL ELSE 'no such lot: ' || ifnull(:i.lot, '?');
    REQUIRE :i.site = :site ELSE :i.lot || ' is not at ' || :site;
    REQUIRE :i.amount <= :i.has ELSE :i.lot || ' has only ' || :i.has;
    REQUIRE :kind = 'process' OR ifnull(:one, :i.product) = :i.product ELSE 'a ' || :kind || ' is of one product';
    LET :one = :i.product;
    LET :until = min(:until, :i.until);
    LET :state = iif(:i.state = 'recalled', 'recalled', :state);
    LET :gain = :gain - :i.amount;
  END FOR;
  REQUIRE (:kind = 'process') = (:product IS NOT NULL) ELSE 'a process, and nothing else, makes another product';
  LET :makes = ifnull(:product, :one);
  REQUIRE EXISTS (SELECT 1 FROM product WHERE id = :makes) ELSE 'no such product: ' || :makes;
  LET :gain = :gain + (SELECT sum(value ->> 'amount') FROM json_each(:outputs));
  REQUIRE :gain <= 0 ELSE 'more comes out than goes in: ' || :gain;
  REQUIRE :kind <> 'split' OR :gain = 0 ELSE 'a split loses nothing, here ' || -:gain;

  INSERT INTO lot(id, product, site, until, state) SELECT value ->> 'lot', :makes, :site, :until, :state FROM json_each(:outputs);
  INSERT INTO step VALUES (:step, :kind, :site, :gain, @caller, @created);
  INSERT INTO line SELECT :step, value ->> 'lot', -(value ->> 'amount') FROM json_each(:inputs);
  INSERT INTO line SELECT :step, value ->> 'lot', value ->> 'amount' FROM json_each(:outputs);
  IF :state = 'recalled' THEN
    EMIT recalled_lot_used(step => :step, site => :site);
  END IF;
END;

CREATE ACTION waste(:step TEXT, :lot TEXT, :amount INTEGER) PUBLIC AS
BEGIN
  LET :site = (SELECT site.id FROM lot JOIN site ON site.id = site JOIN company ON company.id = company WHERE lot.id = :lot AND account = @caller);
  REQUIRE :site IS NOT NULL ELSE 'not your lot: ' || :lot;
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  INSERT INTO step VALUES (:step, 'waste', :site, -:amount, @caller, @created);
  INSERT INTO line VALUES (:step, :lot, -:amount);
END;

CREATE ACTION worse(:base TEXT, :ours TEXT, :theirs TEXT) PRIVATE READONLY RETURNS (state TEXT) AS
BEGIN
  RETURN iif('recalled' IN (:ours, :theirs), 'recalled', :ours);
END;

-- ---------------------------------------------------------------- handovers

CREATE ACTION offer(:id TEXT, :lot TEXT, :to TEXT) PUBLIC AS
BEGIN
  LET :from = (SELECT site.id FROM lot JOIN site ON site.id = site JOIN company ON company.id = company WHERE lot.id = :lot AND account = @caller);
  REQUIRE :from IS NOT NULL ELSE 'not your lot: ' || :lot;
  REQUIRE EXISTS (SELECT 1 FROM site WHERE id = :to AND id <> :from) ELSE 'no other site: ' || :to;
  REQUIRE NOT EXISTS (SELECT 1 FROM handover WHERE lot = :lot AND state = 'offered') ELSE :lot || ' is offered already';
  INSERT INTO handover(id, lot, giver, taker, amount, offered) SELECT :id, :lot, :from, :to, amount, @created FROM lot WHERE id = :lot;
  EMIT offered(id => :id, lot => :lot, taker => :to);
END;

-- The taker weighs and looks, and then it is his: with what was offered still
-- all there, not recalled, not too old, and with the certificates that the
-- product needs, valid in the block that records it.
CREATE ACTION accept(:id TEXT, :weighed INTEGER) PUBLIC AS
BEGIN
  LET :lot = (SELECT lot FROM handover JOIN site ON site.id = taker JOIN company ON company.id = company
              WHERE handover.id = :id AND handover.state = 'offered' AND account = @caller);
  REQUIRE :lot IS NOT NULL ELSE 'no offer to you: ' || :id;
  REQUIRE (SELECT lot.amount = handover.amount AND lot.site = giver FROM handover JOIN lot ON lot.id = lot WHERE handover.id = :id) ELSE :lot || ' is not what was offered';
  REQUIRE (SELECT amount FROM lot WHERE id = :lot) = :weighed ELSE 'the offer says ' || (SELECT amount FROM lot WHERE id = :lot);
  REQUIRE (SELECT state FROM lot WHERE id = :lot) = 'good' ELSE :lot || ' is recalled';
  REQUIRE (SELECT until FROM lot WHERE id = :lot) > @time ELSE :lot || ' is too old';
  LET :missing = (SELECT min(scheme) FROM lot JOIN requirement USING (product) WHERE lot.id = :lot AND NOT EXISTS (
    SELECT 1 FROM valid v WHERE v.lot = :lot AND v.scheme = requirement.scheme AND @time >= since AND @time < v.until));
  REQUIRE :missing IS NULL ELSE :lot || ' has no valid certificate: ' || :missing;
  UPDATE handover SET state = 'accepted', settled = @created WHERE id = :id;
  UPDATE lot SET site = (SELECT taker FROM handover WHERE id = :id) WHERE id = :lot;
  EMIT handed_over(id => :id, lot => :lot, amount => :weighed);
END;

CREATE ACTION refuse(:id TEXT, :note TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM handover JOIN site ON site.id = taker JOIN company ON company.id = company
                  WHERE handover.id = :id AND handover.state = 'offered' AND account = @caller) ELSE 'no offer to you: ' || :id;
  UPDATE handover SET state = 'refused', settled = @created, note = :note WHERE id = :id;
  EMIT refused(id => :id, note => :note);
END;

CREATE ACTION withdraw(:id TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM handover JOIN site ON site.id = giver JOIN company ON company.id = company
                  WHERE handover.id = :id AND handover.state = 'offered' AND account = @caller) ELSE 'no offer of yours: ' || :id;
  UPDATE handover SET state = 'withdrawn', settled = @created WHERE id = :id;
END;

-- ---------------------------------------------------------------- certificates

CREATE ACTION certify(:id TEXT, :scheme TEXT, :kind TEXT, :subject TEXT, :days INTEGER, :document BLOB) ROLE (certifier) AS
BEGIN
  REQUIRE :days BETWEEN 1 AND 1100 ELSE 'a certificate is for 1 to 1100 days';
  REQUIRE CASE :kind WHEN 'lot' THEN EXISTS (SELECT 1 FROM lot WHERE id = :subject)
                     WHEN 'site' THEN EXISTS (SELECT 1 FROM site WHERE id = :subject)
                     WHEN 'company' THEN EXISTS (SELECT 1 FROM company WHERE id = :subject) END ELSE 'no such ' || :kind || ': ' || :subject;
  INSERT INTO certificate(id, issuer, scheme, kind, subject, since, until, document)
  VALUES (:id, @caller, :scheme, :kind, :subject, @created, @created + :days * 86400000, :document);
  EMIT certified(id => :id, scheme => :scheme, subject => :subject);
END;

CREATE ACTION revoke(:id TEXT, :reason TEXT) ROLE (certifier) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM certificate WHERE id = :id AND issuer = @caller) ELSE 'not your certificate: ' || :id;
  REQUIRE length(:reason) > 0 ELSE 'say why';
  UPDATE certificate SET until = min(until, @time), revoked = :reason WHERE id = :id;
  EMIT revoked(id => :id, reason => :reason);
END;

-- ---------------------------------------------------------------- recalls

-- Calls back a lot and all that was made of it, wherever it stands now, and
-- tells each owner. Once for each lot: what was recalled before is not told again.
CREATE ACTION call_back(:id TEXT, :lot TEXT, :reason TEXT) ROLE (inspector) RETURNS (lots INTEGER) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM lot WHERE id = :lot) ELSE 'no such lot: ' || :lot;
  INSERT INTO recall VALUES (:id, :lot, :reason, @caller, @time);
  LET :lots = 0;
  FOR l IN (WITH RECURSIVE hit(id) AS (
              SELECT :lot
              UNION
              SELECT m.lot FROM hit JOIN line i ON i.lot = hit.id AND i.amount < 0 JOIN line m ON m.step = i.step AND m.amount > 0
              LIMIT 10000)
            SELECT lot.id AS id, company.id AS company, lot.amount AS amount FROM hit JOIN lot USING (id) JOIN site ON site.id = site JOIN company ON company.id = company
            WHERE state = 'good' ORDER BY lot.id) DO
    UPDATE lot SET state = 'recalled' WHERE id = :l.id;
    EMIT recalled(recall => :id, lot => :l.id, company => :l.company, amount => :l.amount);
    LET :lots = :lots + 1;
  END FOR;
  RETURN :lots;
END;

-- Where a lot comes from, back to the harvest: depth 0 is itself.
CREATE ACTION trace(:lot TEXT) PUBLIC READONLY RETURNS (depth INTEGER, lot TEXT, product TEXT, step TEXT, kind TEXT, site TEXT) AS
BEGIN
  WITH RECURSIVE back(depth, id) AS (
    SELECT 0, :lot
    UNION
    SELECT depth + 1, source FROM back JOIN made_of ON made_of.lot = back.id WHERE depth < 100)
  SELECT min(depth), lot.id, product, step.id, step.kind, step.site
  FROM back JOIN lot ON lot.id = back.id JOIN line ON line.lot = lot.id AND line.amount > 0 JOIN step ON step.id = line.step
  GROUP BY lot.id ORDER BY min(depth), lot.id;
END;
