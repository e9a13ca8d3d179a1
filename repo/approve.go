package repo

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Approval is an account's word that a block may be merged into a branch.
type Approval struct {
	Branch  string // name of the target
	Source  objectstore.Hash
	Account objectstore.Account
	Created time.Time
	Text    string // as a line of a file, for AddApproval elsewhere
}

// approvalWord begins the line of an approval in a file; base64 (RFC 4648, with
// padding) of the canonical CBOR follows. Empty lines and those that begin with
// # say nothing.
const approvalWord = "aergo-approval-v1 "

// refApproval + branch id in hex + "/" + source in hex + "/" + account =>
// dd.SignedApproval
const refApproval = "approval/"

func approvalRef(id branch.ID, source objectstore.Hash, account objectstore.Account) string {
	return refApproval + id.String() + "/" + source.String() + "/" + string(account)
}

// Approve says with a key that source, a revision, may be merged into a branch
// (empty: the current one), and keeps that here.
func (r *Repository) Approve(key crypto.Signer, source, into string) (Approval, error) {
	block, err := r.Resolve(source)
	if err != nil {
		return Approval{}, err
	}
	rec, err := r.branch(into)
	if err != nil {
		return Approval{}, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return Approval{}, err
	}
	if _, registered, err := state.Branch(rec.ID); err != nil {
		return Approval{}, err
	} else if !registered {
		return Approval{}, fault.New("AG0553", "", "branch %s is not registered: nobody asks for approvals there", rec.Name)
	}
	a, err := dd.Approve(state, rec.ID, block, r.now().UnixMilli(), nil, key)
	if err != nil {
		return Approval{}, err
	}
	return r.keepApproval(state, a)
}

// AddApproval keeps an approval that was made on another machine, from the text
// of its file.
func (r *Repository) AddApproval(file []byte) (Approval, error) {
	bad := func(err error) (Approval, error) {
		return Approval{}, fault.New("AG0553", "Ask for the file again: aergo approve SRC --into BRANCH -o FILE writes it.", "the file is no approval: %w", err)
	}
	var text string
	for line := range strings.Lines(string(file)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if text != "" {
			return bad(errors.New("it has more than one line"))
		}
		text = line
	}
	coded, ok := strings.CutPrefix(text, approvalWord)
	if !ok {
		return bad(fmt.Errorf("it does not begin with %q", approvalWord))
	}
	data, err := base64.StdEncoding.Strict().DecodeString(coded)
	if err != nil {
		return bad(err)
	}
	a, err := dd.DecodeApproval(data)
	if err != nil {
		return bad(err)
	}
	state, err := r.directory.Head()
	if err != nil {
		return Approval{}, err
	}
	return r.keepApproval(state, a)
}

// keepApproval verifies an approval and keeps it.
func (r *Repository) keepApproval(state dd.State, a dd.SignedApproval) (Approval, error) {
	if err := dd.VerifyApproval(state, a); err != nil {
		return Approval{}, err
	}
	info, data, err := approvalOf(state, a)
	if err != nil {
		return Approval{}, err
	}
	name := approvalRef(a.Approval.Branch, a.Approval.Source, a.Approval.Account)
	return info, r.update(func(b objectstore.Batch) error {
		old, err := r.db.Ref(name)
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
		return b.SetRef(name, old, data)
	})
}

func approvalOf(state dd.State, a dd.SignedApproval) (Approval, []byte, error) {
	data, err := a.Encode()
	if err != nil {
		return Approval{}, nil, err
	}
	known, _, err := state.Branch(a.Approval.Branch)
	return Approval{Branch: known.Name, Source: a.Approval.Source, Account: a.Approval.Account, Created: time.UnixMilli(a.Approval.Created).UTC(),
		Text: approvalWord + base64.StdEncoding.EncodeToString(data) + "\n"}, data, err
}

// Approvals lists the approvals kept here of source (a revision) for a branch
// (empty: the current one), by account, that count there now.
func (r *Repository) Approvals(source, into string) ([]Approval, error) {
	block, err := r.Resolve(source)
	if err != nil {
		return nil, err
	}
	rec, err := r.branch(into)
	if err != nil {
		return nil, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	kept, err := r.keptApprovals(state, rec.ID, block)
	if err != nil {
		return nil, err
	}
	list := make([]Approval, len(kept))
	for i, a := range kept {
		if list[i], _, err = approvalOf(state, a); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// keptApprovals reads the approvals of a source for a branch that hold by a
// directory, in ascending order of accounts. What does not hold is passed over:
// its account has lost the role, say.
func (r *Repository) keptApprovals(state dd.State, id branch.ID, source objectstore.Hash) ([]dd.SignedApproval, error) {
	var list []dd.SignedApproval
	err := r.db.Refs(approvalRef(id, source, ""), func(_ string, data []byte) error {
		a, err := dd.DecodeApproval(data)
		if err != nil || a.Approval.Branch != id || a.Approval.Source != source {
			return nil //nolint:nilerr // of another version, or put there by somebody: it does not count
		}
		if err := dd.VerifyApproval(state, a); fault.Of(err) != nil {
			return nil
		} else if err != nil {
			return err
		}
		list = append(list, a)
		return nil
	})
	slices.SortFunc(list, func(x, y dd.SignedApproval) int {
		return strings.Compare(string(x.Approval.Account), string(y.Approval.Account))
	})
	list = slices.CompactFunc(list, func(x, y dd.SignedApproval) bool { return x.Approval.Account == y.Approval.Account })
	return list, err
}

// approvals gives those that a merge block by a producer records: none where the
// branch asks for none, else at most MaxApprovals, without his own; own tells
// whether he has given one.
func (r *Repository) approvals(state dd.State, id branch.ID, source objectstore.Hash, producer objectstore.Account) (list []dd.SignedApproval, own bool, err error) {
	p, err := state.Protection(id)
	if err != nil || p == nil || p.Approvals == 0 {
		return nil, false, err
	}
	kept, err := r.keptApprovals(state, id, source)
	if err != nil {
		return nil, false, err
	}
	for _, a := range kept {
		if a.Approval.Account == producer {
			own = true
		} else if len(list) < branch.MaxApprovals {
			list = append(list, a)
		}
	}
	return list, own, nil
}
