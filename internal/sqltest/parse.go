package sqltest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

// owner is the persona that deploys and owns everything.
const owner = "owner"

// codeText is the code of a test file that is not well-formed, codeFailed that
// of a test that failed.
const (
	codeText   = "AG0120"
	codeFailed = "AG0706"
)

// script is a parsed test file.
type script struct {
	name, text string
	contract   string   // what a bare action name means
	deploys    []step   // before the first test
	tests      []test   // at least one
	personas   []string // without owner, in order of first appearance
}

type test struct {
	name  string
	off   int
	line  int // of off, from 1
	steps []step
}

// step is one statement of a test, at an offset of the file.
type step struct {
	off int
	do  statement
}

// parser reads tokens of a file. A method that reads something moves at past it.
type parser struct {
	script
	toks []aergosql.Token
	at   int

	line, lineAt int // the line of the last test, and its offset
}

// parse reads a whole test file.
func parse(name, contract, text string) (*script, error) {
	p := &parser{line: 1, script: script{name: name, text: text, contract: contract}}
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return nil, fault.New(codeText, "Save the file as UTF-8.", "%s is not UTF-8 text", name)
	}
	p.toks = split(text)
	for p.at < len(p.toks) {
		switch {
		case p.word("TEST"):
			if err := p.test(); err != nil {
				return nil, err
			}
		case len(p.tests) == 0 && p.peekWord("DEPLOY"):
			s, err := p.statement()
			if err != nil {
				return nil, err
			}
			p.deploys = append(p.deploys, s)
		default:
			return nil, p.wrong("TEST 'name' AS … END;")
		}
	}
	if len(p.tests) == 0 {
		return nil, fault.New(codeFailed, "Write one: TEST 'name' AS CALL …; EXPECT SELECT … = value; END;", "%s holds no test", name)
	}
	return &p.script, nil
}

// split cuts a text into tokens; here a colon is always a token of its own, as
// this language has no :parameters.
func split(text string) []aergosql.Token {
	var list []aergosql.Token
	for _, t := range aergosql.Split(text) {
		if text[t.Start] != ':' {
			list = append(list, t)
			continue
		}
		list = append(list, aergosql.Token{Kind: aergosql.Op, Start: t.Start, End: t.Start + 1})
		for _, rest := range split(text[t.Start+1 : t.End]) {
			rest.Start, rest.End = rest.Start+t.Start+1, rest.End+t.Start+1
			list = append(list, rest)
		}
	}
	return list
}

func (p *parser) test() error {
	t := test{off: p.toks[p.at-1].Start}
	t.line = p.line + strings.Count(p.text[p.lineAt:t.off], "\n")
	p.line, p.lineAt = t.line, t.off
	at := p.off()
	name, err := p.string("the test's name: TEST 'name' AS")
	if err != nil {
		return err
	}
	t.name = name
	switch {
	case strings.TrimSpace(name) == "":
		return p.fail(at, "", "a test needs a name")
	case slices.ContainsFunc(p.tests, func(o test) bool { return o.name == name }):
		return p.fail(at, "Give each test a name of its own.", "there is another test of this name")
	case len(p.tests) == maxTests:
		return p.fail(at, "Split the file.", "a file holds at most "+strconv.Itoa(maxTests)+" tests")
	case !p.word("AS"):
		return p.wrong("AS")
	}
	for !p.word("END") {
		if p.at == len(p.toks) {
			return p.fail(t.off, "", "this test has no END;")
		}
		s, err := p.statement()
		if err != nil {
			return err
		}
		t.steps = append(t.steps, s)
	}
	if len(t.steps) == 0 {
		return p.fail(t.off, "", "this test holds no statement")
	}
	p.tests = append(p.tests, t)
	return p.end()
}

// statement reads one statement with its semicolon.
func (p *parser) statement() (step, error) {
	s := step{off: p.off()}
	var err error
	switch {
	case p.word("AS"):
		s.do, err = p.as()
	case p.word("CALL"):
		s.do, err = p.call(owner)
	case p.word("BRANCH"):
		var name string
		name, err = p.branch()
		s.do = newBranch{name}
	case p.word("SWITCH"):
		var name string
		name, err = p.branch()
		s.do = switchTo{name}
	case p.word("MERGE"):
		s.do, err = p.merge()
	case p.word("EXPECT"):
		return p.expect(s)
	case p.word("AT"):
		s.do, err = p.clock()
	case p.word("GRANT"):
		s.do, err = p.grant("grant", "TO")
	case p.word("REVOKE"):
		s.do, err = p.grant("revoke", "FROM")
	case p.word("DEPLOY"):
		var name string
		name, err = p.name("the name of a contract, whose NAME.sql lies beside the test")
		s.do = deploy{name}
	default:
		return s, p.wrong("a statement: [AS persona:] CALL, EXPECT, BRANCH, SWITCH, MERGE, GRANT, REVOKE, AT, DEPLOY, or END")
	}
	if err != nil {
		return s, err
	}
	return s, p.end()
}

func (p *parser) as() (statement, error) {
	who, err := p.persona()
	if err != nil {
		return nil, err
	}
	if !p.op(":") {
		return nil, p.wrong("a colon: AS " + who + ":")
	}
	if !p.word("CALL") {
		return nil, p.wrong("CALL; all else is done by @owner")
	}
	return p.call(who)
}

// call reads what follows CALL.
func (p *parser) call(who string) (statement, error) {
	c := call{as: who, contract: p.contract}
	var err error
	if c.action, err = p.name("the action to call"); err != nil {
		return nil, err
	}
	if p.op(".") {
		c.contract = c.action
		if c.action, err = p.name("the action to call"); err != nil {
			return nil, err
		}
	}
	if !p.op("(") {
		return nil, p.wrong("( and the arguments")
	}
	if c.args, err = p.args(); err != nil {
		return nil, err
	}
	switch at := p.at + 1; {
	case p.word("FAILS"):
		v, err := p.value()
		text, ok := v.(string)
		if err != nil || !ok {
			p.at = at
			return nil, p.wrong("the code or the text of the failure: FAILS 'AG0410'")
		}
		c.fails = &text
	case p.word("RETURNS"):
		c.returns = &rows{off: p.off()}
		if c.returns.list, err = p.rows(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// args reads values or name => value up to the closing parenthesis.
func (p *parser) args() ([]argument, error) {
	var list []argument
	if p.op(")") {
		return list, nil
	}
	for {
		a := argument{off: p.off()}
		if p.at+2 < len(p.toks) && p.isArrow(p.at+1) && p.toks[p.at].Kind == aergosql.Word {
			var err error
			if a.name, err = p.name("a name"); err != nil {
				return nil, err
			}
			p.at += 2
		}
		var err error
		if a.value, err = p.value(); err != nil {
			return nil, err
		}
		list = append(list, a)
		switch {
		case p.op(")"):
			return list, nil
		case !p.op(","):
			return nil, p.wrong("a comma or )")
		}
	}
}

// isArrow tells whether => stands at a token; it is two for SQLite.
func (p *parser) isArrow(i int) bool {
	return i+1 < len(p.toks) && p.textOf(i) == "=" && p.textOf(i+1) == ">" && p.toks[i].End == p.toks[i+1].Start
}

func (p *parser) merge() (statement, error) {
	name, err := p.branch()
	if err != nil {
		return nil, err
	}
	m := merge{source: name, included: -1, excluded: -1}
	m.strict = p.word("STRICT")
	if !p.word("EXPECT") {
		return m, nil
	}
	for _, c := range []struct {
		word string
		to   *int
	}{{"INCLUDED", &m.included}, {"EXCLUDED", &m.excluded}} {
		if !p.word(c.word) {
			continue
		}
		off := p.off()
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		n, ok := v.(int64)
		if !ok || n < 0 {
			return nil, p.fail(off, "", "expected a number of transactions")
		}
		*c.to = int(n)
	}
	if m.included < 0 && m.excluded < 0 {
		return nil, p.wrong("INCLUDED n EXCLUDED m")
	}
	return m, nil
}

func (p *parser) grant(action, preposition string) (statement, error) {
	g := grant{action: action, contract: p.contract}
	var err error
	if g.role, err = p.name("a role"); err != nil {
		return nil, err
	}
	if p.word("OF") {
		if g.contract, err = p.name("a contract"); err != nil {
			return nil, err
		}
	}
	if !p.word(preposition) {
		return nil, p.wrong(preposition + " persona")
	}
	g.who, err = p.persona()
	return g, err
}

// clockForms are how AT takes a time, all in UTC.
var clockForms = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02T15:04:05.999", "2006-01-02"}

func (p *parser) clock() (statement, error) {
	off := p.off()
	text, err := p.string("a time: AT '2026-11-01T12:00'")
	if err != nil {
		return nil, err
	}
	for _, form := range clockForms {
		if t, err := time.Parse(form, strings.TrimSuffix(text, "Z")); err == nil {
			if t.Before(start) {
				return nil, p.fail(off, "", "a test begins at "+start.Format(clockForms[0])+", and time does not go back")
			}
			return clock{t}, nil
		}
	}
	return nil, p.fail(off, "", "a time is written '2026-11-01', '2026-11-01T12:00' or '2026-11-01T12:00:30', in UTC")
}

// branch reads a branch's name: eu, or 'eu/berlin'.
func (p *parser) branch() (string, error) {
	if p.at < len(p.toks) && p.toks[p.at].Kind == aergosql.String {
		return p.string("")
	}
	return p.name("the name of a branch")
}

// persona reads @owner, or the name of anybody else.
func (p *parser) persona() (string, error) {
	if p.at < len(p.toks) && p.toks[p.at].Kind == aergosql.Variable && p.textOf(p.at)[0] == '@' {
		p.at++
		return p.actor(p.textOf(p.at - 1)[1:], p.toks[p.at-1].Start)
	}
	if p.at < len(p.toks) && p.toks[p.at].Kind == aergosql.Word {
		p.at++
		return p.actor(p.textOf(p.at-1), p.toks[p.at-1].Start)
	}
	return "", p.wrong("who: @owner, or a name such as bob")
}

var personaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// actor notes that somebody acts in the file.
func (p *parser) actor(name string, off int) (string, error) {
	name = strings.ToLower(name)
	if !personaName.MatchString(name) {
		return "", p.fail(off, "", "the name of somebody who acts is made of letters a-z, digits and _")
	}
	if name == owner || slices.Contains(p.personas, name) {
		return name, nil
	}
	if len(p.personas) == maxPersonas {
		return "", p.fail(off, "Split the file.", "a file has at most "+strconv.Itoa(maxPersonas)+" personas")
	}
	p.personas = append(p.personas, name)
	return name, nil
}
