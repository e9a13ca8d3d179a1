package cli

import (
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// roleContract is the system contract that keeps who holds which role.
const roleContract = "aergo_role"

func (a *app) grantCommand() *ucli.Command {
	return a.roleCommand("grant", "to", "give an account a role of a contract, or on branches",
		"With --contract the role is one that the contract's actions name: ROLE (manager). Its owner grants it;\n"+
			"WHO is an account (ag1…), one of your keys, or a contract, for its calls. It holds on that branch, and where\n"+
			"that is merged. SELECT * FROM aergo_role.role lists who holds what.\n"+
			"Without, it is writer, producer, reader or admin of the branches that --branch names:\n"+
			"main, eu/*, or * for all, which is the default. A writer may call actions, and make\n"+
			"blocks on branches of his own.")
}

func (a *app) revokeCommand() *ucli.Command {
	return a.roleCommand("revoke", "from", "take a role from an account", "")
}

func (a *app) roleCommand(verb, who, usage, description string) *ucli.Command {
	return &ucli.Command{
		Name: verb, Usage: usage, ArgsUsage: "ROLE [--contract C] --" + who + " WHO", Category: "trust", Description: description,
		Flags: append(signOnlyFlags(), []ucli.Flag{
			&ucli.StringFlag{Name: "contract", Usage: "the role is one of contract `C`"},
			&ucli.StringFlag{Name: who, Usage: "the account, key or contract `WHO`"},
			&ucli.StringFlag{Name: "branch", Aliases: []string{"b"}, Usage: "on branch `B`, not the current one; without --contract a pattern"},
		}...),
		Action: func(c *ucli.Context) error { return a.changeRole(c, verb, who) },
	}
}

func (a *app) changeRole(c *ucli.Context, verb, who string) error {
	form := verb + " ROLE [--contract C] --" + who + " WHO"
	if err := nargs(c, 1, 1, form); err != nil {
		return err
	}
	role, contract, name, branch := strings.ToLower(c.Args().First()), c.String("contract"), c.String(who), c.String("branch")
	directory := slices.Contains([]dd.Role{dd.Admin, dd.Producer, dd.Writer, dd.Reader}, dd.Role(role))
	switch {
	case name == "":
		return usage("AG0113", "aergo "+form, "%s whom?", who)
	case contract == "" && !directory:
		return usage("AG0113", "aergo "+form, "of which contract is the role %s? Without --contract it is writer, producer, reader or admin", role)
	case contract != "" && directory:
		return usage("AG0113", "Leave --contract out.", "%s is a role of the ledger's directory, not of a contract", role)
	case contract != "" && (c.IsSet("sign-only") || c.IsSet("output") || a.joint()):
		return usage("AG0111", "aergo call aergo_role."+verb+" contract=… role=… account=… --sign-only -o FILE", "a role of a contract is granted by a call")
	case directory:
		return a.changeDirectoryRole(c, verb, role, name)
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	k, err := a.contract(r, branch, contract)
	if err != nil {
		return err
	}
	account, err := a.holderOf(r, branch, name)
	if err != nil {
		return err
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	held, err := a.holdsRole(r, branch, contract, role, account)
	if err != nil {
		return err
	}
	if held == (verb == "grant") {
		if a.json {
			return a.emit(resultJSON{Call: roleContract + "." + verb, Status: sqlcontract.StatusOK.String(), Changes: []rowJSON{}})
		}
		has := map[bool]string{true: "has the role %s of %s already", false: "does not have the role %s of %s"}[held]
		a.say("%s "+has+"%s. Nothing to do.", a.who(account), role, contract, a.onBranch(branch))
		return nil
	}
	args := map[string]any{"contract": contract, "role": role, "account": string(account)}
	if _, holder, err := r.Contract(branch, string(account)); err == nil && verb == "grant" {
		args["owner"] = string(holder.Owner) // the name may be another's where this is merged
	}
	res, err := r.Call(a.ctx, key, repo.Call{Contract: roleContract, Action: verb, Branch: branch, Args: args})
	if a.json && !res.Transaction.IsZero() {
		j := resultOf(res)
		j.Call = roleContract + "." + verb
		if e := a.emit(j); e != nil {
			return e
		}
	}
	if err != nil {
		return callFailed(verb+" "+role, res, err)
	}
	var roles []string
	for _, x := range k.Actions {
		roles = append(roles, x.Roles...)
	}
	rules, err := r.MergeRules(branch, contract)
	if err != nil {
		return err
	}
	for _, x := range rules {
		roles = append(roles, x.Roles...)
	}
	slices.Sort(roles)
	if roles = slices.Compact(roles); verb == "grant" && !slices.Contains(roles, role) {
		hint := "It has no roles."
		if len(roles) > 0 {
			hint = "Its roles: " + strings.Join(roles, ", ")
		}
		a.note("Nothing in contract %s asks for the role %s yet. %s", contract, role, hint)
	}
	what := map[string]string{"grant to": "has the role", "revoke from": "has no longer the role"}[verb+" "+who]
	a.done("%s %s %s of %s  block %s%s", a.who(account), what, role, contract, res.Block.Short(), a.onBranch(res.Branch))
	return nil
}

type directoryRoleJSON struct {
	Role     string `json:"role"`
	Account  string `json:"account"`
	Branches string `json:"branches"` // a pattern
	Granted  bool   `json:"granted"`
}

// changeDirectoryRole changes a role on branches, in the directory.
func (a *app) changeDirectoryRole(c *ucli.Context, verb, role, name string) error {
	pattern := "*"
	if c.IsSet("branch") {
		pattern = c.String("branch")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	account, err := a.accountOf(name)
	if err != nil {
		return err
	}
	var change dd.Change = dd.Grant{Role: dd.Role(role), Pattern: pattern, Account: account}
	what := "is now " + role
	if verb == "revoke" {
		change, what = dd.Revoke{Role: dd.Role(role), Pattern: pattern, Account: account}, "is no longer "+role
	}
	if done, err := a.change(r, change); done || err != nil {
		return err
	}
	if a.json {
		return a.emit(directoryRoleJSON{role, string(account), pattern, verb == "grant"})
	}
	on := "branch " + pattern
	if pattern == "*" {
		on = "all branches"
	} else if strings.Contains(pattern, "*") {
		on = "the branches " + pattern
	}
	a.done("%s %s of %s.", a.who(account), what, on)
	return nil
}

// holderOf reads who may hold a role: an account, a key of the key folder, or a
// contract on the branch.
func (a *app) holderOf(r *repo.Repository, branch, who string) (objectstore.Account, error) {
	account, err := a.accountOf(who)
	_, _, noContract := r.Contract(branch, who)
	switch {
	case noContract != nil || strings.Contains(who, "@"):
		return account, err
	case err != nil:
		return objectstore.Account(who), nil
	}
	return "", usage("AG0113", "give the account in full for the key, "+string(account)+"; for the contract: aergo call aergo_role.grant contract=… role=… account="+who+" owner=…",
		"%s is a key of yours and a contract", who)
}

// holdsRole tells whether an account has a role of a contract on a branch.
func (a *app) holdsRole(r *repo.Repository, branch, contract, role string, account objectstore.Account) (bool, error) {
	rows, err := r.Query(a.ctx, branch, "SELECT 1 FROM aergo_role.role WHERE contract = ?1 AND role = ?2 AND account = ?3", contract, role, string(account))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}

// accountOf reads an account, the name of a key of the key folder, or a name of
// the directory. It refuses a name that is two accounts.
func (a *app) accountOf(who string) (objectstore.Account, error) {
	if _, _, err := sign.ParseAccount(who); err == nil {
		return objectstore.Account(who), nil
	}
	path, err := a.keyPath(who)
	if err != nil {
		return "", err
	}
	own, _ := readPublic(path)
	var named objectstore.Account
	if a.repo != nil {
		i, _, err := a.repo.Identity(who)
		if err != nil {
			return "", err
		}
		named = i.Account
	}
	switch {
	case own.Account != "" && named != "" && own.Account != named:
		return "", usage("AG0113", "Write the account in full.", "%s is a key of yours, %s, and the directory gives that name to another account, %s", who, own.Account, named)
	case own.Account != "":
		return own.Account, nil
	case named != "":
		return named, nil
	}
	var names []string
	for _, k := range a.keys() {
		names = append(names, k.Name)
	}
	if a.repo != nil {
		known, err := a.repo.Identities()
		if err != nil {
			return "", err
		}
		for _, i := range known {
			names = append(names, i.Name)
		}
	}
	return "", fault.New("AG0221", joinHints(didYouMean(who, names), "Write the account in full, or: aergo key list · aergo identity list"),
		"%s is neither an account, nor a key of yours, nor a name in the directory", who)
}
