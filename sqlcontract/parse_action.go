package sqlcontract

import (
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// action reads what follows CREATE ACTION; start is the token CREATE.
func (p *parser) action(start int) error {
	at := p.off()
	name, err := p.ownName("the action")
	if err != nil {
		return err
	}
	if old := p.contract.Action(name); old != nil {
		return p.Fail(codeSchema, at, "choose another name", "there is already an action %s, in line %d", name, old.Line)
	}
	if len(p.contract.Actions) >= maxActions {
		return p.Fail(codeLimit, at, "split the contract", "more than %d actions", maxActions)
	}
	a := &Action{Name: name, Line: p.Line(start)}
	p.places[a] = at
	if a.Params, err = p.params(true); err != nil {
		return err
	}
	if err := p.modifiers(a); err != nil {
		return err
	}
	p.scope = &scope{}
	for _, x := range a.Params {
		p.scope.vars = append(p.scope.vars, x.Name)
	}
	p.contract.Actions = append(p.contract.Actions, a)
	p.current, p.count, p.depth = a, 0, 0
	if err := p.expect("BEGIN"); err != nil {
		return err
	}
	if a.Body, err = p.block("END"); err != nil {
		return err
	}
	p.current, p.scope = nil, nil
	return p.expect("END", ";")
}

// params reads (:name TYPE [DEFAULT constant], …), or without sigil (name TYPE,
// …) what an action returns.
func (p *parser) params(sigil bool) ([]Param, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var list []Param
	if sigil && p.takeOp(")") {
		return nil, nil
	}
	for {
		x := Param{}
		at := p.off()
		var err error
		if sigil {
			x.Name, err = p.variableName("a parameter, as in :sku TEXT")
		} else {
			x.Name, err = p.name("the column, as in price INTEGER")
		}
		if err != nil {
			return nil, err
		}
		for _, y := range list {
			if y.Name == x.Name {
				return nil, p.Fail(codeSchema, at, "choose another name", "the name %s stands twice", x.Name)
			}
		}
		if x.Type, err = p.typeName(); err != nil {
			return nil, err
		}
		if sigil && p.take("DEFAULT") {
			x.HasDefault = true
			if x.Default, err = p.constant(x.Type); err != nil {
				return nil, err
			}
		}
		if list = append(list, x); len(list) > maxParams {
			return nil, p.Fail(codeLimit, at, "pass a JSON text", "more than %d names in one list", maxParams)
		}
		if p.takeOp(")") {
			return list, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// variableName reads :name and gives it without the colon.
func (p *parser) variableName(of string) (string, error) {
	if p.i >= len(p.Tokens) || p.Tokens[p.i].Kind != aergosql.Variable {
		return "", p.unexpected("expected " + of)
	}
	x := p.Val(p.i)
	if x[0] == '@' {
		return "", p.Fail(codeSyntax, p.off(), "write :"+x[1:], "names with @ are given by the system")
	}
	name, ok := aergosql.PlainName(x[1:])
	if !ok || name[0] == '_' {
		return "", p.Fail(codeSchema, p.off(), "use at most 63 of a-z, 0-9 and _, a letter first", "%s is no name", x)
	}
	p.i++
	return name, nil
}

func (p *parser) typeName() (string, error) {
	switch w := p.Upper(p.i); w {
	case "INTEGER", "TEXT", "BLOB":
		p.i++
		return w, nil
	case "INT", "BIGINT", "SMALLINT", "BOOL", "BOOLEAN":
		return "", p.Fail(codeSchema, p.off(), "write INTEGER; truth is 1 or 0", "the types are INTEGER, TEXT and BLOB")
	case "REAL", "FLOAT", "DOUBLE", "NUMERIC", "DECIMAL", "NUMBER":
		return "", p.Fail(codeSchema, p.off(), "write INTEGER and count in the smallest unit", "the types are INTEGER, TEXT and BLOB")
	}
	return "", p.unexpected("expected a type, INTEGER, TEXT or BLOB")
}

// constant reads a literal of the given type, or NULL.
func (p *parser) constant(typ string) (any, error) {
	at := p.i
	minus := p.takeOp("-")
	if !minus {
		p.takeOp("+")
	}
	if p.i < len(p.Tokens) {
		v, ok := literal(p.Val(p.i), p.Tokens[p.i].Kind, minus)
		if ok && (p.i == at || isInteger(v)) {
			p.i++
			if v != nil && typeOf(v) != typ {
				return nil, p.Fail(codeSchema, p.Offset(at), "", "the default is %s, the type %s", typeOf(v), typ)
			}
			return v, nil
		}
	}
	p.i = at
	return nil, p.unexpected("expected a constant: a number, 'text', x'blob', NULL, TRUE or FALSE")
}

func isInteger(v any) bool { _, ok := v.(int64); return ok }

func typeOf(v any) string {
	switch v.(type) {
	case int64:
		return "INTEGER"
	case string:
		return "TEXT"
	case []byte:
		return "BLOB"
	}
	return "NULL"
}

// literal is the value of one token, which is a constant.
func literal(x string, k aergosql.Kind, minus bool) (v any, ok bool) {
	switch k {
	case aergosql.Integer:
		n, err := aergosql.ParseInteger(x)
		if minus {
			n = -n
		}
		return n, err == nil
	case aergosql.String:
		return strings.ReplaceAll(x[1:len(x)-1], "''", "'"), true
	case aergosql.Blob:
		b := make([]byte, 0, len(x)/2)
		for i := 2; i+1 < len(x)-1; i += 2 {
			b = append(b, unhex(x[i])<<4|unhex(x[i+1]))
		}
		return b, true
	case aergosql.Word:
		switch strings.ToUpper(x) {
		case "NULL":
			return nil, true
		case "TRUE":
			return int64(1), true
		case "FALSE":
			return int64(0), true
		}
	}
	return nil, false
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// modifiers reads visibility, READONLY, CONSTRUCTOR and RETURNS up to AS, in
// any order, each once.
func (p *parser) modifiers(a *Action) error {
	seen := map[string]bool{}
	once := func(what string) error {
		if seen[what] {
			return p.unexpected("expected AS after the second " + what)
		}
		seen[what] = true
		p.i++
		return nil
	}
	for !p.take("AS") {
		var err error
		switch p.Upper(p.i) {
		case "PUBLIC":
			a.Visibility = Public
			err = once("visibility")
		case "PRIVATE":
			a.Visibility = Private
			err = once("visibility")
		case "OWNER":
			a.Visibility = Owner
			err = once("visibility")
		case "ROLE":
			a.Visibility = Role
			if err = once("visibility"); err == nil {
				a.Roles, err = p.roles()
			}
		case "READONLY":
			a.ReadOnly = true
			err = once("READONLY")
		case "CONSTRUCTOR":
			a.Constructor = true
			err = once("CONSTRUCTOR")
		case "RETURNS":
			if err = once("RETURNS"); err == nil {
				a.Returns, err = p.params(false)
			}
		default:
			err = p.unexpected("expected PUBLIC, ROLE (…), OWNER, PRIVATE, READONLY, CONSTRUCTOR, RETURNS (…) or AS")
		}
		if err != nil {
			return err
		}
	}
	if a.Constructor {
		return p.constructor(a, seen)
	}
	return nil
}

func (p *parser) constructor(a *Action, seen map[string]bool) error {
	at := p.places[a]
	for _, b := range p.contract.Actions {
		if b.Constructor {
			return p.Fail(codeSchema, at, "put both into one", "there is already a CONSTRUCTOR, %s in line %d", b.Name, b.Line)
		}
	}
	for _, x := range a.Params {
		if !x.HasDefault {
			return p.Fail(codeSchema, at, "give it a DEFAULT", "nobody passes arguments to a CONSTRUCTOR, and :%s has no default", x.Name)
		}
	}
	if seen["visibility"] && a.Visibility != Private {
		return p.Fail(codeSchema, at, "leave the visibility out", "a CONSTRUCTOR runs at deploy and is never called")
	}
	if a.ReadOnly || a.Returns != nil {
		return p.Fail(codeSchema, at, "leave READONLY and RETURNS out", "a CONSTRUCTOR is there to write, and nobody reads what it returns")
	}
	return nil
}

// roles reads (role, …).
func (p *parser) roles() ([]string, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var list []string
	for {
		at := p.off()
		r, err := p.ownName("a role")
		if err != nil {
			return nil, err
		}
		switch r {
		case "admin", "producer", "writer", "reader":
			return nil, p.Fail(codeSchema, at, "choose another name, or PUBLIC (every writer of the branch)", "the role %s belongs to the directory", r)
		}
		for _, x := range list {
			if x == r {
				return nil, p.Fail(codeSchema, at, "", "the role %s stands twice", r)
			}
		}
		if list = append(list, r); len(list) > maxRoles {
			return nil, p.Fail(codeLimit, at, "make one role of them", "more than %d roles", maxRoles)
		}
		if p.takeOp(")") {
			return list, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}
