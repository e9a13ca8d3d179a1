package sign

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

const vectorDir = "../../testdata/vectors/"

type keyVectors struct {
	Keys     []keyVector     `json:"keys"`
	Accounts []accountVector `json:"accounts"`
	Refused  []string        `json:"refused_accounts"`
}

type keyVector struct {
	Seed   string `json:"seed"`
	Public string `json:"public"`
	Line   string `json:"line"`
}

type accountVector struct {
	What       string `json:"what"`
	Descriptor string `json:"descriptor"`
	Account    string `json:"account"`
}

type signatureVectors struct {
	Purpose Purpose `json:"purpose"`
	Ledger  string  `json:"ledger"`
	Hash    string  `json:"hash"`
	Message string  `json:"message"`
	Edges   []edge  `json:"signatures"`
	SSHSIG  []edge2 `json:"scheme_2"`
	Seals   []struct {
		Account string `json:"account"`
		Seal    string `json:"seal"`
	} `json:"seals"`
}

// edge2 is an edge of scheme 2. File is the same as ssh-keygen -Y verify takes it.
type edge2 struct {
	edge
	File string `json:"file,omitempty"`
}

// sshsigVectors are signatures of scheme 2 by key 1, plain and in a device, with
// and without PIN.
func sshsigVectors(t *testing.T, p Purpose) (all []edge2) {
	add := func(name string, s Signature, valid bool) {
		e := edge2{edge: edge{name, hex.EncodeToString(s.Key), hex.EncodeToString(s.Bytes), valid}}
		if valid {
			e.File = string(must[[]byte](t)(s.SSHSIG()))
		}
		all = append(all, e)
	}
	device := func(flags byte, application string, verified bool) Signature {
		d := newDevice(1, application, verified)
		d.flags = flags
		b := must[[]byte](t)(d.Sign(nil, SSHSIGData(Message(p, ledger, id)), nil))
		return Signature{Scheme: SchemeSSHSIG, Key: d.public.Bytes(), Bytes: b}
	}
	plain := plainSSHSIG(testKey(1), p, ledger, id)
	add("plain key", plain, true)
	add("plain key, signature of scheme 1", must[Signature](t)(Sign(testKey(1), p, ledger, id)), false)
	plain.Bytes = plusOrder(plain.Bytes)
	add("plain key, S plus L", plain, false)
	add("touch", device(1, "ssh:", false), true)
	add("touch and PIN where touch is enough", device(5, "ssh:", false), true)
	add("touch, backed up", device(1|8|16, "ssh:", false), true)
	add("touch and PIN", device(5, "ssh:aergo", true), true)
	add("PIN missing", device(1, "ssh:", true), false)
	add("touch missing", device(0, "ssh:", false), false)
	add("PIN without touch", device(4, "ssh:", false), false)
	add("attested data", device(0x41, "ssh:", false), false)
	add("extensions", device(0x81, "ssh:", false), false)
	add("not for ssh", device(1, "https://example.org", false), false)
	s := device(1, "ssh:", false)
	s.Bytes[68]++
	add("counter changed", s, false)
	s = device(1, "ssh:", false)
	s.Bytes[64] = 5
	add("flags changed", s, false)
	s = device(1, "ssh:", false)
	s.Key = append(s.Key, 'x')
	add("application changed", s, false)
	s = device(1, "ssh:", false)
	add("device's signature by a plain key", Signature{Scheme: SchemeSSHSIG, Key: s.Key[:32], Bytes: s.Bytes[:64]}, false)
	return all
}

func makeKeyVectors(t *testing.T) keyVectors {
	var v keyVectors
	var keys [][]byte
	for n := byte(1); n <= 3; n++ {
		key := testKey(n)
		keys = append(keys, public(key))
		v.Keys = append(v.Keys, keyVector{hex.EncodeToString(key.Seed()), hex.EncodeToString(public(key)), must[string](t)(MarshalPublicKey(public(key), "test"))})
	}
	touch, pin := newDevice(1, "ssh:", false).public.Bytes(), newDevice(2, "ssh:aergo", true).public.Bytes()
	for n, key := range [][]byte{touch, pin} {
		v.Keys = append(v.Keys, keyVector{hex.EncodeToString(testKey(byte(n + 1)).Seed()), hex.EncodeToString(key), must[string](t)(MarshalPublicKey(key, "test"))})
	}
	for _, c := range []struct {
		what string
		d    Descriptor
	}{
		{"key 1", must[Descriptor](t)(KeyDescriptor(keys[0]))},
		{"1 of key 1", must[Descriptor](t)(MofNDescriptor(1, keys[0]))},
		{"2 of keys 1, 2, 3", must[Descriptor](t)(MofNDescriptor(2, keys...))},
		{"hardware key 1, touch", must[Descriptor](t)(KeyDescriptor(touch))},
		{"hardware key 2, touch and PIN, application ssh:aergo", must[Descriptor](t)(KeyDescriptor(pin))},
		{"2 of hardware key 1, hardware key 2, key 3", must[Descriptor](t)(MofNDescriptor(2, touch, pin, keys[2]))},
		{"contract shop of ledger 11 00…", must[Descriptor](t)(ContractDescriptor(ledger, "shop"))},
	} {
		v.Accounts = append(v.Accounts, accountVector{c.what, hex.EncodeToString(c.d.Bytes()), AccountOf(c.d)})
	}
	good := v.Accounts[0].Account
	v.Refused = []string{"", good[:61], good + "q", "AG1" + good[3:], good[:61] + "b", "aq1" + good[3:]}
	return v
}

func makeSignatureVectors(t *testing.T) signatureVectors {
	v := signatureVectors{
		Purpose: PurposeBlock,
		Ledger:  hex.EncodeToString(ledger[:]),
		Hash:    hex.EncodeToString(id[:]),
		Message: hex.EncodeToString(Message(PurposeBlock, ledger, id)),
		Edges:   edges(t, PurposeBlock, ledger, id),
		SSHSIG:  sshsigVectors(t, PurposeBlock),
	}
	one := must[Descriptor](t)(KeyDescriptor(public(testKey(1))))
	board := must[Descriptor](t)(MofNDescriptor(2, public(testKey(1)), public(testKey(2)), public(testKey(3))))
	first := must[Signature](t)(Sign(testKey(1), PurposeBlock, ledger, id))
	third := must[Signature](t)(Sign(testKey(3), PurposeBlock, ledger, id))
	for _, c := range []struct {
		d    Descriptor
		sigs []Signature
	}{{one, []Signature{first}}, {board, []Signature{first, third}}} {
		seal := must[Seal](t)(MakeSeal(c.d, c.sigs...))
		v.Seals = append(v.Seals, struct {
			Account string `json:"account"`
			Seal    string `json:"seal"`
		}{AccountOf(c.d), hex.EncodeToString(must[[]byte](t)(seal.Bytes()))})
	}
	return v
}

// golden reads a vector file into got and compares it with what the code makes.
func golden[T any](t *testing.T, name string, want T) (got T) {
	if *update {
		b, err := json.MarshalIndent(want, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorDir+name, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(vectorDir + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("testdata/vectors/%s is not what the code makes; a format must not change", name)
	}
	return got
}

func TestGoldenKeys(t *testing.T) {
	v := golden(t, "keys.json", makeKeyVectors(t))
	for _, k := range v.Keys {
		pub, _, err := ParsePublicKey(k.Line)
		if err != nil || hex.EncodeToString(pub) != k.Public {
			t.Errorf("%s: %x %v", k.Line, pub, err)
		}
	}
	for _, a := range v.Accounts {
		d, err := ParseDescriptor(unhex(t, a.Descriptor))
		if err != nil || AccountOf(d) != a.Account {
			t.Errorf("%s: %s %v", a.What, AccountOf(d), err)
		}
	}
	for _, text := range v.Refused {
		if _, _, err := ParseAccount(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestGoldenSignatures(t *testing.T) {
	v := golden(t, "signatures.json", makeSignatureVectors(t))
	for _, e := range v.Edges {
		if err := Verify(e.signature(t), v.Purpose, ledger, id); (err == nil) != e.Valid {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	for _, e := range v.SSHSIG {
		s := e.signature(t)
		s.Scheme = SchemeSSHSIG
		if err := Verify(s, v.Purpose, ledger, id); (err == nil) != e.Valid {
			t.Errorf("scheme 2, %s: %v", e.Name, err)
		}
	}
	for _, s := range v.Seals {
		seal, err := ParseSeal(unhex(t, s.Seal))
		if err != nil {
			t.Fatal(err)
		}
		if err := seal.Check(s.Account, v.Purpose, ledger, id); err != nil {
			t.Error(err)
		}
	}
}
