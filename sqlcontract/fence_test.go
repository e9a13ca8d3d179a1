package sqlcontract

import (
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// engineNames are names that the engine itself lists.
func engineNames(t *testing.T, sql string) []string {
	t.Helper()
	conn, err := sqlite.Open(":memory:", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	st, _, err := conn.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		ok, err := st.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return names
		}
		names = append(names, st.Column(0).(string))
	}
}

// TestEngineTables: a new module of the engine must be known to the fence,
// because counting its rows shows the authorizer no column.
func TestEngineTables(t *testing.T) {
	names := engineNames(t, "SELECT name FROM pragma_module_list")
	if len(names) == 0 {
		t.Fatal("the engine lists no modules")
	}
	// The engine registers its JSON modules when they are first named.
	for _, n := range append(names, "jsonb_each", "jsonb_tree", "sqlite_schema", "aergo_meta", "pragma_table_list") {
		if n != "json_each" && n != "json_tree" && !engineTable(n) {
			t.Errorf("the table function %s is not behind the fence", n)
		}
	}
}

// TestFenceAllows runs what looks like the forbidden and is not.
func TestFenceAllows(t *testing.T) {
	for _, sql := range []string{
		"WITH c AS (SELECT 1 AS a) SELECT count(*) FROM c",
		"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 9) SELECT count(*) FROM c",
		"SELECT count(*) FROM cheap",
		"SELECT count(*) FROM item",
		"SELECT count(*) FROM (SELECT * FROM item)",
		"SELECT count(*) FROM json_each('[1,2]')",
		"SELECT value FROM json_tree('[1,2]') WHERE atom = 1",
		"SELECT sum(value) FROM item, json_each('[1]') WHERE key = stock",
		"SELECT group_concat(sku, ',') FROM item",
		"SELECT 'random() sqlite_schema 1.5 rowid; PRAGMA'",
		"SELECT 1 /* 1.5 random() */ -- COLLATE NOCASE",
		"SELECT count(*) FILTER (WHERE stock > 0) FROM item",
		"SELECT row_number() OVER (ORDER BY sku) FROM item",
		"SELECT x'ff' IS NOT NULL",
		"SELECT 0xff",
		"SELECT CAST('12' AS INTEGER)",
		"SELECT CAST(CAST(x'31' AS TEXT) AS INTEGER)",
		"SELECT sku COLLATE binary FROM item",
		"SELECT 7 / 2 % 3",
		"SELECT '{\"a\":1}' ->> '$.a'",
		"SELECT 1 FROM item WHERE sku LIKE 'a%' ESCAPE '!' OR sku GLOB 'b*'",
		"SELECT stock FROM item INDEXED BY item_stock",
		"SELECT iif(stock, 1, 2) FROM item NATURAL JOIN cheap",
		"SELECT stock IS TRUE FROM item UNION SELECT 1 EXCEPT SELECT 2 INTERSECT SELECT 3 ORDER BY 1 LIMIT 1 OFFSET 1",
		"INSERT INTO item VALUES ('a', 1) ON CONFLICT (sku) DO UPDATE SET stock = stock + excluded.stock RETURNING stock",
		"INSERT OR REPLACE INTO item (sku) SELECT value FROM json_each('[]') RETURNING stock",
		"REPLACE INTO item VALUES ('a', 1) RETURNING stock",
		"UPDATE item SET stock = o.n FROM (SELECT 1 AS n) AS o WHERE true RETURNING stock",
		"WITH c(k) AS (VALUES ('a')) DELETE FROM item WHERE sku IN c RETURNING stock",
		"VALUES (1)",
		"SELECT \"begin\".\"do\" FROM (SELECT 1 AS do) AS begin",
	} {
		source := "DIALECT 1; CREATE TABLE item (sku TEXT PRIMARY KEY, stock INTEGER DEFAULT 0); CREATE INDEX item_stock ON item(stock);" +
			"CREATE VIEW cheap AS SELECT sku FROM item; CREATE ACTION f() PUBLIC RETURNS (x TEXT) AS BEGIN " + sql + "\n; END;"
		if _, err := Compile("shop", source); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestFenceCounts: counting rows reads no column, and is refused all the same.
func TestFenceCounts(t *testing.T) {
	for _, table := range []string{"sqlite_schema", "sqlite_master", "dbstat", "pragma_table_list", "pragma_table_info('item')", "sqlite_dbpage", "SQLITE_SCHEMA"} {
		for _, sql := range []string{"SELECT count(*) FROM " + table, "SELECT 1 FROM " + table + " AS x", "SELECT EXISTS (SELECT 1 FROM " + table + ")"} {
			source := "DIALECT 1; CREATE TABLE item (sku TEXT PRIMARY KEY); CREATE ACTION f() PUBLIC RETURNS (x INTEGER) AS BEGIN " + sql + "; END;"
			if _, err := Compile("shop", source); !fault.Is(err, codeFence) {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
}

// TestFenceSharedWithExecutor prepares against a database that holds more than
// the contract's tables, as a working tree does.
func TestFenceSharedWithExecutor(t *testing.T) {
	c := mustCompile(t, "shop", "DIALECT 1; CREATE TABLE item (sku TEXT PRIMARY KEY);")
	conn, err := sqlite.Open(":memory:", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := setLimits(conn); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(c.Schema[0].SQL + "; CREATE TABLE aergo_meta (block BLOB); CREATE TABLE other (a)"); err != nil {
		t.Fatal(err)
	}
	f := newFence(c)
	conn.SetAuthorizer(f.authorize)
	for sql, ok := range map[string]bool{
		"SELECT sku FROM item":                 true,
		"SELECT count(*) FROM item":            true,
		"SELECT block FROM aergo_meta":         false,
		"SELECT count(*) FROM aergo_meta":      false,
		"SELECT a FROM other":                  false,
		"SELECT 1 FROM item WHERE random()":    false,
		"UPDATE aergo_meta SET block = 1":      false,
		"DELETE FROM aergo_meta":               false,
		"INSERT INTO other VALUES (1)":         false,
		"CREATE TABLE x (a)":                   false,
		"DROP TABLE item":                      false,
		"PRAGMA user_version":                  false,
		"ATTACH ':memory:' AS x":               false,
		"BEGIN":                                false,
		"SAVEPOINT x":                          false,
		"ALTER TABLE item ADD COLUMN a":        false,
		"CREATE TEMP VIEW v AS SELECT 1":       false,
		"CREATE VIRTUAL TABLE x USING fts5(a)": false,
		"ANALYZE":                              false,
		"REINDEX":                              false,
	} {
		f.reset()
		st, _, err := conn.Prepare(sql)
		if st != nil {
			st.Finalize()
		}
		if (err == nil) != ok {
			t.Errorf("%s: %v", sql, err)
		}
		if !ok && f.why == "" && !strings.Contains(sql, "ALTER") {
			t.Errorf("%s is refused without a reason: %v", sql, err)
		}
	}
}

// TestPrefixIsRefused: main and temp name a schema of one connection only, so a
// contract says neither, in any writing. An action would run with "main".t; a
// view would not be found where a query shows the contract under its own name.
func TestPrefixIsRefused(t *testing.T) {
	const table = "DIALECT 1;\nCREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER);\n"
	for _, name := range []string{"main", "MAIN", `"main"`, "[main]", "`Main`", "temp", `"temp"`, "[TEMP]", `"main" `, "main/**/"} {
		for _, text := range []string{
			"CREATE VIEW w AS SELECT k FROM " + name + ".t;",
			"CREATE VIEW w AS SELECT " + name + ".t.k FROM t;",
			"CREATE ACTION a() PUBLIC AS BEGIN DELETE FROM " + name + ".t; END;",
			"CREATE ACTION a() PUBLIC AS BEGIN INSERT INTO " + name + ". t VALUES (1, 2); END;",
			"CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET v = (SELECT max(k) FROM " + name + ".t); END;",
			"CREATE INDEX " + name + ".i ON t(v);",
			"INVARIANT n FOR EACH t CHECK (v < (SELECT 1 FROM " + name + ".t));",
		} {
			if _, err := Compile("c", table+text); !fault.Is(err, codeFence) && !fault.Is(err, codeSyntax) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	// A column, text or alias of that name is no prefix.
	if _, err := Compile("c", table+"CREATE VIEW w AS SELECT k AS main, v AS \"temp\", 'main.t' AS x FROM t;"); err != nil {
		t.Error(err)
	}
}
