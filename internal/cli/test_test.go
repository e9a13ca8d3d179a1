package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/sqltest"
)

// TestContracts runs the tests of all templates and examples. These are copied,
// so they reach every action and every REQUIRE, and ask for the order they need.
func TestContracts(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*" + sqltest.Suffix)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range templateNames {
		files = append(files, filepath.Join("templates", name+sqltest.Suffix))
	}
	if len(files) < len(templateNames)+2 {
		t.Fatalf("only %d files: %s", len(files), files)
	}
	for _, file := range files {
		dir, name := filepath.Split(file)
		t.Run(strings.TrimSuffix(name, sqltest.Suffix), func(t *testing.T) {
			f := sqltest.Run(context.Background(), os.DirFS(dir), name, sqltest.Options{})
			if f.Err != nil {
				t.Fatal(f.Err)
			}
			for _, x := range f.Tests {
				if x.Err != nil {
					t.Error(x.Err)
				}
				if x.Warning != "" {
					t.Error(x.Warning)
				}
			}
			for _, x := range f.Actions {
				if x.Called == x.Refused {
					t.Errorf("%s.sql:%d: no test calls %s with success", f.Contract, x.Line, x.Name)
				}
			}
			for _, x := range f.Conditions {
				if x.Kind == "REQUIRE" && !x.Covered() {
					t.Errorf("%s.sql:%d: no test sees both outcomes of REQUIRE %s", f.Contract, x.Line, x.Text)
				}
			}
		})
	}
}
