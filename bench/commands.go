package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// shell runs the built command in a folder, with a key folder of its own.
type shell struct {
	bin, dir string
	env      []string
}

func (s shell) run(args ...string) error {
	cmd := exec.Command(s.bin, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func newShell(b *bench, bin string) (shell, error) {
	dir, err := b.fresh()
	if err != nil {
		return shell{}, err
	}
	s := shell{bin: bin, dir: dir, env: append(os.Environ(), "AERGO_KEYS="+filepath.Join(dir, "keys"), "HOME="+dir)}
	return s, os.WriteFile(filepath.Join(dir, "money.sql"), []byte(transferSource), 0o600)
}

// build makes the command as a release has it.
func build(b *bench) (string, error) {
	bin := filepath.Join(b.dir, "aergo-git")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "github.com/aergo-git/aergo-git/cmd/aergo-git")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the command: %w\n%s", err, out)
	}
	return bin, nil
}

// commands measures the command as a process: start-up, one call, the first
// row and the first merge from nothing, against git doing the like.
func commands(b *bench) error {
	bin, err := build(b)
	if err != nil {
		return err
	}
	if info, err := os.Stat(bin); err == nil {
		figure("size of the command, stripped", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "")
	}
	s, err := newShell(b, bin)
	if err != nil {
		return err
	}
	start, err := repeat(15, func() error { return s.run("version") })
	if err != nil {
		return err
	}
	git := shell{bin: "git", dir: s.dir, env: s.env}
	gitStart, gitErr := repeat(15, func() error { return git.run("version") })
	figure("start-up (version)", start.Round(time.Millisecond), beside("git version", gitStart, gitErr))

	row, err := repeat(5, func() error {
		s, err := newShell(b, bin)
		if err != nil {
			return err
		}
		return steps(s, "init .", "deploy money.sql --yes", "call money.fill from=0 n=10 balance=100")
	})
	if err != nil {
		return err
	}
	gitRow, gitErr := repeat(5, func() error {
		g, err := newShell(b, "git")
		if err != nil {
			return err
		}
		return steps(g, "init -q", "config user.email a@b", "config user.name a", "add money.sql", "commit -qm one")
	})
	figure("from nothing to the first row, 3 commands", row.Round(time.Millisecond), beside("git, 5 commands", gitRow, gitErr))

	merge, err := repeat(5, func() error {
		s, err := newShell(b, bin)
		if err != nil {
			return err
		}
		return steps(s, "init .", "deploy money.sql --yes", "call money.fill from=0 n=10 balance=100",
			"call money.transfer from=0 to=1 n=60 --branch eu -c", "merge eu --no-ff")
	})
	if err != nil {
		return err
	}
	figure("from nothing to the first merge, 5 commands", merge.Round(time.Millisecond), "")

	if err := steps(s, "init .", "deploy money.sql --yes", "call money.fill from=0 n=10000 balance=1000"); err != nil {
		return err
	}
	call, err := repeat(15, func() error { return s.run("call", "money.transfer", "from=1", "to=2", "n=1") })
	if err != nil {
		return err
	}
	query, err := repeat(15, func() error { return s.run("query", "SELECT sum(balance) FROM money.account") })
	if err != nil {
		return err
	}
	figure("call as a process, 10k rows", call.Round(time.Millisecond), "")
	figure("query as a process, sum over 10k rows", query.Round(time.Millisecond), "")
	branch, err := repeat(15, func() error { return s.run("branch", fmt.Sprintf("b%d", time.Now().UnixNano())) })
	if err != nil {
		return err
	}
	figure("new branch as a process", branch.Round(time.Millisecond), "")
	return nil
}

func steps(s shell, lines ...string) error {
	for _, l := range lines {
		if err := s.run(strings.Fields(l)...); err != nil {
			return err
		}
	}
	return nil
}

func beside(what string, d time.Duration, err error) string {
	if err != nil {
		return what + ": not here"
	}
	return fmt.Sprintf("%s: %v", what, d.Round(time.Millisecond))
}
