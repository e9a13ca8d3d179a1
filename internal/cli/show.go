package cli

import (
	"strconv"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

type blockJSON struct {
	entryJSON
	State            string     `json:"state"`
	TransactionsRoot string     `json:"transactions_root"`
	ReceiptsRoot     string     `json:"receipts_root"`
	ChangesRoot      string     `json:"changes_root"`
	Directory        string     `json:"directory"`
	Engine           uint64     `json:"engine"`
	Rows             uint64     `json:"rows"`
	Merge            *mergeJSON `json:"merge,omitempty"`
}

func (a *app) showCommand() *ucli.Command {
	return &ucli.Command{
		Name: "show", Usage: "show a block or a transaction", ArgsUsage: "[REV|TRANSACTION]", Category: "work",
		Description: "Of a transaction: what it asked for, the verdict and why, the rows and events,\n" +
			"and what each statement did and cost. For the last it is executed again, in memory,\n" +
			"and must come out as it is recorded. Where that would take long it is left out:\n" +
			"--trace does it all the same, --no-trace never.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "trace", Usage: "execute a transaction again however long it takes"},
			&ucli.BoolFlag{Name: "no-trace", Usage: "show what is recorded, execute nothing"},
		},
		Action: a.show,
	}
}

func (a *app) show(c *ucli.Context) error {
	r, err := a.begin(c, 0, 1, "show [REV|TRANSACTION]")
	if err != nil {
		return err
	}
	if c.Bool("trace") && c.Bool("no-trace") {
		return usage("AG0111", "", "--trace and --no-trace are opposites")
	}
	name := c.Args().First()
	block, err := r.Block(name)
	if err == nil {
		return a.showBlock(block)
	}
	if exitStatus(err) != 3 {
		return err
	}
	tx, txErr := r.Transaction(name)
	switch {
	case txErr == nil:
		return a.showTransaction(c, r, tx)
	case exitStatus(txErr) == 3:
		return fault.New("AG0223", "aergo log shows what there is.", "there is no branch, tag, block or transaction %q", name)
	}
	return txErr
}

func (a *app) showBlock(b repo.BlockInfo) error {
	if a.json {
		j := blockJSON{
			entryJSON: entryOf(b.Entry), State: id(b.State), TransactionsRoot: id(b.TransactionsRoot),
			ReceiptsRoot: id(b.ReceiptsRoot), ChangesRoot: id(b.ChangesRoot), Directory: id(b.Directory),
			Engine: b.Engine, Rows: b.Rows,
		}
		if b.Merge != nil {
			m := mergeOf(*b.Merge)
			j.Merge = &m
		}
		return a.emit(j)
	}
	lines := [][]string{
		{"block", id(b.ID)},
		{"number", strconv.FormatUint(b.Number, 10) + " on " + clean(b.Branch)},
		{"time", date(b.Time)},
		{"producer", a.whoFull(b.Producer)},
	}
	for _, p := range b.Parents {
		lines = append(lines, []string{"parent", id(p)})
	}
	lines = append(lines, []string{"state", id(b.State)}, []string{"directory", id(b.Directory)},
		[]string{"rows", strconv.FormatUint(b.Rows, 10) + " changed"})
	a.columns(lines)
	if b.Merge != nil {
		a.say("merge %s: %d included, %d excluded", b.Merge.Kind, b.Merge.Included, b.Merge.Excluded)
		if len(b.Merge.Approved) > 0 {
			a.say("  approved by %s", a.approvers(b.Merge.Approved))
		}
		a.receipts(*b.Merge)
		if !b.Merge.Patch.IsZero() {
			a.say("  %s  patch by %s: %s chosen", b.Merge.Patch.Short(), a.who(b.Producer), plural(len(b.Merge.Chosen), "cell"))
		}
		for _, c := range b.Merge.Chosen {
			what := c.Take.String()
			if c.Take == merge.Value {
				what += " to " + shortCell(c.Value)
			}
			a.say("    %s  %s", clean(chosenOf(c).Path), what)
		}
		return nil
	}
	for _, c := range b.Calls {
		a.say("  %s  %s", c.Transaction.Short(), a.callLine(c, b.Producer))
	}
	return nil
}

// whoFull is an account in full, with what this user calls it.
func (a *app) whoFull(account objectstore.Account) string {
	if n, ok := a.nameOf(account); ok {
		return string(account) + " (" + n + ")"
	}
	return string(account)
}
