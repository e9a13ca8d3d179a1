package dd

import (
	"crypto"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Approval says that a block and all that it reaches may be merged into a
// branch. What happens on the branch meanwhile does not change it.
type Approval struct {
	Version uint64              `cbor:"1,keyasint"` // 1
	Ledger  objectstore.Hash    `cbor:"2,keyasint"`
	Branch  objectstore.Hash    `cbor:"3,keyasint"` // id of the target
	Source  objectstore.Hash    `cbor:"4,keyasint"` // block
	Account objectstore.Account `cbor:"5,keyasint"` // who approves
	Created int64               `cbor:"6,keyasint"` // ms since 1970
}

// ID is what is signed: Sum(KindApproval, canonical CBOR).
func (a Approval) ID() (objectstore.Hash, error) {
	data, err := wire.Marshal(a)
	return objectstore.Sum(objectstore.KindApproval, data), err
}

// SignedApproval is an approval with its account's signatures, purpose approval.
type SignedApproval struct {
	Approval Approval `cbor:"1,keyasint"`
	Seal     []byte   `cbor:"2,keyasint"`
}

// Encode gives the canonical bytes, as they are kept and travel.
func (a SignedApproval) Encode() ([]byte, error) { return wire.Marshal(a) }

// DecodeApproval reads a signed approval from foreign bytes and checks its form.
func DecodeApproval(data []byte) (SignedApproval, error) {
	var a SignedApproval
	if err := wire.UnmarshalLimit(data, &a, MaxApproval); err != nil {
		return a, fault.New("AG0553", "", "this is no approval: %w", err)
	}
	return a, a.Approval.check()
}

func (a Approval) check() error {
	bad := func(what string, args ...any) error {
		return fault.New("AG0553", "", "approval: "+what, args...)
	}
	switch {
	case a.Version != 1:
		return bad("version %d is not known, only 1", a.Version)
	case a.Ledger.IsZero() || a.Branch.IsZero() || a.Source.IsZero():
		return bad("ledger, branch and source are not zero")
	case a.Created < 0 || a.Created > MaxTime:
		return bad("created %d is no time", a.Created)
	}
	if err := checkAccount("account", a.Account); err != nil {
		return bad("%w", err)
	}
	return nil
}

// Approve makes an approval of the account that the signers sign for, by the
// rights of s. created is ms since 1970; descriptor as for Propose.
func Approve(s State, branch, source objectstore.Hash, created int64, descriptor []byte, signers ...crypto.Signer) (SignedApproval, error) {
	account, d, err := s.signer(descriptor, signers)
	if err != nil {
		return SignedApproval{}, err
	}
	a := SignedApproval{Approval: Approval{Version: 1, Ledger: s.Ledger(), Branch: branch, Source: source, Account: account, Created: created}}
	if err := a.Approval.check(); err != nil {
		return a, err
	}
	id, err := a.Approval.ID()
	if err != nil {
		return a, err
	}
	if a.Seal, err = makeSeal(d, sign.PurposeApproval, a.Approval.Ledger, id, signers); err != nil {
		return a, fmt.Errorf("sign approval: %w", err)
	}
	return a, VerifyApproval(s, a)
}

// CheckApproval checks that an approval is of this ledger, and that its account
// may approve what is merged into the branch.
func CheckApproval(s State, p Approval) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.Ledger != s.Ledger() {
		return fault.New("AG0553", "", "the approval is of another ledger, %s", p.Ledger.Short())
	}
	return Decide(s, Question{Account: p.Account, Right: RightApprove, Branch: p.Branch})
}

// VerifyApproval is CheckApproval, and its signature.
func VerifyApproval(s State, a SignedApproval) error {
	p := a.Approval
	if err := CheckApproval(s, p); err != nil {
		return err
	}
	id, err := p.ID()
	if err != nil {
		return err
	}
	if err := s.checkSeal(a.Seal, p.Account, sign.PurposeApproval, id); err != nil {
		return fault.New("AG0601", "ask its account for it again, signed with its present keys", "the approval of block %s is not signed by %s: %w", p.Source.Short(), s.who(p.Account), err)
	}
	return nil
}
