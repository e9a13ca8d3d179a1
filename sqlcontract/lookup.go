package sqlcontract

import (
	"errors"
	"fmt"
	"time"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Version is one deployed version of a contract.
type Version struct {
	Number  int
	Source  string
	Code    objectstore.Hash
	Author  objectstore.Account
	Created time.Time // of the transaction that deployed it
}

// Version gives one version of a contract, in force or not; AG0401 when there is
// none.
func (t *Tree) Version(name string, number int) (Version, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, err := findVersion(t.state.Get, name, int64(number))
	if err != nil {
		return Version{}, err
	}
	if v == nil {
		return Version{}, errNoVersion(name, number)
	}
	return Version{Number: number, Source: v.source, Code: v.code, Author: v.author, Created: time.UnixMilli(v.created).UTC()}, nil
}

// ContractIn compiles the contract in force in a state of which only get is
// known: what the state map has under a key. A verifier of a proof gives
// entries that are proven; a prover records which ones are asked for. AG0401
// when the state has no such contract.
func (e *Engine) ContractIn(get func(key []byte) (value []byte, ok bool, err error), name string) (*Contract, error) {
	d, err := (&Tree{engine: e}).find(get, name)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, errNoContract(name)
	}
	return d.contract, nil
}

// IDs gives the transactions recorded so far, in order.
func (s *Session) IDs() []objectstore.Hash {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	ids := make([]objectstore.Hash, len(s.done))
	for i, r := range s.done {
		ids[i] = r.tx.id
	}
	return ids
}

// Contract is Tree.Contract for the state inside the block.
func (s *Session) Contract(name string) (*Contract, objectstore.Account, int, error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	d, err := s.find(name)
	if err != nil {
		return nil, "", 0, err
	}
	if d == nil {
		return nil, "", 0, errNoContract(name)
	}
	return d.contract, d.owner, int(d.version), nil
}

// CountRows counts the rows of a contract in a state, up to most.
func (e *Engine) CountRows(root objectstore.Hash, contract string, most int) (int, error) {
	n := 0
	enough := errors.New("enough")
	prefix := contractPrefix(contract)
	err := prolly.Load(e.nodes, root).Scan(prefix, wire.KeyPrefixEnd(prefix), func([]byte, []byte) error {
		if n++; n >= most {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return n, fmt.Errorf("counting the rows of contract %s: %w", contract, err)
	}
	return n, nil
}
