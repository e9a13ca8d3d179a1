-- Who holds which role of which contract. Only the contract's owner grants and
-- revokes: the engine checks it before the body runs. To a contract it is granted
-- with the contract's :owner, since on another branch its name may be another's.
DIALECT 1;
CREATE TABLE role (
  contract TEXT NOT NULL,
  role     TEXT NOT NULL,
  account  TEXT NOT NULL,
  PRIMARY KEY (contract, role, account)
);

CREATE ACTION grant(:contract TEXT, :role TEXT, :account TEXT, :owner TEXT DEFAULT NULL) PUBLIC AS
BEGIN
  INSERT INTO role VALUES (:contract, :role, :account) ON CONFLICT DO NOTHING;
END;

CREATE ACTION revoke(:contract TEXT, :role TEXT, :account TEXT) PUBLIC AS
BEGIN
  DELETE FROM role WHERE contract = :contract AND role = :role AND account = :account;
END;
