package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
)

// growing is the output of a command that goes on.
type growing struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen func(text string)
}

func (w *growing) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	w.seen(w.text.String())
	return n, err
}

// TestWatch: dd watch tells what was there, then what comes, lets others work in
// between, and ends without an error when it is interrupted.
func TestWatch(t *testing.T) {
	keys := t.TempDir()
	env := func(name string) string { return map[string]string{"AERGO_KEYS": keys}[name] }
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		var errs bytes.Buffer
		if code := Run(t.Context(), append([]string{"aergo", "-C", dir}, args...), strings.NewReader(""), io.Discard, &errs, env); code != 0 {
			t.Fatalf("%s: %d\n%s", args, code, errs.String())
		}
	}
	run("init", "shop")
	dir += "/shop"
	run("key", "new", "bob")
	run("identity", "add", "bob", "bob")

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	began := make(chan struct{})
	var once sync.Once
	out := &growing{seen: func(text string) {
		if strings.Contains(text, "name bob = ag1") {
			once.Do(func() { close(began) })
		}
		if strings.Contains(text, "grant writer to bob on *") {
			interrupt()
		}
	}}
	ended := make(chan int)
	var errs bytes.Buffer
	go func() {
		ended <- Run(ctx, []string{"aergo", "-C", dir, "dd", "watch", "--from", "1"}, strings.NewReader(""), out, &errs, env)
	}()
	<-began
	run("grant", "writer", "--to", "bob")
	if code := <-ended; code != 0 || errs.Len() > 0 {
		t.Errorf("ended with status %d: %s", code, errs.String())
	}
	if got := strings.Count(out.text.String(), "\n"); got != 2 {
		t.Errorf("%d lines:\n%s", got, out.text.String())
	}
}
