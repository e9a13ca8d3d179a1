package cli

import (
	"crypto"
	"fmt"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// proposalCommands are the sub-verbs of aergo dd about what waits for signatures.
func (a *app) proposalCommands() []*ucli.Command {
	as := &ucli.StringFlag{Name: "as", Usage: "sign for account `WHO`, of which your key is one of several"}
	output := &ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "add it, signed, to `FILE` for the next one"}
	return []*ucli.Command{
		{
			Name: "pending", Usage: "list what waits for signatures", ArgsUsage: "[FILE]", Action: a.proposalList,
			Description: "What several have to sign is a proposal until they have: who has signed, who could yet. With\n" +
				"FILE those in a file that came from another machine: look before you sign.",
		},
		{
			Name: "sign", Usage: "sign what somebody proposed", ArgsUsage: "ID|FILE", Action: a.proposalSign, Flags: []ucli.Flag{output, as},
			Description: "ID is of one that is kept here, FILE came from another machine. The signature is for this\n" +
				"proposal of this ledger and nothing else. When it was the last one and you are the directory's\n" +
				"producer, it comes into force.",
		},
		{
			Name: "submit", Usage: "put in force what has all its signatures", ArgsUsage: "ID|FILE", Action: a.proposalSubmit,
			Description: "For the directory's producer, who need not be an admin.",
		},
		{Name: "drop", Usage: "forget a proposal", ArgsUsage: "ID", Action: a.proposalDrop,
			Description: "Here only: copies elsewhere, and the signatures on them, stay good for 92 days."},
	}
}

type proposalJSON struct {
	ID        string         `json:"id"`
	Kind      string         `json:"kind"`
	Text      string         `json:"text"`
	Change    map[string]any `json:"change"`
	Account   string         `json:"account"` // who proposes it
	Created   string         `json:"created"`
	Expires   string         `json:"expires"`
	Needed    int            `json:"needed"` // accounts
	Signed    []string       `json:"signed"`
	Missing   []string       `json:"missing"` // of these the rest, the author always
	Ready     bool           `json:"ready"`
	InForce   bool           `json:"in_force"`
	Code      string         `json:"code"` // with problem: "" where nothing speaks against it
	Problem   string         `json:"problem"`
	Directory uint64         `json:"directory_block"` // in which it came into force, or 0
}

func (a *app) proposalOf(p repo.Proposal) proposalJSON {
	j := proposalJSON{
		ID: id(p.ID), Kind: p.Change.Kind, Text: p.Change.Text(a.who), Change: operationOf(p.Change).Change, Account: string(p.Change.Account),
		Created: timeJSON(p.Change.Created), Expires: timeJSON(p.Expires), Needed: p.Needed, Signed: texts(p.Signed), Missing: texts(p.Missing), Ready: p.Ready,
	}
	if p.Problem != nil {
		j.Problem = p.Problem.Error()
		if f := fault.Of(p.Problem); f != nil {
			j.Code = f.ID
		}
	}
	return j
}

func (a *app) proposalList(c *ucli.Context) error {
	r, err := a.begin(c, 0, 1, "dd pending [FILE]")
	if err != nil {
		return err
	}
	var list []repo.Proposal
	if c.NArg() == 1 {
		list, err = a.proposalsIn(r, c.Args().First())
	} else {
		list, err = r.Proposals()
	}
	if err != nil {
		return err
	}
	if a.json {
		all := []proposalJSON{}
		for _, p := range list {
			all = append(all, a.proposalOf(p))
		}
		return a.emit(all)
	}
	if len(list) == 0 {
		a.say("Nothing waits for signatures.")
	}
	for _, p := range list {
		a.say("%s  %s", a.paint("33", p.ID.Short()), clean(p.Change.Text(a.whoFull)))
		a.say("  proposed by %s, %s; until %s", a.who(p.Change.Account), date(p.Change.Created), date(p.Expires))
		a.say("  %s", a.signatures(p))
		if p.Problem != nil {
			a.say("  %s %s", a.paint("31", "✗"), clean(p.Problem.Error()))
		}
	}
	return nil
}

// signatures says who has signed a proposal, and who has to yet.
func (a *app) signatures(p repo.Proposal) string {
	signed := "signed by nobody wholly"
	if len(p.Signed) > 0 {
		signed = "signed by " + a.whoAll(p.Signed)
	}
	author := p.Change.Account
	switch left := p.Needed - len(p.Signed); {
	case p.Ready:
		return signed + ": all that it needs"
	case len(p.Missing) > 0 && p.Missing[0] == author && p.Needed == 1:
		return fmt.Sprintf("more keys of %s have to sign", a.who(author))
	case len(p.Missing) > 0 && p.Missing[0] == author:
		return fmt.Sprintf("%s; %s has to sign, who proposes it", signed, a.who(author))
	case left > 0:
		return fmt.Sprintf("%s; %d more of %s", signed, left, a.namesOf(p.Missing))
	}
	return signed
}

// namesOf names accounts in the order of their names.
func (a *app) namesOf(accounts []objectstore.Account) string {
	var names []string
	for _, account := range accounts {
		names = append(names, a.who(account))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// proposalsIn reads the proposals of a file; there is one or more.
func (a *app) proposalsIn(r *repo.Repository, file string) ([]repo.Proposal, error) {
	data, err := a.readText(file, maxProposals)
	if err != nil {
		return nil, err
	}
	list, err := r.ReadProposals([]byte(data))
	if err == nil && len(list) == 0 {
		err = fault.New("AG0523", "A command of which others have to sign the change writes one with -o FILE.", "%s holds no proposal", file)
	}
	return list, err
}

// proposals finds what is meant by the first 4 digits or more of the id of one
// that is kept here, or by a file.
func (a *app) proposals(r *repo.Repository, what string) ([]repo.Proposal, error) {
	if len(what) < 4 || strings.Trim(what, "0123456789abcdef") != "" {
		return a.proposalsIn(r, what)
	}
	p, err := a.keptProposal(r, what)
	return []repo.Proposal{p}, err
}

func (a *app) keptProposal(r *repo.Repository, prefix string) (repo.Proposal, error) {
	kept, err := r.Proposals()
	if err != nil {
		return repo.Proposal{}, err
	}
	var found []repo.Proposal
	for _, p := range kept {
		if strings.HasPrefix(p.ID.String(), prefix) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return repo.Proposal{}, fault.New("AG0524", "aergo dd pending lists them; a file of such a name is ./"+prefix, "no proposal %s is kept here", prefix)
	case 1:
		return found[0], nil
	}
	return repo.Proposal{}, fault.New("AG0524", "Write more digits: aergo dd pending --json shows the whole id.", "%d proposals begin with %s", len(found), prefix)
}

func (a *app) proposalSign(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "dd sign ID|FILE [-o FILE]")
	if err != nil {
		return err
	}
	list, err := a.proposals(r, c.Args().First())
	if err != nil {
		return err
	}
	var as objectstore.Account
	if c.IsSet("as") {
		if as, err = a.accountOf(c.String("as")); err != nil {
			return err
		}
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	for _, p := range list {
		if p, err = r.SignProposal(key, p, as); err != nil {
			return err
		}
		if err := a.signed(r, key, p, c.String("output"), true); err != nil {
			return err
		}
	}
	return nil
}

// signed tells of a proposal that was just signed, and puts it in force where it
// has all its signatures and the key may.
func (a *app) signed(r *repo.Repository, key crypto.Signer, p repo.Proposal, out string, complete bool) error {
	if p.Ready && complete && r.MayComplete(key, p) {
		return a.completed(r, key, p)
	}
	if out != "" {
		line, err := repo.EncodeProposal(p)
		if err != nil {
			return err
		}
		if out == "-" {
			_, err := a.out.WriteString(line)
			return err
		}
		if err := appendFile(a.path(out), line); err != nil {
			return err
		}
	}
	if a.json {
		return a.emit(a.proposalOf(p))
	}
	a.done("Proposal %s, not in force: %s.", p.ID.Short(), clean(p.Change.Text(a.who)))
	a.say("  %s", a.signatures(p))
	switch file := shellWord(out); {
	case p.Ready && out != "":
		a.next("the directory's producer runs: aergo submit %s", file)
	case p.Ready:
		a.next("the directory's producer runs: aergo dd submit %s", p.ID.Short())
	case out != "":
		a.next("each of them runs: aergo dd sign %s -o %s", file, file)
	default:
		a.next("each of them runs: aergo dd sign %s; for another machine write a file first: aergo dd sign %s -o FILE", p.ID.Short(), p.ID.Short())
	}
	return nil
}

func (a *app) completed(r *repo.Repository, key crypto.Signer, p repo.Proposal) error {
	o, err := r.CompleteProposal(a.ctx, key, p)
	if err != nil {
		return err
	}
	a.names = nil // it may have named somebody
	if a.json {
		j := a.proposalOf(p)
		j.InForce, j.Directory = true, o.Number
		return a.emit(j)
	}
	a.done("In force, directory block #%d: %s.", o.Number, clean(o.Text(a.who)))
	a.say("  signed by %s", a.whoAll(p.Signed[:p.Needed]))
	return nil
}

func (a *app) proposalSubmit(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "dd submit ID|FILE")
	if err != nil {
		return err
	}
	list, err := a.proposals(r, c.Args().First())
	if err != nil {
		return err
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	for _, p := range list {
		if p, err = r.KeepProposal(p); err != nil {
			return err
		}
		if err := a.completed(r, key, p); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) proposalDrop(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "dd drop ID")
	if err != nil {
		return err
	}
	p, err := a.keptProposal(r, c.Args().First())
	if err != nil {
		return err
	}
	if err := r.DropProposal(p.ID); err != nil {
		return err
	}
	if a.json {
		return a.emit(a.proposalOf(p))
	}
	a.done("Proposal %s is forgotten here.", p.ID.Short())
	return nil
}
