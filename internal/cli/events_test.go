package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const bell = `DIALECT 1;
CREATE TABLE n (id INTEGER PRIMARY KEY);
CREATE ACTION ring(:id INTEGER) PUBLIC AS BEGIN INSERT INTO n VALUES (:id); EMIT rung(id => :id); END;
`

// TestEventsFollow: one command follows while others write; what it shows is
// each event once, in order, until it is interrupted.
func TestEventsFollow(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "bell")
	if err := os.WriteFile(filepath.Join(home, "bell.sql"), []byte(bell), 0o644); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		if name == "AERGO_KEYS" {
			return filepath.Join(home, "keys")
		}
		return ""
	}
	run := func(ctx context.Context, out io.Writer, args ...string) (int, string) {
		var errs bytes.Buffer
		code := Run(ctx, append([]string{"aergo"}, args...), strings.NewReader(""), out, &errs, env)
		return code, errs.String()
	}
	do := func(args ...string) {
		t.Helper()
		if code, errs := run(context.Background(), io.Discard, args...); code != 0 {
			t.Fatalf("%v: %d %s", args, code, errs)
		}
	}
	do("init", dir)
	do("-C", dir, "deploy", "../bell.sql", "--yes")
	do("-C", dir, "call", "bell.ring", "id=1")
	do("-C", dir, "call", "bell.ring", "id=2")

	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	in, out := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code, errs := run(ctx, out, "-C", dir, "events", "--follow", "--since", "#2", "--format", "csv")
		if errs != "" {
			t.Error(errs)
		}
		_ = out.Close()
		ended <- code
	}()
	lines := bufio.NewScanner(in)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("the stream has ended")
		}
		return strings.Join(strings.SplitN(lines.Text(), ",", 4)[:3], ",")
	}
	for _, want := range []string{"contract,name,fields", `bell,rung,"{""id"":2}"`} {
		if got := next(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	do("-C", dir, "call", "bell.ring", "id=3")
	do("-C", dir, "call", "bell.ring", "id=4")
	for _, want := range []string{`bell,rung,"{""id"":3}"`, `bell,rung,"{""id"":4}"`} {
		if got := next(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	interrupt()
	for lines.Scan() {
		t.Errorf("more: %s", lines.Text())
	}
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d", code)
	}
}
