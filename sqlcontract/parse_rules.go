package sqlcontract

import (
	"slices"
	"strconv"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// mergeRule reads MERGE RULE ON t [(cols)] BY … | USING ACTION f [RESOLVE ROLE (r)];
func (p *parser) mergeRule() error {
	start := p.off()
	p.i++
	if err := p.expect("RULE", "ON"); err != nil {
		return err
	}
	if len(p.contract.Rules) >= maxRules {
		return p.Fail(codeLimit, start, "name several columns in one rule", "more than %d merge rules", maxRules)
	}
	r := MergeRule{}
	var err error
	if r.Table, err = p.name("the table"); err != nil {
		return err
	}
	if p.Op(p.i, "(") {
		if r.Columns, err = p.columnList(); err != nil {
			return err
		}
	}
	switch {
	case p.take("USING", "ACTION"):
		r.By = "ACTION"
		if r.Action, err = p.ownName("the action"); err != nil {
			return err
		}
	case p.take("BY"):
		switch w := p.Upper(p.i); w {
		case "SAME", "OURS", "THEIRS", "MAX", "MIN", "MANUAL", "DELTA":
			r.By = w
			p.i++
		default:
			return p.unexpected("expected SAME, OURS, THEIRS, MAX, MIN, MANUAL or DELTA")
		}
		if p.take("FROM") {
			if r.By != "DELTA" {
				return p.Fail(codeSchema, start, "leave it out", "FROM 0 goes with DELTA only")
			}
			if p.Val(p.i) != "0" {
				return p.unexpected("expected 0")
			}
			p.i++
			r.FromZero = true
		}
	default:
		return p.unexpected("expected BY or USING ACTION")
	}
	if p.take("RESOLVE", "ROLE") {
		if r.Roles, err = p.roles(); err != nil {
			return err
		}
	}
	p.places[len(p.contract.Rules)] = start
	p.contract.Rules = append(p.contract.Rules, r)
	return p.expect(";")
}

// columnList reads (a, b, …) or a, b, …
func (p *parser) columnList() ([]string, error) {
	paren := p.takeOp("(")
	var list []string
	for {
		at := p.off()
		c, err := p.name("a column")
		if err != nil {
			return nil, err
		}
		if slices.Contains(list, c) {
			return nil, p.Fail(codeSchema, at, "", "the column %s stands twice", c)
		}
		if list = append(list, c); len(list) > maxColumns {
			return nil, p.Fail(codeLimit, at, "", "more than %d columns", maxColumns)
		}
		if p.takeOp(",") {
			continue
		}
		if paren {
			return list, p.expect(")")
		}
		return list, nil
	}
}

const invariantShapes = `write INVARIANT name FOR EACH table CHECK (expr), or INVARIANT name ON table TOTAL sum(column) [BY key] CHECK (total >= number | table.column | other_invariant.total)`

// invariant reads either form of INVARIANT.
func (p *parser) invariant() error {
	start := p.i
	p.i++
	at := p.off()
	name, err := p.ownName("the invariant")
	if err != nil {
		return err
	}
	for _, o := range p.contract.Invariants {
		if o.Name == name {
			return p.Fail(codeSchema, at, "choose another name", "there is already an invariant %s, in line %d", name, o.Line)
		}
	}
	if len(p.contract.Invariants) >= maxInvariants {
		return p.Fail(codeLimit, at, "put several conditions into one CHECK", "more than %d invariants", maxInvariants)
	}
	v := &Invariant{Name: name, Line: p.Line(start)}
	p.places[v] = at
	p.contract.Invariants = append(p.contract.Invariants, v)
	switch {
	case p.take("FOR", "EACH"):
		err = p.forEach(v)
	case p.take("ON"):
		err = p.total(v)
	default:
		return p.Fail(codeSchema, p.off(), invariantShapes, "an invariant has one of two shapes, so that checking it stays cheap")
	}
	if err != nil {
		return err
	}
	return p.expect(";")
}

func (p *parser) forEach(v *Invariant) (err error) {
	if v.Table, err = p.name("the table"); err != nil {
		return err
	}
	if err := p.expect("CHECK", "("); err != nil {
		return err
	}
	p.scope = nil
	if v.Check, err = p.query(useCheck, func(i int) bool { return p.Op(i, ")") }); err != nil {
		return err
	}
	return p.expect(")")
}

func (p *parser) total(v *Invariant) (err error) {
	if v.Table, err = p.name("the table"); err != nil {
		return err
	}
	if err := p.expect("TOTAL"); err != nil {
		return err
	}
	p.places[&v.Column] = p.Offset(p.i + 2)
	switch {
	case p.is("SUM") && p.Op(p.i+1, "("):
		p.i += 2
		if p.i < len(p.Tokens) && (p.Tokens[p.i].Kind != aergosql.Word || !p.Op(p.i+1, ")")) {
			return p.Fail(codeSchema, p.off(), "keep what you sum in a column of its own", "TOTAL sums one column, not an expression")
		}
		if v.Column, err = p.name("the column"); err != nil {
			return err
		}
	case p.is("COUNT") && p.Op(p.i+1, "("):
		p.i += 2
		v.Count = true
		if err := p.expect("*"); err != nil {
			return err
		}
	default:
		return p.Fail(codeSchema, p.off(), invariantShapes, "a TOTAL is sum(column) or count(*)")
	}
	if err := p.expect(")"); err != nil {
		return err
	}
	if p.take("BY") {
		p.places[&v.By] = p.off()
		if v.By, err = p.columnList(); err != nil {
			return err
		}
	}
	if p.take("CHECK") {
		return p.compare(v)
	}
	return nil
}

// compare reads (total OP operand). Which thing a name.column means is settled
// when all of the source is read.
func (p *parser) compare(v *Invariant) error {
	if err := p.expect("("); err != nil {
		return err
	}
	shape := func() error {
		return p.Fail(codeSchema, p.off(), invariantShapes, "the CHECK of a TOTAL compares total with one operand")
	}
	if !p.take("TOTAL") {
		return shape()
	}
	c := &Compare{}
	switch x := p.Val(p.i); x {
	case "=", "<>", "<", "<=", ">", ">=":
		c.Op = x
	case "==":
		c.Op = "="
	case "!=":
		c.Op = "<>"
	default:
		return shape()
	}
	p.i++
	p.places[c] = p.off()
	at := p.i
	minus := p.takeOp("-")
	switch {
	case p.i < len(p.Tokens) && p.Tokens[p.i].Kind == aergosql.Integer:
		n, err := aergosql.ParseInteger(p.Val(p.i))
		if err != nil {
			return shape()
		}
		if minus {
			n = -n
		}
		c.Constant = n
		p.i++
	case !minus && p.Op(p.i+1, "."):
		var err error
		if c.Table, err = p.name("a table or invariant"); err != nil {
			return err
		}
		p.i++
		if c.Column, err = p.name("a column"); err != nil {
			return err
		}
	default:
		p.i = at
		return shape()
	}
	if !p.Op(p.i, ")") {
		return shape()
	}
	v.Compare = c
	return p.expect(")")
}

// operator text for messages.
func (c *Compare) String() string {
	switch {
	case c.Other != "":
		return "total " + c.Op + " " + c.Other + ".total"
	case c.Table != "":
		return "total " + c.Op + " " + c.Table + "." + c.Column
	}
	return "total " + c.Op + " " + strconv.FormatInt(c.Constant, 10)
}
