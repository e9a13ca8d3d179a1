package cli

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
)

// deviceAgent is an ssh-agent with a device in software.
type deviceAgent struct {
	agent.ExtendedAgent
	device *ledgertest.Device
	line   ssh.PublicKey
}

func (a deviceAgent) List() ([]*agent.Key, error) {
	return []*agent.Key{{Format: a.line.Type(), Blob: a.line.Marshal(), Comment: "bob@laptop"}}, nil
}

func (a deviceAgent) Sign(_ ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	b, err := a.device.Sign(nil, data, nil)
	return &ssh.Signature{Format: a.line.Type(), Blob: b[:64], Rest: b[64:]}, err
}

func (a deviceAgent) SignWithFlags(key ssh.PublicKey, data []byte, _ agent.SignatureFlags) (*ssh.Signature, error) {
	return a.Sign(key, data)
}

// TestHardwareAgent: a whole ledger is made and written to through an agent that
// asks a device, which is a program here.
func TestHardwareAgent(t *testing.T) {
	home, err := os.MkdirTemp("", "device") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	device := ledgertest.NewDevice("bob", false)
	line, err := sign.MarshalPublicKey(device.Key.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(home, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			keyring, _ := agent.NewKeyring().(agent.ExtendedAgent)
			_ = agent.ServeAgent(deviceAgent{keyring, device, public}, c)
			_ = c.Close()
		}
	}()
	keys := filepath.Join(home, "keys")
	values := map[string]string{"AERGO_KEYS": keys, "SSH_AUTH_SOCK": socket}
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
	run(0, "init", "shop", "--key", "agent:"+line) // recorded as it is
	dir = filepath.Join(home, "shop")
	run(0, "visibility", "public")
	if got := run(0, "key", "list"); !strings.Contains(got, "agent:bob@laptop") {
		t.Errorf("key list: %s", got)
	}
	// The PIN was not given, and the account that asks for it is another.
	device.Flags = 1
	run(4, "visibility", "private", "--key", "agent:verify-required bob@laptop")
	device.Flags = 5
	run(4, "visibility", "private", "--key", "agent:verify-required bob@laptop")
	// A device that nobody touched.
	device.Flags = 0
	if code := run(4, "visibility", "private", "--key", "agent:bob@laptop"); !strings.Contains(code, "touch") {
		t.Errorf("no touch: %s", code)
	}
	device.Flags = 1
	// By the .pub file alone; the private file holds nothing to sign with.
	if err := os.MkdirAll(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(keys, "device.pub"), []byte(line+" bob\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, "visibility", "private", "--key", "device")
	run(0, "identity", "add", "carol", "verify-required "+line, "--key", "device")
	run(0, "verify", "--full")
	run(0, "dd", "verify")
}
