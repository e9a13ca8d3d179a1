package cli

import (
	"encoding/hex"
	"math"
	"time"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// The records of --json. Their field names are a promise: fields are added,
// never renamed; testdata/script/json.txtar holds an example of each.

type errorDocument struct {
	Error errorJSON `json:"error"`
}

type errorJSON struct {
	Code string `json:"code"` // "" where there is none
	What string `json:"what"`
	Next string `json:"next"`
	Exit int    `json:"exit"`

	Why *whyJSON `json:"why,omitempty"` // of a refusal by a contract: what it met
}

// cellJSON turns a cell into what encoding/json writes as it should: INTEGER a
// number, BLOB "0x…", and REAL (queries only) a number where JSON has one.
func cellJSON(v any) any {
	switch x := v.(type) {
	case []byte:
		return "0x" + hex.EncodeToString(x)
	case float64:
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return cell(x)
		}
	}
	return v
}

func argsJSON(args map[string]any) map[string]any {
	if args == nil {
		return nil
	}
	m := make(map[string]any, len(args))
	for k, v := range args {
		m[k] = cellJSON(v)
	}
	return m
}

// objects turns rows into objects by column name; a later column of the same
// name wins, as in every JSON reader.
func objects(columns []string, rows [][]any) []map[string]any {
	if len(columns) == 0 {
		return nil
	}
	list := make([]map[string]any, len(rows))
	for i, row := range rows {
		list[i] = object(columns, row)
	}
	return list
}

func object(columns []string, row []any) map[string]any {
	if row == nil {
		return nil
	}
	m := make(map[string]any, len(row))
	for j, v := range row {
		if j < len(columns) {
			m[columns[j]] = cellJSON(v)
		}
	}
	return m
}

func timeJSON(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// id is a hash in JSON, "" for none.
func id(h objectstore.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

func ids(hs []objectstore.Hash) []string {
	list := make([]string, len(hs))
	for i, h := range hs {
		list[i] = id(h)
	}
	return list
}

// A rowJSON becomes JSON when it is written: a merge has a hundred thousand, and
// their objects together take more memory than the merge.
type rowJSON repo.RowDiff

// MarshalJSON writes the row.
func (r rowJSON) MarshalJSON() ([]byte, error) {
	text, err := compactJSON(struct {
		Contract string         `json:"contract"`
		Table    string         `json:"table"`
		Key      map[string]any `json:"key"`
		Old      map[string]any `json:"old"` // null: no such row
		New      map[string]any `json:"new"`
	}{r.Contract, r.Table, object(r.Columns, r.Key), object(r.Columns, r.Old), object(r.Columns, r.New)})
	return []byte(text), err
}

func rowsJSON(rows []repo.RowDiff) []rowJSON {
	list := make([]rowJSON, len(rows))
	for i, r := range rows {
		list[i] = rowJSON(r)
	}
	return list
}

type eventJSON struct {
	Contract string         `json:"contract"`
	Name     string         `json:"name"`
	Fields   map[string]any `json:"fields"`
}

func eventsJSON(events []sqlcontract.Event) []eventJSON {
	list := make([]eventJSON, len(events))
	for i, e := range events {
		list[i] = eventJSON{e.Contract, e.Name, object(e.Fields, e.Values)}
	}
	return list
}

// resultJSON answers call and deploy.
type resultJSON struct {
	Call        string           `json:"call,omitempty"`
	Contract    string           `json:"contract,omitempty"`
	Version     int              `json:"version,omitempty"`
	Plan        []string         `json:"plan,omitempty"`
	Class       string           `json:"class,omitempty"` // of the plan
	Status      string           `json:"status"`
	Code        string           `json:"code,omitempty"`
	Reason      string           `json:"reason,omitempty"`
	Transaction string           `json:"transaction,omitempty"`
	Block       string           `json:"block,omitempty"`
	Branch      string           `json:"branch,omitempty"`
	Repeated    bool             `json:"repeated,omitempty"`
	Gas         uint64           `json:"gas"`
	Columns     []string         `json:"columns,omitempty"`
	Rows        []map[string]any `json:"rows,omitzero"`
	Events      []eventJSON      `json:"events,omitempty"`
	Changes     []rowJSON        `json:"changes"`
}

func resultOf(res repo.Result) resultJSON {
	r := res.Receipt
	return resultJSON{
		Status: r.Status.String(), Code: r.Code, Reason: reasonOf(r), Transaction: id(res.Transaction),
		Block: id(res.Block), Branch: res.Branch, Repeated: res.Repeated, Gas: r.Gas, Columns: r.Columns,
		Rows: objects(r.Columns, r.Rows), Events: eventsJSON(r.Events), Changes: rowsJSON(res.Changes),
	}
}

// reasonOf is why a transaction was refused, in words; "" when it was not.
func reasonOf(r sqlcontract.Receipt) string {
	if r.Status == sqlcontract.StatusOK || r.Status == 0 {
		return ""
	}
	return sqlcontract.Explain(r)
}

type callJSON struct {
	Transaction string `json:"transaction"`
	Call        string `json:"call"`
	Account     string `json:"account"`
	Status      string `json:"status"`
	Code        string `json:"code,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Gas         uint64 `json:"gas"`
	Changed     uint64 `json:"changed"` // rows
}

func callOf(c repo.CallSummary) callJSON {
	return callJSON{id(c.Transaction), c.Text, string(c.Account), c.Status.String(), c.Code, c.Reason, c.Gas, c.Changed}
}

// entryJSON is a line of log.
type entryJSON struct {
	Block        string     `json:"block"`
	Number       uint64     `json:"number"`
	Parents      []string   `json:"parents"`
	Time         string     `json:"time"`
	Producer     string     `json:"producer"`
	Branch       string     `json:"branch"`
	Origin       string     `json:"origin,omitempty"` // ledger of a block that came with the origin
	Refs         []string   `json:"refs"`
	Transactions int        `json:"transactions"`
	Calls        []callJSON `json:"calls"`
}

func entryOf(e repo.Entry) entryJSON {
	j := entryJSON{
		Block: id(e.ID), Number: e.Number, Parents: ids(e.Parents), Time: timeJSON(e.Time), Producer: string(e.Producer),
		Branch: e.Branch, Origin: id(e.Origin), Refs: append([]string{}, e.Refs...), Transactions: e.Transactions, Calls: []callJSON{},
	}
	for _, c := range e.Calls {
		j.Calls = append(j.Calls, callOf(c))
	}
	return j
}

type branchJSON struct {
	Name       string `json:"name"`
	ID         string `json:"id"`
	Head       string `json:"head"`
	Number     uint64 `json:"number"`
	Time       string `json:"time"`
	Creator    string `json:"creator"`
	Current    bool   `json:"current"`
	Registered bool   `json:"registered"`
	Deleted    bool   `json:"deleted"` // from the directory: it takes no more blocks
	Scratch    bool   `json:"scratch"`
	Policy     string `json:"policy"` // automatic, consistent, or "": none
	// Protection is null where the branch is not protected. Then policy is binding.
	Protection *protectionJSON `json:"protection"`
}

func branchOf(b repo.Branch) branchJSON {
	return branchJSON{b.Name, id(b.ID), id(b.Head), b.Number, timeJSON(b.Time), string(b.Creator), b.Current, b.Registered, b.Deleted, b.Scratch, b.Policy, protectionOf(b.Protection)}
}

type contractJSON struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Current bool   `json:"current"`
	Owner   string `json:"owner"`
	Author  string `json:"author"`
	Created string `json:"created"`
	Code    string `json:"code"`
}

func contractOf(c repo.ContractInfo) contractJSON {
	return contractJSON{c.Name, c.Version, c.Current, string(c.Owner), string(c.Author), timeJSON(c.Created), id(c.Code)}
}
