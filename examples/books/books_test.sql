-- Every test begins where only the contract is deployed; AT moves its clock.

TEST 'the bank begins: capital, a customer, cash' AS
  CALL open_period('2026-01');
  CALL post('J1', '2026-01-02', 'the founders pay in', '[{"account": "cash", "amount": 500000}, {"account": "capital", "amount": -500000}]');
  GRANT teller TO tina;
  AS tina: CALL open('C-bob', 'Bob', @bob);
  EXPECT EVENT opened(account => 'C-bob', holder => @bob);
  AS tina: CALL cash_desk('R1', '2026-01-02', 'C-bob', 20000, 'from the mattress');
  AS tina: CALL cash_desk('R2', '2026-01-03', 'C-bob', -5000);
  EXPECT SELECT account, debit, credit FROM trial_balance WHERE debit + credit > 0 ORDER BY account
    = ('C-bob', 0, 15000), ('capital', 0, 500000), ('cash', 515000, 0);
  EXPECT SELECT sum(debit) - sum(credit) FROM trial_balance = 0;
  EXPECT SELECT account, balance, below FROM chart WHERE account IN ('assets', 'deposits') ORDER BY account = ('assets', 515000, 1), ('deposits', -15000, 1);
  EXPECT SELECT day, debit, credit FROM journal WHERE entry = 'J1' ORDER BY line = ('2026-01-02', 500000, NULL), ('2026-01-02', NULL, 500000);
  AS bob: CALL my_statement('C-bob') RETURNS ('2026-01-02', 'R1', 20000, 20000, 'from the mattress'), ('2026-01-03', 'R2', -5000, 15000, '');
  AS bob: CALL my_statement('C-bob', '2026-01-03') RETURNS ('2026-01-03', 'R2', -5000, 15000, '');
  AS eve: CALL my_statement('C-bob') FAILS 'not your account: C-bob';
  CALL check_books() RETURNS ();
END;

TEST 'an entry that does not add up is no entry' AS
  CALL open_period('2026-01');
  CALL post('J1', '2026-01-02', '', '[{"account": "cash", "amount": 5}, {"account": "capital", "amount": -4}]') FAILS 'debits and credits differ';
  CALL post('J1', '2026-01-02', '', '[]') FAILS 'debits and credits differ';
  CALL post('J1', '2026-01-02', '', 'cash 5') FAILS 'the lines are no JSON';
  CALL post('J1', '2026-01-02', '', '[{"account": "cash", "amount": 5}, {"account": "capitol", "amount": -5}]') FAILS 'line 2: no such account: capitol';
  CALL post('J1', '2026-01-02', '', '[{"account": "assets", "amount": 5}, {"account": "capital", "amount": -5}]') FAILS 'a group or a closed account takes no postings';
  CALL post('J1', '2026-02-02', '', '[]') FAILS '2026-02 is not open';
  CALL post('J1', '2026-01-02', '', '[{"account": "cash", "amount": 5}, {"account": "capital", "amount": -5}]');
  CALL post('J1', '2026-01-02', '', '[{"account": "cash", "amount": 5}, {"account": "capital", "amount": -5}]') FAILS 'AG0412';
  AS eve: CALL post('J2', '2026-01-02', '', '[]') FAILS 'AG0402';
END;

TEST 'the chart grows' AS
  CALL add_account('rooms', 'Rooms', 'expenses', TRUE);
  CALL add_account('rent', 'Rent', 'rooms');
  EXPECT SELECT kind, parent, state FROM account WHERE id = 'rent' = ('expense', 'rooms', 'open');
  CALL add_account('light', 'Light', 'rent') FAILS 'no such group: rent';
  CALL open('C-bob', 'Bob', 'bob') FAILS 'no account of anybody: bob';
END;

TEST 'customers pay each other, and the bank its fee' AS
  CALL open_period('2026-01');
  CALL open('C-bob', 'Bob', @bob); CALL open('C-eve', 'Eve', @eve, 1000);
  CALL cash_desk('R1', '2026-01-02', 'C-bob', 10000);
  AS bob: CALL transfer('T1', '2026-01-02', 'C-bob', 'C-eve', 2500, 'rent');
  EXPECT EVENT paid(payer => 'C-bob', payee => 'C-eve', amount => 2500);
  CALL set_price('transfer', 10);
  CALL set_price('cash', 10) FAILS 'no such price: cash';
  AS eve: CALL transfer('T2', '2026-01-03', 'C-eve', 'C-bob', 3000);
  EXPECT SELECT id, -balance FROM account WHERE id IN ('C-bob', 'C-eve', 'fees') ORDER BY id = ('C-bob', 10500), ('C-eve', -510), ('fees', 10);
  AS eve: CALL transfer('T3', '2026-01-03', 'C-eve', 'C-bob', 481) FAILS 'AG0411';       -- 991 are owed then, and a fee of 10
  AS eve: CALL transfer('T3', '2026-01-03', 'C-bob', 'C-eve', 1) FAILS 'not your account: C-bob';
  AS eve: CALL transfer('T3', '2026-01-03', 'C-eve', 'cash', 1) FAILS 'no such account of a customer: cash';
  AS eve: CALL transfer('T3', '2026-01-03', 'C-eve', 'C-bob', 0) FAILS 'an amount is above 0';
  AS eve: CALL transfer('T3', '2026-07-03', 'C-eve', 'C-bob', 1) FAILS '2026-07 is not open';
  CALL cash_desk('R2', '2026-01-03', 'cash', 5) FAILS 'no such account of a customer: cash';
  CALL cash_desk('R2', '2026-07-03', 'C-bob', 5) FAILS '2026-07 is not open';
  CALL check_books() RETURNS ();
END;

TEST 'an auditor freezes an account and closes it' AS
  GRANT auditor TO ada;
  CALL open_period('2026-01');
  CALL open('C-bob', 'Bob', @bob); CALL open('C-eve', 'Eve', @eve);
  CALL cash_desk('R1', '2026-01-02', 'C-eve', 100);
  AS ada: CALL set_state('C-eve', 'frozen', 'court order 17');
  EXPECT EVENT state_set(account => 'C-eve', state => 'frozen', by => @ada);
  AS eve: CALL transfer('T1', '2026-01-02', 'C-eve', 'C-bob', 100) FAILS 'C-eve is frozen or closed';
  CALL cash_desk('R2', '2026-01-02', 'C-eve', -100) FAILS 'C-eve is frozen';
  CALL cash_desk('R2', '2026-01-02', 'C-eve', 50);                              -- in, but not out
  AS ada: CALL set_state('C-eve', 'closed', 'done') FAILS 'AG0411';                -- it is not empty
  AS ada: CALL set_state('C-bob', 'closed', '') FAILS 'say why';
  AS ada: CALL set_state('C-bob', 'gone', 'done') FAILS 'a state is open, frozen or closed';
  AS ada: CALL set_state('C-bob', 'closed', 'moved away');
  AS ada: CALL set_state('C-bob', 'open', 'came back') FAILS 'C-bob is closed';
  AS ada: CALL set_state('assets', 'frozen', 'why not') FAILS 'assets is a group';
  AS ada: CALL set_state('C-joe', 'frozen', 'who') FAILS 'no such account: C-joe';
  AS ada: CALL check_books() RETURNS ();
  AS eve: CALL set_state('C-eve', 'open', 'please') FAILS 'AG0402';
END;

TEST 'a mistake is reversed, once, and stays readable' AS
  CALL open_period('2026-01'); CALL open_period('2026-02');
  CALL open('C-bob', 'Bob', @bob);
  CALL cash_desk('R1', '2026-01-02', 'C-bob', 1000);
  CALL reverse('X1', 'R1', '2026-02-01', '') FAILS 'say why';
  CALL reverse('X1', 'R7', '2026-02-01', 'typed 1000 for 100') FAILS 'no such entry: R7';
  CALL reverse('X1', 'R1', '2026-02-01', 'typed 1000 for 100');
  EXPECT EVENT reversed(entry => 'R1', by => 'X1', reason => 'typed 1000 for 100');
  CALL reverse('X2', 'R1', '2026-02-01', 'again') FAILS 'R1 is reversed already';
  CALL reverse('X2', 'X1', '2026-02-01', 'again') FAILS 'a reversal is not taken back';
  EXPECT SELECT entry, amount, balance FROM statement WHERE account = 'C-bob' ORDER BY day = ('R1', 1000, 1000), ('X1', -1000, 0);
END;

TEST 'a month is closed for good, wherever an entry was made' AS
  CALL open_period('2026-01'); CALL open_period('2026-02');
  CALL open('C-bob', 'Bob', @bob); CALL open('C-eve', 'Eve', @eve);
  CALL cash_desk('R1', '2026-01-02', 'C-bob', 100000);
  CALL set_price('transfer', 25);
  AS bob: CALL transfer('T1', '2026-01-03', 'C-bob', 'C-eve', 100);
  CALL pay_interest('I1', '2026-01-31', 120) RETURNS (99);
  BRANCH eu;   AS bob: CALL transfer('T2', '2026-01-31', 'C-bob', 'C-eve', 100);
               AS bob: CALL transfer('T3', '2026-02-01', 'C-bob', 'C-eve', 100);
  SWITCH main; CALL close_period('2026-01-31', 'Z1') RETURNS (-74);
  EXPECT EVENT closed(month => '2026-01', result => -74);
  EXPECT SELECT id, balance FROM account WHERE id IN ('fees', 'interest', 'retained') ORDER BY id = ('fees', 0), ('interest', 0), ('retained', 74);
  MERGE eu EXPECT INCLUDED 1 EXCLUDED 1;
  CALL close_period('2026-01-31', 'Z2') FAILS '2026-01 is not open';
  CALL reverse('X1', 'Z1', '2026-02-01', 'why not') FAILS 'a closing is not taken back';
  CALL reverse('X1', 'T1', '2026-01-31', 'late') FAILS '2026-01 is not open';
  CALL pay_interest('I2', '2026-01-31', 120) FAILS '2026-01 is not open';
  CALL open_period('2025-12') FAILS 'the books are closed up to a later month';
  CALL open_period('2026-03');
  CALL close_period('2026-03-31', 'Z3') FAILS 'close the months before first';
  CALL check_books() RETURNS ();
END;

TEST 'a month without income or expenses is closed without an entry' AS
  CALL open_period('2026-01');
  CALL close_period('2026-01-31', 'Z1') RETURNS (0);
  EXPECT EMPTY SELECT * FROM entry;
END;

TEST 'interest is for those who have money' AS
  CALL open_period('2026-01');
  CALL open('C-bob', 'Bob', @bob); CALL open('C-eve', 'Eve', @eve); CALL open('C-joe', 'Joe', @joe);
  CALL pay_interest('I0', '2026-01-31', 200) FAILS 'there is no interest to pay';
  CALL cash_desk('R1', '2026-01-02', 'C-bob', 1200000);
  CALL cash_desk('R2', '2026-01-02', 'C-eve', 599);                              -- too little for a cent
  CALL pay_interest('I1', '2026-01-31', 0) FAILS 'between 1 and 1000 basis points a year';
  CALL pay_interest('I1', '2026-01-31', 200) RETURNS (2000);
  EXPECT SELECT line, account, amount FROM posting WHERE entry = 'I1' ORDER BY line = (0, 'interest', 2000), (1, 'C-bob', -2000);
END;

TEST 'standing orders are paid when they are due, or bounce' AS
  CALL open_period('2026-01'); CALL open_period('2026-02');
  CALL open('C-bob', 'Bob', @bob); CALL open('C-eve', 'Eve', @eve);
  CALL cash_desk('R1', '2026-01-02', 'C-bob', 1500);
  AS bob: CALL order_standing('rent', 'C-bob', 'C-eve', 1000, 30, 1767484800000, 'rent');  -- 2026-01-04
  AS bob: CALL order_standing('past', 'C-bob', 'C-eve', 1, 30, 1, '') FAILS 'the first payment is in the future';
  AS bob: CALL order_standing('his', 'C-eve', 'C-bob', 1, 30, 1767484800000) FAILS 'not your account: C-eve';
  AS bob: CALL order_standing('cash', 'C-bob', 'cash', 1, 30, 1767484800000) FAILS 'no such account of a customer: cash';
  AS joe: CALL run_standing('2026-01-03') RETURNS (0, 0);
  AS joe: CALL run_standing('2026-07-03') FAILS '2026-07 is not open';
  AT '2026-01-04'; AS joe: CALL run_standing('2026-01-04') RETURNS (1, 0);
  AT '2026-02-03'; AS joe: CALL run_standing('2026-02-03') RETURNS (0, 1);
  EXPECT EVENT bounced(id => 'rent', amount => 1000);
  AS eve: CALL end_standing('rent') FAILS 'not your standing order: rent';
  AS bob: CALL end_standing('rent');
  AT '2026-03-05'; AS joe: CALL run_standing('2026-02-28') RETURNS (0, 0);
  EXPECT SELECT balance FROM statement WHERE account = 'C-eve' = 1000;
END;

TEST 'two branches of the bank: the same money is not spent twice' AS
  CALL open_period('2026-01');
  CALL open('C-bob', 'Bob', @bob); CALL open('C-eve', 'Eve', @eve);
  CALL cash_desk('R1', '2026-01-02', 'C-bob', 1000);
  BRANCH eu;   AS bob: CALL transfer('T1', '2026-01-03', 'C-bob', 'C-eve', 300);
               AS bob: CALL transfer('T2', '2026-01-03', 'C-bob', 'C-eve', 600);
  SWITCH main; AS bob: CALL transfer('T3', '2026-01-03', 'C-bob', 'C-eve', 500);
  MERGE eu EXPECT INCLUDED 1 EXCLUDED 1;
  EXPECT SELECT balance FROM account WHERE id = 'C-bob' = -200;
  CALL check_books() RETURNS ();
END;
