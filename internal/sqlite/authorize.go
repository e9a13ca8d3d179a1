package sqlite

import (
	"fmt"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Verdict is the answer of an authorizer.
type Verdict int32

// Verdicts. Ignore makes a column read as NULL, or an action silently not happen.
const (
	Allow  Verdict = sqlite3.SQLITE_OK
	Deny   Verdict = sqlite3.SQLITE_DENY
	Ignore Verdict = sqlite3.SQLITE_IGNORE
)

// Action is what a statement would do (https://sqlite.org/c3ref/c_alter_table.html).
type Action int32

// Actions, with the meaning of arg1 and arg2.
const (
	ActionCreateIndex       Action = sqlite3.SQLITE_CREATE_INDEX        // index, table
	ActionCreateTable       Action = sqlite3.SQLITE_CREATE_TABLE        // table
	ActionCreateTempIndex   Action = sqlite3.SQLITE_CREATE_TEMP_INDEX   // index, table
	ActionCreateTempTable   Action = sqlite3.SQLITE_CREATE_TEMP_TABLE   // table
	ActionCreateTempTrigger Action = sqlite3.SQLITE_CREATE_TEMP_TRIGGER // trigger, table
	ActionCreateTempView    Action = sqlite3.SQLITE_CREATE_TEMP_VIEW    // view
	ActionCreateTrigger     Action = sqlite3.SQLITE_CREATE_TRIGGER      // trigger, table
	ActionCreateView        Action = sqlite3.SQLITE_CREATE_VIEW         // view
	ActionDelete            Action = sqlite3.SQLITE_DELETE              // table
	ActionDropIndex         Action = sqlite3.SQLITE_DROP_INDEX          // index, table
	ActionDropTable         Action = sqlite3.SQLITE_DROP_TABLE          // table
	ActionDropTempIndex     Action = sqlite3.SQLITE_DROP_TEMP_INDEX     // index, table
	ActionDropTempTable     Action = sqlite3.SQLITE_DROP_TEMP_TABLE     // table
	ActionDropTempTrigger   Action = sqlite3.SQLITE_DROP_TEMP_TRIGGER   // trigger, table
	ActionDropTempView      Action = sqlite3.SQLITE_DROP_TEMP_VIEW      // view
	ActionDropTrigger       Action = sqlite3.SQLITE_DROP_TRIGGER        // trigger, table
	ActionDropView          Action = sqlite3.SQLITE_DROP_VIEW           // view
	ActionInsert            Action = sqlite3.SQLITE_INSERT              // table
	ActionPragma            Action = sqlite3.SQLITE_PRAGMA              // pragma, argument
	ActionRead              Action = sqlite3.SQLITE_READ                // table, column ("" if only its rows are counted)
	ActionSelect            Action = sqlite3.SQLITE_SELECT              //
	ActionTransaction       Action = sqlite3.SQLITE_TRANSACTION         // BEGIN, COMMIT or ROLLBACK
	ActionUpdate            Action = sqlite3.SQLITE_UPDATE              // table, column
	ActionAttach            Action = sqlite3.SQLITE_ATTACH              // file
	ActionDetach            Action = sqlite3.SQLITE_DETACH              // database
	ActionAlterTable        Action = sqlite3.SQLITE_ALTER_TABLE         // database, table
	ActionReindex           Action = sqlite3.SQLITE_REINDEX             // index
	ActionAnalyze           Action = sqlite3.SQLITE_ANALYZE             // table
	ActionCreateVTable      Action = sqlite3.SQLITE_CREATE_VTABLE       // table, module
	ActionDropVTable        Action = sqlite3.SQLITE_DROP_VTABLE         // table, module
	ActionFunction          Action = sqlite3.SQLITE_FUNCTION            // "", function
	ActionSavepoint         Action = sqlite3.SQLITE_SAVEPOINT           // BEGIN, RELEASE or ROLLBACK; name
	ActionRecursive         Action = sqlite3.SQLITE_RECURSIVE           // a recursive WITH
)

// String names the action as a person would write it, such as "CREATE TABLE".
func (a Action) String() string {
	switch a {
	case ActionCreateIndex:
		return "CREATE INDEX"
	case ActionCreateTable:
		return "CREATE TABLE"
	case ActionCreateTempIndex:
		return "CREATE TEMP INDEX"
	case ActionCreateTempTable:
		return "CREATE TEMP TABLE"
	case ActionCreateTempTrigger:
		return "CREATE TEMP TRIGGER"
	case ActionCreateTempView:
		return "CREATE TEMP VIEW"
	case ActionCreateTrigger:
		return "CREATE TRIGGER"
	case ActionCreateView:
		return "CREATE VIEW"
	case ActionDelete:
		return "DELETE"
	case ActionDropIndex:
		return "DROP INDEX"
	case ActionDropTable:
		return "DROP TABLE"
	case ActionDropTempIndex:
		return "DROP TEMP INDEX"
	case ActionDropTempTable:
		return "DROP TEMP TABLE"
	case ActionDropTempTrigger:
		return "DROP TEMP TRIGGER"
	case ActionDropTempView:
		return "DROP TEMP VIEW"
	case ActionDropTrigger:
		return "DROP TRIGGER"
	case ActionDropView:
		return "DROP VIEW"
	case ActionInsert:
		return "INSERT"
	case ActionPragma:
		return "PRAGMA"
	case ActionRead:
		return "READ"
	case ActionSelect:
		return "SELECT"
	case ActionTransaction:
		return "TRANSACTION"
	case ActionUpdate:
		return "UPDATE"
	case ActionAttach:
		return "ATTACH"
	case ActionDetach:
		return "DETACH"
	case ActionAlterTable:
		return "ALTER TABLE"
	case ActionReindex:
		return "REINDEX"
	case ActionAnalyze:
		return "ANALYZE"
	case ActionCreateVTable:
		return "CREATE VIRTUAL TABLE"
	case ActionDropVTable:
		return "DROP VIRTUAL TABLE"
	case ActionFunction:
		return "FUNCTION"
	case ActionSavepoint:
		return "SAVEPOINT"
	case ActionRecursive:
		return "RECURSIVE WITH"
	}
	return fmt.Sprintf("action %d", int32(a))
}

// denial is an action that was refused, kept for the message of the error.
type denial struct {
	action              Action
	arg1, arg2, db, via string
}

func (d *denial) String() string {
	s := d.action.String()
	for _, a := range []string{d.arg1, d.arg2} {
		if a != "" {
			s += " " + a
		}
	}
	if d.db != "" && d.db != "main" {
		s += " in " + d.db
	}
	if d.via != "" {
		s += " (by " + d.via + ")"
	}
	return s
}

// SetAuthorizer has fn decide every action while statements are prepared; nil
// removes it. Statements prepared before are prepared again under it at their
// next Step. db is the database's name ("main"), trigger the innermost trigger
// or view that causes the action; both may be "". A denied action gives an
// Error with CodeAuth whose message names it.
func (c *Conn) SetAuthorizer(fn func(action Action, arg1, arg2, db, trigger string) Verdict) {
	if c.closed {
		return
	}
	c.authorizer = fn
	var callback uintptr
	if fn != nil {
		callback = cFunc(authorizeCallback)
	}
	sqlite3.Xsqlite3_set_authorizer(c.tls, c.db, callback, address(c))
}

func authorizeCallback(_ *libc.TLS, user uintptr, action int32, z1, z2, z3, z4 uintptr) (rc int32) {
	c := deref[Conn](user)
	defer c.caught("authorizer", &rc, int32(Deny))
	arg1, arg2, db, via := c.names.get(z1), c.names.get(z2), c.names.get(z3), c.names.get(z4)
	v := c.authorizer(Action(action), arg1, arg2, db, via)
	if v != Allow && v != Ignore {
		v = Deny // whatever SQLite does not know would be a malfunction, not a refusal
		c.denied = &denial{Action(action), arg1, arg2, db, via}
	}
	return int32(v)
}
