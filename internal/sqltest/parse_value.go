package sqltest

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

// argument is a value of a call or an event, by name where it has one.
type argument struct {
	off   int
	name  string
	value any
}

// rows are what something should give.
type rows struct {
	off  int
	list [][]any
}

// value reads one literal, or texts joined by ||, as for JSON that names an
// account: '{"to": "' || @bob || '"}'.
func (p *parser) value() (any, error) {
	off := p.off()
	v, err := p.literal()
	for err == nil && p.op("||") {
		left, ok := v.(string)
		if v, err = p.literal(); err != nil {
			break
		}
		right, too := v.(string)
		if !ok || !too {
			return nil, p.fail(off, "", "|| joins texts and accounts")
		}
		v = left + right
	}
	return v, err
}

// literal reads a literal, or @persona for that account's address. Values are
// nil, int64, string, []byte, and in queries float64.
func (p *parser) literal() (any, error) {
	negative := p.op("-")
	if p.at == len(p.toks) {
		return nil, p.wrong("a value")
	}
	t, text := p.toks[p.at], p.textOf(p.at)
	if negative && t.Kind != aergosql.Integer && t.Kind != aergosql.Float {
		return nil, p.wrong("a number")
	}
	p.at++
	switch t.Kind {
	case aergosql.Integer:
		if negative && text == "9223372036854775808" {
			return int64(-1 << 63), nil
		}
		n, err := aergosql.ParseInteger(text)
		if err != nil {
			return nil, p.fail(t.Start, "", err.Error())
		}
		if negative {
			n = -n
		}
		return n, nil
	case aergosql.Float:
		if negative {
			text = "-" + text
		}
		x, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
		if err != nil {
			return nil, p.fail(t.Start, "", "this is no number")
		}
		return x, nil
	case aergosql.String:
		return unquote(text), nil
	case aergosql.Blob:
		b, err := hex.DecodeString(text[2 : len(text)-1])
		if err != nil {
			return nil, p.fail(t.Start, "", "a blob is written x'00ff'")
		}
		return b, nil
	case aergosql.Word:
		switch strings.ToUpper(text) {
		case "NULL":
			return nil, nil
		case "TRUE":
			return int64(1), nil
		case "FALSE":
			return int64(0), nil
		}
	case aergosql.Variable:
		if text[0] == '@' {
			name, err := p.actor(text[1:], t.Start)
			if err != nil {
				return nil, err
			}
			return string(accountOf(name)), nil
		}
	}
	p.at--
	return nil, p.wrong("a value: 5, 'text', x'00ff', NULL, or @bob for his account")
}

func unquote(text string) string {
	return strings.ReplaceAll(text[1:len(text)-1], "''", "'")
}

// rows reads (v, v), (v, v), …; () alone is no row.
func (p *parser) rows() ([][]any, error) {
	list := [][]any{}
	for {
		if !p.op("(") {
			return nil, p.wrong("a row in parentheses: (5, 'tea')")
		}
		if len(list) == 0 && p.op(")") {
			return list, nil
		}
		var row []any
		for {
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			row = append(row, v)
			if p.op(")") {
				break
			}
			if !p.op(",") {
				return nil, p.wrong("a comma or )")
			}
		}
		if len(list) > 0 && len(row) != len(list[0]) {
			return nil, p.fail(p.toks[p.at-1].Start, "", "this row has another number of values than the first")
		}
		list = append(list, row)
		if !p.op(",") {
			return list, nil
		}
	}
}

// expect reads what follows EXPECT, with the semicolon.
func (p *parser) expect(s step) (step, error) {
	switch {
	case p.word("EVENT"):
		e := expectEvent{contract: p.contract}
		var err error
		if e.name, err = p.name("the name of an event"); err != nil {
			return s, err
		}
		if p.op("(") {
			if e.fields, err = p.args(); err != nil {
				return s, err
			}
		}
		for _, f := range e.fields {
			if f.name == "" {
				return s, p.fail(f.off, "", "a field of an event is written name => value")
			}
		}
		s.do = e
		return s, p.end()
	case p.word("EMPTY"):
		q, _, err := p.query(false)
		s.do = expectRows{query: q, want: rows{off: s.off}}
		return s, err
	}
	q, equals, err := p.query(true)
	if err != nil {
		return s, err
	}
	end := p.at // behind the semicolon
	p.at = equals + 1
	e := expectRows{query: q, want: rows{off: p.off()}}
	if p.textOf(p.at) == "(" {
		e.want.list, err = p.rows()
	} else {
		var v any
		v, err = p.value()
		e.want.list, e.one = [][]any{{v}}, true
	}
	if err == nil && p.at != end-1 {
		err = p.wrong("; behind the expected value")
	}
	p.at = end
	s.do = e
	return s, err
}

// query reads a SELECT up to and with its semicolon. With comparison it ends
// before the last = that stands outside parentheses, whose token is returned.
func (p *parser) query(comparison bool) (query, int, error) {
	first := p.at
	if !p.peekWord("SELECT") && !p.peekWord("WITH") && !p.peekWord("VALUES") {
		return query{}, 0, p.wrong("SELECT … = value, EMPTY SELECT …, or EVENT name(…)")
	}
	depth, equals := 0, -1
	for ; p.at < len(p.toks); p.at++ {
		switch p.textOf(p.at) {
		case "(":
			depth++
		case ")":
			depth--
		case "=":
			if depth == 0 {
				equals = p.at
			}
		}
		if p.textOf(p.at) == ";" {
			break
		}
	}
	last := p.at
	if err := p.end(); err != nil {
		return query{}, 0, err
	}
	if comparison {
		if equals < 0 {
			return query{}, 0, p.fail(p.toks[first].Start, "EXPECT SELECT … = 5; or = (1, 'a'), (2, 'b'); or EXPECT EMPTY SELECT …;", "this query is compared with nothing")
		}
		last = equals
	}
	q := query{off: p.toks[first].Start}
	var b strings.Builder
	at := q.off
	numbers := map[string]int{}
	for _, t := range p.toks[first:last] {
		text := p.text[t.Start:t.End]
		if t.Kind != aergosql.Variable || text[0] != '@' {
			continue
		}
		name, err := p.actor(text[1:], t.Start)
		if err != nil {
			return query{}, 0, err
		}
		if numbers[name] == 0 {
			q.args = append(q.args, string(accountOf(name)))
			numbers[name] = len(q.args)
		}
		number := "?" + strconv.Itoa(numbers[name])
		b.WriteString(p.text[at:t.Start] + number + strings.Repeat(" ", max(0, len(text)-len(number))))
		at = t.End
	}
	b.WriteString(p.text[at:p.toks[last-1].End])
	q.sql = b.String()
	return q, equals, nil
}

// The small ones.

func (p *parser) off() int {
	if p.at < len(p.toks) {
		return p.toks[p.at].Start
	}
	return len(p.text)
}

func (p *parser) textOf(i int) string {
	if i >= len(p.toks) {
		return ""
	}
	return p.text[p.toks[i].Start:p.toks[i].End]
}

func (p *parser) peekWord(word string) bool {
	return p.at < len(p.toks) && p.toks[p.at].Kind == aergosql.Word && strings.EqualFold(p.textOf(p.at), word)
}

func (p *parser) word(word string) bool {
	if p.peekWord(word) {
		p.at++
		return true
	}
	return false
}

func (p *parser) op(op string) bool {
	if p.at < len(p.toks) && p.toks[p.at].Kind == aergosql.Op && p.textOf(p.at) == op {
		p.at++
		return true
	}
	return false
}

// name reads a name, in lower case as AERGOSQL folds them.
func (p *parser) name(what string) (string, error) {
	if p.at < len(p.toks) && p.toks[p.at].Kind == aergosql.Word {
		p.at++
		return strings.ToLower(p.textOf(p.at - 1)), nil
	}
	return "", p.wrong(what)
}

func (p *parser) string(what string) (string, error) {
	if p.at < len(p.toks) && p.toks[p.at].Kind == aergosql.String {
		p.at++
		return unquote(p.textOf(p.at - 1)), nil
	}
	return "", p.wrong(what)
}

func (p *parser) end() error {
	if p.op(";") {
		return nil
	}
	return p.wrong("a semicolon")
}

// wrong says what should stand at the present token.
func (p *parser) wrong(expected string) error {
	found := "the end of the file"
	if p.at < len(p.toks) {
		found = p.textOf(p.at)
		if p.toks[p.at].Kind == aergosql.Bad && strings.ContainsAny(found[:1], "'\"`[") {
			found = "a quote that is not closed"
		} else if r := []rune(found); len(r) > 30 {
			found = string(r[:30]) + "…"
		}
	}
	return p.fail(p.off(), "The language of tests: docs/reference/testing.md", "expected "+expected+", found "+found)
}

func (p *parser) fail(off int, next, what string) error {
	return aergosql.ErrorAt(p.script.name, p.text, off, codeText, next, what)
}

// failAt is why a test failed: what stands at off of the file did not hold.
func (s *script) failAt(off int, what string, cause error) error {
	e := fault.Of(aergosql.ErrorAt(s.name, s.text, off, codeFailed, "", what))
	e.Err = cause
	return e
}
