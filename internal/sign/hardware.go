package sign

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/fault"
	"strings"

	"golang.org/x/crypto/ssh"
)

// The flags of a hardware key's signature (PROTOCOL.u2f of OpenSSH, the
// authenticator data of WebAuthn).
const (
	flagTouched  = 1 << 0 // somebody was there
	flagVerified = 1 << 2 // and gave a PIN or a finger
	// With these the device signs more than flags and counter.
	flagAttested, flagExtended = 1 << 6, 1 << 7
)

// applicationPrefix begins the application of every key that OpenSSH makes; keys
// with another were made for a web page, which may ask them for signatures.
const applicationPrefix = "ssh:"

// HardwareKey is an ed25519 key that a FIDO device keeps, sk-ssh-ed25519@openssh.com,
// as `ssh-keygen -t ed25519-sk` makes it. The device signs the hash of the
// application, flags, a counter and the hash of what it is given. It is what
// Public of a crypto.Signer gives for such a key.
type HardwareKey struct {
	Point       ed25519.PublicKey
	Application string // "ssh:" or "ssh:" and a name
	// Verified asks for a PIN or a finger in each signature beside the touch.
	// The same device key with and without is two keys, of two accounts.
	Verified bool
}

// Bytes is the stored form: the 32 bytes of the point, the flags that each
// signature has to have (1 or 5), the application. It is never 32 bytes long.
func (k HardwareKey) Bytes() []byte {
	return append(append(bytes.Clone(k.Point), k.required()), k.Application...)
}

func (k HardwareKey) required() byte {
	if k.Verified {
		return flagTouched | flagVerified
	}
	return flagTouched
}

// ParseHardwareKey reads the stored form. Whether the point is one is CheckKey's
// to say.
func ParseHardwareKey(key []byte) (HardwareKey, error) {
	if len(key) < ed25519.PublicKeySize+1+len(applicationPrefix) {
		return HardwareKey{}, fmt.Errorf("a key has 32 bytes, or is a hardware key of 37 at least, and not %d", len(key))
	}
	point, rest := key[:ed25519.PublicKeySize], key[ed25519.PublicKeySize:]
	k := HardwareKey{Point: bytes.Clone(point), Application: string(rest[1:]), Verified: rest[0]&flagVerified != 0}
	if rest[0] != k.required() {
		return HardwareKey{}, fmt.Errorf("a hardware key asks for the flags 1 (touch) or 5 (touch and PIN), not %d", rest[0])
	}
	return k, k.checkApplication()
}

func (k HardwareKey) checkApplication() error {
	if len(k.Application) > MaxApplication || !strings.HasPrefix(k.Application, applicationPrefix) {
		return fmt.Errorf("the application of a hardware key begins with ssh: and has at most %d bytes, not %.80q", MaxApplication, k.Application)
	}
	for _, c := range []byte(k.Application) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("the application of a hardware key is ASCII without spaces, not %q", k.Application)
		}
	}
	return nil
}

// isHardware tells hardware keys from plain ones, which have 32 bytes.
func isHardware(key []byte) bool { return len(key) > ed25519.PublicKeySize }

// Point is the point of the curve in a stored key of either form: what a
// signature is computed with, and by which a lost key is revoked.
func Point(key []byte) []byte { return key[:min(len(key), ed25519.PublicKeySize)] }

// KeyOf is the stored form of a signer's key; nil is none.
func KeyOf(signer crypto.Signer) ([]byte, error) {
	if signer == nil {
		return nil, fault.New("AG0102", "aergo key new NAME", "a key is needed and none was given")
	}
	switch k := signer.Public().(type) {
	case ed25519.PublicKey:
		return k, nil
	case HardwareKey:
		return k.Bytes(), nil
	}
	return nil, fmt.Errorf("the key is of type %T, want ed25519", signer.Public())
}

// PublicKey is what Public of a crypto.Signer gives for a stored key: an
// ed25519.PublicKey or a HardwareKey.
func PublicKey(key []byte) (crypto.PublicKey, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	if !isHardware(key) {
		return ed25519.PublicKey(key), nil
	}
	return ParseHardwareKey(key)
}

// hardwareWire is the public key blob of OpenSSH.
type hardwareWire struct {
	Name        string
	Point       []byte
	Application string
}

// sshKey gives a stored key as OpenSSH has it, which does not tell whether a PIN
// is asked for.
func sshKey(key []byte) (ssh.PublicKey, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	if !isHardware(key) {
		return ssh.NewPublicKey(ed25519.PublicKey(key))
	}
	k, err := ParseHardwareKey(key)
	if err != nil {
		return nil, err
	}
	return ssh.ParsePublicKey(ssh.Marshal(hardwareWire{ssh.KeyAlgoSKED25519, k.Point, k.Application}))
}

// storedKey is the opposite of sshKey, for a key that asks for a touch.
func storedKey(key ssh.PublicKey) ([]byte, error) {
	switch key.Type() {
	case ssh.KeyAlgoED25519:
		holder, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			return nil, errors.New("it is no public key")
		}
		pub, ok := holder.CryptoPublicKey().(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("it is no ed25519 key")
		}
		return pub, CheckKey(pub)
	case ssh.KeyAlgoSKED25519:
		var w hardwareWire
		if err := ssh.Unmarshal(key.Marshal(), &w); err != nil {
			return nil, err
		}
		k := HardwareKey{Point: w.Point, Application: w.Application}
		return k.Bytes(), CheckKey(k.Bytes())
	}
	return nil, fmt.Errorf("type %.80s is not usable", key.Type())
}
