package cli

import (
	"crypto"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

type originJSON struct {
	Ledger    string `json:"ledger"`
	Block     string `json:"block"` // the last one of it here
	Number    uint64 `json:"number"`
	Time      string `json:"time"`
	Branch    string `json:"branch"` // "" if its directory does not know it
	Directory string `json:"directory"`
}

func originOf(o *repo.Origin) *originJSON {
	if o == nil {
		return nil
	}
	return &originJSON{id(o.Ledger), id(o.Block), o.Number, timeJSON(o.Time), o.Branch, id(o.Directory)}
}

type takenJSON struct {
	originJSON
	Public       bool  `json:"public"`
	Objects      int   `json:"objects"`
	Bytes        int64 `json:"bytes"`
	Blocks       int   `json:"blocks"`
	Signatures   int   `json:"signatures"`
	Transactions int   `json:"transactions"`
	Executed     bool  `json:"executed"` // each again; otherwise states, rights and signatures only
}

func takenOf(t *repo.Copied) *takenJSON {
	if t == nil {
		return nil
	}
	v := t.Verification
	return &takenJSON{*originOf(&t.Origin), t.Public, t.Objects, t.Bytes, v.Blocks, v.Signatures, v.Transactions, t.Executed}
}

// initPrivate makes a private branch of the ledger that --origin names.
func (a *app) initPrivate(c *ucli.Context, dir string, key crypto.Signer) (r *repo.Repository, taken *repo.Copied, err error) {
	from := repo.ParseFrom(a.path(c.String("origin")))
	if text := c.String("ledger"); text != "" {
		h, err := objectstore.ParseHash(text)
		if err != nil {
			return nil, nil, usage("AG0112", "A beginning proves nothing here: write all 64 digits.", "--ledger: %w", err)
		}
		from.Ledger = &h
	}
	bar := a.progress("blocks", -1)
	defer bar.end()
	from.Progress = bar.set
	var did repo.Copied
	r, did, err = repo.InitPrivate(a.ctx, dir, key, from, repo.Options{})
	return r, &did, err
}

// sayTaken tells what a private branch goes on from.
func (a *app) sayTaken(t repo.Copied, name string, known bool) {
	v := t.Verification
	executed := plural(v.Transactions, "transaction")
	if t.Executed {
		executed = plural(v.Executed, "transaction") + " re-executed"
	}
	a.done("Private branch %s of ledger %s, from block %s (number %d).  id %s", name, t.Ledger.Short(), t.Block.Short(), t.Number, id(a.repo.Ledger()))
	a.say("  verified: %s, %s, %s", plural(v.Blocks, "block"), plural(v.Signatures, "signature"), executed)
	if !t.Public {
		a.say("  The origin is private: your key has a role there. What you pass on is in your hands.")
	}
	if !t.Executed {
		a.say("  It is long: states and signatures are checked. aergo verify --full executes it again.")
	}
	if !known {
		a.say("  Compare the origin's ledger id by another channel: %s", id(t.Ledger))
	}
}
