package importer

import (
	"context"

	"github.com/aergo-git/aergo-git/internal/fault"
)

const sqliteMagic = "SQLite format 3\x00"

func (f *File) openSQLite(_ context.Context, _ string, _ []byte, _ *namer, _ Options) error {
	return fault.New("AG0122", "Write its tables as CSV files with sqlite3.", "an SQLite database is not imported in this version")
}
