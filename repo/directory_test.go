package repo_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// TestDirectoryFile: what alice exports verifies with the ledger id alone, and
// nothing that mallory makes of it does.
func TestDirectoryFile(t *testing.T) {
	s := begin(t, fixed(21))
	bob := keyOf("bob")
	line := repo.PublicKey(bob, "bob")
	descriptor, account, err := repo.KeyDescriptor(line)
	if err != nil || account != repo.AccountOf(bob) {
		t.Fatalf("%s, %v", account, err)
	}
	if err := s.AddIdentity(ctx, s.key, "bob", descriptor); err != nil {
		t.Fatal(err)
	}
	if err := s.GrantRole(ctx, s.key, "writer", "main", account); err != nil {
		t.Fatal(err)
	}
	stored, err := s.VerifyDirectory(ctx)
	if err != nil || stored.Blocks != 3 || stored.Operations != 2 {
		t.Fatalf("%+v, %v", stored, err)
	}
	file, err := s.ExportDirectory(s.Owner())
	if err != nil {
		t.Fatal(err)
	}
	ledger := s.Ledger()
	got, err := repo.VerifyDirectoryFile(file, &ledger)
	if err != nil || got != stored {
		t.Fatalf("%+v, %v, want %+v", got, err, stored)
	}
	other := objectstore.Hash{1}
	if _, err := repo.VerifyDirectoryFile(file, &other); code(err) != "AG0604" {
		t.Errorf("of another ledger: %v", err)
	}
	for i := 0; i < len(file); i += 13 {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		if _, err := repo.VerifyDirectoryFile(bad, &ledger); code(err) != "AG0604" {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	if _, err := repo.VerifyDirectoryFile(file[:len(file)-1], nil); code(err) != "AG0604" {
		t.Errorf("cut: %v", err)
	}
}

// TestDirectoryNotices: an expired head statement is unusual, a valid one not.
func TestDirectoryNotices(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	o := fixed(22)
	o.Now = func() time.Time { return now }
	s := begin(t, o)
	s.deploy("", "shop", shop)
	if _, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"}); err != nil {
		t.Fatal(err)
	}
	notices := func() string {
		d, err := s.Directory()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, n := range d.Notices {
			all = append(all, n.Code+" "+n.Text)
		}
		return strings.Join(all, "\n")
	}
	if got := notices(); got != "" {
		t.Errorf("nothing is unusual yet: %s", got)
	}
	now = now.Add(31 * 24 * time.Hour)
	if got := notices(); !strings.HasPrefix(got, "AG0605 the head statement of main expired on 2026-05-31") {
		t.Errorf("notices: %s", got)
	}
	if err := s.Direct(s.key, dd.SetVisibility{Public: true}); err != nil {
		t.Fatal(err)
	}
	var texts []string
	if err := s.DirectoryLog(ctx, 1, func(o repo.DirectoryOperation) error {
		texts = append(texts, o.Text(func(objectstore.Account) string { return "x" }))
		return nil
	}); err != nil || strings.Join(texts, ", ") != "make the ledger public" {
		t.Errorf("log %q, %v", texts, err)
	}
}

// FuzzDirectoryFile: foreign bytes are refused, or are a chain that verifies.
func FuzzDirectoryFile(f *testing.F) {
	r, err := repo.Init(f.TempDir(), keyOf("alice"), fixed(23))
	if err != nil {
		f.Fatal(err)
	}
	file, err := r.ExportDirectory(r.Owner())
	if err := errors.Join(err, r.Close()); err != nil {
		f.Fatal(err)
	}
	ledger := r.Ledger()
	f.Add(file)
	good := [][]byte{file, forkedFile(f, r, fixed(23))}
	f.Add(good[1])
	f.Add(good[1][:len(good[1])-400])
	f.Add(file[:len(file)/2])
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		rep, err := repo.VerifyDirectoryFile(data, &ledger)
		known := slices.ContainsFunc(good, func(file []byte) bool { return bytes.Equal(data, file) })
		if err == nil && (rep.Ledger != ledger || !known) {
			t.Errorf("a forged directory of this ledger: %x", data)
		}
	})
}
