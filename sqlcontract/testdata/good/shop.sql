-- shop.sql
DIALECT 1;
CREATE TABLE item (
  sku   TEXT PRIMARY KEY,
  price INTEGER NOT NULL CHECK (price > 0),          -- cents
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)
);                                                   -- every table is STRICT, WITHOUT ROWID; the words may be left out
CREATE INDEX item_price ON item(price);
CREATE VIEW cheap AS SELECT sku FROM item WHERE price < 500;

MERGE RULE ON item (stock) BY DELTA;                 -- ON t [(cols)] BY SAME|OURS|THEIRS|MAX|MIN|MANUAL|DELTA [FROM 0] | USING ACTION name; [RESOLVE ROLE (r)]
INVARIANT no_debt ON item TOTAL sum(stock) CHECK (total >= 0);
INVARIANT sane FOR EACH item CHECK (length(sku) <= 40);

CREATE ACTION add_item(:sku TEXT, :price INTEGER, :stock INTEGER DEFAULT 0) OWNER AS
BEGIN
  INSERT INTO item VALUES (:sku, :price, :stock);
END;

CREATE ACTION set_price(:sku TEXT, :price INTEGER) ROLE (manager) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM item WHERE sku = :sku) ELSE 'no such item: ' || :sku;
  UPDATE item SET price = :price WHERE sku = :sku;
  EMIT price_set(sku => :sku, price => :price, by => @caller);
END;

CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC RETURNS (total INTEGER) AS
BEGIN
  UPDATE item SET stock = stock - :n WHERE sku = :sku;
  LET :price = (SELECT price FROM item WHERE sku = :sku);
  RETURN :price * :n;
END;

CREATE ACTION price(:sku TEXT) PUBLIC READONLY RETURNS (price INTEGER) AS
BEGIN SELECT price FROM item WHERE sku = :sku; END;
