package cli

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"golang.org/x/term"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

const defaultKey = "default"

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]*$`)

// publicKey is a key of the key folder as its .pub file shows it.
type publicKey struct {
	Name    string
	Path    string // of the private key
	Account objectstore.Account
	Line    string
}

// keyFolder is where keys are kept.
func (a *app) keyFolder() (string, error) {
	if dir := a.env("AERGO_KEYS"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fault.New("AG0221", "Set AERGO_KEYS to a folder.", "there is no folder for keys: %w", err)
	}
	return filepath.Join(dir, "aergo-git", "keys"), nil
}

func checkKeyName(name string) error {
	if len(name) > maxKeyName || !keyName.MatchString(name) || strings.HasSuffix(name, ".pub") {
		return usage("AG0113", "Letters, digits, '.', '_', '-' and '@', for example: aergo key new alice", "%q cannot be a key's name", name)
	}
	return nil
}

// keyPath is the file of a key given by name or by path.
func (a *app) keyPath(k string) (string, error) {
	if strings.ContainsAny(k, `/\`) {
		return a.path(k), nil
	}
	dir, err := a.keyFolder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, k)
	if _, err := os.Stat(path); err != nil {
		if _, err := os.Stat(a.path(k)); err == nil {
			return a.path(k), nil // a file in this folder, written without ./
		}
	}
	return path, nil
}

// chosenKey is the name or path of the key to sign with: --key, AERGO_KEY, the
// repository's own, "default".
func (a *app) chosenKey() string {
	if a.cmd != nil {
		if k := a.cmd.String("key"); k != "" {
			return k
		}
	}
	if k := a.env("AERGO_KEY"); k != "" {
		return k
	}
	if a.repo != nil {
		if b, err := os.ReadFile(recordedKey(a.repo.Dir())); err == nil {
			if k := strings.TrimSpace(string(b)); k != "" {
				return k
			}
		}
	}
	return defaultKey
}

// recordedKey is the file that holds the name of a repository's usual key.
func recordedKey(dir string) string {
	if filepath.Base(dir) != ".aergo" {
		dir = filepath.Join(dir, ".aergo")
	}
	return filepath.Join(dir, "key")
}

// key opens the key to sign with.
func (a *app) key() (crypto.Signer, error) {
	k := a.chosenKey()
	if key, ok, err := a.fromAgent(k); ok {
		return key, err
	}
	path, err := a.keyPath(k)
	if err != nil {
		return nil, err
	}
	if pub, err := readPublic(path); err == nil && strings.HasPrefix(strings.TrimPrefix(pub.Line, "verify-required "), "sk-ssh-") {
		return repo.AgentKey(a.agentSocket(), pub.Line) // a hardware key
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		var names []string
		for _, p := range a.keys() {
			names = append(names, p.Name)
		}
		hint := "aergo key list · aergo key new " + filepath.Base(k)
		if best := closest(k, names); best != "" {
			hint = "Did you mean --key " + best + "?  " + hint
		}
		return nil, fault.New("AG0221", hint, "there is no key %s (looked for %s)", k, path)
	}
	key, err := repo.LoadKey(path, nil)
	if !fault.Is(err, "AG0501") {
		return key, err
	}
	// It is locked: ssh-agent may have it (aergo key unlock, ssh-add).
	if pub, e := readPublic(path); e == nil && a.agentSocket() != "" {
		if key, e := repo.AgentKey(a.agentSocket(), pub.Line); e == nil {
			return key, nil
		}
	}
	phrase := a.passphrase("Passphrase of key " + k + ": ")
	key, err = repo.LoadKey(path, phrase)
	if f := fault.Of(err); f != nil && f.ID == "AG0501" && phrase == nil {
		f.Next = "Run this on a terminal, give --passphrase-file FILE, or once: aergo key unlock " + k
	}
	return key, err
}

// passphrase reads it from --passphrase-file or asks on the terminal; nil
// without either.
func (a *app) passphrase(prompt string) func() ([]byte, error) {
	if file := a.cmd.String("passphrase-file"); file != "" {
		return func() ([]byte, error) {
			b, err := os.ReadFile(a.path(file))
			if err != nil {
				return nil, fault.New("AG0220", "", "the passphrase file cannot be read: %w", err)
			}
			line, _, _ := bytes.Cut(b, []byte("\n"))
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
	}
	in, ok := a.stdin.(*os.File)
	if !ok || !a.inTerminal {
		return nil
	}
	return func() ([]byte, error) {
		fd := int(in.Fd())
		state, err := term.GetState(fd)
		if err != nil {
			return nil, fmt.Errorf("reading from the terminal: %w", err)
		}
		fmt.Fprint(a.err, prompt)
		var phrase []byte
		err = a.await(func() (err error) {
			phrase, err = term.ReadPassword(fd)
			return err
		}, func() {})
		fmt.Fprintln(a.err)
		if err != nil {
			_ = term.Restore(fd, state) // an interrupt leaves the echo off
			return nil, err
		}
		return phrase, nil
	}
}

// keys lists the key folder by name; unreadable files are left out.
func (a *app) keys() []publicKey {
	dir, err := a.keyFolder()
	if err != nil {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.pub"))
	sort.Strings(files)
	var list []publicKey
	for _, f := range files {
		if k, err := readPublic(strings.TrimSuffix(f, ".pub")); err == nil {
			list = append(list, k)
		}
	}
	return list
}

// readPublic reads the .pub file beside a private key.
func readPublic(path string) (publicKey, error) {
	b, err := os.ReadFile(path + ".pub")
	if err != nil {
		return publicKey{}, err
	}
	pub, _, err := sign.ParsePublicKey(strings.TrimSpace(string(b)))
	if err != nil {
		return publicKey{}, err
	}
	d, err := sign.KeyDescriptor(pub)
	if err != nil {
		return publicKey{}, err
	}
	return publicKey{filepath.Base(path), path, objectstore.Account(sign.AccountOf(d)), strings.TrimSpace(string(b))}, nil
}

// account is the account that the chosen key signs for, when it can be known
// without unlocking anything, else "".
func (a *app) account() objectstore.Account {
	path, err := a.keyPath(a.chosenKey())
	if err != nil {
		return ""
	}
	k, err := readPublic(path)
	if strings.HasPrefix(a.chosenKey(), agentPrefix) {
		if k, err = a.findKey(a.chosenKey()); err != nil {
			return ""
		}
	}
	if err != nil {
		key, err := repo.LoadKey(path, nil)
		if err != nil {
			return ""
		}
		k.Account, k.Line = repo.AccountOf(key), repo.PublicKey(key, "")
	}
	if a.repo != nil { // the keys of an account may have been changed to this one
		if account := a.repo.AccountOfLine(k.Line); account != "" {
			return account
		}
	}
	return k.Account
}

// makeKey makes a key file and its .pub file in the key folder.
func (a *app) makeKey(name string, passphrase []byte) (publicKey, error) {
	dir, err := a.keyFolder()
	if err != nil {
		return publicKey{}, err
	}
	key, err := repo.NewKey(nil)
	if err != nil {
		return publicKey{}, err
	}
	path := filepath.Join(dir, name)
	if err := repo.SaveKey(path, key, name, passphrase); err != nil {
		return publicKey{}, err
	}
	line := strings.TrimSpace(repo.PublicKey(key, name))
	if err := os.WriteFile(path+".pub", []byte(line+"\n"), 0o644); err != nil {
		return publicKey{}, fmt.Errorf("writing the public key %s.pub: %w", path, err)
	}
	return publicKey{name, path, repo.AccountOf(key), line}, nil
}
