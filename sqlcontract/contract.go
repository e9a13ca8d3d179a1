package sqlcontract

import (
	"strings"

	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Contract is one compiled version of a contract: everything the executor
// needs, with every inner statement already prepared once against the schema
// and found inside the fence. It is immutable and safe for concurrent use.
type Contract struct {
	Name    string
	Source  string           // as deployed, byte for byte
	Code    objectstore.Hash // Sum(KindCode, Source)
	Dialect int

	Tables     []*Table // in source order
	Schema     []Object // canonical creation order: tables, indexes, views, triggers, each by name
	Uses       []Use    // contracts that actions may CALL, in source order
	Actions    []*Action
	Rules      []MergeRule
	Invariants []*Invariant
	Migrations []*Migration // in source order
}

// Object is one schema object with the exact SQL that creates it.
type Object struct {
	Type  string // table, index, view, trigger
	Name  string
	Table string // the table or view it belongs to; for a table its own name
	SQL   string // STRICT, WITHOUT ROWID already added to tables
}

// Table is the layout of one table in the state map: Key and Values say which
// columns make the key tuple and the row value.
type Table struct {
	Name    string
	Columns []Column
	Key     []int // indices into Columns in PRIMARY KEY order
	Values  []int // non-key, non-generated columns in source order
	Line    int   // of the CREATE TABLE in Source, from 1
}

// Column is one column. Default is the constant that a missing trailing cell
// stands for (nil for NULL).
type Column struct {
	Name      string
	Type      string // INTEGER, TEXT, BLOB
	NotNull   bool
	Default   any // nil, int64, string or []byte
	Generated bool
}

// Use is one USE: the contract that an alias stands for.
type Use struct {
	Contract string
	Version  int // that must be in force; 0: any
	Alias    string
	Line     int
}

// Visibility says who may call an action.
type Visibility int

// The visibilities of AERGOSQL. Private is the default.
const (
	Private Visibility = iota
	Public
	Role
	Owner
)

// Action is one compiled action.
type Action struct {
	Name        string
	Params      []Param
	Visibility  Visibility
	Roles       []string // for Role, in source order
	ReadOnly    bool
	Constructor bool
	Returns     []Param // empty: the action returns nothing declared
	Reach       Reach   // of the action and the own actions it calls
	Body        []Statement
	Line        int
}

// Param is a parameter or a returned column.
type Param struct {
	Name       string
	Type       string // INTEGER, TEXT, BLOB
	HasDefault bool
	Default    any // nil, int64, string or []byte
}

// Statement is one statement of an action's body. Exactly one of the pointers
// is set.
type Statement struct {
	Query   *Query   // SELECT (its rows are returned), INSERT, UPDATE, DELETE
	Require *Require // REQUIRE cond ELSE text
	Let     *Let     // LET :x = expr
	If      *If
	For     *For
	Return  *Return
	Emit    *Emit
	Call    *Call
	Line    int // in Source, from 1
	Offset  int // byte offset of its first byte in Source
}

// Query is one piece of SQL that SQLite prepares. An expression is wrapped as
// SELECT (expr). Params are the names behind its parameters in SQLite's index
// order, with their sigil: ":sku", "@caller", ":row$price" (the form of
// :row.price; '.' and '$' have the same length, so offsets stay true).
type Query struct {
	SQL      string
	Params   []string
	ReadOnly bool
	weight   sqlfunc.Weight
	Literal  int // bytes of the longest literal that may stand in it or in the schema
	Offset   int // byte offset of the SQL's first source byte in Source
}

// SourceOf is the text of an expression's query as it stands in the source.
func (c *Contract) SourceOf(q *Query) string {
	n := len(strings.TrimSuffix(strings.TrimPrefix(q.SQL, "SELECT ("), ")"))
	if q.Offset < 0 || q.Offset+n > len(c.Source) {
		return ""
	}
	return strings.Join(strings.Fields(c.Source[q.Offset:q.Offset+n]), " ")
}

// Require ends the action with AG0410 and the text unless Cond is true.
type Require struct {
	Cond *Query
	Else *Query // nil: no text
}

// Let sets a local variable, named without its colon.
type Let struct {
	Name  string
	Value *Query
}

// If runs Then when Cond is true, Else otherwise (ELSEIF nests in Else).
type If struct {
	Cond *Query
	Then []Statement
	Else []Statement
}

// For runs Body for each row of Rows; column c of the row is the variable
// Row+"$"+c. The rows are read completely before the first run of the body.
type For struct {
	Row  string
	Rows *Query
	Body []Statement
}

// Return ends the action; Value (nil for a bare RETURN) is a SELECT whose rows
// are returned.
type Return struct {
	Value *Query
}

// Emit adds an event; Values is one SELECT with a column per name.
type Emit struct {
	Event  string
	Names  []string
	Values *Query
}

// Call runs an action of the same or of another contract.
type Call struct {
	Use    *Use // nil: an action of the same contract
	Action string
	Into   string    // of LET :x = CALL …: the variable without its colon, or ""
	Args   []CallArg // positional ones first
	Values *Query    // one SELECT with a column per argument; nil without arguments
	Offset int       // of the word CALL in Source
}

// CallArg is what is known of an argument without running it.
type CallArg struct {
	Name     string // "" for a positional one
	Constant bool   // it is the literal Value
	Value    any
}

// MergeRule is one MERGE RULE statement, checked against the schema.
type MergeRule struct {
	Table    string
	Columns  []string // empty: the whole table
	By       string   // SAME OURS THEIRS MAX MIN MANUAL DELTA ACTION
	FromZero bool     // DELTA FROM 0
	Action   string   // for ACTION
	Roles    []string // RESOLVE ROLE (…)
}

// Invariant is one INVARIANT statement: FOR EACH (Check over the changed row)
// or TOTAL.
type Invariant struct {
	Name  string
	Table string // the table named after FOR EACH or ON
	Line  int

	// FOR EACH: SELECT (check) FROM table WHERE key columns = ?1, ?2, …
	// NULL counts as true, as in SQLite's CHECK. nil for TOTAL.
	Check *Query

	// TOTAL
	Count   bool     // count(*) instead of sum(Column)
	Column  string   // sum's column
	By      []string // BY key columns of Table; empty: one total
	Compare *Compare // nil: the total is kept and not checked
}

// Compare is the CHECK of a TOTAL invariant: total Op operand. Exactly one of
// Other, Table (with Column) or neither (Constant) is meant. An absent total or
// row counts as 0.
type Compare struct {
	Op       string // = <> < <= > >=
	Constant int64
	Table    string // the row of this table whose primary key equals the BY key
	Column   string
	Other    string // name of another TOTAL invariant of the contract with an equal BY
}

// Action finds an action by name, or nil.
func (c *Contract) Action(name string) *Action {
	for _, a := range c.Actions {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// use finds a USE by its alias, or nil.
func (c *Contract) use(alias string) *Use {
	for i := range c.Uses {
		if c.Uses[i].Alias == alias {
			return &c.Uses[i]
		}
	}
	return nil
}

// Table finds a table by name, or nil.
func (c *Contract) Table(name string) *Table {
	for _, t := range c.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}
