package importer

import (
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// hasWord tells whether a statement has a word, outside its strings and names.
func hasWord(sql, word string) bool {
	for _, t := range aergosql.Split(sql) {
		if t.Kind == aergosql.Word && strings.EqualFold(sql[t.Start:t.End], word) {
			return true
		}
	}
	return false
}

// collates tells whether a statement names another collation than BINARY.
func collates(sql string) bool {
	toks := aergosql.Split(sql)
	for i, t := range toks {
		if t.Kind == aergosql.Word && strings.EqualFold(sql[t.Start:t.End], "COLLATE") && i+1 < len(toks) &&
			!strings.EqualFold(sql[toks[i+1].Start:toks[i+1].End], "BINARY") {
			return true
		}
	}
	return false
}

// collated are the columns of a CREATE TABLE that have another collation than
// BINARY, folded.
func collated(sql string) map[string]bool {
	list := map[string]bool{}
	for _, d := range definitions(sql) {
		if len(d) > 0 && collates(sql[d[0].Start:d[len(d)-1].End]) {
			list[strings.ToLower(unquoted(sql[d[0].Start:d[0].End]))] = true
		}
	}
	return list
}

// usesAny tells whether a statement has one of these names.
func usesAny(sql string, names map[string]bool) bool {
	for _, t := range aergosql.Split(sql) {
		if (t.Kind == aergosql.Word || t.Kind == aergosql.Quoted) && names[strings.ToLower(unquoted(sql[t.Start:t.End]))] {
			return true
		}
	}
	return false
}

// bracket gives the text in the parentheses that open at token i, and the token
// after them; "" if they do not close.
func bracket(sql string, toks []aergosql.Token, i int) (string, int) {
	if i >= len(toks) || sql[toks[i].Start:toks[i].End] != "(" {
		return "", i
	}
	depth := 0
	for j := i; j < len(toks); j++ {
		switch sql[toks[j].Start:toks[j].End] {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return sql[toks[i].End:toks[j].Start], j + 1
			}
		}
	}
	return "", len(toks)
}

// unquoted is the name that a token stands for.
func unquoted(s string) string {
	if len(s) < 2 {
		return s
	}
	switch q := s[0]; q {
	case '"', '`', '\'':
		return strings.ReplaceAll(s[1:len(s)-1], string(q)+string(q), string(q))
	case '[':
		return s[1 : len(s)-1]
	}
	return s
}

// definitions cuts the list of a CREATE TABLE at its commas, each piece as its
// tokens.
func definitions(sql string) (list [][]aergosql.Token) {
	toks := aergosql.Split(sql)
	depth, from := 0, 0
	for i, t := range toks {
		switch sql[t.Start:t.End] {
		case "(":
			if depth++; depth == 1 {
				from = i + 1
			}
		case ")":
			if depth--; depth == 0 {
				return append(list, toks[from:i])
			}
		case ",":
			if depth == 1 {
				list = append(list, toks[from:i])
				from = i + 1
			}
		}
	}
	return nil
}

// generatedAs finds the expression of a generated column.
func generatedAs(sql, column string) string {
	for _, d := range definitions(sql) {
		if len(d) == 0 || !strings.EqualFold(unquoted(sql[d[0].Start:d[0].End]), column) {
			continue
		}
		for i, t := range d {
			if t.Kind == aergosql.Word && strings.EqualFold(sql[t.Start:t.End], "AS") {
				text, _ := bracket(sql, d, i+1)
				return strings.TrimSpace(text)
			}
		}
	}
	return ""
}

// checks finds the conditions of a CREATE TABLE.
func checks(sql string) (list []string) {
	toks := aergosql.Split(sql)
	for i, t := range toks {
		if t.Kind == aergosql.Word && strings.EqualFold(sql[t.Start:t.End], "CHECK") {
			if text, _ := bracket(sql, toks, i+1); strings.TrimSpace(text) != "" {
				list = append(list, strings.TrimSpace(text))
			}
		}
	}
	return list
}

// signOnly tells a condition like price >= 0, which holds in any unit.
func signOnly(sql string) bool {
	toks := aergosql.Split(sql)
	return len(toks) == 3 && toks[1].Kind == aergosql.Op && sql[toks[2].Start:] == "0"
}

// plainIndex tells an index on columns only, without expressions or WHERE.
func plainIndex(kind, sql string) bool {
	return kind == "index" && !hasWord(sql, "WHERE") && strings.Count(sql, "(") == 1
}

// translate writes SQL of the file in the draft's names. why is set where it uses
// what is not the same any more.
func (s *schema) translate(sql string) (text, why string) { return s.translateUnits(sql, false) }

// translateUnits may allow columns that count in another unit now.
func (s *schema) translateUnits(sql string, allow bool) (text, why string) {
	var b strings.Builder
	at := 0
	for _, t := range aergosql.Split(sql) {
		word := sql[t.Start:t.End]
		if between := sql[at:t.Start]; strings.TrimSpace(between) == "" {
			b.WriteString(between)
		} else {
			b.WriteByte(' ') // a comment, perhaps one of the end of a line
		}
		at = t.End
		if t.Kind != aergosql.Word && t.Kind != aergosql.Quoted {
			b.WriteString(word)
			continue
		}
		name := strings.ToLower(unquoted(word))
		if reason, ok := s.changed[name]; ok {
			return "", reason
		}
		if reason, ok := s.units[name]; ok && !allow {
			return "", reason
		}
		to, ok := s.renamed[name]
		switch {
		case !ok:
			b.WriteString(word)
		case to == "":
			return "", "the name " + short(name) + " stands for two things that have different names now"
		case t.Kind == aergosql.Word && strings.EqualFold(to, word):
			b.WriteString(word)
		default:
			b.WriteString(to)
		}
	}
	return strings.TrimSpace(b.String()), ""
}
