package sign

import (
	"crypto/ed25519"
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
	Seals   []struct {
		Account string `json:"account"`
		Seal    string `json:"seal"`
	} `json:"seals"`
}

func makeKeyVectors(t *testing.T) keyVectors {
	var v keyVectors
	var keys []ed25519.PublicKey
	for n := byte(1); n <= 3; n++ {
		key := testKey(n)
		keys = append(keys, public(key))
		v.Keys = append(v.Keys, keyVector{hex.EncodeToString(key.Seed()), hex.EncodeToString(public(key)), must[string](t)(MarshalPublicKey(public(key), "test"))})
	}
	for _, c := range []struct {
		what string
		d    Descriptor
	}{
		{"key 1", must[Descriptor](t)(KeyDescriptor(keys[0]))},
		{"1 of key 1", must[Descriptor](t)(MofNDescriptor(1, keys[0]))},
		{"2 of keys 1, 2, 3", must[Descriptor](t)(MofNDescriptor(2, keys...))},
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
