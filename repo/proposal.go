package repo

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Proposal is what waits for signatures: a change of the directory, for those of
// several admins where it is a root matter; and a change, a transaction or an
// approval of an account of several keys, for those of its keys. Proposals are
// kept in the repository until they are in force or dropped, and travel as text
// (EncodeProposal, ReadProposals).
type Proposal struct {
	ID      objectstore.Hash
	Kind    string              // what the directory's log calls it, or call, deploy, patch, approval
	Account objectstore.Account // in whose name it is asked for
	Created time.Time
	Expires time.Time // after which no block may take it

	// Change is the operation of the directory, of no block yet; its Change is nil
	// where it is a transaction or an approval.
	Change DirectoryOperation

	Root    bool                  // it needs the consent of several admins
	Needed  int                   // accounts that have to sign, its author among them
	Signed  []objectstore.Account // whose signatures are whole and count, the author first
	Missing []objectstore.Account // who could yet
	Ready   bool                  // it has all it needs to come into force
	// Keys is how many keys of Account have signed, of KeysNeeded; that is 0 where
	// the directory does not know its keys.
	Keys, KeysNeeded int
	// Problem is why it would be refused now whoever signs it, nil where nothing
	// speaks against it.
	Problem error
	// Kept reports that it is in this repository. What nobody has signed is not, nor
	// a deploy of much source, which is in its file only.
	Kept bool

	whole  dd.Proposal
	part   *partial // not nil: a transaction or an approval
	text   string
	branch string // of a transaction or an approval, where it is here
	fields []Field
}

// Text is what it asks for, in words. who names an account.
func (p Proposal) Text(who func(objectstore.Account) string) string {
	if p.part != nil {
		return p.text
	}
	return p.Change.Text(who)
}

// Fields are what it asks for, in the words of its format. The arguments of a
// transaction are a map of SQL cells, whole.
func (p Proposal) Fields() []Field {
	if p.part != nil {
		return p.fields
	}
	return p.Change.Fields()
}

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
// the key's own), signs it, and keeps it here; with no key (nil) nobody signs yet,
// and it is not kept. It fails where the directory would
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
	if key == nil {
		return r.proposal(s, p)
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
	parts, err := r.partials()
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		about, err := p.paper(r.ledger)
		if err != nil {
			return nil, err
		}
		info, err := r.describePartial(s, p, about)
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	sortProposals(list)
	return list, nil
}

// proposal describes a proposal by the present state of the directory.
func (r *Repository) proposal(s dd.State, p dd.Proposal) (Proposal, error) {
	info := Proposal{ID: p.ID(), Kept: len(p.Signatures) > 0, whole: p}
	op, change, err := dd.DecodeOperation(p.Operation)
	if err != nil {
		return info, err
	}
	info.Change = DirectoryOperation{ID: p.ID(), Account: op.Account, Kind: op.Kind.String(), Created: time.UnixMilli(op.Created).UTC(), Change: change}
	info.Kind, info.Account, info.Created = info.Change.Kind, op.Account, info.Change.Created
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
	info.Keys, info.KeysNeeded = st.Keys, st.KeysNeeded
	info.Ready = st.Ready && info.Problem == nil
	if done, err := p.Done(s); err != nil {
		return info, err
	} else if done {
		info.Problem = fault.New("AG0705", "aergo dd log lists what is in force.", "proposal %s is in force already", info.ID.Short())
	}
	return info, nil
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
	if account, err = r.signsAs(s, key, p, account); err != nil {
		return p, err
	}
	if p.part != nil {
		return r.signPartial(s, key, p)
	}
	whole, err := p.whole.Sign(s, account, key)
	if err != nil {
		return p, err
	}
	return r.keepProposal(whole)
}

// signsAs is the account for which a key signs a proposal, if that asks for it;
// account may be empty: the key tells.
func (r *Repository) signsAs(s dd.State, key crypto.Signer, p Proposal, account objectstore.Account) (objectstore.Account, error) {
	asked := []objectstore.Account{p.Account}
	var err error
	if p.part == nil {
		if asked, err = askedFor(s, p.whole); err != nil {
			return "", err
		}
	}
	if account == "" {
		if account, err = signsFor(s, key, asked); err != nil {
			return "", err
		}
	}
	if !slices.Contains(asked, account) {
		who := "Its author and the admins of the whole ledger sign it"
		if !p.Root {
			who = "The keys of " + r.called(p.Account) + " sign it"
		}
		return "", fault.New("AG0522", who+": aergo dd pending lists who is missing.", "proposal %s does not ask for a signature of %s", p.ID.Short(), r.called(account))
	}
	return account, nil
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
func (r *Repository) KeepProposal(p Proposal) (Proposal, error) {
	if p.part != nil {
		return r.keepPartial(*p.part)
	}
	return r.keepProposal(p.whole)
}

func (r *Repository) keepProposal(p dd.Proposal) (Proposal, error) {
	err := r.update(func(b objectstore.Batch) (err error) {
		kept, err := r.directory.Proposals()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(kept, func(k dd.Proposal) bool { return k.ID() == p.ID() }) {
			if err := r.room(); err != nil {
				return err
			}
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
	return r.update(func(b objectstore.Batch) error {
		if err := r.directory.DropProposal(b, id); !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
		return r.dropPartial(b, id)
	})
}

// MayComplete reports whether a key may put a proposal in force: of a change that
// of the directory's producer, or of the one whom it makes the producer; of a
// transaction or an approval that of the branch's producer.
func (r *Repository) MayComplete(key crypto.Signer, p Proposal) bool {
	s, err := r.directory.Head()
	if err != nil {
		return false
	}
	if p.part == nil {
		return mayOrder(s, key, p.Change.Change) == nil
	}
	if p.branch == "" {
		return false
	}
	rec, err := r.branch(p.branch)
	if err != nil {
		return false
	}
	account, _, err := s.Signer(nil, key)
	return err == nil && r.mayProduce(s, account, rec) == nil
}

// Completed is what became of a proposal: one of the three is set.
type Completed struct {
	Operation DirectoryOperation // of a directory block
	Ran       *Submission        // of a transaction
	Approval  *Approval          // kept here, for a merge
}

// CompleteProposal puts a proposal in force that has all its signatures, and
// forgets it: a change in a directory block, a transaction in a block of its
// branch, as Submit does. An approval is kept for the merge.
func (r *Repository) CompleteProposal(ctx context.Context, key crypto.Signer, p Proposal) (Completed, error) {
	var done Completed
	if p.Problem != nil {
		return done, p.Problem
	}
	if t, ok, err := r.WholeTransaction(p); err != nil {
		return done, err
	} else if ok {
		answers, err := r.Submit(ctx, key, p.branch, []sqlcontract.Transaction{t})
		if err != nil {
			return done, err
		}
		done.Ran = &answers[0]
		return done, nil
	}
	if p.part != nil {
		a, err := r.approve(*p.part)
		if err != nil {
			return done, err
		}
		done.Approval = &a
		return done, r.update(func(b objectstore.Batch) error { return r.dropPartial(b, p.ID) })
	}
	s, err := r.directory.Head()
	if err != nil {
		return done, err
	}
	if s, err = r.stateFor(s, p.Change.Change); err != nil {
		return done, err
	}
	op, err := p.whole.Complete(s)
	if err != nil {
		return done, err
	}
	done.Operation, err = r.order(key, op, func(b objectstore.Batch) error {
		kept, err := r.directory.Proposals()
		if err != nil || !slices.ContainsFunc(kept, func(k dd.Proposal) bool { return k.ID() == p.ID }) {
			return err
		}
		return r.directory.DropProposal(b, p.ID)
	})
	return done, err
}
