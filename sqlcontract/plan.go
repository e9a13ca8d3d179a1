package sqlcontract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// PlanClass says what a change does to those who use the contract.
type PlanClass int

// The classes, from harmless to impossible.
const (
	PlanSafe      PlanClass = iota // nobody notices
	PlanChecked                    // allowed if every stored row passes
	PlanBreaks                     // callers must change with it
	PlanForbidden                  // would change stored rows
)

func (c PlanClass) String() string {
	return [...]string{"safe", "checked against the stored rows", "callers break", "forbidden"}[c]
}

// PlanEntry is one difference between two versions of a contract.
type PlanEntry struct {
	Class PlanClass
	Sign  string // + new, - gone, ~ changed
	What  string // "action sell", "column item.note"
	Why   string // of the class, may be empty
}

func (e PlanEntry) String() string {
	s := e.Sign + " " + e.What
	switch {
	case e.Class == PlanSafe:
	case e.Why == "":
		s += " (" + e.Class.String() + ")"
	default:
		s += " (" + e.Class.String() + ": " + e.Why + ")"
	}
	return s
}

// Plan is what a deploy would change, in the order: tables and columns, other
// schema objects, actions, invariants, merge rules.
type Plan struct {
	Contract string
	New      bool // no version before this one
	Entries  []PlanEntry
}

// PlanDeploy compares the version in force (nil for none) with a new one.
func PlanDeploy(old, new *Contract) Plan {
	p := Plan{Contract: new.Name, New: old == nil}
	if old == nil {
		old = &Contract{}
	}
	p.tables(old, new)
	p.objects(old, new)
	p.actions(old, new)
	p.invariants(old, new)
	p.rules(old, new)
	return p
}

// Class is the worst class of all entries.
func (p Plan) Class() PlanClass {
	worst := PlanSafe
	for _, e := range p.Entries {
		worst = max(worst, e.Class)
	}
	return worst
}

// Forbidden is nil if the deploy is possible. Rows that fail a new constraint
// are found later, when the executor rebuilds the tables.
func (p Plan) Forbidden() error {
	var list []string
	for _, e := range p.Entries {
		if e.Class == PlanForbidden {
			list = append(list, e.Sign+" "+e.What+": "+e.Why)
		}
	}
	if list == nil {
		return nil
	}
	return fault.New(codeForbidden, "add tables and last columns instead, or deploy a new contract; a MIGRATION block is not in this version",
		"the deploy of %s would change stored rows: %s", p.Contract, strings.Join(list, "; "))
}

// String is the plan as the command prints it, a line per entry. In a new
// contract things of one kind are counted, except tables.
func (p Plan) String() string {
	var b strings.Builder
	b.WriteString("Plan for contract " + p.Contract)
	if p.New {
		b.WriteString(" (new)")
	}
	b.WriteString(":\n")
	if len(p.Entries) == 0 {
		b.WriteString("  nothing changes\n")
		return b.String()
	}
	for i := 0; i < len(p.Entries); i++ {
		e := p.Entries[i]
		noun, _, _ := strings.Cut(e.What, " ")
		same := 1
		for p.New && noun != "table" && i+1 < len(p.Entries) && strings.HasPrefix(p.Entries[i+1].What, noun+" ") {
			same++
			i++
		}
		if same > 1 {
			b.WriteString("  + " + plural(same, nouns[noun]) + "\n")
		} else {
			b.WriteString("  " + e.String() + "\n")
		}
	}
	b.WriteString("  " + p.Class().String() + "\n")
	return b.String()
}

// nouns are the words for entries in a count of several.
var nouns = map[string]string{"action": "action", "index": "indexe", "view": "view", "trigger": "trigger", "invariant": "invariant", "rule": "merge rule"}

func (p *Plan) add(class PlanClass, sign, what, why string, args ...any) {
	p.Entries = append(p.Entries, PlanEntry{class, sign, what, fmt.Sprintf(why, args...)})
}

func (p *Plan) tables(old, new *Contract) {
	for _, t := range new.Tables {
		if o := old.Table(t.Name); o != nil {
			p.table(o, t, old.object("table", t.Name), new.object("table", t.Name))
		} else {
			p.add(PlanSafe, "+", "table "+t.Name, "")
		}
	}
	for _, t := range old.Tables {
		if new.Table(t.Name) == nil {
			p.add(PlanForbidden, "-", "table "+t.Name, "its rows would go")
		}
	}
}

// table compares two versions of a table.
func (p *Plan) table(old, new *Table, oldSQL, newSQL *Object) {
	if canonical(oldSQL.SQL) == canonical(newSQL.SQL) {
		return
	}
	before := len(p.Entries)
	if !slices.Equal(old.keyNames(), new.keyNames()) {
		p.add(PlanForbidden, "~", "primary key of "+new.Name, "rows are stored by it")
	}
	stored, added := old.stored(), new.stored()
	reordered := false
	for i, c := range stored {
		n := new.column(c.Name)
		what := "column " + new.Name + "." + c.Name
		switch {
		case n == nil || n.Generated:
			p.add(PlanForbidden, "-", what, "its values would go")
			continue
		case n.Type != c.Type:
			p.add(PlanForbidden, "~", what, "%s becomes %s", c.Type, n.Type)
		case !equalValue(n.Default, c.Default):
			p.add(PlanForbidden, "~", what, "stored rows rely on its DEFAULT, which stays for ever")
		case n.NotNull && !c.NotNull:
			p.add(PlanChecked, "~", what, "now NOT NULL")
		case c.NotNull && !n.NotNull:
			p.add(PlanSafe, "~", what, "may be NULL")
		}
		if i >= len(added) || added[i].Name != c.Name {
			reordered = true
		}
	}
	for i, c := range added {
		if old.column(c.Name) != nil && !old.column(c.Name).Generated {
			continue
		}
		what := "column " + new.Name + "." + c.Name
		switch {
		case i < len(stored):
			p.add(PlanForbidden, "+", what, "a new column comes after the others")
			reordered = false
		case c.NotNull && c.Default == nil:
			p.add(PlanForbidden, "+", what, "NOT NULL needs a DEFAULT, for the rows that are there")
		default:
			p.add(PlanSafe, "+", what, "")
		}
	}
	if reordered && !p.forbids(before) {
		p.add(PlanForbidden, "~", "columns of "+new.Name, "rows are stored in their order")
	}
	if !p.forbids(before) {
		p.constraints(before, old, new, oldSQL, newSQL)
	}
}

// forbids tells whether an entry from the index on is forbidden.
func (p *Plan) forbids(from int) bool {
	return slices.ContainsFunc(p.Entries[from:], func(e PlanEntry) bool { return e.Class == PlanForbidden })
}

// constraints adds an entry when more than the columns changed: a CHECK,
// UNIQUE or FOREIGN KEY, a generated column, or only the order of words. All
// of these are checked when the executor builds the new tables from the rows.
func (p *Plan) constraints(before int, old, new *Table, oldSQL, newSQL *Object) {
	if len(p.Entries) > before && onlyColumnsAdded(oldSQL.SQL, newSQL.SQL, old, new) {
		return
	}
	p.add(PlanChecked, "~", "table "+new.Name, "")
}

// onlyColumnsAdded tells whether the new text is the old one with plain
// columns after the last old column's definition, that is: removing one run of
// tokens, which begins at a comma, gives the old text and holds no constraint.
func onlyColumnsAdded(oldSQL, newSQL string, old, new *Table) bool {
	if len(new.Columns) == len(old.Columns) {
		return false
	}
	a, b := significant(oldSQL), significant(newSQL)
	n := len(b) - len(a)
	if n <= 0 {
		return false
	}
	prefix := 0
	for prefix < len(a) && a[prefix] == b[prefix] {
		prefix++
	}
	for at := prefix; at >= 0 && prefix-at <= n; at-- { // the run may begin earlier when its ends repeat
		if b[at] != "," || !slices.Equal(a[at:], b[at+n:]) {
			continue
		}
		return !slices.ContainsFunc(b[at:at+n], func(w string) bool {
			switch w {
			case "check", "unique", "references", "foreign", "constraint", "as":
				return true
			}
			return false
		})
	}
	return false
}

func (t *Table) keyNames() []string {
	var names []string
	for _, k := range t.Key {
		names = append(names, t.Columns[k].Name)
	}
	return names
}

// stored are the columns that a state value holds.
func (t *Table) stored() []Column {
	var list []Column
	for _, v := range t.Values {
		list = append(list, t.Columns[v])
	}
	return list
}

func equalValue(a, b any) bool {
	x, isBlob := a.([]byte)
	y, alsoBlob := b.([]byte)
	if isBlob || alsoBlob {
		return isBlob && alsoBlob && string(x) == string(y)
	}
	return a == b
}

// object finds an object of the schema, or nil.
func (c *Contract) object(typ, name string) *Object {
	for i := range c.Schema {
		if c.Schema[i].Type == typ && c.Schema[i].Name == name {
			return &c.Schema[i]
		}
	}
	return nil
}

// canonical is SQL without comments and blanks, words in lower case: two texts
// that differ in nothing else are the same statement.
func canonical(sql string) string { return strings.Join(significant(sql), " ") }

func significant(sql string) []string {
	var words []string
	for _, t := range lex(sql) {
		x := sql[t.start:t.end]
		switch t.kind {
		case kSpace:
			continue
		case kWord, kVariable, kInteger:
			x = fold(x)
		}
		words = append(words, x)
	}
	return words
}

// objects compares indexes, views and triggers.
func (p *Plan) objects(old, new *Contract) {
	for _, o := range new.Schema {
		if o.Type == "table" {
			continue
		}
		was := old.object(o.Type, o.Name)
		switch {
		case was == nil && o.Type == "index" && old.Table(o.Table) != nil && isUnique(o):
			p.add(PlanChecked, "+", "index "+o.Name, "")
		case was == nil:
			p.add(PlanSafe, "+", o.Type+" "+o.Name, "")
		case canonical(was.SQL) == canonical(o.SQL):
		case isUnique(o):
			p.add(PlanChecked, "~", "index "+o.Name, "")
		default:
			p.add(PlanSafe, "~", o.Type+" "+o.Name, "")
		}
	}
	for _, o := range old.Schema {
		if o.Type != "table" && new.object(o.Type, o.Name) == nil {
			p.add(PlanSafe, "-", o.Type+" "+o.Name, "")
		}
	}
}

func isUnique(o Object) bool {
	w := significant(o.SQL)
	return o.Type == "index" && len(w) > 1 && w[1] == "unique"
}

func (p *Plan) actions(old, new *Contract) {
	for _, a := range new.Actions {
		was := old.Action(a.Name)
		what := "action " + a.Name
		switch {
		case was == nil:
			p.add(PlanSafe, "+", what, "")
		case breaks(was, a) != "":
			p.add(PlanBreaks, "~", what, "%s", breaks(was, a))
		case was.text() != a.text():
			p.add(PlanSafe, "~", what, "")
		}
	}
	for _, a := range old.Actions {
		if new.Action(a.Name) != nil {
			continue
		}
		class := PlanBreaks
		if a.Visibility == Private {
			class = PlanSafe // only the contract itself and its merge rules use it
		}
		p.add(class, "-", "action "+a.Name, "")
	}
}

// breaks says why callers of the old action cannot call the new one, or "".
func breaks(old, new *Action) string {
	if old.Visibility == Private {
		return "" // it had no callers
	}
	for i, x := range old.Params {
		if i >= len(new.Params) || new.Params[i].Name != x.Name {
			return "parameter :" + x.Name + " is gone or elsewhere"
		}
		n := new.Params[i]
		if n.Type != x.Type {
			return "parameter :" + x.Name + " is " + n.Type
		}
		if x.HasDefault && !n.HasDefault {
			return "parameter :" + x.Name + " has no default any more"
		}
	}
	for _, n := range new.Params[len(old.Params):] {
		if !n.HasDefault {
			return "new parameter :" + n.Name + " has no default"
		}
	}
	switch {
	case new.Constructor:
		return "a CONSTRUCTOR cannot be called"
	case !wider(old, new):
		return "fewer may call it"
	case old.ReadOnly && !new.ReadOnly:
		return "it is not READONLY any more"
	}
	if !slices.EqualFunc(old.Returns, new.Returns, func(a, b Param) bool { return a.Name == b.Name && a.Type == b.Type }) {
		return "it returns other columns"
	}
	return ""
}

// wider tells whether everybody who may call old may call new.
func wider(old, new *Action) bool {
	switch {
	case new.Visibility == Public:
		return true
	case old.Visibility == Public:
		return false
	case new.Visibility == Owner:
		return old.Visibility == Owner
	case new.Visibility == Role: // the owner holds every role
		for _, r := range old.Roles {
			if !slices.Contains(new.Roles, r) {
				return false
			}
		}
		return true
	}
	return false
}

func (p *Plan) invariants(old, new *Contract) {
	find := func(c *Contract, name string) *Invariant {
		for _, v := range c.Invariants {
			if v.Name == name {
				return v
			}
		}
		return nil
	}
	for _, v := range new.Invariants {
		was := find(old, v.Name)
		class := PlanChecked
		if p.New || old.Table(v.Table) == nil {
			class = PlanSafe // no rows yet
		}
		switch {
		case was == nil:
			p.add(class, "+", "invariant "+v.Name, "")
		case was.String() != v.String():
			p.add(class, "~", "invariant "+v.Name, "")
		}
	}
	for _, v := range old.Invariants {
		if find(new, v.Name) == nil {
			p.add(PlanSafe, "-", "invariant "+v.Name, "")
		}
	}
}

func (p *Plan) rules(old, new *Contract) {
	texts := func(c *Contract) []string {
		var list []string
		for _, r := range c.Rules {
			list = append(list, r.String())
		}
		return list
	}
	before, after := texts(old), texts(new)
	for _, r := range after {
		if !slices.Contains(before, r) {
			p.add(PlanSafe, "+", "rule "+r, "")
		}
	}
	for _, r := range before {
		if !slices.Contains(after, r) {
			p.add(PlanSafe, "-", "rule "+r, "")
		}
	}
}
