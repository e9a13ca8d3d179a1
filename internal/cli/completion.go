package cli

import (
	"embed"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

// completeVerb answers the scripts of `aergo completion`: its argument is the
// command line up to the cursor, its answer a candidate a line, a tab and what it
// is behind it. The last line may be :files or :dirs, which the shell knows
// better. It is no command: nobody but a script calls it.
const completeVerb = "__complete"

//go:embed completion
var completionScripts embed.FS

var shells = [...]string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *ucli.Command {
	return &ucli.Command{
		Name: "completion", Usage: "print what makes Tab work in a shell", ArgsUsage: "bash|zsh|fish|powershell", Category: "care",
		Description: "For bash, in ~/.bashrc:            source <(aergo completion bash)\n" +
			"For zsh, in ~/.zshrc:              source <(aergo completion zsh)\n" +
			"For fish, once:                    aergo completion fish > ~/.config/fish/completions/aergo.fish\n" +
			"For PowerShell, in its $PROFILE:   aergo completion powershell | Out-String | Invoke-Expression\n\n" +
			"Completes commands, flags, branches, tags, contracts, tables, actions and their\n" +
			"arguments, keys and error codes.",
		Action: func(c *ucli.Context) error {
			if err := nargs(c, 1, 1, "completion bash|zsh|fish|powershell"); err != nil {
				return err
			}
			name := c.Args().First()
			if !slices.Contains(shells[:], name) {
				return usage("AG0113", joinHints(didYouMean(name, shells[:]), "aergo completion bash|zsh|fish|powershell"), "there is no script for the shell %s", name)
			}
			script, err := completionScripts.ReadFile("completion/" + name)
			if err != nil {
				return fmt.Errorf("reading the script for %s: %w", name, err)
			}
			_, err = a.out.Write(script)
			return err
		},
	}
}

// candidate is something that Tab may put in the place of a word.
type candidate struct{ word, what string }

// typed is a command line up to the cursor.
type typed struct {
	path  []*ucli.Command
	args  []string
	flags map[string]string // by first name, with their values
	flag  string            // the first name of the flag whose value is being typed; "" for none
	head  string            // what stands before the value in the same word: "--at="
	word  string            // what is being typed
	ended bool              // by "--"
}

// complete prints the candidates. It never fails: at Tab there is nobody to
// tell.
func (a *app) complete(global []ucli.Flag, verbs []*ucli.Command, line string) error {
	defer func() { _ = recover() }()
	t := readTyped(global, verbs, shellWords(line))
	list, files := a.candidates(global, verbs, t)
	printed := false
	for _, c := range list {
		if !strings.HasPrefix(c.word, t.word) || strings.ContainsFunc(c.word, unsafeInShell) {
			continue
		}
		what, _, _ := strings.Cut(clean(c.what), "\n")
		fmt.Fprintf(a.out, "%s%s\t%s\n", t.head, c.word, what)
		printed = true
	}
	if files != "" && !printed {
		fmt.Fprintln(a.out, files)
	}
	return nil
}

// unsafeInShell tells a character that would need quotes. A name with one is not
// offered.
func unsafeInShell(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/@:=+-~^#", r))
}

// shellWords cuts a line as a shell does; the last word, maybe empty, is the one
// at the cursor. The program's name and what is set before it are left out.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, begun := rune(0), false
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	words = append(words, word.String())
	for len(words) > 1 && strings.Contains(words[0], "=") { // A=b aergo …
		words = words[1:]
	}
	return words[1:]
}

// readTyped reads the words as arrange does, but forgives.
func readTyped(global []ucli.Flag, verbs []*ucli.Command, words []string) typed {
	t := typed{flags: map[string]string{}}
	if len(words) == 0 {
		return t
	}
	words, t.word = words[:len(words)-1], words[len(words)-1]
	valued := arity(global, verbs)
	first := func(name string) string {
		if len(t.path) > 0 {
			if f := find(t.path[len(t.path)-1].Flags, name); f != "" {
				return f
			}
		}
		if f := find(global, name); f != "" {
			return f
		}
		return name
	}
	for i := 0; i < len(words); i++ {
		s := words[i]
		switch {
		case t.ended || !isFlag(s):
			level := verbs
			if n := len(t.path); n > 0 {
				level = t.path[n-1].Subcommands
			}
			if c := findCommand(level, s); c != nil && len(t.args) == 0 && !t.ended {
				t.path = append(t.path, c)
			} else {
				t.args = append(t.args, s)
			}
		case s == "--":
			t.ended = true
		default:
			name, value, has := strings.Cut(strings.TrimLeft(s, "-"), "=")
			if valued[name] && !has {
				if i++; i == len(words) {
					t.flag = first(name)
					return t
				}
				value = words[i]
			}
			t.flags[first(name)] = value
		}
	}
	if name, value, has := strings.Cut(t.word, "="); has && isFlag(t.word) && !t.ended {
		t.flag, t.head, t.word = first(strings.TrimLeft(name, "-")), name+"=", value
	}
	return t
}

// candidates gives what may stand at the cursor; files says that the shell
// should offer ":files" or ":dirs" where nothing fits.
func (a *app) candidates(global []ucli.Flag, verbs []*ucli.Command, t typed) (list []candidate, files string) {
	names := make([]string, len(t.path))
	for i, c := range t.path {
		names[i] = c.Name
	}
	verb := strings.Join(names, " ")
	switch {
	case t.flag != "":
		return a.flagValues(t, verb)
	case strings.HasPrefix(t.word, "-") && !t.ended:
		own := global
		if len(t.path) > 0 {
			own = append(append([]ucli.Flag{}, t.path[len(t.path)-1].Flags...), global...)
		}
		for _, f := range own {
			d := describeFlag(f)
			for _, n := range d.Names {
				if strings.HasPrefix(n, "--") || t.word == "-" || n == t.word {
					list = append(list, candidate{n, d.Usage})
				}
			}
		}
		return list, ""
	case len(t.path) == 0 || isFamily(t.path[len(t.path)-1]):
		level := verbs
		if len(t.path) > 0 {
			level = t.path[len(t.path)-1].Subcommands
		}
		if len(t.args) > 0 {
			return nil, ""
		}
		for _, c := range level {
			list = append(list, candidate{c.Name, c.Usage})
		}
		return list, ""
	}
	return a.arguments(t, verb, verbs)
}

// arguments gives what may stand as the next argument of a command.
func (a *app) arguments(t typed, verb string, verbs []*ucli.Command) (list []candidate, files string) {
	n := len(t.args)
	switch verb {
	case "deploy", "test", "dev", "import", "proof verify", "fmt", "submit", "dd verify":
		return nil, ":files"
	case "init":
		return nil, ":dirs"
	case "help":
		level := verbs
		for _, s := range t.args {
			c := findCommand(level, s)
			if c == nil {
				return nil, ""
			}
			level = c.Subcommands
		}
		for _, c := range level {
			list = append(list, candidate{c.Name, c.Usage})
		}
		return list, ""
	case "completion":
		if n == 0 {
			return plainWords(shells[:]), ""
		}
	case "explain":
		if n == 0 {
			table := explanations()
			for _, code := range sortedNames(table) {
				means, _, _ := strings.Cut(table[code].means, ". ")
				list = append(list, candidate{code, means})
			}
		}
	case "key show", "key export":
		return a.keyNames(), ""
	case "grant", "revoke":
		if n == 0 {
			return plainWords([]string{"reader", "writer", "producer", "admin"}), ""
		}
	case "call":
		w := a.ledgerWords(t)
		if n == 0 {
			for i, name := range w.actionNames {
				list = append(list, candidate{name, form(w.actions[i])})
			}
			return list, ""
		}
		for _, arg := range w.arguments(t.args[0], "=") {
			if !slices.ContainsFunc(t.args[1:], func(s string) bool { return strings.HasPrefix(s, arg) }) {
				list = append(list, candidate{arg, ""})
			}
		}
	case "switch", "merge", "rebase", "approve", "branch protect", "branch unprotect", "branch restore":
		if n == 0 {
			return branchWords(a.ledgerWords(t)), ""
		}
	case "log", "show", "diff", "branch", "tag", "cherry-pick", "revert", "undo":
		w := a.ledgerWords(t)
		list = append(branchWords(w), plainWords(w.tags)...)
		if verb == "diff" { // main..eu, main...eu
			if i := strings.LastIndex(t.word, ".."); i >= 0 {
				for j := range list {
					list[j].word = t.word[:i+2] + list[j].word
				}
			}
		}
	case "contract show", "contract abi", "contract diff", "events":
		return plainWords(a.ledgerWords(t).contracts), ""
	case "blame", "proof row":
		if n == 0 {
			return plainWords(a.ledgerWords(t).tables), ""
		}
	}
	return list, ""
}

func plainWords(words []string) []candidate {
	list := make([]candidate, len(words))
	for i, w := range words {
		list[i].word = w
	}
	return list
}

func branchWords(w words) []candidate {
	list := plainWords(w.branches)
	for i := range list {
		list[i].what = "branch"
	}
	return list
}

func (a *app) keyNames() []candidate {
	var list []candidate
	for _, k := range a.keys() {
		list = append(list, candidate{k.Name, shortAccount(k.Account)})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].word < list[j].word })
	return list
}

// flagValues gives what a flag may take.
func (a *app) flagValues(t typed, verb string) ([]candidate, string) {
	switch t.flag {
	case "C", "repo":
		return nil, ":dirs"
	case "format":
		return plainWords([]string{"table", "csv", "md", "json"}), ""
	case "key", "to", "from", "producer", "standby":
		return a.keyNames(), ":files"
	case "branch", "delete", "force-delete", "move", "register", "into":
		return branchWords(a.ledgerWords(t)), ""
	case "at":
		return plainWords(a.ledgerWords(t).revisions()), ""
	case "contract":
		return plainWords(a.ledgerWords(t).contracts), ""
	}
	return nil, ":files"
}

// ledgerWords reads the names of the ledger that the line is about, without
// writing and without waiting: none, where another process has it open.
func (a *app) ledgerWords(t typed) words {
	a.dir = t.flags["C"]
	dir := t.flags["repo"]
	if dir == "" {
		dir = "."
	}
	found := make(chan words, 1)
	go func() {
		defer func() { _ = recover() }()
		w := words{}
		defer func() { found <- w }()
		r, err := repo.Open(a.path(dir), repo.Options{Wait: time.Nanosecond, ReadOnly: true})
		if err != nil {
			return
		}
		defer func() { _ = r.Close() }()
		rev := t.flags["at"]
		if b := t.flags["branch"]; b != "" {
			rev = b
		}
		id, err := r.Resolve(rev)
		if err != nil {
			if id, err = r.Resolve(""); err != nil {
				return
			}
		}
		w = wordsOf(r, id.String()) // by the block's id, which needs no working tree
	}()
	select {
	case w := <-found:
		return w
	case <-time.After(completeWithin):
	case <-a.ctx.Done():
	}
	return words{}
}
