package sqlcontract

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// use reads USE contract[@version] AS alias;
func (p *parser) use() error {
	u := Use{Line: p.Line(p.i)}
	p.i++
	at := p.off()
	var err error
	if u.Contract, err = p.ownName("the contract"); err != nil {
		return err
	}
	switch {
	case u.Contract == p.contract.Name:
		return p.Fail(codeSchema, at, "write CALL action(…) without an alias", "a contract calls its own actions without USE")
	case strings.HasPrefix(u.Contract, systemPrefix):
		return p.Fail(codeSchema, at, "let the application call it: aergo grant, aergo revoke", "system contracts are not called by others")
	case strings.HasPrefix(u.Contract, accountStart):
		return p.Fail(codeSchema, at, "", "no contract's name begins with %s, accounts do", accountStart)
	}
	if p.i < len(p.Tokens) && p.Tokens[p.i].Kind == aergosql.Variable && p.Val(p.i)[0] == '@' {
		digits := p.Val(p.i)[1:]
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > maxVersion || digits[0] == '0' || digits[0] == '+' {
			return p.Fail(codeSyntax, p.off(), "", "after @ stands a version, a number from 1")
		}
		u.Version = n
		p.i++
	}
	if !p.take("AS") {
		return p.unexpected("expected AS and an alias, as in USE bank AS b;")
	}
	at = p.off()
	if u.Alias, err = p.ownName("the alias"); err != nil {
		return err
	}
	if old := p.contract.use(u.Alias); old != nil {
		return p.Fail(codeSchema, at, "choose another alias", "%s is contract %s already, in line %d", u.Alias, old.Contract, old.Line)
	}
	if len(p.contract.Uses) >= maxUses {
		return p.Fail(codeLimit, at, "split the contract", "more than %d USEs", maxUses)
	}
	if p.contract.Uses == nil {
		p.contract.Uses = make([]Use, 0, maxUses) // calls point into it
	}
	p.contract.Uses = append(p.contract.Uses, u)
	return p.expect(";")
}

// call reads CALL [alias.]action(expr, …, name => expr, …); from the word CALL
// on. into is the variable of a LET, or "".
func (p *parser) call(into string) (*Call, error) {
	k := &Call{Into: into, Offset: p.off()}
	p.places[k] = p.i
	p.i++
	at := p.off()
	name, err := p.ownName("the action")
	if err != nil {
		return nil, err
	}
	if p.takeOp(".") {
		if k.Use = p.contract.use(name); k.Use == nil {
			var aliases []string
			for _, u := range p.contract.Uses {
				aliases = append(aliases, u.Alias)
			}
			return nil, p.Fail(codeUnknown, at, "write before the action: USE contract AS "+name+";", "there is no USE … AS %s%s", name, aergosql.DidYouMean(name, aliases))
		}
		if name, err = p.ownName("the action"); err != nil {
			return nil, err
		}
	}
	k.Action = name
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.takeOp(")") {
		return k, p.expect(";")
	}
	var cuts [][2]int
	for {
		cut, err := p.callArg(k)
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
	if k.Values, err = p.addQuery(useExpression, cuts); err != nil {
		return nil, err
	}
	return k, p.expect(";")
}

// callArg reads one argument.
func (p *parser) callArg(k *Call) (cut [2]int, err error) {
	at := p.off()
	x := CallArg{}
	p.i++
	named := p.arrow()
	p.i--
	if named {
		if x.Name, err = p.ownName("a parameter, as in CALL b.pay(n => 3)"); err != nil {
			return cut, err
		}
		p.i += 2
	}
	switch {
	case named && slices.ContainsFunc(k.Args, func(y CallArg) bool { return y.Name == x.Name }):
		return cut, p.Fail(codeSchema, at, "leave one of them", "the name %s stands twice", x.Name)
	case !named && len(k.Args) > 0 && k.Args[len(k.Args)-1].Name != "":
		return cut, p.Fail(codeSyntax, at, "name it, too: parameter => value", "a value without a name stands after one with a name")
	case len(k.Args) >= maxParams:
		return cut, p.Fail(codeLimit, at, "pass a JSON text", "more than %d arguments", maxParams)
	}
	if cut, err = p.expression(func(i int) bool { return p.Op(i, ",") || p.Op(i, ")") }); err != nil {
		return cut, err
	}
	i := cut[0]
	signed := cut[1]-i == 2 && (p.Op(i, "-") || p.Op(i, "+"))
	if signed {
		i++
	}
	if cut[1]-i == 1 {
		v, ok := literal(p.Val(i), p.Tokens[i].Kind, p.Op(cut[0], "-"))
		if ok && (!signed || isInteger(v)) {
			x.Constant, x.Value = true, v
		}
	}
	k.Args = append(k.Args, x)
	return cut, nil
}
