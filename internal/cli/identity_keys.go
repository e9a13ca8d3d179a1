package cli

import (
	"crypto"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// signOnlyFlags are those of a verb that changes the directory: who may do so and
// is not the directory's producer signs, and the producer submits.
func signOnlyFlags() []ucli.Flag {
	return append([]ucli.Flag{
		&ucli.BoolFlag{Name: "sign-only", Usage: "sign, and leave it to the directory's producer to submit"},
		&ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "with --sign-only, or where others have to sign: add what is signed to `FILE`"},
	}, jointFlags()...)
}

// change changes the directory; or, with --sign-only, signs the change into a
// file; or begins a proposal where others have to sign too. In the last two cases
// done is true and everything has been said.
func (a *app) change(r *repo.Repository, change dd.Change) (done bool, err error) {
	start := func(key crypto.Signer, as objectstore.Account) (repo.Proposal, error) {
		return r.StartProposal(key, change, as)
	}
	if a.propose || a.cmd.Bool("unsigned") {
		return true, a.jointly(r, start)
	}
	key, as, err := a.asking()
	if err != nil {
		return false, err
	}
	if others, err := r.NeedsProposal(key, change, as); err != nil {
		return false, err
	} else if others {
		return true, a.jointly(r, start)
	}
	if !a.cmd.Bool("sign-only") {
		if a.cmd.IsSet("output") {
			return false, usage("AG0111", "Give --sign-only too.", "--output belongs to --sign-only")
		}
		err := r.Change(a.ctx, key, change)
		if fault.Is(err, "AG0503") {
			return false, fault.New("AG0503", "Sign it for him: the same with --sign-only -o FILE. He runs: aergo submit FILE", "%w", err)
		}
		return false, err
	}
	op, err := r.Propose(key, change)
	if err != nil {
		return true, err
	}
	line, err := repo.EncodeOperation(op)
	if err != nil {
		return true, err
	}
	out := a.cmd.String("output")
	if out == "" || out == "-" {
		_, err := a.out.WriteString(line)
		return true, err
	}
	if err := appendFile(a.path(out), line); err != nil {
		return true, err
	}
	if a.json {
		return true, a.emit(map[string]any{"file": out, "operation": id(op.ID()), "ledger": id(r.Ledger())})
	}
	a.done("Signed, not in force; added to %s.", out)
	a.next("the directory's producer runs it: aergo submit %s", shellWord(out))
	return true, nil
}

// appendFile adds a line to a file, which is made if need be.
func appendFile(path, line string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", path, err)
	}
	_, err = f.WriteString(line)
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", path, err)
	}
	return nil
}

func (a *app) identityNewKeys(verb string, add bool) ucli.ActionFunc {
	return func(c *ucli.Context) error {
		form := "identity " + verb + " NAME KEY|FILE"
		if err := nargs(c, 2, -1, form); err != nil {
			return err
		}
		name, given := c.Args().First(), strings.Join(c.Args().Tail(), " ")
		if c.NArg() > 2 && !strings.HasPrefix(given, "ssh-") {
			return nargs(c, 2, 2, form)
		}
		r, err := a.open()
		if err != nil {
			return err
		}
		i, err := a.identity(r, name)
		if err != nil {
			return err
		}
		line, err := a.publicLine(given)
		if err != nil {
			return err
		}
		change, err := r.NewKeys(i, line, add)
		if err != nil {
			return err
		}
		if !add { // what the account signed before counts on beside one more key
			if waits, err := a.tellUnsettled(r, i); err != nil {
				return err
			} else if waits {
				if err := a.confirm("Change the keys?", "Merge it first, or say --yes."); err != nil {
					return err
				}
			}
		}
		mine := a.account() == i.Account
		if done, err := a.change(r, change); done || err != nil {
			return err
		}
		if a.json {
			return a.identityDocument(r, i)
		}
		threshold, lines, _, err := r.KeysOf(i)
		if err != nil {
			return err
		}
		a.done("%s signs by %s, and has the account it had.", clean(i.Name), keysInWords(threshold, len(lines)))
		if mine && !add {
			return a.useKey(r, given)
		}
		return nil
	}
}

// tellUnsettled says what the present keys of an account have signed that still
// waits, before they are changed.
func (a *app) tellUnsettled(r *repo.Repository, i dd.Identity) (waits bool, err error) {
	u, err := r.Unsettled(i.Account)
	if err != nil || len(u.Branches)+len(u.Approvals) == 0 {
		return false, err
	}
	who := clean(i.Name)
	if n := len(u.Branches); n > 0 {
		a.note("Not merged into main yet: calls of %s on %s. Merged later they are left out (AG0506).", who, some(u.Branches))
	}
	if n := len(u.Approvals); n > 0 {
		var blocks []string
		for _, p := range u.Approvals {
			blocks = append(blocks, p.Source.Short()+" into "+clean(p.Branch))
		}
		a.note("Not merged yet: what %s approved, %s. The approvals count no more.", who, some(blocks))
	}
	return true, nil
}

// some names the first of a list, and how many more there are.
func some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + " and " + strconv.Itoa(len(list)-most) + " more"
}

func keysInWords(threshold, n int) string {
	if n == 1 {
		return "one key"
	}
	return strconv.Itoa(threshold) + " of " + strconv.Itoa(n) + " keys"
}

// useKey makes a key of the key folder the repository's usual one, where the old
// one was and counts no more.
func (a *app) useKey(r *repo.Repository, name string) error {
	file := recordedKey(r.Dir())
	old, err := os.ReadFile(file)
	if err != nil || filepath.Base(name) != name || a.cmd.IsSet("key") || a.env("AERGO_KEY") != "" {
		a.next("sign with the new key: --key K, or AERGO_KEY")
		return nil
	}
	if _, err := a.findKey(name); err != nil {
		a.next("sign with the new key: --key K, or AERGO_KEY")
		return nil
	}
	if err := os.WriteFile(file, []byte(name+"\n"), 0o644); err != nil {
		return fault.New("AG0220", "Give --key "+name, "the repository's usual key cannot be changed: %w", err)
	}
	a.say("  This repository signs with key %s now, no more with %s.", name, clean(strings.TrimSpace(string(old))))
	return nil
}

// identity finds an identity by name or account.
func (a *app) identity(r *repo.Repository, who string) (dd.Identity, error) {
	list, err := r.Identities()
	if err != nil {
		return dd.Identity{}, err
	}
	var names []string
	for _, i := range list {
		if i.Name == who || string(i.Account) == who {
			return i, nil
		}
		names = append(names, i.Name)
	}
	return dd.Identity{}, fault.New("AG0221", joinHints(didYouMean(who, names), "aergo identity list"), "the directory has no identity %s", who)
}
