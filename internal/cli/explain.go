package cli

import (
	"fmt"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
)

type explainJSON struct {
	Code  string `json:"code"`
	Means string `json:"means"`
	Do    string `json:"do"`
	Exit  int    `json:"exit"`

	Example string `json:"example,omitempty"`
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
	codes, example := explanations(), examples()
	record := func(code string) explainJSON {
		return explainJSON{code, codes[code].means, codes[code].do, exitStatus(&fault.Error{ID: code}), example[code]}
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
	code := fullCode(c.Args().First())
	e, ok := codes[code]
	if !ok {
		return fault.New("AG0225", joinHints(didYouMean(code, sortedNames(codes)), "aergo explain lists them."), "there is no error code %q", c.Args().First())
	}
	if a.json {
		return a.emit(record(code))
	}
	a.say("%s  (exit status %d)\n%s\n%s", code, record(code).Exit, e.means, e.do)
	if example[code] != "" {
		a.say("\n  %s", strings.ReplaceAll(example[code], "\n", "\n  "))
	}
	return nil
}

// fullCode completes what a user writes of a code: 410, 0410 and ag0410 are
// AG0410.
func fullCode(typed string) string {
	code := strings.ToUpper(strings.Trim(typed, "[]"))
	digits := strings.TrimPrefix(code, "AG")
	if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
		return fmt.Sprintf("AG%04d", n)
	}
	return code
}
