package sqlcontract

import (
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

// A parser reads AERGOSQL's own statements by recursive descent and cuts out
// the pieces of SQL between them; SQLite prepares those later. It fills the
// parts of a Contract that need no schema.
type parser struct {
	*aergosql.Source
	i      int // next token
	system bool

	contract *Contract
	objects  []*object
	pending  []*pending // queries in source order, to be prepared
	places   map[any]int
	scope    *scope // of the action being read
	depth    int
	count    int // statements of the action

	current    *Action // being read, or what stands for a MIGRATION
	migrating  bool
	migrations map[*Migration][]*pending
}

// object is a CREATE TABLE, INDEX, VIEW or TRIGGER.
type object struct {
	Object
	from, to int    // tokens, without the semicolon
	event    string // of a trigger: INSERT, UPDATE or DELETE
}

// pending is a query that waits for its preparation.
type pending struct {
	q        *Query
	use      queryUse
	action   *Action
	segments []segment
	rows     *rowScope // of a FOR: learns the columns of the query
	refs     []rowRef  // uses of :row.column in the query
}

type queryUse int

const (
	useExpression queryUse = iota // one value
	useStatement                  // a statement of its own; rows it has are returned
	useRows                       // rows of a FOR
	useReturn
	useCheck // of an INVARIANT
)

// segment maps a part of a query's SQL to the source.
type segment struct{ sql, src, n int }

// scope is what names mean inside one action.
type scope struct {
	vars []string    // parameters and LET variables so far
	rows []*rowScope // FOR rows that are open
}

type rowScope struct {
	name    string
	columns []string
}

type rowRef struct {
	row    *rowScope
	column string
	off    int
}

// contexts are the values that the executor gives every action.
var contexts = []string{"@caller", "@contract", "@created", "@height", "@ledger", "@signer", "@time", "@txid"}

func parse(s *aergosql.Source, system bool) (*parser, error) {
	p := &parser{Source: s, system: system, contract: &Contract{Name: s.Name, Source: s.Text}, places: map[any]int{}, migrations: map[*Migration][]*pending{}}
	if !p.is("DIALECT") {
		return nil, p.unexpected("a contract begins with DIALECT 1;")
	}
	p.i++
	if p.Val(p.i) != "1" {
		return nil, p.Fail(codeLater, p.off(), "write DIALECT 1;", "this version knows dialect 1 only")
	}
	p.i++
	p.contract.Dialect = 1
	if err := p.expect(";"); err != nil {
		return nil, err
	}
	for p.i < len(p.Tokens) {
		if err := p.statement(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// statement reads one statement at the top level.
func (p *parser) statement() error {
	switch w := p.Upper(p.i); w {
	case "CREATE":
		return p.create()
	case "MERGE":
		return p.mergeRule()
	case "INVARIANT":
		return p.invariant()
	case "DIALECT":
		return p.Fail(codeSyntax, p.off(), "", "DIALECT stands once, at the beginning")
	case "USE":
		return p.use()
	case "MIGRATION":
		return p.migration()
	case "LANGUAGE", "UNION", "REPLAY", "ERASABLE":
		return p.later(w)
	case "CALL", "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "REQUIRE", "LET", "IF", "FOR", "EMIT", "RETURN":
		return p.Fail(codeSyntax, p.off(), "put it between BEGIN and END of a CREATE ACTION; a CONSTRUCTOR runs once at deploy", "%s stands outside an action", w)
	default:
		if why, next := refusedStatement(w); why != "" {
			return p.Fail(codeFence, p.off(), next, "%s is not allowed in a contract: %s", w, why)
		}
		return p.unexpected("expected CREATE, MERGE RULE, INVARIANT, MIGRATION or USE")
	}
}

// later refuses what the dialect keeps for a later version.
func (p *parser) later(word string) error {
	return p.Fail(codeLater, p.off(), "leave it out", "%s is part of AERGOSQL but not in this version", word)
}

// refusedStatement says why SQLite's statement is not one of AERGOSQL.
func refusedStatement(word string) (why, next string) {
	switch word {
	case "ATTACH", "DETACH":
		return "a contract sees its own tables only", "keep what belongs together in one contract"
	case "PRAGMA":
		return "the engine's settings are equal on all nodes and fixed", "leave it out"
	case "BEGIN", "COMMIT", "END", "SAVEPOINT", "RELEASE", "ROLLBACK":
		return "an action is a transaction already", "use REQUIRE to fail: all that the action did is undone"
	case "ALTER", "DROP":
		return "the source says what the schema is, not how it became so", "change the CREATE statement and deploy again; the plan says what that does"
	case "VACUUM", "ANALYZE", "REINDEX":
		return "upkeep belongs to each node", "leave it out"
	case "EXPLAIN":
		return "it shows the engine's plan", "run it with aergo query"
	}
	return "", ""
}

// create reads a CREATE statement.
func (p *parser) create() error {
	start := p.i
	p.i++
	kind := ""
	switch w := p.Upper(p.i); w {
	case "ACTION":
		p.i++
		return p.action(start)
	case "TABLE", "INDEX", "VIEW", "TRIGGER":
		kind = strings.ToLower(w)
	case "UNIQUE":
		p.i++
		if !p.is("INDEX") {
			return p.unexpected("expected INDEX")
		}
		kind = "index"
	case "TEMP", "TEMPORARY":
		return p.Fail(codeFence, p.off(), "use a WITH clause for intermediate results", "temporary tables are not part of the state")
	case "VIRTUAL":
		return p.Fail(codeFence, p.off(), "use a table", "virtual tables keep data outside the state")
	case "ERASABLE", "LANGUAGE":
		return p.later(w)
	default:
		return p.unexpected("expected TABLE, INDEX, VIEW, TRIGGER or ACTION")
	}
	p.i++
	if p.is("IF", "NOT", "EXISTS") {
		return p.Fail(codeSchema, p.off(), "leave it out", "IF NOT EXISTS has no meaning: the source is the whole schema")
	}
	at := p.i
	name, err := p.schemaName(kind)
	if err != nil {
		return err
	}
	o := &object{Object: Object{Type: kind, Name: name, Table: name}, from: start}
	for _, other := range p.objects {
		if other.Name == name {
			return p.Fail(codeSchema, p.Tokens[at].Start, "choose another name", "there is already a %s %s, in line %d", other.Type, name, p.Line(other.from))
		}
	}
	if err := p.objectEnd(o); err != nil {
		return err
	}
	for i := o.from; i < o.to; i++ {
		if p.Tokens[i].Kind == aergosql.Variable {
			return p.Fail(codeSchema, p.Tokens[i].Start, "parameters and @context are for actions", "the parameter %s stands in a CREATE %s", p.Val(i), strings.ToUpper(kind))
		}
	}
	o.SQL = p.counting(o.from, o.to)
	if kind == "table" {
		if err := p.tableSQL(o); err != nil {
			return err
		}
	}
	if kind == "trigger" {
		p.triggerEvent(o, at+1)
	}
	return p.addObject(o)
}

// schemaName reads the name of a table, index, view or trigger.
func (p *parser) schemaName(kind string) (string, error) {
	at := p.off()
	name, err := p.name("the " + kind)
	if err != nil {
		return "", err
	}
	switch {
	case strings.HasPrefix(name, "sqlite_"):
		return "", p.Fail(codeSchema, at, "choose another name", "names that begin with sqlite_ belong to the engine")
	case strings.HasPrefix(name, "aergo_") && (!p.system || name == "aergo_meta"):
		return "", p.Fail(codeSchema, at, "choose another name", "names that begin with aergo_ belong to the system")
	case strings.HasPrefix(name, "json_") || strings.HasPrefix(name, "pragma_"):
		return "", p.Fail(codeSchema, at, "choose another name", "names that begin with json_ or pragma_ are the engine's table functions")
	}
	return name, nil
}

// objectEnd finds the semicolon that ends o and steps over it. A trigger ends
// as for sqlite3_complete: at "; END ;".
func (p *parser) objectEnd(o *object) error {
	if o.Type == "trigger" {
		for j := p.i; j+2 < len(p.Tokens); j++ {
			if p.Op(j, ";") && p.Upper(j+1) == "END" && p.Op(j+2, ";") {
				o.to = j + 2
				p.i = j + 3
				return nil
			}
		}
		return p.Fail(codeSyntax, p.Tokens[o.from].Start, "", "the trigger is not closed by END;")
	}
	to, err := p.until(false, nil)
	if err != nil {
		return err
	}
	o.to = to
	p.i = to
	return p.expect(";")
}

// tableSQL adds STRICT and WITHOUT ROWID where they are left out.
func (p *parser) tableSQL(o *object) error {
	end := o.to - 1
	for end > o.from && !p.Op(end, ")") {
		end--
	}
	if end == o.from {
		return p.Fail(codeSchema, p.Tokens[o.from].Start, "name the columns with their types", "CREATE TABLE needs a list of columns (CREATE TABLE … AS SELECT is none)")
	}
	strict, rowid := false, false
	for i := end + 1; i < o.to; i++ {
		switch p.Upper(i) {
		case "STRICT":
			strict = true
		case "ROWID":
			rowid = true
		}
	}
	sep := " "
	if end+1 < o.to {
		sep = ", "
	}
	if !strict {
		o.SQL += sep + "STRICT"
		sep = ", "
	}
	if !rowid {
		o.SQL += sep + "WITHOUT ROWID"
	}
	return nil
}

// triggerEvent finds what fires the trigger whose name ends before token i.
func (p *parser) triggerEvent(o *object, i int) {
	switch p.Upper(i) {
	case "BEFORE", "AFTER":
		i++
	case "INSTEAD":
		i += 2
	}
	o.event = p.Upper(i)
}

func (p *parser) addObject(o *object) error {
	tables, others := 0, 0
	for _, x := range p.objects {
		if x.Type == "table" {
			tables++
		} else {
			others++
		}
	}
	if o.Type == "table" && tables >= maxTables {
		return p.Fail(codeLimit, p.Tokens[o.from].Start, "split the contract", "more than %d tables", maxTables)
	}
	if o.Type != "table" && others >= maxObjects {
		return p.Fail(codeLimit, p.Tokens[o.from].Start, "split the contract", "more than %d indexes, views and triggers", maxObjects)
	}
	p.objects = append(p.objects, o)
	return nil
}

// Below: the small tools of the parser.

// off is the offset of the next token, or of the end.
func (p *parser) off() int { return p.Offset(p.i) }

// is tells whether the next tokens are these words.
func (p *parser) is(words ...string) bool {
	for k, w := range words {
		if p.Upper(p.i+k) != w {
			return false
		}
	}
	return true
}

// take steps over the words if they come next.
func (p *parser) take(words ...string) bool {
	if p.is(words...) {
		p.i += len(words)
		return true
	}
	return false
}

// takeOp steps over an operator if it comes next.
func (p *parser) takeOp(x string) bool {
	if p.Op(p.i, x) {
		p.i++
		return true
	}
	return false
}

// expect steps over the words or operators, or fails.
func (p *parser) expect(what ...string) error {
	for _, x := range what {
		if !p.take(x) && !p.takeOp(x) {
			return p.unexpected("expected " + x)
		}
	}
	return nil
}

// unexpected is the error for the next token.
func (p *parser) unexpected(what string) *fault.Error {
	if p.i >= len(p.Tokens) {
		return p.Fail(codeSyntax, len(p.Text), "", "%s, and the source ends here", what)
	}
	return p.Fail(codeSyntax, p.off(), "", "%s, not %s", what, p.Val(p.i))
}

// name reads a plain name, folded to lower case.
func (p *parser) name(of string) (string, error) {
	if p.i >= len(p.Tokens) || p.Tokens[p.i].Kind != aergosql.Word && p.Tokens[p.i].Kind != aergosql.Quoted {
		return "", p.unexpected("expected the name of " + of)
	}
	x := p.Val(p.i)
	if p.Tokens[p.i].Kind == aergosql.Quoted {
		x = x[1 : len(x)-1]
	}
	name, ok := aergosql.PlainName(x)
	if !ok {
		return "", p.Fail(codeSchema, p.off(), "use at most 63 of a-z, 0-9 and _", "%s is no name", x)
	}
	if slices.Contains(aergosql.Reserved(), name) {
		return "", p.Fail(codeSchema, p.off(), "choose another name", "%s is a word of the language", name)
	}
	p.i++
	return name, nil
}

// ownName reads the name of a thing of ours, [a-z][a-z0-9_]{0,62}.
func (p *parser) ownName(of string) (string, error) {
	at := p.off()
	n, err := p.name(of)
	if err == nil && n[0] == '_' {
		err = p.Fail(codeSchema, at, "choose another name", "the name %s does not begin with a letter", n)
	}
	return n, err
}

// until finds the end of a piece of SQL that begins at the next token: the
// first semicolon, or the first token outside parentheses and CASE … END for
// which stop is true. In an action (body) a bare END there is an error.
func (p *parser) until(body bool, stop func(i int) bool) (int, error) {
	depth, cases := 0, 0
	var open [aergosql.MaxParens]int
	for i := p.i; i < len(p.Tokens); i++ {
		t := p.Tokens[i]
		if depth == 0 && cases == 0 {
			if stop != nil && stop(i) || p.Op(i, ";") {
				return i, nil
			}
		}
		switch {
		case t.Kind == aergosql.Word && body:
			switch p.Upper(i) {
			case "CASE":
				cases++
			case "END":
				if cases > 0 {
					cases--
				} else if depth == 0 {
					return 0, p.Fail(codeSyntax, t.Start, "", "expected a semicolon before END")
				}
			}
		case p.Op(i, "("):
			if depth == aergosql.MaxParens {
				return 0, p.Fail(codeLimit, t.Start, "write it flatter", "more than %d open parentheses", aergosql.MaxParens)
			}
			open[depth] = i
			depth++
		case p.Op(i, ")"):
			if depth--; depth < 0 {
				return 0, p.Fail(codeSyntax, t.Start, "", "a closing parenthesis too many")
			}
		case p.Op(i, ";"):
			if depth > 0 {
				return 0, p.Fail(codeSyntax, p.Tokens[open[depth-1]].Start, "", "a parenthesis that is not closed before the next semicolon")
			}
			return 0, p.Fail(codeSyntax, t.Start, "", "a CASE that is not closed by END")
		}
	}
	if depth > 0 {
		return 0, p.Fail(codeSyntax, p.Tokens[open[depth-1]].Start, "", "a parenthesis that is not closed")
	}
	return 0, p.Fail(codeSyntax, len(p.Text), "", "the source ends here, expected ;")
}
