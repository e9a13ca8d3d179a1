package sqltest

import (
	"crypto"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// statement is one thing that a test does; an error is why the test failed.
type statement interface{ run(w *world) error }

type (
	// call is CALL, by somebody.
	call struct {
		as               string
		contract, action string
		args             []argument
		fails            *string // FAILS: a code or a text
		returns          *rows   // RETURNS
	}
	newBranch struct{ name string }
	switchTo  struct{ name string }
	merge     struct {
		source             string
		strict             bool
		included, excluded int // -1: not asked
	}
	grant struct {
		action, contract, role, who string // action: grant or revoke
	}
	clock       struct{ to time.Time }
	deploy      struct{ name string }
	expectEvent struct {
		contract, name string
		fields         []argument
	}
	// expectRows compares a query with rows; without rows it has to be empty.
	expectRows struct {
		query query
		want  rows
		one   bool // one value, without parentheses
	}
	query struct {
		off  int
		sql  string // from off on, with ?1, ?2 for personas
		args []any
	}
)

var errorCode = regexp.MustCompile(`^AG\d{4}$`)

func (c call) run(w *world) error {
	w.last, w.why = nil, ""
	name := c.contract + "." + c.action
	contract, _, err := w.repo.Contract(w.real(w.branch), c.contract)
	if err != nil && !fault.Is(err, "AG0401") {
		return err
	}
	var action *sqlcontract.Action
	if contract != nil {
		action = contract.Action(c.action)
	}
	if action == nil && c.fails == nil {
		if contract == nil {
			return w.failed(w.step.off, "there is no contract %s here", c.contract)
		}
		return w.failed(w.step.off, "contract %s has no action %s; it has: %s", c.contract, c.action, actions(contract))
	}
	request := repo.Call{Contract: c.contract, Action: c.action, Branch: w.real(w.branch)}
	if request.Args, err = c.bind(w, action); err != nil {
		return err
	}
	var count *Action
	if w.cover != nil {
		count = w.cover.action(c.contract, c.action)
	}
	if count != nil {
		count.Called++
	}
	answer, refusal, err := w.call(action, keyOf(c.as), request)
	if err != nil {
		return err
	}
	w.mark(answer.Status, answer.Code, answer.Text, answer.Rows, answer.Events)
	if refusal != nil {
		if count != nil {
			count.Refused++
		}
		return c.refused(w, name, refusal, answer.Text)
	}
	w.last = &receipt{name, answer.Events}
	if c.fails != nil {
		return w.failed(w.step.off, "%s should fail with %s, and succeeds", name, show(*c.fails))
	}
	if c.returns != nil {
		return w.compare(c.returns.off, name+" returns", answer.Columns, c.returns.list, answer.Rows, false)
	}
	return nil
}

// call runs one action. A refusal is the contract's or the ledger's answer; an
// error is trouble of this machine.
func (w *world) call(action *sqlcontract.Action, key crypto.Signer, c repo.Call) (answer sqlcontract.Receipt, refusal *fault.Error, err error) {
	if action != nil && action.ReadOnly {
		answer.Columns, answer.Rows, _, err = w.repo.CallReadOnly(w.ctx, c.Branch, repo.AccountOf(key), c)
	} else {
		answer, err = w.submit(key, c)
	}
	switch refusal = fault.Of(err); {
	case err != nil && (refusal == nil || w.ctx.Err() != nil):
		return answer, nil, err
	case err == nil && answer.Status > sqlcontract.StatusOK:
		return answer, fault.New(answer.Code, "", "%s", sqlcontract.Explain(answer)), nil
	}
	return answer, refusal, nil
}

// submit has a persona sign a call, which @owner puts into a block.
func (w *world) submit(key crypto.Signer, c repo.Call) (sqlcontract.Receipt, error) {
	tx, err := w.repo.Sign(key, c)
	if err != nil {
		return sqlcontract.Receipt{}, err
	}
	answers, err := w.repo.Submit(w.ctx, w.owner, c.Branch, []sqlcontract.Transaction{tx})
	if err != nil {
		return sqlcontract.Receipt{}, err
	}
	w.mark(answers[0].Changes)
	return answers[0].Receipt, answers[0].Err
}

// refused compares a refusal with what was expected of the call.
func (c call) refused(w *world, name string, f *fault.Error, text string) error {
	why := w.why
	if why != "" {
		why = "\n" + why
	}
	switch {
	case c.fails == nil:
		return w.script.failAt(w.step.off, fmt.Sprintf("%s is refused: %s %s%s", name, f.ID, f.What, why), f)
	case errorCode.MatchString(*c.fails) && f.ID == *c.fails:
		return nil
	case !errorCode.MatchString(*c.fails) && (text == *c.fails || text == "" && f.What == *c.fails):
		return nil
	}
	return w.script.failAt(w.step.off, fmt.Sprintf("%s should fail with %s, and fails with %s %s%s", name, show(*c.fails), f.ID, f.What, why), f)
}

// bind gives the arguments the names of the action's parameters.
func (c call) bind(w *world, action *sqlcontract.Action) (map[string]any, error) {
	args := make(map[string]any, len(c.args))
	for i, a := range c.args {
		switch {
		case a.name != "":
		case action == nil:
			a.name = fmt.Sprintf("arg%d", i+1)
		case i >= len(action.Params):
			return nil, w.failed(a.off, "%s takes %d arguments: %s", c.action, len(action.Params), params(action))
		case i > 0 && c.args[i-1].name != "":
			return nil, w.failed(a.off, "a value without a name stands behind one with a name")
		default:
			a.name = action.Params[i].Name
		}
		if _, twice := args[a.name]; twice {
			return nil, w.failed(a.off, "argument %s is given twice", a.name)
		}
		args[a.name] = a.value
	}
	return args, nil
}

func params(action *sqlcontract.Action) string {
	names := make([]string, len(action.Params))
	for i, p := range action.Params {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

func actions(c *sqlcontract.Contract) string {
	var names []string
	for _, a := range c.Actions {
		if a.Visibility != sqlcontract.Private && !a.Constructor {
			names = append(names, a.Name)
		}
	}
	return strings.Join(names, ", ")
}

func (b newBranch) run(w *world) error {
	if _, err := w.repo.CreateBranch(w.real(b.name), w.real(w.branch), w.owner, false); err != nil {
		if fault.Is(err, "AG0702") {
			return w.failed(w.step.off, "there is a branch %s already: SWITCH %s", b.name, b.name)
		}
		return w.trouble(err)
	}
	w.branch = b.name
	return nil
}

func (s switchTo) run(w *world) error {
	if err := w.exists(s.name); err != nil {
		return err
	}
	w.branch = s.name
	return nil
}

// exists fails where the test has made no branch of the name.
func (w *world) exists(name string) error {
	if _, err := w.repo.Resolve(w.real(name)); err != nil {
		if fault.Is(err, "AG0201") || fault.Is(err, "AG0202") {
			return w.failed(w.step.off, "there is no branch %s: BRANCH %s makes it", name, name)
		}
		return w.trouble(err)
	}
	return nil
}

func (m merge) run(w *world) error {
	if err := w.exists(m.source); err != nil {
		return err
	}
	// Never a fast-forward: what is counted should not depend on whether the
	// target has a block of its own.
	res, err := w.repo.Merge(w.ctx, w.owner, w.real(m.source), repo.MergeOptions{Into: w.real(w.branch), Strict: m.strict, NoFF: true})
	if err != nil {
		return w.trouble(err)
	}
	w.mark(res.Included, res.Excluded)
	if m.included < 0 || m.included == res.Included {
		if m.excluded < 0 || m.excluded == res.Excluded {
			return nil
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the merge includes %d and excludes %d", res.Included, res.Excluded)
	err = w.failed(w.step.off, "%s", b.String())
	b.Reset()
	for _, v := range res.Verdicts {
		verdict := "included"
		if v.Different {
			verdict = "included, with other rows"
		} else if !v.Included {
			verdict = "excluded: " + v.Code + " " + v.Reason
		}
		fmt.Fprintf(&b, "\n  %s  %s", v.Text, verdict)
	}
	fault.Of(err).What += b.String()
	return err
}

func (g grant) run(w *world) error {
	_, err := w.repo.Call(w.ctx, w.owner, repo.Call{
		Contract: "aergo_role", Action: g.action, Branch: w.real(w.branch),
		Args: map[string]any{"contract": g.contract, "role": g.role, "account": string(accountOf(g.who))},
	})
	return w.trouble(err)
}

func (c clock) run(w *world) error {
	if c.to.Before(w.now) {
		return w.failed(w.step.off, "it is %s already, and time does not go back", w.now.Format(clockForms[1]))
	}
	w.now = c.to
	return nil
}

func (d deploy) run(w *world) error { return w.trouble(w.deploy(d.name)) }

func (e expectEvent) run(w *world) error {
	if w.last == nil {
		return w.failed(w.step.off, "no call before this one has succeeded, so there is no event")
	}
	var came []string
	for _, x := range w.last.events {
		if x.Name == e.name && x.Contract == e.contract && e.fits(x) {
			return nil
		}
		fields := make([]string, len(x.Fields))
		for i, f := range x.Fields {
			fields[i] = f + " => " + show(x.Values[i])
		}
		came = append(came, x.Name+"("+strings.Join(fields, ", ")+")")
	}
	if len(came) == 0 {
		return w.failed(w.step.off, "%s emits no event", w.last.name)
	}
	return w.failed(w.step.off, "%s emits no such event, but %s", w.last.name, strings.Join(came, ", "))
}

// fits tells whether the event has all the fields that are listed.
func (e expectEvent) fits(x sqlcontract.Event) bool {
	for _, f := range e.fields {
		i := slices.Index(x.Fields, f.name)
		if i < 0 || !equal(f.value, x.Values[i]) {
			return false
		}
	}
	return true
}
