package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

type verifyJSON struct {
	OK           bool         `json:"ok"`
	Full         bool         `json:"full"`
	Ledger       string       `json:"ledger"`
	Blocks       int          `json:"blocks"`
	Signatures   int          `json:"signatures"`
	Transactions int          `json:"transactions"`
	Executed     int          `json:"executed"`
	OtherEngine  int          `json:"other_engine"`
	Nodes        int          `json:"nodes"`
	Rows         uint64       `json:"rows"`
	Erased       int          `json:"erased"`
	DirBlocks    int          `json:"directory_blocks"`
	Notices      []noticeJSON `json:"notices,omitempty"` // what a newer directory of the origin says against its blocks
}

func (a *app) verifyCommand() *ucli.Command {
	return &ucli.Command{
		Name: "verify", Usage: "check everything", Category: "trust",
		Description: "Every block's signature, permission and content, and every state from its change\n" +
			"sets. --full executes every transaction again as well. Exit status 6 when\nanything is not as it says.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "full", Usage: "execute every transaction again"},
		},
		Action: a.verify,
	}
}

func (a *app) verify(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "verify [--full]"); err != nil {
		return err
	}
	r, err := a.openMoved()
	if err != nil {
		return err
	}
	bar := a.progress("blocks", -1)
	report, err := r.Verify(a.ctx, repo.VerifyOptions{Full: c.Bool("full"), Progress: bar.set})
	bar.end()
	if err != nil {
		return err
	}
	if a.json {
		j := verifyJSON{
			true, c.Bool("full"), id(r.Ledger()), report.Blocks, report.Signatures, report.Transactions, report.Executed,
			report.OtherEngine, report.Nodes, report.Rows, report.Erased, report.DirBlocks, nil,
		}
		for _, n := range report.Notices {
			j.Notices = append(j.Notices, noticeJSON(n))
		}
		return a.emit(j)
	}
	executed := plural(report.Transactions, "transaction")
	if c.Bool("full") {
		executed = plural(report.Executed, "transaction") + " re-executed"
	}
	a.done("%s, %s, %s, %s of change, %s of state, %s.", plural(report.Blocks, "block"), plural(report.Signatures, "signature"),
		executed, plural(int(report.Rows), "row"), plural(report.Nodes, "node"), plural(report.DirBlocks, "directory block"))
	for _, n := range []struct {
		n    int
		what string
	}{{report.Erased, "with erased arguments"}, {report.Unexecuted, "blocks not executed again for want of arguments: checked by changes and signatures"}, {report.OtherEngine, "blocks of engines that this program does not have, not executed again: checked by changes and signatures"}} {
		if n.n > 0 {
			a.say("  %s", fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	a.unusual(report.Notices, true)
	if !c.Bool("full") {
		a.next("aergo verify --full executes every transaction again")
	}
	return nil
}
