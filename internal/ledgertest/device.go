package ledgertest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"

	"github.com/aergo-git/aergo-git/internal/sign"
)

// Device is a hardware key in software: it signs as PROTOCOL.u2f of OpenSSH says,
// flags and counter after the signature. It implements crypto.Signer and is used
// by one goroutine.
type Device struct {
	Key     sign.HardwareKey
	Flags   byte   // 1 touch, 4 PIN
	Counter uint32 // signatures so far
	private ed25519.PrivateKey
}

// NewDevice gives the device of a person, whose point is that of Key(person).
func NewDevice(person string, verified bool) *Device {
	d := &Device{Flags: 1, private: Key(person)}
	d.Key = sign.HardwareKey{Point: d.private.Public().(ed25519.PublicKey), Application: "ssh:", Verified: verified}
	if verified {
		d.Flags |= 4
	}
	return d
}

// Public implements crypto.Signer.
func (d *Device) Public() crypto.PublicKey { return d.Key }

// Sign implements crypto.Signer.
func (d *Device) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	d.Counter++
	application, hash := sha256.Sum256([]byte(d.Key.Application)), sha256.Sum256(message)
	tail := binary.BigEndian.AppendUint32([]byte{d.Flags}, d.Counter)
	return append(ed25519.Sign(d.private, slices.Concat(application[:], tail, hash[:])), tail...), nil
}
