package cli

import (
	"strings"

	ucli "github.com/urfave/cli/v2"
)

// invocation is a command line put in order: the command, its flags and global
// flags under their first names, then the arguments.
type invocation struct {
	path []*ucli.Command // verb, or verb and sub-verb
	argv []string        // what the flag parser gets
	help bool            // --help or -h was among the flags

	propose bool // it stood behind dd propose
}

func (v invocation) name() string {
	names := make([]string, len(v.path))
	for i, c := range v.path {
		names[i] = c.Name
	}
	return strings.Join(names, " ")
}

// arrange lets flags stand anywhere. The flag parser underneath stops at the
// first argument and would take what follows as arguments too, in silence.
func arrange(global []ucli.Flag, verbs []*ucli.Command, args []string) (invocation, error) {
	var v invocation
	valued := arity(global, verbs)
	type given struct {
		name, text string // text as written, for errors
		value      string
		hasValue   bool
	}
	var flags []given
	var rest []string
	for i := 0; i < len(args); i++ {
		s := args[i]
		if s == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if !isFlag(s) {
			rest = append(rest, s)
			v.descend(verbs, &rest)
			continue
		}
		f := given{text: s}
		f.name, f.value, f.hasValue = strings.Cut(strings.TrimLeft(s, "-"), "=")
		if f.name == "help" || f.name == "h" {
			v.help = true
			continue
		}
		takes, known := valued[f.name]
		switch {
		case known && takes && !f.hasValue:
			if i++; i >= len(args) {
				return v, usage("AG0112", "aergo help "+v.name(), "flag %s needs a value", s)
			}
			f.value, f.hasValue = args[i], true
		case known && !takes && f.hasValue && f.value != "true" && f.value != "false":
			return v, usage("AG0112", "", "flag %s is a switch and takes no value", f.text)
		}
		flags = append(flags, f)
	}
	v.descend(verbs, &rest)

	var own []ucli.Flag
	if len(v.path) > 0 {
		own = v.path[len(v.path)-1].Flags
	}
	var before, after []string
	for _, f := range flags {
		token := func(first string) string {
			if f.hasValue {
				return "--" + first + "=" + f.value
			}
			return "--" + first
		}
		if first := find(own, f.name); first != "" {
			after = append(after, token(first))
		} else if first := find(global, f.name); first != "" {
			before = append(before, token(first))
		} else {
			return v, unknownFlag(v.name(), f.text, f.name, append(append([]ucli.Flag{}, own...), global...))
		}
	}
	v.argv = append([]string{"aergo"}, before...)
	for _, c := range v.path {
		v.argv = append(v.argv, c.Name)
	}
	v.argv = append(append(append(v.argv, after...), "--"), rest...)
	return v, nil
}

// descend takes the verb, and the sub-verb of a family, off the arguments. Behind
// dd propose the line begins anew.
func (v *invocation) descend(verbs []*ucli.Command, rest *[]string) {
	for len(*rest) > 0 {
		if v.name() == "dd propose" {
			v.path, v.propose = nil, true
		}
		level := verbs
		if n := len(v.path); n > 0 {
			level = v.path[n-1].Subcommands
		}
		c := findCommand(level, (*rest)[0])
		if c == nil {
			return
		}
		v.path = append(v.path, c)
		*rest = (*rest)[1:]
	}
}

func findCommand(list []*ucli.Command, name string) *ucli.Command {
	for _, c := range list {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// isFlag tells a flag from an argument: "-" is standard input, and "-5" or
// "-.5" are numbers.
func isFlag(s string) bool {
	if len(s) < 2 || s[0] != '-' {
		return false
	}
	return s[1] != '.' && (s[1] < '0' || s[1] > '9')
}

// arity says of every flag name of every command whether it takes a value.
func arity(global []ucli.Flag, verbs []*ucli.Command) map[string]bool {
	m := map[string]bool{}
	add := func(flags []ucli.Flag) {
		for _, f := range flags {
			_, isSwitch := f.(*ucli.BoolFlag)
			for _, n := range f.Names() {
				m[n] = !isSwitch
			}
		}
	}
	add(global)
	for _, c := range verbs {
		add(c.Flags)
		for _, s := range c.Subcommands {
			add(s.Flags)
		}
	}
	return m
}

// find gives the first name of the flag that has the given name, or "".
func find(flags []ucli.Flag, name string) string {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f.Names()[0]
			}
		}
	}
	return ""
}

func unknownFlag(verb, text, name string, flags []ucli.Flag) error {
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	where := "aergo"
	if verb != "" {
		where += " " + verb
	}
	hint := "aergo help " + verb
	if best := closest(name, names); best != "" {
		dashes := "--"
		if len(best) == 1 {
			dashes = "-"
		}
		hint = "Did you mean " + dashes + best + "?  " + hint
	}
	return usage("AG0111", strings.TrimSpace(hint), "%s has no flag %s", where, text)
}
