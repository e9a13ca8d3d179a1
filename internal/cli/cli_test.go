package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"aergo": Main})
}

// TestScripts plays the stories in testdata/script: alice, bob and mallory at
// their shells.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("AERGO_KEYS", filepath.Join(e.WorkDir, "keys"))
			e.Setenv("TZ", "UTC")
			e.Setenv("NO_COLOR", "1")
			for _, s := range [][2]string{{"SHOP", "templates/shop.sql"}, {"BANK", "../../examples/bank"}} {
				p, err := filepath.Abs(s[1])
				if err != nil {
					return err
				}
				e.Setenv(s[0], p)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "only": only, "plain": plain, "capture": capture, "flip": flip,
		},
	})
}

// exits runs a command that must end with exactly this status: exits 7 aergo call …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	status := "0"
	if e, ok := err.(*exec.ExitError); ok {
		status = strings.TrimPrefix(e.String(), "exit status ")
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if status != args[0] {
		ts.Fatalf("%s ended with status %s, not %s", strings.Join(args[1:], " "), status, args[0])
	}
}

var unsteady = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`ag1[a-z0-9]{50,}`), "<account>"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "<id>"},
	{regexp.MustCompile(`\b0x8201[0-9a-f]{68}\b`), "<descriptor>"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\dT[0-9:.]+Z\b`), "<time>"},
	{regexp.MustCompile(`ssh-ed25519 [A-Za-z0-9+/=]+`), "ssh-ed25519 <key>"},
	{regexp.MustCompile(`\b(block|show) [0-9a-f]{7}\b`), "$1 <short>"},
	{regexp.MustCompile(`\bkey [0-9a-f]{8}\b`), "key <short>"},
	{regexp.MustCompile(`\b(shop\.\w+)\([^)]*\)`), "$1(…)"},
	{regexp.MustCompile(`"gas": ?\d+`), `"gas": 0`},
	{regexp.MustCompile(`gas_64": ?\d+`), `gas_64": 0`},
	{regexp.MustCompile(`"(nodes|bytes)": ?\d+`), `"$1": 0`},
}

// plain rewrites files, or stdout into a file: plain stdout FILE. Ids, accounts,
// keys, times and the folder of the test become placeholders.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: plain SOURCE FILE")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "$WORK")
	for _, u := range unsteady {
		text = u.pattern.ReplaceAllString(text, u.instead)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

// capture sets a variable to what the first group of a pattern finds in the
// last standard output: capture BLOCK 'block ([0-9a-f]+)'.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME PATTERN")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("nothing fits %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// flip changes one bit in the middle of a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	p := ts.MkAbs(args[0])
	b, err := os.ReadFile(p)
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(p, b, 0o644))
}
