package sign

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"
)

// Namespace is the namespace of every SSHSIG signature: what is given to
// `ssh-keygen -Y sign -n`.
const Namespace = "aergo-git"

const (
	sshsigMagic = "SSHSIG"
	sshsigHash  = "sha512"
	sshsigPEM   = "SSH SIGNATURE"

	// hardwareTail is the length of flags and counter behind a hardware key's
	// signature.
	hardwareTail = 1 + 4
)

// SSHSIGData is what ssh-keygen -Y sign gives to the key for a message (PROTOCOL.sshsig
// of OpenSSH, 3).
func SSHSIGData(message []byte) []byte {
	hash := sha512.Sum512(message)
	return append([]byte(sshsigMagic), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{Namespace, "", sshsigHash, hash[:]})...)
}

// onCurve is what the curve's signature of s, its first 64 bytes, is over: the
// message itself in scheme 1. s has passed check.
func (s Signature) onCurve(message []byte) []byte {
	if s.Scheme != SchemeSSHSIG {
		return message
	}
	data := SSHSIGData(message)
	if !isHardware(s.Key) {
		return data
	}
	// PROTOCOL.u2f: the device adds the application, flags and counter.
	application := sha256.Sum256(s.Key[ed25519.PublicKeySize+1:])
	hash := sha256.Sum256(data)
	signed := append(application[:], s.Bytes[ed25519.SignatureSize:]...)
	return append(signed, hash[:]...)
}

// checkSSHSIG is check for scheme 2.
func (s Signature) checkSSHSIG() error {
	if !isHardware(s.Key) {
		if len(s.Key) != ed25519.PublicKeySize || len(s.Bytes) != ed25519.SignatureSize {
			return fmt.Errorf("an SSHSIG signature has a key of 32 and 64 bytes, not %d and %d", len(s.Key), len(s.Bytes))
		}
		return nil
	}
	key, err := ParseHardwareKey(s.Key)
	if err != nil {
		return err
	}
	if len(s.Bytes) != ed25519.SignatureSize+hardwareTail {
		return fmt.Errorf("a hardware key's signature has %d bytes, not %d", ed25519.SignatureSize+hardwareTail, len(s.Bytes))
	}
	flags := s.Bytes[ed25519.SignatureSize]
	switch {
	case flags&flagTouched == 0:
		return errors.New("the hardware key signed without being touched: a key made with no-touch-required is not accepted")
	case flags&key.required() != key.required():
		return errors.New("the hardware key signed without its PIN, which its account asks for")
	case flags&(flagAttested|flagExtended) != 0:
		return fmt.Errorf("the hardware key signed with flags %#02x, which stand for more than a signature", flags)
	}
	return nil
}

// The parts of an SSHSIG file (PROTOCOL.sshsig, 2), after its magic.
type sshsigWire struct {
	Version                   uint32
	Key                       []byte
	Namespace, Reserved, Hash string
	Signature                 []byte
}

type signatureWire struct {
	Name string
	Blob []byte
	Tail []byte `ssh:"rest"`
}

// FromSSHSIG takes the signature by a key from a file that `ssh-keygen -Y sign -n
// aergo-git` made of a Message. It is not verified.
func FromSSHSIG(file, key []byte) (Signature, error) {
	s, err := fromSSHSIG(file, key)
	if err != nil {
		return Signature{}, fmt.Errorf("read SSH signature: %w", err)
	}
	return s, nil
}

func fromSSHSIG(file, key []byte) (Signature, error) {
	if len(file) > MaxKeyFile {
		return Signature{}, fmt.Errorf("it has %d bytes, at most %d are allowed", len(file), MaxKeyFile)
	}
	block, rest := pem.Decode(file)
	if block == nil || block.Type != sshsigPEM || len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(file, []byte("-----BEGIN")) {
		return Signature{}, errors.New("it is no file of one SSH SIGNATURE, as ssh-keygen -Y sign makes it")
	}
	data, ok := bytes.CutPrefix(block.Bytes, []byte(sshsigMagic))
	if !ok {
		return Signature{}, errors.New("it does not begin with " + sshsigMagic)
	}
	var w sshsigWire
	if err := ssh.Unmarshal(data, &w); err != nil {
		return Signature{}, err
	}
	if w.Version != 1 || w.Namespace != Namespace || w.Reserved != "" || w.Hash != sshsigHash {
		return Signature{}, fmt.Errorf("it has version %d, namespace %.80q and hash %.80q, want 1, %q (ssh-keygen -Y sign -n %s) and %q", w.Version, w.Namespace, w.Hash, Namespace, Namespace, sshsigHash)
	}
	want, err := sshKey(key)
	if err != nil {
		return Signature{}, err
	}
	var sig signatureWire
	if err := ssh.Unmarshal(w.Signature, &sig); err != nil {
		return Signature{}, err
	}
	if !bytes.Equal(w.Key, want.Marshal()) || sig.Name != want.Type() {
		return Signature{}, errors.New("it is by another key")
	}
	s := Signature{Scheme: SchemeSSHSIG, Key: key, Bytes: slices.Concat(sig.Blob, sig.Tail)}
	if len(sig.Blob) != ed25519.SignatureSize {
		return Signature{}, fmt.Errorf("an ed25519 signature has %d bytes, not %d", ed25519.SignatureSize, len(sig.Blob))
	}
	return s, s.check()
}

// SSHSIG gives a signature of scheme 2 as a file that `ssh-keygen -Y verify -n
// aergo-git` takes, with the Message as its input.
func (s Signature) SSHSIG() ([]byte, error) {
	if s.Scheme != SchemeSSHSIG {
		return nil, fmt.Errorf("a signature of scheme %d cannot be written as an SSH signature: it is over other bytes", s.Scheme)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	key, err := sshKey(s.Key)
	if err != nil {
		return nil, err
	}
	sig := ssh.Marshal(signatureWire{key.Type(), s.Bytes[:ed25519.SignatureSize], s.Bytes[ed25519.SignatureSize:]})
	data := append([]byte(sshsigMagic), ssh.Marshal(sshsigWire{1, key.Marshal(), Namespace, "", sshsigHash, sig})...)
	return pem.EncodeToMemory(&pem.Block{Type: sshsigPEM, Bytes: data}), nil
}
