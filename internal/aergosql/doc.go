// Package aergosql is the front of the language: what can be said of a text of
// AERGOSQL by its words alone. It knows no schema, no state and no SQLite.
//
// # Use
//
//	for _, t := range aergosql.Split(text) { … }   // tokens: text[t.Start:t.End]
//	s, err := aergosql.NewSource(name, text)       // a contract's text, for the compiler
//	laid, err := aergosql.Format(name, text)       // the layout that people agree on
//
// [Split] and [Lex] take any text, that of queries and tests too, and never
// fail. [NewSource] is for contracts: it refuses what no contract may hold,
// wherever it stands, such as REAL numbers, names outside ASCII, collations and
// CASTs that give a REAL. What depends on the meaning of a statement is refused
// later, by the compiler in package sqlcontract.
//
// Errors for people point at their place ([Source.Fail], [ErrorAt]):
//
//	shop:3:12: the number 1.5 is a REAL, …
//	 3 | SELECT 1.5
//	   |        ^
//
// # Invariants
//
//   - Tokens are cut where SQLite's own tokenizer cuts them, since pieces of SQL
//     are cut out by ours and prepared by SQLite. FuzzLexPrepare holds one against
//     the other.
//   - The tokens that Lex gives, blanks and comments included, concatenate to the
//     text. So an offset is always one of the author's text.
//   - What NewSource refuses, and the limits, belong to engine 1: two machines
//     must agree on which deploy is refused.
//   - Format changes blanks and the case of keywords, nothing else.
//
// All functions are safe for concurrent use; a Source is not changed once made.
package aergosql
