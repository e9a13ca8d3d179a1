package sqlcontract

import (
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// block reads statements up to one of the words in ends, which it leaves.
func (p *parser) block(ends ...string) ([]Statement, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.Fail(codeLimit, p.off(), "move the inner part into a query", "IF and FOR are nested more than %d deep", maxNesting)
	}
	defer func() { p.depth-- }()
	var list []Statement
	for {
		if p.i >= len(p.Tokens) {
			return nil, p.unexpected("expected " + strings.Join(ends, " or "))
		}
		if slices.Contains(ends, p.Upper(p.i)) {
			return list, nil
		}
		if p.count++; p.count > maxStatements {
			return nil, p.Fail(codeLimit, p.off(), "make two actions of it", "more than %d statements in one action", maxStatements)
		}
		s := Statement{Line: p.Line(p.i), Offset: p.off()}
		if err := p.bodyStatement(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
}

func (p *parser) bodyStatement(s *Statement) (err error) {
	if p.migrating {
		if err := p.notInMigration(); err != nil {
			return err
		}
	}
	switch w := p.Upper(p.i); w {
	case "SELECT", "VALUES", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE":
		s.Query, err = p.query(useStatement, nil)
		if err != nil {
			return err
		}
		return p.expect(";")
	case "REQUIRE":
		s.Require, err = p.require()
	case "LET":
		err = p.let(s)
	case "IF":
		p.i++
		s.If, err = p.ifThen()
	case "FOR":
		s.For, err = p.forRow()
	case "RETURN":
		s.Return, err = p.returns()
	case "EMIT":
		if a := p.current; a.ReadOnly {
			return p.Fail(codeSchema, p.off(), "leave READONLY out of the action", "the action %s is READONLY, and an event is written to the block", a.Name)
		}
		s.Emit, err = p.emit()
	case "CALL":
		s.Call, err = p.call("")
	case "USE":
		err = p.Fail(codeSyntax, p.off(), "put it before the action, after DIALECT 1;", "USE stands outside actions")
	case "MIGRATION":
		err = p.Fail(codeSyntax, p.off(), "put it outside; it runs when a deploy replaces the version it names", "MIGRATION stands inside an action")
	case "CREATE":
		err = p.Fail(codeFence, p.off(), "put it outside the action; the schema is the same for everybody", "an action cannot change the schema")
	default:
		if why, next := refusedStatement(w); why != "" {
			return p.Fail(codeFence, p.off(), next, "%s is not allowed in an action: %s", w, why)
		}
		words := []string{"SELECT", "INSERT", "UPDATE", "DELETE", "REQUIRE", "LET", "FOR", "EMIT", "RETURN", "CALL"}
		err = p.unexpected("expected a statement" + aergosql.DidYouMean(w, words))
	}
	return err
}

// require reads REQUIRE cond [ELSE text];
func (p *parser) require() (*Require, error) {
	p.i++
	r := &Require{}
	var err error
	if r.Cond, err = p.query(useExpression, p.stopWord("ELSE")); err != nil {
		return nil, err
	}
	if p.take("ELSE") {
		if r.Else, err = p.query(useExpression, nil); err != nil {
			return nil, err
		}
	}
	return r, p.expect(";")
}

// let reads LET :x = expr; or LET :x = CALL …;
func (p *parser) let(s *Statement) error {
	p.i++
	at := p.off()
	if p.rowColumn(p.i) {
		return p.Fail(codeSchema, at, "LET a variable of its own", "the row of a FOR cannot be changed")
	}
	name, err := p.variableName("a variable, as in LET :x = …")
	if err != nil {
		return err
	}
	for _, r := range p.scope.rows {
		if r.name == name {
			return p.Fail(codeSchema, at, "choose another name", "%s is the row of a FOR", name)
		}
	}
	if err := p.expect("="); err != nil {
		return err
	}
	if p.is("CALL") {
		s.Call, err = p.call(name)
	} else {
		s.Let = &Let{Name: name}
		if s.Let.Value, err = p.query(useExpression, nil); err == nil {
			err = p.expect(";")
		}
	}
	if err == nil && !slices.Contains(p.scope.vars, name) {
		p.scope.vars = append(p.scope.vars, name)
	}
	return err
}

// ifThen reads what follows IF or ELSEIF.
func (p *parser) ifThen() (*If, error) {
	start := p.i - 1
	f := &If{}
	var err error
	if f.Cond, err = p.query(useExpression, p.stopWord("THEN")); err != nil {
		return nil, err
	}
	if err := p.expect("THEN"); err != nil {
		return nil, err
	}
	if f.Then, err = p.block("ELSEIF", "ELSE", "END"); err != nil {
		return nil, err
	}
	line, off := p.Line(min(p.i, len(p.Tokens)-1)), p.off()
	switch {
	case p.is("ELSE", "IF"):
		return nil, p.Fail(codeSyntax, p.off(), "write ELSEIF", "an IF directly after ELSE needs an END IF of its own")
	case p.take("ELSEIF"):
		// Each ELSEIF is an IF inside the ELSE of the one before, and counts so.
		if p.depth++; p.depth > maxNesting {
			return nil, p.Fail(codeLimit, p.off(), "use CASE or a table", "IF and FOR are nested more than %d deep (an ELSEIF counts)", maxNesting)
		}
		inner, err := p.ifThen()
		p.depth--
		f.Else = []Statement{{If: inner, Line: line, Offset: off}}
		return f, err // the inner one read END IF;
	case p.take("ELSE"):
		if f.Else, err = p.block("END"); err != nil {
			return nil, err
		}
	}
	return f, p.closed(start, "IF")
}

// forRow reads FOR row IN (SELECT …) DO … END FOR;
func (p *parser) forRow() (*For, error) {
	start := p.i
	p.i++
	at := p.off()
	name, err := p.ownName("the row, as in FOR r IN (SELECT …)")
	if err != nil {
		return nil, err
	}
	for _, r := range p.scope.rows {
		if r.name == name {
			return nil, p.Fail(codeSchema, at, "choose another name", "a FOR around this one has the row %s", name)
		}
	}
	if slices.Contains(p.scope.vars, name) {
		return nil, p.Fail(codeSchema, at, "choose another name", ":%s is a parameter or variable already", name)
	}
	if err := p.expect("IN", "("); err != nil {
		return nil, err
	}
	if !p.is("SELECT") && !p.is("WITH") && !p.is("VALUES") {
		return nil, p.unexpected("expected SELECT")
	}
	f := &For{Row: name}
	row := &rowScope{name: name}
	if f.Rows, err = p.query(useRows, func(i int) bool { return p.Op(i, ")") }); err != nil {
		return nil, err
	}
	p.pending[len(p.pending)-1].rows = row
	if err := p.expect(")", "DO"); err != nil {
		return nil, err
	}
	p.scope.rows = append(p.scope.rows, row)
	if f.Body, err = p.block("END"); err != nil {
		return nil, err
	}
	p.scope.rows = p.scope.rows[:len(p.scope.rows)-1]
	return f, p.closed(start, "FOR")
}

// closed reads END IF; or END FOR; of the statement that began at token start.
func (p *parser) closed(start int, word string) error {
	if p.is("END") && p.Upper(p.i+1) != word {
		return p.Fail(codeSyntax, p.Tokens[start].Start, "", "this %s is not closed by END %s; before the END in line %d", p.Val(start), word, p.Line(p.i))
	}
	return p.expect("END", word, ";")
}

// returns reads RETURN; or RETURN expr, …; or RETURN SELECT …;
func (p *parser) returns() (*Return, error) {
	p.i++
	if p.takeOp(";") {
		return &Return{}, nil
	}
	r := &Return{}
	var err error
	switch w := p.Upper(p.i); w {
	case "SELECT", "WITH", "VALUES":
		r.Value, err = p.query(useReturn, nil)
	case "INSERT", "UPDATE", "DELETE", "REPLACE":
		if p.Op(p.i+1, "(") { // the function replace()
			r.Value, err = p.queryList(useReturn)
			break
		}
		return nil, p.Fail(codeSyntax, p.off(), "write the "+w+" … RETURNING without RETURN: its rows are returned", "RETURN takes values or a SELECT")
	case "CALL":
		return nil, p.Fail(codeSyntax, p.off(), "write LET :x = CALL …; RETURN :x;", "RETURN takes values or a SELECT")
	default:
		r.Value, err = p.queryList(useReturn)
	}
	if err != nil {
		return nil, err
	}
	return r, p.expect(";")
}

// emit reads EMIT event(name => value, …);
func (p *parser) emit() (*Emit, error) {
	p.i++
	var err error
	e := &Emit{}
	if e.Event, err = p.ownName("the event"); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var cuts [][2]int
	for {
		at := p.off()
		name, err := p.ownName("a value, as in EMIT sold(sku => :sku)")
		if err != nil {
			return nil, err
		}
		if slices.Contains(e.Names, name) {
			return nil, p.Fail(codeSchema, at, "choose another name", "the name %s stands twice", name)
		}
		if e.Names = append(e.Names, name); len(e.Names) > maxParams {
			return nil, p.Fail(codeLimit, at, "emit two events", "more than %d values in one event", maxParams)
		}
		if !p.arrow() {
			return nil, p.unexpected("expected =>")
		}
		p.i += 2
		cut, err := p.expression(func(i int) bool { return p.Op(i, ",") || p.Op(i, ")") })
		if err != nil {
			return nil, err
		}
		cuts = append(cuts, cut)
		if p.takeOp(")") {
			break
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
	if e.Values, err = p.addQuery(useExpression, cuts); err != nil {
		return nil, err
	}
	return e, p.expect(";")
}

// arrow tells whether => comes next.
func (p *parser) arrow() bool {
	return p.Op(p.i, "=") && p.Op(p.i+1, ">") && p.Tokens[p.i].End == p.Tokens[p.i+1].Start
}

func (p *parser) stopWord(w string) func(int) bool {
	return func(i int) bool { return p.Upper(i) == w }
}

// expression cuts out one expression, which is not empty.
func (p *parser) expression(stop func(int) bool) (cut [2]int, err error) {
	to, err := p.until(p.scope != nil, stop)
	if err != nil {
		return cut, err
	}
	if to == p.i {
		return cut, p.unexpected("expected an expression")
	}
	cut = [2]int{p.i, to}
	p.i = to
	return cut, nil
}

// query cuts out one piece of SQL: an expression, or a whole statement.
func (p *parser) query(use queryUse, stop func(int) bool) (*Query, error) {
	cut, err := p.expression(stop)
	if err != nil {
		return nil, err
	}
	return p.addQuery(use, [][2]int{cut})
}

// queryList cuts out expressions between commas, up to the semicolon.
func (p *parser) queryList(use queryUse) (*Query, error) {
	var cuts [][2]int
	for {
		cut, err := p.expression(func(i int) bool { return p.Op(i, ",") })
		if err != nil {
			return nil, err
		}
		if cuts = append(cuts, cut); len(cuts) > maxParams {
			return nil, p.Fail(codeLimit, p.off(), "return a SELECT of several rows", "more than %d values", maxParams)
		}
		if !p.takeOp(",") {
			return p.addQuery(use, cuts)
		}
	}
}

// addQuery makes the SQL of one or more cuts. A statement stays as it is, an
// expression e becomes SELECT (e), several become SELECT (e), (f). Parameters
// are rewritten to the names that SQLite sees, in place and of equal length.
func (p *parser) addQuery(use queryUse, cuts [][2]int) (*Query, error) {
	first := p.Tokens[cuts[0][0]].Start
	q := &Query{Offset: first}
	pend := &pending{q: q, use: use, action: p.current}
	whole := use == useStatement || use == useRows
	if use == useReturn {
		switch p.Upper(cuts[0][0]) {
		case "SELECT", "WITH", "VALUES":
			whole = true
		}
	}
	var sql strings.Builder
	for k, cut := range cuts {
		switch {
		case whole:
		case k == 0:
			sql.WriteString("SELECT (")
		default:
			sql.WriteString(", (")
		}
		from, to := p.Tokens[cut[0]].Start, p.Tokens[cut[1]-1].End
		pend.segments = append(pend.segments, segment{sql.Len(), from, to - from})
		at := from
		for i := cut[0]; i < cut[1]; i++ {
			q.Literal = max(q.Literal, p.Tokens[i].LiteralLen())
			if p.countsAll(i) {
				sql.WriteString(p.Text[at:p.Tokens[i].Start] + "1")
				at = p.Tokens[i].End
			}
			if p.Tokens[i].Kind != aergosql.Variable {
				continue
			}
			name, end, err := p.variable(pend, i)
			if err != nil {
				return nil, err
			}
			sql.WriteString(p.Text[at:p.Tokens[i].Start])
			sql.WriteString(name)
			at = end
		}
		sql.WriteString(p.Text[at:to])
		if !whole {
			sql.WriteString(")")
		}
	}
	q.SQL = sql.String()
	p.pending = append(p.pending, pend)
	return q, nil
}

// countsAll tells whether token i is the star of count(*). SQLite counts a whole
// table by count(*) in a single VM step, whatever its size; by count(1), which
// says the same, it goes from row to row.
func (p *parser) countsAll(i int) bool {
	return p.Op(i, "*") && p.Upper(i-2) == "COUNT" && p.Op(i-1, "(") && p.Op(i+1, ")")
}

// counting is the text of tokens from (to not included) with count(1) for
// count(*).
func (p *parser) counting(from, to int) string {
	start := p.Tokens[from].Start
	sql := []byte(p.Text[start:p.Tokens[to-1].End])
	for i := from; i < to; i++ {
		if p.countsAll(i) {
			sql[p.Tokens[i].Start-start] = '1'
		}
	}
	return string(sql)
}

// rowColumn tells whether tokens i, i+1, i+2 are :row.column without blanks.
func (p *parser) rowColumn(i int) bool {
	return i+2 < len(p.Tokens) && p.Tokens[i].Kind == aergosql.Variable && p.Op(i+1, ".") && p.Tokens[i].End == p.Tokens[i+1].Start &&
		p.Tokens[i+2].Kind == aergosql.Word && p.Tokens[i+1].End == p.Tokens[i+2].Start
}

// variable looks up the parameter at token i and gives the name that replaces
// the source up to end.
func (p *parser) variable(pend *pending, i int) (name string, end int, err error) {
	t := p.Tokens[i]
	x := aergosql.Fold(p.Val(i))
	if p.scope == nil {
		return "", 0, p.Fail(codeSchema, t.Start, "parameters and @context are for actions", "the parameter %s stands outside an action", x)
	}
	if x[0] == '@' {
		if !slices.Contains(contexts, x) {
			return "", 0, p.Fail(codeUnknown, t.Start, "known are "+strings.Join(contexts, " "), "there is no %s%s", x, aergosql.DidYouMean(x, contexts))
		}
		return x, t.End, nil
	}
	for _, r := range p.scope.rows {
		if r.name != x[1:] {
			continue
		}
		if !p.rowColumn(i) {
			return "", 0, p.Fail(codeSyntax, t.Start, "write "+x+".column without blanks", "%s is the row of a FOR", x)
		}
		col := aergosql.Fold(p.Val(i + 2))
		pend.refs = append(pend.refs, rowRef{r, col, p.Tokens[i+2].Start})
		return x + "$" + col, p.Tokens[i+2].End, nil
	}
	if !slices.Contains(p.scope.vars, x[1:]) {
		names := slices.Clone(p.scope.vars)
		for _, r := range p.scope.rows {
			names = append(names, r.name)
		}
		next := "declare it in the action's parameters, or with LET before it is used"
		return "", 0, p.Fail(codeUnknown, t.Start, next, "there is no %s%s", x, colon(aergosql.DidYouMean(x[1:], names)))
	}
	if p.rowColumn(i) {
		return "", 0, p.Fail(codeUnknown, t.Start, "FOR row IN (SELECT …) DO gives rows with columns", "%s is one value and has no columns", x)
	}
	return x, t.End, nil
}

// colon puts the sigil before the name in a didYouMean.
func colon(hint string) string { return strings.Replace(hint, "mean ", "mean :", 1) }
