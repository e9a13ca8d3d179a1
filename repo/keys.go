package repo

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// NewKey makes an ed25519 key from random, or from crypto/rand when it is nil.
func NewKey(random io.Reader) (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(random)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return key, nil
}

// LoadKey reads an OpenSSH private key file. Like ssh it refuses one that other
// users may read or write (not on Windows, where modes say nothing). passphrase is asked only when the
// file is encrypted; nil means that there is nobody to ask.
func LoadKey(path string, passphrase func() ([]byte, error)) (crypto.Signer, error) {
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New("AG0102", "chmod 600 "+path, "key %s has mode %04o: others on this machine can read or change it, so it is not used", path, info.Mode().Perm())
	}
	pem, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New("AG0201", "aergo key list, aergo key new", "there is no key file %s: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading key %s: %w", path, err)
	}
	if sign.IsHardwareFile(pem) {
		return nil, fault.New("AG0530", "ssh-add "+path+", then --key agent:… (aergo key list)", "key %s is in a hardware device, which signs through ssh-agent only", path)
	}
	key, err := sign.ParsePrivateKey(pem, nil)
	var locked *sign.PassphraseError
	if !errors.As(err, &locked) {
		if err != nil {
			return nil, fault.New("AG0102", "Keys are ed25519 in OpenSSH files: aergo key new, or ssh-keygen -t ed25519.", "key %s cannot be used: %w", path, err)
		}
		return key, nil
	}
	if passphrase == nil {
		return nil, fault.New("AG0501", "Run this on a terminal, or use a key without a passphrase.", "key %s is locked by a passphrase and there is no terminal to ask for it", path)
	}
	phrase, err := passphrase()
	if err != nil {
		return nil, fmt.Errorf("asking for the passphrase of %s: %w", path, err)
	}
	if key, err = sign.ParsePrivateKey(pem, phrase); err != nil {
		return nil, fault.New("AG0501", "Try again with its passphrase.", "key %s stays locked: %w", path, err)
	}
	return key, nil
}

// SaveKey writes a private key as an OpenSSH file that only its owner can read,
// and never over an existing file. An empty passphrase leaves it unencrypted.
func SaveKey(path string, key crypto.Signer, comment string, passphrase []byte) error {
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return fmt.Errorf("saving key %s: its private part is not in this process", path)
	}
	pem, err := sign.MarshalPrivateKey(private, comment, passphrase)
	if err != nil {
		return fmt.Errorf("saving key %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("saving key %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New("AG0103", "Choose another name; keys are never overwritten.", "key %s exists already", path)
	}
	if err != nil {
		return fmt.Errorf("saving key %s: %w", path, err)
	}
	_, err = f.Write(pem)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("saving key %s: %w", path, err)
	}
	return nil
}

// PublicKey is the key's line for authorized_keys and allowed_signers files.
func PublicKey(key crypto.Signer, comment string) string {
	pub, err := publicKey(key)
	if err != nil {
		return ""
	}
	line, err := sign.MarshalPublicKey(pub, comment)
	if err != nil {
		return ""
	}
	return line
}

// AccountOf is the account whose first descriptor is this one key. It is empty
// for a key that is neither ed25519 nor a hardware key of that kind.
func AccountOf(key crypto.Signer) objectstore.Account {
	pub, err := publicKey(key)
	if err != nil {
		return ""
	}
	d, err := sign.KeyDescriptor(pub)
	if err != nil {
		return ""
	}
	return objectstore.Account(sign.AccountOf(d))
}

// AccountFor is the account that a key signs for in this ledger: AccountOf, or
// the one whose keys were changed to it.
func (r *Repository) AccountFor(key crypto.Signer) (objectstore.Account, error) {
	s, err := r.directory.Head()
	if err != nil {
		return "", err
	}
	a, _, err := s.Signer(nil, key)
	return a, err
}

func publicKey(key crypto.Signer) ([]byte, error) {
	pub, err := sign.KeyOf(key)
	if fault.Of(err) != nil {
		return nil, err
	}
	if err != nil {
		return nil, fault.New("AG0102", "Keys are ed25519: aergo key new NAME, or ssh-keygen -t ed25519.", "this key cannot be used: %w", err)
	}
	return pub, nil
}
