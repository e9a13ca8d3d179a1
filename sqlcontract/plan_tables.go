package sqlcontract

import "slices"

func (p *Plan) tables(old, new *Contract) {
	for _, t := range new.Tables {
		if o := old.Table(t.Name); o != nil {
			p.table(o, t, old.object("table", t.Name), new.object("table", t.Name))
		} else {
			p.add(PlanSafe, "+", "table "+t.Name, "")
		}
	}
	for _, t := range old.Tables {
		switch {
		case new.Table(t.Name) != nil:
		case p.Migration != nil:
			p.remade[t.Name] = true
			p.add(PlanMigrated, "-", "table "+t.Name, "its rows go")
			p.Entries[len(p.Entries)-1].gone = t.Name
		default:
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
	if !slices.Equal(old.keyNames(), new.keyNames()) || !slices.Equal(old.keyTypes(), new.keyTypes()) {
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
	switch {
	case !p.forbids(before):
		p.constraints(before, old, new, oldSQL, newSQL)
	case p.Migration != nil:
		p.remake(before, new)
	}
}

// remake leaves a table whose entries begin at before to the MIGRATION block.
func (p *Plan) remake(before int, t *Table) {
	for i := range p.Entries[before:] {
		if e := &p.Entries[before+i]; e.Class == PlanForbidden || e.Class == PlanChecked {
			e.Class = PlanMigrated
		}
	}
	p.remade[t.Name] = true
	if p.Migration.fills[t.Name] {
		p.add(PlanMigrated, "~", "rows of "+t.Name, "the table starts empty and the migration fills it")
		return
	}
	p.add(PlanMigrated, "-", "rows of "+t.Name, "its rows go")
	p.Entries[len(p.Entries)-1].gone = t.Name
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

func (t *Table) keyTypes() []string {
	var types []string
	for _, k := range t.Key {
		types = append(types, t.Columns[k].Type)
	}
	return types
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
