package sqlite

import (
	sqlite3 "modernc.org/sqlite/lib"
)

// Code is an SQLite result code, extended (https://sqlite.org/rescode.html).
type Code int

// Primary result codes, and the extended ones that callers tell apart.
const (
	CodeOK         Code = sqlite3.SQLITE_OK
	CodeError      Code = sqlite3.SQLITE_ERROR
	CodeAbort      Code = sqlite3.SQLITE_ABORT
	CodeBusy       Code = sqlite3.SQLITE_BUSY
	CodeLocked     Code = sqlite3.SQLITE_LOCKED
	CodeNoMem      Code = sqlite3.SQLITE_NOMEM
	CodeReadOnly   Code = sqlite3.SQLITE_READONLY
	CodeInterrupt  Code = sqlite3.SQLITE_INTERRUPT
	CodeIOErr      Code = sqlite3.SQLITE_IOERR
	CodeCorrupt    Code = sqlite3.SQLITE_CORRUPT
	CodeFull       Code = sqlite3.SQLITE_FULL
	CodeCantOpen   Code = sqlite3.SQLITE_CANTOPEN
	CodeSchema     Code = sqlite3.SQLITE_SCHEMA
	CodeTooBig     Code = sqlite3.SQLITE_TOOBIG
	CodeConstraint Code = sqlite3.SQLITE_CONSTRAINT
	CodeMismatch   Code = sqlite3.SQLITE_MISMATCH
	CodeMisuse     Code = sqlite3.SQLITE_MISUSE
	CodeAuth       Code = sqlite3.SQLITE_AUTH
	CodeRange      Code = sqlite3.SQLITE_RANGE
	CodeNotADB     Code = sqlite3.SQLITE_NOTADB

	CodeConstraintCheck      Code = sqlite3.SQLITE_CONSTRAINT_CHECK
	CodeConstraintForeignKey Code = sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
	CodeConstraintNotNull    Code = sqlite3.SQLITE_CONSTRAINT_NOTNULL
	CodeConstraintPrimaryKey Code = sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	CodeConstraintTrigger    Code = sqlite3.SQLITE_CONSTRAINT_TRIGGER
	CodeConstraintUnique     Code = sqlite3.SQLITE_CONSTRAINT_UNIQUE
	CodeConstraintDatatype   Code = sqlite3.SQLITE_CONSTRAINT_DATATYPE
	CodeBusySnapshot         Code = sqlite3.SQLITE_BUSY_SNAPSHOT
)

// Primary returns the low byte: the class of the error.
func (c Code) Primary() Code { return c & 0xff }

// Limit names one run-time limit of a connection (https://sqlite.org/c3ref/c_limit_attached.html).
type Limit int32

// The limits, with their units.
const (
	LimitLength        Limit = sqlite3.SQLITE_LIMIT_LENGTH              // bytes of a string, blob or row
	LimitSQLLength     Limit = sqlite3.SQLITE_LIMIT_SQL_LENGTH          // bytes of a statement
	LimitColumn        Limit = sqlite3.SQLITE_LIMIT_COLUMN              // columns of a table, result, index
	LimitExprDepth     Limit = sqlite3.SQLITE_LIMIT_EXPR_DEPTH          // height of an expression tree
	LimitCompound      Limit = sqlite3.SQLITE_LIMIT_COMPOUND_SELECT     // terms of a compound SELECT
	LimitVDBEOp        Limit = sqlite3.SQLITE_LIMIT_VDBE_OP             // instructions of a statement
	LimitFunctionArg   Limit = sqlite3.SQLITE_LIMIT_FUNCTION_ARG        // arguments of a function
	LimitAttached      Limit = sqlite3.SQLITE_LIMIT_ATTACHED            // attached databases, at most 10
	LimitLikePattern   Limit = sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH // bytes of a LIKE or GLOB pattern
	LimitVariable      Limit = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER     // highest parameter number
	LimitTriggerDepth  Limit = sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH       // recursion of triggers
	LimitWorkerThreads Limit = sqlite3.SQLITE_LIMIT_WORKER_THREADS      // helper threads of a statement
	LimitParserDepth   Limit = sqlite3.SQLITE_LIMIT_PARSER_DEPTH        // depth of the parser's stack
)

// Type is the storage class of a value.
type Type int32

// Storage classes.
const (
	Integer Type = sqlite3.SQLITE_INTEGER
	Float   Type = sqlite3.SQLITE_FLOAT
	Text    Type = sqlite3.SQLITE_TEXT
	Blob    Type = sqlite3.SQLITE_BLOB
	Null    Type = sqlite3.SQLITE_NULL
)

// Version returns the version of SQLite, such as "3.54.1".
func Version() string { return sqlite3.SQLITE_VERSION }

// SourceID returns SQLite's check-in date and hash.
func SourceID() string { return sqlite3.SQLITE_SOURCE_ID }

// CompileOptions lists the options SQLite was compiled with, without the
// prefix SQLITE_, in SQLite's own order.
func CompileOptions() []string {
	m, err := newMemory()
	if err != nil {
		return nil
	}
	defer m.close()
	var list []string
	for i := int32(0); ; i++ {
		p := sqlite3.Xsqlite3_compileoption_get(m.tls, i)
		if p == 0 {
			return list
		}
		list = append(list, cString(p))
	}
}
