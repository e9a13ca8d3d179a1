package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

func (a *app) contractCommand() *ucli.Command {
	at := &ucli.StringFlag{Name: "at", Usage: "look at revision `REV`"}
	return &ucli.Command{
		Name: "contract", Usage: "show contracts", Category: "work",
		Subcommands: []*ucli.Command{
			{
				Name: "list", Usage: "list the contracts in force", Action: a.contractList,
				Flags: []ucli.Flag{at, &ucli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "list earlier versions too"}},
			},
			a.contractNewCommand(),
			a.contractFmtCommand(),
			{Name: "show", Usage: "print a contract's source", ArgsUsage: "NAME[@VERSION]", Flags: []ucli.Flag{at}, Action: a.contractShow},
			a.contractDiffCommand(),
			{Name: "abi", Usage: "describe its actions and tables in JSON", ArgsUsage: "NAME[@VERSION]", Flags: []ucli.Flag{at}, Action: a.contractABI},
		},
	}
}

func nameVersion(c repo.ContractInfo) string { return fmt.Sprintf("%s@%d", c.Name, c.Version) }

func (a *app) contractList(c *ucli.Context) error {
	r, err := a.begin(c, 0, 0, "contract list [--all]")
	if err != nil {
		return err
	}
	contracts, err := r.Contracts(c.String("at"))
	if err != nil {
		return err
	}
	if c.Bool("all") {
		if contracts, err = versions(r, c.String("at"), contracts); err != nil {
			return err
		}
	}
	list := []contractJSON{}
	var lines [][]string
	for _, k := range contracts {
		list = append(list, contractOf(k))
		lines = append(lines, []string{nameVersion(k), date(k.Created), "owner " + a.who(k.Owner), k.Code.Short()})
	}
	if a.json {
		return a.emit(list)
	}
	if len(lines) == 0 {
		a.say("No contract is deployed yet.")
		a.next("aergo contract new NAME · aergo deploy FILE.sql")
		return nil
	}
	a.columns(lines)
	return nil
}

// versions lists every version of the given contracts, newest first.
func versions(r *repo.Repository, rev string, inForce []repo.ContractInfo) ([]repo.ContractInfo, error) {
	var list []repo.ContractInfo
	for _, k := range inForce {
		list = append(list, k)
		for v := k.Version - 1; v > 0; v-- {
			_, info, err := r.Contract(rev, fmt.Sprintf("%s@%d", k.Name, v))
			if err != nil {
				return nil, err
			}
			list = append(list, info)
		}
	}
	return list, nil
}

func (a *app) contractShow(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "contract show NAME[@VERSION]")
	if err != nil {
		return err
	}
	k, err := a.contract(r, c.String("at"), c.Args().First())
	if err != nil {
		return err
	}
	if a.json {
		_, info, err := r.Contract(c.String("at"), c.Args().First())
		if err != nil {
			return err
		}
		return a.emit(struct {
			contractJSON
			Source string `json:"source"`
		}{contractOf(info), k.Source})
	}
	source := k.Source
	if a.outTerminal {
		source = cleanLines(source)
	}
	_, err = a.out.WriteString(source)
	return err
}

func (a *app) contractABI(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "contract abi NAME[@VERSION]")
	if err != nil {
		return err
	}
	k, err := a.contract(r, c.String("at"), c.Args().First())
	if err != nil {
		return err
	}
	abi, err := r.ABI(c.String("at"), k)
	if err != nil {
		return err
	}
	return a.emit(abi)
}
