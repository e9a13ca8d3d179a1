package repo

import (
	"crypto"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
)

// AgentKey is a key of the ssh-agent that listens on a socket (what SSH_AUTH_SOCK
// holds), by its comment, its fingerprint (SHA256:…) or its public line. Before
// it, "verify-required " makes of a hardware key the one of the account that asks
// for its PIN. The private half stays with the agent. It fails with AG0520 when no agent answers,
// with AG0521 when it has no such key, or several.
func AgentKey(socket, which string) (crypto.Signer, error) {
	if socket == "" {
		return nil, fault.New("AG0520", "Start one: eval $(ssh-agent)", "no ssh-agent is running for this shell: SSH_AUTH_SOCK is not set")
	}
	keys, err := sign.Agent{Socket: socket}.Keys()
	if err != nil {
		return nil, fault.New("AG0520", "Start one: eval $(ssh-agent)", "no key can be had: %w", err)
	}
	which, verified := strings.CutPrefix(which, "verify-required ")
	var found []sign.AgentKey
	var names []string
	for _, k := range keys {
		pub, err := sign.KeyOf(k)
		if err != nil {
			continue
		}
		line, err := sign.MarshalPublicKey(pub, "")
		if err != nil {
			continue
		}
		if k.Comment == which || sign.Fingerprint(pub) == which || line == which || strings.HasPrefix(which, line+" ") {
			found = append(found, k)
		}
		names = append(names, k.Comment+" ("+sign.Fingerprint(pub)+")")
	}
	if len(found) == 1 && verified {
		key, ok := found[0].Verified()
		if !ok {
			return nil, fault.New("AG0530", "Leave verify-required out.", "key %s is no hardware key: ssh-agent signs with it without asking", which)
		}
		return key, nil
	}
	if len(found) == 1 {
		return found[0], nil
	}
	has := "It has none."
	if len(names) > 0 {
		has = "It has: " + strings.Join(names, ", ")
	}
	if len(found) > 1 {
		return nil, fault.New("AG0521", "Name it by its fingerprint. "+has, "ssh-agent has %d keys called %s", len(found), which)
	}
	return nil, fault.New("AG0521", has+"  Add one: aergo key unlock NAME, or ssh-add FILE", "ssh-agent has no ed25519 key %s", which)
}
