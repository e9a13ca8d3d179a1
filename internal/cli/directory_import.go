package cli

import (
	"fmt"
	"strconv"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) directoryImportCommand() *ucli.Command {
	return &ucli.Command{
		Name: "import", Usage: "take what another copy of this ledger knows", ArgsUsage: "FILE", Action: a.directoryImport,
		Description: "FILE is what aergo dd export or aergo proof wrote. All of it is verified. Its directory replaces\n" +
			"the one here if it is the better chain. The head statement of a proof is compared with those known\n" +
			"here: two that contradict each other are kept as evidence, and their branch stands still until an\n" +
			"admin decides: aergo dd resolve. Two chains of the directory by one producer are kept, too, until\n" +
			"admins decide: aergo dd producer WHO --after BLOCK. Exit status 6 in both cases.\n\n" +
			"In a private branch FILE may be the directory of its origin: what that says later is known\n" +
			"beside, for warnings. It changes nothing of what blocks here mean.",
	}
}

type importedJSON struct {
	Before    string `json:"before"`
	Block     string `json:"block"` // the best directory block now
	Number    uint64 `json:"number"`
	Left      bool   `json:"left"` // Before is not part of its chain
	Branch    string `json:"branch,omitempty"`
	Published string `json:"published,omitempty"` // by the head statement of a proof
	Contested string `json:"contested,omitempty"` // another block, published as the same number
	// Fork is two directory blocks by which one producer made two chains.
	Fork    []string     `json:"fork,omitempty"`
	Origin  string       `json:"origin,omitempty"`  // the ledger of which this directory is
	Notices []noticeJSON `json:"notices,omitempty"` // what it says against the origin's blocks here
	// Local branches that took a new name, old to new, and those that the directory
	// has no more.
	Renamed map[string]string `json:"renamed,omitempty"`
	Deleted []string          `json:"deleted,omitempty"`
}

func (a *app) directoryImport(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "dd import FILE"); err != nil {
		return err
	}
	data, err := a.readText(c.Args().First(), maxProof)
	if err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	t, err := r.TakeDirectory(a.ctx, []byte(data))
	if err != nil && t.Fork != nil { // the directory was taken, the head statement was not
		return fault.New("AG0607", "Find out why, then decide as admins: aergo dd show tells how", "%s. The evidence is kept; the better chain is followed. Of the proof nothing else is taken: %w", a.forkText(*t.Fork), err)
	}
	if err != nil {
		return err
	}
	a.names = nil
	j := importedJSON{Before: id(t.Before), Block: id(t.Block), Number: t.Number, Left: t.Left}
	if !t.Origin.IsZero() {
		j.Origin = id(t.Origin)
	}
	for _, n := range t.Notices {
		j.Notices = append(j.Notices, noticeJSON(n))
	}
	if t.Statement != nil {
		j.Branch, j.Published = id(t.Statement.Branch), id(t.Statement.Block)
	}
	for _, b := range t.Renamed {
		if j.Renamed == nil {
			j.Renamed = map[string]string{}
		}
		j.Renamed[b.Old] = b.New
	}
	j.Deleted = t.Deleted
	var contested error
	if f := t.Fork; f != nil {
		j.Fork = forkOf(f)
		contested = fault.New("AG0607", "Find out why, then decide as admins: aergo dd show tells how", "%s. The evidence is kept; the better chain is followed", a.forkText(*f))
	}
	if e := t.Contested; e != nil {
		other := e.A.Block
		if other == t.Statement.Block {
			other = e.B.Block
		}
		j.Contested = id(other)
		contested = fault.New("AG0606", "Keep one, as an admin: aergo dd resolve BRANCH BLOCK",
			"%s published two heads of one branch as number %d: %s and %s. The evidence is kept, and nothing is added to the branch",
			a.who(t.Statement.Producer), t.Statement.Sequence, other.Short(), t.Statement.Block.Short())
	}
	if a.json {
		if err := a.emit(j); err != nil {
			return err
		}
		return contested
	}
	a.told(t)
	return contested
}

// told says what was taken.
func (a *app) told(t repo.Taken) {
	number := strconv.FormatUint(t.Number, 10)
	if !t.Origin.IsZero() {
		if t.Before == t.Block {
			a.say("Of the origin's directory nothing is new: #%s %s.", number, t.Block.Short())
		} else {
			a.done("The origin's directory is known up to #%s %s. Nothing of this ledger is changed by it.", number, t.Block.Short())
		}
		a.unusual(t.Notices, true)
		return
	}
	switch {
	case t.Before == t.Block:
		a.say("Of the directory nothing is new: #%s %s.", number, t.Block.Short())
	case t.Left:
		a.done("The directory stands at #%s %s. Its chain leaves out block %s, at which it stood.", number, t.Block.Short(), t.Before.Short())
	default:
		a.done("The directory stands at #%s %s.", number, t.Block.Short())
	}
	for _, b := range t.Renamed {
		a.say("Branch %s is called %s now.", clean(b.Old), clean(b.New))
	}
	for _, name := range t.Deleted {
		a.say("Branch %s is not in the directory any more. Its blocks are kept here.", clean(name))
		a.next("aergo switch -c NAME %s goes on with them; aergo branch -D %s forgets them", name, name)
	}
	if t.Statement != nil {
		a.say("Published: block %s, until %s.", t.Statement.Block.Short(), date(timeOf(t.Statement.Expiry)))
	}
}

// forkText says which blocks show that a producer made two chains.
func (a *app) forkText(f dd.Fork) string {
	return fmt.Sprintf("the directory's producer %s made two chains: block #%d %s and block #%d %s", a.who(f.Producer), f.A.Number, f.A.ID.Short(), f.B.Number, f.B.ID.Short())
}

func forkOf(f *dd.Fork) []string {
	if f == nil {
		return nil
	}
	return []string{id(f.A.ID), id(f.B.ID)}
}
