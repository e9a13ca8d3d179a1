package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
)

// schema turns the schema of a database into that of the draft.
type schema struct {
	*sqliteSource
	draft *Draft
	names *namer
	// renamed holds the draft's name by the folded name in the file; "" where it
	// has two, in two tables.
	renamed map[string]string
	// changed says by the folded name in the file why an expression that uses a
	// column would mean something else now.
	changed map[string]string
	units   map[string]string // the same for columns that only count in another unit
}

// rename keeps what a name of the file is called in the draft.
func (s *schema) rename(from, to string) {
	old := strings.ToLower(from)
	if have, ok := s.renamed[old]; ok && have != to {
		to = ""
	}
	s.renamed[old] = to
}

// tables reads the tables and their columns; only is empty or names those wanted.
func (s *schema) tables(only []string) error {
	list, err := s.query("PRAGMA table_list", 0, 1, 2)
	if err != nil {
		return err
	}
	sources, err := s.query("SELECT name, sql FROM sqlite_schema WHERE type = 'table'", 0, 1)
	if err != nil {
		return err
	}
	text := map[string]string{}
	for _, r := range sources {
		text[asText(r[0])] = asText(r[1])
	}
	wanted := map[string]bool{}
	for _, n := range only {
		wanted[strings.ToLower(n)] = true
	}
	var found []string
	slices.SortFunc(list, func(a, b []any) int { return strings.Compare(asText(a[1]), asText(b[1])) })
	for _, r := range list {
		name, kind := asText(r[1]), asText(r[2])
		if asText(r[0]) != "main" || strings.HasPrefix(name, "sqlite_") || kind == "view" {
			continue
		}
		found = append(found, name)
		if len(only) > 0 && !wanted[strings.ToLower(name)] {
			continue
		}
		delete(wanted, strings.ToLower(name))
		if kind != "table" {
			s.draft.note("table "+short(name), "left out: it is a %s table, which keeps its data in a way of its own", kind)
			continue
		}
		t := &Table{From: name, Name: s.names.name(name, "table"), sql: text[name]}
		if t.Name != name {
			s.draft.note("table "+t.Name, "is called %q in the file", short(name))
		}
		s.rename(name, t.Name)
		s.draft.Tables = append(s.draft.Tables, t)
	}
	for n := range wanted {
		return fault.New("AG0224", "Its tables: "+strings.Join(found, ", "), "%s has no table %s", s.name, n)
	}
	if len(s.draft.Tables) > maxTables {
		return fault.New("AG0122", "Import some of them, with --table.", "%s has %d tables, a contract takes %d", s.name, len(s.draft.Tables), maxTables)
	}
	used := s.names.used
	for _, t := range s.draft.Tables {
		s.names.fresh()
		if err := s.columns(t); err != nil {
			return err
		}
	}
	s.names.used = used
	return nil
}

func asText(v any) string { t, _ := v.(string); return t }

// columns reads the columns of a table, and adds its rowid where that is its key.
func (s *schema) columns(t *Table) error {
	rows, err := s.query("PRAGMA table_xinfo("+quote(t.From)+")", 1, 2, 3, 4, 5, 6)
	if err != nil {
		return err
	}
	if len(rows) > maxColumns-1 {
		return fault.New("AG0122", "", "table %s has %d columns, a contract's table takes %d", short(t.From), len(rows), maxColumns-1)
	}
	for i, r := range rows {
		name := asText(r[0])
		notNull, _ := r[2].(int64)
		pk, _ := r[4].(int64)
		hidden, _ := r[5].(int64)
		c := Column{From: name, Name: s.names.name(name, fmt.Sprintf("column_%d", i+1)), Type: asText(r[1]), NotNull: notNull != 0 || pk > 0}
		c.Default = asText(r[3])
		if hidden != 0 {
			c.Stored, c.Default = hidden == 3, ""
			c.Expr = generatedAs(t.sql, name)
			if c.Expr == "" {
				c.Expr = "?" // settle leaves it out
			}
		}
		if c.Name != strings.ToLower(name) {
			s.draft.note(t.Name+"."+c.Name, "is called %q in the file", short(name))
		}
		s.rename(name, c.Name)
		t.Columns = append(t.Columns, c)
		if pk > 0 {
			for len(t.primary) < int(pk) {
				t.primary = append(t.primary, -1)
			}
			t.primary[pk-1] = i
		}
	}
	if len(t.primary) == 0 {
		s.addRowid(t)
	}
	t.studies = make([]study, len(t.Columns))
	return nil
}

// addRowid makes the rowid a column, the first; false if all its names are taken
// by columns or the table has none.
func (s *schema) addRowid(t *Table) bool {
	for _, n := range []string{"rowid", "_rowid_", "oid"} {
		if !slices.ContainsFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.From, n) }) {
			t.rowid = n
			t.RowNumber = true
			name := s.names.name("row_number", "row")
			t.Columns = slices.Insert(t.Columns, 0, Column{From: n, Name: name, Type: "INTEGER", NotNull: true})
			t.studies = slices.Insert(t.studies, 0, study{})
			for i := range t.primary {
				t.primary[i]++
			}
			return true
		}
	}
	return false
}

// affinity is the type for a column without values, by SQLite's rules for
// declared types (https://sqlite.org/datatype3.html, 3.1).
func affinity(declared string) string {
	d := strings.ToUpper(declared)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(d, p) })
	}
	switch {
	case has("INT"):
		return "INTEGER"
	case has("CHAR", "CLOB", "TEXT"):
		return "TEXT"
	case has("BLOB"):
		return "BLOB"
	case has("BOOL"):
		return "INTEGER"
	}
	return "TEXT"
}

// settle decides the columns and the key of a table that was read.
func (s *schema) settle(t *Table) {
	d := s.draft
	for i := 0; i < len(t.Columns); i++ {
		c := &t.Columns[i]
		declared := c.Type
		where := t.Name + "." + c.Name
		change, note := t.studies[i].settleValue(c, declared)
		if c.Expr != "" {
			why := change
			if why == "" && !slices.Contains([]string{"INTEGER", "TEXT", "BLOB"}, c.Type) || c.Expr == "?" {
				why = "its expression is not found"
			}
			if why != "" {
				s.changed[strings.ToLower(c.From)] = where + " is left out"
				d.note(where, "left out: a generated column, and %s", why)
				t.drop(i)
				i--
			}
			continue
		}
		if note != "" {
			d.note(where, "%s", note)
		}
		switch {
		case c.Scale > 0:
			s.units[strings.ToLower(c.From)] = where + " " + change
		case change != "":
			s.changed[strings.ToLower(c.From)] = where + " " + change
		}
		if c.Default != "" {
			text := c.Default
			if c.Default = constant(text, c); c.Default == "" && !strings.EqualFold(text, "NULL") {
				d.note(where, "DEFAULT %s is left out: it is no constant of the type %s", short(text), c.Type)
			}
		}
		if c.NotNull && t.studies[i].nulls > 0 {
			c.NotNull = false
			if !slices.Contains(t.primary, i) {
				d.note(where, "NOT NULL is left out: %s of the file have none", plural(t.studies[i].nulls, "row"))
			}
		}
	}
	s.key(t)
	if hasWord(t.sql, "AUTOINCREMENT") {
		d.note("table "+t.Name, "AUTOINCREMENT is left out: two branches would give one number twice; a caller gives the key")
	}
	if collates(t.sql) {
		d.note("table "+t.Name, "COLLATE is left out: texts are compared byte by byte")
	}
}

// drop removes column i.
func (t *Table) drop(i int) {
	t.Columns = slices.Delete(t.Columns, i, i+1)
	t.studies = slices.Delete(t.studies, i, i+1)
	for k := range t.primary {
		if t.primary[k] > i {
			t.primary[k]--
		}
	}
}

// key takes the PRIMARY KEY, or the rowid where that is none.
func (s *schema) key(t *Table) {
	why := ""
	for _, i := range t.primary {
		switch {
		case i < 0 || i >= len(t.Columns) || t.Columns[i].Expr != "":
			why = "it has a generated column"
		case t.studies[i].nulls > 0:
			why = "it is NULL in some rows"
		case t.studies[i].mixed():
			why = "it holds values of several types"
		}
	}
	if len(t.primary) > 0 && why == "" {
		for _, i := range t.primary {
			t.Columns[i].NotNull = true
			t.Key = append(t.Key, t.Columns[i].Name)
		}
		return
	}
	if len(t.primary) > 0 {
		s.draft.note("table "+t.Name, "its PRIMARY KEY is left out: %s; the row's number is the key", why)
		for _, i := range t.primary {
			if t.studies[i].nulls == 0 {
				continue
			}
			t.Columns[i].NotNull = false
		}
		if t.rowid == "" && !s.addRowid(t) {
			s.draft.note("table "+t.Name, "it has no rowid that could be its key")
		}
	}
	if len(t.Columns) > 0 && t.rowid != "" {
		t.Key, t.KeyNote = []string{t.Columns[0].Name}, "the rowid of the file, which gives it no other"
	}
}

// mixed tells whether values of different types become one type, so that values
// that differ may become equal.
func (s *study) mixed() bool {
	n := 0
	for _, k := range []int64{s.ints + s.reals, s.texts, s.blobs} {
		if k > 0 {
			n++
		}
	}
	return n > 1
}

// settleValue decides the column of a database by its values. change says why an
// expression over it would mean something else now; note is for the report.
func (s *study) settleValue(c *Column, declared string) (change, note string) {
	numbers := s.ints + s.reals
	switch {
	case numbers+s.texts+s.blobs == 0:
		c.Type = affinity(declared)
		if c.Type == "TEXT" && !strings.Contains(strings.ToUpper(declared), "CHAR") && !strings.EqualFold(declared, "TEXT") {
			return "", fmt.Sprintf("has no value and the type %q: it is TEXT now", short(declared))
		}
		return "", ""
	case s.bad > 0:
		c.Type, c.Form = "BLOB", Bytes
		return "holds bytes now", plural(s.bad, "text") + " in it are not UTF-8 or hold a NUL: it is BLOB now, with the bytes of its texts"
	case s.blobs > 0 && s.mixed():
		c.Type, c.Form = "BLOB", Bytes
		return "holds bytes now", "holds BLOBs and other values: it is BLOB now, with the bytes of its texts and numbers"
	case s.blobs > 0:
		c.Type = "BLOB"
		return "", ""
	case s.mixed():
		c.Type, c.Form = "TEXT", Written
		return "holds text now", fmt.Sprintf("holds %s and %s: it is TEXT now", plural(numbers, "number"), plural(s.texts, "text"))
	case s.texts > 0:
		c.Type = "TEXT"
		return "", ""
	case s.reals == 0:
		c.Type = "INTEGER"
		return "", ""
	}
	scale, why := s.decimals.scale()
	if s.decimals.bad {
		why = "some of its numbers are no decimals"
	}
	if why != "" {
		c.Type, c.Form, c.Comment = "TEXT", Written, "decimals as text"
		return "holds text now", "holds REAL, which no contract keeps: it is TEXT now, with all digits, since " + why
	}
	scale = max(scale, declaredScale(declared, s.decimals.whole))
	c.Type, c.Form, c.Scale, c.Point, c.Comment = "INTEGER", Scaled, scale, '.', unit(scale)
	if scale == 0 {
		return "", "holds REAL, and whole numbers only: it is INTEGER now"
	}
	return "counts " + unit(scale) + " now", fmt.Sprintf("holds REAL, which no contract keeps: it counts %s now, 1 becomes 1%s", unit(scale), strings.Repeat("0", scale))
}

// declaredScale is the s of DECIMAL(p, s), where numbers with it fit an INTEGER.
func declaredScale(declared string, whole int) int {
	_, in, ok := strings.Cut(declared, ",")
	if !ok {
		return 0
	}
	in = strings.TrimSpace(strings.TrimRight(in, ") "))
	if len(in) != 1 || !digits(in) || whole+int(in[0]-'0') > 18 {
		return 0
	}
	return int(in[0] - '0')
}

// constant gives a DEFAULT in the column's type, or "".
func constant(text string, c *Column) string {
	s := strings.TrimSpace(text)
	for strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	sign := ""
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		sign, s = strings.TrimPrefix(s[:1], "+"), strings.TrimSpace(s[1:])
	}
	toks := aergosql.Split(s)
	if len(toks) != 1 || toks[0].End != len(s) {
		return ""
	}
	switch k := toks[0].Kind; {
	case k == aergosql.String && sign == "" && c.Type == "TEXT", k == aergosql.Blob && sign == "" && c.Type == "BLOB":
		return s
	case k == aergosql.String && sign == "" && c.Type == "INTEGER" && c.Form != Scaled:
		if n, ok := wholeNumber(s[1 : len(s)-1]); ok { // affinity makes it a number
			return fmt.Sprint(n)
		}
	case (k == aergosql.Integer || k == aergosql.Float) && c.Form == Scaled:
		if n, ok := scaledNumber(sign+s, '.', c.Scale); ok {
			return fmt.Sprint(n)
		}
	case k == aergosql.Integer && c.Type == "INTEGER":
		return sign + s
	case k == aergosql.Word && c.Type == "INTEGER" && sign == "" && strings.EqualFold(s, "true"):
		return "1"
	case k == aergosql.Word && c.Type == "INTEGER" && sign == "" && strings.EqualFold(s, "false"):
		return "0"
	}
	return ""
}
