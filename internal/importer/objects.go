package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

// constraints adds what the compiler accepts: generated columns, CHECK, UNIQUE,
// FOREIGN KEY; and puts parents before the tables that refer to them.
func (s *schema) constraints() error {
	d := s.draft
	for _, t := range d.Tables {
		s.generated(t)
	}
	if err := s.compiles(); err != nil {
		return fault.New("AG0122", "Import some tables only, with --table.", "%s makes no contract: %w", s.name, err)
	}
	for _, t := range d.Tables {
		s.checks(t)
		if err := s.unique(t); err != nil {
			return err
		}
	}
	for _, t := range d.Tables {
		if err := s.foreign(t); err != nil {
			return err
		}
	}
	d.order()
	return nil
}

// compiles tries the draft as it is.
func (s *schema) compiles() error {
	_, err := s.draft.compile()
	return err
}

// reason is an error of the compiler in one line.
func reason(err error) string {
	text := err.Error()
	if f := fault.Of(err); f != nil {
		text = f.What
	}
	text, _, _ = strings.Cut(text, "\n")
	if _, rest, ok := strings.Cut(text, ": "); ok && strings.Count(text[:len(text)-len(rest)], ":") >= 3 { // name:line:column:
		text = rest
	}
	return text
}

// generated keeps the generated columns that compile.
func (s *schema) generated(t *Table) {
	for i := 0; i < len(t.Columns); i++ {
		c := &t.Columns[i]
		if c.Expr == "" {
			continue
		}
		text, why := s.translate(c.Expr)
		if why == "" {
			c.Expr = text
			alone := &Draft{Contract: s.draft.Contract, Tables: []*Table{t}}
			if _, err := alone.compile(); err != nil {
				why = reason(err)
			}
		}
		if why != "" {
			s.draft.note(t.Name+"."+c.Name, "left out: a generated column, and %s", why)
			s.changed[strings.ToLower(c.From)] = t.Name + "." + c.Name + " is left out"
			t.drop(i)
			i--
		}
	}
}

// checks keeps the CHECKs that compile and mean what they meant.
func (s *schema) checks(t *Table) {
	for _, sql := range checks(t.sql) {
		text, why := s.translateUnits(sql, signOnly(sql))
		switch {
		case why != "":
		case usesAny(sql, collated(t.sql)):
			why = "a column of it had another collation"
		case hasWord(text, "typeof"):
			why = "it asks for types, which the columns hold"
		default:
			t.Checks = append(t.Checks, text)
			if err := s.compiles(); err != nil {
				why = reason(err)
				t.Checks = t.Checks[:len(t.Checks)-1]
			}
		}
		if why != "" {
			s.draft.note("table "+t.Name, "CHECK (%s) is left out: %s", short(sql), why)
		}
	}
}

// named are the draft's names of columns of the file; false if one is left out.
func (t *Table) named(from []string) ([]string, bool) {
	var list []string
	for _, f := range from {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.From, f) })
		if i < 0 {
			return nil, false
		}
		list = append(list, t.Columns[i].Name)
	}
	return list, true
}

// blurred tells whether different values of a column may have become equal.
func (t *Table) blurred(columns []string) bool {
	for i, c := range t.Columns {
		if slices.Contains(columns, c.Name) && t.studies[i].mixed() {
			return true
		}
	}
	return false
}

// unique keeps UNIQUE constraints; unique indexes come with the indexes. Where
// the PRIMARY KEY could not be the key, it is kept as UNIQUE.
func (s *schema) unique(t *Table) error {
	list, err := s.query("PRAGMA index_list("+quote(t.From)+")", 1, 3)
	if err != nil {
		return err
	}
	slices.Reverse(list) // the engine gives the newest first
	for _, r := range list {
		origin := asText(r[1])
		if origin == "c" || origin == "pk" && !t.RowNumber {
			continue
		}
		rows, err := s.query("PRAGMA index_xinfo("+quote(asText(r[0]))+")", 2, 5)
		if err != nil {
			return err
		}
		var from []string
		for _, c := range rows {
			if key, _ := c[1].(int64); key == 1 {
				from = append(from, asText(c[0]))
			}
		}
		columns, ok := t.named(from)
		why := ""
		switch {
		case !ok:
			why = "a column of it is left out"
		case t.blurred(columns):
			why = "a column holds values of several types"
		case slices.Equal(columns, t.Key):
			continue
		default:
			t.Unique = append(t.Unique, columns)
			if err := s.compiles(); err != nil {
				why = reason(err)
				t.Unique = t.Unique[:len(t.Unique)-1]
			}
		}
		if why != "" {
			s.draft.note("table "+t.Name, "UNIQUE (%s) is left out: %s", short(strings.Join(from, ", ")), why)
		}
	}
	return nil
}

// foreign keeps the foreign keys that all rows of the file obey.
func (s *schema) foreign(t *Table) error {
	list, err := s.query("PRAGMA foreign_key_list("+quote(t.From)+")", 0, 1, 2, 3, 4, 5, 6)
	if err != nil {
		return err
	}
	type key struct {
		parent, onUpdate, onDelete string
		from, to                   []string
	}
	var order []int64
	keys := map[int64]*key{}
	for _, r := range list {
		id, _ := r[0].(int64)
		k := keys[id]
		if k == nil {
			k = &key{parent: asText(r[2]), onUpdate: asText(r[5]), onDelete: asText(r[6])}
			keys[id] = k
			order = append(order, id)
		}
		k.from = append(k.from, asText(r[3]))
		if to := asText(r[4]); to != "" {
			k.to = append(k.to, to)
		}
	}
	slices.Sort(order)
	slices.Reverse(order) // the engine gives the last one the number 0
	for _, id := range order {
		k := keys[id]
		what := fmt.Sprintf("FOREIGN KEY (%s) REFERENCES %s is left out", short(strings.Join(k.from, ", ")), short(k.parent))
		why, err := s.foreignKey(t, id, k.parent, k.from, k.to, k.onUpdate, k.onDelete)
		if err != nil {
			return err
		}
		if why != "" {
			s.draft.note("table "+t.Name, "%s: %s", what, why)
		}
	}
	return nil
}

func (s *schema) foreignKey(t *Table, id int64, parentFrom string, from, to []string, onUpdate, onDelete string) (why string, err error) {
	at := slices.IndexFunc(s.draft.Tables, func(x *Table) bool { return strings.EqualFold(x.From, parentFrom) })
	if at < 0 {
		return "that table is not imported", nil
	}
	parent := s.draft.Tables[at]
	f := ForeignKey{Parent: parent.Name}
	var ok bool
	if f.Columns, ok = t.named(from); !ok {
		return "a column of it is left out", nil
	}
	if f.To, ok = parent.named(to); !ok {
		return "a column of it is left out", nil
	}
	target := f.To
	if len(target) == 0 {
		if target = parent.Key; parent.RowNumber {
			return "the other table has another key now", nil
		}
	}
	if len(target) != len(f.Columns) {
		return "it names another number of columns than the key has", nil
	}
	for i := range target {
		a, b := t.column(f.Columns[i]), parent.column(target[i])
		if a.Type != b.Type || a.Scale != b.Scale {
			return fmt.Sprintf("%s is %s %s, %s is %s %s", a.Name, a.Type, unit(a.Scale), b.Name, b.Type, unit(b.Scale)), nil
		}
	}
	if other := collated(parent.sql); slices.ContainsFunc(target, func(c string) bool { return other[strings.ToLower(parent.column(c).From)] }) {
		return "a column of the other table had another collation", nil
	}
	broken, err := s.query("SELECT count(*) FROM (SELECT 1 FROM pragma_foreign_key_check("+literal(t.From)+") WHERE fkid = "+fmt.Sprint(id)+")", 0)
	if err != nil {
		return "", err
	}
	if n, _ := broken[0][0].(int64); n > 0 {
		return plural(n, "row") + " of the file break it", nil
	}
	for _, a := range []struct{ on, do string }{{"ON DELETE", onDelete}, {"ON UPDATE", onUpdate}} {
		if a.do != "" && !strings.EqualFold(a.do, "NO ACTION") {
			f.Actions = strings.TrimSpace(f.Actions + " " + a.on + " " + a.do)
		}
	}
	t.Foreign = append(t.Foreign, f)
	if err := s.compiles(); err != nil {
		t.Foreign = t.Foreign[:len(t.Foreign)-1]
		return reason(err), nil
	}
	return "", nil
}

// order puts parents first. A key that points to the table itself, or closes a
// circle, comes in force after the rows.
func (d *Draft) order() {
	var sorted []*Table
	state := map[string]int{} // 1: on the way, 2: placed
	var place func(t *Table)
	place = func(t *Table) {
		state[t.Name] = 1
		for i := range t.Foreign {
			f := &t.Foreign[i]
			at := slices.IndexFunc(d.Tables, func(x *Table) bool { return x.Name == f.Parent })
			switch state[f.Parent] {
			case 0:
				place(d.Tables[at])
			case 1:
				f.Late = true
			}
		}
		state[t.Name] = 2
		sorted = append(sorted, t)
	}
	for _, t := range d.Tables {
		if state[t.Name] == 0 {
			place(t)
		}
	}
	d.Tables = sorted
}

// objects adds the indexes, views and triggers that the compiler accepts, in as
// many rounds as one needs another.
func (s *schema) objects() error {
	rows, err := s.query("SELECT type, name, sql, tbl_name FROM sqlite_schema WHERE type IN ('index', 'view', 'trigger') AND sql IS NOT NULL ORDER BY type = 'trigger', type = 'view', name", 0, 1, 2, 3)
	if err != nil {
		return err
	}
	type waiting struct {
		what string
		o    Object
		why  string
	}
	var open []waiting
	for _, r := range rows {
		kind, name, sql := asText(r[0]), asText(r[1]), asText(r[2])
		if len(open) >= maxObjects {
			s.draft.note(kind+" "+short(name), "left out: there are over %d indexes, views and triggers", maxObjects)
			continue
		}
		to := s.names.name(name, kind)
		s.rename(name, to)
		open = append(open, waiting{what: kind + " " + short(name), o: Object{Kind: kind, Name: to, SQL: sql}})
	}
	for i := range open {
		w := &open[i]
		if w.o.SQL, w.why = s.translateUnits(w.o.SQL, plainIndex(w.o.Kind, w.o.SQL)); w.why == "" {
			if w.why = s.notOurs(w.o); w.why != "" {
				w.o.SQL = ""
			}
		}
	}
	for progress := true; progress; {
		progress = false
		for i := range open {
			w := &open[i]
			if w.o.SQL == "" {
				continue
			}
			s.draft.Objects = append(s.draft.Objects, w.o)
			if err := s.compiles(); err != nil {
				s.draft.Objects = s.draft.Objects[:len(s.draft.Objects)-1]
				w.why = reason(err)
				continue
			}
			w.o.SQL, w.why, progress = "", "", true
		}
	}
	for _, w := range open {
		if w.why != "" {
			s.draft.note(w.what, "left out: %s", w.why)
		}
	}
	return nil
}

// notOurs refuses what compiles and would do something else.
func (s *schema) notOurs(o Object) string {
	if collates(o.SQL) {
		return "it names another collation"
	}
	if o.Kind != "trigger" {
		for _, t := range aergosql.Split(o.SQL) {
			if o.SQL[t.Start:t.End] == ";" {
				return "it is more than one statement"
			}
		}
		return ""
	}
	for _, t := range s.draft.Tables {
		if t.RowNumber && usesAny(o.SQL, map[string]bool{t.Name: true}) {
			return "table " + t.Name + " needs a row's number now, which it does not give"
		}
	}
	return ""
}
