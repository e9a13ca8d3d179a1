// Package sqlfunc is what a contract may call: the SQL functions whose results
// are equal everywhere, and what each costs. It knows SQLite and nothing of
// contracts or ledgers.
//
// # Use
//
//	sqlfunc.Replace(conn)                  // once for each connection
//	if !sqlfunc.Allowed("avg") {           // asked by the authorizer
//		why, next := sqlfunc.Refusal("avg") // for the author
//	}
//	w, err := sqlfunc.WeightOf(program)    // of a statement's EXPLAIN
//
// The list, its weights and its refusals stand in functions.go, the figures of
// the weights in weights.go. SQLite's own LIKE, GLOB, instr, replace and trim of
// two arguments take a time that no price is right for: Replace puts functions
// in their place that give the same results in one pass.
//
// # Invariants
//
//   - A function on the list is deterministic, looks at nothing but its arguments,
//     and is one that the engine has (TestFunctionsExist).
//   - What Replace puts in place gives what SQLite gives, but for a REAL, which is
//     refused (TestLinearFunctions, TestLikeAndGlob).
//   - The list, the weights and the limits belong to engine 1. TestGasFit
//     of package sqlcontract measures the weights and tries every function.
//
// All functions are safe for concurrent use; what Replace puts on a connection
// serves that connection's goroutine.
package sqlfunc
