package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplates: what `contract new` writes passes `aergo test`, which calls
// every action, and the tests notice a contract that is wrong.
func TestTemplates(t *testing.T) {
	run := func(dir string, args ...string) (int, string) {
		var out bytes.Buffer
		env := func(name string) string { return map[string]string{"AERGO_KEYS": dir, "NO_COLOR": "1"}[name] }
		code := Run(context.Background(), append([]string{"aergo", "-C", dir}, args...), strings.NewReader(""), &out, &out, env)
		return code, out.String()
	}
	for _, name := range templateNames {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if code, out := run(dir, "contract", "new", "mine", "--template", name); code != 0 {
				t.Fatal(out)
			}
			code, out := run(dir, "test", "-v")
			if code != 0 || strings.Contains(out, "no test calls") || !strings.Contains(out, "3 passed, 0 failed") {
				t.Fatalf("status %d\n%s", code, out)
			}
			if code, out := run(dir, "contract", "new", "mine"); code != 2 || !strings.Contains(out, "AG0117") {
				t.Errorf("written over: status %d\n%s", code, out)
			}
			file := filepath.Join(dir, "mine.sql")
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(source), "\n")
			for i, line := range lines {
				if !strings.Contains(line, "REQUIRE ") {
					continue
				}
				without := strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")
				if err := os.WriteFile(file, []byte(without), 0o644); err != nil {
					t.Fatal(err)
				}
				if code, out := run(dir, "test"); code != 1 {
					t.Errorf("no test notices the loss of %s: status %d\n%s", strings.TrimSpace(line), code, out)
				}
			}
		})
	}
}
