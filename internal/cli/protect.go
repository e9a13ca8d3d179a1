package cli

import (
	"crypto"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// protectCommands are the sub-verbs of aergo branch.
func (a *app) protectCommands() []*ucli.Command {
	return []*ucli.Command{
		{
			Name: "protect", Usage: "bind what comes to a registered branch", ArgsUsage: "[NAME]", Action: a.protect,
			Description: "From now on blocks of other branches come by a merge only, never by fast-forward, and by\n" +
				"what the flags say. What is not said stays as it is; --approvals 0 and\n" +
				"--require-invariants=false take back. Needs the role admin on the branch.",
			Flags: append([]ucli.Flag{
				&ucli.StringFlag{Name: "producer", Usage: "`WHO` makes its blocks"},
				&ucli.StringSliceFlag{Name: "standby", Usage: "`WHO` may take over; may be repeated"},
				&ucli.BoolFlag{Name: "require-invariants", Usage: "a deploy keeps the INVARIANTs, a new contract declares one"},
				&ucli.StringFlag{Name: "merge", Usage: "merges are `automatic|consistent`, whatever anybody asks for"},
				&ucli.IntFlag{Name: "approvals", Usage: "a merge needs the approval of `N` accounts besides its producer"},
			}, signOnlyFlags()...),
		},
		{
			Name: "unprotect", Usage: "end the protection of a branch", ArgsUsage: "[NAME]", Action: a.unprotect, Flags: signOnlyFlags(),
		},
		{
			Name: "takeover", Usage: "make the blocks of a branch whose stand-by you are", ArgsUsage: "[NAME]", Action: a.takeOver,
			Description: "Begins a new epoch: head statements of the producer before count no more, and he becomes\n" +
				"the last stand-by. The directory's producer puts it in force.",
			Flags: signOnlyFlags(),
		},
		{
			Name: "restore", Usage: "put back a head that something else than aergo has moved", ArgsUsage: "[NAME]", Action: a.restoreHead,
			Description: "For a ledger that does not open because of AG0556.",
		},
	}
}

func (a *app) protect(c *ucli.Context) error {
	r, err := a.begin(c, 0, 1, "branch protect [NAME] [--approvals N]…")
	if err != nil {
		return err
	}
	b, err := a.branchNamed(r, c.Args().First())
	if err != nil {
		return err
	}
	p := repo.Protection{}
	if b.Protection != nil {
		p = *b.Protection
	}
	p.Producer, p.Policy = "", ""
	if c.IsSet("producer") {
		if p.Producer, err = a.accountOf(c.String("producer")); err != nil {
			return err
		}
		p.Standbys = slices.DeleteFunc(slices.Clone(p.Standbys), func(s objectstore.Account) bool { return s == p.Producer })
	}
	if c.IsSet("standby") {
		p.Standbys = nil
		for _, who := range c.StringSlice("standby") {
			account, err := a.accountOf(who)
			if err != nil {
				return err
			}
			p.Standbys = append(p.Standbys, account)
		}
	}
	if c.IsSet("require-invariants") {
		p.Invariants = c.Bool("require-invariants")
	}
	if c.IsSet("approvals") {
		p.Approvals = c.Int("approvals")
	}
	if c.IsSet("merge") {
		p.Policy = c.String("merge")
		if err := repo.CheckPolicy(p.Policy); err != nil {
			return err
		}
	}
	change, err := r.ProtectionChange(b.Name, p)
	if err != nil {
		return err
	}
	if done, err := a.change(r, change); done || err != nil {
		return err
	}
	if b, err = a.branchNamed(r, b.Name); err != nil {
		return err
	}
	if a.json {
		return a.emit(branchOf(b))
	}
	a.done("Branch %s is protected: %s.", b.Name, a.protection(b))
	return nil
}

func (a *app) unprotect(c *ucli.Context) error {
	r, err := a.begin(c, 0, 1, "branch unprotect [NAME]")
	if err != nil {
		return err
	}
	b, err := a.branchNamed(r, c.Args().First())
	if err != nil {
		return err
	}
	if done, err := a.change(r, dd.ProtectBranch{ID: b.ID, Off: true}); done || err != nil {
		return err
	}
	if a.json {
		if b, err = a.branchNamed(r, b.Name); err != nil {
			return err
		}
		return a.emit(branchOf(b))
	}
	a.done("Branch %s is not protected any more.", b.Name)
	return nil
}

func (a *app) takeOver(c *ucli.Context) error {
	r, err := a.begin(c, 0, 1, "branch takeover [NAME]")
	if err != nil {
		return err
	}
	b, err := a.branchNamed(r, c.Args().First())
	if err != nil {
		return err
	}
	if done, err := a.change(r, dd.TakeOver{Branch: b.ID}); done || err != nil {
		return err
	}
	if b, err = a.branchNamed(r, b.Name); err != nil {
		return err
	}
	if a.json {
		return a.emit(branchOf(b))
	}
	a.done("The blocks of %s are made by %s from now on.", b.Name, a.who(b.Protection.Producer))
	return nil
}

func (a *app) restoreHead(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "branch restore [NAME]"); err != nil {
		return err
	}
	r, err := a.openMoved()
	if err != nil {
		return err
	}
	name := c.Args().First()
	if name == "" {
		name = r.Current()
	}
	from, to, err := r.RestoreHead(name)
	if err != nil {
		return a.branchError(r, name, err)
	}
	if a.json {
		return a.emit(map[string]any{"branch": name, "from": id(from), "head": id(to)})
	}
	if from == to {
		a.done("The head of %s is where it was, block %s.", name, to.Short())
		return nil
	}
	a.done("The head of %s is back at block %s; it was moved to %s.", name, to.Short(), from.Short())
	a.next("aergo verify")
	return nil
}

// branchNamed describes a branch; an empty name means the current one.
func (a *app) branchNamed(r *repo.Repository, name string) (repo.Branch, error) {
	if name == "" {
		name = r.Current()
	}
	b, err := r.Branch(name)
	return b, a.branchError(r, name, err)
}

// protection says in words what holds on a protected branch.
func (a *app) protection(b repo.Branch) string {
	p := b.Protection
	list := []string{"no fast-forward"}
	if b.Policy != "" {
		list = append(list, "merges "+b.Policy)
	}
	if p.Approvals > 0 {
		list = append(list, plural(p.Approvals, "approval"))
	}
	if p.Invariants {
		list = append(list, "INVARIANTs stay")
	}
	if len(p.Standbys) > 0 {
		list = append(list, "stand-by "+a.whoAll(p.Standbys))
	}
	return strings.Join(append(list, "producer "+a.who(p.Producer)), ", ")
}

func (a *app) whoAll(accounts []objectstore.Account) string {
	names := make([]string, len(accounts))
	for i, account := range accounts {
		names[i] = a.who(account)
	}
	return strings.Join(names, ", ")
}

// approvers names accounts in the order of their names: that of the record is
// the order of their keys.
func (a *app) approvers(accounts []objectstore.Account) string {
	names := strings.Split(a.whoAll(accounts), ", ")
	slices.Sort(names)
	return strings.Join(names, ", ")
}

type protectionJSON struct {
	Producer   string   `json:"producer"`
	Standbys   []string `json:"standbys"`
	Invariants bool     `json:"require_invariants"`
	Approvals  int      `json:"approvals"`
}

func protectionOf(p *repo.Protection) *protectionJSON {
	if p == nil {
		return nil
	}
	return &protectionJSON{string(p.Producer), texts(p.Standbys), p.Invariants, p.Approvals}
}

func texts(accounts []objectstore.Account) []string {
	list := []string{}
	for _, account := range accounts {
		list = append(list, string(account))
	}
	return list
}

func (a *app) approveCommand() *ucli.Command {
	return &ucli.Command{
		Name: "approve", Usage: "approve what is to be merged into a protected branch", ArgsUsage: "SRC", Category: "history",
		Description: "Says with your key that block SRC, and all that led to it, may be merged into the branch.\n" +
			"Calls on the branch meanwhile do not outdate it; one more block on SRC needs another one.\n" +
			"aergo merge collects what is here. Your own does not count where you make the merge's block.",
		Flags: append([]ucli.Flag{
			&ucli.StringFlag{Name: "into", Usage: "the branch `B`, not the current one"},
			&ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE` as well, for another machine"},
			&ucli.StringFlag{Name: "add", Usage: "keep the approval in `FILE`, made elsewhere"},
			&ucli.BoolFlag{Name: "list", Aliases: []string{"l"}, Usage: "list those that are here"},
		}, jointFlags()...),
		Action: a.approve,
	}
}

type approvalJSON struct {
	Branch  string `json:"branch"`
	Source  string `json:"source"`
	Account string `json:"account"`
	Created string `json:"created"`
}

func approvalOf(p repo.Approval) approvalJSON {
	return approvalJSON{p.Branch, id(p.Source), string(p.Account), timeJSON(p.Created)}
}

func (a *app) approve(c *ucli.Context) error {
	if c.IsSet("add") {
		return a.addApproval(c)
	}
	r, err := a.begin(c, 1, 1, "approve SRC [--into B] [-o FILE]")
	if err != nil {
		return err
	}
	source := c.Args().First()
	if c.Bool("list") {
		return a.listApprovals(r, source, c.String("into"))
	}
	if a.joint() {
		return a.branchError(r, source, a.jointly(r, func(key crypto.Signer, as objectstore.Account) (repo.Proposal, error) {
			return r.StartApproval(key, source, c.String("into"), as)
		}))
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	p, err := r.Approve(key, source, c.String("into"))
	if err != nil {
		return a.branchError(r, source, err)
	}
	if out := c.String("output"); out == "-" {
		_, err := a.out.WriteString(p.Text)
		return err
	} else if out != "" {
		if err := os.WriteFile(a.path(out), []byte(p.Text), 0o644); err != nil {
			return fault.New("AG0220", "", "the approval cannot be written: %w", err)
		}
	}
	if a.json {
		return a.emit(approvalOf(p))
	}
	a.done("Block %s approved for %s by %s.", p.Source.Short(), p.Branch, a.who(p.Account))
	if c.IsSet("output") {
		a.next("aergo approve --add %s, where the merge is made", c.String("output"))
	} else {
		a.next("aergo merge %s --into %s", source, p.Branch)
	}
	return nil
}

func (a *app) addApproval(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "approve --add FILE"); err != nil {
		return err
	}
	text, err := a.readText(c.String("add"), maxApproval)
	if err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	p, err := r.AddApproval([]byte(text))
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(approvalOf(p))
	}
	a.done("Block %s approved for %s by %s. Kept here.", p.Source.Short(), p.Branch, a.who(p.Account))
	return nil
}

func (a *app) listApprovals(r *repo.Repository, source, into string) error {
	list, err := r.Approvals(source, into)
	if err != nil {
		return a.branchError(r, source, err)
	}
	if a.json {
		j := []approvalJSON{}
		for _, p := range list {
			j = append(j, approvalOf(p))
		}
		return a.emit(j)
	}
	b, err := a.branchNamed(r, into)
	if err != nil {
		return err
	}
	need := 0
	if b.Protection != nil {
		need = b.Protection.Approvals
	}
	a.say("%s", fmt.Sprintf("%s of %s for %s, which asks for %s.", plural(len(list), "approval"), clean(source), b.Name, strconv.Itoa(need)))
	lines := make([][]string, len(list))
	for i, p := range list {
		lines[i] = []string{"  " + a.who(p.Account), p.Source.Short(), date(p.Created)}
	}
	a.columns(lines)
	return nil
}
