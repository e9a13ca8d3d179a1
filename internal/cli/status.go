package cli

import (
	"path/filepath"
	"strconv"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

type statusJSON struct {
	Dir       string         `json:"dir"`
	Ledger    string         `json:"ledger"`
	Owner     string         `json:"owner"`
	Key       string         `json:"key"`
	Account   string         `json:"account"` // "" while the key is locked or missing
	Branch    branchJSON     `json:"branch"`
	Branches  int            `json:"branches"`
	Contracts []contractJSON `json:"contracts"`
	Engine    uint64         `json:"engine"`
	Origin    *originJSON    `json:"origin,omitempty"`  // of a private branch of another ledger
	Merging   string         `json:"merging,omitempty"` // the block whose merge into the branch is open
	Unusual   []string       `json:"unusual,omitempty"` // codes of what dd show tells at length
	Next      []string       `json:"next"`
}

func (a *app) statusCommand() *ucli.Command {
	return &ucli.Command{
		Name: "status", Usage: "say where you are and what to do next", Category: "work",
		Action: a.statusOf,
	}
}

func (a *app) statusOf(c *ucli.Context) error {
	r, err := a.begin(c, 0, 0, "status")
	if err != nil {
		return err
	}
	s, err := r.Status()
	if err != nil {
		return err
	}
	account := a.account()
	next := nextSteps(s, account != "")
	if a.json {
		j := statusJSON{
			Dir: s.Dir, Ledger: id(s.Ledger), Owner: string(s.Owner), Key: a.chosenKey(), Account: string(account),
			Branch: branchOf(s.Branch), Branches: s.Branches, Contracts: []contractJSON{}, Engine: s.Engine, Origin: originOf(s.Origin), Merging: id(s.Merging), Next: next,
		}
		for _, err := range s.Unusual {
			j.Unusual = append(j.Unusual, fault.Of(err).ID)
		}
		for _, k := range s.Contracts {
			j.Contracts = append(j.Contracts, contractOf(k))
		}
		return a.emit(j)
	}
	dir := s.Dir
	if filepath.Base(dir) == ".aergo" {
		dir = filepath.Dir(dir)
	}
	a.say("On branch %s, block %s (number %d, %s).", s.Branch.Name, s.Branch.Head.Short(), s.Branch.Number, date(s.Branch.Time))
	lines := [][]string{
		{"  ledger", filepath.Base(dir) + "  " + s.Ledger.String()},
		{"  owner", a.whoFull(s.Owner)},
	}
	if o := s.Origin; o != nil {
		where := "block " + o.Block.Short() + " (number " + strconv.FormatUint(o.Number, 10) + ") of " + o.Ledger.String()
		lines = append(lines, []string{"  origin", where})
	}
	if account == "" {
		lines = append(lines, []string{"  key", a.chosenKey() + " (missing or locked)"})
	} else {
		lines = append(lines, []string{"  key", a.chosenKey() + "  " + string(account)})
	}
	for _, k := range s.Contracts {
		lines = append(lines, []string{"  contract", nameVersion(k) + "  by " + a.who(k.Owner)})
	}
	for _, err := range s.Unusual {
		lines = append(lines, []string{"  unusual", a.paint("33", "!") + " " + fault.Of(err).ID + " " + clean(err.Error()) + ": aergo dd show"})
	}
	if s.Branches > 1 {
		lines = append(lines, []string{"  branches", plural(s.Branches, "branch") + ": aergo branch"})
	}
	if !s.Merging.IsZero() {
		lines = append(lines, []string{"  merging", "block " + s.Merging.Short() + " by cell, with conflicts; calls go on meanwhile"})
	}
	if s.Branch.Protection != nil {
		lines = append(lines, []string{"  protected", a.protection(s.Branch)})
	} else if s.Branch.Policy != "" {
		lines = append(lines, []string{"  merges", s.Branch.Policy + ", where nobody says otherwise"})
	}
	if s.Branch.Scratch {
		lines = append(lines, []string{"  scratch", "calls on this branch never leave it"})
	}
	a.columns(lines)
	for _, n := range next {
		a.next("%s", n)
	}
	return nil
}

// nextSteps is what a user most likely wants now.
func nextSteps(s repo.Status, hasKey bool) []string {
	var next []string
	if !hasKey {
		next = append(next, "aergo key list · aergo key new NAME, then --key NAME")
	}
	switch {
	case !s.Merging.IsZero():
		next = append(next, "aergo conflicts · aergo resolve · aergo merge --abort")
	case len(s.Contracts) == 0:
		next = append(next, "aergo contract new NAME · aergo deploy FILE.sql")
	case s.Branch.Name != "main":
		next = append(next, "aergo diff main..."+s.Branch.Name+" · aergo switch main && aergo merge "+s.Branch.Name)
	default:
		name := s.Contracts[0].Name
		next = append(next, "aergo contract abi "+name+" · aergo call "+name+".ACTION name=value… · aergo log")
	}
	return next
}
