package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Draft is the contract that a file asks for.
type Draft struct {
	Contract string
	From     string   // the file's name
	Tables   []*Table // parents before the tables that refer to them
	Objects  []Object // indexes, views, triggers, in the order of the file
	Notes    []Note   // what was changed or left out, and why
	more     int      // notes over the limit
}

// Note says what became of one thing of the file.
type Note struct {
	What string `json:"what"` // "table t", "t.price", "view v", or "" for the file
	Text string `json:"text"`
}

func (n Note) String() string {
	if n.What == "" {
		return n.Text
	}
	return n.What + ": " + n.Text
}

// note adds to the report.
func (d *Draft) note(what, format string, args ...any) {
	if len(d.Notes) >= maxNotes {
		d.more++
		return
	}
	d.Notes = append(d.Notes, Note{what, fmt.Sprintf(format, args...)})
}

// Table is one table of the draft.
type Table struct {
	Name    string
	From    string // its name in the file
	Columns []Column
	Key     []string
	KeyNote string // why this key
	Unique  [][]string
	Checks  []string // SQL of conditions
	Foreign []ForeignKey
	Rows    int64

	// RowNumber: the first column is none of the file and counts its rows.
	RowNumber bool

	content []byte // hash of all cells, for idempotency keys
	sample  []any  // the first row

	// Of a database.
	rowid   string  // what the file calls the rowid, where it became the first column
	sql     string  // its CREATE TABLE
	studies []study // by column
	primary []int   // columns of its PRIMARY KEY
}

// ForeignKey refers to a table of the draft.
type ForeignKey struct {
	Columns []string
	Parent  string
	To      []string // of the parent; empty: its key
	Actions string   // "ON DELETE CASCADE", or ""
	Late    bool     // part of a circle: put in force after the rows
}

// Object is an index, view or trigger as SQL.
type Object struct {
	Kind string
	Name string
	SQL  string
}

// column finds a column by its name in the draft.
func (t *Table) column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// loaded are the columns that a row gives values to.
func (t *Table) loaded() []Column {
	var list []Column
	for _, c := range t.Columns {
		if c.Expr == "" {
			list = append(list, c)
		}
	}
	return list
}

func names(columns []Column) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return list
}

// Source is the whole contract.
func (d *Draft) Source() string { return d.source(false) }

// loading is the contract while rows arrive: without triggers and without
// foreign keys in a circle. It is equal to Source where there are none.
func (d *Draft) loading() string { return d.source(true) }

func (d *Draft) source(loading bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- Drafted from %s. It is yours to change.\nDIALECT 1;\n", oneLine(d.From))
	for _, t := range d.Tables {
		t.write(&b, loading)
	}
	group := ""
	for _, o := range d.Objects {
		if loading && o.Kind == "trigger" {
			continue
		}
		if o.Kind != group || o.Kind != "index" {
			b.WriteByte('\n')
		}
		group = o.Kind
		b.WriteString(o.SQL + ";\n")
	}
	for _, t := range d.Tables {
		t.writeActions(&b)
	}
	return b.String()
}

// write is the CREATE TABLE.
func (t *Table) write(b *strings.Builder, loading bool) {
	fmt.Fprintf(b, "\n-- %s of %s.", plural(t.Rows, "row"), oneLine(t.From))
	if t.KeyNote != "" {
		fmt.Fprintf(b, " Key: %s.", oneLine(t.KeyNote))
	}
	fmt.Fprintf(b, "\nCREATE TABLE %s (\n", t.Name)
	type line struct{ sql, comment string }
	var lines []line
	wide := 0
	for _, c := range t.Columns {
		wide = max(wide, len(c.Name))
	}
	for _, c := range t.Columns {
		sql := fmt.Sprintf("%-*s %s", wide, c.Name, c.Type)
		single := len(t.Key) == 1 && t.Key[0] == c.Name
		switch {
		case single:
			sql += " PRIMARY KEY"
		case c.NotNull:
			sql += " NOT NULL"
		}
		if c.Default != "" {
			sql += " DEFAULT " + c.Default
		}
		if c.Check != "" {
			sql += " CHECK (" + c.Check + ")"
		}
		if c.Expr != "" {
			sql += " AS (" + c.Expr + ")"
			if c.Stored {
				sql += " STORED"
			}
		}
		lines = append(lines, line{sql, c.Comment})
	}
	if len(t.Key) > 1 {
		lines = append(lines, line{"PRIMARY KEY (" + strings.Join(t.Key, ", ") + ")", ""})
	}
	for _, u := range t.Unique {
		lines = append(lines, line{"UNIQUE (" + strings.Join(u, ", ") + ")", ""})
	}
	for _, c := range t.Checks {
		lines = append(lines, line{"CHECK (" + c + ")", ""})
	}
	for _, f := range t.Foreign {
		if loading && f.Late {
			continue
		}
		lines = append(lines, line{f.sql(), ""})
	}
	width := 0
	for i := range lines {
		if i < len(lines)-1 {
			lines[i].sql += ","
		}
		if lines[i].comment != "" {
			width = max(width, len(lines[i].sql))
		}
	}
	for _, l := range lines {
		if l.comment == "" {
			b.WriteString("  " + l.sql + "\n")
		} else {
			fmt.Fprintf(b, "  %-*s -- %s\n", width, l.sql, oneLine(l.comment))
		}
	}
	b.WriteString(");\n")
}

func (f ForeignKey) sql() string {
	s := "FOREIGN KEY (" + strings.Join(f.Columns, ", ") + ") REFERENCES " + f.Parent
	if len(f.To) > 0 {
		s += " (" + strings.Join(f.To, ", ") + ")"
	}
	if f.Actions != "" {
		s += " " + f.Actions
	}
	if f.Late {
		s += " DEFERRABLE INITIALLY DEFERRED"
	}
	return s
}

// writeActions adds add_T and load_T.
func (t *Table) writeActions(b *strings.Builder) {
	columns := t.loaded()
	list := wrap(names(columns), 4)
	if len(columns) <= maxParams {
		var params, values []string
		for _, c := range columns {
			params = append(params, ":"+c.Name+" "+c.Type)
			values = append(values, ":"+c.Name)
		}
		fmt.Fprintf(b, "\n-- One row of %s.\nCREATE ACTION add_%s(%s) OWNER AS\nBEGIN\n  INSERT INTO %s (%s)\n  VALUES (%s);\nEND;\n",
			t.Name, t.Name, wrap(params, 2), t.Name, list, wrap(values, 4))
	}
	var cells []string
	blobs := false
	for i, c := range columns {
		cell := fmt.Sprintf("value ->> %d", i)
		if c.Type == "BLOB" {
			cell, blobs = "unhex("+cell+")", true
		}
		cells = append(cells, cell)
	}
	hex := ""
	if blobs {
		hex = ", BLOBs in hex"
	}
	fmt.Fprintf(b, "\n-- Many rows of %s: a JSON array of rows, each an array%s.\nCREATE ACTION load_%s(:rows TEXT) OWNER AS\nBEGIN\n  INSERT INTO %s (%s)\n  SELECT %s\n  FROM json_each(:rows);\nEND;\n",
		t.Name, hex, t.Name, t.Name, list, wrap(cells, 4))
}

// wrap joins a list with commas, in lines of some 100 characters.
func wrap(list []string, indent int) string {
	var b strings.Builder
	at := 0
	for i, s := range list {
		switch {
		case i > 0 && at+len(s) > 100:
			b.WriteString(",\n" + strings.Repeat(" ", indent))
			at = indent
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(s)
		at += len(s) + 2
	}
	return b.String()
}

// Test is a file of tests for the draft: the first row of each table that stands
// alone goes in, once. It is empty where there is no such table.
func (d *Draft) Test() string {
	var b strings.Builder
	for _, t := range d.Tables {
		columns := t.loaded()
		if len(t.Foreign) > 0 || t.sample == nil || len(columns) > maxParams || d.fires(t) {
			continue
		}
		row := make([]string, len(columns))
		for i, v := range t.sample {
			row[i] = literal(v)
		}
		call := "CALL add_" + t.Name + "(" + strings.Join(row, ", ") + ")"
		if len(call) > 4000 {
			continue
		}
		fmt.Fprintf(&b, "\nTEST 'a row of %s goes in once' AS\n  %s;\n  EXPECT SELECT count(*) FROM %s = 1;\n  %s FAILS 'AG0412';\nEND;\n", t.Name, call, t.Name, call)
	}
	if b.Len() == 0 {
		return ""
	}
	return "-- aergo test runs this file: a ledger in memory, a fresh branch for each test.\n" + b.String()
}

// fires tells whether a trigger has to do with a table.
func (d *Draft) fires(t *Table) bool {
	return slices.ContainsFunc(d.Objects, func(o Object) bool {
		return o.Kind == "trigger" && usesAny(o.SQL, map[string]bool{t.Name: true})
	})
}

// compile checks the draft; its error is of the draft, not of who imports.
func (d *Draft) compile() (*sqlcontract.Contract, error) {
	return sqlcontract.Compile(d.Contract, d.Source())
}

// literal is a value as SQL.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	}
	return fmt.Sprint(v)
}

// oneLine makes a foreign text harmless in a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, shorten(strings.ToValidUTF8(s, "?"), 200))
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
