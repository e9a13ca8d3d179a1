package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
)

// TestBashCompletes sources the script in bash and asks it as Tab does.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("AERGO_REQUIRE_JUDGES") != "" {
			t.Fatal("bash is not installed, and judges are required")
		}
		t.Skip("NOT JUDGED: bash is not installed, so nobody completes with our script; runs wherever bash is")
	}
	home, dir := shopOnDisk(t)
	for line, want := range map[string]string{
		"aergo sta":                            "status",
		"aergo call shop.se":                   "shop.set_price shop.sell",
		"aergo call shop.sell ":                "sku= n=",
		"aergo call shop.sell sku=tea ":        "n=",
		"aergo query --at=m":                   "main", // bash keeps --at= itself
		"aergo query --at m":                   "main",
		"aergo call shop.add_item sku=x pr":    "price=",
		"aergo-git explain AG0411":             "AG0411",
		"aergo call shop.sell sku=te":          "",
		"aergo call nothing.here $(touch x) '": "",
	} {
		words := strings.Fields(strings.NewReplacer("=", " = ", "--at", "--at").Replace(line))
		if strings.HasSuffix(line, " ") {
			words = append(words, "")
		}
		script := "source <(aergo completion bash)\n" +
			"complete -p aergo-git >/dev/null || exit 9\n" +
			"COMP_LINE=$1 COMP_POINT=${#1}; shift\nCOMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))\n" +
			"_aergo aergo \"${COMP_WORDS[COMP_CWORD]}\" \"\"\necho \"${COMPREPLY[*]}\"\n"
		c := exec.Command(bash, append([]string{"--norc", "-c", script, "bash", line}, words...)...)
		c.Dir, c.Env = dir, aergo(t, home).Env
		out, err := c.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q completes to %q, want %q, %v", line, got, want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a command on the line was run")
	}
}

// The scripts of the other shells are at least read by them, where they are.
func TestOtherShellsReadTheirScript(t *testing.T) {
	for shell, args := range map[string][]string{
		"zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"},
	} {
		script, err := completionScripts.ReadFile("completion/" + shell)
		if err != nil {
			t.Fatal(err)
		}
		program, err := exec.LookPath(args[0])
		if err != nil {
			t.Logf("no %s here", args[0])
			continue
		}
		file := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(file, script, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(program, append(args[1:], file)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}

// Tab changes no file of a ledger, and gives static words while another process
// has it open.
func TestCompletionLeavesTheLedgerAlone(t *testing.T) {
	home, dir := shopOnDisk(t)
	complete := func(line string) string {
		var out, err bytes.Buffer
		env := func(name string) string { return map[string]string{"AERGO_KEYS": filepath.Join(home, "keys")}[name] }
		if code := Run(context.Background(), []string{"aergo", completeVerb, line}, strings.NewReader(""), &out, &err, env); code != 0 || err.Len() > 0 {
			t.Errorf("%s: status %d, %s", line, code, err.String())
		}
		return out.String()
	}
	before := treeOf(t, filepath.Join(dir, ".aergo"))
	if got := complete("aergo -C " + dir + " call shop.sel"); !strings.HasPrefix(got, "shop.sell\t") {
		t.Errorf("%q", got)
	}
	if after := treeOf(t, filepath.Join(dir, ".aergo")); !slices.Equal(before, after) {
		t.Errorf("files before\n%s\nand after\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	r, err := repo.Open(dir, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := complete("aergo -C "+dir+" call shop.sel") + complete("aergo -C "+dir+" sta"); got != "status\tsay where you are and what to do next\n" {
		t.Errorf("%q", got)
	}
}

// treeOf lists the files of a folder with their content's size.
func treeOf(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		list = append(list, path+" "+string(b[:min(len(b), 64)])+" "+strings.Repeat("x", len(b)%97))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func FuzzComplete(f *testing.F) {
	for _, s := range []string{"aergo call shop.sell --at=x 'y", `a=b aergo diff a..\`, "aergo -C", "aergo -- --", "aergo help proof row "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		a := &app{env: func(string) string { return "/nowhere" }, ctx: context.Background()}
		if strings.Contains(line, "-C") || strings.Contains(line, "repo") {
			return // folders of this machine are not the test's business
		}
		typed := readTyped(globalFlags(), a.commands(), shellWords(line))
		a.candidates(globalFlags(), a.commands(), typed)
	})
}

// aergo is the command with a home of its own.
func aergo(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command("aergo", args...)
	c.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "AERGO_KEYS="+filepath.Join(home, "keys"), "AERGO_KEY=", "NO_COLOR=1", "TERM=xterm")
	return c
}

// shopOnDisk makes a ledger with the contract shop and ten pieces of tea.
func shopOnDisk(t *testing.T) (home, dir string) {
	t.Helper()
	home = t.TempDir()
	dir = filepath.Join(home, "shop")
	for _, args := range [][]string{
		{"init", dir}, {"-C", dir, "deploy", mustAbs(t, "templates/shop.sql"), "--yes"},
		{"-C", dir, "call", "shop.add_item", "sku=tea", "price=400", "stock=10"},
	} {
		if out, err := aergo(t, home, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return home, dir
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
