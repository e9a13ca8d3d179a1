package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme does what the README says in its first five minutes, with the
// contract that stands there.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, minutes, ok := strings.Cut(string(text), "## The first five minutes")
	if !ok {
		t.Fatal("the README has no first five minutes any more")
	}
	block := func(language string) string {
		m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(minutes)
		if m == nil {
			t.Fatalf("the README has no %s block in its first five minutes", language)
		}
		return m[1]
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shop.sql"), []byte(block("sql")), 0o644); err != nil {
		t.Fatal(err)
	}
	script := block("sh")
	if strings.Count(script, "\naergo ") < 9 {
		t.Fatalf("the README's commands are not there:\n%s", script)
	}
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AERGO_KEYS="+filepath.Join(dir, "keys"), "AERGO_KEY=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"0 included, 1 excluded", "re-executed", "Proven: row shop.item tea"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the README's commands do not print %q:\n%s", want, out)
		}
	}
}
