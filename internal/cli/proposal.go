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
			Name: "propose", Usage: "sign what another command does, and leave it to others to look at", ArgsUsage: "COMMAND…",
			Description: "COMMAND is one that changes the directory, or a call, deploy or approve, for example\n" +
				"aergo dd propose grant admin --to bob. Where others have to sign too every command proposes by\n" +
				"itself; this does so as well where your own signature is enough.",
			Action: func(*ucli.Context) error {
				return usage("AG0113", "aergo dd propose grant admin --to WHO", "propose what?")
			},
		},
		{
			Name: "pending", Usage: "list what waits for signatures", ArgsUsage: "[FILE]", Action: a.proposalList,
			Description: "What several have to sign is a proposal until they have: a change of the directory, a call, a\n" +
				"deploy or an approval; who has signed, who could yet. With FILE those in a file that came from\n" +
				"another machine: look before you sign. --json shows long arguments and sources whole.",
		},
		{
			Name: "sign", Usage: "sign what somebody proposed", ArgsUsage: "ID|FILE", Action: a.proposalSign,
			Flags: []ucli.Flag{output, as,
				&ucli.StringFlag{Name: "detached", Usage: "write what the key signs to `OUT`, for ssh-keygen -Y sign"},
				&ucli.StringFlag{Name: "signature", Usage: "take the signature that ssh-keygen made, OUT.sig, from `FILE`"},
			},
			Description: "ID is of one that is kept here, FILE came from another machine. The signature is for this\n" +
				"proposal of this ledger and nothing else. When it was the last one and you are the producer,\n" +
				"the directory's or the branch's, it comes into force.\n\n" +
				"Where only ssh-keygen reaches the key: --detached OUT writes what is to be signed,\n" +
				"ssh-keygen -Y sign -n aergo-git -f KEY OUT signs it, --signature OUT.sig takes it back.",
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

	Keys    int             `json:"keys"`              // of the account that have signed
	Of      int             `json:"keys_needed"`       // 0: the directory does not know its keys
	Verdict *submissionJSON `json:"verdict,omitempty"` // of a transaction that was run
}

func (a *app) proposalOf(p repo.Proposal) proposalJSON {
	j := proposalJSON{
		ID: id(p.ID), Kind: p.Kind, Text: p.Text(a.who), Change: map[string]any{}, Account: string(p.Account), Keys: p.Keys, Of: p.KeysNeeded,
		Created: timeJSON(p.Created), Expires: timeJSON(p.Expires), Needed: p.Needed, Signed: texts(p.Signed), Missing: texts(p.Missing), Ready: p.Ready,
	}
	for _, f := range p.Fields() {
		j.Change[f.Name] = f.Value
		if args, ok := f.Value.(map[string]any); ok {
			cells := map[string]any{}
			for name, v := range args {
				cells[name] = cellJSON(v)
			}
			j.Change[f.Name] = cells
		}
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
		a.say("%s  %s", a.paint("33", p.ID.Short()), clean(p.Text(a.whoFull)))
		for _, line := range p.Change.NewKeys() {
			a.say("  signs by %s", line)
		}
		a.say("  proposed by %s, %s; until %s", a.who(p.Account), date(p.Created), date(p.Expires))
		a.say("  %s", a.signatures(p))
		if p.Problem != nil {
			a.say("  %s %s", a.paint("31", "✗"), clean(p.Problem.Error()))
		}
	}
	return nil
}

// signatures says who has signed a proposal, and who has to yet.
func (a *app) signatures(p repo.Proposal) string {
	author := p.Account
	signed := "signed by nobody yet"
	if len(p.Signed) > 0 {
		signed = "signed by " + a.whoAll(p.Signed)
	} else if p.KeysNeeded > 1 {
		signed = fmt.Sprintf("%d of %d keys of %s have signed", p.Keys, p.KeysNeeded, a.who(author))
	}
	switch left := p.Needed - len(p.Signed); {
	case p.Ready:
		return signed + ": all that it needs"
	case len(p.Missing) > 0 && p.Missing[0] == author && p.Needed == 1:
		return signed
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
		err = fault.New("AG0523", "Calls and changes that one key signed: aergo submit "+shellWord(file)+" --dry-run shows them.", "%s holds no proposal", file)
	}
	return list, err
}

// proposals finds what is meant by the first 4 digits or more of the id of one
// that is kept here, or by a file.
func (a *app) proposals(r *repo.Repository, what string) ([]repo.Proposal, error) {
	if !isID(what) {
		return a.proposalsIn(r, what)
	}
	p, err := a.keptProposal(r, what)
	return []repo.Proposal{p}, err
}

// isID reports whether a word is the beginning of an id, 4 digits or more.
func isID(what string) bool {
	return len(what) >= 4 && strings.Trim(what, "0123456789abcdef") == ""
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
	if c.IsSet("detached") || c.IsSet("signature") {
		return a.signDetached(r, list, as)
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

// signed tells of a proposal that was just signed, or, without a key, that nobody
// has signed yet; and puts it in force where it has all its signatures and the key
// may.
func (a *app) signed(r *repo.Repository, key crypto.Signer, p repo.Proposal, out string, complete bool) error {
	if p.Ready && complete && key != nil && r.MayComplete(key, p) {
		return a.completed(r, key, p)
	}
	if out != "" || !p.Kept {
		if out == "" && key != nil {
			return fault.New("AG0527", "Give -o FILE.", "this is too large to be kept here while it waits for signatures")
		}
		line, err := repo.EncodeProposal(p)
		if t, whole, _ := r.WholeTransaction(p); whole && p.Ready {
			line, err = repo.EncodeSigned(t)
		}
		if err != nil {
			return err
		}
		if out == "" || out == "-" {
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
	a.done("Proposal %s, not in force: %s.", p.ID.Short(), clean(p.Text(a.who)))
	a.say("  %s", a.signatures(p))
	producer := "the directory's producer"
	if p.Change.Change == nil {
		producer = "the branch's producer"
	}
	switch file := shellWord(out); {
	case p.Ready && out != "":
		a.next("%s runs: aergo submit %s", producer, file)
	case p.Ready:
		a.next("%s runs: aergo dd submit %s", producer, p.ID.Short())
	case out != "":
		a.next("each of them runs: aergo dd sign %s -o %s", file, file)
	default:
		a.next("each of them runs: aergo dd sign %s; for another machine write a file first: aergo dd sign %s -o FILE", p.ID.Short(), p.ID.Short())
	}
	return nil
}

func (a *app) completed(r *repo.Repository, key crypto.Signer, p repo.Proposal) error {
	did, err := r.CompleteProposal(a.ctx, key, p)
	if err != nil {
		return err
	}
	a.names = nil // it may have named somebody
	j := a.proposalOf(p)
	j.InForce, j.Directory = true, did.Operation.Number
	switch {
	case did.Ran != nil:
		v := a.submission(*did.Ran, false)
		j.Verdict, j.InForce = &v, v.Verdict == "included"
		if err = did.Ran.Err; err == nil && !j.InForce {
			err = fault.New(v.Code, "", "%s: %s", clean(v.Call), v.Reason)
		}
	case did.Approval != nil:
		a.done("Block %s approved for %s by %s. Kept here.", did.Approval.Source.Short(), did.Approval.Branch, a.who(p.Account))
	default:
		a.done("In force, directory block #%d: %s.", did.Operation.Number, clean(did.Operation.Text(a.who)))
		a.say("  signed by %s", a.whoAll(p.Signed[:p.Needed]))
	}
	if a.json {
		if e := a.emit(j); e != nil {
			return e
		}
	}
	return err
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
