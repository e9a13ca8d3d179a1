package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// output is what a command has printed so far.
type output struct {
	mu   sync.Mutex // guards b
	b    bytes.Buffer
	read int // how much of b was waited for
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		o.mu.Lock()
		all := o.b.String()
		o.mu.Unlock()
		if i := strings.Index(all[o.read:], text); i >= 0 {
			o.read += i + len(text)
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%q was never printed:\n%s", text, all)
		}
	}
}

// TestDevTakesUpChanges edits a contract while aergo dev watches it: an error, a
// failing test, a repaired one; the ledger is free between two rounds.
func TestDevTakesUpChanges(t *testing.T) {
	home, dir := shopOnDisk(t)
	write := func(name, text string) {
		t.Helper()
		part := filepath.Join(dir, name+".part") // as an editor does that replaces the file
		if err := os.WriteFile(part, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(part, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	const table = "DIALECT 1;\nCREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);\n"
	const action = "CREATE ACTION put(:id INTEGER) PUBLIC AS BEGIN INSERT INTO t VALUES (:id, 1); END;\n"
	write("new.sql", table+action)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out output
	env := func(name string) string { return map[string]string{"AERGO_KEYS": filepath.Join(home, "keys")}[name] }
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"aergo", "-C", dir, "dev", "new.sql"}, strings.NewReader(""), &out, &out, env)
	}()
	out.await(t, "✓ new@1 on dev/new")
	out.await(t, "✓ new  no tests  on dev/new")
	out.await(t, "watching new.sql")
	write("new.sql", table+strings.Replace(action, "INTO t ", "INTO u ", 1))
	out.await(t, "  new.sql\n")
	out.await(t, "no such table")
	out.await(t, "✗ new  ")
	write("new_test.sql", "TEST 'puts' AS\n  AS bob: CALL put(1);\n  EXPECT SELECT n FROM t = 2;\nEND;\n")
	out.await(t, "new_test.sql\n")
	out.await(t, "✗ new  ")
	write("new.sql", table+action)
	out.await(t, "FAIL new_test.sql  puts")
	out.await(t, "✗ new  0 passed, 1 failed")
	if got, err := aergo(t, home, "-C", dir, "call", "new.put", "id=7", "--branch", "dev/new").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	write("new.sql", table+strings.Replace(action, ", 1)", ", 2)", 1))
	out.await(t, "1 passed, 0 failed")
	out.await(t, "✓ new@2 on dev/new")
	out.await(t, "watching new.sql")
	cancel()
	if status := <-ended; status != 0 {
		t.Errorf("status %d", status)
	}
	got, err := aergo(t, home, "-C", dir, "query", "--at", "dev/new", "--format", "csv", "SELECT id FROM t").CombinedOutput()
	if err != nil || string(got) != "id\n7\n" {
		t.Errorf("%v %s", err, got)
	}
}
