package repo

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Protection is what is asked for with Protect. All of it is said anew each
// time, but an empty Producer or Policy stays as it is.
type Protection struct {
	Producer   objectstore.Account   // the one who makes its blocks; a new one begins an epoch
	Standbys   []objectstore.Account // who may take over
	Invariants bool                  // no deploy drops or changes an INVARIANT, a new contract declares one
	Policy     string                // binding kind of merge: automatic or consistent
	Approvals  int                   // accounts that have to approve a merge, besides the producer
}

// ProtectionOf is what the directory says of a branch's protection; nil where it
// has none.
func ProtectionOf(b dd.Branch) *Protection {
	p := b.Protection
	if p == nil {
		return nil
	}
	return &Protection{Producer: b.Producer, Standbys: p.Standbys, Invariants: p.Invariants, Policy: b.Policy, Approvals: int(p.Approvals)}
}

// Protect protects a registered branch, or changes its protection. From now on
// no block of another branch comes onto its line: no fast-forward. Needs the
// right admin on its name.
func (r *Repository) Protect(_ context.Context, key crypto.Signer, name string, p Protection) error {
	return r.directly(key, func() (dd.Change, error) { return r.ProtectionChange(name, p) })
}

// ProtectionChange is the change that Protect makes, from the branch's head now.
func (r *Repository) ProtectionChange(name string, p Protection) (dd.Change, error) {
	rec, err := r.branch(name)
	if err != nil {
		return nil, err
	}
	if p.Approvals < 0 || p.Approvals > dd.MaxApprovals {
		return nil, fault.New("AG0102", "", "%d approvals: from 0 to %d are possible", p.Approvals, dd.MaxApprovals)
	}
	head, err := branch.Head(r.db, rec.ID)
	return dd.ProtectBranch{ID: rec.ID, From: head, Producer: p.Producer, Standbys: p.Standbys,
		Invariants: p.Invariants, Approvals: uint64(p.Approvals), Policy: p.Policy}, err
}

// Unprotect ends the protection of a branch. Needs the right admin on its name.
func (r *Repository) Unprotect(ctx context.Context, key crypto.Signer, name string) error {
	rec, err := r.branch(name)
	if err != nil {
		return err
	}
	return r.direct(ctx, key, dd.ProtectBranch{ID: rec.ID, Off: true})
}

// keepsInvariants tells whether deploys on a branch have to keep the INVARIANTs,
// by the directory that their block names.
func keepsInvariants(state dd.State, id branch.ID) (bool, error) {
	p, err := state.Protection(id)
	return err == nil && p != nil && p.Invariants, err
}

// guard checks the record of a merge or cherry-pick against what its branch asks
// for by the directory that the block names: the kind of the merge, and its
// approvals. It needs nothing but the two and the block's producer.
func guard(state dd.State, id branch.ID, producer objectstore.Account, rec branch.MergeRecord) error {
	known, _, err := state.Branch(id)
	if err != nil {
		return err
	}
	if err := guardKind(known, rec.Kind); err != nil {
		return err
	}
	need := uint64(0)
	if known.Protection != nil {
		need = known.Protection.Approvals
	}
	if need == 0 {
		if len(rec.Approvals) > 0 {
			return errors.New("its merge record has approvals, which nobody asked for")
		}
		return nil
	}
	for _, a := range rec.Approvals {
		if a.Account == producer {
			return fmt.Errorf("its merge record has the approval of its producer %s, which does not count", producer)
		}
		err := dd.VerifyApproval(state, dd.SignedApproval{Seal: a.Seal, Approval: dd.Approval{
			Version: 1, Ledger: state.Ledger(), Branch: id, Source: rec.Source, Account: a.Account, Created: a.Created}})
		if err != nil {
			return err
		}
	}
	if n := uint64(len(rec.Approvals)); n < need { // the record is in order of accounts: no two are the same
		return fault.New("AG0551", "", "branch %s needs %d approvals of a merge, its merge record has %d", known.Name, need, n)
	}
	return nil
}

// guardKind checks that a protected branch takes this kind of merge or pick.
func guardKind(known dd.Branch, kind branch.MergeKind) error {
	p := known.Protection
	switch {
	case p == nil:
		return nil
	case kind == branch.Picked:
		if p.Approvals > 0 {
			return fault.New("AG0552", "Pick onto a branch of your own, and have that approved and merged: aergo switch -c NAME", "branch %s takes no cherry-pick: what comes to it needs %d approvals", known.Name, p.Approvals)
		}
	case known.Policy != "" && kind.String() != known.Policy:
		return fault.New("AG0550", "Leave the flag out, or have an admin change it: aergo branch protect "+known.Name+" --merge "+kind.String(),
			"branch %s is protected and merges %s; this merge is %s", known.Name, known.Policy, kind)
	}
	return nil
}

// guard completes the record of a merge with the approvals that the branch asks
// for, and refuses what it does not take.
func (d *draft) guard(rec *branch.MergeRecord) error {
	state, err := d.r.directory.At(d.directory)
	if err != nil {
		return err
	}
	if _, _, err := d.mayBring(rec.Kind, rec.Source); err != nil {
		return err
	}
	list, _, err := d.r.approvals(state, d.record.ID, rec.Source, d.account)
	if err != nil {
		return err
	}
	rec.Approvals = nil
	for _, a := range list {
		rec.Approvals = append(rec.Approvals, branch.Approval{Account: a.Approval.Account, Created: a.Approval.Created, Seal: a.Seal})
	}
	return guard(state, d.record.ID, d.account, *rec)
}

// mayBring tells, before anything is computed, whether a merge or cherry-pick of
// this kind can become a block of the branch: who has approved it, and how many
// approvals are missing (AG0551).
func (d *draft) mayBring(kind branch.MergeKind, source objectstore.Hash) (approved []objectstore.Account, missing int, err error) {
	state, err := d.r.directory.At(d.directory)
	if err != nil {
		return nil, 0, err
	}
	known, _, err := state.Branch(d.record.ID)
	if err != nil {
		return nil, 0, err
	}
	if err := guardKind(known, kind); err != nil || known.Protection == nil || kind == branch.Picked {
		return nil, 0, err
	}
	list, own, err := d.r.approvals(state, d.record.ID, source, d.account)
	if err != nil {
		return nil, 0, err
	}
	var names []string
	for _, a := range list {
		approved, names = append(approved, a.Approval.Account), append(names, nameOf(state, a.Approval.Account))
	}
	need := int(known.Protection.Approvals)
	if missing = need - len(list); missing <= 0 {
		return approved, 0, nil
	}
	who := "nobody has approved it yet"
	if len(list) > 0 {
		who = "approved by " + strings.Join(names, ", ")
	}
	if own {
		who += " (your own does not count: you make the block)"
	}
	return approved, missing, fault.New("AG0551", fmt.Sprintf("Who may write there approves: aergo approve %s --into %s. From another machine, with -o FILE, it comes by: aergo approve --add FILE", source.Short(), known.Name),
		"the merge of block %s into %s needs %d approvals, %d missing: %s", source.Short(), known.Name, need, missing, who)
}

// nameOf is what the directory calls an account.
func nameOf(state dd.State, a objectstore.Account) string {
	if name, ok, err := state.NameOf(a); err == nil && ok {
		return name
	}
	return string(a)
}

// guarded checks the record of a recorded block, if it has one.
func (v *verification) guarded(b branch.Block, state dd.State) error {
	if b.MergeRecord.IsZero() {
		return nil
	}
	rec, err := branch.ReadMergeRecord(v.r.db, b.MergeRecord)
	if err != nil {
		return err
	}
	if err := rec.CheckHeader(b.Header); err != nil {
		return err
	}
	v.report.Signatures += len(rec.Approvals)
	if newest := v.verified[b.Ledger]; newest.AnyRevoked() {
		for _, a := range rec.Approvals { // a stolen key approves nothing
			if err := newest.CheckRevokedBlock(a.Account, a.Seal, b.Branch, v.within(b.ID)); err != nil {
				return err
			}
		}
	}
	return guard(state, b.Branch, b.Producer, rec)
}

// deploys tells whether a block holds a deploy.
func (v *verification) deploys(b branch.Block) (bool, error) {
	leaves, err := branch.ReadList(v.r.db, objectstore.KindTransactionList, b.Transactions)
	if err != nil {
		return false, err
	}
	for _, l := range leaves {
		h, err := sqlcontract.DecodeHeader(l.Data)
		if err != nil || h.Kind == sqlcontract.KindDeploy {
			return err == nil, err
		}
	}
	return false, nil
}

// since checks a block that stands on a protected branch after the head at which
// it was protected: it was made on the branch, and what the protection is about
// was made under it.
func (v *verification) since(p dd.Protection, b branch.Block, rec branch.Record) error {
	if b.Branch != rec.ID {
		return fault.New("AG0552", "", "it was made on another branch, and %s is protected since block %s: what comes to it is merged", rec.Name, p.From.Short())
	}
	if v.states[b.Directory].Block().Number >= p.Since {
		return nil
	}
	bad := !b.MergeRecord.IsZero()
	if p.Invariants && !bad {
		var err error
		if bad, err = v.deploys(b); err != nil {
			return err
		}
	}
	if bad {
		return fault.New("AG0552", "", "it merges, picks or deploys by a directory from before the protection of %s", rec.Name)
	}
	return nil
}
