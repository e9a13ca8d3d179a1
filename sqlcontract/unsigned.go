package sqlcontract

import (
	"crypto/rand"
	"fmt"
	"io"
	"maps"

	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Unsigned makes a transaction that nobody has signed: for an account of several
// keys, whose signatures are collected. What is signed is its id, for the purpose
// transaction; with the account's seal it is whole, and Verify takes it. random is
// as for Verifier.Sign.
func Unsigned(r Request, random io.Reader) (Transaction, error) {
	t, err := (&Verifier{ledger: r.Ledger}).unsigned(r, random)
	return t.raw, err
}

// ReadUnsigned checks everything of a foreign transaction but its signatures, and
// gives what it asks for. The arguments are nil where they are erased.
func ReadUnsigned(ledger objectstore.Hash, t Transaction) (Header, map[string]any, error) {
	v, err := decode(ledger, t)
	return v.header, v.args, err
}

// unsigned makes a transaction without its seal.
func (v *Verifier) unsigned(r Request, random io.Reader) (VerifiedTransaction, error) {
	fail := func(err error) (VerifiedTransaction, error) { return VerifiedTransaction{}, err }
	if random == nil {
		random = rand.Reader
	}
	blind := make([]byte, blindSize)
	if _, err := io.ReadFull(random, blind); err != nil {
		return fail(fmt.Errorf("reading randomness for a transaction: %w", err))
	}
	if r.Salt.IsZero() {
		if _, err := io.ReadFull(random, r.Salt[:]); err != nil {
			return fail(fmt.Errorf("reading randomness for a transaction: %w", err))
		}
	}
	if r.Expiry.IsZero() {
		r.Expiry = r.Created.Add(DefaultLife)
	}
	if r.GasLimit == 0 {
		r.GasLimit = DefaultGas
	}
	args, err := encodeArguments(r.Args)
	if err != nil {
		return fail(err)
	}
	h := Header{
		Version: 1, Kind: r.Kind, Ledger: r.Ledger, Branch: r.Branch[:], Contract: r.Contract, Action: r.Action,
		Arguments: objectstore.Sum(objectstore.KindArguments, blind, args),
		Account:   r.Account, Salt: r.Salt, Created: r.Created.UnixMilli(), Expiry: r.Expiry.UnixMilli(),
		Preconditions: r.Preconditions, GasLimit: r.GasLimit, Stays: r.Stays,
	}
	if !r.Provenance.IsZero() {
		h.Provenance = r.Provenance[:]
	}
	if r.Branch.IsZero() {
		h.Branch = []byte(AnyBranch)
	}
	if r.Keys != nil {
		d, err := sign.ParseDescriptor(r.Keys)
		if err != nil {
			return fail(err)
		}
		if by := objectstore.Account(sign.AccountOf(d)); by != r.Account {
			h.By = by
		}
	}
	data, err := wire.Marshal(h)
	if err != nil {
		return fail(fmt.Errorf("encoding a transaction: %w", err))
	}
	t := VerifiedTransaction{header: h, args: maps.Clone(r.Args), raw: Transaction{Data: data, Blind: blind, Arguments: args}}
	t.id = t.raw.ID()
	if t.args == nil {
		t.args = map[string]any{}
	}
	if err := t.checkForm(v.ledger); err != nil { // what we would refuse from others we do not make
		return fail(err)
	}
	return t, t.checkSize()
}
