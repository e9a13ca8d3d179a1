package cli

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
)

// moodyAgent is an ssh-agent with keys in memory that does something else at one
// of the signatures it is asked for.
type moodyAgent struct {
	agent.ExtendedAgent // the keyring, one for all connections

	mu   sync.Mutex
	left int // signatures until the mood
	mood func(m *moodyAgent, c net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error)
}

// connection is the agent as one connection sees it.
type connection struct {
	*moodyAgent
	conn net.Conn
}

func (c connection) SignWithFlags(key ssh.PublicKey, data []byte, _ agent.SignatureFlags) (*ssh.Signature, error) {
	return c.Sign(key, data)
}

func (c connection) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left == 0 {
		return c.mood(c.moodyAgent, c.conn, key, data)
	}
	return c.ExtendedAgent.Sign(key, data)
}

// at sets what happens at the nth signature from now on.
func (m *moodyAgent) at(n int, mood func(*moodyAgent, net.Conn, ssh.PublicKey, []byte) (*ssh.Signature, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left, m.mood = n, mood
}

func (m *moodyAgent) add(t *testing.T, person, comment string) {
	t.Helper()
	key := ledgertest.Key(person)
	if err := m.Add(agent.AddedKey{PrivateKey: &key, Comment: comment}); err != nil {
		t.Fatal(err)
	}
}

// answers writes a whole message instead of the agent's and hangs up.
func answers(message []byte) func(*moodyAgent, net.Conn, ssh.PublicKey, []byte) (*ssh.Signature, error) {
	return func(_ *moodyAgent, c net.Conn, _ ssh.PublicKey, _ []byte) (*ssh.Signature, error) {
		_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
}

// signed is the answer to a request to sign.
func signed(format string, blob []byte) []byte {
	signature := ssh.Marshal(ssh.Signature{Format: format, Blob: blob})
	return append([]byte{14}, ssh.Marshal(struct{ Blob []byte }{signature})...)
}

// TestAgentFaults: whatever an ssh-agent does at whichever signature of a command,
// the command says so, the branch and the directory stay where they were, and the
// same command works once the agent does.
func TestAgentFaults(t *testing.T) {
	home, err := os.MkdirTemp("", "moody") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	socket := filepath.Join(home, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	keyring, _ := agent.NewKeyring().(agent.ExtendedAgent)
	m := &moodyAgent{ExtendedAgent: keyring}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = agent.ServeAgent(connection{m, c}, c)
				_ = c.Close()
			}()
		}
	}()
	values := map[string]string{"AERGO_KEYS": filepath.Join(home, "keys"), "SSH_AUTH_SOCK": socket, "AERGO_KEY": "agent:alice"}
	dir := home
	try := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := Run(t.Context(), append([]string{"aergo", "-C", dir}, args...), strings.NewReader(""), &out, &out, func(n string) string { return values[n] })
		return code, out.String()
	}
	run := func(want int, args ...string) string {
		t.Helper()
		code, out := try(args...)
		if code != want {
			t.Fatalf("%s: status %d, not %d\n%s", args, code, want, out)
		}
		return out
	}
	for name, text := range map[string]string{
		"shop.sql": `DIALECT 1;
CREATE TABLE item (sku TEXT PRIMARY KEY, price INTEGER NOT NULL);
CREATE ACTION price(:sku TEXT, :price INTEGER) PUBLIC AS
BEGIN
  INSERT INTO item VALUES (:sku, :price) ON CONFLICT (sku) DO UPDATE SET price = :price;
END;
`,
		"day.jsonl": `{"call":"shop.price","args":{"sku":"jam","price":1}}
{"call":"shop.price","args":{"sku":"oil","price":2}}
{"call":"shop.price","args":{"sku":"rye","price":3}}
`} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	// Two keys of one comment: which one is for a person to say.
	m.add(t, "alice", "alice")
	m.add(t, "mallory", "alice")
	mallory, err := ssh.NewPublicKey(ledgertest.Key("mallory").Public())
	if err != nil {
		t.Fatal(err)
	}
	if got := run(4, "init", "shop"); !strings.Contains(got, "AG0521") || !strings.Contains(got, ssh.FingerprintSHA256(mallory)) {
		t.Errorf("two keys called alice: %s", got)
	}
	if err := m.Remove(mallory); err != nil {
		t.Fatal(err)
	}
	run(0, "init", "shop")
	dir = filepath.Join(home, "shop")
	run(0, "deploy", "../shop.sql", "--yes")

	other := ledgertest.Key("mallory")
	type mood struct {
		name, code string
		mood       func(*moodyAgent, net.Conn, ssh.PublicKey, []byte) (*ssh.Signature, error)
	}
	moods := []mood{
		{"refuses", "AG0519", func(*moodyAgent, net.Conn, ssh.PublicKey, []byte) (*ssh.Signature, error) {
			return nil, errors.New("the person said no")
		}},
		{"hangs up", "AG0519", func(_ *moodyAgent, c net.Conn, _ ssh.PublicKey, _ []byte) (*ssh.Signature, error) {
			return nil, errors.Join(net.ErrClosed, c.Close())
		}},
	}
	away := []mood{ // these last
		{"ended afterwards", "AG0520", func(m *moodyAgent, _ net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			s, err := m.ExtendedAgent.Sign(key, data)
			return s, errors.Join(err, os.Rename(socket, socket+".gone"))
		}},
		{"forgot the key", "AG0519", func(m *moodyAgent, _ net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			if err := m.Remove(key); err != nil {
				return nil, err
			}
			return m.ExtendedAgent.Sign(key, data)
		}},
		{"forgot the key afterwards", "AG0519", func(m *moodyAgent, _ net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			s, err := m.ExtendedAgent.Sign(key, data)
			return s, errors.Join(err, m.Remove(key))
		}},
		{"locked itself", "AG0519", func(m *moodyAgent, _ net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			if err := m.Lock([]byte("x")); err != nil {
				return nil, err
			}
			return m.ExtendedAgent.Sign(key, data)
		}},
	}
	moods = append(moods, []mood{
		{"signs with another key", "AG0518", func(_ *moodyAgent, _ net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			return &ssh.Signature{Format: key.Type(), Blob: ed25519.Sign(other, data)}, nil
		}},
		{"signs something else", "AG0518", func(m *moodyAgent, _ net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			return m.ExtendedAgent.Sign(key, append([]byte("x"), data...))
		}},
		{"a signature and more", "AG0518", func(m *moodyAgent, _ net.Conn, key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			s, err := m.ExtendedAgent.Sign(key, data)
			if err == nil {
				s.Rest = []byte{1, 0, 0, 0, 1}
			}
			return s, err
		}},
		{"another type, of a megabyte", "AG0518", answers(signed(strings.Repeat("\x1b]", 1<<19), make([]byte, 64)))},
		{"a short signature", "AG0518", answers(signed(ssh.KeyAlgoED25519, make([]byte, 63)))},
		{"a signature of a megabyte", "AG0518", answers(signed(ssh.KeyAlgoED25519, make([]byte, 1<<20)))},
		{"garbage", "AG0519", answers([]byte("\x0e\xff\xff\xff\xffgarbage"))},
		{"an empty answer", "AG0519", answers(nil)},
		{"no answer to the question", "AG0519", answers([]byte{6})},
		{"says that 4 GB follow", "AG0519", func(_ *moodyAgent, c net.Conn, _ ssh.PublicKey, _ []byte) (*ssh.Signature, error) {
			_, _ = c.Write(bytes.Repeat([]byte{0xff}, 64))
			return nil, errors.Join(net.ErrClosed, c.Close())
		}},
	}...)
	moods = append(moods, away...)
	well := func() { // the agent is as it was
		m.at(0, nil)
		_ = os.Rename(socket+".gone", socket)
		_ = m.Unlock([]byte("x"))
		if keys, err := m.List(); err != nil || len(keys) == 0 {
			m.add(t, "alice", "alice")
		}
	}
	state := func() string {
		return run(0, "branch", "--json") + run(0, "dd", "log", "--json") + run(0, "query", "SELECT * FROM shop.item", "--json")
	}
	// moody runs a command once with each mood, at one of its signatures, and then well.
	moody := func(moods []mood, signatures int, args ...string) {
		t.Helper()
		before := state()
		for i, mood := range moods {
			n := 1 + i%signatures
			if strings.HasSuffix(mood.name, "afterwards") {
				n = signatures - 1 // the next one is asked for in vain
			}
			m.at(n, mood.mood)
			code, out := try(args...)
			where := fmt.Sprintf("%s: the agent %s at signature %d of %d", args, mood.name, n, signatures)
			if code != 4 || !strings.Contains(out, mood.code) || !strings.Contains(out, "ssh-add") && mood.code != "AG0520" || len(out) > 2000 || strings.Contains(out, "\x1b") {
				t.Errorf("%s: status %d, %.2000s", where, code, out)
			}
			well()
			if after := state(); after != before {
				t.Fatalf("%s left something: %s\nbefore: %s", where, after, before)
			}
		}
		m.at(1<<20, nil)
		run(0, args...)
		if got := 1<<20 - m.left; got != signatures {
			t.Errorf("%s asks for %d signatures, not %d", args, got, signatures)
		}
		if state() == before {
			t.Errorf("%s did nothing", args)
		}
	}
	moody(moods, 2, "call", "shop.price", "sku=tea", "price=400")
	moody(moods, 2, "visibility", "public")

	// In a batch, lines that were signed before stand where the agent signs their
	// block, and no line is refused for what is the agent's fault.
	moody(away, 4, "call", "--batch", "../day.jsonl")
	m.at(3, moods[0].mood)
	batch := []string{"call", "--batch", "../day.jsonl", "--idempotency-key", "sku"}
	if got := run(4, batch...); !strings.Contains(got, "AG0519 the batch ended after 2 lines") || strings.Contains(got, "refused") {
		t.Errorf("a batch whose third line is not signed: %s", got)
	}
	if got := run(0, batch...); !strings.Contains(got, "1 call applied in 1 block, 2 applied before and not again") {
		t.Errorf("the batch again: %s", got)
	}

	// A patch is signed, then the block of the merge.
	run(0, "branch", "eu")
	run(0, "call", "shop.price", "sku=tea", "price=450")
	run(0, "call", "shop.price", "sku=tea", "price=500", "--branch", "eu")
	run(1, "merge", "eu", "--consistent")
	moody(moods, 2, "resolve", "--set", "shop.item[tea].price=475")
	run(0, "verify", "--full")
	run(0, "dd", "verify")
}
