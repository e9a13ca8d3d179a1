package cli

import (
	"errors"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/sqlcontract"
)

func (a *app) queryCommand() *ucli.Command {
	return &ucli.Command{
		Name: "query", Usage: "read with SQL", ArgsUsage: "SQL", Category: "work",
		Description: "Any read-only SQL over all contracts (table item of contract shop is shop.item),\n" +
			"at any branch, tag, block or time. Without SQL it is read from standard input.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "at", Usage: "read at revision `REV`: eu, v1, 51d7a0e, main~3, #12, @2026-11-01T12:00"},
		},
		Action: a.query,
	}
}

func (a *app) query(c *ucli.Context) (err error) {
	if _, err := a.format(); err != nil { // before the ledger is opened
		return err
	}
	sql := strings.Join(c.Args().Slice(), " ")
	if sql == "" && !a.inTerminal || sql == "-" {
		if sql, err = a.readText("-", maxSource); err != nil {
			return err
		}
	}
	if strings.TrimSpace(sql) == "" {
		return usage("AG0113", `aergo query "SELECT * FROM shop.item"`, "there is no SQL to run")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	rows, err := r.Query(a.ctx, c.String("at"), sql)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return a.printAll(rows)
}

// printAll prints the rows of a query as they come.
func (a *app) printAll(rows *sqlcontract.Rows) error {
	format, err := a.format()
	if err != nil {
		return err
	}
	w, err := a.rows(format, rows.Columns())
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := w.Row(rows.Values()); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.Close()
}
