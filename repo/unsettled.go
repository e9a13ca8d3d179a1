package repo

import (
	"errors"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Unsettled is what an account has signed by its present keys that is here and
// still waits: once its keys change it counts no more (AG0506).
type Unsettled struct {
	// Branches hold transactions of it that main does not, by name. Merged later,
	// they are left out.
	Branches []string
	// Approvals are those of what is not merged yet.
	Approvals []Approval
}

// Unsettled tells what an account loses by new keys. What it has signed and sent
// elsewhere nobody can know here.
func (r *Repository) Unsettled(account objectstore.Account) (Unsettled, error) {
	var u Unsettled
	main, err := branch.Lookup(r.db, branch.Main)
	if err != nil {
		return u, err
	}
	branches, err := r.Branches()
	if err != nil {
		return u, err
	}
	for _, b := range branches {
		if b.ID == main.ID {
			continue
		}
		if signed, err := r.signedBeside(main.ID, b.Head, account, false); err != nil {
			return u, err
		} else if signed {
			u.Branches = append(u.Branches, b.Name)
		}
	}
	slices.Sort(u.Branches)
	u.Approvals, err = r.waitingApprovals(account)
	return u, err
}

// waitingApprovals gives the approvals of an account, kept here, that count and of
// which the source has not been merged yet.
func (r *Repository) waitingApprovals(account objectstore.Account) ([]Approval, error) {
	state, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	var list []Approval
	err = r.db.Refs(refApproval, func(_ string, data []byte) error {
		a, err := dd.DecodeApproval(data)
		if err != nil || a.Approval.Account != account {
			return nil //nolint:nilerr // not ours, or it does not count
		}
		if err := dd.VerifyApproval(state, a); err != nil {
			if fault.Of(err) != nil {
				return nil
			}
			return err
		}
		head, err := branch.Head(r.db, a.Approval.Branch)
		if err == nil {
			var merged bool
			if merged, err = r.history.IsAncestor(a.Approval.Source, head); merged {
				return nil
			}
		}
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
		text, _, err := approvalOf(state, a)
		list = append(list, text)
		return err
	})
	return list, err
}
