package repo

import (
	"errors"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// CheckRead decides whether something may leave this repository for an account
// (empty: nobody in particular), by the newest directory: with a zero block the
// directory and what is said of the ledger, which every member may have; else a
// block with what it holds and reaches, which an account may have that may read a
// branch whose head has it. Fetching, serving, proofs, exports and what is given
// to an origin ask it; an origin is asked the same by its own directory.
//
// A denial (AG0501) is the same whatever there is and where there is nothing. So
// ask before anything else is told. Who reads the folder itself asks nobody.
func (r *Repository) CheckRead(account objectstore.Account, block objectstore.Hash) error {
	state, err := r.directory.Head()
	if err != nil {
		return err
	}
	if err := mayRead(state, account, nil); err != nil || block.IsZero() {
		return err
	}
	made, err := r.history.Read(block)
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	if err == nil {
		records, err := branch.Branches(r.db)
		if err != nil {
			return err
		}
		// The branch that it was made on first: it nearly always is the one.
		slices.SortStableFunc(records, func(x, y branch.Record) int { return rank(y.ID == made.Branch) - rank(x.ID == made.Branch) })
		for _, rec := range records {
			if ok, err := reads(state, account, rec); err != nil {
				return err
			} else if !ok {
				continue
			}
			head, err := branch.Head(r.db, rec.ID)
			if err != nil {
				return err
			}
			if ok, err := hasBlock(r.history, head, block); err != nil || ok {
				return err
			}
		}
	}
	if err := mayRead(state, "", nil); err != nil {
		return err // what somebody hears who may read nothing
	}
	return fault.New("AG0202", "", "no branch has block %s", block.Short())
}

// mayRead asks for the right to read a branch; nil: to learn anything at all.
func mayRead(state dd.State, account objectstore.Account, rec *branch.Record) error {
	if rec == nil {
		return dd.Decide(state, dd.Question{Account: account, Right: dd.RightRead})
	}
	return dd.Decide(state, question(dd.RightRead, account, *rec))
}

// reads is mayRead as a yes or no.
func reads(state dd.State, account objectstore.Account, rec branch.Record) (bool, error) {
	err := mayRead(state, account, &rec)
	if fault.Of(err) != nil {
		return false, nil
	}
	return err == nil, err
}
