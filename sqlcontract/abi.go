package sqlcontract

import (
	"fmt"
	"strings"
)

// ABI describes a contract to programs and people: what can be called, what can
// be read, what is promised. Its JSON form is stable.
type ABI struct {
	Contract   string         `json:"contract"`
	Dialect    int            `json:"dialect"`
	Code       string         `json:"code"` // hex
	Actions    []ABIAction    `json:"actions"`
	Tables     []ABITable     `json:"tables"`
	Views      []string       `json:"views"`
	Invariants []ABIInvariant `json:"invariants"`
	Rules      []string       `json:"merge_rules"`
}

// ABIAction is one action. Private actions are listed, too: merge rules use them.
type ABIAction struct {
	Name        string     `json:"name"`
	Params      []ABIParam `json:"params"`
	Visibility  string     `json:"visibility"` // public, role, owner, private
	Roles       []string   `json:"roles,omitempty"`
	ReadOnly    bool       `json:"readonly,omitempty"`
	Constructor bool       `json:"constructor,omitempty"`
	Returns     []ABIParam `json:"returns,omitempty"`
	Reads       []string   `json:"reads"`  // contract.table.column, see Reach
	Writes      []string   `json:"writes"` // the same
	Calls       []string   `json:"calls"`  // contract.action
	Lane        *Lane      `json:"lane,omitempty"`
}

// ABIParam is a parameter or returned column. Default is a literal of the
// language: 0, 'text', x'00ff' or NULL; empty means that there is none.
type ABIParam struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default string `json:"default,omitempty"`
}

// ABITable is one table.
type ABITable struct {
	Name    string      `json:"name"`
	Columns []ABIColumn `json:"columns"`
	Key     []string    `json:"key"`
}

// ABIColumn is one column; Default as in ABIParam.
type ABIColumn struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	NotNull   bool   `json:"not_null,omitempty"`
	Default   string `json:"default,omitempty"`
	Generated bool   `json:"generated,omitempty"`
}

// ABIInvariant is one invariant with its condition as text.
type ABIInvariant struct {
	Name  string `json:"name"`
	Table string `json:"table"`
	Check string `json:"check"`
}

// ABI describes the contract.
func (c *Contract) ABI() ABI {
	abi := ABI{
		Contract: c.Name, Dialect: c.Dialect, Code: c.Code.String(),
		Actions: []ABIAction{}, Tables: []ABITable{}, Views: []string{}, Invariants: []ABIInvariant{}, Rules: []string{},
	}
	for _, a := range c.Actions {
		x := ABIAction{
			Name: a.Name, Params: abiParams(a.Params), Visibility: a.Visibility.String(), Roles: a.Roles,
			ReadOnly: a.ReadOnly, Constructor: a.Constructor, Returns: abiParams(a.Returns),
			Reads: append([]string{}, a.Reach.Reads...), Writes: append([]string{}, a.Reach.Writes...), Calls: append([]string{}, a.Reach.Calls...),
		}
		abi.Actions = append(abi.Actions, x)
	}
	for _, t := range c.Tables {
		x := ABITable{Name: t.Name, Key: t.keyNames()}
		for _, col := range t.Columns {
			y := ABIColumn{Name: col.Name, Type: col.Type, NotNull: col.NotNull, Generated: col.Generated}
			if col.Default != nil {
				y.Default = sqlLiteral(col.Default)
			}
			x.Columns = append(x.Columns, y)
		}
		abi.Tables = append(abi.Tables, x)
	}
	for _, o := range c.Schema {
		if o.Type == "view" {
			abi.Views = append(abi.Views, o.Name)
		}
	}
	for _, v := range c.Invariants {
		abi.Invariants = append(abi.Invariants, ABIInvariant{v.Name, v.Table, v.String()})
	}
	for _, r := range c.Rules {
		abi.Rules = append(abi.Rules, r.String())
	}
	return abi
}

func abiParams(list []Param) []ABIParam {
	out := []ABIParam{}
	for _, x := range list {
		p := ABIParam{Name: x.Name, Type: x.Type}
		if x.HasDefault {
			p.Default = sqlLiteral(x.Default)
		}
		out = append(out, p)
	}
	return out
}

// sqlLiteral writes a cell as SQL.
func sqlLiteral(v any) string {
	switch v := v.(type) {
	case int64:
		return fmt.Sprint(v)
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	}
	return "NULL"
}

// String is the word of the language in lower case.
func (v Visibility) String() string {
	return [...]string{"private", "public", "role", "owner"}[v]
}

// String is the invariant's condition, as in the source but for blanks.
func (v *Invariant) String() string {
	if v.Check != nil {
		return "FOR EACH " + v.Table + " CHECK " + canonical(v.checkText())
	}
	s := "ON " + v.Table + " TOTAL count(*)"
	if !v.Count {
		s = "ON " + v.Table + " TOTAL sum(" + v.Column + ")"
	}
	if len(v.By) > 0 {
		s += " BY " + strings.Join(v.By, ", ")
	}
	if v.Compare != nil {
		s += " CHECK (" + v.Compare.String() + ")"
	}
	return s
}

// checkText is the (expr) of a FOR EACH.
func (v *Invariant) checkText() string {
	s := strings.TrimPrefix(v.Check.SQL, "SELECT ")
	return s[:strings.LastIndex(s, " FROM "+v.Table+" WHERE ")]
}

// String is the rule as in the source but for blanks.
func (r MergeRule) String() string {
	s := "ON " + r.Table
	if len(r.Columns) > 0 {
		s += " (" + strings.Join(r.Columns, ", ") + ")"
	}
	if r.By == "ACTION" {
		s += " USING ACTION " + r.Action
	} else {
		s += " BY " + r.By
	}
	if r.FromZero {
		s += " FROM 0"
	}
	if len(r.Roles) > 0 {
		s += " RESOLVE ROLE (" + strings.Join(r.Roles, ", ") + ")"
	}
	return s
}

// String says which contract an alias stands for, as in the source.
func (u Use) String() string {
	if u.Version > 0 {
		return fmt.Sprintf("%s@%d AS %s", u.Contract, u.Version, u.Alias)
	}
	return u.Contract + " AS " + u.Alias
}

// String is what is called, with the names of the arguments but not their
// values.
func (k *Call) String() string {
	s := k.Action
	if k.Use != nil {
		s = k.Use.Contract + "." + s
	}
	if k.Into != "" {
		s = ":" + k.Into + " = " + s
	}
	for _, x := range k.Args {
		s += " " + x.Name + "=>"
	}
	return s
}

// text is all that makes the action what it is: its declaration and body
// without comments, blanks and places.
func (a *Action) text() string {
	var b strings.Builder
	fmt.Fprintln(&b, abiParams(a.Params), a.Visibility, a.Roles, a.ReadOnly, a.Constructor, abiParams(a.Returns))
	writeBody(&b, a.Body)
	return b.String()
}

func writeBody(b *strings.Builder, body []Statement) {
	query := func(word string, q *Query) {
		b.WriteString(word + " ")
		if q != nil {
			b.WriteString(canonical(q.SQL))
		}
		b.WriteString("\n")
	}
	for _, s := range body {
		switch {
		case s.Query != nil:
			query("", s.Query)
		case s.Require != nil:
			query("REQUIRE", s.Require.Cond)
			query("ELSE", s.Require.Else)
		case s.Let != nil:
			query("LET "+s.Let.Name, s.Let.Value)
		case s.If != nil:
			query("IF", s.If.Cond)
			writeBody(b, s.If.Then)
			b.WriteString("ELSE\n")
			writeBody(b, s.If.Else)
			b.WriteString("END IF\n")
		case s.For != nil:
			query("FOR "+s.For.Row, s.For.Rows)
			writeBody(b, s.For.Body)
			b.WriteString("END FOR\n")
		case s.Call != nil:
			query("CALL "+s.Call.String(), s.Call.Values)
		case s.Return != nil:
			query("RETURN", s.Return.Value)
		case s.Emit != nil:
			query("EMIT "+s.Emit.Event+" "+strings.Join(s.Emit.Names, " "), s.Emit.Values)
		}
	}
}
