package repo

import (
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// newReaders lists, sorted, the accounts that a merge or cherry-pick of a block
// into a branch would show what they may not read now: they may read the target,
// and no branch of this repository that reaches the block. In a public ledger,
// and where the roles on both are the same, there is none.
func (r *Repository) newReaders(state dd.State, source objectstore.Hash, target branch.Record) ([]objectstore.Account, error) {
	if state.Public() {
		return nil, nil
	}
	roles, err := state.Roles()
	if err != nil {
		return nil, err
	}
	records, err := branch.Branches(r.db)
	if err != nil {
		return nil, err
	}
	b, err := r.history.Read(source)
	if err != nil {
		return nil, err
	}
	made, err := r.branchByID(b.Branch) // under whatever name it is known, also if its head is elsewhere now
	if err != nil {
		return nil, err
	}
	from := []branch.Record{made}
	for _, rec := range records {
		head, err := branch.Head(r.db, rec.ID)
		if err != nil {
			return nil, err
		}
		if head.IsZero() || rec.ID == made.ID {
			continue
		}
		reaches, err := r.history.IsAncestor(source, head)
		if err != nil {
			return nil, err
		}
		if reaches {
			from = append(from, rec)
		}
	}
	var list []objectstore.Account
	seen := map[objectstore.Account]bool{state.Owner(): true} // who reads everything
	for _, role := range roles {
		if seen[role.Account] {
			continue
		}
		seen[role.Account] = true
		shown, err := reads(state, role.Account, target)
		if err != nil {
			return nil, err
		}
		for i := 0; shown && i < len(from); i++ {
			knows, err := reads(state, role.Account, from[i])
			if err != nil {
				return nil, err
			}
			shown = !knows
		}
		if shown {
			list = append(list, role.Account)
		}
	}
	slices.Sort(list)
	return list, nil
}

// discloses gives whom a merge or cherry-pick of a block into a branch shows
// what they may not read now, and refuses it (AG0730) unless that is allowed.
func (r *Repository) discloses(source objectstore.Hash, target branch.Record, allowed bool) ([]objectstore.Account, error) {
	state, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	list, err := r.newReaders(state, source, target)
	if err != nil || len(list) == 0 || allowed {
		return list, err
	}
	const most = 5
	var names []string
	for _, a := range list[:min(most, len(list))] {
		name, known, err := state.NameOf(a)
		if err != nil {
			return nil, err
		}
		if !known {
			name = string(a)
		}
		names = append(names, name)
	}
	if len(list) > most {
		names = append(names, "and others")
	}
	return list, fault.New("AG0730", "Show it to them with --disclose, or give them the role reader on the source first.",
		"this would show block %s and what led to it to %s: they may read %s and not the source", source.Short(), strings.Join(names, ", "), target.Name)
}
