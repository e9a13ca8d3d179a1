// Package importer makes a contract of data that exists, a CSV file or an
// SQLite database, and loads its rows as signed calls.
//
//	file, err := importer.Open(ctx, "orders.csv", importer.Options{})  // reads it once
//	fmt.Print(file.Draft.Source())                                    // the contract, yours to change
//	loaded, err := file.Load(ctx, repository, importer.LoadOptions{Key: key})  // reads it again
//	err = file.Close()
//
// Open reads every row once, for the types, the key and what cannot be kept;
// Load reads them a second time. No file is held in memory.
//
// # What becomes of a value
//
//	whole numbers                         INTEGER
//	decimals, 12.34                       INTEGER in the smallest unit, 1234; the column's comment says "in 1/100"
//	decimals that this would lose a digit of, dates, everything else   TEXT
//	an empty field of a CSV               NULL in an INTEGER column, '' in a TEXT column
//	REAL of SQLite                        as the decimals that it is written with, by the same rule
//
// A decimal column becomes INTEGER only if the original can be written again
// from the number: all fractions have the same length, or none ends in 0. A
// column with 1.9 and 1.10 may hold versions and stays TEXT.
//
// # How rows are loaded
//
// The draft has two OWNER actions for each table: add_T takes one row as
// arguments, load_T many as a JSON array of arrays, with BLOBs in hex. A call of
// load_T is at most [maxRows] bytes; a row too long for it goes alone by add_T.
//
// Foreign keys between tables that need each other, and triggers, would be in
// the way while rows arrive one call after the other. A draft with such is
// deployed twice: without them before the rows, and whole after them, when the
// deploy checks what is stored.
//
// # Invariants
//
//   - Nothing is left out or changed in silence: Draft.Notes says it.
//   - Nothing is written before the whole file was read and every row was found
//     to fit the limits of a contract.
//   - The idempotency key of a call is made of the content of its table, its
//     place in it and the contract that it is for. An import that was
//     interrupted goes on where it was, and one that is repeated changes nothing.
//   - The file is never written, nor anything beside it. An SQLite file that has
//     a journal is read as a copy.
package importer
