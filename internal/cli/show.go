package cli

import (
	"strconv"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

type blockJSON struct {
	entryJSON
	State            string     `json:"state"`
	TransactionsRoot string     `json:"transactions_root"`
	ReceiptsRoot     string     `json:"receipts_root"`
	ChangesRoot      string     `json:"changes_root"`
	Directory        string     `json:"directory"`
	Engine           uint64     `json:"engine"`
	Rows             uint64     `json:"rows"`
	Merge            *mergeJSON `json:"merge,omitempty"`
}

type transactionJSON struct {
	Transaction string           `json:"transaction"`
	Kind        string           `json:"kind"`
	Contract    string           `json:"contract"`
	Action      string           `json:"action,omitempty"`
	Args        map[string]any   `json:"args"` // null: erased
	Account     string           `json:"account"`
	Created     string           `json:"created"`
	Expiry      string           `json:"expiry"`
	GasLimit    uint64           `json:"gas_limit"`
	Blocks      []string         `json:"blocks"`
	Block       string           `json:"block"`
	Position    int              `json:"position"`
	Status      string           `json:"status"`
	Code        string           `json:"code,omitempty"`
	Reason      string           `json:"reason,omitempty"`
	Gas         uint64           `json:"gas"`
	Columns     []string         `json:"columns,omitempty"`
	Rows        []map[string]any `json:"rows,omitzero"`
	Events      []eventJSON      `json:"events,omitempty"`
	Changes     []rowJSON        `json:"changes"`
}

func (a *app) showCommand() *ucli.Command {
	return &ucli.Command{
		Name: "show", Usage: "show a block or a transaction", ArgsUsage: "[REV|TRANSACTION]", Category: "work",
		Action: a.show,
	}
}

func (a *app) show(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "show [REV|TRANSACTION]"); err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	name := c.Args().First()
	block, err := r.Block(name)
	if err == nil {
		return a.showBlock(block)
	}
	if exitStatus(err) != 3 {
		return err
	}
	tx, txErr := r.Transaction(name)
	switch {
	case txErr == nil:
		return a.showTransaction(tx)
	case exitStatus(txErr) == 3:
		return fault.New("AG0223", "aergo log shows what there is.", "there is no branch, tag, block or transaction %q", name)
	}
	return txErr
}

func (a *app) showBlock(b repo.BlockInfo) error {
	if a.json {
		j := blockJSON{
			entryJSON: entryOf(b.Entry), State: id(b.State), TransactionsRoot: id(b.TransactionsRoot),
			ReceiptsRoot: id(b.ReceiptsRoot), ChangesRoot: id(b.ChangesRoot), Directory: id(b.Directory),
			Engine: b.Engine, Rows: b.Rows,
		}
		if b.Merge != nil {
			m := mergeOf(*b.Merge)
			j.Merge = &m
		}
		return a.emit(j)
	}
	lines := [][]string{
		{"block", id(b.ID)},
		{"number", strconv.FormatUint(b.Number, 10) + " on " + clean(b.Branch)},
		{"time", date(b.Time)},
		{"producer", a.whoFull(b.Producer)},
	}
	for _, p := range b.Parents {
		lines = append(lines, []string{"parent", id(p)})
	}
	lines = append(lines, []string{"state", id(b.State)}, []string{"directory", id(b.Directory)},
		[]string{"rows", strconv.FormatUint(b.Rows, 10) + " changed"})
	a.columns(lines)
	if b.Merge != nil {
		a.say("merge %s: %d included, %d excluded", b.Merge.Kind, b.Merge.Included, b.Merge.Excluded)
		a.verdicts(*b.Merge)
		return nil
	}
	for _, c := range b.Calls {
		a.say("  %s  %s", c.Transaction.Short(), a.callLine(c, b.Producer))
	}
	return nil
}

// whoFull is an account in full, with what this user calls it.
func (a *app) whoFull(account objectstore.Account) string {
	if n, ok := a.people()[string(account)]; ok {
		return string(account) + " (" + n + ")"
	}
	return string(account)
}

func (a *app) showTransaction(t repo.TransactionInfo) error {
	if a.json {
		rc := t.Receipt
		return a.emit(transactionJSON{
			Transaction: id(t.ID), Kind: t.Kind, Contract: t.Contract, Action: t.Action, Args: argsJSON(t.Args),
			Account: string(t.Account), Created: timeJSON(t.Created), Expiry: timeJSON(t.Expiry), GasLimit: t.GasLimit,
			Blocks: ids(t.Blocks), Block: id(t.Block), Position: t.Position, Status: rc.Status.String(), Code: rc.Code,
			Reason: reasonOf(rc), Gas: rc.Gas, Columns: rc.Columns, Rows: objects(rc.Columns, rc.Rows),
			Events: eventsJSON(rc.Events), Changes: rowsJSON(t.Changes),
		})
	}
	what := t.Kind + " " + t.Contract
	if t.Action != "" {
		what += "." + t.Action
	}
	lines := [][]string{{"transaction", id(t.ID)}, {"what", what}, {"by", a.whoFull(t.Account)}, {"created", date(t.Created)}, {"expires", date(t.Expiry)}}
	for _, b := range t.Blocks {
		lines = append(lines, []string{"in block", id(b)})
	}
	status := t.Receipt.Status.String()
	if t.Receipt.Status != sqlcontract.StatusOK {
		status += ": " + reasonOf(t.Receipt) + " [" + t.Receipt.Code + "]"
	}
	lines = append(lines, []string{"status", clean(status)}, []string{"gas", strconv.FormatUint(t.Receipt.Gas, 10) + " of " + strconv.FormatUint(t.GasLimit, 10)})
	a.columns(lines)
	if t.Args == nil {
		a.say("arguments erased")
	}
	for _, n := range sortedNames(t.Args) {
		if s, ok := t.Args[n].(string); ok && t.Kind == "deploy" {
			a.say("  %s  (%d bytes: aergo contract show %s)", n, len(s), t.Contract)
			continue
		}
		a.say("  %s = %s", n, cell(t.Args[n]))
	}
	for _, r := range t.Changes {
		a.say("  %s", rowText(r))
	}
	for _, e := range t.Receipt.Events {
		a.say("  %s", eventText(e))
	}
	if len(t.Receipt.Columns) > 0 {
		return a.printRows(t.Receipt.Columns, t.Receipt.Rows)
	}
	return nil
}
