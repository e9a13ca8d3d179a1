package sqlcontract

import (
	"crypto"
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// TestHardwareTransactions: one point of the curve is the plain key of one account
// and the device of another, and a Verifier that has seen one does not take it
// for the other.
func TestHardwareTransactions(t *testing.T) {
	w := newWorld(t, "")
	device := ledgertest.NewDevice("alice", false)
	keys := map[string]crypto.Signer{"plain": ledgertest.Key("alice"), "touch": device, "PIN": ledgertest.NewDevice("alice", true)}
	accounts := map[string]objectstore.Account{}
	raw := map[string]Transaction{}
	for name, key := range keys {
		stored, err := sign.KeyOf(key)
		if err != nil {
			t.Fatal(err)
		}
		d, err := sign.KeyDescriptor(stored)
		if err != nil {
			t.Fatal(err)
		}
		accounts[name] = objectstore.Account(sign.AccountOf(d))
		r := w.request("owner", "shop", "sell", nil)
		r.Account = accounts[name]
		tx, err := NewVerifier(w.ledger).Sign(r, key, w.random)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		raw[name] = tx.Raw()
	}
	sealed := func(tx Transaction, s sign.Signature) Transaction {
		seal, err := sign.Seal{Signatures: []sign.Signature{s}}.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		tx.Seal = seal
		return tx
	}
	signed := func(tx Transaction, key crypto.Signer, change func(s *sign.Signature)) Transaction {
		s, err := sign.Sign(key, sign.PurposeTransaction, w.ledger, tx.ID())
		if err != nil {
			t.Fatal(err)
		}
		s.Key, s.Bytes = slices.Clone(s.Key), slices.Clone(s.Bytes)
		change(&s)
		return sealed(tx, s)
	}
	same := func(*sign.Signature) {}
	forged := map[string]Transaction{
		"the device for the plain key's account":  signed(raw["plain"], device, same),
		"the plain key for the device's account":  signed(raw["touch"], keys["plain"], same),
		"a touch for the account that asks a PIN": signed(raw["PIN"], device, same),
		"a PIN for the account without":           signed(raw["touch"], keys["PIN"], same),
		"scheme 1 named 2":                        signed(raw["plain"], keys["plain"], func(s *sign.Signature) { s.Scheme = 2 }),
		"an unknown scheme":                       signed(raw["plain"], keys["plain"], func(s *sign.Signature) { s.Scheme = 7 }),
		"the device as a plain key":               signed(raw["plain"], device, func(s *sign.Signature) { s.Key, s.Bytes = s.Key[:32], s.Bytes[:64] }),
		"the device as a plain key with its tail": signed(raw["plain"], device, func(s *sign.Signature) { s.Key = s.Key[:32] }),
		"another counter":                         signed(raw["touch"], device, func(s *sign.Signature) { s.Bytes[68]++ }),
		"no touch":                                signed(raw["touch"], device, func(s *sign.Signature) { s.Bytes[64] = 0 }),
	}
	// ssh-keygen -Y sign by the plain key is the plain account's.
	ssh := signed(raw["plain"], keys["plain"], func(s *sign.Signature) {
		s.Scheme = sign.SchemeSSHSIG
		s.Bytes = ed25519.Sign(ledgertest.Key("alice"), sign.SSHSIGData(sign.Message(sign.PurposeTransaction, w.ledger, raw["plain"].ID())))
	})
	// A Verifier that knows nothing, and one that has seen each of the keys.
	warm := NewVerifier(w.ledger)
	for range 2 {
		for name, tx := range raw {
			if _, err := warm.Verify(tx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := warm.Verify(ssh); err != nil {
			t.Errorf("SSHSIG by a plain key: %v", err)
		}
		for name, tx := range forged {
			for _, v := range []*Verifier{NewVerifier(w.ledger), warm} {
				if _, err := v.Verify(tx); !fault.Is(err, "AG0601") {
					t.Errorf("%s: %v, want AG0601", name, err)
				}
			}
		}
	}
}
