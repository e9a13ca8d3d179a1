package sqlcontract

import "sort"

// functions is the allow list: every SQL function that an action, view,
// trigger, CHECK, index or generated column may use, with its weight. Each is
// deterministic, looks at nothing but its arguments, and gives no REAL for
// arguments that are none (sum of texts that look like 1.5 does: what a
// contract stores, returns or emits is checked besides).
//
// The weight is the gas per 64 VM steps of a statement that uses the function.
// A VM step moves a value or compares two; a call is one step too, and may walk
// through 64 KiB (the limit of a value) or, for LIKE and its kind, compare each
// byte with each byte of a pattern. The weights lie between the usual call, on
// a few bytes, and the worst one, on values of the limit (TestWeights prints
// that): the worst takes up to some 20 times as long as it is charged for, the
// usual one a tenth.
var functions = map[string]int{
	// one pass over nothing, or over a few bytes
	"abs": 1, "coalesce": 1, "if": 1, "iif": 1, "ifnull": 1, "max": 1, "min": 1, "nullif": 1, "sign": 1,
	"typeof": 1, "octet_length": 1, "unicode": 1,
	"count": 1, "sum": 1,
	"row_number": 1, "rank": 1, "dense_rank": 1, "ntile": 1, "lag": 1, "lead": 1,
	"first_value": 1, "last_value": 1, "nth_value": 1,

	// one pass over their arguments
	"char": 2, "length": weightPass, "lower": weightPass, "upper": weightPass,
	"substr": weightPass, "substring": weightPass, "zeroblob": weightPass,
	"concat": weightPass, "concat_ws": weightPass, "group_concat": weightPass, "string_agg": weightPass,
	"hex": weightPass, "unhex": weightPass,

	// compare each byte with each of a set or pattern
	"trim": weightSearch, "ltrim": weightSearch, "rtrim": weightSearch,
	"instr": weightSearch, "replace": weightSearch, "like": weightSearch, "glob": weightSearch,

	// parse, copy and print JSON
	"json": weightJSON, "json_array": weightJSON, "json_array_length": weightJSON, "json_extract": weightJSON,
	"->": weightJSON, "->>": weightJSON, "json_insert": weightJSON, "json_object": weightJSON,
	"json_patch": weightJSON, "json_quote": weightJSON, "json_remove": weightJSON, "json_replace": weightJSON,
	"json_set": weightJSON, "json_type": weightJSON, "json_valid": weightJSON,
	"json_group_array": weightJSON, "json_group_object": weightJSON,
	"json_each": weightJSON, "json_tree": weightJSON, // table-valued: read, not called
}

const (
	weightPass   = 32
	weightSearch = 128
	weightJSON   = 128
	weightConcat = 16 // of the operator ||
)

const (
	notListed = "it is not on the list of functions whose results are equal everywhere"
	listPage  = "docs/reference/aergosql.md has the list of functions"
)

// refusedFunction says why a function that exists in SQLite is not on the list,
// and what to write instead.
func refusedFunction(name string) (why, next string) {
	switch name {
	case "random", "randomblob":
		return "each node would draw another number", "pass the number as an argument; @txid differs for every transaction"
	case "date", "time", "datetime", "julianday", "strftime", "unixepoch", "timediff",
		"current_date", "current_time", "current_timestamp":
		return "nodes run a transaction at different times and print dates in REAL arithmetic", "use @time (of the block) or @created (of the transaction), INTEGER milliseconds since 1970"
	case "changes", "total_changes":
		return "it counts what the machine did, not what the statement says", "count the rows with SELECT count(*)"
	case "last_insert_rowid":
		return "tables have no rowid", "take the primary key that you inserted, or RETURNING"
	case "avg", "total":
		return "the result is a REAL", "write sum(x) / count(x), or coalesce(sum(x), 0)"
	case "round", "ceil", "ceiling", "floor", "trunc":
		return "the result is a REAL", "integer division rounds toward zero: (x + 50) / 100 rounds x >= 0 to hundreds"
	case "sqrt", "pow", "power", "exp", "ln", "log", "log10", "log2", "mod", "pi", "degrees", "radians", "acos", "acosh",
		"asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "sin", "sinh", "tan", "tanh",
		"median", "percentile", "percentile_cont", "percentile_disc", "percent_rank", "cume_dist":
		return "the result is a REAL, whose last digits differ between machines", "use integers in the smallest unit; % is the remainder"
	case "printf", "format":
		return "it prints REAL numbers too", "join texts with ||; pad with substr('000000' || n, -6)"
	case "quote", "unistr_quote", "unistr":
		return "actions build no SQL text", "use the value itself, or hex(value)"
	case "likely", "unlikely", "likelihood":
		return "it is a hint for a planner whose plans are fixed", "leave the function out"
	case "soundex":
		return "builds differ in whether they have it", "store the code in a column"
	case "sqlite_version", "sqlite_source_id", "sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_log", "sqlite_offset":
		return "it tells of the build, not of the ledger", "leave the function out"
	case "load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "rtreecheck", "rtreedepth", "rtreenode":
		return "it reaches outside the contract", "leave the function out"
	}
	return notListed, listPage
}

// functionNames are the allowed functions in order, for "did you mean".
func functionNames() []string {
	names := make([]string, 0, len(functions))
	for n := range functions {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
