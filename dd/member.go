package dd

import (
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// member counts the roles that an account has, of each kind. Who has none has no
// such record: one look says that somebody is a stranger.
type member struct {
	_        struct{} `cbor:",toarray"`
	Reader   uint64
	Writer   uint64
	Producer uint64
	Admin    uint64
}

func keyMember(a objectstore.Account) []any { return []any{"member", string(a)} }

func (m *member) of(r Role) *uint64 {
	switch r {
	case Reader:
		return &m.Reader
	case Writer:
		return &m.Writer
	case Producer:
		return &m.Producer
	}
	return &m.Admin
}

// grantRecords are those that give a role, which the account does not have.
func (s State) grantRecords(r RoleRecord) ([]record, error) {
	m, _, err := get[member](s, keyMember(r.Account))
	*m.of(r.Role)++
	return []record{{keyRole(r.Role, r.Pattern, r.Account), r}, {keyMember(r.Account), m}}, err
}

// revokeRecords are those that take a role, which the account has.
func (s State) revokeRecords(r Role, pattern string, a objectstore.Account) ([]record, error) {
	m, _, err := get[member](s, keyMember(a))
	*m.of(r)--
	left := record{keyMember(a), m}
	if m == (member{}) {
		left.value = nil
	}
	return []record{{keyRole(r, pattern, a), nil}, left}, err
}

// hasAnyRole reports whether an account is a member at all.
func (s State) hasAnyRole(a objectstore.Account) (bool, error) {
	if a == s.Owner() {
		return true, nil
	}
	return s.hasRecord(keyMember(a))
}

// holds reports whether an account has one of the roles on a name or pattern,
// or is the owner. The cost follows the depth of the name, not the grants.
func (s State) holds(a objectstore.Account, target string, roles ...Role) (bool, error) {
	if a == s.Owner() {
		return true, nil
	}
	m, ok, err := get[member](s, keyMember(a))
	if err != nil || !ok {
		return false, err
	}
	for _, pattern := range covering(target) {
		for _, r := range roles {
			if *m.of(r) == 0 {
				continue
			}
			if ok, err := s.hasRecord(keyRole(r, pattern, a)); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// mayRead is the rule of RightRead. It looks at what is asked about only for
// members: to a stranger everything is denied at the same cost.
func (s State) mayRead(q Question) error {
	allowed, err := s.reads(q)
	if err != nil && fault.Of(err) == nil || allowed {
		return err
	}
	return deniedRead()
}

func (s State) reads(q Question) (bool, error) {
	if own, err := s.isOwn(q); own || err != nil {
		return own, err
	}
	if !s.Public() {
		if known, err := s.hasAnyRole(q.Account); !known || err != nil {
			return false, err
		}
	}
	t := target{name: q.Name}
	var err error
	if !q.Branch.IsZero() {
		t, err = s.find(q)
	} else if q.Name != "" { // whether it is there does not matter
		err = CheckPattern(q.Name)
	}
	if err != nil || s.Public() || t.name == "" {
		return err == nil, err
	}
	return s.holds(q.Account, t.name, Reader, Writer, Producer, Admin)
}

// isOwn reports whether a question is about a branch that the asker made and
// nobody registered. Whether its name is taken does not matter: the answer would
// tell which names there are.
func (s State) isOwn(q Question) (bool, error) {
	if q.Branch.IsZero() || q.Account == "" || q.Creator != q.Account || checkName(q.Name) != nil {
		return false, nil
	}
	if id, err := branchID(s.Ledger(), q.Creator, q.Salt); err != nil || id != q.Branch {
		return false, nil // not his: no error may tell more
	}
	if registered, err := s.hasRecord(keyBranch(q.Branch)); registered || err != nil {
		return false, err
	}
	deleted, err := s.hasRecord(keyDeleted(q.Branch)) // then others have worked on it
	return !deleted, err
}

// deniedRead is the one answer to who may not read. It says nothing of what or
// who there is, and is the same where there is nothing: the asker is no member.
func deniedRead() error {
	return fault.New("AG0501", "ask its owner for the role reader", "you may not read this, or it does not exist")
}
