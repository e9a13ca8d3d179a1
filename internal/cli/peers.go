package cli

import (
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) peersCommand() *ucli.Command {
	return &ucli.Command{
		Name: "peers", Usage: "say who replicates the ledger, and where", ArgsUsage: "[list]", Category: "trust", Action: a.peers,
		Description: "Without arguments lists the peers that the directory knows. An entry gives no right: a peer is\n" +
			"served what the role of its account lets it read. Who may read the directory reads the addresses.",
		Subcommands: []*ucli.Command{
			{Name: "list", Usage: "list them, as without an argument", Action: a.peers},
			{
				Name: "add", Usage: "add a peer, or change one", ArgsUsage: "NAME [KEY|WHO] ADDRESS…", Action: a.peersAdd,
				Flags: append(signOnlyFlags(), &ucli.BoolFlag{Name: "mirror", Usage: "it is trusted for nothing, and only passes on what proves itself"}),
				Description: "KEY is the public line of the machine's key, or its file or name; WHO an account that the directory\n" +
					"knows. ADDRESS is https://HOST:PORT/PATH, the best first; a machine that only calls others has\n" +
					"none. Of a peer that is there KEY and --mirror stay as they are where they are left out. An admin\n" +
					"of everything does it; the peer's own account may change its addresses.",
			},
			{Name: "remove", Usage: "remove a peer", ArgsUsage: "NAME", Action: a.peersRemove, Flags: signOnlyFlags()},
		},
	}
}

type peerJSON struct {
	Name      string   `json:"name"`
	Account   string   `json:"account"`
	Mirror    bool     `json:"mirror"`
	Addresses []string `json:"addresses"`
	By        string   `json:"by"` // the admin who vouched for it
	Since     string   `json:"since"`
}

func peersOf(list []dd.Peer) []peerJSON {
	all := make([]peerJSON, len(list))
	for i, p := range list {
		all[i] = peerJSON{p.Name, string(p.Account), p.Mirror, append([]string{}, p.Addresses...), string(p.By), timeJSON(timeOf(p.Since))}
	}
	return all
}

func (a *app) peerLine(p dd.Peer) []string {
	kind := "peer"
	if p.Mirror {
		kind = "mirror"
	}
	where := "only calls others"
	if len(p.Addresses) > 0 {
		where = strings.Join(p.Addresses, " ")
	}
	return []string{clean(p.Name), kind, a.who(p.Account), clean(where), "by " + a.who(p.By), date(timeOf(p.Since))}
}

func (a *app) peers(c *ucli.Context) error {
	r, err := a.begin(c, 0, 0, "peers")
	if err != nil {
		return err
	}
	list, err := r.Peers()
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(peersOf(list))
	}
	if len(list) == 0 {
		a.say("The directory knows no peers.")
		a.next("aergo peers add NAME KEY https://HOST:PORT/PATH")
	}
	lines := make([][]string, len(list))
	for i, p := range list {
		lines[i] = a.peerLine(p)
	}
	a.columns(lines)
	return nil
}

func (a *app) peersAdd(c *ucli.Context) error {
	r, err := a.begin(c, 2, -1, "peers add NAME [KEY|WHO] ADDRESS…")
	if err != nil {
		return err
	}
	name, rest := c.Args().First(), c.Args().Tail()
	// A key's line has spaces: all before the first address is the key.
	at := slices.IndexFunc(rest, func(s string) bool { return strings.Contains(s, "://") })
	if at < 0 {
		at = len(rest)
	}
	given := strings.Join(rest[:at], " ")
	known, there, err := r.Peer(name)
	if err != nil {
		return err
	}
	change := dd.SetPeer{Name: name, Descriptor: known.Descriptor, Mirror: known.Mirror, Addresses: rest[at:]}
	switch {
	case given != "":
		if change.Descriptor, err = a.descriptorFor(r, given); err != nil {
			return err
		}
	case !there:
		return usage("AG0113", "aergo peers add NAME KEY ADDRESS…", "there is no peer %s yet: by which key does it prove itself?", clean(name))
	}
	if c.IsSet("mirror") {
		change.Mirror = c.Bool("mirror")
	}
	if done, err := a.change(r, change); done || err != nil {
		return err
	}
	p, _, err := r.Peer(name)
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(peersOf([]dd.Peer{p})[0])
	}
	line := a.peerLine(p)
	a.done("%s %s: %s, %s.", line[1], line[0], line[2], line[3])
	if !there && r.CheckRead(p.Account, objectstore.Hash{}) != nil {
		a.next("aergo grant reader --to %s, or it is served nothing", p.Account)
	}
	return nil
}

// descriptorFor is the descriptor of an account that the directory knows, or of
// a key.
func (a *app) descriptorFor(r *repo.Repository, given string) ([]byte, error) {
	account, err := a.accountOf(given)
	if err != nil && !fault.Is(err, "AG0221") {
		return nil, err
	}
	if i, ok, err := r.Identity(r.NameOf(account)); err != nil || ok {
		return i.Descriptor, err
	}
	line, err := a.publicLine(given)
	if err != nil {
		return nil, err
	}
	descriptor, _, err := repo.KeyDescriptor(line)
	return descriptor, err
}

func (a *app) peersRemove(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "peers remove NAME")
	if err != nil {
		return err
	}
	name := c.Args().First()
	if done, err := a.change(r, dd.SetPeer{Name: name, Off: true}); done || err != nil {
		if fault.Is(err, "AG0203") {
			list, e := r.Peers()
			if e != nil {
				return err
			}
			var names []string
			for _, p := range list {
				names = append(names, p.Name)
			}
			if hint := didYouMean(name, names); hint != "" {
				return fault.New("AG0203", joinHints(hint, fault.Of(err).Next), "%w", err)
			}
		}
		return err
	}
	if a.json {
		return a.emit(map[string]any{"name": name, "removed": true})
	}
	a.done("%s is no peer any more.", clean(name))
	return nil
}
