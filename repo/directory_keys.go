package repo

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// KeysOf are the keys by which an account with an identity signs now: how many of
// them have to, and each as its public line. changes counts how often they were
// changed.
func (r *Repository) KeysOf(i dd.Identity) (threshold int, lines []string, changes uint64, err error) {
	s, err := r.directory.Head()
	if err != nil {
		return 0, nil, 0, err
	}
	d, changes, err := presentKeys(s, i)
	if err != nil {
		return 0, nil, 0, err
	}
	for _, k := range d.Keys() {
		line, err := sign.MarshalPublicKey(k, "")
		if err != nil {
			return 0, nil, 0, err
		}
		lines = append(lines, line)
	}
	return d.Threshold(), lines, changes, nil
}

func presentKeys(s dd.State, i dd.Identity) (sign.Descriptor, uint64, error) {
	k, changed, err := s.Keys(i.Account)
	if err != nil {
		return sign.Descriptor{}, 0, err
	}
	data := i.Descriptor
	if changed {
		data = k.Descriptor
	}
	d, err := sign.ParseDescriptor(data)
	return d, k.Changes, err
}

// NewKeys is the change that gives the account of an identity other keys: the key
// of line alone, or, with add, beside those it has, any one of which then signs.
func (r *Repository) NewKeys(i dd.Identity, line string, add bool) (dd.Change, error) {
	pub, _, err := sign.ParsePublicKey(line)
	if err != nil {
		return nil, fault.New("AG0102", "Keys are ed25519: aergo key show NAME --public prints the line.", "this is no public key: %w", err)
	}
	next, err := sign.KeyDescriptor(pub)
	if err != nil {
		return nil, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	if add {
		d, _, err := presentKeys(s, i)
		if err != nil {
			return nil, err
		}
		if d.Has(pub) {
			return nil, fault.New("AG0703", "", "%s has this key already", i.Name)
		}
		if next, err = sign.MofNDescriptor(d.Threshold(), append(d.Keys(), pub)...); err != nil {
			return nil, fault.New("AG0102", "", "%s cannot have this key: %w", i.Name, err)
		}
	}
	if _, revoked, err := s.Revoked(i.Account, sign.Point(pub)); err != nil {
		return nil, err
	} else if revoked {
		return nil, fault.New("AG0509", "make a new key", "this key of %s was revoked and never comes back", i.Name)
	}
	if had, err := s.Had(i.Account, next.Bytes()); err != nil {
		return nil, err
	} else if had {
		return nil, fault.New("AG0703", "make a new key", "%s signs by these keys, or did once: an account does not go back to keys it had", i.Name)
	}
	return dd.SetKeys{Account: i.Account, Descriptor: next.Bytes()}, nil
}

// SameKey reports whether a public line is of the key with a point, 32 bytes.
func SameKey(line string, point []byte) bool {
	pub, _, err := sign.ParsePublicKey(line)
	return err == nil && bytes.Equal(sign.Point(pub), point)
}

// AccountOfLine is the account that a key signs for in this ledger, by its public
// line; "" where that is no key.
func (r *Repository) AccountOfLine(line string) objectstore.Account {
	pub, _, err := sign.ParsePublicKey(line)
	if err != nil {
		return ""
	}
	a, err := r.AccountFor(public(pub))
	if err != nil {
		return ""
	}
	return a
}

// public is a key, in its stored form, of which only the public half is known.
type public []byte

func (p public) Public() crypto.PublicKey {
	key, err := sign.PublicKey(p)
	if err != nil {
		return nil
	}
	return key
}

func (p public) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the private half of the key is not here")
}

// Change makes a directory block of one change, signed by a key that has the
// right for it and is the directory producer's.
func (r *Repository) Change(ctx context.Context, key crypto.Signer, change dd.Change) error {
	if err := mayAsk(change); err != nil {
		return err
	}
	return r.direct(ctx, key, change)
}

// Propose signs a change of the directory without making a block of it: that is
// the directory producer's, by SubmitOperation. It fails where the directory would refuse
// the change now.
func (r *Repository) Propose(key crypto.Signer, change dd.Change) (dd.SignedOperation, error) {
	if err := mayAsk(change); err != nil {
		return dd.SignedOperation{}, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return dd.SignedOperation{}, err
	}
	if s, err = r.stateFor(s, change); err != nil {
		return dd.SignedOperation{}, err
	}
	var salt objectstore.Hash
	if _, err := io.ReadFull(r.random, salt[:]); err != nil {
		return dd.SignedOperation{}, fmt.Errorf("reading randomness: %w", err)
	}
	return dd.Propose(s, change, r.now().UnixMilli(), salt, nil, key)
}

// SubmitOperation makes a directory block of an operation that somebody else has signed,
// and tells what it is. Key is the directory producer's.
func (r *Repository) SubmitOperation(_ context.Context, key crypto.Signer, op dd.SignedOperation) (DirectoryOperation, error) {
	return r.order(key, op, func(objectstore.Batch) error { return nil })
}

// order makes a directory block of one operation; also is done in the same batch.
func (r *Repository) order(key crypto.Signer, op dd.SignedOperation, also func(objectstore.Batch) error) (DirectoryOperation, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	before, err := r.directory.Head()
	if err != nil {
		return DirectoryOperation{}, err
	}
	_, change, err := dd.DecodeOperation(op.Data)
	if err != nil {
		return DirectoryOperation{}, err
	}
	if before, err = r.stateFor(before, change); err != nil {
		return DirectoryOperation{}, err
	}
	if err := mayOrder(before, key, change); err != nil {
		return DirectoryOperation{}, err
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	s, err := r.append(batch, before, r.now().UnixMilli(), op, key)
	if err != nil {
		return DirectoryOperation{}, err
	}
	if err := also(batch); err != nil {
		return DirectoryOperation{}, err
	}
	if err := r.follow(batch, change, before, s); err != nil {
		return DirectoryOperation{}, err
	}
	if err := batch.Commit(); err != nil {
		return DirectoryOperation{}, err
	}
	list, err := operationsOf(s.Block())
	if err != nil {
		return DirectoryOperation{}, err
	}
	return list[0], nil
}

// mayOrder is mayDirect, but the new producer of the directory may make the block
// that names him.
func mayOrder(s dd.State, key crypto.Signer, change dd.Change) error {
	account, _, err := s.Signer(nil, key)
	if err != nil {
		return err
	}
	if c, ok := change.(dd.SetProducer); ok && c.Account == account {
		return nil
	}
	return dd.Decide(s, dd.Question{Account: account, Right: dd.RightDirect})
}

// InspectOperation says what an operation asks for, or why the directory would
// refuse it now. Nothing changes.
func (r *Repository) InspectOperation(op dd.SignedOperation) (DirectoryOperation, error) {
	s, err := r.directory.Head()
	if err != nil {
		return DirectoryOperation{}, err
	}
	_, change, err := dd.DecodeOperation(op.Data)
	if err != nil {
		return DirectoryOperation{}, err
	}
	if s, err = r.stateFor(s, change); err != nil {
		return DirectoryOperation{}, err
	}
	if _, err := s.With(op, r.now().UnixMilli()); err != nil {
		return DirectoryOperation{}, err
	}
	b := s.Block()
	b.Number, b.Operations = b.Number+1, [][]byte{op.Data}
	list, err := operationsOf(b)
	if err != nil {
		return DirectoryOperation{}, err
	}
	return list[0], nil
}

// operationWord begins the line of a signed operation of the directory, in the
// same files as signed transactions (submit_file.go).
const operationWord = "aergo-op-v1 "

type operationForm struct {
	_    struct{} `cbor:",toarray"`
	Data []byte
	Seal []byte
}

// EncodeOperation is a signed operation as a line, with its line end.
func EncodeOperation(op dd.SignedOperation) (string, error) {
	data, err := wire.Marshal(operationForm{Data: op.Data, Seal: op.Seal})
	if err != nil {
		return "", fmt.Errorf("writing operation %s: %w", op.ID().Short(), err)
	}
	return operationWord + base64.StdEncoding.EncodeToString(data) + "\n", nil
}

// decodeOperation reads such a line; ok is false where it is another.
func decodeOperation(line string) (op dd.SignedOperation, ok bool, err error) {
	coded, ok := strings.CutPrefix(line, operationWord)
	if !ok {
		return op, false, nil
	}
	data, err := base64.StdEncoding.Strict().DecodeString(coded)
	if err != nil {
		return op, true, err
	}
	var f operationForm
	if err := wire.Unmarshal(data, &f); err != nil {
		return op, true, err
	}
	return dd.SignedOperation{Data: f.Data, Seal: f.Seal}, true, nil
}

// JointDescriptor is the descriptor of an account of several keys, by their
// public lines, of which threshold sign together, and that account.
func JointDescriptor(threshold int, lines []string) ([]byte, objectstore.Account, error) {
	bad := func(err error) ([]byte, objectstore.Account, error) {
		return nil, "", fault.New("AG0102", "Keys are ed25519: aergo key show NAME --public prints the line.", "these keys make no account: %w", err)
	}
	keys := make([][]byte, len(lines))
	for i, line := range lines {
		pub, _, err := sign.ParsePublicKey(line)
		if err != nil {
			return bad(err)
		}
		keys[i] = pub
	}
	d, err := sign.MofNDescriptor(threshold, keys...)
	if err != nil {
		return bad(err)
	}
	return d.Bytes(), objectstore.Account(sign.AccountOf(d)), nil
}
