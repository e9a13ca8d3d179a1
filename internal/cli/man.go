package cli

import (
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"
)

// manual prints the manual page in the language of man(7).
func (a *app) manual(verbs []*ucli.Command) error {
	var b strings.Builder
	b.WriteString(".TH AERGO 1 \"\" \"aergo-git\" \"aergo-git\"\n.SH NAME\naergo, aergo\\-git \\- a ledger that works like Git: signed blocks, branches, merges, SQL contracts\n" +
		".SH SYNOPSIS\n.B aergo\n.I COMMAND\n[\\fIARGUMENTS\\fR]\n.PP\nFlags may stand anywhere, before the command too.\n")
	flags := func(list []flagJSON) {
		for _, f := range list {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR %s\n%s\n", roff(strings.Join(f.Names, ", ")), roff(f.Value), roff(f.Usage))
		}
	}
	all := describeAll(verbs)
	for _, f := range families {
		fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(f.title)))
		for _, c := range all {
			if c.Family != f.name {
				continue
			}
			fmt.Fprintf(&b, ".SS %s\n.B %s\n.PP\n%s.\n", roff(c.Command), roff(c.Form), roff(strings.ToUpper(c.Usage[:1])+c.Usage[1:]))
			if c.Description != "" {
				fmt.Fprintf(&b, ".PP\n%s\n", strings.ReplaceAll(roff(c.Description), "\n\n", "\n.PP\n"))
			}
			flags(c.Flags)
		}
	}
	b.WriteString(".SH FLAGS OF EVERY COMMAND\n")
	var global []flagJSON
	for _, f := range globalFlags() {
		global = append(global, describeFlag(f))
	}
	flags(global)
	b.WriteString(".SH EXIT STATUS\n")
	for _, s := range [...]struct{ status, when string }{
		{"0", "done"}, {"1", "conflict, or a difference where one was asked for"}, {"2", "the command line is wrong"}, {"3", "not found"},
		{"4", "denied"}, {"5", "network"}, {"6", "verification failed"}, {"7", "refused by a contract, or a contract refused"},
		{"70", "a bug, or the disk"}, {"130", "interrupted"},
	} {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", s.status, s.when)
	}
	b.WriteString(".PP\n.B aergo explain CODE\nexplains an error.\n")
	_, err := a.out.WriteString(b.String())
	return err
}

// roff is text that man(7) shows as it is.
func roff(s string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
