package sqlcontract

import (
	"bytes"

	"github.com/aergo-git/aergo-git/internal/wire"
)

// Deployed gives the contract that was put in force under a name with the
// number of a version, in force now or not; AG0401 when there is none.
func (t *Tree) Deployed(name string, number int) (*Contract, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.engine.deployed(t.state.Get, name, number)
}

// Deployed is Tree.Deployed for the state inside the block.
func (s *Session) Deployed(name string, number int) (*Contract, error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	return s.tree.engine.deployed(s.get, name, number)
}

func (e *Engine) deployed(from get, name string, number int) (*Contract, error) {
	v, err := findVersion(from, name, int64(number))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, errNoVersion(name, number)
	}
	return e.contract(name, v.source, false)
}

// VersionOf gives the number of the version in force; 0 for a system contract
// and where there is none.
func (t *Tree) VersionOf(name string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, err := currentKey(name)
	if err != nil {
		return 0, nil // a name that no contract can have
	}
	value, ok, err := t.state.Get(key)
	if err != nil || !ok {
		return 0, err
	}
	c, err := decodeCurrent(value)
	return int(c.version), err
}

// Deployment is a deploy as the rows of its transaction tell it: which version
// of a contract was in force before (0 for none) and after.
type Deployment struct {
	Contract      string
	Before, After int
}

// DeploymentIn finds the deploy among the net rows of one transaction.
func DeploymentIn(rows []RowChange) (d Deployment, ok bool, err error) {
	prefix := tablePrefix(systemContract, "current")
	for _, r := range rows {
		if !bytes.HasPrefix(r.Key, prefix) || r.New == nil {
			continue
		}
		key, err := wire.DecodeKey(r.Key)
		if err != nil {
			return d, false, err
		}
		d.Contract, _ = key[2].(string)
		after, err := decodeCurrent(r.New)
		if err != nil {
			return d, false, err
		}
		d.After = int(after.version)
		if r.Old != nil {
			before, err := decodeCurrent(r.Old)
			if err != nil {
				return d, false, err
			}
			d.Before = int(before.version)
		}
		return d, true, nil
	}
	return d, false, nil
}
