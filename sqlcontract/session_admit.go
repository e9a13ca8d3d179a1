package sqlcontract

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// forget deletes the seen rows of transactions that can no longer run.
func (s *Session) forget() error {
	gone, err := expired(s.base, s.block.Time)
	if err != nil {
		return err
	}
	db, err := s.touch(systemSeen)
	if err != nil || len(gone) == 0 {
		return err
	}
	for _, e := range gone {
		s.overlay[string(e.key)] = &RowChange{Key: e.key, Old: e.value}
	}
	st, err := db.own("DELETE FROM seen WHERE day < ?1")
	if err != nil {
		return err
	}
	return db.run(st, day(s.block.Time))
}

// expired lists the rows of aergo_seen whose expiry day is before that of a
// block's time.
func expired(state *prolly.Map, ms int64) ([]entry, error) {
	from := tablePrefix(systemSeen, "seen")
	to := wire.AppendKeyInt(slices.Clone(from), day(ms))
	var gone []entry
	err := state.Scan(from, to, func(key, value []byte) error {
		gone = append(gone, entry{bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for expired transactions: %w", err)
	}
	return gone, nil
}

// admit decides whether a transaction may be in this block at all. known tells
// that an earlier merge has excluded it.
func (s *Session) admit(tx VerifiedTransaction) (known bool, err error) {
	if err := s.inScope(tx); err != nil {
		return false, err
	}
	h := tx.header
	id := tx.id.Short()
	seen, status, err := s.seen(h.Account, h.Salt)
	if err != nil {
		return false, err
	}
	if status != 0 && seen != tx.id {
		return false, fault.New("AG0434", "Use another idempotency key, or look at the first one: aergo show "+seen.Short(), "the salt of transaction %s was used before, by transaction %s with other content", id, seen.Short())
	}
	if status != 0 && !(status == StatusExcluded && s.block.Again) {
		return false, fault.New("AG0432", "Look at its receipt: aergo show "+seen.Short(), "transaction %s has run before, its verdict was: %s", id, status)
	}
	if err := s.may(tx); err != nil {
		return false, err
	}
	if tx.args == nil {
		return false, fault.New("AG0435", "", "the arguments of transaction %s have been erased, it cannot run", id)
	}
	return status != 0, nil
}

// A signer is an account and the keys it signs by.
type signer struct {
	account objectstore.Account
	keys    string
}

// may asks Block.May about each signer once.
func (s *Session) may(tx VerifiedTransaction) error {
	if s.block.May == nil {
		if tx.keys != nil {
			return fault.New("AG0506", "", "transaction %s is signed by later keys, and nobody knows whether they count here", tx.id.Short())
		}
		return nil
	}
	who := signer{tx.header.Account, string(tx.keys)}
	answer, known := s.allowed[who]
	if !known {
		answer = s.block.May(who.account, tx.keys)
		s.allowed[who] = answer
	}
	return answer
}

// inScope decides by the transaction's header and the block alone.
func (s *Session) inScope(tx VerifiedTransaction) error {
	h := tx.header
	id := tx.id.Short()
	if s.block.Time > h.Expiry {
		return fault.New("AG0431", "Sign the call again.", "transaction %s expired at %s", id, moment(h.Expiry))
	}
	if h.Expiry-s.block.Time > MaxLife.Milliseconds() {
		return fault.New("AG0431", "Check the clock of the signer.", "transaction %s expires at %s, more than %d days after the block's time", id, moment(h.Expiry), int(MaxLife.Hours()/24))
	}
	if b := tx.BranchID(); !b.IsZero() && b != s.block.Branch && !s.block.Merge {
		return fault.New("AG0433", "Sign it for this branch, or merge the branch it ran on.", "transaction %s is bound to branch %s and this is branch %s", id, b.Short(), s.block.Branch.Short())
	}
	return nil
}

// moment shows a time in ms.
func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// NotAdmitted tells whether an error of Run or RunIf is a refusal to take the
// transaction into this block: nothing was recorded, and the session goes on.
func NotAdmitted(err error) bool {
	f := fault.Of(err)
	if f == nil {
		return false
	}
	switch f.ID {
	case "AG0431", "AG0432", "AG0433", "AG0434", "AG0435", "AG0436":
		return true
	}
	return len(f.ID) == 6 && f.ID[:4] == "AG05"
}

// preconditions checks a transaction's preconditions on the state it meets. The
// failure names the first that does not hold by its position from 1.
func (s *Session) preconditions(tx VerifiedTransaction) error {
	for i, p := range tx.header.Preconditions {
		ok, err := s.precondition(p)
		if err != nil {
			return err
		}
		if !ok {
			return fail("AG0430", fmt.Sprint(i+1))
		}
	}
	return nil
}

func (s *Session) precondition(p Precondition) (bool, error) {
	switch p.Kind {
	case RowIs, RowAbsent:
		value, ok, err := s.get(p.Key)
		if err != nil || !ok {
			return p.Kind == RowAbsent, err
		}
		h := objectstore.Sum(objectstore.KindRow, value)
		return p.Kind == RowIs && bytes.Equal(h[:], p.Hash), nil
	case CodeIs:
		d, err := s.find(p.Named)
		return d != nil && bytes.Equal(d.contract.Code[:], p.Hash), err
	case AfterTxHas:
		db, err := s.touch(systemSeen)
		if err != nil {
			return false, err
		}
		// An index that only this needs would cost every transaction a quarter of
		// its insert, so the file gets it at the first use.
		if err := db.conn.Exec("CREATE INDEX IF NOT EXISTS seen_id ON seen(id)"); err != nil {
			return false, err
		}
		st, err := db.own("SELECT 1 FROM seen WHERE id = ?1 AND verdict = 1")
		if err != nil {
			return false, err
		}
		return db.exists(st, p.Hash)
	}
	return false, nil
}

// HasSeen tells whether this very transaction has taken effect, this block
// included.
func (s *Session) HasSeen(tx VerifiedTransaction) (bool, error) {
	id, _, ok, err := s.Seen(tx.header.Account, tx.header.Salt)
	return ok && id == tx.id, err
}

// Seen tells which transaction of this account and salt has taken effect, this
// block included.
func (s *Session) Seen(account objectstore.Account, salt objectstore.Hash) (tx objectstore.Hash, status Status, ok bool, err error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if s.ended {
		return tx, 0, false, errors.New("looking for a transaction: the block is committed or given up")
	}
	tx, status, err = s.seen(account, salt)
	return tx, status, status != 0, err
}

// sighting is what aergo_seen says of an account's salt.
type sighting struct {
	account objectstore.Account
	salt    objectstore.Hash
	id      objectstore.Hash
	status  Status
}

// seen looks a salt up. The last answer is kept until a row is written: who asks
// whether a transaction has run mostly runs it next.
func (s *Session) seen(account objectstore.Account, salt objectstore.Hash) (objectstore.Hash, Status, error) {
	if last := s.sighted; last != nil && last.account == account && last.salt == salt {
		return last.id, last.status, nil
	}
	db, err := s.touch(systemSeen)
	if err != nil {
		return objectstore.Hash{}, 0, err
	}
	id, status, err := seenIn(db, account, salt)
	if err == nil {
		s.sighted = &sighting{account, salt, id, status}
	}
	return id, status, err
}

func seenIn(db *database, account objectstore.Account, salt objectstore.Hash) (id objectstore.Hash, status Status, err error) {
	st, err := db.own("SELECT id, verdict FROM seen WHERE account = ?1 AND salt = ?2")
	if err != nil {
		return id, 0, err
	}
	if err := errors.Join(st.BindText(1, string(account)), st.BindBlob(2, salt[:])); err != nil {
		return id, 0, err
	}
	row, err := st.Step()
	if row {
		copy(id[:], st.ColumnView(0))
		status = Status(st.ColumnInt64(1))
	}
	return id, status, errors.Join(err, st.Reset())
}
