package cli

import (
	"crypto"
	"crypto/ed25519"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/repo"
)

// agentPrefix begins a key that an ssh-agent holds: agent:COMMENT.
const agentPrefix = "agent:"

func (a *app) agentSocket() string { return a.env("SSH_AUTH_SOCK") }

// agentKeys lists the keys of the running ssh-agent; none where there is none.
func (a *app) agentKeys() []publicKey {
	if a.agentSocket() == "" {
		return nil
	}
	keys, err := sign.Agent{Socket: a.agentSocket()}.Keys()
	if err != nil {
		return nil
	}
	var list []publicKey
	for _, k := range keys {
		list = append(list, publicKey{agentPrefix + k.Comment, "", repo.AccountOf(k), repo.PublicKey(k, k.Comment)})
	}
	return list
}

// fromAgent gives a key that is named agent:…; ok is false for other names.
func (a *app) fromAgent(name string) (key crypto.Signer, ok bool, err error) {
	which, ok := strings.CutPrefix(name, agentPrefix)
	if !ok {
		return nil, false, nil
	}
	key, err = repo.AgentKey(a.agentSocket(), which)
	return key, true, err
}

func (a *app) keyUnlock(c *ucli.Context) error {
	if err := nargs(c, 0, 1, "key unlock [NAME]"); err != nil {
		return err
	}
	life, err := time.ParseDuration(c.String("lifetime"))
	if err != nil || life < time.Second || life > maxUnlock {
		return usage("AG0112", "--lifetime 8h", "--lifetime is a time from 1s to %s, not %q", maxUnlock, c.String("lifetime"))
	}
	if a.agentSocket() == "" {
		return fault.New("AG0520", "Start one: eval $(ssh-agent)", "no ssh-agent is running for this shell: SSH_AUTH_SOCK is not set")
	}
	name := c.Args().First()
	if name == "" {
		a.openQuietly()
		name = a.chosenKey()
	}
	path, err := a.keyPath(name)
	if err != nil {
		return err
	}
	key, err := repo.LoadKey(path, a.passphrase("Passphrase of key "+name+": "))
	if err != nil {
		return err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return usage("AG0113", "aergo key list", "key %s is not in a file", name)
	}
	if err := (sign.Agent{Socket: a.agentSocket()}).Add(private, name, life); err != nil {
		return fault.New("AG0520", "Start one: eval $(ssh-agent)", "the key cannot be handed over: %w", err)
	}
	if a.json {
		return a.emit(map[string]any{"name": agentPrefix + name, "account": string(repo.AccountOf(key)), "seconds": int64(life / time.Second)})
	}
	a.done("ssh-agent signs with key %s for %s.", clean(name), life)
	return nil
}
