package dd

import (
	"fmt"
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
)

// BenchmarkLarge is a directory of 10,000 branches and 1,000 identities, made of
// a block for every 40 operations.
func BenchmarkLarge(b *testing.B) {
	db := newStore(b)
	batch := db.NewBatch()
	s := must(Create(batch, genesisOf("alice"), ledgertest.Key("alice")))
	if err := batch.Commit(); err != nil {
		b.Fatal(err)
	}
	d := must(Open(db, db))
	s = must(d.Head())
	var ops []SignedOperation
	n := 0
	flush := func() {
		batch := db.NewBatch()
		sealed, _, err := s.Make(2000, ops, nil, ledgertest.Key("alice"))
		if err != nil {
			b.Fatal(err)
		}
		if s, err = d.Accept(batch, []SealedBlock{sealed}, 2000); err != nil {
			b.Fatal(err)
		}
		if err := batch.Commit(); err != nil {
			b.Fatal(err)
		}
		s = must(d.Head())
		ops = nil
	}
	add := func(c Change) {
		n++
		o := SignedOperation{Data: must(s.operation(c, account("alice"), 1500, hash(fmt.Sprint("large ", n))))}
		o.Seal = must(makeSeal(descriptor("alice"), "directory", s.Ledger(), o.ID(), signers("alice")))
		if ops = append(ops, o); len(ops) == 120 {
			flush()
		}
	}
	for i := range 1000 {
		p := fmt.Sprint("member ", i)
		add(AddIdentity{Name: fmt.Sprint("member-", i), Descriptor: descriptor(p).Bytes()})
	}
	for i := range 10000 {
		add(RegisterBranch{Name: fmt.Sprint("eu/b", i), Creator: account("alice"), Salt: hash(fmt.Sprint("b", i)), Producer: account("alice")})
	}
	flush()
	head := s.Block().ID
	name := "eu/b77"
	br, _, _ := s.BranchNamed(name)
	b.Run("open", func(b *testing.B) {
		for range b.N {
			d := must(Open(db, db))
			_ = must(d.Head())
		}
	})
	b.Run("lookup", func(b *testing.B) {
		for range b.N {
			_, _, _ = s.BranchNamed(name)
		}
	})
	b.Run("decide", func(b *testing.B) {
		for range b.N {
			_ = Decide(s, Question{Account: account("alice"), Right: RightProduce, Branch: br.ID})
		}
	})
	q := Question{Account: account("member 7"), Right: RightWrite, Branch: br.ID}
	b.Run("denied", func(b *testing.B) {
		for range b.N {
			_ = Decide(s, q)
		}
	})
	b.Run("signer", func(b *testing.B) {
		for range b.N {
			_, _, _ = s.Signer(nil, ledgertest.Key("unknown"))
		}
	})
	b.Run("verify", func(b *testing.B) {
		for range b.N {
			_ = must(VerifyChain(db, d.Ledger(), head))
		}
	})
}
