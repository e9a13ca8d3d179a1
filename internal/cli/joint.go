package cli

import (
	"crypto"
	"os"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// jointFlags are those of a verb whose signatures may be collected: of several
// keys of an account, or of one that signs elsewhere.
func jointFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "as", Usage: "ask in the name of account `WHO`, of which your key is one of several"},
		&ucli.BoolFlag{Name: "unsigned", Usage: "sign nothing yet: write it to --output for aergo dd sign"},
	}
}

// joint reports whether a command asks for signatures to be collected.
func (a *app) joint() bool { return a.propose || a.cmd.IsSet("as") || a.cmd.Bool("unsigned") }

// asking gives the key that signs, nil with --unsigned, and the account in whose
// name: that of --as, with --unsigned without it the key's own, else "".
func (a *app) asking() (crypto.Signer, objectstore.Account, error) {
	var as objectstore.Account
	var err error
	if a.cmd.IsSet("as") {
		if as, err = a.accountOf(a.cmd.String("as")); err != nil {
			return nil, "", err
		}
	}
	if !a.cmd.Bool("unsigned") {
		key, err := a.key()
		return key, as, err
	}
	if as == "" {
		if as = a.account(); as == "" {
			return nil, "", usage("AG0113", "--as WHO", "in whose name? There is no key %s", a.chosenKey())
		}
	}
	return nil, as, nil
}

// jointly begins a proposal by start and tells of it.
func (a *app) jointly(r *repo.Repository, start func(crypto.Signer, objectstore.Account) (repo.Proposal, error)) error {
	key, as, err := a.asking()
	if err != nil {
		return err
	}
	p, err := start(key, as)
	if err != nil {
		return err
	}
	return a.signed(r, key, p, a.cmd.String("output"), !a.propose && !a.cmd.Bool("sign-only"))
}

// signDetached writes what a key signs of a proposal to a file, or takes the
// signature back that ssh-keygen made of it.
func (a *app) signDetached(r *repo.Repository, list []repo.Proposal, as objectstore.Account) error {
	c := a.cmd
	if c.IsSet("detached") && c.IsSet("signature") {
		return usage("AG0111", "", "--detached writes what is to be signed, --signature takes it back: one at a time")
	}
	if len(list) != 1 {
		return usage("AG0113", "One after another: aergo dd sign ID", "the file holds %d proposals, and one is signed at a time so", len(list))
	}
	line := ""
	if c.IsSet("key") {
		k, err := a.findKey(c.String("key"))
		if err != nil {
			return err
		}
		line = k.Line
	}
	p, what := list[0], shellWord(c.Args().First())
	if c.IsSet("signature") {
		file, err := a.readText(c.String("signature"), maxApproval)
		if err != nil {
			return err
		}
		if p, err = r.TakeSignature(p, as, line, []byte(file)); err != nil {
			return err
		}
		return a.signed(r, nil, p, c.String("output"), false)
	}
	data, account, err := r.SigningBytes(p, as, line)
	if err != nil {
		return err
	}
	out := c.String("detached")
	if out == "-" {
		_, err := a.out.Write(data)
		return err
	}
	if err := os.WriteFile(a.path(out), data, 0o644); err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", out, err)
	}
	if a.json {
		return a.emit(map[string]any{"file": out, "proposal": id(p.ID), "account": string(account), "namespace": repo.SignatureNamespace})
	}
	a.done("In %s: what %s signs of proposal %s, %s.", out, a.who(account), p.ID.Short(), clean(p.Text(a.who)))
	a.next("ssh-keygen -Y sign -n %s -f KEY %s · aergo dd sign %s --signature %s.sig", repo.SignatureNamespace, shellWord(out), what, shellWord(out))
	return nil
}
