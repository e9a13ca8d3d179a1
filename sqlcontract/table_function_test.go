package sqlcontract

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// TestTableFunctions: a query reads what its functions give, no more than it
// needs, and a function hears when nobody listens any longer.
func TestTableFunctions(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		w := newWorld(t, dir)
		w.deploy("alice", "shop", shop)
		w.good(w.tx("alice", "shop.add_item", args{"sku": "tea", "price": int64(4)}))
		ended, asked, computed := 0, []any{}, 0
		functions := []TableFunction{{
			Name:    "count_from",
			Params:  []Param{{Name: "first", Type: "INTEGER"}, {Name: "step", Type: "INTEGER", HasDefault: true}},
			Columns: []Param{{Name: "n", Type: "INTEGER"}, {Name: "costly", Type: "TEXT"}},
			Lookups: []string{"n"},
			Rows: func(ctx context.Context, args map[string]any, yield func(func(int) (any, error)) bool) error {
				defer func() { ended++ }()
				asked = append(asked, args["n"])
				n, _ := args["first"].(int64)
				step, ok := args["step"].(int64)
				if !ok {
					step = 1
				}
				for ; ctx.Err() == nil; n += step {
					if n == 13 {
						return fault.New("AG0201", "", "13 brings bad luck")
					}
					if !yield(func(i int) (any, error) {
						if i == 1 {
							computed++
							if n == 66 {
								return nil, errors.New("no text for 66")
							}
							return strings.Repeat("x", int(n)), nil
						}
						return n, nil
					}) {
						return errors.New("nobody hears this")
					}
				}
				return ctx.Err()
			},
		}}
		query := func(sql string) string {
			t.Helper()
			return w.read(w.tree.QueryWith(context.Background(), functions, sql))
		}
		for sql, want := range map[string]string{
			"SELECT n FROM count_from(3) LIMIT 2":                                              "3\n4\n",
			"SELECT n, costly FROM count_from(3, -1) LIMIT 2":                                  "3 xxx\n2 xx\n",
			"SELECT n FROM count_from(NULL)":                                                   "",
			"SELECT (SELECT n FROM count_from(price) LIMIT 1) FROM shop.item":                  "4\n",
			"SELECT a.n, b.n FROM count_from(1) a, count_from(a.n, 5) b WHERE b.n > 1 LIMIT 2": "1 6\n1 11\n",
			"SELECT n FROM count_from(20) WHERE n = 22 LIMIT 1":                                "22\n",
			"SELECT n FROM \"count_from\"(1) LIMIT 1":                                          "1\n",
		} {
			if got := query(sql); got != want {
				t.Errorf("%s: %q", sql, got)
			}
		}
		if ended != len(asked) || ended < 7 || computed != 2 {
			t.Errorf("%d of %d calls ended, %d texts were made", ended, len(asked), computed)
		}
		if asked = nil; query("SELECT n FROM count_from(20) WHERE n = 22 LIMIT 1") != "22\n" || asked[0] != int64(22) {
			t.Errorf("asked for %v", asked)
		}
		for sql, want := range map[string]string{
			"SELECT n FROM count_from(10)":               "13 brings bad luck",
			"SELECT costly FROM count_from(66)":          "no text for 66",
			"SELECT n FROM count_from()":                 "count_from() needs an argument: first",
			"SELECT n FROM count_from(1, 2, 3)":          "too many arguments",
			"SELECT n FROM count_from":                   "no table count_from",
			"INSERT INTO count_from(n) SELECT 1":         "a query only reads",
			"SELECT a.n FROM count_from(a.n) a":          "count_from() needs an argument: first",
			"SELECT 1 FROM count_from(1) JOIN absent.x":  "there is no table",
			"SELECT n FROM count_from(1) WHERE random(,": "syntax error",
		} {
			rows, err := w.tree.QueryWith(context.Background(), functions, sql)
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
				rows.Close()
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", sql, err, want)
			}
		}
		// An endless call ends with its context, and with its rows.
		ctx, cancel := context.WithCancel(context.Background())
		rows, err := w.tree.QueryWith(ctx, functions, "SELECT n FROM count_from(14) WHERE n % 1000000000 = 0 OR n < 16")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if !rows.Next() {
				t.Fatal(rows.Err())
			}
		}
		go cancel()
		if rows.Next() || rows.Err() != context.Canceled {
			t.Errorf("the query ended with %v", rows.Err())
		}
		before := ended
		rows.Close()
		if ended > before+1 || ended < before {
			t.Errorf("%d calls ended by Close", ended-before)
		}
		// Contracts never see functions: only a query that is given them.
		if _, err := w.tree.Query(context.Background(), "SELECT n FROM count_from(1)"); !fault.Is(err, "AG0203") {
			t.Errorf("a query without functions: %v", err)
		}
	}
}
