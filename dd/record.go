package dd

import (
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Branch is what the directory says of a branch.
type Branch struct {
	ID       objectstore.Hash    `cbor:"1,keyasint"`
	Name     string              `cbor:"2,keyasint"`
	Creator  objectstore.Account `cbor:"3,keyasint"`
	Salt     objectstore.Hash    `cbor:"4,keyasint"`
	Producer objectstore.Account `cbor:"5,keyasint"` // the one who makes its blocks
	Epoch    uint64              `cbor:"6,keyasint"` // counts the producers it has had before
	// Policy is how merges into it are made: automatic, consistent, or empty
	// where the user says each time.
	Policy     string           `cbor:"7,keyasint,omitempty"`
	First      objectstore.Hash `cbor:"8,keyasint,omitzero"` // parent of its first block
	Registered int64            `cbor:"9,keyasint"`          // ms since 1970
	// Protection is nil where the branch is not protected.
	Protection *Protection `cbor:"10,keyasint,omitempty"`
	// Anchor is the last one, nil where there is none.
	Anchor *Anchor `cbor:"11,keyasint,omitempty"`
}

// Tag is an immutable name of a block.
type Tag struct {
	Name    string              `cbor:"1,keyasint"`
	Block   objectstore.Hash    `cbor:"2,keyasint"`
	Branch  objectstore.Hash    `cbor:"3,keyasint"`
	Tagger  objectstore.Account `cbor:"4,keyasint"`
	Message string              `cbor:"5,keyasint,omitempty"`
	Time    int64               `cbor:"6,keyasint"` // ms since 1970
}

// Identity is a name for an account, with what is needed to verify its
// signatures.
type Identity struct {
	Name       string              `cbor:"1,keyasint"`
	Account    objectstore.Account `cbor:"2,keyasint"`
	Descriptor []byte              `cbor:"3,keyasint"`
	Added      int64               `cbor:"4,keyasint"` // ms since 1970
}

// RoleRecord says that an account has a role on the branches of a pattern.
type RoleRecord struct {
	Role    Role                `cbor:"1,keyasint"`
	Pattern string              `cbor:"2,keyasint"`
	Account objectstore.Account `cbor:"3,keyasint"`
	By      objectstore.Account `cbor:"4,keyasint"`
	Since   int64               `cbor:"5,keyasint"` // ms since 1970
}

// ledgerRecord is what of the genesis a proof needs.
type ledgerRecord struct {
	Ledger      objectstore.Hash    `cbor:"1,keyasint"`
	Owner       objectstore.Account `cbor:"2,keyasint"`
	Producer    objectstore.Account `cbor:"3,keyasint"`
	Threshold   uint64              `cbor:"4,keyasint"`
	StateFormat uint64              `cbor:"5,keyasint"`
	Created     int64               `cbor:"6,keyasint"`
	Public      bool                `cbor:"7,keyasint,omitempty"`
	Rotated     uint64              `cbor:"8,keyasint,omitempty"` // changes of keys so far
	Revoked     uint64              `cbor:"9,keyasint,omitempty"` // revocations so far
	// Term counts the directory's producers before this one, whose first block at
	// the earliest has the number Appointed.
	Term      uint64 `cbor:"10,keyasint,omitempty"`
	Appointed uint64 `cbor:"11,keyasint,omitempty"`
}

// record is one entry of the state map before it is encoded; a nil value means
// that it is deleted.
type record struct {
	key   []any
	value any
}

// The keys of the state map, as tuples of wire.AppendKey. Names come first, so
// that each kind of record is one range.
func keyLedger() []any                                { return []any{"ledger"} }
func keyEngine() []any                                { return []any{"engine"} }
func keyIdentity(name string) []any                   { return []any{"identity", name} }
func keyAccount(a objectstore.Account) []any          { return []any{"account", string(a)} }
func keyBranch(id objectstore.Hash) []any             { return []any{"branch", id[:]} }
func keyName(name string) []any                       { return []any{"name", name} }
func keyTag(name string) []any                        { return []any{"tag", name} }
func keyBlock(id objectstore.Hash) []any              { return []any{"block", id[:]} }
func keySeen(a objectstore.Account, s [32]byte) []any { return []any{"seen", string(a), s[:]} }
func keyRole(r Role, pattern string, a objectstore.Account) []any {
	return []any{"role", string(r), pattern, string(a)}
}

// Role is what an account may do on the branches of a pattern.
type Role string

// The roles. producer includes writer, writer includes reader; admin includes
// reader only, so that who hands out rights need not be able to write.
const (
	Reader   Role = "reader"
	Writer   Role = "writer"
	Producer Role = "producer"
	Admin    Role = "admin"
)

// ParseRole reads a role of the directory.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case Reader, Writer, Producer, Admin:
		return r, nil
	}
	return "", fault.New("AG0102", "use reader, writer, producer or admin; roles of a contract are granted with --contract",
		"%q is no role of the directory", s)
}

// CheckPattern checks a pattern of branch names: a name, a name and "/*" for
// everything below it, or "*" for all.
func CheckPattern(pattern string) error {
	if pattern == "*" {
		return nil
	}
	if err := checkName(strings.TrimSuffix(pattern, "/*")); err != nil {
		return fault.New("AG0102", "use a branch name, eu/* or *", "%q is no pattern of branches: %w", pattern, err)
	}
	return nil
}

// covering gives all patterns that cover a name or pattern, the narrowest first.
func covering(target string) []string {
	if target == "*" {
		return []string{"*"}
	}
	list := []string{target}
	for i := len(target) - 1; i > 0; i-- {
		if target[i] == '/' && target[i:] != "/*" {
			list = append(list, target[:i]+"/*")
		}
	}
	return append(list, "*")
}

// checkIdentityName is the rule for names of identities: that of branches
// without "/".
func checkIdentityName(name string) error {
	if err := checkName(name); err != nil || strings.Contains(name, "/") {
		return fault.New("AG0102", "use a name like bob or berlin-till-2",
			"%q is no name for an identity: only a-z, 0-9 and . _ - are allowed, beginning with a letter or digit", name)
	}
	return nil
}

func checkAccount(what string, a objectstore.Account) error {
	kind, _, err := sign.ParseAccount(string(a))
	if err == nil && kind == sign.KindContract {
		err = fmt.Errorf("%s is a contract, which cannot sign", a)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func encodeKey(key []any) ([]byte, error) { return wire.AppendKey(make([]byte, 0, 160), key...) }
