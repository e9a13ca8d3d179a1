package repo

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Proposal is a change of the directory while its signatures are collected: of
// several admins for a root matter, of several keys for an account of such.
// Proposals are kept in the repository until they are in force or dropped, and
// travel as text (EncodeProposal, ReadProposals).
type Proposal struct {
	ID      objectstore.Hash
	Change  DirectoryOperation // what it asks for, and who; of no block yet
	Expires time.Time          // after which no block may take it

	Root    bool                  // it needs the consent of several admins
	Needed  int                   // accounts that have to sign, its author among them
	Signed  []objectstore.Account // whose signatures are whole and count, the author first
	Missing []objectstore.Account // who could yet
	Ready   bool                  // it has all it needs: the directory's producer may put it in order
	// Problem is why the directory would refuse it now whoever signs it, nil where
	// nothing speaks against it.
	Problem error

	whole dd.Proposal
}

// proposalWord begins the line of a proposal in a file; base64 (RFC 4648, with
// padding) of its canonical CBOR follows, docs/formats/directory.md. It may stand
// among signed transactions and operations (submit_file.go).
const proposalWord = "aergo-proposal-v1 "

// NeedsProposal reports whether a change needs more signatures than that of a
// key: because several admins decide it, or because account, in whose name it is
// asked for (empty: the key's own), has several keys that sign together.
func (r *Repository) NeedsProposal(key crypto.Signer, change dd.Change, account objectstore.Account) (bool, error) {
	s, err := r.directory.Head()
	if err != nil {
		return false, err
	}
	own, _, err := s.Signer(nil, key)
	if err != nil && account == "" {
		return false, err
	}
	if account != "" && account != own {
		return true, nil
	}
	if s, err = r.stateFor(s, change); err != nil {
		return false, err
	}
	p, err := r.newProposal(s, own, change)
	if err != nil {
		return false, err
	}
	st, err := p.Status(s)
	return st.Needed > 1, err
}

func (r *Repository) newProposal(s dd.State, account objectstore.Account, change dd.Change) (dd.Proposal, error) {
	if err := mayAsk(change); err != nil {
		return dd.Proposal{}, err
	}
	var salt objectstore.Hash
	if _, err := io.ReadFull(r.random, salt[:]); err != nil {
		return dd.Proposal{}, fmt.Errorf("reading randomness: %w", err)
	}
	return dd.NewProposal(s, change, account, r.now().UnixMilli(), salt)
}

// StartProposal makes a proposal of a change in the name of an account (empty:
// the key's own), signs it, and keeps it here. It fails where the directory would
// refuse the change now, whoever signs it.
func (r *Repository) StartProposal(key crypto.Signer, change dd.Change, account objectstore.Account) (Proposal, error) {
	s, err := r.directory.Head()
	if err != nil {
		return Proposal{}, err
	}
	if account == "" {
		if account, _, err = s.Signer(nil, key); err != nil {
			return Proposal{}, err
		}
	}
	if s, err = r.stateFor(s, change); err != nil {
		return Proposal{}, err
	}
	p, err := r.newProposal(s, account, change)
	if err != nil {
		return Proposal{}, err
	}
	if err := p.Check(s, r.now().UnixMilli()); err != nil {
		return Proposal{}, err
	}
	if p, err = p.Sign(s, account, key); err != nil {
		return Proposal{}, err
	}
	return r.keepProposal(p)
}

// Proposals gives the proposals that are kept here, the oldest first.
func (r *Repository) Proposals() ([]Proposal, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	kept, err := r.directory.Proposals()
	if err != nil {
		return nil, err
	}
	list := make([]Proposal, len(kept))
	for i, p := range kept {
		if list[i], err = r.proposal(s, p); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(list, func(a, b Proposal) int { return a.Change.Created.Compare(b.Change.Created) })
	return list, nil
}

// proposal describes a proposal by the present state of the directory.
func (r *Repository) proposal(s dd.State, p dd.Proposal) (Proposal, error) {
	info := Proposal{ID: p.ID(), whole: p}
	op, change, err := dd.DecodeOperation(p.Operation)
	if err != nil {
		return info, err
	}
	info.Change = DirectoryOperation{ID: p.ID(), Account: op.Account, Kind: op.Kind.String(), Created: time.UnixMilli(op.Created).UTC(), Change: change}
	info.Expires = time.UnixMilli(op.Created + dd.MaxOperationLife).UTC()
	on, err := r.stateFor(s, change)
	if err != nil {
		info.Problem = err
		return info, nil
	}
	info.Problem = p.Check(on, r.now().UnixMilli())
	st, err := p.Status(on)
	if err != nil && info.Problem == nil {
		info.Problem = err
	}
	info.Root, info.Needed, info.Signed, info.Missing = st.Root, st.Needed, st.Signed, st.Missing
	info.Ready = st.Ready && info.Problem == nil
	if done, err := p.Done(s); err != nil {
		return info, err
	} else if done {
		info.Problem = fault.New("AG0705", "aergo dd log lists what is in force.", "proposal %s is in force already", info.ID.Short())
	}
	return info, nil
}

// ReadProposals reads the proposals in a file from foreign bytes, each with the
// signatures that count now, joined with those that are kept here. Lines of
// signed transactions and operations are passed over. Nothing is kept yet.
func (r *Repository) ReadProposals(file []byte) ([]Proposal, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	kept, err := r.directory.Proposals()
	if err != nil {
		return nil, err
	}
	known := map[objectstore.Hash]dd.Proposal{}
	for _, p := range kept {
		known[p.ID()] = p
	}
	var ids []objectstore.Hash
	n := 0
	for line := range strings.Lines(string(file)) {
		n++
		text, ok := strings.CutPrefix(strings.TrimSpace(line), proposalWord)
		if !ok {
			continue
		}
		p, err := r.decodeProposal(s, text)
		if err != nil {
			return nil, fault.New("AG0523", "Ask for the file again: -o FILE of the command that proposes or signs writes it.", "line %d is no proposal for this ledger: %w", n, err)
		}
		id := p.ID()
		if !slices.Contains(ids, id) {
			if ids = append(ids, id); len(ids) > maxProposals {
				return nil, fault.New("AG0523", "Divide the file.", "the file holds more than %d proposals", maxProposals)
			}
		}
		if mine, ok := known[id]; ok {
			if p, err = mine.Join(s, p); err != nil {
				return nil, err
			}
		}
		known[id] = p
	}
	list := make([]Proposal, len(ids))
	for i, id := range ids {
		if list[i], err = r.proposal(s, known[id]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// decodeProposal reads one proposal and leaves out the signatures that do not
// count: forged ones, and those of accounts that are not asked.
func (r *Repository) decodeProposal(s dd.State, text string) (dd.Proposal, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return dd.Proposal{}, err
	}
	p, err := dd.DecodeProposal(data)
	if err != nil {
		return dd.Proposal{}, err
	}
	op, change, err := dd.DecodeOperation(p.Operation)
	if err != nil {
		return dd.Proposal{}, err
	}
	if op.Ledger != s.Ledger() {
		return dd.Proposal{}, fmt.Errorf("it is for another ledger, %s", op.Ledger.Short())
	}
	if s, err = r.stateFor(s, change); err != nil {
		return dd.Proposal{}, err
	}
	asked, err := askedFor(s, p)
	if err != nil {
		return dd.Proposal{}, err
	}
	signed := p
	signed.Signatures = slices.DeleteFunc(slices.Clone(p.Signatures), func(sig dd.Signature) bool { return !slices.Contains(asked, sig.Account) })
	p.Signatures = []dd.Signature{}
	if p, err = p.Join(s, signed); err != nil {
		return p, err
	}
	if len(p.Signatures) == 0 {
		return p, errors.New("nobody whose signature counts has signed it")
	}
	return p, nil
}

// askedFor are the accounts whose signatures a proposal can use.
func askedFor(s dd.State, p dd.Proposal) ([]objectstore.Account, error) {
	p.Signatures = []dd.Signature{}
	st, err := p.Status(s)
	return st.Missing, err
}

// SignProposal adds the signature of a key to a proposal, for the account
// (empty: the one that the key tells) and keeps it here. What the directory would
// refuse anyhow is not signed.
func (r *Repository) SignProposal(key crypto.Signer, p Proposal, account objectstore.Account) (Proposal, error) {
	s, err := r.directory.Head()
	if err != nil {
		return p, err
	}
	if p.Problem != nil {
		return p, p.Problem
	}
	if err := mayAsk(p.Change.Change); err != nil {
		return p, err
	}
	if s, err = r.stateFor(s, p.Change.Change); err != nil {
		return p, err
	}
	asked, err := askedFor(s, p.whole)
	if err != nil {
		return p, err
	}
	if account == "" {
		if account, err = signsFor(s, key, asked); err != nil {
			return p, err
		}
	}
	if !slices.Contains(asked, account) {
		return p, fault.New("AG0522", "Its author and the admins of the whole ledger sign it: aergo dd pending lists who is missing.", "proposal %s does not ask for a signature of %s", p.ID.Short(), r.called(account))
	}
	whole, err := p.whole.Sign(s, account, key)
	if err != nil {
		return p, err
	}
	return r.keepProposal(whole)
}

// called is the name of an account in the directory, or the account.
func (r *Repository) called(account objectstore.Account) string {
	if name := r.NameOf(account); name != "" {
		return name
	}
	return string(account)
}

// signsFor finds of which of some accounts a key is one: the key's own account
// if it is among them, else the only one that has the key beside others.
func signsFor(s dd.State, key crypto.Signer, asked []objectstore.Account) (objectstore.Account, error) {
	own, _, err := s.Signer(nil, key)
	if err == nil && slices.Contains(asked, own) {
		return own, nil
	}
	pub, err := publicKey(key)
	if err != nil {
		return "", err
	}
	identities, err := s.Identities()
	if err != nil {
		return "", err
	}
	var found []objectstore.Account
	for _, i := range identities {
		if !slices.Contains(asked, i.Account) {
			continue
		}
		d, _, err := presentKeys(s, i)
		if err != nil {
			return "", err
		}
		if d.Has(pub) {
			found = append(found, i.Account)
		}
	}
	switch len(found) {
	case 0:
		return own, nil
	case 1:
		return found[0], nil
	}
	return "", fault.New("AG0507", "Name it: --as NAME", "the key is one of %d accounts that may sign this", len(found))
}

// KeepProposal keeps a proposal that was read from a file.
func (r *Repository) KeepProposal(p Proposal) (Proposal, error) { return r.keepProposal(p.whole) }

func (r *Repository) keepProposal(p dd.Proposal) (Proposal, error) {
	err := r.update(func(b objectstore.Batch) (err error) {
		kept, err := r.directory.Proposals()
		if err != nil {
			return err
		}
		if len(kept) >= maxProposals && !slices.ContainsFunc(kept, func(k dd.Proposal) bool { return k.ID() == p.ID() }) {
			return fault.New("AG0523", "aergo dd pending lists them, aergo dd drop ID forgets one.", "%d proposals are kept here, and more are not", maxProposals)
		}
		p, err = r.directory.PutProposal(b, p)
		return err
	})
	if err != nil {
		return Proposal{}, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return Proposal{}, err
	}
	return r.proposal(s, p)
}

// DropProposal forgets a proposal. Copies of it elsewhere stay good.
func (r *Repository) DropProposal(id objectstore.Hash) error {
	return r.update(func(b objectstore.Batch) error { return r.directory.DropProposal(b, id) })
}

// MayComplete reports whether a key may put a proposal in order: the directory
// producer's, or that of the one whom it makes the producer.
func (r *Repository) MayComplete(key crypto.Signer, p Proposal) bool {
	s, err := r.directory.Head()
	return err == nil && mayOrder(s, key, p.Change.Change) == nil
}

// CompleteProposal makes a directory block of a proposal that has all its
// signatures, and forgets the proposal.
func (r *Repository) CompleteProposal(_ context.Context, key crypto.Signer, p Proposal) (DirectoryOperation, error) {
	if p.Problem != nil {
		return DirectoryOperation{}, p.Problem
	}
	s, err := r.directory.Head()
	if err != nil {
		return DirectoryOperation{}, err
	}
	if s, err = r.stateFor(s, p.Change.Change); err != nil {
		return DirectoryOperation{}, err
	}
	op, err := p.whole.Complete(s)
	if err != nil {
		return DirectoryOperation{}, err
	}
	return r.order(key, op, func(b objectstore.Batch) error {
		kept, err := r.directory.Proposals()
		if err != nil || !slices.ContainsFunc(kept, func(k dd.Proposal) bool { return k.ID() == p.ID }) {
			return err
		}
		return r.directory.DropProposal(b, p.ID)
	})
}

// EncodeProposal is a proposal with its signatures as a line, with its line end.
func EncodeProposal(p Proposal) (string, error) {
	data, err := p.whole.Encode()
	if err != nil {
		return "", err
	}
	return proposalWord + base64.StdEncoding.EncodeToString(data) + "\n", nil
}

// JointDescriptor is the descriptor of an account of several keys, by their
// public lines, of which threshold sign together, and that account.
func JointDescriptor(threshold int, lines []string) ([]byte, objectstore.Account, error) {
	bad := func(err error) ([]byte, objectstore.Account, error) {
		return nil, "", fault.New("AG0102", "Keys are ed25519: aergo key show NAME --public prints the line.", "these keys make no account: %w", err)
	}
	keys := make([][]byte, len(lines))
	for i, line := range lines {
		pub, _, err := sign.ParsePublicKey(line)
		if err != nil {
			return bad(err)
		}
		keys[i] = pub
	}
	d, err := sign.MofNDescriptor(threshold, keys...)
	if err != nil {
		return bad(err)
	}
	return d.Bytes(), objectstore.Account(sign.AccountOf(d)), nil
}
