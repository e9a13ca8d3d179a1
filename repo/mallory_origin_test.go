package repo_test

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// pirates is harbour, closed, with a branch m/x on which mallory may write and
// which no directory knows, and with the head statement of a proof.
func pirates(t *testing.T, seed uint64) (s *story, hers objectstore.Hash) {
	t.Helper()
	s = harbour(t, seed)
	s.grant(dd.Writer, "m/*", "mallory")
	if _, err := s.CreateBranch("m/x", "", keyOf("mallory"), false); err != nil {
		t.Fatal(err)
	}
	res, err := s.Call(ctx, keyOf("mallory"), repo.Call{Branch: "m/x", Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(50)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s, res.Block
}

// twin copies a closed ledger's folder.
func (s *story) twin() string {
	s.Helper()
	dir := s.TempDir()
	if err := os.CopyFS(filepath.Join(dir, ".aergo", "db"), os.DirFS(filepath.Join(s.dir, ".aergo", "db"))); err != nil {
		s.Fatal(err)
	}
	return dir
}

// change sets a key of the store under a folder.
func change(t *testing.T, dir string, key, value []byte) {
	t.Helper()
	p := raw(t, dir)
	if err := p.Set(key, value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHostileOrigin lets mallory offer a folder from which nobody should go on.
func TestHostileOrigin(t *testing.T) {
	s, hers := pirates(t, 51)
	other := begin(t, fixed(52))
	otherLedger := other.Ledger()
	mainID := mainOf(t, s.dir).ID
	headKey := append([]byte("rhead/"), mainID.String()...)
	all := objects(t, s.dir)
	first := func(dir string, number branch.Number) branch.Block {
		db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		id := must(t)(branch.NewHistory(db, nil).AtNumber(must(t)(branch.Head(db, mainID)), number))
		b, err := branch.Read(db, id)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		what, codes string
		tamper      func(dir string)
	}{
		{"nothing", "", func(string) {}},
		{"a changed node", "AG06", func(dir string) {
			root := first(dir, 3).State
			data := bytes.Clone(all[root])
			data[len(data)-1] ^= 1
			change(t, dir, append([]byte("o"), root[:]...), data)
		}},
		{"a changed block", "AG06", func(dir string) {
			b := first(dir, 2)
			data := bytes.Clone(all[b.ID])
			data[len(data)/2] ^= 1
			change(t, dir, append([]byte("o"), b.ID[:]...), data)
		}},
		{"a changed genesis", "AG06", func(dir string) {
			id := s.Ledger()
			data := bytes.Clone(all[id])
			data[len(data)/2] ^= 1
			change(t, dir, append([]byte("o"), id[:]...), data)
		}},
		{"main's head on her own branch", "AG0603", func(dir string) { change(t, dir, headKey, hers[:]) }},
		{"main's head before what was published", "AG06", func(dir string) { h := first(dir, 1).ID; change(t, dir, headKey, h[:]) }},
		{"main's head on nothing", "AG", func(dir string) { change(t, dir, headKey, bytes.Repeat([]byte{7}, 32)) }},
		{"the name of another ledger", "AG", func(dir string) { change(t, dir, []byte("rdd/ledger"), otherLedger[:]) }},
		{"a directory head that is a block", "AG", func(dir string) { change(t, dir, []byte("rdd/head"), hers[:]) }},
		{"a huge object", "AG06", func(dir string) {
			h := first(dir, 3).Changes.Root
			change(t, dir, append([]byte("o"), h[:]...), append([]byte{byte(objectstore.KindChangeList)}, make([]byte, 40<<20)...))
		}},
		{"a link", "AG0543", func(dir string) {
			db := filepath.Join(dir, ".aergo", "db")
			if err := os.Rename(db, dir+".moved"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(dir+".moved", db); err != nil {
				t.Fatal(err)
			}
		}},
		{"a link in the store", "AG0543", func(dir string) {
			if err := os.Symlink(filepath.Join(s.dir, ".aergo", "db"), filepath.Join(dir, ".aergo", "db", "000001.sst")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		dir := s.twin()
		c.tamper(dir)
		to := filepath.Join(t.TempDir(), "mine")
		r, _, err := repo.InitPrivate(ctx, to, keyOf("bob"), repo.From{Path: dir}, s.o)
		if c.codes == "" {
			if err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(code(err), c.codes) && !isDamage(err) && code(err) != "AG0556" { // a moved head is seen at opening
			t.Errorf("%s: %q %v", c.what, code(err), err)
		}
		if _, err := os.Stat(to); err == nil {
			t.Errorf("%s: something is left", c.what)
		}
	}
	// Her own branch by its name is on no registered one.
	if _, _, err := repo.InitPrivate(ctx, t.TempDir(), keyOf("bob"), repo.From{Path: s.dir, Revision: "m/x"}, s.o); code(err) != "AG0544" {
		t.Errorf("m/x: %v", err)
	}
	if _, _, err := repo.InitPrivate(ctx, t.TempDir(), keyOf("bob"), repo.From{Path: s.dir, Ledger: &otherLedger}, s.o); code(err) != "AG0603" {
		t.Errorf("another ledger id than expected: %v", err)
	}
}

func must(t *testing.T) func(objectstore.Hash, error) objectstore.Hash {
	return func(h objectstore.Hash, err error) objectstore.Hash {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
}

func mainOf(t *testing.T, dir string) branch.Record {
	t.Helper()
	db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rec, err := branch.Lookup(db, "main")
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestFalseOrigin makes private ledgers whose genesis says what is not so.
func TestFalseOrigin(t *testing.T) {
	s, hers := pirates(t, 53)
	head := func(db *objectstore.DB) (main, directory objectstore.Hash) {
		rec, err := branch.Lookup(db, "main")
		if err != nil {
			t.Fatal(err)
		}
		d, err := db.Ref("dd/head")
		if err != nil {
			t.Fatal(err)
		}
		return must(t)(branch.Head(db, rec.ID)), objectstore.Hash(d)
	}
	for _, c := range []struct {
		what string
		lie  func(o *dd.Origin, start *objectstore.Hash)
	}{
		{"the truth", nil},
		{"a block of mallory's own branch", func(o *dd.Origin, start *objectstore.Hash) { o.Block, *start = hers, hers }},
		{"a head that the origin has after the block", func(o *dd.Origin, start *objectstore.Hash) { *start = hers }},
		{"another ledger", func(o *dd.Origin, _ *objectstore.Hash) { o.Ledger[0] ^= 1 }},
		{"a directory block that is none", func(o *dd.Origin, _ *objectstore.Hash) { o.Directory = o.Block }},
		{"a block that is not there", func(o *dd.Origin, _ *objectstore.Hash) { o.Block[0] ^= 1 }},
	} {
		dir := s.twin()
		db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
		if err != nil {
			t.Fatal(err)
		}
		o := dd.Origin{Ledger: s.Ledger()}
		o.Block, o.Directory = head(db)
		start := o.Block
		if c.lie != nil {
			c.lie(&o, &start)
		}
		disown(t, db)
		found(t, db, o, start)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := repo.Open(dir, s.o)
		if err == nil {
			_, err = r.Verify(ctx, repo.VerifyOptions{})
			_ = r.Close()
		}
		if (err == nil) != (c.lie == nil) || err != nil && !isDamage(err) && !strings.HasPrefix(code(err), "AG06") && code(err) != "AG0556" {
			t.Errorf("%s: %q %v", c.what, code(err), err)
		}
	}
}

// disown removes every ref of a store.
func disown(t *testing.T, db *objectstore.DB) {
	t.Helper()
	batch := db.NewBatch()
	defer batch.Close()
	if err := db.Refs("", func(name string, value []byte) error { return batch.SetRef(name, value, nil) }); err != nil {
		t.Fatal(err)
	}
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
}

// found makes bob's ledger in a store, with an origin as it is given.
func found(t *testing.T, db *objectstore.DB, o dd.Origin, start objectstore.Hash) {
	t.Helper()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bob := keyOf("bob")
	d, err := sign.KeyDescriptor(bob.Public().(ed25519.PublicKey))
	fail(err)
	g := dd.Genesis{Version: 1, Owner: d.Bytes(), Threshold: 1, Producer: repo.AccountOf(bob), Engine: sqlcontract.EngineNumber,
		StateFormat: prolly.StateFormat, Salt: objectstore.Hash{5}, Created: 1, Origin: &o}
	batch := db.NewBatch()
	defer batch.Close()
	state, err := dd.Create(batch, g, bob)
	fail(err)
	data, err := (branch.Descriptor{Version: 1, Ledger: state.Ledger(), Creator: g.Producer, Salt: g.Salt}).Encode()
	fail(err)
	rec := branch.Record{Name: branch.Main, Creator: g.Producer, Salt: g.Salt, From: start, Created: 1}
	rec.ID, err = batch.Put(objectstore.KindBranch, data)
	fail(err)
	fail(branch.Create(batch, db, rec))
	fail(branch.SetCurrent(batch, db, branch.Main))
	fail(batch.Commit())
}
