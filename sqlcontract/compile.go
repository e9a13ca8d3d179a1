package sqlcontract

import (
	"errors"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Codes of what a contract's text may be refused for; docs/reference/aergosql.md
// says more on each.
const (
	codeSyntax  = aergosql.CodeSyntax
	codeFence   = aergosql.CodeFence
	codeLater   = "AG0303"
	codeSchema  = aergosql.CodeSchema
	codeUnknown = "AG0305"
	codeLimit   = aergosql.CodeLimit
)

// Compile reads the source of a contract and prepares everything in it once,
// inside the fence, against an empty database that has the contract's schema.
// The result depends on name and source only. An error is a *fault.Error whose
// text shows the place.
//
// It takes about a millisecond for a contract of a few tables; callers
// keep the result by Code.
func Compile(name, source string) (*Contract, error) {
	return compile(name, source, false)
}

// Format lays the text of a contract, or of a file of tests, out as the documents
// do: keywords in capitals, two blanks for each BEGIN, one statement a line,
// columns of a table below one another. Nothing but blanks and the case of
// keywords changes; formatting twice changes nothing more. It does not compile:
// name is for its errors, which are *fault.Error of code AG0301, for a token that
// SQLite would refuse.
func Format(name, text string) (string, error) { return aergosql.Format(name, text) }

// compile is Compile; system allows names that begin with aergo_.
func compile(name, source string, system bool) (*Contract, error) {
	if err := checkContractName(name, system); err != nil {
		return nil, err
	}
	s, err := aergosql.NewSource(name, source)
	if err != nil {
		return nil, err
	}
	p, err := parse(s, system)
	if err != nil {
		return nil, err
	}
	p.contract.Code = objectstore.Sum(objectstore.KindCode, []byte(source))
	c := &compiler{parser: p, fence: &fence{schema: true}}
	defer c.close()
	if err := c.schema(); err != nil {
		return nil, err
	}
	if err := c.checkDML(); err != nil {
		return nil, err
	}
	if err := c.queries(); err != nil {
		return nil, err
	}
	if err := c.rules(); err != nil {
		return nil, err
	}
	if err := c.ownCalls(); err != nil {
		return nil, err
	}
	if err := c.reach(); err != nil {
		return nil, err
	}
	return p.contract, nil
}

func checkContractName(name string, system bool) error {
	n, ok := aergosql.PlainName(name)
	if !ok || n != name || name[0] == '_' {
		return fault.New(codeSchema, "use a-z first, then a-z, 0-9 and _, at most 63", "%.80q is no name of a contract", name)
	}
	if strings.HasPrefix(name, accountStart) {
		return fault.New(codeSchema, "choose another name", "contract names that begin with %s would look like accounts, and @caller is either", accountStart)
	}
	if strings.HasPrefix(name, "aergo_") && !system {
		return fault.New(codeSchema, "choose another name", "contract names that begin with aergo_ belong to the system")
	}
	if name == QuerySchema {
		return fault.New(codeSchema, "choose another name", "%s is what queries call the ledger's directory: dd.identities, dd.grants", name)
	}
	return nil
}

// compiler is a parser's result with the scratch database to prepare it in.
type compiler struct {
	*parser
	conn    *sqlite.Conn
	fence   *fence
	steps   int              // progress calls, see compileSteps
	longest int              // bytes of the longest literal in the schema
	noted   map[any]*effects // of each *Action and *Invariant, and of tableDML by "table EVENT"

	old *Contract // the version before, where a MIGRATION is prepared; else nil
}

func (c *compiler) close() {
	if c.conn != nil {
		c.conn.Close() // nothing is in it
	}
}

// open makes the scratch database, empty.
func (c *compiler) open() (err error) {
	c.close()
	if c.conn, err = sqlite.Open(":memory:", sqlite.Options{}); err != nil {
		return err
	}
	if err := setLimits(c.conn); err != nil {
		return err
	}
	if err := c.conn.SetForeignKeys(true); err != nil {
		return err
	}
	const every = 1000
	c.conn.SetProgress(every, func() bool {
		c.steps += every
		return c.steps > compileSteps
	})
	c.conn.SetAuthorizer(c.fence.authorize)
	return nil
}

// prepare compiles one statement inside the fence.
func (c *compiler) prepare(sql string) (*sqlite.Stmt, error) {
	c.fence.reset()
	s, tail, err := c.conn.Prepare(sql)
	if err == nil && (s == nil || strings.TrimSpace(tail) != "") {
		if s != nil {
			s.Finalize()
		}
		err = errors.New("the text is not exactly one statement")
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// explain words SQLite's error for a person. place maps an offset in the SQL to
// one in the source (nil: the SQL is ours); from and to are the tokens of the
// piece to blame, in which the word that SQLite names is looked for otherwise.
func (c *compiler) explain(err error, place func(int) int, from, to int) error {
	off := c.Tokens[from].Start
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return c.Fail(codeSyntax, off, "", "%v", err)
	}
	msg, _, _ := strings.Cut(e.Message, " - should this be")
	word := lastName(msg)
	if c.fence.why != "" {
		word = c.fence.word
	}
	if place != nil && e.Offset >= 0 {
		off = place(e.Offset)
	} else if i := c.findWord(from, to, word); i >= 0 {
		off = c.Tokens[i].Start
	}
	if c.fence.why != "" {
		return c.Fail(codeFence, off, c.fence.next, "%s", c.fence.why)
	}
	switch e.Primary() {
	case sqlite.CodeInterrupt:
		return c.Fail(codeLimit, off, "build views on tables, not on views of views", "preparing the contract takes too much work")
	case sqlite.CodeTooBig:
		return c.Fail(codeLimit, off, "make it smaller", "%s", msg)
	case sqlite.CodeNoMem: // what SQLite says when a program grows over its limit
		return c.Fail(codeLimit, off, "split it, and build views on tables rather than on views", "the statement becomes too large a program")
	}
	return c.explainMessage(msg, word, off)
}

// findWord is the first of the tokens that is the given name, or -1.
func (c *compiler) findWord(from, to int, word string) int {
	for i := from; i < to && word != ""; i++ {
		if k := c.Tokens[i].Kind; (k == aergosql.Word || k == aergosql.Quoted) && aergosql.Fold(strings.Trim(c.Val(i), "\"`[]")) == word {
			return i
		}
	}
	return -1
}

// explainMessage sorts SQLite's messages under our codes, with advice.
func (c *compiler) explainMessage(msg, word string, off int) error {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(msg, p) })
	}
	const noPrefix = "tables of a contract have no prefix, and those of other contracts cannot be read"
	switch {
	case has("no such column: ", "has no column named "):
		return c.explainColumn(msg, word, off)
	case has("no such table: "):
		next, known := "", c.tableNames()
		switch {
		case strings.Contains(msg, " "+oldSchema+".") && c.old != nil:
			known = tableNames(c.old)
			next = "the version before has the tables " + strings.Join(known, ", ")
		case strings.Contains(msg, " "+oldSchema+"."):
			next = "the version before can be read in a MIGRATION only"
		case strings.Contains(msg, ".") && !strings.Contains(msg, "main."):
			next = noPrefix
		}
		return c.Fail(codeUnknown, off, next, "no such table: %s%s", word, aergosql.DidYouMean(word, known))
	case has("unknown database"):
		return c.Fail(codeFence, off, "leave it out", noPrefix)
	case has("no such function: "):
		if why, next := sqlfunc.Refusal(word); why != sqlfunc.NotListed {
			return c.Fail(codeFence, off, next, "the function %s is not allowed: %s", word, why)
		}
		return c.Fail(codeUnknown, off, sqlfunc.ListPage, "%s%s", msg, aergosql.DidYouMean(word, sqlfunc.Names()))
	case has("table sqlite_"):
		return c.Fail(codeFence, off, "the schema is what the CREATE statements say", "%s", msg)
	case has("syntax error", "incomplete input", "unrecognized token"):
		return c.Fail(codeSyntax, off, "", "%s", msg)
	case has("too many", "too large", "too deep", "at most", "overflow", "Recursion limit", "maximum depth"):
		return c.Fail(codeLimit, off, "make it smaller", "%s", msg)
	case has("PRIMARY KEY missing"):
		return c.Fail(codeSchema, off, "add PRIMARY KEY to a column, or PRIMARY KEY (a, b) at the end", "the table has no primary key")
	case has("unknown datatype", "missing datatype"):
		return c.Fail(codeSchema, off, "the types are INTEGER, TEXT and BLOB", "%s", msg)
	case has("foreign key mismatch"):
		return c.Fail(codeSchema, off, "refer to its PRIMARY KEY or to UNIQUE columns", "%s", msg)
	}
	return c.Fail(codeSchema, off, "", "%s", msg)
}

func (c *compiler) explainColumn(msg, word string, off int) error {
	hint, next := aergosql.DidYouMean(word, c.columnNames()), ""
	switch text := c.quotedText(off); {
	case text != "":
		hint, next = "", "a text stands in single quotes: '"+text+"'"
	case word == "rowid" || word == "_rowid_" || word == "oid":
		hint, next = "", "tables have no rowid: use the primary key"
	case slices.Contains(c.variableNames(), word):
		hint = ", did you mean :" + word + "?"
	case slices.Contains(c.columnNames(), word) && !strings.Contains(msg, "."):
		next = "the value of a row is read with (SELECT " + word + " FROM …)"
	}
	return c.Fail(codeUnknown, off, next, "%s%s", msg, hint)
}

// lastName is the last name in one of SQLite's messages, folded: "no such
// column: new.prise" gives prise.
func lastName(msg string) string {
	if i := strings.LastIndexByte(msg, ' '); i >= 0 {
		msg = msg[i+1:]
	}
	msg = aergosql.Fold(strings.Trim(msg, "\"'():"))
	if i := strings.LastIndexByte(msg, '.'); i >= 0 {
		msg = msg[i+1:]
	}
	return msg
}

func (c *compiler) columnNames() []string {
	var names []string
	tables := c.contract.Tables
	if c.old != nil {
		tables = slices.Concat(tables, c.old.Tables)
	}
	for _, t := range tables {
		for _, col := range t.Columns {
			names = append(names, col.Name)
		}
	}
	return names
}

func (c *compiler) tableNames() []string {
	var names []string
	for _, o := range c.objects {
		if o.Type == "table" || o.Type == "view" {
			names = append(names, o.Name)
		}
	}
	return names
}

// variableNames are the parameters of all actions: good enough for a hint.
func (c *compiler) variableNames() []string {
	var names []string
	for _, a := range c.contract.Actions {
		for _, x := range a.Params {
			names = append(names, x.Name)
		}
	}
	return names
}

// quotedText is the inside of a double-quoted token at off, or "".
func (c *compiler) quotedText(off int) string {
	for i, t := range c.Tokens {
		if t.Start == off && t.Kind == aergosql.Quoted {
			x := c.Val(i)
			return x[1 : len(x)-1]
		}
	}
	return ""
}
