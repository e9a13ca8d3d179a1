package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// eventLineJSON is a line of events.
type eventLineJSON struct {
	Contract    string          `json:"contract"`
	Name        string          `json:"name"`
	Fields      json.RawMessage `json:"fields"`
	Transaction string          `json:"transaction"`
	Block       string          `json:"block"`
	Number      int64           `json:"number"`
	Time        string          `json:"time"`
}

func (a *app) eventsCommand() *ucli.Command {
	return &ucli.Command{
		Name: "events", Usage: "show what contracts told", Category: "work",
		Description: "Each EMIT, oldest first: block, time, event, fields. With --json one line of JSON\n" +
			"for each. With --follow it goes on until it is interrupted; the repository is\n" +
			"free for others in between. With SQL: events(), see docs/reference/history.md",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "since", Usage: "only of blocks that revision `REV` does not have"},
			&ucli.StringFlag{Name: "at", Usage: "events up to revision `REV`, for instance another branch"},
			&ucli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "wait for more"},
		},
		Action: a.events,
	}
}

func (a *app) events(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "events [--since REV] [--follow]"); err != nil {
		return err
	}
	l := &lister{
		a: a,
		document: func(row []any) error {
			return a.emitLine(eventLineJSON{row[0].(string), row[1].(string), json.RawMessage(row[2].(string)), row[3].(string), row[4].(string),
				row[5].(int64), timeJSON(time.UnixMilli(row[6].(int64)))})
		},
		text: func(row []any) []string {
			return []string{"#" + strconv.FormatInt(row[5].(int64), 10), row[4].(string)[:7], date(time.UnixMilli(row[6].(int64))),
				clean(row[0].(string) + "." + row[1].(string)), fieldsText(row[2].(string))}
		},
	}
	var from, shown objectstore.Hash // events after from have been shown up to shown
	if rev := c.String("since"); rev != "" {
		r, err := a.open()
		if err != nil {
			return err
		}
		if from, err = r.Resolve(rev); err != nil {
			return err
		}
	}
	for {
		head, err := a.showEvents(l, c.String("at"), from, shown)
		if !c.Bool("follow") {
			return errors.Join(err, l.close())
		}
		switch {
		case a.ctx.Err() != nil:
			return l.flush() // this is how it ends
		case fault.Is(err, "AG0901"): // another command takes long
		case err != nil:
			return err
		default:
			from, shown = head, head
		}
		if err := errors.Join(l.flush(), a.close()); err != nil {
			return err
		}
		if !sleep(a.ctx, followEvery) {
			return nil
		}
	}
}

// followEvery is how often --follow looks for a new head.
const followEvery = 500 * time.Millisecond

// sleep waits; false when it was interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// showEvents prints the events of a revision that from does not have, and gives
// the revision's block. Nothing is printed where that is shown already.
func (a *app) showEvents(l *lister, rev string, from, shown objectstore.Hash) (objectstore.Hash, error) {
	r, err := a.open()
	if err != nil {
		return objectstore.Hash{}, err
	}
	head, err := r.Resolve(rev)
	if err != nil || head == shown {
		return head, err
	}
	blocks := ""
	if !from.IsZero() {
		blocks = from.String() + ".."
	}
	return head, l.run(head.String(), `SELECT contract, event AS name, fields, tx AS "transaction", block, number, time
		FROM events(?1) ORDER BY number, position, seq`, blocks)
}
