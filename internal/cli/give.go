package cli

import (
	"crypto"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

type originJSON struct {
	Ledger    string `json:"ledger"`
	Block     string `json:"block"` // the last one of it here
	Number    uint64 `json:"number"`
	Time      string `json:"time"`
	Branch    string `json:"branch"` // "" if its directory does not know it
	Directory string `json:"directory"`
}

func originOf(o *repo.Origin) *originJSON {
	if o == nil {
		return nil
	}
	return &originJSON{id(o.Ledger), id(o.Block), o.Number, timeJSON(o.Time), o.Branch, id(o.Directory)}
}

type takenJSON struct {
	originJSON
	Public       bool  `json:"public"`
	Objects      int   `json:"objects"`
	Bytes        int64 `json:"bytes"`
	Blocks       int   `json:"blocks"`
	Signatures   int   `json:"signatures"`
	Transactions int   `json:"transactions"`
	Executed     bool  `json:"executed"` // each again; otherwise states, rights and signatures only
}

func takenOf(t *repo.Copied) *takenJSON {
	if t == nil {
		return nil
	}
	v := t.Verification
	return &takenJSON{*originOf(&t.Origin), t.Public, t.Objects, t.Bytes, v.Blocks, v.Signatures, v.Transactions, t.Executed}
}

// initPrivate makes a private branch of the ledger that --origin names.
func (a *app) initPrivate(c *ucli.Context, dir string, key crypto.Signer, threshold uint64) (r *repo.Repository, taken *repo.Copied, err error) {
	from := repo.ParseFrom(a.path(c.String("origin")))
	if text := c.String("ledger"); text != "" {
		h, err := objectstore.ParseHash(text)
		if err != nil {
			return nil, nil, usage("AG0112", "A beginning proves nothing here: write all 64 digits.", "--ledger: %w", err)
		}
		from.Ledger = &h
	}
	bar := a.progress("blocks", -1)
	defer bar.end()
	from.Progress = bar.set
	var did repo.Copied
	r, did, err = repo.InitPrivate(a.ctx, dir, key, from, repo.Options{Threshold: threshold})
	return r, &did, err
}

// sayTaken tells what a private branch goes on from.
func (a *app) sayTaken(t repo.Copied, name string, known bool) {
	v := t.Verification
	executed := plural(v.Transactions, "transaction")
	if t.Executed {
		executed = plural(v.Executed, "transaction") + " re-executed"
	}
	a.done("Private branch %s of ledger %s, from block %s (number %d).  id %s", name, t.Ledger.Short(), t.Block.Short(), t.Number, id(a.repo.Ledger()))
	a.say("  verified: %s, %s, %s", plural(v.Blocks, "block"), plural(v.Signatures, "signature"), executed)
	if !t.Public {
		a.say("  The origin is private: your key has a role there. What you pass on is in your hands.")
	}
	if !t.Executed {
		a.say("  It is long: states and signatures are checked. aergo verify --full executes it again.")
	}
	if !known {
		a.say("  Compare the origin's ledger id by another channel: %s", id(t.Ledger))
	}
}

func (a *app) giveCommand() *ucli.Command {
	return &ucli.Command{
		Name: "give", Usage: "give calls of a private branch to its origin", ArgsUsage: "TX…", Category: "work",
		Description: "Signs your calls of a private branch (aergo init NAME --origin PATH) again, for the origin:\n" +
			"same action, same arguments, and the private transaction's id as provenance. Nothing else of\n" +
			"the private branch goes there. -o FILE adds them to a file for the origin's producer, who runs\n" +
			"aergo submit FILE; --to PATH runs them at once in the origin's folder, where you are its\n" +
			"producer. A call given twice counts once. Only what you signed yourself can be given.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "to", Usage: "run them in the origin's folder `PATH`"},
			&ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "add them to `FILE`"},
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "on the origin's branch `B`, not the one it was left on"},
		},
		Action: a.give,
	}
}

type givenJSON struct {
	File    string       `json:"file"`
	Given   []giftJSON   `json:"given"`
	Notices []noticeJSON `json:"notices,omitempty"` // what the origin says against its blocks here
}

type giftJSON struct {
	Transaction string `json:"transaction"` // for the origin
	Provenance  string `json:"provenance"`  // of the private branch
	Call        string `json:"call"`
}

func (a *app) give(c *ucli.Context) error {
	const form = "give TX… -o FILE | --to PATH"
	if err := nargs(c, 1, -1, form); err != nil {
		return err
	}
	if c.IsSet("to") == c.IsSet("output") {
		return usage("AG0113", "aergo "+form, "say where to: a file (-o) or the origin's folder (--to)")
	}
	r, key, err := a.openSigning()
	if err != nil {
		return err
	}
	notices, err := r.OriginNotices()
	if err != nil {
		return err
	}
	for _, n := range notices {
		a.note("! %s %s", n.Code, clean(n.Text))
	}
	if c.IsSet("to") {
		return a.giveTo(c, r, key)
	}
	txs, err := r.Give(key, c.String("branch"), c.Args().Slice())
	if err != nil {
		return err
	}
	sum := givenJSON{File: c.String("output")}
	for _, n := range notices {
		sum.Notices = append(sum.Notices, noticeJSON(n))
	}
	text := ""
	for i, t := range txs {
		line, err := repo.EncodeSigned(t)
		if err != nil {
			return err
		}
		was, err := r.Transaction(c.Args().Get(i))
		if err != nil {
			return err
		}
		text += line
		sum.Given = append(sum.Given, giftJSON{id(t.ID()), id(was.ID), was.Text})
	}
	if sum.File == "-" {
		_, err := a.out.WriteString(text)
		return err
	}
	if err := appendFile(a.path(sum.File), text); err != nil {
		return err
	}
	if a.json {
		return a.emit(sum)
	}
	for _, g := range sum.Given {
		a.say("  %s  %s", g.Transaction[:7], clean(g.Call))
	}
	a.done("%s signed for the origin, not run; added to %s.", plural(len(txs), "call"), sum.File)
	a.next("the origin's producer runs it: aergo submit %s", shellWord(sum.File))
	return nil
}

// giveTo runs them in the origin's folder.
func (a *app) giveTo(c *ucli.Context, r *repo.Repository, key crypto.Signer) error {
	origin, err := repo.Open(a.path(c.String("to")), repo.Options{})
	if err != nil {
		return err
	}
	defer origin.Close()
	answers, err := r.GiveTo(a.ctx, key, origin, c.String("branch"), c.Args().Slice())
	if err != nil {
		return err
	}
	sum := submitJSON{Branch: c.String("branch"), Verdicts: []submissionJSON{}}
	for _, s := range answers {
		v := a.submission(s, false)
		sum.Verdicts = append(sum.Verdicts, v)
		switch {
		case s.Err != nil:
			sum.NotAdmitted++
		case v.Verdict == "failed":
			sum.Failed++
		default:
			sum.Included++
		}
		if sum.Block == "" {
			sum.Block, sum.Branch = id(s.Block), s.Branch
		}
	}
	if a.json {
		if err := a.emit(sum); err != nil {
			return err
		}
	} else if sum.Block != "" {
		a.done("Block %s of the origin, on %s: %d included, %d failed, %d not admitted.", sum.Block[:7], clean(sum.Branch), sum.Included, sum.Failed, sum.NotAdmitted)
	}
	if refused := sum.Failed + sum.NotAdmitted; refused > 0 {
		return fault.New("AG0490", "Each stands above with its reason.", "%d of %s refused", refused, plural(len(answers), "call"))
	}
	return nil
}
