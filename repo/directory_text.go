package repo

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Field is a named value of a change of the directory.
type Field struct {
	Name  string
	Value any // string, uint64 or bool
}

// Text is an operation in words. who names an account.
func (o DirectoryOperation) Text(who func(objectstore.Account) string) string {
	switch c := o.Change.(type) {
	case nil:
		return "begin the ledger"
	case dd.RegisterBranch:
		return fmt.Sprintf("register branch %s, producer %s", c.Name, who(c.Producer))
	case dd.UpdateBranch:
		s := "change branch " + c.ID.Short()
		if c.Name != "" {
			s += ", name " + c.Name
		}
		if c.Producer != "" {
			s += ", producer " + who(c.Producer)
		}
		if c.Policy != "" {
			s += ", merges " + c.Policy
		}
		return s
	case dd.ProtectBranch:
		if c.Off {
			return "end the protection of branch " + c.ID.Short()
		}
		s := "protect branch " + c.ID.Short()
		if c.Producer != "" {
			s += ", producer " + who(c.Producer)
		}
		for _, a := range c.Standbys {
			s += ", stand-by " + who(a)
		}
		if c.Policy != "" {
			s += ", merges " + c.Policy
		}
		if c.Approvals > 0 {
			s += fmt.Sprintf(", approvals %d", c.Approvals)
		}
		if c.Invariants {
			s += ", INVARIANTs stay"
		}
		return s
	case dd.AddTag:
		return fmt.Sprintf("tag %s at block %s", c.Name, c.Block.Short())
	case dd.Grant:
		return fmt.Sprintf("grant %s to %s on %s", c.Role, who(c.Account), c.Pattern)
	case dd.Revoke:
		return fmt.Sprintf("revoke %s from %s on %s", c.Role, who(c.Account), c.Pattern)
	case dd.AddIdentity:
		return fmt.Sprintf("name %s = %s", c.Name, accountOfDescriptor(c.Descriptor))
	case dd.SetKeys:
		return fmt.Sprintf("change the keys of %s: %s", who(c.Account), keysText(c.Descriptor))
	case dd.SetVisibility:
		if c.Public {
			return "make the ledger public"
		}
		return "make the ledger private"
	case dd.AnchorBranch:
		return fmt.Sprintf("anchor branch %s at block %d, %s", c.Branch.Short(), c.Number, c.Block.Short())
	case dd.SetThreshold:
		if c.Threshold == 1 {
			return "root matters take 1 admin"
		}
		return fmt.Sprintf("root matters take %d admins", c.Threshold)
	case dd.SetEngine:
		return fmt.Sprintf("engine %d is in force", c.Engine)
	case dd.SetPeer:
		return peerText(c, who)
	case dd.SetProducer:
		if !c.After.IsZero() {
			return fmt.Sprintf("directory producer %s, after directory block %s", who(c.Account), c.After.Short())
		}
		return "directory producer " + who(c.Account)
	case dd.RevokeKey:
		return revocationText(c, who)
	case dd.TakeOver:
		return "take over branch " + c.Branch.Short()
	case dd.DeleteBranch:
		return fmt.Sprintf("delete branch %s, %s", c.Name, c.ID.Short())
	case dd.ResolveEvidence:
		return fmt.Sprintf("keep block %s of two that branch %s had as statement %d", c.Block.Short(), c.Branch.Short(), c.Sequence)
	}
	return o.Kind
}

// revokedShown is how many branches of a revocation its text names: it is one line.
const revokedShown = 8

func revocationText(c dd.RevokeKey, who func(objectstore.Account) string) string {
	s := "revoke account " + who(c.Account)
	if len(c.Key) > 0 {
		s = fmt.Sprintf("revoke key %s of %s", keyText(c.Key), who(c.Account))
	}
	for n, last := range c.Last {
		if n == revokedShown {
			s += fmt.Sprintf(", and %d more branches", len(c.Last)-n)
			break
		}
		s += fmt.Sprintf(", on branch %s after block %s", last.Branch.Short(), last.Block.Short())
	}
	if len(c.Keys) > 0 {
		s += "; it signs now by " + keysText(c.Keys)
	}
	if c.Reason != "" {
		s += ": " + c.Reason
	}
	return s
}

func peerText(c dd.SetPeer, who func(objectstore.Account) string) string {
	if c.Off {
		return "remove peer " + c.Name
	}
	s := "peer " + c.Name
	if c.Mirror {
		s = "mirror " + c.Name
	}
	s += " = " + who(accountOfDescriptor(c.Descriptor))
	if len(c.Addresses) > 0 {
		s += " at " + strings.Join(c.Addresses, " ")
	}
	return s
}

// NewKeys gives the public lines of the keys by which an account signs once the
// change is in force; none for a change that says nothing of keys. The few digits
// that Text shows name a key, and prove nothing: compare these.
func (o DirectoryOperation) NewKeys() []string {
	var descriptor []byte
	switch c := o.Change.(type) {
	case dd.AddIdentity:
		descriptor = c.Descriptor
	case dd.SetKeys:
		descriptor = c.Descriptor
	case dd.RevokeKey:
		descriptor = c.Keys
	}
	d, err := sign.ParseDescriptor(descriptor)
	if err != nil {
		return nil
	}
	var lines []string
	for _, k := range d.Keys() {
		if line, err := sign.MarshalPublicKey(k, ""); err == nil {
			lines = append(lines, line)
		}
	}
	return lines
}

// keyText is the short form of a key by which people compare it.
func keyText(key []byte) string { return hex.EncodeToString(key[:min(4, len(key))]) }

// Fields are what the change says, in the words of its format; none where this
// version has no words for it.
func (o DirectoryOperation) Fields() []Field {
	list := []Field{}
	add := func(name string, value any) {
		if value != "" {
			list = append(list, Field{name, value})
		}
	}
	switch c := o.Change.(type) {
	case dd.RegisterBranch:
		add("name", c.Name)
		add("creator", string(c.Creator))
		add("producer", string(c.Producer))
		add("policy", c.Policy)
		add("first", hashText(c.First))
	case dd.UpdateBranch:
		add("branch", c.ID.String())
		add("name", c.Name)
		add("producer", string(c.Producer))
		add("policy", c.Policy)
	case dd.ProtectBranch:
		add("branch", c.ID.String())
		add("protected", !c.Off)
		add("producer", string(c.Producer))
		var standbys []string
		for _, a := range c.Standbys {
			standbys = append(standbys, string(a))
		}
		add("standbys", strings.Join(standbys, " "))
		add("policy", c.Policy)
		add("approvals", c.Approvals)
		add("require_invariants", c.Invariants)
	case dd.AddTag:
		add("name", c.Name)
		add("block", c.Block.String())
		add("branch", c.Branch.String())
		add("message", c.Message)
	case dd.Grant:
		add("role", string(c.Role))
		add("pattern", c.Pattern)
		add("account", string(c.Account))
	case dd.Revoke:
		add("role", string(c.Role))
		add("pattern", c.Pattern)
		add("account", string(c.Account))
	case dd.AddIdentity:
		add("name", c.Name)
		add("account", string(accountOfDescriptor(c.Descriptor)))
	case dd.SetKeys:
		add("account", string(c.Account))
		add("keys", keysText(c.Descriptor))
	case dd.SetVisibility:
		add("public", c.Public)
	case dd.AnchorBranch:
		add("branch", c.Branch.String())
		add("block", c.Block.String())
		add("number", c.Number)
		add("epoch", c.Epoch)
		add("sequence", c.Sequence)
	case dd.SetThreshold:
		add("threshold", c.Threshold)
	case dd.SetEngine:
		add("engine", c.Engine)
	case dd.SetPeer:
		add("name", c.Name)
		add("removed", c.Off)
		if !c.Off {
			add("account", string(accountOfDescriptor(c.Descriptor)))
			add("addresses", strings.Join(c.Addresses, " "))
			add("mirror", c.Mirror)
		}
	case dd.SetProducer:
		add("account", string(c.Account))
		if !c.After.IsZero() {
			add("after", c.After.String())
		}
	case dd.RevokeKey:
		add("account", string(c.Account))
		add("key", hex.EncodeToString(c.Key))
		last := make([]string, len(c.Last))
		for i, l := range c.Last {
			last[i] = l.Branch.String() + "=" + l.Block.String()
		}
		add("last", strings.Join(last, " "))
		add("reason", c.Reason)
		add("descriptor", hex.EncodeToString(c.Keys))
	case dd.TakeOver:
		add("branch", c.Branch.String())
	case dd.DeleteBranch:
		add("branch", c.ID.String())
		add("name", c.Name)
	case dd.ResolveEvidence:
		add("branch", c.Branch.String())
		add("epoch", c.Epoch)
		add("sequence", c.Sequence)
		add("block", c.Block.String())
	}
	return list
}

func hashText(h objectstore.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

// keysText shows the keys of a descriptor that was verified.
func keysText(data []byte) string {
	d, err := sign.ParseDescriptor(data)
	if err != nil {
		return ""
	}
	return d.String()
}

// accountOfDescriptor is the account of a descriptor that was verified.
func accountOfDescriptor(data []byte) objectstore.Account {
	d, err := sign.ParseDescriptor(data)
	if err != nil {
		return ""
	}
	return objectstore.Account(sign.AccountOf(d))
}
