package dd

import (
	"fmt"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
)

// BenchmarkDecide asks on a directory of 10,000 grants.
func BenchmarkDecide(b *testing.B) {
	s := firstState()
	var list []record
	for i := range 10_000 {
		list = append(list, must(s.grantRecords(RoleRecord{Role: Writer, Pattern: "eu/*", Account: account(fmt.Sprint("member ", i))}))...)
	}
	s = must(s.put(list))
	many := account("many")
	for i := range 500 {
		for _, r := range []Role{Reader, Writer, Producer, Admin} {
			s = must(s.put(must(s.grantRecords(RoleRecord{Role: r, Pattern: fmt.Sprintf("asia/%d/*", i), Account: many}))))
		}
	}
	for _, q := range []struct {
		name string
		Question
	}{
		{"owner", Question{Account: account("alice"), Right: RightWrite, Name: "eu/berlin"}},
		{"writer", Question{Account: account("member 77"), Right: RightWrite, Name: "eu/berlin"}},
		{"member", Question{Account: account("member 77"), Right: RightRead}},
		{"stranger", Question{Account: account("mallory"), Right: RightRead}},
		{"many", Question{Account: many, Right: RightRead, Name: "asia/77/x"}},
		{"many, denied read", Question{Account: many, Right: RightRead, Name: "eu/berlin"}},
		{"many, denied write", Question{Account: many, Right: RightWrite, Name: "eu/berlin/shop/till"}},
		{"denied", Question{Account: account("mallory"), Right: RightWrite, Name: "eu/x"}},
	} {
		b.Run(q.name, func(b *testing.B) {
			for range b.N {
				_ = Decide(s, q.Question)
			}
		})
	}
}

// BenchmarkNext verifies a directory block of one grant.
func BenchmarkNext(b *testing.B) {
	s := must(Begin(must(genesisOf("alice").Encode()), must(seal(firstBlock().Header, seals{}, descriptor("alice"), signers("alice")))))
	op, err := Propose(s, Grant{Role: Writer, Pattern: "*", Account: account("bob")}, 1, hash("salt"), nil, ledgertest.Key("alice"))
	if err != nil {
		b.Fatal(err)
	}
	sealed, _, err := s.Make(2000, []SignedOperation{op}, nil, ledgertest.Key("alice"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(sealed.Data) + len(sealed.Seal)))
	for range b.N {
		if _, err := s.Next(sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func firstBlock() Block {
	g, ledger, err := DecodeGenesis(must(genesisOf("alice").Encode()))
	if err != nil {
		panic(err)
	}
	s, _, err := begin(g, ledger, nothing{})
	if err != nil {
		panic(err)
	}
	return s.Block()
}
