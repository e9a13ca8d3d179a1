package repo

import (
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// SignatureNamespace is what ssh-keygen -Y sign is given with -n.
const SignatureNamespace = sign.Namespace

// SigningBytes gives what a key signs of a proposal, for the account (empty: the
// one that the key tells), when it is not this program that signs: the input of
// ssh-keygen -Y sign -n aergo-git. line is the key's public line, empty where the
// account is named.
func (r *Repository) SigningBytes(p Proposal, account objectstore.Account, line string) ([]byte, objectstore.Account, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, "", err
	}
	if p.Problem != nil {
		return nil, "", p.Problem
	}
	if s, err = r.stateFor(s, p.Change.Change); err != nil {
		return nil, "", err
	}
	if account, err = r.signsBeside(s, p, account, line); err != nil {
		return nil, "", err
	}
	purpose, err := p.purpose(account)
	return sign.Message(sign.Purpose(purpose), r.ledger, p.ID), account, err
}

// TakeSignature adds to a proposal the signature in a file that ssh-keygen -Y sign
// made of its SigningBytes, and keeps it here. One by another key, for another
// account, of another proposal or ledger, is refused (AG0526).
func (r *Repository) TakeSignature(p Proposal, account objectstore.Account, line string, file []byte) (Proposal, error) {
	s, err := r.directory.Head()
	if err != nil {
		return p, err
	}
	if p.Problem != nil {
		return p, p.Problem
	}
	if s, err = r.stateFor(s, p.Change.Change); err != nil {
		return p, err
	}
	if account, err = r.signsBeside(s, p, account, line); err != nil {
		return p, err
	}
	var key []byte
	if line != "" {
		if key, _, err = sign.ParsePublicKey(line); err != nil {
			return p, err
		}
	}
	purpose, err := p.purpose(account)
	if err != nil {
		return p, err
	}
	sig, err := s.TakeSSHSIG(account, purpose, p.ID, file, key)
	if err != nil {
		return p, err
	}
	if p.part != nil {
		part := *p.part
		part.Signatures = dd.JoinSignatures(part.Signatures, sig)
		return r.keepPartial(part)
	}
	whole := p.whole
	whole.Signatures = dd.JoinSignatures(whole.Signatures, sig)
	return r.keepProposal(whole)
}

// purpose is what an account signs a proposal as.
func (p Proposal) purpose(account objectstore.Account) (string, error) {
	if p.part == nil {
		return p.whole.Purpose(account)
	}
	if p.part.Kind == partialApproval {
		return string(sign.PurposeApproval), nil
	}
	return string(sign.PurposeTransaction), nil
}

// signsBeside is signsAs for a key whose private half is elsewhere.
func (r *Repository) signsBeside(s dd.State, p Proposal, account objectstore.Account, line string) (objectstore.Account, error) {
	if line == "" {
		if account == "" && !p.Root {
			account = p.Account
		}
		if account == "" {
			return "", fault.New("AG0522", "Name it: --as NAME", "several accounts may sign proposal %s", p.ID.Short())
		}
		return r.signsAs(s, nil, p, account)
	}
	pub, _, err := sign.ParsePublicKey(line)
	if err != nil {
		return "", fault.New("AG0102", "Keys are ed25519: aergo key show NAME --public prints the line.", "this is no public key: %w", err)
	}
	return r.signsAs(s, public(pub), p, account)
}
