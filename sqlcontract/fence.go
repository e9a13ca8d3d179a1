package sqlcontract

import (
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// A fence is what a contract's SQL may do, as an authorizer of the connection
// that prepares it: the compiler's scratch database and the executor's working
// tree use the same. It belongs to one connection, one goroutine at a time.
type fence struct {
	tables map[string]bool // tables and views that may be read and written
	schema bool            // the schema itself is being created

	old          map[string]bool // tables of the version before, which a MIGRATION may read; else nil
	read, filled map[string]bool // of a MIGRATION: those it reads, and those of its own that it inserts into

	note *effects // where reads and writes are noted; nil: nowhere

	// Of the statements prepared since reset.
	why  string // of the first refusal
	next string
	word string // function or table that was refused
}

// newFence allows the tables and views of c.
func newFence(c *Contract) *fence {
	f := &fence{tables: map[string]bool{}}
	for _, o := range c.Schema {
		if o.Type == "table" || o.Type == "view" {
			f.tables[o.Name] = true
		}
	}
	return f
}

func (f *fence) reset() { f.why, f.next, f.word = "", "", "" }

// authorize is the callback for sqlite.Conn.SetAuthorizer.
func (f *fence) authorize(action sqlite.Action, arg1, arg2, db, _ string) sqlite.Verdict {
	if f.note != nil && !f.schema {
		f.note.see(action, aergosql.Fold(arg1), aergosql.Fold(arg2))
	}
	switch action {
	case sqlite.ActionSelect, sqlite.ActionRecursive:
		return sqlite.Allow
	case sqlite.ActionFunction:
		if sqlfunc.Allowed(aergosql.Fold(arg2)) {
			return sqlite.Allow
		}
		why, next := sqlfunc.Refusal(aergosql.Fold(arg2))
		return f.deny(aergosql.Fold(arg2), "the function "+aergosql.Fold(arg2)+" is not allowed: "+why, next)
	case sqlite.ActionRead:
		if arg1 == "json_each" || arg1 == "json_tree" {
			if !strings.EqualFold(arg2, "rowid") {
				return sqlite.Allow
			}
		}
		if aergosql.Fold(arg2) == "rowid" && !f.schema {
			return f.deny("rowid", "tables have no rowid", "use the primary key")
		}
		if f.readsOld(arg1, arg2, db) {
			return sqlite.Allow
		}
		if arg2 == "" && db == "" && !engineTable(arg1) {
			return sqlite.Allow // SELECT count(*) FROM x, where x is a view or a name of WITH: what is in it is asked besides
		}
		return f.own(arg1, db)
	case sqlite.ActionInsert, sqlite.ActionUpdate, sqlite.ActionDelete:
		if aergosql.Fold(db) == oldSchema && f.old != nil {
			return f.deny(arg1, "the version before can be read, not written", "write to the tables of the new version, without old.")
		}
		if f.old != nil && action == sqlite.ActionInsert {
			f.filled[aergosql.Fold(arg1)] = true
		}
		return f.own(arg1, db)
	case sqlite.ActionCreateTable, sqlite.ActionCreateIndex, sqlite.ActionCreateView, sqlite.ActionCreateTrigger, sqlite.ActionReindex:
		if f.schema && db == "main" {
			return sqlite.Allow
		}
	}
	return f.deny("", strings.ToUpper(action.String())+" is not allowed in a contract", "docs/reference/aergosql.md says what is")
}

// migrate lets statements read tables of the version before; nil ends that.
func (f *fence) migrate(tables []string) {
	f.old, f.read, f.filled = nil, nil, nil
	if tables == nil {
		return
	}
	f.old, f.read, f.filled = map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, name := range tables {
		f.old[name] = true
	}
}

// readsOld tells whether a table is one of the version before, and notes it.
func (f *fence) readsOld(table, column, db string) bool {
	table = aergosql.Fold(table)
	if !f.old[table] || aergosql.Fold(db) != oldSchema && (db != "" || column != "" || f.tables[table]) {
		return false
	}
	f.read[table] = true
	return true
}

// own allows a table or view of the contract.
func (f *fence) own(table, db string) sqlite.Verdict {
	switch {
	case (db == "main" || db == "") && (f.schema || f.tables[aergosql.Fold(table)]):
		return sqlite.Allow
	case engineTable(table):
		return f.deny(table, table+" shows the engine's own data, which differs between nodes", "read the contract's own tables")
	}
	return f.deny(table, "the table "+table+" is not one of the contract", "a contract reads and writes its own tables only")
}

// engineTable tells whether a name is one of the engine's own tables or table
// functions (TestEngineTables holds the list against the engine), or one of
// ours beside a contract's.
func engineTable(name string) bool {
	switch name = aergosql.Fold(name); name {
	case "dbstat", "geopoly", "jsonb_each", "jsonb_tree":
		return true
	}
	for _, prefix := range []string{"sqlite_", "pragma_", "aergo_", "fts5", "rtree"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func (f *fence) deny(word, why, next string) sqlite.Verdict {
	if f.why == "" {
		f.why, f.next, f.word = why, next, aergosql.Fold(word)
	}
	return sqlite.Deny
}
