package cli

import (
	"crypto"
	"fmt"
	"strings"
	"unicode/utf8"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (a *app) callCommand() *ucli.Command {
	return &ucli.Command{
		Name: "call", Usage: "run an action of a contract", ArgsUsage: "CONTRACT.ACTION [name=value…]", Category: "work",
		Description: "Signs a transaction and runs it in a block of its own. A READONLY action\n" +
			"answers at once, without block or key.\n\n" +
			"--batch FILE.jsonl runs one call a line, {\"call\":\"bank.post\",\"args\":{…}}, each a\n" +
			"signed transaction; refused lines go to FILE.jsonl.refused with their error and\n" +
			"the rest goes on. With --idempotency-key FIELD a second run applies nothing twice.\n\n" +
			"CONTRACT.ACTION --csv FILE does the same with a table: its first line names the\n" +
			"columns, each argument is in the column of its name or of --map. name=value gives\n" +
			"an argument to all lines. An empty field is '' for TEXT, else the default or NULL.\n\n" +
			"--sign-only is for a writer who does not make the branch's blocks: the producer runs\n" +
			"what is signed with aergo submit FILE. --as WHO calls in the name of an account of several\n" +
			"keys, which sign one after another with aergo dd sign.",
		Flags: append([]ucli.Flag{
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "call on branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "create", Aliases: []string{"c"}, Usage: "make that branch first"},
			&ucli.BoolFlag{Name: "scratch", Usage: "with -c: its calls never leave it"},
			&ucli.StringFlag{Name: "args", Usage: "arguments as a `JSON` object; the only form for NULL"},
			&ucli.StringSliceFlag{Name: "who", Usage: "argument `ARG=WHO` is the account of WHO: a key, a name in the directory; may be repeated"},
			&ucli.BoolFlag{Name: "sign-only", Usage: "sign, and leave it to the branch's producer to submit"},
			&ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "with --sign-only, --as or --unsigned: add the call to `FILE`"},
			&ucli.Uint64Flag{Name: "gas", Usage: "gas limit `N`"},
			&ucli.StringFlag{Name: "idempotency-key", Usage: "a second call with the same `KEY` counts as the first; in a batch the field that holds it"},
			&ucli.StringFlag{Name: "batch", Usage: "read calls from `FILE`, JSON lines; - is standard input"},
			&ucli.StringFlag{Name: "csv", Usage: "call the action once for each line of `FILE`, comma-separated; - is standard input"},
			&ucli.StringSliceFlag{Name: "map", Usage: "with --csv: argument `ARG=COLUMN`, where the names differ; may be repeated"},
			&ucli.IntFlag{Name: "block-size", Usage: "transactions `N` in a block of a batch", Value: repo.DefaultBlockSize},
			&ucli.StringFlag{Name: "refused", Usage: "write refused lines to `FILE`"},
			&ucli.BoolFlag{Name: "stop-on-error", Usage: "end a batch at the first refused line"},
		}, jointFlags()...),
		Action: a.call,
	}
}

func (a *app) call(c *ucli.Context) error {
	if c.IsSet("batch") && c.IsSet("csv") {
		return usage("AG0111", "", "--batch and --csv are two forms of one thing")
	}
	if c.IsSet("batch") || c.IsSet("csv") {
		if a.joint() {
			return usage("AG0111", "Call by call: aergo call … --as WHO", "a batch is signed by one key; --as and --unsigned are for one call")
		}
		return a.callBatch(c)
	}
	if err := nargs(c, 1, -1, "call CONTRACT.ACTION [name=value…] [--branch B [-c]]"); err != nil {
		return err
	}
	if c.IsSet("output") && !c.Bool("sign-only") && !a.joint() {
		return usage("AG0111", "aergo call … --sign-only -o FILE", "--output belongs to --sign-only")
	}
	for _, f := range []string{"refused", "stop-on-error", "block-size", "map"} {
		if c.IsSet(f) {
			return usage("AG0111", "aergo call --batch FILE.jsonl", "--%s belongs to a batch", f)
		}
	}
	if c.Bool("scratch") && !c.Bool("create") || c.Bool("create") && c.String("branch") == "" {
		return usage("AG0113", "aergo call … --branch NAME -c [--scratch]", "a new branch needs its name and -c")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	branch, at := c.String("branch"), c.String("branch")
	if c.Bool("create") {
		at = "" // it will begin where we are
	}
	contract, action, err := a.findAction(r, at, c.Args().First())
	if err != nil {
		return err
	}
	args, err := a.callArgs(c, action)
	if err != nil {
		return err
	}
	call := repo.Call{
		Contract: contract, Action: action.Name, Args: args, Branch: branch,
		GasLimit: c.Uint64("gas"), IdempotencyKey: c.String("idempotency-key"),
	}
	if c.Bool("sign-only") || a.joint() {
		if action.ReadOnly || c.Bool("create") {
			return usage("AG0111", "aergo call … without --sign-only, --as and --unsigned", "what others submit is a call for a branch that is there, and a READONLY action needs no signature")
		}
		if a.joint() {
			return a.jointly(r, func(key crypto.Signer, as objectstore.Account) (repo.Proposal, error) {
				return r.StartCall(key, call, as)
			})
		}
		return a.signCall(r, call)
	}
	if action.ReadOnly {
		return a.callReadOnly(r, at, call)
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	if c.Bool("create") {
		if _, err := r.CreateBranch(branch, r.Current(), key, c.Bool("scratch")); err != nil {
			return err
		}
	}
	return a.submitCall(r, key, call)
}

// submitCall signs and runs a call, and tells what came of it.
func (a *app) submitCall(r *repo.Repository, key crypto.Signer, call repo.Call) error {
	format, err := a.format()
	if err != nil {
		return err
	}
	var report sqlcontract.Report
	r.Observe(report.Observe)
	res, err := r.Call(a.ctx, key, call)
	name := call.Contract + "." + call.Action
	if a.json && !res.Transaction.IsZero() {
		j := resultOf(res)
		j.Call = name
		if e := a.emit(j); e != nil {
			return e
		}
	}
	if err != nil {
		return a.explained(callFailed(name, res, err), report.Refusal, repo.AccountOf(key))
	}
	repeated := ""
	if res.Repeated {
		repeated = "  (done before, not again)"
	}
	tell := a.say
	if format != "table" {
		tell = a.note // standard output is for rows
	}
	tell("%s %s  block %s%s  %s  gas %d%s", a.paint("32", "✓"), name, res.Block.Short(), a.onBranch(res.Branch), changed(res.Changes), res.Receipt.Gas, repeated)
	for _, e := range res.Receipt.Events {
		tell("  %s", eventText(e))
	}
	if len(res.Receipt.Columns) > 0 && !a.json {
		return a.printRows(res.Receipt.Columns, res.Receipt.Rows)
	}
	return nil
}

// callFailed words the refusal of a call: which call, and that it is recorded.
func callFailed(name string, res repo.Result, err error) error {
	f := fault.Of(err)
	if f == nil || res.Transaction.IsZero() {
		return err
	}
	next := f.Next
	if next == "" && !res.Block.IsZero() {
		next = fmt.Sprintf("Nothing changed; block %s records the attempt: aergo show %s", res.Block.Short(), res.Transaction.Short())
	}
	return fault.New(f.ID, next, "%s: %w", name, err)
}

// findAction finds contract.action at a revision and says what was meant when
// there is none.
func (a *app) findAction(r *repo.Repository, rev, full string) (string, *sqlcontract.Action, error) {
	name, action, ok := strings.Cut(full, ".")
	if !ok || name == "" || action == "" {
		return "", nil, usage("AG0113", "aergo call CONTRACT.ACTION name=value…", "%q is not the name of an action", full)
	}
	contract, err := a.contract(r, rev, name)
	if err != nil {
		return "", nil, err
	}
	if found := contract.Action(action); found != nil {
		return name, found, nil
	}
	var names []string
	for _, x := range contract.Actions {
		if x.Visibility != sqlcontract.Private && !x.Constructor {
			names = append(names, x.Name)
		}
	}
	hint := "Its actions: " + strings.Join(names, ", ")
	if best := closest(action, names); best != "" {
		hint = "Did you mean " + name + "." + best + "?  " + hint
	}
	return "", nil, fault.New("AG0222", hint, "contract %s has no action %s", name, action)
}

// contract finds a contract at a revision and says what was meant when there
// is none.
func (a *app) contract(r *repo.Repository, rev, name string) (*sqlcontract.Contract, error) {
	contract, _, err := r.Contract(rev, name)
	if err == nil {
		return contract, nil
	}
	if !fault.Is(err, "AG0401") && exitStatus(err) != 3 {
		return nil, err
	}
	if _, e := r.Resolve(rev); e != nil {
		return nil, err // the revision is what is missing
	}
	list, e := r.Contracts(rev)
	if e != nil {
		return nil, err
	}
	var names []string
	for _, x := range list {
		if x.Current {
			names = append(names, x.Name)
		}
	}
	hint := "aergo contract list"
	if len(names) == 0 {
		hint = "No contract is deployed yet: aergo deploy FILE.sql"
	} else if best := closest(name, names); best != "" {
		hint = "Did you mean " + best + "?  " + hint
	}
	return nil, fault.New("AG0222", hint, "there is no contract %s", name)
}

// callArgs reads --args or name=value arguments by the types that the action
// declares.
func (a *app) callArgs(c *ucli.Context, action *sqlcontract.Action) (map[string]any, error) {
	given := c.Args().Tail()
	for _, w := range c.StringSlice("who") {
		name, who, ok := strings.Cut(w, "=")
		if !ok || name == "" || who == "" {
			return nil, usage("AG0113", "aergo call … --who owner=bob", "--who %q is not argument=who", w)
		}
		account, err := a.accountOf(who)
		if err != nil {
			return nil, err
		}
		given = append(given, name+"="+string(account))
	}
	if c.IsSet("args") {
		if len(given) > 0 {
			return nil, usage("AG0113", "Write them all as name=value, or all as JSON.", "--args and %s are two ways to give arguments", given[0])
		}
		raw := []byte(c.String("args"))
		if err := checkJSON(raw); err != nil {
			return nil, usage("AG0113", `Arguments are a JSON object: --args '{"sku":"tea"}'`, "--args: %w", err)
		}
		return repo.JSONArgs(action, raw)
	}
	text := make(map[string]string, len(given))
	for _, g := range given {
		name, value, ok := strings.Cut(g, "=")
		if !ok || name == "" {
			return nil, usage("AG0113", "aergo call CONTRACT.ACTION "+form(action), "%q is not name=value", g)
		}
		if _, twice := text[name]; twice {
			return nil, usage("AG0113", "", "argument %s is given twice", name)
		}
		if !utf8.ValidString(g) {
			return nil, usage("AG0113", "Bytes that are no text are a BLOB: name=0x00ff", "argument %s is not UTF-8", clean(name))
		}
		text[name] = value
	}
	args, err := repo.ParseArgs(action, text)
	if f := fault.Of(err); f != nil && f.Next == "" {
		f.Next = action.Name + " " + form(action)
	}
	return args, err
}

// form is how the arguments of an action are written: "sku=TEXT [stock=INTEGER]".
func form(action *sqlcontract.Action) string {
	parts := make([]string, len(action.Params))
	for i, p := range action.Params {
		parts[i] = p.Name + "=" + p.Type
		if p.HasDefault {
			parts[i] = "[" + parts[i] + "]"
		}
	}
	return strings.Join(parts, " ")
}

func (a *app) callReadOnly(r *repo.Repository, rev string, call repo.Call) error {
	var report sqlcontract.Report
	r.Observe(report.Observe)
	columns, rows, gas, err := r.CallReadOnly(a.ctx, rev, a.account(), call)
	if err != nil {
		return a.explained(callFailed(call.Contract+"."+call.Action, repo.Result{}, err), report.Refusal, a.account())
	}
	if a.json {
		return a.emit(resultJSON{
			Call: call.Contract + "." + call.Action, Status: sqlcontract.StatusOK.String(), Gas: gas,
			Columns: columns, Rows: objects(columns, rows), Changes: []rowJSON{},
		})
	}
	return a.printRows(columns, rows)
}

func (a *app) printRows(columns []string, rows [][]any) error {
	format, err := a.format()
	if err != nil {
		return err
	}
	w, err := a.rows(format, columns)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := w.Row(row); err != nil {
			return err
		}
	}
	return w.Close()
}

func eventText(e sqlcontract.Event) string {
	parts := make([]string, 0, len(e.Fields))
	for i, f := range e.Fields {
		if i < len(e.Values) {
			parts = append(parts, f+"="+cell(e.Values[i]))
		}
	}
	return "event " + e.Contract + "." + e.Name + "  " + strings.Join(parts, " ")
}
