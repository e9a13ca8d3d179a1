package repo_test

import (
	"bytes"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// TestLaterOrigin has mallory offer directories of the origin that are not: none
// is taken, and what was known stays.
func TestLaterOrigin(t *testing.T) {
	s := harbour(t, 61)
	p, _ := s.private("bob", repo.From{})
	export := func(s *story) []byte {
		data, err := s.ExportDirectory(s.Owner())
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	// In a copy, made after the private branch, alice's directory goes another way.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fork := &story{T: t, key: s.key, dir: s.twin(), o: s.o}
	for _, x := range []*story{s, fork} {
		r, err := repo.Open(x.dir, x.o)
		if err != nil {
			t.Fatal(err)
		}
		x.Repository = r
	}
	defer fork.Close()
	early := export(s)
	s.grant(dd.Writer, "main", "bob")
	fork.grant(dd.Writer, "main", "mallory")
	fork.grant(dd.Writer, "main", "carol")
	late, other := export(s), export(fork)

	before := contents(t, p.Repository)
	for i := 0; i < len(late); i += len(late)/40 + 1 {
		forged := bytes.Clone(late)
		forged[i] ^= 1
		if _, err := p.TakeDirectory(ctx, forged); err == nil {
			t.Errorf("byte %d is changed, and it is taken", i)
		}
	}
	strange := begin(t, fixed(62))
	if _, err := p.TakeDirectory(ctx, export(strange)); code(err) != "AG0601" {
		t.Errorf("of another ledger: %v", err)
	}
	unchanged(t, "forged directories", before, contents(t, p.Repository))

	took, err := p.TakeDirectory(ctx, late)
	if err != nil || took.Origin != s.Ledger() || took.Block == took.Before || len(took.Notices) != 0 {
		t.Fatalf("%+v %v", took, err)
	}
	before = contents(t, p.Repository)
	if _, err := p.TakeDirectory(ctx, other); code(err) != "AG0516" {
		t.Errorf("another chain of its producer: %v", err)
	}
	if back, err := p.TakeDirectory(ctx, early); err != nil || back.Block != took.Block {
		t.Errorf("an older one: %+v %v", back, err)
	}
	unchanged(t, "no step back", before, contents(t, p.Repository))
	p.verify()

	// One whose chain parts below what the genesis names.
	bobs, _ := s.private("bob", repo.From{})
	if _, err := bobs.TakeDirectory(ctx, other); code(err) != "AG0516" {
		t.Errorf("without the block that the genesis names: %v", err)
	}

	// An anchor that the blocks here do not have.
	d, err := s.Directory()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range d.Branches {
		if b.Name == "main" {
			if err := s.Direct(s.key, dd.AnchorBranch{Branch: b.ID, Block: b.ID, Number: b.Number, Epoch: b.Epoch}); err != nil {
				t.Fatal(err)
			}
		}
	}
	took, err = p.TakeDirectory(ctx, export(s))
	if err != nil || len(took.Notices) != 1 || took.Notices[0].Code != "AG0515" {
		t.Errorf("%+v %v", took, err)
	}
	if report := p.verify(); len(report.Notices) != 1 || report.Notices[0] != took.Notices[0] {
		t.Errorf("%+v", report.Notices)
	}
}
