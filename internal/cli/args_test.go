package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
)

func TestFlagsStandAnywhere(t *testing.T) {
	a := &app{}
	for _, c := range []struct{ line, want string }{
		{"query SELECT --at main~3", "aergo query --at=main~3 -- SELECT"},
		{"--at=main~3 query SELECT", "aergo query --at=main~3 -- SELECT"},
		{"--json call shop.sell n=-5 -b eu sku=tea -c", "aergo --json call --branch=eu --create -- shop.sell n=-5 sku=tea"},
		{"call shop.sell -5 -.5 -- --n -c", "aergo call -- shop.sell -5 -.5 --n -c"},
		{"query -C dir --format csv -", "aergo --C=dir --format=csv query -- -"},
		{"proof row shop.item tea -o f", "aergo proof row --output=f -- shop.item tea"},
		{"-o f proof shop.item row", "aergo proof --output=f -- shop.item row"},
		{"log --graph -7 main", "aergo log --graph -- -7 main"},
		{"branch -m old new", "aergo branch --move=old -- new"},
		{"tag -m --odd-- v1", "aergo tag --message=--odd-- -- v1"},
		{"key key", "aergo key -- key"},
		{"-y", "aergo --yes --"},
		{"--version", "aergo --version --"},
	} {
		v, err := arrange(globalFlags(), a.commands(), strings.Fields(c.line))
		got := strings.Join(v.argv, " ")
		if strings.Contains(c.want, "proof --output") { // the family has no flag of its own
			if !fault.Is(err, "AG0111") {
				t.Errorf("%s: %v", c.line, err)
			}
			continue
		}
		if err != nil || got != strings.TrimSuffix(c.want, " ") && got != c.want {
			t.Errorf("%s\n got %s %v\nwant %s", c.line, got, err, c.want)
		}
	}
	for line, code := range map[string]string{
		"query --att x":      "AG0111",
		"query --at":         "AG0112",
		"query --json=maybe": "AG0112",
		"init --branch x":    "AG0111",
	} {
		if _, err := arrange(globalFlags(), a.commands(), strings.Fields(line)); !fault.Is(err, code) {
			t.Errorf("%s: %v, not %s", line, err, code)
		}
	}
}

// TestOneArity holds what makes flags before the verb unambiguous.
func TestOneArity(t *testing.T) {
	takes := map[string]bool{}
	check := func(where string, flags []ucli.Flag) {
		for _, f := range flags {
			_, isSwitch := f.(*ucli.BoolFlag)
			for _, n := range f.Names() {
				if was, ok := takes[n]; ok && was == isSwitch {
					t.Errorf("%s: flag %s takes a value in one command and none in another", where, n)
				}
				takes[n] = !isSwitch
			}
			if d := describeFlag(f); !isSwitch && d.Value == "" {
				t.Errorf("%s: %s does not name its value", where, d.Names)
			}
		}
	}
	check("global", globalFlags())
	for _, c := range (&app{}).commands() {
		check(c.Name, c.Flags)
		for _, s := range c.Subcommands {
			check(c.Name+" "+s.Name, s.Flags)
			for _, f := range s.Flags {
				if find(globalFlags(), f.Names()[0]) != "" {
					t.Errorf("%s %s: flag %s hides a global one", c.Name, s.Name, f.Names()[0])
				}
			}
		}
	}
}

func TestDidYouMean(t *testing.T) {
	verbs := []string{"init", "deploy", "call", "query", "status", "switch", "show", "branch", "merge", "verify"}
	for typed, want := range map[string]string{
		"stauts": "status", "qurey": "query", "depoly": "deploy", "merg": "merge", "brnach": "branch", "veri": "verify",
		"cal": "call", "frobnicate": "", "x": "",
	} {
		if got := closest(typed, verbs); got != want {
			t.Errorf("%s: meant %q, not %q", typed, got, want)
		}
	}
}

// TestEveryCodeIsExplained reads the whole tree: a code that an error can carry
// has an explanation, and no explanation is of a code that nothing uses.
func TestEveryCodeIsExplained(t *testing.T) {
	code := regexp.MustCompile(`"(AG0[0-9]{3})"`)
	used := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); strings.HasPrefix(n, ".") && n != ".." || n == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "explain_codes.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range code.FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(used) < 20 {
		t.Fatalf("only %d codes found: this test reads the wrong tree", len(used))
	}
	known := explanations()
	for c, where := range used {
		if known[c].means == "" || known[c].do == "" {
			t.Errorf("%s (%s) has no explanation", c, where)
		}
	}
	for c := range known {
		if used[c] == "" {
			t.Errorf("%s is explained and nothing uses it", c)
		}
		if exitStatus(&fault.Error{ID: c}) == 70 && c[:4] != "AG09" {
			t.Errorf("%s has no class of its own", c)
		}
	}
}

// TestTextCannotSteerATerminal: what a ledger holds is only text on a screen.
func TestTextCannotSteerATerminal(t *testing.T) {
	var out bytes.Buffer
	evil := "a\x1b[2Jb\rc\u202ed\x00\u0085"
	for _, s := range []string{cell(evil), clean(evil), cleanLines("x\n" + evil)} {
		if strings.ContainsAny(s, "\x1b\r\x00\u202e\u0085") {
			t.Errorf("%q holds control characters", s)
		}
	}
	code := Run(context.Background(), []string{"aergo", evil}, strings.NewReader(""), &out, &out, func(string) string { return "" })
	if code != 2 || strings.ContainsAny(out.String(), "\x1b\r\x00") || !utf8.Valid(out.Bytes()) {
		t.Errorf("status %d, %q", code, out.String())
	}
}

func TestSplitLine(t *testing.T) {
	got := splitLine(`aergo query --at x "SELECT * FROM shop.item"`)
	if want := []string{"aergo", "query", "--at", "x", "SELECT * FROM shop.item"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}
