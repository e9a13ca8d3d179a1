package sign

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// PassphraseError says that a key file is encrypted and was not opened.
type PassphraseError struct {
	// Wrong is true if a passphrase was given and is not the right one, false
	// if none was given.
	Wrong bool
}

// Error says what is needed.
func (e *PassphraseError) Error() string {
	if e.Wrong {
		return "the passphrase of the key file is wrong"
	}
	return "the key file is encrypted: its passphrase is needed, or add it to ssh-agent"
}

// ParsePrivateKey reads an ed25519 key from an OpenSSH private key file, what
// `ssh-keygen -t ed25519` makes. passphrase may be empty and is ignored for a
// file that is not encrypted. It fails with *PassphraseError when one is needed
// or wrong. Opening an encrypted file takes about 0.2 seconds.
func ParsePrivateKey(file, passphrase []byte) (ed25519.PrivateKey, error) {
	if len(file) > MaxKeyFile {
		return nil, fmt.Errorf("key file has %d bytes, at most %d are allowed", len(file), MaxKeyFile)
	}
	raw, err := ssh.ParseRawPrivateKey(file)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		if len(passphrase) == 0 {
			return nil, &PassphraseError{}
		}
		raw, err = ssh.ParseRawPrivateKeyWithPassphrase(file, passphrase)
		if errors.Is(err, x509.IncorrectPasswordError) {
			return nil, &PassphraseError{Wrong: true}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read private key (an OpenSSH file as `ssh-keygen -t ed25519` makes is needed): %w", err)
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key file holds a key of type %T; make an ed25519 key with `ssh-keygen -t ed25519`", raw)
	}
	return *key, nil
}

// MarshalPrivateKey gives an OpenSSH private key file, encrypted unless
// passphrase is empty. The comment is a name for people.
func MarshalPrivateKey(key ed25519.PrivateKey, comment string, passphrase []byte) ([]byte, error) {
	if err := checkComment(comment); err != nil {
		return nil, err
	}
	var block *pem.Block
	var err error
	if len(passphrase) == 0 {
		block, err = ssh.MarshalPrivateKey(key, comment)
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, comment, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("write private key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// verifyRequired is the option of authorized_keys that asks for more than a touch.
const verifyRequired = "verify-required "

// MarshalPublicKey gives the line of an OpenSSH public key file, without a
// newline: "ssh-ed25519 AAAA… comment", or "sk-ssh-ed25519@openssh.com AAAA…",
// after "verify-required " where it asks for that.
func MarshalPublicKey(key []byte, comment string) (string, error) {
	if err := checkComment(comment); err != nil {
		return "", err
	}
	public, err := sshKey(key)
	if err != nil {
		return "", fmt.Errorf("write public key: %w", err)
	}
	line := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(public)), "\n")
	if k, err := ParseHardwareKey(key); isHardware(key) && err == nil && k.Verified {
		line = verifyRequired + line
	}
	if comment != "" {
		line += " " + comment
	}
	return line, nil
}

// ParsePublicKey reads the line of an OpenSSH public key file and gives its
// comment, too. The key has 32 bytes or is the stored form of a HardwareKey. It
// refuses keys that are no usable ed25519 keys, and options but verify-required.
func ParsePublicKey(line string) (key []byte, comment string, err error) {
	if len(line) > MaxKeyFile {
		return nil, "", fmt.Errorf("public key has %d bytes, at most %d are allowed", len(line), MaxKeyFile)
	}
	line = strings.TrimSpace(line)
	line, verified := strings.CutPrefix(line, verifyRequired)
	hardware := strings.HasPrefix(line, ssh.KeyAlgoSKED25519+" ")
	switch {
	case strings.HasPrefix(line, "no-touch-required "):
		return nil, "", errors.New("a hardware key that signs without a touch is not accepted")
	case strings.ContainsAny(line, "\r\n") || !hardware && !strings.HasPrefix(line, ssh.KeyAlgoED25519+" "):
		return nil, "", errors.New("a public key is one line that begins with ssh-ed25519 or sk-ssh-ed25519@openssh.com, as in the .pub file that `ssh-keygen -t ed25519` makes")
	case verified && !hardware:
		return nil, "", errors.New("verify-required is for hardware keys, sk-ssh-ed25519@openssh.com")
	}
	public, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err == nil {
		key, err = storedKey(public)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read public key: %w", err)
	}
	if verified {
		key[ed25519.PublicKeySize] |= flagVerified
	}
	return key, comment, nil
}

// checkComment refuses what would end the line of a public key file.
func checkComment(comment string) error {
	if len(comment) > 256 || strings.ContainsAny(comment, "\x00\r\n") {
		return errors.New("the comment of a key is at most 256 bytes in one line")
	}
	return nil
}

// IsHardwareFile reports whether an OpenSSH private key file, locked or not, is of
// a hardware key: it holds what the device needs to find the key, and no key.
func IsHardwareFile(file []byte) bool {
	block, _ := pem.Decode(file)
	if block == nil {
		return false
	}
	// openssh-key-v1: the public key stands before what a passphrase locks.
	return bytes.Contains(block.Bytes[:min(len(block.Bytes), 256)], []byte(ssh.KeyAlgoSKED25519))
}
