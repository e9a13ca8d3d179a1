-- A registry: names that belong to somebody, first come, first served.
DIALECT 1;

CREATE TABLE entry (
  name  TEXT PRIMARY KEY CHECK (length(name) BETWEEN 3 AND 40 AND name NOT GLOB '*[^a-z0-9-]*'),
  owner TEXT NOT NULL,
  value TEXT NOT NULL DEFAULT '',
  since INTEGER NOT NULL                                 -- ms since 1970
);
CREATE INDEX entry_owner ON entry(owner);

CREATE ACTION register(:name TEXT, :value TEXT DEFAULT '') PUBLIC AS
BEGIN
  REQUIRE NOT EXISTS (SELECT 1 FROM entry WHERE name = :name) ELSE :name || ' is taken';
  INSERT INTO entry VALUES (:name, @caller, :value, @time);
  EMIT registered(name => :name, owner => @caller);
END;

CREATE ACTION set_value(:name TEXT, :value TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM entry WHERE name = :name AND owner = @caller) ELSE :name || ' is not yours';
  UPDATE entry SET value = :value WHERE name = :name;
END;

CREATE ACTION give(:name TEXT, :to TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM entry WHERE name = :name AND owner = @caller) ELSE :name || ' is not yours';
  REQUIRE length(:to) >= 40 AND substr(:to, 1, 3) = 'ag1' ELSE 'no account: ' || :to;
  UPDATE entry SET owner = :to, since = @time WHERE name = :name;
  EMIT given(name => :name, from => @caller, to => :to);
END;

CREATE ACTION release(:name TEXT) PUBLIC AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM entry WHERE name = :name AND owner = @caller) ELSE :name || ' is not yours';
  DELETE FROM entry WHERE name = :name;
END;

CREATE ACTION look_up(:name TEXT) PUBLIC READONLY RETURNS (owner TEXT, value TEXT) AS
BEGIN
  SELECT owner, value FROM entry WHERE name = :name;
END;
