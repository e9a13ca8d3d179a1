package cli

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress tells of long work on standard error: a bar on a terminal, a line
// every two seconds elsewhere, nothing with --quiet or --json.
type progress struct {
	a     *app
	what  string
	total int // -1: unknown
	done  int
	bar   *progressbar.ProgressBar
	last  time.Time
}

const progressEvery = 2 * time.Second

func (a *app) progress(what string, total int) *progress {
	p := &progress{a: a, what: what, total: total, last: time.Now()}
	if a.errTerminal && !a.json && !a.cmd.Bool("quiet") {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(what),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p
}

// add counts n more; its caller holds whatever lock there is.
func (p *progress) add(n int) { p.set(p.done+n, p.total) }

// set says how much of how much is done.
func (p *progress) set(done, total int) {
	p.done, p.total = done, total
	if p.bar != nil {
		if total >= 0 && p.bar.GetMax() != total {
			p.bar.ChangeMax(total)
		}
		_ = p.bar.Set(done) // fails only past the end
		return
	}
	if time.Since(p.last) < progressEvery {
		return
	}
	p.last = time.Now()
	of := ""
	if total > 0 {
		of = fmt.Sprintf(" of %d", total)
	}
	p.a.note("  %d%s %s", done, of, p.what)
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
