package sqlcontract

import (
	"embed"
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// The system contracts are AERGOSQL like any other, part of the engine instead
// of the state. Their rows are state. aergo_role is changed by its actions, the
// rows of the others are written by the engine as part of transactions:
// aergo_merge's by deploys and by calls of its actions, and nobody calls the rest.
const (
	systemPrefix   = "aergo_"
	systemSeen     = "aergo_seen"
	systemContract = "aergo_contract"
	systemRole     = "aergo_role"
	systemMerge    = "aergo_merge"
	systemTotal    = "aergo_total"
)

//go:embed system/*.sql
var systemSources embed.FS

// SystemContracts lists the names of the system contracts in order.
func SystemContracts() []string {
	return []string{systemContract, systemMerge, systemRole, systemSeen, systemTotal}
}

// reservedRoles belong to the directory.
var reservedRoles = []string{"admin", "producer", "reader", "writer"}

// system compiles a system contract; nil if there is none of the name.
func (e *Engine) system(name string) (*Contract, error) {
	if !slices.Contains(SystemContracts(), name) {
		return nil, nil
	}
	source, err := systemSources.ReadFile("system/" + name + ".sql")
	if err != nil {
		return nil, fmt.Errorf("reading system contract %s: %w", name, err)
	}
	c, err := e.contract(name, string(source), true)
	if err != nil {
		return nil, fmt.Errorf("compiling system contract %s: %w", name, err)
	}
	return c, nil
}

// deployed is a contract in force.
type deployed struct {
	contract *Contract
	owner    objectstore.Account
	version  int64 // 0 for a system contract
}

// get reads one entry of a state: of a map, or of a session's overlay over it.
type get func(key []byte) (value []byte, ok bool, err error)

// find gives the contract in force under a name, or nil.
func (t *Tree) find(from get, name string) (*deployed, error) {
	return t.engine.find(from, name, t.owner)
}

// find gives the contract in force under a name, or nil. systemOwner owns the
// system contracts.
func (e *Engine) find(from get, name string, systemOwner objectstore.Account) (*deployed, error) {
	c, err := e.system(name)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return &deployed{contract: c, owner: systemOwner}, nil
	}
	if len(name) == 0 || len(name) > maxName {
		return nil, nil
	}
	key, err := currentKey(name)
	if err != nil {
		return nil, nil // a name that no contract can have
	}
	value, ok, err := from(key)
	if err != nil || !ok {
		return nil, err
	}
	cur, err := decodeCurrent(value)
	if err != nil {
		return nil, err
	}
	v, err := findVersion(from, name, cur.version)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, fmt.Errorf("reading contract %s: the state names version %d and does not have it", name, cur.version)
	}
	if c, err = e.contract(name, v.source, false); err != nil {
		return nil, fmt.Errorf("compiling contract %s from the state: %w", name, err)
	}
	return &deployed{contract: c, owner: cur.owner, version: cur.version}, nil
}

// findVersion gives one version of a contract, or nil.
func findVersion(from get, name string, number int64) (*version, error) {
	key, err := versionKey(name, number)
	if err != nil {
		return nil, nil
	}
	value, ok, err := from(key)
	if err != nil || !ok {
		return nil, err
	}
	v, err := decodeVersion(value)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// Rows of the system tables. Keys and values follow the layouts of system/*.sql
// (a test compares them); values have no defaults, so no cell is left out.

func seenKey(day int64, account objectstore.Account, salt objectstore.Hash) ([]byte, error) {
	return wire.AppendKey(nil, systemSeen, "seen", day, string(account), salt[:])
}

func seenRow(id objectstore.Hash, verdict Status) ([]byte, error) {
	return wire.AppendRow(nil, []any{id[:], int64(verdict)})
}

// day is the UTC day of a time in ms.
func day(ms int64) int64 {
	const perDay = 24 * 60 * 60 * 1000
	if ms < 0 {
		return -((-ms + perDay - 1) / perDay)
	}
	return ms / perDay
}

// current is which version of a contract is in force, and whose it is.
type current struct {
	version int64
	owner   objectstore.Account
}

func currentKey(name string) ([]byte, error) {
	return wire.AppendKey(tablePrefix(systemContract, "current"), name)
}

func (c current) row() ([]byte, error) {
	return wire.AppendRow(nil, []any{c.version, string(c.owner)})
}

func decodeCurrent(b []byte) (current, error) {
	cells, err := wire.DecodeRow(b)
	if err != nil {
		return current{}, fmt.Errorf("reading a row of aergo_contract.current: %w", err)
	}
	if len(cells) == 2 {
		version, ok1 := cells[0].(int64)
		owner, ok2 := cells[1].(string)
		if ok1 && ok2 {
			return current{version, objectstore.Account(owner)}, nil
		}
	}
	return current{}, errors.New("reading a row of aergo_contract.current: its cells are not (version, owner)")
}

// version is one deployed source.
type version struct {
	source  string
	code    objectstore.Hash
	author  objectstore.Account
	created int64
}

func versionKey(name string, number int64) ([]byte, error) {
	return wire.AppendKey(tablePrefix(systemContract, "contract"), name, number)
}

func (v version) row() ([]byte, error) {
	return wire.AppendRow(nil, []any{v.source, v.code[:], string(v.author), v.created})
}

func decodeVersion(b []byte) (version, error) {
	cells, err := wire.DecodeRow(b)
	if err != nil {
		return version{}, fmt.Errorf("reading a row of aergo_contract.contract: %w", err)
	}
	if len(cells) == 4 {
		source, ok1 := cells[0].(string)
		code, ok2 := cells[1].([]byte)
		author, ok3 := cells[2].(string)
		created, ok4 := cells[3].(int64)
		if ok1 && ok2 && ok3 && ok4 && len(code) == len(objectstore.Hash{}) {
			return version{source, objectstore.Hash(code), objectstore.Account(author), created}, nil
		}
	}
	return version{}, errors.New("reading a row of aergo_contract.contract: its cells are not (source, code, author, created)")
}

func roleKey(contract, role string, account objectstore.Account) ([]byte, error) {
	return wire.AppendKey(tablePrefix(systemRole, "role"), contract, role, string(account))
}

// entry is one row of the state map.
type entry struct {
	key, value []byte
}

// guardSystem decides calls of system contracts: what their SQL cannot see, or
// cannot do.
func (r *run) guardSystem() error {
	switch r.contract.contract.Name {
	case systemMerge:
		return r.changeRules()
	case systemRole:
		return r.guardRole()
	}
	return nil
}

// owned gives a contract of the call's signer, who must be its owner.
func (r *run) owned(name string) (*deployed, error) {
	d, err := r.s.find(name)
	switch {
	case err != nil:
		return nil, err
	case d == nil || d.version == 0:
		return nil, fail("AG0401", name)
	case r.account != d.owner:
		return nil, fail("AG0402", "owner")
	}
	return d, nil
}

// guardRole decides who grants and revokes which roles.
func (r *run) guardRole() error {
	name, _ := r.args["contract"].(string)
	role, _ := r.args["role"].(string)
	account, _ := r.args["account"].(string)
	if _, err := r.owned(name); err != nil {
		return err
	}
	if slices.Contains(reservedRoles, role) || !goodName(role) {
		return fail("AG0403", "role")
	}
	owner, named := r.args["owner"].(string)
	if _, _, err := sign.ParseAccount(account); err == nil {
		if named {
			return fail("AG0403", "owner")
		}
		return nil
	}
	holder, err := r.s.find(account) // a contract may hold a role, too
	switch {
	case err != nil:
		return err
	case holder == nil || holder.version == 0:
		return fail("AG0403", "account")
	case r.called == "revoke":
		return nil
	case !named:
		return fail("AG0403", "owner")
	case owner != string(holder.owner): // it was granted on a branch where the name was somebody else's
		return fail("AG0728", account)
	}
	return nil
}

// goodName is the form of names of contracts and roles.
func goodName(s string) bool {
	if len(s) == 0 || len(s) > maxName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
