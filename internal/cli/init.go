package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

type initJSON struct {
	Dir     string `json:"dir"`
	Ledger  string `json:"ledger"`
	Owner   string `json:"owner"`
	Key     string `json:"key"`
	NewKey  bool   `json:"new_key"`
	Branch  string `json:"branch"`
	Private bool   `json:"private"`

	Origin *takenJSON `json:"origin,omitempty"`
}

func (a *app) initCommand() *ucli.Command {
	return &ucli.Command{
		Name: "init", Usage: "start a ledger", ArgsUsage: "[NAME]", Category: "start",
		Description: "Makes a private, empty ledger in the folder NAME (without it: in this one),\n" +
			"owned by your key. Makes the key as well when there is none.\n\n" +
			"--origin PATH[:REV] makes a private branch of the ledger in the folder PATH: a ledger\n" +
			"of your own that goes on from its block REV (main's head). What is copied is verified\n" +
			"first; PATH is only read. aergo give takes your calls back to it.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "origin", Usage: "go on from the ledger in `PATH[:REV]`"},
			&ucli.Uint64Flag{Name: "threshold", Usage: "root matters take `N` admins, as soon as there are so many", Value: 1},
			&ucli.StringFlag{Name: "ledger", Usage: "the ledger id that the origin must have, `ID`"},
		},
		Action: a.init,
	}
}

func (a *app) init(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "init [NAME] [--key K]"); err != nil {
		return err
	}
	threshold := c.Uint64("threshold")
	if threshold == 0 || threshold > dd.MaxThreshold {
		return usage("AG0112", "aergo init NAME --threshold 2", "%d admins: 1 to %d can decide", threshold, dd.MaxThreshold)
	}
	given := c.Args().First()
	if given == "" {
		given = "."
	}
	dir, err := filepath.Abs(a.path(given))
	if err != nil {
		return fmt.Errorf("finding the folder %s: %w", given, err)
	}
	name := a.chosenKey()
	path, err := a.keyPath(name)
	if err != nil {
		return err
	}
	made := false
	_, noPublic := readPublic(path) // of a hardware key there may be no more
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && noPublic != nil && !strings.HasPrefix(name, agentPrefix) && !strings.ContainsAny(name, `/\`) {
		if _, err := os.Stat(filepath.Join(dir, ".aergo")); err == nil {
			return fault.New("AG0103", "aergo -C "+shellWord(given)+" status", "%s holds a ledger already", dir)
		}
		if err := checkKeyName(name); err != nil {
			return err
		}
		if _, err := a.makeKey(name, nil); err != nil {
			return err
		}
		made = true
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	var r *repo.Repository
	var taken *repo.Copied
	if c.IsSet("origin") {
		r, taken, err = a.initPrivate(c, dir, key, threshold)
	} else if c.IsSet("ledger") {
		return usage("AG0113", "aergo init NAME --origin PATH --ledger ID", "--ledger names the origin's ledger, and there is no --origin")
	} else {
		r, err = repo.Init(dir, key, repo.Options{Threshold: threshold})
	}
	if err != nil {
		return err
	}
	a.repo = r
	record := name
	if folder, err := a.keyFolder(); !strings.HasPrefix(name, agentPrefix) && (err != nil || path != filepath.Join(folder, name)) { // a file of the user's, by path
		if record, err = filepath.Abs(path); err != nil {
			return fmt.Errorf("finding the key %s: %w", name, err)
		}
	}
	if err := os.WriteFile(recordedKey(dir), []byte(record+"\n"), 0o644); err != nil {
		return fmt.Errorf("recording the key's name: %w", err)
	}
	if a.json {
		return a.emit(initJSON{dir, id(r.Ledger()), string(r.Owner()), name, made, r.Current(), true, takenOf(taken)})
	}
	if made {
		a.done("Key %s made, account %s", name, r.Owner())
		a.say("  %s, not encrypted (aergo key new NAME --passphrase makes one that is).", path)
	} else {
		a.done("Key %s, account %s", name, r.Owner())
	}
	if taken != nil {
		a.sayTaken(*taken, filepath.Base(dir), c.IsSet("ledger"))
		if given != "." {
			a.next("cd %s && aergo status", shellWord(given))
		}
		return nil
	}
	a.done("Empty private ledger %s, branch %s.  id %s", filepath.Base(dir), r.Current(), id(r.Ledger()))
	if threshold > 1 {
		a.say("  Root matters take %d admins, as soon as there are so many: aergo grant admin --to WHO", threshold)
	}
	if given == "." {
		a.next("aergo contract new NAME · aergo deploy FILE.sql")
	} else {
		a.next("cd %s && aergo contract new NAME · aergo deploy FILE.sql", shellWord(given))
	}
	return nil
}
