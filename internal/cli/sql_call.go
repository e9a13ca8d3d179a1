package cli

import (
	"errors"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// sqlCall is CALL contract.action(name => expression, …) as it is written.
type sqlCall struct {
	contract, action string
	names            []string // of the arguments; "" where it goes by its place
	sql              string   // a SELECT of the expressions, each at its offset in the statement
	err              error    // it begins with CALL and goes on wrongly
}

// callIn reads a CALL; false when the statement is something else.
func callIn(text string) (sqlCall, bool) {
	toks := aergosql.Split(text)
	word := func(i int) string {
		if i < len(toks) {
			return text[toks[i].Start:toks[i].End]
		}
		return ""
	}
	if !strings.EqualFold(word(0), "call") {
		return sqlCall{}, false
	}
	var c sqlCall
	wrong := func(what string) (sqlCall, bool) {
		c.err = usage("AG0113", "CALL shop.sell(sku => 'tea', n => 2);", "%s", what)
		return c, true
	}
	last := len(toks)
	for last > 0 && word(last-1) == ";" {
		last--
	}
	if last < 6 || word(2) != "." || word(4) != "(" || word(last-1) != ")" {
		return wrong("a CALL is contract.action and arguments in parentheses")
	}
	c.contract, c.action = strings.ToLower(word(1)), strings.ToLower(word(3))
	// The SELECT is the statement with all but the expressions and the commas
	// between them blanked out: offsets, and so carets, stay true.
	sql := blanked(text[:toks[5].Start])
	copy(sql, "SELECT")
	at, depth := 5, 0
	for i := 5; i < last; i++ {
		switch word(i) {
		case "(":
			depth++
			continue
		case ")":
			depth--
		}
		end := i == last-1
		if depth < 0 && !end {
			return wrong("there is something after the closing parenthesis")
		}
		if !end && (depth > 0 || word(i) != ",") {
			continue
		}
		if i == at && end && len(c.names) == 0 {
			break // no arguments
		}
		name, from := "", at
		if at+2 < i && word(at+1) == "=" && word(at+2) == ">" && toks[at+1].End == toks[at+2].Start {
			name, from = strings.ToLower(strings.TrimPrefix(word(at), ":")), at+3
		}
		if from >= i {
			return wrong("an argument is missing")
		}
		c.names = append(c.names, name)
		stop := toks[i].Start
		sql = append(sql, blanked(text[toks[at].Start:toks[from].Start])...)
		sql = append(sql, text[toks[from].Start:stop]...)
		if at = i + 1; !end {
			sql = append(sql, text[stop:toks[at].Start]...)
		}
	}
	if depth != -1 {
		return wrong("a parenthesis is not closed")
	}
	c.sql = string(sql)
	return c, true
}

// blanked is as many blanks as s has bytes, in the same lines.
func blanked(s string) []byte {
	b := []byte(s)
	for i, c := range b {
		if c != '\n' {
			b[i] = ' '
		}
	}
	return b
}

// call runs a CALL statement: a READONLY action where the shell reads, any other
// as a signed transaction on the shell's branch.
func (s *sqlShell) call(st statement, c sqlCall) error {
	if c.err != nil {
		return c.err
	}
	r, err := s.a.open()
	if err != nil {
		return err
	}
	_, action, err := s.a.findAction(r, s.rev(), c.contract+"."+c.action)
	if err != nil {
		return err
	}
	call := repo.Call{Contract: c.contract, Action: action.Name, Branch: s.branch}
	if call.Args, err = s.values(r, st, c, action); err != nil {
		return err
	}
	if action.ReadOnly {
		return s.a.callReadOnly(r, s.rev(), call)
	}
	if s.at != "" {
		return usage("AG0113", ".at now", "the shell reads at %s, and a call goes to the head of branch %s", s.at, s.branch)
	}
	if s.key == nil {
		if s.key, err = s.a.key(); err != nil {
			return err
		}
	}
	return s.a.submitCall(r, s.key, call)
}

// values computes the arguments of a call, each an expression that may read.
func (s *sqlShell) values(r *repo.Repository, st statement, c sqlCall, action *sqlcontract.Action) (args map[string]any, err error) {
	form := c.contract + "." + action.Name + "  " + form(action)
	args = map[string]any{}
	for i, name := range c.names {
		if name == "" {
			if i >= len(action.Params) {
				return nil, usage("AG0403", form, "%s has %s", action.Name, plural(len(action.Params), "argument"))
			}
			name = action.Params[i].Name
			c.names[i] = name
		}
		if _, twice := args[name]; twice {
			return nil, usage("AG0113", form, "argument %s is given twice", name)
		}
		args[name] = nil
	}
	if len(args) == 0 {
		return args, repo.CheckArgs(action, args)
	}
	shown := statement{c.sql, st.line}.padded()
	rows, err := r.Query(s.a.ctx, s.rev(), shown)
	if err != nil {
		return nil, asWritten(err, c.sql, st.text)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if len(rows.Columns()) != len(c.names) || !rows.Next() {
		return nil, errors.Join(rows.Err(), usage("AG0113", form, "each argument is one expression"))
	}
	row := rows.Values()
	if rows.Next() {
		return nil, usage("AG0113", form, "each argument is one expression")
	}
	for i, v := range row {
		args[c.names[i]] = v
	}
	err = repo.CheckArgs(action, args)
	if f := fault.Of(err); f != nil && f.Next == "" {
		f.Next = form
	}
	return args, errors.Join(rows.Err(), err)
}

// asWritten puts the user's line in the place of the one that was computed.
func asWritten(err error, computed, written string) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	text, lines := f.What, strings.Split(written, "\n")
	for i, l := range strings.Split(computed, "\n") {
		if strings.TrimSpace(l) != "" && i < len(lines) {
			text = strings.Replace(text, strings.TrimRight(l, " "), lines[i], 1)
		}
	}
	return fault.New(f.ID, f.Next, "%s", text)
}
