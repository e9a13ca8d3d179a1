package cli

import (
	"crypto"
	"os"
	"strconv"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (a *app) submitCommand() *ucli.Command {
	return &ucli.Command{
		Name: "submit", Usage: "run what others have signed", ArgsUsage: "FILE|ID", Category: "work",
		Description: "FILE holds calls signed with aergo call … --sign-only; - is standard input; ID is of something\n" +
			"that waited here for signatures (aergo dd pending) and has them. The branch's\n" +
			"producer puts them into one block. Each is verified, its signer needs the right to write, and\n" +
			"each gets its verdict: included, failed (its contract refused it, and the block records that)\n" +
			"or not admitted (no trace). Operations of the directory, signed with --sign-only too, are put into\n" +
			"directory blocks. Exit status 7 when not all were included.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "on branch `B`, not the current one"},
			&ucli.BoolFlag{Name: "dry-run", Usage: "say what is in the file and who signed it; run nothing"},
		},
		Action: a.submit,
	}
}

type submitJSON struct {
	Branch      string           `json:"branch"`
	Block       string           `json:"block"` // "" where nothing was admitted
	Included    int              `json:"included"`
	Failed      int              `json:"failed"`
	NotAdmitted int              `json:"not_admitted"`
	Verdicts    []submissionJSON `json:"verdicts"`
}

type submissionJSON struct {
	Verdict     string    `json:"verdict"`     // included, failed, not admitted; with --dry-run signed, or not admitted
	Transaction string    `json:"transaction"` // with call and account: "" where its signature is not good
	Call        string    `json:"call"`
	Account     string    `json:"account"`
	Code        string    `json:"code"`
	Reason      string    `json:"reason"`
	Next        string    `json:"next"`
	Gas         uint64    `json:"gas"`
	Changes     []rowJSON `json:"changes"`
}

func (a *app) submit(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "submit FILE|ID"); err != nil {
		return err
	}
	if what := c.Args().First(); isID(what) && !c.Bool("dry-run") {
		if _, err := os.Stat(a.path(what)); err != nil {
			return a.proposalSubmit(c)
		}
	}
	data, err := a.readText(c.Args().First(), maxSigned)
	if err != nil {
		return err
	}
	txs, ops, err := repo.DecodeSigned([]byte(data))
	if err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	proposals, err := r.ReadProposals([]byte(data))
	if err != nil {
		return err
	}
	if len(txs)+len(ops)+len(proposals) == 0 {
		return usage("AG0113", "aergo call CONTRACT.ACTION … --sign-only -o FILE", "%s holds no signed call", c.Args().First())
	}
	branch, dry := c.String("branch"), c.Bool("dry-run")
	rest := proposals[:0]
	for _, p := range proposals { // those that are whole run in one block with the others
		t, ok, err := r.WholeTransaction(p)
		if err != nil && !fault.Is(err, "AG0505") {
			return err
		}
		if ok && err == nil {
			txs = append(txs, t)
		} else {
			rest = append(rest, p)
		}
	}
	var answers []repo.Submission
	var key crypto.Signer
	if dry {
		answers = r.Inspect(txs)
	} else {
		if key, err = a.key(); err != nil {
			return err
		}
		if len(txs) > 0 {
			if answers, err = r.Submit(a.ctx, key, branch, txs); err != nil {
				return err
			}
		}
	}
	if branch == "" {
		branch = r.Current()
	}
	sum := submitJSON{Branch: branch, Verdicts: []submissionJSON{}}
	verdicts := make([]submissionJSON, len(answers))
	for i, s := range answers {
		verdicts[i] = a.submission(s, dry)
		if sum.Block == "" {
			sum.Block = id(s.Block)
		}
	}
	for _, op := range ops {
		verdicts = append(verdicts, a.order(r, key, op))
	}
	for _, p := range rest {
		verdicts = append(verdicts, a.orderProposal(r, key, p))
	}
	for _, v := range verdicts {
		sum.Verdicts = append(sum.Verdicts, v)
		switch v.Verdict {
		case "included":
			sum.Included++
		case "failed":
			sum.Failed++
		case "not admitted":
			sum.NotAdmitted++
		}
	}
	n := len(verdicts)
	if a.json {
		if err := a.emit(sum); err != nil {
			return err
		}
	}
	refused := sum.Failed + sum.NotAdmitted
	switch {
	case dry:
		a.done("%s, %d not good. Nothing was run.", plural(n, "signed request"), refused)
	case sum.Block != "":
		a.done("Block %s%s: %d included, %d failed, %d not admitted.", sum.Block[:7], a.onBranch(c.String("branch")), sum.Included, sum.Failed, sum.NotAdmitted)
	}
	if refused > 0 {
		return fault.New("AG0490", "Each stands above with its reason. What was not admitted left no trace and can be signed again.", "%d of %s refused", refused, plural(n, "signed request"))
	}
	return nil
}

// submission prints the verdict on one transaction and gives it as a record.
func (a *app) submission(s repo.Submission, dry bool) submissionJSON {
	j := submissionJSON{
		Verdict: "included", Transaction: id(s.Summary.Transaction), Call: s.Summary.Text, Account: string(s.Summary.Account),
		Gas: s.Receipt.Gas, Changes: rowsJSON(s.Changes),
	}
	switch f := fault.Of(s.Err); {
	case s.Err != nil:
		j.Verdict, j.Reason = "not admitted", s.Err.Error()
		if f != nil {
			j.Code, j.Next = f.ID, f.Next
		}
	case dry:
		j.Verdict = "signed"
	case s.Receipt.Status != sqlcontract.StatusOK:
		j.Verdict, j.Code, j.Reason = "failed", s.Receipt.Code, reasonOf(s.Receipt)
	}
	what := "a transaction that cannot be believed"
	if j.Call != "" {
		what = clean(j.Call) + " by " + a.who(s.Summary.Account)
	}
	a.tellVerdict(j, what, changed(s.Changes))
	return j
}

// tellVerdict prints what became of a request.
func (a *app) tellVerdict(j submissionJSON, what, done string) {
	switch j.Verdict {
	case "included":
		a.say("  %s %s  %s", a.paint("32", "✓"), what, done)
	case "signed":
		a.say("  %s %s", a.paint("32", "✓"), what)
	default:
		a.say("  %s %s  %s: %s [%s]", a.paint("31", "✗"), what, j.Verdict, clean(j.Reason), j.Code)
		if j.Next != "" {
			a.say("      %s", clean(j.Next))
		}
	}
}

// order makes a directory block of a signed operation; without a key it only
// says what is asked for.
func (a *app) order(r *repo.Repository, key crypto.Signer, op dd.SignedOperation) submissionJSON {
	if key == nil {
		o, err := r.InspectOperation(op)
		return a.ordered(op.ID(), "signed", o, err)
	}
	o, err := r.SubmitOperation(a.ctx, key, op)
	return a.ordered(op.ID(), "included", o, err)
}

// orderProposal does the same with a proposal. One that lacks signatures is kept.
func (a *app) orderProposal(r *repo.Repository, key crypto.Signer, p repo.Proposal) submissionJSON {
	if key == nil {
		return a.verdictOn(p.ID, "signed", p.Text(a.who), p.Account, "", p.Problem)
	}
	kept, err := r.KeepProposal(p)
	if err != nil {
		return a.verdictOn(p.ID, "", p.Text(a.who), p.Account, "", err)
	}
	did, err := r.CompleteProposal(a.ctx, key, kept)
	where := "kept for the merge"
	if did.Approval == nil {
		where = directoryBlock(did.Operation)
	}
	a.names = nil // it may have named somebody
	return a.verdictOn(p.ID, "included", p.Text(a.who), p.Account, where, err)
}

func directoryBlock(o repo.DirectoryOperation) string {
	return "directory block #" + strconv.FormatUint(o.Number, 10)
}

func (a *app) ordered(operation objectstore.Hash, verdict string, o repo.DirectoryOperation, err error) submissionJSON {
	if err != nil {
		return a.verdictOn(operation, verdict, "", "", "", err)
	}
	a.names = nil // it may have named somebody
	return a.verdictOn(operation, verdict, o.Text(a.who), o.Account, directoryBlock(o), nil)
}

// verdictOn prints the verdict on what is no transaction and gives it as a record.
func (a *app) verdictOn(operation objectstore.Hash, verdict, text string, account objectstore.Account, where string, err error) submissionJSON {
	j := submissionJSON{Verdict: verdict, Transaction: id(operation), Call: text, Account: string(account), Changes: []rowJSON{}}
	if err != nil {
		j.Verdict, j.Reason = "not admitted", err.Error()
		if f := fault.Of(err); f != nil {
			j.Code, j.Next = f.ID, f.Next
		}
	}
	what := "an operation of the directory"
	if text != "" {
		what = clean(text) + " by " + a.who(account)
	}
	a.tellVerdict(j, what, where)
	return j
}

// signCall signs a call and adds it to a file of signed calls.
func (a *app) signCall(r *repo.Repository, call repo.Call) error {
	key, err := a.key()
	if err != nil {
		return err
	}
	tx, err := r.Sign(key, call)
	if err != nil {
		return err
	}
	line, err := repo.EncodeSigned(tx)
	if err != nil {
		return err
	}
	out := a.cmd.String("output")
	if out == "" || out == "-" {
		_, err := a.out.WriteString(line)
		return err
	}
	if err := appendFile(a.path(out), line); err != nil {
		return err
	}
	if a.json {
		account, err := r.AccountFor(key)
		if err != nil {
			return err
		}
		return a.emit(map[string]any{"file": out, "transaction": id(tx.ID()), "ledger": id(r.Ledger()), "account": string(account)})
	}
	a.done("%s.%s signed, not run; added to %s.", call.Contract, call.Action, out)
	a.next("the branch's producer runs it: aergo submit %s", shellWord(out))
	return nil
}
