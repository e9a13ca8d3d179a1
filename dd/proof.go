package dd

import (
	"fmt"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// ProveBranch gives a proof of what the directory says of a branch, or that it
// says nothing: a path under the state root of the directory block.
func (s State) ProveBranch(id objectstore.Hash) ([]byte, error) { return s.prove(keyBranch(id)) }

// VerifyBranch checks a proof of ProveBranch against the state root of a
// directory block. ok is false where the proof shows that the branch is not
// registered there.
func VerifyBranch(root objectstore.Hash, id objectstore.Hash, proof []byte) (b Branch, ok bool, err error) {
	return verify[Branch](root, keyBranch(id), proof)
}

// ProveRole gives a proof that an account has a role by a grant on exactly this
// pattern, or has not.
func (s State) ProveRole(r Role, pattern string, a objectstore.Account) ([]byte, error) {
	return s.prove(keyRole(r, pattern, a))
}

// VerifyRole checks a proof of ProveRole.
func VerifyRole(root objectstore.Hash, r Role, pattern string, a objectstore.Account, proof []byte) (g RoleRecord, ok bool, err error) {
	return verify[RoleRecord](root, keyRole(r, pattern, a), proof)
}

func (s State) prove(key []any) ([]byte, error) {
	k, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	p, err := s.m.Prove(k)
	if err != nil {
		return nil, err
	}
	return p.Encode()
}

func verify[T any](root objectstore.Hash, key []any, proof []byte) (value T, ok bool, err error) {
	k, err := encodeKey(key)
	if err != nil {
		return value, false, err
	}
	p, err := prolly.DecodeProof(proof)
	if err != nil {
		return value, false, err
	}
	data, ok, err := p.Verify(root, k)
	if err != nil || !ok {
		return value, false, err
	}
	if err := wire.Unmarshal(data, &value); err != nil {
		return value, false, fmt.Errorf("proven record %q: %w", key, err)
	}
	return value, true, nil
}
