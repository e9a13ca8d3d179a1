package sqlcontract

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// TransactionKind says what a transaction does.
type TransactionKind uint8

// The kinds of transactions. A patch brings the rows of a merge by cell
// (Header.OfMerge), or reverts: then it lists cells with their expected values.
const (
	KindCall   TransactionKind = 1
	KindDeploy TransactionKind = 2
	KindPatch  TransactionKind = 3
)

// AnyBranch is the written-out scope of a transaction that may first run on
// any branch of its ledger.
const AnyBranch = "any"

// Header is the hashed part of a transaction. Its id is
// Sum(KindTransaction, canonical CBOR): signatures and arguments stand beside
// it, so that an id survives a second signature and an erased argument. By which
// keys an account signs is hashed: one id cannot stand under keys of before and
// after a change, of which a block admits one only.
type Header struct {
	Version       uint64              `cbor:"1,keyasint"`
	Kind          TransactionKind     `cbor:"2,keyasint"`
	Ledger        objectstore.Hash    `cbor:"3,keyasint"`
	Branch        []byte              `cbor:"4,keyasint"` // 32-byte branch id, or the three bytes of AnyBranch
	Contract      string              `cbor:"5,keyasint"`
	Action        string              `cbor:"6,keyasint"` // of a call; empty otherwise
	Arguments     objectstore.Hash    `cbor:"7,keyasint"` // Sum(KindArguments, blind, argument bytes)
	Account       objectstore.Account `cbor:"8,keyasint"`
	Salt          objectstore.Hash    `cbor:"9,keyasint"`
	Created       int64               `cbor:"10,keyasint"` // ms since 1970
	Expiry        int64               `cbor:"11,keyasint"` // ms since 1970, mandatory
	Preconditions []Precondition      `cbor:"12,keyasint,omitempty"`
	GasLimit      uint64              `cbor:"13,keyasint"`
	Fee           uint64              `cbor:"14,keyasint,omitempty"` // zero in engine 1
	Payer         objectstore.Account `cbor:"15,keyasint,omitempty"` // empty in engine 1
	Stays         bool                `cbor:"16,keyasint,omitempty"` // never leaves its branch by a merge
	Provenance    []byte              `cbor:"17,keyasint,omitempty"` // hash of the private transaction that this one publishes
	Extensions    wire.Extensions     `cbor:"18,keyasint,omitempty"`
	By            objectstore.Account `cbor:"19,keyasint,omitempty"` // whose first keys sign, where they are not the account's own first
}

// OfMerge tells whether this is the patch of a merge by cell, which stands last
// in the merge block that it was made for. Any other patch is a revert.
func (h Header) OfMerge() bool { return h.Kind == KindPatch && h.Contract == systemMerge }

// Transaction is a transaction as it arrives: nothing in it has been checked.
// Verify turns it into a VerifiedTransaction.
type Transaction struct {
	Data      []byte // canonical CBOR of Header
	Seal      []byte // canonical CBOR of the signatures
	Blind     []byte // 32 random bytes, or nil when the arguments are erased
	Arguments []byte // canonical CBOR map name -> value, or nil when erased
}

type besideTransaction struct {
	_         struct{} `cbor:",toarray"`
	Seal      []byte
	Blind     []byte
	Arguments []byte
}

// ID is the transaction's id.
func (t Transaction) ID() objectstore.Hash {
	return objectstore.Sum(objectstore.KindTransaction, t.Data)
}

// Leaf is the form in which a block's transaction list keeps it: the header is
// hashed, seal and arguments stand beside.
func (t Transaction) Leaf() (objectstore.Leaf, error) {
	beside, err := wire.Marshal(besideTransaction{Seal: t.Seal, Blind: t.Blind, Arguments: t.Arguments})
	if err != nil {
		return objectstore.Leaf{}, fmt.Errorf("encoding transaction %s: %w", t.ID().Short(), err)
	}
	return objectstore.Leaf{Data: t.Data, Beside: beside}, nil
}

// Erased tells whether its arguments are gone.
func (t Transaction) Erased() bool { return len(t.Blind) == 0 && len(t.Arguments) == 0 }

// Bare is the transaction without its arguments, as if they were erased.
func (t Transaction) Bare() Transaction {
	t.Blind, t.Arguments = nil, nil
	return t
}

// FromLeaf reads a transaction from a block's list. It is as unverified as one
// that arrives from elsewhere.
func FromLeaf(l objectstore.Leaf) (Transaction, error) {
	var b besideTransaction
	if len(l.Data)+len(l.Beside) > maxTransaction {
		return Transaction{}, fmt.Errorf("a transaction of %d bytes is over the limit of %d", len(l.Data)+len(l.Beside), maxTransaction)
	}
	if err := wire.Unmarshal(l.Beside, &b); err != nil {
		return Transaction{}, fmt.Errorf("decoding what stands beside a transaction: %w", err)
	}
	return Transaction{Data: l.Data, Seal: b.Seal, Blind: b.Blind, Arguments: b.Arguments}, nil
}

// Args decodes the arguments without checking them against anything; nil when
// they are erased.
func (t Transaction) Args() (map[string]any, error) {
	if t.Erased() {
		return nil, nil
	}
	return decodeArguments(t.Arguments)
}

// Request is what a caller wants done; New signs it.
type Request struct {
	Kind     TransactionKind
	Ledger   objectstore.Hash
	Branch   objectstore.Hash // zero: any branch
	Contract string
	Action   string
	Args     map[string]any // nil, int64, string or []byte
	Account  objectstore.Account
	Keys     []byte           // canonical descriptor by which the account signs; nil: its key alone
	Salt     objectstore.Hash // zero: random
	Created  time.Time
	Expiry   time.Time // zero: DefaultLife after Created
	GasLimit uint64    // zero: DefaultGas
	Stays    bool

	Preconditions []Precondition
	Provenance    objectstore.Hash // of a private branch, the transaction that this one publishes; zero: none
}

// New makes and signs a transaction, see Verifier.Sign.
func New(r Request, key crypto.Signer, random io.Reader) (Transaction, error) {
	t, err := (&Verifier{ledger: r.Ledger}).Sign(r, key, random)
	return t.raw, err
}

// Sign makes and signs a transaction for the account of one key. What it has
// signed itself is verified: nothing is checked twice. random gives the blind
// and, where none is set, the salt; nil means crypto/rand.
func (v *Verifier) Sign(r Request, key crypto.Signer, random io.Reader) (VerifiedTransaction, error) {
	fail := func(err error) (VerifiedTransaction, error) { return VerifiedTransaction{}, err }
	t, err := v.unsigned(r, random)
	if err != nil {
		return fail(err)
	}
	sig, err := sign.Sign(key, sign.PurposeTransaction, r.Ledger, t.id)
	if err != nil {
		return fail(fmt.Errorf("signing a transaction: %w", err))
	}
	seal := sign.Seal{Signatures: []sign.Signature{sig}}
	if r.Keys != nil {
		d, err := sign.ParseDescriptor(r.Keys)
		if err == nil {
			seal, err = sign.MakeSeal(d, sig)
		}
		if err != nil {
			return fail(notSigned(t, err))
		}
	}
	if t.keys, err = v.match(seal, r.Account, t.header.By); err != nil {
		return fail(notSigned(t, err))
	}
	if t.raw.Seal, err = seal.Bytes(); err != nil {
		return fail(fmt.Errorf("encoding a signature: %w", err))
	}
	if err := t.checkSize(); err != nil {
		return fail(err)
	}
	return t, nil
}

// IdempotencySalt is the salt that makes a second transaction with the same
// key count as a repetition of the first.
func IdempotencySalt(ledger objectstore.Hash, contract, action, key string) (objectstore.Hash, error) {
	b, err := wire.AppendRow(nil, []any{ledger[:], contract, action, key})
	if err != nil {
		return objectstore.Hash{}, fmt.Errorf("idempotency key %q: %w", key, err)
	}
	return objectstore.Sum(objectstore.KindSalt, b), nil
}

// VerifiedTransaction is a transaction whose form, ledger, arguments and
// signatures are good. Whether it may run where it arrives is the executor's
// question. Only Verify makes one.
type VerifiedTransaction struct {
	id     objectstore.Hash
	header Header
	args   map[string]any // nil when erased
	raw    Transaction
	keys   []byte // by which it is signed, see Keys
}

// ID is the transaction's id.
func (t VerifiedTransaction) ID() objectstore.Hash { return t.id }

// Header is the hashed part.
func (t VerifiedTransaction) Header() Header { return t.header }

// Arguments are the decoded arguments; nil when they are erased.
func (t VerifiedTransaction) Arguments() map[string]any { return t.args }

// Raw is the transaction as it arrived.
func (t VerifiedTransaction) Raw() Transaction { return t.raw }

// Bare is the transaction without its arguments, as if they were erased.
func (t VerifiedTransaction) Bare() VerifiedTransaction {
	t.args, t.raw = nil, t.raw.Bare()
	return t
}

// Keys is the canonical descriptor by which it is signed; nil for the first one
// of its account, which the address is the hash of. Whether they are the
// account's present keys where it runs is Block.May's to say.
func (t VerifiedTransaction) Keys() []byte { return t.keys }

// BranchID is the branch the transaction is bound to; zero for any.
func (t VerifiedTransaction) BranchID() objectstore.Hash {
	var h objectstore.Hash
	if len(t.header.Branch) == len(h) {
		copy(h[:], t.header.Branch)
	}
	return h
}

// Verifier checks the transactions of one ledger. It remembers keys, which makes
// later signatures by them cheaper. It may be used by several goroutines.
type Verifier struct {
	ledger objectstore.Hash
	keys   *sign.KeyCache
	// had tells whether an account has ever signed by a descriptor that is not
	// its first; nil: none has.
	had func(account objectstore.Account, descriptor []byte) (bool, error)

	// known remembers which account a key has, since computing an address costs
	// more than all else in a check but the curve. Keys are [32]byte, plain keys
	// only, values objectstore.Account; remembered counts them.
	known      sync.Map
	remembered atomic.Int64
}

// match is the cheap half of a signature's check: the seal is of this account,
// by its first keys (nil) or by those that it gives, as the header says (by).
func (v *Verifier) match(seal sign.Seal, account, by objectstore.Account) ([]byte, error) {
	// A hardware key is longer, and its point alone says nothing about the account.
	single := len(seal.Signatures) == 1 && len(seal.Descriptor) == 0 && seal.Signatures[0].Plain()
	if single && by == "" {
		if known, ok := v.known.Load([32]byte(seal.Signatures[0].Key)); ok && known == account {
			return nil, nil
		}
	}
	d, err := seal.Describe()
	if err != nil {
		return nil, err
	}
	if by == account {
		return nil, errors.New("it names the account's first keys, which need no name")
	}
	got, want := objectstore.Account(sign.AccountOf(d)), account
	if by != "" {
		want = by
	}
	if got != want {
		return nil, fmt.Errorf("the signatures are by the keys of account %s, not of %s: who has other keys now signs anew", got, want)
	}
	if got != account {
		err := fmt.Errorf("the signatures are by account %s, not %s", got, account)
		if v.had == nil {
			return nil, err
		}
		if had, trouble := v.had(account, d.Bytes()); !had || trouble != nil {
			return nil, errors.Join(err, trouble)
		}
		return d.Bytes(), seal.Satisfies(d)
	}
	if err := seal.Satisfies(d); err != nil {
		return nil, err
	}
	if single && v.remembered.Load() < rememberedKeys {
		v.known.Store([32]byte(seal.Signatures[0].Key), account)
		v.remembered.Add(1)
	}
	return nil, nil
}

// SignedBy gives the keys that the seal of a transaction of an account names, as
// VerifiedTransaction.Keys does, without checking the signatures: for one that a
// block holds, which has been verified.
func (v *Verifier) SignedBy(account, by objectstore.Account, seal []byte) ([]byte, error) {
	s, err := sign.ParseSeal(seal)
	if err != nil {
		return nil, err
	}
	return v.match(s, account, by)
}

// NewVerifier makes a Verifier for a ledger.
func NewVerifier(ledger objectstore.Hash) *Verifier {
	return &Verifier{ledger: ledger, keys: sign.NewKeyCache(rememberedKeys)}
}

// Had lets the Verifier take signatures by keys that an account got later, or
// had before: the directory knows (dd.State.Had). Transactions say by which keys
// they are signed (VerifiedTransaction.Keys); whether those count is the
// executor's question. It is set before the first use.
func (v *Verifier) Had(had func(account objectstore.Account, descriptor []byte) (bool, error)) *Verifier {
	v.had = had
	return v
}

// Verify checks one transaction.
func (v *Verifier) Verify(t Transaction) (VerifiedTransaction, error) {
	good, errs := v.VerifyAll([]Transaction{t})
	return good[0], errs[0]
}

// VerifyAll checks many at about a quarter of the cost each, on all processors.
// Answer i belongs to transaction i; where errs[i] is not nil, good[i] is empty.
func (v *Verifier) VerifyAll(ts []Transaction) (good []VerifiedTransaction, errs []error) {
	good, errs = make([]VerifiedTransaction, len(ts)), make([]error, len(ts))
	batch := sign.Batch{Keys: v.keys}
	var owner []int // owner[i] is the transaction that signature i of the batch belongs to
	for i, t := range ts {
		d, err := decode(v.ledger, t)
		if err != nil {
			errs[i] = err
			continue
		}
		seal, err := sign.ParseSeal(t.Seal)
		if err == nil {
			d.keys, err = v.match(seal, d.header.Account, d.header.By)
		}
		if err != nil {
			errs[i] = notSigned(d, err)
			continue
		}
		seal.AddTo(&batch, sign.PurposeTransaction, v.ledger, d.id)
		for range seal.Signatures {
			owner = append(owner, i)
		}
		good[i] = d
	}
	err := batch.Verify()
	var bad *sign.BatchError
	if errors.As(err, &bad) {
		for _, place := range bad.Bad {
			i := owner[place]
			errs[i] = notSigned(good[i], errors.New("a signature is not valid"))
		}
	} else if err != nil {
		for i := range errs {
			errs[i] = errors.Join(errs[i], err)
		}
	}
	for i := range errs {
		if errs[i] != nil {
			good[i] = VerifiedTransaction{}
		}
	}
	return good, errs
}

func notSigned(t VerifiedTransaction, err error) error {
	return fault.New("AG0601", "", "transaction %s is not signed by its account %s: %w", t.id.Short(), t.header.Account, err)
}

// Verify checks one transaction for a ledger. A Verifier is faster for many.
func Verify(ledger objectstore.Hash, t Transaction) (VerifiedTransaction, error) {
	return (&Verifier{ledger: ledger}).Verify(t)
}

// DecodeHeader reads the hashed part of a transaction without checking it
// against anything.
func DecodeHeader(data []byte) (Header, error) {
	var h Header
	if len(data) > maxTransaction {
		return Header{}, fmt.Errorf("a transaction of %d bytes is over the limit of %d", len(data), maxTransaction)
	}
	if err := wire.Unmarshal(data, &h); err != nil {
		return Header{}, fmt.Errorf("decoding a transaction: %w", err)
	}
	return h, nil
}

// decode checks everything but the signatures. That the account is one follows
// from the signatures, which match it.
func decode(ledger objectstore.Hash, t Transaction) (VerifiedTransaction, error) {
	v := VerifiedTransaction{id: t.ID(), raw: t}
	if err := v.checkSize(); err != nil {
		return VerifiedTransaction{}, err
	}
	if err := wire.Unmarshal(t.Data, &v.header); err != nil {
		return VerifiedTransaction{}, v.bad("its header cannot be read: %w", err)
	}
	if len(t.Blind) > 0 || len(t.Arguments) > 0 { // else erased: verifiable by hash, not executable
		if len(t.Blind) != blindSize || objectstore.Sum(objectstore.KindArguments, t.Blind, t.Arguments) != v.header.Arguments {
			return VerifiedTransaction{}, v.bad("its arguments are not the ones that were signed")
		}
		var err error
		if v.args, err = decodeArguments(t.Arguments); err != nil {
			return VerifiedTransaction{}, v.bad("%w", err)
		}
	}
	if err := v.checkForm(ledger); err != nil {
		return VerifiedTransaction{}, err
	}
	if v.header.Kind == KindPatch && !v.header.OfMerge() && v.args != nil {
		if err := v.header.checkRevert(v.args); err != nil {
			return VerifiedTransaction{}, v.bad("%w", err)
		}
	}
	return v, nil
}

func (v VerifiedTransaction) bad(what string, args ...any) error {
	return fault.New("AG0602", "", "transaction %s: "+what, append([]any{v.id.Short()}, args...)...)
}

func (v VerifiedTransaction) checkSize() error {
	if n := len(v.raw.Data) + len(v.raw.Seal) + len(v.raw.Arguments); n > maxTransaction {
		return v.bad("it has %d bytes, %d are allowed", n, maxTransaction)
	}
	return nil
}

// checkForm is every rule for a header that needs no other object.
func (v VerifiedTransaction) checkForm(ledger objectstore.Hash) error {
	h := v.header
	switch {
	case h.Version != 1:
		return v.bad("version %d is unknown to this program", h.Version)
	case h.Kind < KindCall || h.Kind > KindPatch:
		return v.bad("kind %d is unknown to this program", h.Kind)
	case h.Ledger != ledger:
		return v.bad("it belongs to ledger %s, this is %s", h.Ledger.Short(), ledger.Short())
	case len(h.Branch) != len(objectstore.Hash{}) && !bytes.Equal(h.Branch, []byte(AnyBranch)):
		return v.bad("its branch is neither an id nor %q", AnyBranch)
	case len(h.Contract) == 0 || len(h.Contract) > maxName || len(h.Action) > maxName:
		return v.bad("its contract or action name is missing or too long")
	case h.Kind == KindCall && h.Action == "", h.Kind != KindCall && h.Action != "":
		return v.bad("a call names an action, nothing else does")
	case h.Created < 0 || h.Expiry <= h.Created || h.Expiry-h.Created > MaxLife.Milliseconds():
		return v.bad("its expiry is not within %d days after its creation", int(MaxLife.Hours()/24))
	case h.GasLimit == 0 || h.GasLimit > MaxGas:
		return v.bad("its gas limit %d is not between 1 and %d", h.GasLimit, uint64(MaxGas))
	case h.Fee != 0 || h.Payer != "":
		return v.bad("fees are not in force on this ledger")
	case len(h.Preconditions) > maxPreconditions:
		return v.bad("it has %d preconditions, %d are allowed", len(h.Preconditions), maxPreconditions)
	case len(h.Provenance) != 0 && len(h.Provenance) != len(objectstore.Hash{}):
		return v.bad("its provenance is not a hash")
	}
	if err := h.Extensions.Check(nil); err != nil {
		return v.bad("%w", err)
	}
	for _, p := range h.Preconditions {
		if err := p.check(); err != nil {
			return v.bad("%w", err)
		}
	}
	return nil
}

// encodeArguments gives the canonical CBOR map of arguments.
func encodeArguments(args map[string]any) ([]byte, error) {
	if args == nil {
		args = map[string]any{}
	}
	if len(args) > maxArguments {
		return nil, fault.New("AG0403", "", "a transaction has at most %d arguments, not %d", maxArguments, len(args))
	}
	for name, v := range args {
		switch v.(type) {
		case nil, int64, string, []byte:
		default:
			return nil, fault.New("AG0403", "Arguments are INTEGER, TEXT, BLOB or NULL.", "argument %s has type %T", name, v)
		}
	}
	b, err := wire.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("encoding arguments: %w", err)
	}
	return b, nil
}

func decodeArguments(b []byte) (map[string]any, error) {
	var m map[string]any
	if err := wire.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("its arguments cannot be read: %w", err)
	}
	if len(m) > maxArguments {
		return nil, fmt.Errorf("it has %d arguments, %d are allowed", len(m), maxArguments)
	}
	for name, v := range m {
		switch v.(type) {
		case nil, int64, string, []byte:
		default:
			return nil, fmt.Errorf("argument %s is neither INTEGER, TEXT, BLOB nor NULL", name)
		}
	}
	return m, nil
}
