package branch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

func commit(t *testing.T, db *objectstore.DB, fill func(b objectstore.Batch) error) error {
	t.Helper()
	b := db.NewBatch()
	defer b.Close()
	if err := fill(b); err != nil {
		return err
	}
	return b.Commit()
}

func record(name branch.Name, from objectstore.Hash) branch.Record {
	salt := hash("salt " + string(name))
	return branch.Record{ID: must(branch.NewID(hash("ledger"), account("alice"), salt)), Name: name,
		Creator: account("alice"), Salt: salt, From: from, Created: 5}
}

func TestTheLifeOfABranch(t *testing.T) {
	db := openStore(t)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(code string, err error) {
		t.Helper()
		if !fault.Is(err, code) {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	main, eu := record("main", objectstore.Hash{}), record("eu", hash("G"))
	ok(commit(t, db, func(b objectstore.Batch) error {
		if err := branch.Create(b, db, main); err != nil {
			return err
		}
		return branch.SetCurrent(b, db, "main")
	}))
	if head := must(branch.Head(db, main.ID)); !head.IsZero() {
		t.Errorf("a branch without blocks has the head %s", head)
	}
	ok(commit(t, db, func(b objectstore.Batch) error { return branch.Advance(b, main.ID, objectstore.Hash{}, hash("G")) }))
	ok(commit(t, db, func(b objectstore.Batch) error { return branch.Create(b, db, eu) }))
	if head := must(branch.Head(db, eu.ID)); head != hash("G") {
		t.Errorf("eu begins at %s", head)
	}
	refused("AG0702", commit(t, db, func(b objectstore.Batch) error { return branch.Create(b, db, record("eu", hash("G"))) }))

	// Two writers move a head; one is late.
	ok(commit(t, db, func(b objectstore.Batch) error { return branch.Advance(b, eu.ID, hash("G"), hash("A")) }))
	var conflict *objectstore.ConflictError
	if err := commit(t, db, func(b objectstore.Batch) error { return branch.Advance(b, eu.ID, hash("G"), hash("B")) }); !errors.As(err, &conflict) {
		t.Errorf("a late writer got %v", err)
	}

	ok(commit(t, db, func(b objectstore.Batch) error { return branch.SetCurrent(b, db, "eu") }))
	refused("AG0704", commit(t, db, func(b objectstore.Batch) error { return branch.Delete(b, db, "eu") }))
	refused("AG0704", commit(t, db, func(b objectstore.Batch) error { return branch.Delete(b, db, "main") }))
	refused("AG0704", commit(t, db, func(b objectstore.Batch) error { return branch.Rename(b, db, "main", "master") }))
	refused("AG0702", commit(t, db, func(b objectstore.Batch) error { return branch.Rename(b, db, "eu", "main") }))
	refused("AG0202", commit(t, db, func(b objectstore.Batch) error { return branch.Rename(b, db, "us", "asia") }))
	ok(commit(t, db, func(b objectstore.Batch) error { return branch.Rename(b, db, "eu", "eu/west") }))
	if name := must(branch.Current(db)); name != "eu/west" {
		t.Errorf("the current branch is %s after its renaming", name)
	}
	west := must(branch.Lookup(db, "eu/west"))
	if west.ID != eu.ID || must(branch.Head(db, west.ID)) != hash("A") {
		t.Error("a renamed branch lost its id or head")
	}
	ok(commit(t, db, func(b objectstore.Batch) error { return branch.SetCurrent(b, db, "main") }))
	ok(commit(t, db, func(b objectstore.Batch) error { return branch.Delete(b, db, "eu/west") }))
	if list := must(branch.Branches(db)); len(list) != 1 || list[0] != main {
		t.Errorf("branches: %v", list)
	}
	if head := must(branch.Head(db, eu.ID)); !head.IsZero() {
		t.Error("a deleted branch has a head")
	}
	_, err := branch.Lookup(db, "eu/west")
	refused("AG0202", err)
	if !errors.Is(err, objectstore.ErrNotFound) {
		t.Error("a missing branch is not ErrNotFound")
	}
}

func TestBranchNames(t *testing.T) {
	for _, good := range []string{"main", "eu", "eu/berlin", "prices-2027", "v1.2", "a_b", "0", strings.Repeat("a", 100)} {
		if _, err := branch.ParseName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "HEAD", "Main", "a..b", "a//b", "/a", "a/", "a.lock", "a.lock/b", "a.", ".a", "a/.b", "-a", "a b",
		"a@b", "a~1", "a^", "a:b", "a#1", "a*", "ä", "a\x00", strings.Repeat("a", 101)} {
		if _, err := branch.ParseName(bad); !fault.Is(err, "AG0101") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
