package cli

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// words are the names that Tab completes. A zero words knows keywords only.
type words struct {
	branches, tags, contracts []string
	tables                    []string            // shop.item
	columns                   map[string][]string // by shop.item and by item
	actions                   []*sqlcontract.Action
	actionNames               []string // shop.sell; the n-th is of actions[n]
}

// wordsOf reads the names that a revision has. What cannot be read is left out:
// a name that is not offered can still be typed.
func wordsOf(r *repo.Repository, rev string) words {
	w := words{columns: map[string][]string{}}
	if list, err := r.Branches(); err == nil {
		for _, b := range list {
			w.branches = append(w.branches, b.Name)
		}
	}
	if list, err := r.Tags(); err == nil {
		for _, t := range list {
			w.tags = append(w.tags, t.Name)
		}
	}
	infos, err := r.Contracts(rev)
	if err != nil {
		return w
	}
	for _, info := range infos {
		c, _, err := r.Contract(rev, info.Name)
		if err != nil {
			continue
		}
		w.contracts = append(w.contracts, c.Name)
		for _, o := range c.Schema {
			if o.Type == "table" || o.Type == "view" {
				w.tables = append(w.tables, c.Name+"."+o.Name)
			}
		}
		for _, t := range c.Tables {
			for _, col := range t.Columns {
				w.columns[c.Name+"."+t.Name] = append(w.columns[c.Name+"."+t.Name], col.Name)
				w.columns[t.Name] = append(w.columns[t.Name], col.Name)
			}
		}
		for _, x := range c.Actions {
			if x.Visibility != sqlcontract.Private && !x.Constructor {
				w.actions = append(w.actions, x)
				w.actionNames = append(w.actionNames, c.Name+"."+x.Name)
			}
		}
	}
	return w
}

// revisions are the names that a revision can begin with.
func (w words) revisions() []string { return append(append([]string{}, w.branches...), w.tags...) }

var sqlKeywords = strings.Fields(`ALL AND AS ASC BETWEEN BY CALL CASE CAST COLLATE CROSS DESC DISTINCT ELSE END ESCAPE EXCEPT
EXISTS EXPLAIN FILTER FROM FULL GLOB GROUP HAVING IN INNER INTERSECT IS JOIN LEFT LIKE LIMIT MATERIALIZED NATURAL NOT NULL
OFFSET ON OR ORDER OUTER OVER PARTITION RECURSIVE RIGHT ROWS SELECT THEN UNION USING VALUES WHEN WHERE WINDOW WITH
avg( blame( coalesce( count( diff( events( group_concat( history( iif( json_extract( length( log( lower( max( min( substr(
sum( txs( upper(`)

// complete is a liner.WordCompleter.
func (w words) complete(line string, pos int) (head string, found []string, tail string) {
	runes := []rune(line)
	before, tail := string(runes[:pos]), string(runes[pos:])
	dot := strings.HasPrefix(strings.TrimSpace(before), ".")
	part := func(r rune) bool {
		return r == '_' || r == '.' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || dot && (r == '/' || r == '-')
	}
	start := len(before)
	for start > 0 {
		r, n := utf8.DecodeLastRuneInString(before[:start])
		if !part(r) {
			break
		}
		start -= n
	}
	head, word := before[:start], before[start:]
	var candidates []string
	switch {
	case dot:
		candidates = w.dotCandidates(strings.Fields(head), word)
	case strings.EqualFold(strings.TrimSpace(head), "call"):
		for _, n := range w.actionNames {
			candidates = append(candidates, n+"(")
		}
	default:
		candidates = w.sqlCandidates(head, word)
	}
	for _, c := range candidates {
		if len(c) >= len(word) && strings.EqualFold(c[:len(word)], word) && !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	return head, found, tail
}

func (w words) dotCandidates(given []string, word string) []string {
	if len(given) == 0 {
		var names []string
		for _, d := range dotCommands() {
			names = append(names, "."+d.name+" ")
		}
		return names
	}
	switch given[0] {
	case ".branch":
		return w.branches
	case ".at":
		return append(w.revisions(), "now")
	case ".log", ".show", ".diff":
		return w.revisions()
	case ".actions":
		return w.contracts
	case ".schema":
		return append(append([]string{}, w.contracts...), w.tables...)
	case ".format":
		return []string{"table", "csv", "md", "json"}
	case ".timer":
		return []string{"on", "off"}
	case ".call":
		if len(given) == 1 {
			return w.actionNames
		}
		return w.arguments(given[1], "=")
	}
	return nil
}

// arguments are the arguments of an action, each with what stands before its
// value.
func (w words) arguments(action, sign string) []string {
	i := slices.Index(w.actionNames, action)
	if i < 0 {
		return nil
	}
	var names []string
	for _, p := range w.actions[i].Params {
		names = append(names, p.Name+sign)
	}
	return names
}

func (w words) sqlCandidates(head, word string) []string {
	if table, _, ok := cutLast(word, "."); ok { // shop.item.sku, item.sku, shop.item
		var list []string
		for _, c := range w.columns[strings.ToLower(table)] {
			list = append(list, table+"."+c)
		}
		return append(list, w.tables...)
	}
	var list []string
	if f := strings.Fields(strings.ReplaceAll(head, "(", " ")); len(f) > 1 && strings.EqualFold(f[0], "call") {
		list = w.arguments(strings.ToLower(f[1]), " => ")
	}
	list = append(list, w.tables...)
	for _, t := range w.tables {
		_, name, _ := strings.Cut(t, ".")
		list = append(append(list, name), w.columns[t]...)
	}
	for _, k := range sqlKeywords {
		if word != "" && word == strings.ToLower(word) {
			k = strings.ToLower(k)
		}
		list = append(list, k)
	}
	return list
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
