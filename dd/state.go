package dd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// State is what the directory says after one of its blocks. It does not change;
// it may be read by several goroutines at once. The zero State is not valid.
type State struct {
	m      *prolly.Map
	ledger ledgerRecord
	block  Block
	// over is what the operations of a block have written so far; nil but while
	// they are performed. Root does not count it.
	over *changes
}

// newState reads what every question needs.
func newState(m *prolly.Map, b Block) (State, error) {
	s := State{m: m, block: b}
	l, ok, err := get[ledgerRecord](s, keyLedger())
	if err == nil && (!ok || l.Ledger != b.Ledger) {
		err = fmt.Errorf("it is not of ledger %s", b.Ledger.Short())
	}
	if err != nil {
		return State{}, fmt.Errorf("state of directory block %d: %w", b.Number, err)
	}
	s.ledger = l
	return s, nil
}

// Ledger is the ledger id.
func (s State) Ledger() objectstore.Hash { return s.ledger.Ledger }

// Owner is the account that has every right.
func (s State) Owner() objectstore.Account { return s.ledger.Owner }

// Producer is the account that makes directory blocks.
func (s State) Producer() objectstore.Account { return s.ledger.Producer }

// Term counts the appointments of a directory producer.
func (s State) Term() uint64 { return s.ledger.Term }

// Public reports whether anybody may read.
func (s State) Public() bool { return s.ledger.Public }

// Block is the directory block after which this is the state.
func (s State) Block() Block { return s.block }

// Root is the root of the state map.
func (s State) Root() objectstore.Hash { return s.m.Root() }

// Engine is the number of the engine in force.
func (s State) Engine() (uint64, error) {
	n, ok, err := get[uint64](s, keyEngine())
	if err == nil && !ok {
		err = fmt.Errorf("state of directory block %d names no engine", s.block.Number)
	}
	return n, err
}

// Branch gives a registered branch by its id.
func (s State) Branch(id objectstore.Hash) (Branch, bool, error) {
	return get[Branch](s, keyBranch(id))
}

// BranchNamed gives a registered branch by its name.
func (s State) BranchNamed(name string) (Branch, bool, error) {
	id, ok, err := get[objectstore.Hash](s, keyName(name))
	if err != nil || !ok {
		return Branch{}, false, err
	}
	return s.Branch(id)
}

// Tag gives a tag by its name.
func (s State) Tag(name string) (Tag, bool, error) { return get[Tag](s, keyTag(name)) }

// Identity gives an identity by its name.
func (s State) Identity(name string) (Identity, bool, error) {
	return get[Identity](s, keyIdentity(name))
}

// NameOf gives the name of an account.
func (s State) NameOf(a objectstore.Account) (string, bool, error) {
	return get[string](s, keyAccount(a))
}

// Branches gives all registered branches by id.
func (s State) Branches() ([]Branch, error) { return all[Branch](s, "branch") }

// Tags gives all tags by name.
func (s State) Tags() ([]Tag, error) { return all[Tag](s, "tag") }

// Identities gives all identities by name.
func (s State) Identities() ([]Identity, error) { return all[Identity](s, "identity") }

// Roles gives all granted roles by role, pattern and account.
func (s State) Roles() ([]RoleRecord, error) { return all[RoleRecord](s, "role") }

// Includes reports whether a directory block is this state's own or one before
// it.
func (s State) Includes(block objectstore.Hash) (bool, error) {
	if block == s.block.ID {
		return true, nil
	}
	return s.hasRecord(keyBlock(block))
}

// get reads one record.
func get[T any](s State, key []any) (value T, ok bool, err error) {
	k, err := encodeKey(key)
	if err != nil {
		return value, false, nil // what is no key has no record
	}
	data, ok, err := s.value(k)
	if err != nil || !ok {
		return value, false, err
	}
	if err := wire.Unmarshal(data, &value); err != nil {
		return value, false, fmt.Errorf("directory record %q: %w", key, err)
	}
	return value, true, nil
}

func (s State) hasRecord(key []any) (bool, error) {
	k, err := encodeKey(key)
	if err != nil {
		return false, nil
	}
	_, ok, err := s.value(k)
	return ok, err
}

// all reads all records of a kind, in key order.
func all[T any](s State, kind string) (list []T, err error) {
	err = scan(s, []any{kind}, func(value T) error {
		list = append(list, value)
		return nil
	})
	return list, err
}

// scan reads the records whose keys begin with prefix, in key order.
func scan[T any](s State, prefix []any, fn func(value T) error) error {
	from, err := encodeKey(prefix)
	if err != nil {
		return err
	}
	return s.values(from, wire.KeyPrefixEnd(from), func(key, data []byte) error {
		var value T
		if err := wire.Unmarshal(data, &value); err != nil {
			return fmt.Errorf("directory record %q: %w", key, err)
		}
		return fn(value)
	})
}

// put gives the state with the records written.
func (s State) put(records []record) (State, error) {
	edits := make([]prolly.Edit, len(records))
	for i, r := range records {
		key, err := encodeKey(r.key)
		if err != nil {
			return State{}, err
		}
		edits[i].Key = key
		if r.value == nil {
			continue
		}
		if edits[i].Value, err = wire.Marshal(r.value); err != nil {
			return State{}, err
		}
	}
	if s.over == nil {
		s.over = &changes{list: edits}
		return s.settle()
	}
	for i, e := range edits {
		s.over.put(e)
		if l, ok := records[i].value.(ledgerRecord); ok {
			s.ledger = l
		}
	}
	return s, nil
}

// With gives the state with one more operation, or says why it is refused: its
// form, ledger, base, signature, a salt that was used before, an age of over
// MaxOperationLife, a right or an admin's consent that is missing, or what the
// change itself demands. at is the time of the block that would hold it, in ms
// since 1970; one before the newest block counts as that.
func (s State) With(o SignedOperation, at int64) (State, error) {
	var v signatures
	next, err := s.with(o, at, &v)
	if err := v.first(err); err != nil {
		return State{}, err
	}
	return next, nil
}

// with is With, of which v verifies the signatures.
func (s State) with(o SignedOperation, at int64, v *signatures) (State, error) {
	at = max(at, s.block.Time)
	op, change, err := DecodeOperation(o.Data)
	if err != nil {
		return State{}, err
	}
	id := o.ID()
	if err := s.fits(op, id); err != nil {
		return State{}, err
	}
	if err := s.addSeal(v, o.Seal, op.Account, sign.PurposeDirectory, id, func(err error) error {
		return s.refusal(op, id, "AG0601", "ask its author to sign it again, with his present keys", "it is not signed by its account: %w", err)
	}); err != nil {
		return State{}, err
	}
	if err := s.fresh(op, id, at); err != nil {
		return State{}, err
	}
	from := v.batch.Len()
	consents := func(err error) error {
		return fmt.Errorf("directory operation %s (%s by %s): %w", id.Short(), op.Kind, s.who(op.Account), err)
	}
	err = s.checkConsents(o, op, change, v)
	v.within(from, consents)
	if err != nil {
		return State{}, consents(err)
	}
	list, err := change.records(s, op)
	if err != nil {
		return State{}, err
	}
	return s.put(append(list, record{keySeen(op.Account, op.Salt), id}))
}

func (s State) refusal(op Operation, id objectstore.Hash, code, next, what string, args ...any) error {
	return fault.New(code, next, "directory operation %s (%s by %s): "+what, append([]any{id.Short(), op.Kind, s.who(op.Account)}, args...)...)
}

// fits checks that an operation was made on this chain.
func (s State) fits(op Operation, id objectstore.Hash) error {
	if op.Ledger != s.Ledger() {
		return s.refusal(op, id, "AG0601", "aergo status tells which ledger this is; its author makes it again for this one", "it is for another ledger, %s", op.Ledger.Short())
	}
	ok, err := s.Includes(op.Base)
	if err == nil && !ok {
		err = s.refusal(op, id, "AG0601", "fetch the directory, then try again", "it was made on a directory block that is not part of this chain, %s", op.Base.Short())
	}
	return err
}

// fresh checks that an operation did not count before and is not too old.
func (s State) fresh(op Operation, id objectstore.Hash, at int64) error {
	seen, err := s.hasRecord(keySeen(op.Account, op.Salt))
	if err != nil {
		return err
	}
	if seen {
		return s.refusal(op, id, "AG0705", "aergo dd log lists what is in force. To make the same change again, sign it anew.", "its salt was used before: an operation counts once")
	}
	if op.Created > at+maxAhead || op.Created < at-MaxOperationLife {
		return s.refusal(op, id, "AG0508", "make it anew, with a clock that is right", "it was made %d ms before its block, which is not within %d days", at-op.Created, MaxOperationLife/day)
	}
	return nil
}

// freeName checks that no registered branch has the name.
func (s State) freeName(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	b, ok, err := s.BranchNamed(name)
	if err == nil && ok {
		return fault.New("AG0703", "choose another name", "the name %s belongs to branch %s, registered by %s", name, b.ID.Short(), s.who(b.Creator))
	}
	return err
}

// mayBeProducer checks that an account may become the producer of a branch.
func (s State) mayBeProducer(a objectstore.Account, name string) error {
	if err := checkAccount("producer", a); err != nil {
		return err
	}
	if err := s.notGone(a); err != nil {
		return err
	}
	ok, err := s.holds(a, name, Producer)
	if err == nil && !ok {
		return fault.New("AG0501", fmt.Sprintf("aergo grant producer --to %s --branch %s", s.who(a), name),
			"%s cannot produce %s: the role producer is missing", s.who(a), name)
	}
	return err
}

// holders names accounts that have one of the roles on a target, for people: at
// most four, the owner last. It reads no more than it names.
func (s State) holders(target string, roles ...Role) string {
	const most = 3
	var names []string
	for _, pattern := range covering(target) {
		for _, r := range roles {
			err := scan(s, []any{"role", string(r), pattern}, func(g RoleRecord) error {
				if g.Account != s.Owner() && len(names) < most {
					names = append(names, s.who(g.Account))
				}
				if len(names) == most {
					return errEnough
				}
				return nil
			})
			if len(names) == most || err != nil && !errors.Is(err, errEnough) { // unreadable: the denial stands without the names
				return strings.Join(append(names, s.who(s.Owner())), ", ")
			}
		}
	}
	return strings.Join(append(names, s.who(s.Owner())), ", ")
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// who names an account for people.
func (s State) who(a objectstore.Account) string {
	if name, ok, err := s.NameOf(a); err == nil && ok {
		return name
	}
	return string(a)
}
