package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// museum is a closed ledger that holds an object of every kind: two contracts,
// branches, a merge, a tag, a proof, a value out of its leaf.
func museum(t *testing.T, seed uint64) *story {
	t.Helper()
	s := begin(t, fixed(seed))
	s.deploy("", "shop", shop)
	s.deploy("", "journal", journal)
	for i := range 60 {
		s.call("", "shop", "add_item", args{"sku": fmt.Sprint("tea-", i), "price": int64(100 + i), "stock": int64(10)})
	}
	s.call("", "journal", "add", args{"id": strings.Repeat("long ", 20), "n": int64(1)})
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s.call("eu", "shop", "sell", args{"sku": fmt.Sprint("tea-", i), "n": int64(6)})
		s.call("", "shop", "sell", args{"sku": fmt.Sprint("tea-", i+1), "n": int64(6)})
	}
	if _, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Tag(ctx, s.key, "v1", "", "first"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea-1"}); err != nil {
		t.Fatal(err)
	}
	s.verify()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// raw opens the Pebble store under a ledger.
func raw(t *testing.T, dir string) *pebble.DB {
	t.Helper()
	p, err := pebble.Open(filepath.Join(dir, ".aergo", "db"), &pebble.Options{FormatMajorVersion: pebble.FormatValueSeparation, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

// TestDamagedObjects flips a byte of an object, a seal, behind the back of the
// store's own checksums. Verify names it.
func TestDamagedObjects(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	s := museum(t, seed)
	p := raw(t, s.dir)
	kinds := map[string][][]byte{}
	iter, err := p.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for iter.First(); iter.Valid(); iter.Next() {
		key := bytes.Clone(iter.Key())
		switch key[0] {
		case 'o':
			kind := objectstore.Kind(iter.Value()[0]).String()
			kinds[kind] = append(kinds[kind], key)
		case 's':
			kinds["seal"] = append(kinds["seal"], key)
		}
	}
	if err := iter.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	until := time.Now().Add(soak() / 4)
	for round := 0; round < 2 || time.Now().Before(until); round++ {
		for kind, keys := range kinds {
			key := keys[rng.IntN(len(keys))]
			p := raw(t, s.dir)
			value, closer, err := p.Get(key)
			if err != nil {
				t.Fatal(err)
			}
			good := bytes.Clone(value)
			_ = closer.Close()
			bad := bytes.Clone(good)
			at := rng.IntN(len(bad))
			bad[at] ^= byte(1 + rng.IntN(255))
			set := func(p *pebble.DB, value []byte) {
				if err := p.Set(key, value, pebble.Sync); err != nil {
					t.Fatal(err)
				}
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
			set(p, bad)
			id := objectstore.Hash(key[1:])
			err = verifyClosed(s)
			switch {
			case err == nil:
				t.Errorf("byte %d of %s %s of %d bytes is not noticed", at, kind, id.Short(), len(bad))
			case !isDamage(err):
				t.Errorf("byte %d of %s %s: %s %v", at, kind, id.Short(), code(err), err)
			case !strings.Contains(err.Error(), id.Short()) && !strings.Contains(err.Error(), "directory block") &&
				!(kind == "transaction list" && strings.Contains(err.Error(), "at block ")): // what stands beside is named by transaction
				t.Errorf("byte %d of %s %s is not named: %v", at, kind, id.Short(), err)
			default:
				found[kind]++
			}
			set(raw(t, s.dir), good)
		}
	}
	if err := verifyClosed(s); err != nil {
		t.Errorf("with all bytes put back: %v", err)
	}
	t.Logf("found: %v", found)
	for _, kind := range []string{"leaf node", "block", "transaction list", "receipt list", "change list", "seal", "merge record", "directory block", "genesis", "branch", "head statement"} {
		if found[kind] == 0 {
			t.Errorf("no damage of a %s was found", kind)
		}
	}
}

// isDamage tells whether an error says that history is damaged: by a code of
// verification, or by the store's own types, which the command shows as AG0609.
func isDamage(err error) bool {
	var corrupt *objectstore.CorruptError
	return strings.HasPrefix(code(err), "AG06") || code(err) == "" && (errors.As(err, &corrupt) || errors.Is(err, objectstore.ErrNotFound))
}

// verifyClosed opens a ledger, verifies it and closes it.
func verifyClosed(s *story) error {
	r, err := repo.Open(s.dir, s.o)
	if err != nil {
		return err
	}
	_, err = r.Verify(ctx, repo.VerifyOptions{})
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}

// copied is a copy of a closed ledger in which one file was changed.
func copied(t *testing.T, s *story, file string, change func([]byte) []byte) *story {
	t.Helper()
	c := &story{T: t, key: s.key, dir: t.TempDir(), o: s.o}
	if err := os.CopyFS(c.dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// files are the files under a folder of a ledger that are not empty.
func files(t *testing.T, dir, under string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(filepath.Join(dir, under), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, rel)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("no files below %s: %v", under, err)
	}
	slices.Sort(list)
	return list
}

const allItems = "SELECT sku, price, stock FROM shop.item ORDER BY sku"

// readAll asks the ledger everything and gives the first error. It fails the
// test when an answer is another than want.
func (s *story) readAll(where, want string) error {
	var first error
	note := func(what string, err error) {
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", what, err)
		}
	}
	r, err := repo.Open(s.dir, s.o)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer r.Close()
	for _, rev := range []string{"main", "eu", "main~1", "eu~2"} {
		rows, err := r.Query(ctx, rev, allItems)
		if err != nil {
			note("query", err)
			continue
		}
		got := rev + ":"
		for rows.Next() {
			got += fmt.Sprintln(rows.Values()...)
		}
		if err := rows.Err(); err != nil {
			note("query", err)
		} else if !strings.Contains(want, got+";") {
			s.Errorf("%s: silently wrong rows at %s:\n%s", where, rev, got)
		}
		note("query", rows.Close())
	}
	blocks := 0
	err = r.Log(ctx, "", false, 0, func(repo.Entry) error { blocks++; return nil })
	note("log", err)
	if err == nil && !strings.Contains(want, fmt.Sprintf("blocks %d;", blocks)) {
		s.Errorf("%s: silently %d blocks", where, blocks)
	}
	_, err = r.Verify(ctx, repo.VerifyOptions{Full: true})
	note("verify", err)
	return first
}

// answers is what readAll wants of a good ledger.
func (s *story) answers() string {
	s.Helper()
	r, err := repo.Open(s.dir, s.o)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	want := ""
	for _, rev := range []string{"main", "eu", "main~1", "eu~2"} {
		rows, err := r.Query(ctx, rev, allItems)
		if err != nil {
			s.Fatal(err)
		}
		want += rev + ":"
		for rows.Next() {
			want += fmt.Sprintln(rows.Values()...)
		}
		want += ";"
		_ = rows.Close()
	}
	blocks := 0
	if err := r.Log(ctx, "", false, 0, func(repo.Entry) error { blocks++; return nil }); err != nil {
		s.Fatal(err)
	}
	return want + fmt.Sprintf("blocks %d;", blocks)
}

// TestDamagedFilesOfTheLedger flips a byte of each file of .aergo/db at several
// places, and cuts each file. What is read is right, or is an error that says
// what cannot be read; never a panic.
func TestDamagedFilesOfTheLedger(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	s := museum(t, seed)
	var err error
	if s.Repository, err = repo.Open(s.dir, s.o); err != nil { // now there are tables, and not a log only
		t.Fatal(err)
	}
	s.call("", "journal", "add", args{"id": "last", "n": int64(1)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want := s.answers()
	noticed, tried := 0, 0
	until := time.Now().Add(soak() / 4)
	for round := 0; round < 2 || time.Now().Before(until); round++ {
		for _, file := range files(t, s.dir, ".aergo/db") {
			where := ""
			c := copied(t, s, file, func(data []byte) []byte {
				at := rng.IntN(len(data))
				if rng.IntN(8) == 0 {
					where = fmt.Sprintf("%s cut to %d of %d bytes", file, at, len(data))
					return data[:at]
				}
				where = fmt.Sprintf("byte %d of %d of %s", at, len(data), file)
				data[at] ^= byte(1 + rng.IntN(255))
				return data
			})
			tried++
			err := c.readAll(where, want)
			if err != nil {
				noticed++
				if !isDamage(err) {
					t.Errorf("%s: this is not called damage: %v", where, err)
				}
			}
			if err := os.RemoveAll(c.dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("noticed %d of %d", noticed, tried)
	if noticed == 0 {
		t.Error("no damage was noticed: the test is too tame")
	}
}

// TestDamagedWorkingTree damages, cuts and deletes files of .aergo/work. The
// ledger loses nothing: what is read is right or an error, and after the folder
// is deleted everything is right.
func TestDamagedWorkingTree(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 6))
	s := museum(t, seed)
	want := s.answers()
	healed, told := 0, 0
	until := time.Now().Add(soak() / 4)
	all := files(t, s.dir, ".aergo/work")
	for round := 0; round < 2 || time.Now().Before(until); round++ {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, file := range all[:4] {
			where := ""
			c := copied(t, s, file, func(data []byte) []byte {
				at := rng.IntN(len(data))
				switch rng.IntN(6) {
				case 0:
					where = fmt.Sprintf("%s cut to %d of %d bytes", file, at, len(data))
					return data[:at]
				case 1:
					where = file + " overwritten"
					return bytes.Repeat([]byte("x"), len(data))
				}
				where = fmt.Sprintf("byte %d of %d of %s", at, len(data), file)
				data[at] ^= byte(1 + rng.IntN(255))
				return data
			})
			if err := c.readAll(where, want); err != nil {
				told++
				t.Logf("%s: %v", where, err)
			} else {
				healed++
			}
			// Writing on it gives a block that is right, or an error.
			r, err := repo.Open(c.dir, c.o)
			if err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			c.Repository = r
			if _, err := c.Call(ctx, c.key, repo.Call{Branch: "eu", Contract: "shop", Action: "sell", Args: args{"sku": "tea-9", "n": int64(1)}}); err != nil {
				t.Logf("%s: %v", where, err)
			}
			if _, err := c.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
				t.Errorf("%s: a wrong block was made: %v", where, err)
			}
			c.reopen(func(dir string) {
				if err := os.RemoveAll(filepath.Join(dir, ".aergo", "work")); err != nil {
					t.Fatal(err)
				}
			})
			c.call("eu", "shop", "sell", args{"sku": "tea-9", "n": int64(1)})
			c.verify()
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(c.dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("healed %d, told %d", healed, told)
}
