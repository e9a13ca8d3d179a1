package importer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// State is what there is of a draft's contract on a branch.
type State uint8

const (
	New     State = iota // no contract of this name
	Loading              // the form that takes rows: an import that was interrupted
	Whole                // the draft, word for word
	Fits                 // another contract that has the tables and actions for the rows
)

// Prepare finds out what is in force under the draft's name. Where it is a
// contract that somebody has changed, its columns decide how values are kept:
// a decimal column counts in the unit that its comment names, "in 1/100".
func (f *File) Prepare(r *repo.Repository, branch string) (State, error) {
	inForce, _, err := r.Contract(branch, f.Draft.Contract)
	switch {
	case fault.Is(err, "AG0401"), fault.Is(err, "AG0222"):
		return New, nil
	case err != nil:
		return New, err
	case inForce.Source == f.Draft.Source():
		return Whole, nil
	case inForce.Source == f.Draft.loading():
		return Loading, nil
	}
	for _, t := range f.Draft.Tables {
		if err := t.fit(inForce); err != nil {
			return Fits, err
		}
	}
	return Fits, nil
}

// fit makes the table's rows those of a contract in force.
func (t *Table) fit(c *sqlcontract.Contract) error {
	refuse := func(what string, args ...any) error {
		return fault.New("AG0123", "aergo import --draft shows what the file asks for; --as NAME makes a contract of another name.",
			"the contract %s in force does not fit: "+what, append([]any{c.Name}, args...)...)
	}
	table := c.Table(t.Name)
	if table == nil {
		return refuse("it has no table %s", t.Name)
	}
	if a := c.Action("load_" + t.Name); a == nil || len(a.Params) != 1 || a.Params[0].Name != "rows" || a.Params[0].Type != "TEXT" {
		return refuse("it has no action load_%s(:rows TEXT)", t.Name)
	}
	var want []string
	for _, col := range table.Columns {
		if !col.Generated {
			want = append(want, col.Name)
		}
	}
	mine := t.loaded()
	if !slices.Equal(want, names(mine)) {
		return refuse("%s has the columns %s, the file has %s", t.Name, strings.Join(want, ", "), strings.Join(names(mine), ", "))
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		at := slices.IndexFunc(table.Columns, func(x sqlcontract.Column) bool { return x.Name == col.Name })
		if col.Expr != "" {
			continue
		}
		kept := table.Columns[at]
		scale := scaleOf(c.Source, table, col.Name)
		switch {
		case kept.Type == "INTEGER" && (col.Form == Number || col.Form == Scaled):
			if col.Scale > scale {
				return refuse("%s.%s counts in units of %s, the file has %d decimals; a column's comment says its unit, as in: -- %s", t.Name, col.Name, orOnes(scale), col.Scale, unit(col.Scale))
			}
			if scale > 0 {
				if col.Form == Number {
					col.Point = '.'
				}
				col.Form, col.Scale = Scaled, scale
			}
		case kept.Type == col.Type && scale == col.Scale:
		case kept.Type == "TEXT" && (col.Form == Number || col.Form == Scaled):
			col.Form, col.Type, col.Scale = Written, "TEXT", 0
		case kept.Type == "INTEGER" && col.Comment == "empty in the file" && !kept.NotNull:
			col.Form, col.Type = Number, "INTEGER"
		default:
			return refuse("%s.%s is %s, the file needs %s", t.Name, col.Name, kept.Type, col.Type)
		}
	}
	return nil
}

func orOnes(scale int) string {
	if scale == 0 {
		return "1"
	}
	return strings.TrimPrefix(unit(scale), "in ")
}

var unitMark = regexp.MustCompile(`--.*\bin 1/1(0{1,9})\b`)

// scaleOf reads the unit of a column from the comment on its line of the source.
func scaleOf(source string, t *sqlcontract.Table, column string) int {
	lines := strings.Split(source, "\n")
	for _, line := range lines[min(t.Line-1, len(lines)):] {
		if f := strings.Fields(line); len(f) > 0 && strings.EqualFold(strings.Trim(f[0], `"`), column) {
			if m := unitMark.FindStringSubmatch(line); m != nil {
				return len(m[1])
			}
			return 0
		}
		if strings.HasPrefix(strings.TrimSpace(line), ");") {
			return 0
		}
	}
	return 0
}
