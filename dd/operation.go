package dd

import (
	"crypto"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// OperationKind says what an operation does.
type OperationKind uint64

// The kinds of operations. Values are part of the format.
const (
	KindRegister   OperationKind = 1
	KindTag        OperationKind = 2
	KindGrant      OperationKind = 3
	KindRevoke     OperationKind = 4
	KindIdentity   OperationKind = 5
	KindVisibility OperationKind = 6
	KindUpdate     OperationKind = 7
	KindEngine     OperationKind = 8
	KindKeys       OperationKind = 9
	KindProtect    OperationKind = 13
	KindAnchor     OperationKind = 10
	KindThreshold  OperationKind = 14
	KindPeer       OperationKind = 11
	KindProducer   OperationKind = 12
	KindRevokeKey  OperationKind = 15
	KindTakeOver   OperationKind = 16
	KindResolve    OperationKind = 17
	KindDelete     OperationKind = 18
)

// String names the kind as the log shows it.
func (k OperationKind) String() string {
	switch k {
	case KindRegister:
		return "register branch"
	case KindTag:
		return "tag"
	case KindGrant:
		return "grant"
	case KindRevoke:
		return "revoke"
	case KindIdentity:
		return "identity"
	case KindVisibility:
		return "visibility"
	case KindUpdate:
		return "update branch"
	case KindEngine:
		return "engine"
	case KindKeys:
		return "keys"
	case KindProtect:
		return "protect branch"
	case KindAnchor:
		return "anchor"
	case KindThreshold:
		return "threshold"
	case KindRevokeKey:
		return "revoke key"
	case KindPeer:
		return "peer"
	case KindProducer:
		return "directory producer"
	case KindTakeOver:
		return "take over branch"
	case KindResolve:
		return "resolve evidence"
	case KindDelete:
		return "delete branch"
	}
	return fmt.Sprintf("operation kind %d", uint64(k))
}

// Operation is one change of the directory. Its id is Sum(KindDirectoryOp,
// canonical CBOR), without signatures.
type Operation struct {
	Version uint64              `cbor:"1,keyasint"` // 1
	Ledger  objectstore.Hash    `cbor:"2,keyasint"`
	Kind    OperationKind       `cbor:"3,keyasint"`
	Body    []byte              `cbor:"4,keyasint"` // canonical CBOR of the Change
	Account objectstore.Account `cbor:"5,keyasint"` // who asks for it and signs
	Salt    objectstore.Hash    `cbor:"6,keyasint"` // random; an account uses each once
	Created int64               `cbor:"7,keyasint"` // ms since 1970
	// Base is the directory block that its author saw.
	Base objectstore.Hash `cbor:"8,keyasint"`
	// Extensions: an unknown odd key is ignored, an even one refused.
	Extensions map[uint64]cbor.RawMessage `cbor:"9,keyasint,omitempty"`
}

// SignedOperation is an operation's canonical bytes with its seal, as it
// travels. Nothing in it is checked until a State takes it.
type SignedOperation struct {
	Data []byte
	Seal []byte
	// Consents of other admins, by account, where it is a root matter.
	Consents []Consent
}

// ID is the operation's id.
func (o SignedOperation) ID() objectstore.Hash {
	return objectstore.Sum(objectstore.KindDirectoryOp, o.Data)
}

// Change is what an operation does: one of RegisterBranch, UpdateBranch,
// ProtectBranch, AddTag, Grant, Revoke, AddIdentity, SetVisibility, SetKeys,
// SetThreshold, SetEngine, RevokeKey, AnchorBranch, SetProducer, TakeOver,
// ResolveEvidence, SetPeer, DeleteBranch.
type Change interface {
	// records checks the change against the state and who asks for it, and
	// gives what it writes.
	records(s State, op Operation) ([]record, error)
	kind() OperationKind
}

// Propose makes and signs an operation of the account that the signers sign for,
// on top of the state s. created is ms since 1970, salt 32 random bytes.
// descriptor is the account's canonical descriptor; it may be nil for one
// signer, see State.Signer. A root matter that needs several admins begins as
// NewProposal. It fails where s would refuse the operation.
func Propose(s State, c Change, created int64, salt objectstore.Hash, descriptor []byte, signers ...crypto.Signer) (SignedOperation, error) {
	account, d, err := s.signer(descriptor, signers)
	if err != nil {
		return SignedOperation{}, err
	}
	data, err := s.operation(c, account, created, salt)
	if err != nil {
		return SignedOperation{}, err
	}
	o := SignedOperation{Data: data}
	if o.Seal, err = makeSeal(d, sign.PurposeDirectory, s.Ledger(), o.ID(), signers); err != nil {
		return SignedOperation{}, fmt.Errorf("sign directory operation: %w", err)
	}
	_, err = s.With(o, created)
	return o, err
}

// operation gives the canonical bytes of an operation on top of s.
func (s State) operation(c Change, account objectstore.Account, created int64, salt objectstore.Hash) ([]byte, error) {
	body, err := wire.Marshal(c)
	if err != nil {
		return nil, err
	}
	return wire.Marshal(Operation{
		Version: 1, Ledger: s.Ledger(), Kind: c.kind(), Body: body,
		Account: account, Salt: salt, Created: created, Base: s.Block().ID,
	})
}

// DecodeOperation reads an operation and its change from foreign bytes.
func DecodeOperation(data []byte) (Operation, Change, error) {
	var o Operation
	if err := wire.UnmarshalLimit(data, &o, MaxOperation); err != nil {
		return Operation{}, nil, fmt.Errorf("directory operation: %w", err)
	}
	bad := func(what string, args ...any) (Operation, Change, error) {
		return Operation{}, nil, fmt.Errorf("directory operation: "+what, args...)
	}
	switch {
	case o.Version != 1:
		return bad("version %d is not known, only 1", o.Version)
	case o.Ledger.IsZero() || o.Base.IsZero() || o.Salt.IsZero():
		return bad("ledger, base and salt are not zero")
	case o.Created < 0 || o.Created > MaxTime:
		return bad("created %d is no time", o.Created)
	}
	if err := checkAccount("account", o.Account); err != nil {
		return bad("%w", err)
	}
	if err := wire.Extensions(o.Extensions).Check(nil); err != nil {
		return bad("%w", err)
	}
	change, err := decodeChange(o.Kind, o.Body)
	if err != nil {
		return bad("%s: %w", o.Kind, err)
	}
	return o, change, nil
}

func decodeChange(kind OperationKind, body []byte) (Change, error) {
	switch kind {
	case KindRegister:
		return decodeAs[RegisterBranch](body)
	case KindUpdate:
		return decodeAs[UpdateBranch](body)
	case KindProtect:
		return decodeAs[ProtectBranch](body)
	case KindTag:
		return decodeAs[AddTag](body)
	case KindGrant:
		return decodeAs[Grant](body)
	case KindRevoke:
		return decodeAs[Revoke](body)
	case KindIdentity:
		return decodeAs[AddIdentity](body)
	case KindVisibility:
		return decodeAs[SetVisibility](body)
	case KindEngine:
		return decodeAs[SetEngine](body)
	case KindKeys:
		return decodeAs[SetKeys](body)
	case KindAnchor:
		return decodeAs[AnchorBranch](body)
	case KindThreshold:
		return decodeAs[SetThreshold](body)
	case KindRevokeKey:
		return decodeAs[RevokeKey](body)
	case KindPeer:
		return decodeAs[SetPeer](body)
	case KindProducer:
		return decodeAs[SetProducer](body)
	case KindTakeOver:
		return decodeAs[TakeOver](body)
	case KindResolve:
		return decodeAs[ResolveEvidence](body)
	case KindDelete:
		return decodeAs[DeleteBranch](body)
	}
	return nil, fault.New("AG0603", "upgrade to a version that knows it", "this version does not know it")
}

func decodeAs[C Change](body []byte) (Change, error) {
	var c C
	err := wire.Unmarshal(body, &c)
	return c, err
}
