package cli

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/objectstore"
)

type blameJSON struct {
	Key         json.RawMessage `json:"key"`
	Number      int64           `json:"number"`
	Block       string          `json:"block"`
	Time        string          `json:"time"`
	Transaction string          `json:"transaction"`
	Account     string          `json:"account"`
}

func (a *app) blameCommand() *ucli.Command {
	return &ucli.Command{
		Name: "blame", Usage: "show who last wrote each row", ArgsUsage: "CONTRACT.TABLE [KEY…]", Category: "work",
		Description: "For each row the block, time and account of its last change, newest first. KEY is\n" +
			"the first values of the key, or all. With SQL: blame() and history(), see\n" +
			"docs/reference/history.md",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "at", Usage: "rows of revision `REV`"},
		},
		Action: a.blame,
	}
}

func (a *app) blame(c *ucli.Context) error {
	if err := nargs(c, 1, -1, "blame CONTRACT.TABLE [KEY…]"); err != nil {
		return err
	}
	contract, table, ok := strings.Cut(c.Args().First(), ".")
	if !ok {
		return usage("AG0113", "aergo blame CONTRACT.TABLE [KEY…]", "%q is not the name of a table", c.Args().First())
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	key, err := a.keyBegin(r, c.String("at"), contract, table, c.Args().Tail(), false)
	if err != nil {
		return err
	}
	args := append([]any{contract + "." + table}, key...)
	marks := "?1"
	for i := range key {
		marks += ", ?" + strconv.Itoa(i+2)
	}
	list := []blameJSON{}
	l := &lister{
		a: a,
		document: func(row []any) error {
			list = append(list, blameJSON{json.RawMessage(row[0].(string)), row[1].(int64), row[2].(string),
				timeJSON(time.UnixMilli(row[3].(int64))), row[4].(string), row[5].(string)})
			return nil
		},
		text: func(row []any) []string {
			return []string{fieldsText(row[0].(string)), "#" + strconv.FormatInt(row[1].(int64), 10), row[2].(string)[:7],
				date(time.UnixMilli(row[3].(int64))), a.who(objectstore.Account(row[5].(string))), row[4].(string)[:7]}
		},
	}
	if err := l.run(c.String("at"), "SELECT key, number, block, time, tx AS \"transaction\", account FROM blame("+marks+")", args...); err != nil {
		return err
	}
	if a.json {
		return a.emit(list)
	}
	return l.close()
}

// lister prints the rows of queries of one form: as lines for people, in the
// format that was asked for, or as documents.
type lister struct {
	a        *app
	document func(row []any) error    // for --json
	text     func(row []any) []string // a line for people, in columns
	rows     *rowWriter               // for csv and md, once there is a row
}

func (l *lister) run(rev, sql string, args ...any) (err error) {
	a := l.a
	format, err := a.format()
	if err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	rows, err := r.Query(a.ctx, rev, sql, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if l.rows == nil && (format == "csv" || format == "md") {
		if l.rows, err = a.rows(format, rows.Columns()); err != nil {
			return err
		}
	}
	var lines [][]string
	for rows.Next() {
		switch {
		case l.rows != nil:
			err = l.rows.Row(rows.Values())
		case a.json:
			err = l.document(rows.Values())
		default:
			if lines = append(lines, l.text(rows.Values())); len(lines) == tableSample {
				a.columns(lines)
				lines = lines[:0]
			}
		}
		if err != nil {
			return err
		}
	}
	a.columns(lines)
	return rows.Err()
}

func (l *lister) flush() error { return l.a.out.Flush() }

func (l *lister) close() error {
	if l.rows == nil {
		return nil
	}
	return l.rows.Close()
}

// fieldsText is a JSON object of cells in a line: "sku=tea n=8".
func fieldsText(object string) string {
	d := json.NewDecoder(strings.NewReader(object))
	d.UseNumber()
	var parts []string
	name := ""
	for {
		t, err := d.Token()
		if err != nil {
			return strings.Join(parts, " ")
		}
		switch {
		case t == json.Delim('{') || t == json.Delim('}'):
		case name == "":
			name = t.(string) + "="
		default:
			if n, ok := t.(json.Number); ok {
				t = n.String()
			}
			parts, name = append(parts, clean(name)+cell(t)), ""
		}
	}
}
