// Package slt reads sqllogictest files and compares answers with theirs.
// Nothing of the product uses it: it is the judge of the SQL engine's tests.
//
// # Use
//
//	records, err := slt.Read(file, "sqlite")
//	for _, r := range records {
//		// run r.SQL; a statement must succeed unless r.Fails
//		err = r.Check(rows) // of a query: rows hold nil, int64, float64, string or []byte
//	}
//
// # Format
//
// A file is a list of records with blank lines between them (see
// https://www.sqlite.org/sqllogictest/doc/trunk/about.wiki):
//
//	statement ok          the statement below must succeed
//	statement error       … must fail
//	query IT rowsort x    the SELECT below gives columns I and T
//	SELECT a, b FROM t
//	----
//	1                     values, one per line
//	tea
//	skipif NAME           the next record is not for this engine
//	onlyif NAME           … for this engine only
//	halt                  the rest is ignored
//	hash-threshold N      longer answers are written as a hash; ignored in reading
//
// A column's type says how its values are written: I as an integer, R with
// three decimals, T as text, where an empty one is "(empty)" and what is not
// printable is "@". NULL is "NULL". rowsort orders the rows as lists of texts,
// valuesort all values, nosort nothing. Instead of values "30 values hashing to
// HASH" may stand: MD5 over each value with a line end. Queries of one label
// have equal answers.
//
// # Invariants
//
//   - Read accepts any bytes and gives records or an error that names the line.
//   - A Record is never changed after Read.
package slt
