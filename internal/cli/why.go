package cli

import (
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// refused is the error of a call with what the contract met when it refused.
type refused struct {
	error
	why  sqlcontract.Refusal
	text string // why, for this user
}

func (r refused) Unwrap() error { return r.error }

// watched collects why transactions are refused, by transaction.
type watched map[objectstore.Hash]*sqlcontract.Refusal

// observe takes a step; the first that fails is where it happened.
func (w watched) observe(s sqlcontract.Step) {
	if s.Code == "" {
		return
	}
	if w[s.Transaction] == nil {
		f := s.Refusal()
		w[s.Transaction] = &f
	}
}

// explained adds to the error of a transaction what it met.
func (a *app) explained(err error, f *sqlcontract.Refusal, caller objectstore.Account) error {
	if f == nil {
		return err
	}
	return refused{err, *f, a.why(*f, caller)}
}

// why words a refusal for a terminal, indented. caller is who was refused.
func (a *app) why(f sqlcontract.Refusal, caller objectstore.Account) string {
	lines := []string{}
	if text := cleanLines(f.String()); text != "" {
		lines = append(lines, text)
	}
	if f.Code == "AG0402" && f.Owner != "" {
		lines = append(lines, "its owner is "+a.whoFull(f.Owner))
		if len(f.Roles) > 0 {
			who := string(caller)
			if f.Caller != "" {
				who = f.Caller
			} else if name := a.who(caller); name != "you" && !strings.HasSuffix(name, "…") {
				who = name
			}
			lines = append(lines, "who gives the role with: aergo grant "+f.Roles[0]+" --contract "+f.Contract+" --to "+shellWord(who))
		}
	}
	if f.Code == "AG0420" {
		lines = append(lines, "more is allowed with --gas N, up to "+strconv.Itoa(sqlcontract.MaxGas))
	}
	return "  " + strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n  ")
}

// whyJSON is a refusal with everything that it shows.
type whyJSON struct {
	Contract string       `json:"contract,omitempty"`
	Action   string       `json:"action,omitempty"`
	Line     int          `json:"line,omitempty"`
	Rule     string       `json:"rule,omitempty"`
	Values   []valueJSON  `json:"values,omitempty"`
	Looked   []lookedJSON `json:"looked,omitempty"`
	Notes    []string     `json:"notes,omitempty"`
	Owner    string       `json:"owner,omitempty"`
	Roles    []string     `json:"roles,omitempty"`
	Excerpt  string       `json:"excerpt,omitempty"`
}

type valueJSON struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

type lookedJSON struct {
	Title string           `json:"title"`
	Rows  []map[string]any `json:"rows"` // empty: no row matched
	More  bool             `json:"more,omitempty"`
}

func whyOf(f *sqlcontract.Refusal) *whyJSON {
	if f == nil {
		return nil
	}
	j := whyJSON{Contract: f.Contract, Action: f.Action, Line: f.Line, Rule: f.Rule, Notes: f.Notes,
		Owner: string(f.Owner), Roles: f.Roles, Excerpt: f.Excerpt}
	for _, v := range f.Values {
		j.Values = append(j.Values, valueJSON{v.Name, cellJSON(v.Value)})
	}
	for _, l := range f.Looked {
		rows := objects(l.Columns, l.Rows)
		if rows == nil {
			rows = []map[string]any{}
		}
		j.Looked = append(j.Looked, lookedJSON{l.Title, rows, l.More})
	}
	return &j
}
