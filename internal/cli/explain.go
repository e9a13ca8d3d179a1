package cli

import (
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
)

type explainJSON struct {
	Code  string `json:"code"`
	Means string `json:"means"`
	Do    string `json:"do"`
	Exit  int    `json:"exit"`
}

func (a *app) explainCommand() *ucli.Command {
	return &ucli.Command{
		Name: "explain", Usage: "explain an error code", ArgsUsage: "[CODE]", Category: "care",
		Description: "Without a code lists them all.",
		Action:      a.explain,
	}
}

func (a *app) explain(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "explain CODE"); err != nil {
		return err
	}
	codes := explanations()
	record := func(code string) explainJSON {
		return explainJSON{code, codes[code].means, codes[code].do, exitStatus(&fault.Error{ID: code})}
	}
	if c.NArg() == 0 {
		var list []explainJSON
		var lines [][]string
		for _, code := range sortedNames(codes) {
			list = append(list, record(code))
			lines = append(lines, []string{code, codes[code].means})
		}
		if a.json {
			return a.emit(list)
		}
		a.columns(lines)
		return nil
	}
	code := strings.ToUpper(c.Args().First())
	e, ok := codes[code]
	if !ok {
		return fault.New("AG0225", joinHints(didYouMean(code, sortedNames(codes)), "aergo explain lists them."), "there is no error code %q", c.Args().First())
	}
	if a.json {
		return a.emit(record(code))
	}
	a.say("%s  (exit status %d)\n%s\n%s", code, record(code).Exit, e.means, e.do)
	return nil
}
