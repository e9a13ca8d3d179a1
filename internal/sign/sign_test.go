package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/bech32"
)

func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(slices.Repeat([]byte{n}, 32))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var ledger, id = [32]byte{0x11}, [32]byte{0x22}

func TestSignAndVerify(t *testing.T) {
	s := must[Signature](t)(Sign(testKey(1), PurposeTransaction, ledger, id))
	if err := Verify(s, PurposeTransaction, ledger, id); err != nil {
		t.Error(err)
	}
	other := [32]byte{0x33}
	for name, err := range map[string]error{
		"purpose": Verify(s, PurposeBlock, ledger, id),
		"ledger":  Verify(s, PurposeTransaction, other, id),
		"hash":    Verify(s, PurposeTransaction, ledger, other),
	} {
		if err == nil {
			t.Errorf("the signature is valid for another %s", name)
		}
	}
	for _, bad := range []Signature{
		{Scheme: SchemeSSHSIG, Key: s.Key, Bytes: s.Bytes},
		{Scheme: 0, Key: s.Key, Bytes: s.Bytes},
		{Scheme: 255, Key: s.Key, Bytes: s.Bytes},
		{Scheme: SchemeEd25519, Key: s.Key[:31], Bytes: s.Bytes},
		{Scheme: SchemeEd25519, Key: s.Key, Bytes: s.Bytes[:63]},
		{Scheme: SchemeEd25519},
		{},
	} {
		alone := Verify(bad, PurposeTransaction, ledger, id)
		var b Batch
		b.Add(bad, PurposeTransaction, ledger, id)
		if together := b.Verify(); alone == nil || together == nil {
			t.Errorf("%+v is valid: %v, %v", bad, alone, together)
		}
	}
}

// A batch of several chunks names exactly the bad ones, and is empty afterwards.
func TestBatch(t *testing.T) {
	b := Batch{Keys: NewKeyCache(8)}
	want := []int{3, 300, 599}
	for i := range 600 {
		hash := [32]byte{byte(i), byte(i >> 8)}
		s := must[Signature](t)(Sign(testKey(byte(i%10)), PurposeHead, ledger, hash))
		if slices.Contains(want, i) {
			hash[31]++
		}
		b.Add(s, PurposeHead, ledger, hash)
	}
	var bad *BatchError
	if err := b.Verify(); !errors.As(err, &bad) || !slices.Equal(bad.Bad, want) {
		t.Errorf("%v, want %v", err, want)
	}
	if b.Len() != 0 || b.Verify() != nil {
		t.Error("the batch is not empty and valid")
	}
}

// brokenSigner is a device that signs something else.
type brokenSigner struct{ ed25519.PrivateKey }

func (s brokenSigner) Sign(r io.Reader, m []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.PrivateKey.Sign(r, append(m, 0), o)
}

func TestSignRefuses(t *testing.T) {
	if _, err := Sign(brokenSigner{testKey(1)}, PurposeBlock, ledger, id); err == nil {
		t.Error("a broken signer is not noticed")
	}
	other := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	if _, err := Sign(other, PurposeBlock, ledger, id); err == nil || !strings.Contains(err.Error(), "ed25519") {
		t.Errorf("an ECDSA key: %v", err)
	}
}

func TestDescriptors(t *testing.T) {
	a, b, c := public(testKey(1)), public(testKey(2)), public(testKey(3))
	one := must[Descriptor](t)(KeyDescriptor(a))
	two := must[Descriptor](t)(MofNDescriptor(2, a, b, c))
	same := must[Descriptor](t)(MofNDescriptor(2, c, a, b))
	contract := must[Descriptor](t)(ContractDescriptor(ledger, "shop"))
	if AccountOf(two) != AccountOf(same) {
		t.Error("the order of keys changes the account")
	}
	seen := map[string]bool{}
	for _, d := range []Descriptor{one, two, contract} {
		back := must[Descriptor](t)(ParseDescriptor(d.Bytes()))
		if !bytes.Equal(back.Bytes(), d.Bytes()) || AccountOf(back) != AccountOf(d) || back.Kind() != d.Kind() {
			t.Errorf("%x became %x", d.Bytes(), back.Bytes())
		}
		kind, hash, err := ParseAccount(AccountOf(d))
		if err != nil || kind != d.Kind() || hash != d.hash() {
			t.Errorf("%s: %d %x %v", AccountOf(d), kind, hash, err)
		}
		seen[AccountOf(d)] = true
	}
	if len(seen) != 3 {
		t.Error("two descriptors have one account")
	}
	if AccountOf(Descriptor{}) != "" || (Descriptor{}).Bytes() != nil {
		t.Error("the zero descriptor has an account")
	}
	for name, err := range map[string]error{
		"no keys":       second(MofNDescriptor(1)),
		"0 of 1":        second(MofNDescriptor(0, a)),
		"2 of 1":        second(MofNDescriptor(2, a)),
		"a key twice":   second(MofNDescriptor(1, a, b, a)),
		"too many keys": second(MofNDescriptor(1, slices.Repeat([][]byte{a}, MaxKeys+1)...)),
		"short key":     second(KeyDescriptor(a[:31])),
		"small order":   second(KeyDescriptor(make([]byte, 32))),
		"no name":       second(ContractDescriptor(ledger, "")),
		"NUL in name":   second(ContractDescriptor(ledger, "a\x00")),
		"long name":     second(ContractDescriptor(ledger, strings.Repeat("a", MaxContractName+1))),
		"bytes: empty":  second(ParseDescriptor(nil)),
		"bytes: kind":   second(ParseDescriptor([]byte{0x81, 0x04})),
		"bytes: long":   second(ParseDescriptor(make([]byte, MaxDescriptor+1))),
		"bytes: more":   second(ParseDescriptor(append(one.Bytes(), 0))),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Keys that are swapped in the stored form are not canonical.
	swapped := slices.Clone(two.Bytes())
	copy(swapped[len(swapped)-68:], slices.Concat(two.Bytes()[len(swapped)-34:], two.Bytes()[len(swapped)-68:len(swapped)-34]))
	if _, err := ParseDescriptor(swapped); err == nil || !strings.Contains(err.Error(), "order") {
		t.Errorf("swapped keys: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestParseAccountIsStrict(t *testing.T) {
	d := must[Descriptor](t)(KeyDescriptor(public(testKey(1))))
	good := AccountOf(d)
	if !strings.HasPrefix(good, "ag1") || len(good) != accountLength {
		t.Fatalf("%s has %d characters", good, len(good))
	}
	encode := func(hrp string, payload []byte, version func(string, []byte) (string, error)) string {
		digits := must[[]byte](t)(bech32.ConvertBits(payload, 8, 5, true))
		return must[string](t)(version(hrp, digits))
	}
	payload := append([]byte{KindKey}, make([]byte, 32)...)
	digits := must[[]byte](t)(bech32.ConvertBits(payload, 8, 5, true))
	digits[len(digits)-1] |= 1 // 53 digits have one bit to spare
	bad := map[string]string{
		"empty":         "",
		"upper case":    strings.ToUpper(good),
		"mixed case":    "A" + good[1:],
		"other prefix":  encode("ah", payload, bech32.EncodeM),
		"bech32":        encode("ag", payload, bech32.Encode),
		"kind 0":        encode("ag", make([]byte, 33), bech32.EncodeM),
		"kind 4":        encode("ag", append([]byte{4}, make([]byte, 32)...), bech32.EncodeM),
		"short":         encode("ag", payload[:32], bech32.EncodeM),
		"long":          encode("ag", append(payload, 0), bech32.EncodeM),
		"padding":       must[string](t)(bech32.EncodeM("ag", digits)),
		"space":         good + " ",
		"multi-byte":    "ag1" + strings.Repeat("ü", 29) + "a",
		"prefix absent": good[3:] + "qqq",
	}
	for i := range good {
		c := byte('q')
		if good[i] == c {
			c = 'p'
		}
		bad["typing error at "+string(rune('A'+i))] = good[:i] + string(c) + good[i+1:]
	}
	for name, text := range bad {
		if _, _, err := ParseAccount(text); err == nil {
			t.Errorf("%s: %s is accepted", name, text)
		}
	}
}

func TestSeal(t *testing.T) {
	keys := []ed25519.PrivateKey{testKey(1), testKey(2), testKey(3), testKey(4)}
	var sigs []Signature
	for _, k := range keys {
		sigs = append(sigs, must[Signature](t)(Sign(k, PurposeBlock, ledger, id)))
	}
	one := must[Descriptor](t)(KeyDescriptor(public(keys[0])))
	board := must[Descriptor](t)(MofNDescriptor(2, public(keys[0]), public(keys[1]), public(keys[2])))
	contract := must[Descriptor](t)(ContractDescriptor(ledger, "shop"))

	for _, d := range []Descriptor{one, board} {
		s := must[Seal](t)(MakeSeal(d, sigs[:d.Threshold()]...))
		s = must[Seal](t)(ParseSeal(must[[]byte](t)(s.Bytes())))
		if err := s.Check(AccountOf(d), PurposeBlock, ledger, id); err != nil {
			t.Error(err)
		}
		if s.Check(AccountOf(d), PurposeHead, ledger, id) == nil || s.Check(AccountOf(contract), PurposeBlock, ledger, id) == nil {
			t.Error("a seal is valid for another purpose or account")
		}
		var b Batch
		s.AddTo(&b, PurposeBlock, ledger, id)
		if b.Len() != d.Threshold() || b.Verify() != nil {
			t.Error("the batch form refuses it")
		}
	}
	full := must[Seal](t)(MakeSeal(board, sigs[2], sigs[1], sigs[0], sigs[1]))
	if len(full.Signatures) != 2 || full.Check(AccountOf(board), PurposeBlock, ledger, id) != nil {
		t.Error("more signatures than needed are not reduced")
	}
	for name, err := range map[string]error{
		"too few":      second(MakeSeal(board, sigs[0])),
		"one twice":    second(MakeSeal(board, sigs[0], sigs[0])),
		"foreign key":  second(MakeSeal(board, sigs[0], sigs[1], sigs[3])),
		"none":         second(MakeSeal(one)),
		"for contract": second(MakeSeal(contract)),
	} {
		if err == nil {
			t.Errorf("%s: a seal is made", name)
		}
	}
	pick := func(d []byte, which ...int) Seal {
		s := Seal{Descriptor: d}
		for _, i := range which {
			s.Signatures = append(s.Signatures, sigs[i])
		}
		slices.SortStableFunc(s.Signatures, func(a, b Signature) int { return bytes.Compare(a.Key, b.Key) })
		return s
	}
	forged := pick(board.Bytes(), 0, 1)
	forged.Signatures[1].Bytes = forged.Signatures[0].Bytes
	unsorted := pick(board.Bytes(), 0, 1)
	slices.Reverse(unsorted.Signatures)
	for name, c := range map[string]struct {
		s Seal
		d Descriptor
	}{
		"no signatures":            {Seal{}, one},
		"two for one key":          {pick(nil, 0, 1), one},
		"single descriptor stated": {pick(one.Bytes(), 0), one},
		"another's key":            {pick(nil, 1), one},
		"too few":                  {pick(board.Bytes(), 0), board},
		"too many":                 {pick(board.Bytes(), 0, 1, 2), board},
		"one twice":                {pick(board.Bytes(), 0, 0), board},
		"a foreign key":            {pick(board.Bytes(), 0, 3), board},
		"unsorted":                 {unsorted, board},
		"forged":                   {forged, board},
		"contract":                 {pick(contract.Bytes(), 0), contract},
		"descriptor damaged":       {pick([]byte{1, 2, 3}, 0), board},
	} {
		if err := c.s.Check(AccountOf(c.d), PurposeBlock, ledger, id); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	long := Seal{Signatures: slices.Repeat(sigs[:1], MaxSignatures+1)}
	if _, err := ParseSeal(must[[]byte](t)(long.Bytes())); err == nil {
		t.Error("too many signatures are read")
	}
	fat := Seal{Signatures: []Signature{{Scheme: 9, Key: make([]byte, MaxKeyBytes+1)}}}
	if _, err := ParseSeal(must[[]byte](t)(fat.Bytes())); err == nil {
		t.Error("a too long key is read")
	}
}

func TestKeyFiles(t *testing.T) {
	key := testKey(9)
	for _, passphrase := range []string{"", "correct horse"} {
		file := must[[]byte](t)(MarshalPrivateKey(key, "alice", []byte(passphrase)))
		back := must[ed25519.PrivateKey](t)(ParsePrivateKey(file, []byte(passphrase)))
		if !back.Equal(key) {
			t.Error("the key changed in its file")
		}
		_, missing := ParsePrivateKey(file, nil)
		_, wrong := ParsePrivateKey(file, []byte("wrong"))
		if passphrase == "" {
			if missing != nil || wrong != nil {
				t.Errorf("an unencrypted file asks for a passphrase: %v, %v", missing, wrong)
			}
			continue
		}
		var e *PassphraseError
		if !errors.As(missing, &e) || e.Wrong {
			t.Errorf("no passphrase: %v", missing)
		}
		if !errors.As(wrong, &e) || !e.Wrong {
			t.Errorf("wrong passphrase: %v", wrong)
		}
	}
	line := must[string](t)(MarshalPublicKey(public(key), "alice of shop"))
	pub, comment, err := ParsePublicKey(line + "\n")
	if err != nil || !bytes.Equal(pub, public(key)) || comment != "alice of shop" {
		t.Errorf("%s: %x %q %v", line, pub, comment, err)
	}
	for _, bad := range []string{"", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa AAAA", line + "\n" + line, "command=\"x\" " + line} {
		if _, _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := MarshalPrivateKey(key, "two\nlines", nil); err == nil {
		t.Error("a comment of two lines is accepted")
	}
	for _, bad := range [][]byte{nil, []byte("nonsense"), make([]byte, MaxKeyFile+1)} {
		if _, err := ParsePrivateKey(bad, nil); err == nil {
			t.Errorf("%.20q is accepted", bad)
		}
	}
}

// sshKeygen is the foreign judge of our key files.
func sshKeygen(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("ssh-keygen")
	if err != nil {
		if os.Getenv("AERGO_REQUIRE_JUDGES") == "1" {
			t.Fatal("ssh-keygen is needed as a judge and not installed")
		}
		t.Skip("NOT JUDGED: ssh-keygen is not installed, so our key files are not compared with its own")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestKeyFilesJudgedBySSHKeygen(t *testing.T) {
	dir := t.TempDir()
	for _, passphrase := range []string{"", "correct horse"} {
		// Ours, read by ssh-keygen.
		key := testKey(5)
		ours := filepath.Join(dir, "ours"+passphrase)
		if err := os.WriteFile(ours, must[[]byte](t)(MarshalPrivateKey(key, "alice", []byte(passphrase))), 0o600); err != nil {
			t.Fatal(err)
		}
		got := sshKeygen(t, "-y", "-P", passphrase, "-f", ours)
		if want := must[string](t)(MarshalPublicKey(public(key), "alice")); got != want {
			t.Errorf("ssh-keygen reads %q, want %q", got, want)
		}
		// Its own, read by us.
		theirs := filepath.Join(dir, "theirs"+passphrase)
		sshKeygen(t, "-q", "-t", "ed25519", "-N", passphrase, "-C", "bob", "-f", theirs)
		private := must[ed25519.PrivateKey](t)(ParsePrivateKey(must[[]byte](t)(os.ReadFile(theirs)), []byte(passphrase)))
		pub, comment, err := ParsePublicKey(string(must[[]byte](t)(os.ReadFile(theirs + ".pub"))))
		if err != nil || !bytes.Equal(pub, public(private)) || comment != "bob" {
			t.Errorf("we read %x %q from its public file: %v", pub, comment, err)
		}
	}
	ec := filepath.Join(dir, "ecdsa")
	sshKeygen(t, "-q", "-t", "ecdsa", "-N", "", "-f", ec)
	if _, err := ParsePrivateKey(must[[]byte](t)(os.ReadFile(ec)), nil); err == nil || !strings.Contains(err.Error(), "ed25519") {
		t.Errorf("an ECDSA file: %v", err)
	}
}

func FuzzParseDescriptor(f *testing.F) {
	d, _ := MofNDescriptor(1, public(testKey(1)), public(testKey(2)))
	f.Add(d.Bytes())
	d, _ = KeyDescriptor(public(testKey(1)))
	f.Add(d.Bytes())
	d, _ = ContractDescriptor(ledger, "shop")
	f.Add(d.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseDescriptor(data)
		if err == nil && !bytes.Equal(d.Bytes(), data) {
			t.Fatalf("%x became %x", data, d.Bytes())
		}
	})
}

func FuzzParseSeal(f *testing.F) {
	s, _ := Sign(testKey(1), PurposeBlock, ledger, id)
	data, _ := Seal{Signatures: []Signature{s}, Descriptor: []byte{1}}.Bytes()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSeal(data)
		if err != nil {
			return
		}
		if again, err := s.Bytes(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x became %x: %v", data, again, err)
		}
		if s.Check("ag1", PurposeBlock, ledger, id) == nil {
			t.Fatal("a seal is valid for no account")
		}
	})
}

func FuzzParseAccount(f *testing.F) {
	d, _ := KeyDescriptor(public(testKey(1)))
	f.Add(AccountOf(d))
	f.Fuzz(func(t *testing.T, text string) {
		kind, hash, err := ParseAccount(text)
		if err != nil {
			return
		}
		digits, err := bech32.ConvertBits(append([]byte{kind}, hash[:]...), 8, 5, true)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := bech32.EncodeM("ag", digits); err != nil || again != text {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	line, _ := MarshalPublicKey(public(testKey(1)), "alice")
	f.Add(line)
	f.Fuzz(func(t *testing.T, line string) {
		if pub, _, err := ParsePublicKey(line); err == nil && CheckKey(pub) != nil {
			t.Fatal("an unusable key is read")
		}
	})
}

func benchSigs(b *testing.B, n int) []Signature {
	sigs := make([]Signature, n)
	for i := range sigs {
		sigs[i] = must[Signature](b)(Sign(testKey(byte(i%32)), PurposeTransaction, ledger, [32]byte{byte(i), byte(i >> 8)}))
	}
	return sigs
}

func BenchmarkVerify(b *testing.B) {
	s := benchSigs(b, 1)[0]
	cached := NewKeyCache(10)
	b.Run("single", func(b *testing.B) {
		for b.Loop() {
			if Verify(s, PurposeTransaction, ledger, [32]byte{}) != nil {
				b.Fatal("bad")
			}
		}
	})
	b.Run("cached", func(b *testing.B) {
		for b.Loop() {
			if cached.Verify(s, PurposeTransaction, ledger, [32]byte{}) != nil {
				b.Fatal("bad")
			}
		}
	})
	b.Run("standard library", func(b *testing.B) { // the named alternative
		m := Message(PurposeTransaction, ledger, [32]byte{})
		for b.Loop() {
			if !ed25519.Verify(s.Key, m, s.Bytes) {
				b.Fatal("bad")
			}
		}
	})
	b.Run("batch of 512", func(b *testing.B) {
		sigs := benchSigs(b, 512)
		batch := Batch{Keys: NewKeyCache(100)}
		for b.Loop() {
			for i, s := range sigs {
				batch.Add(s, PurposeTransaction, ledger, [32]byte{byte(i), byte(i >> 8)})
			}
			if err := batch.Verify(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(sigs)), "us/signature")
	})
	b.Run("match account", func(b *testing.B) {
		seal := Seal{Signatures: []Signature{s}}
		account := AccountOf(must[Descriptor](b)(KeyDescriptor(s.Key)))
		b.ReportAllocs()
		for b.Loop() {
			if err := seal.Match(account); err != nil {
				b.Fatal(err)
			}
		}
	})
}
