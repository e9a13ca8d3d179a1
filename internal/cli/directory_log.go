package cli

import (
	"errors"
	"slices"
	"strconv"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

// operationJSON is a line of dd log and dd watch.
type operationJSON struct {
	Number    uint64         `json:"number"` // of the directory block: the sequence of dd watch
	Position  int            `json:"position"`
	Block     string         `json:"block"`
	Time      string         `json:"time"`
	Operation string         `json:"operation"` // id; "" for the genesis
	Kind      string         `json:"kind"`
	Account   string         `json:"account"`
	Created   string         `json:"created"`
	Change    map[string]any `json:"change"`
}

func operationOf(o repo.DirectoryOperation) operationJSON {
	j := operationJSON{o.Number, o.Position, id(o.Block), timeJSON(o.Time), id(o.ID), o.Kind, string(o.Account), timeJSON(o.Created), map[string]any{}}
	for _, f := range o.Fields() {
		j.Change[f.Name] = f.Value
	}
	return j
}

func (a *app) directoryLog(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "dd log [-n N]"); err != nil {
		return err
	}
	limit := c.Int("limit")
	if limit < 0 || limit == 0 && c.IsSet("limit") {
		return usage("AG0112", "aergo dd log -n 5", "a log shows one operation or more")
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	shown, left := 0, 0
	if limit == 0 && a.outTerminal && !a.json && !c.Bool("all") {
		left = longList
	}
	err = r.DirectoryLog(a.ctx, 0, func(o repo.DirectoryOperation) error {
		if limit > 0 && shown == limit {
			return errEnough
		}
		shown++
		if left > 0 && shown > left {
			a.say("… and more: aergo dd log --all")
			return errEnough
		}
		return a.showOperation(o)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (a *app) showOperation(o repo.DirectoryOperation) error {
	if a.json {
		return a.emitLine(operationOf(o))
	}
	a.say("%s  %s  %s  %s  %s", a.paint("33", o.Block.Short()), "#"+strconv.FormatUint(o.Number, 10), date(o.Time), a.who(o.Account), clean(o.Text(a.who)))
	return nil
}

func (a *app) directoryWatch(c *ucli.Context) error {
	if err := nargs(c, 0, 0, "dd watch [--from SEQ]"); err != nil {
		return err
	}
	limit, from := c.Int("limit"), c.Int64("from")
	if limit < 0 || from < -1 {
		return usage("AG0112", "aergo dd watch --from 0", "numbers of directory blocks count from 0")
	}
	left := limit
	for {
		next, err := a.changesFrom(from, &left)
		switch {
		case a.ctx.Err() != nil:
			return a.out.Flush() // this is how it ends
		case fault.Is(err, "AG0901"): // another command takes long
		case err != nil:
			return err
		default:
			from = next
		}
		if err := errors.Join(a.out.Flush(), a.close()); err != nil || limit > 0 && left == 0 {
			return err
		}
		if !sleep(a.ctx, followEvery) {
			return nil
		}
	}
}

// changesFrom prints the operations of the directory blocks from a number on,
// oldest first, at most left of them, and gives the number to go on with. It
// begins with what comes next where from is -1.
func (a *app) changesFrom(from int64, left *int) (int64, error) {
	r, err := a.open()
	if err != nil {
		return from, err
	}
	d, err := r.DirectoryHead()
	if err != nil {
		return from, err
	}
	head := int64(d.Number)
	if from < 0 || from > head {
		return max(from, head+1), nil
	}
	var list []repo.DirectoryOperation
	if err := r.DirectoryLog(a.ctx, uint64(from), func(o repo.DirectoryOperation) error {
		list = append(list, o)
		return nil
	}); err != nil {
		return from, err
	}
	a.names = nil // an operation may have named somebody
	for _, o := range slices.Backward(list) {
		if err := a.showOperation(o); err != nil {
			return from, err
		}
		if *left--; *left == 0 {
			break
		}
	}
	return head + 1, nil
}
