package importer

import (
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// namer turns names of a file into names that AERGOSQL takes, each once.
type namer struct {
	scratch *sqlite.Conn
	used    map[string]bool
	known   map[string]bool // whether SQLite takes a word as a name
}

func newNamer() (*namer, error) {
	c, err := sqlite.Open(":memory:", sqlite.Options{NoPreupdate: true})
	if err != nil {
		return nil, err
	}
	return &namer{scratch: c, used: map[string]bool{}, known: map[string]bool{}}, nil
}

func (n *namer) close() { _ = n.scratch.Close() }

// fresh begins another list of names.
func (n *namer) fresh() { n.used = map[string]bool{} }

// name makes a name of what the file calls a thing; fallback is for one that has
// no letter or digit. Names are at most 40 characters, so that add_ and load_
// can be put before them.
func (n *namer) name(from, fallback string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(from)) {
		switch s, ok := plainLetters[r]; {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case ok:
			b.WriteString(s)
		default:
			b.WriteByte('_')
		}
	}
	base := b.String()
	for strings.Contains(base, "__") {
		base = strings.ReplaceAll(base, "__", "_")
	}
	if base = strings.Trim(base, "_"); base == "" {
		base = fallback
	}
	if base[0] >= '0' && base[0] <= '9' {
		base = fallback[:1] + "_" + base
	}
	for _, p := range []string{"sqlite_", "aergo_", "json_", "jsonb_", "pragma_", "fts5", "rtree", "dbstat", "geopoly"} {
		if strings.HasPrefix(base, p) {
			base = fallback[:1] + "_" + base
			break
		}
	}
	if len(base) > 40 {
		base = strings.TrimRight(base[:40], "_")
	}
	if !n.takes(base) {
		base += "_"
	}
	name := base
	for i := 2; n.used[name]; i++ {
		name = fmt.Sprintf("%s_%d", strings.TrimRight(base, "_"), i)
	}
	n.used[name] = true
	return name
}

// takes tells whether SQLite, and the language around it, take a word as a name
// without quotes.
func (n *namer) takes(word string) bool {
	switch word {
	case "case", "else", "end", "then", "rowid", "oid", "_rowid_", "begin", "do", "require", "let", "emit", "call":
		return false
	}
	ok, found := n.known[word]
	if !found {
		s, _, err := n.scratch.Prepare("CREATE TABLE " + word + " (" + word + " TEXT PRIMARY KEY)")
		if ok = err == nil && s != nil; ok {
			_ = s.Finalize()
		}
		n.known[word] = ok
	}
	return ok
}

// plainLetters are the letters of Europe's languages without their marks.
var plainLetters = map[rune]string{
	'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss", 'à': "a", 'á': "a", 'â': "a", 'ã': "a", 'å': "a", 'æ': "ae", 'ç': "c",
	'è': "e", 'é': "e", 'ê': "e", 'ë': "e", 'ì': "i", 'í': "i", 'î': "i", 'ï': "i", 'ñ': "n", 'ò': "o", 'ó': "o",
	'ô': "o", 'õ': "o", 'ø': "o", 'ù': "u", 'ú': "u", 'û': "u", 'ý': "y", 'ÿ': "y", 'č': "c", 'š': "s", 'ž': "z",
	'ě': "e", 'ř': "r", 'ů': "u", 'ł': "l", 'ą': "a", 'ę': "e", 'ć': "c", 'ń': "n", 'ś': "s", 'ź': "z", 'ż': "z", 'ő': "o", 'ű': "u",
}
