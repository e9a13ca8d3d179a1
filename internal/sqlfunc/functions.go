package sqlfunc

import "sort"

// functions is the allow list: every SQL function that an action, view,
// trigger, CHECK, index or generated column may use, with its weight. Each is
// deterministic, looks at nothing but its arguments, and gives no REAL for
// arguments that are none (sum of texts that look like 1.5 does: what a
// contract stores, returns or emits is checked besides).
//
// The weights of calls, like those of instructions, are fitted by TestGasFit.
var functions = map[string]Weight{
	// look at a few bytes
	"abs": basic, "coalesce": basic, "if": basic, "iif": basic, "ifnull": basic, "max": basic, "min": basic, "nullif": basic, "sign": basic,
	"typeof": basic, "octet_length": basic, "unicode": basic,
	"count": basic, "sum": basic,
	"row_number": basic, "rank": basic, "dense_rank": basic, "ntile": basic, "lag": basic, "lead": basic,
	"first_value": basic, "last_value": basic, "nth_value": basic,

	// one pass over their arguments
	"char": pass, "length": pass, "lower": pass, "upper": pass,
	"substr": pass, "substring": pass, "zeroblob": pass,
	"concat": pass, "concat_ws": pass, "group_concat": pass, "string_agg": pass,
	"hex": pass, "unhex": pass,

	// compare with a set or pattern
	"trim": search, "ltrim": search, "rtrim": search,
	"instr": search, "replace": search, "like": search, "glob": search,

	// parse, copy and print JSON
	"json": jsonPass, "json_array": jsonPass, "json_array_length": jsonPass, "json_extract": jsonPass,
	"->": jsonPass, "->>": jsonPass, "json_insert": jsonPass, "json_object": jsonPass,
	"json_quote": jsonPass, "json_remove": jsonPass, "json_replace": jsonPass,
	"json_set": jsonPass, "json_type": jsonPass, "json_valid": jsonPass,
	"json_group_array": jsonPass, "json_group_object": jsonPass,
	"json_each": jsonPass, "json_tree": jsonPass, // table-valued: read, not called
}

const (
	NotListed = "it is not on the list of functions whose results are equal everywhere"
	ListPage  = "docs/reference/aergosql.md has the list of functions"
)

// Allowed tells whether a contract may use a function, named in small letters.
func Allowed(name string) bool {
	_, ok := functions[name]
	return ok
}

// Refusal says why a function that exists in SQLite is not on the list,
// and what to write instead.
func Refusal(name string) (why, next string) {
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
	case "json_patch":
		return "its time grows with the square of its arguments", "set and remove members with json_set and json_remove"
	case "load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "rtreecheck", "rtreedepth", "rtreenode":
		return "it reaches outside the contract", "leave the function out"
	}
	return NotListed, ListPage
}

// Names are the allowed functions in order, for "did you mean".
func Names() []string {
	names := make([]string, 0, len(functions))
	for n := range functions {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
