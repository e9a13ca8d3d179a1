package sqlite

import (
	"math"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Operator compares a column with a value.
type Operator uint8

// Operators that a table may answer by seeking. Others arrive as their SQLite
// numbers and are best left to SQLite.
const (
	EQ Operator = sqlite3.SQLITE_INDEX_CONSTRAINT_EQ
	GT Operator = sqlite3.SQLITE_INDEX_CONSTRAINT_GT
	LE Operator = sqlite3.SQLITE_INDEX_CONSTRAINT_LE
	LT Operator = sqlite3.SQLITE_INDEX_CONSTRAINT_LT
	GE Operator = sqlite3.SQLITE_INDEX_CONSTRAINT_GE
)

// Constraint is one condition of a WHERE: Column Op value.
type Constraint struct {
	Column    int // from 0; -1 is the rowid
	Op        Operator
	Usable    bool   // false: the value is not known in this plan
	Collation string // how texts are compared; seek only under "BINARY"

	ArgIndex int  // set by BestIndex: pass the value as args[ArgIndex-1] to Filter; 0: do not
	Omit     bool // set by BestIndex: the cursor guarantees the condition, SQLite need not check it
}

// Order is one term of an ORDER BY.
type Order struct {
	Column int // from 0; -1 is the rowid
	Desc   bool
}

// IndexInfo is a question to BestIndex and its answer.
type IndexInfo struct {
	Constraints []Constraint
	OrderBy     []Order
	ColumnsUsed uint64 // bit i: column i is read; bit 63: any column from 63 on

	// The answer.
	IdxNum          int // passed to Filter
	IdxStr          string
	OrderByConsumed bool    // rows come in that order
	EstimatedCost   float64 // 0: as for a full scan
	EstimatedRows   int64   // 0: SQLite's guess
	Unique          bool    // at most one row
}

func vtabBestIndex(tls *libc.TLS, p, pInfo uintptr) (rc int32) {
	t := tableAt(p)
	defer t.c.caught("planning a virtual table", &rc, sqlite3.SQLITE_ERROR)
	x := deref[sqlite3.Sqlite3_index_info](pInfo)
	in := unsafe.Slice(deref[sqlite3.Tsqlite3_index_constraint](x.FaConstraint), x.FnConstraint)
	info := IndexInfo{Constraints: make([]Constraint, len(in)), ColumnsUsed: x.FcolUsed}
	for i, k := range in {
		info.Constraints[i] = Constraint{Column: int(k.FiColumn), Op: Operator(k.Fop), Usable: k.Fusable != 0,
			Collation: t.names.get(sqlite3.Xsqlite3_vtab_collation(tls, pInfo, int32(i)))}
	}
	for _, o := range unsafe.Slice(deref[sqlite3.Tsqlite3_index_orderby](x.FaOrderBy), x.FnOrderBy) {
		info.OrderBy = append(info.OrderBy, Order{int(o.FiColumn), o.Fdesc != 0})
	}
	if err := t.impl.BestIndex(&info); err != nil {
		return t.fail(err)
	}
	if info.IdxNum < math.MinInt32 || info.IdxNum > math.MaxInt32 || len(info.Constraints) != len(in) {
		return t.fail(misuse("BestIndex: plan number %d, %d constraints", info.IdxNum, len(info.Constraints)))
	}
	use := unsafe.Slice(deref[sqlite3.Tsqlite3_index_constraint_usage](x.FaConstraintUsage), x.FnConstraint)
	for i, k := range info.Constraints {
		use[i].FargvIndex = int32(k.ArgIndex)
		if k.Omit {
			use[i].Fomit = 1
		}
	}
	x.FidxNum = int32(info.IdxNum)
	if info.IdxStr != "" {
		z, err := t.c.newString(info.IdxStr)
		if err != nil {
			return t.fail(err)
		}
		x.FidxStr = z
		x.FneedToFreeIdxStr = 1
	}
	if info.OrderByConsumed {
		x.ForderByConsumed = 1
	}
	if info.EstimatedCost > 0 {
		x.FestimatedCost = info.EstimatedCost
	}
	if info.EstimatedRows > 0 {
		x.FestimatedRows = info.EstimatedRows
	}
	if info.Unique {
		x.FidxFlags |= sqlite3.SQLITE_INDEX_SCAN_UNIQUE
	}
	return sqlite3.SQLITE_OK
}
