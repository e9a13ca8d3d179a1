package sqltest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

const shop = `DIALECT 1;
CREATE TABLE item (sku TEXT PRIMARY KEY, price INTEGER NOT NULL CHECK (price > 0), stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0));
CREATE ACTION add_item(:sku TEXT, :price INTEGER, :stock INTEGER DEFAULT 0) OWNER AS
BEGIN INSERT INTO item VALUES (:sku, :price, :stock); END;
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
`

// run runs a test file on the shop.
func run(t *testing.T, text string) File {
	t.Helper()
	return Run(context.Background(), fstest.MapFS{
		"shop.sql":      {Data: []byte(shop)},
		"other.sql":     {Data: []byte("DIALECT 1; CREATE TABLE t (k INTEGER PRIMARY KEY NOT NULL); CREATE ACTION put(:k INTEGER) PUBLIC AS BEGIN INSERT INTO t VALUES (:k); END;")},
		"shop_test.sql": {Data: []byte(text)},
	}, "shop_test.sql", Options{})
}

const story = `
TEST 'two sellers on two branches keep the stock right' AS
  AS @owner: CALL add_item('tea', 400, 10);
  BRANCH eu;   AS bob: CALL sell('tea', 3);
  SWITCH main; AS eve:CALL sell('tea', 2) RETURNS (800);
  MERGE eu EXPECT INCLUDED 1 EXCLUDED 0;
  EXPECT SELECT stock FROM item = 5;
  AS bob: CALL set_price('tea', 1) FAILS 'AG0402';
END;
`

func TestStory(t *testing.T) {
	f := run(t, story)
	if f.Err != nil || f.Failed() != 0 {
		t.Fatalf("%v %v", f.Err, f.Tests)
	}
}

// BenchmarkTests reports the time of one test of a file of 300: about three
// calls on two branches, a merge and a query.
func BenchmarkTests(b *testing.B) {
	var text strings.Builder
	for i := range 300 {
		text.WriteString(strings.Replace(story, "TEST 'two", fmt.Sprintf("TEST '%d two", i), 1))
	}
	dir := fstest.MapFS{"shop.sql": {Data: []byte(shop)}, "shop_test.sql": {Data: []byte(text.String())}}
	for b.Loop() {
		f := Run(context.Background(), dir, "shop_test.sql", Options{})
		if f.Err != nil || f.Failed() > 0 || len(f.Tests) != 300 {
			b.Fatal(f.Err, f.Failed())
		}
	}
	b.ReportMetric(float64(b.N)*300/b.Elapsed().Seconds(), "tests/s")
}
