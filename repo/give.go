package repo

import (
	"context"
	"crypto"
	"fmt"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Give signs chosen transactions of a private branch anew, for the origin: for
// its ledger and the branch named so in its directory (empty: the one at which
// it was left, else main). Each asks for the same action with the same
// arguments, under a new blind, and has the private transaction's id as its
// provenance; nothing else of this ledger is in it. The order is that of ids.
//
// Only what the key's own account signed, and what had effect here, can be
// given. A transaction given twice counts once in the origin: the salt is made
// of it. By a newer directory of the origin (TakeDirectory) it fails with AG0517
// where the origin would refuse them.
func (r *Repository) Give(key crypto.Signer, branchName string, ids []string) ([]sqlcontract.Transaction, error) {
	if len(r.parts) < 2 {
		return nil, fault.New("AG0546", "A private branch is made with: aergo init NAME --origin PATH", "this ledger is no private branch of another one: there is no origin to give to")
	}
	there, _, known, err := r.later(r.parts[1])
	if err != nil {
		return nil, err
	}
	return r.give(key, there, known, branchName, ids)
}

// give signs by a state of the origin's directory; where that is newer than the
// one that the genesis names it also says what would be refused.
func (r *Repository) give(key crypto.Signer, there dd.State, newer bool, branchName string, ids []string) ([]sqlcontract.Transaction, error) {
	own, err := r.AccountFor(key)
	if err != nil {
		return nil, err
	}
	to, err := r.originBranch(there, branchName)
	if err != nil {
		return nil, err
	}
	account, keys, err := there.Signer(nil, key) // by the origin's directory, which will judge it
	if err != nil {
		return nil, err
	}
	given := make([]sqlcontract.Transaction, len(ids))
	taken := map[objectstore.Hash]bool{}
	for i, prefix := range ids {
		if err := r.CheckRead(own, objectstore.Hash{}); err != nil {
			return nil, err
		}
		id, err := r.transactionID(prefix)
		if err != nil {
			return nil, err
		}
		if taken[id] {
			return nil, fault.New("AG0102", "", "transaction %s is named twice", id.Short())
		}
		taken[id] = true
		f, err := r.find(id)
		if err != nil {
			return nil, err
		}
		if err := r.CheckRead(own, f.block.ID); err != nil {
			return nil, err
		}
		if err := r.mayGive(f, account); err != nil {
			return nil, err
		}
		if given[i], err = r.giveOne(key, there, keys, f, to.ID); err != nil {
			return nil, err
		}
		if newer {
			if err := wouldTake(there, account, keys, given[i].Seal, to); err != nil {
				return nil, err
			}
		}
	}
	return given, nil
}

// originBranch finds a branch in the origin's directory.
func (r *Repository) originBranch(head dd.State, name string) (dd.Branch, error) {
	p := r.parts[1]
	if name == "" {
		b, err := r.history.Read(p.newest)
		if err != nil {
			return dd.Branch{}, err
		}
		if on, ok, err := head.Branch(b.Branch); err != nil || ok {
			return on, err
		}
		name = "main"
	}
	to, ok, err := head.BranchNamed(name)
	if err == nil && !ok {
		err = fault.New("AG0202", "Name one that its directory had when this branch was made: aergo log", "the origin's directory knows no branch %s", name)
	}
	return to, err
}

// mayGive says why a transaction cannot be given back.
func (r *Repository) mayGive(f found, account objectstore.Account) error {
	no := func(next, what string, args ...any) error {
		return fault.New("AG0546", next, "transaction %s cannot be given to the origin: "+what, append([]any{f.id.Short()}, args...)...)
	}
	switch {
	case f.header.Ledger != r.ledger:
		return no("", "it came from there")
	case f.header.Kind == sqlcontract.KindPatch:
		return no("Give the calls that led to its rows.", "it is a patch, which fits the rows of this branch only")
	case f.header.Account != account:
		return no("Its signer can give it, with his key, from a repository that has it.", "it is signed by %s, and nobody can sign for another", f.header.Account)
	case f.header.Stays:
		return no("", "it was made on a scratch branch, which its calls never leave")
	case f.receipt.Status != sqlcontract.StatusOK:
		return no("aergo show "+f.id.Short(), "it had no effect here, it is %s", f.receipt.Status)
	case f.args == nil:
		return no("", "its arguments are erased")
	}
	return nil
}

// giveOne signs one transaction for the origin.
func (r *Repository) giveOne(key crypto.Signer, there dd.State, keys []byte, f found, to objectstore.Hash) (sqlcontract.Transaction, error) {
	origin := r.parts[1].ledger
	salt, err := sqlcontract.IdempotencySalt(origin, f.header.Contract, f.header.Action, "given "+f.id.String())
	if err != nil {
		return sqlcontract.Transaction{}, err
	}
	t, err := sqlcontract.NewVerifier(origin).Had(there.Had).Sign(sqlcontract.Request{
		Kind: f.header.Kind, Ledger: origin, Branch: to, Contract: f.header.Contract, Action: f.header.Action, Args: f.args,
		Account: f.header.Account, Keys: keys, Salt: salt, Created: r.now(), GasLimit: f.header.GasLimit, Provenance: f.id,
	}, key, r.random)
	return t.Raw(), err
}

// GiveTo gives transactions to the origin in a repository on this machine, whose
// branch the key produces: they are signed (Give) and run there, in one ordinary
// block. Answer i belongs to id i, as Submit says.
func (r *Repository) GiveTo(ctx context.Context, key crypto.Signer, origin *Repository, branchName string, ids []string) ([]Submission, error) {
	if len(r.parts) > 1 && origin.ledger != r.parts[1].ledger {
		return nil, fault.New("AG0547", "Name the folder of the origin: aergo status says which ledger that is.",
			"ledger %s in %s is not the origin of this one, %s", origin.ledger, origin.dir, r.parts[1].ledger)
	}
	txs, err := r.Give(key, branchName, ids)
	if err != nil {
		return nil, err
	}
	there, _, _, err := r.later(r.parts[1])
	if err != nil {
		return nil, err
	}
	to, err := r.originBranch(there, branchName)
	if err != nil {
		return nil, err
	}
	rec, err := origin.branchByID(to.ID)
	if err != nil {
		return nil, err
	}
	answers, err := origin.Submit(ctx, key, string(rec.Name), txs)
	if f := fault.Of(err); f != nil && f.ID == "AG0502" {
		return nil, fault.New("AG0502", "Write them into a file for its producer: aergo give TX… -o FILE", "%s", f.What)
	}
	if err != nil {
		return nil, fmt.Errorf("the origin: %w", err)
	}
	return answers, nil
}
