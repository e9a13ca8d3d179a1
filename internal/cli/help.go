package cli

import (
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"
)

// everyday are the ten verbs that `aergo help` shows.
var everyday = [...]string{"init", "deploy", "call", "query", "status", "log", "branch", "switch", "merge", "verify"}

// families is the order of `aergo help -a`.
var families = [...]struct{ name, title string }{
	{"start", "Start"}, {"work", "Work"}, {"history", "History"}, {"trust", "Trust"}, {"care", "Care"},
}

type commandJSON struct {
	Command     string     `json:"command"`
	Form        string     `json:"form"`
	Usage       string     `json:"usage"`
	Description string     `json:"description"`
	Family      string     `json:"family"`
	Flags       []flagJSON `json:"flags"`
}

type flagJSON struct {
	Names []string `json:"names"`
	Value string   `json:"value"` // what it takes; "" for a switch
	Usage string   `json:"usage"`
}

func (a *app) helpCommand() *ucli.Command {
	return &ucli.Command{
		Name: "help", Usage: "explain a command", ArgsUsage: "[COMMAND]", Category: "care",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "list every command"},
			&ucli.BoolFlag{Name: "man", Usage: "print the manual page: aergo help --man > aergo.1"},
		},
		Action: func(c *ucli.Context) error {
			if c.Bool("man") {
				return a.manual(c.App.Commands)
			}
			return a.help(c.App.Commands, c.Args().Slice(), c.Bool("all"))
		},
	}
}

func (a *app) help(verbs []*ucli.Command, path []string, all bool) error {
	if len(path) == 0 {
		if a.json {
			return a.emit(describeAll(verbs))
		}
		if all {
			a.helpAll(verbs)
		} else {
			a.helpShort(verbs)
		}
		return nil
	}
	level, where, family := verbs, "aergo", ""
	var found *ucli.Command
	for _, name := range path {
		c := findCommand(level, name)
		if c == nil {
			return unknownVerb(level, where, name)
		}
		if c.Category != "" {
			family = c.Category
		}
		found, level, where = c, c.Subcommands, where+" "+c.Name
	}
	if a.json {
		return a.emit(describe(where, family, found))
	}
	a.say("%s", strings.TrimRight(helpText(where, found), "\n"))
	return nil
}

func (a *app) helpShort(verbs []*ucli.Command) {
	a.say("A ledger that works like Git: signed blocks, branches, merges, SQL contracts.\n")
	a.say("  aergo COMMAND [ARGUMENTS]     flags may stand anywhere\n")
	var lines [][]string
	for _, name := range everyday {
		c := findCommand(verbs, name)
		lines = append(lines, []string{"  " + name, c.Usage})
	}
	a.columns(lines)
	a.say("\n  aergo demo             plays the first five minutes in a temporary folder")
	a.say("  aergo help -a          every command")
	a.say("  aergo help COMMAND     its forms and flags")
	a.say("  aergo explain CODE     an error")
}

func (a *app) helpAll(verbs []*ucli.Command) {
	for i, f := range families {
		if i > 0 {
			a.say("")
		}
		a.say("%s", f.title)
		var lines [][]string
		for _, c := range verbs {
			if c.Category != f.name {
				continue
			}
			lines = append(lines, []string{"  " + c.Name, c.Usage})
			for _, list := range subNames(c) {
				lines = append(lines, []string{"", list})
			}
		}
		a.columns(lines)
	}
	a.say("\nFlags of every command")
	a.columns(flagLines(globalFlags()))
}

// helpWidth is what subNames gives a line, so that it stands right of the verbs
// on a terminal of 80 columns.
const helpWidth = 64

// subNames lists the sub-verbs of a command, on lines of at most helpWidth.
func subNames(c *ucli.Command) []string {
	var lines []string
	for i, s := range c.Subcommands {
		last := len(lines) - 1
		switch {
		case i == 0:
			lines = append(lines, c.Name+" "+s.Name)
		case len(lines[last])+1+len(s.Name) > helpWidth:
			lines[last] += "|"
			lines = append(lines, "  "+s.Name)
		default:
			lines[last] += "|" + s.Name
		}
	}
	return lines
}

// runs reports whether a command does something without a sub-verb.
func runs(c *ucli.Command) bool {
	return len(c.Subcommands) == 0 || c.ArgsUsage != "" || len(c.Flags) > 0
}

// helpText is the page of one command.
func helpText(name string, c *ucli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", name, c.Usage)
	if runs(c) {
		fmt.Fprintf(&b, "  %s\n", formOf(name, c))
	}
	for _, s := range c.Subcommands {
		fmt.Fprintf(&b, "  %s\n      %s\n", formOf(name+" "+s.Name, s), s.Usage)
	}
	if len(c.Subcommands) > 0 {
		fmt.Fprintf(&b, "\n  Each has its page, for example: aergo help %s %s\n", strings.TrimPrefix(name, "aergo "), c.Subcommands[0].Name)
	}
	if !runs(c) {
		return b.String()
	}
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Description)
	}
	if len(c.Flags) > 0 {
		b.WriteString("\n")
		lines := flagLines(c.Flags)
		width := 0
		for _, l := range lines {
			width = max(width, len(l[0]))
		}
		for _, l := range lines {
			fmt.Fprintf(&b, "%-*s  %s\n", width, l[0], l[1])
		}
	}
	b.WriteString("\nFlags of every command: aergo help -a\n")
	return b.String()
}

func formOf(name string, c *ucli.Command) string {
	if c.ArgsUsage != "" {
		name += " " + c.ArgsUsage
	}
	if len(c.Flags) > 0 {
		name += " [FLAGS]"
	}
	return name
}

func flagLines(flags []ucli.Flag) [][]string {
	var lines [][]string
	for _, f := range flags {
		j := describeFlag(f)
		names := strings.Join(j.Names, ", ")
		if j.Value != "" {
			names += " " + j.Value
		}
		lines = append(lines, []string{"  " + names, j.Usage})
	}
	return lines
}

// describeFlag reads a flag's value name from the back quotes of its usage, as
// package flag does.
func describeFlag(f ucli.Flag) flagJSON {
	j := flagJSON{}
	for _, n := range f.Names() {
		dashes := "--"
		if len(n) == 1 {
			dashes = "-"
		}
		j.Names = append(j.Names, dashes+n)
	}
	if d, ok := f.(ucli.DocGenerationFlag); ok {
		j.Usage = d.GetUsage()
		if d.TakesValue() {
			if parts := strings.SplitN(j.Usage, "`", 3); len(parts) == 3 {
				j.Value = parts[1]
			}
		}
		j.Usage = strings.ReplaceAll(j.Usage, "`", "")
	}
	return j
}

func describe(name, family string, c *ucli.Command) commandJSON {
	j := commandJSON{strings.TrimPrefix(name, "aergo "), formOf(name, c), c.Usage, c.Description, family, []flagJSON{}}
	for _, f := range c.Flags {
		j.Flags = append(j.Flags, describeFlag(f))
	}
	return j
}

// describeAll lists every command that can be run.
func describeAll(verbs []*ucli.Command) []commandJSON {
	var list []commandJSON
	for _, c := range verbs {
		if runs(c) {
			list = append(list, describe("aergo "+c.Name, c.Category, c))
		}
		for _, s := range c.Subcommands {
			list = append(list, describe("aergo "+c.Name+" "+s.Name, c.Category, s))
		}
	}
	return list
}
