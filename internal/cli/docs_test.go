package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocs runs the documents that teach the command. In a ```console block a
// line after "$ " is run by a shell, and the lines below it are what it prints;
// a block whose info string names a file, as in ```sql shop.sql, is that file.
// UPDATE=1 writes what is printed now into the document.
func TestDocs(t *testing.T) {
	tools := t.TempDir()
	build := exec.Command("go", "build", "-o", tools, "./examples/bank/csv2jsonl")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, doc := range []string{"docs/tutorial/first-five-minutes.md", "docs/how-to/load-bank-csv.md", "docs/how-to/import-your-data.md", "docs/how-to/understand-a-refusal.md", "docs/how-to/use-the-shell.md", "docs/reference/history.md", "examples/bank/README.md",
		"docs/how-to/evolve-a-contract.md", "docs/how-to/settle-conflicts.md", "docs/explanation/merging.md", "docs/how-to/share-rights.md", "docs/how-to/recover-lost-keys.md", "docs/how-to/protect-a-branch.md", "docs/how-to/bring-two-copies-together.md",
		"docs/how-to/keep-double-entry-books.md", "docs/how-to/trace-a-supply-chain.md", "docs/how-to/run-a-registry-with-approvals.md",
		"examples/books/README.md", "examples/supply/README.md", "examples/registry/README.md",
	} {
		t.Run(filepath.Base(doc), func(t *testing.T) { playDocument(t, filepath.Join("../..", doc), tools) })
	}
}

var changing = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`ag1[a-z0-9]{7,}…?`), "ag1…"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "id"},
	{regexp.MustCompile(`\b[0-9a-f]{7}\b`), "short"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d \d\d:\d\d`), "date"},
	{regexp.MustCompile(`\bgas +\d+`), "gas"},
	{regexp.MustCompile(` *\b\d+\.\d( |$)`), " units "},
	{regexp.MustCompile(`\d+ bytes`), "bytes"},
	{regexp.MustCompile(`\b1[78]\d{11}\b`), "time"}, // milliseconds
	{regexp.MustCompile(`\d+ nodes of state`), "nodes"},
	{regexp.MustCompile(`AAAAC3[A-Za-z0-9+/]+`), "public key"},
	{regexp.MustCompile(`\b[0-9a-f]{8}\b`), "key"},
}

func steady(s string) string {
	for _, c := range changing {
		s = c.pattern.ReplaceAllString(s, c.instead)
	}
	return strings.TrimRight(s, "\n ")
}

var exampleFolder = regexp.MustCompile(`examples/(bank|books|supply|registry)`)

func playDocument(t *testing.T, file, tools string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	at := home
	// A document begins in a copy of the example that it links to, or is in.
	example := "examples/bank"
	if at := exampleFolder.FindString(file + " " + string(text)); at != "" {
		example = at
	}
	if err := os.CopyFS(home, os.DirFS(filepath.Join("../..", example))); err != nil {
		t.Fatal(err)
	}
	run := func(command string) string {
		where := filepath.Join(home, ".at")
		c := exec.Command("sh", "-c", command+"\ns=$?; pwd > "+where+"; exit $s")
		c.Dir = at
		c.Env = append(os.Environ(), "AERGO_KEYS="+filepath.Join(home, "keys"), "AERGO_KEY=", "TZ=UTC", "PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		if b, err := os.ReadFile(where); err == nil {
			at = strings.TrimSpace(string(b))
		}
		return strings.ReplaceAll(string(out), filepath.Join(home, "keys"), "~/.config/aergo-git/keys")
	}
	var result bytes.Buffer
	lines := strings.SplitAfter(string(text), "\n")
	commands := 0
	for i := 0; i < len(lines); i++ {
		result.WriteString(lines[i])
		info, fence := strings.CutPrefix(strings.TrimSpace(lines[i]), "```")
		if !fence {
			continue
		}
		var block []string
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "```"; i++ {
			block = append(block, lines[i])
		}
		if _, name, ok := strings.Cut(info, " "); ok {
			if err := os.WriteFile(filepath.Join(at, name), []byte(strings.Join(block, "")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if info != "console" {
			result.WriteString(strings.Join(block, ""))
		}
		for j := 0; info == "console" && j < len(block); {
			command, ok := strings.CutPrefix(block[j], "$ ")
			if !ok {
				t.Fatalf("%s: a console block begins with a command: %s", file, block[j])
			}
			result.WriteString(block[j])
			k := j + 1
			for k < len(block) && !strings.HasPrefix(block[k], "$ ") {
				k++
			}
			want := strings.Join(block[j+1:k], "")
			tool, _, _ := strings.Cut(command, " ")
			if _, err := exec.LookPath(tool); err != nil && tool != "csv2jsonl" && tool != "cd" && tool != "for" {
				t.Logf("%s is not here: skipping %s", tool, command)
				result.WriteString(want)
				j = k
				continue
			}
			commands++
			got := run(strings.TrimSpace(command))
			switch {
			case steady(got) == steady(want):
				got = want // nothing but ids and times: leave them
			case os.Getenv("UPDATE") == "":
				t.Errorf("%s\n$ %s%s\nthe document says\n%s", file, command, got, want)
			}
			result.WriteString(got)
			if got != "" && !strings.HasSuffix(got, "\n") {
				result.WriteString("\n")
			}
			j = k
		}
		if i < len(lines) {
			result.WriteString(lines[i])
		}
	}
	if commands == 0 {
		t.Fatalf("%s has no commands: this test runs nothing", file)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, result.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCommandReference holds docs/reference/command.md equal to what the
// command says of itself; UPDATE=1 writes it.
func TestCommandReference(t *testing.T) {
	file := "../../docs/reference/command.md"
	want := commandReference()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the command says: UPDATE=1 go test ./internal/cli -run TestCommandReference", file)
	}
}

func commandReference() string {
	var b strings.Builder
	b.WriteString("# The command\n\nMade from the command itself by its test; `aergo help -a` says the same.\n" +
		"It is installed as `aergo-git` and as `aergo`.\n\n## Flags of every command\n\nFlags may stand anywhere, before the verb too; `--` ends them.\n\n")
	flags := func(lines [][]string) {
		b.WriteString("| flag | |\n|---|---|\n")
		for _, l := range lines {
			b.WriteString("| `" + strings.TrimSpace(l[0]) + "` | " + strings.ReplaceAll(l[1], "|", `\|`) + " |\n")
		}
		b.WriteString("\n")
	}
	flags(flagLines(globalFlags()))
	verbs := (&app{}).commands()
	for _, f := range families {
		b.WriteString("## " + f.title + "\n\n")
		for _, c := range describeAll(verbs) {
			if c.Family != f.name {
				continue
			}
			b.WriteString("### " + c.Command + "\n\n`" + c.Form + "`\n\n" + strings.ToUpper(c.Usage[:1]) + c.Usage[1:] + ".\n\n")
			if c.Description != "" {
				b.WriteString(c.Description + "\n\n")
			}
			if len(c.Flags) > 0 {
				var lines [][]string
				for _, fl := range c.Flags {
					lines = append(lines, []string{strings.TrimSpace(strings.Join(fl.Names, ", ") + " " + fl.Value), fl.Usage})
				}
				flags(lines)
			}
		}
	}
	b.WriteString(`## Exit status

| status | when | codes |
|---|---|---|
| 0 | done | |
| 1 | conflict; or a difference, with ` + "`diff --exit-code`" + ` | AG07 |
| 2 | the command line is wrong | AG01 |
| 3 | not found | AG02 |
| 4 | denied | AG05 |
| 5 | network | AG08 |
| 6 | verification failed | AG06 |
| 7 | refused by a contract; a contract refused; a batch with refused lines | AG03, AG04 |
| 70 | a bug, or the disk | AG09 |
| 130 | interrupted | |

An error has a code; ` + "`aergo explain CODE`" + ` says what it means and what to do.

## JSON

With ` + "`--json`" + ` standard output is one JSON document, for ` + "`log`" + ` a line for each block, for ` + "`events`" + ` for each event, for ` + "`sql`" + ` a document for each statement; a proof or a key without
` + "`-o`" + ` is printed as it is. An error is a document on
standard error: ` + "`{\"error\": {\"code\", \"what\", \"next\", \"exit\"}}`" + `. Fields are added, never renamed. INTEGER is a number of
64 bits, BLOB a string ` + "`0x…`" + `, NULL null, a time RFC 3339 in UTC. A contract's refusal is both: the receipt on standard
output with its ` + "`status`" + `, and the error.

## Environment

| variable | |
|---|---|
| ` + "`AERGO_KEYS`" + ` | the folder of keys; otherwise aergo-git/keys in the user's configuration folder |
| ` + "`AERGO_KEY`" + ` | the key to sign with where --key does not say, a name or a file; otherwise what ` + "`init`" + ` recorded in .aergo/key, otherwise ` + "`default`" + ` |
| ` + "`NO_COLOR`" + ` | set: no colours |
| ` + "`TERM`" + ` | ` + "`dumb`" + `: no colours and no line editing |
| ` + "`XDG_STATE_HOME`" + ` | the folder in which ` + "`sql`" + ` keeps its history, aergo-git/sql_history, for its owner alone; otherwise ~/.local/state |
`)
	return b.String()
}
