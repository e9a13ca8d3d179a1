package cli

import (
	"os"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) directoryCommand() *ucli.Command {
	output := &ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`"}
	count := &ucli.IntFlag{Name: "limit", Aliases: []string{"n"}, Usage: "show `N` operations"}
	return &ucli.Command{
		Name: "dd", Usage: "the directory: who may do what, what is registered, and who decides", Category: "trust",
		Subcommands: append([]*ucli.Command{
			{
				Name: "show", Usage: "show identities, grants, branches and tags", Action: a.directoryShow,
				Flags: []ucli.Flag{&ucli.BoolFlag{Name: "all", Usage: "show all of each list"}},
				Description: "One screen of what the directory says: of long lists what matters most, such as admins, what\n" +
					"is protected, and what is new. What is unusual stands at the end, with a mark. --json is whole.\n" +
					"As SQL: dd.identities, dd.grants, dd.branches, dd.tags, dd.peers, dd.log, see docs/reference/history.md",
			},
			{
				Name: "log", Usage: "list the operations, newest first", Flags: []ucli.Flag{count, allFlag()}, Action: a.directoryLog,
				Description: "Directory block, time, who, what. With --json one line of JSON for each.",
			},
			{
				Name: "watch", Usage: "tell each change as it comes, until interrupted", Action: a.directoryWatch,
				Description: "A change's sequence is the number of its directory block; --from N begins with those of\n" +
					"block N. The repository is free for others in between. With --json one line of JSON for each.",
				Flags: []ucli.Flag{
					&ucli.Int64Flag{Name: "from", Usage: "begin at directory block `SEQ`; otherwise with what comes next", Value: -1},
					count,
				},
			},
			{
				Name: "verify", Usage: "check the directory from the genesis on", ArgsUsage: "[FILE]", Action: a.directoryVerify,
				Description: "Every signature, every right and every state, of the directory here or of one that was\n" +
					"exported. Nothing but the ledger id is believed. Exit status 6 when anything is not as it says.\n" +
					"Two chains of one producer, whose proof is kept or in FILE, are told; they make no error.",
				Flags: []ucli.Flag{&ucli.StringFlag{Name: "ledger", Usage: "it must be of ledger `ID`; in a repository, of its ledger"}},
			},
			{
				Name: "export", Usage: "write the whole directory, for a stranger to verify", Flags: []ucli.Flag{output}, Action: a.directoryExport,
				Description: "Genesis and every directory block with its signatures, in one file: aergo dd verify FILE",
			},
			a.directoryImportCommand(),
		}, append(a.proposalCommands(), a.rootCommands()...)...),
	}
}

type directoryJSON struct {
	Ledger     string                `json:"ledger"`
	Owner      string                `json:"owner"`
	Producer   string                `json:"producer"`
	Threshold  uint64                `json:"threshold"`
	Public     bool                  `json:"public"`
	Engine     uint64                `json:"engine"`
	Created    string                `json:"created"`
	Block      string                `json:"block"`
	Number     uint64                `json:"number"`
	Time       string                `json:"time"`
	Identities []identityJSON        `json:"identities"`
	Grants     []grantJSON           `json:"grants"`
	Branches   []directoryBranchJSON `json:"branches"`
	Tags       []tagJSON             `json:"tags"`
	Peers      []peerJSON            `json:"peers"`
	Notices    []noticeJSON          `json:"notices"`
}

type grantJSON struct {
	Role    string `json:"role"`
	Pattern string `json:"pattern"`
	Account string `json:"account"`
	By      string `json:"by"`
	Since   string `json:"since"`
}

func grantOf(g dd.RoleRecord) grantJSON {
	return grantJSON{string(g.Role), g.Pattern, string(g.Account), string(g.By), timeJSON(timeOf(g.Since))}
}

type directoryBranchJSON struct {
	Name     string `json:"name"`
	ID       string `json:"id"`
	Producer string `json:"producer"`
	Epoch    uint64 `json:"epoch"`
	Policy   string `json:"policy"`
	// Protection is null where it is not protected.
	Protection *protectionJSON `json:"protection"`
	Registered string          `json:"registered"`
	Local      string          `json:"local"` // its name here; "" where it is not here
	Head       string          `json:"head"`
	Number     uint64          `json:"number"`
	Statement  *publishedJSON  `json:"statement"` // null: none is known
}

type publishedJSON struct {
	Sequence uint64 `json:"sequence"`
	Block    string `json:"block"`
	Time     string `json:"time"`
	Expiry   string `json:"expiry"`
}

type noticeJSON struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Next string `json:"next"`
}

func directoryOf(d repo.DirectoryInfo) directoryJSON {
	j := directoryJSON{
		Ledger: id(d.Ledger), Owner: string(d.Owner), Producer: string(d.Producer), Threshold: d.Threshold, Public: d.Public,
		Engine: d.Engine, Created: timeJSON(d.Created), Block: id(d.Block), Number: d.Number, Time: timeJSON(d.Time),
		Identities: identitiesOf(d.Identities), Grants: []grantJSON{}, Branches: []directoryBranchJSON{}, Tags: []tagJSON{}, Peers: peersOf(d.Peers), Notices: []noticeJSON{},
	}
	for _, g := range d.Grants {
		j.Grants = append(j.Grants, grantOf(g))
	}
	for _, b := range d.Branches {
		n := directoryBranchJSON{
			Name: b.Name, ID: id(b.ID), Producer: string(b.Producer), Epoch: b.Epoch, Policy: b.Policy, Protection: protectionOf(repo.ProtectionOf(b.Branch)),
			Registered: timeJSON(timeOf(b.Registered)), Local: b.Local, Head: id(b.Head), Number: b.Number,
		}
		if s := b.Statement; s != nil {
			n.Statement = &publishedJSON{s.Sequence, id(s.Block), timeJSON(timeOf(s.Time)), timeJSON(timeOf(s.Expiry))}
		}
		j.Branches = append(j.Branches, n)
	}
	for _, t := range d.Tags {
		j.Tags = append(j.Tags, tagRecord(t))
	}
	for _, n := range d.Notices {
		j.Notices = append(j.Notices, noticeJSON(n))
	}
	return j
}

type directoryReportJSON struct {
	OK          bool   `json:"ok"`
	Ledger      string `json:"ledger"`
	LedgerKnown bool   `json:"ledger_known"` // false: compare the ledger id by another channel
	Owner       string `json:"owner"`
	Producer    string `json:"producer"`
	Blocks      int    `json:"blocks"`
	Operations  int    `json:"operations"`
	Block       string `json:"block"`
	Time        string `json:"time"`
	State       string `json:"state"`
	// Fork is two blocks that prove that the producer made two chains.
	Fork []string `json:"fork,omitempty"`
}

func (a *app) directoryVerify(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "dd verify [FILE] [--ledger ID]"); err != nil {
		return err
	}
	ledger, err := a.expectedLedger(c)
	if err != nil {
		return err
	}
	var rep repo.DirectoryReport
	if c.NArg() == 1 {
		data, err := a.readText(c.Args().First(), maxProof)
		if err != nil {
			return err
		}
		rep, err = repo.VerifyDirectoryFile([]byte(data), ledger)
		if err != nil {
			return err
		}
	} else {
		r, err := a.open()
		if err != nil {
			return err
		}
		if *ledger != r.Ledger() {
			return fault.New("AG0601", "aergo status shows the ledger of this folder.", "this is ledger %s, not %s", r.Ledger(), *ledger)
		}
		if rep, err = r.VerifyDirectory(a.ctx); err != nil {
			return err
		}
	}
	if a.json {
		return a.emit(directoryReportJSON{
			true, id(rep.Ledger), ledger != nil, string(rep.Owner), string(rep.Producer), rep.Blocks, rep.Operations, id(rep.Block), timeJSON(rep.Time), id(rep.State), forkOf(rep.Fork),
		})
	}
	a.done("%s, %s: every signature, right and state from the genesis on.", plural(rep.Blocks, "directory block"), plural(rep.Operations, "operation"))
	a.columns([][]string{{"  ledger", id(rep.Ledger)}, {"  owner", a.whoFull(rep.Owner)}, {"  last", "block " + rep.Block.Short() + ", " + date(rep.Time)}})
	if rep.Fork != nil {
		a.say("  %s AG0607 %s. Its admins have not decided.", a.paint("33", "!"), clean(a.forkText(*rep.Fork)))
	}
	if ledger == nil {
		a.say("  Compare the ledger id by another channel, or give it: --ledger ID")
	}
	return nil
}

func (a *app) directoryExport(c *ucli.Context) error {
	r, err := a.begin(c, 0, 0, "dd export -o FILE")
	if err != nil {
		return err
	}
	data, err := r.ExportDirectory(a.account())
	if err != nil {
		return err
	}
	out := c.String("output")
	if out == "" || out == "-" {
		if a.outTerminal {
			return usage("AG0113", "aergo dd export -o FILE", "a directory's file is binary and would be printed on this terminal")
		}
		_, err := a.out.Write(data)
		return err
	}
	if err := os.WriteFile(a.path(out), data, 0o644); err != nil {
		return fault.New("AG0220", "", "the directory cannot be written: %w", err)
	}
	if a.json {
		return a.emit(map[string]any{"file": out, "bytes": len(data), "ledger": id(r.Ledger())})
	}
	a.done("Directory in %s, %d bytes.", out, len(data))
	a.next("aergo dd verify %s --ledger %s", out, id(r.Ledger()))
	return nil
}
