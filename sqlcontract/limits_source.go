package sqlcontract

import (
	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// Limits on the text of a contract. All of them belong to engine 1.
const (
	maxTables     = 64        // as many as SQLite joins at once
	maxColumns    = 256       // of a table; a row stays one state value
	maxObjects    = 256       // indexes, views and triggers together
	maxActions    = 256       // each costs a prepare per statement at every start
	maxInvariants = 64        // each is checked after every transaction that touches its table
	maxRules      = 256       // a merge looks them up per cell
	maxParams     = 64        // of one action; also columns that it returns and names of an event
	maxUses       = 16        // each is looked up at every deploy, and may be opened by one transaction
	maxRoles      = 16        // in one ROLE (…)
	maxNesting    = 16        // IF and FOR inside one another: bounds the executor's stack
	maxStatements = 1024      // of one action, or of one MIGRATION
	maxMigrations = 256       // each is read at every compile, and prepared once in its life
	maxVersion    = 1_000_000 // that a MIGRATION or USE can name
)

// compileSteps bounds the work of preparing all statements of a contract, in
// units of SQLite's progress counter, because views may double one another's
// size: CREATE VIEW b AS SELECT * FROM a, a. Honest contracts of the largest
// size stay under a tenth of it.
const compileSteps = 1_000_000

// setLimits makes SQLite's limits those of contracts and replaces the functions
// whose worst case no limit bounds. The compiler and the executor use the same,
// for what compiles must also prepare later.
func setLimits(c *sqlite.Conn) error {
	for _, l := range []struct {
		id    sqlite.Limit
		value int
	}{
		{sqlite.LimitLength, sqlfunc.MaxValue},             // one string or blob: bounds the work of one function call
		{sqlite.LimitSQLLength, aergosql.MaxSource + 1024}, // STRICT, WITHOUT ROWID may be added to a statement
		{sqlite.LimitColumn, maxColumns},
		{sqlite.LimitExprDepth, 100},
		{sqlite.LimitCompound, 50},
		{sqlite.LimitVDBEOp, 100_000},
		{sqlite.LimitFunctionArg, 64},
		{sqlite.LimitAttached, 0},
		{sqlite.LimitLikePattern, sqlfunc.MaxPattern},
		{sqlite.LimitVariable, 256},
		{sqlite.LimitTriggerDepth, 16},
	} {
		c.Limit(l.id, l.value)
	}
	return sqlfunc.Replace(c)
}
