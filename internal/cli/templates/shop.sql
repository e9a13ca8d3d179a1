-- A shop that never sells what it does not have, on however many branches.
DIALECT 1;

CREATE TABLE item (
  sku   TEXT PRIMARY KEY,
  price INTEGER NOT NULL CHECK (price > 0),              -- cents
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)
);

-- In a consistent merge, what two branches sold from one stock counts on both.
MERGE RULE ON item (stock) BY DELTA;
INVARIANT sane FOR EACH item CHECK (length(sku) BETWEEN 1 AND 40);

CREATE ACTION add_item(:sku TEXT, :price INTEGER, :stock INTEGER DEFAULT 0) OWNER AS
BEGIN
  INSERT INTO item(sku, price, stock) VALUES (:sku, :price, :stock);
END;

-- The owner holds every role; to others: GRANT manager in a test,
-- aergo grant manager on a ledger.
CREATE ACTION set_price(:sku TEXT, :price INTEGER) ROLE (manager) AS
BEGIN
  REQUIRE EXISTS (SELECT 1 FROM item WHERE sku = :sku) ELSE 'no such item: ' || :sku;
  UPDATE item SET price = :price WHERE sku = :sku;
  EMIT price_set(sku => :sku, price => :price, by => @caller);
END;

CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC RETURNS (total INTEGER) AS
BEGIN
  REQUIRE :n > 0 ELSE 'a sale is of one piece or more';
  REQUIRE EXISTS (SELECT 1 FROM item WHERE sku = :sku) ELSE 'no such item: ' || :sku;
  UPDATE item SET stock = stock - :n WHERE sku = :sku;
  RETURN (SELECT price * :n FROM item WHERE sku = :sku);
END;

CREATE ACTION price(:sku TEXT) PUBLIC READONLY RETURNS (price INTEGER) AS
BEGIN
  SELECT price FROM item WHERE sku = :sku;
END;
