package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

type transactionJSON struct {
	Transaction string           `json:"transaction"`
	Call        string           `json:"call"`
	Kind        string           `json:"kind"`
	Contract    string           `json:"contract"`
	Action      string           `json:"action,omitempty"`
	Args        map[string]any   `json:"args"` // null: erased
	Account     string           `json:"account"`
	Created     string           `json:"created"`
	Expiry      string           `json:"expiry"`
	GasLimit    uint64           `json:"gas_limit"`
	Provenance  string           `json:"provenance,omitempty"` // the private transaction that this one repeats
	Origin      string           `json:"origin,omitempty"`     // ledger it was signed for, where that is the origin
	Blocks      []string         `json:"blocks"`
	Branches    []string         `json:"branches"`
	Block       string           `json:"block"`
	Number      uint64           `json:"number"`
	Position    int              `json:"position"`
	Status      string           `json:"status"`
	Code        string           `json:"code,omitempty"`
	Reason      string           `json:"reason,omitempty"`
	Why         *whyJSON         `json:"why,omitempty"`
	Gas         uint64           `json:"gas"`
	Columns     []string         `json:"columns,omitempty"`
	Rows        []map[string]any `json:"rows,omitzero"`
	Events      []eventJSON      `json:"events,omitempty"`
	Changes     []rowJSON        `json:"changes"`
	Trace       *traceJSON       `json:"trace,omitempty"` // absent: it was not executed again
}

// traceJSON is what each statement did; gas is in 1/64 units, and all of it
// together rounded up is the transaction's.
type traceJSON struct {
	Statements []statementJSON `json:"statements"`
	Rest       uint64          `json:"rest_gas_64"` // besides the statements
}

type statementJSON struct {
	Contract string `json:"contract"`
	Action   string `json:"action"`
	Depth    int    `json:"depth"` // 1: in an action that the called one calls
	Line     int    `json:"line"`
	Text     string `json:"text"`
	Runs     int    `json:"runs"`
	Rows     int    `json:"rows"`
	Changes  int    `json:"changes"`
	True     int    `json:"true,omitempty"`
	False    int    `json:"false,omitempty"`
	Gas      uint64 `json:"gas_64"`
	Failed   bool   `json:"failed,omitempty"`
}

func traceOf(t *sqlcontract.Report) *traceJSON {
	if t == nil {
		return nil
	}
	j := traceJSON{Statements: make([]statementJSON, len(t.Lines)), Rest: t.Rest}
	for i, l := range t.Lines {
		j.Statements[i] = statementJSON{l.Contract, l.Action, l.Depth, l.Line, l.Text, l.Runs, l.Rows, l.Changes, l.True, l.False, l.Gas, l.Failed}
	}
	return &j
}

// replay executes a transaction again, if that is asked for or cheap. trace is
// nil where it is not, or cannot be, and left says why.
func (a *app) replay(c *ucli.Context, r *repo.Repository, t repo.TransactionInfo) (trace *sqlcontract.Report, left string, err error) {
	if c.Bool("no-trace") {
		return nil, "", nil
	}
	trace, err = r.Replay(a.ctx, t.ID.String(), !c.Bool("trace"))
	switch f := fault.Of(err); {
	case errors.Is(err, repo.ErrCostly):
		return nil, "What each statement did takes a while to find out: aergo show " + t.ID.Short() + " --trace", nil
	case f != nil && f.ID == "AG0436":
		return nil, "It is the patch of a merge by cell and has no statements: aergo show " + t.Block.Short() + " says who chose what.", nil
	case f != nil && f.ID == "AG0435" && !c.Bool("trace"):
		return nil, "What each statement did cannot be found out: " + f.What + ".", nil
	}
	return trace, "", err
}

func (a *app) showTransaction(c *ucli.Context, r *repo.Repository, t repo.TransactionInfo) error {
	trace, left, err := a.replay(c, r, t)
	if err != nil {
		return err
	}
	rc := t.Receipt
	if a.json {
		j := transactionJSON{
			Transaction: id(t.ID), Call: t.Text, Kind: t.Kind, Contract: t.Contract, Action: t.Action, Args: argsJSON(t.Args),
			Account: string(t.Account), Created: timeJSON(t.Created), Expiry: timeJSON(t.Expiry), GasLimit: t.GasLimit, Provenance: id(t.Provenance), Origin: id(t.Origin),
			Blocks: ids(t.Blocks), Branches: t.Branches, Block: id(t.Block), Number: t.Number, Position: t.Position,
			Status: rc.Status.String(), Code: rc.Code, Reason: reasonOf(rc), Gas: rc.Gas, Columns: rc.Columns,
			Rows: objects(rc.Columns, rc.Rows), Events: eventsJSON(rc.Events), Changes: rowsJSON(t.Changes), Trace: traceOf(trace),
		}
		if trace != nil {
			j.Why = whyOf(trace.Refusal)
		}
		return a.emit(j)
	}
	status := rc.Status.String()
	if rc.Status != sqlcontract.StatusOK {
		status += ": " + reasonOf(rc) + " [" + rc.Code + "]"
	}
	lines := [][]string{{"transaction", id(t.ID)}, {"what", clean(t.Kind + " " + strings.TrimPrefix(t.Text, t.Kind+" "))},
		{"by", a.whoFull(t.Account)}, {"created", date(t.Created)}, {"expires", date(t.Expiry)}}
	if !t.Provenance.IsZero() {
		lines = append(lines, []string{"provenance", id(t.Provenance) + "  of a private branch"})
	}
	if !t.Origin.IsZero() {
		lines = append(lines, []string{"ledger", id(t.Origin) + "  the origin"})
	}
	for _, b := range t.Blocks {
		where := id(b)
		if b == t.Block {
			where += fmt.Sprintf("  number %d, position %d", t.Number, t.Position)
		}
		lines = append(lines, []string{"in block", where})
	}
	if len(t.Branches) > 0 {
		lines = append(lines, []string{"on", clean(strings.Join(t.Branches, ", "))})
	} else {
		lines = append(lines, []string{"on", "no branch any more"})
	}
	lines = append(lines, []string{"status", clean(status)},
		[]string{"gas", strconv.FormatUint(rc.Gas, 10) + " of " + strconv.FormatUint(t.GasLimit, 10)})
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
	if trace != nil && trace.Refusal != nil {
		a.say("\n%s", a.why(*trace.Refusal, t.Account))
	}
	for _, r := range t.Changes {
		if r.Contract != t.Contract { // of a contract that was called
			r.Table = r.Contract + "." + r.Table
		}
		a.say("  %s", rowText(r))
	}
	for _, e := range rc.Events {
		a.say("  %s", eventText(e))
	}
	if len(rc.Columns) > 0 {
		if err := a.printRows(rc.Columns, rc.Rows); err != nil {
			return err
		}
	}
	if trace != nil {
		a.gasTable(trace)
	}
	if left != "" {
		a.next("%s", left)
	}
	return nil
}

// gasTable shows what each statement did and cost.
func (a *app) gasTable(t *sqlcontract.Report) {
	if len(t.Lines) == 0 {
		return
	}
	several := false
	for _, l := range t.Lines {
		several = several || l.Action != t.Lines[0].Action || l.Contract != t.Lines[0].Contract
	}
	rows := [][]string{{"line", "runs", "rows", "changes", "gas", "statement"}}
	sum := t.Rest
	for _, l := range t.Lines {
		sum += l.Gas
		text := []rune(clean(l.Text))
		if len(text) > 60 {
			text = append(text[:59], '…')
		}
		place := strconv.Itoa(l.Line)
		if several {
			place = strings.Repeat("  ", l.Depth) + l.Contract + "." + l.Action + ":" + place
		}
		truth := ""
		switch {
		case l.Failed:
			truth = "✗ "
		case l.False > 0 && l.True > 0:
			truth = fmt.Sprintf("%d× true, %d× false: ", l.True, l.False)
		case l.False > 0:
			truth = "false: "
		}
		rows = append(rows, []string{place, strconv.Itoa(l.Runs), strconv.Itoa(l.Rows), strconv.Itoa(l.Changes), units(l.Gas), truth + string(text)})
	}
	rows = append(rows, []string{"", "", "", "", units(t.Rest), "signature, arguments, checks at the end"}, []string{"", "", "", "", units(sum), "together"})
	for _, column := range []int{1, 2, 3, 4} { // numbers stand on the right
		width := 0
		for _, r := range rows {
			width = max(width, len(r[column]))
		}
		for _, r := range rows {
			r[column] = strings.Repeat(" ", width-len(r[column])) + r[column]
		}
	}
	a.say("")
	a.columns(rows)
}

// units is gas of 1/64 units with one decimal.
func units(gas64 uint64) string { return strconv.FormatFloat(float64(gas64)/64, 'f', 1, 64) }
