package sign

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/oasisprotocol/curve25519-voi/curve"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"
)

// The signature schemes.
const (
	SchemeEd25519 = 1
	SchemeSSHSIG  = 2 // what ssh-keygen -Y sign and hardware keys make
)

// Signature is one signature by one key.
type Signature struct {
	_      struct{} `cbor:",toarray"`
	Scheme uint8
	Key    []byte // 32 bytes, or the stored form of a HardwareKey
	Bytes  []byte // 64 bytes; by a HardwareKey flags and counter after them
}

// Plain reports whether the signature is by a key of 32 bytes, by a known scheme:
// such a key is one account, by whichever of the two it signs.
func (s Signature) Plain() bool { return !isHardware(s.Key) && s.check() == nil }

// Purpose says what a signature is for; it is part of what is signed.
type Purpose string

// The purposes. Texts are part of the format.
const (
	PurposeTransaction Purpose = "transaction" // the hash is a transaction id
	PurposeBlock       Purpose = "block"       // the hash is a block id
	PurposeDirectory   Purpose = "directory"   // a directory operation or block
	PurposeConsent     Purpose = "consent"     // to somebody else's directory operation
	PurposeHead        Purpose = "head"        // a head statement
	PurposeBranch      Purpose = "branch"      // the making of a branch
	PurposeApproval    Purpose = "approval"    // of a merge
)

// Message is what is signed: "aergo-git signature 1\n", the purpose, "\n", 32
// bytes of ledger id, 32 bytes of hash.
func Message(p Purpose, ledger, hash [32]byte) []byte {
	const head = "aergo-git signature 1\n"
	m := make([]byte, 0, len(head)+len(p)+1+64)
	m = append(m, head...)
	m = append(m, p...)
	m = append(m, '\n')
	m = append(m, ledger[:]...)
	return append(m, hash[:]...)
}

// verifyOptions is the one rule set, see the package comment.
var verifyOptions = &voi.Options{Verify: &voi.VerifyOptions{
	AllowSmallOrderA:   false,
	AllowSmallOrderR:   true,
	AllowNonCanonicalA: true,
	AllowNonCanonicalR: true,
}}

// errBadSignature does not say which check failed: all of them mean forged,
// damaged, or made for something else.
var errBadSignature = errors.New("the signature does not fit: it was made by another key, for something else, or is damaged")

// CheckKey refuses what is no point of the curve, or one of small order, for
// which anybody can make signatures, and what is no stored form of a HardwareKey
// where it is longer than a point.
func CheckKey(key []byte) error {
	if len(key) != ed25519.PublicKeySize {
		if _, err := ParseHardwareKey(key); err != nil {
			return err
		}
	}
	pub := Point(key)
	var y curve.CompressedEdwardsY
	var p curve.EdwardsPoint
	if _, err := y.SetBytes(pub); err != nil {
		return fmt.Errorf("public key %x: %w", pub, err)
	}
	if _, err := p.SetCompressedY(&y); err != nil {
		return fmt.Errorf("public key %x is no point of the curve", pub)
	}
	if p.IsSmallOrder() {
		return fmt.Errorf("public key %x is of small order: anybody could sign for it", pub)
	}
	return nil
}

// Sign signs with any signer whose public key is ed25519, an ed25519.PrivateKey
// or a key in an agent, by scheme 1; and by scheme 2 with one whose public key is
// a HardwareKey, which gives flags and counter (5 bytes) after the signature.
func Sign(signer crypto.Signer, p Purpose, ledger, hash [32]byte) (Signature, error) {
	key, err := KeyOf(signer)
	if err != nil {
		return Signature{}, fmt.Errorf("sign %s: %w", p, err)
	}
	s, data := Signature{Scheme: SchemeEd25519, Key: key}, Message(p, ledger, hash)
	if isHardware(key) {
		s.Scheme, data = SchemeSSHSIG, SSHSIGData(data)
	}
	if s.Bytes, err = signer.Sign(rand.Reader, data, crypto.Hash(0)); err != nil {
		return Signature{}, fmt.Errorf("sign %s: %w", p, err)
	}
	if _, ours := signer.(ed25519.PrivateKey); ours {
		return s, nil
	}
	// A signer may be a device or another program: what it made is checked.
	if err := s.check(); err != nil && isHardware(key) {
		return Signature{}, fault.New("AG0531", "Touch the device, and give its PIN where its account asks for it.", "sign %s: %w", p, err)
	}
	if err := Verify(s, p, ledger, hash); err != nil {
		return Signature{}, badAnswer("sign %s: what was asked to sign with key %s gave another signature: %w", p, Fingerprint(key), err)
	}
	return s, nil
}

// badAnswer is the error for a signer that gave no signature by the asked key.
func badAnswer(what string, args ...any) error {
	return fault.New("AG0518", "Its answer was thrown away. Start ssh-agent anew and add the key again: ssh-add FILE. Where it happens again, something else answers in its place.", what, args...)
}

// check refuses what is no signature of a known scheme, before any arithmetic.
func (s Signature) check() error {
	switch {
	case s.Scheme == SchemeSSHSIG:
		return s.checkSSHSIG()
	case s.Scheme != SchemeEd25519:
		return fmt.Errorf("signature scheme %d is unknown to this version", s.Scheme)
	case len(s.Key) != ed25519.PublicKeySize || len(s.Bytes) != ed25519.SignatureSize:
		return fmt.Errorf("an ed25519 signature has a key of 32 and 64 bytes, not %d and %d", len(s.Key), len(s.Bytes))
	}
	return nil
}

// Verify checks one signature. It takes about 80 microseconds; a KeyCache or a
// Batch is faster.
func Verify(s Signature, p Purpose, ledger, hash [32]byte) error {
	var none *KeyCache
	return none.Verify(s, p, ledger, hash)
}

// KeyCache remembers keys in a form that verifies faster. It may be used by
// several goroutines; nil is a cache that remembers nothing.
type KeyCache struct {
	keys cache.Cache
}

// NewKeyCache makes a cache of at most n keys, n > 0, at 1.5 KB each. The least
// recently used key makes room.
func NewKeyCache(n int) *KeyCache {
	return &KeyCache{keys: cache.NewLRUCache(max(n, 1))}
}

// Verify is the function Verify with the cache.
func (c *KeyCache) Verify(s Signature, p Purpose, ledger, hash [32]byte) error {
	if err := s.check(); err != nil {
		return err
	}
	data, sig := s.onCurve(Message(p, ledger, hash)), s.Bytes[:ed25519.SignatureSize]
	if c == nil {
		if !voi.VerifyWithOptions(Point(s.Key), data, sig, verifyOptions) {
			return errBadSignature
		}
		return nil
	}
	key, ok := c.expand(Point(s.Key))
	if !ok || !voi.VerifyExpandedWithOptions(key, data, sig, verifyOptions) {
		return errBadSignature
	}
	return nil
}

// expand gives the fast form of 32 bytes; ok is false if they are no point.
func (c *KeyCache) expand(key []byte) (e *voi.ExpandedPublicKey, ok bool) {
	y := curve.CompressedEdwardsY(key)
	if c != nil {
		if e := c.keys.Get(&y); e != nil {
			return e, true
		}
	}
	e, err := voi.NewExpandedPublicKey(key)
	if err != nil {
		return nil, false
	}
	if c != nil {
		c.keys.Put(&y, e)
	}
	return e, true
}
