package repo_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

const partialLine = "aergo-partial-v1 "

// partial is the form of a line, as docs/formats/transaction.md says it.
type partial struct {
	Version    uint64         `cbor:"1,keyasint"`
	Kind       uint64         `cbor:"2,keyasint"`
	Data       []byte         `cbor:"3,keyasint"`
	Blind      []byte         `cbor:"4,keyasint,omitempty"`
	Arguments  []byte         `cbor:"5,keyasint,omitempty"`
	Signatures []dd.Signature `cbor:"6,keyasint"`
}

func partialOf(t testing.TB, line string) (p partial) {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(line, partialLine)))
	if err == nil {
		err = wire.Unmarshal(data, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p partial) with(list ...dd.Signature) string {
	slices.SortFunc(list, func(a, b dd.Signature) int { return bytes.Compare(a.Key, b.Key) })
	p.Signatures = append([]dd.Signature{}, list...)
	data, err := wire.Marshal(p)
	if err != nil {
		panic(err)
	}
	return partialLine + base64.StdEncoding.EncodeToString(data) + "\n"
}

// keyBoard begins a ledger in which an account of three keys, of which two sign, may
// write and approve.
func keyBoard(t testing.TB) (*repo.Repository, objectstore.Account) {
	alice := keyOf("alice")
	r, err := repo.Init(t.TempDir(), alice, fixed(60))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	var lines []string
	for _, name := range []string{"k1", "k2", "k3"} {
		lines = append(lines, repo.PublicKey(keyOf(name), ""))
	}
	d, account, err := repo.JointDescriptor(2, lines)
	if err == nil {
		_, err = r.Deploy(ctx, alice, "", "shop", shop)
	}
	if err == nil {
		_, err = r.Call(ctx, alice, repo.Call{Contract: "shop", Action: "add_item", Args: args{"sku": "tea", "price": int64(400), "stock": int64(100)}})
	}
	if err == nil {
		err = r.AddIdentity(ctx, alice, "board", d)
	}
	if err == nil {
		err = r.Change(ctx, alice, dd.Grant{Role: dd.Writer, Pattern: "*", Account: account})
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, account
}

func sell(n int64) repo.Call {
	return repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": n}}
}

func lineOf(t testing.TB, p repo.Proposal, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	line, err := repo.EncodeProposal(p)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// TestForgedSignaturesOfABoard: mallory has a key of her own, a file that waits
// for a second signature, and everything that was ever signed.
func TestForgedSignaturesOfABoard(t *testing.T) {
	s, account := keyBoard(t)
	p, err := s.StartCall(keyOf("k1"), sell(1), account)
	text := lineOf(t, p, err)
	q, err := s.StartCall(keyOf("k2"), sell(2), account)
	other := partialOf(t, lineOf(t, q, err)).Signatures[0]
	a, err := s.StartApproval(keyOf("k2"), "main", "main", account)
	approval := partialOf(t, lineOf(t, a, err)).Signatures[0]
	part := partialOf(t, text)
	good := part.Signatures[0]

	changed := good
	changed.Bytes = slices.Clone(good.Bytes)
	changed.Bytes[3] ^= 1
	sig, err := sign.Sign(keyOf("mallory"), sign.PurposeTransaction, s.Ledger(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	hers := dd.Signature{Account: account, Scheme: sig.Scheme, Key: sig.Key, Bytes: sig.Bytes}
	elsewhere, err := sign.Sign(keyOf("k2"), sign.PurposeTransaction, objectstore.Hash{1}, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	hisElsewhere := dd.Signature{Account: account, Scheme: elsewhere.Scheme, Key: elsewhere.Key, Bytes: elsewhere.Bytes}
	inHisName := hers
	inHisName.Key = keyOf("k2").Public().(ed25519.PublicKey)
	forOther := good
	forOther.Account = repo.AccountOf(keyOf("mallory"))

	for name, sig := range map[string]dd.Signature{
		"changed": changed, "of another call": other, "of an approval": approval, "mallory's": hers,
		"mallory's in the name of k2": inHisName, "for another ledger": hisElsewhere, "for another account": forOther,
	} {
		if _, err := s.ReadProposals([]byte(part.with(sig))); code(err) != "AG0523" {
			t.Errorf("%s: %v", name, err)
		}
		if bytes.Equal(sig.Key, good.Key) {
			continue
		}
		list, err := s.ReadProposals([]byte(part.with(good, sig)))
		if err != nil || len(list) != 1 || list[0].Ready || list[0].Keys != 1 {
			t.Errorf("%s beside a good one: %+v, %v", name, list, err)
			continue
		}
		if _, _, err := s.WholeTransaction(list[0]); code(err) != "AG0505" {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := part
	twice.Signatures = []dd.Signature{good, good}
	data, err := wire.Marshal(twice)
	if err != nil {
		t.Fatal(err)
	}
	arguments, kind := part, part
	arguments.Arguments = append(slices.Clone(part.Arguments), 0)
	kind.Kind = 2
	for name, file := range map[string]string{
		"the same key twice":  partialLine + base64.StdEncoding.EncodeToString(data),
		"changed arguments":   arguments.with(good),
		"a call as approval":  kind.with(good),
		"no base64":           partialLine + "!",
		"one line that is no": text + partialLine + "AAAA",
	} {
		if _, err := s.ReadProposals([]byte(file)); code(err) != "AG0523" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.SignProposal(keyOf("mallory"), p, ""); code(err) != "AG0522" {
		t.Errorf("mallory signs: %v", err)
	}
	if _, err := s.SignProposal(keyOf("mallory"), p, account); code(err) != "AG0506" {
		t.Errorf("mallory signs for the board: %v", err)
	}
	if _, err := s.StartCall(keyOf("k1"), repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}, repo.AccountOf(keyOf("mallory"))); err == nil {
		t.Error("a call in the name of who may not write")
	}

	// The good one of k2 makes it whole; it runs once.
	list, err := s.ReadProposals([]byte(text + part.with(hers, good)))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	whole, err := s.SignProposal(keyOf("k2"), list[0], "")
	if err != nil || !whole.Ready {
		t.Fatalf("%+v, %v", whole, err)
	}
	done, err := s.CompleteProposal(ctx, keyOf("alice"), whole)
	if err != nil || done.Ran == nil || done.Ran.Err != nil || done.Ran.Summary.Account != account {
		t.Fatalf("%+v, %v", done, err)
	}
	if again, err := s.ReadProposals([]byte(text)); err != nil || code(again[0].Problem) != "AG0705" {
		t.Errorf("again: %+v, %v", again, err)
	}

	// Keys that are replaced while it waits: what was signed counts no more, and
	// the new keys cannot sign it, for it names the old ones.
	d, _, err := repo.JointDescriptor(2, []string{repo.PublicKey(keyOf("k2"), ""), repo.PublicKey(keyOf("k4"), "")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Change(ctx, keyOf("alice"), dd.SetKeys{Account: account, Descriptor: d}); err != nil {
		t.Fatal(err)
	}
	kept, err := s.Proposals()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range kept {
		if p.Kind == "call" && code(p.Problem) != "AG0506" {
			t.Errorf("after the change: %+v", p)
		}
		if _, err := s.SignProposal(keyOf("k4"), p, ""); p.Kind == "call" && code(err) != "AG0506" {
			t.Errorf("a new key signs: %v", err)
		}
	}
	if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
		t.Error(err)
	}
}

// FuzzPartials: foreign lines of what the keys of an account sign apart are
// refused, or are of this ledger and read the same again.
func FuzzPartials(f *testing.F) {
	s, account := keyBoard(f)
	p, err := s.StartCall(keyOf("k1"), sell(1), account)
	line := lineOf(f, p, err)
	f.Add([]byte(strings.TrimPrefix(line, partialLine)))
	a, err := s.StartApproval(keyOf("k2"), "main", "main", account)
	f.Add([]byte(strings.TrimPrefix(lineOf(f, a, err), partialLine)))
	f.Add([]byte("AAAA"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, text := range []string{string(data), base64.StdEncoding.EncodeToString(data)} {
			list, err := s.ReadProposals([]byte(partialLine + text + "\n"))
			if err != nil {
				continue
			}
			for _, p := range list {
				again := lineOf(t, p, nil)
				if one, err := s.ReadProposals([]byte(again)); err != nil || len(one) != 1 || one[0].ID != p.ID {
					t.Errorf("%s: %+v, %v", again, one, err)
				}
			}
		}
	})
}
