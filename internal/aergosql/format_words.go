package aergosql

// keywords writes the words that are keywords in capitals: SQLite's reserved
// ones, which cannot be names, and ours where the grammar has them. Others, like
// DESC or a name of a type in a CAST, stay as they are.
func (f *formatter) keywords() {
	var p *lexeme // the token before
	head := ""    // the first words of the statement
	returns := false
	for i := range f.list {
		x := &f.list[i]
		if x.comment {
			continue
		}
		if x.start {
			head, returns = x.upper, false
		} else if p != nil && p.start && x.kind == Word {
			head += " " + x.upper
		}
		if x.kind == Word && f.keyword(i, p, head, returns) {
			x.word, x.text = true, x.upper
		}
		if x.upper == "RETURNS" {
			returns = true
		}
		p = x
	}
}

func (f *formatter) keyword(i int, p *lexeme, head string, returns bool) bool {
	x := &f.list[i]
	n := f.next(i)
	switch {
	case p != nil && p.text == ".", n >= 0 && f.arrow(n): // a name: :row.from, from => @caller
		return false
	case p != nil && (p.upper == "EMIT" || p.upper == "CALL" || p.upper == "ACTION" || p.upper == "INVARIANT"):
		return false
	case returns && x.paren == 1 && (p.text == "(" || p.text == ","): // a name in RETURNS (…)
		return false
	case x.start:
		return statementWord(x.upper)
	case x.opens || x.shuts || reservedWord(x.upper):
		return true
	case p.start && p.upper == "END" && (x.upper == "IF" || x.upper == "FOR"):
		return true
	}
	switch x.upper {
	case "KEY":
		return p.upper == "PRIMARY" || p.upper == "FOREIGN"
	case "ACTION", "VIEW", "TRIGGER":
		return p.start && p.upper == "CREATE"
	case "RULE":
		return p.start && p.upper == "MERGE"
	case "INTEGER", "TEXT", "BLOB":
		return p.kind == Variable || x.table && x.paren == 1 && named(*p) || returns && x.paren == 1
	case "PUBLIC", "OWNER", "PRIVATE", "ROLE", "READONLY", "CONSTRUCTOR", "RETURNS":
		return head == "CREATE ACTION" && x.paren == 0
	case "EACH":
		return p.upper == "FOR"
	case "FOR":
		return f.list[x.first].upper == "INVARIANT"
	}
	return false
}

// statementWord tells a word that a statement may begin with.
func statementWord(w string) bool {
	switch w {
	case "DIALECT", "CREATE", "MERGE", "INVARIANT", "USE", "MIGRATION", "TEST", "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES",
		"REQUIRE", "LET", "IF", "FOR", "CALL", "EMIT", "RETURN", "END", "ELSE", "ELSEIF":
		return true
	}
	return false
}

// reservedWord tells a word that SQLite takes for no name
// (https://sqlite.org/lang_keywords.html; parse.y lists which fall back to one).
func reservedWord(w string) bool {
	switch w {
	case "ALL", "AND", "AS", "BETWEEN", "CASE", "CHECK", "COLLATE", "CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DELETE", "DISTINCT", "ELSE",
		"ESCAPE", "EXISTS", "FOREIGN", "FROM", "GROUP", "HAVING", "IN", "INDEX", "INSERT", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN", "LIMIT",
		"NOT", "NOTHING", "NOTNULL", "NULL", "ON", "OR", "ORDER", "PRIMARY", "REFERENCES", "RETURNING", "SELECT", "SET", "TABLE", "THEN", "TO",
		"UNION", "UNIQUE", "UPDATE", "USING", "VALUES", "WHEN", "WHERE":
		return true
	}
	return false
}
