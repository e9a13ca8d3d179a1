package repo

import (
	"context"
	"crypto"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// CheckPolicy refuses what is neither automatic nor consistent.
func CheckPolicy(policy string) error {
	if policy != branch.Automatic.String() && policy != branch.Consistent.String() {
		return fault.New("AG0102", "automatic runs the source's transactions again; consistent merges rows by cell", "%q is no merge policy: automatic or consistent", policy)
	}
	return nil
}

// SetPolicy says how merges are made, automatic or consistent, where the user
// does not say: those into the branch, and those of it into a branch that has no
// policy of its own. Of a registered branch the directory keeps it, which an
// admin of its name may change; of a local one this repository does.
func (r *Repository) SetPolicy(ctx context.Context, key crypto.Signer, name, policy string) error {
	if err := CheckPolicy(policy); err != nil {
		return err
	}
	rec, err := r.branch(name)
	if err != nil {
		return err
	}
	state, err := r.directory.Head()
	if err != nil {
		return err
	}
	if _, registered, err := state.Branch(rec.ID); err != nil {
		return err
	} else if registered {
		return r.direct(ctx, key, dd.UpdateBranch{ID: rec.ID, Policy: policy})
	}
	return r.update(func(b objectstore.Batch) error { return branch.SetPolicy(b, r.db, rec.Name, policy) })
}

// policyOf is the policy of a branch, or "": the directory's word counts where
// it knows the branch.
func policyOf(state dd.State, rec branch.Record) (string, error) {
	known, registered, err := state.Branch(rec.ID)
	if err != nil || !registered {
		return rec.Policy, err
	}
	return known.Policy, nil
}

// obey fills in the kind of a merge that the options leave open, and gives the
// branch whose policy says it: the target, else the branch that the source
// names. Without either a merge is automatic.
func (r *Repository) obey(o MergeOptions, source string, target branch.Record) (MergeOptions, string, error) {
	if o.Automatic && o.Consistent || o.Strict && o.Consistent {
		return o, "", fault.New("AG0105", "", "a merge is automatic or consistent, and only an automatic one is strict")
	}
	if o.Automatic || o.Consistent || o.Strict {
		return o, "", nil
	}
	state, err := r.directory.Head()
	if err != nil {
		return o, "", err
	}
	asked := []branch.Record{target}
	if rec, err := r.branch(source); err == nil {
		asked = append(asked, rec)
	}
	for _, rec := range asked {
		policy, err := policyOf(state, rec)
		if err != nil {
			return o, "", err
		}
		if policy != "" {
			o.Consistent = policy == branch.Consistent.String()
			return o, string(rec.Name), nil
		}
	}
	return o, "", nil
}
