-- The books of a small bank, kept in double entry.
--
-- Every entry is a set of postings that add up to zero, every balance is the sum
-- of its postings, and no action, trigger or later version of this contract can
-- make it otherwise: the two INVARIANTs below are checked after every
-- transaction and in every merge.
--
-- Amounts are cents. Debits are above 0, credits below: what the bank has
-- (assets) and spends (expenses) is above 0, what it owes (liabilities: its
-- customers' money), its equity and its income are below 0. The sum of all
-- balances is always 0.
DIALECT 1;

-- The chart of accounts, the customers' accounts among them. An account belongs
-- to a group of the chart; a group has no postings of its own.
CREATE TABLE account (
  id        TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
  name      TEXT NOT NULL,
  kind      TEXT NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
  parent    TEXT REFERENCES account(id),                    -- its group; NULL at the top
  holder    TEXT,                                           -- whose money it is: ag1…; NULL: the bank's own
  overdraft INTEGER NOT NULL DEFAULT 0 CHECK (overdraft >= 0),
  state     TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('group', 'open', 'frozen', 'closed')),
  balance   INTEGER NOT NULL DEFAULT 0,
  -- A customer may owe the bank what was agreed, and no more.
  CHECK (holder IS NULL OR balance <= overdraft),
  CHECK (state NOT IN ('group', 'closed') OR balance = 0)
);
CREATE INDEX account_parent ON account(parent);
CREATE INDEX account_holder ON account(holder);

-- Months in which entries may have their day. A closed one stays closed.
CREATE TABLE period (
  month     TEXT PRIMARY KEY CHECK (month GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]'),
  closed_at INTEGER,                                        -- ms since 1970; NULL: open
  closed_by TEXT
);

-- The journal. Nothing in it is changed or deleted; a mistake is put right by an
-- entry that reverses it.
CREATE TABLE entry (
  id       TEXT PRIMARY KEY,
  day      TEXT NOT NULL CHECK (day GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]'),
  kind     TEXT NOT NULL CHECK (kind IN ('journal', 'cash', 'transfer', 'standing', 'interest', 'reversal', 'closing')),
  text     TEXT NOT NULL DEFAULT '',
  by       TEXT NOT NULL,                                   -- who made it, and when: @created stays as it is
  at       INTEGER NOT NULL,                                -- when a merge brings it to another branch
  reverses TEXT UNIQUE REFERENCES entry(id)
);
CREATE TABLE posting (
  entry   TEXT NOT NULL REFERENCES entry(id),
  line    INTEGER NOT NULL,
  account TEXT NOT NULL REFERENCES account(id),
  amount  INTEGER NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (entry, line)
);
CREATE INDEX posting_account ON posting(account);

CREATE TABLE standing (
  id     TEXT PRIMARY KEY,
  payer  TEXT NOT NULL REFERENCES account(id),
  payee  TEXT NOT NULL REFERENCES account(id),
  amount INTEGER NOT NULL CHECK (amount > 0),
  text   TEXT NOT NULL,
  days   INTEGER NOT NULL CHECK (days BETWEEN 1 AND 366), -- between two payments
  next   INTEGER NOT NULL,                                -- ms since 1970
  runs   INTEGER NOT NULL DEFAULT 0,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
);
CREATE INDEX standing_next ON standing(next);

CREATE TABLE price (
  what   TEXT PRIMARY KEY CHECK (what IN ('transfer')),
  amount INTEGER NOT NULL CHECK (amount >= 0)
);

-- The two laws of double entry, and one for the journal: an entry says something.
INVARIANT balanced ON posting TOTAL sum(amount) BY entry CHECK (total = 0);
INVARIANT books ON posting TOTAL sum(amount) BY account CHECK (total = account.balance);
INVARIANT not_empty FOR EACH entry CHECK (EXISTS (SELECT 1 FROM posting WHERE posting.entry = entry.id));

-- What both sides of a merge booked counts. Whoever froze or closed an account
-- on one side did it for a reason that the other side did not know.
MERGE RULE ON account (balance) BY DELTA RESOLVE ROLE (auditor);
MERGE RULE ON account (state) USING ACTION stricter;
MERGE RULE ON account (overdraft) BY MIN;
MERGE RULE ON standing (runs, next) BY MAX;
MERGE RULE ON standing (active) BY MIN;

-- The one place where a balance changes. RAISE is the REQUIRE of triggers.
CREATE TRIGGER book AFTER INSERT ON posting
BEGIN
  SELECT RAISE(ABORT, 'a group or a closed account takes no postings')
  FROM account WHERE id = NEW.account AND state IN ('group', 'closed');
  UPDATE account SET balance = balance + NEW.amount WHERE id = NEW.account;
END;
-- A later version of this contract may have other actions. These two stay in the
-- way of one that would rewrite the journal.
CREATE TRIGGER posting_kept BEFORE UPDATE ON posting
BEGIN SELECT RAISE(ABORT, 'postings stay as they are: reverse the entry'); END;
CREATE TRIGGER posting_not_deleted BEFORE DELETE ON posting
BEGIN SELECT RAISE(ABORT, 'postings stay: reverse the entry'); END;

-- ---------------------------------------------------------------- reading

-- What a person reads: the entries with their two columns.
CREATE VIEW journal AS
  SELECT e.day, e.id AS entry, p.line, p.account, a.name,
         iif(p.amount > 0, p.amount, NULL) AS debit, iif(p.amount < 0, -p.amount, NULL) AS credit, e.kind, e.text
  FROM entry e JOIN posting p ON p.entry = e.id JOIN account a ON a.id = p.account;

-- All accounts with their balances on the side where they are. Both columns have
-- the same sum, always.
CREATE VIEW trial_balance AS
  SELECT id AS account, name, kind, max(balance, 0) AS debit, max(-balance, 0) AS credit
  FROM account WHERE state <> 'group';

-- Statements: each posting with the balance after it, as the customer counts,
-- money that he has above 0.
CREATE VIEW statement AS
  SELECT p.account, e.day, p.entry, p.line, -p.amount AS amount,
         -sum(p.amount) OVER (PARTITION BY p.account ORDER BY e.day, e.at, p.entry, p.line) AS balance, e.text
  FROM posting p JOIN entry e ON e.id = p.entry;

-- The chart as a tree: a group has the sum of what is below it.
CREATE VIEW chart AS
  WITH RECURSIVE under(top, id) AS (
    SELECT id, id FROM account
    UNION ALL
    SELECT under.top, a.id FROM under JOIN account a ON a.parent = under.id)
  SELECT t.id AS account, t.name, t.kind, t.state, sum(a.balance) AS balance, count(*) - 1 AS below
  FROM under JOIN account t ON t.id = under.top JOIN account a ON a.id = under.id
  GROUP BY t.id;

-- ---------------------------------------------------------------- the chart

-- Runs once, at the first deploy: the accounts that the actions below name.
CREATE ACTION set_up() CONSTRUCTOR AS
BEGIN
  INSERT INTO account(id, name, kind, parent, state) VALUES
    ('assets', 'Assets', 'asset', NULL, 'group'),
    ('cash', 'Cash', 'asset', 'assets', 'open'),
    ('deposits', 'Deposits of customers', 'liability', NULL, 'group'),
    ('equity', 'Equity', 'equity', NULL, 'group'),
    ('capital', 'Capital', 'equity', 'equity', 'open'),
    ('retained', 'Retained earnings', 'equity', 'equity', 'open'),
    ('income', 'Income', 'income', NULL, 'group'),
    ('fees', 'Fees', 'income', 'income', 'open'),
    ('expenses', 'Expenses', 'expense', NULL, 'group'),
    ('interest', 'Interest paid', 'expense', 'expenses', 'open');
  INSERT INTO price VALUES ('transfer', 0);
END;

-- An account of the bank's own, or a group.
CREATE ACTION add_account(:id TEXT, :name TEXT, :parent TEXT, :grouping INTEGER DEFAULT FALSE) ROLE (accountant) AS
BEGIN
  LET :kind = (SELECT kind FROM account WHERE id = :parent AND state = 'group');
  REQUIRE :kind IS NOT NULL ELSE 'no such group: ' || :parent;
  INSERT INTO account(id, name, kind, parent, state) VALUES (:id, :name, :kind, :parent, iif(:grouping, 'group', 'open'));
END;

-- A customer's account. Who may pay from it is the holder; the teller looked at
-- his passport.
CREATE ACTION open(:id TEXT, :name TEXT, :holder TEXT, :overdraft INTEGER DEFAULT 0) ROLE (teller) AS
BEGIN
  REQUIRE length(:holder) >= 40 AND substr(:holder, 1, 3) = 'ag1' ELSE 'no account of anybody: ' || :holder;
  INSERT INTO account(id, name, kind, parent, holder, overdraft) VALUES (:id, :name, 'liability', 'deposits', :holder, :overdraft);
  EMIT opened(account => :id, holder => :holder);
END;

-- freeze: nothing leaves the account until it is thawed. close: for good, and
-- only when it is empty (the CHECK of the table says so).
CREATE ACTION set_state(:account TEXT, :state TEXT, :reason TEXT) ROLE (auditor) AS
BEGIN
  LET :now = (SELECT state FROM account WHERE id = :account);
  REQUIRE :now IN ('open', 'frozen') ELSE ifnull(:account || ' is a ' || nullif(:now, 'closed'), ifnull(:account || ' is ' || :now, 'no such account: ' || :account));
  REQUIRE :state IN ('open', 'frozen', 'closed') ELSE 'a state is open, frozen or closed';
  REQUIRE length(:reason) > 0 ELSE 'say why';
  UPDATE account SET state = :state WHERE id = :account;
  EMIT state_set(account => :account, state => :state, reason => :reason, by => @caller);
END;

CREATE ACTION stricter(:base TEXT, :ours TEXT, :theirs TEXT) PRIVATE READONLY RETURNS (state TEXT) AS
BEGIN
  RETURN CASE WHEN 'closed' IN (:ours, :theirs) THEN 'closed' WHEN 'frozen' IN (:ours, :theirs) THEN 'frozen' ELSE :ours END;
END;

CREATE ACTION set_price(:what TEXT, :amount INTEGER) ROLE (accountant) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM price WHERE what = :what) ELSE 'no such price: ' || :what;
  UPDATE price SET amount = :amount WHERE what = :what;
END;

-- ---------------------------------------------------------------- periods

CREATE ACTION open_period(:month TEXT) ROLE (accountant) AS
BEGIN
  REQUIRE NOT EXISTS (SELECT 1 FROM period WHERE month >= :month AND closed_at IS NOT NULL) ELSE 'the books are closed up to a later month';
  INSERT INTO period(month) VALUES (:month);
END;

-- Closes the month of a day, its last: income and expenses go to zero against
-- the retained earnings, and no entry can have a day of this month any more,
-- made wherever. An entry that a merge brings too late is excluded, with the
-- reason.
CREATE ACTION close_period(:day TEXT, :entry TEXT) ROLE (accountant) RETURNS (result INTEGER) AS
BEGIN
  LET :month = substr(:day, 1, 7);
  REQUIRE EXISTS (SELECT 1 FROM period WHERE month = :month AND closed_at IS NULL) ELSE :month || ' is not open';
  REQUIRE NOT EXISTS (SELECT 1 FROM period WHERE month < :month AND closed_at IS NULL) ELSE 'close the months before first';
  LET :result = ifnull((SELECT sum(balance) FROM account WHERE kind IN ('income', 'expense')), 0);
  IF EXISTS (SELECT 1 FROM account WHERE kind IN ('income', 'expense') AND balance <> 0) THEN
    INSERT INTO entry(id, day, kind, text, by, at) VALUES (:entry, :day, 'closing', 'result of ' || :month, @caller, @created);
    INSERT INTO posting
      SELECT :entry, row_number() OVER (ORDER BY id), id, -balance FROM account
      WHERE kind IN ('income', 'expense') AND balance <> 0;
    INSERT INTO posting SELECT :entry, 0, 'retained', :result WHERE :result <> 0;
  END IF;
  UPDATE period SET closed_at = @time, closed_by = @caller WHERE month = :month;
  EMIT closed(month => :month, result => -:result);
  RETURN -:result;
END;

-- ---------------------------------------------------------------- entries

-- What every entry asks first.
CREATE ACTION in_open_period(:day TEXT) PRIVATE READONLY AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM period WHERE month = substr(:day, 1, 7) AND closed_at IS NULL) ELSE substr(:day, 1, 7) || ' is not open';
END;

-- Any entry of the accountant's, its lines as JSON:
-- [{"account": "cash", "amount": 500000}, {"account": "capital", "amount": -500000}]
CREATE ACTION post(:entry TEXT, :day TEXT, :text TEXT, :lines TEXT) ROLE (accountant) AS
BEGIN
  CALL in_open_period(:day);
  REQUIRE json_valid(:lines) ELSE 'the lines are no JSON';
  REQUIRE (SELECT sum(value ->> 'amount') FROM json_each(:lines)) = 0 ELSE 'debits and credits differ';
  INSERT INTO entry(id, day, kind, text, by, at) VALUES (:entry, :day, 'journal', :text, @caller, @created);
  FOR l IN (SELECT key + 1 AS line, value ->> 'account' AS account, value ->> 'amount' AS amount FROM json_each(:lines) ORDER BY key) DO
    REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :l.account) ELSE 'line ' || :l.line || ': no such account: ' || ifnull(:l.account, '?');
    INSERT INTO posting VALUES (:entry, :l.line, :l.account, :l.amount);
  END FOR;
END;

-- A teller takes cash (amount above 0) or pays it out.
CREATE ACTION cash_desk(:entry TEXT, :day TEXT, :account TEXT, :amount INTEGER, :text TEXT DEFAULT '') ROLE (teller) AS
BEGIN
  CALL in_open_period(:day);
  LET :state = (SELECT state FROM account WHERE id = :account AND holder IS NOT NULL);
  REQUIRE :state IS NOT NULL ELSE 'no such account of a customer: ' || :account;
  REQUIRE :amount > 0 OR :state = 'open' ELSE :account || ' is ' || :state;
  INSERT INTO entry(id, day, kind, text, by, at) VALUES (:entry, :day, 'cash', :text, @caller, @created);
  INSERT INTO posting VALUES (:entry, 1, 'cash', :amount), (:entry, 2, :account, -:amount);
END;

-- A customer pays another one, and the bank its fee.
CREATE ACTION transfer(:entry TEXT, :day TEXT, :payer TEXT, :payee TEXT, :amount INTEGER, :text TEXT DEFAULT '') PUBLIC AS
BEGIN
  CALL in_open_period(:day);
  REQUIRE :amount > 0 ELSE 'an amount is above 0';
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :payer AND holder = @caller) ELSE 'not your account: ' || :payer;
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :payee AND holder IS NOT NULL) ELSE 'no such account of a customer: ' || :payee;
  REQUIRE (SELECT state FROM account WHERE id = :payer) = 'open' ELSE :payer || ' is frozen or closed';
  LET :fee = (SELECT amount FROM price WHERE what = 'transfer');
  INSERT INTO entry(id, day, kind, text, by, at) VALUES (:entry, :day, 'transfer', :text, @caller, @created);
  -- The payee first: what comes in may pay what goes out.
  INSERT INTO posting VALUES (:entry, 1, :payee, -:amount), (:entry, 2, :payer, :amount);
  IF :fee > 0 THEN
    INSERT INTO posting VALUES (:entry, 3, 'fees', -:fee), (:entry, 4, :payer, :fee);
  END IF;
  EMIT paid(entry => :entry, payer => :payer, payee => :payee, amount => :amount);
END;

-- Takes an entry back by one with the opposite postings, on a day of its own.
CREATE ACTION reverse(:entry TEXT, :original TEXT, :day TEXT, :reason TEXT) ROLE (accountant) AS
BEGIN
  CALL in_open_period(:day);
  LET :kind = (SELECT kind FROM entry WHERE id = :original);
  REQUIRE :kind IS NOT NULL ELSE 'no such entry: ' || :original;
  REQUIRE :kind NOT IN ('closing', 'reversal') ELSE 'a ' || :kind || ' is not taken back';
  REQUIRE NOT EXISTS (SELECT 1 FROM entry WHERE reverses = :original) ELSE :original || ' is reversed already';
  REQUIRE length(:reason) > 0 ELSE 'say why';
  INSERT INTO entry VALUES (:entry, :day, 'reversal', :reason, @caller, @created, :original);
  INSERT INTO posting SELECT :entry, line, account, -amount FROM posting WHERE entry = :original;
  EMIT reversed(entry => :original, by => :entry, reason => :reason);
END;

-- Interest for a month, basis points a year, for every customer who has money:
-- one entry with a line for each.
CREATE ACTION pay_interest(:entry TEXT, :day TEXT, :basis_points INTEGER) ROLE (accountant) RETURNS (paid INTEGER) AS
BEGIN
  CALL in_open_period(:day);
  REQUIRE :basis_points BETWEEN 1 AND 1000 ELSE 'between 1 and 1000 basis points a year';
  LET :paid = 0;
  LET :line = 0;
  FOR a IN (SELECT id, -balance * :basis_points / 120000 AS amount FROM account
            WHERE holder IS NOT NULL AND state <> 'closed' AND balance < 0 ORDER BY id) DO
    IF :a.amount > 0 THEN
      IF :line = 0 THEN
        INSERT INTO entry(id, day, kind, text, by, at) VALUES (:entry, :day, 'interest', 'interest ' || substr(:day, 1, 7), @caller, @created);
      END IF;
      LET :line = :line + 1;
      LET :paid = :paid + :a.amount;
      INSERT INTO posting VALUES (:entry, :line, :a.id, -:a.amount);
    END IF;
  END FOR;
  REQUIRE :paid > 0 ELSE 'there is no interest to pay';
  INSERT INTO posting VALUES (:entry, 0, 'interest', :paid);
  RETURN :paid;
END;

-- ---------------------------------------------------------------- standing orders

CREATE ACTION order_standing(:id TEXT, :payer TEXT, :payee TEXT, :amount INTEGER, :days INTEGER, :first INTEGER, :text TEXT DEFAULT '') PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :payer AND holder = @caller) ELSE 'not your account: ' || :payer;
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :payee AND holder IS NOT NULL) ELSE 'no such account of a customer: ' || :payee;
  REQUIRE :first > @time ELSE 'the first payment is in the future';
  INSERT INTO standing(id, payer, payee, amount, text, days, next) VALUES (:id, :payer, :payee, :amount, :text, :days, :first);
END;

CREATE ACTION end_standing(:id TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM standing JOIN account ON account.id = payer WHERE standing.id = :id AND holder = @caller) ELSE 'not your standing order: ' || :id;
  UPDATE standing SET active = 0 WHERE id = :id;
END;

-- Pays what is due. Anybody may ask for it, a timer for instance: the outcome
-- depends on the books and the block's time only. An order that cannot be paid
-- is told by an event and waits for its next day.
CREATE ACTION run_standing(:day TEXT) PUBLIC RETURNS (paid INTEGER, bounced INTEGER) AS
BEGIN
  CALL in_open_period(:day);
  LET :paid = 0;
  LET :bounced = 0;
  FOR s IN (SELECT id, payer, payee, amount, text, runs, days FROM standing
            WHERE active AND next <= @time ORDER BY next, id LIMIT 500) DO
    LET :entry = 'so-' || :s.id || '-' || (:s.runs + 1);
    IF EXISTS (SELECT 1 FROM account WHERE id = :s.payer AND state = 'open' AND balance + :s.amount <= overdraft) THEN
      INSERT INTO entry(id, day, kind, text, by, at) VALUES (:entry, :day, 'standing', :s.text, @caller, @created);
      INSERT INTO posting VALUES (:entry, 1, :s.payee, -:s.amount), (:entry, 2, :s.payer, :s.amount);
      LET :paid = :paid + 1;
    ELSE
      LET :bounced = :bounced + 1;
      EMIT bounced(id => :s.id, payer => :s.payer, amount => :s.amount);
    END IF;
    UPDATE standing SET runs = runs + 1, next = next + days * 86400000 WHERE id = :s.id;
  END FOR;
  RETURN :paid, :bounced;
END;

-- ---------------------------------------------------------------- for customers

CREATE ACTION my_statement(:account TEXT, :since TEXT DEFAULT '') PUBLIC READONLY
  RETURNS (day TEXT, entry TEXT, amount INTEGER, balance INTEGER, text TEXT) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM account WHERE id = :account AND holder = @caller) ELSE 'not your account: ' || :account;
  SELECT day, entry, amount, balance, text FROM statement WHERE account = :account AND day >= :since ORDER BY day, entry, line;
END;

-- For auditors: nothing but an empty answer is good. The invariants hold it in
-- every block; this says it in words that an auditor can repeat.
CREATE ACTION check_books() ROLE (auditor) READONLY RETURNS (problem TEXT, id TEXT) AS
BEGIN
  SELECT 'entry does not add up', entry FROM posting GROUP BY entry HAVING sum(amount) <> 0 ORDER BY entry;
  SELECT 'balance is not its postings', id FROM account a
  WHERE balance <> ifnull((SELECT sum(amount) FROM posting WHERE account = a.id), 0) ORDER BY id;
END;
