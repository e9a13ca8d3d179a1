package cli

import (
	"errors"
	"os"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (a *app) submitCommand() *ucli.Command {
	return &ucli.Command{
		Name: "submit", Usage: "run what others have signed", ArgsUsage: "FILE", Category: "work",
		Description: "FILE holds calls signed with aergo call … --sign-only; - is standard input. The branch's\n" +
			"producer puts them into one block. Each is verified, its signer needs the right to write, and\n" +
			"each gets its verdict: included, failed (its contract refused it, and the block records that)\n" +
			"or not admitted (no trace). Exit status 7 when not all were included.",
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
	if err := nargs(c, 1, 1, "submit FILE"); err != nil {
		return err
	}
	data, err := a.readText(c.Args().First(), maxSigned)
	if err != nil {
		return err
	}
	txs, err := repo.DecodeSigned([]byte(data))
	if err != nil {
		return err
	}
	if len(txs) == 0 {
		return usage("AG0113", "aergo call CONTRACT.ACTION … --sign-only -o FILE", "%s holds no signed call", c.Args().First())
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	branch, dry := c.String("branch"), c.Bool("dry-run")
	var answers []repo.Submission
	if dry {
		answers = r.Inspect(txs)
	} else {
		key, err := a.key()
		if err != nil {
			return err
		}
		if answers, err = r.Submit(a.ctx, key, branch, txs); err != nil {
			return err
		}
	}
	if branch == "" {
		branch = r.Current()
	}
	sum := submitJSON{Branch: branch, Verdicts: []submissionJSON{}}
	for _, s := range answers {
		v := a.submission(s, dry)
		sum.Verdicts = append(sum.Verdicts, v)
		switch v.Verdict {
		case "included":
			sum.Included++
		case "failed":
			sum.Failed++
		case "not admitted":
			sum.NotAdmitted++
		}
		if sum.Block == "" {
			sum.Block = id(s.Block)
		}
	}
	if a.json {
		if err := a.emit(sum); err != nil {
			return err
		}
	}
	refused := sum.Failed + sum.NotAdmitted
	switch {
	case dry:
		a.done("%s, %d not good. Nothing was run.", plural(len(txs), "signed transaction"), refused)
	case sum.Block != "":
		a.done("Block %s%s: %d included, %d failed, %d not admitted.", sum.Block[:7], a.onBranch(c.String("branch")), sum.Included, sum.Failed, sum.NotAdmitted)
	}
	if refused > 0 {
		return fault.New("AG0490", "Each stands above with its reason. What was not admitted left no trace and can be signed again.", "%d of %s refused", refused, plural(len(txs), "transaction"))
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
	switch j.Verdict {
	case "included":
		a.say("  %s %s  %s", a.paint("32", "✓"), what, changed(s.Changes))
	case "signed":
		a.say("  %s %s", a.paint("32", "✓"), what)
	default:
		a.say("  %s %s  %s: %s [%s]", a.paint("31", "✗"), what, j.Verdict, clean(j.Reason), j.Code)
		if j.Next != "" {
			a.say("      %s", clean(j.Next))
		}
	}
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
	f, err := os.OpenFile(a.path(out), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", out, err)
	}
	_, err = f.WriteString(line)
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", out, err)
	}
	if a.json {
		return a.emit(map[string]any{"file": out, "transaction": id(tx.ID()), "ledger": id(r.Ledger()), "account": string(repo.AccountOf(key))})
	}
	a.done("%s.%s signed, not run; added to %s.", call.Contract, call.Action, out)
	a.next("the branch's producer runs it: aergo submit %s", shellWord(out))
	return nil
}
