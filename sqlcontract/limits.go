package sqlcontract

import (
	"time"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// Limits on what arrives and on what a transaction may leave behind. Those that
// a verifier must repeat belong to engine 1 and never change under its number.
const (
	// EngineNumber names what decides how transactions run: SQLite 3.54.1 with
	// its compile options, the connection settings, dialect 1 and the gas table.
	// It changes only by a directory record.
	EngineNumber = 1

	// DefaultLife is how long a transaction stays valid when nobody says
	// otherwise; MaxLife bounds it, and with it how long salts are remembered.
	DefaultLife = 90 * 24 * time.Hour
	MaxLife     = 400 * 24 * time.Hour

	// DefaultGas is enough for some 50,000 rows; MaxGas bounds a block's time.
	DefaultGas = 1_000_000
	MaxGas     = 100_000_000

	blindSize        = 32
	maxTransaction   = 1 << 20          // a deploy's source and a few signatures, with room
	maxName          = aergosql.MaxName // of contracts and actions
	maxArguments     = 64
	maxPreconditions = 64

	rememberedKeys = 4096 // 6 MB of signers' keys ready for use in one Verifier

	// maxLoopRows bounds what the rows of all FORs under way take in memory; gas
	// alone would allow gigabytes. A cell counts as loopCell bytes and its length.
	maxLoopRows = 64 << 20
	loopCell    = 32

	// What an explanation of a refusal may read: a condition that scans a large
	// table is not worth as much again, nor a screen full of rows.
	lookSteps = 1_000_000 // of SQLite's machine, about 20 ms
	lookRows  = 3         // of one table

	// MaxPatchRows and maxPatch bound a revert: rows, as many transactions that it
	// takes back, and the bytes of both, so that header and seal still fit a
	// transaction. maxPatchName is what SQLite's longest name needs, and more.
	MaxPatchRows = 10_000
	maxPatch     = 960 << 10
	maxPatchName = 1 << 10

	maxReceiptBody = 64 << 10                          // returned rows and events together
	maxReceipt     = 256 << 10                         // an encoded receipt: its body, frames and names of columns
	changeLeaf     = 64 << 10                          // a leaf of a change list closes when it reaches this
	maxRowValue    = 8 << 20                           // encoded cells of one row
	maxChangeLeaf  = changeLeaf + 2*maxRowValue + 4096 // a leaf closes after the row that fills it
)
