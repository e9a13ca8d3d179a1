package dd

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

const refProposal = "proposal/" // + operation id in hex => an encoded Proposal

// Proposal is an operation while its signatures are collected: of the keys of
// its author's account, and for a root matter of other admins. It is a local
// object that travels as a file; nothing in it is checked until a State is
// asked. Each signature is over the ledger id, the operation's id, and whether
// it is its author's or a consent, so it counts for this operation only.
type Proposal struct {
	Version    uint64      `cbor:"1,keyasint"` // 1
	Operation  []byte      `cbor:"2,keyasint"` // canonical
	Signatures []Signature `cbor:"3,keyasint"` // by account and key, each pair once
}

// Consent is one admin's consent to somebody's operation.
type Consent struct {
	_       struct{} `cbor:",toarray"`
	Account objectstore.Account
	Seal    []byte
}

// NewProposal makes an operation of an account that nobody has signed yet, on
// top of the state s. created is ms since 1970, salt 32 random bytes.
func NewProposal(s State, c Change, account objectstore.Account, created int64, salt objectstore.Hash) (Proposal, error) {
	data, err := s.operation(c, account, created, salt)
	if err != nil {
		return Proposal{}, err
	}
	if _, _, err := DecodeOperation(data); err != nil {
		return Proposal{}, err
	}
	return Proposal{Version: 1, Operation: data, Signatures: []Signature{}}, nil
}

// ID is the operation's id.
func (p Proposal) ID() objectstore.Hash { return SignedOperation{Data: p.Operation}.ID() }

// Encode gives the canonical bytes.
func (p Proposal) Encode() ([]byte, error) { return wire.Marshal(p) }

// DecodeProposal reads a proposal from foreign bytes and checks its form.
func DecodeProposal(data []byte) (Proposal, error) {
	var p Proposal
	fail := func(err error) (Proposal, error) { return Proposal{}, fmt.Errorf("proposal: %w", err) }
	if err := wire.UnmarshalLimit(data, &p, MaxProposal); err != nil {
		return fail(err)
	}
	if p.Version != 1 || p.Signatures == nil || len(p.Signatures) > maxProposalSignatures {
		return fail(fmt.Errorf("version %d with %d signatures is not known", p.Version, len(p.Signatures)))
	}
	if _, _, err := DecodeOperation(p.Operation); err != nil {
		return fail(err)
	}
	if err := CheckSignatures(p.Signatures); err != nil {
		return fail(err)
	}
	return p, nil
}

// Sign adds the signature of one key. account is the account for which it signs;
// empty where the key alone tells (State.Signer). The state decides whether the
// key is one of the account's.
func (p Proposal) Sign(s State, account objectstore.Account, key crypto.Signer) (Proposal, error) {
	op, _, err := DecodeOperation(p.Operation)
	if err != nil {
		return p, err
	}
	if op.Ledger != s.Ledger() {
		return p, fault.New("AG0601", "aergo status tells which ledger this is", "the proposal is for another ledger, %s", op.Ledger.Short())
	}
	if account == "" {
		if account, _, err = s.signer(nil, []crypto.Signer{key}); err != nil {
			return p, err
		}
	}
	sig, err := s.SignFor(account, string(purposeOf(op, account)), p.ID(), key)
	if err != nil {
		return p, err
	}
	return p.with(sig)
}

// Purpose is what an account signs the proposal as: its author, or one who consents.
func (p Proposal) Purpose(account objectstore.Account) (string, error) {
	op, _, err := DecodeOperation(p.Operation)
	return string(purposeOf(op, account)), err
}

func purposeOf(op Operation, account objectstore.Account) sign.Purpose {
	if account == op.Account {
		return sign.PurposeDirectory
	}
	return sign.PurposeConsent
}

func (p Proposal) with(list ...Signature) (Proposal, error) {
	p.Signatures = JoinSignatures(p.Signatures, list...)
	if len(p.Signatures) > maxProposalSignatures {
		return p, fault.New("AG0103", "", "a proposal of %d signatures, at most %d are allowed", len(p.Signatures), maxProposalSignatures)
	}
	return p, nil
}

// Join adds the signatures of another copy of the same proposal that are good in
// s, those that are not are left out.
func (p Proposal) Join(s State, other Proposal) (Proposal, error) {
	if !bytes.Equal(p.Operation, other.Operation) {
		return p, fmt.Errorf("proposals %s and %s are not the same", p.ID().Short(), other.ID().Short())
	}
	op, _, err := DecodeOperation(p.Operation)
	if err != nil {
		return p, err
	}
	for _, sig := range other.Signatures {
		if s.goodSignature(op, p.ID(), sig) != nil {
			continue
		}
		// A forged copy of a signature must not keep the good one out.
		p.Signatures = slices.DeleteFunc(slices.Clone(p.Signatures), func(mine Signature) bool { return compareSignatures(mine, sig) == 0 })
		if p, err = p.with(sig); err != nil {
			return p, err
		}
	}
	return p, nil
}

// goodSignature checks one signature by the present keys of its account.
func (s State) goodSignature(op Operation, id objectstore.Hash, sig Signature) error {
	return s.checkSignature(sig, purposeOf(op, sig.Account), id)
}

// ProposalStatus says what a proposal still needs.
type ProposalStatus struct {
	ID        objectstore.Hash
	Operation Operation
	Change    Change
	Root      bool                  // it needs the consent of several admins
	Needed    int                   // accounts that have to sign, its author among them
	Signed    []objectstore.Account // whose signatures are whole and count, the author first
	Missing   []objectstore.Account // of these Needed - len(Signed) more, or the author's
	Ready     bool

	// Keys is how many keys of the author's account have signed, of KeysNeeded; 0
	// where the directory does not know its keys.
	Keys, KeysNeeded int
}

// Status says who has signed a proposal, and who could yet, by the keys and
// admins of s. A proposal that s would refuse for another reason, because it is
// too old or its author lost the right, says so as an error.
func (p Proposal) Status(s State) (ProposalStatus, error) {
	st, _, err := p.collect(s)
	if err != nil || !st.Ready {
		return st, err
	}
	o, err := p.Complete(s)
	if err != nil {
		return st, err
	}
	_, err = s.With(o, st.Operation.Created)
	return st, err
}

// Check says why s would refuse the proposal at a time (ms since 1970) even if
// everybody signed it: another ledger, its age, that it is in force already, a
// right that its author lacks, or what the change itself demands. nil: only
// signatures are missing.
func (p Proposal) Check(s State, at int64) error {
	op, change, err := DecodeOperation(p.Operation)
	if err != nil {
		return err
	}
	if err := s.fits(op, p.ID()); err != nil {
		return err
	}
	if err := s.fresh(op, p.ID(), max(at, s.block.Time)); err != nil {
		return err
	}
	if isRoot(op, change) {
		if err := Decide(s, Question{Account: op.Account, Right: RightAdmin, Name: "*"}); err != nil {
			return err
		}
	}
	_, err = change.records(s, op)
	return err
}

// Complete gives the operation with exactly the signatures that it needs, or
// fails with AG0505 where some are missing.
func (p Proposal) Complete(s State) (SignedOperation, error) {
	st, sealed, err := p.collect(s)
	if err != nil {
		return SignedOperation{}, err
	}
	if !st.Ready {
		return SignedOperation{}, fault.New("AG0505", "have it signed by "+s.names(st.Missing),
			"proposal %s needs the signatures of %d accounts and has %d", st.ID.Short(), st.Needed, len(st.Signed))
	}
	o := SignedOperation{Data: p.Operation, Seal: sealed[st.Operation.Account]}
	for _, a := range slices.Sorted(slices.Values(st.Signed[1:st.Needed])) {
		o.Consents = append(o.Consents, Consent{Account: a, Seal: sealed[a]})
	}
	return o, nil
}

func (p Proposal) collect(s State) (st ProposalStatus, sealed map[objectstore.Account][]byte, err error) {
	st.ID, st.Needed = p.ID(), 1
	if st.Operation, st.Change, err = DecodeOperation(p.Operation); err != nil {
		return st, nil, err
	}
	admins := []objectstore.Account{}
	if st.Root = isRoot(st.Operation, st.Change); st.Root {
		if admins, err = s.Admins(); err != nil {
			return st, nil, err
		}
		if st.Needed, err = s.Needed(); err != nil {
			return st, nil, err
		}
	}
	author := st.Operation.Account
	accounts := []objectstore.Account{author}
	for _, a := range admins {
		if a != author {
			accounts = append(accounts, a)
		}
	}
	sealed = map[objectstore.Account][]byte{}
	for _, a := range accounts {
		c, err := s.Collect(a, string(purposeOf(st.Operation, a)), st.ID, p.Signatures)
		if err != nil {
			return st, nil, err
		}
		if a == author {
			st.Keys, st.KeysNeeded = len(c.Good), c.Needed
		}
		if c.Seal == nil {
			st.Missing = append(st.Missing, a)
			continue
		}
		sealed[a] = c.Seal
		st.Signed = append(st.Signed, a)
	}
	st.Ready = sealed[author] != nil && len(st.Signed) >= st.Needed
	return st, sealed, nil
}

// PutProposal keeps a proposal in a batch, joined with what is there of it.
func (d *Directory) PutProposal(b objectstore.Batch, p Proposal) (Proposal, error) {
	name := refProposal + p.ID().String()
	old, err := d.refs.Ref(name)
	switch {
	case err == nil:
		known, err := DecodeProposal(old)
		if err != nil {
			return p, err
		}
		s, err := d.Head()
		if err != nil {
			return p, err
		}
		if p, err = known.Join(s, p); err != nil {
			return p, err
		}
	case !errors.Is(err, objectstore.ErrNotFound):
		return p, err
	default:
		old = nil
	}
	data, err := p.Encode()
	if err != nil {
		return p, err
	}
	if _, err := DecodeProposal(data); err != nil {
		return p, err
	}
	if len(data) > objectstore.MaxRef {
		return p, fault.New("AG0103", "", "a proposal of %d bytes, at most %d are kept", len(data), objectstore.MaxRef)
	}
	return p, b.SetRef(name, old, data)
}

// DropProposal forgets a proposal.
func (d *Directory) DropProposal(b objectstore.Batch, id objectstore.Hash) error {
	name := refProposal + id.String()
	old, err := d.refs.Ref(name)
	if err != nil {
		return err
	}
	return b.SetRef(name, old, nil)
}

// Proposals gives the proposals that are kept here, by id. Those that have taken
// effect are among them until they are dropped: Done tells.
func (d *Directory) Proposals() (list []Proposal, err error) {
	err = d.refs.Refs(refProposal, func(name string, data []byte) error {
		p, err := DecodeProposal(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, p)
		return nil
	})
	return list, err
}

// Done reports whether the proposal's operation has taken effect.
func (p Proposal) Done(s State) (bool, error) {
	op, _, err := DecodeOperation(p.Operation)
	if err != nil {
		return false, err
	}
	return s.hasRecord(keySeen(op.Account, op.Salt))
}
