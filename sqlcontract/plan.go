package sqlcontract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

// PlanClass says what a change does to those who use the contract.
type PlanClass int

// The classes, from harmless to impossible.
const (
	PlanSafe      PlanClass = iota // nobody notices
	PlanChecked                    // allowed if every stored row passes
	PlanBreaks                     // callers must change with it
	PlanMigrated                   // the MIGRATION block answers for the stored rows
	PlanForbidden                  // would change stored rows
)

func (c PlanClass) String() string {
	return [...]string{"safe", "checked against the stored rows", "callers break", "migrated", "forbidden"}[c]
}

// PlanEntry is one difference between two versions of a contract.
type PlanEntry struct {
	Class PlanClass
	Sign  string // + new, - gone, ~ changed
	What  string // "action sell", "column item.note"
	Why   string // of the class, may be empty

	gone string   // table whose rows the deploy drops; Tree.Plan counts them
	kept *failure // why KeepInvariants forbids it, or nil
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

// Plan is what a deploy would change, in the order: migration, tables and
// columns, other schema objects, USEs, actions, invariants, merge rules.
type Plan struct {
	Contract  string
	New       bool // no version before this one
	From      int  // the version before, 0 for none
	Entries   []PlanEntry
	Migration *Migration // the block that runs, prepared; nil for none

	remade map[string]bool // tables of the version before that are not copied
}

// PlanDeploy compares the version in force (nil for none), which has the number
// from, with a new one. If the new one has a MIGRATION block for that number it
// is prepared, and an error is what CompileMigration says of it.
func PlanDeploy(old, new *Contract, from int) (Plan, error) {
	p := Plan{Contract: new.Name, New: old == nil, From: from, remade: map[string]bool{}}
	if old == nil {
		old = &Contract{}
	} else {
		var err error
		if p.Migration, err = CompileMigration(old, new, from); err != nil {
			return p, err
		}
	}
	if m := p.Migration; m != nil {
		p.add(PlanMigrated, "~", "rows", "MIGRATION FROM %d runs once, in this deploy", m.From)
	}
	p.tables(old, new)
	p.objects(old, new)
	p.differ("use", textsOf(old.Uses), textsOf(new.Uses))
	p.actions(old, new)
	p.invariants(old, new)
	p.differ("rule", textsOf(old.Rules), textsOf(new.Rules))
	return p, nil
}

// remakes tells whether the rows of a table of the version before are not
// copied: it is gone, or the MIGRATION block makes its rows anew.
func (p *Plan) remakes(table string) bool { return p.remade[table] }

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
	if err := p.kept(); err != nil {
		return err
	}
	var list []string
	for _, e := range p.Entries {
		if e.Class == PlanForbidden {
			list = append(list, e.Sign+" "+e.What+": "+e.Why)
		}
	}
	if list == nil {
		return nil
	}
	next := fmt.Sprintf("add tables and last columns instead, or say with MIGRATION FROM %d AS BEGIN … END; what becomes of the rows: docs/how-to/evolve-a-contract.md", p.From)
	return fault.New("AG0307", next, "the deploy of %s would change stored rows: %s", p.Contract, strings.Join(list, "; "))
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
			b.WriteString("  + " + aergosql.Plural(same, nouns[noun]) + "\n")
		} else {
			b.WriteString("  " + e.String() + "\n")
		}
	}
	b.WriteString("  " + p.Summary() + "\n")
	return b.String()
}

// Summary is the worst class in words, with the number of the MIGRATION.
func (p Plan) Summary() string {
	if class := p.Class(); class != PlanMigrated {
		return class.String()
	}
	how := fmt.Sprintf("migrated by MIGRATION FROM %d", p.From)
	if slices.ContainsFunc(p.Entries, func(e PlanEntry) bool { return e.Class == PlanBreaks }) {
		how += ", " + PlanBreaks.String()
	}
	return how
}

// nouns are the words for entries in a count of several.
var nouns = map[string]string{"action": "action", "index": "indexe", "view": "view", "trigger": "trigger", "invariant": "invariant", "rule": "merge rule", "use": "use"}

func (p *Plan) add(class PlanClass, sign, what, why string, args ...any) {
	p.Entries = append(p.Entries, PlanEntry{Class: class, Sign: sign, What: what, Why: fmt.Sprintf(why, args...)})
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
	for _, t := range aergosql.Lex(sql) {
		x := sql[t.Start:t.End]
		switch t.Kind {
		case aergosql.Space:
			continue
		case aergosql.Word, aergosql.Variable, aergosql.Integer:
			x = aergosql.Fold(x)
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

// differ adds an entry for each text of a list that is new or gone.
func (p *Plan) differ(noun string, before, after []string) {
	for _, x := range after {
		if !slices.Contains(before, x) {
			p.add(PlanSafe, "+", noun+" "+x, "")
		}
	}
	for _, x := range before {
		if !slices.Contains(after, x) {
			p.add(PlanSafe, "-", noun+" "+x, "")
		}
	}
}

func textsOf[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.String()
	}
	return out
}
