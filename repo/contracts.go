package repo

import (
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Contracts lists the contracts in force at a revision (empty: the current
// branch's head).
func (r *Repository) Contracts(rev string) ([]ContractInfo, error) {
	t, release, err := r.readTree(rev)
	if err != nil {
		return nil, err
	}
	defer release()
	list, err := t.Contracts()
	if err != nil {
		return nil, err
	}
	infos := make([]ContractInfo, len(list))
	for i, c := range list {
		if infos[i], err = describeContract(t, c.Name, c.Version, c.Version); err != nil {
			return nil, err
		}
	}
	return infos, nil
}

// Contract gives a contract as compiled, with where it comes from. name may ask
// for an earlier version: shop@1.
func (r *Repository) Contract(rev, name string) (*sqlcontract.Contract, ContractInfo, error) {
	t, release, err := r.readTree(rev)
	if err != nil {
		return nil, ContractInfo{}, err
	}
	defer release()
	name, number, versioned := strings.Cut(name, "@")
	c, _, current, err := t.Contract(name)
	if err != nil {
		return nil, ContractInfo{}, err
	}
	if current == 0 { // a system contract
		return c, ContractInfo{Name: name, Owner: r.owner, Author: r.owner, Code: c.Code, Current: true}, nil
	}
	version := current
	if versioned {
		if version, err = strconv.Atoi(number); err != nil || version < 1 {
			return nil, ContractInfo{}, fault.New("AG0104", "", "%s@%s: after @ stands a version, a number from 1", name, number)
		}
		v, err := t.Version(name, version)
		if err != nil {
			return nil, ContractInfo{}, err
		}
		if c, err = sqlcontract.Compile(name, v.Source); err != nil {
			return nil, ContractInfo{}, err
		}
	}
	info, err := describeContract(t, name, version, current)
	return c, info, err
}

// ABI describes a contract, with the lanes of its actions at a revision.
func (r *Repository) ABI(rev string, c *sqlcontract.Contract) (sqlcontract.ABI, error) {
	t, release, err := r.readTree(rev)
	if err != nil {
		return sqlcontract.ABI{}, err
	}
	defer release()
	return t.ABI(c)
}

func describeContract(t *sqlcontract.Tree, name string, version, current int) (ContractInfo, error) {
	v, err := t.Version(name, version)
	if err != nil {
		return ContractInfo{}, err
	}
	_, owner, _, err := t.Contract(name)
	return ContractInfo{Name: name, Version: version, Owner: owner, Author: v.Author, Created: v.Created, Code: v.Code, Current: version == current}, err
}
