package cli

import (
	"runtime"
	"runtime/debug"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/sqlcontract"
)

type versionJSON struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Engine   uint64 `json:"engine"`
}

func (a *app) versionCommand() *ucli.Command {
	return &ucli.Command{
		Name: "version", Usage: "print the version", Category: "care",
		Action: func(c *ucli.Context) error {
			if err := nargs(c, 0, 0, "version"); err != nil {
				return err
			}
			return a.version()
		},
	}
}

func (a *app) version() error {
	v := versionJSON{Version: "(development)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Engine: sqlcontract.EngineNumber}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 7 {
				v.Revision = s.Value[:7]
			}
		}
	}
	if a.json {
		return a.emit(v)
	}
	a.say("aergo-git %s  engine %d  %s  %s", v.Version, v.Engine, v.Go, v.Platform)
	return nil
}
