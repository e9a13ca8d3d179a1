package repo_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// board is a ledger of which alice and bob decide together, and a proposal of
// bob's that only he has signed, as text.
func board(t testing.TB) (*repo.Repository, string) {
	r, err := repo.Init(t.TempDir(), keyOf("alice"), fixed(41))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for _, c := range []dd.Change{dd.Grant{Role: dd.Admin, Pattern: "*", Account: repo.AccountOf(keyOf("bob"))}, dd.SetThreshold{Threshold: 2}} {
		if err := r.Change(ctx, keyOf("alice"), c); err != nil {
			t.Fatal(err)
		}
	}
	return r, proposed(t, r, dd.Grant{Role: dd.Admin, Pattern: "*", Account: repo.AccountOf(keyOf("carol"))})
}

func proposed(t testing.TB, r *repo.Repository, c dd.Change) string {
	p, err := r.StartProposal(keyOf("bob"), c, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := repo.EncodeProposal(p)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const proposalLine = "aergo-proposal-v1 "

func decoded(t testing.TB, text string) dd.Proposal {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(text, proposalLine)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := dd.DecodeProposal(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encoded(t testing.TB, p dd.Proposal) string {
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return proposalLine + base64.StdEncoding.EncodeToString(data) + "\n"
}

// TestForgedProposals: mallory changes files of proposals. What she puts in
// counts for nothing, and takes nothing away.
func TestForgedProposals(t *testing.T) {
	s, text := board(t)
	good := decoded(t, text)
	other := decoded(t, proposed(t, s, dd.SetThreshold{Threshold: 1}))
	alice, mallory := repo.AccountOf(keyOf("alice")), keyOf("mallory")
	forge := func(list ...dd.Signature) string {
		p := good
		p.Signatures = list
		return encoded(t, p)
	}
	changed := good.Signatures[0]
	changed.Bytes = append([]byte{}, changed.Bytes...)
	changed.Bytes[7] ^= 1
	asAlice, err := sign.Sign(mallory, sign.PurposeConsent, s.Ledger(), good.ID())
	if err != nil {
		t.Fatal(err)
	}
	hers := dd.Signature{Account: repo.AccountOf(mallory), Scheme: asAlice.Scheme, Key: asAlice.Key, Bytes: asAlice.Bytes}
	inHerName := hers
	inHerName.Account = alice
	for name, file := range map[string]string{
		"a changed signature":               forge(changed),
		"a signature of another proposal":   forge(other.Signatures[0]),
		"mallory's own":                     forge(hers),
		"mallory's in alice's name":         forge(inHerName),
		"a changed operation":               strings.Replace(text, text[60:64], "AAAA", 1),
		"not even a proposal":               proposalLine + "AAAA\n",
		"one good line and one that is not": text + proposalLine + "AAAA",
	} {
		if _, err := s.ReadProposals([]byte(file)); code(err) != "AG0523" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Beside a good one a forged signature is left out.
	both := forge(good.Signatures[0], inHerName)
	if inHerName.Account < good.Signatures[0].Account {
		both = forge(inHerName, good.Signatures[0])
	}
	list, err := s.ReadProposals([]byte(both + text + both))
	if err != nil || len(list) != 1 || len(list[0].Signed) != 1 || list[0].Ready {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := s.CompleteProposal(ctx, keyOf("alice"), list[0]); code(err) != "AG0505" {
		t.Errorf("one of two: %v", err)
	}
	if _, err := s.SignProposal(mallory, list[0], alice); code(err) != "AG0506" {
		t.Errorf("mallory for alice: %v", err)
	}
	p, err := s.SignProposal(keyOf("alice"), list[0], "")
	if err != nil || !p.Ready {
		t.Fatalf("%+v, %v", p, err)
	}
	if o, err := s.CompleteProposal(ctx, keyOf("alice"), p); err != nil || o.Operation.Account != repo.AccountOf(keyOf("bob")) {
		t.Errorf("%+v, %v", o, err)
	}
	if kept, err := s.Proposals(); err != nil || len(kept) != 1 || kept[0].ID == p.ID {
		t.Errorf("%+v, %v", kept, err)
	}
}

// FuzzReadProposals: foreign bytes are refused, or are proposals of this ledger
// that somebody has signed whom they ask.
func FuzzReadProposals(f *testing.F) {
	s, text := board(f)
	f.Add([]byte(text))
	f.Add([]byte("# remark\n\n" + text + text))
	f.Add([]byte(proposalLine + "AAAA"))
	f.Fuzz(func(t *testing.T, file []byte) {
		list, err := s.ReadProposals(file)
		if err != nil {
			return
		}
		for _, p := range list {
			again, err := repo.EncodeProposal(p)
			if err != nil {
				t.Fatal(err)
			}
			if one, err := s.ReadProposals([]byte(again)); err != nil || len(one) != 1 || one[0].ID != p.ID {
				t.Errorf("%v, %v", one, err)
			}
			_ = p.Text(func(a objectstore.Account) string { return string(a) })
		}
	})
}
