package dd

import (
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Statement is a head statement: it says what of a branch is published. Its id
// is Sum(KindHeadStatement, canonical CBOR); the producer's signature is its
// seal.
type Statement struct {
	Version   uint64              `cbor:"1,keyasint"` // 1
	Ledger    objectstore.Hash    `cbor:"2,keyasint"`
	Branch    objectstore.Hash    `cbor:"3,keyasint"`
	Epoch     uint64              `cbor:"4,keyasint"` // of the branch at Directory; 0 if it is not registered
	Sequence  uint64              `cbor:"5,keyasint"` // from 1 in each epoch, never down
	Block     objectstore.Hash    `cbor:"6,keyasint"`
	Time      int64               `cbor:"7,keyasint"` // ms since 1970
	Expiry    int64               `cbor:"8,keyasint"` // ms since 1970
	Directory objectstore.Hash    `cbor:"9,keyasint"` // the directory block by which Producer may say so
	Producer  objectstore.Account `cbor:"10,keyasint"`
	// Extensions: an unknown odd key is ignored, an even one refused.
	Extensions map[uint64]cbor.RawMessage `cbor:"11,keyasint,omitempty"`
}

// ID is the statement's id.
func (st Statement) ID() (objectstore.Hash, error) {
	data, err := wire.Marshal(st)
	return objectstore.Sum(objectstore.KindHeadStatement, data), err
}

// Encode gives the canonical bytes, an object of KindHeadStatement.
func (st Statement) Encode() ([]byte, error) { return wire.Marshal(st) }

// Expired reports whether the statement is too old at a time (ms since 1970).
func (st Statement) Expired(now int64) bool { return now > st.Expiry }

// DecodeStatement reads a head statement from foreign bytes and checks its form.
func DecodeStatement(data []byte) (Statement, error) {
	var st Statement
	if err := wire.UnmarshalLimit(data, &st, MaxStatement); err != nil {
		return Statement{}, fmt.Errorf("head statement: %w", err)
	}
	bad := func(what string, args ...any) (Statement, error) {
		return Statement{}, fmt.Errorf("head statement: "+what, args...)
	}
	switch {
	case st.Version != 1:
		return bad("version %d is not known, only 1", st.Version)
	case st.Ledger.IsZero() || st.Branch.IsZero() || st.Block.IsZero() || st.Directory.IsZero():
		return bad("ledger, branch, block and directory are not zero")
	case st.Sequence == 0 || st.Sequence > MaxTime || st.Epoch > MaxTime:
		return bad("epoch %d, sequence %d: sequences count from 1", st.Epoch, st.Sequence)
	case st.Time < 0 || st.Time > MaxTime || st.Expiry <= st.Time || st.Expiry-st.Time > MaxStatementLife:
		return bad("it is valid from %d to %d; at most %d ms are allowed", st.Time, st.Expiry, int64(MaxStatementLife))
	}
	if err := checkAccount("producer", st.Producer); err != nil {
		return bad("%w", err)
	}
	if err := wire.Extensions(st.Extensions).Check(nil); err != nil {
		return bad("%w", err)
	}
	return st, nil
}

// VerifyStatement checks a decoded statement against the state after the
// directory block that it names: its epoch, its producer's right and signature.
// For a branch that is not registered local gives Name, Creator and Salt. Its
// expiry, and whether it is the newest, are further questions: Expired, Follows.
func VerifyStatement(s State, st Statement, seal []byte, local Question) error {
	bad := func(what string, args ...any) error {
		return fault.New("AG0601", "ask its producer for a new proof", "head statement %d of branch %s: "+what, append([]any{st.Sequence, st.Branch.Short()}, args...)...)
	}
	if st.Ledger != s.Ledger() {
		return bad("it is of another ledger, %s", st.Ledger.Short())
	}
	if st.Directory != s.block.ID {
		return bad("it names directory block %s, not %s", st.Directory.Short(), s.block.ID.Short())
	}
	b, _, err := s.Branch(st.Branch)
	if err != nil {
		return err
	}
	if st.Epoch != b.Epoch { // 0 where it is not registered
		return bad("it is of epoch %d, the branch is in epoch %d", st.Epoch, b.Epoch)
	}
	local.Account, local.Right, local.Branch = st.Producer, RightProduce, st.Branch
	if err := Decide(s, local); err != nil {
		return bad("%w", err)
	}
	id, err := st.ID()
	if err != nil {
		return err
	}
	if err := s.checkSeal(seal, st.Producer, sign.PurposeHead, id); err != nil {
		return bad("it is not signed by its producer %s: %w", s.who(st.Producer), err)
	}
	return nil
}

// Equivocation reports whether two verified statements contradict each other:
// one (branch, epoch, sequence) and two blocks. Both together prove that their
// producer signed two histories.
func Equivocation(a, b Statement) bool {
	return a.Ledger == b.Ledger && a.Branch == b.Branch && a.Epoch == b.Epoch && a.Sequence == b.Sequence && a.Block != b.Block
}

// Follows checks a verified statement against the newest one known of its
// branch: epoch and sequence never go down (AG0605), and two of one sequence
// name one block (AG0606). That the newer block descends from the older is the
// history's to say.
func (st Statement) Follows(known Statement) error {
	if st.Ledger != known.Ledger || st.Branch != known.Branch {
		return fmt.Errorf("head statements of the branches %s and %s are not comparable", st.Branch.Short(), known.Branch.Short())
	}
	if Equivocation(st, known) {
		return fault.New("AG0606", "keep both statements and ask an admin of the ledger",
			"producer %s published two heads of branch %s as number %d: %s and %s",
			st.Producer, st.Branch.Short(), st.Sequence, known.Block.Short(), st.Block.Short())
	}
	if st.Epoch < known.Epoch || st.Epoch == known.Epoch && st.Sequence < known.Sequence {
		return fault.New("AG0605", "fetch from another peer", "the head of branch %s was rolled back: statement %d of epoch %d after %d of epoch %d",
			st.Branch.Short(), st.Sequence, st.Epoch, known.Sequence, known.Epoch)
	}
	return nil
}

// LatestStatement reads the newest head statement of a branch with its seal, or
// fails with objectstore.ErrNotFound.
func (d *Directory) LatestStatement(id objectstore.Hash) (Statement, []byte, error) {
	h, err := readHash(d.refs, refStatement+id.String())
	if err != nil {
		return Statement{}, nil, err
	}
	return d.statement(h)
}

// Statements gives the branches that have a head statement, in order of id.
func (d *Directory) Statements() ([]objectstore.Hash, error) {
	var ids []objectstore.Hash
	err := d.refs.Refs(refStatement, func(name string, _ []byte) error {
		id, err := objectstore.ParseHash(strings.TrimPrefix(name, refStatement))
		if err != nil {
			return fmt.Errorf("the name of a head statement, %q: %w", name, err)
		}
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// MakeStatement says that block is the published head of a branch from now (ms
// since 1970) until life (ms) later, and puts that into a batch. A statement
// that says so already and is valid at now is given back, and nothing is put.
// A contested branch has none (CheckContested).
// For a branch that is not registered local gives Name, Creator and Salt.
func (d *Directory) MakeStatement(b objectstore.Batch, id objectstore.Hash, block objectstore.Hash, now, life int64, local Question, descriptor []byte, signers ...crypto.Signer) (Statement, []byte, error) {
	fail := func(err error) (Statement, []byte, error) { return Statement{}, nil, err }
	s, err := d.Head()
	if err != nil {
		return fail(err)
	}
	account, desc, err := s.signer(descriptor, signers)
	if err != nil {
		return fail(err)
	}
	if err := d.CheckContested(s, id); err != nil {
		return fail(err)
	}
	record, _, err := s.Branch(id)
	if err != nil {
		return fail(err)
	}
	st := Statement{Version: 1, Ledger: s.Ledger(), Branch: id, Epoch: record.Epoch, Sequence: 1, Block: block,
		Time: now, Expiry: now + life, Directory: s.block.ID, Producer: account}
	last, lastSeal, err := d.LatestStatement(id)
	switch {
	case err == nil && last.Epoch == st.Epoch && last.Block == block && last.Producer == account && !last.Expired(now):
		return last, lastSeal, nil
	case err == nil && last.Epoch == st.Epoch:
		st.Sequence = last.Sequence + 1
	case err != nil && !errors.Is(err, objectstore.ErrNotFound):
		return fail(err)
	}
	data, err := st.Encode()
	if err != nil {
		return fail(err)
	}
	if _, err := DecodeStatement(data); err != nil {
		return fail(err)
	}
	sid, err := st.ID()
	if err != nil {
		return fail(err)
	}
	seal, err := makeSeal(desc, sign.PurposeHead, st.Ledger, sid, signers)
	if err != nil {
		return fail(fmt.Errorf("sign head statement: %w", err))
	}
	if err := VerifyStatement(s, st, seal, local); err != nil {
		return fail(err)
	}
	return st, seal, d.PutStatement(b, st, seal)
}
