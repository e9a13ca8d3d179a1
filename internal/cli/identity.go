package cli

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) identityCommand() *ucli.Command {
	return &ucli.Command{
		Name: "identity", Usage: "give accounts names that everybody sees", Category: "trust",
		Subcommands: []*ucli.Command{
			{
				Name: "add", Usage: "give an account a name in the directory", ArgsUsage: "NAME KEY|FILE|ACCOUNT…", Action: a.identityAdd,
				Flags: append(signOnlyFlags(), &ucli.IntFlag{Name: "threshold", Usage: "the account of all the keys, of which `M` sign together"}),
				Description: "KEY is the line of a public key (aergo key show bob --public) or the name of one of your\n" +
					"keys, FILE a .pub file, ACCOUNT that of a key in your key folder. A name gives no right: aergo\n" +
					"grant does. Only an admin of everything names accounts. An account of several keys is asked\n" +
					"for its signatures by aergo dd sign: it changes the directory, calls, deploys and approves with\n" +
					"--as NAME, and makes no blocks.",
			},
			{
				Name: "add-key", Usage: "let an account sign by one more key", ArgsUsage: "NAME KEY|FILE", Action: a.identityNewKeys("add-key", true), Flags: signOnlyFlags(),
				Description: "Any one of the account's keys signs then, for instance that of a second machine. The account\n" +
					"itself asks for it, or an admin of everything.",
			},
			{
				Name: "rotate", Usage: "replace the keys of an account by another one", ArgsUsage: "NAME KEY|FILE", Action: a.identityNewKeys("rotate", false), Flags: signOnlyFlags(),
				Description: "The account, its name and its rights stay; what is signed by the old keys counts no more,\n" +
					"unless it is in a block already. The account itself asks for it, or, when its keys are lost, an\n" +
					"admin of everything. It never goes back to keys it had.",
			},
			a.identityRevokeCommand(),
			{Name: "list", Usage: "list the names", Flags: []ucli.Flag{allFlag()}, Action: a.identityList},
			{Name: "show", Usage: "show who is behind a name or an account", ArgsUsage: "NAME|ACCOUNT", Action: a.identityShow},
		},
	}
}

type identityJSON struct {
	Name       string `json:"name"`
	Account    string `json:"account"`
	Descriptor string `json:"descriptor"` // canonical bytes: the keys behind the account
	Added      string `json:"added"`
}

func identityOf(i dd.Identity) identityJSON {
	return identityJSON{i.Name, string(i.Account), cell(i.Descriptor), timeJSON(timeOf(i.Added))}
}

func identitiesOf(list []dd.Identity) []identityJSON {
	all := make([]identityJSON, len(list))
	for i := range list {
		all[i] = identityOf(list[i])
	}
	return all
}

// timeOf is a time of the directory, ms since 1970.
func timeOf(ms int64) time.Time { return time.UnixMilli(ms) }

func (a *app) identityAdd(c *ucli.Context) error {
	const form = "identity add NAME KEY|FILE|ACCOUNT"
	if err := nargs(c, 2, -1, form); err != nil {
		return err
	}
	name, given := c.Args().First(), strings.Join(c.Args().Tail(), " ")
	if c.NArg() > 2 && !c.IsSet("threshold") && !strings.HasPrefix(given, "ssh-") { // a key's line has spaces
		return nargs(c, 2, 2, form)
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	descriptor, account, err := a.descriptorOf(c, given)
	if err != nil {
		return err
	}
	if done, err := a.change(r, dd.AddIdentity{Name: name, Descriptor: descriptor}); done || err != nil {
		return err
	}
	i, _, err := r.Identity(name)
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(identityOf(i))
	}
	a.done("%s is %s, for everybody.", clean(name), account)
	if c.Int("threshold") < 2 {
		a.next("aergo grant writer --to %s", name)
	}
	return nil
}

// descriptorOf gives the descriptor of an account of one key, or, with
// --threshold, of several that sign together.
func (a *app) descriptorOf(c *ucli.Context, given string) ([]byte, objectstore.Account, error) {
	if !c.IsSet("threshold") {
		line, err := a.publicLine(given)
		if err != nil {
			return nil, "", err
		}
		return repo.KeyDescriptor(line)
	}
	var lines []string
	for _, key := range c.Args().Tail() {
		line, err := a.publicLine(key)
		if err != nil {
			return nil, "", err
		}
		lines = append(lines, line)
	}
	return repo.JointDescriptor(c.Int("threshold"), lines)
}

// publicLine finds the public line of a key that is given as such, by its name or
// file, or by its account where it is in the key folder.
func (a *app) publicLine(given string) (string, error) {
	if strings.HasPrefix(given, "ssh-") || strings.HasPrefix(given, "sk-ssh-") || strings.HasPrefix(given, "verify-required ") {
		return given, nil
	}
	if _, _, err := sign.ParseAccount(given); err == nil {
		for _, k := range a.keys() {
			if string(k.Account) == given {
				return k.Line, nil
			}
		}
		return "", fault.New("AG0221", "Ask for the key's public line, aergo key show NAME --public prints it: aergo identity add NAME 'ssh-ed25519 AAAA…'",
			"an account is the hash of a key, and the directory keeps the key: that of %s is not in your key folder", given)
	}
	if strings.HasPrefix(given, agentPrefix) {
		k, err := a.findKey(given)
		return k.Line, err
	}
	path, err := a.keyPath(strings.TrimSuffix(given, ".pub"))
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(given, ".pub") {
		if _, err := os.Stat(path + ".pub"); err != nil {
			path = a.path(strings.TrimSuffix(given, ".pub"))
		}
	}
	k, err := readPublic(path)
	switch {
	case err == nil:
	case !strings.HasSuffix(given, ".pub"):
		k, err = a.findKey(given)
	case errors.Is(err, fs.ErrNotExist):
		err = fault.New("AG0220", "aergo key show NAME --public > "+shellWord(given)+" writes one, where the key is.", "there is no file %s", given)
	default:
		err = fault.New("AG0102", "It holds one line, which aergo key show NAME --public prints, and ssh-keygen writes.", "%s is no public key: %w", given, err)
	}
	return k.Line, err
}

func (a *app) identityList(c *ucli.Context) error {
	r, err := a.begin(c, 0, 0, "identity list")
	if err != nil {
		return err
	}
	list, err := r.Identities()
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(identitiesOf(list))
	}
	var lines [][]string
	list, left := fewer(a, c, list, nil)
	for _, i := range list {
		lines = append(lines, []string{clean(i.Name), string(i.Account), date(timeOf(i.Added))})
	}
	a.columns(lines)
	a.more(left, "aergo identity list --all")
	return nil
}

type identityShowJSON struct {
	identityJSON
	Threshold int         `json:"threshold"` // how many of the keys sign
	Keys      []string    `json:"keys"`      // by which it signs now
	Changes   uint64      `json:"changes"`   // how often its keys were changed
	Grants    []grantJSON `json:"grants"`
}

// identityDocument prints an identity as JSON.
func (a *app) identityDocument(r *repo.Repository, i dd.Identity) error {
	threshold, lines, changes, err := r.KeysOf(i)
	if err != nil {
		return err
	}
	grants, err := r.Grants()
	if err != nil {
		return err
	}
	j := identityShowJSON{identityOf(i), threshold, lines, changes, []grantJSON{}}
	for _, g := range grants {
		if g.Account == i.Account {
			j.Grants = append(j.Grants, grantOf(g))
		}
	}
	return a.emit(j)
}

func (a *app) identityShow(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "identity show NAME|ACCOUNT")
	if err != nil {
		return err
	}
	i, err := a.identity(r, c.Args().First())
	if err != nil {
		return err
	}
	if a.json {
		return a.identityDocument(r, i)
	}
	grants, err := r.Grants()
	if err != nil {
		return err
	}
	threshold, keys, changes, err := r.KeysOf(i)
	if err != nil {
		return err
	}
	how := keysInWords(threshold, len(keys))
	if changes > 0 {
		how += ", changed " + plural(int(changes), "time")
	}
	a.columns([][]string{{"name", clean(i.Name)}, {"account", string(i.Account)}, {"added", date(timeOf(i.Added))}, {"signs by", how}})
	for _, k := range keys {
		pub, _, err := sign.ParsePublicKey(k)
		if err != nil {
			return err
		}
		a.say("  %x  %s", pub[:4], k) // the digits by which dd log and dd pending call it
	}
	var lines [][]string
	for _, g := range grants {
		if g.Account == i.Account {
			lines = append(lines, []string{"  " + string(g.Role), clean(g.Pattern), "by " + a.who(g.By), date(timeOf(g.Since))})
		}
	}
	if len(lines) == 0 {
		a.say("No role on any branch.")
		a.next("aergo grant writer --to %s", i.Name)
		return nil
	}
	a.say("roles")
	a.columns(lines)
	return nil
}

func (a *app) visibilityCommand() *ucli.Command {
	return &ucli.Command{
		Name: "visibility", Usage: "say who may read: members, or anybody", ArgsUsage: "[public|private]", Category: "trust",
		Description: "Private is the default: who has a role reads. Public means that anybody may read what is served,\n" +
			"history included; writing is by role as before. Who has read something keeps it.",
		Flags: signOnlyFlags(), Action: a.visibility,
	}
}

func (a *app) visibility(c *ucli.Context) error {
	r, err := a.begin(c, 0, 1, "visibility public|private")
	if err != nil {
		return err
	}
	d, err := r.DirectoryHead()
	if err != nil {
		return err
	}
	words := map[bool]string{true: "public", false: "private"}
	want := c.Args().First()
	switch {
	case want == "":
	case want != "public" && want != "private":
		return usage("AG0113", "aergo visibility public, or private", "a ledger is public or private, not %q", want)
	case want != words[d.Public]:
		if done, err := a.change(r, dd.SetVisibility{Public: want == "public"}); done || err != nil {
			return err
		}
		d.Public = want == "public"
	}
	if a.json {
		return a.emit(map[string]any{"ledger": id(d.Ledger), "visibility": words[d.Public]})
	}
	if want == "" {
		a.say("The ledger is %s.", words[d.Public])
		return nil
	}
	a.done("The ledger is %s.", words[d.Public])
	return nil
}

// nameOf is what an account is called here: you, else its name in the directory,
// else that of one of the user's keys. A name of the directory that his own keys
// give to another account, and "you", are not taken: they would mislead.
func (a *app) nameOf(account objectstore.Account) (string, bool) {
	if a.names == nil {
		a.names, a.mine = map[string]string{}, a.keys()
		if own := a.account(); own != "" {
			a.names[string(own)] = "you"
		}
	}
	if n, ok := a.names[string(account)]; ok {
		return n, n != ""
	}
	n := ""
	if a.repo != nil {
		n = a.repo.NameOf(account)
	}
	mine := ""
	for _, k := range a.mine {
		switch {
		case k.Account == account && mine == "":
			mine = k.Name
		case k.Account != account && k.Name == n && a.repo.AccountOfLine(k.Line) != account:
			n = ""
		}
	}
	if n == "" || n == "you" {
		n = mine
	}
	a.names[string(account)] = n
	return n, n != ""
}
