package repo_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/repo"
)

// forkedFile opens a closed repository of alice's and a copy of it, changes the
// directory in both, and exports what the first knows when they have met.
func forkedFile(tb testing.TB, r *repo.Repository, o repo.Options) []byte {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS(r.Dir())); err != nil {
		tb.Fatal(err)
	}
	var file []byte
	for i, dir := range []string{dir, r.Dir()} {
		r, err := repo.Open(dir, o)
		if err != nil {
			tb.Fatal(err)
		}
		err = r.Direct(keyOf("alice"), dd.SetVisibility{Public: i == 0})
		if err == nil && file != nil {
			_, err = r.TakeDirectory(ctx, file)
		}
		if err == nil {
			file, err = r.ExportDirectory(repo.AccountOf(keyOf("alice")))
		}
		if err := errors.Join(err, r.Close()); err != nil {
			tb.Fatal(err)
		}
	}
	return file
}

// TestAFileThatProvesTwoChains: a stranger who has the ledger id believes it, and
// nothing that mallory makes of it.
func TestAFileThatProvesTwoChains(t *testing.T) {
	s := begin(t, fixed(91))
	other := s.copied(92)
	for _, x := range []*story{s, other} {
		if err := x.Direct(s.key, dd.SetVisibility{Public: x == s}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Direct(s.key, dd.SetVisibility{}); err != nil {
		t.Fatal(err)
	}
	got := s.take(other.export())
	if got.Fork == nil || got.Before != got.Block {
		t.Fatalf("taken: %+v", got)
	}
	if got := s.take(other.export()); got.Fork != nil {
		t.Error("it is news twice")
	}
	file, ledger := s.export(), s.Ledger()
	rep, err := repo.VerifyDirectoryFile(file, &ledger)
	if err != nil || rep.Fork == nil || rep.Fork.Producer != repo.AccountOf(s.key) {
		t.Fatalf("%+v, %v", rep, err)
	}
	here, err := s.VerifyDirectory(ctx)
	if err != nil || here.Fork == nil || here.Fork.A.ID != rep.Fork.A.ID {
		t.Fatalf("%+v, %v", here, err)
	}

	type directory struct {
		Version   uint64           `cbor:"1,keyasint"`
		Genesis   []byte           `cbor:"2,keyasint"`
		Directory []dd.SealedBlock `cbor:"3,keyasint"`
		Other     []dd.SealedBlock `cbor:"4,keyasint,omitempty"`
	}
	var f directory
	if err := wire.Unmarshal(file, &f); err != nil || len(f.Other) != 1 {
		t.Fatal(err)
	}
	if again, _ := wire.Marshal(f); !bytes.Equal(again, file) {
		t.Fatal("the test reads another form")
	}
	bystander := s.copied(93)
	for what, lie := range map[string]func(f *directory){
		"her own chain as the other": func(f *directory) { f.Other = f.Directory[1:2] },
		"a part of it":               func(f *directory) { f.Other = f.Directory[2:] },
		"from nowhere":               func(f *directory) { f.Other = f.Directory[:1] },
		"another's signature":        func(f *directory) { f.Other[0].Seal = f.Directory[1].Seal },
		"a longer one, not whole":    func(f *directory) { f.Other = append(f.Other, f.Directory[2]) },
	} {
		var bad directory
		if err := wire.Unmarshal(file, &bad); err != nil {
			t.Fatal(err)
		}
		lie(&bad)
		data, err := wire.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := repo.VerifyDirectoryFile(data, &ledger); code(err) != "AG0604" {
			t.Errorf("%s is believed: %v", what, err)
		}
		if got, err := bystander.TakeDirectory(ctx, data); err == nil {
			t.Errorf("%s is taken: %+v", what, got)
		}
	}
	d, err := s.Directory()
	if err != nil || len(d.Notices) == 0 || d.Notices[0].Code != "AG0607" {
		t.Errorf("notices %+v, %v", d.Notices, err)
	}
	s.wants("AG0607", s.Direct(s.key, dd.SetVisibility{Public: true}))
	s.tea(10) // calls go on
	if err := s.sell(1); err != nil {
		t.Error(err)
	}
	s.verify()
}
