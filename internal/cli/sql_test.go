package cli

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func linesOf(text string) func(bool) (string, error) {
	left := strings.Split(text, "\n")
	return func(bool) (string, error) {
		if len(left) == 0 {
			return "", io.EOF
		}
		l := left[0]
		left = left[1:]
		return l, nil
	}
}

func TestStatements(t *testing.T) {
	in := &statements{read: linesOf("SELECT 1; SELECT\n';',\n2;\n.at x; y\n;;-- only this;\n/* a\n;*/ SELECT 3;SELECT 4\n.no command here")}
	for _, want := range []statement{
		{"SELECT 1;", 1}, {"SELECT\n';',\n2;", 1}, {".at x; y", 4}, {"SELECT 3;", 7}, {"SELECT 4\n.no command here\n", 7},
	} {
		got, err := in.next()
		if err != nil || got != want {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
	}
	if st, err := in.next(); !errors.Is(err, io.EOF) {
		t.Errorf("%+v %v after the end", st, err)
	}
}

func TestComplete(t *testing.T) {
	w := words{
		branches: []string{"main", "eu"}, tags: []string{"v1"}, contracts: []string{"shop"}, tables: []string{"shop.item"},
		columns:     map[string][]string{"shop.item": {"sku", "stock"}, "item": {"sku", "stock"}},
		actionNames: []string{"shop.sell"},
	}
	for line, want := range map[string]string{
		"sel": "select", "SEL": "SELECT", "SELECT * FROM sh": "shop.item", "SELECT st": "stock", "SELECT item.s": "item.sku item.stock",
		"call sh": "shop.sell(", ".br": ".branch ", ".at ": "main eu v1 now", ".schema shop.": "shop.item", ".nothing x": "", "SELECT 茶, sk": "sku",
	} {
		head, found, tail := w.complete(line+"ü", len([]rune(line)))
		if got := strings.Join(found, " "); got != want || tail != "ü" || !strings.HasPrefix(line, head) {
			t.Errorf("%q gives %q %q %q, want %q", line, head, got, tail, want)
		}
	}
}

// FuzzStatements holds that cutting loses nothing, and that the SELECT of a CALL
// has each expression where the statement has it.
func FuzzStatements(f *testing.F) {
	f.Add("SELECT 1; CALL a.b(x => 'y;', (1+2), :z => x'00');\n.help\nCALL a.b();call a.b(1;")
	f.Add("CALL a.b(é => 'ü\n', \"n\" =>2, [x],`y`); /* ; */ -- x")
	f.Fuzz(func(t *testing.T, text string) {
		in := &statements{read: linesOf(text)}
		total := 0
		for {
			st, err := in.next()
			if err != nil {
				break
			}
			total += len(st.text)
			if st.line < 1 || st.line > strings.Count(text, "\n")+1 {
				t.Fatalf("%q is said to be in line %d", st.text, st.line)
			}
			c, ok := callIn(st.text)
			if !ok || c.err != nil || len(c.names) == 0 {
				continue
			}
			if len(c.sql) > len(st.text) || strings.Count(c.sql, "\n") > strings.Count(st.text, "\n") {
				t.Fatalf("%q became %q", st.text, c.sql)
			}
			for i := len("SELECT"); i < len(c.sql); i++ {
				if c.sql[i] != ' ' && c.sql[i] != st.text[i] {
					t.Fatalf("%q became %q", st.text, c.sql)
				}
			}
		}
		if total > len(text)+1 {
			t.Fatalf("%d bytes of statements from %d", total, len(text))
		}
	})
}
