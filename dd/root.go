package dd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// isRoot reports whether a change is a root matter: it decides who rules the
// ledger, so it needs as many admins as the threshold says.
func isRoot(op Operation, c Change) bool {
	switch c := c.(type) {
	case Grant:
		return c.Role == Admin && c.Pattern == "*"
	case Revoke:
		return c.Role == Admin && c.Pattern == "*"
	case SetKeys:
		return c.Account != op.Account // his own keys an account changes itself
	case SetThreshold, SetEngine, RevokeKey, SetProducer:
		return true
	}
	return false
}

// Threshold is how many admins decide root matters, once there are so many.
func (s State) Threshold() uint64 { return s.ledger.Threshold }

// Admins gives the accounts with the role admin on everything, in order. The
// owner is one of them; an account that was revoked is none.
func (s State) Admins() ([]objectstore.Account, error) {
	var list []objectstore.Account
	err := scan(s, []any{"role", string(Admin), "*"}, func(r RoleRecord) error {
		_, gone, err := s.Revoked(r.Account, nil)
		if !gone {
			list = append(list, r.Account)
		}
		return err
	})
	return list, err
}

// spares refuses to let an admin of everything go whom the threshold needs.
func (s State) spares(a objectstore.Account) error {
	admins, err := s.Admins()
	if err != nil || !slices.Contains(admins, a) || uint64(len(admins)) > s.ledger.Threshold {
		return err
	}
	return fault.New("AG0505", "grant admin on * to somebody else first, or lower the threshold",
		"there are %d admins, and %d have to agree: none can go", len(admins), s.ledger.Threshold)
}

// Needed is how many admins have to sign a root matter: the threshold, or all of
// them while they are fewer.
func (s State) Needed() (int, error) {
	admins, err := s.Admins()
	return int(min(s.ledger.Threshold, uint64(len(admins)))), err
}

// mayRoot is the rule of RightRoot.
func (s State) mayRoot(q Question) error {
	needed, err := s.Needed()
	if err != nil {
		return err
	}
	all := append([]objectstore.Account{q.Account}, q.With...)
	for i, a := range all {
		ok, err := s.hasRecord(keyRole(Admin, "*", a))
		if err != nil {
			return err
		}
		if !ok {
			return fault.New("AG0501", "have it signed by admins of the whole ledger",
				"%s may not decide this: that needs the role admin on *; %s may", s.who(a), s.holders("*", Admin))
		}
		if slices.Contains(all[:i], a) {
			return fault.New("AG0505", "each admin signs once", "%s signed twice, which counts as one", s.who(a))
		}
	}
	if len(all) != needed {
		return fault.New("AG0505", "collect signatures in a proposal",
			"this needs the signatures of exactly %d admins and has %d, of %s", needed, len(all), s.names(all))
	}
	return nil
}

func (s State) names(list []objectstore.Account) string {
	var names []string
	for _, a := range list {
		names = append(names, s.who(a))
	}
	return strings.Join(names, ", ")
}

// checkConsents checks the consent of other admins to an operation: for a root
// matter as many as it needs, for anything else none.
func (s State) checkConsents(o SignedOperation, op Operation, c Change, v *signatures) error {
	if !isRoot(op, c) {
		if len(o.Consents) > 0 {
			return fault.New("AG0601", "leave them out", "it has consents that it does not need")
		}
		return nil
	}
	q := Question{Account: op.Account, Right: RightRoot}
	for i, a := range o.Consents {
		if i > 0 && o.Consents[i-1].Account >= a.Account {
			return fault.New("AG0505", "each admin signs once", "its consents are not by different accounts in order")
		}
		q.With = append(q.With, a.Account)
	}
	if err := Decide(s, q); err != nil {
		return err
	}
	for _, a := range o.Consents {
		if err := s.addSeal(v, a.Seal, a.Account, sign.PurposeConsent, o.ID(), func(err error) error {
			return fault.New("AG0601", "have it signed again by the admins' present keys", "the consent is not signed by %s: %w", s.who(a.Account), err)
		}); err != nil {
			return err
		}
	}
	return nil
}

// SetThreshold says how many admins decide root matters. A root matter. There
// are as many admins already.
type SetThreshold struct {
	Threshold uint64 `cbor:"1,keyasint"`
}

func (SetThreshold) kind() OperationKind { return KindThreshold }

func (c SetThreshold) records(s State, _ Operation) ([]record, error) {
	admins, err := s.Admins()
	if err != nil {
		return nil, err
	}
	if c.Threshold == 0 || c.Threshold > MaxThreshold || c.Threshold > uint64(len(admins)) {
		return nil, fault.New("AG0102", "Make more accounts admin of everything first: aergo grant admin --to WHO", "%d of %d admins: the threshold is 1 to %d, and not more than there are",
			c.Threshold, len(admins), MaxThreshold)
	}
	l := s.ledger
	l.Threshold = c.Threshold
	return []record{{keyLedger(), l}}, nil
}

// SetEngine puts the next engine in force: blocks that name this directory block
// or a later one are executed by it. A root matter. Engines go up one at a time and
// never back, so that none is put in force by a slip that no program will ever have.
type SetEngine struct {
	Engine uint64 `cbor:"1,keyasint"`
}

func (SetEngine) kind() OperationKind { return KindEngine }

func (c SetEngine) records(s State, _ Operation) ([]record, error) {
	now, err := s.Engine()
	if err != nil {
		return nil, err
	}
	if c.Engine != now+1 || c.Engine > MaxTime {
		return nil, fault.New("AG0102", fmt.Sprintf("aergo dd engine %d", now+1), "engine %d: engine %d is in force, and engines go up one at a time", c.Engine, now)
	}
	return []record{{keyEngine(), c.Engine}}, nil
}
