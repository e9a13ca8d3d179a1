package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAgent: the key stays with a real ssh-agent, which signs what the ledger
// takes as any other signature.
func TestAgent(t *testing.T) {
	program, err := exec.LookPath("ssh-agent")
	if err != nil {
		if os.Getenv("AERGO_REQUIRE_JUDGES") != "" {
			t.Fatal("ssh-agent is needed as a judge and not installed")
		}
		t.Skip("NOT JUDGED: ssh-agent is not installed, so signing through it is not tried; runs wherever ssh-agent is")
	}
	home, err := os.MkdirTemp("", "agent") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	socket := filepath.Join(home, "s")
	agent := exec.Command(program, "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = agent.Process.Kill(), agent.Wait() }()
	for range 500 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	values := map[string]string{"AERGO_KEYS": filepath.Join(home, "keys"), "SSH_AUTH_SOCK": socket}
	dir := home
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		code := Run(t.Context(), append([]string{"aergo", "-C", dir}, args...), strings.NewReader(""), io.MultiWriter(&out), &errs, func(n string) string { return values[n] })
		if code != want {
			t.Fatalf("%s: status %d, not %d\n%s%s", args, code, want, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	phrase := filepath.Join(home, "phrase")
	if err := os.WriteFile(phrase, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, "key", "new", "alice", "--passphrase-file", phrase)
	run(0, "init", "shop", "--key", "alice", "--passphrase-file", phrase)
	dir = filepath.Join(home, "shop")
	if got := run(4, "visibility", "public"); !strings.Contains(got, "aergo key unlock alice") {
		t.Errorf("a locked key: %s", got)
	}
	if got := run(4, "visibility", "public", "--key", "agent:alice"); !strings.Contains(got, "AG0521") {
		t.Errorf("an agent without keys: %s", got)
	}
	run(0, "key", "unlock", "--passphrase-file", phrase, "--lifetime", "1h")
	run(0, "visibility", "public")                          // its file is locked, the agent is not
	run(0, "visibility", "private", "--key", "agent:alice") // by its comment
	if got := run(0, "key", "list"); !strings.Contains(got, "agent:alice") {
		t.Errorf("key list: %s", got)
	}
	if got := run(0, "status", "--key", "agent:alice"); !strings.Contains(got, "agent:alice  ag1") {
		t.Errorf("status: %s", got)
	}
	run(2, "key", "unlock", "--lifetime", "never")
	run(0, "verify", "--full")
	run(0, "dd", "verify")
	values["SSH_AUTH_SOCK"] = filepath.Join(home, "nobody")
	if got := run(4, "visibility", "public", "--key", "agent:alice"); !strings.Contains(got, "AG0520") {
		t.Errorf("no agent: %s", got)
	}
}
