package aergosql

// Limits on the text of a contract. They belong to engine 1.
const (
	MaxSource = 256 << 10 // bytes: a deploy fits a transaction, a compile takes milliseconds
	MaxParens = 200       // open at once in one statement: twice what SQLite's expression depth allows
	MaxName   = 63        // letters of a name: the key of a row, of at most 1 KiB, begins with two
)
