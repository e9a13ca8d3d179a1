// Package sqldriver lets programs read a ledger through database/sql, under the
// driver name "aergo". It never writes: what changes rows is a call, signed by a
// key, see repo.Repository.Call.
//
//	import _ "github.com/aergo-git/aergo-git/sqldriver"
//
//	db, err := sql.Open("aergo", "/path/to/ledger?branch=eu")
//	err = db.QueryRow("SELECT stock FROM shop.item WHERE sku = ?", "tea").Scan(&stock)
//
// A program that has the repository open already shares it:
//
//	db := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{}))
//
// # Data source
//
// The path of a folder in or below which .aergo lies, and after a question mark
// any of
//
//	branch=eu    read the head of a branch; without it the current one
//	at=main~10   read a revision. One that begins with # @ ~ or ^ is meant on the
//	             branch (branch=eu&at=~3 is eu~3), any other stands for itself
//	wait=2s      how long to wait for another process that has the ledger open
//
// in the form of a URL's query: %23 or # for a number sign, %20 for a blank. The
// ledger is opened with the first connection and closed by DB.Close; until then
// no other process can open it.
//
// # What one sees
//
// Each query reads one state, the head at its begin; two queries may read two.
// A transaction (DB.Begin, any isolation) fixes the block when it begins, and all
// its queries read that state. It costs nothing, and hinders nobody.
// Commit and Rollback do the same.
//
// # Values
//
// Columns give int64, float64 (of computed values only), string, []byte or nil.
// Arguments may be those, any integer, bool (0 or 1) and time.Time (milliseconds
// since 1970, as AERGOSQL has times). Parameters are ?, ?1, or :name with
// sql.Named. A prepared statement is checked when it runs.
//
// A DB, and a Connector, may be used by several goroutines, as usual.
package sqldriver
