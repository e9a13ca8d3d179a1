package dd

import (
	"crypto"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

func storedKey(key crypto.Signer) []byte { return must(sign.KeyOf(key)) }

// TestHardwareDirectory: alice, the owner and producer, moves to a hardware key.
// It is one of her keys like any other; stolen, it is revoked in every form.
func TestHardwareDirectory(t *testing.T) {
	w := newBoard(t)
	device := ledgertest.NewDevice("alice's device", false)
	d := must(sign.MofNDescriptor(1, storedKey(device), public("alice")))
	w.ok(w.do("alice", SetKeys{Account: account("alice"), Descriptor: d.Bytes()}))
	by := func(key crypto.Signer, c Change) error {
		w.salts++
		op, err := Propose(w.head(), c, w.now(), hash("device"+string(rune(w.salts))), nil, key)
		if err != nil {
			return err
		}
		return w.commit(func(b objectstore.Batch) error {
			_, err := w.d.Append(b, w.head().Block().Time+1, []SignedOperation{op}, nil, key)
			return err
		})
	}
	w.ok(by(device, SetVisibility{Public: true}))
	// The same device asked for its PIN is another key, and none of hers.
	if by(ledgertest.NewDevice("alice's device", true), SetVisibility{}) == nil {
		t.Error("a key that is none of alice's signs for her")
	}
	// A touch that did not happen.
	still := ledgertest.NewDevice("alice's device", false)
	still.Flags = 0
	if by(still, SetVisibility{}) == nil {
		t.Error("a signature without a touch counts")
	}

	// Two admins, one of them by a device, decide a proposal; what came in from
	// elsewhere is good too.
	p, err := NewProposal(w.head(), SetThreshold{Threshold: 1}, account("alice"), w.now(), hash("proposal"))
	w.ok(err)
	p = must(p.Sign(w.head(), "", device))
	other := must(p.Sign(w.head(), "", ledgertest.Key("carol")))
	p = must(p.Join(w.head(), must(DecodeProposal(must(other.Encode())))))
	o := must(p.Complete(w.head()))
	w.ok(w.commit(func(b objectstore.Batch) error {
		_, err := w.d.Append(b, w.head().Block().Time+1, []SignedOperation{o}, nil, device)
		return err
	}))

	// The device is lost. It is taken out, and revoked by its point.
	point := sign.Point(storedKey(device))
	revoke := RevokeKey{Account: account("alice"), Key: point, Reason: "lost"}
	w.refused("AG0510", by(ledgertest.Key("alice"), revoke))
	next := must(sign.KeyDescriptor(storedKey(ledgertest.NewDevice("alice's next device", true))))
	w.ok(by(ledgertest.Key("alice"), SetKeys{Account: account("alice"), Descriptor: next.Bytes()}))
	mine := ledgertest.NewDevice("alice's next device", true)
	w.refused("AG0102", by(mine, RevokeKey{Account: account("alice"), Key: storedKey(device)}))
	w.ok(by(mine, revoke))
	if by(device, SetVisibility{}) == nil {
		t.Error("a lost device still signs for alice")
	}
	seal := must(makeSeal(must(sign.KeyDescriptor(storedKey(device))), sign.PurposeBlock, w.d.Ledger(), hash("block"), []crypto.Signer{device}))
	w.refused("AG0509", w.head().CheckRevoked(account("alice"), seal, hash("branch"), in("A")))
	for _, again := range [][]byte{storedKey(ledgertest.NewDevice("alice's device", true)), storedKey(ledgertest.Key("alice's device"))} {
		d := must(sign.KeyDescriptor(again))
		w.refused("AG0509", by(mine, SetKeys{Account: account("alice"), Descriptor: d.Bytes()}))
	}
	if _, err := VerifyChain(w.db, w.d.Ledger(), w.head().Block().ID); err != nil {
		t.Error(err)
	}
}
