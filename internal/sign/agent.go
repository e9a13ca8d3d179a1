package sign

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// Agent is a running ssh-agent, which keeps private keys and signs with them. An
// ssh-ed25519 signature of it is over the data as given, so it is one of scheme
// 1 like any other; for a hardware key it asks the device. Each use opens a connection of its own, so an Agent may be
// used by several goroutines.
type Agent struct {
	Socket string // path, what SSH_AUTH_SOCK holds
}

// AgentKey is an ed25519 key, plain or in hardware, that an agent holds. It
// implements crypto.Signer.
type AgentKey struct {
	Comment string
	agent   Agent
	key     []byte // stored form
}

func (a Agent) connect(use func(agent.ExtendedAgent) error) error {
	conn, err := net.DialTimeout("unix", a.Socket, agentDial)
	if err != nil {
		return fault.New("AG0520", "Start one: eval $(ssh-agent)", "ssh-agent: %w", err)
	}
	defer func() { _ = conn.Close() }() // the client has closed it where the agent went away
	// An agent may ask a person before it signs.
	err = conn.SetDeadline(time.Now().Add(agentAnswer))
	if err == nil {
		err = use(agent.NewClient(conn))
	}
	if err != nil {
		return fmt.Errorf("ssh-agent: %w", err)
	}
	return nil
}

// Keys lists the agent's ed25519 keys in its order; others are left out.
func (a Agent) Keys() (list []AgentKey, err error) {
	err = a.connect(func(client agent.ExtendedAgent) error {
		keys, err := client.List()
		for i := 0; i < len(keys) && i < maxAgentKeys; i++ {
			pub, comment, err := ParsePublicKey(keys[i].String())
			if err == nil {
				list = append(list, AgentKey{Comment: comment, agent: a, key: pub})
			}
		}
		return err
	})
	return list, err
}

// Add hands a private key to the agent, which forgets it after a lifetime; zero
// means never.
func (a Agent) Add(key ed25519.PrivateKey, comment string, lifetime time.Duration) error {
	if err := checkComment(comment); err != nil {
		return err
	}
	return a.connect(func(client agent.ExtendedAgent) error {
		return client.Add(agent.AddedKey{PrivateKey: &key, Comment: comment, LifetimeSecs: uint32(lifetime / time.Second)})
	})
}

// Remove makes the agent forget a key.
func (a Agent) Remove(pub ed25519.PublicKey) error {
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return fmt.Errorf("ssh-agent: %w", err)
	}
	return a.connect(func(client agent.ExtendedAgent) error { return client.Remove(key) })
}

// Public implements crypto.Signer.
func (k AgentKey) Public() crypto.PublicKey {
	public, err := PublicKey(k.key)
	if err != nil {
		return nil // unreachable: Keys lists checked ones
	}
	return public
}

// Verified is the hardware key for accounts that ask for its PIN or a finger; ok
// is false for other keys. The agent cannot tell which of both is meant.
func (k AgentKey) Verified() (verified AgentKey, ok bool) {
	h, err := ParseHardwareKey(k.key)
	h.Verified = true
	k.key = h.Bytes()
	return k, err == nil
}

// Sign implements crypto.Signer for what is not hashed before. A hardware key
// gives flags and counter after its signature. It fails with AG0519 when the agent
// does not sign, with AG0518 when its answer is no signature; whether a signature
// is by this key is for the function Sign to say, which asks that of every signer.
func (k AgentKey) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	if opts != nil && opts.HashFunc() != 0 {
		return nil, errors.New("ssh-agent: an ed25519 key signs a message, not its hash")
	}
	key, err := sshKey(k.key)
	if err != nil {
		return nil, fmt.Errorf("ssh-agent: %w", err)
	}
	tail := 0
	if isHardware(k.key) {
		tail = hardwareTail
	}
	err = k.agent.connect(func(client agent.ExtendedAgent) error {
		s, err := client.Sign(key, message)
		if err != nil {
			return fault.New("AG0519", "Look whether it runs and has the key: ssh-add -l. Unlock or add the key (aergo key unlock NAME, ssh-add FILE) and run this again.", "it did not sign with key %s: %w", Fingerprint(k.key), err)
		}
		if s.Format != key.Type() || len(s.Blob) != ed25519.SignatureSize || len(s.Rest) != tail {
			return badAnswer("it answered with %d bytes of type %.80q, which is no signature by key %s", len(s.Blob)+len(s.Rest), s.Format, Fingerprint(k.key))
		}
		signature = append(bytes.Clone(s.Blob), s.Rest...)
		return nil
	})
	return signature, err
}

// Fingerprint is the key's name in OpenSSH: SHA256:…
func Fingerprint(key []byte) string {
	public, err := sshKey(key)
	if err != nil {
		return ""
	}
	return ssh.FingerprintSHA256(public)
}
