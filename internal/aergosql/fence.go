package aergosql

import "strings"

// checkFence refuses what can be told from the words alone, because the
// authorizer does not see it.
func (s *Source) checkFence() error {
	for i, t := range s.Tokens {
		if t.Kind == Quoted && s.Op(i+1, ".") {
			if err := s.checkPrefix(i, strings.ToUpper(s.Text[t.Start+1:t.End-1])); err != nil {
				return err
			}
		}
		if t.Kind != Word {
			continue
		}
		switch word := s.Upper(i); word {
		case "CAST":
			if err := s.checkCast(i); err != nil {
				return err
			}
		case "COLLATE":
			if s.Upper(i+1) != "BINARY" {
				return s.Fail(CodeFence, t.Start, "compare lower(x) with lower(y)", "texts are compared byte by byte (BINARY), there is no other collation")
			}
		case "AUTOINCREMENT":
			return s.Fail(CodeFence, t.Start, "pass the key as an argument, or take (SELECT coalesce(max(id), 0) + 1 FROM t)", "AUTOINCREMENT needs a rowid, and tables have none: two branches would give one number twice")
		case "ROLLBACK":
			return s.Fail(CodeFence, t.Start, "write ABORT; when an action fails all it did is undone", "ROLLBACK would end the block's transaction")
		case "MAIN", "TEMP":
			if err := s.checkPrefix(i, word); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPrefix refuses main.t and temp.t, quoted or not: a query shows the
// contract under another name, where a view that says main would name nothing.
func (s *Source) checkPrefix(i int, word string) error {
	if (word == "MAIN" || word == "TEMP") && s.Op(i+1, ".") {
		return s.Fail(CodeFence, s.Tokens[i].Start, "leave "+s.Val(i)+". out", "tables of a contract have no prefix")
	}
	return nil
}

// checkCast looks at CAST(… AS type): any type but the three gives NUMERIC or
// REAL in SQLite, "CAST(x AS DECIMAL)" too.
func (s *Source) checkCast(i int) error {
	if !s.Op(i+1, "(") {
		return nil
	}
	as, depth := 0, 0
	for j := i + 1; j < len(s.Tokens); j++ {
		switch {
		case s.Op(j, "("):
			if depth++; depth > MaxParens {
				return nil // SQLite refuses the depth; do not look at each token once per level
			}
		case s.Op(j, ")"):
			if depth--; depth > 0 {
				continue
			}
			if as == 0 {
				return nil // SQLite's syntax error is better
			}
			switch s.Upper(as + 1) {
			case "INTEGER", "TEXT", "BLOB":
				if j == as+2 {
					return nil
				}
			}
			return s.Fail(CodeFence, s.Tokens[as].Start, "cast to INTEGER, TEXT or BLOB", "this CAST may give a REAL")
		case depth == 1 && s.Upper(j) == "AS":
			as = j
		}
	}
	return nil
}
