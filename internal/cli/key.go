package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

type keyJSON struct {
	Name    string `json:"name"`
	Account string `json:"account"`
	Public  string `json:"public"`
	Path    string `json:"path"`
	Used    bool   `json:"used"`            // the one that signs here unless --key says otherwise
	Agent   bool   `json:"agent,omitempty"` // an ssh-agent has it
}

func (a *app) keyCommand() *ucli.Command {
	return &ucli.Command{
		Name: "key", Usage: "make and show keys", Category: "start",
		Subcommands: []*ucli.Command{
			{
				Name: "new", Usage: "make a key", ArgsUsage: "NAME",
				Flags: []ucli.Flag{
					&ucli.BoolFlag{Name: "passphrase", Usage: "lock it by a passphrase that is asked for"},
				},
				Action: a.keyNew,
			},
			{Name: "list", Usage: "list the keys of the key folder and of ssh-agent", Action: a.keyList},
			{
				Name: "show", Usage: "show a key's account", ArgsUsage: "[NAME]",
				Flags: []ucli.Flag{
					&ucli.BoolFlag{Name: "public", Usage: "print its public line only"},
					&ucli.BoolFlag{Name: "account", Usage: "print its account only"},
				},
				Action: a.keyShow,
			},
			{
				Name: "export", Usage: "copy a private key out of the key folder", ArgsUsage: "NAME",
				Flags: []ucli.Flag{
					&ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`, readable by you only"},
				},
				Action: a.keyExport,
			},
			{
				Name: "unlock", Usage: "ask for a key's passphrase once and hand the key to ssh-agent", ArgsUsage: "[NAME]",
				Flags:  []ucli.Flag{&ucli.StringFlag{Name: "lifetime", Usage: "for so long: `TIME`", Value: "8h"}},
				Action: a.keyUnlock,
			},
		},
	}
}

func (a *app) keyNew(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "key new NAME"); err != nil {
		return err
	}
	name := c.Args().First()
	if err := checkKeyName(name); err != nil {
		return err
	}
	phrase, err := a.newPassphrase(name)
	if err != nil {
		return err
	}
	k, err := a.makeKey(name, phrase)
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(keyJSON{k.Name, string(k.Account), k.Line, k.Path, false, false})
	}
	a.done("Key %s, account %s", k.Name, k.Account)
	how := "not encrypted"
	if len(phrase) > 0 {
		how = "locked by its passphrase"
	}
	a.say("  %s, %s. Keep a copy: who has it signs as you, without it nobody can.", k.Path, how)
	return nil
}

// newPassphrase gives the passphrase for a new key, nil for none.
func (a *app) newPassphrase(name string) ([]byte, error) {
	if !a.cmd.Bool("passphrase") && a.cmd.String("passphrase-file") == "" {
		return nil, nil
	}
	ask := a.passphrase("New passphrase of key " + name + ": ")
	if ask == nil {
		return nil, usage("AG0115", "aergo key new "+name+" --passphrase-file FILE", "there is no terminal to ask for a passphrase")
	}
	phrase, err := ask()
	if err != nil {
		return nil, err
	}
	if len(phrase) == 0 {
		return nil, usage("AG0115", "Leave --passphrase out for a key without one.", "the passphrase is empty")
	}
	if a.cmd.String("passphrase-file") == "" {
		again, err := a.passphrase("The same again: ")()
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(phrase, again) {
			return nil, usage("AG0115", "Try again.", "the two passphrases differ")
		}
	}
	return phrase, nil
}

func (a *app) keyList(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "key list"); err != nil {
		return err
	}
	a.openQuietly()
	own := a.account()
	keys := append(a.keys(), a.agentKeys()...)
	if a.json {
		list := make([]keyJSON, len(keys))
		for i, k := range keys {
			list[i] = keyJSON{k.Name, string(k.Account), k.Line, k.Path, k.Account == own, k.Path == ""}
		}
		return a.emit(list)
	}
	if len(keys) == 0 {
		a.say("No keys yet.")
		a.next("aergo key new NAME")
		return nil
	}
	var rows [][]string
	for _, k := range keys {
		mark := ""
		if k.Account == own {
			mark = "*"
		}
		rows = append(rows, []string{mark, k.Name, string(k.Account)})
	}
	a.columns(rows)
	return nil
}

// openQuietly opens the repository where there is one, for the name of its key.
func (a *app) openQuietly() {
	_, _ = a.open() // outside a repository the default key counts
}

func (a *app) keyShow(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "key show [NAME]"); err != nil {
		return err
	}
	name := c.Args().First()
	if name == "" {
		a.openQuietly()
		name = a.chosenKey()
	}
	k, err := a.findKey(name)
	if err != nil {
		return err
	}
	switch {
	case a.json:
		return a.emit(keyJSON{k.Name, string(k.Account), k.Line, k.Path, k.Account == a.account(), k.Path == ""})
	case c.Bool("public"):
		a.say("%s", k.Line)
	case c.Bool("account"):
		a.say("%s", k.Account)
	default:
		a.columns([][]string{{"name", k.Name}, {"account", string(k.Account)}, {"public", k.Line}, {"file", k.Path}})
	}
	return nil
}

// findKey reads a key's public part, from its .pub file or from itself.
func (a *app) findKey(name string) (publicKey, error) {
	if key, ok, err := a.fromAgent(name); ok {
		if err != nil {
			return publicKey{}, err
		}
		return publicKey{name, "", repo.AccountOf(key), repo.PublicKey(key, "")}, nil
	}
	path, err := a.keyPath(name)
	if err != nil {
		return publicKey{}, err
	}
	if k, err := readPublic(path); err == nil {
		return k, nil
	}
	var names []string
	for _, p := range a.keys() {
		names = append(names, p.Name)
	}
	if _, err := os.Stat(path); err != nil {
		return publicKey{}, fault.New("AG0221", joinHints(didYouMean(name, names), "aergo key list"), "there is no key %s", name)
	}
	key, err := repo.LoadKey(path, a.passphrase("Passphrase of key "+name+": "))
	if err != nil {
		return publicKey{}, err
	}
	return publicKey{name, path, repo.AccountOf(key), repo.PublicKey(key, name)}, nil
}

func joinHints(first, second string) string {
	if first == "" {
		return second
	}
	return first + "  " + second
}

func (a *app) keyExport(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "key export NAME [-o FILE]"); err != nil {
		return err
	}
	k, err := a.findKey(c.Args().First())
	if err != nil {
		return err
	}
	private, err := os.ReadFile(k.Path)
	if err != nil {
		return fault.New("AG0221", "aergo key list", "the private key of %s cannot be read: %w", k.Name, err)
	}
	out := c.String("output")
	if out == "" {
		if a.outTerminal && !c.Bool("yes") {
			return usage("AG0114", "aergo key export "+k.Name+" -o FILE, or --yes to print it here", "a private key would be shown on this terminal")
		}
		_, err := a.out.Write(private)
		return err
	}
	f, err := os.OpenFile(a.path(out), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("AG0117", "Choose another name.", "%s exists already", out)
	}
	if err != nil {
		return fault.New("AG0220", "", "%s cannot be written: %w", out, err)
	}
	_, err = f.Write(private)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", out, err)
	}
	if a.json {
		return a.emit(keyJSON{k.Name, string(k.Account), k.Line, a.path(out), false, false})
	}
	a.done("Private key %s copied to %s, readable by you only.", k.Name, out)
	return nil
}
