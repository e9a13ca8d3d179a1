package sign

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// device is a hardware key in software.
type device struct {
	private ed25519.PrivateKey
	public  HardwareKey
	flags   byte
	counter uint32
}

func newDevice(n byte, application string, verified bool) *device {
	d := &device{private: testKey(n), flags: flagTouched, counter: uint32(n)}
	d.public = HardwareKey{Point: public(d.private), Application: application, Verified: verified}
	if verified {
		d.flags |= flagVerified
	}
	return d
}

func (d *device) Public() crypto.PublicKey { return d.public }

// Sign follows PROTOCOL.u2f, and counts.
func (d *device) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	d.counter++
	application, hash := sha256.Sum256([]byte(d.public.Application)), sha256.Sum256(message)
	tail := binary.BigEndian.AppendUint32([]byte{d.flags}, d.counter)
	return append(ed25519.Sign(d.private, slices.Concat(application[:], tail, hash[:])), tail...), nil
}

// plainSSHSIG signs by scheme 2 with a plain key, as ssh-keygen does.
func plainSSHSIG(key ed25519.PrivateKey, p Purpose, ledger, hash [32]byte) Signature {
	return Signature{Scheme: SchemeSSHSIG, Key: public(key), Bytes: ed25519.Sign(key, SSHSIGData(Message(p, ledger, hash)))}
}

// verifyAll asks every path that verifies, which must agree.
func verifyAll(t testing.TB, s Signature, p Purpose, ledger, hash [32]byte) error {
	t.Helper()
	cache := NewKeyCache(4)
	alone := Verify(s, p, ledger, hash)
	filler := plainSSHSIG(testKey(77), p, ledger, hash)
	one, two, three := Batch{}, Batch{Keys: cache}, Batch{}
	one.Add(s, p, ledger, hash)
	two.Add(filler, p, ledger, hash)
	two.Add(s, p, ledger, hash)
	three.Add(s, p, ledger, hash)
	three.Add(must[Signature](t)(Sign(testKey(78), p, ledger, hash)), p, ledger, hash)
	for _, err := range []error{cache.Verify(s, p, ledger, hash), cache.Verify(s, p, ledger, hash), one.Verify(), two.Verify(), three.Verify()} {
		if (err == nil) != (alone == nil) {
			t.Errorf("the paths differ for %+v: %v, alone %v", s, err, alone)
		}
	}
	return alone
}

func TestHardwareKeys(t *testing.T) {
	touch, pin := newDevice(1, "ssh:", false), newDevice(1, "ssh:", true)
	s := must[Signature](t)(Sign(touch, PurposeBlock, ledger, id))
	again := must[Signature](t)(Sign(touch, PurposeBlock, ledger, id))
	for _, s := range []Signature{s, again} {
		if err := verifyAll(t, s, PurposeBlock, ledger, id); err != nil || s.Scheme != SchemeSSHSIG {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if bytes.Equal(s.Bytes, again.Bytes) {
		t.Error("the counter is no part of the signature")
	}
	// The same device asked for a PIN: another key, another account.
	verified := must[Signature](t)(Sign(pin, PurposeBlock, ledger, id))
	if err := verifyAll(t, verified, PurposeBlock, ledger, id); err != nil {
		t.Error(err)
	}
	if one, two := must[Descriptor](t)(KeyDescriptor(s.Key)), must[Descriptor](t)(KeyDescriptor(verified.Key)); AccountOf(one) == AccountOf(two) {
		t.Error("one account with and without PIN")
	}
	verified.Key = s.Key
	if err := verifyAll(t, verified, PurposeBlock, ledger, id); err != nil {
		t.Errorf("a PIN where a touch is enough: %v", err)
	}

	bad := map[string]Signature{}
	change := func(name string, fn func(s *Signature)) {
		c := Signature{Scheme: s.Scheme, Key: slices.Clone(s.Key), Bytes: slices.Clone(s.Bytes)}
		fn(&c)
		bad[name] = c
	}
	flagged := func(flags byte) func(s *Signature) {
		return func(s *Signature) {
			d := newDevice(1, "ssh:", false)
			d.flags = flags
			s.Bytes, _ = d.Sign(nil, SSHSIGData(Message(PurposeBlock, ledger, id)), nil)
		}
	}
	change("no touch", flagged(0))
	change("PIN without touch", flagged(flagVerified))
	change("attested data", flagged(flagTouched|flagAttested))
	change("extensions", flagged(flagTouched|flagExtended))
	change("a PIN is asked for and was not given", func(s *Signature) { s.Key = pin.public.Bytes() })
	change("flag added by somebody else", func(s *Signature) { s.Bytes[64] |= flagVerified })
	change("another counter", func(s *Signature) { s.Bytes[68]++ })
	change("another application", func(s *Signature) { s.Key = append(s.Key, 'x') })
	change("as a plain key", func(s *Signature) { s.Key = s.Key[:32] })
	change("as a plain key without tail", func(s *Signature) { s.Key, s.Bytes = s.Key[:32], s.Bytes[:64] })
	change("without tail", func(s *Signature) { s.Bytes = s.Bytes[:64] })
	change("a longer tail", func(s *Signature) { s.Bytes = append(s.Bytes, 0) })
	change("scheme 1", func(s *Signature) { s.Scheme = SchemeEd25519 })
	change("scheme 1, as a plain key", func(s *Signature) { *s = Signature{Scheme: 1, Key: s.Key[:32], Bytes: s.Bytes[:64]} })
	change("unknown scheme", func(s *Signature) { s.Scheme = 3 })
	change("a flag in the key that is not known", func(s *Signature) { s.Key[32] = 3 })
	change("no flags in the key", func(s *Signature) { s.Key[32] = 0 })
	change("not for ssh", func(s *Signature) { copy(s.Key[33:], "web:") })
	change("a plain signature by the same point", func(s *Signature) { s.Bytes = ed25519.Sign(testKey(1), Message(PurposeBlock, ledger, id)) })
	change("S plus L", func(s *Signature) { s.Bytes = append(plusOrder(s.Bytes[:64]), s.Bytes[64:]...) })
	change("a key of small order", func(s *Signature) {
		copy(s.Key, unhex(t, smallOrder[0]))
		copy(s.Bytes, append(unhex(t, smallOrder[0]), make([]byte, 32)...))
	})
	for name, s := range bad {
		if verifyAll(t, s, PurposeBlock, ledger, id) == nil {
			t.Errorf("%s: valid", name)
		}
	}
	for _, d := range []*device{{private: touch.private, public: touch.public}, {private: touch.private, public: pin.public, flags: 1}} {
		if _, err := Sign(d, PurposeBlock, ledger, id); err == nil {
			t.Error("a device that does not do what its key asks for is not noticed")
		}
	}
}

// A signature of one scheme is never one of the other, for this message or any.
func TestSchemesAreApart(t *testing.T) {
	key := testKey(1)
	one, two := must[Signature](t)(Sign(key, PurposeBlock, ledger, id)), plainSSHSIG(key, PurposeBlock, ledger, id)
	for _, s := range []Signature{one, two} {
		if err := verifyAll(t, s, PurposeBlock, ledger, id); err != nil {
			t.Error(err)
		}
		if verifyAll(t, s, PurposeHead, ledger, id) == nil || verifyAll(t, s, PurposeBlock, id, id) == nil || verifyAll(t, s, PurposeBlock, ledger, ledger) == nil {
			t.Error("valid for something else")
		}
		s.Scheme = 3 - s.Scheme
		if verifyAll(t, s, PurposeBlock, ledger, id) == nil {
			t.Errorf("what is of scheme %d counts in scheme %d", 3-s.Scheme, s.Scheme)
		}
	}
	// Either is the account's, one at a time.
	d := must[Descriptor](t)(KeyDescriptor(public(key)))
	board := must[Descriptor](t)(MofNDescriptor(2, public(key), newDevice(2, "ssh:", false).public.Bytes()))
	for _, s := range []Signature{one, two} {
		seal := must[Seal](t)(MakeSeal(d, s))
		if err := seal.Check(AccountOf(d), PurposeBlock, ledger, id); err != nil {
			t.Error(err)
		}
	}
	if _, err := MakeSeal(board, one, two); err == nil {
		t.Error("one key by two schemes counts as two of two")
	}
	both := must[Seal](t)(MakeSeal(board, must[Signature](t)(Sign(newDevice(2, "ssh:", false), PurposeBlock, ledger, id)), two))
	if err := must[Seal](t)(ParseSeal(must[[]byte](t)(both.Bytes()))).Check(AccountOf(board), PurposeBlock, ledger, id); err != nil {
		t.Errorf("a plain and a hardware key: %v", err)
	}
}

// All that a plain key of scheme 1 may be at the border, a key of scheme 2 may
// be, too: the rule is one.
func TestSSHSIGEdges(t *testing.T) {
	plain := SSHSIGData(Message(PurposeBlock, ledger, id))
	for _, e := range edgesOf(t, plain) {
		s := Signature{Scheme: SchemeSSHSIG, Key: unhex(t, e.Key), Bytes: unhex(t, e.Signature)}
		if err := verifyAll(t, s, PurposeBlock, ledger, id); (err == nil) != e.Valid {
			t.Errorf("%s: %v, want valid=%v", e.Name, err, e.Valid)
		}
	}
}

func TestHardwareDescriptors(t *testing.T) {
	a, b := newDevice(1, "ssh:", false), newDevice(2, "ssh:"+strings.Repeat("x", MaxApplication-4), true)
	most := [][]byte{}
	for n := range byte(MaxKeys) {
		most = append(most, newDevice(n+1, b.public.Application, true).public.Bytes())
	}
	for _, d := range []Descriptor{
		must[Descriptor](t)(KeyDescriptor(a.public.Bytes())),
		must[Descriptor](t)(MofNDescriptor(2, a.public.Bytes(), b.public.Bytes(), public(testKey(3)))),
		must[Descriptor](t)(MofNDescriptor(1, most...)),
	} {
		back := must[Descriptor](t)(ParseDescriptor(d.Bytes()))
		if !bytes.Equal(back.Bytes(), d.Bytes()) || AccountOf(back) != AccountOf(d) || !strings.Contains(d.String(), "hardware") {
			t.Errorf("%s became %s", d, back)
		}
	}
	web, long, space := a.public, b.public, a.public
	web.Application, space.Application = "https://example.org", "ssh: a"
	long.Application += "x"
	for name, err := range map[string]error{
		"made for the web":    second(KeyDescriptor(web.Bytes())),
		"a long application":  second(KeyDescriptor(long.Bytes())),
		"a space in it":       second(KeyDescriptor(space.Bytes())),
		"no application":      second(KeyDescriptor(a.public.Bytes()[:33])),
		"no point":            second(KeyDescriptor(append(append([]byte{2}, make([]byte, 31)...), "\x01ssh:"...))),
		"small order":         second(KeyDescriptor(append(unhex(t, smallOrder[0]), "\x01ssh:"...))),
		"one device twice":    second(MofNDescriptor(2, a.public.Bytes(), newDevice(1, "ssh:", true).public.Bytes())),
		"and as a plain key":  second(MofNDescriptor(1, a.public.Bytes(), public(testKey(1)))),
		"and for another use": second(MofNDescriptor(1, a.public.Bytes(), newDevice(1, "ssh:work", false).public.Bytes())),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestHardwareKeyLines(t *testing.T) {
	for _, d := range []*device{newDevice(1, "ssh:", false), newDevice(2, "ssh:aergo", true)} {
		line := must[string](t)(MarshalPublicKey(d.public.Bytes(), "alice of shop"))
		key, comment, err := ParsePublicKey(line + "\n")
		if err != nil || !bytes.Equal(key, d.public.Bytes()) || comment != "alice of shop" {
			t.Errorf("%s: %x %q %v", line, key, comment, err)
		}
		if strings.HasPrefix(line, "verify-required ") != d.public.Verified {
			t.Errorf("%s: does not say whether a PIN is asked for", line)
		}
	}
	plain := must[string](t)(MarshalPublicKey(public(testKey(1)), ""))
	hard := must[string](t)(MarshalPublicKey(newDevice(1, "ssh:", false).public.Bytes(), ""))
	web := string(ssh.MarshalAuthorizedKey(must[ssh.PublicKey](t)(ssh.ParsePublicKey(ssh.Marshal(hardwareWire{ssh.KeyAlgoSKED25519, public(testKey(1)), "web"})))))
	for _, bad := range []string{"verify-required " + plain, "no-touch-required " + hard, "verify-required verify-required " + hard, "verify-required,no-touch-required " + hard, web,
		"sk-ssh-ed25519@openssh.com", strings.Replace(hard, "sk-ssh-ed25519@openssh.com", "ssh-ed25519", 1), "sk-ecdsa-sha2-nistp256@openssh.com AAAA"} {
		if _, _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

// judgeSSHSIG asks ssh-keygen whether a file is a good signature of message.
func judgeSSHSIG(t *testing.T, key, file, message []byte, good bool) {
	t.Helper()
	sshKeygen(t, "-l", "-f", write(t, "key.pub", []byte(must[string](t)(MarshalPublicKey(key, ""))+"\n")))
	line := strings.TrimPrefix(must[string](t)(MarshalPublicKey(key, "")), verifyRequired)
	cmd := exec.Command("ssh-keygen", "-Y", "verify", "-n", "aergo-git", "-I", "alice",
		"-f", write(t, "allowed", []byte("alice "+line+"\n")), "-s", write(t, "m.sig", file))
	cmd.Stdin = bytes.NewReader(message)
	if out, err := cmd.CombinedOutput(); (err == nil) != good {
		t.Errorf("ssh-keygen -Y verify: %v, want good=%v\n%s\n%s", err, good, out, file)
	}
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What ssh-keygen signs we take, and the other way round, for plain keys and for
// a device.
func TestSSHSIGJudgedBySSHKeygen(t *testing.T) {
	message := Message(PurposeConsent, ledger, id)
	for n := range byte(3) {
		key := testKey(n + 1)
		private := write(t, "key", must[[]byte](t)(MarshalPrivateKey(key, "alice", nil)))
		for _, c := range []struct {
			namespace, hash string
			good            bool
		}{{"aergo-git", "sha512", true}, {"aergo-git", "sha256", false}, {"git", "sha512", false}} {
			file := write(t, "m", message)
			sshKeygen(t, "-q", "-Y", "sign", "-n", c.namespace, "-O", "hashalg="+c.hash, "-f", private, file)
			s, err := FromSSHSIG(must[[]byte](t)(os.ReadFile(file+".sig")), public(key))
			if err == nil {
				err = verifyAll(t, s, PurposeConsent, ledger, id)
			}
			if (err == nil) != c.good {
				t.Errorf("ssh-keygen -Y sign, %+v: %v", c, err)
			}
		}
		s := plainSSHSIG(key, PurposeConsent, ledger, id)
		judgeSSHSIG(t, s.Key, must[[]byte](t)(s.SSHSIG()), message, true)
		judgeSSHSIG(t, s.Key, must[[]byte](t)(s.SSHSIG()), append(message, 0), false)
	}
	for n, verified := range []bool{false, true} {
		d := newDevice(byte(n+1), "ssh:", verified)
		s := must[Signature](t)(Sign(d, PurposeConsent, ledger, id))
		file := must[[]byte](t)(s.SSHSIG())
		judgeSSHSIG(t, s.Key, file, message, true)
		back := must[Signature](t)(FromSSHSIG(file, s.Key))
		if back.Scheme != s.Scheme || !bytes.Equal(back.Bytes, s.Bytes) || verifyAll(t, back, PurposeConsent, ledger, id) != nil {
			t.Errorf("%+v came back as %+v", s, back)
		}
		s.Bytes[68]++
		judgeSSHSIG(t, s.Key, must[[]byte](t)(s.SSHSIG()), message, false)

		// The Go library for SSH is the second judge.
		data := SSHSIGData(message)
		answer := must[[]byte](t)(d.Sign(nil, data, nil))
		sig := &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: answer[:64], Rest: answer[64:]}
		if err := must[ssh.PublicKey](t)(sshKey(s.Key)).Verify(data, sig); err != nil {
			t.Error(err)
		}
	}
}

func TestFromSSHSIGRefuses(t *testing.T) {
	d := newDevice(1, "ssh:", false)
	s := must[Signature](t)(Sign(d, PurposeBlock, ledger, id))
	good := must[[]byte](t)(s.SSHSIG())
	block, _ := pem.Decode(good)
	wire := func(fn func(w *sshsigWire)) []byte {
		var w sshsigWire
		if err := ssh.Unmarshal(block.Bytes[len(sshsigMagic):], &w); err != nil {
			t.Fatal(err)
		}
		fn(&w)
		return pem.EncodeToMemory(&pem.Block{Type: sshsigPEM, Bytes: append([]byte(sshsigMagic), ssh.Marshal(w)...)})
	}
	if _, err := FromSSHSIG(wire(func(*sshsigWire) {}), s.Key); err != nil {
		t.Fatal(err)
	}
	other := newDevice(2, "ssh:", false).public.Bytes()
	for name, c := range map[string]struct{ file, key []byte }{
		"empty":            {nil, s.Key},
		"text before":      {append([]byte("x\n"), good...), s.Key},
		"text after":       {append(slices.Clone(good), 'x'), s.Key},
		"two":              {append(slices.Clone(good), good...), s.Key},
		"long":             {append(slices.Clone(good), bytes.Repeat([]byte{'\n'}, MaxKeyFile)...), s.Key},
		"a header":         {pem.EncodeToMemory(&pem.Block{Type: sshsigPEM, Headers: map[string]string{"a": "b"}, Bytes: block.Bytes}), s.Key},
		"no magic":         {pem.EncodeToMemory(&pem.Block{Type: sshsigPEM, Bytes: block.Bytes[1:]}), s.Key},
		"trailing bytes":   {pem.EncodeToMemory(&pem.Block{Type: sshsigPEM, Bytes: append(slices.Clone(block.Bytes), 0)}), s.Key},
		"another type":     {bytes.ReplaceAll(good, []byte(sshsigPEM), []byte("CERTIFICATE")), s.Key},
		"version":          {wire(func(w *sshsigWire) { w.Version = 2 }), s.Key},
		"namespace":        {wire(func(w *sshsigWire) { w.Namespace = "git" }), s.Key},
		"reserved":         {wire(func(w *sshsigWire) { w.Reserved = "x" }), s.Key},
		"hash":             {wire(func(w *sshsigWire) { w.Hash = "sha256" }), s.Key},
		"signature cut":    {wire(func(w *sshsigWire) { w.Signature = w.Signature[:len(w.Signature)-1] }), s.Key},
		"signature longer": {wire(func(w *sshsigWire) { w.Signature = append(w.Signature, 0) }), s.Key},
		"of another type": {wire(func(w *sshsigWire) {
			w.Signature = ssh.Marshal(signatureWire{ssh.KeyAlgoED25519, s.Bytes[:64], s.Bytes[64:]})
		}), s.Key},
		"split elsewhere": {wire(func(w *sshsigWire) {
			w.Signature = ssh.Marshal(signatureWire{ssh.KeyAlgoSKED25519, s.Bytes[:65], s.Bytes[65:]})
		}), s.Key},
		"by another device": {good, other},
		"by a plain key":    {good, s.Key[:32]},
		"for no key":        {good, nil},
	} {
		if _, err := FromSSHSIG(c.file, c.key); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := must[Signature](t)(Sign(testKey(1), PurposeBlock, ledger, id)).SSHSIG(); err == nil {
		t.Error("a signature of scheme 1 is written as an SSH signature")
	}
}

func FuzzFromSSHSIG(f *testing.F) {
	d := newDevice(1, "ssh:", false)
	hard, plain := d.public.Bytes(), []byte(public(testKey(1)))
	s, _ := Sign(d, PurposeBlock, ledger, id)
	for _, s := range []Signature{s, plainSSHSIG(testKey(1), PurposeBlock, ledger, id)} {
		file, _ := s.SSHSIG()
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, key := range [][]byte{hard, plain} {
			s, err := FromSSHSIG(file, key)
			if err != nil {
				continue
			}
			again, err := s.SSHSIG()
			if err != nil {
				t.Fatal(err)
			}
			if back, err := FromSSHSIG(again, key); err != nil || !bytes.Equal(back.Bytes, s.Bytes) {
				t.Fatalf("%x became %x: %v", s.Bytes, back.Bytes, err)
			}
		}
	})
}

// Whatever a key and a signature are, one by one and in a batch give one answer,
// and only what the device signed is good.
func FuzzSignature(f *testing.F) {
	s, _ := Sign(newDevice(1, "ssh:", false), PurposeBlock, ledger, id)
	p := plainSSHSIG(testKey(1), PurposeBlock, ledger, id)
	f.Add(s.Scheme, s.Key, s.Bytes)
	f.Add(p.Scheme, p.Key, p.Bytes)
	f.Fuzz(func(t *testing.T, scheme uint8, key, data []byte) {
		got := Signature{Scheme: scheme, Key: key, Bytes: data}
		err := verifyAll(t, got, PurposeBlock, ledger, id)
		if k, e := ParseHardwareKey(key); e == nil && !bytes.Equal(k.Bytes(), key) {
			t.Fatalf("key %x became %x", key, k.Bytes())
		}
		same := func(s Signature) bool {
			return scheme == s.Scheme && bytes.Equal(key, s.Key) && bytes.Equal(data, s.Bytes)
		}
		if err == nil && bytes.Equal(Point(key), public(testKey(1))) && !same(s) && !same(p) {
			t.Fatalf("forged: %+v", got)
		}
	})
}
