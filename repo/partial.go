package repo

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// partialWord begins the line of a transaction or an approval that the keys of
// its account have not all signed; base64 of a partial's canonical CBOR follows,
// docs/formats/transaction.md. It stands in the same files as proposals.
const partialWord = "aergo-partial-v1 "

// refPartial + id in hex => an encoded partial that is kept here
const refPartial = "partial/"

// partial is a transaction or an approval while the keys of its account sign it,
// each apart. It is to them what a dd.Proposal is to an operation of the
// directory, and nothing in it is checked until a state is asked.
type partial struct {
	Version    uint64         `cbor:"1,keyasint"` // 1
	Kind       uint64         `cbor:"2,keyasint"` // partialTransaction or partialApproval
	Data       []byte         `cbor:"3,keyasint"` // header of the transaction; dd.Approval
	Blind      []byte         `cbor:"4,keyasint,omitempty"`
	Arguments  []byte         `cbor:"5,keyasint,omitempty"`
	Signatures []dd.Signature `cbor:"6,keyasint"` // by account and key
}

const (
	partialTransaction = 1
	partialApproval    = 2
)

// paper is what a partial is about.
type paper struct {
	id      objectstore.Hash
	account objectstore.Account
	purpose string

	header   sqlcontract.Header // of a transaction
	args     map[string]any
	approval dd.Approval
}

func (p partial) transaction() sqlcontract.Transaction {
	return sqlcontract.Transaction{Data: p.Data, Blind: p.Blind, Arguments: p.Arguments}
}

// decodePartial reads a partial from foreign bytes, and checks its form and that
// it is for a ledger.
func decodePartial(ledger objectstore.Hash, data []byte) (partial, paper, error) {
	var p partial
	fail := func(err error) (partial, paper, error) { return partial{}, paper{}, err }
	if err := wire.UnmarshalLimit(data, &p, maxPartial); err != nil {
		return fail(err)
	}
	if p.Version != 1 || p.Signatures == nil || len(p.Signatures) > sign.MaxSignatures {
		return fail(fmt.Errorf("version %d with %d signatures is not known", p.Version, len(p.Signatures)))
	}
	if err := dd.CheckSignatures(p.Signatures); err != nil {
		return fail(err)
	}
	about, err := p.paper(ledger)
	return p, about, err
}

func (p partial) paper(ledger objectstore.Hash) (paper, error) {
	var about paper
	var err error
	switch p.Kind {
	case partialTransaction:
		t := p.transaction()
		if t.Erased() {
			return about, errors.New("its arguments are erased")
		}
		if about.header, about.args, err = sqlcontract.ReadUnsigned(ledger, t); err != nil {
			return about, err
		}
		about.id, about.account, about.purpose = t.ID(), about.header.Account, string(sign.PurposeTransaction)
	case partialApproval:
		if len(p.Blind)+len(p.Arguments) > 0 {
			return about, errors.New("an approval has no arguments")
		}
		if err := wire.UnmarshalLimit(p.Data, &about.approval, dd.MaxApproval); err != nil {
			return about, err
		}
		if about.approval.Ledger != ledger {
			return about, fmt.Errorf("it is for another ledger, %s", about.approval.Ledger.Short())
		}
		if about.id, err = about.approval.ID(); err != nil {
			return about, err
		}
		about.account, about.purpose = about.approval.Account, string(sign.PurposeApproval)
	default:
		return about, fmt.Errorf("kind %d is not known", p.Kind)
	}
	_, _, err = sign.ParseAccount(string(about.account))
	return about, err
}

// StartCall makes the transaction of a call in the name of an account (empty: the
// key's own) and signs it with one key; with no key (nil) nobody signs yet. It is
// kept here until it has run. It fails where it could not run whoever signs it.
func (r *Repository) StartCall(key crypto.Signer, c Call, account objectstore.Account) (Proposal, error) {
	q, err := r.request(c)
	if err != nil {
		return Proposal{}, err
	}
	return r.startTransaction(key, c.Branch, q, account)
}

// StartDeploy does the same with a contract's source.
func (r *Repository) StartDeploy(key crypto.Signer, branch, contract, source string, account objectstore.Account) (Proposal, error) {
	next, err := sqlcontract.Compile(contract, source)
	if err != nil {
		return Proposal{}, err
	}
	old, info, err := r.Contract(branch, contract)
	if err != nil {
		old = nil
	}
	return r.startTransaction(key, branch, deployRequest(next, old, info.Version, contract, source), account)
}

func (r *Repository) startTransaction(key crypto.Signer, on string, q sqlcontract.Request, account objectstore.Account) (Proposal, error) {
	s, account, err := r.starts(key, account)
	if err != nil {
		return Proposal{}, err
	}
	rec, err := r.branch(on)
	if err != nil {
		return Proposal{}, err
	}
	q.Ledger, q.Branch, q.Account = r.ledger, rec.ID, account
	q.Created, q.Stays = r.now(), rec.Scratch
	if q.Keys, err = s.Described(account); err != nil {
		return Proposal{}, err
	}
	t, err := sqlcontract.Unsigned(q, r.random)
	if err != nil {
		return Proposal{}, err
	}
	return r.startPartial(s, key, partial{Version: 1, Kind: partialTransaction, Data: t.Data, Blind: t.Blind, Arguments: t.Arguments})
}

// StartApproval approves source for a branch (empty: the current one) in the name
// of an account, as StartCall makes a call.
func (r *Repository) StartApproval(key crypto.Signer, source, into string, account objectstore.Account) (Proposal, error) {
	s, account, err := r.starts(key, account)
	if err != nil {
		return Proposal{}, err
	}
	block, err := r.Resolve(source)
	if err != nil {
		return Proposal{}, err
	}
	rec, err := r.branch(into)
	if err != nil {
		return Proposal{}, err
	}
	data, err := wire.Marshal(dd.Approval{Version: 1, Ledger: r.ledger, Branch: rec.ID, Source: block, Account: account, Created: r.now().UnixMilli()})
	if err != nil {
		return Proposal{}, err
	}
	return r.startPartial(s, key, partial{Version: 1, Kind: partialApproval, Data: data})
}

// starts gives the state and the account in whose name something begins.
func (r *Repository) starts(key crypto.Signer, account objectstore.Account) (dd.State, objectstore.Account, error) {
	s, err := r.directory.Head()
	if err == nil && account == "" {
		account, _, err = s.Signer(nil, key)
	}
	return s, account, err
}

func (r *Repository) startPartial(s dd.State, key crypto.Signer, p partial) (Proposal, error) {
	p.Signatures = []dd.Signature{}
	about, err := p.paper(r.ledger)
	if err != nil {
		return Proposal{}, err
	}
	info, err := r.describePartial(s, p, about)
	if err == nil {
		err = info.Problem
	}
	if err != nil || key == nil {
		return info, err
	}
	return r.signPartial(s, key, info)
}

func (r *Repository) signPartial(s dd.State, key crypto.Signer, info Proposal) (Proposal, error) {
	p := *info.part
	about, err := p.paper(r.ledger)
	if err != nil {
		return info, err
	}
	sig, err := s.SignFor(about.account, about.purpose, about.id, key)
	if err != nil {
		return info, err
	}
	p.Signatures = dd.JoinSignatures(p.Signatures, sig)
	return r.keepPartial(p)
}

// describePartial tells what a partial is and what it lacks, by the present state.
func (r *Repository) describePartial(s dd.State, p partial, about paper) (Proposal, error) {
	info := Proposal{ID: about.id, Account: about.account, Needed: 1, part: &p}
	got, err := s.Collect(about.account, about.purpose, about.id, p.Signatures)
	if err != nil {
		return info, err
	}
	info.Keys, info.KeysNeeded = len(got.Good), got.Needed
	if got.Seal != nil {
		info.Signed = []objectstore.Account{about.account}
	} else {
		info.Missing = []objectstore.Account{about.account}
	}
	if p.Kind == partialApproval {
		a := about.approval
		b, _, err := s.Branch(a.Branch)
		if err != nil {
			return info, err
		}
		info.Kind, info.text = "approval", fmt.Sprintf("approve block %s for branch %s", a.Source.Short(), orShort(b.Name, a.Branch))
		info.fields = []Field{{"branch", a.Branch.String()}, {"source", a.Source.String()}}
		info.Created = time.UnixMilli(a.Created).UTC()
		info.Expires = info.Created.Add(dd.MaxOperationLife * time.Millisecond)
		info.Problem = dd.CheckApproval(s, a)
		if rec, err := r.branchByID(a.Branch); err == nil {
			info.branch = string(rec.Name)
		}
	} else if info, err = r.describeTransaction(s, info, about); err != nil {
		return info, err
	}
	if info.Problem == nil {
		info.Problem = r.keysFit(s, about)
	}
	info.Ready = got.Seal != nil && info.Problem == nil
	return info, nil
}

func orShort(name string, id objectstore.Hash) string {
	if name == "" {
		return id.Short()
	}
	return name
}

func (r *Repository) describeTransaction(s dd.State, info Proposal, about paper) (Proposal, error) {
	h := about.header
	info.Kind = kindName(h.Kind)
	info.Created, info.Expires = time.UnixMilli(h.Created).UTC(), time.UnixMilli(h.Expiry).UTC()
	info.text = "deploy contract " + h.Contract
	switch h.Kind {
	case sqlcontract.KindCall:
		info.text = callText(h.Contract, h.Action, nil, about.args)
	case sqlcontract.KindPatch:
		info.text = "revert rows of contract " + h.Contract
	}
	where := "any branch"
	if string(h.Branch) != sqlcontract.AnyBranch {
		id := objectstore.Hash(h.Branch)
		rec, err := r.branchByID(id)
		if err != nil {
			info.Problem = fault.New("AG0202", "Sign it where the branch is.", "branch %s is not here", id.Short())
			where = "branch " + id.Short()
		} else {
			where = "branch " + string(rec.Name)
			info.Problem = r.mayWrite(s, about.account, rec)
			info.branch = string(rec.Name)
		}
	}
	info.text += " on " + where
	info.fields = []Field{{"contract", h.Contract}, {"action", h.Action}, {"branch", where}, {"arguments", about.args}}
	places, err := r.appearances(info.ID)
	if err != nil {
		return info, err
	}
	switch now := r.now(); {
	case len(places) > 0:
		info.Problem = fault.New("AG0705", "aergo show "+info.ID.Short(), "transaction %s has run already", info.ID.Short())
	case now.After(info.Expires):
		info.Problem = fault.New("AG0431", "Make it anew.", "transaction %s has expired, %s", info.ID.Short(), info.Expires.Format(time.RFC3339))
	}
	return info, nil
}

// keysFit checks that signatures by the present keys of the account can make it
// whole: it was not revoked, and a transaction names the keys that sign it.
func (r *Repository) keysFit(s dd.State, about paper) error {
	keys, err := s.Described(about.account)
	if err != nil {
		return err
	}
	if err := maySign(s, about.account, keys); err != nil {
		return err
	}
	by := objectstore.Account("")
	if keys != nil {
		d, err := sign.ParseDescriptor(keys)
		if err != nil {
			return err
		}
		if by = objectstore.Account(sign.AccountOf(d)); by == about.account {
			by = ""
		}
	}
	if about.purpose == string(sign.PurposeTransaction) && by != about.header.By {
		return fault.New("AG0506", "Make it anew.", "the keys of %s were changed since it was made", r.called(about.account))
	}
	return nil
}

// readPartial reads one line's partial and leaves out the signatures that do not
// count. One that has signatures has one that counts.
func (r *Repository) readPartial(s dd.State, text string) (partial, paper, error) {
	fail := func(err error) (partial, paper, error) { return partial{}, paper{}, err }
	if len(text) > base64.StdEncoding.EncodedLen(maxPartial) {
		return fail(fmt.Errorf("it has %d characters, at most %d are allowed", len(text), base64.StdEncoding.EncodedLen(maxPartial)))
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return fail(err)
	}
	p, about, err := decodePartial(r.ledger, data)
	if err != nil {
		return fail(err)
	}
	some := len(p.Signatures) > 0
	got, err := s.Collect(about.account, about.purpose, about.id, p.Signatures)
	if err != nil {
		return fail(err)
	}
	if p.Signatures = append([]dd.Signature{}, got.Good...); some && len(got.Good) == 0 {
		return fail(errNobodySigned)
	}
	return p, about, nil
}

var errNobodySigned = errors.New("nobody whose signature counts has signed it")

// partials gives those that are kept here.
func (r *Repository) partials() (map[objectstore.Hash]partial, error) {
	kept := map[objectstore.Hash]partial{}
	err := r.db.Refs(refPartial, func(name string, data []byte) error {
		p, about, err := decodePartial(r.ledger, data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		kept[about.id] = p
		return nil
	})
	return kept, err
}

// keepPartial keeps a partial, joined with what is here of it, unless it is too
// large for that or nobody has signed it.
func (r *Repository) keepPartial(p partial) (Proposal, error) {
	s, err := r.directory.Head()
	if err != nil {
		return Proposal{}, err
	}
	about, err := p.paper(r.ledger)
	if err != nil {
		return Proposal{}, err
	}
	kept := false
	err = r.update(func(b objectstore.Batch) error {
		name := refPartial + about.id.String()
		old, err := r.db.Ref(name)
		if errors.Is(err, objectstore.ErrNotFound) {
			old = nil
		} else if err != nil {
			return err
		} else {
			known, _, err := decodePartial(r.ledger, old)
			if err != nil {
				return err
			}
			p.Signatures = dd.JoinSignatures(p.Signatures, known.Signatures...)
		}
		got, err := s.Collect(about.account, about.purpose, about.id, p.Signatures)
		if err != nil {
			return err
		}
		p.Signatures = append([]dd.Signature{}, got.Good...)
		data, err := wire.Marshal(p)
		kept = err == nil && len(data) <= objectstore.MaxRef && len(p.Signatures) > 0
		if !kept {
			return err
		}
		if old == nil {
			if err := r.room(); err != nil {
				return err
			}
		}
		return b.SetRef(name, old, data)
	})
	if err != nil {
		return Proposal{}, err
	}
	info, err := r.describePartial(s, p, about)
	info.Kept = kept
	return info, err
}

// room fails where no more may be kept that waits for signatures.
func (r *Repository) room() error {
	n := 0
	count := func(string, []byte) error { n++; return nil }
	if err := r.db.Refs(refPartial, count); err != nil {
		return err
	}
	kept, err := r.directory.Proposals()
	if err != nil {
		return err
	}
	if n += len(kept); n >= maxProposals {
		return fault.New("AG0523", "aergo dd pending lists them, aergo dd drop ID forgets one.", "%d proposals are kept here, and more are not", n)
	}
	return nil
}

func (r *Repository) dropPartial(b objectstore.Batch, id objectstore.Hash) error {
	name := refPartial + id.String()
	old, err := r.db.Ref(name)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return b.SetRef(name, old, nil)
}

// sealed is a partial's seal, or AG0505 while keys are missing.
func (r *Repository) sealed(p partial) (paper, []byte, error) {
	s, err := r.directory.Head()
	if err != nil {
		return paper{}, nil, err
	}
	about, err := p.paper(r.ledger)
	if err != nil {
		return about, nil, err
	}
	got, err := s.Collect(about.account, about.purpose, about.id, p.Signatures)
	if err == nil && got.Seal == nil {
		err = fault.New("AG0505", "have it signed: aergo dd sign", "%d of %d keys of %s have signed", len(got.Good), max(got.Needed, 1), r.called(about.account))
	}
	return about, got.Seal, err
}

// WholeTransaction gives the transaction of a proposal that has all its signatures,
// to be run by Submit; ok is false where it is none.
func (r *Repository) WholeTransaction(p Proposal) (t sqlcontract.Transaction, ok bool, err error) {
	if p.part == nil || p.part.Kind != partialTransaction {
		return t, false, nil
	}
	t = p.part.transaction()
	_, t.Seal, err = r.sealed(*p.part)
	return t, true, err
}

// approve keeps the approval of a proposal that has all its signatures.
func (r *Repository) approve(p partial) (Approval, error) {
	about, seal, err := r.sealed(p)
	if err != nil {
		return Approval{}, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return Approval{}, err
	}
	return r.keepApproval(s, dd.SignedApproval{Approval: about.approval, Seal: seal})
}

// sortProposals puts proposals in order, the oldest first.
func sortProposals(list []Proposal) {
	slices.SortStableFunc(list, func(a, b Proposal) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
}
