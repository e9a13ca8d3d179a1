package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/repo"
)

// conflictPath names a conflict: shop.item[tea].price. A text in the key that
// could be read in another way stands in quotes, as JSON has it.
func conflictPath(c repo.Conflict) string {
	keys := make([]string, len(c.Key))
	for i, v := range c.Key {
		keys[i] = cell(v)
		if text, ok := v.(string); ok && (strings.ContainsAny(text, `,]"=`) || strings.TrimSpace(text) != text || strings.ContainsFunc(text, steers)) {
			keys[i] = quoted(text)
		}
	}
	path := c.Contract + "." + c.Table + "[" + strings.Join(keys, ",") + "]"
	if c.Column != "" {
		path += "." + c.Column
	}
	return path
}

// quoted is a JSON string in which no character steers a terminal.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case steers(r):
			b.WriteString(fmt.Sprintf(`\u%04x`, r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// cutPath parts PATH=VALUE where the path ends; a key in quotes may hold a =.
func cutPath(text string) (path, value string, ok bool) {
	inside, escaped := false, false
	for i, c := range []byte(text) {
		switch {
		case escaped:
			escaped = false
		case inside && c == '\\':
			escaped = true
		case c == '"' && (inside || text[max(i-1, 0)] == '[' || text[max(i-1, 0)] == ','):
			inside = !inside
		case c == '=' && !inside:
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

// parsePath reads shop.item[tea,1].price and its beginnings.
func parsePath(path string) (repo.Choice, error) {
	bad := func() (repo.Choice, error) {
		return repo.Choice{}, usage("AG0105", "conflicts", "%q is no path like shop.item[tea].price", path)
	}
	var c repo.Choice
	names, rest, keyed := strings.Cut(path, "[")
	parts := strings.Split(names, ".")
	if keyed {
		var ok bool
		if c.Key, rest, ok = parseKey(rest); !ok || len(parts) != 2 {
			return bad()
		}
		if rest != "" {
			column, ok := strings.CutPrefix(rest, ".")
			if !ok || column == "" {
				return bad()
			}
			parts = append(parts, column)
		}
	}
	if len(parts) > 3 || slices.Contains(parts, "") {
		return bad()
	}
	for i, to := range []*string{&c.Contract, &c.Table, &c.Column} {
		if i < len(parts) {
			*to = parts[i]
		}
	}
	return c, nil
}

// parseKey reads the cells of a key up to its closing bracket.
func parseKey(text string) (key []string, rest string, ok bool) {
	for {
		var word string
		if strings.HasPrefix(text, `"`) {
			d := json.NewDecoder(strings.NewReader(text))
			if err := d.Decode(&word); err != nil {
				return nil, "", false
			}
			text = text[d.InputOffset():]
		} else {
			i := strings.IndexAny(text, ",]")
			if i < 0 {
				return nil, "", false
			}
			word, text = text[:i], text[i:]
		}
		key = append(key, word)
		switch {
		case strings.HasPrefix(text, ","):
			text = text[1:]
		case strings.HasPrefix(text, "]"):
			return key, text[1:], true
		default:
			return nil, "", false
		}
	}
}
